"""The small trained networks that ship.

Beside this file lie ``NAME.weights.h5`` (of ``Model.save_weights``) and ``NAME.json``, which says where
they are from: ``network``, ``dataset``, ``source``, ``fingerprint``, ``classes``, ``image_shape``, ``recipe``,
``seed``, ``test_error``, ``accuracy_originals`` where it was measured, and how an image is normalised, ``mean`` and ``scale``: a number, or one for each channel.
``records.bundle`` makes both from a finished run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from keraudit.model.fuzzy import plain

HOME = Path(__file__).parent
ENDING = ".weights.h5"


class Shipped(NamedTuple):
    """Weights that ship, and what is known of them."""

    path: Path
    about: Mapping[str, Any]

    def says(self) -> str:
        """Where the weights are from, in a line."""
        about = self.about
        error = about.get("test_error")
        found = f", test error {error:.2%}" if isinstance(error, float) else ""
        originals = about.get("accuracy_originals")
        if isinstance(originals, float):
            found += f", accuracy {originals:.1%} on {about['original_images']:,} originals"
        return f"Trained by this project on {about.get('dataset', 'images')}{found}."

    def normalized(self, images: Any) -> Any:
        """Bytes, (N, height, width, 3), as the network sees them."""
        import numpy as np

        mean, scale = (np.asarray(self.about[key], "float32") for key in ("mean", "scale"))
        return (images.astype("float32") - mean) / scale


def shipped_names() -> tuple[str, ...]:
    """The networks that ship with trained weights."""
    paths = sorted(HOME.glob(f"*{ENDING}"))
    return tuple(
        str(
            json.loads(path.with_name(f"{path.name.removesuffix(ENDING)}.json").read_text("utf-8"))[
                "network"
            ]
        )
        for path in paths
    )


def shipped(title: str) -> Shipped | None:
    """The weights of a network by name; ``None`` where none ship."""
    for path in sorted(HOME.glob(f"*{ENDING}")):
        name = path.name.removesuffix(ENDING)
        about = path.with_name(f"{name}.json")
        if plain(name) == plain(title) and about.is_file():
            return Shipped(path, json.loads(about.read_text("utf-8")))
    return None
