"""What may be built from a config: an allow-list, asked before Keras is.

A config may come from anyone. Keras resolves what it names by module and name and calls what it finds;
here every name is looked up in the lists below, and the config is written anew with the modules that
*we* know. What is on no list is refused, unless the caller passed it. Nothing here imports Keras.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NoReturn

from keraudit.building.allow_list import (
    ACTIVATION,
    ACTIVATIONS,
    ANY,
    ARRAYS,
    BUILT,
    CLASSES,
    HOMES,
    LAYER,
    LAYER_HOMES,
    MARKS,
    MODELS,
    NODES,
    NUMBERS,
    POLICY,
    SEED,
    STICKY,
    TABLE,
    TEXT_FUNCTIONS,
    WORDS,
    place_of,
)
from keraudit.errors import ModelError
from keraudit.layers.arguments import ARRAY
from keraudit.layers.wrappers import RUNS_CODE
from keraudit.model.graph import Architecture, Layer
from keraudit.reading.arrays import array_of
from keraudit.reading.origin import kind_of
from keraudit.reading.serialised import MODEL_CLASSES, text
from keraudit.rewrite.edit import layers_within

DEEPEST = 200  # nested values of a config
ADVICE = "pass its class in custom_objects, or a live model"


def check(architecture: Architecture, known: Collection[str] = ()) -> None:
    """Hold every layer of an architecture against the lists.

    Args:
        architecture: read or rewritten.
        known: names that the caller passes classes or functions for.

    Raises:
        ModelError: something in it is on no list; the error names the layer and what was found.
    """
    for path, layer in architecture.layers.items():
        if layer.kind != "InputLayer":
            Config(path, layer.kind, known).layer(layer)
    for call in architecture.calls:
        layer = architecture.layers[call.layer]
        Config(call.name, layer.kind, known).value((call.args, call.kwargs), NODES, "arguments")


def check_homes(architecture: Architecture) -> None:
    """Refuse a function of Keras that a file names as a layer; a class may stay unknown.

    Raises:
        ModelError: one is; the error names it.
    """
    for path, layer in architecture.layers.items():
        for inner in (layer, *layers_within(layer)):
            name = inner.kind.removeprefix("ops.")
            parts = [
                part for part in inner.module.split(".")[1:] if part not in ("src", "_tf_keras")
            ]
            home = parts[0] if parts else "models"
            if inner.module and (name[:1].islower() or home not in HOMES):
                where = f"{inner.module}.{name}"
                raise ModelError(
                    f"layer {path!r} names {where[:80]!r}, which is not a layer: save the model again"
                )


def key_of(known: Collection[str], *names: object) -> str:
    """The caller's key for what a config calls by these names; empty if there is none.

    >>> key_of({"mine>Scale"}, None, "Scale"), key_of({"Scale"}, "other>Scale", "Scale")
    ('mine>Scale', 'Scale')
    """
    words = [name for name in names if isinstance(name, str)]
    for name in words:
        if name in known:
            return name
    for name in words:
        for key in known:
            if key.rpartition(">")[2] == name and ">" in key:
                return key
    return ""


class Config:
    """One layer's config, written anew as it is walked; whatever is on no list is refused."""

    def __init__(self, path: str, kind: str, known: Collection[str]) -> None:
        self.path = path
        self.kind = text(kind)
        self.known = known

    def refuse(self, reason: str, advice: str = ADVICE) -> NoReturn:
        what = f"layer {self.path!r}" if self.path else "the model"
        raise ModelError(f"{what} ({self.kind}) cannot be built: {reason}; {advice}")

    def layer(self, layer: Layer) -> tuple[str, dict[str, Any]]:
        """The key of the caller's class, or empty for one of Keras' own; and the config to build from."""
        kind = layer.kind
        key = key_of(self.known, kind) if not layer.module or kind in self.known else ""
        if not key:
            self.listed(kind, layer.module)
        return key, self.options(layer.config, kind, free=bool(key))

    def listed(self, kind: str, module: str) -> None:
        """Refuse a layer or an operation that is on no list."""
        if module and kind in RUNS_CODE:
            self.refuse(RUNS_CODE[kind], "write it as a layer class and pass that")
        if not module or kind not in BUILT:
            full_name = ".".join(filter(None, (module, kind.removeprefix("ops."))))
            self.refuse(f"{full_name[:80]!r} is not one of the layers and operations of the table")

    def options(
        self, config: Any, kind: str, *, free: bool = False, depth: int = 0
    ) -> dict[str, Any]:
        """A layer's options. ``free``: of a class of the caller's, which alone gives names a meaning."""
        if not isinstance(config, Mapping):
            self.refuse(f"expected options by name, received {str(config)[:60]!r}")
        made = {
            str(key): self.value(item, place_of(str(key)), str(key), free=free, depth=depth + 1)
            for key, item in config.items()
        }
        if not free:
            _upgrade(made, kind)
        return made

    def value(self, entry: Any, place: str, key: str, *, free: bool = False, depth: int = 0) -> Any:
        """A value of a config, at a place, at any depth."""
        if depth > DEEPEST:
            self.refuse(f"its {key!r} is nested more than {DEEPEST} deep", "save the model again")
        if isinstance(entry, str):
            return self.name(entry, place, key, free)
        if isinstance(entry, Mapping):
            if MARKS & entry.keys():
                return self.record(entry, place, key, free, depth)
            return {
                name: self.value(
                    item,
                    place if place in STICKY else place_of(str(name)),
                    key if place in STICKY else str(name),
                    free=free,
                    depth=depth + 1,
                )
                for name, item in entry.items()
            }
        if isinstance(entry, list | tuple):
            place = ANY if place in (TABLE, WORDS) else place
            items = [self.value(item, place, key, free=free, depth=depth + 1) for item in entry]
            return tuple(items) if isinstance(entry, tuple) else items
        if entry is None or isinstance(entry, bool | int | float | slice):
            return entry
        return self.refuse(f"its {key!r} is a {type(entry).__name__}, not plain data")

    def name(self, entry: str, place: str, key: str, free: bool) -> str:
        """A string: at some places the name of an object, or of a file."""
        if place == NODES and entry.startswith("keras."):
            self.unlisted(entry, place, key)  # the keys by which Keras finds our classes
        if place in (ANY, NODES, POLICY) or free:
            return entry
        if place == SEED:
            self.unlisted(entry, place, key)
        if place == TABLE:
            self.refuse(
                f"its {key!r} names the file {entry[:60]!r}, which is not read here",
                "save the model with the words themselves",
            )
        if place == WORDS and entry in TEXT_FUNCTIONS:
            return entry
        if place == ACTIVATION and entry in ACTIVATIONS:
            return entry
        if place in CLASSES and entry in CLASSES[place][1]:
            return entry
        if own := key_of(self.known, entry):
            return own
        return self.unlisted(entry, place, key)

    def unlisted(self, full_name: str, place: str, key: str) -> NoReturn:
        what = "allowed there" if place in (ANY, NODES) else f"a known {place}"
        self.refuse(f"its {key!r} is {full_name[:80]!r}, which is not {what}")

    def record(self, entry: Mapping[str, Any], place: str, key: str, free: bool, depth: int) -> Any:
        """A serialised object: an array, a function, or an instance of a class."""
        kind = entry.get("class_name")
        if not isinstance(kind, str):
            self.unlisted(str(entry.get("module")), place, key)
        if kind.startswith("__"):
            return self.plain(entry, kind, place, key)
        if place == NODES:
            self.unlisted(_full_name(entry), place, key)
        if kind == "function":
            return self.function(entry, place, key)
        kind, module = kind_of(entry)
        names = (entry.get("registered_name"), kind)
        if not module or kind in self.known:
            if own := key_of(self.known, *names):
                return self.instance(entry, own, "", kind, depth, free=True)
            self.unlisted(_full_name(entry), place, key)
        if place in (LAYER, ACTIVATION) or (place == ANY and self.is_layer(kind, module)):
            return self.inner(entry, kind, place, key, depth)
        home, known = self.class_list(kind, module, place)
        if kind not in known:
            self.unlisted(_full_name(entry), place, key)
        return self.instance(entry, "", home, known[kind], depth)

    def is_layer(self, kind: str, module: str) -> bool:
        layers = kind in BUILT or kind in MODEL_CLASSES or kind in RUNS_CODE
        return layers and not any(part in module for part in (".initializers", ".random"))

    def class_list(self, kind: str, module: str, place: str) -> tuple[str, Mapping[str, str]]:
        """The list for a place; where anything may stand, the one that the class is on."""
        if place in CLASSES:
            return CLASSES[place]
        rows = [row for row in CLASSES.values() if kind in row[1]] if place == ANY else []
        homes = [row for row in rows if row[0].partition(".")[2] in module.split(".")]
        return (homes or rows or [("", {})])[0]

    def inner(
        self, entry: Mapping[str, Any], kind: str, place: str, key: str, depth: int
    ) -> dict[str, Any]:
        """A layer, an operation or a model that a config holds."""
        if kind in MODELS:
            config = entry.get("config")
            if isinstance(config, list):  # Keras 1 and 2 list a Sequential model's layers alone
                entry = {**entry, "config": {"name": "sequential", "layers": config}}
            return self.instance(entry, "", "keras", MODELS[kind], depth)
        if kind in RUNS_CODE:
            self.refuse(
                f"in its {key!r}, {RUNS_CODE[kind]}", "write it as a layer class and pass that"
            )
        if kind not in BUILT:
            self.unlisted(_full_name(entry), ACTIVATION if place == ACTIVATION else LAYER, key)
        home = "keras.ops" if kind.startswith("ops.") else "keras.layers"
        return self.instance(entry, "", home, kind.removeprefix("ops."), depth)

    def instance(
        self,
        entry: Mapping[str, Any],
        key: str,
        home: str,
        kind: str,
        depth: int,
        *,
        free: bool = False,
    ) -> dict[str, Any]:
        """A record that leads Keras to one class, by a key of ``building.scope`` or of the caller."""
        config = entry.get("config")
        own = self.below(config, kind) if free or home in LAYER_HOMES else self
        options = own.options({} if config is None else config, kind, free=free, depth=depth + 1)
        made: dict[str, Any] = {
            "module": None,
            "class_name": kind,
            "registered_name": key or f"{home}.{kind}",
            "config": options,
        }
        if isinstance(entry.get("name"), str):
            made["name"] = entry["name"]
        if "inbound_nodes" in entry:
            nodes = entry["inbound_nodes"]
            made["inbound_nodes"] = own.value(nodes, NODES, "inbound_nodes", depth=depth + 1)
        return made

    def below(self, config: Any, kind: str) -> Config:
        """The checked config of an inner layer; a whole model's layers have no path before them."""
        name = config.get("name") if isinstance(config, Mapping) else None
        if not isinstance(name, str) or (not self.path and kind in MODELS.values()):
            return self
        return Config("/".join(filter(None, (self.path, text(name)))), kind, self.known)

    def function(self, entry: Mapping[str, Any], place: str, key: str) -> Any:
        """A function: an activation of Keras, or one of the caller's."""
        name, module = entry.get("config"), entry.get("module")
        own = key_of(self.known, entry.get("registered_name"), name)
        if own:
            return {
                "module": None,
                "class_name": "function",
                "registered_name": own,
                "config": own,
            }
        of_keras = module in (None, "builtins") or str(module).partition(".")[0] == "keras"
        if place in (ACTIVATION, ANY) and of_keras and name in ACTIVATIONS:
            return {
                "module": "builtins",
                "class_name": "function",
                "registered_name": name,
                "config": name,
            }
        return self.unlisted(f"{module}.{name}", place, key)

    def plain(self, entry: Mapping[str, Any], kind: str, place: str, key: str) -> dict[str, Any]:
        """An array, a slice, an ellipsis; in a recorded call a tensor too."""
        config = entry.get("config")
        options = config if isinstance(config, Mapping) else {}
        if (
            kind in ARRAYS
            and NUMBERS.fullmatch(str(options.get("dtype")))
            and numbers(options.get("value"))
        ):
            return {"class_name": kind, "config": {k: options[k] for k in ("value", "dtype")}}
        if kind == ARRAY and place == NODES:
            return self.recorded(options)
        if kind == "__ellipsis__":
            return {"class_name": kind, "config": {}}
        if kind == "__slice__":
            bounds = {k: options.get(k) for k in ("start", "stop", "step")}
            if all(bound is None or type(bound) is int for bound in bounds.values()):
                return {"class_name": kind, "config": bounds}
        if kind == "__keras_tensor__" and place == NODES:
            names = ("shape", "dtype", "keras_history")
            made = {k: self.value(options.get(k), ANY, key, depth=DEEPEST - 2) for k in names}
            return {"class_name": kind, "config": made}
        return self.unlisted(kind, place, key)

    def recorded(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """A variable or an array that a traced call used: the text of its name and values is data."""
        names = ("shape", "dtype", "variable", "name", "trainable", "value")
        made = {name: options[name] for name in names if name in options}
        if type(made.get("variable")) is not int and made.get("value") is None:
            self.refuse(
                f"a constant of shape {str(made.get('shape'))[:40]} in its call is too large, or has no values"
            )
        array_of(made)
        return {"class_name": ARRAY, "config": made}


def _upgrade(options: dict[str, Any], kind: str) -> None:
    """Write what Keras 2 calls otherwise as Keras 3 takes it, in place; Keras does so for ``.h5``."""
    shape, axis = options.pop("batch_input_shape", None), options.get("axis")
    if kind == "InputLayer" and shape is not None:
        options["batch_shape"] = shape
    if kind == "BatchNormalization" and isinstance(axis, list) and len(axis) == 1:
        options["axis"] = axis[0]


def _full_name(record: Mapping[str, Any]) -> str:
    """What a record names, for an error."""
    parts = (record.get("module"), record.get("registered_name") or record.get("class_name"))
    return ".".join(str(part) for part in parts if part)


def numbers(value: Any, depth: int = 0) -> bool:
    """Whether a value is a number, or lists of numbers."""
    if isinstance(value, list):
        return depth < 32 and all(numbers(item, depth + 1) for item in value)
    return isinstance(value, bool | int | float)
