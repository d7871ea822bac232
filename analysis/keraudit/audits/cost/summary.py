"""A model layer by layer, as a summary prints it: class, output shape, parameters, MACs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from keraudit.audits.cost.count import NOTHING, Cost, LayerCost
from keraudit.audits.cost.report import CostReport, cost_bounds, reading_notes
from keraudit.model.graph import UNSUPPORTED
from keraudit.output.numbers import inputs_text, short_bytes
from keraudit.output.table import Column, Grid, Line, bound_notes

COLUMNS = (
    Column(key="name", label="Layer (class)"),
    Column(key="output_shape", label="Output", form="shape", minor=True),
    Column(key="params", label="Params", form="exact", bounded=True),
    Column(key="macs", label="MACs", form="exact", bounded=True),
)


def summary_grid(report: CostReport) -> Grid:
    """One row for each call of a layer, with every digit, and the totals below.

    Layers within a layer are set in below it; its row has their sum.
    """
    total, costs = report.total, report.costs
    bounds = total.bounds
    notes = (
        f"Total params       {bounds.params.phrase}{total.params:,} ({short_bytes(total.param_bytes)})",
        f"Trainable params   {bounds.trainable_params.phrase}{total.trainable_params:,}",
        f"Total MACs         {bounds.macs.phrase}{total.macs:,} at batch {report.batch}",
        f"Total FLOPs        {bounds.flops.phrase}{total.flops:,} = 2 x MACs + {total.other_flops:,} others",
        f"Peak activations   {bounds.activations.phrase}{short_bytes(costs.peak_activation_bytes)}"
        f" (at {costs.peak_at})",
        *bound_notes(report.bound, costs.unsupported),
        *reading_notes(costs),
    )
    return Grid(
        title=", ".join([report.model, *(note.name for note in report.rewrites)]),
        heading=f"at {inputs_text(report.input_shapes)}, batch {report.batch}",
        columns=COLUMNS,
        lines=tuple(_lines(report.layers, costs.containers)),
        notes=notes,
    )


def _lines(
    layers: Sequence[LayerCost], containers: Mapping[str, str], depth: int = 0
) -> Iterator[Line]:
    """A row for each layer, and one before those that stand together in one layer around them."""
    for path, group in groupby(layers, key=lambda layer: _around(layer, depth)):
        inside = list(group)
        if not path or len(inside) == 1:  # what holds one layer alone is but another name of it
            yield from (_line(_within(layer.name, depth), layer, depth) for layer in inside)
            continue
        kind = containers.get(path, "")
        name = _within(path, depth) + (f" ({kind})" if kind else "")
        cost = sum((layer.cost for layer in inside), NOTHING)
        yield _row(name, inside[-1], cost, depth)
        yield from _lines(inside, containers, depth + 1)


def _around(layer: LayerCost, depth: int) -> str:
    """The path of the layer at ``depth`` that a layer is in; empty where it is in none."""
    parts = layer.name.split("/")
    return "/".join(parts[: depth + 1]) if len(parts) > depth + 1 else ""


def _within(path: str, depth: int) -> str:
    """A path without the layers that the rows around it name."""
    return "/".join(path.split("/")[depth:])


def _line(name: str, layer: LayerCost, depth: int) -> Line:
    line = _row(f"{name} ({layer.kind.removeprefix('ops.')})", layer, layer.cost, depth)
    return line._replace(tone="warn" if layer.status == UNSUPPORTED else "")


def _row(name: str, last: LayerCost, cost: Cost, depth: int) -> Line:
    cells = {
        "name": name,
        "output_shape": last.output_shapes[0] if last.output_shapes else None,
        "params": cost.params,
        "macs": cost.macs,
    }
    return Line(cells=cells, depth=depth, bounds=cost_bounds(cost.bounds))
