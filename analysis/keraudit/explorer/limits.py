"""What may be built and run: bounded work, and of an upload only what is plain data to Keras."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from keraudit.audits.cost.report import CostReport
from keraudit.errors import KerauditError
from keraudit.layers.rule_table import LAYERS
from keraudit.model.graph import UNSUPPORTED, Architecture, Graph

MOST_PARAMS = 200_000_000
MOST_MACS = 4 * 10**12  # of all passes together: some minutes on two cores
MOST_BYTES = 3 * 2**30  # of activations held at once
# Layers that read files, look words up, or run code: they are read and counted, never built.
NEVER = frozenset(
    {
        *("Lambda", "JaxLayer", "FlaxLayer", "TorchModuleWrapper", "TFSMLayer", "Wrapper"),
        *("StringLookup", "IntegerLookup", "TextVectorization", "Hashing", "HashedCrossing"),
        *("Pipeline", "RNN", "StackedRNNCells", "TimeDistributed", "Bidirectional"),
    }
)
# Where the objects inside a layer's config may come from.
PLAIN_HOMES = frozenset(
    {
        *("keras", "keras.initializers", "keras.regularizers", "keras.constraints"),
        *("keras.activations", "keras.layers", "keras.dtype_policies"),
        *("builtins.none", "keras.src.dtype_policies"),
    }
)
PLAIN_OBJECTS = frozenset(
    {
        *("DTypePolicy", "GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal"),
        *("LecunUniform", "LecunNormal", "Orthogonal", "Zeros", "Ones", "Constant"),
        *("RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling", "Identity"),
        *("L1", "L2", "L1L2", "MaxNorm", "NonNeg", "UnitNorm", "MinMaxNorm"),
    }
)


def may_run(graph: Graph, report: CostReport, *, passes: int, is_upload: bool) -> None:
    """Refuse what is too much for a page, and of uploads what is not made of Keras' plain layers.

    Args:
        graph: at the batch that is run.
        report: its own.
        passes: forward passes that the work comes to.
        is_upload: whether the model comes from a visitor's file.

    Raises:
        KerauditError: one line says what is too much.
    """
    if is_upload:
        check_plain(graph.architecture)
    if any(node.effect.status == UNSUPPORTED for node in graph.nodes):
        names = ", ".join(
            dict.fromkeys(n.layer.kind for n in graph.nodes if n.effect.status == UNSUPPORTED)
        )
        raise KerauditError(
            f"the model has unsupported layers ({names[:100]}), so its work cannot be estimated and the"
            " explorer does not run it"
        )
    cost = report.total
    for what, amount, most in (
        ("parameters", cost.params, MOST_PARAMS),
        ("MACs in total", cost.macs * passes, MOST_MACS),
        ("bytes of activations", cost.activation_bytes, MOST_BYTES),
    ):
        if amount > most:
            raise KerauditError(
                f"this takes {amount:,} {what}; the explorer's limit is {most:,}: choose a smaller input or"
                " batch, or run it on the command line"
            )


def check_plain(architecture: Architecture) -> None:
    """Refuse a file's model unless all it is made of are Keras' own layers, set by plain values."""
    for name, layer in architecture.layers.items():
        known = layer.kind in LAYERS and layer.kind not in NEVER and not layer.inner
        if not known or layer.module not in ("keras.layers", "keras"):
            raise KerauditError(
                f"layer {name!r} is a {layer.kind}: of an uploaded file the explorer runs only Keras' own"
                " layers without code, wrappers or vocabularies; pass such a model from Python, with"
                " keraudit.explore(model)"
            )
        for found in _objects(layer.config):
            home, kind = str(found.get("module") or "keras"), str(found.get("class_name"))
            if kind not in PLAIN_OBJECTS or home not in PLAIN_HOMES:
                raise KerauditError(
                    f"layer {name!r} is configured with a {home}.{kind}: the explorer runs an uploaded file"
                    " only if its layers use Keras' own initialisers, regularisers and constraints"
                )


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every serialised object in a config, however deep."""
    if isinstance(value, Mapping):
        if "class_name" in value:
            yield value
        for item in value.values():
            yield from _objects(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _objects(item)
