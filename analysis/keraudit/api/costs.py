"""What a model costs: counted, compared, over lengths, as a summary, against a budget."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from keraudit.api import arguments
from keraudit.api.models import (
    InputShape,
    Model,
    Reading,
    check_model,
    closed,
    graph_of,
    notes_of,
    reading_of,
    reshaped,
    sized,
)
from keraudit.audits.cost.report import CostReport, report_of
from keraudit.errors import ModelError
from keraudit.layers.call import Rule
from keraudit.layers.infer import NO_RULES
from keraudit.model.graph import Architecture, Graph
from keraudit.model.input_sizes import Requested
from keraudit.reading.resolve import resolve_each, silent
from keraudit.rewrite.edit import Rewrite

if TYPE_CHECKING:
    from keraudit.audits.cost.compare import Comparison
    from keraudit.audits.cost.lengths import LengthReport
    from keraudit.reading.cache import Notify

COMMAND = "the command line to record, a text"


def audit(
    model: Model,
    *,
    input_shape: InputShape | None = None,
    length: int | None = None,
    batch: int | None = None,
    rules: Mapping[str, Rule] = NO_RULES,
    imports: Sequence[str] = (),
    notify: Notify = silent,
    command: str = "",
) -> CostReport:
    """Count what a model costs, by layer and by block; the model is only read.

    Args:
        model: a name, a file, a live model or a graph, as for ``keraudit.read``; likewise the other
            arguments.
        input_shape: sizes without the batch, e.g. ``(96, 96, 3)``.
        length: fills the open axis of every input that has one, such as tokens.
        batch: default: the one recorded, else 1.
        rules: rules for layer classes of your own, by class name.
        imports: packages whose classes a file names.
        notify: told, in one line, what takes over a second.
        command: the command line to record.

    Returns:
        A ``CostReport``: ``print`` it, take ``report["conv1"]``, ``to_dataframe()`` or ``plot()``.

    Raises:
        KerauditError: the model cannot be read, or an argument does not fit it; one line says why.
    """
    reading = reading_of(input_shape, length, batch, rules, imports, notify)
    return _report(model, reading, arguments.text("command", command, COMMAND))


def _report(model: Any, reading: Reading, command: str = "") -> CostReport:
    return report_of(graph_of(model, reading), command=command, rewrites=notes_of(model))


def compare(
    a: Model | CostReport,
    b: Model | CostReport,
    *,
    input_shape: InputShape | None = None,
    length: int | None = None,
    batch: int | None = None,
    rules: Mapping[str, Rule] = NO_RULES,
    imports: Sequence[str] = (),
    notify: Notify = silent,
    command: str = "",
) -> Comparison:
    """Match two models block by block and layer by layer, and count the difference.

    Args:
        a: what is compared with; as for ``audit``, or a report that was made before.
        b: what is looked at; changes are B minus A.
        input_shape: of both, as for ``audit``; likewise the others. Reports are taken as they are.
        length: as for ``audit``.
        batch: as for ``audit``.
        rules: as for ``audit``.
        imports: as for ``audit``.
        notify: as for ``audit``.
        command: as for ``audit``.

    Returns:
        A ``Comparison``: ``print`` it, take ``comparison.block("stem")`` or ``plot()``.

    Raises:
        KerauditError: as for ``audit``.
    """
    from keraudit.audits.cost.compare import compare as matched

    reading = reading_of(input_shape, length, batch, rules, imports, notify)
    command = arguments.text("command", command, COMMAND)
    reports = []
    for argument, model in (("a", a), ("b", b)):
        if isinstance(model, CostReport):
            _refuse_another_size(argument, model, reading)
        else:
            check_model(model, argument)
            model = _report(model, reading)
        reports.append(model)
    return matched(*reports, command=command)


def _refuse_another_size(argument: str, report: CostReport, reading: Reading) -> None:
    """Refuse a size or a batch that a report was not made at."""
    shapes, batch = reading.requested.shapes, reading.requested.batch
    asked = list(shapes.values()) if isinstance(shapes, Mapping) else list(shapes or ())
    is_other = asked and asked != list(report.input_shapes.values())
    if is_other or batch not in (None, report.batch) or reading.requested.length:
        arguments.refuse(
            argument,
            report,
            "a model, or a report made at the input_shape, length and batch that are asked for",
        )


def lengths(
    model: Model,
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
        rules: as for ``audit``.
        imports: as for ``audit``.
        notify: as for ``audit``.
        command: as for ``audit``.

    Returns:
        A ``LengthReport``: ``print`` it, take ``report[128]`` or ``plot()``.

    Raises:
        KerauditError: as for ``audit``; or the model works at none, or not all, of the lengths.
    """
    from keraudit.audits.cost.lengths import over_lengths, probed

    reading = reading_of(input_shape, None, batch, rules, imports, notify)
    command = arguments.text("command", command, COMMAND)
    asked = arguments.whole_numbers("at", at, least=1)
    counted = probed(asked)
    requests = [
        Requested(shapes=reading.requested.shapes, length=length, batch=reading.requested.batch)
        for length in counted
    ]
    graphs: dict[int, Graph] = {}
    for found, requested in zip(_each(model, requests, reading), requests, strict=True):
        length = requested.length or 0
        try:
            if isinstance(found, ModelError):
                raise found
            source = _source(model)
            graphs[length] = (
                reshaped(source, replace(reading, requested=requested))
                if isinstance(source, Graph)
                else sized(found, source, requested, _rules_of(model, reading))
            )
        except ModelError as error:
            if length in asked:
                raise type(error)(f"at length {length}: {error}") from None
    return over_lengths(list(graphs.values()), list(graphs), len(asked), command=command)


def _each(
    model: Any, requests: Sequence[Requested], reading: Reading
) -> Sequence[Architecture | ModelError]:
    """The architecture at each size, or the error at it; a graph's own is the same at all."""
    check_model(model)
    model = _source(model)
    if isinstance(model, Graph):
        graph_of(model, replace(reading, requested=Requested()))  # refuses packages to import
        if model.architecture.traced:
            raise ModelError(
                f"{model.architecture.name} was traced, and a trace holds for one length: give the"
                " model itself"
            )
        return [model.architecture] * len(requests)
    return resolve_each(
        model,
        requests,
        closed=closed(reading.rules),
        imports=reading.imports,
        notify=reading.notify,
    )


def _source(model: Any) -> Any:
    return model.graph if isinstance(model, Rewrite) else model


def _rules_of(model: Any, reading: Reading) -> Mapping[str, Rule]:
    model = _source(model)
    return {**model.rules, **reading.rules} if isinstance(model, Graph) else reading.rules


def summary(
    model: Model,
    *,
    input_shape: InputShape | None = None,
    length: int | None = None,
    batch: int | None = None,
    rules: Mapping[str, Rule] = NO_RULES,
    imports: Sequence[str] = (),
    notify: Notify = silent,
) -> None:
    """Print a model layer by layer: class, output shape, parameters and MACs, then the totals.

    The arguments and errors are those of ``audit``, which returns the same numbers.
    """
    from keraudit.audits.cost.summary import summary_grid
    from keraudit.output.terminal import grid_text

    reading = reading_of(input_shape, length, batch, rules, imports, notify)
    sys.stdout.write(grid_text(summary_grid(_report(model, reading))) + "\n")


def assert_budget(
    model: Model | CostReport,
    *,
    max_macs: float | None = None,
    max_params: float | None = None,
    max_peak_memory: float | None = None,
    allow_uncounted: bool = False,
    input_shape: InputShape | None = None,
    length: int | None = None,
    batch: int | None = None,
    rules: Mapping[str, Rule] = NO_RULES,
    imports: Sequence[str] = (),
    notify: Notify = silent,
) -> CostReport:
    """Hold a model against budgets, in a test: ``keraudit.assert_budget(model, max_macs=4e9)``.

    Args:
        model: as for ``audit``, or a report that was made before.
        max_macs: multiply-accumulates of a forward pass of the batch.
        max_params: parameters.
        max_peak_memory: bytes of activations held at once, at inference.
        allow_uncounted: pass although a count is only a lower bound or an estimate.
        input_shape: as for ``audit``; likewise the others.
        length: as for ``audit``.
        batch: as for ``audit``.
        rules: as for ``audit``.
        imports: as for ``audit``.
        notify: as for ``audit``.

    Returns:
        The report, for more assertions.

    Raises:
        AssertionError: a budget is exceeded, or cannot be checked; a line for each names the heaviest
            blocks.
        KerauditError: as for ``audit``; or no budget is stated.
    """
    from keraudit.audits.cost.budget import Budget, exceeded_budgets

    stated = {"max_macs": max_macs, "max_params": max_params, "max_peak_memory": max_peak_memory}
    limits = [
        Budget(key.replace("_", "-"), arguments.limit(key, value), f"{key}=")
        for key, value in stated.items()
        if value is not None
    ]
    if not limits:
        arguments.refuse("max_macs", None, "a number; or state max_params or max_peak_memory")
    reading = reading_of(input_shape, length, batch, rules, imports, notify)
    if isinstance(model, CostReport):
        _refuse_another_size("model", model, reading)
    report = model if isinstance(model, CostReport) else _report(model, reading)
    found = exceeded_budgets(
        report,
        limits,
        allow_uncounted=allow_uncounted,
        allowing="allow_uncounted=True",
        ruling="rules=",
    )
    if failing := [finding.line for finding in found if finding.fails]:
        raise AssertionError("\n".join(failing))
    return report
