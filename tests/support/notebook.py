"""A notebook that is executed, and its outputs on a page with the theme of a notebook program.

The themes are the attributes and variables that JupyterLab 4 and VS Code put on a page; the values are
those of their own light and dark themes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

JUPYTERLAB = """<style>
body{--jp-content-font-family:system-ui,sans-serif;margin:0;padding:16px;
 background:var(--jp-layout-color0);font-size:14px}
[data-jp-theme-light=true]{--jp-content-font-color1:rgba(0,0,0,.87);--jp-layout-color0:white;
 --jp-rendermime-table-row-background:#eee}
[data-jp-theme-light=false]{--jp-content-font-color1:white;--jp-layout-color0:#111;
 --jp-rendermime-table-row-background:#333}
.jp-RenderedHTMLCommon{color:var(--jp-content-font-color1)}
.jp-RenderedHTMLCommon table{border-collapse:collapse;margin:0 auto 1em;table-layout:fixed}
.jp-RenderedHTMLCommon td,.jp-RenderedHTMLCommon th{text-align:right;padding:.5em;max-width:none}
.jp-RenderedHTMLCommon tbody tr:nth-child(odd){background:var(--jp-layout-color0)}
.jp-RenderedHTMLCommon tbody tr:nth-child(even){background:var(--jp-rendermime-table-row-background)}
</style>"""
VSCODE = """<style>
.vscode-light{--vscode-editor-foreground:#3b3b3b;--vscode-editor-background:#fff}
.vscode-dark{--vscode-editor-foreground:#ccc;--vscode-editor-background:#1f1f1f}
body{margin:0;padding:16px;color:var(--vscode-editor-foreground);
 background:var(--vscode-editor-background)}
</style>"""
THEMES = {
    "jupyterlab-light": (
        JUPYTERLAB,
        'data-jp-theme-light="true" data-jp-theme-name="JupyterLab Light"',
    ),
    "jupyterlab-dark": (
        JUPYTERLAB,
        'data-jp-theme-light="false" data-jp-theme-name="JupyterLab Dark"',
    ),
    "vscode-light": (VSCODE, 'class="vscode-light" data-vscode-theme-kind="vscode-light"'),
    "vscode-dark": (VSCODE, 'class="vscode-dark" data-vscode-theme-kind="vscode-dark"'),
}


def page(theme: str, outputs: Sequence[str]) -> str:
    """A page as the program shows the HTML outputs of a notebook."""
    style, attributes = THEMES[theme]
    cells = "".join(f'<div class="jp-RenderedHTMLCommon">{html}</div>' for html in outputs)
    return f"<!doctype html><html><head>{style}</head><body {attributes}>{cells}</body></html>"


def executed(cells: Sequence[str]) -> list[list[Any]]:
    """The outputs of each cell of a notebook that is run from top to bottom by a kernel of its own."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    return [cell["outputs"] for cell in notebook["cells"]]


def html_of(outputs: Sequence[Any]) -> list[str]:
    return [out["data"]["text/html"] for out in outputs if "text/html" in out.get("data", {})]
