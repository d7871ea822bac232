"""The identity argument: trained networks made deeper by blocks that copy, beside the same depth trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from keraudit.output.numbers import times
from keraudit.output.palette import color_of
from keraudit.output.plotly_figure import as_record, axis, frame, new_figure
from keraudit.training.record import Run
from pages import runs
from pages.figures import drawn_by_script
from pages.published import RESULTS, MissingRecordError, missing, published

PATH, SCHEMA = RESULTS / "identity.json", "keraudit.identity/1"
COMMAND = (
    "python analysis/research/identity.py ResNet-CIFAR-20 Plain-CIFAR-20 --data cifar10-jpeg --epochs 3"
    f" --record {PATH.as_posix()}"
)
PARTS = ("train", "test")
FAMILIES = {"Plain": "plain", "ResNet": "residual"}
PERCENT = 100


def record() -> Mapping[str, Any]:
    """What was measured.

    Raises:
        MissingRecordError: it is not there.
    """
    found = published(PATH, SCHEMA)
    if found is None:
        raise MissingRecordError(missing(PATH, COMMAND))
    return found


def _made(family: str) -> Mapping[str, Any]:
    rows: Sequence[Mapping[str, Any]] = record()["networks"]
    return next(row for row in rows if row["network"].startswith(family))


def images() -> str:
    """How many images the deeper networks were compared on."""
    row = _made("Plain")
    return f"{row['train']['images'] + row['test']['images']:,}"


def depths(family: str) -> str:
    """In a sentence: the layers before and after."""
    row = _made(family)
    return f"{row['network'].rpartition('-')[2]} layers become {row['depth']}"


def agreement() -> str:
    """The largest difference between a logit of a network and that of the one that was made from it."""
    rows = record()["networks"]
    return times(max(row[part]["largest_logit_difference"] for row in rows for part in PARTS))


def error(family: str) -> str:
    """Training error before and after, which are the same, in percent."""
    return f"{PERCENT * _made(family)['train']['error'][1]:.1f} %"


def further_epochs() -> int:
    """For how many epochs both networks of a pair, the shallow one and the one made from it, were trained further."""
    return len(_made("Plain")["trained_further"][1]["history"])


def error_further(family: str, *, deep: bool) -> str:
    """The training error of the shallow or the deep network after them, in percent."""
    return f"{PERCENT * _made(family)['trained_further'][deep]['train_error']:.1f} %"


def trained(family: str) -> Run | None:
    """The network of that depth that was trained from random weights by the same plan."""
    found = runs.planned().get(f"{family}-CIFAR-{_made(family)['depth']}", ())
    return next(iter(found), None)


def error_trained(family: str) -> str:
    """The training error of that network, in percent."""
    run = trained(family)
    return "(not measured)" if run is None else f"{PERCENT * run.evaluation['train_error']:.1f} %"


def figure() -> str:
    """Training error of the shallow networks, of the deep ones made from them, and of deep ones that were trained."""
    found = record()
    drawn = new_figure(
        frame(
            "Training error of 20 layers, of 56 made from them, and of 56 trained",
            height=330,
            left=80,
            right=48,
            xaxis=axis("training error, %", rangemode="tozero", showgrid=True),
            yaxis=axis("", type="category", autorange="reversed", automargin=True),
            barmode="group",
        )
    )
    about = []
    for family, name in FAMILIES.items():
        row, run = _made(family), trained(family)
        shallow = row["network"].rpartition("-")[2]
        names = (
            f"{shallow} layers",
            f"{row['depth']}, copying",
        )
        bars = dict(zip(names, row["train"]["error"], strict=True))
        for layers, after in zip((shallow, row["depth"]), row["trained_further"], strict=True):
            bars[f"{layers}, further"] = after["train_error"]
        if run is not None:
            bars[f"{row['depth']}, random"] = run.evaluation["train_error"]
            about.append(f"{run.network}, {runs.epochs(run)} epochs: {run.command}")
        values = [round(PERCENT * value, 2) for value in bars.values()]
        drawn.add_bar(
            name=name,
            orientation="h",
            y=list(bars),
            x=values,
            text=[f"{value:.1f}" for value in values],
            textposition="outside",
            cliponaxis=False,
            marker={"color": color_of(f"{family}-CIFAR-56")},
        )
    first = found["networks"][0]
    late = " Lowest: trained from random initialisation, as many epochs." if about else ""
    return drawn_by_script(
        as_record(drawn),
        label="Bar chart of training error: 20 layers, 56 layers made from them by blocks that copy, 56 layers trained",
        caption=f"Upper two: the same trained weights ({first['epochs']} epochs), without and with blocks that copy."
        f" Next two: both trained {further_epochs()} epochs further.{late}",
        made=f"`{found['command']}`, {found['date']}. {'; '.join(about)}",
        badges=(
            "1 seed",
            f"{first['epochs']} epochs",
            f"{found['hardware']['cores']} CPU cores",
            runs.data_name(found["dataset"]),
        ),
    )
