"""A model in any form, a name, a file, live, read or rewritten, to its graph; and back to Keras."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from keraudit.api import arguments
from keraudit.api.arguments import refuse
from keraudit.errors import ModelError, ShapeError
from keraudit.layers.call import Rule
from keraudit.layers.infer import NO_RULES, shaped
from keraudit.layers.keras_io import ExampleRule
from keraudit.model.graph import Architecture, Graph, Shape
from keraudit.model.input_sizes import Input, Requested
from keraudit.reading.resolve import resolve, silent
from keraudit.rewrite.edit import Rewrite, RewriteNote

if TYPE_CHECKING:
    import keras

    from keraudit.reading.cache import Notify

InputShape: TypeAlias = Shape | Sequence[Shape] | Mapping[str, Shape]
Model: TypeAlias = "str | os.PathLike[str] | keras.Model | Graph | Rewrite"
MODELS = (
    'a name such as "ResNet50", a .keras, .json or .h5 file, "package.module:callable", a'
    " keras.Model, or a Graph"
)
READ_ALREADY = "nothing with a Graph, which is read already: give it to keraudit.read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How to read a model, checked.

    Attributes:
        requested: input sizes and batch.
        rules: for classes of the user's own.
        imports: packages whose classes a file names.
        notify: told what takes over a second.
    """

    requested: Requested
    rules: Mapping[str, Rule]
    imports: tuple[str, ...]
    notify: Notify


AS_RECORDED = Reading(requested=Requested(), rules=NO_RULES, imports=(), notify=silent)


def reading_of(
    input_shape: Any, length: Any, batch: Any, rules: Any, imports: Any, notify: Any
) -> Reading:
    """The arguments of ``read``, checked.

    Raises:
        KerauditError: one is not what it takes; the message names it.
    """
    return Reading(
        requested=Requested(
            shapes=arguments.shapes(input_shape),
            length=arguments.whole_or_none("length", length),
            batch=arguments.whole_or_none("batch", batch),
        ),
        rules=arguments.rules_by_class(rules),
        imports=arguments.words("imports", imports, 'a sequence of packages such as ["keras_hub"]'),
        notify=arguments.function("notify", notify, "a function of one text"),
    )


def read(
    model: Model,
    *,
    input_shape: InputShape | None = None,
    length: int | None = None,
    batch: int | None = None,
    rules: Mapping[str, Rule] = NO_RULES,
    imports: Sequence[str] = (),
    opened: bool = True,
    notify: Notify = silent,
) -> Graph:
    """Read a model into a frozen graph with every shape known.

    The model is only read: its weights, its state and its file stay as they are.

    Args:
        model: the name of a Keras application or of a model of the zoo, a ``.keras``, ``.json`` or
            ``.h5`` file, ``"package.module:callable"``, a live ``keras.Model``, a ``Graph``, or a
            ``Rewrite``.
        input_shape: sizes without the batch, e.g. ``(96, 96, 3)``; for several inputs a sequence of
            shapes in the model's order, or a mapping by input name. Default: those recorded.
        length: fills the open axis of every input that has one, such as tokens.
        batch: default: the one recorded, else 1.
        rules: rules for layer classes of your own, by class name.
        imports: packages whose classes a file names, e.g. ``["keras_hub"]``, or a path such as
            ``"./my_layers.py"``; imported in a process of its own, and nothing is without it.
        opened: trace what a live model's own layers are made of. Without it they stay layers of their
            class, which ``keraudit.build`` makes again with ``custom_objects``.
        notify: told, in one line, what takes over a second.

    Raises:
        KerauditError: the model cannot be read, or an argument does not fit it; one line says why.
    """
    reading = reading_of(input_shape, length, batch, rules, imports, notify)
    return graph_of(model, reading, opened=opened)


def graph_of(model: Any, reading: Reading, *, opened: bool = True) -> Graph:
    """The graph of a model in any form."""
    if isinstance(model, Rewrite):
        model = model.graph
    if isinstance(model, Graph):
        return reshaped(model, reading)
    check_model(model)
    architecture = resolve(
        model,
        requested=reading.requested,
        closed=closed(reading.rules) if opened else None,
        imports=reading.imports,
        notify=reading.notify,
    )
    return sized(architecture, model, reading.requested, reading.rules)


def buildable(model: Any, reading: Reading) -> Graph:
    """The graph of a model that is to be built: what could not be opened is built by its class."""
    graph = graph_of(model, reading)
    if any(layer.unknown for layer in graph.architecture.layers.values()):
        return graph_of(model, reading, opened=False)
    return graph


def notes_of(model: Any) -> tuple[RewriteNote, ...]:
    """What was done to a model before; nothing unless it is a ``Rewrite``."""
    return model.notes if isinstance(model, Rewrite) else ()


def check_model(model: Any, argument: str = "model") -> None:
    """Refuse what cannot be a model, before anything of Keras is imported for it.

    Raises:
        ModelError: the message names what was received and what is accepted.
    """
    kind = type(model)  # an instance's own attributes may run code, and raise
    live = hasattr(kind, "get_config") and hasattr(kind, "layers")
    known = live or isinstance(model, str | os.PathLike | Graph | Rewrite)
    if not known or (isinstance(model, str) and not model.strip()):
        refuse(argument, model, MODELS, error=ModelError)


def reshaped(graph: Graph, reading: Reading) -> Graph:
    """A graph at the sizes asked for; as it is where none are."""
    requested = reading.requested
    if reading.imports:
        refuse("imports", list(reading.imports), READ_ALREADY)
    if requested == Requested() and not reading.rules:
        return graph
    if graph.architecture.traced:
        raise ShapeError(
            f"{graph.architecture.name} was traced, and a trace holds for one size: read the model"
            " again with input_shape= or batch="
        )
    now = [node.outputs[0].shape[1:] for node in graph.input_nodes]
    inputs = [
        Input((node.name,), recorded[1:] if recorded and requested.length else size)
        for node, recorded, size in zip(
            graph.input_nodes, graph.architecture.input_shapes, now, strict=True
        )
    ]
    return shaped(
        graph.architecture,
        input_shapes=requested.fitted(inputs) or now,
        batch=requested.batch or graph.batch,
        rules={**graph.rules, **reading.rules},
    )


def sized(
    architecture: Architecture, model: Any, requested: Requested, rules: Mapping[str, Rule]
) -> Graph:
    """The graph of an architecture at the requested sizes; a trace was made at them."""
    sizes = None if architecture.traced else requested.fitted(_inputs_of(architecture, model))
    return shaped(architecture, input_shapes=sizes, batch=requested.batch, rules=rules)


def _inputs_of(architecture: Architecture, model: Any) -> list[Input]:
    """The inputs of an architecture; those of a live model go by the names of its tensors too."""
    names: dict[str, tuple[str, ...]] = {}
    if not isinstance(model, str | os.PathLike | Graph):
        from keraudit.reading.live_model import input_names

        names = {found[0]: found for found in input_names(model)}
    called = [architecture.calls[ref.call].name for ref in architecture.inputs]
    return [
        Input(names.get(name, (name,)), recorded[1:] if recorded else None)
        for name, recorded in zip(called, architecture.input_shapes, strict=True)
    ]


def closed(rules: Mapping[str, Rule]) -> tuple[str, ...]:
    """The classes of live layers that are not opened, as a rule counts them."""
    return tuple(kind for kind, rule in rules.items() if not isinstance(rule, ExampleRule))


def build(
    model: Model, *, custom_objects: Mapping[str, Any] | None = None, allocate: bool = True
) -> keras.Model:
    """Make the Keras model that a graph describes, at its input size, with random initial weights.

    A config may come from anyone: of what it names, only known layers, operations and options are
    built, and classes and functions that ``custom_objects`` holds.

    Args:
        model: as for ``read``; a live model is built anew.
        custom_objects: the user's own classes and functions by name.
        allocate: without it the weights have shapes only, and no memory.

    Raises:
        KerauditError: a layer is not among those that are built, or not in the installed Keras; the
            error names it.
    """
    if not (custom_objects is None or isinstance(custom_objects, Mapping)):
        refuse("custom_objects", custom_objects, "a dictionary of classes and functions by name")
    graph = buildable(model, AS_RECORDED)
    from keraudit.building.keras_model import build as built

    return built(graph, custom_objects=custom_objects, allocate=allocate)
