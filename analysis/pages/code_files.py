"""Code that pages show: files of ``site/code``, which tests run."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path("site/code")


def shown(name: str) -> str:
    """A file as a block of code, its docstring left to the page's own words.

    Args:
        name: in ``site/code``.
    """
    text = (FOLDER / name).read_text("utf-8")
    _, _, body = text.partition('"""\n\n')
    return f'```python title="{name}"\n{body}```'
