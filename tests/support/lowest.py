"""The oldest release of each library that pyproject.toml allows, as pins: ``python lowest.py keras app``."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def lowest(extras: Iterable[str] = ()) -> list[str]:
    """The pins of what keraudit always needs, and of the extras, whose own extras are followed."""
    project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    lines = {*project["dependencies"]}
    for extra in extras:
        lines |= {*_lines(project["optional-dependencies"], extra)}
    return sorted(
        f"{name}=={version}"
        for name, version in (line.split(",")[0].split(">=") for line in lines if ">=" in line)
    )


def _lines(extras: dict[str, list[str]], extra: str) -> Iterator[str]:
    for line in extras[extra]:
        inner = re.fullmatch(r"keraudit\[(.+)\]", line)
        if inner is None:
            yield line
        else:
            for name in inner[1].split(","):
                yield from _lines(extras, name)


if __name__ == "__main__":
    print(*lowest(sys.argv[1:]))
