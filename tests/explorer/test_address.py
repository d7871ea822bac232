"""Addresses: written and read back; nonsense is told and harmless."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keraudit.explorer.address import (
    AREAS,
    AXES,
    CHANGES,
    CURVES,
    FORMS,
    LARGEST_BATCH,
    LARGEST_SIDE,
    LEVELS,
    MOST_FILTERS,
    MOST_KEPT,
    NAMED,
    NARROWEST,
    NETWORK_COLORS,
    PAGES,
    PICTURES,
    SIDES,
    UNITS,
    VARIANTS,
    WHAT,
    WIDEST,
    View,
    parsed,
)
from keraudit.rewrite.options import Rewriting


def test_a_view_comes_back_from_its_address() -> None:
    view = View(
        page="what-if",
        model="ResNet-CIFAR-56",
        size=(96, 96, 3),
        batch=8,
        unit="flops",
        area="params",
        color="field",
        level="layers",
        block="a b",
        layer="x/y",
        open=("a b", "c;d"),
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
        compared=("ResNet50", "VGG16"),
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
        ("page", "x", "expected one of network, map, layer"),
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
        ("width", "nan", "a number from 0.05 to 8"),
        ("width", "1e9", "a number from 0.05 to 8"),
        ("filters", "conv", "expected LAYER=N"),
        ("filters", "conv=0", "from 1 to"),
        ("without", "everything", "expected some of skips"),
        ("without", "pools", "it goes with reductions"),
        ("layer", "a\nb", "expected a name"),
        ("compared", "VGG16;VGG19;ResNet50;ResNet101", "at most 3"),
        ("__proto__", "x", "unknown parameter"),
    ],
)
def test_nonsense_is_told_in_one_line(key: str, text: str, says: str) -> None:
    view, (problem,) = parsed({key: text})
    assert view == View()
    assert says in problem
    assert "\n" not in problem
    assert len(problem) < 300


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0.33333", "expected at most 4 decimal places"),
        ("8.5", "from 0.05 to 8."),
        ("0.01", "from 0.05 to 8."),
    ],
)
def test_a_width_is_refused_for_its_true_reason(text: str, says: str) -> None:
    assert says in parsed({"width": text}).problems[0]


def test_a_width_is_written_as_it_is_read() -> None:
    assert View(width=0.33333).params() == {"width": "0.3333"}
    assert View(width=0.0625).params() == {"width": "0.0625"}
    assert View(width=1.00001).params() == {"width": "1"}


def test_many_runs_may_be_chosen() -> None:
    view = View(trained=tuple(f"ResNet-CIFAR-{depth}, he2015" for depth in range(20, 1220, 6)))
    assert parsed(view.params()) == (view, ())


tokens = st.from_regex(r"[A-Za-z0-9_-]{16}", fullmatch=True)
names = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=40)
sides = st.lists(st.integers(1, LARGEST_SIDE), min_size=1, max_size=4).map(tuple)
models = st.sampled_from(["VGG16", "ResNet50", "ResNet-CIFAR-56", NAMED, "upload-0123456789abcdef"])
FIELDS = {
    "page": st.sampled_from(list(PAGES)),
    "model": st.just("") | models,
    "size": st.none() | sides,
    "batch": st.integers(1, LARGEST_BATCH),
    "unit": st.sampled_from(list(UNITS)),
    "area": st.sampled_from(list(AREAS)),
    "color": st.sampled_from(list(NETWORK_COLORS)),
    "level": st.sampled_from(list(LEVELS)),
    "block": st.just("") | names,
    "layer": st.just("") | names,
    "open": st.lists(names, unique=True, max_size=8).map(tuple),
    "kept": st.lists(tokens, unique=True, max_size=MOST_KEPT).map(tuple),
    "explained": st.none() | st.integers(0, 99_999),
    "cut": st.lists(names, unique=True, max_size=4).map(tuple),
    "removed": st.lists(names, unique=True, max_size=4).map(tuple),
    "side": st.sampled_from(list(SIDES)),
    "only": st.just("") | names,
    "spot": st.none() | st.tuples(st.integers(0, 4096), st.integers(0, 4096)),
    "without": st.sampled_from([(), ("skips",), ("reductions", "pools"), tuple(CHANGES)]),
    "width": st.integers(int(NARROWEST * 10**4), int(WIDEST * 10**4)).map(
        lambda part: part / 10**4
    ),
    "to": st.none() | sides,
    "filters": st.dictionaries(names, st.integers(1, MOST_FILTERS), max_size=8).map(
        lambda found: tuple(found.items())
    ),
    "record": st.just("") | names,
    "step": st.integers(0, 10**9 - 1),
    "against": st.lists(st.sampled_from(list(VARIANTS)), unique=True, max_size=4).map(tuple),
    "images": st.integers(2, 32),
    "seeds": st.integers(1, 5),
    "compared": st.lists(models, unique=True, max_size=3).map(tuple),
    "matched": st.just("") | models,
    "axis": st.sampled_from(list(AXES)),
    "smooth": st.integers(1, 50),
    "curve": st.sampled_from(list(CURVES)),
    "trained": st.lists(names, unique=True, max_size=20).map(tuple),
    "run": st.just("") | names,
    "other": st.just("") | names,
    "pictures": st.sampled_from(list(PICTURES)),
    "what": st.sampled_from(list(WHAT)),
}
VIEWS = st.builds(View, **FIELDS)


def test_every_field_of_a_view_is_tried() -> None:
    assert set(FIELDS) == {field.name for field in fields(View)}


@given(VIEWS)
@example(View(filters=(("a,b", 3), ("c=d;e%2C", 4)), trained=("x;y", "z%3B")))
def test_whatever_is_shown_comes_back_from_its_address(view: View) -> None:
    assert parsed(view.params()) == (view, ())


@given(st.dictionaries(st.sampled_from([*FORMS, "x"]), st.text(max_size=30), max_size=6))
def test_no_address_raises(params: dict[str, str]) -> None:
    view, _ = parsed(params)
    again = parsed(view.params())
    assert again.view == view
    assert again.problems == ()
