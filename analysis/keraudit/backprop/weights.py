"""Initial weights that depend on the seed and the layer's name alone.

The same layer gets the same kernel in every rewrite of a model and on every backend: what differs
between two profiles is then the network, not the draw.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any
from zlib import crc32

import numpy as np

from keraudit.backprop.network import Network
from keraudit.building import initializer

Draw = Callable[[np.random.Generator, tuple[int, ...]], Any]
# The standard deviation of a normal distribution cut at two of its own.
CUT_DEVIATION = 0.87962566103423978
# Keras' initialisers as variance scaling: scale, fan, distribution.
SCALINGS = {
    "GlorotUniform": (1.0, "fan_avg", "uniform"),
    "GlorotNormal": (1.0, "fan_avg", "truncated_normal"),
    "HeUniform": (2.0, "fan_in", "uniform"),
    "HeNormal": (2.0, "fan_in", "truncated_normal"),
    "LecunUniform": (1.0, "fan_in", "uniform"),
    "LecunNormal": (1.0, "fan_in", "truncated_normal"),
}


def draw(network: Network, seed: int) -> None:
    """Give every kernel of a network the weights of a seed; biases and scales keep theirs."""
    for piece in network.pieces:
        for _, call, layer in piece.calls:
            config = network.graph.architecture.layers[call.layer].config
            for variable in getattr(layer, "trainable_variables", ()):
                if len(variable.shape) > 1 and (record := initializer_of(variable.name, config)):
                    place = f"{call.layer}/{variable.path.partition('/')[2]}"
                    rng = np.random.default_rng([seed, crc32(place.encode())])
                    variable.assign(
                        drawn(record, rng, tuple(variable.shape), network.custom_objects)
                    )


def initializer_of(name: str, config: Mapping[str, Any]) -> Any:
    """The initialiser that a layer's config (or its wrapped layer's) states for a weight."""
    for key in (name, name.removesuffix("_kernel")):
        if record := config.get(f"{key}_initializer"):
            return record
    inner = config.get("layer")
    if isinstance(inner, Mapping) and isinstance(inner.get("config"), Mapping):
        return initializer_of(name, inner["config"])
    return None


def drawn(
    record: Any,
    rng: np.random.Generator,
    shape: tuple[int, ...],
    custom_objects: Mapping[str, Any],
) -> Any:
    """A kernel from an initialiser's record, as Keras serialises it."""
    kind = record["class_name"] if isinstance(record, Mapping) else str(record)
    config = record.get("config", {}) if isinstance(record, Mapping) else {}
    if kind in SCALINGS:
        return scaled(rng, shape, *SCALINGS[kind])
    if kind == "VarianceScaling":
        parts = (config.get(key) for key in ("scale", "mode", "distribution"))
        scale, fan, distribution = parts
        return scaled(rng, shape, scale or 1.0, fan or "fan_in", distribution or "truncated_normal")
    if kind in ("RandomNormal", "TruncatedNormal"):
        mean, deviation = config.get("mean", 0.0), config.get("stddev", 0.05)
        normal = rng.standard_normal(shape) if kind == "RandomNormal" else cut_normal(rng, shape)
        return (mean + deviation * normal).astype("float32")
    made = initializer(kind, record, custom_objects)
    if "seed" in getattr(made, "get_config", dict)():
        seed = int(rng.integers(2**31))
        made = type(made).from_config({**made.get_config(), "seed": seed})
    return made(shape, dtype="float32")


def scaled(
    rng: np.random.Generator, shape: tuple[int, ...], scale: float, fan: str, distribution: str
) -> Any:
    """Variance ``scale / fan`` (Glorot and Bengio 2010; He et al. 2015), as Keras counts fans."""
    positions = math.prod(shape[:-2])
    fans = {"fan_in": positions * shape[-2], "fan_out": positions * shape[-1]}
    count = fans.get(fan, (fans["fan_in"] + fans["fan_out"]) / 2)
    deviation = math.sqrt(scale / max(1.0, count))
    if distribution == "uniform":
        limit = math.sqrt(3) * deviation
        return rng.uniform(-limit, limit, shape).astype("float32")
    if distribution == "untruncated_normal":
        return (deviation * rng.standard_normal(shape)).astype("float32")
    return (deviation / CUT_DEVIATION * cut_normal(rng, shape)).astype("float32")


def cut_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Normal numbers, those beyond two deviations drawn again."""
    values = rng.standard_normal(shape)
    while (far := np.abs(values) > 2).any():
        values[far] = rng.standard_normal(int(far.sum()))
    return values
