"""What may be built from a config: an allow-list, asked before Keras is.

A config may come from anyone. Keras resolves what it names by module and name and calls what it finds;
here every name is looked up in the lists below, and the config is written anew with the modules that
*we* know. What is on no list is refused, unless the caller passed it. Nothing here imports Keras.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

from keraudit.errors import ModelError
from keraudit.graph import Architecture, Layer
from keraudit.layers.activation import ACTIVATIONS as COUNTED_ACTIVATIONS
from keraudit.layers.activation import ALIASES
from keraudit.layers.operations import OPERATIONS as COUNTED_OPERATIONS
from keraudit.layers.table import LAYERS as COUNTED_LAYERS
from keraudit.layers.wrappers import RUNS_CODE
from keraudit.reading.config import kind_of
from keraudit.reading.serialised import MODEL_CLASSES, text
from keraudit.rewrite.surgery import layers_within

DEEPEST = 200  # nested values of a config
ADVICE = "pass its class in custom_objects, or a live model"

# Operations that our table does not count, and that compute: none of them takes a function.
UNCOUNTED_OPERATIONS = (
    "AffineTransform AllClose Arange Argpartition BinaryCrossentropy Bincount CDist"
    " CategoricalCrossentropy Cholesky CholeskyInverse Corrcoef Correlate Cross Det Diag Diagflat Diff"
    " Digitize Dsplit Dstack Eig Eigh ElasticTransform ExtractSequences FFT FFT2 Fold Full"
    " GaussianBlur Gcd Geomspace HSVToRGB Histogram Hsplit Hstack I0 IFFT2 IRFFT ISTFT InTopK Inv IsIn"
    " Kron Lcm Ldexp Linspace Logdet Logspace Lstsq LuFactor MapCoordinates MatrixRank Median MultiHot"
    " Nanargmax Nanargmin Nancumprod Nancumsum Nanmax Nanmean Nanmedian Nanmin Nanpercentile Nanprod"
    " Nanquantile Nanstd Nansum Nanvar Ndim Nextafter Nonzero PSNR Percentile PerspectiveTransform"
    " Pinv Polar Qr Quantile RFFT RGBToHSV Rot90 SSIM STFT SVD ScaleAndTranslate Scatter SearchSorted"
    " SegmentMax SegmentMin SegmentProd SegmentSum Select Size Slogdet SobelEdges Solve"
    " SolveTriangular SparseCategoricalCrossentropy Trace Trapezoid Unfold Unique UnravelIndex Vander"
    " Vdot View ViewAsComplex ViewAsReal Vsplit Vstack"
).split()
OPERATIONS = frozenset({*COUNTED_OPERATIONS, *(f"ops.{name}" for name in UNCOUNTED_OPERATIONS)})
LAYERS = frozenset(COUNTED_LAYERS) - frozenset(RUNS_CODE)
ACTIVATIONS = frozenset({*COUNTED_ACTIVATIONS, *ALIASES, "glu"})

# Where an object may stand in a config, by its key.
ANY, LAYER, NODES, TABLE, WORDS = "value", "layer", "call", "vocabulary", "text function"
ACTIVATION, INITIALISER, REGULARISER = "activation", "initializer", "regularizer"
CONSTRAINT, POLICY, QUANTISER, SEED = "constraint", "dtype policy", "quantizer", "seed"
PLACES: Mapping[str, str] = {
    **dict.fromkeys(("layer", "backward_layer", "cell", "cells", "layers"), LAYER),
    "inbound_nodes": NODES,
    "vocabulary": TABLE,
    "idf_weights": TABLE,
    "standardize": WORDS,
    "split": WORDS,
    "seed": SEED,
    "seed_generator": SEED,
    "quantization_config": QUANTISER,
}
ENDINGS: Mapping[str, str] = {
    "activation": ACTIVATION,
    "initializer": INITIALISER,
    "regularizer": REGULARISER,
    "constraint": CONSTRAINT,
    "dtype": POLICY,
    "quantizer": QUANTISER,
}
STICKY = (NODES, POLICY)  # everything below such a key is of one kind
TEXT_FUNCTIONS = frozenset(
    "lower_and_strip_punctuation lower strip_punctuation whitespace character".split()
)


def named(classes: str, **others: str) -> Mapping[str, str]:
    """Class names by every name that Keras gives them: ``HeNormal``, ``he_normal``, and others."""
    names = classes.split()
    snake = {re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower(): name for name in names}
    return {**snake, **others, **{name: name for name in names}}


# Classes by place: their public home in Keras, and their names.
CLASSES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    INITIALISER: (
        "keras.initializers",
        named(
            "Constant Identity Ones STFT Zeros GlorotNormal GlorotUniform HeNormal HeUniform"
            " LecunNormal LecunUniform Orthogonal RandomNormal RandomUniform TruncatedNormal"
            " VarianceScaling",
            IdentityInitializer="Identity",
            STFTInitializer="STFT",
            OrthogonalInitializer="Orthogonal",
            normal="RandomNormal",
            uniform="RandomUniform",
            one="Ones",
            zero="Zeros",
        ),
    ),
    REGULARISER: (
        "keras.regularizers",
        named("L1 L2 L1L2 OrthogonalRegularizer", l1_l2="L1L2", l1l2="L1L2"),
    ),
    CONSTRAINT: ("keras.constraints", named("MaxNorm MinMaxNorm NonNeg UnitNorm")),
    POLICY: (
        "keras.dtype_policies",
        named(
            "DTypePolicy FloatDTypePolicy DTypePolicyMap QuantizedDTypePolicy"
            " QuantizedFloat8DTypePolicy Int4DTypePolicy GPTQDTypePolicy AWQDTypePolicy",
            Policy="DTypePolicy",
        ),
    ),
    QUANTISER: (
        "keras.quantizers",
        named(
            "AbsMaxQuantizer Int8QuantizationConfig Int4QuantizationConfig Float8QuantizationConfig"
        ),
    ),
    SEED: ("keras.random", {"SeedGenerator": "SeedGenerator"}),
}
MODELS = {"Functional": "Model", "Model": "Model", "Sequential": "Sequential"}
LAYER_HOMES = ("keras", "keras.layers", "keras.ops")
MARKS = frozenset({"class_name", "module", "registered_name"})  # of a serialised object
ARRAYS = ("__numpy__", "__tensor__")
HOMES = (
    "layers",
    "models",
    "ops",
    "applications",
    "engine",
    "legacy",
    "keras",
)  # of layers in Keras
NUMBERS = re.compile(r"(b?float|u?int)\d{1,2}|bool")


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
    asked = [name for name in names if isinstance(name, str)]
    for name in asked:
        if name in known:
            return name
    for name in asked:
        for key in known:
            if key.rpartition(">")[2] == name and ">" in key:
                return key
    return ""


def place_of(key: str) -> str:
    """What a config's key may hold.

    >>> place_of("depthwise_initializer"), place_of("cell"), place_of("units")
    ('initializer', 'layer', 'value')
    """
    return PLACES.get(key) or ENDINGS.get(key.rpartition("_")[2], ANY)


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
        if not module or kind not in LAYERS | OPERATIONS:
            found = ".".join(filter(None, (module, kind.removeprefix("ops."))))
            self.refuse(f"{found[:80]!r} is not one of the layers and operations of the table")

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
        axis = made.get("axis")
        if kind == "BatchNormalization" and isinstance(axis, list) and len(axis) == 1:
            made["axis"] = axis[0]  # Keras 2 writes a list; Keras 3 takes none
        return made

    def value(self, given: Any, place: str, key: str, *, free: bool = False, depth: int = 0) -> Any:
        """A value of a config, at a place, at any depth."""
        if depth > DEEPEST:
            self.refuse(f"its {key!r} is nested more than {DEEPEST} deep", "save the model again")
        if isinstance(given, str):
            return self.name(given, place, key, free)
        if isinstance(given, Mapping):
            if MARKS & given.keys():
                return self.record(given, place, key, free, depth)
            return {
                name: self.value(
                    item,
                    place if place in STICKY else place_of(str(name)),
                    key if place in STICKY else str(name),
                    free=free,
                    depth=depth + 1,
                )
                for name, item in given.items()
            }
        if isinstance(given, list | tuple):
            place = ANY if place in (TABLE, WORDS) else place
            items = [self.value(item, place, key, free=free, depth=depth + 1) for item in given]
            return tuple(items) if isinstance(given, tuple) else items
        if given is None or isinstance(given, bool | int | float | slice):
            return given
        return self.refuse(f"its {key!r} is a {type(given).__name__}, not plain data")

    def name(self, given: str, place: str, key: str, free: bool) -> str:
        """A string: at some places the name of an object, or of a file."""
        if place == NODES and given.startswith("keras."):
            self.unlisted(given, place, key)  # the keys by which Keras finds our classes
        if place in (ANY, NODES, POLICY, QUANTISER, SEED) or free:
            return given
        if place == TABLE:
            self.refuse(
                f"its {key!r} names the file {given[:60]!r}, which is not read here",
                "save the model with the words themselves",
            )
        if place == WORDS and given in TEXT_FUNCTIONS:
            return given
        if place == ACTIVATION and given in ACTIVATIONS:
            return given
        if place in CLASSES and given in CLASSES[place][1]:
            return given
        if own := key_of(self.known, given):
            return own
        return self.unlisted(given, place, key)

    def unlisted(self, found: str, place: str, key: str) -> NoReturn:
        what = "allowed there" if place in (ANY, NODES) else f"a known {place}"
        self.refuse(f"its {key!r} is {found[:80]!r}, which is not {what}")

    def record(self, given: Mapping[str, Any], place: str, key: str, free: bool, depth: int) -> Any:
        """A serialised object: an array, a function, or an instance of a class."""
        kind = given.get("class_name")
        if not isinstance(kind, str):
            self.unlisted(str(given.get("module")), place, key)
        if kind.startswith("__"):
            return self.plain(given, kind, place, key)
        if place == NODES:
            self.unlisted(full_name(given), place, key)
        if kind == "function":
            return self.function(given, place, key)
        kind, module = kind_of(given)
        names = (given.get("registered_name"), kind)
        if not module or kind in self.known:
            if own := key_of(self.known, *names):
                return self.instance(given, own, "", kind, depth, free=True)
            self.unlisted(full_name(given), place, key)
        if place in (LAYER, ACTIVATION) or (place == ANY and self.is_layer(kind, module)):
            return self.inner(given, kind, place, key, depth)
        home, known = self.class_list(kind, module, place)
        if kind not in known:
            self.unlisted(full_name(given), place, key)
        return self.instance(given, "", home, known[kind], depth)

    def is_layer(self, kind: str, module: str) -> bool:
        layers = kind in LAYERS | OPERATIONS | MODEL_CLASSES | RUNS_CODE.keys()
        return layers and not any(part in module for part in (".initializers", ".random"))

    def class_list(self, kind: str, module: str, place: str) -> tuple[str, Mapping[str, str]]:
        """The list for a place; where anything may stand, the one that the class is on."""
        if place in CLASSES:
            return CLASSES[place]
        found = [row for row in CLASSES.values() if kind in row[1]] if place == ANY else []
        homes = [row for row in found if row[0].partition(".")[2] in module.split(".")]
        return (homes or found or [("", {})])[0]

    def inner(
        self, given: Mapping[str, Any], kind: str, place: str, key: str, depth: int
    ) -> dict[str, Any]:
        """A layer, an operation or a model that a config holds."""
        if kind in MODELS:
            config = given.get("config")
            if isinstance(config, list):  # Keras 1 and 2 list a Sequential model's layers alone
                given = {**given, "config": {"name": "sequential", "layers": config}}
            return self.instance(given, "", "keras", MODELS[kind], depth)
        if kind in RUNS_CODE:
            self.refuse(
                f"in its {key!r}, {RUNS_CODE[kind]}", "write it as a layer class and pass that"
            )
        if kind not in LAYERS | OPERATIONS:
            self.unlisted(full_name(given), ACTIVATION if place == ACTIVATION else LAYER, key)
        home = "keras.ops" if kind.startswith("ops.") else "keras.layers"
        return self.instance(given, "", home, kind.removeprefix("ops."), depth)

    def instance(
        self,
        given: Mapping[str, Any],
        key: str,
        home: str,
        kind: str,
        depth: int,
        *,
        free: bool = False,
    ) -> dict[str, Any]:
        """A record that leads Keras to one class, by a key of ``building.scope`` or of the caller."""
        config = given.get("config")
        own = self.below(config, kind) if free or home in LAYER_HOMES else self
        options = own.options({} if config is None else config, kind, free=free, depth=depth + 1)
        if kind == "InputLayer" and "batch_input_shape" in options:
            options["batch_shape"] = options.pop("batch_input_shape")
        made: dict[str, Any] = {
            "module": None,
            "class_name": kind,
            "registered_name": key or f"{home}.{kind}",
            "config": options,
        }
        if isinstance(given.get("name"), str):
            made["name"] = given["name"]
        if "inbound_nodes" in given:
            nodes = given["inbound_nodes"]
            made["inbound_nodes"] = own.value(nodes, NODES, "inbound_nodes", depth=depth + 1)
        return made

    def below(self, config: Any, kind: str) -> Config:
        """The same for a layer that this one holds; a whole model's layers have no path before them."""
        name = config.get("name") if isinstance(config, Mapping) else None
        if not isinstance(name, str) or (not self.path and kind in MODELS.values()):
            return self
        return Config("/".join(filter(None, (self.path, text(name)))), kind, self.known)

    def function(self, given: Mapping[str, Any], place: str, key: str) -> Any:
        """A function: an activation of Keras, or one of the caller's."""
        name, module = given.get("config"), given.get("module")
        own = key_of(self.known, given.get("registered_name"), name)
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

    def plain(self, given: Mapping[str, Any], kind: str, place: str, key: str) -> dict[str, Any]:
        """An array, a slice, an ellipsis; in a recorded call a tensor too."""
        config = given.get("config")
        found = config if isinstance(config, Mapping) else {}
        if (
            kind in ARRAYS
            and NUMBERS.fullmatch(str(found.get("dtype")))
            and numbers(found.get("value"))
        ):
            return {"class_name": kind, "config": {k: found[k] for k in ("value", "dtype")}}
        if kind == "__ellipsis__":
            return {"class_name": kind, "config": {}}
        if kind == "__slice__":
            bounds = {k: found.get(k) for k in ("start", "stop", "step")}
            if all(bound is None or type(bound) is int for bound in bounds.values()):
                return {"class_name": kind, "config": bounds}
        if kind == "__keras_tensor__" and place == NODES:
            names = ("shape", "dtype", "keras_history")
            made = {k: self.value(found.get(k), ANY, key, depth=DEEPEST - 2) for k in names}
            return {"class_name": kind, "config": made}
        return self.unlisted(kind, place, key)


def full_name(record: Mapping[str, Any]) -> str:
    """What a record names, for an error."""
    parts = (record.get("module"), record.get("registered_name") or record.get("class_name"))
    return ".".join(str(part) for part in parts if part)


def numbers(value: Any, depth: int = 0) -> bool:
    """Whether a value is a number, or lists of numbers."""
    if isinstance(value, list):
        return depth < 32 and all(numbers(item, depth + 1) for item in value)
    return isinstance(value, bool | int | float)
