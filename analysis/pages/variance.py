"""How correlated the channels before a reduction are: a record from ``records.variance``, measured beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from statistics import fmean
from typing import Any

from keraudit.output.palette import LINES
from keraudit.output.plotly_figure import as_record, new_figure, panelled, suffix_of
from pages.figures import drawn_by_script
from pages.markdown import folded_figures
from pages.published import published
from records.variance import PATH, SCHEMA

PERCENT = 100
HEIGHT = 420  # pixels
PANELS = ("trained", "random initialisation")
Row = Mapping[str, Any]  # of a reduction


def record() -> Mapping[str, Any] | None:
    return published(PATH, SCHEMA) if PATH.is_file() else None


def section() -> str:
    """The claim, the figure and the caveat; nothing where there is no record."""
    found = record()
    if found is None:
        return ""
    narrow, wide = (
        [row for row in found["reductions"] if row["name"].endswith(ending)]
        for ending in ("_5x5_reduce", "_3x3_reduce")
    )
    return f"""## What a reduction loses, measured {{#variance}}

Channels are correlated, so a reduction loses less than its width suggests. Before a 5×5 it keeps {kept(narrow)} of the
channels; as many principal components of its input hold **{extremes(narrow, "trained")}** of the variance in a small
Inception network trained on CIFAR-10. Before the 3×3, where {kept(wide)} are kept, they hold {extremes(wide, "trained")}.

{folded_figures("The variance that components hold, reduction by reduction", [_figure(found)])}

The correlation does not come from training: before a 5×5 the same components hold {extremes(narrow, "random")} with random
weights. And variance is not accuracy: a reduction is trained for the loss, which may depend on a component that varies
little.
"""


def kept(rows: Sequence[Row]) -> str:
    """The least and the greatest share of the channels that reductions keep, in words."""
    return _between([row["width"] / row["channels"] for row in rows])


def extremes(rows: Sequence[Row], kind: str) -> str:
    """The least and the greatest share that a reduction's width of components holds, in words."""
    return _between([_at_width(row, kind) for row in rows])


def _between(shares: Sequence[float]) -> str:
    """The least and the greatest of shares, in words.

    >>> _between([0.9, 0.5]), _between([0.25, 0.25])
    ('50 % to 90 %', '25 %')
    """
    return " to ".join(dict.fromkeys((_percent(min(shares)), _percent(max(shares)))))


def _curve(row: Row, kind: str) -> list[float]:
    """The cumulative shares of a reduction's input; of random weights the mean over the seeds."""
    if kind == "trained":
        return list(row["trained"])
    return [fmean(at) for at in zip(*row["random"], strict=True)]


def _at_width(row: Row, kind: str) -> float:
    return _curve(row, kind)[int(row["width"]) - 1]


def _percent(share: float) -> str:
    """A share in whole percents; one that is not all is not rounded to all.

    >>> _percent(0.874), _percent(0.9996), _percent(1)
    ('87 %', '99.9 %', '100 %')
    """
    if 0.995 <= share < 1:
        return f"{min(PERCENT * share, 99.9):.1f} %"
    return f"{PERCENT * share:.0f} %"


def _modules(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    """The reductions that read the same input, under the name of their module."""
    names = dict.fromkeys(_module(row) for row in rows)
    for name in names:
        yield name, [row for row in rows if _module(row) == name]


def _module(row: Row) -> str:
    """The name without the branch.

    >>> _module({"name": "inception_3a_5x5_reduce"})
    'inception_3a'
    """
    return str(row["name"]).rsplit("_", 2)[0]


def drawn(rows: Sequence[Row], title: str) -> dict[str, Any]:
    """The share held against the share of components, a panel for trained and for random weights.

    Args:
        rows: the reductions of a record.
        title: of the figure.
    """
    layout = panelled(
        PANELS,
        title=title,
        x="components, % of the channels",
        y="variance held, %",
        scale={"range": [0, 104]},
    )
    figure = new_figure(layout | {"height": HEIGHT})
    modules = list(_modules(rows))
    for panel, kind in enumerate(("trained", "random")):
        suffix = suffix_of(panel)
        for color, (name, own) in zip(cycle(LINES), modules, strict=False):
            channels, held = own[0]["channels"], _curve(own[0], kind)
            axes = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}", "legendgroup": name}
            figure.add_scatter(
                name=name,
                showlegend=not panel,
                x=[_hundredths(at, channels) for at in range(len(held) + 1)],
                y=[0.0, *(round(PERCENT * share, 2) for share in held)],
                mode="lines",
                line={"color": color},
                hovertemplate="%{x} % of the components: %{y:.1f} %<extra>" + name + "</extra>",
                **axes,
            )
            figure.add_scatter(
                name=f"{name}, r",
                showlegend=False,
                x=[_hundredths(row["width"], channels) for row in own],
                y=[round(PERCENT * _at_width(row, kind), 2) for row in own],
                text=[f"{row['name']}: {row['width']} of {channels}" for row in own],
                mode="markers",
                marker={"color": color, "size": 9},
                hovertemplate="%{text}, %{y:.1f} %<extra></extra>",
                **axes,
            )
    return as_record(figure)


def _hundredths(part: int, whole: int) -> float:
    return round(PERCENT * part / whole, 2)


def _figure(found: Mapping[str, Any]) -> str:
    seeds, data = found["seeds"], found["dataset"]
    versions = ", ".join(f"{name} {text}" for name, text in found["versions"].items() if text)
    return drawn_by_script(
        drawn(found["reductions"], f"Variance held by principal components, {found['network']}"),
        label="Line chart of the share of variance that principal components hold at the input of each reduction,"
        " with trained and with random weights",
        caption="Each point is a reduction at its own width; its line is the input that it reads. Random: the mean of"
        f" {len(seeds)} draws.",
        made=f"{data['name']}, {found['images']:,} test images. Eigenvalues of the covariance of the channels over all"
        " positions and images. Random weights: batch norm by the statistics of each batch. Made by"
        f" `{found['command']}`; {versions}; {found['hardware']}; {found['date']}.",
        badges=("1 trained network", f"{len(seeds)} random", f"{found['images']:,} images"),
    )
