"""Exercises: counted on each page, folded, and left out of the search."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("mkdocs")

import markdown

from pages.exercises import NUMBER
from pages.hook import filled

EXTENSIONS = ["admonition", "attr_list", "md_in_html", "tables", "pymdownx.details"]
PAGE = """
{{ exercises.exercise("How many **filters** has
a 5×5?", "It has " ~ 4 * 8 ~ ".") }}

{{ exercises.exercise("And why?", "
Two paragraphs.

- a list
- of two
") }}
"""


@pytest.fixture
def page() -> str:
    text = filled(PAGE, "index.html")
    return markdown.markdown(text, extensions=EXTENSIONS)


def test_they_are_counted_from_one(page: str) -> None:
    assert re.findall(r'id="exercise-(\d+)"', page) == ["1", "2"]
    assert re.findall(r"<strong>(\d+)\.</strong>", page) == ["1", "2"]
    assert NUMBER not in page


def test_a_question_is_markdown_and_its_answer_is_folded(page: str) -> None:
    assert "<strong>filters</strong>" in page
    assert page.count("<summary>Answer</summary>") == 2
    assert re.search(r"<details[^>]*>\s*<summary>Answer</summary>\s*<p>It has 32\.</p>", page)
    assert "<li>a list</li>" in page


def test_the_search_leaves_them_out(page: str) -> None:
    assert len(re.findall(r'<div class="ka-exercise"[^>]*data-search-exclude', page)) == 2
