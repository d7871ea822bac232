"""Choosing: which model, at which input size, and in which unit; the side bar of every page."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import streamlit as st
from streamlit import runtime

from keraudit.errors import KerauditError, ModelError
from keraudit.explorer import ui
from keraudit.explorer.address import LARGEST_BATCH, MOST_KEPT, NAMED, UNITS, View, parsed
from keraudit.explorer.cache import ShownModel
from keraudit.explorer.job_panel import has_ended, session
from keraudit.explorer.kept_uploads import is_loopback, kept
from keraudit.explorer.places import typed
from keraudit.explorer.sent_files import bound, free, keep
from keraudit.explorer.start import argument, imported
from keraudit.explorer.upload import LARGEST_FILE_MIB, MOST_UPLOADS, Upload, uploaded
from keraudit.model.graph import Architecture
from keraudit.model.shape_text import shape_text
from keraudit.reading.applications import applications
from keraudit.reading.resolve import application_name, resolve
from keraudit.safe_text import harmless
from keraudit.zoo.names import listed, zoo_model


def uploads() -> dict[str, Upload]:
    """What this session sent, by key; no other session sees it."""
    found: dict[str, Upload] = st.session_state.setdefault("uploads", {})
    return found


def bring_back(view: View) -> None:
    """After a reload, take the files that the address has the keys of."""
    if view.kept and "uploads" not in st.session_state and is_loopback():
        uploads().update((upload.key, upload) for upload in kept().find(view.kept))


class Stamp(NamedTuple):
    """When a file was written, and its size; it is read anew when either changes."""

    written: int = 0
    size: int = 0


def _stamp(text: str) -> Stamp:
    """Of the file that a MODEL names; of none where it names something else."""
    try:
        found = Path(text).stat()
    except (OSError, ValueError):
        return Stamp()
    return Stamp(found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=2)
def _start_architecture(text: str, _stamp: Stamp) -> Architecture:
    return replace(resolve(text, imports=imported()), source=_shown(text))


def _shown(text: str) -> str:
    """A MODEL as one types it, without where its file lies on this machine."""
    return typed(Path(text)) if Path(text).is_absolute() else text


@lru_cache(maxsize=1)
def _start_file(text: str, _stamp: Stamp) -> bytes:
    """The file itself where it may hold weights, else nothing."""
    path = Path(text)
    return path.read_bytes() if text.endswith(".keras") and path.is_file() else b""


def start_model() -> str:
    """How the model named at the start is called in an address: by its name, else ``named``."""
    text = argument()
    if not text:
        return ""
    if name := application_name(text):
        return name
    try:
        found = zoo_model(text)
    except KerauditError:
        found = None
    return found.name if found else NAMED


def shown_model(key: str) -> ShownModel:
    """The model that an address names.

    Raises:
        ModelError: it is not of this session, or not there any more.
    """
    if key == NAMED:
        text = argument()
        if not text:
            raise ModelError("no model was named when the explorer was started; choose one")
        now = _stamp(text)
        found, data = _start_architecture(text, now), _start_file(text, now)
        key = f"{NAMED}:{text}:{now.written}:{now.size}"
        return ShownModel(key, called(NAMED), _shown(text), found, data)
    if key.startswith("upload-"):
        if key not in uploads():
            raise ModelError(
                "this view is of an uploaded file, which only the session that sent it can see: send"
                " the same file on the left to see it again"
            )
        upload = uploads()[key]
        return ShownModel(key, upload.name, upload.name, upload.architecture, upload.data)
    return ShownModel(key, key, key)


def names() -> list[str]:
    """Every model that can be chosen: this session's files, the zoo, the applications."""
    own = [NAMED] if start_model() == NAMED else []
    known = sorted((*applications(), *listed()), key=str.lower)
    return [*own, *reversed(uploads()), *known]


def called(key: str) -> str:
    """How a model is called in a list."""
    if key == NAMED:
        return harmless(argument().rpartition(os.sep)[2])
    return uploads()[key].name if key in uploads() else key


def labels_of(keys: Sequence[str]) -> dict[str, str]:
    """How models are called in one list: two of one name by the start of their digests too."""
    names_ = {key: called(key) for key in keys}
    often = {name for name, count in Counter(names_.values()).items() if count > 1}
    return {
        key: f"{name} ({key.removeprefix('upload-')[:6]})" if name in often else name
        for key, name in names_.items()
    }


def sidebar(view: View) -> None:
    """Model, file, size, batch, unit."""
    with st.sidebar:
        st.markdown("#### keraudit explorer")
        _receive()
        options = names()
        if view.model not in options:
            options = [view.model, *options]
        labels = labels_of(options)
        st.selectbox("Model", options, format_func=labels.__getitem__, **ui.tied(view, "model"))
        st.file_uploader(
            "or a file of your own",
            type=["keras", "json", "h5"],
            key=f"file_{st.session_state.get('files', 0)}",
            max_upload_size=LARGEST_FILE_MIB,
            help="A .keras or .h5 file, or the JSON of Model.to_json(). It is read, never executed, and"
            " only you see it.",
        )
        sizes(view)
        ui.segments(view, "unit", "Cost is counted in", UNITS)
        st.caption(
            "1 MAC is one multiply-accumulate. FLOPs are 2 × MACs + the other operations (bias,"
            " normalisation, activation, pooling, merge). Kernel elements on padding count too."
        )


def _receive() -> None:
    """Take a file that was sent: read it once, and show it; what is wrong with it is told beside."""
    if runtime.exists():
        bound(runtime.get_instance().uploaded_file_mgr)
    sent = st.session_state.get(f"file_{st.session_state.get('files', 0)}")
    if sent is None:
        return
    st.session_state["files"] = st.session_state.get("files", 0) + 1  # an empty box again
    try:
        # another visitor's file may have taken its place before it was read
        if not hasattr(sent, "getvalue"):
            raise KerauditError("the server had no room for this file: send it again")
        with st.spinner("Reading the file ..."):
            found = uploaded(sent.name, sent.getvalue())
        keep(session(), len(found.data), has_ended)
    except KerauditError as error:
        st.session_state["refused"] = str(error)
        st.rerun()
    finally:
        free(sent)
    files = uploads()
    files.pop(found.key, None)
    for key, older in files.items():  # weights of the last file alone: they may be large
        files[key] = older._replace(data=b"")
    files[found.key] = found
    while len(files) > MOST_UPLOADS:
        files.pop(next(iter(files)))
    show(found)
    st.rerun()


def show(upload: Upload) -> None:
    """Turn the address to a file, and keep the page; a view of this very file stays whole."""
    view = parsed(ui.address()).view
    if is_loopback():
        tokens = (*view.kept, kept().keep(upload))
        view = replace(view, kept=tokens[-MOST_KEPT:])
    changes = ui.follow("model", upload.key) if view.model != upload.key else {}
    ui.go(replace(view, **changes))


def sizes(view: View) -> None:
    """Input size and batch."""
    left, right = st.columns([2, 1])
    shown = shape_text(view.size or ())
    st.session_state["w_size_text"] = shown
    left.text_input(
        "Input size",
        key="w_size_text",
        placeholder="as recorded",
        help="Without the batch, e.g. 96x96x3; empty for the size that the model records.",
        on_change=size_changed,
        args=("size",),
        max_chars=40,
    )
    right.number_input(
        "Batch", min_value=1, max_value=LARGEST_BATCH, step=1, **ui.tied(view, "batch")
    )


def size_changed(name: str) -> None:
    """Put a size that was typed into the address, with whatever is wrong with it."""
    text = str(st.session_state[f"w_{name}_text"]).strip().lower()
    text = text.strip("()").replace(" ", "").replace(",", "x").replace("*", "x")
    if text:
        st.query_params[name] = text
    else:
        st.query_params.pop(name, None)
