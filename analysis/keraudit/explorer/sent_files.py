"""The memory that files take which visitors send: freed once they are read, and bounded for all together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from streamlit import runtime

from keraudit.errors import KerauditError
from keraudit.explorer.upload import MOST_OF_ALL, MOST_OF_SESSION, MOST_WEIGHTS
from keraudit.output.numbers import mebibytes

_LOCK = threading.Lock()
_KEPT: dict[str, int] = {}  # bytes of weights by session


def free(sent: Any) -> None:
    """Let go of a file that was read, or refused: Streamlit would hold it until the visitor leaves."""
    if runtime.exists() and (session := _session()):
        manager: Any = runtime.get_instance().uploaded_file_mgr  # its protocol names no removal
        manager.remove_file(session, sent.file_id)


def keep(session: str, size: int, has_ended: Callable[[str], bool]) -> None:
    """Count the weights that a session keeps from now on, in the place of those it kept before.

    Raises:
        KerauditError: the weights of all sessions together are too many.
    """
    with _LOCK:
        for other in [other for other in _KEPT if has_ended(other)]:
            del _KEPT[other]
        others = sum(kept for other, kept in _KEPT.items() if other != session)
        if size and others + size > MOST_WEIGHTS:
            raise KerauditError(
                f"the files of all visitors would take more than {mebibytes(MOST_WEIGHTS)} here: send"
                " the JSON of Model.to_json(), which has no weights, or try again later"
            )
        _KEPT[session] = size


def bound(manager: Any) -> None:
    """Have Streamlit's manager of files drop the oldest ones where new ones would be too many.

    Args:
        manager: a ``MemoryUploadedFileManager``, which itself bounds a file, and no number of them.
    """
    if getattr(manager, "is_bounded", False):
        return
    add = manager.add_file

    def add_bounded(session_id: str, file: Any) -> None:
        add(session_id, file)
        with _LOCK:
            _make_room(manager, session_id, file.file_id)

    manager.add_file = add_bounded
    manager.is_bounded = True


def _make_room(manager: Any, session: str, newest: str) -> None:
    """Drop files, oldest first, until what is left is within the bounds; the newest one stays."""
    own = [key for key in [*manager.file_storage.get(session, {})] if key != newest]
    while own and _bytes_of(manager, session) > MOST_OF_SESSION:
        manager.remove_file(session, own.pop(0))
    others = [key for key in [*manager.file_storage] if key != session]
    while others and sum(_bytes_of(manager, s) for s in [*manager.file_storage]) > MOST_OF_ALL:
        manager.remove_session_files(others.pop(0))


def _bytes_of(manager: Any, session: str) -> int:
    files = manager.file_storage.get(session, {})
    return sum(len(file.data) for file in [*files.values()])


def _session() -> str:
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    context = get_script_run_ctx()
    return context.session_id if context else ""
