"""A small Inception network for CIFAR-10, as expensive as ResNet-CIFAR-20; this project's own, of no paper.

A 3x3 convolution, then modules on maps of 32x32, 16x16 and 8x8, whose branches share their output in the
proportions of GoogLeNet's first module (Szegedy et al. 2014, Table 1, 3a); each convolution is followed by
batch normalisation (Ioffe and Szegedy 2015).
"""

from __future__ import annotations

from typing import Any

from keraudit.model.graph import Shape
from keraudit.zoo.inception import inception_module
from keraudit.zoo.names import CIFAR
from keraudit.zoo.parts import Style, activated, averaged, classified, convolution, max_pooled
from keraudit.zoo.widths import GOOGLENET, Widths

STEM = 32
MODULES = {"1a": 64, "2a": 128, "2b": 128, "3a": 256}  # output channels; the digit is the stage


def inception_cifar(
    *, input_shape: Shape = CIFAR, classes: int = 10, style: Style | None = None
) -> Any:
    """Build Inception-CIFAR: 41 M multiplications and 0.25 M parameters at 32x32.

    Args:
        input_shape: height, width, channels.
        classes: outputs of the classifier.
        style: initialiser and activation.
    """
    import keras

    style = style or Style()
    start = keras.Input(input_shape)
    x = _normalized(start, "stem", STEM, 3, style)
    for name, channels in MODULES.items():
        if name[0] > "1" and name[1] == "a":
            x = max_pooled(x, f"pool{name[0]}", 3, 2)
        x = inception_module(
            x, f"inception_{name}", _widths(channels), style, convolved=_normalized
        )
    return keras.Model(start, classified(averaged(x), classes, style), name="inception_cifar")


def _widths(output: int) -> Widths:
    """GoogLeNet's module 3a, scaled to ``output`` channels.

    >>> _widths(128)
    Widths(f1=32, r3=48, f3=64, r5=8, f5=16, pool=16)
    """
    first = GOOGLENET["3a"]
    return Widths(*(width * output // first.output for width in first))


def _normalized(x: Any, name: str, filters: int, size: int, style: Style) -> Any:
    """Convolution, batch normalisation, activation: ``name``, ``name_bn``, ``name_relu``."""
    from keras import layers

    x = convolution(x, name, filters, size, style=style, use_bias=False)
    return activated(layers.BatchNormalization(name=f"{name}_bn")(x), f"{name}_relu", style)
