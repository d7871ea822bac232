"""A study of faces as a figure: what features are worth, over what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from keraudit.faces.features import RANDOM_LABEL
from keraudit.output.end_labels import End, Frame, end_labels
from keraudit.output.palette import GREY, color_of, marker_of
from keraudit.output.plotly_figure import (
    as_record,
    axis,
    frame,
    new_figure,
    panelled,
    suffix_of,
)
from keraudit.runs.statistics import PERCENT

# By the key of the scores.
PANELS = {
    "error": "Known people: rank-1 error",
    "equal_error": "Strangers: EER",
}
MILLION = 1e6
TICKS = [1, 3, 10, 30, 100, 300, 1000, 3000, 10_000]  # millions of MACs


def worth(report: Mapping[str, Any]) -> dict[str, Any]:
    """Draw the errors of features as they are after each block, over the MACs up to there.

    Args:
        report: a record of ``keraudit faces``.

    Returns:
        A figure in plotly's JSON: a line for each source of features, a level one for pixels.
    """
    layout = panelled(
        list(PANELS.values()),
        title="Faces: error of features over MACs",
        x="million MACs",
        y="%",
        scale={"rangemode": "tozero"},
    )
    figure = new_figure(layout)
    figure.update_xaxes(type="log", tickvals=TICKS)  # small networks stand beside large ones
    names = dict.fromkeys(cut["source"] for cut in report["cuts"])
    cuts = {name: [cut for cut in report["cuts"] if cut["source"] == name] for name in names}
    for number, key in enumerate(PANELS):
        axes = {"xaxis": f"x{suffix_of(number)}", "yaxis": f"y{suffix_of(number)}"}
        shown = {"showlegend": not number}
        for name, members in cuts.items():
            _add_source(figure, name, members, key, **axes, **shown)
        ends = [bound([cut["macs"] for cut in report["cuts"]]) for bound in (min, max)]
        level = _percent(report["recognisers"][0], key)
        figure.add_scatter(
            name="pixels",
            legendgroup="pixels",
            x=[round(macs / MILLION, 1) for macs in ends],
            y=[level, level],
            mode="lines",
            line={"color": GREY, "dash": "dash"},
            hovertemplate="%{y:.1f} %<extra>pixels, no network</extra>",
            **axes,
            **shown,
        )
    return as_record(figure)


def over_blocks(report: Mapping[str, Any], *, lines: Mapping[str, str]) -> dict[str, Any]:
    """Draw the rank-1 error of features over the blocks of networks that have the same ones.

    Args:
        report: a record of ``keraudit faces``.
        lines: by the label of a source of features, what its line is called.

    Returns:
        A figure in plotly's JSON: a line for each source, a level one for pixels.
    """
    blocks = list(dict.fromkeys(cut["block"] for cut in report["cuts"] if cut["source"] in lines))
    layout = frame(
        "Faces: error of features after each block",
        height=400,
        right=110,
        top=40,
        bottom=110,
        legend=None,
        xaxis=axis("", type="category", tickangle=-45, showgrid=False),
        yaxis=axis("rank-1 error, %", showgrid=True),
    )
    figure = new_figure(layout)
    ends: list[End] = []
    for source, name in lines.items():
        cuts = [cut for cut in report["cuts"] if cut["source"] == source]
        _add_source(figure, source, cuts, "error", x=blocks)
        figure.data[-1].name = name
        ends += [End(name, blocks[-1], _percent(cut, "error")) for cut in cuts[-1:]]
    level = _percent(report["recognisers"][0], "error")
    figure.add_scatter(
        name="pixels",
        x=blocks,
        y=[level] * len(blocks),
        mode="lines",
        line={"color": GREY, "dash": "dash"},
        hovertemplate="%{y:.1f} %<extra>pixels, no network</extra>",
    )
    ends += [End("pixels", blocks[-1], level)] if blocks else []
    high = [0, 1.1 * max((end.y for end in ends), default=1)]
    figure.update_layout(yaxis_range=high)
    for note in end_labels(ends, Frame(high, layout["height"] - 150)):
        figure.add_annotation(note)
    return as_record(figure)


def roc(report: Mapping[str, Any]) -> dict[str, Any]:
    """Draw how many genuine pairs a threshold accepts over how many others it accepts: the ROC curve.

    Args:
        report: a record of ``keraudit faces``.

    Returns:
        A figure in plotly's JSON: a line for pixels, and for each recogniser of trained features; the mean
        over seeds. A dotted line is where false accepts equal false rejects (EER).
    """
    rates = [PERCENT * rate for rate in report["roc_false_accepts"]]
    layout = frame(
        "Faces: ROC of verification",
        height=480,
        top=100,
        xaxis=axis("false accepts, % of other pairs", type="log", dtick=1, showgrid=True),
        yaxis=axis("true accepts, % of genuine pairs", range=[0, 101], showgrid=True),
    )
    figure = new_figure(layout)
    for one in _compared_by_roc(report["recognisers"]):
        network, _, _ = one["source"].partition(",")
        name = one["name"].replace("Features", network)
        color = color_of(_kin(one["source"])) if network else GREY
        is_classified = one["name"] != "Features"
        figure.add_scatter(
            name=name,
            x=rates,
            y=[round(PERCENT * fmean(at), 1) for at in zip(*one["roc"], strict=True)],
            mode="lines",
            line={"color": color, "dash": "dash" if network and is_classified else "solid"},
            hovertemplate="%{y:.1f} % at %{x:.1f} %<extra>" + name + "</extra>",
        )
    figure.add_scatter(
        name="equal error",
        x=rates,
        y=[PERCENT - rate for rate in rates],
        mode="lines",
        line={"color": GREY, "dash": "dot", "width": 1},
        hoverinfo="skip",
    )
    return as_record(figure)


def _compared_by_roc(recognisers: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The first, which is pixels, and those whose features were trained."""
    trained = (one for one in recognisers if one["source"] and RANDOM_LABEL not in one["source"])
    return [*recognisers[:1], *trained]


def _add_source(
    figure: Any, name: str, cuts: Sequence[Mapping[str, Any]], key: str, **more: Any
) -> None:
    """The line of one network's features, a point for each block; over MACs, or over ``x``."""
    figure.add_scatter(
        name=name,
        legendgroup=name,
        x=more.pop("x", None) or [round(cut["macs"] / MILLION, 1) for cut in cuts],
        y=[_percent(cut, key) for cut in cuts],
        text=[cut["block"] for cut in cuts],
        mode="lines+markers",
        marker={"symbol": marker_of(_kin(name))},
        line={"color": color_of(_kin(name)), "dash": "dot" if RANDOM_LABEL in name else "solid"},
        customdata=[[round(cut["macs"] / MILLION, 1)] for cut in cuts],
        hovertemplate="%{text}: %{y:.1f} %, %{customdata[0]} M MACs<extra>" + name + "</extra>",
        **more,
    )


def _kin(source: str) -> str:
    """The network whose colour and marker a source has: one without skips those of plain networks.

    >>> _kin("ResNet50, random initialisation"), _kin("ResNet50, random initialisation, without-skips")
    ('ResNet50, random initialisation', 'Plain')
    """
    return "Plain" if "without-skips" in source else source


def _percent(one: Mapping[str, Any], key: str) -> float:
    return round(PERCENT * fmean(one["scores"][key]), 2)
