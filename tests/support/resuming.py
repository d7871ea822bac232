"""Runs that are stopped and resumed; ``python resuming.py FOLDER STEPS CASE`` trains one to its end."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from toys import toy

OTHERS: dict[str, dict[str, Any]] = {
    "": {},
    "adamw": {"optimizer": "adamw", "learning_rate": 0.001},
    "mixed": {"cutout": 6, "mixup": 0.3},
}
TIMED = ("seconds", "images_per_s")


class StoppedError(Exception):
    """Raised where the run is to stop."""


def trained(folder: Path, case: str, steps: int, *, stop: int = 0) -> None:
    """Train to the end, or until epoch ``stop`` has begun; ``steps`` of JAX are one call."""
    from keraudit.training import jax_steps
    from keraudit.training.recipe import recipe
    from keraudit.training.train import train

    def watch(tick: Any) -> None:
        print("tick", tick.epoch, tick.step, flush=True)
        if tick.epoch == stop:
            raise StoppedError

    jax_steps.MOST_ON_CPU = steps
    name, _, other = case.partition(" ")
    train(
        "ResNet-CIFAR-8",
        toy(),
        recipe(name, epochs=4, batch=16, **OTHERS[other]),  # 6 steps an epoch
        seed=3,
        folder=folder,
        watch=watch,
        gradients_every=4 if other == "adamw" else None,
    )


def assert_alike(whole: Path, cut: Path, case: str) -> None:
    """Every weight, every number of the history, the evaluation and the gradients, to the last bit."""
    import numpy as np

    with np.load(whole / "checkpoint.npz") as a, np.load(cut / "checkpoint.npz") as b:
        assert a.files == b.files
        for key in a.files:
            if key != "state":
                assert (a[key] == b[key]).all(), key
    runs = [json.loads((folder / "run.json").read_text()) for folder in (whole, cut)]
    histories = [
        [{k: v for k, v in row.items() if k not in TIMED} for row in run["history"]] for run in runs
    ]
    assert histories[0] == histories[1]
    assert runs[0]["evaluation"] == runs[1]["evaluation"]
    assert runs[0].get("gradients") == runs[1].get("gradients")
    assert bool(runs[0].get("gradients")) == case.endswith("adamw")


def resumed(folder: Path, case: str, steps: int) -> None:
    """Train once in one go and once in two, all in this process, and compare."""
    whole, cut = folder / "whole", folder / "cut"
    trained(whole, case, steps)
    try:
        trained(cut, case, steps, stop=3)
    except StoppedError:
        assert not (cut / "run.json").exists()
        trained(cut, case, steps)
        assert_alike(whole, cut, case)
    else:
        raise AssertionError("the run did not stop")


if __name__ == "__main__":
    folder, steps, case, *rest = sys.argv[1:]
    (resumed if rest else trained)(Path(folder), case, int(steps))
