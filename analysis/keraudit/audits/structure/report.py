"""Does a network have the architecture that lectures and papers describe?

Which claims apply is decided from the graph: those about ResNets where a shortcut is added to a longer
branch, those about Inception where branches with convolutions are concatenated. Names play no part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from keraudit.audits.cost.receptive_field import receptive_fields
from keraudit.audits.structure.both_families import connected_params, params
from keraudit.audits.structure.claim import FAILS, HOLDS, SILENT, Check, Claim, silent
from keraudit.audits.structure.inception import CLAIMS as INCEPTION_CLAIMS
from keraudit.audits.structure.inception import Inception
from keraudit.audits.structure.modules import modules
from keraudit.audits.structure.network import Network, depth, is_connected, network
from keraudit.audits.structure.resnet import CLAIMS as RESIDUAL_CLAIMS
from keraudit.audits.structure.resnet import Residual
from keraudit.audits.structure.units import units
from keraudit.model.blocks import blocks
from keraudit.model.bounds import Bound
from keraudit.model.fuzzy import by_name
from keraudit.model.graph import UNSUPPORTED, Graph, Shape
from keraudit.model.shape_text import shape_text
from keraudit.output.numbers import counted, inputs_text, percent, sizes
from keraudit.output.plain_data import as_data, as_dict
from keraudit.output.report import Report, origin_of
from keraudit.output.table import Column, Grid, Line

SCHEMA = "keraudit.structure/2"
CONVENTION = (
    "depth is the number of layers whose weights multiply (convolutions, dense) on the longest path"
    " to the main output; normalisation, the side branches of gates, and projections on shortcuts"
    " are not counted"
)
RESIDUAL, INCEPTION = "residual", "inception"
FAMILIES: Mapping[str, tuple[Claim[Any], ...]] = {
    RESIDUAL: RESIDUAL_CLAIMS,
    INCEPTION: INCEPTION_CLAIMS,
}
ABSENT: Mapping[str, str] = {
    RESIDUAL: "Nowhere in the graph is a shortcut added to a longer branch.",
    INCEPTION: "Nowhere in the graph are branches with convolutions concatenated.",
}
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
FULL_NAMES = {f"connected_{what}": f"fully_connected_{what}" for what in ("layers", "params")}

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSummary:
    """What is true of any network.

    Attributes:
        depth: layers whose weights multiply, on the longest path to the main output.
        weighted_layers: all calls of such layers.
        residual_units: shortcuts that are added to a longer branch.
        inception_modules: places where branches with convolutions are concatenated.
        params: of the whole network.
        connected_layers: fully connected layers.
        connected_params: their parameters.
        first_map: the spatial size of the input.
        last_map: that of the last feature map.
        downsampling: its stride; ``None`` where it is not defined.
    """

    depth: int
    weighted_layers: int
    residual_units: int
    inception_modules: int
    params: int
    connected_layers: int
    connected_params: int
    first_map: Shape
    last_map: Shape
    downsampling: Sequence[float] | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class StructureReport(Report):
    """Which claims hold of a network. ``print`` shows the table; ``report["RES04"]`` is one check.

    Attributes:
        facts: what is true of any network.
        checks: every claim with its verdict, those that do not apply included.
        unsupported: layers that the table does not know: the layers inside them are not counted.
        bound: what depth and parameters are, for these layers' sake.
    """

    facts: NetworkSummary
    checks: tuple[Check, ...]
    unsupported: tuple[str, ...] = ()
    bound: Bound = Bound.EXACT

    @property
    def families(self) -> tuple[str, ...]:
        """The families whose claims apply: ``"residual"``, ``"inception"``, both or none."""
        counts = (self.facts.residual_units, self.facts.inception_modules)
        return tuple(name for name, count in zip(FAMILIES, counts, strict=True) if count)

    def __getitem__(self, code: str) -> Check:
        """The check of that code: ``report["RES04"]``.

        Raises:
            UnknownNameError: there is none; it is a ``KerauditError`` and a ``KeyError``.
        """
        return by_name(code, ((check.code, check) for check in self.checks), what="check")

    def tables(self) -> tuple[Grid, ...]:
        return (structure_grid(self),)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, in the schema that the CLI's JSON has."""
        return {
            **self.origin(SCHEMA),
            "convention": CONVENTION,
            "families": list(self.families),
            "facts": as_dict(self.facts, renamed=FULL_NAMES),
            "bound": self.bound.word,
            "unsupported": list(self.unsupported),
            "checks": as_data(self.checks),
        }


def claims() -> dict[str, Claim[Any]]:
    """All claims by code."""
    return {claim.code: claim for family in FAMILIES.values() for claim in family}


def structure_of(graph: Graph, *, command: str = "") -> StructureReport:
    """Check a graph against every claim of the families that it belongs to."""
    net = network(graph, blocks(graph))
    residual, inception = Residual(net, units(net)), Inception(net, modules(net))
    return StructureReport(
        **origin_of(graph, command=command),
        facts=_network_summary(net, len(residual.units), len(inception.modules)),
        checks=(
            *checked(RESIDUAL, residual if residual.units else None, RESIDUAL_CLAIMS, net),
            *checked(INCEPTION, inception if inception.modules else None, INCEPTION_CLAIMS, net),
        ),
        unsupported=tuple(n.name for n in graph.nodes if n.effect.status == UNSUPPORTED),
        bound=max((n.bounds.worst for n in graph.nodes), default=Bound.EXACT),
    )


def checked(
    family: str, parts: T | None, claims: Sequence[Claim[T]], net: Network
) -> tuple[Check, ...]:
    """Each claim's check; all silent if the family was not found."""
    convolves = any(f and f.kernel for f in net.filters)
    result = []
    for claim in claims:
        if parts is None:
            finding = silent(ABSENT[family])
        elif not (convolves or claim.any_layers):
            finding = silent("The claim is about convolutions, and the network has none.")
        else:
            finding = claim.check(parts)
        result.append(
            Check(
                code=claim.code,
                name=claim.name,
                family=family,
                sentence=claim.sentence,
                source=claim.source,
                verdict=finding.verdict,
                evidence=tuple(line for line in finding.evidence if line),
            )
        )
    return tuple(result)


def _network_summary(net: Network, residual_units: int, inception_modules: int) -> NetworkSummary:
    weighted = [f for f in net.filters if f]
    connected = [f for f in weighted if f.at not in net.in_gates and is_connected(net, f)]
    fields = receptive_fields(net.graph)
    strided = [(i, f) for i, f in enumerate(fields) if f and f.effective_stride and i in net.main]
    index, last = strided[-1] if strided else (0, None)
    return NetworkSummary(
        depth=depth(net),
        weighted_layers=len(weighted),
        residual_units=residual_units,
        inception_modules=inception_modules,
        params=params(net),
        connected_layers=len(connected),
        connected_params=connected_params(net, connected),
        first_map=net.places[0],
        last_map=net.places[index],
        downsampling=last.effective_stride if last else None,
    )


def structure_grid(report: StructureReport, *, every: bool = False) -> Grid:
    """The checks of the families that a model belongs to; of ``every`` family if asked."""
    shown = [c for c in report.checks if every or c.family in report.families]
    return Grid(
        title=report.model,
        heading=heading(report),
        columns=COLUMNS,
        lines=tuple(map(_check_line, shown)),
        notes=tuple(_notes(report)),
        command=report.command,
        convention=CONVENTION,
    )


def heading(report: StructureReport) -> str:
    shapes = inputs_text(report.input_shapes)
    if not report.families:
        return f"at {shapes}: neither a residual nor an Inception network"
    kind = " and ".join(TITLES[family] for family in report.families)
    verdicts = [c.verdict for c in report.checks if c.family in report.families]
    holding, failing = verdicts.count(HOLDS), verdicts.count(FAILS)
    verdict = f"{counted(holding, 'claim')} hold{'s' if holding == 1 else ''}, {failing} "
    return f"at {shapes}: {kind}; {verdict}{'does' if failing == 1 else 'do'} not"


def _check_line(check: Check) -> Line:
    cells = {
        "code": check.code,
        "verdict": check.verdict,
        "sentence": check.sentence,
        "evidence": "\n".join(check.evidence),
        "source": check.source,
    }
    return Line(cells=cells, tone=TONES[check.verdict])


def _notes(report: StructureReport) -> list[str]:
    """What is true of any network, and which claims are left out; each fits 80 columns."""
    facts = report.facts
    part = percent(facts.connected_params / facts.params if facts.params else 0.0)
    notes = [
        f"Depth          {report.bound.phrase}{counted(facts.depth, 'layer')} with weights on the longest path,"
        f" of {facts.weighted_layers:,}",
        f"Found          {counted(facts.residual_units, 'residual unit')},"
        f" {counted(facts.inception_modules, 'Inception module')}",
        f"FC layers      {report.bound.phrase}{facts.connected_layers}, with {facts.connected_params:,} of"
        f" {report.bound.phrase}{facts.params:,} parameters"
        f" ({'' if report.bound is Bound.EXACT else Bound.ESTIMATE.sign}{part})",
    ]
    if facts.downsampling:
        by = shape_text(f"{stride:g}" for stride in dict.fromkeys(facts.downsampling))
        maps = f"{sizes(facts.first_map, batch=False)} to {sizes(facts.last_map, batch=False)}"
        notes.append(f"Downsampling   by {by}: {maps}")
    for family, claims in FAMILIES.items():
        if family not in report.families:
            notes.append(f"Left out       {claims[0].code} to {claims[-1].code}: {MISSING[family]}")
    if report.unsupported:
        what = "LOWER BOUND" if report.bound is Bound.LOWER else "ESTIMATE"
        more = len(report.unsupported) - 3
        notes.append(
            f"{what}: layers inside these are not counted: {', '.join(report.unsupported[:3])}"
            + (f" and {more} more" if more > 0 else "")
        )
    return notes
