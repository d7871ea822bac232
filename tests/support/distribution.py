"""The wheel and the sdist, built from the tracked files alone, without an index and without pip."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD = """
import sys
from setuptools import build_meta
folder = sys.argv[1]  # setuptools puts words of its own there
build_meta.build_wheel(folder)
build_meta.build_sdist(folder)
"""


def tracked() -> list[str]:
    """The paths that git knows and that are there; none outside a checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], capture_output=True, check=False, cwd=ROOT, text=True
    )
    names = [] if listed.returncode else listed.stdout.split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


def built(folder: Path) -> tuple[Path, Path]:
    """The wheel and the sdist, made in a copy of the checkout."""
    copy, out = folder / "checkout", folder / "dist"
    for name in tracked():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    out.mkdir()
    subprocess.run(
        [sys.executable, "-P", "-c", BUILD, str(out)], check=True, capture_output=True, cwd=copy
    )
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return wheel, sdist


def in_wheel(path: Path) -> dict[str, int]:
    """The files of a wheel with their sizes."""
    with zipfile.ZipFile(path) as archive:
        return {item.filename: item.file_size for item in archive.infolist()}


def in_sdist(path: Path) -> set[str]:
    """The files of an sdist, without the folder that holds them all."""
    with tarfile.open(path) as archive:
        return {item.name.partition("/")[2] for item in archive if item.isfile()}
