"""ResNets for CIFAR-10 and their plain twins, of any depth 6n + 2 (He et al. 2015, section 4.2).

A 3x3 convolution with 16 filters, then three stages of n units with 16, 32 and 64 filters on maps of
32x32, 16x16 and 8x8, each unit two 3x3 convolutions; a global average and a classifier.
"""

from __future__ import annotations

from typing import Any

from keraudit.model.graph import Shape
from keraudit.zoo.names import CIFAR, units
from keraudit.zoo.parts import Style, activated, averaged, classified, conv_bn, deep
from keraudit.zoo.residual import basic_unit

FILTERS = (16, 32, 64)
LAYERS_PER_DEPTH = 4  # a unit of two convolutions is conv, bn, relu, conv, bn, add, relu


def resnet_cifar(
    depth: int,
    *,
    option: str = "A",
    input_shape: Shape = CIFAR,
    classes: int = 10,
    norm: bool = True,
    initializer: str = "he_normal",
    activation: str = "relu",
) -> Any:
    """Build ResNet-CIFAR.

    Args:
        depth: layers with weights, 6n + 2: 20, 32, 44, 56, 110 and 1202 in the paper.
        option: shortcut where the sizes change: ``"A"``, zeros for new channels, as in the paper, or
            ``"B"``, a 1x1 projection.
        input_shape: height, width, channels.
        classes: outputs of the classifier.
        norm: batch normalisation after each convolution; without it the convolutions have a bias.
        initializer: of all kernels, by Keras' name; the paper's is ``"he_normal"``.
        activation: by Keras' name.
    """
    style = Style(norm=norm, initializer=initializer, activation=activation)
    return network("resnet", depth, option, input_shape, classes, style)


def plain_cifar(
    depth: int,
    *,
    input_shape: Shape = CIFAR,
    classes: int = 10,
    norm: bool = True,
    initializer: str = "he_normal",
    activation: str = "relu",
) -> Any:
    """Build Plain-CIFAR: layer for layer ``resnet_cifar`` with shortcuts and additions cut out."""
    style = Style(norm=norm, initializer=initializer, activation=activation)
    return network("plain", depth, "", input_shape, classes, style)


def network(
    family: str, depth: int, option: str, input_shape: Shape, classes: int, style: Style
) -> Any:
    import keras

    count = units(depth, family=f"{family.capitalize() if family == 'plain' else 'ResNet'}-CIFAR")
    start = keras.Input(input_shape)
    x = activated(conv_bn(start, "stem", "", 16, 3, style=style), "stem_relu", style)
    for stage, filters in enumerate(FILTERS, 1):
        for block in range(1, count + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            prefix = f"stage{stage}_block{block}"
            x = basic_unit(x, prefix, filters, stride=stride, option=option, style=style)
    name = f"{family}_cifar_{depth}"
    with deep(LAYERS_PER_DEPTH * depth):
        return keras.Model(start, classified(averaged(x), classes, style), name=name)
