"""A scale of a still picture: from data to pixels, with its ticks."""

from __future__ import annotations

from math import ceil, floor, log10
from typing import Any, NamedTuple


class Axis(NamedTuple):
    """A scale from data to pixels: ``low`` and ``high`` are data (decades on a logarithmic axis)."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False
    names: tuple[str, ...] = ()

    def at(self, value: Any) -> float:
        """The pixel of a value.

        >>> Axis(0, 10, 100, 200).at(5), Axis(0, 2, 0, 100, log=True).at(10)
        (150.0, 50.0)
        """
        if self.names:
            number = self.names.index(str(value)) + 0.5
        elif self.log:
            number = log10(value) if value > 0 else self.low
        else:
            number = float(value)
        part = (number - self.low) / ((self.high - self.low) or 1)
        return self.start + part * (self.end - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        """Where the axis is marked, and with what.

        >>> [label for _, label in Axis(-1, 1, 0, 1, log=True).ticks()]
        ['0.1', '1', '10']
        >>> [label for _, label in Axis(log10(3), log10(40), 0, 1, log=True).ticks()]
        ['5', '10', '20']
        """
        if self.names:
            every = ceil(len(self.names) / 40)
            return [(self.at(name), name) for name in self.names[::every]]
        if self.log:
            decades = range(ceil(self.low - 1e-9), floor(self.high + 1e-9) + 1)
            if len(decades) < 2:
                return self.within_a_decade()
            every = ceil(len(decades) / 8)
            return [(self.at(10.0**n), _decade(n)) for n in decades[::every]]
        step = _nice((self.high - self.low) / 5)
        first = ceil(self.low / step - 1e-9)
        count = floor(self.high / step + 1e-9) - first + 1
        return [(self.at(n * step), f"{n * step:.6g}") for n in range(first, first + count)]

    def within_a_decade(self) -> list[tuple[float, str]]:
        """Ticks of a logarithmic axis that holds one power of ten at most: 1, 2 and 5 times each."""
        powers = range(floor(self.low), ceil(self.high) + 1)
        values = [digit * 10.0**n for n in powers for digit in (1, 2, 5)]
        marked = [v for v in values if self.low - 1e-9 <= log10(v) <= self.high + 1e-9]
        return [(self.at(value), f"{value:g}") for value in marked]


def _decade(power: int) -> str:
    """A power of ten as people write it on an axis.

    >>> _decade(3), _decade(-1), _decade(9)
    ('1,000', '0.1', '10⁹')
    """
    if -3 <= power <= 5:
        return f"{10**power:,}" if power >= 0 else f"{10.0**power:g}"
    return "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _nice(step: float) -> float:
    """A round step of at least ``step``.

    >>> _nice(0.3), _nice(12)
    (0.5, 20.0)
    """
    if step <= 0:
        return 1.0
    power = 10.0 ** floor(log10(step))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= step * (1 - 1e-9))
