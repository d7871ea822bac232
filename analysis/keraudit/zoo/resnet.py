"""ResNet-18 and ResNet-34 for ImageNet and their plain twins (He et al. 2015, Table 1, figure 3).

The deeper ones, with bottlenecks, are in Keras Applications.
"""

from __future__ import annotations

from typing import Any

from keraudit.errors import ModelError
from keraudit.model.graph import Shape
from keraudit.zoo.parts import Style, activated, averaged, classified, conv_bn, max_pooled
from keraudit.zoo.residual import basic_unit

UNITS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}  # of conv2_x to conv5_x in Table 1
FILTERS = (64, 128, 256, 512)


def resnet(
    depth: int,
    *,
    option: str = "B",
    input_shape: Shape = (224, 224, 3),
    classes: int = 1000,
    style: Style | None = None,
) -> Any:
    """Build ResNet-18 or ResNet-34.

    Args:
        depth: 18 or 34.
        option: shortcut where the sizes change: ``"A"``, zeros for new channels (as in Table 2), or
            ``"B"``, a 1x1 projection (as in Table 3 and in most libraries).
        input_shape: height, width, channels.
        classes: outputs of the classifier.
        style: normalisation, initialiser and activation.
    """
    return network("resnet", depth, option, input_shape, classes, style or Style())


def plain(
    depth: int,
    *,
    input_shape: Shape = (224, 224, 3),
    classes: int = 1000,
    style: Style | None = None,
) -> Any:
    """Build plain-18 or plain-34: the same layers without shortcuts (Table 2)."""
    return network("plain", depth, "", input_shape, classes, style or Style())


def network(
    family: str, depth: int, option: str, input_shape: Shape, classes: int, style: Style
) -> Any:
    import keras

    if depth not in UNITS:
        raise ModelError(
            f"the depth is 18 or 34; received {depth}: deeper ones are in Keras Applications"
        )
    start = keras.Input(input_shape)
    x = conv_bn(start, "stem", "", 64, 7, stride=2, style=style)
    x = max_pooled(activated(x, "stem_relu", style), "stem_pool", 3, 2)
    for stage, (count, filters) in enumerate(zip(UNITS[depth], FILTERS, strict=True), 1):
        for block in range(1, count + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            prefix = f"stage{stage}_block{block}"
            x = basic_unit(x, prefix, filters, stride=stride, option=option, style=style)
    return keras.Model(start, classified(averaged(x), classes, style), name=f"{family}_{depth}")
