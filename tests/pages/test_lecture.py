"""The lecture's total for the module with reductions, corrected line by line."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("mkdocs")
pytest.importorskip("keras")

from pages import reductions

ROOT = Path(__file__).parents[2]


@pytest.mark.usefixtures("at_the_root")
def test_the_lines_of_the_slide_add_up_to_what_is_said() -> None:
    positions, channels = 28 * 28, 256
    ones = [positions * filters * channels for filters in (64, 64, 128, 64)]
    three, five = positions * 192 * 9 * 64, positions * 96 * 25 * 64
    total = sum(ones) + three + five
    naive = positions * channels * (128 + 9 * 192 + 25 * 96)
    found = reductions.lecture_corrected()
    for product in (*ones, three, five, total, naive):
        assert f"{product:,}" in found
    assert f"**{total / 1e6:.0f} million**" in found
    assert f"{total:,} + {three:,} = {total + three:,}" in found
    assert (total + three) // 10**6 == 358  # what the slide reports
    assert f"**{naive / total:.2f}**, not {naive / 358e6:.2f}" in found


def test_it_stands_in_one_place_and_is_linked() -> None:
    anchor = "reductions.md#cs231ns-358m-ops-are-271"
    for page in ("inception", "teaching", "sources"):
        assert anchor in (ROOT / f"site/{page}.md").read_text("utf-8")
