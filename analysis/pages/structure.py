"""What the structure page shows: the claims as rules, and what holds of the lecture's models."""

from __future__ import annotations

import inspect
from functools import cache

from keraudit.audits.structure.claim import HOLDS
from keraudit.audits.structure.report import FAMILIES, StructureReport, structure_grid
from keraudit.output.csv_markdown import pipe_table
from keraudit.output.table import Column, bare_grid
from pages.markdown import unsearched
from pages.reference import prose


@cache
def report(model: str) -> StructureReport:
    """The structure report of ``model`` at its own input size, made once per build."""
    import keraudit

    return keraudit.structure(model, command=f"keraudit structure {model}")


def claims(family: str) -> str:
    """The claims about a family: the code, the sentence, when it holds, and where it is from."""
    rows = [
        (claim.code, claim.sentence, prose(inspect.getdoc(claim.check) or ""), claim.source)
        for claim in FAMILIES[family]
    ]
    columns = {"code": "text", "claim": "text", "rule": "markdown", "source": "text"}
    return unsearched(pipe_table(bare_grid(columns, rows)))


def verdicts(family: str, *models: str) -> str:
    """One row per claim, one column per model."""
    found = [report(model) for model in models]
    rows = [
        (claim.code, claim.sentence, *(bold(r[claim.code].verdict) for r in found))
        for claim in FAMILIES[family]
    ]
    columns = {"code": "text", "claim": "text", **dict.fromkeys(models, "markdown")}
    return unsearched(pipe_table(bare_grid(columns, rows)))


def bold(verdict: str) -> str:
    """A verdict, set off where it is not what the claim says."""
    return verdict if verdict == HOLDS else f"**{verdict}**"


def checks(model: str) -> str:
    """What holds of one model, with the evidence; the command that prints the same."""
    facts = report(model).facts
    text = (
        f"{facts.depth} layers with weights on the longest path, of {facts.weighted_layers:,};"
        f" {facts.connected_params:,} of {facts.params:,} parameters in fully connected layers."
    )
    body = _checked_claims(model, Column("code", "code"))
    return f"{text}\n\n{body}\n\nThe same in a terminal: `{report(model).command}`."


def tally(model: str) -> str:
    """In a sentence: how many of the claims about a model's families hold."""
    found = report(model)
    verdicts = [check.verdict for check in found.checks if check.family in found.families]
    return f"{verdicts.count(HOLDS)} of {len(verdicts)}"


def _checked_claims(model: str, first: Column) -> str:
    """The claims about a model's families, each called as the first column says."""
    grid = structure_grid(report(model))
    lines = [
        line._replace(cells=line.cells | {"verdict": bold(line.cells["verdict"])})
        for line in grid.lines
    ]
    columns = (first, Column("verdict", "verdict", "markdown"), Column("evidence", "evidence"))
    return unsearched(pipe_table(grid._replace(columns=columns, lines=tuple(lines))))
