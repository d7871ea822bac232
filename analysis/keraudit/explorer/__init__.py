"""The explorer: a Streamlit app that renders records. Nothing is counted here.

``view`` is what the address bar says, ``store`` holds what was audited, ``pages`` draw it.
"""
