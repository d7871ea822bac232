"""A comparison as a grid."""

from __future__ import annotations

from keraudit.audits.compare import Comparison, Pair
from keraudit.bounds import ALL_EXACT, Bound
from keraudit.render.grid import NAMES, Column, Grid, Line, bound_notes, heading
from keraudit.render.numbers import change
from keraudit.report import CostReport


def titled(report: CostReport) -> str:
    """A model's name with what was done to it."""
    return ", ".join([report.model, *(note.name for note in report.rewrites)])


def comparison_grid(comparison: Comparison, *, by: str = "block") -> Grid:
    """Two models side by side, matched."""
    a, b = comparison.a, comparison.b
    pairs = comparison.layers if by == "layer" else comparison.blocks
    changed = [pair for pair in pairs if pair.status != "same"] if by == "layer" else pairs
    columns = (
        Column(key="name", label=NAMES[by]),
        Column(key="status", label="", wide=False),
        Column(key="macs_a", label="MACs A", form="count", bounded=True),
        Column(key="macs_b", label="MACs B", form="count", bounded=True),
        Column(key="macs_change", label="Change", form="change", bounded=True),
        Column(key="macs_factor", label="B / A", form="factor", bounded=True),
        Column(key="params_a", label="Params A", form="count", wide=True, bounded=True),
        Column(key="params_b", label="Params B", form="count", wide=True, bounded=True),
        Column(key="params_change", label="Params", form="change", bounded=True),
    )
    same = sum(1 for pair in pairs if pair.status == "same")
    notes = [
        f"A              {a.model}, {heading(a)}",
        f"B              {b.model}, {heading(b)}",
        f"Matched        {same} the same, "
        + ", ".join(
            f"{sum(1 for p in pairs if p.status == s)} {s}" for s in ("changed", "added", "removed")
        ),
    ]
    uncounted = {layer.name: layer for r in (a, b) for layer in r.costs.unsupported}
    worst = max(a.bound, b.bound)
    notes += bound_notes(worst, list(uncounted.values()), ", so differences are of the rest")
    if by == "layer" and same:
        notes.append(f"Shown          the {len(changed)} layers that differ")
    total = pair_line(Pair(name="total", status="", a=a.total, b=b.total))
    return Grid(
        title=f"{titled(a)} (A) and {titled(b)} (B)",
        heading=f"{rough(total.bounds['macs_change'])}{change(b.total.macs - a.total.macs)} MACs,"
        f" {rough(total.bounds['params_change'])}{change(b.total.params - a.total.params)}"
        " parameters",
        columns=columns,
        lines=tuple(map(pair_line, changed)),
        total=total,
        notes=tuple(notes),
        command=comparison.command,
    )


def pair_line(pair: Pair) -> Line:
    macs_a, macs_b = (c.macs if c else None for c in (pair.a, pair.b))
    params_a, params_b = (c.params if c else None for c in (pair.a, pair.b))
    cells = {
        "name": pair.name,
        "status": pair.status,
        "macs_a": macs_a,
        "macs_b": macs_b,
        "macs_change": (macs_b or 0) - (macs_a or 0),
        "macs_factor": macs_b / macs_a if macs_a and macs_b is not None else None,
        "params_a": params_a,
        "params_b": params_b,
        "params_change": (params_b or 0) - (params_a or 0),
    }
    a, b = (c.bounds if c else ALL_EXACT for c in (pair.a, pair.b))
    macs, params = difference(a.macs, b.macs), difference(a.params, b.params)
    bounds = {
        "macs_a": a.macs,
        "macs_b": b.macs,
        "macs_change": macs,
        "macs_factor": macs,
        "params_a": a.params,
        "params_b": b.params,
        "params_change": params,
    }
    tones = {"same": "dim", "added": "more", "removed": "less"}
    return Line(cells=cells, tone=tones.get(pair.status, ""), bounds=bounds)


def difference(a: Bound, b: Bound) -> Bound:
    """What the difference, or the ratio, of two numbers is: of two lower bounds it is no bound."""
    return Bound.EXACT if a is b is Bound.EXACT else Bound.ESTIMATE


def rough(bound: Bound) -> str:
    return "" if bound is Bound.EXACT else "about "
