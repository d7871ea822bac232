"""Take the census of Keras Applications: ``python -m keraudit.reading.census``.

Builds every class of ``keras.applications`` at its default size and writes ``applications.json``, the
record behind ``keraudit models``. To be run again when Keras adds an application.
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import Any

from keraudit.reading.applications import Application, cached_path, keras_version, store
from keraudit.reading.live import application_json, choose_backend

RECORD = Path(__file__).with_name("applications.json")


def names() -> list[str]:
    """The application classes that the installed Keras has, in its own spelling."""
    import keras

    return sorted(
        name
        for name, made in vars(keras.applications).items()
        if inspect.isfunction(made) and name[0].isupper()
    )


def census() -> dict[str, dict[str, Any]]:
    """Name, default input shape, layers, MACs and parameters of every application."""
    from keraudit.api import report_of
    from keraudit.reading.archive import parse
    from keraudit.reading.config import architecture
    from keraudit.shapes import shaped

    result = {}
    for name in names():
        text = application_json(name)
        report = report_of(shaped(architecture(parse(text, name), source=name)))
        (shape,) = report.input_shapes.values()
        row = Application(
            name=name,
            input_shape=shape,
            layers=len(report.layers),
            macs=report.total.macs,
            params=report.total.params,
        )._asdict()
        result[row.pop("name")] = row
        store(cached_path(name, shape), text.encode())
        sys.stderr.write(f"{name} at {shape}: {report.total.macs:,} MACs\n")
    return result


def main() -> None:
    import os

    os.environ["KERAS_BACKEND"] = choose_backend()
    record = {"keras": keras_version(), "applications": census()}
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
