"""Take the census of what can be named: ``python -m records.names [applications | zoo]``.

Builds every class of ``keras.applications``, and every listed model of the zoo, at its default size,
and writes ``applications.json`` and ``zoo.json``, the records behind ``keraudit models``. To be run again
when Keras adds an application, or when the zoo changes.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keraudit
from keraudit.model.graph import Shape
from keraudit.reading.applications import cached_path
from keraudit.reading.cache import keras_version, store
from keraudit.reading.keras_worker import application_json, choose_backend, zoo_json
from keraudit.reading.zoo import zoo_path
from keraudit.zoo.names import listed, zoo_model

HOME = Path(keraudit.__file__).parent / "reading"


def names() -> list[str]:
    """The application classes that the installed Keras has, in its own spelling."""
    import keras

    return sorted(
        name
        for name, made in vars(keras.applications).items()
        if inspect.isfunction(made) and name[0].isupper()
    )


def _zoo_cached(name: str, shape: Shape) -> Path:
    model = zoo_model(name)
    assert model is not None, f"the zoo lists {name} and does not know it"  # noqa: S101  # our bug
    return zoo_path(model, shape)


def _census(
    found: Sequence[str], made: Callable[[str], str], path: Callable[[str, Shape], Path]
) -> dict[str, dict[str, Any]]:
    """Default input shape, layers, MACs and parameters of every model, by name."""
    from keraudit.api import report_of
    from keraudit.layers.infer import shaped
    from keraudit.reading.archive import parse
    from keraudit.reading.config import architecture

    result = {}
    for name in found:
        text = made(name)
        report = report_of(shaped(architecture(parse(text, name), source=name)))
        (shape,) = report.input_shapes.values()
        result[name] = {
            "input_shape": shape,
            "layers": len(report.layers),
            "macs": report.total.macs,
            "params": report.total.params,
        }
        store(path(name, shape), text.encode())
        sys.stderr.write(f"{name} at {shape}: {report.total.macs:,} MACs\n")
    return result


def write(key: str, rows: dict[str, dict[str, Any]]) -> None:
    record = {"keras": keras_version(), key: rows}
    path = HOME / f"{key}.json"
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def main(arguments: Sequence[str]) -> None:
    import os

    os.environ["KERAS_BACKEND"] = choose_backend()
    if "zoo" in arguments or not arguments:
        write("zoo", _census(listed(), zoo_json, _zoo_cached))
    if "applications" in arguments or not arguments:
        write("applications", _census(names(), application_json, cached_path))


if __name__ == "__main__":
    main(sys.argv[1:])
