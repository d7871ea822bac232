"""Many steps a call, as on an accelerator: they learn what single steps learn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("jax")
np = pytest.importorskip("numpy")

SCRIPT = """
import json, sys
sys.path[:0] = sys.argv[1:2]
from pathlib import Path
from toys import toy
from keraudit.errors import KerauditError
from keraudit.training import jax_steps
from keraudit.training.recipe import recipe
from keraudit.training.train import train

folder, found = Path(sys.argv[2]), {}
for most, device_images in ((1, None), (4, None), (2, 40)):  # of the last, 40 images are on the device
    jax_steps.MOST_ON_CPU = most
    ticks = []
    made = recipe("modern", epochs=3, batch=16, learning_rate=0.01)  # 6 steps an epoch
    run = train("ResNet-CIFAR-8", toy(), made, seed=1, folder=folder / str(most), device_images=device_images,
                watch=lambda tick: ticks.append([tick.epoch, tick.step]))
    found[most] = {"history": run.history, "evaluation": run.evaluation, "ticks": ticks}
    try:
        wild = recipe("he2015", epochs=1, batch=16, learning_rate=1e9)
        train("Plain-CIFAR-8", toy(), wild, seed=0, folder=folder / f"wild{most}", device_images=device_images)
    except KerauditError as error:
        found[most]["wild"] = str(error)
print(json.dumps(found))
"""


@pytest.mark.exhaustive
def test_many_steps_a_call_learn_as_single_steps(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(Path(__file__).parents[1] / "support"), str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "jax"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    one, *others = json.loads(done.stdout.splitlines()[-1]).values()
    assert "the loss is not finite at step" in one["wild"]
    for other, steps in zip(others, ((3, 6), (2, 4, 6)), strict=True):
        for a, b in zip(one["history"], other["history"], strict=True):
            for key in ("loss", "accuracy", "test_loss", "test_accuracy", "learning_rate"):
                assert a[key] == pytest.approx(b[key], rel=1e-3, abs=1e-6), key
        assert other["ticks"] == [[epoch, step] for epoch in (1, 2, 3) for step in steps]
        assert one["wild"] == other["wild"]
    with np.load(tmp_path / "1" / "checkpoint.npz") as a:
        for most in ("4", "2"):
            with np.load(tmp_path / most / "checkpoint.npz") as b:
                assert a.files == b.files
                for key in a.files:
                    if key != "state":
                        np.testing.assert_allclose(a[key], b[key], rtol=1e-3, atol=1e-4)


LOWERED = """
import sys
sys.path[:0] = sys.argv[1:2]
from toys import toy
from keraudit.training.augment import plan
from keraudit.training.recipe import recipe
from keraudit.training.trainer import Trainer
import numpy as np

texts = []
for changes in ({"epochs": 3}, {"epochs": 7, "learning_rate": 0.5, "warmup": 0.3, "ema": 0.5},
                {"epochs": 3, "weight_decay": 0.01},
                {"epochs": 3, "optimizer": "adamw", "learning_rate": 0.1},
                {"epochs": 5, "optimizer": "adamw", "learning_rate": 0.2}):
    trainer = Trainer("Plain-CIFAR-8", toy(), recipe("modern", batch=16, **changes), 0)
    state, loop = trainer.state, trainer.loop
    rows = plan(state.data.train, state.recipe, 0, 0)
    labels = np.stack([state.labels(state.data.train, part) for part in rows])
    rates = np.asarray(state.learning_rates(0), "float32")
    parts = (*loop.variables, state.model.metrics_variables)
    values = [[v.value for v in part] for part in parts]
    decay = np.float32(state.optimizer.ema_momentum)
    texts.append(loop.train.lower(values, loop.table.value, decay, (rows, labels, rates)).as_text())
print(texts[0] == texts[1], texts[0] == texts[2], texts[3] == texts[4])
"""


@pytest.mark.exhaustive
def test_another_rate_or_length_is_compiled_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOWERED, str(Path(__file__).parents[1] / "support")],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "jax"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == [
        "True",
        "False",
        "True",
    ]  # the decay of weights is part of the program
