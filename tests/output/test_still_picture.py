"""The still picture of a figure: its legend, its names at the ends of lines, the scale of its colours."""

from __future__ import annotations

import itertools
import re
from typing import Any

from keraudit.output.end_labels import APART, End, Frame, end_labels
from keraudit.output.palette import CIVIDIS
from keraudit.output.svg import svg
from keraudit.output.svg_legend import entries


def line(name: str, **style: Any) -> dict[str, Any]:
    return {"type": "scatter", "name": name, "x": [0, 10], "y": [0, 100], "mode": "lines", **style}


def words(drawn: str) -> list[str]:
    return re.findall(r">([^<]+)</text>", drawn)


def test_the_legend_tells_dashes_markers_and_hatches_apart() -> None:
    solid = line("test", line={"color": "#111111"})
    dashed = line("training", line={"color": "#111111", "dash": "dash"})
    dots = line("paper", mode="markers", marker={"color": "#222222", "symbol": "square"})
    bar = {
        "type": "bar",
        "name": "without",
        "marker": {"color": "#333333", "pattern": {"shape": "/"}},
    }
    found = entries([solid, dashed, dots, bar], {})
    assert [(one.mark, one.dash, one.symbol, one.is_hatched) for one in found] == [
        ("lines", "", "circle", False),
        ("lines", "dash", "circle", False),
        ("markers", "", "square", False),
        ("swatch", "", "circle", True),
    ]
    drawn = svg({"data": [solid, dashed], "layout": {"height": 300}})
    assert drawn.count("stroke-dasharray") == 2  # the line, and its sample
    assert entries([solid], {}) == []  # of one line there is nothing to tell apart


def test_names_at_the_ends_of_lines_are_drawn_and_do_not_touch() -> None:
    ends = [End("upper", 10, 52), End("lower", 10, 50), End("far", 10, 5)]
    notes = end_labels(ends, Frame((0, 100), 200))
    places = [200 * (1 - note["y"] / 100) - note["yshift"] for note in notes]
    assert [note["text"] for note in notes] == ["upper", "lower", "far"]
    assert all(low - high >= APART - 1 for high, low in itertools.pairwise(places))
    assert notes[-1]["yshift"] == 0  # what has room stays
    layout = {"height": 300, "showlegend": False, "annotations": notes}
    drawn = svg({"data": [line("upper")], "layout": layout})
    assert {"upper", "lower", "far"} <= set(words(drawn))
    assert not end_labels(
        [End("none", 1, float("nan")), End("zero", 1, 0)], Frame((1, 9), 99, log=True)
    )


def test_a_heat_map_has_the_scale_of_its_colours_and_its_numbers() -> None:
    heat = {"type": "heatmap", "x": ["a", "b"], "y": ["a", "b"], "z": [[None, 3.5], [0.5, None]]}
    heat |= {"colorbar": {"title": {"text": "% of<br>the class"}}, "texttemplate": "%{z}"}
    drawn = svg({"data": [heat], "layout": {"height": 300}})
    assert (
        words(drawn).count("3.5") == words(drawn).count("0.5") == 2
    )  # in the cell and at the scale
    assert {"% of", "the class"} <= set(words(drawn))
    assert drawn.count("h12v") == len(CIVIDIS)
    ends = {"zmin": -4, "zmax": 4, "colorscale": [[0, "#0000aa"], [0.5, "#ffffff"], [1, "#aa0000"]]}
    drawn = svg({"data": [heat | ends], "layout": {"height": 300}})
    assert {"-4", "4"} <= set(words(drawn))
    assert drawn.count("h12v") == 3
