"""Code that pages show: files of ``site/code``, which tests run."""

from __future__ import annotations

from pathlib import Path

from pages.markdown import folded

FOLDER = Path("site/code")


def shown(name: str) -> str:
    """A file as a block of code, folded, its docstring left to the page's own words; the search leaves it out.

    Args:
        name: in ``site/code``.
    """
    text = (FOLDER / name).read_text("utf-8")
    _, _, body = text.partition('"""\n\n')
    block = f'```python title="{name}"\n{body}```'
    return f"<div markdown data-search-exclude>\n\n{folded(f'The code: {name}', block)}\n\n</div>"
