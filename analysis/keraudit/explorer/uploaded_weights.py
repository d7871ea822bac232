"""The weights in a ``.keras`` file, taken by the names of its layers.

The model that the file describes is never loaded: the network is built from the graph that was checked,
and of the file only arrays are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from keraudit.building.file_weights import MEMBER, most_elements
from keraudit.errors import KerauditError, ModelError
from keraudit.model.graph import Graph
from keraudit.output.numbers import mebibytes
from keraudit.reading.hdf5_copy import copy_arrays

LARGEST = 2**30  # bytes, unpacked; 200 million parameters take some 800 MB


def take(path: Path, model: Any, graph: Graph) -> None:
    """Give a network the weights in the file that its graph was read from.

    Args:
        path: the ``.keras`` file; files are made beside it.
        model: built from ``graph``, with its own inputs and outputs.
        graph: its layers, by path.

    Raises:
        KerauditError: there are none, they are damaged, or they are of other shapes.
    """
    sent, made = path.with_name("sent.weights.h5"), path.with_name("made.weights.h5")
    plain = path.with_name("plain.weights.h5")
    _unpack(path, sent)
    model.save_weights(made)
    try:
        copy_arrays(sent, plain, largest=most_elements(model))
        named = _by_name(plain, made, tuple(graph.architecture.layers))
        model.load_weights(made if named else plain)
    except (ModelError, ValueError, KeyError, TypeError, OSError, RuntimeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        raise KerauditError(f"the weights in the file cannot be read: {reason}") from None


def _unpack(path: Path, to: Path) -> None:
    """Write the weights of a ``.keras`` file to a file of their own."""
    import shutil
    import zipfile
    import zlib

    try:
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo(MEMBER)
            if info.file_size > LARGEST:
                raise KerauditError(
                    f"the weights in the file take {mebibytes(info.file_size)}; a page takes at"
                    f" most {mebibytes(LARGEST)}: use the command line"
                )
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise KerauditError(
                    "the weights in the file use an unsupported zip compression: save the model again with"
                    " Model.save"
                )
            with archive.open(info) as member, to.open("wb") as file:
                shutil.copyfileobj(member, file)
    except KeyError:
        raise KerauditError(
            "the file holds no weights: save the model with Model.save('model.keras')"
        ) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError) as error:
        raise KerauditError(f"the weights in the file are damaged: {error}") from None


def _by_name(sent: Path, made: Path, paths: tuple[str, ...]) -> bool:
    """Copy weights from one file to another, layer by layer; ``False`` if neither says names.

    Args:
        sent: as Keras saved it, models within models.
        made: of the same network laid flat: ``outer/inner`` is called ``outer_inner``.
        paths: of the layers.
    """
    import h5py

    with h5py.File(sent, "r") as source, h5py.File(made, "r+") as target:
        known, places = groups(source, paths), dict(named(target))
        if len(known) <= 1 or not places:
            if any("/" in path for path in paths):
                raise KerauditError(
                    "the file has nested models whose layers an older Keras stored without names: load the"
                    " model in a current Keras and save it again"
                )
            return False
        for path in paths:
            place = places.get(path.replace("/", "_"))
            for inner, array in arrays(place) if place is not None else ():
                stored = at(known.get(path), inner)
                if stored is None or stored.shape != array.shape:
                    raise KerauditError(
                        f"the file has no weights that fit layer {path!r} here: choose the input size"
                        " that the file records"
                    )
                array[...] = stored[...]
    return True


def groups(root: Any, paths: Iterable[str]) -> Mapping[str, Any]:
    """Layers in a file by path; only what ``paths`` name is opened, so no file leads in circles."""
    found = {"": root}
    folders = {p.rpartition("/")[0] for p in paths}
    folders |= {"/".join(f.split("/")[:n]) for f in folders for n in range(f.count("/") + 1)}
    for folder in sorted(folders, key=lambda path: path.split("/") if path else []):
        start = f"{folder}/" if folder else ""
        found |= {start + name: group for name, group in named(found.get(folder))}
    return found


def named(group: Any) -> Iterator[tuple[str, Any]]:
    """The layers of a model in a file, by the names that it says."""
    for key in layers if (layers := _local_item(group, "layers")) is not None else ():
        layer = _local_item(layers, key)
        own = _local_item(layer, "vars")
        name = own.attrs.get("name") if own is not None else None
        if isinstance(name, str):
            yield name, layer


def arrays(group: Any) -> Iterator[tuple[str, Any]]:
    """Every array in a layer, by its place."""
    import h5py

    for key, item in group.items():
        if isinstance(item, h5py.Dataset):
            yield key, item
        else:
            yield from ((f"{key}/{inner}", array) for inner, array in arrays(item))


def at(group: Any, place: str) -> Any:
    """The array at a place, or ``None`` if there is none, or if its numbers are kept elsewhere."""
    import h5py

    *outer, last = place.split("/")
    for key in outer:
        group = _local_item(group, key)
    found = _local_item(group, last, h5py.Dataset)
    return None if found is None or found.external or found.is_virtual else found


def _local_item(group: Any, key: str, kind: type | None = None) -> Any:
    """What a group itself holds under a key: no link to elsewhere is followed."""
    import h5py

    if group is None or not isinstance(group.get(key, getlink=True), h5py.HardLink):
        return None
    found = group[key]
    return found if isinstance(found, kind or h5py.Group) else None
