"""The taps of a convolution that lie on padding: multiplications by zero, which XLA leaves out.

Along each axis, position ``x`` of the output meets tap ``t`` of the kernel at input position
``stride x + low + dilation t``. The tap is real where that lies inside the input. As the axes do not
depend on one another, the real taps of a map are the product of the real taps of its axes.
"""

from __future__ import annotations

from fractions import Fraction
from math import prod

from keraudit.audits.crosscheck.sizes import config_of, has_windows, kernel, positions, spatial
from keraudit.model.graph import Node, Term, Window

CONVOLUTIONS = ("convolution", "depthwise convolution")


def real_taps(window: Window, *, size: int, out: int, taps: int) -> int:
    """The pairs of an output position and a tap that meet the input, along one axis.

    Args:
        window: where an output position looks.
        size: of the input.
        out: of the output.
        taps: of the kernel.

    Three taps over five positions with one padded on either side meet 3 x 5 - 2 = 13 times:

    >>> real_taps(Window(1, -1, 1), size=5, out=5, taps=3)
    13
    """
    dilation = Fraction(window.high - window.low) / (taps - 1) if taps > 1 else Fraction(0)
    return sum(
        0 <= window.stride * x + window.low + dilation * tap < size
        for x in range(out)
        for tap in range(taps)
    )


def spread_taps(window: Window, *, size: int, out: int, taps: int) -> int:
    """Count the pairs of an input position and a tap inside the output, for a transposed convolution.

    Input position ``i`` spreads tap ``t`` to output position ``i / stride + dilation t - cut``, where
    the window's stride is the inverse of the layer's.

    Two positions, stride 2, three taps, ``same``: five positions, the last of which is cut off:

    >>> spread_taps(Window(Fraction(1, 2), Fraction(-1, 1), Fraction(0)), size=2, out=4, taps=3)
    5
    """
    step = 1 / Fraction(window.stride)
    reach = Fraction(window.high - window.low) * step  # the dilated kernel's size, less one
    dilation = reach / (taps - 1) if taps > 1 else Fraction(0)
    cut = window.high * step
    return sum(
        0 <= step * i + dilation * tap - cut < out for i in range(size) for tap in range(taps)
    )


def padded_macs(node: Node, term: Term) -> int:
    """The MACs of a convolution's term that multiply padding, or that fall off a transposed output."""
    config = config_of(node)
    if not has_windows(node) or config.get("padding") == "causal":  # Keras pads the input itself
        return 0
    views, taps = node.effect.view, kernel(term)
    rank = len(taps)
    sizes = spatial(node.inputs[0].shape, rank, config)
    outs = spatial(node.outputs[0].shape, rank, config)
    axes = zip(views, sizes, outs, taps, strict=True)
    if term.what == "transposed convolution":
        met = [spread_taps(w, size=n, out=m, taps=k) for w, n, m, k in axes]  # type: ignore[arg-type]
        every = prod(sizes) * prod(taps)
    elif term.what in CONVOLUTIONS:
        met = [real_taps(w, size=n, out=m, taps=k) for w, n, m, k in axes]  # type: ignore[arg-type]
        every = prod(positions(term)) * prod(taps)
    else:
        return 0
    return term.value - term.value // every * prod(met)
