"""The notebook of five minutes on a page: its text, its code and what each cell gave."""

from __future__ import annotations

import json
from typing import Any

from records.notebook import NOTEBOOK, outputs


def shown() -> str:
    """The cells of the committed notebook, in their order."""
    notebook = json.loads(NOTEBOOK.read_text("utf-8"))
    results = iter(outputs(notebook))
    parts = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
        else:
            parts.append(f"```python\n{source}\n```")
            parts.extend(_result(each) for each in next(results))
    return "\n\n".join(parts)


def _result(found: dict[str, Any]) -> str:
    """One output: a report as a notebook shows it, everything else as text."""
    if "text/html" in found:
        # On one line: Markdown ends a block of HTML at an empty one.
        body = " ".join(line for line in found["text/html"].splitlines() if line.strip())
        return f'<div class="ka-cell" data-search-exclude>{body}</div>'
    text = found.get("stdout") or found.get("text/plain", "")
    return f"```text\n{text.rstrip()}\n```"
