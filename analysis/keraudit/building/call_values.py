"""Variables and arrays in the arguments of a traced call, as layers of the built model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras

from keraudit.layers.arguments import ARRAY
from keraudit.reading.arrays import array_of


class VariableLayer(keras.Layer):  # type: ignore[misc]  # Keras ships no types
    """A variable that a layer of the user's own used itself; its input only gives it a place."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        dtype = str(config["dtype"])
        super().__init__(name=f"variable_{config['variable']}", dtype=dtype, autocast=False)
        self.variable = self.add_weight(
            shape=tuple(config["shape"]),
            dtype=dtype,
            name=str(config["name"]),
            initializer="glorot_uniform" if "float" in dtype else "zeros",
            trainable=bool(config["trainable"]) and "float" in dtype,
        )
        self.built = True

    def call(self, place: Any, dtype: str | None = None) -> Any:
        return keras.ops.cast(self.variable, dtype or self.variable.dtype)

    def compute_output_spec(self, place: Any, dtype: str | None = None) -> Any:
        return keras.KerasTensor(tuple(self.variable.shape), dtype or self.variable.dtype)


class ArrayLayer(keras.Layer):  # type: ignore[misc]
    """An array that a layer alone reads: symbolic, so that the layer belongs to the model."""

    def __init__(self, array: Any, **options: Any) -> None:
        super().__init__(autocast=False, **options)
        self.array = array
        self.built = True

    def call(self, place: Any) -> Any:
        return keras.ops.convert_to_tensor(self.array)

    def compute_output_spec(self, place: Any) -> Any:
        return keras.KerasTensor(self.array.shape, str(self.array.dtype))


def is_recorded(value: Any) -> bool:
    """Whether an argument is the record of a variable or an array that a trace met."""
    return isinstance(value, Mapping) and value.get("class_name") == ARRAY


def variables_in(value: Any) -> Iterator[Mapping[str, Any]]:
    """The records of the variables in the arguments of a call."""
    if is_recorded(value):
        if "variable" in value["config"]:
            yield value["config"]
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from variables_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from variables_in(item)


def filled(
    value: Any, variable: Callable[[Mapping[str, Any]], Any], array: Callable[[Any], Any]
) -> Any:
    """The same arguments with variables and arrays in place of their records.

    Args:
        value: arguments of a call.
        variable: gives what stands for a variable's record.
        array: gives what stands for an array.
    """

    def again(item: Any) -> Any:
        return filled(item, variable, array)

    if is_recorded(value):
        config = value["config"]
        return variable(config) if "variable" in config else array(array_of(config))
    if isinstance(value, Mapping):
        return {key: again(item) for key, item in value.items()}
    if type(value) in (list, tuple):  # a reference is a tuple of its own
        return type(value)(again(item) for item in value)
    return value
