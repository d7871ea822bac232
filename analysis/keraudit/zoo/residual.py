"""Residual units, basic and bottleneck (He et al. 2015, figure 5), and each of them alone."""

from __future__ import annotations

from typing import Any

from keraudit.errors import ModelError
from keraudit.model.graph import Shape
from keraudit.zoo.parts import LAST, Style, activated, conv_bn

EXPANSION = 4  # a bottleneck's last 1x1 convolution has four times the filters (Table 1)


def residual_block(
    *,
    filters: int = 64,
    stride: int = 1,
    option: str = "B",
    input_shape: Shape = (56, 56, 64),
    style: Style | None = None,
) -> Any:
    """Build a basic block alone (figure 5 left): two 3x3 convolutions and their shortcut.

    Args:
        filters: filters of both convolutions.
        stride: of the first convolution and of the shortcut.
        option: shortcut where the sizes change, ``"A"`` or ``"B"`` (see ``shortcut``).
        input_shape: height, width, channels.
        style: normalisation, initialiser and activation.
    """
    import keras

    x = keras.Input(input_shape)
    y = basic_unit(x, "block", filters, stride=stride, option=option, style=style or Style())
    return keras.Model(x, y, name="residual_block")


def bottleneck_block(
    *,
    filters: int = 64,
    stride: int = 1,
    option: str = "B",
    input_shape: Shape = (56, 56, 256),
    style: Style | None = None,
) -> Any:
    """Build a bottleneck block alone (figure 5 right): 1x1, 3x3, and 1x1 to ``4 * filters``.

    Args:
        filters: filters of the first two convolutions.
        stride: of the first convolution, as in the paper, and of the shortcut.
        option: shortcut where the sizes change, ``"A"`` or ``"B"`` (see ``shortcut``).
        input_shape: height, width, channels.
        style: normalisation, initialiser and activation.
    """
    import keras

    x = keras.Input(input_shape)
    y = _bottleneck_unit(x, "block", filters, stride=stride, option=option, style=style or Style())
    return keras.Model(x, y, name="bottleneck_block")


def basic_unit(
    x: Any, prefix: str, filters: int, *, stride: int = 1, option: str, style: Style
) -> Any:
    """Apply a basic unit to ``x``; an empty ``option`` leaves shortcut and addition out."""
    y = conv_bn(x, prefix, "1", filters, 3, stride=stride, style=style)
    y = activated(y, f"{prefix}_relu1", style)
    y = conv_bn(y, prefix, "2", filters, 3, style=style)
    return finished(x, y, prefix, stride, option, style)


def _bottleneck_unit(
    x: Any, prefix: str, filters: int, *, stride: int = 1, option: str, style: Style
) -> Any:
    """Apply a bottleneck unit to ``x``."""
    y = conv_bn(x, prefix, "1", filters, 1, stride=stride, style=style)
    y = activated(y, f"{prefix}_relu1", style)
    y = conv_bn(y, prefix, "2", filters, 3, style=style)
    y = activated(y, f"{prefix}_relu2", style)
    y = conv_bn(y, prefix, "3", EXPANSION * filters, 1, style=style)
    return finished(x, y, prefix, stride, option, style)


def finished(x: Any, y: Any, prefix: str, stride: int, option: str, style: Style) -> Any:
    """Add the shortcut, then activate (the paper's order, post-activation)."""
    from keras import layers

    if option:
        around = shortcut(x, prefix, int(y.shape[-1]), stride=stride, option=option, style=style)
        y = layers.Add(name=f"{prefix}_add")([around, y])
    return activated(y, f"{prefix}_out", style)


def shortcut(x: Any, prefix: str, filters: int, *, stride: int, option: str, style: Style) -> Any:
    """The identity; where sizes change, by option (section 3.3).

    A: every ``stride``-th position, zeros for the new channels; no parameters, no MACs.
    B: a 1x1 convolution with that stride, normalised.
    """
    import keras
    from keras import layers

    channels = int(x.shape[-1])
    if option not in ("A", "B"):
        raise ModelError(f"the shortcut's option is 'A' or 'B'; received {option!r}: choose one")
    if (channels, 1) == (filters, stride):
        return x
    if option == "B":
        return conv_bn(x, f"{prefix}_shortcut", "", filters, 1, stride=stride, style=style)
    if channels > filters:
        raise ModelError(
            f"option A fills new channels with zeros, so the block must not narrow;"
            f" received {channels} channels and {filters} filters: choose option B"
        )
    if stride > 1:  # a pooling window of one position only picks
        x = layers.MaxPooling2D(
            1, strides=stride, data_format=LAST, name=f"{prefix}_shortcut_pool"
        )(x)
    if channels < filters:
        x = keras.ops.pad(x, [[0, 0], [0, 0], [0, 0], [0, filters - channels]])
    return x
