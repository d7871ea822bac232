"""The committed record: every application, every difference explained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from built import application
from keraudit.audits.crosscheck.peers import PEERS, reconciled
from keraudit.layers.infer import shaped
from keraudit.reading.applications import applications

PATH = Path(__file__).parents[3] / "site" / "results" / "crosscheck.json"
RECORD: dict[str, Any] = json.loads(PATH.read_text("utf-8"))
REPORTS = {report["model"]: report for report in RECORD["reports"]}


def test_it_holds_all_applications_at_their_own_size() -> None:
    assert set(REPORTS) == set(applications())
    for name, report in REPORTS.items():
        listed = applications()[name]
        assert tuple(report["input_shape"]) == listed.input_shape
        assert report["batch"] == 1
        assert report["totals"]["macs"] == listed.macs
        assert report["schema"] == "keraudit.crosscheck/1"


@pytest.mark.parametrize("name", REPORTS)
def test_every_difference_is_explained(name: str) -> None:
    peers = {peer["name"]: peer for peer in REPORTS[name]["peers"]}
    assert list(peers) == list(PEERS)
    for peer in peers.values():
        assert not peer["error"]
        assert peer["value"] == sum(t["value"] for t in peer["terms"]) + peer["remainder"]
        assert abs(peer["remainder"]) <= PEERS[peer["name"]].rounding * peer["value"]
    # XLA's rest is rounding: far below the 0.1 % that it may be
    assert abs(peers["xla"]["remainder"]) < 1e-4 * peers["xla"]["value"]


@pytest.mark.parametrize("name", ["EfficientNetB0", "ConvNeXtTiny", "NASNetMobile", "Xception"])
def test_the_terms_are_those_of_the_table_today(name: str) -> None:
    graph = shaped(application(name))
    for peer in REPORTS[name]["peers"]:
        stated = [(term["name"], term["value"]) for term in peer["terms"]]
        assert stated == [tuple(term) for term in reconciled(graph, PEERS[peer["name"]])]


def test_it_says_where_it_was_made() -> None:
    assert RECORD["dates"]
    assert {"processor", "cores", "system"} <= RECORD["hardware"].keys()
    for report in REPORTS.values():
        assert all(peer["version"] and peer["seconds"] > 0 for peer in report["peers"])
