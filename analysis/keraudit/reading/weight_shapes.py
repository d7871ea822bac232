"""The weights that a model file holds of layers that no rule knows: their shapes, never their numbers.

A ``.keras`` archive keeps them in ``model.weights.h5``, one group a layer, called after its class in the
order of the config (``keras/src/saving/saving_lib.py``); an ``.h5`` file in ``model_weights``, called
after the layer; TensorFlow.js lists them in its ``model.json``, by a path with the layer's name in it.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

from keraudit.errors import ModelError
from keraudit.model.graph import Architecture, Weight
from keraudit.reading.archive import check_index
from keraudit.reading.hdf5 import H5Shapes, h5_shapes
from keraudit.reading.origin import kind_of
from keraudit.reading.serialised import is_model, layer_name
from keraudit.reading.tfjs import MANIFEST, manifest_shapes

MEMBER = "model.weights.h5"
LOCAL_HEADER = 30  # bytes before the name; the lengths of name and extra field stand at 26 and 28


def with_file_weights(
    architecture: Architecture, record: Mapping[str, Any], path: Path
) -> Architecture:
    """Give each layer the weights that the file holds of it.

    Raises:
        ModelError: there are weights, and they cannot be read.
    """
    if MANIFEST in record:
        return _with_manifest(architecture, manifest_shapes(record[MANIFEST]))
    if path.suffix == ".json" or not (found := _stored(path)):
        return architecture
    packed = zipfile.is_zipfile(path)
    groups = list(_groups_of(record) if packed else _h5_groups(architecture))
    if not any(dtype for _, _, dtype in found):  # saved before it was built
        return architecture
    by_group = grouped(found, [group for _, group in groups])
    weights = {name: by_group[group] for name, group in groups if group in by_group}
    layers = {
        name: replace(layer, weights=weights[name]) if name in weights else layer
        for name, layer in architecture.layers.items()
    }
    return replace(architecture, layers=layers, stated_params=_params_in(found, packed))


def _with_manifest(architecture: Architecture, found: H5Shapes) -> Architecture:
    """The same for a manifest of TensorFlow.js: a layer's weights have its name as the first that fits.

    A layer without any has none, if every weight was found its layer.
    """
    found = tuple(row for row in found if counts(row[0], row[2]))
    if not found:
        return architecture
    own: dict[str, str] = {}
    for path in architecture.layers:
        name = path.rpartition("/")[2]
        own[name] = "" if name in own else path  # of two models within the model: neither is meant
    weights: dict[str, list[Weight]] = {path: [] for path in architecture.layers}
    lost = False
    for place, shape, dtype in found:
        parts = place.split("/")
        at = next((at for at, part in enumerate(parts[:-1]) if own.get(part)), None)
        if at is None:
            lost = True
        else:
            name = "/".join(parts[at + 1 :])
            weights[own[parts[at]]].append(Weight(name, shape, trainable=None, dtype=dtype))
    layers = {
        path: replace(layer, weights=None if lost and not weights[path] else tuple(weights[path]))
        for path, layer in architecture.layers.items()
    }
    params = sum(prod(shape) for _, shape, _ in found)
    return replace(architecture, layers=layers, stated_params=params)


def _params_in(found: H5Shapes, packed: bool) -> int:
    """The number of parameters that a file holds.

    An ``.h5`` file has a weight of two layers twice, under its own name behind the layer's.
    """
    home = "layers/" if packed else "model_weights/"
    sizes = {}
    for place, shape, dtype in found:
        if place.startswith(home) and counts(place, dtype):
            name = place if packed else place.split("/", 2)[-1]
            sizes[name] = prod(shape)
    return sum(sizes.values())


def counts(place: str, dtype: str) -> bool:
    """Whether an entry is a weight: no empty group, and not the state of a random seed."""
    return bool(dtype) and not any(part.startswith("seed_generator") for part in place.split("/"))


def _stored(path: Path) -> H5Shapes:
    """Every weight in a model file, by its place in the HDF5 part; empty if there is no such part."""
    if not zipfile.is_zipfile(path):
        return h5_shapes(path)
    check_index(path)
    try:
        with zipfile.ZipFile(path) as archive:
            if MEMBER not in archive.namelist():
                return ()
            info = archive.getinfo(MEMBER)
        if info.compress_type != zipfile.ZIP_STORED:
            raise ModelError(f"{MEMBER} in {path} is packed, as Keras never does")
        with path.open("rb") as file:
            file.seek(info.header_offset)
            header = file.read(LOCAL_HEADER)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from None
    lengths = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
    start = info.header_offset + LOCAL_HEADER + sum(lengths)
    return h5_shapes(path, start=start, length=info.file_size)


def _groups_of(
    record: Mapping[str, Any], prefix: str = "", group: str = ""
) -> Iterator[tuple[str, str]]:
    """The path of each layer in the graph with its group in ``model.weights.h5``."""
    times: dict[str, int] = {}
    config = record["config"]
    items: Sequence[Any] = config if isinstance(config, list) else config["layers"]
    sequential = record["class_name"] == "Sequential" or isinstance(config, list)
    for item in items:
        if sequential and item.get("class_name") == "InputLayer":
            continue
        kind, _ = kind_of(item)
        if kind.startswith("ops."):  # a node of the graph, no layer of the model
            continue
        name = _snake_case(kind)
        count = times[name] = times.get(name, -1) + 1
        here = f"{group}layers/{name}_{count}" if count else f"{group}layers/{name}"
        path = prefix + layer_name(item)
        if is_model(item):
            yield from _groups_of(item, f"{path}/", f"{here}/")
        else:
            yield path, here


def _h5_groups(architecture: Architecture) -> Iterator[tuple[str, str]]:
    """The same for an ``.h5`` file; layers of nested models stand in the outermost one's group.

    Keras 2 leaves that model's name out within it, Keras 3 repeats it.
    """
    for name in architecture.layers:
        outer, _, inner = name.partition("/")
        yield name, f"model_weights/{outer}/{inner}".removesuffix("/")
        if inner:
            yield name, f"model_weights/{outer}/{name}"


def grouped(found: H5Shapes, groups: Any) -> dict[str, tuple[Weight, ...]]:
    """The weights in each group, at any depth; a group without weights has none, one that is not there no entry.

    The state of random seeds is no weight of a layer.
    """
    homes = set(groups)
    result: dict[str, list[Weight]] = {}
    for place, shape, dtype in found:
        parts = place.split("/")
        heads = ("/".join(parts[:length]) for length in range(len(parts), 0, -1))
        home = next((head for head in heads if head in homes), None)
        if home is None:
            continue
        weights = result.setdefault(home, [])
        if counts(place, dtype):
            weights.append(Weight(place[len(home) + 1 :], shape, trainable=None, dtype=dtype))
    return {home: tuple(weights) for home, weights in result.items()}


def _snake_case(name: str) -> str:
    """A class name as Keras writes it in its files.

    >>> _snake_case("MyConv2D"), _snake_case("QDense"), _snake_case("LSTMCell")
    ('my_conv2d', 'q_dense', 'lstm_cell')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
