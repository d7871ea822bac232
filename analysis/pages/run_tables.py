"""What the pages tell of how training runs ended: tables over seeds, and differences of two networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from keraudit.output.csv_markdown import code
from keraudit.output.table import Column
from keraudit.runs.statistics import (
    PERCENT,
    Difference,
    differences,
    measured,
)
from keraudit.runs.table import comparison_grid
from keraudit.training.record import Run
from pages.markdown import made, note, numbers, typeset_line
from pages.runs import HE_TEST_ERROR, about, badges, other_kinds, together

# What the pages set against one another: the second less the first.
PAIRS = (
    ("InceptionV3", "ResNet50"),
    ("Plain-CIFAR-20", "Plain-CIFAR-56"),
    ("ResNet-CIFAR-20", "ResNet-CIFAR-56"),
    ("Plain-CIFAR-56", "ResNet-CIFAR-56"),
)
ERRORS = {"train_error": "training", "test_error": "test"}
NAMES = (
    Column("name", "network", "code"),
    Column("params", "parameters", "exact"),
    Column("n", "seeds", "number"),
)
MEASURES = (
    Column("train_error", "training error, %", "number"),
    Column("test_error", "test error, %", "number"),
    Column("gap", "gap", "number"),
    Column("epoch_seconds", "s/epoch", "number"),
)
REPORTED = Column("reported", "reported, %", "{:.2f}")


def result_table(found: Mapping[str, Sequence[Run]], *, folded_as: str = "") -> str:
    """The results, and what the columns are; ``folded_as`` is the title of a fold around the table."""
    several = any(len(members) > 1 for members in found.values())
    text = f"Error at the end{', mean and standard deviation over seeds' * several}."
    text += " Time of the median epoch." * (not _untimed(found))
    if any(name in HE_TEST_ERROR for name in found):
        text += " Reported: He et al. 2015, Table 6, on the original images."
    parts = (_end_table(found, folded_as), note(text), _origin(found), set_apart(found))
    return "\n\n".join(filter(None, parts))


def other_runs(
    networks: Sequence[str],
    lesson: Callable[[Mapping[str, Sequence[Run]]], str] = lambda _: "",
    *,
    without: Sequence[Mapping[str, Sequence[Run]]] = (),
) -> str:
    """The tables of the published runs of other kinds; ``lesson`` says what one of them shows.

    Those of ``without`` are left out: a page shows them elsewhere.
    """
    apart = [found for found in other_kinds(networks) if found not in without]
    parts = [text for found in apart for text in (lesson(found), noted_table(found))]
    if not parts:
        return ""
    return "\n\n".join(filter(None, parts))


def noted_table(found: Mapping[str, Sequence[Run]]) -> str:
    """The results, and what the runs are."""
    return f"{_end_table(found)}\n\n{_origin(found)}"


def _origin(found: Mapping[str, Sequence[Run]]) -> str:
    """What the runs are, folded, under their badges."""
    return made(" ".join(filter(None, (about(found), _untimed(found)))), badges(found))


def _untimed(found: Mapping[str, Sequence[Run]]) -> str:
    """Why a table of runs has no times; empty where it has."""
    if any(measure.key == "epoch_seconds" for measure in measured(together(found))):
        return ""
    return "Times of different machines, versions or watched runs are not compared."


def _end_table(found: Mapping[str, Sequence[Run]], folded_as: str = "") -> str:
    """Errors at the end over seeds, the gap between them, and time where it can be compared."""
    grid = comparison_grid(found, command="")
    there = {column.key for column in grid.columns}
    measures = [column for column in MEASURES if column.key in there]
    paper = [REPORTED] * any(name in HE_TEST_ERROR for name in found)
    lines = tuple(
        typeset_line(line, *(column.key for column in measures), reported=HE_TEST_ERROR.get(name))
        for line, name in zip(grid.lines, found, strict=True)
    )
    whole = grid._replace(columns=(*NAMES, *measures, *paper), lines=lines)
    return numbers(whole, folded_as=folded_as)


def set_apart(found: Mapping[str, Sequence[Run]]) -> str:
    """How much more wrong the second of each pair is; empty where no pair, trained alike, has several seeds."""
    sentences = []
    for pair in PAIRS:
        both = {name: found[name] for name in pair if name in found}
        parts = [
            _in_points(one)
            for one in differences(both)
            if one.measure in ERRORS and one.interval and not one.unlike
        ]
        if parts:
            sentences.append(f"- {code(pair[1])} less {code(pair[0])}: {', '.join(parts)}")
    if not sentences:
        return ""
    lines = "\n".join(sentences)
    how = "Differences of means over seeds, in brackets the 95 % interval by Welch's t."
    return f"{lines}\n\n{note(how)}"


def _in_points(one: Difference) -> str:
    low, high = (PERCENT * end for end in one.interval or (0, 0))
    within = f"{low:+.2f} to {high:+.2f}" if low < high else "no interval: the seeds agree"
    return f"{ERRORS[one.measure]} error {PERCENT * one.mean:+.2f} points ({within})"
