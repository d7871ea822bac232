"""``streamlit run`` this file, or better ``keraudit explore``."""

from keraudit.explorer.app import main
from keraudit.explorer.start import to_working_folder

to_working_folder()
main()
