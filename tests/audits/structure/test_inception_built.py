"""Each claim on Inception on small models made to keep or to break it; names are Keras' own and tell nothing."""

from __future__ import annotations

from typing import Any

import pytest

from keraudit.audits.structure.claim import FAILS, HOLDS, SILENT
from keraudit.audits.structure.report import structure_of
from small_networks import checked, conv, module
from witness import graph_of

keras = pytest.importorskip("keras")
layers = keras.layers


def verdicts_of(**options: Any) -> dict[str, str]:
    found = checked(lambda x: module(module(x, **options), **options))
    return {c.code: c.verdict for c in found.checks if c.family == "inception"}


def test_a_small_inception_net() -> None:
    verdicts = verdicts_of()
    assert {code for code, v in verdicts.items() if v == FAILS} == {"INC07", "INC08"}
    assert SILENT not in verdicts.values()


@pytest.mark.parametrize(
    ("options", "broken"),
    [
        ({"kernels": (3, 3), "pool": False}, {"INC03", "INC04"}),
        ({"pool": False}, {"INC04"}),
        ({"reduce": 0}, {"INC06"}),
        ({"reduce": 64}, {"INC06"}),  # a 1x1 that widens reduces nothing
        ({"kernels": (5, [3, 3])}, {"INC03"}),  # two 3x3 see 5x5
        ({"kernels": (3, [3, 3])}, set()),
    ],
)
def test_what_breaks_an_inception_claim(options: dict[str, Any], broken: set[str]) -> None:
    verdicts = verdicts_of(**options)
    found = {code for code in ("INC03", "INC04", "INC05", "INC06") if verdicts[code] == FAILS}
    assert found == broken


@pytest.mark.parametrize(
    ("kernels", "verdict", "evidence"),
    [
        ((1, 5), FAILS, "No factorised filter in 2: "),
        ((1, [3, 3]), HOLDS, "Factorised: 2 x 3x3-3x3."),
        ((1, [(1, 7), (7, 1)]), HOLDS, "Factorised: 2 x 1x7-7x1."),
        # a filter is half of one pair only
        ((1, [(7, 1), (1, 7), (7, 1), (1, 7)]), HOLDS, "Factorised: 4 x 7x1-1x7."),
        ((1, [(1, 7), (1, 7)]), FAILS, "No factorised filter in 2: "),
        ((1, [(1, 7), (3, 1)]), FAILS, "No factorised filter in 2: "),
    ],
)
def test_factorised_filters(kernels: tuple[Any, ...], verdict: str, evidence: str) -> None:
    check = checked(lambda x: module(module(x, kernels=kernels), kernels=kernels))["INC07"]
    assert check.verdict == verdict
    assert check.evidence[0].startswith(evidence)


def test_a_module_with_one_whole_filter_is_not_factorised() -> None:
    check = checked(lambda x: module(module(x, kernels=(1, [3, 3])), kernels=(1, 5)))["INC07"]
    assert check.verdict == FAILS
    assert check.evidence[0] == "Factorised: 1 x 3x3-3x3."
    assert check.evidence[1].startswith("No factorised filter in 1: ")
    assert check.evidence[2] == "Left whole: 1 x 5x5."


def test_a_filter_may_fork_inside_a_branch() -> None:
    """Figure 7 of Szegedy et al. 2015."""

    def expanded(x: Any) -> Any:
        y = conv(x, 4, 1)
        split = layers.Concatenate()([conv(y, 4, (1, 3)), conv(y, 4, (3, 1))])
        return layers.Concatenate()([conv(x, 8, 1), split])

    found = checked(lambda x: expanded(expanded(x)))
    assert found.facts.inception_modules == 2
    assert "1x1-(1x3 | 3x1)" in found["INC03"].evidence[0]
    assert found["INC07"].evidence == ("Factorised: 2 x (1x3 | 3x1).",)
    assert found["INC06"].evidence[0].startswith("2 of 2 branches")


@pytest.mark.parametrize("axis", [1, 2])
def test_concatenated_along_positions(axis: int) -> None:
    def stretched(x: Any) -> Any:
        return layers.Concatenate(axis=axis)([conv(x, 8, 1), conv(conv(x, 4, 1), 8, 3)])

    check = checked(lambda x: stretched(module(x)))["INC05"]
    assert check.verdict == FAILS
    assert "(32x32, 32x32 to " in check.evidence[1]


def test_channels_first() -> None:
    start = keras.Input((3, 32, 32))
    options = {"padding": "same", "data_format": "channels_first"}
    x = layers.Conv2D(8, 3, **options)(start)
    for filters in (8, 16):
        branches = [layers.Conv2D(filters, size, **options)(x) for size in (1, 3)]
        x = layers.Concatenate(axis=1)(branches)
    found = structure_of(graph_of(keras.Model(start, x)))
    assert found["INC05"].verdict == HOLDS
    assert "8 + 8 = 16" in found["INC05"].evidence[0]


def test_modules_that_halve_the_size_are_counted_apart() -> None:
    """Figure 10 of Szegedy et al. 2015: a bare 3x3 of stride 2 beside a reduced one and a pooling."""

    def halving(x: Any) -> Any:
        long = conv(conv(conv(x, 4, 1), 8, 3), 8, 3, 2)
        pooled = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        return layers.Concatenate()([conv(x, 8, 3, 2), long, pooled])

    mixed = checked(lambda x: halving(module(x)))["INC06"]
    assert mixed.verdict == HOLDS
    assert mixed.evidence[0].startswith("2 of 2 branches")
    assert mixed.evidence[1].startswith("Apart: modules that change the size, 1 of 2")
    alone = checked(lambda x: halving(halving(x)))["INC06"]
    assert (alone.verdict, len(alone.evidence)) == (FAILS, 2)
