"""What a step does to each kernel, beside the gradient of the activations.

A kernel before batch norm has no scale: ``BN(conv(x, a * W)) = BN(conv(x, W))``. Its gradient is then
orthogonal to it and falls as ``1 / norm(W)`` (van Laarhoven 2017, section 3), so the size of a step is
to be seen relative to the kernel: ``rate * norm(gradient) / norm(W)``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log10
from typing import Any

from keraudit.output.figure_data import Numbers
from keraudit.output.numbers import times
from keraudit.training.recipe import RECIPES
from pages import gradients, log_chart
from pages.chain_rule import measured, stages
from pages.figures import with_numbers
from pages.rendering import part

RECORD = "resnet-cifar-56-corners"
TITLE = "ResNet-CIFAR-56, batch norm and He: the gradient, and what a step does to the kernels"
SIDES: Mapping[str, tuple[str, str]] = {
    "off": ("without skips", "without-skips+he"),
    "on": ("with skips", "he"),
}
RATE = RECIPES["he2015"].learning_rate  # as He et al. 2015, section 4.2


def updates(side: str) -> list[float]:
    """The relative update of each convolution's kernel, from the input on; of the seed whose kernels are kept."""
    record = gradients.needed(RECORD)
    label = SIDES[side][1]
    layers: Sequence[Mapping[str, Any]] = next(
        profile["layers"]
        for profile in record["profiles"]
        if profile["label"] == label and profile["layers"]
    )
    kernels = [row for row in layers if row["weight"] == "kernel" and row["block"] != "head"]
    return [RATE * row["grad_norm"] / row["weight_norm"] for row in kernels]


def figure() -> str:
    """The gradient at the blocks, the relative update at the kernels, on two axes of one kind."""
    record = gradients.needed(RECORD)
    steps = {side: updates(side) for side in SIDES}
    activations = {f"{side}-measured": measured(56, "norm-he", side).logs for side in SIDES}
    logs = {f"{side}-measured": [log10(step) for step in found] for side, found in steps.items()}
    count = len(steps["on"]) - 1
    rows = [
        (f"{side}-measured", SIDES[side][0], share(found[0]), share(max(found)), share(found[-1]))
        for side, found in steps.items()
    ]
    numbers = Numbers(
        ("convolution", *(f"relative update, {words}" for words, _ in SIDES.values())),
        tuple((at, *row) for at, row in enumerate(zip(*steps.values(), strict=True))),
    )
    return part(
        "gradient-steps.html",
        width=log_chart.WIDTH,
        height=log_chart.HEIGHT,
        activations=log_chart.picture(activations, stages()),
        updates=log_chart.picture(logs, [0, count // 3, 2 * count // 3, count]),
        rate=RATE,
        rows=rows,
        badges=(f"left: {len(record['seeds'])} seeds, right: 1", *gradients.badges(record)[1:]),
        **with_numbers(TITLE, numbers, gradients.origin(record)),
    )


def share(value: float) -> str:
    """A relative update in two digits: in percent of the kernel's norm, or as a multiple of it.

    >>> share(0.0111), share(9.98)
    ('1.1 %', '10×')
    """
    return (
        f"{times(float(f'{100 * value:.2g}'))} %"
        if value < 1
        else f"{times(float(f'{value:.2g}'))}×"
    )


def first(side: str) -> str:
    """The relative update of the first kernel, for a sentence."""
    return share(updates(side)[0])


def last(side: str) -> str:
    """The same of the last convolution's."""
    return share(updates(side)[-1])
