"""Budgets: the most that a model may cost, from options or from ``[tool.keraudit]``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os.path import isfile  # says no where pathlib raises: in folders that may not be entered
from pathlib import Path
from typing import Any, NamedTuple

import click

from keraudit.audits.cost.count import BlockCost
from keraudit.audits.cost.report import CostReport
from keraudit.cli.values import BYTES_COUNT, MACS_COUNT, PARAMS_COUNT
from keraudit.errors import KerauditError
from keraudit.model.bounds import Bound
from keraudit.model.fuzzy import suggestion
from keraudit.output.numbers import short, short_bytes

BUDGET_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--max-macs", type=MACS_COUNT, metavar="N", help="Fail above N MACs, e.g. 4G."),
    click.option(
        "--max-params", type=PARAMS_COUNT, metavar="N", help="Fail above N parameters, e.g. 25M."
    ),
    click.option(
        "--max-peak-memory",
        type=BYTES_COUNT,
        metavar="BYTES",
        help="Fail when activations need more at once, e.g. 64MiB.",
    ),
    click.option(
        "--allow-uncounted",
        is_flag=True,
        help="Let budgets pass although some layers are not counted, with a note.",
    ),
)
KEYS = {"max-macs": MACS_COUNT, "max-params": PARAMS_COUNT, "max-peak-memory": BYTES_COUNT}


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
        raise KerauditError(f"{path} is not valid TOML: {error}") from None
    table = tools.get("keraudit", {}) if isinstance(tools, Mapping) else {}
    if not isinstance(table, Mapping):
        raise KerauditError(f"{path}: expected [tool.keraudit] as a table, received {table!r}")
    result = {}
    for key, value in table.items():
        if key not in KEYS:
            raise KerauditError(
                f"{path}: {key!r} in [tool.keraudit] is not a budget: {suggestion(key, KEYS)}"
            )
        try:
            result[key] = KEYS[key].convert(value, None, None)
        except click.BadParameter as error:
            raise KerauditError(f"{path}: [tool.keraudit] {key}: {error.message}") from None
    return result


class Finding(NamedTuple):
    """One line on a budget; ``fails`` unless what is not counted is allowed."""

    line: str
    fails: bool


def exceeded_budgets(
    report: CostReport, limits: Sequence[Budget], *, allow_uncounted: bool = False
) -> list[Finding]:
    """One line for each budget that a report is over, or that it cannot be held against.

    A figure that is a lower bound or an estimate does not keep a budget, unless that is allowed; one
    that is over it all the same fails in any case.
    """
    exceeded = []
    for budget in limits:
        value, write, unit, where, bound = _measured(report, budget.key)
        if value > budget.limit:
            line = (
                f"{report.model}: {bound.phrase}{write(value)} {unit}, over the budget of"
                f" {write(budget.limit)} ({budget.origin}); {where}"
            )
            exceeded.append(Finding(line, fails=True))
        elif bound is not Bound.EXACT:
            line = (
                f"{report.model}: {bound.phrase}{write(value)} {unit}, and {_uncounted(report)}"
                f" uncounted: the budget of {write(budget.limit)} ({budget.origin})"
            )
            line += (
                " is taken as kept (--allow-uncounted)"
                if allow_uncounted
                else " cannot be checked; give a rule with --rules, or pass --allow-uncounted"
            )
            exceeded.append(Finding(line, fails=not allow_uncounted))
    return exceeded


def _measured(report: CostReport, key: str) -> tuple[int, Callable[[int], str], str, str, Bound]:
    """The figure that a budget is for, how it is written, its unit, where it sits, and what it is."""
    bounds = report.total.bounds
    if key == "max-peak-memory":
        peak, where = report.costs.peak_activation_bytes, f"at {report.costs.peak_at}"
        return peak, short_bytes, "held at once", where, bounds.activations
    if key == "max-params":
        where = _heaviest(report.blocks, "params")
        return report.total.params, short, "parameters", where, bounds.params
    return report.total.macs, short, "MACs", _heaviest(report.blocks, "macs"), bounds.macs


def _uncounted(report: CostReport) -> str:
    """Some of the layers that are not counted in full, in words."""
    layers = report.costs.unsupported
    if not layers:
        return "something in it is"
    named = ", ".join(f"{layer.name} ({layer.kind})" for layer in layers[:3])
    more = f" and {len(layers) - 3} more" if len(layers) > 3 else ""
    return f"{named}{more} {'are' if len(layers) > 1 else 'is'}"


def _heaviest(blocks: Sequence[BlockCost], key: str) -> str:
    ranked = sorted(blocks, key=lambda block: -getattr(block.cost, key))[:3]
    named = ", ".join(f"{block.name} {short(getattr(block.cost, key))}" for block in ranked)
    return f"the heaviest blocks: {named}"
