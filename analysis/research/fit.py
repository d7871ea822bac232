"""What Keras' ``fit`` does on TensorFlow and a processor: passes that end late, steps that differ.

``python analysis/research/fit.py [--passes 10] [--steps 12] [--processes 3] [--record FILE]``. Two questions, each
asked of several fresh processes, one after another:

- passes: plain ``model.fit`` and ``model.predict`` of ResNet-CIFAR-20 on arrays, 10 steps a pass, and turn by turn the
  same on a data set that tf.data does not tune while it runs, as ``keraudit train`` feeds it. How long after its
  last step a pass returns.
- steps: ResNet-CIFAR-56, the same seed in every process, a hash of all variables after each step. Asked of
  TensorFlow as it is, of TensorFlow with one operation at a time, and of JAX. TensorFlow's deterministic
  kernels are on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.processes import keep, parsed

BATCH, PER_PASS = 128, 10
LATE_S = 0.1  # a pass that returns later than this after its last step has waited
ONE_AT_A_TIME = {"TF_NUM_INTEROP_THREADS": "1"}
WAYS = {
    "tensorflow": {"KERAS_BACKEND": "tensorflow"},
    "tensorflow, one operation at a time": {"KERAS_BACKEND": "tensorflow", **ONE_AT_A_TIME},
    "jax": {"KERAS_BACKEND": "jax"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--passes", type=int, default=10)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--part", choices=("passes", "steps"), help=argparse.SUPPRESS)
    options = parsed(parser)
    if options.part:
        print(
            json.dumps(passes(options.passes) if options.part == "passes" else steps(options.steps))
        )
        return
    tensorflow = {"KERAS_BACKEND": "tensorflow", **ONE_AT_A_TIME}
    of_passes = [child("passes", options.passes, tensorflow) for _ in range(options.processes)]
    results = {
        "batch": BATCH,
        "passes": {
            "network": "ResNet-CIFAR-20",
            "steps": PER_PASS,
            "processes": of_passes,
            "late": {
                name: sum(
                    p["wall_s"] - p["steps_s"] > LATE_S for made in of_passes for p in made[name]
                )
                for name in of_passes[0]
            },
            "of": options.passes * options.processes,
        },
        "steps": {
            "network": "ResNet-CIFAR-56",
            "ways": [
                {
                    "name": name,
                    **agreement(
                        child("steps", options.steps, env) for _ in range(options.processes)
                    ),
                }
                for name, env in WAYS.items()
            ],
        },
    }
    keep("keraudit.fit-benchmark/1", results, options.record)


def child(part: str, count: int, env: dict[str, str]) -> Any:
    """What a fresh process finds, with no setting of TensorFlow's threads but the one given."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith("TF_NUM_")}
    done = subprocess.run(
        [sys.executable, __file__, "--part", part, f"--{part}", str(count)],
        capture_output=True,
        text=True,
        env={**plain, "TF_CPP_MIN_LOG_LEVEL": "3", **env},
        check=False,
    )
    if done.returncode:
        sys.exit(f"failed: {part} with {env}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def agreement(processes: Any) -> dict[str, Any]:
    """The hashes of each process, and the first step after which not all agree, counted from 1."""
    hashes = list(processes)
    differing = [n for n, after in enumerate(zip(*hashes, strict=True), 1) if len(set(after)) > 1]
    return {
        "processes": hashes,
        "steps": len(hashes[0]),
        "first_difference": differing[0] if differing else None,
        "ended_alike": max(sum(h[-1] == other[-1] for h in hashes) for other in hashes),
    }


def passes(count: int) -> dict[str, list[dict[str, float]]]:
    """Seconds to the end of the steps, and to the return, of so many passes each way; the first compile."""
    import keras
    import numpy as np

    from keraudit.training.augment import keras_inputs
    from keraudit.training.networks import network
    from keraudit.training.recipe import recipe

    class Ends(keras.callbacks.Callback):  # type: ignore[misc]
        """When the steps were done."""

        at = 0.0

        def on_train_end(self, logs: object = None) -> None:
            self.at = time.perf_counter()

        def on_predict_end(self, logs: object = None) -> None:
            self.at = time.perf_counter()

    rng = np.random.default_rng(0)
    x = rng.standard_normal((BATCH * PER_PASS, 32, 32, 3)).astype("float32")
    y = np.eye(10, dtype="float32")[np.arange(len(x)) % 10]
    model = network("ResNet-CIFAR-20", classes=10, shape=(32, 32, 3), recipe=recipe("he2015"))
    model.compile(
        optimizer=keras.optimizers.SGD(0.1, momentum=0.9),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    ends = Ends()
    ways: dict[str, Callable[[], object]] = {
        "fit": lambda: model.fit(
            x, y, batch_size=BATCH, shuffle=False, verbose=0, callbacks=[ends]
        ),
        "fit, not tuned": lambda: model.fit(
            **keras_inputs(x, y, batch=BATCH), shuffle=False, verbose=0, callbacks=[ends]
        ),
        "predict": lambda: model.predict(x, batch_size=BATCH, verbose=0, callbacks=[ends]),
        "predict, not tuned": lambda: model.predict(
            **keras_inputs(x, batch=BATCH), verbose=0, callbacks=[ends]
        ),
    }
    times: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    for turn in range(count + 1):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            made = {"steps_s": ends.at - begun, "wall_s": time.perf_counter() - begun}
            if turn:
                times[name].append(made)
    return times


def steps(count: int) -> list[str]:
    """A hash of all variables after each of so many steps."""
    import numpy as np

    from keraudit.data.dataset import dataset
    from keraudit.training.augment import plan
    from keraudit.training.recipe import recipe
    from keraudit.training.step import TrainState

    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (BATCH * count, 32, 32, 3)).astype("uint8")
    labels = np.arange(len(pixels)) % 10
    data = dataset(
        name="random pixels",
        classes=[str(i) for i in range(10)],
        train=(pixels, labels),
        test=(pixels[:100], labels[:100]),
        source="benchmark",
    )
    settings = recipe("he2015", batch=BATCH, epochs=1)
    state = TrainState("ResNet-CIFAR-56", data, settings, 0)
    found = []
    for rows in plan(data.train, settings, 0, 0):
        state.single_step(rows)
        digest = hashlib.sha256()
        for variable in state.variables:
            digest.update(np.asarray(variable.value).tobytes())
        found.append(digest.hexdigest()[:12])
    return found


if __name__ == "__main__":
    main()
