"""Widths of Inception modules as papers and lectures print them; no Keras here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from keraudit.model.graph import Shape


class Widths(NamedTuple):
    """Filters of an Inception module's convolutions, in the order of GoogLeNet's Table 1.

    ``f`` are the filters of the 1x1, 3x3 and 5x5 convolution, ``r`` those of the 1x1 convolution
    that reduces before it, ``pool`` those of the projection behind the pooling.
    """

    f1: int
    r3: int
    f3: int
    r5: int
    f5: int
    pool: int

    @property
    def output(self) -> int:
        """Channels of the concatenated output."""
        return self.f1 + self.f3 + self.f5 + self.pool


# Szegedy et al. 2014, "Going deeper with convolutions", Table 1.
GOOGLENET: Mapping[str, Widths] = {
    "3a": Widths(64, 96, 128, 16, 32, 32),
    "3b": Widths(128, 128, 192, 32, 96, 64),
    "4a": Widths(192, 96, 208, 16, 48, 64),
    "4b": Widths(160, 112, 224, 24, 64, 64),
    "4c": Widths(128, 128, 256, 24, 64, 64),
    "4d": Widths(112, 144, 288, 32, 64, 64),
    "4e": Widths(256, 160, 320, 32, 128, 128),
    "5a": Widths(256, 160, 320, 32, 128, 128),
    "5b": Widths(384, 192, 384, 48, 128, 128),
}
SIDES = {"3": 28, "4": 14, "5": 7}  # of the maps of each stage, for images of 224 x 224
STEM_CHANNELS = 192  # what the stem hands to module 3a


def module_inputs() -> Mapping[str, Shape]:
    """The input shape of each of GoogLeNet's modules.

    >>> module_inputs()["3a"], module_inputs()["4a"], module_inputs()["5b"]
    ((28, 28, 192), (14, 14, 480), (7, 7, 832))
    """
    result, channels = {}, STEM_CHANNELS
    for name, widths in GOOGLENET.items():
        side = SIDES[name[0]]
        result[name] = (side, side, channels)
        channels = widths.output
    return result


def reduced_presets() -> dict[str, tuple[Shape, Widths]]:
    """Named inputs and widths of a module with reductions.

    ``lecture`` is module 3a, whose 5x5 branch is the usual example; ``lecture-5x5`` is that branch
    alone. ``cs231n`` is the module of Stanford's CS231n 2017, lecture 9, with its reductions to 64.
    """
    return {
        "lecture": ((28, 28, 192), GOOGLENET["3a"]),
        "lecture-5x5": ((28, 28, 192), Widths(0, 0, 0, 16, 32, 0)),
        "cs231n": ((28, 28, 256), Widths(128, 64, 192, 64, 96, 64)),
        **{f"googlenet-{k}": (shape, GOOGLENET[k]) for k, shape in module_inputs().items()},
    }


def naive_presets() -> dict[str, tuple[Shape, Widths]]:
    """Widths of the modules without reductions; ``pool`` is 1 where the input is pooled along."""
    return {
        name: (shape, widths._replace(r3=0, r5=0, pool=int(widths.pool > 0)))
        for name, (shape, widths) in reduced_presets().items()
    }
