"""A grid as HTML: a fragment for notebooks, or one self-contained file with sortable columns."""

from __future__ import annotations

from html import escape

from keraudit.output.palette import BLUE, DARK_PAGE, LIGHT_PAGE, SKY
from keraudit.output.table import Column, Grid, Line, full_bar, shown, written

COLORS = f"""
.keraudit{{{LIGHT_PAGE};--bar:{BLUE.lower()};--warn:#9a6700;
 font:14px/1.5 system-ui,sans-serif;color:var(--ink)}}
@media (prefers-color-scheme:dark){{.keraudit{{{DARK_PAGE};
 --bar:{SKY.lower()};--warn:#e3b341}}}}
"""
# Within a notebook: its own colours, by the names that JupyterLab, VS Code and Colab give them. Text is
# drawn in the colour around it, and every other colour is mixed with that: no theme leaves it unseen.
NOTEBOOK_COLORS = f"""
.keraudit{{--ink:var(--jp-content-font-color1,var(--vscode-editor-foreground,var(--colab-primary-text-color,inherit)));
 --soft:color-mix(in srgb,currentColor 72%,transparent);--rule:color-mix(in srgb,currentColor 22%,transparent);
 --bar:color-mix(in srgb,{BLUE.lower()} 75%,currentColor);--warn:color-mix(in srgb,#d98200 55%,currentColor);
 font:14px/1.5 var(--jp-content-font-family,system-ui,sans-serif);color:var(--ink)}}
.keraudit table{{table-layout:auto;margin:0;color:inherit;font-size:inherit}}
.keraudit summary{{cursor:pointer;color:var(--soft)}}
"""
RULES = """.keraudit .scroll{overflow-x:auto}
.keraudit table{border-collapse:collapse;font-variant-numeric:tabular-nums}
.keraudit caption{text-align:left;padding:0 0 .6em}
.keraudit th,.keraudit td{padding:.25em .8em;text-align:left;white-space:nowrap;
 border-bottom:1px solid var(--rule)}
.keraudit .n{text-align:right}
.keraudit .f{white-space:pre-line;min-width:16em;max-width:44em}
.keraudit tr:has(.f) td{vertical-align:top}
.keraudit th button{all:unset;cursor:pointer;font-weight:600}
.keraudit th button:focus-visible{outline:2px solid var(--bar);outline-offset:2px}
.keraudit th[aria-sort=ascending] button::after{content:" \\2191"}
.keraudit th[aria-sort=descending] button::after{content:" \\2193"}
.keraudit .dim td{color:var(--soft)}.keraudit .warn td{color:var(--warn)}
.keraudit tfoot td{font-weight:600;border-bottom:0}
.keraudit .bar{display:inline-block;height:.7em;background:var(--bar);border-radius:2px}
.keraudit pre{color:var(--soft);white-space:pre-wrap}
"""
STYLE = COLORS + RULES

WARNINGS = ("LOWER", "ESTIMATE")

SCRIPT = """
for(const table of document.querySelectorAll('.keraudit table')){
 const heads=[...table.tHead.rows[0].cells],body=table.tBodies[0],first=[...body.rows];
 heads.forEach((head,i)=>head.querySelector('button')?.addEventListener('click',()=>{
  const was=head.getAttribute('aria-sort'),next=was==='descending'?'ascending':was==='ascending'?'':'descending';
  heads.forEach(h=>h.removeAttribute('aria-sort'));
  if(!next){body.append(...first);return}
  head.setAttribute('aria-sort',next);
  const key=r=>{const v=r.cells[i].dataset.v,n=Number(v);return v===''||Number.isNaN(n)?v:n};
  const sign=next==='ascending'?1:-1;
  body.append(...[...first].sort((a,b)=>{const x=key(a),y=key(b);
   return sign*(typeof x==='number'&&typeof y==='number'?x-y:String(x).localeCompare(String(y)))}));
 }))}
"""


# A notebook keeps many tables on one page and may drop scripts: each table sets itself up when the
# pointer or the keyboard reaches it, and nothing else depends on that.
SORTABLE = escape(
    "this.onmouseover=null;"
    + "".join(SCRIPT.replace("document.querySelectorAll('.keraudit table')", "[this]").split("\n"))
)


def fragment(grid: Grid) -> str:
    """The table for a notebook: in its colours, sortable, notes folded unless they warn of a bound."""
    grid = shown(grid)
    warns = any(note.startswith(WARNINGS) for note in grid.notes)
    return (
        f'<style>{NOTEBOOK_COLORS}{RULES}</style><div class="keraudit">'
        + _table(grid, f' onmouseover="{SORTABLE}" onkeyup="this.onmouseover?.()"')
        + f"<details{' open' * warns}><summary>Totals, convention and origin</summary>"
        f"{_notes(grid)}</details></div>"
    )


def page(grids: list[Grid], *, figure: str = "") -> str:
    """One whole file: no request leaves it. ``figure`` is HTML that stands before the tables."""
    title = escape(", ".join(grid.title for grid in map(shown, grids)))
    tables = "\n".join(map(body, grids))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>keraudit: {title}</title><style>{STYLE}</style></head>\n"
        f"<body>{figure}{tables}<script>{SCRIPT}</script></body></html>\n"
    )


def body(grid: Grid) -> str:
    """The table and its notes, in the colours of ``STYLE``."""
    grid = shown(grid)
    return f'<div class="keraudit">{_table(grid)}{_notes(grid)}</div>'


def _notes(grid: Grid) -> str:
    notes = [*grid.notes, ""]
    if grid.convention:
        notes.append(f"Convention     {grid.convention}")
    if grid.command:
        notes.append(f"Made by        {grid.command}")
    return f"<pre>{escape(chr(10).join(notes))}</pre>"


def _table(grid: Grid, attributes: str = "") -> str:
    head = "".join(_header(grid, column) for column in grid.columns)
    top = full_bar(grid)
    lines = "\n".join(row(grid, line, top) for line in grid.lines)
    total = row(grid, grid.total, top) if grid.total else ""
    return (
        f'<div class="scroll"><table{attributes}><caption><b>{escape(grid.title)}</b>'
        f" {escape(grid.heading)}</caption><thead><tr>{head}</tr></thead>\n"
        f"<tbody>{lines}</tbody>\n<tfoot>{total}</tfoot></table></div>"
    )


def _header(grid: Grid, column: Column) -> str:
    side = _class_of(column)
    bar = '<th aria-label="bar"></th>' if column.key == grid.bar else ""
    if not column.label:  # nothing to read aloud, nor to sort by
        return f"<td{side}></td>{bar}"
    return f'<th scope="col"{side}><button>{escape(column.label)}</button></th>{bar}'


def _class_of(column: Column) -> str:
    return ' class="n"' if column.is_number else ' class="f"' if column.flows else ""


def row(grid: Grid, line: Line, top: float) -> str:
    cells = []
    for column in grid.columns:
        value = line.cells.get(column.key)
        side = _class_of(column)
        indent = (
            f' style="padding-left:{0.8 + 1.2 * line.depth:.1f}em"' if column.key == "name" else ""
        )
        text = escape(written(column, line))
        cells.append(f'<td{side}{indent} data-v="{escape(raw(value))}">{text}</td>')
        if column.key == grid.bar:
            part = line.cells[grid.level] if grid.level else value
            width = 8 * min(float(part or 0) / top, 1) if top and line is not grid.total else 0
            cells.append(f'<td><span class="bar" style="width:{width:.2f}em"></span></td>')
    tone = f' class="{line.tone}"' if line.tone else ""
    return f"<tr{tone}>{''.join(cells)}</tr>"


def raw(value: object) -> str:
    """The value that a column is sorted by; a list sorts by its first entry."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return str(value[-1] if value else "")
    return str(value)
