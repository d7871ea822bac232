"""Build models in one process, those not in the cache.

Keras takes seconds to start; one process for each model would make a first build of the site slow.
``python -m records.prefetch NAME ...`` is that process.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def path_of(name: str) -> Path:
    """Where a model's graph is kept, at its own input size."""
    from keraudit.reading.applications import applications, cached_path
    from keraudit.reading.zoo import zoo_path
    from keraudit.zoo.names import zoo_model

    if name in applications():
        return cached_path(name, applications()[name].input_shape)
    model = zoo_model(name)
    if model is None:
        raise ValueError(f"no model is called {name!r}")
    return zoo_path(model, model.input_shape)


def prefetch(names: Sequence[str]) -> None:
    """Build those whose graph is not kept. What fails here fails again, and says why, on its page."""
    from keraudit.reading.cache import is_kept

    missing = [name for name in names if not is_kept(path_of(name))]
    if missing:
        words = [sys.executable, "-m", "records.prefetch", *missing]
        subprocess.run(words, check=False, stderr=subprocess.DEVNULL)


def main(names: Sequence[str]) -> None:
    from keraudit.reading.applications import applications
    from keraudit.reading.cache import store
    from keraudit.reading.keras_worker import application_json, use_backend, zoo_json

    use_backend(os.environ.get("KERAS_BACKEND"))
    for name in names:
        made = application_json(name) if name in applications() else zoo_json(name)
        store(path_of(name), made.encode())


if __name__ == "__main__":
    main(sys.argv[1:])
