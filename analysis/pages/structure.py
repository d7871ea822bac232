"""What the structure page shows: the claims as rules, and what holds of the lecture's models."""

from __future__ import annotations

import inspect
from functools import cache

from keraudit.audits.structure.claim import HOLDS
from keraudit.audits.structure.report import FAMILIES, StructureReport
from pages.markdown import table, unsearched
from pages.reference import prose


@cache
def report(model: str) -> StructureReport:
    """The structure report of ``model`` at its own input size, made once per build."""
    import keraudit

    return keraudit.structure(model, command=f"keraudit structure {model}")


def claims(family: str) -> str:
    """The claims about a family: the code, the sentence, when it holds, and where it is from."""
    rows = [
        [
            claim.code,
            claim.sentence,
            prose(inspect.getdoc(claim.check) or ""),
            claim.source,
        ]
        for claim in FAMILIES[family]
    ]
    head = [("code", "left"), ("claim", "left"), ("rule", "left"), ("source", "left")]
    return unsearched(table(head, rows))


def verdicts(family: str, *models: str) -> str:
    """One row per claim, one column per model."""
    found = [report(model) for model in models]
    rows = [
        [claim.code, claim.sentence, *(bold(r[claim.code].verdict) for r in found)]
        for claim in FAMILIES[family]
    ]
    head = [("code", "left"), ("claim", "left"), *((model, "left") for model in models)]
    return unsearched(table(head, rows))


def bold(verdict: str) -> str:
    """A verdict, set off where it is not what the claim says."""
    return verdict if verdict == HOLDS else f"**{verdict}**"


def checks(model: str) -> str:
    """What holds of one model, with the evidence; the command that prints the same."""
    found = report(model)
    rows = [
        [check.code, bold(check.verdict), "<br>".join(map(plain, check.evidence))]
        for check in found.checks
        if check.family in found.families
    ]
    facts = found.facts
    told = (
        f"{facts.depth} layers with weights on the longest path, of {facts.weighted_layers:,};"
        f" {facts.connected_params:,} of {facts.params:,} parameters in fully connected layers."
    )
    head = [("code", "left"), ("verdict", "left"), ("evidence", "left")]
    return (
        f"{told}\n\n{unsearched(table(head, rows))}\n\nThe same in a terminal: `{found.command}`."
    )


def checked(model: str) -> str:
    """Each sentence about one model's family, whether it holds, and the evidence."""
    found = report(model)
    sentences = {
        claim.code: claim.sentence for family in found.families for claim in FAMILIES[family]
    }
    rows = [
        [sentences[check.code], bold(check.verdict), "<br>".join(map(plain, check.evidence))]
        for check in found.checks
        if check.family in found.families
    ]
    head = [("what is said", "left"), ("verdict", "left"), ("evidence", "left")]
    return f"{unsearched(table(head, rows))}\n\nMade by `{found.command}`.\n{{ .ka-note }}"


def plain(text: str) -> str:
    r"""Text that Markdown shows as it is: layer names hold underscores.

    >>> plain("conv2_block1 (1x3 | 3x1)")
    'conv2\\_block1 (1x3 | 3x1)'
    """
    for mark in "\\`*_{}[]<>#":
        text = text.replace(mark, "\\" + mark if mark not in "<>" else f"&{'lg'[mark == '>']}t;")
    return text
