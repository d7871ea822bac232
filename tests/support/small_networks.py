"""Small residual and Inception networks, built to keep or to break a claim."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from keraudit.audits.structure.report import StructureReport, structure_of
from witness import graph_of


def conv(x: Any, filters: int, size: Any = 3, stride: int = 1, **options: Any) -> Any:
    return layers.Conv2D(filters, size, strides=stride, padding="same", **options)(x)


def unit(
    x: Any,
    filters: int,
    *,
    stride: int = 1,
    kernels: tuple[int, ...] = (3, 3),
    shortcut: Callable[[Any], Any] | None = None,
) -> Any:
    y = x
    for size in kernels:
        y = layers.ReLU()(conv(y, filters, size, stride if y is x else 1))
    if shortcut is not None:
        x = shortcut(x)
    elif stride > 1 or x.shape[-1] != filters:
        x = conv(x, filters, 1, stride)
    return layers.ReLU()(layers.Add()([x, y]))


def classified(x: Any) -> Any:
    return layers.Dense(10)(layers.GlobalAveragePooling2D()(x))


def checked(
    body: Callable[[Any], Any],
    *,
    stem: Callable[[Any], Any] = lambda x: conv(x, 8),
    head: Callable[[Any], Any] = classified,
) -> StructureReport:
    start = keras.Input((32, 32, 3))
    return structure_of(graph_of(keras.Model(start, head(body(stem(start))))))


def module(
    x: Any, *, kernels: tuple[Any, ...] = (1, 3, 5), reduce: int = 4, pool: bool = True
) -> Any:
    """An Inception module, a branch per kernel; a list is a chain of kernels."""
    branches = []
    for size in kernels:
        y = conv(x, reduce, 1) if reduce and size != 1 else x
        for side in size if isinstance(size, list) else [size]:
            y = conv(y, 8, side)
        branches.append(y)
    if pool:
        branches.append(conv(layers.MaxPooling2D(3, strides=1, padding="same")(x), 8, 1))
    return layers.Concatenate()(branches)
