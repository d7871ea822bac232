"""The network's drawing as a component of the page: our own script, no request leaves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import streamlit as st

NAME = "keraudit_network"


@cache
def _source(name: str) -> str:
    return files("keraudit.explorer").joinpath(name).read_text("utf-8")


def drawing(
    data: Mapping[str, Any], on_event: Callable[[Mapping[str, Any]], None], *, key: str = "network"
) -> None:
    """Draw a network.

    Args:
        data: of ``network_data``, with ``model``, ``stem``, ``colors`` and ``dark``.
        on_event: is given what the visitor did: ``act`` (``layer``, ``toggle``, ``color``, ``close`` or
            ``clear``) and ``value``. It comes from the browser: anything may stand in it.
        key: of the component; one for each drawing of a page.
    """
    component = st.components.v2.component(
        NAME, js=_source("network.js"), css=_source("network.css")
    )

    def happened() -> None:
        event = st.session_state[key].get("event")
        if isinstance(event, Mapping):
            on_event(event)

    component(key=key, data=dict(data), on_event_change=happened)
