"""What the benchmark page shows: the committed record of ``make bench``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keraudit.output.numbers import short_bytes
from pages.benchmark_figure import growth_figure, times_figure
from pages.figures import drawn_by_script
from pages.markdown import numbers, table
from pages.published import RESULTS, missing, published

PATH = RESULTS / "benchmark.json"
GRADIENTS = RESULTS / "benchmark-gradients.json"
SCHEMA = "keraudit.benchmark/1"
MISSING = missing(PATH, "make bench")


def record() -> Mapping[str, Any] | None:
    """The record; ``None`` if it is not there."""
    return published(PATH, SCHEMA)


def made() -> str:
    """When, with what and how it was measured."""
    found = record()
    if found is None:
        return MISSING
    return (
        f"Medians of {found['runs']} paired rounds on {found['date']}: {described(found['machine'])}."
        f" Made by `{found['command']}`, from the record `{PATH}`.\n{{ .ka-note }}"
    )


def times() -> str:
    """A row for each model and counter: time, memory, and how many times ours."""
    found = record()
    if found is None:
        return MISSING
    head = [
        ("model", "left"),
        ("counter", "left"),
        ("wall clock", "right"),
        ("times ours", "right"),
        ("CPU time", "right"),
        ("times ours", "right"),
        ("peak memory", "right"),
    ]
    rows = []
    for model, counters in found["models"].items():
        ours = counters["keraudit"]
        for name, run in counters.items():
            rows.append(
                [
                    model,
                    name,
                    f"{run['wall_s']:.3f} s",
                    f"{run['wall_s'] / ours['wall_s']:.2f}",
                    f"{run['cpu_s']:.3f} s",
                    f"{run['cpu_s'] / ours['cpu_s']:.2f}",
                    short_bytes(int(run["peak_bytes"])),
                ]
            )
    return numbers(table(head, rows))


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


def figure_of_growth(_: str = "") -> str:
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
    head = [
        ("layers", "right"),
        ("file", "right"),
        ("wall clock", "right"),
        ("CPU time", "right"),
        ("peak memory", "right"),
    ]
    rows = [
        [
            f"{row['layers']:,}",
            short_bytes(row["file_bytes"]),
            f"{row['wall_s']:.3f} s",
            f"{row['cpu_s']:.3f} s",
            short_bytes(int(row["peak_bytes"])),
        ]
        for row in found["growth"]
    ]
    return numbers(table(head, rows))


def gradient_profile() -> str:
    """What a gradient profile takes beside a bare forward and backward pass."""
    found = published(GRADIENTS, "keraudit.gradient-benchmark/1")
    if found is None:
        return missing(GRADIENTS, "make bench")
    bare, profile = found["bare"], found["profile"]
    rows = [
        [name, f"{part['seconds']:.3f} s", short_bytes(part["peak_bytes"])]
        for name, part in (("forward and backward, bare", bare), ("gradient profile", profile))
    ]
    rows.append(
        [
            "**ratio**",
            f"**{profile['seconds'] / bare['seconds']:.2f}**",
            f"**{profile['peak_bytes'] / bare['peak_bytes']:.2f}**",
        ]
    )
    head = [("", "left"), ("one pass", "right"), ("peak memory", "right")]
    size = found["size"]
    note = (
        f"{found['model']} at {size}x{size}, batch {found['batch']}, medians of {found['runs']} paired"
        f" rounds on {found['date']}: {described(found['machine'])}. Made by `{found['command']}`."
    )
    return numbers(table(head, rows)) + f"\n\n{note}\n{{ .ka-note }}"


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
    rows = [
        [row["name"], f"{row['cpu_ms']:.1f} ms", f"{row['cpu_ms'] / total:.1%}"]
        for row in found["stages"]
    ]
    rows.append(["**all**", f"**{total:.1f} ms**", ""])
    return table([("stage", "left"), ("CPU time", "right"), ("share", "right")], rows)
