"""Bring records of an older form to today's: ``python analysis/records/rewrite.py FILE_OR_FOLDER ...``.

A run's record (``run.json``, or as published), its ``config.json`` and an experiment's ``plan.json`` are
rewritten in place, each whole or not at all. What was not always named in them, or had another name:

- the loss. It was taken from logits on TensorFlow, where Keras finds them behind probabilities, and on the
  other backends from probabilities, none of which counts as less than 1e-7: that loss is ``clipped``.
- fields of the recipe, which came one after another; what a recipe does not name was as ``UNNAMED`` says.
- the field ``normalize`` of the recipe, and the option of the command, which were spelt ``normalise``.
- the command ``keraudit experiment NAME``, which was ``report --run NAME``, and ``--fraction``, which was ``--budget``.

No number changes, and a record of today's form is left alone. A line for each file says what changed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from keraudit.errors import KerauditError
from keraudit.output.files import save
from keraudit.output.json_text import json_text
from keraudit.training.recipe import Recipe
from keraudit.training.record import Run
from keraudit.training.record_check import CLIPPED, LOGITS, checked

UNNAMED: Mapping[str, Any] = {
    "optimizer": "sgd",
    "clip_norm": 0.0,
    "cutout": 0,
    "mixup": 0.0,
    "size": None,
    "weights": None,
}
LOSSES: Mapping[str, str] = {"probabilities": CLIPPED}  # older names
FIELDS: Mapping[str, str] = {"normalise": "normalize"}
CLIPPING = ("jax", "torch")  # backends on which Keras does not find the logits


def main(arguments: Sequence[str]) -> int:
    """Rewrite what the command line names; 1 where a file could not be."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition(":")[0])
    parser.add_argument(
        "path", nargs="+", type=Path, help="a record, or a folder with some below it"
    )
    failed = False
    for path in files(parser.parse_args(arguments).path):
        try:
            changes = rewrite(path)
        except (KerauditError, OSError, ValueError) as error:
            print(f"{path}: left as it is: {error}", file=sys.stderr)
            failed = True
        else:
            if changes:
                print(f"{path}: {', '.join(changes)}")
    return int(failed)


def files(paths: Sequence[Path]) -> Iterator[Path]:
    """The JSON files named, and those below the folders named."""
    for path in paths:
        yield from sorted(path.rglob("*.json")) if path.is_dir() else [path]


def rewrite(path: Path) -> list[str]:
    """Rewrite one file; what changed, nothing for what is no such record or of today's form."""
    record = json.loads(path.read_text("utf-8"))
    if not is_ours(path, record):
        return []
    current, changes = rewritten(record)
    if not changes:
        return []
    kind = str(record.get("schema", ""))
    if kind.startswith("keraudit.run/"):
        order = [field.name for field in fields(Run)]
        current = {key: current[key] for key in sorted(current, key=order.index)}
        checked(current)  # what is written can be read
    is_published = kind.startswith("keraudit.run/") and path.name != "run.json"
    save(path, (json_text(current) if is_published else json.dumps(current, indent=1)) + "\n")
    return changes


def is_ours(path: Path, record: Any) -> bool:
    """Whether a file is one of the three."""
    if not isinstance(record, dict) or not isinstance(record.get("recipe"), dict):
        return False
    is_config = path.name == "config.json" and "backend" in record
    return is_config or str(record.get("schema")).startswith(("keraudit.run/", "keraudit.plan/"))


def rewritten(record: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A record in today's form, and what is new in it.

    Raises:
        ValueError: its recipe is not of this program.
    """
    names = [field.name for field in fields(Recipe)]
    recipe = {FIELDS.get(name, name): value for name, value in record["recipe"].items()}
    if unknown := sorted(recipe.keys() - set(names)):
        raise ValueError(f"its recipe has {unknown[0]!r}, which none has")
    added = [name for name in names if name not in recipe]
    if lost := [name for name in added if name not in UNNAMED]:
        raise ValueError(f"its recipe has no {lost[0]!r}, which every one had")
    changes = [f"recipe.{FIELDS[name]}, not {name}" for name in record["recipe"] if name in FIELDS]
    changes += [f"recipe.{name} = {json.dumps(UNNAMED[name])}" for name in added]
    loss = LOSSES.get(str(record.get("loss")), record.get("loss")) or _loss_of(record)
    if loss != record.get("loss"):
        changes.append(f"loss = {loss}")
    whole = {name: recipe.get(name, UNNAMED.get(name)) for name in names}
    current = {**record, "recipe": whole, "loss": loss}
    if (command := str(record.get("command", ""))) != (renamed := _with_options_of_today(command)):
        current["command"] = renamed
        changes.append(f"command = {renamed}")
    return current, changes


def _with_options_of_today(command: str) -> str:
    """A command with the names that it and its options have today."""
    for older, name in FIELDS.items():
        command = re.sub(rf"--{older}\b", f"--{name}", command)
    command = re.sub(r"^keraudit report (.*?)--run[ =](\S+)", r"keraudit experiment \1\2", command)
    return re.sub(r"--budget\b", "--fraction", command)


def _loss_of(record: Mapping[str, Any]) -> str:
    """What the loss was taken from in a record that does not name it: its backend decides."""
    backends = {record.get("backend"), *record.get("versions", ())}
    return CLIPPED if backends & {*CLIPPING} else LOGITS


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
