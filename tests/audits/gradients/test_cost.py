"""A profile holds no more than the pass it is made of: the benchmark, once, on a larger batch."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tensorflow")
BENCHMARK = Path(__file__).parents[3] / "analysis" / "benchmarks" / "gradients.py"


@pytest.mark.exhaustive
def test_its_peak_memory_stays_within_that_of_a_training_step() -> None:
    """Allowed is 1.5 times. Its time is the benchmark's to say: a busy machine would decide here."""
    words = "--model ResNet-CIFAR-20 --size 32 --batch 256 --runs 1".split()
    done = subprocess.run(
        [sys.executable, BENCHMARK, *words], capture_output=True, text=True, check=True
    )
    ratios = re.search(r"^ratio +([\d.]+) +([\d.]+)$", done.stdout, re.MULTILINE)
    assert ratios is not None
    assert float(ratios[2]) <= 1.5
