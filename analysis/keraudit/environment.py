"""The machine, the versions and the revision that a record names: found here, and nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from keraudit._version import __version__

# What computes for a backend, in packages of their own, where they are.
_CUDNN = ("nvidia-cudnn-cu12", "nvidia-cudnn-cu13")
_BENEATH = {
    "jax": ("jaxlib", "jax-cuda12-plugin", "jax-cuda13-plugin", *_CUDNN),
    "tensorflow": _CUDNN,
    "torch": _CUDNN,
}


def own_versions() -> dict[str, str]:
    """The versions of keraudit and Python, which every record names; no Keras is imported."""
    return {"keraudit": __version__, "python": sys.version.partition(" ")[0]}


def short_versions() -> dict[str, str]:
    """The versions that an audit with Keras names: Keras, its backend and NumPy too."""
    return {
        **own_versions(),
        "keras": _keras_version(),
        "backend": f"{backend()} {_backend_version()}",
        **installed(["numpy"]),
    }


def versions() -> dict[str, str]:
    """The versions of everything that has a part in the numbers of a run, where it is installed."""
    name = backend()
    return {
        **own_versions(),
        "keras": _keras_version(),
        name: _backend_version(),
        **installed([*_BENEATH.get(name, ()), "numpy", "pillow"]),
    }


def installed(packages: Iterable[str]) -> dict[str, str]:
    """The versions of those packages that are installed."""
    from importlib.metadata import PackageNotFoundError, version

    present = {}
    for name in packages:
        try:
            present[name] = version(name)
        except PackageNotFoundError:
            continue
    return present


def backend() -> str:
    """The name of Keras' backend."""
    import keras

    return str(keras.backend.backend())


def processor() -> str:
    """The processor's model where the system names it, else its kind."""
    import platform

    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    named = (" ".join(line.partition(":")[2].split()) for line in lines if _is_model(line))
    return next(filter(None, named), platform.processor() or platform.machine())


def _is_model(line: str) -> bool:
    """Whether a line of ``/proc/cpuinfo`` names the processor's model.

    >>> _is_model("model name\t: AMD EPYC"), _is_model("model\t\t: 1")
    (True, False)
    """
    return line.partition(":")[0].strip() == "model name"


def cores() -> int | None:
    """How many processors the system counts."""
    import os

    return os.cpu_count()


def hardware() -> dict[str, Any]:
    """The processor, its cores, and the devices that Keras computes on, by kind."""
    return {"processor": processor(), "cores": cores(), "devices": _devices()}


def hardware_line() -> str:
    """The processor and its cores, in one line."""
    return f"{processor()}, {cores()} cores"


def where() -> dict[str, Any]:
    """What a session of a run is made on, and when."""
    import time

    return {"date": time.strftime("%Y-%m-%d"), "hardware": hardware(), "versions": versions()}


def revision() -> str:
    """The git revision of the code, with a plus sign if it was changed since; empty outside git."""
    import subprocess

    def git(*arguments: str) -> str:
        here = Path(__file__).parent
        done = subprocess.run(
            ["git", *arguments], cwd=here, capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        commit = git("rev-parse", "--short=12", "HEAD")
        return commit + ("+" if commit and git("status", "--porcelain", "-uno") else "")
    except OSError:
        return ""


def _keras_version() -> str:
    import keras

    return str(keras.version())


def _backend_version() -> str:
    """By the module, for its package may be called otherwise (tensorflow-cpu)."""
    from importlib import import_module

    return str(import_module(backend()).__version__)


def _devices() -> list[str]:
    if backend() == "jax":
        import jax

        return [device.device_kind for device in jax.devices()]
    if backend() == "tensorflow":
        import tensorflow as tf

        return [_tensorflow_device(tf, device) for device in tf.config.list_physical_devices()]
    import torch

    count = torch.cuda.device_count()
    return [torch.cuda.get_device_name(i) for i in range(count)] or ["CPU"]


def _tensorflow_device(tf: Any, device: Any) -> str:
    is_gpu = device.device_type == "GPU"
    details = tf.config.experimental.get_device_details(device) if is_gpu else {}
    return str(details.get("device_name", device.device_type))
