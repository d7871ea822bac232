"""The page on security states the limits that the code keeps, and types none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("mkdocs")

from keraudit.cli import budgets
from keraudit.explorer import upload
from keraudit.reading import archive, hdf5
from pages import security

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "site" / "guide" / "security.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("module", "name", "value", "table", "shown"),
    [
        (archive, "MOST_VALUES", 1234567, security.of_files, "1,234,567"),
        (hdf5, "CPU_SECONDS", {"config": 77, "shapes": 1}, security.of_children, "77 s"),
        (budgets, "LARGEST_FILE", 7654321, security.of_others, "7,654,321 bytes"),
        (upload, "MOST_UPLOADS", 4321, security.of_explorer, "4321, with the weights"),
    ],
)
def test_a_limit_is_the_code_s(
    module: object,
    name: str,
    value: object,
    table: object,
    shown: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert callable(table)
    assert shown not in table()
    monkeypatch.setattr(module, name, value)
    assert shown in table()


def test_the_page_calls_every_table() -> None:
    made = {name for name in vars(security) if name.startswith("of_")}
    assert {*re.findall(r"\{\{ security\.(\w+)\(\) \}\}", PAGE)} == made


def test_no_limit_is_typed() -> None:
    """But the promise of the tests, and how many inputs they try."""
    found = re.findall(r"\d[\d,]*(?: \w+)?", re.sub(r"`[^`]*`|CIFAR-10|HDF5", "", PAGE))
    assert found == ["2, within", "5 s", "500 MB", "2,000 randomly", "20,000"]
    about = re.sub(r"`[^`]*`", "", (ROOT / "SECURITY.md").read_text("utf-8"))
    assert re.findall(r"\d+", about) == []


def test_the_file_leads_to_the_page() -> None:
    about = (ROOT / "SECURITY.md").read_text("utf-8")
    links = re.findall(r"\]\(([^)]+)\)", about)
    assert links
    assert all((ROOT / link).is_file() for link in links)
