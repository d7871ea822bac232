"""The Inception module of GoogLeNet, naive and with reductions (Szegedy et al. 2014, figure 2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from keraudit.model.graph import Shape
from keraudit.zoo.parts import Style, convolution, max_pooled
from keraudit.zoo.widths import Widths

RECTIFIED = Style(initializer="glorot_uniform")


def inception_naive(
    *, f1: int, f3: int, f5: int, pool: int = 1, input_shape: Shape, style: Style = RECTIFIED
) -> Any:
    """Build a naive module alone: 1x1, 3x3, 5x5 and pooling side by side (figure 2(a)).

    Args:
        f1: filters of the 1x1 convolution; 0 leaves the branch out, here as below.
        f3: filters of the 3x3 convolution.
        f5: filters of the 5x5 convolution.
        pool: whether the 3x3 maximum of the input is concatenated, with all its channels.
        input_shape: height, width, channels.
        style: initialiser and activation.
    """
    import keras

    x = keras.Input(input_shape)
    branches = [
        activated_convolution(x, f"inception_{size}x{size}", filters, size, style)
        for size, filters in ((1, f1), (3, f3), (5, f5))
        if filters
    ]
    if pool:
        branches.append(max_pooled(x, "inception_pool", 3, 1))
    return keras.Model(x, concatenated(branches, "inception_output"), name="inception_naive")


def inception_reduced(
    *,
    f1: int,
    r3: int,
    f3: int,
    r5: int,
    f5: int,
    pool: int,
    input_shape: Shape,
    style: Style = RECTIFIED,
) -> Any:
    """Build a module with dimension reductions alone (figure 2(b)).

    Args:
        f1: filters of the 1x1 convolution; 0 leaves the branch out, here as below.
        r3: filters of the 1x1 convolution that reduces before the 3x3; 0 leaves only it out.
        f3: filters of the 3x3 convolution.
        r5: filters of the 1x1 convolution that reduces before the 5x5; 0 leaves only it out.
        f5: filters of the 5x5 convolution.
        pool: filters of the 1x1 projection behind the 3x3 maximum.
        input_shape: height, width, channels.
        style: initialiser and activation.
    """
    import keras

    x = keras.Input(input_shape)
    y = inception_module(x, "inception", Widths(f1, r3, f3, r5, f5, pool), style)
    return keras.Model(x, y, name="inception_reduced")


def activated_convolution(
    x: Any, name: str, filters: int, size: int, style: Style, *, stride: int = 1
) -> Any:
    """A convolution with bias and activation; GoogLeNet has no normalisation after it."""
    return convolution(
        x, name, filters, size, stride=stride, style=style, activation=style.activation
    )


def inception_module(
    x: Any,
    prefix: str,
    widths: Widths,
    style: Style,
    *,
    convolved: Callable[..., Any] = activated_convolution,
) -> Any:
    """Apply a module with reductions to ``x``; its layers are ``prefix_5x5_reduce`` and so on.

    ``convolved`` makes each convolution with what follows it, from the arguments of ``activated_convolution``.
    """
    branches = []
    if widths.f1:
        branches.append(convolved(x, f"{prefix}_1x1", widths.f1, 1, style))
    for size, reduction, filters in ((3, widths.r3, widths.f3), (5, widths.r5, widths.f5)):
        if filters:
            name, y = f"{prefix}_{size}x{size}", x
            if reduction:
                y = convolved(y, f"{name}_reduce", reduction, 1, style)
            branches.append(convolved(y, name, filters, size, style))
    if widths.pool:
        y = max_pooled(x, f"{prefix}_pool", 3, 1)
        branches.append(convolved(y, f"{prefix}_pool_proj", widths.pool, 1, style))
    return concatenated(branches, f"{prefix}_output")


def concatenated(branches: Sequence[Any], name: str) -> Any:
    """The branches' channels, one after another; a single branch as it is."""
    from keras import layers

    return layers.Concatenate(name=name)(list(branches)) if len(branches) > 1 else branches[0]
