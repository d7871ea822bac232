"""Figures of training runs, as plotly's JSON: error over epochs, and what an evaluation found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, log10
from statistics import fmean
from typing import Any

from keraudit.output.end_labels import TOP, End, Frame, end_labels, name_ends
from keraudit.output.palette import BLUE, GREY, SKY, VERMILION, Style, color_of, marker_of
from keraudit.output.plotly_figure import (
    PANEL,
    add_band,
    as_record,
    axis,
    frame,
    new_figure,
    panelled,
    suffix_of,
)
from keraudit.output.svg_axis import log_marks
from keraudit.runs.statistics import PERCENT
from keraudit.training.record import Run

DIVERGING = (BLUE, SKY, "#f7f7f7", "#f0b27a", VERMILION)  # less often, alike, more often
FAINT = 0.45  # opacity of training where the dash stands for the network
Row = Mapping[str, Any]  # of an epoch
Drawn = Mapping[str, Sequence[Row]]  # holds the ``history`` of a run, as it is or smoothed


def curves(
    panels: Mapping[str, Mapping[str, Sequence[Drawn]]],
    *,
    title: str,
    what: str = "error",
    printed: Mapping[str, float] | None = None,
    named_at_ends: bool = False,
    styles: Mapping[str, Style] | None = None,
) -> dict[str, Any]:
    """Draw error (or loss) over epochs: dashed in training, solid on the test images.

    Args:
        panels: by its title, the histories over seeds of each network.
        title: above the figure.
        what: ``"error"`` in percent, or ``"loss"`` on a logarithmic axis.
        printed: a test error from a paper, by network, to be drawn as a dotted line.
        named_at_ends: in place of a legend, networks are named where their lines end.
        styles: a colour and a dash for each network; training is then thin and faint, not dashed.

    Returns:
        A figure in plotly's JSON. The line is the mean over seeds, the band their range.
    """
    log = what == "loss"
    everything = [
        v for nets in panels.values() for runs in nets.values() for v in bounds(runs, what)
    ]
    scale: dict[str, Any] = {"type": "log"} if log else {"range": span(everything)}
    if log and (drawable := [v for v in everything if 0 < v < inf]):
        ends_ = min(drawable) / 1.12, max(drawable) * 1.12
        scale |= {"range": [*map(log10, ends_)], "tickvals": log_marks(*ends_)}
    gap = 0.16 if named_at_ends else 0.1  # the names of one panel stand before the next
    layout = panelled(
        list(panels), title=title, x="epoch", y=_axis_title(what), scale=scale, gap=gap
    )
    if named_at_ends:
        layout |= {"showlegend": False}
        layout["margin"] |= {"r": 120 if len(panels) < 2 else 80, "t": layout["margin"]["t"] - 24}
    figure = new_figure(layout)
    for number, networks in enumerate(panels.values()):
        suffix = suffix_of(number)
        for network, runs in networks.items():
            for side, dash in (("training", "dash"), ("test", "solid")):
                _add_curve(
                    figure, network, runs, (what, side, dash), suffix, (styles or {}).get(network)
                )
            if network in (printed or {}):
                _add_printed(figure, network, runs[0], (printed or {})[network], suffix)
        frame_ = Frame(span_of(scale, log), PANEL, suffix, log)
        if not named_at_ends:
            continue
        ends = _ends(networks, what, several=len(panels) > 1)
        for note in end_labels(ends, frame_):
            figure.add_annotation(note)
        last = max((float(end.x) for end in ends), default=1.0)
        figure.update_layout({f"xaxis{suffix}_range": [0, 1.02 * last]})
    return as_record(figure)


def span_of(scale: Mapping[str, Any], log: bool) -> Sequence[float]:
    """The ends of an axis in data."""
    ends: Sequence[float] = scale.get("range", [0, 1])
    return [10**end for end in ends] if log else ends


def _ends(networks: Mapping[str, Sequence[Drawn]], what: str, *, several: bool) -> list[End]:
    """Where each network's test curve ends, and what to write there: in a panel of a family its depth alone."""
    return [
        End(
            f"{network.rsplit('-', 1)[1]} layers" if several and "-" in network else network,
            runs[0]["history"][-1]["epoch"],
            fmean(series(run["history"], what, "test")[-1] for run in runs),
        )
        for network, runs in networks.items()
        if runs[0]["history"]
    ]


def _axis_title(what: str) -> str:
    return "error, %" if what == "error" else "loss"


def series(history: Sequence[Row], what: str, side: str) -> list[float]:
    """One value for each epoch of a run.

    >>> history = [{"accuracy": 0.75, "test_accuracy": 0.5, "loss": 1, "test_loss": 2}]
    >>> series(history, "error", "test"), series(history, "loss", "training")
    ([50.0], [1.0])
    """
    key = {"training": "", "test": "test_"}[side]
    if what == "loss":
        return [float(row[f"{key}loss"]) for row in history]
    return [PERCENT * (1 - row[f"{key}accuracy"]) for row in history]


def bounds(runs: Sequence[Drawn], what: str) -> list[float]:
    sides = [(run["history"], side) for run in runs for side in ("training", "test")]
    return [value for history, side in sides for value in series(history, what, side)]


def span(values: Sequence[float]) -> list[float]:
    """The range of an axis: from zero to a little above the largest value."""
    return [0, min(100, 1.05 * max(values, default=100))]


def _add_curve(
    figure: Any,
    network: str,
    runs: Sequence[Drawn],
    how: tuple[str, str, str],
    suffix: str,
    style: Style | None,
) -> None:
    """The mean over seeds and, behind it, their range."""
    what, side, dash = how
    axes = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
    color, dash = style or (color_of(network), dash)
    faint = style is not None and side == "training"
    more = {"opacity": FAINT, "showlegend": False} if faint else {}
    width = {"width": 1.2 if faint else 2.2} if style else {}
    epochs = [row["epoch"] for row in runs[0]["history"]]
    by_epoch = list(zip(*(series(run["history"], what, side) for run in runs), strict=True))
    if len(runs) > 1:
        low, high = list(map(min, by_epoch)), list(map(max, by_epoch))
        add_band(figure, epochs, low, high, fillcolor=color, opacity=0.2, **axes)
    figure.add_scatter(
        name=f"{network}, {side}",
        x=epochs,
        y=[round(fmean(values), 4) for values in by_epoch],
        mode="lines",
        line={"color": color, "dash": dash, **width},
        hovertemplate="epoch %{x}: %{y:.3g}<extra>" + f"{network}, {side}</extra>",
        **axes,
        **more,
    )


def _add_printed(figure: Any, network: str, run: Drawn, error: float, suffix: str) -> None:
    """A level line, from the first epoch to the last."""
    ends = [run["history"][0]["epoch"], run["history"][-1]["epoch"]]
    figure.add_scatter(
        name=f"{network}, reported",
        x=ends,
        y=[error, error],
        mode="lines",
        line={"color": color_of(network), "dash": "dot"},
        hovertemplate="%{y} % reported<extra>" + network + "</extra>",
        xaxis=f"x{suffix}",
        yaxis=f"y{suffix}",
    )


def over_depth(groups: Mapping[str, Sequence[Run]]) -> dict[str, Any]:
    """Draw the error at the end over depth, dashed in training and solid on the test images.

    Args:
        groups: by network, such as ``Plain-CIFAR-20``, its runs over seeds.
    """
    figure = new_figure(_plain_layout("Error over depth", "layers", "error at the end, %"))
    for family, title in (("Plain", "plain"), ("ResNet", "residual")):
        members = {
            int(n.rsplit("-", 1)[1]): runs for n, runs in groups.items() if n.startswith(family)
        }
        for side, key, dash in (
            ("training", "train_error", "dash"),
            ("test", "test_error", "solid"),
        ):
            figure.add_scatter(
                name=f"{title}, {side}",
                x=sorted(members),
                y=[
                    round(PERCENT * fmean(run.evaluation[key] for run in members[depth]), 3)
                    for depth in sorted(members)
                ],
                mode="lines+markers",
                line={"color": color_of(family), "dash": dash},
            )
    _name_ends(figure)
    return as_record(figure)


def apart(groups: Mapping[str, Sequence[Run]], shallow: int, deep: int) -> dict[str, Any]:
    """Draw, epoch by epoch, how much more error in training the deep network has than the shallow one.

    Args:
        groups: by network, such as ``Plain-CIFAR-20``, its runs over seeds, as many epochs each.
        shallow: its layers.
        deep: those of the other.

    Returns:
        A line for each family of which both are there: the difference of the means over seeds.
    """
    title = f"Training error that {deep - shallow} more layers add"
    figure = new_figure(_plain_layout(title, "epoch", "percentage points"))
    for family, name in (("Plain", "plain"), ("ResNet", "residual")):
        both = [groups.get(f"{family}-CIFAR-{depth}") for depth in (shallow, deep)]
        if not all(both):
            continue
        less, more = (
            [
                fmean(values)
                for values in zip(
                    *(series(r.history, "error", "training") for r in runs), strict=True
                )
            ]
            for runs in both
            if runs
        )
        figure.add_scatter(
            name=name,
            x=list(range(1, len(less) + 1)),
            y=[round(b - a, 3) for a, b in zip(less, more, strict=True)],
            mode="lines+markers",
            line={"color": color_of(family)},
        )
    _name_ends(figure)
    return as_record(figure)


def precision(networks: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """Draw, kernel by kernel, the cosine between the gradients in bfloat16 and in float32.

    Args:
        networks: by name, the kernels in running order: ``path``, ``grad_norm``, ``bfloat16_cosine``.
    """
    layout = _plain_layout("The first gradient in bfloat16 against float32", "depth, %", "cosine")
    figure = new_figure(layout)
    for network, kernels in networks.items():
        figure.add_scatter(
            name=network,
            x=[round(PERCENT * i / max(1, len(kernels) - 1), 2) for i in range(len(kernels))],
            y=[round(kernel["bfloat16_cosine"], 4) for kernel in kernels],
            mode="lines+markers",
            marker={"symbol": marker_of(network), "size": 5},
            line={"color": color_of(network), "dash": "dot" if "CIFAR" in network else "solid"},
            customdata=[[kernel["path"], f"{kernel['grad_norm']:.3g}"] for kernel in kernels],
            hovertemplate="%{customdata[0]}: %{y:.2f}, norm %{customdata[1]}<extra>"
            + network
            + "</extra>",
        )
    return as_record(figure)


def calibration(evaluations: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Draw accuracy against confidence: a calibrated network lies on the diagonal."""
    figure = new_figure(_plain_layout("Calibration", "confidence, %", "accuracy, %"))
    figure.add_scatter(
        name="calibrated", x=[0, 100], y=[0, 100], mode="lines", line={"color": GREY, "dash": "dot"}
    )
    for network, evaluation in evaluations.items():
        bins = [b for b in evaluation["calibration"] if b["images"]]
        figure.add_scatter(
            name=network,
            x=[round(PERCENT * b["confidence"], 2) for b in bins],
            y=[round(PERCENT * b["accuracy"], 2) for b in bins],
            mode="lines+markers",
            line={"color": color_of(network)},
            customdata=[[b["images"]] for b in bins],
            hovertemplate="%{y:.1f} % of %{customdata[0]:,} images<extra>" + network + "</extra>",
        )
    _name_ends(figure)
    return as_record(figure)


def corruption(evaluations: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Draw the mean error over corruptions for each severity; severity 0 is the clean images."""
    figure = new_figure(_plain_layout("Corrupted images", "severity", "error, %"))
    for network, evaluation in evaluations.items():
        rows = evaluation["corruptions"]
        severities = sorted({row["severity"] for row in rows})
        errors = [
            fmean(1 - row["accuracy"] for row in rows if row["severity"] == s) for s in severities
        ]
        figure.add_scatter(
            name=network,
            x=[0, *severities],
            y=[round(PERCENT * e, 2) for e in (1 - evaluation["clean_accuracy"], *errors)],
            mode="lines+markers",
            line={"color": color_of(network)},
        )
    _name_ends(figure)
    return as_record(figure)


def confusion(network: str, evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Draw what each class (row) was mistaken for (column), in percent of the class' images.

    What is right is left blank.
    """
    names = [score["name"] for score in evaluation["classes"]]
    return _matrix(f"{network}: confusion", names, mistakes(evaluation), colorscale="Cividis")


def confusion_difference(
    first: tuple[str, Mapping[str, Any]], second: tuple[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Draw by how many points the second network makes a mistake more often than the first."""
    (name, less), (other, more) = first, second
    names = [score["name"] for score in less["classes"]]
    parts = [
        [None if a is None or b is None else round(b - a, 1) for a, b in zip(*rows, strict=True)]
        for rows in zip(mistakes(less), mistakes(more), strict=True)
    ]
    most = max((abs(value) for row in parts for value in row if value is not None), default=1)
    return _matrix(
        f"Confusion: {other} minus {name}",
        names,
        parts,
        colorscale=[[at / 4, color] for at, color in enumerate(DIVERGING)],
        zmin=-most,
        zmax=most,
    )


def mistakes(evaluation: Mapping[str, Any]) -> list[list[float | None]]:
    """The share of each class (row) taken for each other one (column), in percent."""
    return [
        [None if i == j else round(PERCENT * n / max(sum(row), 1), 1) for j, n in enumerate(row)]
        for i, row in enumerate(evaluation["confusion"])
    ]


def _matrix(title: str, names: Sequence[str], parts: Any, **style: Any) -> dict[str, Any]:
    """A heat map of classes by classes, with the number in each cell."""
    layout = _plain_layout(title, "mistaken for", "")
    layout["meta"] = {"rows": "the image shows"}
    layout["margin"] |= {"t": TOP, "b": 90}
    layout["xaxis"] |= {"showgrid": False, "automargin": True}
    layout["xaxis"]["title"]["standoff"] = 24
    layout["yaxis"] |= {"autorange": "reversed", "automargin": True, "type": "category"}
    layout["height"] = 90 + 34 * len(names) + TOP
    figure = new_figure(layout)
    figure.add_heatmap(
        x=names,
        y=names,
        z=parts,
        texttemplate="%{z}",
        colorbar={"title": {"text": "% of<br>the class"}},
        **style,
    )
    return as_record(figure)


def _name_ends(figure: Any) -> None:
    """Name each line at its end, on an axis of percents."""
    heights = [value for trace in figure.data for value in trace.y]
    name_ends(figure, (min(0, *heights, 0), span(heights)[1]))


def _plain_layout(title: str, x: str, y: str) -> dict[str, Any]:
    """The layout of a single pair of axes."""
    return frame(title, height=420, xaxis=axis(x), yaxis=axis(y, showgrid=True))
