"""Keras Applications by name: built once by Keras, read from the user's cache ever after."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from keraudit.errors import KerauditError, ModelError, ShapeError
from keraudit.model.graph import Architecture, Shape
from keraudit.model.input_sizes import Requested
from keraudit.model.shape_text import shape_text
from keraudit.reading.cache import (
    CachedBuild,
    Listed,
    Notify,
    cache_folder,
    keras_version,
    read_cached,
    run_live,
)
from keraudit.reading.config import architecture
from keraudit.reading.live_layers import with_live_facts

ORIGIN = "Keras"
# The smallest side that Keras takes (``obtain_input_shape``), known here so that nothing is built in vain.
SMALLEST_SIDE, SMALLEST_SIDES = 32, {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71}


@cache
def applications() -> Mapping[str, Listed]:
    """The 40 applications by name, from the record that ``records.names`` writes."""
    record = json.loads(Path(__file__).with_name("applications.json").read_text("utf-8"))
    return {
        name: Listed(name=name, **{**row, "input_shape": tuple(row["input_shape"])}, origin=ORIGIN)
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
    refuse_other_rank(name, shape, default)
    if shape != default:
        _check_size(name, shape, notify=notify)
    build = CachedBuild(
        form="application",
        name=name,
        shape=shape,
        source=f"keras.applications.{name} (Keras {keras_version()})",
        path=cached_path(name, shape),
    )
    return read_cached(build, notify=notify)


def _check_size(name: str, shape: Shape, *, notify: Notify) -> None:
    """Refuse at once what Keras would refuse after half a minute; where it is known, name the layer.

    Raises:
        ShapeError: it is smaller than the network takes.
    """
    from keraudit.layers.infer import shaped

    default = applications()[name].input_shape
    least = SMALLEST_SIDES.get(name, SMALLEST_SIDE)
    is_small = 0 < min(shape[:2]) < least
    more = f"{name} takes {least}x{least} pixels or more"
    if not is_small or cached_path(name, default).is_file():
        try:
            shaped(read_application(name, default, notify=notify), input_shapes=[shape])
        except ShapeError as error:
            raise ShapeError(f"{error}: {more}" if is_small else str(error)) from None
    if is_small:
        raise ShapeError(f"the input shape {shape_text(shape)} is too small: {more}")


def refuse_other_rank(name: str, shape: Sequence[int], usual: Sequence[int]) -> None:
    """Refuse a shape that lacks an axis, before anything is built for it.

    Raises:
        ShapeError: it has another number of sizes than the model's usual one.
    """
    if len(shape) != len(usual):
        raise ShapeError(
            f"{name} takes height, width and channels, such as {','.join(map(str, usual))}; received"
            f" {','.join(map(str, shape))} as --input-shape (input_shape=)"
        )


def cached_path(name: str, shape: Sequence[int]) -> Path:
    """The file that keeps an application's JSON at an input shape, for the installed Keras."""
    return cache_folder() / f"keras-{keras_version()}" / f"{name}-{shape_text(shape)}.json"


def read_callable(
    path: str, requests: Sequence[Requested], closed: Collection[str] | None, *, notify: Notify
) -> list[Architecture | ModelError]:
    """The architecture of the model that ``package.module:callable`` makes: runs the user's code, once.

    Returns:
        One for each request: a model is traced at its sizes. Where it does not work at those, the error.

    Raises:
        ModelError: the callable gives no keras.Model.
    """
    notify(f"calling {path}")
    options = {
        "requests": [requested.to_dict() for requested in requests],
        "closed": None if closed is None else sorted(closed),
    }
    try:
        data = run_live("callable", path, json.dumps(options))
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    return [_read_record(path, found) for found in json.loads(data)]


def _read_record(path: str, found: Mapping[str, Any]) -> Architecture | ModelError:
    if "error" in found:
        return ModelError(f"{path}: {found['error']}")
    return with_live_facts(architecture(found["model"], source=path, live=True), found["facts"])


def read_live(model: Any, requested: Requested, closed: Collection[str] | None) -> Architecture:
    """The architecture of a live ``keras.Model``; the model is not touched."""
    from keraudit.reading.live_model import live_record

    kind = type(model)  # an instance's own attributes may run code, and raise
    if not hasattr(kind, "get_config") or not hasattr(kind, "layers"):
        raise ModelError(f"expected a keras.Model, a file, or a name; received a {kind.__name__}")
    try:
        found = live_record(model, requested, closed=closed)
    except KerauditError:
        raise
    except (TypeError, ValueError) as error:
        raise ModelError(str(error)) from None
    return with_live_facts(
        architecture(found["model"], source="live model", live=True), found["facts"]
    )
