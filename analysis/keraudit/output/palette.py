"""The colours of every figure and page that is written here, and one colour for each network.

Colours are from Okabe and Ito (2008), "Color Universal Design": told apart with every kind of colour
vision. A network's own colour stands out by at least 3:1 (WCAG 2.2, 1.4.11) from a white and from a
dark page; where several families meet, the marker's shape tells them apart as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, GREY = "#E69F00", "#56B4E9", "#8A8A8A"
# Darker, for white text on them or for text in them.
DARK_BLUE, DARK_VERMILION, DARK_GREY = "#005F94", "#B04E0F", "#767676"
# Of blocks, where a block stands among layers of every other colour.
WINE, SLATE = "#8E4162", "#7D93A8"
# One after the other for lines that have no colour of their own.
LINES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, GREY, "#B8860B")
# Cividis, sampled (Nunez, Anderton and Renslow 2018): dark is little.
CIVIDIS = ("#00224e", "#213b6e", "#4c556c", "#6c6e72", "#8f8a78", "#b5a769", "#dac451", "#fee838")
# Text, quieter text and rules of the HTML files, as CSS variables.
LIGHT_PAGE = "--ink:#1b1f24;--soft:#57606a;--rule:#d0d7de"
DARK_PAGE = "--ink:#e6edf3;--soft:#9198a1;--rule:#3d444d"

# The shallow twin of a network that stands beside a deep one in the same figure.
SHALLOW: Mapping[str, str] = {
    "Plain-CIFAR-20": ORANGE,
    "ResNet-CIFAR-20": SKY,
    "Plain-18": ORANGE,
    "ResNet-18": SKY,
}
# The first family whose name begins a network's decides. Skips are blue and their absence is vermilion.
FAMILIES: Mapping[str, tuple[str, str]] = {
    "InceptionResNet": (PURPLE, "square"),
    "Inception": (GREEN, "circle"),
    "GoogLeNet": (GREEN, "diamond"),
    "Xception": (GREEN, "x"),
    "ResNet": (BLUE, "circle"),
    "Plain": (VERMILION, "square"),
    "VGG": (VERMILION, "diamond"),
    "DenseNet": (SKY, "square"),
    "EfficientNetV2": (ORANGE, "triangle-up"),
    "EfficientNet": (ORANGE, "circle"),
    "MobileNet": (SKY, "circle"),
    "NASNet": (PURPLE, "cross"),
    "ConvNeXt": (GREY, "diamond"),
}
OTHER = (GREY, "circle")
# Lines of one colour, told apart; plotly's words.
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
Style = tuple[str, str]  # a colour and a dash


def family(network: str) -> str:
    """The family that a network's name begins with.

    >>> family("InceptionV3"), family("resnet-cifar-56"), family("mine")
    ('Inception', 'ResNet', '')
    """
    plain = network.lower()
    return next((name for name in FAMILIES if plain.startswith(name.lower())), "")


def color_of(network: str) -> str:
    """The colour of a network: its own, else its family's."""
    return SHALLOW.get(network) or FAMILIES.get(family(network), OTHER)[0]


def marker_of(network: str) -> str:
    """The shape of a network's marker, by its family, as plotly names it."""
    return FAMILIES.get(family(network), OTHER)[1]


def styles_of(networks: Mapping[str, str]) -> dict[str, Style]:
    """A colour and a dash for each line: one colour for networks of one name, dashes in the order of depth.

    The first of a family has the family's colour, others of it one that nobody has.

    Args:
        networks: by the name of its line, the network that it is of; several may be of one.

    >>> styles_of({"a": "ResNet-CIFAR-56", "b": "ResNet-CIFAR-20", "c": "Plain-CIFAR-20"})
    {'c': ('#D55E00', 'solid'), 'b': ('#0072B2', 'solid'), 'a': ('#0072B2', 'dash')}
    """
    series: dict[str, list[str]] = {}
    for name in sorted(
        networks, key=lambda name: (_series(networks[name]), _depth(networks[name]))
    ):
        series.setdefault(_series(networks[name]), []).append(name)
    own = {one: FAMILIES.get(family(one), OTHER)[0] for one in series}
    taken: set[str] = set()
    found: dict[str, Style] = {}
    for one, names in series.items():
        free = [color for color in LINES if color not in taken and color not in own.values()]
        color = own[one] if own[one] not in taken else (*free, own[one])[0]
        taken.add(color)
        found |= {n: (color, DASHES[at % len(DASHES)]) for at, n in enumerate(names)}
    return found


def _series(network: str) -> str:
    """A network's name without the depth at its end."""
    return re.sub(r"[0-9]+$", "", network)


def _depth(network: str) -> int:
    """The number at the end of a network's name, 0 if there is none."""
    digits = re.search(r"([0-9]+)$", network)
    return int(digits[1]) if digits else 0


def shade(part: float) -> str:
    """The colour at a part of ``CIVIDIS``, from 0 to 1.

    >>> shade(0), shade(1), shade(0.5)
    ('#00224e', '#fee838', '#7e7c75')
    """
    at = min(max(part, 0.0), 1.0) * (len(CIVIDIS) - 1)
    low = min(int(at), len(CIVIDIS) - 2)
    rest = at - low
    mixed = (
        round(a + (b - a) * rest)
        for a, b in zip(channels(CIVIDIS[low]), channels(CIVIDIS[low + 1]), strict=True)
    )
    return "#" + "".join(f"{value:02x}" for value in mixed)


def channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def ink(fill: str) -> str:
    """Black or white, whichever is read more easily on a colour (WCAG 2.2, relative luminance)."""

    def linear(value: int) -> float:
        part = value / 255
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue = map(linear, channels(fill))
    return "#000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 else "#fff"
