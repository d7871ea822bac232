"""A small chart with a logarithmic axis, as SVG that fits a phone: ``chain-rule.js`` writes the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil, floor

from keraudit.output.numbers import raised

WIDTH, HEIGHT = 400, 300
BOX = LEFT, TOP, RIGHT, BOTTOM = 50, 12, 390, 254  # where the axes end
MOST_TICKS = 7
SLACK = 0.1  # of a decade, by which a line may leave the grid

Place = Callable[[float], float]


def picture(curves: Mapping[str, Sequence[float]], marked: Sequence[int]) -> str:
    """Axes and lines.

    Args:
        curves: by the name of its line, which the stylesheet gives its colour, the decimal logarithms
            at places 0, 1, 2 ...
        marked: the places with a tick; the last one ends the axis.
    """
    logs = [log for curve in curves.values() for log in curve]
    low = floor(min(logs) + SLACK)
    high = max(ceil(max(logs) - SLACK), low + 1)

    def x(place: float) -> float:
        return LEFT + (RIGHT - LEFT) * place / marked[-1]

    def y(log: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * (log - low) / (high - low)

    return "".join([*_axes(range(low, high + 1), marked, x, y), *_lines(curves, x, y)])


def _axes(decades: range, marked: Sequence[int], x: Place, y: Place) -> Iterator[str]:
    for power in decades[:: ceil((len(decades) - 1) / MOST_TICKS)]:
        at = y(power)
        yield f'<path class="ka-grid" d="M{LEFT} {at:.1f}H{RIGHT}"/>'
        yield f'<text x="{LEFT - 6}" y="{at + 5:.1f}" text-anchor="end">{power_of_ten(power)}</text>'
    for place in marked:
        yield f'<path class="ka-grid" d="M{x(place):.1f} {TOP}V{BOTTOM}"/>'
        yield f'<text x="{x(place):.1f}" y="{BOTTOM + 18}" text-anchor="middle">{place}</text>'


def _lines(curves: Mapping[str, Sequence[float]], x: Place, y: Place) -> Iterator[str]:
    for name, curve in curves.items():
        points = "L".join(f"{x(at):.1f} {y(log):.1f}" for at, log in enumerate(curve))
        yield f'<path class="ka-line" data-line="{name}" d="M{points}"/>'


def power_of_ten(power: int) -> str:
    """Name a tick of the axis.

    >>> power_of_ten(0), power_of_ten(-4)
    ('1', '10⁻⁴')
    """
    return f"10{raised(power)}" if power else "1"
