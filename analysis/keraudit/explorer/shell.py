"""What holds on every page: copy buttons, and the words for a server that is gone."""

from __future__ import annotations

import os
import shlex
from functools import cache
from importlib.resources import files
from pathlib import Path

import streamlit as st

from keraudit.explorer.places import typed
from keraudit.explorer.start import OPTIONS, RUNS_VARIABLE, argument, imported


@cache
def _script() -> str:
    return files("keraudit.explorer").joinpath("shell.js").read_text("utf-8")


def shell() -> None:
    """Load our script into the page; it draws nothing."""
    component = st.components.v2.component("keraudit_shell", js=_script())
    with st.container(key="shell"):
        component(key="shell-script", data={"command": restart_command()})


def restart_command() -> str:
    """The command line that starts this server again; no folder of the server is in it."""
    model = argument()
    model = typed(Path(model)) if Path(model).is_absolute() else model
    words = ["keraudit", "explore", *filter(None, [model])]
    words += [part for package in imported() for part in ("--import", package)]
    if folder := os.environ.get(RUNS_VARIABLE):
        words += ["--runs", typed(Path(folder))]
    port = st.get_option("server.port")
    words += ["--port", str(port)] if port != 8501 else []
    address, prefix = (st.get_option(f"server.{key}") for key in ("address", "baseUrlPath"))
    words += ["--address", address] if address and address != OPTIONS["server.address"] else []
    words += ["--prefix", prefix.strip("/")] if prefix else []
    return shlex.join(words)
