"""Which layers the layer table counts: those of Keras' own classes, and subclasses that do what those do."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from keraudit.layers.own_counts import count_of
from keraudit.layers.rule_table import LAYERS
from keraudit.layers.wrappers import RUNS_CODE

# Layers that apply their activation last, to what they return.
ENDS_IN_ACTIVATION = frozenset(
    "Activation Conv1D Conv2D Conv3D Conv1DTranspose Conv2DTranspose Conv3DTranspose Dense"
    " DepthwiseConv1D DepthwiseConv2D EinsumDense SeparableConv1D SeparableConv2D".split()
)
UNFINISHED = ("Layer", "Wrapper")  # without a ``call``
OPENED = ("StackedRNNCells", "Pipeline", "SpectralNormalization")  # where they hold the user's own
APART = ("TimeDistributed", "Bidirectional", "RNN")  # what these hold is traced apart
SAME = ("get_config", "from_config")  # which a subclass may change and still do the same
WRAPPED = ("build", "quantize")  # by Keras, in every layer that has them
ACTING = ("__call__", "__new__", "__getattr__", "__getattribute__", "__setattr__")


def keras_class(layer: Any) -> type | None:
    """The class of Keras' own whose rule counts a layer, or an operation; ``None`` for the user's own.

    A subclass of the user's goes by its nearest base class of Keras' own, where it changes nothing of it
    but the constructor and the config, and holds layers of Keras' alone. Some that hold a layer of the
    user's are the user's as well: their ``call`` can be run.
    """
    kind = type(layer)
    if is_of_keras(kind):
        return None if kind.__name__ in OPENED and not holds_kerass(layer) else kind
    base = next((part for part in kind.__mro__ if is_of_keras(part)), None)
    if base is None or not base.__module__.startswith("keras.src.layers."):
        return None
    if base.__name__ not in LAYERS or base.__name__ in (*UNFINISHED, *RUNS_CODE):
        return None
    changed = count_of(kind) is not None or _changes(kind, base) or _shadows(layer, base)
    return None if changed or not _holds_the_same(layer, base) else base


def is_of_keras(kind: type) -> bool:
    """Whether a class is Keras' own."""
    return kind.__module__.partition(".")[0] == "keras"


def is_kerass(layer: Any) -> bool:
    """Whether the layer table counts a layer, or an operation, by its class."""
    return keras_class(layer) is not None


def own_activation(layer: Any) -> Any:
    """The activation that ends a layer of Keras' own, if no rule tells all of it: it is run by itself.

    It is the user's, or a layer with weights (``PReLU``).
    """
    from keras.layers import Layer

    kind = keras_class(layer)
    if kind is None or kind.__name__ not in ENDS_IN_ACTIVATION:
        return None
    found = getattr(layer, "activation", None)
    home = getattr(found, "__module__", None) or ""
    weighs = isinstance(found, Layer) and found.weights
    return found if callable(found) and (weighs or home.partition(".")[0] != "keras") else None


def keras_record(layer: Any, kind: type) -> tuple[dict[str, Any], str]:
    """The config of a layer, or of an operation, as its class of Keras' own writes it; and where that is.

    Raises:
        Exception: what it holds is of the user's own, and does not serialise.
    """
    import keras

    if kind is type(layer):
        record = keras.saving.serialize_keras_object(layer)
        return record["config"], record["module"]
    config = kind.get_config(layer)  # type: ignore[attr-defined]
    return keras.saving.serialize_keras_object(config), "keras.layers"


def _changes(kind: type, base: type) -> bool:
    """Whether a subclass, or a class that it mixes in, replaces something that its base class has."""
    return any(
        name in ACTING if name.startswith("__") else hasattr(base, name) and name not in SAME
        for part in kind.__mro__
        if part not in base.__mro__
        for name in vars(part)
    )


def _shadows(layer: Any, base: type) -> bool:
    """Whether a layer has a function of its own in place of a method, but for those that Keras wraps itself."""
    return any(
        callable(value) and callable(getattr(base, name, None)) and name not in WRAPPED
        for name, value in vars(layer).items()
    )


def _holds_the_same(layer: Any, base: type) -> bool:
    """Whether a layer holds what its base class may; a recurrent one the cell of that class."""
    if LAYERS[base.__name__] in ("recurrent.recurrent", "recurrent.conv_lstm"):
        cell = type(getattr(layer, "cell", None)).__name__
        if cell not in (f"{base.__name__}Cell", "ConvLSTMCell"):
            return False
    return base.__name__ in APART or holds_kerass(layer)


def holds_kerass(layer: Any, closed: Collection[str] = ()) -> bool:
    """Whether every layer in a layer, at any depth, and its activation are Keras' own, or of closed classes."""
    parts = layer._flatten_layers(include_self=False)  # Keras has no public way through wrappers
    return all(
        type(part).__name__ in closed or (is_of_keras(type(part)) and own_activation(part) is None)
        for part in parts
    )
