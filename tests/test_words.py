"""Phrases that no page, help text or error may hold: each has a term of the field in its place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from words import phrases_in

HOME = Path(__file__).parents[1]


def literals(source: str) -> Iterator[str]:
    """The strings of a module, each f-string with ``{}`` for what is filled in."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(getattr(part, "value", "{}")) for part in node.values)


def test_a_phrase_is_found_across_lines_and_parts_of_a_string() -> None:
    assert phrases_in("Drawn with fresh\n   weights") == ["fresh weights"]
    source = 'f"{path!r} is no"\\\n" file"'
    assert {phrase for text in literals(source) for phrase in phrases_in(text)} == {"is no file"}


@pytest.mark.parametrize("folder", ["analysis", "streamlit_app"])
def test_no_string_of_the_source_holds_one(folder: str) -> None:
    found = {
        (str(path.relative_to(HOME)), phrase)
        for path in (HOME / folder).rglob("*.py")
        for text in literals(path.read_text("utf-8"))
        for phrase in phrases_in(text)
    }
    assert found == set()


def test_no_page_holds_one() -> None:
    pages = [*HOME.glob("*.md"), *(HOME / "site").rglob("*.md"), *HOME.glob("analysis/**/*.html")]
    assert len(pages) > 20
    found = {
        (str(path.relative_to(HOME)), phrase)
        for path in pages
        for phrase in phrases_in(path.read_text("utf-8"))
    }
    assert found == set()
