"""Measure what the gradients page shows: ``python -m records.gradients [NAME ...]``.

Each case is one command, or one training that is watched. Its record goes to
``site/results/gradients``, slimmed: kernels of the first seed only. A record that is there is kept, so
that an interrupted run goes on where it stopped; to measure anew, delete it or name it. Trainings read
CIFAR-10 from ``KERAUDIT_DATA``, whatever ``keraudit train --data`` takes.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path("site/results/gradients")
CASES: Mapping[str, str] = {
    "resnet50-64": "ResNet50 --input-shape 64,64,3 --against without-skips --draws 5",
    "resnet50-64-corners": "ResNet50 --input-shape 64,64,3 --against corners --draws 5",
    "inceptionv3-96": "InceptionV3 --input-shape 96,96,3 --draws 5",
    "resnet-cifar-20-corners": "ResNet-CIFAR-20 --against corners --draws 5",
    "resnet-cifar-56-corners": "ResNet-CIFAR-56 --against corners --draws 5",
    "resnet-cifar-56-shattering": "ResNet-CIFAR-56 --against without-skips --draws 5 --shattering",
    "resnet-cifar-110-corners": "ResNet-CIFAR-110 --against corners --draws 5",
}
# Trainings, by the network.
WATCHED: Mapping[str, str] = {
    "resnet-cifar-56-training": "ResNet-CIFAR-56",
    "plain-cifar-56-training": "Plain-CIFAR-56",
}
STEPS, EVERY, BATCH, RATE = 200, 10, 32, 0.01


def command(name: str) -> str:
    """The command that measures a case."""
    if name in WATCHED:
        return f"python -m records.gradients {name}"
    return f"keraudit gradients {CASES[name]}"


def slim(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record without what no page shows: the kernels of all seeds but the first."""
    first = record["seeds"][0]
    profiles = [
        profile if profile["seed"] == first else {**profile, "layers": []}
        for profile in record["profiles"]
    ]
    return {**record, "profiles": profiles}


def _measured(name: str) -> dict[str, Any]:
    """Run a case in a process of its own and take its record from standard output."""
    words = [sys.executable, "-m", "keraudit", "gradients", *shlex.split(CASES[name])]
    done = subprocess.run([*words, "--format", "json"], stdout=subprocess.PIPE, check=True)
    return {**slim(json.loads(done.stdout)), "command": command(name)}


def watched(name: str) -> dict[str, Any]:
    """Train a network for a few steps by plain descent and watch its gradients."""
    import keras
    import numpy as np

    from keraudit.api import read
    from keraudit.audits.gradients.batches import standardized
    from keraudit.audits.gradients.callback import GradientAudit
    from keraudit.building.keras_model import build
    from keraudit.data.load import load
    from keraudit.environment import hardware_line

    data = load(os.environ.get("KERAUDIT_DATA", "cifar10"))
    drawn = np.random.default_rng(0).permutation(len(data.train))[: STEPS * BATCH + BATCH]
    x = standardized(data.train.images[drawn].astype("float32"))
    y = data.train.labels[drawn].astype("int32")
    keras.utils.set_random_seed(0)
    model = build(read(WATCHED[name]))
    model.compile(keras.optimizers.SGD(RATE), "sparse_categorical_crossentropy")
    watch = GradientAudit(every=EVERY, batch=BATCH, data=(x[-BATCH:], y[-BATCH:]))
    model.fit(x[:-BATCH], y[:-BATCH], batch_size=BATCH, verbose=0, shuffle=False, callbacks=[watch])
    record = watch.to_dict()
    return {
        **record,
        "model": WATCHED[name],
        "command": command(name),
        "data": data.name.replace(data.source, f"images in {Path(data.source).name}"),
        "fingerprint": data.fingerprint,
        "seeds": [0],
        "optimizer": f"plain descent, learning rate {RATE:g}, batch {BATCH}",
        "hardware": hardware_line(),
        "date": datetime.now(UTC).date().isoformat(),
        "steps": [{**entry, "layers": []} for entry in record["steps"]],
    }


def main(names: Sequence[str]) -> None:
    """Measure the cases named, or all whose record is not there."""
    from keraudit.output.files import save
    from keraudit.output.json_text import json_text

    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in names or [n for n in (*CASES, *WATCHED) if not (FOLDER / f"{n}.json").exists()]:
        sys.stderr.write(f"{name}: {command(name)}\n")
        record = watched(name) if name in WATCHED else _measured(name)
        save(FOLDER / f"{name}.json", json_text(record) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
