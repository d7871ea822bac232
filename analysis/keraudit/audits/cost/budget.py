"""Budgets: the most that a model may cost, and whether a report keeps them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from keraudit.audits.cost.count import BlockCost
from keraudit.audits.cost.report import CostReport
from keraudit.model.bounds import Bound
from keraudit.output.numbers import short, short_bytes
from keraudit.reading.origin import import_word


class Budget(NamedTuple):
    """A limit and where it came from.

    Attributes:
        key: ``max-macs``, ``max-params`` or ``max-peak-memory``.
        limit: the most that is allowed; bytes of memory.
        origin: where it is stated, for the message.
    """

    key: str
    limit: int
    origin: str


class Finding(NamedTuple):
    """One line on a budget; ``fails`` unless what is not counted is allowed."""

    line: str
    fails: bool


def exceeded_budgets(
    report: CostReport,
    limits: Sequence[Budget],
    *,
    allow_uncounted: bool = False,
    allowing: str = "--allow-uncounted",
    ruling: str = "--rules",
) -> list[Finding]:
    """One line for each budget that a report is over, or that it cannot be held against.

    A figure that is a lower bound or an estimate does not keep a budget, unless that is allowed; one
    that is over it all the same fails in any case.

    Args:
        report: on a model.
        limits: the budgets.
        allow_uncounted: let what is not counted in full pass.
        allowing: how a user says so, for the line.
        ruling: how a user gives a rule.
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
                f" is taken as kept ({allowing})"
                if allow_uncounted
                else f" cannot be checked; {_importing(report, ruling)}give a rule with {ruling}, or"
                f" pass {allowing}"
            )
            exceeded.append(Finding(line, fails=not allow_uncounted))
    return exceeded


def kept_budgets(report: CostReport, limits: Sequence[Budget]) -> str:
    """One line on budgets that a report keeps, each with what there is of it."""
    parts = []
    for budget in limits:
        value, write, unit, _, _ = _measured(report, budget.key)
        parts.append(f"{write(value)} of {write(budget.limit)} {unit} ({budget.origin})")
    return f"{report.model}: within budget: {', '.join(parts)}"


def _importing(report: CostReport, ruling: str) -> str:
    """What to import so that classes of a package are counted; empty where the file names none."""
    words = [import_word(package) for package in report.costs.packages[:3]]
    if not words:
        return ""
    if ruling.startswith("--"):
        return f"add {' '.join(f'--import {word}' for word in words)}, "
    return f"pass imports={words!r}, "


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
