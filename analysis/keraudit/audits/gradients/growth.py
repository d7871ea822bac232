"""How gradients grow across depth: a line through log norms, its interval over seeds, a verdict.

The line is the least-squares fit of the logarithm of the gradient's norm at the blocks' outputs
against their position; the model's own outputs are left out, for there the loss decides. The **growth**
is the factor per block on the way from the output to the input.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import fmean, geometric_mean, linear_regression, median, stdev

from keraudit.audits.gradients.records import BlockGradient, Outlier, Profile, Verdict
from keraudit.errors import KerauditError

VANISHING, EXPLODING, HEALTHY = "vanishing", "exploding", "healthy"
NON_FINITE, UNDECIDED = "non-finite", "undecided"
# A learning rate that suits one end of the network is off by this factor at the other. There is no
# theorem behind the number: it is set so that networks known to train from scratch stay inside it
# (He et al. 2015: ResNet50, Plain-CIFAR-20, ResNets to depth 110; Szegedy et al. 2015: InceptionV3).
ACROSS = 1000.0
EPSILON = 2.0**-24  # float32: a kernel does not change when a step adds less of itself than this
SMALLEST, LARGEST = 2.0**-126, 2.0**128  # float32's normal numbers
OUTLIER = 3.5  # modified z-score, Iglewicz and Hoaglin 1993, "How to Detect and Handle Outliers"
LEAST_OUTLIER = 2.0  # and off the line by at least this factor


def verdict_of(label: str, profiles: Sequence[Profile]) -> Verdict:
    """The verdict on one network from its profiles, one for each seed.

    Vanishing: the fitted norm falls by ``ACROSS`` or more from the last fitted block to the first, and
    the interval of the growth lies below 1; a norm of exactly 0 counts as fallen. Exploding: it rises
    by as much, and the interval lies above 1. Non-finite: a profile holds a number that is not finite.
    Undecided: some seed has fewer than two blocks with a norm above 0, and none is exactly 0. Healthy otherwise.
    """
    if any(profile.nonfinite for profile in profiles):
        return Verdict(
            label=label,
            growth_per_block=math.nan,
            interval=None,
            across=math.nan,
            verdict=NON_FINITE,
        )
    lost = _lost_at(profiles)
    rates = [rate for profile in profiles if (rate := log_growth(profile.blocks)) is not None]
    gone = any(row.grad_norm == 0 for p in profiles for row in p.blocks if not row.is_output)
    if len(rates) < len(profiles):
        return Verdict(
            label=label,
            growth_per_block=math.nan,
            interval=None,
            across=math.nan,
            verdict=VANISHING if gone else UNDECIDED,
            lost_at=lost,
        )
    low, high = t_interval(rates) if len(rates) > 1 else (fmean(rates), fmean(rates))
    rate = fmean(rates)
    steps = len(fitted(profiles[0].blocks)) - 1
    across = math.exp(rate * steps)
    verdict = HEALTHY
    if gone or (across <= 1 / ACROSS and high < 0):
        verdict = VANISHING
    elif across >= ACROSS and low > 0:
        verdict = EXPLODING
    return Verdict(
        label=label,
        growth_per_block=math.exp(rate),
        interval=(math.exp(low), math.exp(high)) if len(rates) > 1 else None,
        across=across,
        verdict=verdict,
        lost_at=lost,
        blocks_in_float32=blocks_in_float32(profiles, rate),
        outliers=outliers(profiles),
    )


def fitted(rows: Sequence[BlockGradient]) -> list[BlockGradient]:
    """The blocks that the line goes through: all but the model's outputs."""
    return [row for row in rows if not row.is_output]


def log_growth(rows: Sequence[BlockGradient]) -> float | None:
    """The fitted change of the norm's logarithm per block towards the input.

    ``None`` where fewer than two blocks have a norm above 0.
    """
    points = [(row.depth, math.log(row.grad_norm)) for row in fitted(rows) if row.grad_norm > 0]
    return -line(points)[0] if len(points) > 1 else None


def line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Slope and intercept of the least-squares line.

    >>> line([(1, 1.0), (2, 3.0), (3, 5.0)])
    (2.0, -1.0)
    """
    slope, intercept = linear_regression(*zip(*points, strict=True))
    return slope, intercept


def t_interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % confidence interval of the mean of normal values, by Student's t.

    >>> [round(end, 3) for end in t_interval([1.0, 2.0, 3.0])]  # 2 +- 4.303 / sqrt(3)
    [-0.484, 4.484]
    """
    half = student(len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return fmean(values) - half, fmean(values) + half


def student(degrees: float) -> float:
    """The 97.5 % quantile of Student's t distribution.

    Raises:
        KerauditError: scipy is not installed.

    >>> round(student(2), 3), round(student(100), 3)
    (4.303, 1.984)
    """
    try:
        from scipy.special import stdtrit  # a third of the time that scipy.stats takes to import
    except ImportError:
        raise KerauditError(
            "confidence intervals need scipy: pip install 'keraudit[keras]'"
        ) from None
    return float(stdtrit(degrees, 0.975))


def _lost_at(profiles: Sequence[Profile]) -> str | None:
    """The block nearest the output with a kernel whose relative gradient is below ``EPSILON``.

    There a step of plain descent with learning rate 1 leaves float32 weights as they are. The mean
    over seeds decides.
    """
    for rows in reversed(list(zip(*(profile.layers for profile in profiles), strict=True))):
        relative = [row.relative for row in rows if row.weight_norm]
        if relative and fmean(relative) < EPSILON:
            return str(rows[0].block)
    return None


def blocks_in_float32(profiles: Sequence[Profile], rate: float) -> int | None:
    """How many blocks before the last fitted one, until its gradient per element, carried on at this
    rate, leaves float32's normal numbers; ``None`` if that is more than 10,000."""
    start = [fitted(profile.blocks)[-1].grad_rms for profile in profiles]
    if not rate or min(start) <= 0:
        return None
    room = math.log((LARGEST if rate > 0 else SMALLEST) / fmean(start))
    steps = max(0, math.ceil(room / rate))
    return steps if steps <= 10_000 else None


def outliers(profiles: Sequence[Profile]) -> tuple[Outlier, ...]:
    """Blocks whose mean norm is off the fitted line, by how much.

    Off means: a modified z-score above ``OUTLIER``, 0.6745 times the distance from the median residual
    over the median distance, and a factor of ``LEAST_OUTLIER`` or more.
    """
    rows = [row for row, _, _ in averaged(profiles) if not row.is_output and row.grad_norm > 0]
    points = [(row.depth, math.log(row.grad_norm)) for row in rows]
    if len(points) < 5:
        return ()
    slope, intercept = line(points)
    off = [y - (intercept + slope * x) for x, y in points]
    middle = median(off)
    typical = median(abs(r - middle) for r in off)
    return tuple(
        Outlier(row.name, math.exp(r - middle))
        for row, r in zip(rows, off, strict=True)
        if abs(r - middle) >= math.log(LEAST_OUTLIER)
        and 0.6745 * abs(r - middle) > OUTLIER * typical
    )


def averaged(profiles: Sequence[Profile]) -> Iterator[tuple[BlockGradient, float, float]]:
    """Average each block over profiles, with the smallest and largest gradient norm.

    The norm's mean is geometric, as its axis is logarithmic; it is 0 where a norm is 0.
    """
    for rows in zip(*(profile.blocks for profile in profiles), strict=True):
        norms = [row.grad_norm for row in rows]
        cosines = [row.cosine for row in rows if row.cosine is not None]
        first = rows[0]
        mean = BlockGradient(
            name=first.name,
            depth=first.depth,
            grad_norm=geometric(norms),
            grad_rms=geometric([row.grad_rms for row in rows]),
            activation_mean=fmean([row.activation_mean for row in rows]),
            activation_std=fmean([row.activation_std for row in rows]),
            dead_share=fmean([row.dead_share for row in rows]),
            is_output=first.is_output,
            cosine=fmean(cosines) if cosines else None,
        )
        yield mean, min(norms), max(norms)


def geometric(values: Sequence[float]) -> float:
    """The geometric mean of numbers from 0 up.

    >>> round(geometric([1.0, 100.0]), 6), geometric([0.0, 1.0])
    (10.0, 0.0)
    """
    if not all(math.isfinite(v) for v in values):
        return math.nan
    return geometric_mean(values) if min(values) > 0 else 0.0
