"""Addresses: written and read back; nonsense is told and harmless."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keraudit.explorer.view import FORMS, View, parsed
from keraudit.rewrite.asked import Rewriting


def test_a_view_comes_back_from_its_address() -> None:
    view = View(
        page="what-if",
        model="ResNet-CIFAR-56",
        size=(96, 96, 3),
        batch=8,
        unit="flops",
        area="params",
        colour="field",
        level="layers",
        block="a b",
        layer="x/y",
        spot=(3, 4),
        without=("skips", "reductions", "pools"),
        width=0.5,
        to=(64, 64, 3),
        filters=(("a=b", 3), ("c", 4)),
        record="resnet50-64",
        step=20,
        against=("he",),
        images=8,
        seeds=3,
        beside=("ResNet50", "VGG16"),
        axis="time",
        smooth=5,
        curve="loss",
        trained=("a", "b"),
        run="x",
        other="y",
        what="structure",
    )
    assert parsed(view.params()) == (view, ())
    assert view.rewriting == Rewriting(
        without_skips=True,
        without_reductions=True,
        also_pool_projections=True,
        width=0.5,
        filters=(("a=b", 3), ("c", 4)),
    )


def test_defaults_are_not_written() -> None:
    assert View().params() == {}
    assert set(FORMS) == set(View.__dataclass_fields__)


@pytest.mark.parametrize(
    ("key", "text", "says"),
    [
        ("page", "x", "expected one of map, layer"),
        ("model", "/etc/passwd", "no known model"),
        ("model", "os:getcwd", "no known model"),
        ("model", "model.keras", "no known model"),
        ("model", "ResNet-CIFAR-21", "the depth of ResNet-CIFAR is 6n+2"),
        ("model", "upload-00", "no known model"),
        ("size", "1x2x3x4x5", "expected sizes"),
        ("size", "0x1x1", "every size must be from 1"),
        ("size", "99999999999999x1x3", "expected sizes"),
        ("batch", "-1", "whole number from 1 to 1024"),
        ("batch", "9" * 500, "at most 400 characters"),
        ("width", "nan", "a number above 0"),
        ("width", "1e9", "a number above 0"),
        ("filters", "conv", "expected LAYER=N"),
        ("filters", "conv=0", "from 1 to"),
        ("without", "everything", "expected some of skips"),
        ("without", "pools", "it goes with reductions"),
        ("layer", "a\nb", "expected a name"),
        ("beside", "VGG16;VGG19;ResNet50;ResNet101", "at most 3"),
        ("__proto__", "x", "no such thing"),
    ],
)
def test_nonsense_is_told_in_one_line(key: str, text: str, says: str) -> None:
    view, (problem,) = parsed({key: text})
    assert view == View()
    assert says in problem
    assert "\n" not in problem
    assert len(problem) < 300


@given(st.dictionaries(st.sampled_from([*FORMS, "x"]), st.text(max_size=30), max_size=6))
def test_no_address_raises(params: dict[str, str]) -> None:
    view, _ = parsed(params)
    again = parsed(view.params())
    assert again.view == view
    assert again.problems == ()
