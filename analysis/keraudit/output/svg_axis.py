"""A scale of a still picture: from data to pixels, with its ticks."""

from __future__ import annotations

from math import ceil, floor, log10
from typing import Any, NamedTuple

FEW = 2.5  # decades, below which 2 and 5 of each are marked too


class Axis(NamedTuple):
    """A scale from data to pixels: ``low`` and ``high`` are data (decades on a logarithmic axis).

    ``marks`` are where the figure asks for ticks, in data.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False
    names: tuple[str, ...] = ()
    marks: tuple[float, ...] = ()

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

        >>> [label for _, label in Axis(-2, 1, 0, 1, log=True).ticks()]
        ['0.01', '0.1', '1', '10']
        >>> [label for _, label in Axis(log10(3), log10(40), 0, 1, log=True).ticks()]
        ['5', '10', '20']
        """
        if self.names:
            every = ceil(len(self.names) / 40)
            return [(self.at(name), name) for name in self.names[::every]]
        if self.marks or (self.log and self.high - self.low < FEW):
            return [(self.at(mark), f"{mark:g}") for mark in self._marked()]
        if self.log:
            decades = range(ceil(self.low - 1e-9), floor(self.high + 1e-9) + 1)
            every = ceil(len(decades) / 8)
            return [(self.at(10.0**n), _decade(n)) for n in decades[::every]]
        step = _nice((self.high - self.low) / 5)
        first = ceil(self.low / step - 1e-9)
        count = floor(self.high / step + 1e-9) - first + 1
        return [(self.at(n * step), f"{n * step:.6g}") for n in range(first, first + count)]

    def _marked(self) -> list[float]:
        low, high = (10**self.low, 10**self.high) if self.log else (self.low, self.high)
        near = 1e-9 * (high - low)
        marks = self.marks or log_marks(low, high)
        return [mark for mark in marks if low - near <= mark <= high + near]


def log_marks(low: float, high: float) -> tuple[float, ...]:
    """Round values between two on a logarithmic axis of few decades; also plotly's ``tickvals``.

    Plotly's own write a mere 5 for 0.5.

    >>> log_marks(0.09, 3.1)
    (0.1, 0.2, 0.5, 1.0, 2.0)
    >>> log_marks(1.6, 3.4)
    (2.0, 3.0)
    """
    powers = range(floor(log10(low)), ceil(log10(high)) + 1)
    for digits in ((1, 2, 5), (1, 2, 3, 5)):
        values = (float(f"{digit}e{power}") for power in powers for digit in digits)
        found = tuple(value for value in values if low <= value <= high)
        if len(found) > 2:
            break
    return found


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
