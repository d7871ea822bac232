"""What the CIFAR-10 page shows of precision: what bfloat16 leaves of a network's first gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keraudit.output.table import bare_grid
from keraudit.runs.figure import precision
from pages import runs
from pages.figures import drawn_by_script
from pages.markdown import made, note, numbers
from pages.published import RESULTS, missing, published

PATH = RESULTS / "benchmark-precision.json"
SCHEMA = "keraudit.precision-benchmark/1"
COMMAND = f"python analysis/research/precision.py --record {PATH.as_posix()}"


def record() -> Mapping[str, Any] | None:
    return published(PATH, SCHEMA)


def first_gradients() -> str:
    """A row for each network: its gradient's norm, and how alike the two precisions' are."""
    found = record()
    if found is None:
        return missing(PATH, COMMAND)
    columns = {"network": "code"}
    columns |= dict.fromkeys(("norm", "norm, first", "norm, last"), "number")
    columns |= dict.fromkeys(("cosine", "cosine, first", "cosine, last"), "{:.2f}")
    columns |= {"probability": "share"}
    rows = []
    for one in found["networks"]:
        places = (one, one["kernels"][0], one["kernels"][-1])
        rows.append(
            (
                one["network"],
                *(short(each["grad_norm"]) for each in places),
                *(each["bfloat16_cosine"] for each in places),
                one["largest_change_of_a_probability"],
            )
        )
    text = (
        "Gradient norm in float32 and its cosine with the gradient in bfloat16, for all weights, the first and the last"
        " kernel; largest change of a class probability."
    )
    return f"{numbers(bare_grid(columns, rows))}\n\n{note(text)}\n\n{made(origin(found), badges(found))}"


def cosine(network: str) -> str:
    """In a sentence: how alike a network's two gradients are."""
    found = record()
    rows = [one for one in (found or {}).get("networks", ()) if one["network"] == network]
    return f"{rows[0]['bfloat16_cosine']:.2f}" if rows else "(not measured)"


def origin(found: Mapping[str, Any]) -> str:
    """Where the record is from."""
    return (
        f"{found['dataset']['name']}, one batch of {found['batch']}, large networks at"
        f" {found['size']}x{found['size']}; random initialisation with seed {found['seed']}, {found['date']}."
        f" {found['machine']['processor']}, {found['machine']['cores']} cores;"
        f" {', '.join(f'{name} {version}' for name, version in found['versions'].items())}. Made by"
        f" `{found['command']}`."
    )


def badges(found: Mapping[str, Any]) -> tuple[str, ...]:
    cores = f"{found['machine']['cores']} CPU cores"
    return ("1 seed", "first step", cores, runs.data_name(found["dataset"]))


def short(norm: float) -> str:
    """Three digits, or all before the point.

    >>> short(0.5561), short(1052.9)
    ('0.556', '1,053')
    """
    return f"{norm:.3g}" if norm < 1000 else f"{norm:,.0f}"


def figure() -> str:
    """The cosine at each kernel, from the first to the last."""
    found = record()
    if found is None:
        return ""
    networks = {one["network"]: one["kernels"] for one in found["networks"]}
    return drawn_by_script(
        precision(networks),
        label="Line chart of the cosine between the gradients in bfloat16 and in float32, kernel by"
        f" kernel, of {', '.join(networks)}",
        caption="A point is a kernel, from the first at the left to the classifier at the right. 1: both gradients point"
        " the same way. 0: they are orthogonal.",
        made=origin(found),
        badges=badges(found),
    )
