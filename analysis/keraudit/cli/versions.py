"""What ``keraudit --version --verbose`` shows: versions and folders, found without importing Keras."""

from __future__ import annotations

import os
import platform
import sys

from keraudit._version import __version__

PACKAGES = ("keras", "tensorflow", "torch", "jax", "numpy", "plotly", "streamlit", "fvcore")


def version_text() -> str:
    """A line for each program, with the cache folder, as a bug report wants them."""
    from keraudit.environment import installed
    from keraudit.reading.cache import cache_folder

    found = installed(PACKAGES)
    rows = {
        "keraudit": __version__,
        "Python": f"{sys.version.partition(' ')[0]} ({platform.platform(terse=True)})",
        **{name: found.get(name, "not installed") for name in PACKAGES},
        "backend": os.environ.get("KERAS_BACKEND") or "as configured in keras.json",
        "cache": str(cache_folder()),
    }
    return "\n".join(f"{name:<12}{value}" for name, value in rows.items())
