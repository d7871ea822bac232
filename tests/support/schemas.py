"""The published JSON schemas: a record against the one that it names."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

FOLDER = Path(__file__).parents[2] / "site" / "schemas"


def file_of(schema: str) -> Path:
    """The file of a schema, ``keraudit.cost-2.json`` for ``keraudit.cost/2``."""
    return FOLDER / f"{schema.replace('/', '-')}.json"


@cache
def validator(schema: str) -> Draft202012Validator:
    contents = {path.name: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}
    registry: Any = Registry().with_resources(
        (name, Resource.from_contents(content)) for name, content in contents.items()
    )
    return Draft202012Validator(contents[file_of(schema).name], registry=registry)


def faults(record: Any) -> list[str]:
    """What is wrong with a record, or with any of a list; nothing if it is as published."""
    if isinstance(record, list):
        return [fault for one in record for fault in faults(one)]
    found = validator(record["schema"]).iter_errors(record)
    return [f"{'/'.join(map(str, one.absolute_path))}: {one.message[:200]}" for one in found]
