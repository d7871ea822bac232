"""Where a class in a file comes from: Keras, or a package that the file names; and how to count its layers."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from keraudit.layers.rule_table import LAYERS, rule_of
from keraudit.reading.serialised import text
from keraudit.safe_text import harmless

OF_KERAS = ("keras", "tf_keras", "keras_core")
NO_PACKAGE = ("", "Custom", "__main__", "builtins")  # Keras' own default, and a script's classes
UNUSED = (
    "compile_config",
    "training_config",
    "build_config",
)  # loss and optimizer are not part of the network
NAME = re.compile(r"(?=.{1,100}$)[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)  # fit for a command line


def kind_of(record: Mapping[str, Any]) -> tuple[str, str]:
    """The class name and, for Keras' own classes only, the module (else an empty string).

    Nodes of ``keras.ops`` get the prefix ``ops.``, for their class names repeat those of layers.
    """
    kind = text(record.get("class_name"))
    registered = record.get("registered_name")
    module = record.get("module", "keras.layers")
    if "keras_version" not in record and "module" not in record and ">" in kind:
        module = None  # Keras 2 writes a user's class as "package>Class"
    if not isinstance(module, str) or module.partition(".")[0] not in OF_KERAS:
        package, _, bare = text(str(registered or kind)).rpartition(">")
        if package == "keras":
            return bare, "keras.layers"
        return bare or kind, ""
    module = text(module)
    if ".ops" in module:
        return f"ops.{kind}", module
    if is_bare_operation(kind, record):
        return f"ops.{kind}", "keras.ops"
    return kind.rpartition(">")[2], module


def is_bare_operation(kind: str, record: Mapping[str, Any]) -> bool:
    """Whether a record without a module, as Keras 3 writes them to ``.h5``, is of an operation.

    A layer states whether it is trainable, an operation its own options alone. Merge layers, whose names
    operations repeat, are called on a list.

    >>> call = {"args": [{"class_name": "__keras_tensor__"}, 3], "kwargs": {}}
    >>> is_bare_operation("Multiply", {"config": {"name": "multiply"}, "inbound_nodes": [call]})
    True
    """
    config, calls = record.get("config"), record.get("inbound_nodes")
    if "module" in record or not isinstance(config, Mapping) or not isinstance(calls, list):
        return False
    if "trainable" in config or "name" not in config or rule_of(f"ops.{kind}") is None:
        return False
    if not calls or not all(isinstance(call, Mapping) for call in calls):  # Keras 2's notation
        return False
    first = calls[0].get("args")
    merges = isinstance(first, list) and bool(first) and isinstance(first[0], list)
    return not (merges and kind in LAYERS)


def package_of(record: Mapping[str, Any]) -> str:
    """The package of a record's class: that of its module, else that it is registered under.

    Empty for Keras' own classes, and where the file does not name one.

    >>> package_of({"module": "vision.models", "registered_name": "hub>Net", "class_name": "Net"})
    'vision'
    >>> package_of({"module": None, "registered_name": "hub>Net", "class_name": "Net"})
    'hub'
    """
    home = record.get("module")
    if isinstance(home, str) and home not in NO_PACKAGE and NAME.fullmatch(home):
        top = home.partition(".")[0]
        return "" if top in OF_KERAS else top
    name = record.get("registered_name") or record.get("class_name")
    package = name.rpartition(">")[0] if isinstance(name, str) else ""
    known = package in NO_PACKAGE or package in OF_KERAS or not NAME.fullmatch(package)
    return "" if known else package


def packages_in(record: Any) -> tuple[str, ...]:
    """The packages that the classes and functions in a model's record come from, in the file's order."""
    found: dict[str, None] = {}
    waiting = [record]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += reversed(value)
        elif isinstance(value, Mapping):
            if "class_name" in value and (package := package_of(value)):
                found[package] = None
            waiting += [item for key, item in list(value.items())[::-1] if key not in UNUSED]
    return tuple(found)


def how_to_open(packages: Sequence[str]) -> str:
    """What to type so that classes of these packages are counted by what they do, in words.

    >>> how_to_open(["keras_hub"])
    'add --import keras_hub (imports=["keras_hub"]), which runs the code of that package'
    """
    words = [import_word(package) for package in packages[:3]] or ["./FILE.py"]
    options = " ".join(f"--import {word}" for word in words)
    listed = ", ".join(f'"{word}"' for word in words)
    whose = "those packages" if len(words) > 1 else "that package"
    if not packages:
        whose = "the file that defines it"
    return f"add {options} (imports=[{listed}]), which runs the code of {whose}"


def import_word(package: str) -> str:
    """What ``--import`` takes for a package: a file of the working folder if one has its name."""
    return next((f"./{p}" for p in (f"{package}.py",) if os.path.isfile(p)), package)  # noqa: PTH113  # never raises


def without_graph(record: Mapping[str, Any]) -> str:
    """Why a record cannot be counted from the file alone, and what to pass instead."""
    kind = harmless(str(record["class_name"])[:200])
    registered = harmless(str(record.get("registered_name") or kind)[:200])
    bare, package = registered.rpartition(">")[2] or kind, package_of(record)
    home = record.get("module")
    if isinstance(home, str) and home.partition(".")[0] in OF_KERAS:
        return f"{kind!r} is one object of Keras, not a model: write Model.to_json() of the whole model"
    of = f" of package {package!r}" if package else ""
    return (
        f"{bare!r}{of} records no graph of layers, only what its constructor takes:"
        f" {how_to_open([package] if package else [])}"
    )
