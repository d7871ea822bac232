"""The note on lesions says what the records hold."""

from __future__ import annotations

import json
from itertools import pairwise
from statistics import fmean

import pytest

pytest.importorskip("mkdocs")

from keraudit.zoo.trained_weights import shipped
from pages import lesion_bars, lesions
from records.lesions import EXPECTED, FOLDER, OWN

RECORDS = {name: json.loads((FOLDER / f"{name}.json").read_text("utf-8")) for name in EXPECTED}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_record_is_of_the_network_it_names(name: str) -> None:
    accuracy, params = EXPECTED[name]
    found = RECORDS[name]
    assert found["params"] == params
    assert found["baseline"]["images"] == 1017
    if accuracy:
        assert f"{found['baseline']['accuracy']:.2%}" == f"{accuracy}%"
    blocks = (int(name.rsplit("-", 1)[1]) - 2) // 2
    assert len(found["deletions"]) == blocks == len(found["probes"]) - 1
    assert [row["resizes"] for row in found["deletions"]].count(True) == 2
    assert found["dataset"]["name"] in lesions.one_by_one()


def test_a_deleted_block_is_worth_less_in_a_deeper_network() -> None:
    costs = [-RECORDS[name]["median_change_points"] for name in EXPECTED]
    assert costs == sorted(costs, reverse=True)
    assert lesions.median("resnet-cifar-56") == f"{costs[-1]:.1f}"


def test_what_the_note_says_of_probes_exchanges_and_paths() -> None:
    for found in RECORDS.values():
        probes = [row["accuracy"] for row in found["probes"]]
        starts = [n for n, row in enumerate(found["deletions"], 1) if row["resizes"]]
        places = (0, *(n - 1 for n in starts), len(probes) - 1)
        gains = [probes[b] - probes[a] for a, b in pairwise(places)]
        assert gains[2] > max(gains[:2])  # most in the last stage: about half of all
        assert 0.45 < gains[2] / sum(gains) < 0.55
        assert abs(probes[-1] - found["baseline"]["accuracy"]) < 0.02
    for name in ("resnet-cifar-32", "resnet-cifar-44", "resnet-cifar-56"):
        norms = [row["grad_norm"] for row in RECORDS[name]["paths"]]
        assert norms[-1] < norms[len(norms) // 4] / 10
        least, most = RECORDS[name]["effective_path_lengths"]
        assert (least + most) / 2 < (len(norms) - 1) / 2  # shorter than the average path
    shallow = [row["grad_norm"] for row in RECORDS["resnet-cifar-20"]["paths"]]
    assert shallow[-1] == max(shallow) > 5 * shallow[0]
    own = json.loads((FOLDER / "own-resnet-cifar-20.json").read_text("utf-8"))["paths"]
    norms = [row["grad_norm"] for row in own]
    assert max(norms) < 1.5 * min(norms)
    deep = RECORDS["resnet-cifar-56"]["exchanges"]
    costs = [
        RECORDS["resnet-cifar-56"]["baseline"]["accuracy"] - fmean(row["accuracies"])
        for row in deep
    ]
    assert [row["exchanges"] for row in deep] == [1, 2, 4, 8, 16]
    assert 0 < costs[0] < 0.1
    assert costs[-1] > 0.4


def test_every_figure_has_all_networks() -> None:
    for drawn in (
        lesions.one_by_one(),
        lesions.together(),
        lesions.exchanges(),
        lesions.paths(),
        lesions.probes(),
    ):
        for name in EXPECTED:
            assert f'"name":"{name}"' in drawn
    assert "256 random images" in lesions.paths()


def test_the_table_has_a_row_for_each() -> None:
    table = lesions.summary()
    for name, found in RECORDS.items():
        assert f"| `{name}` | {found['baseline']['accuracy']:.1%} |" in table


def test_a_plain_network_beside_its_twin() -> None:
    found = {name: json.loads((FOLDER / f"{name}.json").read_text("utf-8")) for name in OWN}
    for name, network in OWN.items():
        ships = shipped(network)
        assert ships is not None
        assert found[name]["network"] == network
        assert found[name]["params"] == 269_722
        assert found[name]["baseline"]["accuracy"] == pytest.approx(
            ships.about["accuracy_originals"]
        )
    residual, plain = found.values()
    assert max(row["accuracy"] for row in plain["deletions"]) < 0.2  # close to guessing
    assert min(row["accuracy"] for row in residual["deletions"]) > 0.4
    assert len(residual["deletions"]) == 9
    assert len(plain["deletions"]) == 16  # layers; what changes the shape cannot be left out
    assert plain["paths"] == []
    shown = lesion_bars.twins()
    for name, record in found.items():
        title = lesion_bars.TWINS[name]
        unit = "blocks" if record["paths"] else "of 20 layers"
        assert f"{title}, {len(record['deletions'])} {unit}: median {lesions.median(name)}" in shown
