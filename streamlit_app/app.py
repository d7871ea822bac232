"""The explorer: ``streamlit run streamlit_app/app.py``. Its code is ``keraudit.explorer``."""

from keraudit.explorer.app import main
from keraudit.explorer.start import to_working_folder

to_working_folder()
main()
