"""What the page on KerasHub shows: every class counted twice, and how many agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keraudit.model.bounds import Bound
from keraudit.output.csv_markdown import code
from keraudit.output.table import bare_grid
from pages.markdown import note, numbers
from pages.published import missing, published
from records.keras_hub import COMMAND, PATH, SCHEMA, is_exact, is_exact_from_file

PARTS = {"backbone": "backbones", "task": "tasks"}


def record() -> Mapping[str, Any] | None:
    return published(PATH, SCHEMA)


def tally() -> str:
    """How many classes are exact, of how many, and by which versions."""
    found = record()
    if found is None:
        return missing(PATH, COMMAND)
    models = found["models"]
    exact, saved = sum(map(is_exact, models)), sum(map(is_exact_from_file, models))
    parts = [
        f"{sum(is_exact(m) for m in models if m['part'] == part)} of"
        f" {sum(m['part'] == part for m in models)} {name}"
        for part, name in PARTS.items()
    ]
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    return (
        f"**{exact} of {len(models)} classes are exact** in MACs and parameters: {' and '.join(parts)}. The"
        f" others are bounds, each with its reason. Saved and read with `--import keras_hub`, {saved} of"
        f" {len(models)} are exact. ({versions}; {found['date']}.)"
    )


def table(part: str) -> str:
    """A row for each class: both counts, the parameters, and the reason of a bound."""
    found = record()
    if found is None:
        return missing(PATH, COMMAND)
    columns = {"class": "code"}
    columns |= dict.fromkeys(("MACs", "MACs of the JAX program", "parameters"), "number")
    columns |= {"count": "text", "from the saved file": "text"}
    rows = []
    for one in found["models"]:
        if one["part"] != part:
            continue
        rows.append(
            (
                one["name"],
                number(one["macs"], one["bound"]),
                number(one["jax_macs"]),
                number(one["params"]),
                "exact" if is_exact(one) else reason(one),
                from_file(one),
            )
        )
    return numbers(bare_grid(columns, rows))


def number(count: int | None, bound: str = "exact") -> str:
    """A count with the sign of its bound; a dash where there is none.

    >>> number(1234), number(5, "lower"), number(None)
    ('1,234', '≥ 5', '–')
    """
    known = bound.upper() in Bound.__members__
    return "–" if count is None else f"{Bound[bound.upper()].sign if known else ''}{count:,}"


def reason(one: Mapping[str, Any]) -> str:
    """Why a count is a bound, in one line."""
    more = (one["uncounted"] or 1) - 1
    rest = f" (and {more} more)" if more else ""
    witness = f"; the JAX program: {one['jax_error']}" if one["jax_error"] else ""
    return f"{one['bound']}: {one['reason']}{rest}{witness}"


def from_file(one: Mapping[str, Any]) -> str:
    """Whether the saved file gives the same counts as the live model."""
    if one["file_error"]:
        return f"not read: {one['file_error']}"
    same = (one["file_macs"], one["file_params"]) == (one["macs"], one["params"])
    return "the same" if same else f"{one['file_macs']:,} MACs, {one['file_params']:,} parameters"


def unbuilt() -> str:
    """The classes that the table leaves out, and why."""
    found = record()
    if found is None or not found["unbuilt"]:
        return ""
    lines = [f"- {code(name)}: {why}" for name, why in found["unbuilt"].items()]
    return note("Not in the tables:") + "\n\n" + "\n".join(lines)
