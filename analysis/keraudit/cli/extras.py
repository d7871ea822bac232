"""The extra that a command needs, named in one line where it is missing."""

from __future__ import annotations

from importlib.util import find_spec

from keraudit.errors import KerauditError

# What each extra of pyproject.toml brings, by the names that are imported: a test holds the two together. The
# backend is missing from the list: Keras runs on any of three.
MODULES = {
    "keras": ("keras",),  # scipy is asked for where there are intervals
    "train": ("keras", "scipy", "PIL", "filelock"),
    "ray": ("ray",),
}


def require(extra: str) -> None:
    """Refuse to go on without an extra.

    Raises:
        KerauditError: a module of it is missing; the line says how it is installed.
    """
    missing = [name for name in MODULES[extra] if find_spec(name) is None]
    if missing:
        raise KerauditError(
            f"this command needs {', '.join(missing)}: pip install 'keraudit[{extra}]'"
        )
