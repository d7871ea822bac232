"""Keras Applications by name: built once by Keras, read from the user's cache ever after."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from keraudit.errors import KerauditError, ModelError, ShapeError
from keraudit.graph import Architecture
from keraudit.reading.archive import parse
from keraudit.reading.config import architecture

Notify = Callable[[str], None]


class Application(NamedTuple):
    """A network of ``keras.applications`` and its size at its default input, as Keras reports it."""

    name: str
    input_shape: tuple[int, ...]
    layers: int
    macs: int
    params: int


@cache
def applications() -> Mapping[str, Application]:
    """All 40, by name, from the record that ``keraudit models --refresh`` writes."""
    record = json.loads(Path(__file__).with_name("applications.json").read_text("utf-8"))
    return {
        name: Application(name=name, **{**row, "input_shape": tuple(row["input_shape"])})
        for name, row in record["applications"].items()
    }


def read_application(name: str, shape: Sequence[int] | None, *, notify: Notify) -> Architecture:
    """The architecture of a Keras application at an input shape (without batch).

    Some applications fix paddings by the input's parity when they are built, so another size is
    built anew, not merely inferred.

    Raises:
        ShapeError: the network collapses at this size, or Keras refuses it.
        ModelError: Keras is not installed.
    """
    default = applications()[name].input_shape
    shape = tuple(shape or default)
    if shape != default and len(shape) == len(default) and min(shape) > 0:
        from keraudit.shapes import shaped

        shaped(read_application(name, default, notify=notify), input_shapes=[shape])
    cached = cached_path(name, shape)
    source = f"keras.applications.{name} (Keras {keras_version()})"
    if cached.is_file():
        try:
            return architecture(parse(cached.read_bytes(), cached), source=source, title=name)
        except (KerauditError, OSError):
            pass  # a damaged cache is built anew
    text = "x".join(map(str, shape))
    notify(f"building {name} at {text} with Keras, once; kept in {cached.parent}")
    try:
        data = run_live("application", name, ",".join(map(str, shape)))
    except ModelError as error:
        raise ShapeError(f"Keras does not build {name} at {text}: {error}") from None
    store(cached, data)
    return architecture(parse(data, name), source=source, title=name)


def keras_version() -> str:
    """The installed Keras' version, without importing it."""
    spec = find_spec("keras")
    if spec is None or not spec.origin:
        raise ModelError(
            "Keras Applications are built by Keras, which is not installed:"
            " pip install 'keraudit[keras]', or audit a saved .keras file"
        )
    # the folder's name tells it at once; importlib.metadata costs more than the whole audit
    for folder in Path(spec.origin).parent.parent.glob("keras-*.dist-info"):
        return folder.name.removeprefix("keras-").removesuffix(".dist-info")
    from importlib.metadata import version

    return version("keras")


def cached_path(name: str, shape: Sequence[int]) -> Path:
    """The file that keeps an application's JSON at an input shape, for the installed Keras."""
    text = "x".join(map(str, shape))
    return cache_folder() / f"keras-{keras_version()}" / f"{name}-{text}.json"


def cache_folder() -> Path:
    """Where built graphs are kept: ``KERAUDIT_CACHE``, else the platform's cache folder."""
    if chosen := os.environ.get("KERAUDIT_CACHE"):
        return Path(chosen)
    from platformdirs import user_cache_path

    return user_cache_path("keraudit", appauthor=False)


def store(path: Path, data: bytes) -> None:
    """Write whole or not at all; a cache that cannot be written is no error."""
    import tempfile

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(data)
        Path(file.name).replace(path)
    except OSError:
        pass


def run_live(*arguments: str) -> bytes:
    """Run ``keraudit.reading.live`` in its own process; its JSON.

    A process of its own keeps Keras' memory, its start-up messages and the user's prints out of ours.
    """
    import subprocess
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "model.json"
        paths = [str(Path.cwd()), *(p for p in sys.path if p)]
        done = subprocess.run(
            [sys.executable, "-m", "keraudit.reading.live", str(out), *arguments],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode == 0 and out.is_file():
            return out.read_bytes()
    lines = done.stderr.strip().splitlines()
    if done.returncode == 3 and lines:
        raise ModelError(lines[-1])
    raise ModelError(
        f"the process ended with code {done.returncode}: {(lines or ['no message'])[-1]}"
    )


def read_callable(path: str, shape: Sequence[int] | None, *, notify: Notify) -> Architecture:
    """The architecture of the model that ``package.module:callable`` makes: runs the user's code."""
    notify(f"calling {path}")
    sizes = [",".join(map(str, shape))] if shape else []
    try:
        data = run_live("callable", path, *sizes)
    except ModelError as error:
        raise ModelError(f"{path} gave no model: {error}") from None
    return architecture(parse(data, path), source=path)


def read_live(model: Any, shape: Sequence[int] | None) -> Architecture:
    """The architecture of a live ``keras.Model``, through the same JSON; the model is not touched."""
    from keraudit.reading.live import model_json

    try:
        data = model_json(model, shape)
    except (AttributeError, ImportError):
        raise ModelError(
            f"expected a keras.Model, a file, or a name; received a {type(model).__name__}"
        ) from None
    except ValueError as error:
        raise ModelError(str(error)) from None
    return architecture(parse(data, "the model"), source="live model")
