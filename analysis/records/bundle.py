"""Make the weights of a network that ships: ``python -m records.bundle RUN DATA``.

RUN is the folder of a finished run, DATA what it was trained on. Writes ``NAME.weights.h5`` and
``NAME.json`` into ``keraudit/zoo``. A network that was trained with the mean image taken off gets the mean of
each channel instead, which suits an image of any size; the test error is measured that way.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from keraudit.safe_text import file_name
from keraudit.zoo.trained_weights import ENDING, HOME


def ship(folder: Path, data: str, *, home: Path = HOME) -> Path:
    """Write a run's weights and where they are from.

    Raises:
        KerauditError: there is no finished run, or the data is not what it was trained on.
    """
    import numpy as np

    from keraudit.data.load import load
    from keraudit.evaluation.load import load_run
    from keraudit.output.files import save
    from keraudit.runs.folders import published

    network = load_run(folder, load(data))
    mean = np.round(np.asarray(network.mean).reshape(-1, network.mean.shape[-1]).mean(axis=0), 2)
    network = replace(network, mean=mean.astype("float32"))
    wrong = (
        network.probabilities(network.data.test.images).argmax(axis=-1) != network.data.test.labels
    )
    record: dict[str, Any] = published(network.run, network.run.note)
    name = file_name(network.run.network.lower())
    path = home / f"{name}{ENDING}"
    network.body.save_weights(path)
    about = {
        "network": network.run.network,
        "dataset": record["dataset"]["name"],
        **{
            key: record["dataset"][key]
            for key in ("source", "fingerprint", "classes", "image_shape")
        },
        "recipe": record["recipe"],
        "test_error": float(wrong.mean()),
        "test_error_of_the_run": record["evaluation"]["test_error"],
        **_on_originals(folder),
        "mean": mean.tolist(),
        "scale": network.scale.tolist(),
        **{key: record[key] for key in ("seed", "hardware", "versions", "date", "command")},
    }
    save(home / f"{name}.json", json.dumps(about) + "\n")
    return path


def _on_originals(folder: Path) -> dict[str, Any]:
    """The accuracy on the original images, where the run was evaluated on them."""
    from keraudit.evaluation.evaluate import read_evaluation

    evaluation = read_evaluation(folder)
    originals = evaluation.originals if evaluation else None
    if originals is None:
        return {}
    return {
        "accuracy_originals": originals["accuracy_originals"],
        "original_images": originals["images"],
    }


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit("python -m records.bundle RUN DATA")
    sys.stderr.write(f"{ship(Path(sys.argv[1]), sys.argv[2])}\n")
