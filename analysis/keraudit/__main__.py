"""``python -m keraudit`` is the command ``keraudit``."""

from keraudit.cli.main import main

if __name__ == "__main__":
    main()
