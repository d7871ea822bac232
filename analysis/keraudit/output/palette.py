"""One colour for each network, in every figure of the site and the explorer.

Colours are from Okabe and Ito (2008), "Color Universal Design": told apart with every kind of colour
vision. A network's own colour stands out by at least 3:1 (WCAG 2.2, 1.4.11) from a white and from a
dark page; where several families meet, the marker's shape tells them apart as well.
"""

from __future__ import annotations

from collections.abc import Mapping

BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, GREY = "#E69F00", "#56B4E9", "#8A8A8A"

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


def family(network: str) -> str:
    """The family that a network's name begins with.

    >>> family("InceptionV3"), family("resnet-cifar-56"), family("mine")
    ('Inception', 'ResNet', '')
    """
    plain = network.lower()
    return next((name for name in FAMILIES if plain.startswith(name.lower())), "")


def colour_of(network: str) -> str:
    """The colour of a network: its own, else its family's."""
    return SHALLOW.get(network) or FAMILIES.get(family(network), OTHER)[0]


def marker_of(network: str) -> str:
    """The shape of a network's marker, by its family, as plotly names it."""
    return FAMILIES.get(family(network), OTHER)[1]
