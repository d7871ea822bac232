"""``python -m keraudit`` is the command ``keraudit``, and the console script calls the same ``main``."""

from keraudit.child_process import leave_working_folder


def main() -> None:
    """Leave the working folder, which an empty part of PYTHONPATH names too; then run the command."""
    leave_working_folder()

    from keraudit.cli.main import main as run  # once nothing of the working folder is found

    run()


if __name__ == "__main__":
    main()
