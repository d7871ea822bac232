"""Figures of lesions, as plotly's JSON: blocks deleted and exchanged, linear probes, gradients by path length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from keraudit.output.end_labels import name_ends
from keraudit.output.palette import LINES
from keraudit.output.plotly_figure import add_band, as_record, axis, frame, new_figure
from keraudit.output.svg_axis import log_marks

PERCENT = 100
Record = Mapping[str, Any]  # of ``keraudit.lesions/2``


def deleted_one_by_one(records: Sequence[Record], *, title: str) -> dict[str, Any]:
    """The accuracy without each block, against its place in the depth; squares change the size."""
    figure = new_figure(
        frame(
            title,
            height=420,
            xaxis=axis("deleted block, from input (0) to output (1)"),
            yaxis=axis("accuracy without it, %", rangemode="tozero"),
        )
    )
    for color, record in zip(LINES, records, strict=False):
        rows = record["deletions"]
        figure.add_scatter(
            name=record["network"],
            x=_places(len(rows)),
            y=[round(PERCENT * row["accuracy"], 2) for row in rows],
            text=[row["block"] for row in rows],
            mode="lines+markers",
            line={"color": color},
            marker={
                "symbol": ["square" if row["resizes"] else "circle" for row in rows],
                "size": [10 if row["resizes"] else 6 for row in rows],
            },
            error_y=_interval(rows),
            hovertemplate="without %{text}: %{y:.1f} %<extra>" + record["network"] + "</extra>",
        )
    name_ends(figure)
    return as_record(figure)


def deleted_together(records: Sequence[Record], *, title: str) -> dict[str, Any]:
    """The accuracy without so many random blocks: the mean, and the band of the choices."""
    figure = new_figure(
        frame(
            title,
            height=400,
            xaxis=axis("blocks deleted at random", rangemode="tozero"),
            yaxis=axis("accuracy, %", rangemode="tozero"),
        )
    )
    for color, record in zip(LINES, records, strict=False):
        whole = PERCENT * record["baseline"]["accuracy"]
        counts = [0, *(row["deleted"] for row in record["several"])]
        choices = [
            [whole],
            *([PERCENT * a for a in row["accuracies"]] for row in record["several"]),
        ]
        add_band(
            figure, counts, [*map(min, choices)], [*map(max, choices)], fillcolor=color, opacity=0.2
        )
        figure.add_scatter(
            name=record["network"],
            x=counts,
            y=[round(sum(part) / len(part), 2) for part in choices],
            mode="lines+markers",
            line={"color": color},
            hovertemplate="%{x} deleted: %{y:.1f} %<extra>" + record["network"] + "</extra>",
        )
    return as_record(figure)


def exchanged(records: Sequence[Record], *, title: str) -> dict[str, Any]:
    """The accuracy over how far the blocks are from their order, a point for each random choice."""
    figure = new_figure(
        frame(
            title,
            height=400,
            xaxis=axis("Kendall's tau of the order"),
            yaxis=axis("accuracy, %", rangemode="tozero"),
            meta={"points": True},
        )
    )
    for color, record in zip(LINES, records, strict=False):
        points = sorted(
            (round(tau, 3), round(PERCENT * accuracy, 2), row["exchanges"])
            for row in record["exchanges"]
            for tau, accuracy in zip(row["kendall_tau"], row["accuracies"], strict=True)
        )
        figure.add_scatter(
            name=record["network"],
            x=[1, *(tau for tau, _, _ in points)],
            y=[
                round(PERCENT * record["baseline"]["accuracy"], 2),
                *(found for _, found, _ in points),
            ],
            customdata=[
                [record["network"], count] for count in (0, *(count for _, _, count in points))
            ],
            mode="markers",
            marker={"color": color, "size": 7, "opacity": 0.8},
            hovertemplate="%{customdata[1]} exchanges, tau %{x:.2f}: %{y:.1f} %<extra>"
            + record["network"]
            + "</extra>",
        )
    return as_record(figure)


def by_path_length(records: Sequence[Record], *, title: str) -> dict[str, Any]:
    """The part of the gradient at the input that comes through so many branches: paths of a length times their norm."""
    figure = new_figure(
        frame(
            title,
            height=380,
            xaxis=axis("residual branches on the path, % of all", rangemode="tozero"),
            yaxis=axis("part of the gradient, %", rangemode="tozero"),
        )
    )
    for color, record in zip(LINES, records, strict=False):
        rows = record["paths"]
        if not rows:
            continue
        parts = [row["share"] * row["grad_norm"] for row in rows]
        figure.add_scatter(
            name=record["network"],
            x=[round(PERCENT * row["length"] / rows[-1]["length"], 1) for row in rows],
            y=[round(PERCENT * part / sum(parts), 3) for part in parts],
            text=[str(row["length"]) for row in rows],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [
                    round(PERCENT * row["share"] * (row["high"] - row["grad_norm"]) / sum(parts), 3)
                    for row in rows
                ],
                "arrayminus": [
                    round(PERCENT * row["share"] * (row["grad_norm"] - row["low"]) / sum(parts), 3)
                    for row in rows
                ],
                "thickness": 1,
                "width": 0,
            },
            mode="lines+markers",
            line={"color": color},
            marker={"size": 5},
            hovertemplate="through %{text} branches: %{y:.1f} %<extra>"
            + record["network"]
            + "</extra>",
        )
    return as_record(figure)


def probed(records: Sequence[Record], *, title: str) -> dict[str, Any]:
    """The accuracy of a linear classifier on the channel means after each block."""
    figure = new_figure(
        frame(
            title,
            height=400,
            xaxis=axis("block, from input (0) to output (1)"),
            yaxis=axis("accuracy of the linear probe, %", rangemode="tozero"),
        )
    )
    for color, record in zip(LINES, records, strict=False):
        rows = record["probes"]
        figure.add_scatter(
            name=record["network"],
            x=_places(len(rows)),
            y=[round(PERCENT * row["accuracy"], 2) for row in rows],
            text=[row["block"] or "the input of the first block" for row in rows],
            mode="lines+markers",
            line={"color": color},
            error_y=_interval(rows),
            hovertemplate="after %{text}: %{y:.1f} %<extra>" + record["network"] + "</extra>",
        )
    return as_record(figure)


def gradient_profiles(record: Record, *, title: str) -> dict[str, Any]:
    """The norm of the loss's gradient after each block, of a trained network and of random initialisations.

    Args:
        record: with ``gradients``, the profiles of ``records.lesions``.
        title: of the figure.
    """
    figure = new_figure(
        frame(
            title,
            height=380,
            xaxis=axis("block, from input (0) to output (1)"),
            yaxis=axis("norm of the loss's gradient", type="log"),
        )
    )
    for color, kind, name in zip(
        LINES, ("trained", "initial"), ("trained", "random"), strict=False
    ):
        profiles = [[row["grad_norm"] for row in rows] for rows in record["gradients"][kind]]
        for number, norms in enumerate(profiles):
            figure.add_scatter(
                name=name,
                x=_places(len(norms)),
                y=norms,
                text=[row["block"] for row in record["gradients"][kind][0]],
                mode="lines",
                line={"color": color, "dash": "solid" if kind == "trained" else "dash"},
                showlegend=not number,
                hovertemplate="%{text}: %{y:.3g}<extra>" + name + "</extra>",
            )
    drawn = [value for trace in figure.data for value in trace.y]
    figure.update_layout(yaxis_tickvals=log_marks(min(drawn), max(drawn)))
    name_ends(figure)
    return as_record(figure)


def _places(count: int) -> list[float]:
    return [round(number / max(count - 1, 1), 4) for number in range(count)]


def _interval(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The 95 % interval of each accuracy as plotly's error bars."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [round(PERCENT * (row["high"] - row["accuracy"]), 2) for row in rows],
        "arrayminus": [round(PERCENT * (row["accuracy"] - row["low"]), 2) for row in rows],
        "thickness": 1,
        "width": 0,
    }
