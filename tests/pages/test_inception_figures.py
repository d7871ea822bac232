"""The figures of the chapter on Inception: every number worked out anew."""

from __future__ import annotations

import re
import runpy
import xml.etree.ElementTree as ET

import pytest

pytest.importorskip("mkdocs")
pytest.importorskip("keras")

import keraudit
from keraudit.audits.cost import diagram
from pages import (
    calculator,
    code_files,
    inception_answers,
    inception_drawings,
    reduction_steps,
    sketch,
)
from pages.calculator import Sizes
from pages.inception_drawings import deeper, total, wider

pytestmark = pytest.mark.usefixtures("at_the_root")
POSITIONS = 28 * 28
LECTURE = POSITIONS * 32 * 25 * 192
REDUCED = POSITIONS * 16 * 192 + POSITIONS * 32 * 25 * 16


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_the_steps_multiply_up_to_the_lecture_s_numbers() -> None:
    text = text_of(reduction_steps.steps())
    assert "5 × 5 × 192 = 4,800" in text
    assert f"4,800 × 32 = {4800 * 32:,}" in text
    assert f"{4800 * 32:,} × 784 = {LECTURE:,}" in text
    assert LECTURE == 120_422_400
    assert "= 2,408,448 + 10,035,200 = 12,443,648" in text
    assert REDUCED == 12_443_648


def test_the_bars_of_the_steps_are_to_scale() -> None:
    html = reduction_steps.steps()
    bars = [
        sum(map(float, re.findall(r"width:([\d.]+)%", bar)))
        for bar in re.findall(r'<div class="ka-bar ka-track".*?</div>', html)
    ]
    shares = (4800 / LECTURE, 153_600 / LECTURE, 1, REDUCED / LECTURE)
    assert bars == pytest.approx([100 * share for share in shares], abs=0.002)


@pytest.mark.parametrize(
    "model",
    ["inception-naive:cs231n", "inception-reduced:cs231n", "residual-block", "bottleneck-block"],
)
def test_both_drawings_of_a_module_say_the_same(model: str) -> None:
    graph = keraudit.read(model)
    pictures = re.findall(r"<svg.*?</svg>", diagram.diagram(graph, color="#000"))
    beside, below = (sorted(re.findall(r"<text[^>]*>(.*?)</text>", one)) for one in pictures)
    assert beside == below
    assert all(one.count("<rect") == len(graph.nodes) for one in pictures)
    assert all(ET.fromstring(one).get("width") for one in pictures)


def test_the_slabs_are_drawn_to_one_scale() -> None:
    wide, narrow = sketch.Block(0, 0, 28, 28, 192), sketch.Block(0, 0, 28, 28, 16)
    assert wide.end(0, 0)[0] / narrow.end(0, 0)[0] == 192 / 16
    assert wide.at(0, 28, 0)[1] == narrow.at(0, 28, 0)[1]


@pytest.mark.parametrize("sizes", calculator.starts().values())
def test_a_reduction_pays_below_the_break_even(sizes: Sizes) -> None:
    even = calculator.break_even(sizes)
    widths = range(1, sizes.channels + 1)
    paying = [
        r
        for r in widths
        if calculator.squeeze(s := sizes._replace(reduction=r)) + calculator.behind(s)
        < calculator.direct(s)
    ]
    assert paying == [r for r in widths if r < even]


def test_the_curve_marks_the_present_width_and_the_break_even() -> None:
    found = calculator.curve(Sizes())
    assert found.now == pytest.approx(100 * 16 / 192)
    assert found.even == pytest.approx(100 * 800 * 192 / (800 + 192) / 192)
    assert found.cost / found.direct == pytest.approx(REDUCED / LECTURE)
    assert found.cost / found.highest == pytest.approx(found.now / 100)  # a straight line
    assert found.direct / found.highest == pytest.approx(found.even / 100)  # where they meet
    assert max(found.highest, found.direct) < 100
    wide = calculator.curve(Sizes(channels=10, reduction=40))
    assert (wide.now, wide.widest) == (100, 40)


def test_wider_costs_as_much_as_one_layer_and_deeper_twice() -> None:
    one = POSITIONS * 9 * 192 * 192
    assert [layer.macs for layer in deeper()] == [one, one]
    assert total(deeper()) == 2 * one
    kernels = {(layer.kernel, layer.filters): layer.macs for layer in wider()}
    assert kernels == {
        ("1×1", 64): POSITIONS * 192 * 64,
        ("3×3", 96): POSITIONS * 9 * 192 * 96,
        ("5×5", 32): POSITIONS * 25 * 192 * 32,
    }
    assert total(wider()) == one  # as the page says
    assert sum(layer.filters for layer in wider()) == 192
    assert "260.1 M" in text_of(inception_drawings.grown())


def test_every_drawing_has_a_text_alternative_and_stays_within_its_box() -> None:
    html = "".join(
        (inception_drawings.grown(), inception_drawings.one_by_one(), reduction_steps.steps())
    )
    drawings = re.findall(r'<svg class="ka-sketch".*?</svg>', html, re.DOTALL)
    assert len(drawings) == 8
    for drawing in map(ET.fromstring, drawings):
        assert len(drawing.get("aria-label", "")) > 30
        height = float(drawing.get("viewBox", "").split()[-1])
        for word in drawing.iter("text"):
            width = 6.8 * len(word.text or "")
            start = {"start": 0.0, "middle": width / 2, "end": width}[word.get("text-anchor", "")]
            left = float(word.get("x", "")) - start
            assert left > -1, word.text
            assert left + width <= sketch.WIDTH + 11, (
                word.text
            )  # the windows' drawing is moved by 10
            assert float(word.get("y", "")) <= height
    assert "3,072 weights" in text_of(html)


def test_the_code_is_googlenet_s_first_module() -> None:
    module = runpy.run_path(str(code_files.FOLDER / "inception_module.py"))["module"]()
    own, preset = keraudit.audit(module), keraudit.audit("inception-reduced:googlenet-3a")
    assert own.total.macs == preset.total.macs
    assert own.total.params == preset.total.params == module.count_params()
    factors = [
        keraudit.reductions(keraudit.read(one)).total.factor
        for one in (module, "inception-reduced:googlenet-3a")
    ]
    assert factors[0] == factors[1]
    assert "def module():" in code_files.shown("inception_module.py")
    assert '"""' not in code_files.shown("inception_module.py")


def test_the_answers() -> None:
    from keras import Input, Model, layers

    assert inception_answers.weights_direct() == 25 * 192 * 32
    assert inception_answers.weights_reduced() == 192 * 16 + 25 * 16 * 32
    assert inception_answers.weights_factor() == f"{LECTURE / REDUCED:.2f}"
    assert inception_answers.doubled() == 4 * LECTURE
    filters = 128 + 192 + 96
    assert inception_answers.widths_of_naive_modules(4) == [256 + n * filters for n in (1, 2, 3, 4)]
    assert inception_answers.reduced_width() == filters + 64
    x = Input((28, 28, 192))
    for layer in (layers.Dense(16), layers.Conv2D(16, 1)):
        assert Model(x, layer(x)).count_params() == inception_answers.dense_params()
    reduced = [
        layer.cost.macs
        for layer in keraudit.audit("GoogLeNet").layers
        if re.fullmatch(r"inception_\w\w_[35]x[35]_reduce", layer.name)
    ]
    assert len(reduced) == 18
    share = sum(reduced) / keraudit.audit("GoogLeNet").total.macs
    assert inception_answers.share_of_reductions() == f"{100 * share:.1f} %"
