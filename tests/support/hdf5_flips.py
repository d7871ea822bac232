"""Copies of HDF5 files with bytes changed, and the process that reads each as keraudit's child would."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import keraudit
from keraudit.reading import hdf5

HOME = str(Path(keraudit.__file__).parents[1])
WAYS = ("config", "shapes", "copy")  # what is asked of each file, in this order
# Bounds as in the child, one process for many files: to start it takes longer than to read one.
CHILD = """
import sys
import h5py
from keraudit.reading import hdf5, hdf5_copy

hdf5.CPU_SECONDS = {"config": 1, "shapes": 1}
hdf5_copy.CPU_SECONDS = 1
for path in sys.argv[1:]:
    for what in ("config", "shapes"):
        print(hdf5.main([f"{path}.{what}", what, path]), flush=True)
    code = hdf5_copy.main([f"{path}.done", path, f"{path}.copy", "100000"])
    if code == 0:  # Keras opens the copy where no limit is
        with h5py.File(f"{path}.copy") as copy:
            found = []
            copy.visititems(lambda _, item: found.append(item) if hasattr(item, "dtype") else None)
            for item in found:
                try:
                    item[()]
                except OSError:
                    pass  # numbers that are packed wrongly
    print(code, flush=True)
"""


def flipped(whole: bytes, chance: random.Random) -> bytes:
    """A copy with one to three bytes changed; more of them near the start, where the structure is."""
    data = bytearray(whole)
    for _ in range(chance.randint(1, 3)):
        end = chance.choice((len(data), min(len(data), 4096), min(len(data), 512)))
        at = chance.randrange(end)
        value = chance.choice(
            (0, 1, 0xFF, chance.randrange(256), data[at] ^ 1 << chance.randrange(8))
        )
        data[at] = value
    if chance.random() < 0.05:
        del data[chance.randrange(len(data)) :]
    return bytes(data)


def codes_of(paths: Sequence[Path]) -> list[int]:
    """Exit codes of the child for every file, in each of the ``WAYS``; it is started anew when it dies."""
    codes: list[int] = []
    while len(codes) < len(WAYS) * len(paths):
        rest = map(str, paths[len(codes) // len(WAYS) :])
        done = subprocess.run(
            [sys.executable, "-c", CHILD, *rest],
            env={**os.environ, **hdf5.ENVIRONMENT, "PYTHONPATH": HOME},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=600,
        )
        assert "Traceback" not in done.stderr, done.stderr[-2000:]
        codes += map(int, done.stdout.split())
        if done.returncode:  # ended by its limit, or crashed: a line of the parent's
            assert done.returncode < 0, done.stderr[-2000:]
            if len(codes) == len(WAYS) * len(paths):  # as it closed, with every file read
                break
            codes += [done.returncode] * (len(WAYS) - len(codes) % len(WAYS))
    return codes
