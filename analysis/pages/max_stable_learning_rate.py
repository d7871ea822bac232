"""What the pages show of the rate that a network's classifier can take before the first step."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from keraudit.output.csv_markdown import code
from keraudit.output.table import bare_grid
from pages import runs
from pages.markdown import made, note, numbers
from pages.published import RESULTS, missing, published

PATH = RESULTS / "benchmark-stable-rate.json"
SCHEMA = "keraudit.stable-rate/1"
COMMAND = f"python analysis/research/max_stable_learning_rate.py --record {PATH.as_posix()}"


def record() -> Mapping[str, Any] | None:
    return published(PATH, SCHEMA)


def large() -> str:
    """The networks that enlarge their images, at the sizes that were measured."""
    return _rows_of(is_large=True)


def small() -> str:
    """Those for images of 32x32."""
    return _rows_of(is_large=False)


def _rows_of(*, is_large: bool) -> str:
    found = record()
    if found is None:
        return missing(PATH, COMMAND)
    columns = {
        "network": "markdown",
        "features": "exact",
        "length²": "{:,.0f}",
        "curvature": "real",
        "stable rate": "{:.2g}",
        "over seeds": "number",
    }
    rows = [
        (
            code(one["network"]) + (f" at {one['size']}x{one['size']}" if one["size"] else ""),
            one["seeds"][0]["features"],
            middle(one, "mean_square_norm"),
            middle(one, "curvature"),
            middle(one, "highest_stable_rate"),
            _between(one),
        )
        for one in found["networks"]
        if bool(one["size"]) == is_large
    ]
    first = next(one for one in found["networks"] if bool(one["size"]) == is_large)
    text = (
        "Length²: mean squared norm of the features. Curvature: largest eigenvalue of the Hessian of the loss in the"
        " classifier's weights."
    )
    seeds = [str(s["seed"]) for s in found["networks"][0]["seeds"]]
    origin = (
        f"One batch of {found['batch']}, random initialisation; median over seeds {', '.join(seeds)}."
        f" {found['dataset']['name']}. {bound(first)} {found['date']};"
        f" {', '.join(f'{name} {version}' for name, version in found['versions'].items())};"
        f" {found['machine']['processor']}, {found['machine']['cores']} cores. Made by `{found['command']}`."
    )
    badges = (
        f"{len(seeds)} seeds",
        "at initialisation",
        f"{found['machine']['cores']} CPU cores",
        runs.data_name(found["dataset"]),
    )
    return f"{numbers(bare_grid(columns, rows))}\n\n{note(text)}\n\n{made(origin, badges)}"


def bound(one: Mapping[str, Any]) -> str:
    """The bound of a network's recipe, in words."""
    m = one["momentum"]
    way = (
        f"2 (1 + m) / ((1 + 2 m) s), with Nesterov's momentum m = {m:g}"
        if one["nesterov"]
        else f"2 (1 + m) / s, with momentum m = {m:g}"
    )
    return (
        f"Stable rate: {way} and the curvature s; above it gradient descent on a quadratic of that"
        " curvature diverges (Cohen et al. 2021)."
    )


def middle(one: Mapping[str, Any], key: str) -> float:
    return float(median(found[key] for found in one["seeds"]))


def _between(one: Mapping[str, Any]) -> str:
    """The lowest and the highest rate over the seeds."""
    rates = [found["highest_stable_rate"] for found in one["seeds"]]
    return f"{min(rates):.2g} to {max(rates):.2g}"


def rate(network: str) -> str:
    """In a line of text: the highest stable rate of a network, at the first size that was measured."""
    found = record()
    named = [one for one in (found or {"networks": []})["networks"] if one["network"] == network]
    return f"{middle(named[0], 'highest_stable_rate'):.2g}" if named else "(not measured)"
