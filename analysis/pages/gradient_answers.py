"""Numbers of the exercises on gradients, worked out while the site is built."""

from __future__ import annotations

from math import ceil, log, sqrt

from keraudit.audits.gradients.growth import ACROSS
from keraudit.output.numbers import times
from pages import gradient_steps
from pages.chain_rule import gain, measured, model


def layers_until_explosion(growth: float) -> int:
    """The depth of the first CIFAR network, of 6n + 2 layers, whose gradient grows a thousandfold.

    >>> layers_until_explosion(2.0)  # 10 blocks, of which 3n are the first to be as many for n = 4
    26
    """
    blocks = ceil(log(ACROSS) / log(growth))
    return 6 * ceil(blocks / 3) + 2


def modelled_limit() -> int:
    """By the model, with batch norm and without skips."""
    return layers_until_explosion(gain("norm-he") ** 2)


def measured_limit() -> int:
    """By the growth measured in 56 layers."""
    return layers_until_explosion(measured(56, "norm-he", "off").growth)


def block_growth() -> str:
    """By the model, of a block of two normalised layers."""
    return f"{gain('norm-he') ** 2:.2f}"


def halved(blocks: int) -> str:
    """One half for each block."""
    return times(0.5**blocks)


def doubled(blocks: int) -> str:
    """The root of two for each block."""
    return times(sqrt(2) ** blocks)


def scaled(blocks: int) -> str:
    """Each branch scaled by one over the root of their number."""
    return f"{(1 + 1 / blocks) ** (blocks / 2):.2f}"


def across(depth: int, network: str, side: str) -> str:
    """What was measured: first block over last."""
    return times(10 ** measured(depth, network, side).logs[0])


def ends_of(blocks: int) -> str:
    """By the model with skips and batch norm: first block over last, not along a line."""
    return times(10 ** model(blocks, gain("norm-he"), norm=True, skips=True).logs[0])


def power() -> str:
    """With which power of the depth it grows: f squared over two."""
    return f"{gain('norm-he') ** 4 / 2:.1f}"


def longer() -> str:
    """How many times its length the first kernel has after the step of the figure: they are orthogonal."""
    return times(float(f"{sqrt(1 + _first() ** 2):.2g}"))


def next_update() -> str:
    """The relative update after it: kernel longer, gradient smaller, each by that factor."""
    return gradient_steps.share(_first() / (1 + _first() ** 2))


def _first() -> float:
    return gradient_steps.updates("off")[0]
