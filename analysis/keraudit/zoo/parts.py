"""What the zoo's builders share: convolutions and pooling as the papers use them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

# Stated in every layer, so that a user's own Keras settings change nothing.
LAST = "channels_last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What a network does alike in all its layers.

    Without ``norm`` the convolutions have a bias instead of the normalisation's shift.
    """

    norm: bool = True
    initializer: str = "he_normal"
    activation: str = "relu"


@contextmanager
def deep(layers: int) -> Iterator[None]:
    """Let Keras walk a chain of that many layers: it walks by recursion, one call for each."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, layers + 1000))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def convolution(
    x: Any, name: str, filters: int, size: int, *, stride: int = 1, style: Style, **options: Any
) -> Any:
    """A ``size`` x ``size`` convolution with 'same' padding."""
    from keras import layers

    return layers.Conv2D(
        filters,
        size,
        strides=stride,
        padding="same",
        data_format=LAST,
        kernel_initializer=style.initializer,
        name=name,
        **options,
    )(x)


def conv_bn(
    x: Any, prefix: str, number: str, filters: int, size: int, *, stride: int = 1, style: Style
) -> Any:
    """A convolution and, right after it, its batch normalisation: ``..._conv1``, ``..._bn1``."""
    from keras import layers

    name = f"{prefix}_conv{number}"
    x = convolution(x, name, filters, size, stride=stride, style=style, use_bias=not style.norm)
    return layers.BatchNormalization(name=f"{prefix}_bn{number}")(x) if style.norm else x


def activated(x: Any, name: str, style: Style) -> Any:
    from keras import layers

    return layers.Activation(style.activation, name=name)(x)


def max_pooled(x: Any, name: str, size: int, stride: int) -> Any:
    """Maxima over ``size`` x ``size`` windows, with 'same' padding."""
    from keras import layers

    return layers.MaxPooling2D(size, strides=stride, padding="same", data_format=LAST, name=name)(x)


def averaged(x: Any) -> Any:
    """The mean over all positions."""
    from keras import layers

    return layers.GlobalAveragePooling2D(data_format=LAST, name="avg_pool")(x)


def classified(x: Any, classes: int, style: Style, *, name: str = "predictions") -> Any:
    """Class probabilities."""
    from keras import layers

    return layers.Dense(
        classes, activation="softmax", kernel_initializer=style.initializer, name=name
    )(x)
