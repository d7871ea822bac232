"""Exercises at the end of a chapter: a numbered question, its answer folded below.

In a page, numbers of an answer come from the build, joined with ``~``:
``{{ exercises.exercise("How many?", "It is " ~ inline_values.macs("GoogLeNet") ~ ".") }}``.
"""

from __future__ import annotations

import re
from inspect import cleandoc
from itertools import count

from pages.markdown import folded

NUMBER = "ka-exercise-number"  # stands for the number until the whole page is known


def exercise(question: str, answer: str) -> str:
    """A question and its folded answer, both Markdown; the search leaves them out.

    Args:
        question: may run over several lines of the page.
        answer: the same; paragraphs, lists and tables are understood.
    """
    body = f"**{NUMBER}.** {cleandoc(question)}\n\n{folded('Answer', cleandoc(answer))}"
    return (
        f'<div class="ka-exercise" id="exercise-{NUMBER}" markdown data-search-exclude>\n\n'
        f"{body}\n\n</div>"
    )


def numbered(page: str) -> str:
    """A page whose exercises are counted from one.

    >>> page = numbered(exercise("Why?", "Because.") + exercise("How?", "So."))
    >>> re.findall(r"\\*\\*[0-9]+[.]\\*\\* [a-zA-Z]+", page)
    ['**1.** Why', '**2.** How']
    """
    numbers = count(1)
    return re.sub(
        rf'id="exercise-{NUMBER}"(.*?){NUMBER}',
        lambda found: f'id="exercise-{(at := next(numbers))}"{found[1]}{at}',
        page,
        flags=re.DOTALL,
    )
