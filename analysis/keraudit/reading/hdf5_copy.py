"""Weights in an HDF5 file from anyone, copied to one that Keras may open; by a process of its own.

HDF5 can lead a reader to any other file, hold it up for ever, or crash it. The copy holds groups, arrays
and attributes of numbers and text, and nothing else.

``python -m keraudit.reading.hdf5_copy OUT FILE COPY LARGEST`` is that process; to OUT it writes nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keraudit.errors import ModelError
from keraudit.output.numbers import mebibytes
from keraudit.reading.child import ChildError, run_child
from keraudit.reading.hdf5 import ENVIRONMENT, MEMORY, MOST_ENTRIES, end, limit

CPU_SECONDS = 60  # a gigabyte takes some three
WALL_SECONDS = 300  # where the disk is slow
PACKED_BY = frozenset({1, 2, 3})  # deflate, shuffle, Fletcher's checksum: what h5py itself offers


def copy_arrays(path: Path, to: Path, *, largest: int) -> None:
    """Copy what an HDF5 file itself holds to a new one.

    Args:
        path: the file, from anyone.
        to: the copy.
        largest: elements of an array; larger ones are left out.

    Raises:
        ModelError: something in it is kept elsewhere, or is not plain; or it is damaged.
    """
    words = (str(path), str(to), str(largest))
    try:
        run_child(
            "keraudit.reading.hdf5_copy", *words, seconds=WALL_SECONDS, environment=ENVIRONMENT
        )
    except TimeoutError:
        raise ModelError(
            f"the HDF5 library did not end within {WALL_SECONDS} s; save it again"
        ) from None
    except ChildError as error:
        raise ModelError(f"the file {end(error, CPU_SECONDS)}") from None


# The child: from here on h5py is imported.


def main(arguments: Sequence[str]) -> int:
    """Write the copy; 0 when written, 3 with one line of reason."""
    out, path, to, largest = arguments
    import h5py

    limit(CPU_SECONDS)
    try:
        with h5py.File(path, "r") as file, h5py.File(to, "w", libver="latest") as made:
            _copy(file, made, int(largest))
    except MemoryError:
        sys.stderr.write(f"\nit asks for more than {mebibytes(MEMORY)} of memory\n")
        return 3
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError) as error:
        message = " ".join(str(error).split())[:200] or type(error).__name__
        sys.stderr.write(f"\n{ascii(message)[1:-1]}\n")
        return 3
    Path(out).touch()
    return 0


def _copy(file: Any, out: Any, largest: int) -> None:
    """What Keras reads from the copy was checked here, wherever a damaged index leads other readers."""
    import h5py

    made: dict[Any, Any] = {_place_of(file): out}
    waiting: list[tuple[Any, Any]] = [(file, out)]
    while waiting:
        group, target = waiting.pop()
        _copy_attributes(group, target)
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"{name[:60]!r} is a link, where an array belongs")
            item = group[name]
            place = _place_of(item)
            if place in made:
                target[name] = made[place]
            elif isinstance(item, h5py.Group):
                made[place] = target.create_group(name)
                waiting.append((item, made[place]))
            elif isinstance(item, h5py.Dataset):
                if item.external or item.is_virtual:
                    raise ValueError(f"the numbers of {name[:60]!r} are kept in another file")
                _check_plain(name, item.id)
                _check_packing(name, item.id)
                _ = item.dtype  # raises for numbers that numpy has no type for
                if (item.size or 0) <= largest:
                    file.copy(item, target, name, without_attrs=True)
                    made[place] = target[name]
                    _copy_attributes(item, made[place])
            if len(made) > MOST_ENTRIES:
                raise ValueError(f"it holds more than {MOST_ENTRIES:,} groups and datasets")


def _copy_attributes(source: Any, target: Any) -> None:
    """Copy the attributes of a group or an array, all of them numbers or text."""
    for name in source.attrs:
        attribute = source.attrs.get_id(name)
        _check_plain(name, attribute)
        target.attrs.create(name, source.attrs[name], dtype=attribute.dtype)


def _check_plain(name: str, attribute: Any) -> None:
    """Refuse what is not of numbers or text: a reference leads to what no name leads to."""
    from h5py import h5t

    kinds = (h5t.INTEGER, h5t.FLOAT, h5t.STRING, h5t.ENUM, h5t.OPAQUE, h5t.BITFIELD)
    if attribute.get_type().get_class() not in kinds:
        raise ValueError(f"{name[:60]!r} holds neither numbers nor text")


def _check_packing(name: str, dataset: Any) -> None:
    """Refuse numbers that a plug-in packed: whoever reads the copy would look for it and load it."""
    made = dataset.get_create_plist()
    kinds = {made.get_filter(index)[0] for index in range(made.get_nfilters())}
    if not kinds <= PACKED_BY:
        raise ValueError(
            f"the numbers of {name[:60]!r} are packed by a filter that Keras never uses"
        )


def _place_of(item: Any) -> Any:
    """Where in its file a group or an array lies."""
    import h5py

    return h5py.h5o.get_info(item.id).addr


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
