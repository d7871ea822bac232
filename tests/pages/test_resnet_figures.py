"""The figures of the ResNet page: the block, its code, what a block is worth, the exercises."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from statistics import median
from typing import Any

import pytest

pytest.importorskip("mkdocs")
pytest.importorskip("keras")

import keraudit
from keraudit.output.figure_data import shown as written
from pages import lesion_bars, lesions, resnet_answers, skip
from pages.audited import record

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("at_the_root")


@pytest.mark.parametrize("name", skip.BLOCKS)
def test_a_block_costs_the_same_with_its_skip_and_without(name: str) -> None:
    found = skip.cost(name)
    assert found.macs == found.macs_without == keraudit.audit(name).total.macs
    assert found.params == found.params_without
    assert sum(step.macs for step in skip.steps(name)) == found.macs
    assert f"{found.macs:,} MACs and {found.params:,} parameters with the skip, the same" in (
        skip.figure()
    )


def test_the_drawings_are_of_the_papers_blocks() -> None:
    kernels = {name: [(s.kernel, s.filters) for s in skip.steps(name)] for name in skip.BLOCKS}
    assert kernels["residual-block"] == [("3×3", 64), ("3×3", 64)]
    assert kernels["bottleneck-block"] == [("1×1", 64), ("3×3", 64), ("1×1", 256)]
    for name in skip.BLOCKS:
        drawn = skip.drawing(name)
        for state, words in (("ka-on", "H(x) = F(x) + x"), ("ka-off", "H(x) = F(x)")):
            parts = re.findall(rf'<g class="{state}">.*?</g>', drawn)
            assert any(f">{words}</text>" in part for part in parts)
        last = skip.steps(name)[-1]
        assert last.then == ("batch norm",)  # its ReLU comes after the sum


def in_code() -> Any:
    """The model that the page's code builds."""
    return runpy.run_path(str(ROOT / "site/code/residual_block.py"))["block"]()


def test_the_code_of_the_page_is_the_block_of_the_page() -> None:
    made = keraudit.audit(in_code()).to_dict()["layers"]
    shown = record("residual-block")["layers"]
    keys = ("macs", "flops", "params", "output_shape")
    assert [[layer[key] for key in keys] for layer in made] == json.loads(
        json.dumps([[layer[key] for key in keys] for layer in shown])
    )
    body = (ROOT / "site/code/residual_block.py").read_text("utf-8")
    assert len([line for line in body.splitlines()[2:] if line.strip()]) <= 12


def test_the_audit_recognises_the_code() -> None:
    page = " ".join((ROOT / "site/resnet.md").read_text("utf-8").split())
    assert "the rules [RES02 to RES04](structure.md#resnet50) hold" in page
    found = {check.code: check.verdict for check in keraudit.structure(in_code()).checks}
    assert [found[f"RES0{number}"] for number in (2, 3, 4)] == ["holds"] * 3


@pytest.mark.parametrize("network", lesion_bars.DEPTHS)
def test_a_bar_is_the_accuracy_that_is_lost(network: str) -> None:
    path = ROOT / "site/results/lesions" / f"{network}.json"
    found = json.loads(path.read_text("utf-8"))
    rows = lesion_bars.costs(network)
    assert [row.cost for row in rows] == pytest.approx(
        [-row["change_points"] for row in found["deletions"]]
    )
    assert all(row.low < row.cost < row.high for row in rows)
    assert [row.resizes for row in rows].count(True) == 2
    assert f"{median(row.cost for row in rows):.1f}" == lesions.median(network)
    shown = lesion_bars.figure()
    for row in rows:
        assert f"<title>{row.block}: {row.cost:.1f} points</title>" in shown
        assert f", {row.block}</th><td>{written(round(row.cost, 1))}</td>" in shown


def test_most_of_the_dear_blocks_change_the_size() -> None:
    """In either network the two that change it are among the three dearest."""
    for network in lesion_bars.DEPTHS:
        rows = sorted(lesion_bars.costs(network), key=lambda row: -row.cost)
        assert [row.resizes for row in rows[:3]].count(True) == 2


def test_the_answers_of_the_exercises() -> None:
    assert resnet_answers.same_cost() == f"{56 * 56 * 9 * 64 * 64:,}"
    weights = [
        int(part.replace(",", "")) for part in resnet_answers.weights_by_width().split(" · ")
    ]
    assert weights == [9 * width * width for width in (64, 128, 256, 512)]
    assert resnet_answers.wide_pair() == 2 * 56 * 56 * 9 * 256 * 256
    assert resnet_answers.narrowing() == "17"
    pairs = ((64, 128, 28), (128, 256, 14), (256, 512, 7))
    assert resnet_answers.projected("params") == f"{sum(a * b for a, b, _ in pairs):,}"
    assert resnet_answers.projected("macs") == f"{sum(a * b * s * s for a, b, s in pairs):,}"
    assert resnet_answers.paths() == f"{2**27:,}"
    least, most = resnet_answers.gradient_paths()
    assert (least, most) == (5, 12)
    paths = [1]  # by the number of branches taken, block after block
    for _ in range(27):
        paths = [a + b for a, b in zip([*paths, 0], [0, *paths], strict=True)]
    assert (
        resnet_answers.share_of_paths(least, most)
        == f"{100 * sum(paths[least : most + 1]) / 2**27:.0f} %"
    )
