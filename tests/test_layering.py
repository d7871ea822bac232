"""The plan of the house: what a room may import, no circles, and no imports hidden in functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ANALYSIS = Path(__file__).parents[1] / "analysis"

# A room imports from those on the lines above its own, and from itself.
FLOORS = """
safe_text child_process _version
errors
environment
model
layers output
zoo rewrite
reading
building
audits.cost
audits.reductions audits.structure audits.crosscheck audits.gradients
api
data
training
evaluation
runs
faces
explorer
cli
records
pages benchmarks
research
"""
LEVEL = {room: level for level, line in enumerate(FLOORS.split("\n")) for room in line.split()}
# `output` knows no question: of the rooms below it, it uses these.
OF_OUTPUT = {"safe_text", "errors", "model", "environment"}
# Where an import inside a function keeps the start short; `test_import.py` measures it.
SLOW_TO_START = ("cli", "api", "reading", "layers.rule_table", "__main__", "__init__")


class Import(NamedTuple):
    """``source`` imports ``target``, both full module names."""

    source: str
    target: str
    in_function: bool
    for_types: bool  # under TYPE_CHECKING: a circle is one for its reader too


def name_of(path: Path) -> str:
    parts = path.relative_to(ANALYSIS).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, ast.Module]:
    return {name_of(p): ast.parse(p.read_text()) for p in sorted(ANALYSIS.rglob("*.py"))}


def imports_of(
    source: str, node: ast.AST, *, in_function: bool = False, for_types: bool = False
) -> Iterator[Import]:
    """Those of a module, and of a part of it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ImportFrom) and child.module:
            for alias in child.names:
                whole = f"{child.module}.{alias.name}"
                target = whole if whole in modules() else child.module
                yield Import(source, target, in_function, for_types)
        elif isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(source, alias.name, in_function, for_types)
        else:
            inside = in_function or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            is_types = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            yield from imports_of(
                source, child, in_function=inside, for_types=for_types or is_types
            )


@cache
def imports() -> tuple[Import, ...]:
    every = (found for name, tree in modules().items() for found in imports_of(name, tree))
    return tuple(found for found in every if found.target in modules())


def room(module: str) -> str:
    """
    >>> room("keraudit.audits.cost.count"), room("keraudit.api"), room("pages.hook"), room("keraudit")
    ('audits.cost', 'api', 'pages', '__init__')
    """
    parts = module.split(".")
    if parts[0] != "keraudit":
        return parts[0]
    if len(parts) == 1 or parts[1] == "__main__":
        return "__init__"
    return ".".join(parts[1:3]) if parts[1] == "audits" else parts[1]


def test_every_room_has_its_floor() -> None:
    rooms = {room(name) for name in modules()}
    assert rooms == set(LEVEL) | {"__init__", "audits"}


def test_no_room_imports_from_a_room_above_it() -> None:
    climbs = [
        f"{found.source} imports {found.target}"
        for found in imports()
        if "__init__" not in (a := room(found.source), b := room(found.target))
        and a != b
        and (LEVEL[b] >= LEVEL[a] or (a == "output" and b not in OF_OUTPUT))
    ]
    assert not climbs


def test_there_are_no_import_circles() -> None:
    reads: dict[str, set[str]] = {name: set() for name in modules()}
    for found in imports():
        if room(found.source) != "__init__" and found.source != found.target:
            reads[found.source].add(found.target)
    list(TopologicalSorter(reads).static_order())  # raises CycleError, which names the circle


@cache
def imports_keras(module: str) -> bool:
    """Whether it loads Keras as it is imported, itself or by what it imports."""
    tree = modules()[module]
    named = {n.names[0].name for n in tree.body if isinstance(n, ast.Import)}
    at_once = (f for f in imports() if not f.in_function and not f.for_types)
    below = [f.target for f in at_once if f.source == module]
    return "keras" in named or any(map(imports_keras, below))


def test_imports_in_functions_are_there_for_the_start() -> None:
    hidden = [
        f"{found.source} imports {found.target}"
        for found in imports()
        if found.in_function
        and found.source.startswith("keraudit.")
        and not found.source.removeprefix("keraudit.").startswith(SLOW_TO_START)
        and room(found.source) not in SLOW_TO_START
        and not (imports_keras(found.target) and not imports_keras(found.source))
    ]
    assert not hidden


@pytest.mark.parametrize("folder", ["analysis", "tests"])
def test_files_are_small(folder: str) -> None:
    root = ANALYSIS.parent / folder
    lines = {p: len(p.read_text().splitlines()) for p in root.rglob("*.py")}
    assert not {str(p): n for p, n in lines.items() if n > 400}
