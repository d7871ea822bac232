"""Builds and traces the model of a file with classes of packages that the user named.

Run as a process of its own, ``python -m keraudit.building.import_worker OUT FILE OPTIONS``. It has limits of
memory and file size, and ends with the process that started it. A failure is one line, the last on
standard error, and exit code 3.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from keraudit.building.file_weights import restored
from keraudit.errors import KerauditError, ModelError, ShapeError
from keraudit.model.input_sizes import Requested
from keraudit.reading.archive import read_file
from keraudit.reading.arrays import packed
from keraudit.reading.keras_worker import use_backend
from keraudit.reading.live_model import live_record

LARGEST_FILE = 2**30  # bytes that a file may have that is written here
FAILED = 3
END_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)


def _limit(memory: int) -> None:
    """End with the parent, and take no more than ``memory`` bytes; as far as the system has it."""
    with suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(END_WITH_PARENT, 9)
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _imported(name: str, path: str) -> Any:
    """Import a package, from the environment or from a path.

    Raises:
        ModelError: it raises, or exits; one line says what.
    """
    try:
        if not path:
            return importlib.import_module(name)
        folder = [str(Path(path).parent)] if Path(path).name == "__init__.py" else None
        spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=folder)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module
    except BaseException as error:  # noqa: BLE001  # the package's own code may raise anything, and exit
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"importing {name} failed ({type(error).__name__}: {reason})") from None


def _classes(packages: Sequence[tuple[str, Any]], record: Any) -> dict[str, Any]:
    """What a file may name: classes of the packages, and what they registered with Keras, by name.

    A class that is not registered is found where the file says it is, if that is in a package.
    """
    import keras

    names = tuple(name for name, _ in packages)
    found: dict[str, Any] = {}
    for key, item in keras.saving.get_custom_objects().items():
        if _is_of(item, names):
            found[key] = item
    for _, module in packages:
        for name, item in vars(module).items():
            if isinstance(item, type) and _is_of(item, names):
                found.setdefault(name, item)
    for home, name in _named_in(record):
        item = getattr(sys.modules.get(home), name, None)
        if isinstance(item, type) and _is_of(item, names):
            found.setdefault(name, item)
    return found


def _named_in(value: Any) -> Iterator[tuple[str, str]]:
    """The module and name of every class in a record."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping):
            home, name = item.get("module"), item.get("class_name")
            if isinstance(home, str) and isinstance(name, str):
                yield home, name
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _is_of(item: Any, packages: Sequence[str]) -> bool:
    home = str(getattr(item, "__module__", ""))
    return any(home == name or home.startswith(f"{name.partition('.')[0]}.") for name in packages)


def _model(record: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    """The model of a record, without memory for its weights where its constructor can do without."""
    import keras

    try:
        with keras.StatelessScope(initialize_variables=False):
            made = restored(record, known)
    except ModelError:
        keras.utils.clear_session()
        made = restored(record, known)
    for variable in made.variables:
        if variable.shape == () and variable._value is None:  # a number is no tensor until then
            variable._deferred_initialize()
    built = record.get("build_config")
    if isinstance(built, Mapping) and not getattr(made, "_build_shapes_dict", None):
        made._build_shapes_dict = _shapes(built)  # the size that a subclassed model was called with
    return made


def _shapes(built: Mapping[str, Any]) -> dict[str, Any] | None:
    """The shapes of a ``build_config``, by argument."""
    found = built.get("shapes_dict", built)
    return dict(found) if isinstance(found, Mapping) else None


def _record_or_error(model: Any, requested: Requested, closed: Sequence[str]) -> dict[str, Any]:
    try:
        return live_record(model, requested, closed=closed)
    except (KerauditError, ValueError) as error:
        found = " ".join(str(error).split())
        return {"error": found, "shape": isinstance(error, ShapeError)}


def found(path: Path, options: Mapping[str, Any]) -> str:
    """The records of a file's model at the requested sizes, as JSON; imports the packages here.

    Args:
        path: the file.
        options: what ``reading.imports`` asks for: packages, requests, closed classes.

    Raises:
        KerauditError: a package cannot be imported, or the model cannot be built.
    """
    use_backend(None)
    import keras  # first: no package may take the place of one that it needs

    record = read_file(path)
    packages = [(name, _imported(name, place)) for name, place in options["packages"]]
    keras.utils.clear_session()
    model = _model(record, _classes(packages, record))
    requests = map(Requested.from_dict, options["requests"])
    records = [_record_or_error(model, one, options["closed"]) for one in requests]
    return json.dumps(records, default=packed)


def main(arguments: Sequence[str]) -> int:
    """Write what was found; 0 when written, 3 with one line of reason."""
    out, path, words = arguments
    options = json.loads(words)
    _limit(options["memory"])
    try:
        text = found(Path(path), options)
    except BaseException as error:  # noqa: BLE001  # the user's own code may raise anything
        message = " ".join(str(error).split())
        kind = "" if isinstance(error, KerauditError) else f"{type(error).__name__}: "
        sys.stderr.write(f"\n{kind}{message[:400]}\n")
        return FAILED
    Path(out).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)  # threads that a package started do not hold it up
