"""Start Keras without what its backend's C++ code says to standard error on the way."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from keraudit.errors import ModelError


def started() -> None:
    """Import Keras and touch its backend, so that the first notes of both are behind us.

    Raises:
        ModelError: one of them cannot be imported; one line says why.
    """
    with held_back():
        try:
            import keras

            keras.ops.zeros(1)
        except ImportError as error:
            reason = " ".join(str(error).split())[:200]
            raise ModelError(
                f"Keras does not start: {reason}; pip install 'keraudit[keras]'"
            ) from None


@contextmanager
def held_back() -> Iterator[None]:
    """Keep back what is written to standard error, by any code; show it if an error ends the block.

    TensorFlow writes its notes before its own log level is read, straight to the file descriptor.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            yield
        except ModelError:
            raise
        except BaseException:
            notes.seek(0)
            os.write(kept, notes.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
