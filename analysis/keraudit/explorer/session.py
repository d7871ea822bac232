"""The explorer from Python: started on a model, shown in a local notebook, stopped with the interpreter."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from html import escape
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from keraudit.api import arguments
from keraudit.api.models import AS_RECORDED, Model, build, buildable, check_model
from keraudit.errors import KerauditError
from keraudit.explorer.start import Server, server
from keraudit.explorer.upload import LARGEST_FILE_MIB
from keraudit.model.graph import Graph
from keraudit.rewrite.edit import Rewrite
from keraudit.safe_text import file_name

if TYPE_CHECKING:
    from types import TracebackType

SECONDS = 60.0  # that the server may take to start
HEIGHT = 900  # pixels of the frame in a notebook
# Where the browser is on another machine: the address is told, a frame would stay empty.
REMOTE = (
    *("JUPYTERHUB_SERVICE_PREFIX", "SSH_CONNECTION", "CODESPACES", "KAGGLE_KERNEL_RUN_TYPE"),
    *("DATABRICKS_RUNTIME_VERSION", "COLAB_RELEASE_TAG", "BINDER_SERVICE_HOST"),
)


class Session:
    """An explorer that runs: ``stop()`` ends it, and so does the end of the interpreter.

    Attributes:
        address: where its page is, on this machine alone.
    """

    def __init__(self, prepared: Server, address: str, folder: Path | None) -> None:
        self.address = address
        self._folder = folder
        self._process = subprocess.Popen(
            prepared.words,
            env=prepared.env,
            cwd=prepared.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in the interpreter is not meant for it
        )
        atexit.register(self.stop)

    @property
    def is_running(self) -> bool:
        """Whether the page is served."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End the server and remove the copy of the model; a second time it does nothing."""
        atexit.unregister(self.stop)
        if self.is_running:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._folder is not None:
            _remove(self._folder)
            self._folder = None

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Session at {self.address}{'' if self.is_running else ', stopped'}>"

    def _repr_html_(self) -> str:
        """A frame with the page where the browser is on this machine, elsewhere the address."""
        link = f'<a href="{escape(self.address)}">{escape(self.address)}</a>'
        if not self.is_running:
            return f"{link} was stopped"
        if not is_local():
            return link
        return (
            f'{link}<br><iframe src="{escape(self.address)}/?embed=true" width="100%"'
            f' height="{HEIGHT}" style="border:0" title="keraudit explorer"></iframe>'
        )

    def wait(self, seconds: float = SECONDS) -> None:
        """Wait until the page is served.

        Raises:
            KerauditError: it ended, or takes longer.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=5):  # noqa: S310  # our own server
                    return
            except (urllib.error.URLError, OSError):
                if not self.is_running:
                    break
                time.sleep(0.1)
        what = (
            f"did not start within {seconds:g} s" if self.is_running else "stopped while starting"
        )
        self.stop()
        raise KerauditError(f"the explorer {what}: run keraudit explore in a terminal to see why")


def explore(
    model: Model | None = None,
    *,
    imports: Sequence[str] = (),
    runs: str | os.PathLike[str] | None = None,
    port: int | None = None,
) -> Session:
    """Start the explorer on a model, print its address, and show it in a local notebook.

    The page is served on this machine alone. A live model is handed over as a temporary copy, which
    goes with the session; the model itself is only read.

    Args:
        model: as for ``keraudit.audit``; default: none, the page then offers a choice.
        imports: packages whose classes a file names.
        runs: a folder of training runs to show; default: ``runs``, and those of the report.
        port: default: a free one.

    Returns:
        A ``Session``: ``session.stop()`` ends it; so does the end of the interpreter, or of a ``with``.

    Raises:
        KerauditError: streamlit is not installed, or there is no such model; one line says which.
    """
    number = _free_port() if port is None else arguments.whole("port", port)
    if number > 65535:
        arguments.refuse("port", port, "a whole number from 1 to 65535")
    words = arguments.words("imports", imports, 'a sequence of packages such as ["keras_hub"]')
    if runs is not None and not (isinstance(runs, str | os.PathLike) and Path(runs).is_dir()):
        arguments.refuse("runs", runs, "a folder of training runs")
    named, folder = _named(model)
    try:
        prepared = server(
            named,
            imports=words,
            runs=None if runs is None else Path(runs),
            port=number,
            headless=True,
        )
        session = Session(prepared, f"http://localhost:{number}", folder)
    except BaseException:
        if folder is not None:
            _remove(folder)
        raise
    session.wait()
    sys.stdout.write(f"{session.address}\n")
    return session


def _named(model: Any) -> tuple[str, Path | None]:
    """A model as the command line takes it, and the folder of its temporary copy, if it needs one."""
    if model is None:
        return "", None
    check_model(model)
    if isinstance(model, str | os.PathLike):
        return os.fspath(model), None
    graph = buildable(model, AS_RECORDED)
    folder = Path(mkdtemp(prefix="keraudit-"))
    try:
        return str(_copied(model, graph, folder)), folder
    except BaseException:
        _remove(folder)
        raise


def _copied(model: Any, graph: Graph, folder: Path) -> Path:
    """A file of the model: with its weights where the explorer takes them, else its config alone.

    Of a model with layers of the user's own the file holds what they are made of.
    """
    is_graph = isinstance(model, Graph | Rewrite)
    bytes_held = sum(weight.elements * 4 for node in graph.nodes for weight in node.weights)
    if not is_graph and not graph.architecture.traced and bytes_held < LARGEST_FILE_MIB * 2**20:
        path = folder / f"{file_name(graph.architecture.name)}.keras"
        model.save(path)
        return path
    path = folder / f"{file_name(graph.architecture.name)}.json"
    path.write_text(build(graph, allocate=False).to_json(), "utf-8")
    return path


def _remove(folder: Path) -> None:
    rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port: int = free.getsockname()[1]
    return port


def is_local() -> bool:
    """Whether a notebook runs here whose browser is, as far as can be told, on this machine."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    is_notebook = shell is not None and type(shell).__name__ == "ZMQInteractiveShell"
    remote = "google.colab" in sys.modules or any(name in os.environ for name in REMOTE)
    return is_notebook and not remote
