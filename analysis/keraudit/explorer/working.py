"""Work under way in a session: begun, watched, cancelled, and its results kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from keraudit.errors import KerauditError
from keraudit.explorer import jobs, ui

MOST_RESULTS = 4  # that one session keeps


def results() -> dict[str, Any]:
    """What was made in this session, by what was asked for."""
    found: dict[str, Any] = st.session_state.setdefault("results", {})
    return found


def begin(task: Mapping[str, Any]) -> None:
    """Start a task; its ``key`` says what is asked for. What goes wrong is told by ``under_way``."""
    try:
        st.session_state["job"] = jobs.start(task)
    except KerauditError as error:
        refuse(error)


def refuse(error: Exception) -> None:
    st.session_state["job_refused"] = str(error)


def under_way() -> bool:
    """Show what is going on, or how it ended; whether a task of this session is still running."""
    job: jobs.Job | None = st.session_state.get("job")
    if job is not None and not job.ended:
        watch()
        return True
    if message := st.session_state.pop("job_refused", ""):
        ui.failed(message)
    if job is not None and job.error:
        st.warning(ui.plain(job.error))
        st.session_state["job"] = None
    return False


@st.fragment(run_every=0.5)
def watch() -> None:
    """Progress and a way to stop; the page is drawn anew when the task has ended."""
    job: jobs.Job | None = st.session_state.get("job")
    if job is None:
        return
    if job.ended:
        if job.result is not None:
            found = results()
            found[job.task["key"]] = job.result
            while len(found) > MOST_RESULTS:
                found.pop(next(iter(found)))
        st.rerun()
    st.progress(job.part, text=ui.plain(job.label))
    st.button("Cancel", on_click=job.cancel, icon=":material/stop:")
