"""The peers themselves, where they are installed: on small layers of every kind, and on two networks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from built import application
from keraudit.audits.crosscheck.peers import PEERS
from keraudit.audits.crosscheck.process import variables
from keraudit.audits.crosscheck.report import crosscheck
from keraudit.layers.infer import shaped

pytest.importorskip("keras")

SMALL = Path(__file__).with_name("small.py")
# Constants of an activation that JAX folds only when it compiles: one or two operations a call.
KNOWN_RESTS = {("xla", "hard_tanh"): 2, ("xla", "squareplus"): 1}


def installed(*names: str) -> bool:
    return all(find_spec(need) for name in names for need in PEERS[name].needs)


@pytest.mark.parametrize(
    "names",
    [("fvcore", "torch"), ("tensorflow",), pytest.param(("xla",), marks=pytest.mark.exhaustive)],
)
def test_small_layers_of_every_kind(names: tuple[str, ...]) -> None:
    if not installed(*names):
        pytest.skip(f"not all of {names} are installed")
    done = subprocess.run(
        [sys.executable, SMALL, *names],
        capture_output=True,
        check=False,
        env={**os.environ, **variables(PEERS[names[0]])},
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = {(peer, name): rest for peer, name, rest in map(json.loads, done.stdout.splitlines())}
    assert len(found) > 70 * len(names)
    rests = {case: rest for case, rest in found.items() if rest}
    assert rests == {case: rest for case, rest in KNOWN_RESTS.items() if case[0] in names}


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["MobileNetV2", "ResNet50"])
def test_two_applications_at_their_own_size(name: str) -> None:
    report = crosscheck(shaped(application(name)), timeout=300)
    there = [peer for peer in report.peers if not peer.error.startswith("not installed")]
    if not there:
        pytest.skip("no peer is installed")
    for peer in there:
        assert not peer.error, (peer.name, peer.error)
        assert peer.explained, (peer.name, peer.remainder)
        assert peer.remainder == 0 or peer.name == "xla"


def test_xla_adds_up_in_32_bit_floats() -> None:
    if not installed("xla"):
        pytest.skip("jax is not installed")
    program = """
import jax
spec = jax.ShapeDtypeStruct
large, small, one = spec((4096, 4096), "float32"), spec((4096, 4), "float32"), spec((), "float32")
alone = jax.jit(lambda a, b: a @ b).lower(large, small).cost_analysis()["flops"]
more = jax.jit(lambda a, b, c: (a @ b, c + 1.0)).lower(large, small, one).cost_analysis()["flops"]
assert alone == more == 2 * 4096 * 4096 * 4 == 2**27, (alone, more)
"""
    subprocess.run(
        [sys.executable, "-c", program], check=True, env={**os.environ, **variables(PEERS["xla"])}
    )
