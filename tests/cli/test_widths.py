"""Tables at every width: numbers are never cut and keep their units; names wrap, bars go first."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from built import NAMES, application
from command import process, run
from keraudit.api import report_of, structure
from keraudit.audits.cost.compare import compare, comparison_grid
from keraudit.audits.cost.report import report_grid
from keraudit.audits.reductions.report import reductions, reductions_grid
from keraudit.audits.structure.report import structure_grid
from keraudit.layers.infer import shaped
from keraudit.output.layout import text_width
from keraudit.output.table import Grid, Line, bare_grid, written
from keraudit.output.terminal import grid_text

WIDTHS = (60, 80, 120, 200)
SOME = ("InceptionV3", "MobileNetV2")
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def grids_of(name: str) -> list[Grid]:
    graph = shaped(application(name))
    report = report_of(graph)
    small = report_of(shaped(application("MobileNetV2")))
    return [
        *(report_grid(report, by=by) for by in ("block", "layer", "kind", "stage")),
        report_grid(report, depth=3),
        reductions_grid(reductions(graph)),
        *(comparison_grid(compare(report, small), by=by) for by in ("block", "layer")),
        structure_grid(structure(name)),
    ]


def numbers_in(grid: Grid, text: str) -> Counter[str]:
    """What every number cell of the columns that a text shows should read as, by how often."""
    head = next((line for line in text.splitlines()[1:] if line.strip() and line[0] == " "), "")
    lines = [*grid.lines, *([grid.total] if grid.total else [])]
    found: Counter[str] = Counter()
    for column in grid.columns:
        if column.is_number and re.search(rf"\s{re.escape(column.label)}(\s|$)", head):
            found.update(filter(None, (written(column, line) for line in lines)))
    return found


def check_numbers(grid: Grid, text: str) -> None:
    """Every number stands whole in a line, as often as the grid has it."""
    assert "…" not in text
    plain = ESCAPE.sub("", text)
    for number, times in numbers_in(grid, plain).items():
        assert len(re.findall(rf"(?<!\S){re.escape(number)}(?!\S)", plain)) >= times, number


@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("name", SOME)
def test_no_number_is_cut(name: str, color: bool) -> None:
    for grid in grids_of(name):
        for width in (20, *WIDTHS, None):
            text = grid_text(grid, width, color=color)
            check_numbers(grid, text)
            lines = ESCAPE.sub("", text).splitlines()
            assert width is None or width < 60 or max(map(text_width, lines)) <= width


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", sorted(set(NAMES) - set(SOME)))
def test_no_number_of_any_application_is_cut(name: str) -> None:
    test_no_number_is_cut(name, color=False)


def test_the_bar_goes_first_then_names_wrap() -> None:
    grid = report_grid(report_of(shaped(application("InceptionV3"))), by="layer")
    assert "█" in grid_text(grid, 120)
    narrower = grid_text(grid, 80)
    assert "█" not in narrower
    assert "batch_normalization_1 " in narrower
    narrow = grid_text(grid, 40)
    assert "batch_normalization_1 " not in narrow
    assert max(map(len, narrow.splitlines())) <= 40


def test_minor_columns_go_before_names_wrap_to_shreds() -> None:
    report = report_of(shaped(application("InceptionV3")))
    for by in ("block", "layer"):
        grid = report_grid(report, by=by)
        for width in (40, 50, 60, 80, 120):
            text = grid_text(grid, width, every="--format csv")
            (line,) = re.findall(r"^Hidden +((?:.+\n)+?)(?=MACs  )", text, re.MULTILINE)
            named, _, how = " ".join(line.split()).rpartition(": ")
            assert how == "--format csv"
            head = next(line for line in text.splitlines()[1:] if line.startswith(" "))
            shown = re.split(r"  +", head.strip())
            labels = [column.label for column in grid.columns]
            assert sorted([*shown, *named.split(", ")]) == sorted(labels)
            assert {"MACs", "Share", "Params"} <= set(shown)
        assert "Hidden" not in grid_text(grid, 200)
        assert "Hidden" not in grid_text(grid, None)
    assert "batch_normalization_1 " in grid_text(report_grid(report, by="layer"), 60)
    assert "Hidden         Output, RF" not in grid_text(report_grid(report), 80)
    assert str(report).count(": to_dataframe()") == 1


def test_a_file_and_a_pipe_get_every_column(tmp_path: Path) -> None:
    application("ResNet50")
    target = tmp_path / "report.txt"
    assert run("flops", "ResNet50", "-o", target).code == 0  # whatever COLUMNS says
    piped = run("flops", "ResNet50", COLUMNS="")
    assert piped.out == target.read_text()
    assert "Activations    RF   Stride" in piped.out
    assert "Activations    RF   Stride" not in run("flops", "ResNet50", COLUMNS="80").out


@pytest.mark.parametrize(
    "environment",
    [{"NO_COLOR": "1"}, {"LANG": "C", "LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}, {}],
    ids=["no-color", "lang-c", "ascii", "piped"],
)
def test_numbers_in_every_environment(environment: dict[str, str]) -> None:
    application("ResNet50")
    done = process("flops", "ResNet50", **{"COLUMNS": "", **environment})
    assert (done.code, done.err) == (0, "")
    assert "\x1b" not in done.out
    for number in ("118.0 M", "14.31 MiB", "3,857,973,248", "100.0%", "4.202 M", "2.049 M"):
        assert number in done.out
    assert done.out.isascii() == ("PYTHONIOENCODING" in environment)


def test_colour_is_asked_for() -> None:
    application("ResNet50")
    assert "\x1b[1m" in run("flops", "ResNet50", FORCE_COLOR="1").out
    assert "\x1b" not in run("flops", "ResNet50", FORCE_COLOR="1", NO_COLOR="1").out


def test_wide_and_deep_names() -> None:
    grid = bare_grid({"name": "text", "MACs": "count"}, [("層" * 30, 5_000_000), ("a" * 90, 7)])
    grid = grid._replace(lines=(*grid.lines, Line(cells={"name": "x", "MACs": 1}, depth=40)))
    for width in (20, 60):
        text = grid_text(grid, width)
        assert max(map(text_width, text.splitlines())) <= width
        assert text.count("層") == 30
        assert "5.000 M" in text
