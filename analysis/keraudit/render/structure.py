"""A structure report as a grid."""

from __future__ import annotations

from keraudit.audits.structure import CONVENTION, FAMILIES, StructureReport
from keraudit.audits.structure_claim import FAILS, HOLDS, SILENT, Check
from keraudit.audits.structure_network import counted
from keraudit.bounds import Bound
from keraudit.render.grid import Column, Grid, Line
from keraudit.render.numbers import percent, sizes

COLUMNS = (
    Column(key="code", label="Code"),
    Column(key="verdict", label="Verdict"),
    Column(key="sentence", label="Claim", flows=True, below="evidence"),
    Column(key="evidence", label="Evidence", flows=True),
    Column(key="source", label="Source", flows=True, wide=True),
)
TONES = {HOLDS: "", FAILS: "warn", SILENT: "dim"}
TITLES = {"residual": "a residual network", "inception": "an Inception network"}
MISSING = {
    "residual": "no shortcut is added to a longer branch",
    "inception": "no branches with convolutions are concatenated",
}


def structure_grid(report: StructureReport, *, every: bool = False) -> Grid:
    """The checks of the families that a model belongs to; of ``every`` family if asked."""
    shown = [c for c in report.checks if every or c.family in report.families]
    return Grid(
        title=report.model,
        heading=heading(report),
        columns=COLUMNS,
        lines=tuple(map(check_line, shown)),
        notes=tuple(notes(report)),
        command=report.command,
        convention=CONVENTION,
    )


def heading(report: StructureReport) -> str:
    shapes = ", ".join(sizes(s, batch=False) for s in report.input_shapes.values())
    if not report.families:
        return f"at {shapes}: neither a residual nor an Inception network"
    kind = " and ".join(TITLES[family] for family in report.families)
    verdicts = [c.verdict for c in report.checks if c.family in report.families]
    held, failed = verdicts.count(HOLDS), verdicts.count(FAILS)
    told = f"{counted(held, 'claim')} hold{'s' if held == 1 else ''}, {failed} "
    return f"at {shapes}: {kind}; {told}{'does' if failed == 1 else 'do'} not"


def check_line(check: Check) -> Line:
    cells = {
        "code": check.code,
        "verdict": check.verdict,
        "sentence": check.sentence,
        "evidence": "\n".join(check.evidence),
        "source": check.source,
    }
    return Line(cells=cells, tone=TONES[check.verdict])


def notes(report: StructureReport) -> list[str]:
    """What is true of any network, and which claims are left out; each fits 80 columns."""
    facts = report.facts
    part = percent(facts.connected_params / facts.params if facts.params else 0.0)
    found = [
        f"Depth          {report.bound.phrase}{counted(facts.depth, 'layer')} with weights on the longest path,"
        f" of {facts.weighted_layers:,}",
        f"Found          {counted(facts.residual_units, 'residual unit')},"
        f" {counted(facts.inception_modules, 'Inception module')}",
        f"FC layers      {report.bound.phrase}{facts.connected_layers}, with {facts.connected_params:,} of"
        f" {report.bound.phrase}{facts.params:,} parameters"
        f" ({'' if report.bound is Bound.EXACT else Bound.ESTIMATE.sign}{part})",
    ]
    if facts.downsampling:
        by = "x".join(f"{stride:g}" for stride in dict.fromkeys(facts.downsampling))
        maps = f"{sizes(facts.first_map, batch=False)} to {sizes(facts.last_map, batch=False)}"
        found.append(f"Downsampling   by {by}: {maps}")
    for family, claims in FAMILIES.items():
        if family not in report.families:
            found.append(f"Left out       {claims[0].code} to {claims[-1].code}: {MISSING[family]}")
    if report.unsupported:
        what = "LOWER BOUND" if report.bound is Bound.LOWER else "ESTIMATE"
        more = len(report.unsupported) - 3
        found.append(
            f"{what}: layers inside these are not counted: {', '.join(report.unsupported[:3])}"
            + (f" and {more} more" if more > 0 else "")
        )
    return found
