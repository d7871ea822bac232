"""What a user's own code raised while a live model was read, as one line that names the layer at fault.

Keras wraps such errors in paragraphs of its own, and a backend may raise anything. The line names the layer,
its class with its module, the method, the error, and the next thing to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from types import FrameType
from typing import Any, NamedTuple

from keraudit.errors import KerauditError, ModelError
from keraudit.layers.own_counts import count_of

MOST_MESSAGE = 150  # characters of the user's error that are repeated
BOLD, PLAIN = "\x1b[1m", "\x1b[0m"  # around the original message, in errors that Keras wraps
TRACER = str(Path(__file__).with_name("trace.py"))
FORWARD = ("call", "build", "compute_output_shape", "compute_output_spec")
RULE = "mend it, or count its class by a rule (@keraudit.counts, --rules, rules=)"
SYMBOLIC = re.compile("KerasTensor (is symbolic|cannot be used as input to a TensorFlow)")
DIRECTLY = "its call uses TensorFlow directly: use keras.ops there, as in a functional model"
SIZE = "give another --input-shape (input_shape=), or mend what the model passes to it"


class Place(NamedTuple):
    """The layer that an error was raised in, and which of its methods."""

    layer: Any
    method: str


@contextmanager
def in_one_line(model: Any) -> Iterator[None]:
    """Turn whatever is raised inside into a ``ModelError`` that names the layer at fault.

    Raises:
        ModelError: one line; errors of our own pass unchanged.
    """
    try:
        yield
    except KerauditError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001  # the user's own code may raise anything
        raise failure(model, error) from None


def failure(model: Any, error: BaseException) -> ModelError:
    """The error as one line."""
    place = _place_of(error) or Place(model, "")
    layer, method = place
    known = summary_of(error)
    who = "model" if layer is model else "layer"
    said = f"its {method} raised {known}" if method else f"reading it raised {known}"
    return ModelError(
        f"{who} {name_of(layer)!r} ({class_of(layer)}): {said}; {_next_step(place, model, known)}"
    )


# Around what an error says: colours, Keras' first line, addresses and paths.
COLOR = re.compile(r"(\x1b|\\x1b)\[[0-9;]*m")
FRAME = re.compile(r"^Exception encountered when calling .*?\n\n", re.DOTALL)
PLACE = re.compile(r" at (0x|/)[^\s>,)]+")


def summary_of(error: BaseException) -> str:
    """The class and the original message of an error, on one line and not too long.

    >>> summary_of(ValueError("of\\nno use"))
    'ValueError: of no use'
    """
    message = _message_of(error)
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _message_of(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  # the user's own code may raise anything
        return ""
    text = text.rpartition(BOLD)[2].partition(PLAIN)[0]
    text = text.partition("Error encountered:")[2] or text
    text = FRAME.sub("", COLOR.sub("", text)).partition("Arguments received by")[0]
    text = PLACE.sub("", text)
    text = " ".join(text.split())
    return text if len(text) <= MOST_MESSAGE else f"{text[: MOST_MESSAGE - 3]}..."


def name_of(layer: Any) -> str:
    """A layer's name, which a property of the user's own may fail to give."""
    try:
        return str(layer.name)
    except Exception:  # noqa: BLE001  # the user's own code may raise anything
        return type(layer).__name__


def class_of(layer: Any) -> str:
    """A layer's class with its module; of Keras' own, the public name.

    >>> class_of(object())
    'builtins.object'
    """
    kind = type(layer)
    home = "keras.layers" if kind.__module__.startswith("keras.src.layers.") else kind.__module__
    return f"{home}.{kind.__qualname__}"


def _place_of(error: BaseException) -> Place | None:
    """The innermost layer, and the method of it, on the way to where an error was raised."""
    import keras

    found: Place | None = None
    for frame, _ in walk_tb(error.__traceback__):
        layer, method = _first_argument(frame), frame.f_code.co_name
        home, traces = _package(frame), frame.f_code.co_filename == TRACER
        if not isinstance(layer, keras.layers.Layer) or (home == "keraudit" and not traces):
            continue
        if home == "keras" or traces or not hasattr(type(layer), method):
            method = found.method if found and found.layer is layer else "call"
        found = Place(layer, method)
    return found


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _first_argument(frame: FrameType) -> Any:
    """What a function was called on: of a method its object, of the tracer's the layer that it calls."""
    names = frame.f_code.co_varnames[: frame.f_code.co_argcount]
    return frame.f_locals.get(names[0]) if names else None


def _next_step(place: Place, model: Any, message: str) -> str:
    layer, method = place
    if method not in FORWARD:
        return f"mend its {method}" if method else "mend it"
    if layer is model and "required positional argument" in message:
        return "give one --input-shape (input_shape=) for each of its inputs"
    if SYMBOLIC.search(message):
        return DIRECTLY
    if type(layer).__module__.startswith("keras."):
        return SIZE
    if layer is model:
        return "call it once on arrays of this size to see the whole error"
    return RULE if count_of(type(layer)) is None else "mend it, or give it a compute_output_shape"
