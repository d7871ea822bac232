"""A model layer by layer, as a summary prints it: class, output shape, parameters, MACs."""

from __future__ import annotations

from keraudit.audits.cost.count import LayerCost
from keraudit.audits.cost.report import CostReport, cost_bounds, import_notes
from keraudit.output.numbers import inputs_text, short_bytes
from keraudit.output.table import Column, Grid, Line, bound_notes

COLUMNS = (
    Column(key="name", label="Layer (class)"),
    Column(key="output_shape", label="Output", form="shape"),
    Column(key="params", label="Params", form="exact", bounded=True),
    Column(key="macs", label="MACs", form="exact", bounded=True),
)


def summary_grid(report: CostReport) -> Grid:
    """One row for each call of a layer, with every digit, and the totals below."""
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
        *import_notes(costs),
    )
    return Grid(
        title=", ".join([report.model, *(note.name for note in report.rewrites)]),
        heading=f"at {inputs_text(report.input_shapes)}, batch {report.batch}",
        columns=COLUMNS,
        lines=tuple(map(_line, report.layers)),
        notes=notes,
    )


def _line(layer: LayerCost) -> Line:
    cells = {
        "name": f"{layer.name} ({layer.kind})",
        "output_shape": layer.output_shapes[0] if layer.output_shapes else None,
        "params": layer.cost.params,
        "macs": layer.cost.macs,
    }
    return Line(
        cells=cells,
        tone="warn" if layer.reason and layer.status == "unsupported" else "",
        bounds=cost_bounds(layer.cost.bounds),
    )
