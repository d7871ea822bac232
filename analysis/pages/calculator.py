"""The calculator of the Inception page: a convolution with a 1x1 reduction in front, and without it.

What is written here is the lecture's case, for readers without a script; ``calculator.js`` writes the
same lines for any sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from keraudit.output.numbers import short
from pages.rendering import part

FIELDS: Mapping[str, tuple[int, str]] = {
    "height": (4096, "height"),
    "width": (4096, "width"),
    "channels": (65536, "channels"),
    "kernel": (63, "kernel"),
    "filters": (65536, "filters"),
    "reduction": (65536, "reduction to"),
}


# Up to where a slider goes; the fields take more.
SLIDERS: Mapping[str, int] = {"channels": 1024, "kernel": 11, "filters": 512, "reduction": 512}


class Sizes(NamedTuple):
    """The lecture's sizes."""

    height: int = 28
    width: int = 28
    channels: int = 192
    kernel: int = 5
    filters: int = 32
    reduction: int = 16


PERCENT, HEADROOM = 100, 1.15  # the curve's height is so many times its highest point
# Where a reader may start from: the 5x5 branches of GoogLeNet's modules (Szegedy et al. 2014, Table 1).
STARTS: Mapping[str, str] = {
    "Ng's example": "lecture",
    **{f"GoogLeNet {name}": f"googlenet-{name}" for name in ("3b", "4a", "4e", "5b")},
}


def starts() -> dict[str, Sizes]:
    """The sizes of each start, from the zoo's presets."""
    from keraudit.zoo.modules import MODULES

    presets = next(module.presets for module in MODULES if module.name == "inception-reduced")
    found = {}
    for title, preset in STARTS.items():
        values = {name: int(value) for name, value in presets[preset].items()}
        found[title] = Sizes(
            height=values["height"],
            width=values["width"],
            channels=values["channels"],
            filters=values["f5"],
            reduction=values["r5"],
        )
    return found


def direct(s: Sizes) -> int:
    """Multiplications without the reduction.

    >>> direct(Sizes())
    120422400
    """
    return s.height * s.width * s.filters * s.kernel * s.kernel * s.channels


def squeeze(s: Sizes) -> int:
    """Multiplications of the reduction itself.

    >>> squeeze(Sizes())
    2408448
    """
    return s.height * s.width * s.reduction * s.channels


def behind(s: Sizes) -> int:
    """Multiplications of the large kernel behind the reduction.

    >>> behind(Sizes())
    10035200
    """
    return s.height * s.width * s.filters * s.kernel * s.kernel * s.reduction


class Curve(NamedTuple):
    """Where the marks of the curve stand, in hundredths of its width and height, and their words.

    The multiplications grow with the reduction's width in a straight line; it meets the line of those
    without a reduction at the break-even.
    """

    now: float
    even: float
    cost: float
    direct: float
    highest: float
    widest: int
    words: Mapping[str, str]


def break_even(s: Sizes) -> float:
    """The width at which a reduction stops paying.

    From ``h w r C + h w F k k r = h w F k k C``.

    >>> f"{break_even(Sizes()):.1f}"
    '154.8'
    """
    elements = s.filters * s.kernel * s.kernel
    return elements * s.channels / (elements + s.channels)


def curve(s: Sizes) -> Curve:
    """The curve for these sizes, from no channel to all of them."""
    widest = max(s.channels, s.reduction)
    total, last = (squeeze(at) + behind(at) for at in (s, s._replace(reduction=widest)))
    top = HEADROOM * max(direct(s), last) / PERCENT
    elements, even = s.filters * s.kernel * s.kernel, break_even(s)
    return Curve(
        now=PERCENT * s.reduction / widest,
        even=PERCENT * even / widest,
        cost=total / top,
        direct=direct(s) / top,
        highest=last / top,
        widest=widest,
        words={
            "direct": f"without reduction: {short(direct(s))}",
            "now": f"r = {s.reduction:,}: {short(total)}",
            "even": f"break-even {even:,.1f}",
            "widest": f"{widest:,}",
            "derived": f"{elements:,} · {s.channels:,} / ({elements:,} + {s.channels:,}) = {even:,.1f}",
        },
    )


def calculator() -> str:
    """The form, hidden until the script takes it over, and the lecture's case written out."""
    s = Sizes()
    spatial = [s.height, s.width, s.filters, s.kernel, s.kernel]
    products = {
        "direct": ("without reduction", [*spatial, s.channels], direct(s)),
        "squeeze": (
            "1×1 reduction",
            [s.height, s.width, s.reduction, 1, 1, s.channels],
            squeeze(s),
        ),
        "behind": ("kernel after it", [*spatial, s.reduction], behind(s)),
    }
    total = squeeze(s) + behind(s)
    return part(
        "calculator.html",
        fields=FIELDS,
        sliders=SLIDERS,
        sizes=s._asdict(),
        starts=starts(),
        products=products,
        total=total,
        curve=curve(s),
        longest=max(direct(s), total),
    )
