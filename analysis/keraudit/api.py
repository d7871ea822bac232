"""One function per question: from a model to its report in one call."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from keraudit.audits.cost.count import costs
from keraudit.audits.cost.report import CostReport
from keraudit.errors import ModelError
from keraudit.layers.call import Rule
from keraudit.layers.infer import NO_RULES, shaped
from keraudit.layers.keras_io import ExampleRule
from keraudit.model.graph import Architecture, Graph, Shape
from keraudit.model.input_sizes import Input, Requested
from keraudit.output.report import origin_of
from keraudit.reading.resolve import resolve, resolve_each, silent
from keraudit.rewrite.edit import RewriteNote

if TYPE_CHECKING:
    import keras

    from keraudit.audits.cost.lengths import LengthReport
    from keraudit.audits.gradients.audit import Progress
    from keraudit.audits.gradients.report import GradientReport
    from keraudit.audits.structure.report import StructureReport
    from keraudit.reading.cache import Notify

InputShape = Shape | Sequence[Shape] | Mapping[str, Shape]


def audit(
    model: str | os.PathLike[str] | keras.Model,
    *,
    input_shape: InputShape | None = None,
    length: int | None = None,
    batch: int | None = None,
    rules: Mapping[str, Rule] = NO_RULES,
    imports: Sequence[str] = (),
    notify: Notify = silent,
    command: str = "",
) -> CostReport:
    """Count what a model costs, by layer and by block.

    The model is only read: its weights, its state and its file stay as they are.

    Args:
        model: a ``.keras``, ``.json`` or ``.h5`` file, the name of a Keras application or of a model
            of the zoo, ``"package.module:callable"``, or a live ``keras.Model``.
        input_shape: sizes without the batch, e.g. ``(96, 96, 3)``; for several inputs a sequence of
            shapes in the model's order, or a mapping by input name. Default: those recorded.
        length: fills the open axis of every input that has one, such as tokens.
        batch: default: the one recorded, else 1.
        rules: rules for layer classes of your own, by class name.
        imports: packages whose classes a file names, e.g. ``["keras_hub"]``, or a path such as
            ``"./my_layers.py"``; imported in a process of its own, and nothing is without it.
        notify: told, in one line, what takes over a second.
        command: the command line to record.

    Returns:
        A ``CostReport``; ``print`` it, or take ``to_dict()``.

    Raises:
        KerauditError: the model cannot be read, or the sizes do not fit it; one line says why.
    """
    graph = read(
        model,
        input_shape=input_shape,
        length=length,
        batch=batch,
        rules=rules,
        imports=imports,
        notify=notify,
    )
    return report_of(graph, command=command)


def lengths(
    model: str | os.PathLike[str] | keras.Model,
    at: Sequence[int],
    *,
    input_shape: InputShape | None = None,
    batch: int | None = None,
    rules: Mapping[str, Rule] = NO_RULES,
    imports: Sequence[str] = (),
    notify: Notify = silent,
    command: str = "",
) -> LengthReport:
    """Count what a model costs at several sequence lengths, and which part grows with their square.

    Args:
        model: as for ``audit``; an input must have one open axis, or the model be a subclassed one.
        at: the lengths.
        input_shape: of inputs that have no length, by name.
        batch: as for ``audit``; likewise ``rules``, ``imports``, ``notify`` and ``command``.

    Returns:
        A ``LengthReport``; ``print`` it, or take ``to_dict()``.

    Raises:
        KerauditError: as for ``audit``; or the model works at none, or not all, of the lengths.
    """
    from keraudit.audits.cost.lengths import over_lengths, probed

    counted = probed(at)
    shapes = _shapes(input_shape)
    requests = [Requested(shapes=shapes, length=length, batch=batch) for length in counted]
    found = resolve_each(model, requests, closed=_closed(rules), imports=imports, notify=notify)
    graphs: dict[int, Graph] = {}
    for architecture, requested, length in zip(found, requests, counted, strict=True):
        try:
            if isinstance(architecture, ModelError):
                raise architecture
            graphs[length] = _sized(architecture, model, requested, rules)
        except ModelError as error:
            if length in at:
                raise type(error)(f"at length {length}: {error}") from None
    return over_lengths(list(graphs.values()), list(graphs), len(at), command=command)


def structure(
    model: str | os.PathLike[str] | keras.Model,
    *,
    input_shape: InputShape | None = None,
    length: int | None = None,
    batch: int | None = None,
    rules: Mapping[str, Rule] = NO_RULES,
    imports: Sequence[str] = (),
    notify: Notify = silent,
    command: str = "",
) -> StructureReport:
    """Check what lectures and papers say of ResNets and Inception; arguments as for ``audit``.

    Returns:
        A ``StructureReport``; ``print`` it, take ``report["RES04"].verdict``, or ``to_dict()``.
    """
    from keraudit.audits.structure.report import structure_of

    graph = read(
        model,
        input_shape=input_shape,
        length=length,
        batch=batch,
        rules=rules,
        imports=imports,
        notify=notify,
    )
    return structure_of(graph, command=command)


def gradients(
    model: str | os.PathLike[str] | keras.Model,
    *,
    input_shape: InputShape | None = None,
    length: int | None = None,
    batch: int = 32,
    rules: Mapping[str, Rule] = NO_RULES,
    imports: Sequence[str] = (),
    base: str = "",
    against: Sequence[str] = (),
    seeds: Sequence[int] = (0,),
    batches: int = 1,
    data: Any = "random",
    loss: str | None = None,
    shattering: bool = False,
    own_weights: bool = False,
    custom_objects: Mapping[str, Any] | None = None,
    notify: Notify = silent,
    progress: Progress | None = None,
    command: str = "",
) -> GradientReport:
    """Measure the loss's gradient across the depth of a model, and of rewrites beside it.

    The network is built anew from the graph: the model that is passed is only read.

    Args:
        model: as for ``audit``.
        input_shape: as for ``audit``; likewise ``length``.
        batch: images a batch; normalisation takes its statistics from it.
        rules: as for ``audit``; likewise ``imports``.
        base: changes to the model itself, e.g. ``"without-norm"``.
        against: changes to measure beside it, e.g. ``["without-skips"]``; words are joined by ``+``,
            ``"corners"`` stands for all eight of skips, normalisation, Glorot or He.
        seeds: of the weights and the data; one profile for each.
        batches: that each profile is the mean of.
        data: ``"random"``, ``"cifar10"``, a folder of images by class, or a pair of arrays.
        loss: ``"cross-entropy"``, ``"binary-cross-entropy"`` or ``"mean-squared-error"``; default: by
            the model's output.
        shattering: measure the mean cosine between gradients of different inputs too.
        own_weights: take the weights of the live model, or of the ``.keras`` or ``.h5`` file; default:
            drawn anew for each seed.
        custom_objects: the user's own classes and functions by name; those of a live model are known.
        notify: told, in one line, what takes over a second.
        progress: told of pieces done, of how many, and the network's label.
        command: the command line to record.

    Raises:
        KerauditError: the model, the data and the loss do not fit; one line says what.
    """
    from keraudit.audits.gradients.audit import Plan, compare, no_progress
    from keraudit.building.caller_classes import user_objects
    from keraudit.building.file_weights import weighty

    live = not isinstance(model, str | os.PathLike)
    how: dict[str, Any] = {
        "input_shape": input_shape,
        "length": length,
        "batch": batch,
        "rules": rules,
        "imports": imports,
        "notify": notify,
    }
    graph = read(model, **how)
    if any(layer.unknown for layer in graph.architecture.layers.values()):
        graph = read(model, opened=False, **how)  # what could not be opened is built by its class
    known = {**(user_objects(model) if live else {}), **(custom_objects or {})}
    source = weighty(model, known) if own_weights else None
    plan = Plan(
        seeds=tuple(seeds),
        batches=batches,
        data=data,
        loss=loss,
        shattering=shattering,
        source=source,
        custom_objects=known,
    )
    return compare(
        graph,
        plan,
        base=base,
        against=against,
        progress=progress or no_progress,
        command=command,
    )


def read(
    model: str | os.PathLike[str] | keras.Model,
    *,
    input_shape: InputShape | None = None,
    length: int | None = None,
    batch: int | None = None,
    rules: Mapping[str, Rule] = NO_RULES,
    imports: Sequence[str] = (),
    opened: bool = True,
    notify: Notify = silent,
) -> Graph:
    """Read a model into a frozen graph with every shape known; other arguments as for ``audit``.

    Args:
        opened: trace what a live model's own layers are made of. Without it they stay layers of their
            class, which ``keraudit.build`` makes again with ``custom_objects``.
    """
    requested = Requested(shapes=_shapes(input_shape), length=length, batch=batch)
    closed = _closed(rules) if opened else None
    architecture = resolve(
        model, requested=requested, closed=closed, imports=imports, notify=notify
    )
    return _sized(architecture, model, requested, rules)


def _sized(
    architecture: Architecture, model: Any, requested: Requested, rules: Mapping[str, Rule]
) -> Graph:
    """The graph of an architecture at the requested sizes; a trace was made at them."""
    sizes = None if architecture.traced else requested.fitted(_inputs_of(architecture, model))
    return shaped(architecture, input_shapes=sizes, batch=requested.batch, rules=rules)


def _inputs_of(architecture: Architecture, model: Any) -> list[Input]:
    """The inputs of an architecture; those of a live model go by the names of its tensors too."""
    names: dict[str, tuple[str, ...]] = {}
    if not isinstance(model, str | os.PathLike):
        from keraudit.reading.live_model import input_names

        names = {found[0]: found for found in input_names(model)}
    called = [architecture.calls[ref.call].name for ref in architecture.inputs]
    return [
        Input(names.get(name, (name,)), recorded[1:] if recorded else None)
        for name, recorded in zip(called, architecture.input_shapes, strict=True)
    ]


def _closed(rules: Mapping[str, Rule]) -> tuple[str, ...]:
    """The classes of live layers that are not opened, as a rule counts them."""
    return tuple(kind for kind, rule in rules.items() if not isinstance(rule, ExampleRule))


def _shapes(input_shape: InputShape | None) -> tuple[Shape, ...] | Mapping[str, Shape] | None:
    """One shape or several, as several."""
    if input_shape is None:
        return None
    if isinstance(input_shape, Mapping):
        return {name: tuple(shape) for name, shape in input_shape.items()}
    shapes = list(input_shape)
    if all(isinstance(size, int) for size in shapes):
        return (tuple(shapes),)  # type: ignore[arg-type]
    return tuple(tuple(shape) for shape in shapes)  # type: ignore[arg-type]


def report_of(
    graph: Graph, *, command: str = "", rewrites: tuple[RewriteNote, ...] = ()
) -> CostReport:
    """The cost report of a graph, read or rewritten."""
    return CostReport(**origin_of(graph, command=command), costs=costs(graph), rewrites=rewrites)
