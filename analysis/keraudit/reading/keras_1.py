"""Configs of Keras 1, rewritten as Keras 2 writes them: the same layers under later names.

Keras 1 (2016) calls the options otherwise (``nb_filter``, ``border_mode``, ``output_dim``), some classes
too, and lists a Sequential model's layers alone. Each layer is rewritten by itself, and one that Keras 2
wrote stays as it is, so no version need be known. What later versions lack is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from keraudit.errors import ModelError
from keraudit.layers.rule_table import LAYERS
from keraudit.reading.keras_1_merge import branched, is_branched, merged
from keraudit.reading.serialised import is_model, text

CLASSES: Mapping[str, str] = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "SeparableConvolution2D": "SeparableConv2D",
    "TimeDistributedDense": "Dense",
}
GONE = frozenset(
    {"Deconvolution2D", "Highway", "MaxoutDense", "ParametricSoftplus", "SReLU", "AutoEncoder"}
)
# Options of any class, and of one.
OPTIONS: Mapping[str, str] = {
    "nb_filter": "filters",
    "filter_length": "kernel_size",
    "border_mode": "padding",
    "subsample": "strides",
    "subsample_length": "strides",
    "atrous_rate": "dilation_rate",
    "dim_ordering": "data_format",
    "bias": "use_bias",
    "init": "kernel_initializer",
    "inner_init": "recurrent_initializer",
    "beta_init": "beta_initializer",
    "gamma_init": "gamma_initializer",
    "depthwise_init": "depthwise_initializer",
    "pointwise_init": "pointwise_initializer",
    "inner_activation": "recurrent_activation",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
    "W_regularizer": "kernel_regularizer",
    "U_regularizer": "recurrent_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
}
UNITS, RATE = {"output_dim": "units"}, {"p": "rate"}
POOLING = {"pool_length": "pool_size", "stride": "strides"}
OPTIONS_OF: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(("Dense", "SimpleRNN", "LSTM", "GRU"), UNITS),
    **dict.fromkeys(("MaxPooling1D", "AveragePooling1D"), POOLING),
    **dict.fromkeys(("Dropout", "GaussianDropout"), RATE),
    **dict.fromkeys((f"SpatialDropout{n}D" for n in (1, 2, 3)), RATE),
    "GaussianNoise": {"sigma": "stddev"},
    "UpSampling1D": {"length": "size"},
    "PReLU": {"init": "alpha_initializer"},
    "InputLayer": {"input_dtype": "dtype"},
    "Embedding": {
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
    },
}
KERNEL_SIZES = (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3"))
# They change nothing in the network; Keras 1 dropped rows of an embedding in training, later ones do not.
DROPPED = frozenset({"input_dim", "input_length", "input_dtype", "consume_less"})
DROPPED_OF = {"Embedding": frozenset({"input_dtype", "dropout"})}
DATA_FORMATS = {"th": "channels_first", "tf": "channels_last"}


def as_keras_2(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """A model's record in the names of Keras 2; what Keras 2 or 3 wrote is returned as it is.

    Raises:
        ModelError: it holds a layer, or an option, that later versions lack.
    """
    if "module" in record:  # Keras 3
        return record
    config = record.get("config")
    if record.get("class_name") == "Graph" and isinstance(config, Mapping):
        raise ModelError(
            "a Graph model, which Keras had before 1.0, is not read: describe it as a functional model"
        )
    return _model(record) if is_model(record) else record


def _model(record: Mapping[str, Any]) -> Mapping[str, Any]:
    config = record["config"]
    if not isinstance(config, list):
        return {**record, "config": {**config, "layers": list(map(_item, config["layers"]))}}
    items = list(map(_item, config))
    if is_branched(items):
        return branched(record, items)
    return {**record, "config": items}


def _item(record: Any) -> Any:
    """A layer, or a model within the model; anything else is left to the checks that follow."""
    if not isinstance(record, Mapping) or "module" in record:
        return record
    if is_model(record):
        return _model(record)
    kind, config = record.get("class_name"), record.get("config")
    if not isinstance(kind, str) or not isinstance(config, Mapping):
        return record
    if kind in GONE:
        _refuse(kind, config, "which no later version has")
    if kind == "Merge":
        branches = config.get("layers")
        if isinstance(branches, list):
            config = {**config, "layers": list(map(_item, branches))}
        return merged({**record, "config": config})
    later = CLASSES.get(kind, kind)
    if later not in LAYERS:  # a class of the user's, whose options may have any name
        return record
    return {**record, "class_name": later, "config": _options(kind, later, config)}


def _options(kind: str, later: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The options of one of Keras' own layers."""
    names = {**OPTIONS, **OPTIONS_OF.get(later, {})}
    dropped = DROPPED_OF.get(later, DROPPED)
    made: dict[str, Any] = {}
    for key, value in config.items():
        new = names.get(key, key)
        if new != key and new in config:  # a later file, with an option of this name besides
            made[key] = value
        elif new not in dropped:
            made[new] = _value(new, value)
    for parts in KERNEL_SIZES:
        if parts[0] in made:
            made["kernel_size"] = [made.pop(part) for part in parts if part in made]
    return _of_class(kind, later, made)


def _of_class(kind: str, later: str, made: dict[str, Any]) -> dict[str, Any]:
    """What takes more than another name, in place."""
    if made.get("padding") in ("full", "half"):
        _refuse(kind, made, f"with the border mode {made['padding']!r}, which no later version has")
    if later == "BatchNormalization" and made.pop("mode", 0) != 0:
        _refuse(kind, made, "with a mode other than 0, which no later version has")
    if later == "GRU":  # added in Keras 2.1, which writes it; files before have no second bias
        made.setdefault("reset_after", False)
    if "forget_bias_init" in made:
        made["unit_forget_bias"] = made.pop("forget_bias_init") in ("one", "ones")
    if later.startswith("ZeroPadding") and "padding" in made:
        made["padding"] = _margins(made["padding"])
    return made


def _value(key: str, value: Any) -> Any:
    """An option's value as Keras 2 writes it, by the option's later name."""
    if key == "data_format" and isinstance(value, str):
        return DATA_FORMATS.get(value, value)
    if key == "layer":
        return _item(value)
    if not isinstance(value, Mapping) or "class_name" in value:
        return value
    if key.endswith("_regularizer"):
        return {"class_name": "L1L2", "config": {k: value.get(k, 0.0) for k in ("l1", "l2")}}
    if key.endswith("_constraint"):
        names = {"m": "max_value"}
        own = {names.get(k, k): v for k, v in value.items() if k != "name"}
        return {"class_name": value.get("name"), "config": own}
    return value


def _margins(padding: Any) -> Any:
    """Padding in Keras 2's notation: pairs of before and after.

    >>> _margins([1, 2, 3, 4]), _margins({"left_pad": 1, "right_pad": 2}), _margins([1, 1])
    ([[1, 2], [3, 4]], [1, 2], [1, 1])
    """
    if isinstance(padding, Mapping):
        sides = [padding.get(f"{side}_pad", 0) for side in ("top", "bottom", "left", "right")]
        return [sides[:2], sides[2:]] if {"top_pad", "bottom_pad"} & padding.keys() else sides[2:]
    if isinstance(padding, list) and len(padding) == 4:
        return [padding[:2], padding[2:]]
    return padding


def _refuse(kind: str, config: Mapping[str, Any], reason: str) -> NoReturn:
    name = text(config.get("name") or kind)[:60]
    raise ModelError(
        f"layer {name!r} is a {text(kind)} of Keras 1, {reason}: replace it, or pass the code of a later"
        " version as package.module:callable"
    )
