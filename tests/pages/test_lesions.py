"""The note on lesions says what the records hold."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("mkdocs")

from pages import lesions
from records.lesions import EXPECTED, FOLDER

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


def test_the_table_has_a_row_for_each() -> None:
    table = lesions.summary()
    for name, found in RECORDS.items():
        assert f"| `{name}` | {found['baseline']['accuracy']:.1%} |" in table
