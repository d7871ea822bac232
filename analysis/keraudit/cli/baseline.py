"""``keraudit flops --baseline``: no total may grow by more than a percentage."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from keraudit.audits.cost.growth import Growth, growth
from keraudit.audits.cost.report import CostReport
from keraudit.cli.values import PercentType
from keraudit.errors import KerauditError
from keraudit.model.bounds import Bound
from keraudit.model.fuzzy import suggestion

LARGEST = 256 * 2**20  # bytes of a baseline

BASELINE_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--baseline",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Fail when a total grew since FILE, made by keraudit flops --format json.",
    ),
    click.option(
        "--max-growth",
        type=PercentType(),
        metavar="PERCENT",
        help="Growth that --baseline allows, e.g. 5%.  [default: 0%]",
    ),
)


def read_baseline(path: Path) -> list[Mapping[str, Any]]:
    """The cost records in a file: one, or a list.

    Raises:
        KerauditError: it cannot be read, or holds something else.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise KerauditError(f"{path} is too large for a baseline")
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise KerauditError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise KerauditError(f"{path} is not valid JSON: {str(error)[:100]}") from None
    records = found if isinstance(found, list) else [found]
    if not records or not all(isinstance(record, Mapping) for record in records):
        raise KerauditError(f"{path}: expected a record of keraudit flops --format json")
    return records


def grown(
    reports: Sequence[CostReport], records: Sequence[Mapping[str, Any]], path: Path
) -> list[tuple[Growth, ...]]:
    """The growth of each report since its record, which is found by the model's name.

    Raises:
        KerauditError: there is none of that name, or it is of another input.
    """
    by_name = {str(record.get("model")): record for record in records}
    result = []
    for report in reports:
        alone = len(reports) == len(records) == 1
        record = records[0] if alone else by_name.get(report.model)
        if record is None:
            raise KerauditError(
                f"{path} has no record of {report.model!r}: {suggestion(report.model, by_name)}"
            )
        try:
            result.append(growth(report, record))
        except KerauditError as error:
            raise KerauditError(f"{path}: {error}") from None
    return result


def exceeded(
    report: CostReport,
    found: Sequence[Growth],
    path: Path,
    most: float,
    *,
    allow_uncounted: bool = False,
) -> Iterator[str]:
    """A line for each total that grew too much, and one where totals are not exact."""
    for one in found:
        if one.exceeds(most):
            yield (
                f"{report.model}: {one.written(one.after)} {one.label}, {one.percent:+.2f}% since"
                f" {path} ({one.written(one.before)}), above --max-growth {most:g}%"
            )
    if report.bound is not Bound.EXACT and not allow_uncounted:
        yield (
            f"{report.model}: its totals are {'a lower bound' if report.bound is Bound.LOWER else 'estimates'},"
            f" so growth since {path} cannot be checked; give a rule with --rules, or pass --allow-uncounted"
        )
