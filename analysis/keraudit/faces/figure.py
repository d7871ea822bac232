"""A study of faces as a figure: what features are worth, over what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from keraudit.faces.features import RANDOM_LABEL
from keraudit.output.palette import GREY, color_of, marker_of
from keraudit.output.plotly_figure import as_record, new_figure, panelled, suffix_of
from keraudit.runs.statistics import PERCENT

# By the key of the scores.
PANELS = {
    "error": "People seen: rank-1 error",
    "equal_error": "Strangers: EER",
}
MILLION = 1e6


def worth(report: Mapping[str, Any]) -> dict[str, Any]:
    """Draw the errors of features as they are after each block, over the MACs up to there.

    Args:
        report: a record of ``keraudit faces``.

    Returns:
        A figure in plotly's JSON: a line for each source of features, a level one for pixels.
    """
    layout = panelled(
        list(PANELS.values()),
        title="Features of faces, as they are",
        x="million MACs",
        y="%",
        scale={"rangemode": "tozero"},
    )
    figure = new_figure(layout)
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


def _add_source(
    figure: Any, name: str, cuts: Sequence[Mapping[str, Any]], key: str, **more: Any
) -> None:
    """The line of one network's features, a point for each block."""
    figure.add_scatter(
        name=name,
        legendgroup=name,
        x=[round(cut["macs"] / MILLION, 1) for cut in cuts],
        y=[_percent(cut, key) for cut in cuts],
        text=[cut["block"] for cut in cuts],
        mode="lines+markers",
        marker={"symbol": marker_of(_kin(name))},
        line={"color": color_of(_kin(name)), "dash": "dot" if RANDOM_LABEL in name else "solid"},
        hovertemplate="%{text}: %{y:.1f} %, %{x} M MACs<extra>" + name + "</extra>",
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
