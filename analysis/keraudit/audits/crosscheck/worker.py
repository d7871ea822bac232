"""The process that a peer counts in: ``python -m keraudit.audits.crosscheck.worker COUNT GRAPH OUT``.

COUNT is ``module:function``, GRAPH a pickled graph, and the number is written to OUT. A failure is one
line, the last on standard error, and exit code 3.
"""

from __future__ import annotations

import contextlib
import pickle
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

OUT_OF_MEMORY = "it ran out of memory"


def function_at(path: str) -> Any:
    """The function that ``module:function`` names."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def main(arguments: Sequence[str]) -> int:
    """Count; 0 when the number is written, 3 with one line of reason."""
    count, graph, out = arguments
    _first_to_go()
    try:
        # written by the parent into a folder of its own
        value = function_at(count)(pickle.loads(Path(graph).read_bytes()))  # noqa: S301
    except MemoryError:
        print(f"\n{OUT_OF_MEMORY}", file=sys.stderr)
        return 3
    except Exception as error:  # a peer may raise anything
        message = " ".join(str(error).split())
        print(f"\n{type(error).__name__}: {message[:300]}", file=sys.stderr)
        return 3
    Path(out).write_text(str(int(value)), encoding="utf-8")
    return 0


def _first_to_go() -> None:
    """Where Linux runs out of memory, let it end this process before any of the user's."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
