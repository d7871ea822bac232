"""The explorer: ``streamlit run streamlit_app/app.py``. Its code is ``keraudit.explorer``."""

from keraudit.explorer.app import main

main()
