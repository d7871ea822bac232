"""The products of a block written out, as on a board: text, LaTeX and HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from keraudit.audits.reductions.savings import Product, Saving
from keraudit.model.bounds import Bound

RELATIONS = {Bound.EXACT: "=", Bound.LOWER: r"\ge", Bound.ESTIMATE: r"\approx"}


def derivation(saved: Saving, notation: str = "text") -> str:
    """Every product of a block, with its reductions and without them."""
    return {"text": as_text, "latex": _as_latex, "html": _as_html}[notation](saved)


def as_text(saved: Saving) -> str:
    sides = (("with", saved.products_with), ("without", saved.products_without))
    bound, sign = saved.bounds.macs.phrase, saved.bounds.macs.sign
    lines = [f"{saved.name}: {bound}{saved.macs_with:,} MACs with its reductions"]
    for side, products in sides:
        formulas = [" x ".join(str(n) for _, n in p.factors) for p in products]
        width = max(map(len, formulas), default=0)
        lines += ["", f"  {side} 1x1 reductions:"]
        lines += [
            f"    {formula:{width}} = {p.macs:>15,}  {p.layer}"
            for formula, p in zip(formulas, products, strict=True)
        ]
        lines.append(f"    {'sum':{width}} = {sign + format(total(products), ','):>15}")
    lines += [
        "",
        f"  {saved.macs_without:,} / {saved.macs_with:,} = {'≈ ' if sign else ''}{saved.factor:.3g}"
        " times the MACs without them",
    ]
    return "\n".join(lines)


def total(products: Sequence[Product]) -> int:
    return sum(p.macs for p in products)


def _as_latex(saved: Saving) -> str:
    r"""Two aligned sums, for amsmath."""
    parts = []
    for side, products in (("with", saved.products_with), ("without", saved.products_without)):
        rows = [
            r"  {} &= {} && \text{{{}}} \\".format(
                r" \times ".join(str(n) for _, n in p.factors),
                grouped(p.macs),
                _latex_text(p.layer),
            )
            for p in products
        ]
        label = _latex_text(f"{saved.name}, {side} 1x1 reductions")
        rows.append(
            rf"  \textstyle\sum &{RELATIONS[saved.bounds.macs]} {grouped(total(products))} && \text{{{label}}}"
        )
        parts.append("\n".join([r"\begin{align*}", *rows, r"\end{align*}"]))
    return "\n".join(parts)


def grouped(value: int) -> str:
    """Digits in groups of three that LaTeX does not space apart.

    >>> grouped(120422400)
    '120{,}422{,}400'
    """
    return f"{value:,}".replace(",", "{,}")


def _latex_text(text: str) -> str:
    """Text that LaTeX shows as it is: names come from files.

    >>> _latex_text("conv2_block1 & co")
    'conv2\\\\_block1 \\\\& co'
    """
    marks = {"\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\~{}"}
    marks |= {mark: "\\" + mark for mark in "_#&%${}"}
    return "".join(marks.get(character, character) for character in text)


def _as_html(saved: Saving) -> str:
    """Two tables of products."""
    parts = []
    for side, products in (("with", saved.products_with), ("without", saved.products_without)):
        rows = "".join(
            f"<tr><td>{escape(p.layer)}</td>"
            f"<td>{' × '.join(str(n) for _, n in p.factors)}</td><td>{p.macs:,}</td></tr>"
            for p in products
        )
        parts.append(
            f'<table class="derivation"><caption>{escape(saved.name)}, {side} 1x1 reductions</caption>'
            f"<tbody>{rows}</tbody><tfoot><tr><td>sum</td><td></td>"
            f"<td>{saved.bounds.macs.sign}{total(products):,}</td></tr>"
            "</tfoot></table>"
        )
    return "\n".join(parts)
