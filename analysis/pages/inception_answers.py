"""Numbers of the exercises on Inception, counted while the site is built."""

from __future__ import annotations

from pages.calculator import Sizes, direct

NAIVE = "inception-naive:cs231n"


def weights_direct() -> int:
    """Weights of the lecture's 5x5 alone."""
    s = Sizes()
    return s.kernel * s.kernel * s.channels * s.filters


def weights_reduced() -> int:
    """Weights of the reduction and the 5x5 after it."""
    s = Sizes()
    return s.channels * s.reduction + s.kernel * s.kernel * s.reduction * s.filters


def weights_factor() -> str:
    return f"{weights_direct() / weights_reduced():.2f}"


def doubled() -> int:
    """Multiplications of the 5x5 where the map is twice as high and wide."""
    s = Sizes()
    return direct(s._replace(height=2 * s.height, width=2 * s.width))


def widths_of_naive_modules(modules: int) -> list[int]:
    """The channels after one naive module, two, and so on: each adds its filters to what it reads."""
    import keraudit

    layers = keraudit.audit(NAIVE).layers
    read, made = (layers[at].output_shapes[0][-1] for at in (0, -1))
    return [read + (made - read) * count for count in range(1, modules + 1)]


def reduced_width() -> int:
    """The channels after the same module with reductions."""
    import keraudit

    return int(keraudit.audit("inception-reduced:cs231n").layers[-1].output_shapes[0][-1])


def share_of_reductions() -> str:
    """The part of GoogLeNet's multiplications that the reductions of its modules take."""
    import keraudit

    report = keraudit.audit("GoogLeNet")
    reduced = sum(
        x.cost.macs
        for x in report.layers
        if x.name.startswith("inception_") and x.name.endswith("_reduce")
    )
    return f"{reduced / report.total.macs:.1%}".replace("%", " %")


def dense_params() -> int:
    """Weights and biases of the lecture's reduction."""
    s = Sizes()
    return (s.channels + 1) * s.reduction
