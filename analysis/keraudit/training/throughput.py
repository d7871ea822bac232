"""Utilization: the MACs of a run compared with the peak of the device."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from statistics import median
from typing import Any

from keraudit.api import audit

SIDE = {"cpu": 1024, "other": 8192}  # of the square matrices
TRIES, LEAST_SECONDS = 5, 0.05  # the best of so many, each at least so long


def work(
    network: Any,
    history: Sequence[Mapping[str, Any]],
    precision: str,
    *,
    before: float = 0.0,
    devices: int = 1,
) -> dict[str, Any]:
    """Compare a training step with the fastest matrix product of the device.

    The MACs of a step, forward and backward, are counted by the audit; the peak is measured on this
    device, at this precision, after the training; ``before`` it, by ``measured_peak``, too: the higher one
    counts, since other work slows a product down, and nothing speeds it up.

    Returns:
        ``training_macs_per_image``, ``images_per_s`` (the median over epochs), ``peak_macs_per_s`` of
        all devices, and ``share_of_peak``.
    """
    macs = training_macs(network)
    speed = median(float(row["images_per_s"]) for row in history)
    peak = devices * max(before, measured_peak(precision))
    return {
        "training_macs_per_image": macs,
        "images_per_s": speed,
        "peak_macs_per_s": peak,
        "share_of_peak": macs * speed / peak,
    }


def training_macs(network: Any) -> int:
    """MACs of a network for one image, forward and backward, by the audit."""
    return int(audit(network, batch=1).total.training_macs)


def measured_peak(precision: str = "float32") -> float:
    """Multiply-accumulates a second of one large matrix product on the first device.

    Args:
        precision: a dtype policy; of a mixed one the type it computes in.
    """
    import keras
    from keras import ops

    compute = keras.dtype_policies.get(precision).compute_dtype
    side = SIDE["cpu" if on_cpu() else "other"]
    with keras.device("cpu:0") if on_cpu() else nullcontext():  # Keras has no name for a TPU
        a = ops.cast(keras.random.normal((side, side), seed=0), compute)
        multiply = _compile_function(lambda x: ops.matmul(x, a))
        _finish(multiply(a))
        begin = time.perf_counter()
        _finish(multiply(a))
        once = time.perf_counter() - begin
        times = max(1, int(LEAST_SECONDS / max(once, 1e-6)))
        best = min(_timed(multiply, a, times) for _ in range(TRIES))
    return float(side**3 * times / best)


def _timed(multiply: Callable[[Any], Any], a: Any, times: int) -> float:
    begin = time.perf_counter()
    result = a
    for _ in range(times):
        result = multiply(a)
    _finish(result)
    return max(time.perf_counter() - begin, 1e-6)  # of a clock that stood still


def _finish(tensor: Any) -> None:
    """Wait for the device: one number is fetched."""
    from keras import ops

    ops.convert_to_numpy(ops.cast(tensor[0, 0], "float32"))


def _compile_function(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Compile a function by the backend's own compiler."""
    import keras

    compiled: Callable[[Any], Any] = function
    if keras.backend.backend() == "jax":
        import jax

        compiled = jax.jit(function)
    elif keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        compiled = tf.function(function)
    return compiled


def on_cpu() -> bool:
    """Whether the backend's first device is a processor."""
    import keras

    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return bool(jax.devices()[0].platform == "cpu")
    if backend == "tensorflow":
        import tensorflow as tf

        return not tf.config.list_physical_devices("GPU")
    import torch

    return not torch.cuda.is_available()
