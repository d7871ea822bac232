"""Inputs made wrong by chance end in an answer or a line; a failure names the command that repeats it.

``KERAUDIT_FUZZ_SEED=N`` starts from another seed, so that a longer search finds what this one does not.
"""

from __future__ import annotations

import os
import random
import resource
from pathlib import Path

import pytest

import fuzzing
from fuzzing import CASES, KINDS, HangError, bounded, case, check, fuzz, watched

START = int(os.environ.get("KERAUDIT_FUZZ_SEED", "0"))
PART = 100  # inputs in one test
# Inputs of each kind: in every run of the tests, and in the long one.
SHORT = {"structure": 700, "bytes": 300, "records": 300, "stored": 200, "toml": 200, "address": 200}
SHORT |= {"data": 100}
LONG = {kind: 10 * count for kind, count in SHORT.items()}
MEMORY = 500 * 2**20  # bytes that any of them may add to what the process holds


def parts(counts: dict[str, int], first: int) -> list[tuple[str, int]]:
    """The kind and the first seed of each part."""
    return [(kind, first + at) for kind, count in counts.items() for at in range(0, count, PART)]


def run(kind: str, first: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in range(first, first + PART):
        fuzz(kind, seed)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * 1024 < MEMORY


@pytest.mark.parametrize(("kind", "first"), parts(SHORT, START))
def test_an_answer_or_a_line(kind: str, first: int) -> None:
    run(kind, first)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("kind", "first"), parts(LONG, START + 10**6))
def test_an_answer_or_a_line_for_long(kind: str, first: int) -> None:
    run(kind, first)


@pytest.mark.parametrize("path", sorted(CASES.glob("*.json")), ids=lambda path: path.stem)
def test_what_once_went_wrong(path: Path) -> None:
    check(*case(path))


def test_two_thousand_inputs_are_tried() -> None:
    assert sum(SHORT.values()) >= 2_000
    assert sum(LONG.values()) >= 20_000
    assert SHORT.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_makes_the_same_input(kind: str) -> None:
    make = KINDS[kind].make
    first = [make(random.Random(seed)) for seed in range(20)]
    assert first == [make(random.Random(seed)) for seed in range(20)]
    assert len({*first}) > 10


def test_a_failure_names_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(data: bytes, folder: Path) -> None:
        raise KeyError("x")

    kind = fuzzing.Kind(lambda _: b"", broken)
    monkeypatch.setattr(fuzzing, "KINDS", {"odd": kind})
    with pytest.raises(AssertionError, match=r"KeyError: 'x'; again: python .*fuzzing\.py odd 17"):
        fuzz("odd", 17)


def test_the_watch_sees() -> None:
    with watched() as seen:
        Path("/dev/null").write_text("x")
        os.putenv("KERAUDIT_NOTHING", "1")
        with pytest.raises(ModuleNotFoundError):
            __import__("no_such_module_of_ours")
    assert [event.partition(" ")[0] for event in seen] == ["open", "os.putenv", "import"]
    with watched() as nothing:
        Path(__file__).read_text()
    assert nothing == []


def test_a_hang_is_ended() -> None:
    def wait_for_ever() -> None:
        while True:
            pass

    with pytest.raises(HangError), bounded(0.05):
        wait_for_ever()
