"""Reliability diagrams (Guo et al. 2017, figure 4) as SVG that stands alone in a page."""

from __future__ import annotations

from html import escape

from keraudit.evaluation.evaluate import Evaluation
from keraudit.evaluation.metrics import Bin
from keraudit.output.palette import BLUE

SIDE, EDGE = 240, 44  # pixels: the square, and the room for its axes


def reliability_svg(evaluation: Evaluation) -> str:
    """Accuracy against confidence: bars on the diagonal are what a calibrated network has."""
    name = f"{evaluation.network} seed {evaluation.seed}"
    bins = ", ".join(
        f"{b.low:.0%} to {b.high:.0%}: {b.accuracy:.0%} of {b.images:,}"
        for b in evaluation.calibration
        if b.images and b.accuracy is not None
    )
    width = SIDE + 2 * EDGE
    ticks = "".join(map(tick, (0.0, 0.25, 0.5, 0.75, 1.0)))
    return (
        f'<svg viewBox="0 0 {width} {width + 10}" width="{width}" role="img" style="font:12px'
        f' system-ui,sans-serif;fill:currentColor"><title>Reliability of {escape(name)}: accuracy by'
        f" confidence</title><desc>{escape(bins)}</desc>"
        f'<text x="{EDGE}" y="16" font-weight="600">{escape(name)}</text>'
        f'<text x="{EDGE}" y="32">ECE {evaluation.ece:.2%}</text>'
        f"{''.join(map(bar, evaluation.calibration))}{ticks}"
        f'<line x1="{EDGE}" y1="{EDGE + SIDE}" x2="{EDGE + SIDE}" y2="{EDGE}" stroke="currentColor"'
        ' stroke-dasharray="4 4"/>'
        f'<text x="{EDGE + SIDE / 2}" y="{EDGE + SIDE + 36}" text-anchor="middle">Confidence</text>'
        f'<text transform="translate(12 {EDGE + SIDE / 2}) rotate(-90)" text-anchor="middle">Accuracy'
        "</text></svg>"
    )


def bar(b: Bin) -> str:
    """A bin's bar, as high as its accuracy."""
    if not b.images or b.accuracy is None:
        return ""
    height = b.accuracy * SIDE
    return (
        f'<rect x="{EDGE + b.low * SIDE:.1f}" y="{EDGE + SIDE - height:.1f}"'
        f' width="{(b.high - b.low) * SIDE - 1:.1f}" height="{height:.1f}" fill="{BLUE}"/>'
    )


def tick(part: float) -> str:
    """A mark on both axes."""
    along, down = EDGE + part * SIDE, EDGE + SIDE
    return (
        f'<text x="{along}" y="{down + 16}" text-anchor="middle">{part:.0%}</text>'
        f'<text x="{EDGE - 6}" y="{EDGE + SIDE - part * SIDE + 4}" text-anchor="end">{part:.0%}</text>'
    )
