"""Growth, intervals, verdicts and outliers on profiles whose answer is known."""

from __future__ import annotations

import math
import sys
from dataclasses import replace

import pytest

from keraudit.audits.gradients.growth import (
    ACROSS,
    EPSILON,
    blocks_in_float32,
    fitted,
    log_growth,
    outliers,
    t_interval,
    verdict_of,
)
from keraudit.audits.gradients.records import BlockGradient, Finding, KernelGradient, Profile
from keraudit.errors import KerauditError


def profile(*norms: float, seed: int = 0, relative: float = 1e-3) -> Profile:
    """Blocks from the input on with these norms, one kernel in each, and an output that is off."""
    blocks = [
        BlockGradient(
            name=f"b{depth}",
            depth=depth,
            grad_norm=norm,
            grad_rms=norm / 10,
            activation_mean=0.0,
            activation_std=1.0,
            dead_share=0.0,
        )
        for depth, norm in enumerate(norms, 1)
    ]
    last = replace(blocks[-1], name="head", depth=len(norms) + 1, grad_norm=77.0, is_output=True)
    layers = [
        KernelGradient(
            name=f"k{block.depth}",
            weight="kernel",
            block=block.name,
            depth=block.depth,
            grad_norm=relative * 2.0,
            grad_rms=relative,
            weight_norm=2.0,
        )
        for block in blocks
    ]
    return Profile(label="net", seed=seed, loss=1.0, layers=tuple(layers), blocks=(*blocks, last))


def geometric(growth: float, count: int, last: float = 1.0) -> list[float]:
    """Norms that grow by ``growth`` a block towards the input."""
    return [last * growth ** (count - depth) for depth in range(1, count + 1)]


def test_an_exact_growth_is_found_and_the_output_is_left_out() -> None:
    assert log_growth(profile(*geometric(1.5, 9)).blocks) == pytest.approx(math.log(1.5))
    found = verdict_of("net", [profile(*geometric(1.5, 9))])
    assert found.growth_per_block == pytest.approx(1.5)
    assert found.across == pytest.approx(1.5**8)
    assert found.interval is None


def test_the_interval_is_that_of_scipy() -> None:
    from scipy import stats

    for values in ([1.0, 2.0, 4.0], [0.1 * i * i for i in range(60)]):
        expected = stats.t.interval(
            0.95, len(values) - 1, loc=sum(values) / len(values), scale=stats.sem(values)
        )
        assert t_interval(values) == pytest.approx(expected)


def test_without_scipy_an_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    with pytest.raises(KerauditError, match=r"need scipy: pip install 'keraudit\[keras\]'"):
        t_interval([1.0, 2.0])


@pytest.mark.parametrize(
    ("growth", "count", "verdict"),
    [
        (2.0, 12, "exploding"),  # 2^11 = 2048
        (2.0, 10, "healthy"),  # 2^9 = 512
        (0.5, 12, "vanishing"),
        (0.5, 10, "healthy"),
        (1.0, 50, "healthy"),
    ],
)
def test_verdicts(growth: float, count: int, verdict: str) -> None:
    assert verdict_of("net", [profile(*geometric(growth, count))]).verdict == verdict


def test_seeds_that_disagree_are_no_verdict() -> None:
    """On average 2 a block, but the interval over two seeds holds 1."""
    rows = [profile(*geometric(g, 12), seed=s) for s, g in enumerate((4.0, 1.0))]
    found = verdict_of("net", rows)
    assert found.across >= ACROSS
    assert found.interval is not None
    assert found.interval[0] < 1 < found.interval[1]
    assert found.verdict == "healthy"


def test_a_gradient_of_nothing_has_vanished() -> None:
    assert verdict_of("net", [profile(0.0, 0.0, 1.0)]).verdict == "vanishing"
    assert verdict_of("net", [profile(0.0, 1e-30, 1.0)]).verdict == "vanishing"


def test_one_block_decides_nothing() -> None:
    assert verdict_of("net", [profile(1.0)]).verdict == "undecided"


def test_what_is_not_finite_goes_first() -> None:
    broken = replace(
        profile(*geometric(2.0, 12)), nonfinite=Finding(what="loss", layer="head", block="head")
    )
    assert verdict_of("net", [profile(1.0, 1.0), broken]).verdict == "non-finite"


def test_lost_at_is_the_block_nearest_the_output() -> None:
    fine = verdict_of("net", [profile(*geometric(1.0, 4), relative=2 * EPSILON)])
    lost = verdict_of("net", [profile(*geometric(1.0, 4), relative=EPSILON / 2)])
    assert (fine.lost_at, lost.lost_at) == (None, "b4")


def test_how_long_float32_lasts() -> None:
    """From 0.1 per element, halved each block, to 2^-126: log2(0.1 * 2^126) = 122.7 blocks."""
    rows = [profile(*geometric(0.5, 4))]
    assert blocks_in_float32(rows, math.log(0.5)) == 123
    assert blocks_in_float32(rows, math.log(2.0)) == 132  # log2(2^128 / 0.1) = 131.3
    assert blocks_in_float32(rows, 0.0) is None


def test_an_outlier_is_named_with_its_factor() -> None:
    norms = [n * (1.05 if i % 2 else 0.95) for i, n in enumerate(geometric(1.3, 15))]
    assert outliers([profile(*norms)]) == ()
    norms[7] *= 10
    ((name, factor),) = outliers([profile(*norms)])
    assert name == "b8"
    assert 5 < factor < 12


def test_the_output_is_not_fitted() -> None:
    assert [row.name for row in fitted(profile(1.0, 2.0).blocks)] == ["b1", "b2"]
