"""``streamlit run`` this file, or better ``keraudit explore``."""

from keraudit.explorer.app import main

main()
