"""The app: what the address says, the model it names, the page it asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

import streamlit as st

from keraudit.errors import KerauditError
from keraudit.explorer import ui
from keraudit.explorer.address import PAGES, Parsed, View, parsed
from keraudit.explorer.cache import ShownModel
from keraudit.explorer.shell import shell
from keraudit.explorer.sidebar import bring_back, called, shown_model, sidebar, start_model

FREE = ("runs",)  # pages that need no model


def main() -> None:
    """Draw one page; Streamlit calls this anew for every click."""
    st.set_page_config(layout="wide")
    st.html(STYLE)
    view, _ = _requested_view()
    bring_back(view)
    sidebar(view)
    shell()
    _main_area(frame(view))


def _requested_view() -> Parsed:
    """What the address says, with a model whatever it says."""
    view, problems = parsed(ui.address())
    return Parsed(replace(view, model=view.model or start_model() or "InceptionV3"), problems)


def frame(view: View) -> tuple[object, ...]:
    """What the sidebar shows."""
    return view.model, view.size, view.batch, view.unit


@st.fragment
def _main_area(drawn: tuple[object, ...]) -> None:
    """Navigation and page: a click on them draws them alone, which spares the browser half its work.

    Args:
        drawn: what the sidebar was drawn with; it is drawn anew as well if the address says another.
    """
    view, problems = _requested_view()
    if frame(view) != drawn:
        st.rerun()
    st.set_page_config(page_title=f"{called(view.model)}: {PAGES[view.page]} - keraudit")
    _navigation(view)
    if message := st.session_state.pop("refused", ""):
        _refused(message, view)
        return
    for problem in problems:
        st.warning(ui.plain(problem), icon=":material/link_off:")
    page: Callable[[View, ShownModel | None], None] = import_module(
        f"keraudit.explorer.pages.{view.page.replace('-', '_')}"
    ).page
    try:
        page(view, None if view.page in FREE else shown_model(view.model))
    except KerauditError as error:
        ui.failed(error)


def _refused(message: str, view: View) -> None:
    """A file that is not a model: what is wrong with it, and no other model under that."""
    ui.failed(message)
    st.caption("Send another file on the left, or go back to the model that was shown before.")
    st.button(ui.plain(f"Show {called(view.model)}"), icon=":material/undo:")


def _navigation(view: View) -> None:
    """The pages, above whatever is shown."""
    ui.segments(view, "page", "Page", PAGES)


STYLE = """<style>
.stMainBlockContainer{padding:4.4rem 2rem 2rem}
[data-testid="stMetricValue"]{font-variant-numeric:tabular-nums;font-size:1.3rem}
.st-key-costly button{min-height:1.7rem;padding:0;text-align:left}
.st-key-costly button *{justify-content:flex-start}
.st-key-twin{margin-top:2rem;border-top:1px solid rgba(128,128,128,.25);padding-top:.6rem}
[data-testid="stCaptionContainer"]{color:inherit;opacity:.8}
[data-testid="stCaptionContainer"] *{color:inherit}
.st-key-shell{display:none}
div.copied{position:relative}
div.copied pre{padding-right:5rem}
button.copy{position:absolute;top:.45rem;right:.5rem;padding:.1rem .6rem;border:1px solid rgba(128,128,128,.5);
 border-radius:.4rem;background:transparent;color:inherit;font-size:.8rem;cursor:pointer}
button.copy:focus-visible{outline:2px solid currentColor}
pre.command{margin:0;padding:.7rem 1rem;white-space:pre-wrap;overflow-wrap:anywhere;user-select:all;
 border-radius:.5rem;background:rgba(128,128,128,.1);color:inherit;font-size:.875rem}
</style>"""
