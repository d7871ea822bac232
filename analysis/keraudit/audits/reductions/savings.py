"""What the reductions of each block save, product by product: the block with them and without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keraudit.model.block import Block
from keraudit.model.bounds import ALL_EXACT, Bounds
from keraudit.model.graph import UNSUPPORTED, Graph, Node, Term
from keraudit.output.plain_data import as_dict

FIGURES = (
    "macs_with",
    "macs_without",
    "saving",
    "factor",
    "params_with",
    "params_without",
    "removed",
)


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


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Saving:
    """One block (or the whole) with its reductions and without them.

    Attributes:
        name: the block's.
        macs_with: MACs with its reductions.
        macs_without: MACs without them.
        params_with: parameters with its reductions.
        params_without: parameters without them.
        removed: the reductions, by name.
        products_with: the MACs of each layer with them, as products of named sizes.
        products_without: likewise without them.
        bounds: which figures of both sides are exact.
    """

    name: str
    macs_with: int
    macs_without: int
    params_with: int
    params_without: int
    removed: tuple[str, ...] = ()
    products_with: tuple[Product, ...] = ()
    products_without: tuple[Product, ...] = ()
    bounds: Bounds = ALL_EXACT

    def __repr__(self) -> str:
        return f"<Saving {self.name}: {self.macs_with:,} MACs, {self.macs_without:,} without reductions>"

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
        products_with=_products(before),
        products_without=_products(after),
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


def _products(nodes: Sequence[Node]) -> tuple[Product, ...]:
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
    factors = [
        (name, size)
        for name, size in term.factors
        if not (name in ("batch", "rows") and size == 1)
        and not (name.startswith("kernel") and kernel == {1})
    ]
    return tuple(sorted(factors, key=place))


def saving_dict(saved: Saving) -> dict[str, Any]:
    return {
        "name": saved.name,
        "bounds": {"macs": saved.bounds.macs.word, "params": saved.bounds.params.word},
        **as_dict(saved, *FIGURES),
        "derivation": {
            "with": [_product_dict(p) for p in saved.products_with],
            "without": [_product_dict(p) for p in saved.products_without],
        },
    }


def _product_dict(product: Product) -> dict[str, Any]:
    return {
        "layer": product.layer,
        "factors": dict(product.factors),
        "text": " x ".join(str(size) for _, size in product.factors),
        "macs": product.macs,
    }
