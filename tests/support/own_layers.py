"""Models and layers of a user's own, as people write them."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops


class Unit(layers.Layer):  # type: ignore[misc,name-defined]
    """A residual unit, as people write it by hand."""

    def __init__(self, filters: int, **options: Any) -> None:
        super().__init__(**options)
        self.first = layers.Conv2D(filters, 3, padding="same", use_bias=False)
        self.norm = layers.BatchNormalization()
        self.second = layers.Conv2D(filters, 3, padding="same", use_bias=False)

    def call(self, x: Any, training: bool | None = None) -> Any:
        y = ops.relu(self.norm(self.first(x), training=training))
        return ops.relu(self.second(y) + x)


class Net(keras.Model):  # type: ignore[misc,name-defined]
    """A stem, units in a list, a head."""

    def __init__(self, units: int = 2) -> None:
        super().__init__()
        self.stem = layers.Conv2D(8, 3, padding="same")
        self.units = [Unit(8, name=f"unit_{i}") for i in range(units)]
        self.head = layers.Dense(10)

    def call(self, x: Any) -> Any:
        x = self.stem(x)
        for unit in self.units:
            x = unit(x)
        return self.head(ops.mean(x, axis=(1, 2)))


class Scaled(layers.Layer):  # type: ignore[misc,name-defined]
    def build(self, shape: Any) -> None:
        self.scale = self.add_weight(shape=(shape[-1],), name="scale", trainable=False)

    def call(self, x: Any) -> Any:
        return x * self.scale
