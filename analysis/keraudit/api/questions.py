"""Whether a model has the shape that papers claim, what its 1x1 reductions save, how its gradients grow."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from keraudit.api import arguments
from keraudit.api.costs import COMMAND
from keraudit.api.models import InputShape, Model, buildable, graph_of, reading_of
from keraudit.layers.call import Rule
from keraudit.layers.infer import NO_RULES
from keraudit.model.graph import Graph
from keraudit.reading.resolve import silent
from keraudit.rewrite.edit import Rewrite

if TYPE_CHECKING:
    from keraudit.audits.gradients.audit import Progress
    from keraudit.audits.gradients.report import GradientReport
    from keraudit.audits.reductions.report import Reductions
    from keraudit.audits.structure.report import StructureReport
    from keraudit.reading.cache import Notify


def structure(
    model: Model,
    *,
    input_shape: InputShape | None = None,
    length: int | None = None,
    batch: int | None = None,
    rules: Mapping[str, Rule] = NO_RULES,
    imports: Sequence[str] = (),
    notify: Notify = silent,
    command: str = "",
) -> StructureReport:
    """Check what lectures and papers claim of ResNets and Inception; arguments as for ``audit``.

    Returns:
        A ``StructureReport``: ``print`` it, take ``report["RES04"].verdict``, or ``to_dict()``.
    """
    from keraudit.audits.structure.report import structure_of

    reading = reading_of(input_shape, length, batch, rules, imports, notify)
    command = arguments.text("command", command, COMMAND)
    return structure_of(graph_of(model, reading), command=command)


def reductions(
    model: Model,
    *,
    also_pool_projections: bool = False,
    input_shape: InputShape | None = None,
    length: int | None = None,
    batch: int | None = None,
    rules: Mapping[str, Rule] = NO_RULES,
    imports: Sequence[str] = (),
    notify: Notify = silent,
    command: str = "",
) -> Reductions:
    """Compare every block of a model with the same block without its 1x1 reductions.

    Args:
        model: as for ``audit``; likewise the other arguments.
        also_pool_projections: take the 1x1 behind poolings out too (GoogLeNet's figure 2(a)).
        input_shape: as for ``audit``.
        length: as for ``audit``.
        batch: as for ``audit``.
        rules: as for ``audit``.
        imports: as for ``audit``.
        notify: as for ``audit``.
        command: as for ``audit``.

    Returns:
        A ``Reductions`` report: ``print`` it, take ``report.block("mixed3").factor`` or ``plot()``.

    Raises:
        KerauditError: as for ``audit``; or a shape no longer fits without the reductions.
    """
    from keraudit.audits.reductions.report import reductions as saved

    reading = reading_of(input_shape, length, batch, rules, imports, notify)
    return saved(
        graph_of(model, reading),
        also_pool_projections=bool(also_pool_projections),
        command=arguments.text("command", command, COMMAND),
    )


def gradients(
    model: Model,
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
        progress: told of pieces done, of how many, and the network and the block that is done.
        command: the command line to record.

    Returns:
        A ``GradientReport``: ``print`` it, take ``report["without-skips"].verdict`` or ``plot()``.

    Raises:
        KerauditError: the model, the data and the loss do not fit; one line says what.
    """
    reading = reading_of(input_shape, length, batch, rules, imports, notify)
    options = _plan_options(base, against, seeds, batches, loss, custom_objects, progress)
    command = arguments.text("command", command, COMMAND)
    graph = buildable(model, reading)

    from keraudit.audits.gradients.audit import Plan, compare, no_progress
    from keraudit.building.caller_classes import user_objects
    from keraudit.building.file_weights import weighty

    live = not isinstance(model, str | os.PathLike | Graph | Rewrite)
    if own_weights and isinstance(model, Graph | Rewrite):
        arguments.refuse("own_weights", own_weights, "False with a Graph, which holds no weights")
    known = {**(user_objects(model) if live else {}), **(custom_objects or {})}
    plan = Plan(
        seeds=options["seeds"],
        batches=options["batches"],
        data=data,
        loss=loss,
        shattering=bool(shattering),
        source=weighty(model, known) if own_weights else None,
        custom_objects=known,
    )
    return compare(
        graph,
        plan,
        base=base,
        against=options["against"],
        progress=progress or no_progress,
        command=command,
    )


def _plan_options(
    base: Any,
    against: Any,
    seeds: Any,
    batches: Any,
    loss: Any,
    custom_objects: Any,
    progress: Any,
) -> dict[str, Any]:
    """The arguments that are the gradients' own, checked before anything of Keras is imported."""
    arguments.text("base", base, 'changes joined by +, such as "without-norm"')
    if loss is not None:
        arguments.text("loss", loss, "the name of a loss such as 'cross-entropy', or None")
    if not (custom_objects is None or isinstance(custom_objects, Mapping)):
        accepted = "a dictionary of classes and functions by name"
        arguments.refuse("custom_objects", custom_objects, accepted)
    if progress is not None:
        arguments.function("progress", progress, "a function of done, total and label")
    return {
        "against": arguments.words("against", against, 'a sequence such as ["without-skips"]'),
        "seeds": arguments.whole_numbers("seeds", seeds, least=0),
        "batches": arguments.whole("batches", batches),
    }
