"""Initial weights that depend on the seed and the layer's name alone.

The same layer gets the same kernel in every rewrite of a model and on every backend: what differs
between two profiles is then the network, not the draw.
"""

from __future__ import annotations

import inspect
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any
from zlib import crc32

import keras
import numpy as np
from keras import initializers

from keraudit.audits.gradients.initializers import is_random
from keraudit.audits.gradients.network import Network
from keraudit.building.keras_model import first_line
from keraudit.errors import ModelError

Draw = Callable[[np.random.Generator, tuple[int, ...], Any], Any]
# The standard deviation of a normal distribution cut at two of its own.
CUT_DEVIATION = 0.87962566103423978
AUTOMATIC = re.compile(r"(\w+_)?variable(_\d+)?")  # Keras' name for a weight that has none


def draw(network: Network, seed: int) -> None:
    """Give every weight that starts at random the values of a seed; those that start constant stay.

    That is every weight of every layer, at any depth of wrappers, cells and sublayers, trained or not,
    of any number of axes. Its own initialiser is drawn from, with NumPy. A user's own initialiser is
    called with a seed set: it is the same on every backend if it draws from NumPy.

    Raises:
        ModelError: an initialiser fails; the error names the layer and the weight.
    """
    done: set[int] = set()
    for path, layer in network.layers.items():
        for place, variable in weights_of(layer):
            initializer = network.initializers.get(id(variable))
            if initializer is None or is_random(initializer) is False or id(variable) in done:
                continue
            done.add(id(variable))
            rng = np.random.default_rng([seed, crc32(f"{path}/{place}".encode())])
            try:
                values = drawn(initializer, rng, tuple(variable.shape), str(variable.dtype))
                variable.assign(values)
            except Exception as error:
                reason = f"weight {place!r} cannot be drawn: {first_line(error)}"
                raise ModelError(f"layer {path!r}: {reason}") from error


def weights_of(layer: Any) -> list[tuple[str, Any]]:
    """The weights of a layer with a name for each that no other build of the layer changes.

    The name is the weight's own, or its position where that is not its alone or was counted by Keras.
    """
    weights = list(getattr(layer, "weights", ()))
    count = Counter(str(weight.name) for weight in weights)
    return [
        (
            str(index)
            if count[weight.name] > 1 or AUTOMATIC.fullmatch(weight.name)
            else str(weight.name),
            weight,
        )
        for index, weight in enumerate(weights)
    ]


def drawn(initializer: Any, rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Any:
    """The values that an initialiser gives to a weight."""
    method = getattr(type(initializer), "__call__", None)  # noqa: B004  # of the class, to look up
    if method in DRAWS:
        return DRAWS[method](rng, shape, initializer).astype("float32")
    return called(initializer, rng, shape, dtype)


def called(initializer: Any, rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Any:
    """What a user's own initialiser, or a function of a layer, makes with the seeds of this draw."""
    seed = int(rng.integers(2**31))
    keras.utils.set_random_seed(seed)
    if isinstance(initializer, initializers.Initializer) and "seed" in vars(initializer):
        initializer = copy(initializer)  # its config may not be enough to make another
        initializer.seed = seed
    with drawing(initializer, rng):
        return initializer(shape, dtype=dtype)


@contextmanager
def drawing(function: Any, rng: np.random.Generator) -> Iterator[None]:
    """Let the initialisers that a function takes from its layer draw from ``rng``.

    The bias of an LSTM is made so: ones for the forget gate, between two calls of the layer's own
    ``bias_initializer``, which would make the same numbers each time.
    """
    owners = inspect.getclosurevars(function).nonlocals if inspect.isfunction(function) else {}
    initializers = [
        (owner, key, value)
        for owner in owners.values()
        if isinstance(owner, keras.Layer)
        for key, value in vars(owner).items()
        if is_random(value)
    ]

    def ours(initializer: Any) -> Callable[..., Any]:
        return lambda shape, dtype="float32": drawn(initializer, rng, tuple(shape), dtype)

    for owner, key, value in initializers:
        setattr(owner, key, ours(value))
    try:
        yield
    finally:
        for owner, key, value in initializers:
            setattr(owner, key, value)


def normal(rng: np.random.Generator, shape: tuple[int, ...], initializer: Any) -> Any:
    return initializer.mean + initializer.stddev * rng.standard_normal(shape)


def _truncated(rng: np.random.Generator, shape: tuple[int, ...], initializer: Any) -> Any:
    return initializer.mean + initializer.stddev * _cut_normal(rng, shape)


def uniform(rng: np.random.Generator, shape: tuple[int, ...], initializer: Any) -> Any:
    return rng.uniform(initializer.minval, initializer.maxval, shape)


def scaled(rng: np.random.Generator, shape: tuple[int, ...], initializer: Any) -> Any:
    """Variance ``scale / fan`` (Glorot and Bengio 2010; He et al. 2015), as Keras counts fans."""
    one, two = _fans(
        shape, getattr(initializer, "input_axes", None), getattr(initializer, "output_axes", None)
    )
    count = {"fan_in": one, "fan_out": two}.get(initializer.mode, (one + two) / 2)
    deviation = math.sqrt(initializer.scale / max(1.0, count))
    if initializer.distribution == "uniform":
        limit = math.sqrt(3) * deviation
        return rng.uniform(-limit, limit, shape)
    if initializer.distribution == "untruncated_normal":
        return deviation * rng.standard_normal(shape)
    return deviation / CUT_DEVIATION * _cut_normal(rng, shape)


def _fans(
    shape: Sequence[int],
    inputs: Sequence[int] | None = None,
    outputs: Sequence[int] | None = None,
) -> tuple[int, int]:
    """How many inputs an output has, and how many outputs an input, as Keras counts them.

    A depthwise kernel is counted as if it mixed its channels. Recent releases tell the initialiser of
    an EinsumDense layer, and so of attention, which axes of its kernel are which.

    >>> _fans((3, 3, 8, 16)), _fans((3, 3, 8, 1)), _fans((7,)), _fans((24, 4, 8), [0], [1, 2])
    ((72, 144), (72, 9), (7, 7), (24, 32))
    """
    if inputs is not None and outputs is not None:
        return math.prod(shape[axis] for axis in inputs), math.prod(shape[axis] for axis in outputs)
    if len(shape) < 2:
        return math.prod(shape), math.prod(shape)
    positions = math.prod(shape[:-2])
    return positions * shape[-2], positions * shape[-1]


def orthogonal(rng: np.random.Generator, shape: tuple[int, ...], initializer: Any) -> Any:
    """Orthogonal columns, or rows where there are fewer of them (Saxe et al. 2014)."""
    rows, columns = math.prod(shape[:-1]), shape[-1]
    tall = rng.standard_normal((max(rows, columns), min(rows, columns)))
    matrix, upper = np.linalg.qr(tall)
    matrix = matrix * np.sign(np.diag(upper))
    return initializer.gain * (matrix.T if rows < columns else matrix).reshape(shape)


def _cut_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Normal numbers, those beyond two deviations drawn again."""
    values = rng.standard_normal(shape)
    while (far := np.abs(values) > 2).any():
        values[far] = rng.standard_normal(int(far.sum()))
    return values


DRAWS: Mapping[Any, Draw] = {
    initializers.Orthogonal.__call__: orthogonal,
    initializers.RandomNormal.__call__: normal,
    initializers.RandomUniform.__call__: uniform,
    initializers.TruncatedNormal.__call__: _truncated,
    initializers.VarianceScaling.__call__: scaled,
}
