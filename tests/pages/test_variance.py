"""The share of variance before a reduction: the measurement on a tiny network, and the page's sentence."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

pytest.importorskip("mkdocs")
pytest.importorskip("keras")

import numpy as np

from keraudit.api import read
from keraudit.building.keras_model import build
from keraudit.errors import KerauditError
from keraudit.zoo import trained_weights
from pages import variance as page
from records import variance
from toys import toy_file

NAME = "inception-reduced:height=16,width=16,channels=3,f1=2,r3=2,f3=3,r5=1,f5=2,pool=2"


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that ships the tiny network, whose first reduction reads the image itself."""
    build(read(NAME)).save_weights(tmp_path / f"{NAME}.weights.h5")
    about = {"mean": [100.0, 110.0, 120.0], "scale": [50.0, 60.0, 70.0], "test_error": 0.5}
    (tmp_path / f"{NAME}.json").write_text(json.dumps(about))
    monkeypatch.setattr(trained_weights, "HOME", tmp_path)
    return tmp_path


@pytest.fixture
def measured(shipped: Path, tmp_path: Path) -> Any:
    return variance.record(str(toy_file(tmp_path)), name=NAME, images=20)


def test_the_shares_are_those_of_the_singular_values(measured: Any, tmp_path: Path) -> None:
    images = np.load(tmp_path / "toy.npz")["x_test"][:20].reshape(-1, 3)
    fed = (images - [100.0, 110.0, 120.0]) / [50.0, 60.0, 70.0]
    values = np.linalg.svd(fed - fed.mean(axis=0), compute_uv=False) ** 2
    expected = np.cumsum(values) / values.sum()
    rows = measured["reductions"]
    assert [(row["name"], row["channels"], row["width"]) for row in rows] == [
        ("inception_3x3_reduce", 3, 2),
        ("inception_5x5_reduce", 3, 1),
    ]
    for row in rows:
        assert row["trained"] == pytest.approx(expected, abs=2e-5)
        assert len(row["random"]) == len(variance.SEEDS)
        for shares in row["random"]:  # the image itself: the weights have no part in it
            assert shares == pytest.approx(expected, abs=2e-5)
    assert measured["images"] == 20
    assert json.loads(json.dumps(measured)) == measured


def test_a_single_direction_holds_everything() -> None:
    moments = variance.Moments(3)
    for start in (0, 4):
        line = np.arange(start, start + 4)[:, None] * [1.0, 2.0, -1.0] + 5
        moments.add(line.reshape(1, 2, 2, 3))
    assert variance.held(moments.covariance()) == [1.0, 1.0, 1.0]


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trained_weights, "HOME", tmp_path)
    with pytest.raises(KerauditError, match="no trained weights of Nothing ship"):
        variance.measured("Nothing", np.zeros((1, 4, 4, 3), "uint8"))
    with pytest.raises(KerauditError, match="has no layer named _3x3_reduce or _5x5_reduce"):
        variance.reductions_of(read("inception-naive"))


def test_the_page_says_nothing_without_a_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "PATH", tmp_path / "none.json")
    assert page.section() == ""


def test_the_page_says_what_the_record_holds(
    measured: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = measured["reductions"]
    first["trained"], second["trained"] = [0.5, 0.9, 1.0], [0.5, 0.9, 1.0]
    for row in (first, second):
        row["random"] = [[0.2, 0.6, 1.0], [0.4, 0.8, 1.0]]
    path = tmp_path / "record.json"
    path.write_text(json.dumps(measured))
    monkeypatch.setattr(page, "PATH", path)
    text = page.section()
    said = " ".join(text.split())
    assert "Before a 5×5 it keeps 33 % of the channels" in said
    assert "**50 %** of the variance" in said  # at one component
    assert "hold 30 % with random weights" in said
    assert "where 67 % are kept, they hold 90 %." in said
    drawn = page.drawn(measured["reductions"], "t")
    marks = [trace for trace in drawn["data"] if trace["mode"] == "markers"]
    assert marks[0]["x"] == [66.67, 33.33]
    assert marks[0]["y"] == [90.0, 50.0]
    assert marks[1]["y"] == pytest.approx([70.0, 30.0])
    lines = [trace for trace in drawn["data"] if trace["mode"] == "lines"]
    assert lines[0]["y"] == [0.0, 50.0, 90.0, 100.0]


def test_the_published_record_is_whole() -> None:
    found = json.loads(page.PATH.read_text("utf-8"))
    assert found["schema"] == variance.SCHEMA
    for row in found["reductions"]:
        for shares in (row["trained"], *row["random"]):
            assert len(shares) == row["channels"] > row["width"]
            assert shares == sorted(shares)
            assert shares[-1] == pytest.approx(1, abs=1e-4)
        if row["name"].endswith(
            "_5x5_reduce"
        ):  # as the page says, training correlates them no more
            assert row["trained"][row["width"] - 1] < fmean(
                r[row["width"] - 1] for r in row["random"]
            )
