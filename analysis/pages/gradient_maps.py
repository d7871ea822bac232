"""The eight cases as two maps: depth across, a row for each initialiser and normalisation, one scale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from keraudit.audits.gradients.figure import SKIPS, WORDS
from keraudit.output.figure_data import Numbers
from keraudit.output.palette import ORANGE, PURPLE
from keraudit.output.svg_marks import text
from pages import gradients
from pages.figures import with_numbers
from pages.log_chart import power_of_ten
from pages.rendering import part

RECORD = "resnet-cifar-56-corners"
TITLE = "The eight cases as maps: gradient norm at each block over that at the last"
# By what the labels of a row share, its name.
CASES: Mapping[str, str] = {
    "glorot": "batch norm, Glorot",
    "he": "batch norm, He",
    "without-norm+glorot": "no batch norm, Glorot",
    "without-norm+he": "no batch norm, He",
}
SIDES = {"with skips": "", "without skips": f"{SKIPS}+"}
FULL = 4  # decades at which a colour is full
WIDTH, ROW, STRIP = 340, 42, 18  # pixels: a map, a row of it, its cells


def figure() -> str:
    """Both maps beside each other, and their scale."""
    record = gradients.needed(RECORD)
    words = {v["label"]: WORDS.get(v["verdict"], v["verdict"]) for v in record["verdicts"]}
    series: dict[str, Sequence[float]] = {}
    maps = []
    for title, cut in SIDES.items():
        rows = [
            (name, words[f"{cut}{case}"], gradients.relative(RECORD, f"{cut}{case}"))
            for case, name in CASES.items()
        ]
        series |= {f"{title}, {name}": logs for name, _, logs in rows}
        spoken = "; ".join(f"{name}: {word}" for name, word, _ in rows)
        maps.append((title, spoken, _map(rows)))
    values = enumerate(zip(*series.values(), strict=True))
    numbers = Numbers(
        ("block", *(f"log10 of the norm over the last, {name}" for name in series)),
        tuple((at, *row) for at, row in values),
    )
    return part(
        "gradient-maps.html",
        maps=maps,
        scale=_scale(),
        badges=gradients.badges(record),
        **with_numbers(TITLE, numbers, gradients.origin(record)),
    )


def _map(rows: Sequence[tuple[str, str, Sequence[float]]]) -> str:
    parts: list[str] = []
    for number, (name, word, logs) in enumerate(rows):
        top = number * ROW
        parts += [text(0, top + 13, name), text(WIDTH, top + 13, word, anchor="end", bold=True)]
        parts += _cells(logs, top + 18, WIDTH / len(logs))
    height = len(rows) * ROW
    parts += [text(0, height + 10, "input"), text(WIDTH, height + 10, "output", anchor="end")]
    return (
        f'<svg class="ka-map" viewBox="0 0 {WIDTH} {height + 16}" aria-hidden="true"'
        f' focusable="false">{"".join(parts)}</svg>'
    )


def _cells(logs: Sequence[float], top: float, wide: float) -> Iterator[str]:
    yield f'<path class="ka-grid" d="M0 {top}H{WIDTH}V{top + STRIP}H0z"/>'
    for at, log in enumerate(logs):
        color, opacity = shade(log)
        if opacity:
            yield (
                f'<path fill="{color}" fill-opacity="{opacity:.2f}"'
                f' d="M{at * wide:.1f} {top}h{wide:.1f}v{STRIP}h-{wide:.1f}z"/>'
            )


def shade(log: float) -> tuple[str, float]:
    """A colour and how much of it: none at 1, all of it at ``FULL`` decades and beyond.

    >>> shade(-2.0), shade(9.0), shade(0.0)[1]
    (('#CC79A7', 0.5), ('#E69F00', 1.0), 0.0)
    """
    return (ORANGE if log > 0 else PURPLE), round(min(abs(log) / FULL, 1.0), 2)


def _scale() -> str:
    """The colours, from the smallest gradient to the largest."""
    parts = []
    wide = 34
    for at, power in enumerate(range(-FULL, FULL + 1)):
        color, opacity = shade(power)
        parts.append(
            f'<path class="ka-grid" d="M{17 + at * wide} 1h{wide}v12h-{wide}z"/>'
            f'<path fill="{color}" fill-opacity="{opacity}" d="M{17 + at * wide} 1h{wide}v12h-{wide}z"/>'
        )
        if power % 2 == 0:
            sign = "≤ " * (power == -FULL) + "≥ " * (power == FULL)
            parts.append(text(34 + at * wide, 27, sign + power_of_ten(power), anchor="middle"))
    return (
        f'<svg class="ka-map" viewBox="0 0 {WIDTH} 32" aria-hidden="true" focusable="false">'
        f"{''.join(parts)}</svg>"
    )
