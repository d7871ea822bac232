"""Records of gradients on this machine, read and checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from keraudit.audits.gradients.variants import BASELINE
from keraudit.errors import KerauditError
from keraudit.model.fuzzy import plain
from keraudit.output.numbers import mebibytes
from keraudit.safe_text import harmless, harmless_data

GRADIENTS, OVER_TRAINING = "keraudit.gradients/1", "keraudit.gradients-over-training/1"
LARGEST_RECORD = 64 * 2**20  # bytes


def results() -> tuple[Path, ...]:
    """Folders of published records: of the working directory, and of the checkout the code is in."""
    places = (Path.cwd(), Path(__file__).parents[3])
    found = dict.fromkeys((place / "site" / "results").resolve() for place in places)
    return tuple(path for path in found if path.is_dir())


def gradient_records() -> dict[str, Path]:
    """Records of gradients by name."""
    files = (path for folder in results() for path in sorted((folder / "gradients").glob("*.json")))
    return {harmless(path.stem): path for path in files}


def recorded_profiles(title: str) -> list[Mapping[str, Any]]:
    """The records of a model's gradients at initialisation whose first profile is of the model itself."""
    found = []
    for _, path in sorted(gradient_records().items(), reverse=True):
        try:
            one = record(path, GRADIENTS)
        except KerauditError:
            continue
        if plain(str(one.get("model"))) == plain(title) and one["profiles"][0]["label"] == BASELINE:
            found.append(one)
    return found


def record(path: Path, *schemas: str) -> Mapping[str, Any]:
    """A record, read anew when its file changes.

    Raises:
        KerauditError: it is damaged, or something else.
    """
    try:
        stamp = path.stat()
        if stamp.st_size > LARGEST_RECORD:
            raise KerauditError(f"{path.name} is larger than {mebibytes(LARGEST_RECORD)}")
        found = _parsed(path, stamp.st_mtime_ns)
    except (OSError, ValueError, RecursionError) as error:
        raise KerauditError(f"{path.name} is damaged: {error}") from None
    if not isinstance(found, dict) or found.get("schema") not in schemas:
        raise KerauditError(f"{path.name} is not a record of {' or '.join(schemas)}")
    return found


@lru_cache(maxsize=32)
def _parsed(path: Path, _written: int) -> Any:
    return harmless_data(json.loads(path.read_text("utf-8")))
