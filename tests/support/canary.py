"""Builds models from a file of configs while every sign of code that runs is watched; run by a test.

``python canary.py CASES OUT`` reads ``[[name, record, kind], ...]``, arms the hook once the records of kind
harmless and broken were built, builds all, and writes what was said and seen.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import keras

from keraudit.errors import KerauditError

CODE = ("compile", "exec", "marshal.loads", "code.__new__", "pickle.find_class", "ctypes.dlopen")
STARTS = ("socket.", "subprocess.", "os.system", "os.exec", "os.spawn", "os.posix_spawn", "os.fork")
CHANGES = (
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.putenv",
    "os.chmod",
    "shutil.",
    "urllib.",
)
SEEN: list[str] = []
ARMED = False
MODEL = ""


def hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not ARMED:
        return
    if event == "open" and arguments[0] != MODEL:
        SEEN.append(f"open {arguments[0]} {arguments[1]}")
    elif event == "import":
        SEEN.append(f"import {arguments[0]}")
    elif event in CODE or event.startswith(STARTS) or event.startswith(CHANGES):
        SEEN.append(f"{event} {str(arguments)[:80]}")


def state() -> tuple[Any, ...]:
    """What a function of Keras could have switched."""
    from keras.src.saving.serialization_lib import in_safe_mode

    switched = (keras.config.floatx(), keras.config.image_data_format(), keras.config.backend())
    return (*switched, keras.config.dtype_policy().name, in_safe_mode())


def ways(record: Any) -> list[str]:
    """What each way to a model said of a record: the check alone, its layers, and it as a whole."""
    from keraudit.api import read
    from keraudit.building.check import check
    from keraudit.building.file_weights import restored
    from keraudit.building.keras_model import build
    from keraudit.reading.config import architecture

    said = []
    for way in (
        lambda: check(architecture(record, source="")),
        lambda: build(read(MODEL, batch=2), allocate=False),
        lambda: restored(record, {}),
    ):
        try:
            way()
            said.append("")
        except KerauditError as error:
            said.append(str(error))
        except Exception as error:  # noqa: BLE001 - what is no error of ours is a finding
            said.append(f"CRASH {type(error).__name__}: {error}"[:300])
    return said


def main(cases: Path, out: Path) -> None:
    global ARMED, MODEL
    MODEL = str(out.with_name("model.json"))
    found = json.loads(cases.read_text())
    before = state()
    for _, record, kind in found:
        if kind in ("harmless", "broken"):  # what Keras and we import late
            Path(MODEL).write_text(json.dumps(record))
            ways(record)
    sys.addaudithook(hook)
    results = []
    for name, record, kind in found:
        Path(MODEL).write_text(json.dumps(record))
        SEEN.clear()
        ARMED = True
        said = ways(record)
        ARMED = False
        results.append([name, kind, said, list(SEEN), state() == before])
    SEEN.clear()
    ARMED = True
    compile("1", "canary", "eval")  # the hook itself is alive
    ARMED = False
    out.write_text(json.dumps({"alive": SEEN, "results": results}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
