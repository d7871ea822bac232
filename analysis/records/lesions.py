"""Measure lesions of trained ResNets: ``python -m records.lesions FOLDER [NAME ...]``.

FOLDER holds ``resnet-cifar-{20,32,44,56}.npz`` (arrays of PyTorch, see ``evaluation/pytorch_resnet.py``)
and ``cifar10-original-test-1017.npz``; two networks of 20 layers, residual and plain, ship. Each record in
``site/results/lesions`` is that of one command, with the gradient profile of the trained network beside that of
random initialisations added to it. Other parameters, or another accuracy on these images, stop the command before
anything is deleted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

FOLDER = Path("site/results/lesions")
ORIGINALS = "cifar10-original-test-1017.npz"
# Accuracy in percent on the 1,017 original test images, and trainable parameters.
EXPECTED: Mapping[str, tuple[str, int]] = {
    "resnet-cifar-20": ("91.64", 269_722),
    "resnet-cifar-32": ("92.82", 464_154),
    "resnet-cifar-44": ("93.41", 658_586),
    "resnet-cifar-56": ("92.72", 853_018),
}
# Trained alike by this project, by the name under which their weights ship.
OWN: Mapping[str, str] = {
    "own-resnet-cifar-20": "ResNet-CIFAR-20",
    "own-plain-cifar-20": "Plain-CIFAR-20",
}
NETWORKS = (*EXPECTED, *OWN)
IMAGES, LOSS = 32, "cross-entropy"  # of the gradient profiles


def command(name: str) -> list[str]:
    """The words that measure a network, in the folder of its weights."""
    if name in OWN:
        source, accuracy = OWN[name], _stated_accuracy(OWN[name])
    else:
        source, accuracy = f"{name}.npz", EXPECTED[name][0]
    return ["lesion", source, "--originals", ORIGINALS, "--expect", accuracy]


def _stated_accuracy(network: str) -> str:
    """What a network that ships is said to reach on the originals, in percent."""
    from keraudit.zoo.trained_weights import shipped

    found = shipped(network)
    if found is None:
        raise SystemExit(f"no weights of {network} ship: python -m records.bundle RUN DATA")
    return f"{100 * found.about['accuracy_originals']:.2f}"


def _lesions(name: str, folder: Path) -> dict[str, Any]:
    words = [sys.executable, "-m", "keraudit", *command(name), "--format", "json"]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=False, cwd=folder)
    if done.returncode:
        raise SystemExit(done.returncode)
    record: dict[str, Any] = json.loads(done.stdout)
    return {**record, "command": " ".join(("keraudit", *command(name)))}


def _profiles(name: str, folder: Path) -> dict[str, Any]:
    """The gradient's norm after each block, trained and at random initialisation.

    Raises:
        SystemExit: the network has other parameters than it should.
    """
    from keraudit.api import gradients
    from keraudit.evaluation.lesion_source import lesion_source

    source = Path(OWN[name]) if name in OWN else folder / f"{name}.npz"
    found = lesion_source(source, "", folder / ORIGINALS, IMAGES)
    if name in EXPECTED and found.params != EXPECTED[name][1]:
        raise SystemExit(f"{name} has {found.params:,} parameters, not {EXPECTED[name][1]:,}")
    data = (found.images, found.labels.astype("int32"))
    measured = partial(gradients, found.body, batch=IMAGES, data=data, loss=LOSS)
    trained = measured(own_weights=True).to_dict()
    initial = measured(seeds=(0, 1, 2)).to_dict()
    return {
        "images": IMAGES,
        "trained": [_by_block(profile) for profile in trained["profiles"]],
        "initial": [_by_block(profile) for profile in initial["profiles"]],
    }


def _by_block(profile: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"block": row["name"], "grad_norm": row["grad_norm"]} for row in profile["blocks"]]


def main(words: Sequence[str]) -> None:
    """Measure the networks named, or all of them."""
    from keraudit.environment import hardware_line
    from keraudit.output.files import save
    from keraudit.output.json_text import json_text

    if not words or not Path(words[0]).is_dir() or set(words[1:]) - {*NETWORKS}:
        raise SystemExit(
            f"python -m records.lesions FOLDER [NAME ...], of {', '.join(NETWORKS)};"
            f" received {' '.join(words) or 'nothing'}"
        )
    folder = Path(words[0])
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in words[1:] or NETWORKS:
        sys.stderr.write(f"{name}: {' '.join(command(name))}\n")
        profiles = _profiles(name, folder)
        record = {
            **_lesions(name, folder),
            "gradients": profiles,
            "hardware": hardware_line(),
            "date": datetime.now(UTC).date().isoformat(),
        }
        save(FOLDER / f"{name}.json", json_text(record) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
