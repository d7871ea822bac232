"""GoogLeNet and its modules: the lecture's products, the paper's table, the structure."""

from __future__ import annotations

import pytest

from built import zoo
from keraudit.api import report_of
from keraudit.audits.cost.report import CostReport
from keraudit.layers.infer import shaped
from keraudit.model.block import FORK_JOIN
from keraudit.model.blocks import blocks
from keraudit.model.bounds import Bound
from keraudit.zoo.paper_tables import CS231N_REDUCED_MEGA, DIFFERENCES, GOOGLENET, K, M, Printed
from keraudit.zoo.widths import GOOGLENET as WIDTHS
from keraudit.zoo.widths import module_inputs


def report(name: str, shape: tuple[int, ...] | None = None) -> CostReport:
    return report_of(shaped(zoo(name, shape)))


def test_the_lecture_s_numbers() -> None:
    naive, reduced = (report(f"inception-{kind}:lecture-5x5") for kind in ("naive", "reduced"))
    assert naive.total.macs == 28 * 28 * 32 * 5 * 5 * 192 == 120_422_400
    terms = [layer.cost.macs for layer in reduced.layers if layer.cost.macs]
    assert terms == [28 * 28 * 16 * 192, 28 * 28 * 32 * 5 * 5 * 16] == [2_408_448, 10_035_200]
    assert reduced.total.macs == 12_443_648
    whole = {layer.name: layer.cost.macs for layer in report("inception-reduced:lecture").layers}
    assert whole["inception_5x5_reduce"] + whole["inception_5x5"] == 12_443_648


def test_the_cs231n_module() -> None:
    naive = report("inception-naive:cs231n")
    terms = [28 * 28 * 256 * f * k * k for f, k in ((128, 1), (192, 3), (96, 5))]
    assert terms == [25_690_112, 346_816_512, 481_689_600]
    assert naive.total.macs == sum(terms) == 854_196_224
    assert naive.layers[-1].output_shapes == ((1, 28, 28, 672),)  # 128 + 192 + 96 + 256


def test_the_cs231n_module_with_reductions() -> None:
    reduced = report("inception-reduced:cs231n")
    ones = [28 * 28 * 256 * f for f in (128, 64, 64, 64)]  # 1x1, two reductions, projection
    spatial = [28 * 28 * 64 * 9 * 192, 28 * 28 * 64 * 25 * 96]
    assert reduced.total.macs == sum(ones) + sum(spatial) == 271_351_808
    assert reduced.layers[-1].output_shapes == ((1, 28, 28, 480),)  # 128 + 192 + 96 + 64
    # the slide's total is its own terms with the 3x3 twice
    assert (reduced.total.macs + spatial[0]) // 10**6 == CS231N_REDUCED_MEGA


@pytest.mark.parametrize("name", WIDTHS)
def test_a_module_alone_costs_what_it_costs_in_googlenet(name: str) -> None:
    alone = report(f"inception-reduced:googlenet-{name}")
    within = next(b for b in report("GoogLeNet").blocks if b.name == f"inception_{name}")
    assert (alone.total.macs, alone.total.params) == (within.cost.macs, within.cost.params)
    height, width, channels = module_inputs()[name]
    w = WIDTHS[name]
    per_position = channels * (w.f1 + w.r3 + w.r5 + w.pool) + 9 * w.r3 * w.f3 + 25 * w.r5 * w.f5
    assert alone.total.macs == height * width * per_position


def test_googlenet_s_totals() -> None:
    found = report("GoogLeNet")
    assert found.bound is Bound.EXACT
    assert (
        found.total.params == 6_998_552
    )  # as Caffe's, weights and biases, without auxiliary heads
    assert found.total.macs == 1_582_671_872
    kinds = [layer.kind for layer in found.layers]
    assert kinds.count("Conv2D") == 3 + 9 * 6
    # each head: 4*4 positions of a 1x1 to 128, 2,048 * 1,024, 1,024 * 1,000
    heads = [16 * c * 128 + 2048 * 1024 + 1024 * 1000 for c in (512, 528)]
    assert report("GoogLeNet-aux").total.macs == found.total.macs + sum(heads)


@pytest.mark.parametrize("row", GOOGLENET, ids=lambda row: row.prefix)
def test_googlenet_beside_table_1(row: Printed) -> None:
    layers = [layer for layer in report("GoogLeNet").layers if layer.name.startswith(row.prefix)]
    output = layers[-1].output_shapes[0][1:]
    assert output == (row.output if len(output) == 3 else row.output[2:])
    macs = sum(layer.cost.macs for layer in layers)
    if row.params is None or row.ops is None:
        assert macs == 0
        return
    weights = macs / (row.output[0] * row.output[1])  # biases left out
    agree = abs(weights / K - row.params) <= 0.5 and abs(macs / M - row.ops) <= 0.5
    assert agree == (row.row not in DIFFERENCES)


def test_the_differences_are_rows_of_the_table() -> None:
    assert set(DIFFERENCES) <= {row.row for row in GOOGLENET}


def test_nine_modules_of_four_branches() -> None:
    graph = shaped(zoo("GoogLeNet"))
    modules = [block for block in blocks(graph) if block.kind == FORK_JOIN]
    assert [block.name for block in modules] == [f"inception_{name}" for name in WIDTHS]
    assert all(len(block.branches) == 4 for block in modules)
    aux = [b for b in blocks(shaped(zoo("GoogLeNet-aux"))) if b.kind == FORK_JOIN]
    assert [block.name for block in aux][:9] == [block.name for block in modules]


def test_another_size_is_built_anew() -> None:
    found = report("GoogLeNet", (96, 64, 3))
    assert found.total.params == 6_998_552
    assert found.layers[0].output_shapes == ((1, 96, 64, 3),)
    half = report("inception-reduced:lecture", (14, 14, 192)).total.macs
    assert 4 * half == report("inception-reduced:lecture").total.macs


def test_the_small_network_costs_what_a_residual_one_of_20_layers_does() -> None:
    small = report("Inception-CIFAR")
    widths = {64: (32, 32**2), 128: (64, 16**2), 256: (128, 8**2)}
    macs = 32**2 * 27 * 32 + 256 * 10

    def module(inputs: int, output: int) -> int:
        first, reduced, kernel3 = output // 4, 3 * output // 8, output // 2
        squeezed, kernel5 = output // 16, output // 8
        ones = inputs * (first + reduced + squeezed + kernel5)
        return ones + 9 * reduced * kernel3 + 25 * squeezed * kernel5

    macs += sum(module(inputs, output) * area for output, (inputs, area) in widths.items())
    macs += module(128, 128) * 16**2
    assert small.total.macs == macs == 40_995_328
    assert [b.name for b in small.blocks if b.kind == FORK_JOIN] == [
        f"inception_{name}" for name in ("1a", "2a", "2b", "3a")
    ]
    assert abs(small.total.macs / report("ResNet-CIFAR-20").total.macs - 1) < 0.02
