"""The residual block with its skip and without: what it computes, and what copying its input takes.

Drawn from the graphs of the zoo's two blocks (He et al. 2015, figures 2 and 5). The switch needs no
script: two radio buttons, and the stylesheet shows what belongs to the one that is chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from keraudit.model.graph import Graph
from keraudit.model.shape_text import shape_text
from keraudit.output.numbers import short, sizes
from keraudit.output.svg_marks import text
from keraudit.output.table import bare_grid
from pages.audited import record
from pages.markdown import numbers
from pages.rendering import part

BLOCKS = {"residual-block": "Basic block", "bottleneck-block": "Bottleneck"}
USED_BY = {
    "residual-block": "ResNet-18, 34 and CIFAR",
    "bottleneck-block": "ResNet-50, 101, 152",
}

WIDTH, BOX, HIGH, GAP = 340, 164, 58, 20  # pixels: the drawing, a box, its height, what is between
BRANCH, SKIP = 210, 40  # the middle of the branch, and where the skip passes it
WORDS = {"BatchNormalization": "batch norm", "Activation": "ReLU"}


class Step(NamedTuple):
    """A convolution of the branch with what follows it."""

    kernel: str
    filters: int
    then: tuple[str, ...]
    macs: int


class Cost(NamedTuple):
    """What a block costs, with its skip and without."""

    title: str
    macs: int
    macs_without: int
    params: int
    params_without: int


@cache
def graph(name: str) -> Graph:
    import keraudit

    return keraudit.read(name)


def steps(name: str) -> list[Step]:
    """The branch of a block, convolution by convolution; what follows the sum is not of it."""
    found: list[Step] = []
    for node in graph(name).nodes:
        kind, config = node.layer.kind, node.layer.config
        if kind == "Add":
            break
        if kind == "Conv2D":
            macs = sum(term.value for term in node.effect.terms if term.unit == "mac")
            kernel = shape_text(config["kernel_size"]).replace("x", "×")
            found.append(Step(kernel, int(config["filters"]), (), macs))
        elif found:
            found[-1] = found[-1]._replace(then=(*found[-1].then, WORDS[kind]))
    return found


def cost(name: str) -> Cost:
    """MACs and parameters, counted twice: cutting the skip changes neither."""
    import keraudit

    whole = record(name)["totals"]
    cut = keraudit.audit(keraudit.without_skips(name)).total
    return Cost(BLOCKS[name], whole["macs"], cut.macs, whole["params"], cut.params)


def drawing(name: str) -> str:
    """A block as SVG; what belongs to one state of the switch has its class."""
    branch = steps(name)
    shape = sizes(graph(name).nodes[0].outputs[0].shape).replace("x", "×")
    sum_at = 46 + len(branch) * (HIGH + GAP) + 12
    relu_at = sum_at + 32
    parts = [
        text(BRANCH, 16, f"x, {shape}", anchor="middle", bold=True),
        *_boxes(branch),
        *_names(46, sum_at),
        *_ends(sum_at, relu_at),
    ]
    return (
        f'<svg class="ka-block" viewBox="0 0 {WIDTH} {relu_at + 50}" aria-hidden="true"'
        f' focusable="false">{"".join(parts)}</svg>'
    )


def _boxes(branch: Sequence[Step]) -> Iterator[str]:
    """The convolutions from above to below, each with the line that leads to it."""
    total = sum(step.macs for step in branch)
    for number, step in enumerate(branch):
        top = 46 + number * (HIGH + GAP)
        yield _line(BRANCH, top - (GAP if number else 24), top)
        share = step.macs / total
        yield (
            f'<rect class="ka-layer" x="{BRANCH - BOX // 2}" y="{top}" width="{BOX}"'
            f' height="{HIGH}" rx="4" fill-opacity="{0.08 + 0.4 * share:.2f}"/>'
        )
        lines = (
            f"{step.kernel}, {step.filters} filters",
            ", ".join(step.then),
            f"{short(step.macs)} MACs ({share:.0%})",
        )
        for row, words in enumerate(lines):
            yield text(BRANCH, top + 17 + 17 * row, words, anchor="middle", bold=not row)


def _names(top: int, sum_at: int) -> Iterator[str]:
    """The skip on its side of the branch, and a bracket that names the branch."""
    middle = (top + sum_at) / 2
    yield f'<g class="ka-on"><path class="ka-shortcut" d="M{BRANCH} 32H{SKIP}V{sum_at}H{BRANCH - 11}"/>'
    yield text(SKIP + 8, middle - 4, "x", bold=True)
    yield text(SKIP + 8, middle + 13, "identity") + "</g>"
    right, bottom = BRANCH + BOX // 2 + 6, sum_at - GAP - 12
    yield f'<path class="ka-edge" d="M{right} {top}h5V{bottom}h-5"/>'
    yield text(right + 8, (top + bottom) / 2 + 4, "F(x)", bold=True)


def _ends(sum_at: int, relu_at: int) -> Iterator[str]:
    """The sum, or the line that goes on without it; the ReLU behind; the output."""
    yield _line(BRANCH, sum_at - GAP - 12, sum_at - 11)
    yield (
        f'<g class="ka-on"><circle class="ka-sum" cx="{BRANCH}" cy="{sum_at}" r="11"/>'
        f'<path class="ka-shortcut" d="M{BRANCH - 6} {sum_at}h12M{BRANCH} {sum_at - 6}v12"/>'
        f"{text(BRANCH + 18, sum_at + 5, 'H(x) = F(x) + x', bold=True)}</g>"
    )
    yield (
        f'<g class="ka-off">{_line(BRANCH, sum_at - 11, sum_at + 11)}'
        f"{text(BRANCH + 18, sum_at + 5, 'H(x) = F(x)', bold=True)}</g>"
    )
    yield _line(BRANCH, sum_at + 11, relu_at)
    yield (
        f'<rect class="ka-layer" x="{BRANCH - 40}" y="{relu_at}" width="80" height="24" rx="4"'
        ' fill-opacity="0.08"/>'
    )
    yield text(BRANCH, relu_at + 17, "ReLU", anchor="middle", bold=True)
    yield _line(BRANCH, relu_at + 24, relu_at + 46)


def _line(x: int, top: int, bottom: int) -> str:
    return f'<path class="ka-edge" d="M{x} {top}V{bottom}"/>'


def figure() -> str:
    """Both blocks beside each other, with the switch above and what either state means below."""
    blocks = [(BLOCKS[name], USED_BY[name], len(steps(name)), drawing(name)) for name in BLOCKS]
    return part("skip.html", blocks=blocks, costs=[cost(name) for name in BLOCKS])


def by_layer() -> str:
    """The basic block layer by layer, folded."""
    columns = {
        "layer": "text",
        "output": "text",
        "MACs": "exact",
        "FLOPs": "exact",
        "parameters": "exact",
    }
    rows = [
        (
            WORDS.get(layer["kind"], layer["kind"]),
            sizes(layer["output_shape"]).replace("x", "×"),
            *(layer[key] for key in ("macs", "flops", "params")),
        )
        for layer in record("residual-block")["layers"][1:]
    ]
    return numbers(
        bare_grid(columns, rows), folded_as="The block layer by layer, as keraudit counts it"
    )
