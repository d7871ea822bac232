"""``python -m keraudit`` is the command ``keraudit``."""

from keraudit.processes import leave_working_folder

leave_working_folder()

from keraudit.cli.main import main  # noqa: E402 - once nothing of the working folder is found

if __name__ == "__main__":
    main()
