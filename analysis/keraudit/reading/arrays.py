"""Arrays that a traced call holds: written as text for another process, and read from it."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from math import prod
from typing import Any

from keraudit.errors import ModelError

MOST_BYTES = 2**26  # of one array; a causal mask over 4,096 tokens has 2**24
AS_FLOAT = "bfloat16"  # NumPy alone has none
DTYPES = frozenset(
    "bool uint8 int8 uint16 int16 uint32 int32 uint64 int64 float16 bfloat16 float32 float64".split()
)


def packed(value: Any) -> str:
    """An array's bytes, compressed, as text: what ``json.dumps`` asks for what it does not know.

    Raises:
        TypeError: it is not an array.
    """
    if type(value).__module__ != "numpy" or not hasattr(value, "tobytes"):
        raise TypeError(f"a {type(value).__name__} is not plain data")
    return base64.b64encode(zlib.compress(value.tobytes(), 1)).decode()


def array_of(config: Mapping[str, Any]) -> Any:
    """The NumPy array in the record of a constant: as it is, or ``packed``.

    Raises:
        ModelError: its size, dtype and bytes do not agree.
    """
    import numpy as np

    value = config.get("value")
    if value is None or not isinstance(value, str):
        return value
    shape, dtype = tuple(config["shape"]), str(config["dtype"])
    if dtype not in DTYPES or any(type(size) is not int or size < 0 for size in shape):
        raise ModelError(f"a constant of shape {shape} and dtype {dtype[:20]!r} is not read")
    stored = np.dtype("float32" if dtype == AS_FLOAT else dtype)
    wanted = prod(shape) * stored.itemsize
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(base64.b64decode(value, validate=True), wanted + 1)
    except (ValueError, zlib.error) as error:
        raise ModelError(f"a constant of shape {shape} cannot be read: {error}") from None
    if wanted > MOST_BYTES or len(data) != wanted:
        raise ModelError(f"a constant of shape {shape} does not have the bytes of that shape")
    return np.frombuffer(data, stored).reshape(shape)


def values_of(value: Any) -> Any:
    """A constant of a trace as a NumPy array; ``None`` where it is too large, or has no values."""
    import keras
    import numpy as np

    size, dtype = prod(value.shape), keras.backend.standardize_dtype(value.dtype)
    if dtype not in DTYPES or size * 4 > MOST_BYTES:
        return None
    try:
        found = np.asarray(keras.ops.convert_to_numpy(value))
    except Exception:  # noqa: BLE001  # a backend raises anything where weights were never allocated
        return None
    return found.astype("float32") if dtype == AS_FLOAT else found
