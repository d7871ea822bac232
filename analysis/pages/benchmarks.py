"""What the benchmark page shows: the committed record of ``make bench``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keraudit.output.csv_markdown import pipe_table
from keraudit.output.numbers import short_bytes
from keraudit.output.table import Column, Grid, Line, bare_grid
from pages.benchmark_figure import growth_figure, times_figure
from pages.figures import drawn_by_script
from pages.markdown import note, numbers
from pages.published import RESULTS, missing, published

PATH = RESULTS / "benchmark.json"
GRADIENTS = RESULTS / "benchmark-gradients.json"
SCHEMA = "keraudit.benchmark/1"
MISSING = missing(PATH, "make bench")
TIMES = (
    Column("model", "model"),
    Column("counter", "counter"),
    Column("wall_s", "wall clock", "{:.3f} s"),
    Column("wall_factor", "times ours", "{:.2f}"),
    Column("cpu_s", "CPU time", "{:.3f} s"),
    Column("cpu_factor", "times ours", "{:.2f}"),
    Column("peak_bytes", "peak memory", "bytes"),
)
GROWTH = (
    Column("layers", "layers", "exact"),
    Column("file_bytes", "file", "bytes"),
    Column("wall_s", "wall clock", "{:.3f} s"),
    Column("cpu_s", "CPU time", "{:.3f} s"),
    Column("peak_bytes", "peak memory", "bytes"),
)


def record() -> Mapping[str, Any] | None:
    """The record; ``None`` if it is not there."""
    return published(PATH, SCHEMA)


def provenance() -> str:
    """When, with what and how it was measured."""
    found = record()
    if found is None:
        return MISSING
    return note(
        f"Medians of {found['runs']} paired rounds on {found['date']}: {described(found['machine'])}."
        f" Made by `{found['command']}`, from the record `{PATH}`."
    )


def times() -> str:
    """A row for each model and counter: time, memory, and how many times ours."""
    found = record()
    if found is None:
        return MISSING
    lines = [
        Line(
            {
                **run,
                "model": model,
                "counter": name,
                "wall_factor": run["wall_s"] / counters["keraudit"]["wall_s"],
                "cpu_factor": run["cpu_s"] / counters["keraudit"]["cpu_s"],
            }
        )
        for model, counters in found["models"].items()
        for name, run in counters.items()
    ]
    return numbers(Grid("", "", TIMES, tuple(lines)))


def figure_of_times(model: str) -> str:
    """The figure of each counter's wall clock."""
    found = record()
    if found is None:
        return MISSING
    return drawn_by_script(
        times_figure(found["models"][model], title=f"{model}: whole process, wall clock"),
        label=f"Bar chart of the seconds that each counter takes for a saved {model}",
        caption="Fewer seconds are better. The table holds the same numbers.",
    )


def figure_of_growth() -> str:
    """The figure of CPU time over the number of layers."""
    found = record()
    if found is None:
        return MISSING
    return drawn_by_script(
        growth_figure(found["growth"]),
        label="Line chart of CPU seconds over the number of layers, both axes logarithmic",
        caption="Both axes are logarithmic: a straight line with a slope of one is proportional growth.",
    )


def growth() -> str:
    """Time and memory for each depth."""
    found = record()
    if found is None:
        return MISSING
    return numbers(Grid("", "", GROWTH, tuple(map(Line, found["growth"]))))


def gradient_profile() -> str:
    """What a gradient profile takes beside a bare forward and backward pass."""
    found = published(GRADIENTS, "keraudit.gradient-benchmark/1")
    if found is None:
        return missing(GRADIENTS, "make bench")
    bare, profile = found["bare"], found["profile"]
    ratios = (profile[key] / bare[key] for key in ("seconds", "peak_bytes"))
    grid = bare_grid(
        {"": "text", "one pass": "number", "peak memory": "number"},
        [
            (name, f"{part['seconds']:.3f} s", short_bytes(part["peak_bytes"]))
            for name, part in (("forward and backward, bare", bare), ("gradient profile", profile))
        ],
        total=("ratio", *(f"{ratio:.2f}" for ratio in ratios)),
    )
    made = (
        f"{found['model']} at {found['size']}x{found['size']}, batch {found['batch']}, medians of"
        f" {found['runs']} paired rounds on {found['date']}: {described(found['machine'])}."
        f" Made by `{found['command']}`."
    )
    return f"{numbers(grid)}\n\n{note(made)}"


def described(machine: Mapping[str, Any]) -> str:
    """The machine, and the versions of what ran on it."""
    known = ("python", "system", "processor", "cores")
    versions = [f"{name} {value}" for name, value in machine.items() if name not in known]
    return "; ".join(
        filter(
            None,
            [
                f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, Python"
                f" {machine['python']}",
                ", ".join(versions),
            ],
        )
    )


def stages() -> str:
    """Where the CPU time of one audit goes."""
    found = record()
    if found is None:
        return MISSING
    total = sum(row["cpu_ms"] for row in found["stages"])
    grid = bare_grid(
        {"stage": "text", "CPU time": "{:.1f} ms", "share": "{:.1%}"},
        [(row["name"], row["cpu_ms"], row["cpu_ms"] / total) for row in found["stages"]],
        total=("all", total, None),
    )
    return pipe_table(grid)
