"""Budgets: the most that a model may cost, from options or from ``[tool.keraudit]``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os.path import isfile  # says no where pathlib raises: in folders that may not be entered
from pathlib import Path
from typing import Any, NamedTuple

import click

from keraudit.audits.cost import BlockCost
from keraudit.cli.options import CountType
from keraudit.errors import KerauditError
from keraudit.render.numbers import short, short_bytes
from keraudit.report import CostReport

KEYS = ("max-macs", "max-params", "max-peak-memory")


class Budget(NamedTuple):
    """A limit and where it came from."""

    key: str
    limit: int
    origin: str


def budgets(options: Mapping[str, int | None]) -> list[Budget]:
    """The budgets in force: options go before the nearest ``pyproject.toml``."""
    try:
        stated = from_pyproject(Path.cwd())
    except FileNotFoundError:  # the working folder was removed: nothing is stated there
        stated = {}
    result = []
    for key in KEYS:
        if (limit := options.get(key)) is not None:
            result.append(Budget(key, limit, f"--{key}"))
        elif key in stated:
            result.append(Budget(key, stated[key], f"{key} in pyproject.toml"))
    return result


def from_pyproject(folder: Path) -> dict[str, int]:
    """``[tool.keraudit]`` of the nearest ``pyproject.toml`` above ``folder``.

    Raises:
        KerauditError: the file is no TOML, or the table holds an unknown key or no count.
    """
    above = (d / "pyproject.toml" for d in (folder, *folder.parents))
    path = next((p for p in above if isfile(p)), None)  # noqa: PTH113  # see the import
    if path is None:
        return {}
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError as error:
        raise KerauditError(f"{path} cannot be read: {error.strerror or error}") from None
    if "keraudit" not in text:
        return {}
    import tomllib

    try:
        tools: Any = tomllib.loads(text).get("tool", {})
    except tomllib.TOMLDecodeError as error:
        raise KerauditError(f"{path} is no valid TOML: {error}") from None
    table = tools.get("keraudit", {}) if isinstance(tools, Mapping) else {}
    if not isinstance(table, Mapping):
        raise KerauditError(f"{path}: expected [tool.keraudit] as a table, received {table!r}")
    result = {}
    for key, value in table.items():
        if key not in KEYS:
            raise KerauditError(
                f"{path}: [tool.keraudit] takes {', '.join(KEYS)}; received {key!r}"
            )
        try:
            result[key] = CountType(in_bytes=key == "max-peak-memory").convert(value, None, None)
        except click.BadParameter as error:
            raise KerauditError(f"{path}: [tool.keraudit] {key}: {error.message}") from None
    return result


def exceeded(report: CostReport, limits: Sequence[Budget]) -> list[str]:
    """One line for each budget that a report is over, naming the blocks that weigh most."""
    result = []
    for budget in limits:
        if budget.key == "max-peak-memory":
            value, write = report.costs.peak_activation_bytes, short_bytes
            unit, where = "held at once", f"at {report.costs.peak_at}"
        elif budget.key == "max-params":
            value, write, unit = report.total.params, short, "parameters"
            where = heaviest(report.blocks, "params")
        else:
            value, write, unit = report.total.macs, short, "MACs"
            where = heaviest(report.blocks, "macs")
        if value > budget.limit:
            result.append(
                f"{report.model}: {write(value)} {unit}, over the budget of {write(budget.limit)}"
                f" ({budget.origin}); {where}"
            )
    return result


def heaviest(blocks: Sequence[BlockCost], key: str) -> str:
    ranked = sorted(blocks, key=lambda block: -getattr(block.cost, key))[:3]
    named = ", ".join(f"{block.name} {short(getattr(block.cost, key))}" for block in ranked)
    return f"the heaviest blocks: {named}"
