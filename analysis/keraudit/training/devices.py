"""The devices of a run: their memory, and data parallelism over several."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from keraudit.errors import MEMORY_SIGNS, KerauditError


@contextmanager
def data_parallel(count: int, batch: int) -> Iterator[None]:
    """Build and run models on ``count`` devices by ``keras.distribution``; each has all weights.

    Raises:
        KerauditError: Keras' backend cannot, there are fewer, or the batch cannot be shared out.
    """
    import keras

    if count == 1:
        yield
        return
    if count < 1:
        raise KerauditError(f"devices must be 1 or more, received {count}")
    if keras.backend.backend() != "jax":
        raise KerauditError(
            f"more than one device needs the backend jax, received {keras.backend.backend()}: add"
            " --backend jax"
        )
    devices = keras.distribution.list_devices()
    if len(devices) < count:
        raise KerauditError(
            f"{count} devices were asked for; JAX finds {len(devices)}: lower --devices"
        )
    if batch % count:
        raise KerauditError(f"a batch of {batch} cannot be shared out over {count} devices evenly")
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices[:count]))
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)


def memory_bytes() -> int | None:
    """The memory of the first device where it is known: a GPU under JAX reports it, a processor does not."""
    import keras

    if keras.backend.backend() != "jax":
        return None
    import jax

    return (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit")


@contextmanager
def reporting_out_of_memory(batch: int, advice: str) -> Iterator[None]:
    """Turn an out-of-memory error into one line with ``advice``.

    Raises:
        KerauditError: the memory ended.
    """
    try:
        yield
    except Exception as error:
        if not _is_out_of_memory(error):
            raise
        raise KerauditError(
            f"out of memory with batches of {batch} of this network and data: {advice}"
        ) from None


def _is_out_of_memory(error: Exception) -> bool:
    """Whether the host or, whatever the backend, the device has no memory left."""
    text = f"{type(error).__name__}: {error}"
    return isinstance(error, MemoryError) or any(sign in text for sign in MEMORY_SIGNS)
