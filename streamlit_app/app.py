"""The explorer: ``streamlit run streamlit_app/app.py``. Its code is ``keraudit.explorer``."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("keraudit") is None:  # a cloud service installs the requirements, not the clone
    sys.path.append(str(Path(__file__).resolve().parents[1] / "analysis"))
# For a server of about 1 GB that many share; `keraudit explore` takes what the machine has.
os.environ.setdefault("KERAUDIT_EXPLORE_TASKS", "1")
os.environ.setdefault("KERAUDIT_EXPLORE_TASK_MIB", "640")

from keraudit.explorer.app import main
from keraudit.explorer.start import to_working_folder

to_working_folder()
main()
