"""Figures of records, as plotly's JSON: drawn by the site in the browser and by the explorer.

A network has its own colour (``keraudit.output.palette``) in all of them; grey is what it has besides its
blocks, hatched is what it would be otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from keraudit.model.bounds import Bound
from keraudit.output.numbers import percent, sizes
from keraudit.output.palette import BLUE, GREY, SKY, VERMILION, color_of
from keraudit.output.plotly_figure import as_record, axis, frame, new_figure

ROW_HEIGHT = 26  # pixels for each bar: room for its name
FRAME_HEIGHT = 130  # pixels for the title, the legend and the axis


def macs_per_block(report: Mapping[str, Any], *, name: str = "") -> dict[str, Any]:
    """Draw the MACs of each block as horizontal bars, in network order from the top.

    Args:
        report: a cost record (``keraudit.cost/2``), as ``CostReport.to_dict`` gives it.
        name: the model's name in the title; default: the record's.

    Returns:
        A figure in plotly's JSON: ``{"data": [...], "layout": {...}}``, without a theme, so that
        the page's own may apply.
    """
    blocks = report["blocks"]
    color = color_of(name or report["model"])
    groups = {
        kind: ([block for block in blocks if block["kind"] == kind], shade)
        for kind, shade in (("fork-join", color), ("segment", GREY))
    }
    return _macs_bars(report, blocks, groups, what="block", name=name)


def macs_per_row(
    report: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], *, what: str
) -> dict[str, Any]:
    """Draw the MACs of a report's layers, kinds or stages, those that have any, as ``macs_per_block``.

    Args:
        report: a cost record.
        rows: its rows, each with what a block of the record has.
        what: a row in one word.
    """
    heavy = [row for row in rows if row["macs"]]
    return _macs_bars(report, heavy, {what: (heavy, color_of(report["model"]))}, what=what)


def _macs_bars(
    report: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    groups: Mapping[str, tuple[Sequence[Mapping[str, Any]], str]],
    *,
    what: str,
    name: str = "",
) -> dict[str, Any]:
    """Horizontal bars, those of a group in its colour; a legend where there are several groups."""
    unit, unit_name = unit_for(max((row["macs"] for row in rows), default=0))
    title = f"{name or report['model']}: MACs per {what}, batch {report['batch']}"
    figure = new_figure(layout(rows, title, f"{unit_name} per {what}"))
    figure.update_layout(showlegend=len(groups) > 1)
    for group, (members, color) in groups.items():
        if not members:
            continue
        figure.add_bar(
            name=group,
            orientation="h",
            y=[row["name"] for row in members],
            x=[row["macs"] / unit for row in members],
            text=[f"{_sign_of(row, 'macs')}{row['macs'] / unit:.3g}" for row in members],
            textposition="outside",
            cliponaxis=False,
            marker={"color": color, "line": {"width": 0}},
            customdata=[_hover_of(row, report["totals"]) for row in members],
            hovertemplate="<b>%{y}</b><br>%{customdata[0]} MACs (%{customdata[1]})"
            "<br>%{customdata[2]} parameters%{customdata[3]}<extra></extra>",
        )
    return as_record(figure)


def layout(blocks: Sequence[Mapping[str, Any]], title: str, x_title: str) -> dict[str, Any]:
    """The frame around the bars: title, axes, legend."""
    return frame(
        {"text": title, "x": 0, "xref": "container", "font": {"size": 16}},
        height=ROW_HEIGHT * len(blocks) + FRAME_HEIGHT,
        left=10,
        right=48,
        top=72,
        bargap=0.25,
        barmode="stack",
        xaxis=axis(x_title, title_standoff=12, rangemode="tozero", fixedrange=True),
        yaxis={
            "automargin": True,
            "autorange": "reversed",
            "categoryorder": "array",
            "categoryarray": [block["name"] for block in blocks],
            "fixedrange": True,
            "type": "category",
        },
        showlegend=True,
    )


def _sign_of(record: Mapping[str, Any], figure: str) -> str:
    """What stands before a figure of a record that is not exact; a record of the zoo is, and says nothing."""
    return Bound[record.get("bounds", {}).get(figure, "exact").upper()].sign


def _hover_of(block: Mapping[str, Any], totals: Mapping[str, Any]) -> list[str]:
    """What a bar says when it is pointed at: MACs, their share, parameters, output size."""
    share = block["macs"] / totals["macs"] if totals["macs"] else 0
    about = Bound.ESTIMATE.sign if _sign_of(totals, "macs") else ""
    return [
        f"{_sign_of(block, 'macs')}{block['macs']:,}",
        about + percent(share),
        f"{_sign_of(block, 'params')}{block['params']:,}",
        f"<br>output {sizes(block['output_shape'])}" if block["output_shape"] else "",
    ]


def unit_for(largest: int) -> tuple[int, str]:
    """The unit in which the largest value is at least 1, and its name.

    >>> unit_for(730_000_000)
    (1000000, 'million MACs')
    """
    for unit, name in ((10**9, "billion MACs"), (10**6, "million MACs"), (10**3, "thousand MACs")):
        if largest >= unit:
            return unit, name
    return 1, "MACs"


def macs_over_length(report: Mapping[str, Any]) -> dict[str, Any]:
    """Draw MACs over sequence length, the part that grows with its square above the rest.

    Args:
        report: a record of lengths (``keraudit.lengths/1``).

    Returns:
        A figure in plotly's JSON, as ``macs_per_block``.
    """
    rows = sorted(report["lengths"], key=lambda row: row["length"])
    unit, unit_name = unit_for(max(row["macs"] for row in rows))
    figure = new_figure(
        frame(
            f"{report['model']}: MACs over sequence length, batch {report['batch']}",
            height=380,
            barmode="stack",
            xaxis=axis("sequence length", type="category"),
            yaxis=axis(unit_name, rangemode="tozero"),
        )
    )
    split = report["macs_coefficients"] is not None
    parts = {"all": GREY} if not split else {"linear part": SKY, "quadratic part": VERMILION}
    for part, colour in parts.items():
        square = [row["quadratic_macs"] or 0 for row in rows]
        values = (
            square
            if part.startswith("quadratic")
            else [row["macs"] - squared for row, squared in zip(rows, square, strict=True)]
        )
        figure.add_bar(
            name=part,
            x=[f"{row['length']:,}" for row in rows],
            y=[value / unit for value in values],
            marker={"color": colour, "line": {"width": 0}},
            customdata=[f"{value:,}" for value in values],
            hovertemplate="length %{x}<br>%{customdata} MACs<extra>" + part + "</extra>",
        )
    return as_record(figure)


def macs_of_two(
    record: Mapping[str, Any], *, names: Sequence[str], by: str = "block"
) -> dict[str, Any]:
    """Draw the MACs of two models, block by block or layer by layer, where they match.

    Args:
        record: a comparison (``keraudit.compare/2``).
        names: of the two models.
        by: ``"block"`` or ``"layer"``.

    Returns:
        A figure in plotly's JSON, as ``macs_per_block``.
    """
    pairs = [p for p in record[f"{by}s"] if any(side and side["macs"] for side in (p["a"], p["b"]))]
    most = max((side["macs"] for p in pairs for side in (p["a"], p["b"]) if side), default=0)
    unit, unit_name = unit_for(most)
    frame_of_two = layout(pairs, f"{names[0]} and {names[1]}: MACs per {by}", unit_name)
    frame_of_two["barmode"] = "group"
    frame_of_two["height"] = 2 * ROW_HEIGHT * len(pairs) * 3 // 4 + FRAME_HEIGHT
    figure = new_figure(frame_of_two)
    for side, name, color in zip("ab", names, (GREY, color_of(names[1])), strict=True):
        rows = [pair for pair in pairs if pair[side]]
        figure.add_bar(
            name=f"{side.upper()}: {name}",
            orientation="h",
            y=[pair["name"] for pair in rows],
            x=[pair[side]["macs"] / unit for pair in rows],
            marker={
                "color": BLUE if color == GREY and side == "b" else color,
                "line": {"width": 0},
            },
            customdata=[
                [f"{_sign_of(pair[side], 'macs')}{pair[side]['macs']:,}", pair["status"]]
                for pair in rows
            ],
            hovertemplate="<b>%{y}</b><br>%{customdata[0]} MACs (%{customdata[1]})"
            "<extra>" + side.upper() + "</extra>",
        )
    return as_record(figure)


def with_and_without(report: Mapping[str, Any], *, name: str = "") -> dict[str, Any]:
    """Draw each block's MACs with its 1x1 reductions and without.

    Args:
        report: a reductions record (``keraudit.reductions/2``).
        name: the model's name in the title; default: the record's.

    Returns:
        A figure in plotly's JSON, as ``macs_per_block``.
    """
    blocks = [block for block in report["blocks"] if block["macs_with"]]
    unit, unit_name = unit_for(max((block["macs_without"] for block in blocks), default=0))
    grouped = layout(
        blocks, f"{name or report['model']}: MACs with and without 1x1 reductions", unit_name
    )
    grouped["barmode"] = "group"
    grouped["height"] = 2 * ROW_HEIGHT * len(blocks) * 3 // 4 + FRAME_HEIGHT
    figure = new_figure(grouped)
    color = color_of(name or report["model"])
    for side, hatch in (("without", "/"), ("with", "")):
        figure.add_bar(
            name=f"{side} reductions",
            orientation="h",
            y=[block["name"] for block in blocks],
            x=[block[f"macs_{side}"] / unit for block in blocks],
            marker={
                "color": color,
                "line": {"width": 0},
                "pattern": {"shape": hatch, "fillmode": "replace", "size": 6},
            },
            customdata=[
                [
                    f"{_sign_of(block, 'macs')}{block[f'macs_{side}']:,}",
                    (Bound.ESTIMATE.sign if _sign_of(block, "macs") else "")
                    + f"{block['factor']:.3g}",
                ]
                for block in blocks
            ],
            hovertemplate="<b>%{y}</b><br>%{customdata[0]} MACs<br>%{customdata[1]} times without"
            "<extra>" + side + "</extra>",
        )
    return as_record(figure)
