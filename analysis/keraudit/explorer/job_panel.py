"""Work under way in a session: begun, watched, cancelled, and its results kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from keraudit.errors import KerauditError
from keraudit.explorer import jobs, ui
from keraudit.explorer.metrics import about

MOST_RESULTS = 4  # that one session keeps


def results() -> dict[str, Any]:
    """What was made in this session, by what was asked for."""
    found: dict[str, Any] = st.session_state.setdefault("results", {})
    return found


def begin(
    task: Mapping[str, Any],
    *,
    expected: float = 0.0,
    took: Callable[[float], None] | None = None,
) -> None:
    """Start a task; its ``key`` says what is asked for. What goes wrong is told by ``under_way``.

    Args:
        task: see ``jobs.start``.
        expected: seconds that it may take, if somebody knows.
        took: is told how many it took.
    """
    job = _settled()
    if job is not None:
        if job.task["key"] != task["key"]:  # else a second click on the same button
            st.session_state["job_refused"] = (
                "a task of yours is under way already: cancel it, or try again when it has ended"
            )
        return
    try:
        st.session_state["job"] = jobs.start(
            task, session=session(), has_ended=has_ended, expected=expected, took=took
        )
    except KerauditError as error:
        refuse(error)


def session() -> str:
    """This visitor's session, as Streamlit calls it."""
    context = get_script_run_ctx()
    return context.session_id if context else ""


def has_ended(session: str) -> bool:
    """Whether a visitor is gone. A page that is hidden, or on another view, is not."""
    return (
        bool(session) and runtime.exists() and not runtime.get_instance().is_active_session(session)
    )


def refuse(error: Exception) -> None:
    st.session_state["job_refused"] = str(error)


def _settled() -> jobs.Job | None:
    """This session's task if it is still running. One that has ended, seen or not, is settled."""
    job: jobs.Job | None = st.session_state.get("job")
    if job is None or not job.ended:
        return job
    st.session_state["job"] = None
    if job.result is not None:
        found = results()
        found[job.task["key"]] = job.result
        while len(found) > MOST_RESULTS:
            found.pop(next(iter(found)))
    elif job.error:
        st.session_state["job_failed"] = job.error
    return None


def under_way() -> bool:
    """Show what is going on, or how it ended; whether a task of this session is still running."""
    job = _settled()
    if message := st.session_state.pop("job_refused", ""):
        ui.failed(message)
    if message := st.session_state.pop("job_failed", ""):
        st.warning(ui.plain(message))
    if job is not None:
        watch()
    return job is not None


@st.fragment(run_every=0.5)
def watch() -> None:
    """Progress and a way to stop; the page is drawn anew when the task has ended."""
    job: jobs.Job | None = st.session_state.get("job")
    if job is None:
        return
    if job.ended:
        st.rerun()
    left = job.left()
    rest = f"; about {about(left)} left" if left is not None else ""
    st.progress(job.part, text=ui.plain(job.label + rest))
    st.button("Cancel", on_click=job.cancel, icon=":material/stop:")
