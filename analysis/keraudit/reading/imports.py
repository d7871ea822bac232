"""Files whose layers come from a package that the user names: read in a process of its own.

Such a file records the arguments of a constructor, not a graph. Only the user can say whose code that is;
without ``--import`` nothing is ever imported. With it the package is imported, and the model built and
traced, in a process with limits of time and memory; what comes back is the record of a trace, which is
read like any other.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, NamedTuple

from keraudit import child_process
from keraudit._version import __version__
from keraudit.errors import ModelError, ShapeError
from keraudit.model.graph import Architecture
from keraudit.model.input_sizes import Requested
from keraudit.reading.archive import read_file
from keraudit.reading.cache import Notify, cache_folder, kept, keras_version, store
from keraudit.reading.config import architecture
from keraudit.reading.live_layers import with_live_facts

WORKER = "keraudit.building.import_worker"
SECONDS = 300.0  # importing, building and tracing together
MEMORY = 8 * 2**30  # bytes
PACKAGE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


class Package(NamedTuple):
    """A package to import: its name, the file or folder it lies in, and its release.

    ``version`` is empty for what is not an installed release: a file of the user's own, an editable
    installation. ``path`` is set where it is imported from a path and not from the environment.
    """

    name: str
    origin: str
    version: str = ""
    path: str = ""


def package(word: str) -> Package:
    """The package that ``--import`` names: from the environment, or a path such as ``./my_layers.py``.

    Nothing is imported here.

    Raises:
        ModelError: there is none, or it would take the place of an installed one.
    """
    if os.sep in word or word.endswith(".py"):
        return _from_path(word)
    if not PACKAGE.fullmatch(word):
        raise ModelError(
            f"--import (imports=) takes the name of a package, or a path such as ./my_layers.py; received {word!r}"
        )
    spec = _installed(word.partition(".")[0])
    if spec is None:
        here = next((p for p in (f"{word}.py", word) if os.path.exists(p)), None)  # noqa: PTH110
        advice = f"import ./{here}" if here else f"pip install {word.partition('.')[0]}"
        raise ModelError(f"no package {word!r} is installed in this environment: {advice}")
    places = list(spec.submodule_search_locations or ())
    origin = spec.origin or (places[0] if places else "built in")
    return Package(word, origin, _release(word.partition(".")[0], origin))


def _from_path(word: str) -> Package:
    path = Path(word)
    file = path / "__init__.py" if path.is_dir() else path
    if os.sep not in word:
        raise ModelError(
            f"write ./{word} to import a file of the working folder, received {word!r}"
        )
    if not file.is_file() or file.suffix != ".py":
        raise ModelError(
            f"--import (imports=) {word}: expected a .py file, or a folder with an __init__.py"
        )
    name = path.resolve().stem
    if not name.isidentifier():
        raise ModelError(
            f"--import (imports=) {word}: {name!r} is not a name that Python can import; rename it"
        )
    if (spec := _installed(name)) is not None:
        raise ModelError(
            f"--import (imports=) {word}: an installed package has the name {name!r} too ({spec.origin}); rename it"
        )
    return Package(name, str(file.resolve()), path=str(file.resolve()))


def _installed(name: str) -> Any:
    """Where a top-level package lies, the working folder left out."""
    import sys

    if name in sys.builtin_module_names:
        return PathFinder.find_spec("os")
    with suppress(ValueError, ImportError):
        return PathFinder.find_spec(name, child_process.paths(sys.path))
    return None


def _release(name: str, origin: str) -> str:
    """The release that a package was installed from, as ``name version``; empty if it may change."""
    from importlib.metadata import PackageNotFoundError, distribution, packages_distributions

    for owner in packages_distributions().get(name, ()):
        with suppress(PackageNotFoundError):
            found = distribution(owner)
            home = str(found.locate_file(""))
            direct = json.loads(found.read_text("direct_url.json") or "{}")
            local = "dir_info" in direct  # installed from a folder, editable or not
            if not local and os.path.realpath(origin).startswith(os.path.realpath(home)):
                return f"{owner} {found.version}"
    return ""


def read_with(
    path: Path,
    words: Sequence[str],
    requests: Sequence[Requested],
    closed: Collection[str] | None,
    *,
    notify: Notify,
) -> list[Architecture | ModelError]:
    """The architecture of a file whose classes are in the packages that ``words`` name.

    Returns:
        One for each request: a model is traced at its sizes. Where it does not work at those, the error.

    Raises:
        ModelError: a package cannot be imported, or the model cannot be built from the file.
    """
    read_file(path)  # a file without a model costs no import
    packages = [package(word) for word in dict.fromkeys(words)]
    options = {
        "packages": [[one.name, one.path] for one in packages],
        "requests": [requested.to_dict() for requested in requests],
        "closed": sorted(closed or ()),
        "memory": MEMORY,
    }
    cache_path = _cache_file(path, packages, options)
    found = _cached(cache_path, options) if cache_path else None
    if found is None:
        for one in packages:
            release = " ".join(filter(None, (one.name, one.version.rpartition(" ")[2])))
            notify(f"importing {release} from {one.origin}")
        data = _run(path, packages, options)
        found = json.loads(data)
        if cache_path:
            store(cache_path, json.dumps({"of": options, "found": found}).encode())
    return [_one(path, record) for record in found]


def _one(path: Path, record: Mapping[str, Any]) -> Architecture | ModelError:
    if "error" in record:
        kind = ShapeError if record.get("shape") else ModelError
        return kind(f"{path}: {record['error']}")
    read = architecture(record["model"], source=str(path), live=True)
    return with_live_facts(read, record["facts"])


def _run(path: Path, packages: Sequence[Package], options: Mapping[str, Any]) -> bytes:
    from keraudit.reading.child import ChildError, run_child

    names = ", ".join(one.name for one in packages)
    try:
        return run_child(WORKER, str(path), json.dumps(options), seconds=SECONDS, alone=True)
    except TimeoutError:
        raise ModelError(
            f"{path}: importing {names} and building the model took more than {SECONDS:g} s; it was ended"
        ) from None
    except ChildError as error:
        raise ModelError(
            f"{path}: the process that imports {names} ended without a result (code {error.code})"
        ) from None
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None


def _cache_file(path: Path, packages: Sequence[Package], options: Mapping[str, Any]) -> Path | None:
    """Where the result is cached; only for installed releases, which do not change under their version."""
    if not all(one.version for one in packages):
        return None
    with suppress(OSError):
        digest = sha256(path.read_bytes()).hexdigest()
        versions = [one.version for one in packages]
        key = json.dumps([__version__, keras_version(), versions, digest, options], sort_keys=True)
        return cache_folder() / "imports" / f"{sha256(key.encode()).hexdigest()}.json"
    return None


def _cached(file: Path, options: Mapping[str, Any]) -> Any:
    """The cached result, if it is what it claims to be."""
    with suppress(OSError, ValueError, KeyError, TypeError, ModelError):
        entry = json.loads(kept(file))
        if entry["of"] == json.loads(json.dumps(options)):
            return entry["found"]
    return None
