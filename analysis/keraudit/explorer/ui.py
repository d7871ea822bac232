"""Small pieces that every page is made of: widgets tied to the address, safe text, data twins."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from keraudit.explorer.address import View, parsed
from keraudit.explorer.places import without_folders
from keraudit.output.csv_markdown import ADDRESS, csv_text, markdown_text
from keraudit.output.html import page as html_page
from keraudit.output.json_text import json_text
from keraudit.output.plotly_text import safe as safe  # pages take it from here
from keraudit.output.table import Grid
from keraudit.safe_text import file_name, harmless

MARKS = frozenset("\\`*_{}[]()<>#+-.!|$~:^=&@\"'/")


def plain(text: str) -> str:
    r"""Text that Streamlit's Markdown shows as it is, whatever a file holds.

    >>> print(plain("<b>$x$</b> :red[a]"))
    \<b\>\$x\$\<\/b\> \:red\[a\]
    >>> print(plain("http://a"))  # else a link is made of it, escaped or not
    http`://`a
    """
    parts = re.split(f"({ADDRESS})", harmless(text), flags=re.IGNORECASE)
    return "".join(
        f"`{part}`" if number % 2 else "".join("\\" + c if c in MARKS else c for c in part)
        for number, part in enumerate(parts)
    )


def address() -> Mapping[str, str]:
    return dict(st.query_params.to_dict())


def go(view: View) -> None:
    """Show another view: the address is changed, and with it whatever is drawn."""
    st.query_params.from_dict(view.params())


def changed(name: str) -> None:
    """A widget has a new value: put it into the address."""
    value = st.session_state[f"w_{name}"]
    if isinstance(value, list):
        value = tuple(value)
    if value is None:  # a segment that was clicked again
        return
    go(replace(parsed(address()).view, **follow(name, value)))


def follow(name: str, value: Any) -> dict[str, Any]:
    """What changes with a field: another model has other blocks, another block other layers."""
    more: dict[str, Any] = {}
    if name == "model":
        more = {
            "block": "",
            "layer": "",
            "open": (),
            "size": None,
            "to": None,
            "filters": (),
            "cut": (),
            "removed": (),
            "spot": None,
            "explained": None,
            "record": "",
            "against": None,
            "images": None,
            "trained": (),
        }
    elif name == "block":
        more = {"layer": "", "spot": None}
    elif name == "layer":
        more = {"spot": None}
    return {name: value, **more}


def tied(view: View, name: str, value: Any = None) -> dict[str, Any]:
    """The arguments that tie a widget to a field of the view."""
    current = getattr(view, name) if value is None else value
    st.session_state[f"w_{name}"] = list(current) if isinstance(current, tuple) else current
    return {"key": f"w_{name}", "on_change": changed, "args": (name,)}


def clicks(name: str) -> int:
    """How often something was clicked on a chart; in its key, so that what was chosen is let go."""
    found: int = st.session_state.get(f"clicks-{name}", 0)
    return found


def clicked(name: str) -> None:
    st.session_state[f"clicks-{name}"] = clicks(name) + 1


def select(
    view: View,
    name: str,
    label: str,
    options: Sequence[str],
    names: Mapping[str, str] | None = None,
) -> None:
    """A list to choose from, tied to a field."""
    st.selectbox(
        label,
        options,
        format_func=lambda key: (names or {}).get(key, key),
        **tied(view, name, getattr(view, name) if getattr(view, name) in options else options[0]),
    )


def segments(view: View, name: str, label: str, names: Mapping[str, str]) -> None:
    """A few words to choose one of, tied to a field."""
    st.segmented_control(
        label,
        list(names),
        format_func=names.__getitem__,
        required=True,
        label_visibility="collapsed" if name == "page" else "visible",
        **tied(view, name),
    )


def failed(error: Exception | str) -> None:
    """What went wrong, in one line, as text; an option that it names is the box on the left."""
    text = " ".join(str(error).split()).replace("--input-shape", "input size")
    st.error(plain(without_folders(text)), icon=":material/error:")


def twin(
    grids: Callable[[], Sequence[Grid]],
    data: Callable[[], Any],
    command: str,
    *,
    stem: str,
    figures: Callable[[], Sequence[Any]] = tuple,
) -> None:
    """The command line that gives the same, and the page as a file: HTML, Markdown, JSON, CSV.

    Args:
        grids: makes its tables; like the record it is made once a file is asked for.
        data: makes its record.
        command: the line.
        stem: of the files' names; it may hold a model's name.
        figures: makes plotly's figures that stand before the tables in HTML, once it is asked for.
    """
    files: Mapping[str, tuple[str, Callable[[], str]]] = {
        "HTML": ("text/html", lambda: html_page(list(grids()), figure=drawn(figures()))),
        "Markdown": ("text/markdown", lambda: "\n".join(map(markdown_text, grids()))),
        "JSON": ("application/json", lambda: json_text(data())),
        "CSV": ("text/csv", lambda: csv_text(grids())),
    }
    endings = {"Markdown": "md"}
    with st.container(key="twin"):
        st.caption("The equivalent command, and this page as a file:")
        line(command)
        with st.popover("Save as a file"):  # the browser draws it once it is opened
            for label, (kind, make) in files.items():
                st.download_button(
                    label,
                    make,
                    f"{file_name(stem)}.{endings.get(label, label.lower())}",
                    kind,
                    on_click="ignore",
                )


def drawn(figures: Sequence[Any]) -> str:
    """Figures as HTML with all that draws them; no request leaves it."""
    if not figures:
        return ""
    import plotly.io

    return "".join(
        plotly.io.to_html(figure, include_plotlyjs=not number, full_html=False)
        for number, figure in enumerate(figures)
    )


def line(text: str, *, copies: bool = True) -> None:
    """A command line with a button that copies it, or another line that a click marks as a whole.

    Streamlit's own code box brings a highlighter of 1.5 MB, more than all else on a page.
    """
    from html import escape

    box = f'<pre class="command">{escape(harmless(text, lines=True))}</pre>'
    button = '<button type="button" class="copy">Copy</button>'
    st.html(f'<div class="copied">{box}{button}</div>' if copies else box)


def swatches(found: Sequence[tuple[str, str]]) -> None:
    """A legend: coloured squares, each with its word. Both are ours, never a file's."""
    marks = "".join(
        f'<span style="display:inline-block;margin-right:1.1em;white-space:nowrap">'
        f'<span style="display:inline-block;width:.8em;height:.8em;border-radius:2px;'
        f'margin-right:.4em;background:{color}"></span>{word}</span>'
        for word, color in found
    )
    st.html(f'<div style="font-size:.85rem;line-height:1.8">{marks}</div>')
