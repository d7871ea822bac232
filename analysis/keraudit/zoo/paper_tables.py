"""What the papers print about the zoo's networks, as constants to be set beside our counts.

The counts themselves are never taken from here. Where they differ, ``DIFFERENCES`` says how.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from keraudit.model.graph import Shape


class Printed(NamedTuple):
    """A row of GoogLeNet's Table 1; ``prefix`` begins the names of our layers that it covers.

    ``params`` is in K of 1,024 and leaves biases out (the row of 112 K is 64*64 + 3*3*64*192 =
    114,688 = 112 * 1,024); ``ops`` is in millions of multiply-adds. ``None`` where nothing is printed.
    """

    row: str
    prefix: str
    output: Shape
    depth: int
    params: float | None = None
    ops: int | None = None


# Szegedy et al. 2014, "Going deeper with convolutions", Table 1.
GOOGLENET: tuple[Printed, ...] = (
    Printed("convolution 7x7/2", "conv1", (112, 112, 64), 1, 2.7, 34),
    Printed("max pool 3x3/2", "pool1", (56, 56, 64), 0),
    Printed("convolution 3x3/1", "conv2", (56, 56, 192), 2, 112, 360),
    Printed("max pool 3x3/2", "pool2", (28, 28, 192), 0),
    Printed("inception (3a)", "inception_3a", (28, 28, 256), 2, 159, 128),
    Printed("inception (3b)", "inception_3b", (28, 28, 480), 2, 380, 304),
    Printed("max pool 3x3/2", "pool3", (14, 14, 480), 0),
    Printed("inception (4a)", "inception_4a", (14, 14, 512), 2, 364, 73),
    Printed("inception (4b)", "inception_4b", (14, 14, 512), 2, 437, 88),
    Printed("inception (4c)", "inception_4c", (14, 14, 512), 2, 463, 100),
    Printed("inception (4d)", "inception_4d", (14, 14, 528), 2, 580, 119),
    Printed("inception (4e)", "inception_4e", (14, 14, 832), 2, 840, 170),
    Printed("max pool 3x3/2", "pool4", (7, 7, 832), 0),
    Printed("inception (5a)", "inception_5a", (7, 7, 832), 2, 1072, 54),
    Printed("inception (5b)", "inception_5b", (7, 7, 1024), 2, 1388, 71),
    Printed("avg pool 7x7/1", "avg_pool", (1, 1, 1024), 0),
    Printed("dropout (40%)", "dropout", (1, 1, 1024), 0),
    Printed("linear", "predictions", (1, 1, 1000), 1, 1000, 1),
)
K, M = 1024, 1_000_000  # the units of the two columns

# Where the reported numbers are not what the reported widths make, beyond the last digit.
DIFFERENCES: Mapping[str, str] = {
    "convolution 7x7/2": (
        "7*7*3*64 = 9,408 weights and 112*112 times as many multiply-adds, 118 M. The reported row agrees"
        " with itself (2.7 K on 112 x 112 positions are 34 M), not with a dense 7x7 kernel; the paper"
        " does not say why"
    ),
    "inception (3b)": "the widths make 379 K, 380 is reported; the operations agree",
    "inception (4a)": "the widths make 367 K and 73.6 M, 364 and 73 are reported",
    "inception (4b)": "the widths make 438 K, 437 is reported; the operations agree",
    "inception (4c)": "the widths make 497.5 K (463 reported); the reported 100 M follow from the widths",
    "inception (4d)": "the widths make 590.5 K (580 reported); the reported 119 M follow from the widths",
    "inception (4e)": "the widths make 847 K (840 reported); the reported 170 M follow from the widths",
    "inception (5a)": (
        "the widths make 1,018 K and 51 M; 1,072 and 54 are reported, which agree with each other"
    ),
    "inception (5b)": "the widths make 1,409 K (1,388 reported); the reported 71 M follow from the widths",
}

# Stanford CS231n 2017, lecture 9: the total, in millions, that the slide prints for the module with
# reductions (our preset ``cs231n``). Its own six terms add up to 271,351,808; with the term of the 3x3
# convolution, 28*28*192*3*3*64 = 86,704,128, counted twice they make the 358 M.
CS231N_REDUCED_MEGA = 358

# He et al. 2015, "Deep residual learning for image recognition", Table 1, last row: multiply-adds in
# billions. Both agree with shortcuts of option A, which Table 2 uses; B adds 0.02.
RESNET_GIGA: Mapping[int, float] = {18: 1.8, 34: 3.6}

# The same, Table 6: parameters in millions of the ResNets for CIFAR-10, by depth.
CIFAR_MEGA: Mapping[int, float] = {20: 0.27, 32: 0.46, 44: 0.66, 56: 0.85, 110: 1.7, 1202: 19.4}
