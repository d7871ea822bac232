"""The static half stands on the standard library and the command line's own libraries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "keras",
    "tensorflow",
    "torch",
    "jax",
    "numpy",
    "scipy",
    "h5py",
    "plotly",
    "mkdocs",
    "pandas",
)
RUN = """
import sys
from keraudit.cli.main import run
code = run(sys.argv[1:])
print(sorted(set(m.partition(".")[0] for m in sys.modules)), file=sys.stderr)
sys.exit(code)
"""


def modules(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", RUN, *arguments], capture_output=True, text=True, check=True
    )
    return set(eval(done.stderr.strip().splitlines()[-1]))


@pytest.mark.parametrize("form", ["table", "json", "csv", "markdown", "html"])
def test_auditing_a_file_imports_nothing_heavy(inception_file: Path, form: str) -> None:
    loaded = modules("flops", str(inception_file), "--format", form)
    assert not loaded & set(HEAVY)
    assert "rich" not in loaded


def test_comparing_and_listing_import_nothing_heavy(inception_file: Path) -> None:
    assert not modules("compare", str(inception_file), str(inception_file)) & set(HEAVY)
    assert not modules("models") & set(HEAVY)


def test_a_cached_application_imports_no_keras() -> None:
    from built import application

    application("InceptionV3")
    assert not modules("flops", "InceptionV3") & set(HEAVY)
