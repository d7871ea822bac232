"""The gradient report: norms across the depth of a network and of its rewrites; record and tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from keraudit.audits.gradients.figure import norm_by_depth, shown
from keraudit.audits.gradients.growth import (
    ACROSS,
    EXPLODING,
    HEALTHY,
    VANISHING,
    averaged,
    geometric,
)
from keraudit.audits.gradients.records import (
    KernelGradient,
    Profile,
    Verdict,
    number,
    plain,
)
from keraudit.model.fuzzy import by_name
from keraudit.output.numbers import factor, inputs_text
from keraudit.output.plotly_figure import of_record
from keraudit.output.plotly_text import safe
from keraudit.output.report import Report
from keraudit.output.table import Column, Grid, Line
from keraudit.safe_text import harmless

SCHEMA = "keraudit.gradients/1"
CONVENTION = (
    "L2 norms of the gradient of the mean loss of a batch, in training mode (batch normalisation uses"
    " the batch); growth is per block from the output towards the input"
)
LEAST_DECADES = 2  # that a bar's scale spans, so that small differences look small
TONES = {HEALTHY: "", VANISHING: "less", EXPLODING: "more"}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class GradientReport(Report):
    """Gradients across the depth of a network and of its rewrites, over seeds.

    ``report["without-skips"]`` is the verdict on a label.

    Attributes:
        batches: batches that each profile is the mean of.
        data: the dataset's name, or ``random gaussian``.
        loss: what was differentiated, for each output.
        weights: ``initial`` (drawn anew for each seed) or ``own``.
        rewrites: for each label, what was done to the model.
        profiles: one for each label and seed.
        verdicts: one for each label.
        hardware: of the machine, in one line.
        date: of the measurement, ISO.
        seconds: how long it took.
    """

    VIEWS: ClassVar[tuple[str, ...]] = ("block", "layer")

    batches: int
    data: str
    loss: tuple[str, ...]
    weights: str
    rewrites: Mapping[str, tuple[str, ...]]
    profiles: tuple[Profile, ...]
    verdicts: tuple[Verdict, ...]
    hardware: str = ""
    date: str = ""
    seconds: float = 0.0

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(profile.label for profile in self.profiles))

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(profile.seed for profile in self.profiles))

    def of(self, label: str) -> tuple[Profile, ...]:
        """The profiles of a label, in order of seeds."""
        return tuple(profile for profile in self.profiles if profile.label == label)

    def __getitem__(self, label: str) -> Verdict:
        """The verdict on a label.

        Raises:
            UnknownNameError: there is none; it is a ``KerauditError`` and a ``KeyError``.
        """
        return by_name(label, ((v.label, v) for v in self.verdicts), what="label")

    def tables(self) -> list[Grid]:
        return gradient_grids(self)

    def _tables_by(self, by: str) -> list[Grid]:
        return gradient_grids(self, by=by)

    def _rows_by(self, by: str | None) -> list[Grid]:
        return profile_grids(self, by="block" if by is None else self._checked(by))

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data; a number that is not finite is ``None``."""
        return {
            **self.origin(SCHEMA),
            "hardware": self.hardware,
            "date": self.date,
            "seconds": number(self.seconds),
            "batches": self.batches,
            "data": self.data,
            "loss": list(self.loss),
            "weights": self.weights,
            "seeds": list(self.seeds),
            "convention": CONVENTION,
            "rewrites": {label: list(names) for label, names in self.rewrites.items()},
            "verdicts": list(map(plain, self.verdicts)),
            "profiles": list(map(plain, self.profiles)),
        }

    def plot(self) -> Any:
        """Norm against depth on a logarithmic axis, a line with a band for each label.

        Returns:
            A ``plotly.graph_objects.Figure``.

        Raises:
            KerauditError: plotly is not installed.
        """
        return of_record(norm_by_depth(safe(self.to_dict())))

    def __repr__(self) -> str:
        verdicts = "; ".join(map(summary, self.verdicts))
        return f"<GradientReport {harmless(f'{self.model}: {verdicts}')}>"


def gradient_grids(report: GradientReport, *, by: str = "block") -> list[Grid]:
    """The verdicts, then a grid for each label; the bars of all grids share one logarithmic scale."""
    return [_verdict_grid(report), *profile_grids(report, by=by)]


def profile_grids(report: GradientReport, *, by: str = "block") -> list[Grid]:
    """A grid for each label, with a line for each block, or for each kernel."""
    grid = _layer_grid if by == "layer" else _block_grid
    low, high = scale(report, by)
    return [grid(report, label, low, high) for label in report.labels]


def _verdict_grid(report: GradientReport) -> Grid:
    """One line for each label: how gradients grow, and what that is called."""
    shapes = inputs_text(report.input_shapes)
    seeds = f"{len(report.seeds)} seed{'s' * (len(report.seeds) > 1)}"
    columns = (
        Column(key="name", label="Network"),
        Column(key="growth", label="Growth", form="factor"),
        Column(key="interval", label="95 % interval"),
        Column(key="across", label="Across", form="factor"),
        Column(key="verdict", label="Verdict"),
    )
    return Grid(
        title=report.model,
        heading=f"at {shapes}, batch {report.batch}, {seeds}, {report.data}",
        columns=columns,
        lines=tuple(map(_verdict_line, report.verdicts)),
        notes=(
            f"Loss           {', '.join(dict.fromkeys(report.loss))}, {report.weights} weights",
            "Growth         of the gradient's norm per block, from output to input",
            "Across         the same over all blocks but the output",
            f"Verdict        exploding from x{ACROSS:g} across, vanishing from x{1 / ACROSS:g},"
            " if the",
            "               interval agrees",
            *(note for verdict in report.verdicts for note in evidence(verdict, report)),
        ),
        command=report.command,
        convention=CONVENTION,
    )


def _verdict_line(verdict: Verdict) -> Line:
    interval = verdict.interval
    cells = {
        "name": shown(verdict.label),
        "growth": None if math.isnan(verdict.growth_per_block) else verdict.growth_per_block,
        "interval": interval and f"{interval[0]:.3g} to {interval[1]:.3g}",
        "across": None if math.isnan(verdict.across) else verdict.across,
        "verdict": verdict.verdict,
    }
    return Line(cells=cells, tone=TONES.get(verdict.verdict, "warn"))


def evidence(verdict: Verdict, report: GradientReport) -> list[str]:
    """What else a verdict rests on; lines of up to 80 columns."""
    notes = []
    broken = next((p for p in report.of(verdict.label) if p.nonfinite), None)
    if broken and broken.nonfinite:
        at = broken.nonfinite
        notes.append(
            f"NOT FINITE: {shown(verdict.label)}, seed {broken.seed}: {at.what} at {at.layer}"
        )
    if verdict.lost_at:
        notes.append(f"Lost           {shown(verdict.label)}, at {verdict.lost_at} and before it:")
        notes.append("               gradients below 2^-24 of their kernels, float32's precision")
    if verdict.outliers:
        named = [f"{name} ({factor(by)})" for name, by in verdict.outliers[:3]]
        notes.append(f"Off the line   {shown(verdict.label)}: {', '.join(named)}")
    return notes


def scale(report: GradientReport, by: str) -> tuple[float, float]:
    """The decades, as powers of ten, that bars span."""
    rows = [
        row.grad_norm
        for profile in report.profiles
        for row in (profile.layers if by == "layer" else profile.blocks)
    ]
    logs = [math.log10(norm) for norm in rows if norm > 0 and math.isfinite(norm)]
    if not logs:
        return 0.0, 1.0
    low, high = math.floor(min(logs)), math.ceil(max(logs))
    return low, max(high, low + LEAST_DECADES)


def level(norm: float, low: float, high: float) -> float:
    """How long the bar of a norm is, from 0 to 1.

    >>> level(1.0, -2, 2), level(0.0, -2, 2)
    (0.5, 0.0)
    """
    if not norm > 0 or not math.isfinite(norm):
        return 0.0
    return (math.log10(norm) - low) / (high - low)


def _block_grid(report: GradientReport, label: str, low: float, high: float) -> Grid:
    profiles = report.of(label)
    columns = (
        Column(key="name", label="Block"),
        Column(key="grad_norm", label="Gradient", form="real"),
        Column(key="lowest", label="Lowest", form="real", wide=True),
        Column(key="highest", label="Highest", form="real", wide=True),
        Column(key="kernels", label="Kernels", form="real"),
        Column(key="activation_mean", label="Mean", form="real", wide=True),
        Column(key="activation_std", label="Std", form="real"),
        Column(key="dead_share", label="Dead", form="share"),
        *((Column(key="cosine", label="Cosine", form="real"),) if alike(profiles) else ()),
    )
    kernels = relative(profiles)
    lines = [
        Line(
            cells={
                "name": mean.name,
                "grad_norm": mean.grad_norm,
                "level": level(mean.grad_norm, low, high),
                "lowest": lowest,
                "highest": highest,
                "kernels": kernels.get(mean.name),
                "activation_mean": mean.activation_mean,
                "activation_std": mean.activation_std,
                "dead_share": mean.dead_share,
                "cosine": mean.cosine,
            },
            tone="dim" if mean.is_output else "",
        )
        for mean, lowest, highest in averaged(profiles)
    ]
    notes = (
        f"Gradient       norm at the block's output, mean over seeds; bars: 1e{low:g} to 1e{high:g}",
        "Kernels        the norm at the block's kernels over the norm of the kernels",
        "Std, Dead      of the block's output; channels that are zero throughout",
        *(("Cosine         between the gradients of two inputs of one label",) * alike(profiles)),
    )
    return _profile_grid(report, label, columns, lines, notes)


def _layer_grid(report: GradientReport, label: str, low: float, high: float) -> Grid:
    columns = (
        Column(key="name", label="Layer"),
        Column(key="depth", label="Depth", form="number"),
        Column(key="grad_norm", label="Gradient", form="real"),
        Column(key="grad_rms", label="RMS", form="real"),
        Column(key="relative", label="Relative", form="real"),
        Column(key="weight_norm", label="Weights", form="real", wide=True),
        Column(key="block", label="Block", wide=True),
    )
    lines = [
        _layer_line(rows, low, high)
        for rows in zip(*(profile.layers for profile in report.of(label)), strict=True)
    ]
    notes = (
        f"Gradient       norm at the kernel, mean over seeds; bars: 1e{low:g} to 1e{high:g}",
        "RMS            the same per element",
        "Relative       the same over the norm of the kernel",
    )
    return _profile_grid(report, label, columns, lines, notes)


def _layer_line(rows: Sequence[KernelGradient], low: float, high: float) -> Line:
    first, norm = rows[0], geometric([row.grad_norm for row in rows])
    weights = geometric([row.weight_norm for row in rows])
    kernel = "" if first.weight == "kernel" else f"/{first.weight}"
    return Line(
        cells={
            "name": first.name + kernel,
            "block": first.block,
            "depth": first.depth,
            "grad_norm": norm,
            "level": level(norm, low, high),
            "grad_rms": geometric([row.grad_rms for row in rows]),
            "relative": norm / weights if weights else None,
            "weight_norm": weights,
        }
    )


def _profile_grid(
    report: GradientReport,
    label: str,
    columns: Sequence[Column],
    lines: Sequence[Line],
    notes: Sequence[str],
) -> Grid:
    profiles = report[label]
    growth = (
        "" if math.isnan(profiles.growth_per_block) else f", {factor(profiles.growth_per_block)}"
    )
    return Grid(
        title=f"{report.model}, {label}",
        heading=f"{profiles.verdict}{growth}{' per block' if growth else ''}",
        columns=tuple(columns),
        lines=tuple(lines),
        bar="grad_norm",
        level="level",
        notes=tuple(notes),
        command=report.command,
        convention=CONVENTION,
    )


def alike(profiles: Sequence[Profile]) -> bool:
    """Whether the cosines between inputs were measured."""
    return any(row.cosine is not None for profile in profiles for row in profile.blocks)


def relative(profiles: Sequence[Profile]) -> dict[str, float]:
    """The norm of each block's kernel gradients over the norm of its kernels."""
    result: dict[str, list[float]] = {}
    for profile in profiles:
        squares: dict[str, tuple[float, float]] = {}
        for row in profile.layers:
            grad, weight = squares.get(row.block, (0.0, 0.0))
            squares[row.block] = (
                math.hypot(grad, row.grad_norm),
                math.hypot(weight, row.weight_norm),
            )
        for block, (grad, weight) in squares.items():
            if weight:
                result.setdefault(block, []).append(grad / weight)
    return {block: geometric(values) for block, values in result.items()}


def summary(verdict: Verdict) -> str:
    """A verdict in a few words.

    >>> summary(Verdict(label="he", growth_per_block=1.5, interval=None, across=150.0,
    ...                 verdict="exploding"))
    'he: exploding, x1.5 per block, x150 across'
    """
    if math.isnan(verdict.growth_per_block):
        return f"{verdict.label}: {verdict.verdict}"
    return (
        f"{verdict.label}: {verdict.verdict}, {factor(verdict.growth_per_block)} per block,"
        f" {factor(verdict.across)} across"
    )
