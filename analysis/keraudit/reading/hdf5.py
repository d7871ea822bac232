"""HDF5 files: the model's config, and the shapes of its weights; read in a process of its own.

The HDF5 library was not written for files that one does not trust: some make it loop, ask for all
memory, or crash. So a child process reads, bounded in processor time and memory, and asks for kind and
size of everything before it reads it. Links to other files are never followed, data never read.

``python -m keraudit.reading.hdf5 OUT config FILE`` and ``... OUT shapes FILE`` are that process.
"""

from __future__ import annotations

import contextlib
import io
import json
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

from keraudit.errors import ModelError
from keraudit.output.numbers import mebibytes
from keraudit.reading.child import ChildError, run_child

LARGEST_CONFIG = 32 * 2**20  # bytes of the attribute ``model_config``
MOST_ENTRIES = 1_000_000  # groups, datasets and links
DEEPEST_GROUP = 200  # groups within groups; models within models take three each
LONGEST_NAME = 1_000  # bytes of a link or of a dtype's name
CPU_SECONDS = {"config": 2, "shapes": 30}  # 40,000 datasets take from 5 to 15
MEMORY = 3 * 2**27  # bytes of address space, on top of what the library itself takes
TOO_MUCH = f"is damaged: it asks for more than {mebibytes(MEMORY)} of memory"
OUT_OF_MEMORY = "after H5MM_"  # what the library says of a failed malloc
WALL_SECONDS = 120  # where processor time cannot be limited, or the file is slow to come

# Plug-ins unpack data, which is not read here; threads of numpy's would take address space for nothing.
ENVIRONMENT = {"HDF5_PLUGIN_PRELOAD": "::", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

H5Shapes = tuple[tuple[str, tuple[int, ...], str], ...]


def h5_config(path: Path) -> str:
    """The ``model_config`` of an HDF5 file that Keras saved a whole model to.

    Raises:
        ModelError: h5py is missing, the file is damaged, takes too long, or holds no such text.
    """
    return _read_in_child("config", path).decode()


def h5_shapes(path: Path, *, start: int = 0, length: int = 0) -> H5Shapes:
    """Path, shape and dtype of every dataset in an HDF5 file, without reading its numbers.

    With ``start`` and ``length`` the HDF5 file is that part of ``path``, as in a zip that stores it as
    it is. An empty group is listed too, with a slash at the end of its path, and no dtype.

    A dtype is named as numpy does, or as the dataset's own attribute ``dtype`` says, which Keras writes
    for types that HDF5 lacks (``bfloat16``). Datasets whose numbers are kept in other files are left
    out. In a path, bytes that are not UTF-8 are escaped; it is otherwise as the file has it.

    Raises:
        ModelError: h5py is missing, or the file is damaged, takes too long, or holds too many entries.
    """
    part = [str(start), str(length)] if length else []
    rows = json.loads(_read_in_child("shapes", path, *part))
    return tuple((name, tuple(shape), dtype) for name, shape, dtype in rows)


def _read_in_child(what: str, path: Path, *part: str) -> bytes:
    if find_spec("h5py") is None:
        raise ModelError(
            f"{path} is an HDF5 file; reading it needs h5py: pip install 'keraudit[h5]'"
        )
    try:
        return run_child(
            "keraudit.reading.hdf5",
            what,
            str(path),
            *part,
            seconds=WALL_SECONDS,
            environment=ENVIRONMENT,
        )
    except TimeoutError:
        raise ModelError(
            f"{path} is damaged: the HDF5 library did not end within {WALL_SECONDS} s; save it again"
        ) from None
    except ChildError as error:
        raise ModelError(f"{path} {end(error, CPU_SECONDS[what])}") from None
    except ModelError as error:
        raise ModelError(f"{path} {error}") from None


def end(error: ChildError, seconds: int) -> str:
    """What became of a child that gave no reason."""
    if error.code == -getattr(signal, "SIGXCPU", 0):
        return f"is damaged: the HDF5 library did not end within {seconds} s; save it again"
    if error.code < 0:
        return f"is damaged: the HDF5 library crashed (signal {-error.code}); save it again"
    return f"cannot be read: {error}"


# The child: from here on h5py is imported.


def main(arguments: Sequence[str]) -> int:
    """Write what ``arguments`` ask for; 0 when written, 3 with one line of reason."""
    out, what, name, *part = arguments
    try:
        result = READERS[what](Path(name), [int(edge) for edge in part])
    except ModelError as error:
        sys.stderr.write(f"\n{error}\n")
        return 3
    except MemoryError:
        sys.stderr.write(f"\n{TOO_MUCH}\n")
        return 3
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError) as error:
        message = " ".join(str(error).split())[:200]
        if OUT_OF_MEMORY in message:
            sys.stderr.write(f"\n{TOO_MUCH}\n")
            return 3
        sys.stderr.write(f"\nis damaged or cut short ({ascii(message)[1:-1]}); save it again\n")
        return 3
    Path(out).write_bytes(result)
    return 0


def limit(seconds: int) -> None:
    """Bound our own processor time and memory, where the platform lets us."""
    try:
        import resource
    except ImportError:  # Windows: the wall time is all
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    bounds = {
        resource.RLIMIT_CPU: int(used.ru_utime + used.ru_stime) + seconds,
        resource.RLIMIT_AS: _address_space() + MEMORY,
        resource.RLIMIT_CORE: 0,
    }
    for kind, bound in bounds.items():
        _, most = resource.getrlimit(kind)
        if most != resource.RLIM_INFINITY:
            bound = min(bound, most)
        with contextlib.suppress(OSError, ValueError):  # macOS bounds no address space
            resource.setrlimit(kind, (bound, most))


def _address_space() -> int:
    """Bytes of address space in use, as Linux counts them; elsewhere a guess on the high side."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        return pages * resource.getpagesize()
    except (OSError, ValueError, IndexError, ImportError):
        return 2**31


class Part(io.RawIOBase):
    """A part of a file as a file of its own, to be read."""

    def __init__(self, path: Path, start: int, length: int) -> None:
        self.file = path.open("rb")
        self.start, self.length, self.at = start, length, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.at = offset + {io.SEEK_CUR: self.at, io.SEEK_END: self.length}.get(whence, 0)
        return self.at

    def tell(self) -> int:
        return self.at

    def readinto(self, buffer: Any) -> int:
        self.file.seek(self.start + self.at)
        data = self.file.read(max(0, min(len(buffer), self.length - self.at)))
        buffer[: len(data)] = data
        self.at += len(data)
        return len(data)


def _opened(path: Path, seconds: int, part: Sequence[int] = ()) -> Any:
    """The file, or the part of it, opened for reading after the limits are set."""
    try:
        import h5py
    except ImportError as error:
        raise ModelError(
            f"is an HDF5 file; reading it needs h5py ({error}): pip install 'keraudit[h5]'"
        ) from None
    limit(seconds)
    return h5py.File(Part(path, *part) if part else path, "r")


def _read_config(path: Path, part: Sequence[int] = ()) -> bytes:
    with _opened(path, CPU_SECONDS["config"]) as file:
        text = _attribute(file.id, b"model_config", LARGEST_CONFIG)
    if text is None:
        raise ModelError("holds weights only, no model config: save the whole model as .keras")
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise ModelError(
            f"is damaged: its model_config is not UTF-8 text ({error.reason} at byte {error.start});"
            " save it again"
        ) from None
    return text


def _attribute(place: Any, name: bytes, most: int) -> bytes | None:
    """The text in an attribute, or ``None`` where there is no such attribute.

    Raises:
        ModelError: it is not one text, or has more than ``most`` bytes.
    """
    from h5py import h5a, h5s, h5t

    if not h5a.exists(place, name):
        return None
    found = h5a.open(place, name)
    shown = name.decode()
    kinds = {h5s.NULL: "empty", h5s.SIMPLE: f"an array of shape {str(found.shape)[:60]}"}
    if (kind := found.get_space().get_simple_extent_type()) != h5s.SCALAR:
        raise ModelError(f"holds as {shown} no text: it is {kinds.get(kind, 'damaged')}")
    written = found.get_type()
    if written.get_class() != h5t.STRING:
        raise ModelError(f"holds as {shown} no text but {class_name(written.get_class())}")
    if not written.is_variable_str() and written.get_size() > most:
        _too_long(shown, written.get_size(), most)
    # Text of variable length does not say its length before; the limit on memory stands guard.
    text = _text_of(found, written)
    if len(text) > most:
        _too_long(shown, len(text), most)
    return text


def _text_of(found: Any, written: Any) -> bytes:
    """Read one checked text, whatever characters it holds."""
    import numpy as np

    holder: Any = np.empty((), dtype=written.dtype)
    found.read(holder)
    text: Any = holder[()]
    if isinstance(text, str):
        return text.encode("utf-8", "surrogateescape")
    return bytes(text).rstrip(b"\0") if text is not None else b""


def class_name(number: int) -> str:
    from h5py import h5t

    names = {
        h5t.INTEGER: "an integer",
        h5t.FLOAT: "a number",
        h5t.REFERENCE: "a reference",
        h5t.COMPOUND: "a compound value",
        h5t.ENUM: "an enumeration",
        h5t.VLEN: "an array of variable length",
        h5t.ARRAY: "an array",
        h5t.OPAQUE: "opaque bytes",
        h5t.BITFIELD: "a bit field",
    }
    return names.get(number, "another kind of value")


def _too_long(name: str, size: int, most: int) -> NoReturn:
    raise ModelError(
        f"holds a {name} of {mebibytes(size)}; more than {mebibytes(most)} is refused, for no"
        " model's description is that long"
    )


def _read_shapes(path: Path, part: Sequence[int] = ()) -> bytes:
    with _opened(path, CPU_SECONDS["shapes"], part) as file:
        return json.dumps(list(Walk(file.id).datasets(file.id))).encode()


class Walk:
    """One pass over what a file itself holds."""

    def __init__(self, root: Any) -> None:
        from h5py import h5o

        self.left = MOST_ENTRIES
        self.seen: set[int] = {h5o.get_info(root).addr}  # of groups

    def datasets(
        self, group: Any, prefix: str = "", depth: int = 0
    ) -> Iterator[tuple[str, tuple[int, ...], str]]:
        """Every dataset in a group, in the file's order; no link is followed.

        A group that is linked from several places is listed under the first, so that no cycle is
        endless. Depth first, so that few groups are open at a time: many make the library slow.
        """
        from h5py import h5d, h5g, h5o

        if depth > DEEPEST_GROUP:
            raise ModelError(f"is damaged: groups are nested more than {DEEPEST_GROUP} deep")
        entries = _local_entries(group, self.left)
        if not entries and prefix:
            yield prefix, (), ""
        self.left -= len(entries)
        for name, address in entries:
            path = prefix + name.decode("utf-8", "backslashreplace")
            found = h5o.open(group, name)
            if isinstance(found, h5g.GroupID) and address not in self.seen:
                self.seen.add(address)
                yield from self.datasets(found, f"{path}/", depth + 1)
            elif isinstance(found, h5d.DatasetID) and not _is_external(found):
                yield path, _shape_of(found), _dtype_of(found)


def _local_entries(group: Any, most: int) -> list[tuple[bytes, int]]:
    """Name and address of what a group itself holds; links elsewhere, or to other files, are left out.

    In one pass: to ask for one name after the other takes the square of the time.
    """
    from h5py import h5l

    entries: list[tuple[bytes, int]] = []
    count = longest = 0

    def take(name: bytes, info: Any) -> bool:
        nonlocal count, longest
        count, longest = count + 1, max(longest, len(name))
        if info.type == h5l.TYPE_HARD:
            entries.append((name, info.u))
        return count > most or longest > LONGEST_NAME  # ends the pass

    group.links.iterate(take, info=True)
    if count > most:
        raise ModelError(f"holds more than {MOST_ENTRIES:,} groups, datasets and links")
    if longest > LONGEST_NAME:
        raise ModelError(f"is damaged: it holds a name of {longest:,} bytes")
    return entries


def _is_external(dataset: Any) -> bool:
    """Whether a dataset's numbers are in other files; asked before its shape, which may open them."""
    from h5py import h5d

    made = dataset.get_create_plist()
    return bool(made.get_layout() == h5d.VIRTUAL or made.get_external_count())


def _shape_of(dataset: Any) -> tuple[int, ...]:
    from h5py import h5s

    space = dataset.get_space()
    if space.get_simple_extent_type() == h5s.NULL:
        return (0,)
    return tuple(map(int, space.get_simple_extent_dims()))


def _dtype_of(dataset: Any) -> str:
    with contextlib.suppress(ModelError):
        if own := _attribute(dataset, b"dtype", LONGEST_NAME):
            return own.decode("utf-8", "backslashreplace")[:LONGEST_NAME]
    return str(dataset.dtype)[:LONGEST_NAME]


READERS: Mapping[str, Callable[[Path, Sequence[int]], bytes]] = {
    "config": _read_config,
    "shapes": _read_shapes,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
