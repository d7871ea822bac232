"""The still picture of a figure: its legend, its names at the ends of lines, the scale of its colours."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from keraudit.output.end_labels import APART, End, Frame, end_labels, name_ends
from keraudit.output.palette import CIVIDIS
from keraudit.output.plotly_figure import as_record, new_figure
from keraudit.output.svg import svg
from keraudit.output.svg_axis import log_marks
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


def test_names_that_do_not_fit_are_slanted() -> None:
    def drawn(names: list[str]) -> str:
        bars = {"type": "scatter", "x": names, "y": list(range(len(names))), "mode": "markers"}
        return svg({"data": [bars], "layout": {"height": 300, "xaxis": {"type": "category"}}})

    assert "rotate(-40)" in drawn([f"conv2_block{n}" for n in range(16)])
    assert "rotate(-40)" not in drawn(["a", "b", "c"])


def test_an_axis_has_the_ticks_that_the_figure_asks_for() -> None:
    layout = {"height": 300, "yaxis": {"type": "log", "tickvals": [2, 3, 50, 1000]}}
    trace = line("a") | {"y": [2, 100]}
    found = words(svg({"data": [trace], "layout": layout}))
    assert {"2", "3", "50"} <= set(found)
    assert "1000" not in found


def test_intervals_and_the_shapes_of_markers_are_drawn() -> None:
    errors = {"array": [5, 5], "arrayminus": [0, 10]}
    shapes = ["square", "circle"]
    trace = line("a", mode="markers", marker={"symbol": shapes}, error_y=errors)
    drawn = svg({"data": [trace], "layout": {"height": 300}})
    assert drawn.count("<circle") == 1
    assert len(re.findall(r'stroke="currentColor" d="M[\d.]+ [\d.]+V[\d.]+"', drawn)) == 2
    several = [
        line(name, mode="markers", marker={"symbol": name, "color": "#123456"})
        for name in ("x", "cross", "diamond", "triangle-up")
    ]
    drawn = svg({"data": several, "layout": {"height": 300}})
    assert len(set(re.findall(r'd="(M[^"]+)" transform', drawn))) == 4


def test_lines_are_named_at_their_ends_once() -> None:
    pytest.importorskip("plotly")
    figure = new_figure({"height": 300, "margin": {"b": 50}, "yaxis": {"type": "log"}})
    for number, value in enumerate((1.0, 2.0, 100.0)):
        name = "random" if number < 2 else "trained"
        figure.add_scatter(name=name, x=[0, 1], y=[1, value], showlegend=number != 1)
    name_ends(figure)
    notes = {note["text"]: note["y"] for note in as_record(figure)["layout"]["annotations"]}
    assert notes == {"random": 0, "trained": 2}  # decades
    assert figure.layout.showlegend is False
    assert log_marks(*(10**end for end in figure.layout.yaxis.range)) == (1, 2, 5, 10, 20, 50, 100)
