"""Budgets: the most that a model may cost, from options or from ``[tool.keraudit]``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os.path import isfile  # says no where pathlib raises: in folders that may not be entered
from pathlib import Path
from typing import Any

import click

from keraudit.audits.cost.budget import Budget
from keraudit.cli.values import BYTES_COUNT, MACS_COUNT, PARAMS_COUNT
from keraudit.errors import KerauditError
from keraudit.model.fuzzy import suggestion

BUDGET_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--max-macs", type=MACS_COUNT, metavar="N", help="Fail above N MACs, e.g. 4G."),
    click.option(
        "--max-params", type=PARAMS_COUNT, metavar="N", help="Fail above N parameters, e.g. 25M."
    ),
    click.option(
        "--max-peak-memory",
        type=BYTES_COUNT,
        metavar="BYTES",
        help="Fail when peak activation memory exceeds BYTES, e.g. 64MiB.",
    ),
    click.option(
        "--allow-uncounted",
        is_flag=True,
        help="Let budgets pass although some layers are not counted, with a note.",
    ),
)
LARGEST_FILE = 2**20  # bytes of a pyproject.toml
KEYS = {"max-macs": MACS_COUNT, "max-params": PARAMS_COUNT, "max-peak-memory": BYTES_COUNT}


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
        with path.open("rb") as file:
            text = file.read(LARGEST_FILE + 1).decode("utf-8", "replace")
    except OSError as error:
        raise KerauditError(f"{path} cannot be read: {error.strerror or error}") from None
    if "keraudit" not in text:
        return {}
    if len(text) > LARGEST_FILE:
        raise KerauditError(
            f"{path} has more than {LARGEST_FILE:,} bytes: no settings are that long"
        )
    import tomllib

    try:
        tools: Any = tomllib.loads(text).get("tool", {})
    except (ValueError, RecursionError) as error:
        raise KerauditError(f"{path} is not valid TOML: {error}") from None
    table = tools.get("keraudit", {}) if isinstance(tools, Mapping) else {}
    if not isinstance(table, Mapping):
        raise KerauditError(
            f"{path}: expected [tool.keraudit] as a table, received {str(table)[:60]!r}"
        )
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
