"""How the explorer is started: with which options, and on which model."""

from __future__ import annotations

import errno
import os
import re
import socket
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from keraudit import explorer
from keraudit.building.check import check_homes
from keraudit.child_process import environment, python
from keraudit.errors import KerauditError, ModelError
from keraudit.explorer.capacity import most_tasks, task_memory
from keraudit.explorer.upload import LARGEST_FILE_MIB
from keraudit.output.palette import DARK_BLUE, SKY
from keraudit.reading.archive import read_file
from keraudit.reading.imports import package
from keraudit.reading.resolve import (
    CALLABLE,
    FILE_ENDINGS,
    application_name,
    from_file,
    silent,
    unknown_name,
)
from keraudit.zoo.names import zoo_model

MODEL_VARIABLE, RUNS_VARIABLE = "KERAUDIT_EXPLORE_MODEL", "KERAUDIT_EXPLORE_RUNS"
IMPORTS_VARIABLE = "KERAUDIT_EXPLORE_IMPORTS"
PREFIX = re.compile(r"/?(?:[\w.~-]+/)*(?:[\w.~-]+)?", re.ASCII)
FOLDER_VARIABLE = "KERAUDIT_EXPLORE_FOLDER"  # where the command was typed
# As in streamlit_app/.streamlit/config.toml; a test holds the two together.
OPTIONS = {
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "viewer",
    "client.showErrorDetails": "none",
    "server.address": "localhost",
    "server.enableCORS": "true",
    "server.enableXsrfProtection": "true",
    "server.showEmailPrompt": "false",
    "server.maxUploadSize": str(LARGEST_FILE_MIB),
    # for each theme: one for both would do away with the dark one
    "theme.light.primaryColor": DARK_BLUE,
    "theme.dark.primaryColor": SKY,
}


class Server(NamedTuple):
    """A process that serves the explorer, not yet started.

    Attributes:
        words: its command line.
        env: its environment.
        folder: where it starts; it then works in the folder of the caller.
    """

    words: list[str]
    env: dict[str, str]
    folder: Path


def server(
    model: str = "",
    *,
    imports: Sequence[str] = (),
    runs: Path | None = None,
    port: int,
    headless: bool,
    address: str = OPTIONS["server.address"],
    prefix: str = "",
) -> Server:
    """The server of the explorer on a model, or on none.

    Args:
        model: as a user may write it; empty for none.
        imports: packages whose classes its file names.
        runs: the folder of training runs; default: ``runs``, and those of the report.
        port: where the page is served.
        headless: open no browser.
        address: of this machine, on which the page is served.
        prefix: the path under which it is.

    Raises:
        KerauditError: streamlit is not installed, a limit makes no sense, there is no such model, or the
            port is taken.
    """
    most_tasks(), task_memory()  # a wrong one is told here, not on the page
    chosen = {FOLDER_VARIABLE: str(Path.cwd()), IMPORTS_VARIABLE: "\n".join(imports)}
    if model:
        chosen[MODEL_VARIABLE] = checked_model(model, imports)
    if runs:
        chosen[RUNS_VARIABLE] = str(runs.resolve())
    check_port(port, address)
    script = Path(explorer.__file__).with_name("script") / "server.py"
    chosen_options = options(port=port, headless=headless, address=address, prefix=prefix)
    words = python("streamlit", "run", str(script), *chosen_options)
    return Server(words, environment(**chosen), script.parent)


def check_port(port: int, address: str = OPTIONS["server.address"]) -> None:
    """Refuse a port that something else is served at.

    Raises:
        KerauditError: it is taken.
    """
    if is_free(port, address):
        return
    others = range(port + 1, min(port + 100, 65536))
    free = next((other for other in others if is_free(other, address)), 0)
    other = f": choose another, --port {free}" if free else ""
    raise KerauditError(f"port {port} is taken, by another explorer or server{other}")


def is_free(port: int, address: str = OPTIONS["server.address"]) -> bool:
    """Whether nothing else is served at a port; an address that is not this machine's is told by the server."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM
        )[0]
    except OSError:
        return True
    with socket.socket(family, kind, protocol) as tried:
        if sys.platform != "win32":  # else a port that was served a moment ago counts as taken
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(place)
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True


def options(
    *, port: int, headless: bool, address: str = OPTIONS["server.address"], prefix: str = ""
) -> list[str]:
    """The words after ``streamlit run server.py``.

    Raises:
        KerauditError: streamlit is not installed, or the prefix is not a path.
    """
    if not PREFIX.fullmatch(prefix):
        raise KerauditError(
            f"--prefix: expected a path such as keraudit or tools/keraudit, received {prefix!r}"
        )
    if find_spec("streamlit") is None:
        raise KerauditError("the explorer needs streamlit: pip install 'keraudit[app]'")
    options = {
        **OPTIONS,
        "server.address": address,
        "server.baseUrlPath": prefix.strip("/"),
        "server.port": str(port),
        "server.headless": str(headless).lower(),
    }
    return [word for key, value in options.items() for word in (f"--{key}", value)]


def to_working_folder() -> None:
    """Work where the command was typed, once Streamlit is set up.

    It starts in a folder of ours: in the working folder it would obey a ``.streamlit/config.toml``, which
    can open the server to other pages and machines.
    """
    if folder := os.environ.get(FOLDER_VARIABLE):
        os.chdir(folder)


def argument() -> str:
    """The MODEL of ``keraudit explore MODEL``."""
    return os.environ.get(MODEL_VARIABLE, "")


def imported() -> tuple[str, ...]:
    """The packages of ``keraudit explore MODEL --import PACKAGE``; of uploads none is ever imported."""
    words = os.environ.get(IMPORTS_VARIABLE, "") if argument() else ""
    return tuple(filter(None, words.split("\n")))


def checked_model(text: str, imports: Sequence[str] = ()) -> str:
    """MODEL as typed, if there is one; user code is not called before the page is opened.

    Raises:
        KerauditError: no such model, or the file is none, or names a function as a layer.
    """
    path = Path(text)
    if text.lower().endswith(FILE_ENDINGS) or path.exists():
        if imports:
            for word in imports:
                package(word)
            read_file(path)
        else:
            check_homes(from_file(path, silent))
        return str(path.resolve())
    if imports:
        raise ModelError("--import is for a file with classes of a package")
    if application_name(text) or zoo_model(text) or CALLABLE.fullmatch(text):
        return text
    raise ModelError(unknown_name(text))
