"""Which weights are kernels: what multiplies the input, not what is added to it or scales it."""

from __future__ import annotations

import re

KERNELS = frozenset(("embedding", "embeddings", "kernel", "kernels"))
WEIGHTS = frozenset(("matrix", "w", "weight", "weights"))  # with one axis, often a scale's
OTHERS = frozenset(
    ("alpha", "b", "beta", "bias", "biases", "gain", "gamma", "offset", "scale", "scales", "shift")
)
LAST = frozenset(("bias", "scale"))  # a kernel_scale is a scale, a lora_kernel_b a kernel


def is_kernel(name: str, axes: int, *, random: bool | None = None) -> bool:
    """Tell a kernel from a bias, a scale or a slope, whatever the number of its axes.

    Keras' own layers name their weights after their role: a bias of several axes (of attention, of a
    layer that is not shared over positions) and the two rows of a GRU's are biases, a gamma over
    several axes is a scale. The gradient of such a weight may be 0 in theory: the softmax of attention
    does not change when its key bias does. A weight with a name of its own is a kernel if it starts at
    random, for biases and scales start at a constant.

    Args:
        name: the weight's, with or without the path to it.
        axes: how many it has.
        random: whether its initialiser is random; ``None`` if that is not known, then two axes decide.

    >>> [is_kernel(name, 2) for name in ("query/kernel", "key/bias", "alpha", "lora_kernel_b")]
    [True, False, False, True]
    >>> is_kernel("tokens", 2, random=False), is_kernel("tokens", 2, random=True)
    (False, True)
    """
    words = re.findall(r"[a-z]+", name.rpartition("/")[2].lower())
    if not axes or LAST.intersection(words[-1:]):
        return False
    if KERNELS.intersection(words):
        return True
    if OTHERS.intersection(words):
        return False
    if random is None or (axes > 1 and WEIGHTS.intersection(words)):
        return axes > 1
    return random
