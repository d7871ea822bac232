"""The one place that imports Keras to read a model; run as a process of its own.

``python -m keraudit.reading.keras_worker OUT application NAME [299,299,3]``, the same with ``zoo``, and
``python -m keraudit.reading.keras_worker OUT callable package.module:name OPTIONS`` write the model's JSON
to OUT; OPTIONS are what ``read_callable`` asks for, as JSON. A failure is one line, the last on standard error, and exit code 3.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from keraudit.child_process import with_working_folder
from keraudit.errors import KerauditError, ModelError
from keraudit.model.fuzzy import suggestion
from keraudit.model.input_sizes import Requested
from keraudit.reading.arrays import packed
from keraudit.reading.live_errors import summary_of
from keraudit.reading.live_model import live_record
from keraudit.reading.unallocated import unallocated

USUAL = (224, 224, 3)
BACKENDS = ("tensorflow", "jax", "torch")


def choose_backend() -> str:
    """The backend the user configured if it is installed, else the first that is."""
    backend = os.environ.get("KERAS_BACKEND", "")
    if not backend:
        home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
        try:
            backend = str(json.loads((home / "keras.json").read_text()).get("backend", ""))
        except (OSError, ValueError, AttributeError):
            backend = ""
    installed = [name for name in BACKENDS if find_spec(name)]
    if backend in installed or (backend and backend not in BACKENDS):
        return backend
    if not installed:
        raise ModelError(
            "Keras needs a backend and none is installed: pip install 'keraudit[keras]'"
        )
    return installed[0]


def use_backend(backend: str | None) -> None:
    """Set the backend that Keras will import: the one wanted, else the one that is to be had.

    Raises:
        ModelError: it is not installed.
    """
    if backend and not find_spec(backend):
        raise ModelError(
            f"the backend {backend!r} is not installed: pip install {backend}, or choose another"
        )
    os.environ["KERAS_BACKEND"] = backend or choose_backend()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _begin_anew(keras: Any) -> None:
    """Names from one again, and the usual settings, whatever the user's ``keras.json`` says."""
    keras.utils.clear_session()
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


def application_json(name: str, shape: Sequence[int] | None = None) -> str:
    """The JSON of a Keras application, built without allocating a weight.

    ``shape`` leaves out the batch; by default Keras chooses it. Automatic layer names start anew.
    """
    import keras

    _begin_anew(keras)
    build = getattr(keras.applications, name)
    with keras.StatelessScope(initialize_variables=False):
        model = build(weights=None, input_shape=tuple(shape) if shape else None)
        if None in model.input_shape[1:]:  # MobileNetV3 leaves its size open
            model = build(weights=None, input_shape=USUAL)
    return str(model.to_json())


def zoo_json(name: str, shape: Sequence[int] | None = None) -> str:
    """The JSON of a model of the zoo, built without allocating a weight."""
    import keras

    from keraudit.zoo.names import zoo_model

    network = zoo_model(name)
    if network is None:
        raise ModelError(f"the zoo holds no {name!r}")
    module, _, function = network.builder.partition(":")
    build = getattr(importlib.import_module(module), function)
    _begin_anew(keras)
    with keras.StatelessScope(initialize_variables=False):
        model = build(**network.options, input_shape=tuple(shape or network.input_shape))
    return str(model.to_json())


def _callable_json(path: str, options: Mapping[str, Any]) -> str:
    """The record of the model that ``package.module:callable`` returns (or is), and facts of it."""
    if missing := missing_module(path.partition(":")[0]):
        raise ModelError(f"gave no model: there is no module {missing!r} here, nor installed")
    import keras  # first: a module of the working folder may bear the name of any that it needs

    with_working_folder()
    try:
        made = _made(path)
    except SystemExit as error:
        raise ModelError(f"gave no model: it called sys.exit({error.code!r:.60})") from None
    except Exception as error:  # the user's own code may raise anything
        raise ModelError(f"gave no model: {summary_of(error)}") from None
    if not isinstance(made, keras.Model):
        raise ModelError(
            f"gave no model: TypeError: it returned a {type(made).__name__}, not a keras.Model"
        )
    requests = map(Requested.from_dict, options["requests"])
    found = [_record_or_error(made, request, options["closed"]) for request in requests]
    return json.dumps(found, default=packed)


def missing_module(name: str) -> str:
    """The first part of a module's name that is not to be found, looked for without importing any.

    >>> missing_module("json.decoder"), missing_module("json.no.such"), missing_module("nosuch")
    ('', 'json.no', 'nosuch')
    """
    places: list[str] | None = None
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        word = ".".join(parts[:end])
        here = [os.path.realpath(os.curdir)] if places is None else places
        spec = PathFinder.find_spec(word, here) or next(
            filter(None, (f.find_spec(word, places) for f in sys.meta_path)), None
        )
        if spec is None:
            return word
        places = list(spec.submodule_search_locations or ())
    return ""


def _made(path: str) -> Any:
    """What the name stands for, called if it is a function or a class."""
    import keras

    module, _, attribute = path.partition(":")
    made: Any = importlib.import_module(module)
    for part in attribute.split("."):
        if not hasattr(made, part):
            public = [name for name in dir(made) if not name.startswith("_")]
            raise AttributeError(f"{module!r} has no {part!r}: {suggestion(part, public)}")
        made = getattr(made, part)
    if callable(made) and not isinstance(made, keras.Model):
        return unallocated(made)
    return made


def _record_or_error(
    model: Any, requested: Requested, closed: Collection[str] | None
) -> dict[str, Any]:
    """The record at the requested sizes, or the one line that says why there is none."""
    try:
        return live_record(model, requested, closed=closed)
    except (KerauditError, ValueError) as error:
        return {"error": " ".join(str(error).split())}


FORMS: Mapping[str, Callable[[str, Any], str]] = {
    "application": application_json,
    "zoo": zoo_json,
    "callable": _callable_json,
}


def main(arguments: Sequence[str]) -> int:
    """Write the JSON of what ``arguments`` name; 0 when written, 3 with one line of reason."""
    out, form, name, *rest = arguments
    options = json.loads(rest[0]) if rest else None
    try:
        use_backend(None)
        text = FORMS[form](name, options)
    except Exception as error:  # the user's own code may raise anything
        message = " ".join(str(error).split())
        kind = "" if isinstance(error, ModelError) else f"{type(error).__name__}: "
        print(f"\n{kind}{message[:400]}", file=sys.stderr)
        return 3
    Path(out).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
