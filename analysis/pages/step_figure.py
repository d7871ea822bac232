"""The first steps of a training as a figure, each with its loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from statistics import fmean
from typing import Any

from keraudit.output.palette import BLUE, GREEN, ORANGE, PURPLE, VERMILION
from keraudit.output.plotly_figure import as_record, new_figure, panelled, suffix_of

SETTING_COLORS = (VERMILION, ORANGE, BLUE, GREEN, PURPLE)

Run = Mapping[str, Any]


def first_steps(runs: Sequence[Run]) -> dict[str, Any]:
    """Draw the loss over the first steps of training at several rates and precisions.

    Args:
        runs: ``network``, ``learning_rate``, ``precision`` and the ``loss`` of each step.
    """
    return step_losses(runs, setting, is_dotted=lambda run: run["precision"] != "float32")


def step_losses(
    runs: Sequence[Run],
    name: Callable[[Run], str],
    *,
    is_dotted: Callable[[Run], bool] = lambda run: False,
    title: str = "Learning rate and precision: loss over the first steps",
    together: int = 5,
    colors: Sequence[str] = SETTING_COLORS,
    scale: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Draw the loss over the first steps of training, a panel for each network.

    Args:
        runs: ``network`` and the ``loss`` of each step.
        name: of a run's line; those of one name have one colour.
        is_dotted: whether its line is.
        title: of the figure.
        together: steps of which each point is the mean.
        colors: of the lines, in order of their names.
        scale: of the vertical axes, as for ``panelled``.
    """
    names = list(dict.fromkeys(run["network"] for run in runs))
    first = {name(run): run for run in reversed(runs)}
    color = dict(zip(dict.fromkeys(map(name, runs)), cycle(colors), strict=False))
    figure = new_figure(panelled(names, title=title, x="step", y="loss", scale=scale or {}))
    for run in runs:
        suffix = suffix_of(names.index(run["network"]))
        starts = range(0, len(run["loss"]) - together + 1, together)
        figure.add_scatter(
            name=name(run),
            legendgroup=name(run),
            showlegend=run is first[name(run)],
            x=[start + together for start in starts],
            y=[round(fmean(run["loss"][start : start + together]), 4) for start in starts],
            mode="lines",
            line={"color": color[name(run)], "dash": "dot" if is_dotted(run) else "solid"},
            hovertemplate="step %{x}: %{y:.2f}<extra>" + name(run) + "</extra>",
            xaxis=f"x{suffix}",
            yaxis=f"y{suffix}",
        )
    return as_record(figure)


def setting(run: Run) -> str:
    """A rate and a precision in words.

    >>> setting({"learning_rate": 0.02, "precision": "mixed_bfloat16"})
    'rate 0.02, bfloat16'
    """
    return f"rate {run['learning_rate']:g}, {run['precision'].removeprefix('mixed_')}"
