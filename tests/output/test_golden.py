"""What six models print, held to a manifest of hashes: a change of any character is noticed.

``KERAUDIT_SNAPSHOTS=1`` writes the manifest anew; the changelog says why.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from itertools import pairwise
from pathlib import Path

import pytest

from built import NAMES, application, zoo
from command import run

MANIFEST = Path(__file__).with_name("golden.json")
SIX = ("InceptionV3", "ResNet50", "MobileNetV2", "Xception", "GoogLeNet", "ResNet-CIFAR-20")
NEXT = dict(pairwise((*SIX, SIX[0])))
FORMATS = ("table", "json", "csv", "markdown", "html")
REWRITES = (
    "--without-skips",
    "--without-reductions",
    "--without-reductions --also-pool-projections",
    "--factorized two-3x3",
    "--factorized asymmetric",
    "--factorized separable",
    "--without-norm",
    "--activation tanh",
    "--width 0.5",
)
VERSIONS = re.compile(r'"(keraudit|python)": "[^"]*"')


def commands(name: str) -> list[str]:
    questions = ("flops", "structure", "reductions")
    return [
        *(f"{question} {name} -f {form}" for question in questions for form in FORMATS),
        *(f"flops {name} --by {by} -f json" for by in ("layer", "kind", "stage")),
        *(f"reductions {name} --derive all --notation {n}" for n in ("text", "latex", "html")),
        *(f"compare {name} {NEXT[name]} -f {form}" for form in FORMATS),
        *(f"compare {name} {name} {rewrite} -f json" for rewrite in REWRITES),
    ]


def digest(command: str) -> str:
    done = run(*command.split())
    text = VERSIONS.sub("", f"{done.code}\n{done.out}\n{done.err}")
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", SIX)
def test_nothing_printed_has_changed(name: str) -> None:
    for model in (name, NEXT[name]):
        application(model) if model in NAMES else zoo(model)
    found = {command: digest(command) for command in commands(name)}
    if os.environ.get("KERAUDIT_SNAPSHOTS"):
        whole = json.loads(MANIFEST.read_text()) if MANIFEST.exists() else {}
        MANIFEST.write_text(json.dumps({**whole, **found}, indent=1, sort_keys=True) + "\n")
    wanted = json.loads(MANIFEST.read_text())
    assert [command for command in found if found[command] != wanted.get(command)] == []
