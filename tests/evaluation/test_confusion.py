"""One confusion matrix that is not symmetric, everywhere it is shown: a row is what the image shows."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest

from keraudit.evaluation.evaluate import Evaluation
from keraudit.evaluation.metrics import ClassScore
from keraudit.evaluation.table import class_grid, confusion_grid, long_grid
from keraudit.output.terminal import grid_text

NAMES = ("cat", "dog", "ship")
MATRIX = ((5, 3, 0), (1, 6, 1), (0, 0, 4))  # three of eight cats are taken for dogs
SHARES = [[None, 37.5, 0.0], [12.5, None, 12.5], [0.0, 0.0, None]]  # in percent of the class


def evaluation() -> Evaluation:
    scores = [
        ClassScore(name=name, images=sum(row), precision=0.5, recall=0.5)
        for name, row in zip(NAMES, MATRIX, strict=True)
    ]
    return Evaluation(
        network="Net",
        seed=0,
        recipe="he2015",
        dataset={"name": "toy", "test_images": 20},
        weights="last",
        accuracy=0.75,
        loss=0.5,
        train_accuracy=0.8,
        recorded_accuracy=None,
        classes=scores,
        confusion=MATRIX,
        calibration=(),
        ece=0.0,
        corruptions=(),
        corruption_images=0,
        clean_accuracy=None,
        human=None,
        originals=None,
        versions={},
        date="2026-11-28",
    )


def test_it_is_counted_by_label_and_then_by_answer() -> None:
    np = pytest.importorskip("numpy")
    from keraudit.evaluation.metrics import class_scores, confusion

    pairs = [(a, b) for a, row in enumerate(MATRIX) for b, n in enumerate(row) for _ in range(n)]
    labels, answers = np.array(pairs).T
    matrix = confusion(np.eye(3)[answers], labels)
    assert matrix.tolist() == [list(row) for row in MATRIX]
    scores = class_scores(matrix, NAMES)
    assert [s.images for s in scores] == [8, 8, 4]
    assert [s.recall for s in scores] == [5 / 8, 6 / 8, 1]
    assert [s.precision for s in scores] == [5 / 6, 6 / 9, 4 / 5]


def test_the_command_s_table() -> None:
    grid = confusion_grid(evaluation())
    assert "rows are the labels" in grid.title
    assert [tuple(line.cells[f"c{i}"] for i in range(3)) for line in grid.lines] == [*MATRIX]
    assert re.search(r"cat +5 +3 +0\b", grid_text(grid))
    taken = [line.cells["confused"] for line in class_grid(evaluation()).lines]
    assert taken[0] == "dog (3)"
    assert taken[2] == ""


def test_the_command_s_csv() -> None:
    found = {
        line.cells["of"]: line.cells["value"]
        for line in long_grid(evaluation()).lines
        if line.cells["measure"] == "confusion"
    }
    assert (found["cat as dog"], found["dog as cat"]) == (3, 1)


def figure() -> dict[str, Any]:
    pytest.importorskip("plotly")
    from keraudit.runs.figure import confusion

    return confusion("Net", {"classes": [{"name": n} for n in NAMES], "confusion": MATRIX})


def test_the_heat_map() -> None:
    """``z[i][j]`` stands in the row of ``y[i]`` and the column of ``x[j]``."""
    (trace,) = figure()["data"]
    assert trace["y"] == trace["x"] == list(NAMES)
    assert trace["z"] == SHARES
    assert figure()["layout"]["xaxis"]["title"]["text"] == "mistaken for"


def test_the_still_picture() -> None:
    """The lightest cell, 37.5 %, is right of the label of cats and above that of dogs."""
    from keraudit.output.palette import CIVIDIS
    from keraudit.output.svg import svg

    drawn = svg(figure())
    ((left, top, wide, tall),) = [
        tuple(map(float, re.findall(r"[\d.]+", path)))[:4]
        for path in re.findall(rf'fill="{CIVIDIS[-1]}" d="([^"]+)"', drawn)
        if "h12v" not in path  # a colour of the scale beside the map
    ]
    found = {
        (text, anchor): (float(x), float(y))
        for x, y, anchor, text in re.findall(
            r'<text x="([\d.]+)" y="([\d.]+)"[^>]*text-anchor="(\w+)"[^>]*>(\w+)</text>', drawn
        )
    }
    assert top < found["cat", "end"][1] < top + tall
    assert left < found["dog", "middle"][0] < left + wide


def test_the_site_s_table_csv_and_json() -> None:
    pytest.importorskip("mkdocs")
    from pages import figures, mistakes

    found = {
        "dataset": {"name": "toy", "test_images": 20},
        "classes": [{"name": name} for name in NAMES],
        "confusion": MATRIX,
        "date": "2026-11-28",
        "command": "keraudit evaluate RUN",
    }
    page = mistakes.confusions("Asymmetric", found)
    assert "Row: what the image shows" in page
    rows = [re.findall(r"<td>([^<]*)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", page)]
    assert rows[1:] == [["", "37.5", "0"], ["12.5", "", "12.5"], ["0", "0", ""]]
    head, *lines = csv.reader(io.StringIO(figures.FILES["data/asymmetric-confusion.csv"]))
    assert head == ["the image shows / mistaken for", *NAMES]
    assert lines[0] == ["cat", "", "37.5", "0.0"]
    record = json.loads(figures.FILES["data/asymmetric-confusion.json"])
    assert record["rows"] == [[name, *row] for name, row in zip(NAMES, SHARES, strict=True)]


def test_a_map_of_gradients_has_the_rows_of_its_picture() -> None:
    pytest.importorskip("plotly")
    from keraudit.audits.gradients.figure import norm_over_training
    from keraudit.output.figure_data import numbers_of

    steps = [
        {"step": step, "blocks": [{"name": "a", "grad_norm": x}, {"name": "b", "grad_norm": y}]}
        for step, x, y in ((0, 1.0, 10.0), (50, 100.0, 1000.0), (100, 0.1, 0.01))
    ]
    numbers = numbers_of(norm_over_training({"model": "Net", "steps": steps}))
    assert numbers.head == ("block / training step", "0", "50", "100")
    assert numbers.rows == (("a", 0.0, 2.0, -1.0), ("b", 1.0, 3.0, -2.0))
