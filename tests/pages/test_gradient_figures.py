"""The figures of the gradients page: every number worked out again from the records."""

from __future__ import annotations

import json
import re
from math import exp, log, log10, pi, prod, sqrt
from pathlib import Path
from statistics import fmean, geometric_mean, linear_regression
from typing import Any

import pytest

pytest.importorskip("mkdocs")

from keraudit.audits.gradients.figure import cosine_by_depth, norm_by_depth, over_seeds
from pages import chain_rule, gradient_answers, gradient_maps, gradient_steps, gradients, rendering

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "site/results/gradients"
pytestmark = pytest.mark.usefixtures("at_the_root")


def record(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


def corners(depth: int) -> Any:
    return record(f"resnet-cifar-{depth}-corners")


def norms(depth: int, label: str) -> list[float]:
    """The norm at the stem and at each block, over the seeds."""
    profiles = [p["blocks"] for p in corners(depth)["profiles"] if p["label"] == label]
    seeds = zip(*profiles, strict=True)
    return [geometric_mean(b["grad_norm"] for b in rows) for rows in seeds][:-1]


def verdict(depth: int, label: str) -> Any:
    return next(v for v in corners(depth)["verdicts"] if v["label"] == label)


def fitted(logs: list[float]) -> float:
    """Growth from the last block to the first along the least-squares line."""
    return 10 ** (-linear_regression(range(len(logs)), logs).slope * (len(logs) - 1))


@pytest.mark.parametrize("depth", chain_rule.DEPTHS)
@pytest.mark.parametrize("network", chain_rule.NETWORKS)
@pytest.mark.parametrize("side", chain_rule.SIDES)
def test_the_measured_lines_are_the_records(depth: int, network: str, side: str) -> None:
    label = getattr(chain_rule.NETWORKS[network], side)
    assert ("without-skips" in label) == (side == "off")
    assert ("without-norm" in label) != chain_rule.NETWORKS[network].norm
    curve, found = chain_rule.measured(depth, network, side), norms(depth, label)
    assert len(found) == (depth - 2) // 2 + 1
    assert [10**at for at in curve.logs] == pytest.approx([n / found[-1] for n in found], rel=1e-3)
    assert curve.growth == verdict(depth, label)["growth_per_block"]
    assert curve.across == verdict(depth, label)["across"]


def test_the_model_is_a_product_of_one_factor_per_block() -> None:
    g, n = 1.21, 27
    f = g**2
    plain = chain_rule.model(n, g, norm=True, skips=False)
    assert plain.growth == pytest.approx(f)
    assert plain.across == pytest.approx(f**n)
    added = chain_rule.model(n, g, norm=False, skips=True)
    assert added.across == pytest.approx(sqrt(1 + f * f) ** n)
    normed = chain_rule.model(n, g, norm=True, skips=True)
    assert 10 ** normed.logs[0] == pytest.approx(
        prod(sqrt(1 + f * f / block) for block in range(1, n + 1))
    )
    assert normed.across == pytest.approx(fitted(list(normed.logs)))


def test_the_gains_are_those_of_the_papers_and_predict_what_was_measured() -> None:
    """Per block within a tenth; nothing of the model is fitted."""
    squared = {"norm-he": pi / (pi - 1), "he": 1, "glorot": 1 / 2}
    for network, value in squared.items():
        assert chain_rule.gain(network) == round(sqrt(value), 2)
        for depth in chain_rule.DEPTHS:
            for side in chain_rule.SIDES:
                found = chain_rule.measured(depth, network, side).growth
                model = chain_rule.network_model(depth, network, side).growth
                assert model == pytest.approx(found, rel=0.12), (network, depth, side)


def test_the_stream_s_variance_grows_with_the_number_of_branches() -> None:
    """What the model assumes of batch norm with skips, in the first stage: in proportion, within a fifth."""
    profiles = [p["blocks"] for p in corners(56)["profiles"] if p["label"] == "he"]
    assert profiles
    for blocks in profiles:
        variances = [block["activation_std"] ** 2 for block in blocks[:10]]
        unit = variances[0]
        for number, value in enumerate(variances, 1):
            assert value == pytest.approx(number * unit, rel=0.25)


def test_the_page_holds_what_the_script_needs_and_the_case_of_56_layers() -> None:
    shown = chain_rule.figure()
    data = json.loads(re.findall(r'id="chain-rule-data">(.*?)</script>', shown)[0])
    assert set(data["measured"]) == {"20", "56", "110"}
    for depth, networks in data["measured"].items():
        for sides in networks.values():
            assert {len(curve["logs"]) for curve in sides.values()} == {(int(depth) - 2) // 2 + 1}
    for side in ("on", "off"):
        for curve in (
            chain_rule.measured(56, "norm-he", side),
            chain_rule.network_model(56, "norm-he", side),
        ):
            growth, across = chain_rule.told(curve)
            assert f"<td>{growth}</td><td>{across}</td>" in shown
    assert shown.count("<math") == 2


def test_the_growth_over_depths_is_that_of_the_records() -> None:
    table = chain_rule.by_depth()
    for depth in (20, 56, 110):
        (row,) = re.findall(rf"^\| +{depth} \|.*$", table, re.MULTILINE)
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        for at, label in ((1, "without-skips+he"), (3, "he")):
            norms = over_seeds([p for p in corners(depth)["profiles"] if p["label"] == label])
            ends = [row["mean"] for row in norms if not row["is_output"]]
            across = 10 ** round(log10(ends[0] / ends[-1]), 4)  # as the page has it
            assert cells[at] == f"{chain_rule.times(across)}×"


def test_each_panel_says_what_its_lines_do() -> None:
    drawn = norm_by_depth(corners(56))
    said = [note["text"] for note in drawn["layout"]["annotations"] if note["xref"] != "paper"]
    words = {"exploding": "explodes", "vanishing": "vanishes", "healthy": "steady"}
    expected = {
        f"{words[v['verdict']]}, {chain_rule.times(v['across'])}×" for v in corners(56)["verdicts"]
    }
    assert len(said) == 8
    assert set(said) == expected
    assert {text.partition(",")[0] for text in said} == {"explodes", "vanishes", "steady"}


def test_the_maps_are_coloured_by_the_records() -> None:
    shown = gradient_maps.figure()
    assert shown.count('role="img"') == 3  # two maps and their scale
    for case in gradient_maps.CASES:
        for cut in ("", "without-skips+"):
            found = norms(56, f"{cut}{case}")
            logs = gradients.relative(gradient_maps.RECORD, f"{cut}{case}")
            expected = [log10(norm / found[-1]) for norm in found]
            assert logs == pytest.approx(expected, abs=1e-4)
    assert gradient_maps.shade(log10(10)) == ("#E69F00", 0.25)
    assert gradient_maps.shade(-9.0) == ("#CC79A7", 1.0)
    words = re.findall(r'font-weight="bold">(\w+)</text>', shown)
    assert sorted(words) == ["explodes"] * 3 + ["steady"] * 4 + ["vanishes"]


def test_the_cosines_are_means_over_seeds() -> None:
    found = record("resnet-cifar-56-shattering")
    drawn = cosine_by_depth(found)
    lines = {trace["name"]: trace["y"] for trace in drawn["data"] if trace.get("name")}
    for name, label in (("with skips", "baseline"), ("without skips", "without-skips")):
        profiles = [p["blocks"] for p in found["profiles"] if p["label"] == label]
        expected = [fmean(b["cosine"] for b in rows) for rows in zip(*profiles, strict=True)]
        assert lines[name] == pytest.approx(expected)
        at = next(i for i, b in enumerate(profiles[0]) if b["name"] == "stage3_block8")
        shown = gradients.cosine_at("resnet-cifar-56-shattering", label, "stage3_block8")
        assert shown == f"{abs(expected[at]):.2f}"


def test_a_relative_update_is_the_rate_times_the_gradient_over_the_kernel() -> None:
    assert gradient_steps.RATE == 0.1  # He et al. 2015, section 4.2
    for side, label in (("off", "without-skips+he"), ("on", "he")):
        layers = next(
            p["layers"] for p in corners(56)["profiles"] if p["label"] == label and p["layers"]
        )
        kernels = [row["relative"] for row in layers if row["name"].rpartition("_")[2] != "bn"]
        expected = [0.1 * value for value in kernels[:-1]]  # all but the classifier
        assert gradient_steps.updates(side) == pytest.approx(expected, rel=1e-4)
        assert len(expected) == 55
    off, on = map(gradient_steps.updates, ("off", "on"))
    assert off[0] / off[-1] > 500  # the page: no one rate fits both ends
    assert on[0] / on[-1] < 15


def test_the_answers_of_the_exercises() -> None:
    growth = verdict(56, "without-skips+he")["growth_per_block"]
    for found, per_block in (
        (gradient_answers.modelled_limit(), 1.21**2),
        (gradient_answers.measured_limit(), growth),
    ):
        blocks = (found - 2) // 2
        assert found % 6 == 2
        assert per_block ** (blocks - 3) < 1000 <= per_block**blocks
    assert float(gradient_answers.scaled(27)) == round(exp(27 / 2 * log(1 + 1 / 27)), 2)
    assert float(gradient_answers.scaled(27)) < sqrt(exp(1))
    tenfold = [float(gradient_answers.ends_of(n)) for n in (27, 270)]
    assert log10(tenfold[1] / tenfold[0]) == pytest.approx(
        float(gradient_answers.power()), abs=0.07
    )
    first = gradient_steps.updates("off")[0]
    assert float(gradient_answers.longer()) == pytest.approx(sqrt(1 + first**2), rel=0.05)
    assert float(gradient_answers.next_update().rstrip(" %")) == pytest.approx(
        100 * first / (1 + first**2), rel=0.05
    )


def test_a_page_says_which_record_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradients, "record", lambda _: None)
    chain_rule.measured.cache_clear()
    text = (
        "{{ chain_rule.figure() }} {{ gradient_steps.first('off') }} {{ gradient_maps.figure() }}"
    )
    modules = {"chain_rule": chain_rule, "gradient_steps": gradient_steps}
    shown = rendering.page(text, modules | {"gradient_maps": gradient_maps}, url="x.html")
    assert shown.count("`python -m records.gradients resnet-cifar-") == 3
