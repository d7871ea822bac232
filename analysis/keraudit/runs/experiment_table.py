"""Experiments as grids: what there is, what is planned, what was found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from keraudit.data.dataset import short_fingerprint
from keraudit.output.numbers import counted
from keraudit.output.table import Column, Grid, Line
from keraudit.runs.experiment import Experiment, Finding, Plan


def experiments_grid(experiments: Iterable[Experiment], *, command: str) -> Grid:
    """What can be run."""
    columns = (
        Column(key="name", label="Experiment"),
        Column(key="claim", label="Tests that", flows=True),
    )
    lines = tuple(Line(cells={"name": e.name, "claim": e.claim}) for e in experiments)
    return Grid(
        title=counted(len(lines), "experiment"),
        heading="",
        columns=columns,
        lines=lines,
        notes=("Run one with: keraudit experiment NAME",),
        command=command,
        convention="each in full trains every network with its recipe's own number of epochs",
    )


def plan_text(plan: Plan, folder: str, *, is_resumed: bool) -> str:
    """The plan in a few lines, told before anything runs."""
    seeds = ", ".join(map(str, plan.seeds))
    how = "; ".join(plan.scaling) or "in full"
    return "\n".join(
        (
            f"{plan.experiment}: {plan.claim}",
            f"Plan      {'resumed from' if is_resumed else 'written to'} {folder}",
            f"Networks  {', '.join(plan.networks)}; seeds {seeds}",
            f"Fraction  {plan.budget:g}: {how}",
            f"Recipe    {plan.recipe['name']}, {plan.recipe['epochs']} epochs of batch"
            f" {plan.recipe['batch']}",
            f"Data      {plan.dataset['name']} ({short_fingerprint(plan.dataset['fingerprint'])})",
        )
    )


def findings_grid(plan: Plan, found: Sequence[Finding], failed: Sequence[str]) -> Grid:
    """Sentence by sentence, with the budget beside them."""
    columns = (
        Column(key="name", label="Expected", flows=True),
        Column(key="holds", label="Found"),
        Column(key="evidence", label="Mean over seeds"),
    )
    lines = tuple(
        Line(
            cells={
                "name": one.sentence,
                "holds": "so" if one.holds else "not so",
                "evidence": one.evidence,
            },
            tone="" if one.holds else "warn",
        )
        for one in found
    )
    notes = [f"Fraction        {plan.budget:g} of the whole experiment"]
    notes += [f"                {line}" for line in plan.scaling]
    notes += [f"Diverged        {line}" for line in failed]
    if len(plan.seeds) < 2:
        notes.append("One seed        chance is not ruled out: --seeds 0,1,2")
    return Grid(
        title=plan.experiment,
        heading=plan.claim,
        columns=columns,
        lines=lines,
        notes=tuple(notes),
        command=plan.command,
        convention="one mean against another; the intervals say what chance can do",
    )
