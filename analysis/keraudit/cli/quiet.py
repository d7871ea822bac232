"""Start Keras without what its backend's C++ code says to standard error on the way."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from keraudit.errors import ModelError

# One operation at a time, with all cores in it: TensorFlow's deterministic kernels alone do not make a large
# network's training the same twice on a processor. And oneDNN's kernels on every processor; without AVX-512
# TensorFlow leaves them out, and trains about half as fast.
REPEATABLE = {"TF_NUM_INTEROP_THREADS": "1", "TF_ENABLE_ONEDNN_OPTS": "1"}


def started(*, is_repeatable: bool = False) -> None:
    """Import Keras and touch its backend, so that the first notes of both are behind us.

    Args:
        is_repeatable: set ``REPEATABLE``, where the caller has not.

    Raises:
        ModelError: one of them cannot be imported; one line says why.
    """
    if is_repeatable:
        for name, value in REPEATABLE.items():
            os.environ.setdefault(name, value)
    with _buffered_stderr(), delayed_interrupts():
        try:
            import keras

            keras.ops.zeros(1)
            if is_repeatable:  # it brings in TensorFlow, whatever the backend is
                keras.utils.set_random_seed(0)
        except ImportError as error:
            reason = " ".join(str(error).split())[:200]
            raise ModelError(
                f"Keras does not start: {reason}; pip install 'keraudit[keras]'"
            ) from None


@contextmanager
def delayed_interrupts() -> Iterator[None]:
    """Let Ctrl-C wait for the end of the block: a library that is being imported may swallow it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: seen.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if seen:
        raise KeyboardInterrupt


@contextmanager
def _buffered_stderr() -> Iterator[None]:
    """Keep back what is written to standard error, by any code; show it if an error ends the block.

    TensorFlow writes its notes before its own log level is read, straight to the file descriptor.
    """
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            yield
        except (ModelError, KeyboardInterrupt):
            raise
        except BaseException:
            notes.seek(0)
            os.write(stderr, notes.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
