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

from keraudit.reading.applications import Application, cache_folder, keras_version, store
from keraudit.reading.live import choose_backend

USUAL = (224, 224, 3)
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
    import keras

    from keraudit.api import report_of
    from keraudit.reading.archive import parse
    from keraudit.reading.config import architecture
    from keraudit.shapes import shaped

    result = {}
    for name in names():
        build = getattr(keras.applications, name)
        keras.utils.clear_session()  # so that automatic names start anew, as in a process of its own
        with keras.StatelessScope(initialize_variables=False):
            model = build(weights=None)
            if None in model.input_shape[1:]:  # MobileNetV3 leaves its size open
                model = build(weights=None, input_shape=USUAL)
        text = model.to_json()
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
        size = "x".join(map(str, shape))
        store(cache_folder() / f"keras-{keras_version()}" / f"{name}-{size}.json", text.encode())
        sys.stderr.write(f"{name} {size}: {report.total.macs:,} MACs\n")
    return result


def main() -> None:
    import os

    os.environ["KERAS_BACKEND"] = choose_backend()
    record = {"keras": keras_version(), "applications": census()}
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
