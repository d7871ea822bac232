"""Two models, matched block by block and layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, ClassVar

from keraudit.audits.cost.count import NOTHING, BlockCost, Cost, LayerCost
from keraudit.audits.cost.figure import macs_of_two
from keraudit.audits.cost.report import (
    CONVENTION,
    NAMES,
    CostReport,
    cost_dict,
    figures,
    heading,
    reading_notes,
)
from keraudit.model.bounds import ALL_EXACT, Bound
from keraudit.model.fuzzy import by_name
from keraudit.output.numbers import change, counted
from keraudit.output.plotly_figure import of_record
from keraudit.output.plotly_text import safe
from keraudit.output.report import Shown
from keraudit.output.table import Column, Grid, Line, bound_notes

SCHEMA = "keraudit.compare/2"
LONGEST_ALIGNMENT = 3000  # of repeating signatures; aligning more takes quadratic time


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Pair:
    """What stands in A and in B at one place.

    Attributes:
        name: of the layer or block; ``a / b`` where the two differ.
        status: ``same``, ``changed``, ``added`` or ``removed``.
        a: the cost in A; ``None`` where it has nothing there.
        b: likewise in B.
    """

    name: str
    status: str
    a: Cost | None
    b: Cost | None

    def __repr__(self) -> str:
        sides = (f"{side.macs:,} MACs" if side else "nothing" for side in (self.a, self.b))
        return f"<Pair {self.name}, {self.status}: {' and '.join(sides)}>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Comparison(Shown):
    """Two models matched layer by layer and block by block; changes are B minus A.

    Attributes:
        a: the report on what is compared with.
        b: the report on what is looked at.
        blocks: pairs of blocks, in running order.
        layers: pairs of layers, in running order.
        command: the command line that makes the same comparison.
    """

    VIEWS: ClassVar[tuple[str, ...]] = ("block", "layer")

    a: CostReport
    b: CostReport
    blocks: tuple[Pair, ...]
    layers: tuple[Pair, ...]
    command: str = ""

    def tables(self) -> tuple[Grid, ...]:
        return (comparison_grid(self),)

    def _tables_by(self, by: str) -> tuple[Grid, ...]:
        return (comparison_grid(self, by=by),)

    def __getitem__(self, layer: str) -> Pair:
        """The pair of a layer by its name, in A or in B.

        Raises:
            UnknownNameError: there is none; it is a ``KerauditError`` and a ``KeyError``.
        """
        return by_name(layer, _pairs_by_name(self.layers), what="layer", owner="neither model")

    def block(self, name: str) -> Pair:
        """The pair of a block by its name, in A or in B; errors as for a layer."""
        return by_name(name, _pairs_by_name(self.blocks), what="block", owner="neither model")

    def plot(self, *, by: str = "block") -> Any:
        """The MACs of each block or layer in both models, as a ``plotly.graph_objects.Figure``.

        Args:
            by: one of ``VIEWS``.

        Raises:
            KerauditError: plotly is not installed, or there is no such view.
        """
        names = _titled(self.a), _titled(self.b)
        by = self._checked(by)
        return of_record(macs_of_two(safe(self.to_dict()), names=safe(names), by=by))

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain data; changes are B minus A."""
        return {
            "schema": SCHEMA,
            "command": self.command,
            "versions": dict(self.a.versions),
            "a": _side_dict(self.a),
            "b": _side_dict(self.b),
            "blocks": [_pair_dict(pair) for pair in self.blocks],
            "layers": [_pair_dict(pair) for pair in self.layers],
            "totals": _pair_dict(Pair(name="total", status="", a=self.a.total, b=self.b.total)),
        }


def compare(a: CostReport, b: CostReport, *, command: str = "") -> Comparison:
    """Match two models where their names or, failing that, their structures agree.

    Args:
        a: what is compared with.
        b: what is looked at; changes are B minus A.
        command: the command line to record.
    """
    kinds_a = {layer.name: layer.kind for layer in a.layers}
    kinds_b = {layer.name: layer.kind for layer in b.layers}
    parts = _regrouped(b, a) if _is_rewritten(b, a) else b.blocks
    blocks = align(
        [(x.name, _block_signature(x, kinds_a), x) for x in a.blocks],
        [(x.name, _block_signature(x, kinds_b), x) for x in parts],
    )
    layers = align(
        [(x.name, _layer_signature(x), x) for x in a.layers],
        [(x.name, _layer_signature(x), x) for x in b.layers],
    )
    return Comparison(
        a=a,
        b=b,
        blocks=tuple(_pair_of(x, y) for x, y in blocks),
        layers=tuple(_pair_of(x, y) for x, y in layers),
        command=command,
    )


def _pairs_by_name(pairs: Sequence[Pair]) -> list[tuple[str, Pair]]:
    """Pairs by the name in each model: both where they differ."""
    return [(name, pair) for pair in pairs for name in (pair.name, *pair.name.split(" / "))]


def _is_rewritten(b: CostReport, a: CostReport) -> bool:
    """Whether B holds A's layers but no longer A's blocks, as a network without its skips does."""
    layers = {x.name for x in a.layers} & {x.name for x in b.layers}
    blocks = {x.name for x in a.blocks} & {x.name for x in b.blocks}
    return 2 * len(layers) > len(b.layers) and 2 * len(blocks) < len(a.blocks)


def _regrouped(b: CostReport, a: CostReport) -> tuple[BlockCost, ...]:
    """B's layers under the blocks that A's layers of the same names are in.

    A layer that A has not goes where the layer before it went.
    """
    home = {layer.name: layer.block for layer in a.layers}
    groups: dict[str, list[LayerCost]] = {block.name: [] for block in a.blocks}
    at = a.blocks[0].name
    for layer in b.layers:
        at = home.get(layer.name, at)
        groups[at].append(layer)
    return tuple(
        block._replace(
            layers=tuple(layer.name for layer in groups[block.name]),
            cost=sum((layer.cost for layer in groups[block.name]), NOTHING),
        )
        for block in a.blocks
        if groups[block.name]
    )


def _block_signature(block: BlockCost, kinds: dict[str, str]) -> tuple[str, ...]:
    return (block.kind, *(kinds[name] for name in block.layers))


def _layer_signature(layer: LayerCost) -> tuple[Any, ...]:
    shape = layer.output_shapes[0] if layer.output_shapes else ()
    return (layer.kind, shape[-1:], layer.cost.params)


Entry = tuple[str, tuple[Any, ...], Any]


def align(a: Sequence[Entry], b: Sequence[Entry]) -> list[tuple[Any | None, Any | None]]:
    """Pair the entries of two sequences, each (name, signature, item), order kept.

    Names decide when half of the shorter side's are found on the other; else signatures do.
    """
    common = {name for name, _, _ in a} & {name for name, _, _ in b}
    by_name = 2 * len(common) >= min(len(a), len(b))
    if not by_name and max(len(a), len(b)) > LONGEST_ALIGNMENT:
        return [(x[2], None) for x in a] + [(None, y[2]) for y in b]
    key = 0 if by_name else 1
    matcher = SequenceMatcher(None, [x[key] for x in a], [y[key] for y in b], autojunk=False)
    result: list[tuple[Any | None, Any | None]] = []
    for tag, a0, a1, b0, b1 in matcher.get_opcodes():
        left, right = a[a0:a1], b[b0:b1]
        if tag == "replace" and len(left) == len(right):
            alike = all(x[1][:1] == y[1][:1] for x, y in zip(left, right, strict=True))
        else:
            alike = tag == "equal"
        if alike:
            result.extend((x[2], y[2]) for x, y in zip(left, right, strict=True))
        else:
            result.extend((x[2], None) for x in left)
            result.extend((None, y[2]) for y in right)
    return result


def _pair_of(a: Any | None, b: Any | None) -> Pair:
    if a is None:
        return Pair(name=b.name, status="added", a=None, b=b.cost)  # type: ignore[union-attr]
    if b is None:
        return Pair(name=a.name, status="removed", a=a.cost, b=None)
    same = a.cost == b.cost and a.kind == b.kind
    name = a.name if a.name == b.name else f"{a.name} / {b.name}"
    return Pair(name=name, status="same" if same else "changed", a=a.cost, b=b.cost)


def _side_dict(report: CostReport) -> dict[str, Any]:
    whole = report.to_dict()
    shared = ("model", "source", "input_shape", "input_shapes", "batch", "totals", "bound")
    return {key: whole[key] for key in shared}


def _pair_dict(pair: Pair) -> dict[str, Any]:
    a, b = (cost_dict(c) if c else None for c in (pair.a, pair.b))
    before, after = (figures(c or NOTHING) for c in (pair.a, pair.b))
    change = {key: after[key] - before[key] for key in after}
    return {"name": pair.name, "status": pair.status, "a": a, "b": b, "change": change}


def _titled(report: CostReport) -> str:
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
    notes += dict.fromkeys(note for r in (a, b) for note in reading_notes(r.costs))
    if by == "layer" and same:
        notes.append(f"Shown          {counted(len(changed), 'layer')} that differ")
    total = _pair_line(Pair(name="total", status="", a=a.total, b=b.total))
    return Grid(
        title=f"{_titled(a)} (A) and {_titled(b)} (B)",
        heading=f"{_difference(b.total.macs - a.total.macs, total.bounds['macs_change'], 'MACs')},"
        f" {_difference(b.total.params - a.total.params, total.bounds['params_change'], 'parameters')}",
        columns=columns,
        lines=tuple(map(_pair_line, changed)),
        total=total,
        notes=tuple(notes),
        command=comparison.command,
        convention=CONVENTION,
    )


def _pair_line(pair: Pair) -> Line:
    cells: dict[str, Any] = {"name": pair.name, "status": pair.status}
    bounds: dict[str, Bound] = {}
    for key in ("macs", "flops", "params"):
        a, b = (getattr(c, key) if c else None for c in (pair.a, pair.b))
        cells[f"{key}_a"], cells[f"{key}_b"] = a, b
        cells[f"{key}_change"] = (b or 0) - (a or 0)
        cells[f"{key}_factor"] = b / a if a and b is not None else None
        sides = [getattr(c.bounds if c else ALL_EXACT, key) for c in (pair.a, pair.b)]
        bounds[f"{key}_a"], bounds[f"{key}_b"] = sides
        bounds[f"{key}_change"] = bounds[f"{key}_factor"] = difference(*sides)
    tones = {"same": "dim", "added": "more", "removed": "less"}
    return Line(cells=cells, tone=tones.get(pair.status, ""), bounds=bounds)


def difference(a: Bound, b: Bound) -> Bound:
    """What the difference, or the ratio, of two numbers is: of two lower bounds it is no bound."""
    return Bound.EXACT if a is b is Bound.EXACT else Bound.ESTIMATE


def _difference(count: int, bound: Bound, what: str) -> str:
    """A difference in words: ``+3.712 G MACs``, ``about -5 parameters``, ``the same MACs``."""
    if count:
        return f"{_rough(bound)}{change(count)} {what}"
    return f"the same {what}" + ("" if bound is Bound.EXACT else " as far as counted")


def _rough(bound: Bound) -> str:
    return "" if bound is Bound.EXACT else "about "
