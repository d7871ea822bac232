"""Records of a gradient audit: what was measured at each kernel and each block, and the verdicts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keraudit.origin import Report

SCHEMA = "keraudit.gradients/1"
CONVENTION = (
    "L2 norms of the gradient of the mean loss of a batch, in training mode (batch normalisation uses"
    " the batch); growth is per block from the output towards the input"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelGradient:
    """The loss's gradient with respect to one kernel: biases, scales and slopes have no row.

    Attributes:
        name: the layer's.
        weight: the kernel's own name in the layer.
        block: where the layer is called first.
        depth: layers with kernels on the longest path from the input to this one, itself included.
        grad_norm: L2 norm of the gradient.
        grad_rms: the same per element, ``grad_norm / sqrt(elements)``.
        weight_norm: L2 norm of the kernel.
    """

    name: str
    weight: str
    block: str
    depth: int
    grad_norm: float
    grad_rms: float
    weight_norm: float

    @property
    def relative(self) -> float:
        """``grad_norm / weight_norm``: a step of plain descent moves the kernel by so much of itself,
        times the learning rate (You et al. 2017, "Large Batch Training", section 4)."""
        return self.grad_norm / self.weight_norm if self.weight_norm else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockGradient:
    """The loss's gradient with respect to the output of one block, and that output itself.

    Attributes:
        name: the block's.
        depth: its position, from 1 at the input.
        grad_norm: L2 norm over the whole batch.
        grad_rms: the same per element.
        activation_mean: over all elements of the batch.
        activation_std: likewise.
        dead_share: channels that are zero at every position of every input, as a share.
        is_output: the block ends in an output of the model; the fit leaves it out.
        cosine: mean cosine between the gradients of two inputs; ``None`` unless asked for.
    """

    name: str
    depth: int
    grad_norm: float
    grad_rms: float
    activation_mean: float
    activation_std: float
    dead_share: float
    is_output: bool = False
    cosine: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The first number that is not finite: ``what`` (activation, loss, gradient), and where."""

    what: str
    layer: str
    block: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The gradients of one network at one seed; norms are means over its batches."""

    label: str
    seed: int
    loss: float
    layers: tuple[KernelGradient, ...]
    blocks: tuple[BlockGradient, ...]
    nonfinite: Finding | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the profiles of one label say over all seeds; see ``keraudit.audits.growth``.

    Attributes:
        label: the network's.
        growth_per_block: the factor by which the norm grows from a block to the one before it.
        interval: its 95 % confidence interval over seeds; ``None`` with one seed.
        across: the factor over all fitted blocks.
        verdict: vanishing, exploding, healthy, non-finite, or undecided.
        lost_at: the block nearest the output whose kernels' gradients are below float32's precision.
        blocks_in_float32: how many blocks float32's range lasts at this growth; ``None`` without end.
        outliers: blocks far off the fitted line, each with the factor by which it is off.
    """

    label: str
    growth_per_block: float
    interval: tuple[float, float] | None
    across: float
    verdict: str
    lost_at: str | None = None
    blocks_in_float32: int | None = None
    outliers: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GradientReport(Report):
    """Gradients across the depth of a network and of its rewrites, over seeds.

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
        return next(verdict for verdict in self.verdicts if verdict.label == label)

    def __str__(self) -> str:
        from keraudit.render.gradients import gradient_grids
        from keraudit.render.text import grid_text

        return "\n\n".join(map(grid_text, gradient_grids(self)))

    def _repr_html_(self) -> str:
        from keraudit.render.gradients import gradient_grids
        from keraudit.render.html import fragment

        return "".join(map(fragment, gradient_grids(self)))

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
            "verdicts": [verdict_dict(verdict) for verdict in self.verdicts],
            "profiles": [profile_dict(profile) for profile in self.profiles],
        }

    def to_json(self) -> str:
        """``to_dict()`` as JSON text."""
        from keraudit.render.json_text import json_text

        return json_text(self.to_dict())

    def figure(self) -> dict[str, Any]:
        """Norm against depth on a logarithmic axis, a line with a band for each label; needs plotly."""
        from keraudit.render.gradient_figure import norm_by_depth
        from keraudit.render.markup import safe

        return norm_by_depth(safe(self.to_dict()))


def number(value: float | None) -> float | None:
    """Six digits, more than two backends agree in; JSON has no word for what is not finite.

    >>> number(0.123456789), number(float("inf"))
    (0.123457, None)
    """
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")


def profile_dict(profile: Profile) -> dict[str, Any]:
    finding = profile.nonfinite
    return {
        "label": profile.label,
        "seed": profile.seed,
        "loss": number(profile.loss),
        "nonfinite": finding
        and {"what": finding.what, "layer": finding.layer, "block": finding.block},
        "layers": list(map(kernel_dict, profile.layers)),
        "blocks": list(map(block_dict, profile.blocks)),
    }


def kernel_dict(row: KernelGradient) -> dict[str, Any]:
    return {
        "name": row.name,
        "weight": row.weight,
        "block": row.block,
        "depth": row.depth,
        "grad_norm": number(row.grad_norm),
        "grad_rms": number(row.grad_rms),
        "weight_norm": number(row.weight_norm),
        "relative": number(row.relative),
    }


def block_dict(row: BlockGradient) -> dict[str, Any]:
    return {
        "name": row.name,
        "depth": row.depth,
        "is_output": row.is_output,
        "grad_norm": number(row.grad_norm),
        "grad_rms": number(row.grad_rms),
        "activation_mean": number(row.activation_mean),
        "activation_std": number(row.activation_std),
        "dead_share": number(row.dead_share),
        "cosine": number(row.cosine),
    }


def verdict_dict(found: Verdict) -> dict[str, Any]:
    interval = found.interval
    return {
        "label": found.label,
        "growth_per_block": number(found.growth_per_block),
        "interval": None if interval is None else [number(end) for end in interval],
        "across": number(found.across),
        "verdict": found.verdict,
        "lost_at": found.lost_at,
        "blocks_in_float32": found.blocks_in_float32,
        "outliers": [{"block": name, "factor": number(by)} for name, by in found.outliers],
    }
