"""Fixtures for all tests: Keras kept quiet, and its applications built once and kept in build/."""

from __future__ import annotations

import os
import re
from functools import cache as once
from importlib.util import find_spec
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

HERE = Path(__file__).parent
CACHE = HERE.parent / "build" / "keras-graphs"
# One application of each family is in every run of the tests; the others are in `make test-all`.
FAMILIES = (
    *("ConvNeXtTiny", "DenseNet121", "EfficientNetB0", "EfficientNetV2B0", "InceptionResNetV2"),
    *("InceptionV3", "MobileNet", "MobileNetV2", "MobileNetV3Small", "NASNetMobile", "ResNet50"),
    *("ResNet50V2", "VGG16", "Xception"),
)
# Built with weights and run, these show little that one of the others does not.
NOT_BUILT = {"EfficientNetV2B0", "MobileNet", "MobileNetV2", "ResNet50V2", "VGG16", "Xception"}
KERAS = re.compile(
    r"^\s*(?:import keras\b|from keras\b|.*importorskip\(.(?:keras|jax|tensorflow|torch).\))",
    re.MULTILINE,
)
HELPERS = re.compile(r"^\s*(?:from|import) (\w+)", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Where there is no Keras, leave out the files that start it (``make pythons``)."""
    if find_spec("keras") is None and collection_path.suffix == ".py":
        return starts_keras(collection_path) or None
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts Keras or a browser, and the applications that are one of many."""
    from keraudit.reading.applications import applications

    others = {*applications()} - {*FAMILIES}
    slow = others | {
        "DenseNet121",
        "EfficientNetB0",
        "InceptionResNetV2",
        "NASNetMobile",
        "ResNet-CIFAR-1202",
    }
    for item in items:
        if starts_browser(item):
            item.add_marker(pytest.mark.browser)
        if starts_keras(item.path):
            item.add_marker(pytest.mark.keras)
        call = getattr(item, "callspec", None)
        left = slow if item.path.parent.name in ("rewrite", "building", "structure") else others
        if item.path.parent.name == "building":
            left = left | NOT_BUILT
        if call and left & {v for v in call.params.values() if isinstance(v, str)}:
            item.add_marker(pytest.mark.exhaustive)


def starts_browser(item: pytest.Item) -> bool:
    """Whether a test asks for a browser: as a fixture, or by the helper that its file imports."""
    asked = {"browser", "running", "visit"} & set(getattr(item, "fixturenames", ()))
    return bool(asked) or imports_browser(item.path)


@once
def imports_browser(path: Path) -> bool:
    return "from browser import" in path.read_text()


@once
def starts_keras(path: Path) -> bool:
    """Whether a file of tests imports Keras, or a helper of ours that does; a folder's conftest counts."""
    text = path.read_text()
    folder = path.with_name("conftest.py")
    if KERAS.search(text) or (
        path != folder and folder.is_file() and KERAS.search(folder.read_text())
    ):
        return True
    helpers = (HERE / "support" / f"{name}.py" for name in HELPERS.findall(text))
    return any(helper.is_file() and starts_keras(helper) for helper in helpers)


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where built applications are kept: never the user's own cache."""
    monkeypatch.setenv("KERAUDIT_CACHE", str(CACHE))
    return CACHE


@pytest.fixture(scope="session")
def inception_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved InceptionV3 with its weights, as a user has one."""
    import keras

    path = tmp_path_factory.mktemp("saved") / "inception.keras"
    keras.utils.clear_session()
    keras.applications.InceptionV3(weights=None).save(path)
    return path
