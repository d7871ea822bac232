"""What the 1x1 reductions save: each block with them and without, product by product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keraudit.blocks import Block, blocks
from keraudit.bounds import ALL_EXACT, Bound, Bounds
from keraudit.graph import UNSUPPORTED, Graph, Node, Term
from keraudit.origin import Report, origin_of
from keraudit.rewrite.reductions import without_reductions
from keraudit.rewrite.surgery import Rewrite

SCHEMA = "keraudit.reductions/2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """The MACs of one layer as a product of named sizes, as a lecturer writes it on the board."""

    layer: str
    factors: tuple[tuple[str, int], ...]

    @property
    def macs(self) -> int:
        total = 1
        for _, size in self.factors:
            total *= size
        return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """One block (or the whole) with its reductions and without them."""

    name: str
    macs_with: int
    macs_without: int
    params_with: int
    params_without: int
    removed: tuple[str, ...] = ()
    products_with: tuple[Product, ...] = ()
    products_without: tuple[Product, ...] = ()
    bounds: Bounds = ALL_EXACT  # of both sides

    @property
    def saving(self) -> int:
        """MACs that the reductions save; negative where they cost more than they save."""
        return self.macs_without - self.macs_with

    @property
    def factor(self) -> float:
        """How many times more MACs the block takes without its reductions."""
        return self.macs_without / self.macs_with if self.macs_with else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncounted:
    """A layer that could not be counted in full, with its reductions or without them."""

    name: str
    kind: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reductions(Report):
    """The savings of a model, block by block; the rewrite's ``nothing`` says why there are none.

    With ``unsupported`` layers the MACs of both sides are lower bounds, or estimates, and what is saved
    is saved in what could be counted.
    """

    blocks: tuple[Saving, ...]
    total: Saving
    rewrite: Rewrite
    also_pool_projections: bool = False
    unsupported: tuple[Uncounted, ...] = ()

    @property
    def bound(self) -> Bound:
        """What the MACs and parameters of both sides are; the worst of all."""
        return self.total.bounds.worst

    def __str__(self) -> str:
        from keraudit.render.reductions import reductions_grid
        from keraudit.render.text import grid_text

        return grid_text(reductions_grid(self))

    def _repr_html_(self) -> str:
        from keraudit.render.html import fragment
        from keraudit.render.reductions import reductions_grid

        return fragment(reductions_grid(self))

    def to_dict(self) -> dict[str, Any]:
        """The savings as plain data."""
        return {
            **self.origin(SCHEMA),
            "also_pool_projections": self.also_pool_projections,
            "nothing": self.rewrite.nothing,
            "bound": self.bound.word,
            "unsupported": [
                {"layer": u.name, "kind": u.kind, "reason": u.reason} for u in self.unsupported
            ],
            "blocks": [saving_dict(block) for block in self.blocks],
            "totals": saving_dict(self.total),
            "log": [{"layer": c.layer, "what": c.what, "why": c.why} for c in self.rewrite.log],
        }


def reductions(
    graph: Graph, *, also_pool_projections: bool = False, command: str = ""
) -> Reductions:
    """Compare every block of a graph with the same block without its 1x1 reductions.

    Args:
        graph: any graph.
        also_pool_projections: take the 1x1 behind poolings out too (GoogLeNet's figure 2(a)).
        command: the command line to record.

    Raises:
        ShapeError: a shape no longer fits; the error names the layer.
    """
    rewrite = without_reductions(graph, also_pool_projections=also_pool_projections)
    found = blocks(graph)
    home = {graph.nodes[i].name: block.name for block in found for i in block.nodes}
    removed: dict[str, list[str]] = {}
    for change in rewrite.changes:
        removed.setdefault(home[change.layer], []).append(change.layer)
    after: dict[str, list[Node]] = {block.name: [] for block in found}
    for node in rewrite.graph.nodes:
        after[home[node.name]].append(node)
    savings = tuple(
        saving(block, [graph.nodes[i] for i in block.nodes], after[block.name], removed)
        for block in found
    )
    return Reductions(
        **origin_of(graph, command=command),
        blocks=savings,
        total=summed(savings),
        rewrite=rewrite,
        also_pool_projections=also_pool_projections,
        unsupported=uncounted(graph, rewrite.graph),
    )


def uncounted(before: Graph, after: Graph) -> tuple[Uncounted, ...]:
    """The layers that could not be counted before or after, each once."""
    found = {
        node.name: Uncounted(name=node.name, kind=node.layer.kind, reason=node.effect.reason)
        for node in (*after.nodes, *before.nodes)
        if node.effect.status == UNSUPPORTED
    }
    return tuple(found.values())


def saving(
    block: Block, before: Sequence[Node], after: Sequence[Node], removed: Mapping[str, list[str]]
) -> Saving:
    return Saving(
        name=block.name,
        macs_with=sum(n.effect.macs for n in before),
        macs_without=sum(n.effect.macs for n in after),
        params_with=sum(w.elements for n in before for w in n.weights),
        params_without=sum(w.elements for n in after for w in n.weights),
        removed=tuple(removed.get(block.name, ())),
        products_with=products(before),
        products_without=products(after),
        bounds=sum((n.bounds for n in (*before, *after)), ALL_EXACT),
    )


def summed(savings: Sequence[Saving]) -> Saving:
    return Saving(
        name="total",
        macs_with=sum(s.macs_with for s in savings),
        macs_without=sum(s.macs_without for s in savings),
        params_with=sum(s.params_with for s in savings),
        params_without=sum(s.params_without for s in savings),
        removed=tuple(name for s in savings for name in s.removed),
        bounds=sum((s.bounds for s in savings), ALL_EXACT),
    )


def products(nodes: Sequence[Node]) -> tuple[Product, ...]:
    """The MAC terms of some calls in the order of the board: map, depth, kernel, filters."""
    return tuple(
        Product(layer=node.name, factors=board_order(term))
        for node in nodes
        for term in node.effect.terms
        if term.unit == "mac"
    )


def board_order(term: Term) -> tuple[tuple[str, int], ...]:
    """The factors as in ``28 x 28 x 192 x 5 x 5 x 32``; a batch of 1 and kernels of 1 are left out."""

    def place(factor: tuple[str, int]) -> int:
        name, _ = factor
        if name.startswith(("batch", "rows")):
            return 0
        if name.startswith(("output ", "input h", "input w", "input l", "input d")):
            return 1
        return 3 if name.startswith("kernel") else 4 if name == "filters" else 2

    kernel = {size for name, size in term.factors if name.startswith("kernel")}
    kept = [
        (name, size)
        for name, size in term.factors
        if not (name in ("batch", "rows") and size == 1)
        and not (name.startswith("kernel") and kernel == {1})
    ]
    return tuple(sorted(kept, key=place))


def saving_dict(saved: Saving) -> dict[str, Any]:
    return {
        "name": saved.name,
        "bounds": {"macs": saved.bounds.macs.word, "params": saved.bounds.params.word},
        "macs_with": saved.macs_with,
        "macs_without": saved.macs_without,
        "saving": saved.saving,
        "factor": saved.factor,
        "params_with": saved.params_with,
        "params_without": saved.params_without,
        "removed": list(saved.removed),
        "derivation": {
            "with": [product_dict(p) for p in saved.products_with],
            "without": [product_dict(p) for p in saved.products_without],
        },
    }


def product_dict(product: Product) -> dict[str, Any]:
    return {
        "layer": product.layer,
        "factors": dict(product.factors),
        "text": " x ".join(str(size) for _, size in product.factors),
        "macs": product.macs,
    }
