"""MODEL, as a user may write it, to an ``Architecture``."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keraudit.errors import ModelError
from keraudit.layers.rule_table import is_unknown
from keraudit.model.graph import Architecture, Shape
from keraudit.model.input_sizes import Requested
from keraudit.reading.archive import STREAM, read_file, read_stream
from keraudit.reading.bare_operations import with_layers_told
from keraudit.reading.config import architecture
from keraudit.reading.origin import packages_in
from keraudit.reading.tfjs import MANIFEST

if TYPE_CHECKING:
    from keraudit.reading.cache import Notify

STANDARD_INPUT = "-"  # in place of a file
RECORDED = Requested()
FILE_ENDINGS = (".keras", ".json", ".h5", ".hdf5", ".zip")
CALLABLE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def silent(message: str) -> None:
    """Say nothing."""


def resolve(
    model: Any,
    *,
    requested: Requested = RECORDED,
    closed: Collection[str] | None = (),
    imports: Sequence[str] = (),
    notify: Notify = silent,
) -> Architecture:
    """Read ``model``: a file, ``-`` for JSON on standard input, a name, ``package.module:callable``, or a live model.

    Args:
        model: what to read.
        requested: sizes that the user asked for; used where the model is only built, or traced, once
            its size is known.
        closed: classes of layers that are not opened where a live model is traced; ``None``: all.
        imports: packages whose classes a file names, to be imported in a process of its own.
        notify: told, in one line, what takes over a second.

    Raises:
        ModelError: nothing readable is meant by ``model``.
    """
    found = resolve_each(model, [requested], closed=closed, imports=imports, notify=notify)[0]
    if isinstance(found, ModelError):
        raise found
    return found


def resolve_each(
    model: Any,
    requests: Sequence[Requested],
    *,
    closed: Collection[str] | None = (),
    imports: Sequence[str] = (),
    notify: Notify = silent,
) -> list[Architecture | ModelError]:
    """Read ``model`` at several sizes, or the error at those that it does not work at.

    A file is read and the user's code is run once. Arguments and errors as for ``resolve``.
    """
    if not isinstance(model, str | os.PathLike):
        _no_imports(imports, "a live model has its classes")
        return [_live_or_error(model, requested, closed) for requested in requests]
    text = os.fspath(model)
    path = Path(text)
    if text == STANDARD_INPUT:
        _no_imports(imports, "standard input is not a file")
        return [_from_record(read_stream(sys.stdin.buffer), STREAM)] * len(requests)
    if text.lower().endswith(FILE_ENDINGS) or os.path.isfile(path):  # noqa: PTH113  # pathlib raises at a name too long
        if imports:
            from keraudit.reading.imports import read_with

            return read_with(path, imports, requests, closed, notify=notify)
        return [from_file(path, notify)] * len(requests)
    if _is_callable(text):
        from keraudit.reading.applications import read_callable

        _no_imports(imports, "package.module:callable imports its own")
        return read_callable(text, requests, closed, notify=notify)
    _no_imports(imports, f"{text[:60]} is a model by name")
    return [_from_name(text, path, requests[0].first, notify)] * len(requests)


def _live_or_error(
    model: Any, requested: Requested, closed: Collection[str] | None
) -> Architecture | ModelError:
    from keraudit.reading.applications import read_live

    try:
        return read_live(model, requested, closed)
    except ModelError as error:
        return error


def _no_imports(imports: Sequence[str], why: str) -> None:
    if imports:
        raise ModelError(f"--import (imports=) is for files with classes of a package; {why}")


def _is_callable(text: str) -> bool:
    """Whether ``text`` means ``package.module:callable``, and not a model of the zoo."""
    from keraudit.zoo.names import is_preset

    return bool(CALLABLE.fullmatch(text)) and not is_preset(text)


def _from_name(text: str, path: Path, first: Shape | None, notify: Notify) -> Architecture:
    """Read what is neither a file nor a callable: an application, a model of the zoo."""
    from keraudit.reading.applications import read_application
    from keraudit.reading.zoo import read_zoo
    from keraudit.zoo.names import zoo_model

    if name := application_name(text):
        return read_application(name, first, notify=notify)
    if network := zoo_model(text):
        return read_zoo(network, first, notify=notify)
    if os.sep in text or os.path.isdir(path):  # noqa: PTH112  # likewise
        return from_file(path, notify)
    raise ModelError(unknown_name(text))


def from_file(path: Path, notify: Notify) -> Architecture:
    record = with_layers_told(read_file(path), path)
    return with_weights(_from_record(record, str(path)), record, path, notify)


def _from_record(record: Mapping[str, Any], source: str) -> Architecture:
    try:
        found = architecture(record, source=source)
        return replace(found, packages=packages_in(record))
    except ModelError as error:
        raise ModelError(f"{source}: {error}") from None
    except RecursionError:
        raise ModelError(f"{source}: the config is nested too deep to be a model") from None


def with_weights(
    found: Architecture, record: Mapping[str, Any], path: Path, notify: Notify
) -> Architecture:
    """The architecture with the weights in its file, where it needs them and they can be read."""
    if MANIFEST not in record and not any(map(is_unknown, found.layers.values())):
        return found
    from keraudit.reading.weight_shapes import with_file_weights

    try:
        return with_file_weights(found, record, path)
    except ModelError as error:  # the config is whole: it is counted all the same
        notify(f"the weights in it are not read, so parameters may be a lower bound: {error}")
        return found


def application_name(text: str) -> str | None:
    """The application meant, as Keras spells it, or ``None``.

    >>> application_name("inception_v3"), application_name("resnet-50")
    ('InceptionV3', 'ResNet50')
    """
    from keraudit.model.fuzzy import plain
    from keraudit.reading.applications import applications

    word = plain(text)
    return next((name for name in applications() if plain(name) == word), None)


def unknown_name(text: str) -> str:
    from keraudit.model.fuzzy import near
    from keraudit.reading.applications import applications
    from keraudit.zoo.names import listed

    guess = near(text, [*applications(), *listed()])
    return (
        f"{text!r} is not a file and not a known model: {guess}'keraudit models' lists the names; a file"
        " ends in .keras, .json or .h5; your own code is package.module:callable"
    )
