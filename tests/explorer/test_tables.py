"""Grids as the explorer's tables."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("streamlit")

import streamlit as st

from keraudit.explorer import tables
from keraudit.model.bounds import Bound
from keraudit.output.table import Column, Grid, Line


def test_counts_stay_numbers_and_say_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[list[dict[str, Any]]] = []
    monkeypatch.setattr(st, "dataframe", lambda rows, **_: drawn.append(rows))
    columns = (
        Column("name", "block"),
        Column("shape", "output", "shape"),
        Column("macs_a", "MACs of A", "exact", bounded=True),
        Column("macs_b", "MACs of A", "exact", bounded=True),  # two models of one title
        Column("macs_change", "change", "exact"),
    )
    lines = (
        Line(
            {"name": "a", "shape": (1, 8, 8, 3), "macs_a": 5, "macs_b": 2**70, "macs_change": 1},
            bounds={"macs_b": Bound.LOWER, "macs_change": Bound.ESTIMATE},
        ),
        Line({"name": "b", "shape": None, "macs_a": None, "macs_b": 0, "macs_change": 0}),
    )
    grid = Grid("", "", columns, lines)
    tables.table(grid)
    tables.table(grid, bound=Bound.LOWER)
    (first, second), bounded = drawn
    assert first == {
        "block": "a",
        "output": "8x8x3",
        "MACs of A, macs_a": 5,
        "MACs of A, macs_b": float(2**70),
        "change": 1,
    }
    assert second["MACs of A, macs_a"] is None
    assert second["output"] == ""
    assert [row["counts"] for row in bounded] == ["lower", "exact"]
