"""What ``keraudit explore`` serves: the app, and around it what leads unknown paths home."""

import streamlit as st
from starlette.middleware import Middleware

from keraudit.explorer.home import Home

app = st.App(
    "app.py", middleware=[Middleware(Home, prefix=st.get_option("server.baseUrlPath") or "")]
)
