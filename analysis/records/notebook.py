"""Run the notebook of five minutes and keep its outputs in it: ``python -m records.notebook``.

The site shows the file as it is committed; a test runs it again and compares.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

NOTEBOOK = Path("site/guide/five-minutes.ipynb")  # from the root, as every record
SECONDS = 600  # for one cell
# What differs from run to run, or from machine to machine, and says nothing.
_PASSING = ("execution_count", "id", "metadata")


def executed() -> Any:
    """The notebook, run from top to bottom by a kernel of its own."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]  # half of it has types
    client = NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", coalesce_streams=True)
    client.execute(env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
    return notebook


def outputs(notebook: Any) -> list[list[dict[str, str]]]:
    """What each code cell printed or returned, by its kind, lines joined."""
    return [
        [_output(each) for each in _said(cell)]
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    ]


def _said(cell: Any) -> list[Any]:
    """The outputs of a cell, without what its backend tells of the machine."""
    return [each for each in cell["outputs"] if each.get("name") != "stderr"]


def _output(found: Any) -> dict[str, str]:
    if found["output_type"] == "stream":
        return {str(found["name"]): _joined(found["text"])}
    if found["output_type"] == "error":
        return {"error": f"{found['ename']}: {found['evalue']}"}
    return {kind: _joined(text) for kind, text in found["data"].items()}


def _joined(text: str | Sequence[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def _kept(notebook: Any) -> dict[str, Any]:
    """The notebook as it is committed: nothing in it changes with the run."""
    cells = []
    for number, cell in enumerate(notebook["cells"]):
        kept = {k: v for k, v in cell.items() if k not in _PASSING}
        kept |= {"id": f"cell-{number}", "metadata": {}}
        if cell["cell_type"] == "code":
            made = [{**o, "metadata": {}} if "data" in o else {**o} for o in _said(cell)]
            for each in made:
                each.pop("execution_count", None)
                if each["output_type"] == "execute_result":
                    each["execution_count"] = None
            kept |= {"outputs": made, "execution_count": None}
        cells.append(kept)
    spec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": cells,
        "metadata": {"kernelspec": spec, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def main() -> None:
    text = json.dumps(_kept(executed()), indent=1, ensure_ascii=False)
    NOTEBOOK.write_text(f"{text}\n", "utf-8")


if __name__ == "__main__":
    main()
