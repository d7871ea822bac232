"""A page to come."""

from __future__ import annotations

import streamlit as st

from keraudit.explorer.store import Subject
from keraudit.explorer.view import View


def page(view: View, subject: Subject | None) -> None:
    """Say that there is nothing yet."""
    st.info("Nothing here yet.")
