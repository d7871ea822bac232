"""A model with layers of the user's own, named at the start: every page shows its trace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from explorer.pages import command, errors, metrics
from keraudit.explorer.start import IMPORTS_VARIABLE, MODEL_VARIABLE
from keraudit.output.numbers import short

pytest.importorskip("keras")

CODE = """
import keras

class Unit(keras.layers.Layer):
    def __init__(self, filters, **options):
        super().__init__(**options)
        self.filters = filters
        self.conv = keras.layers.Conv2D(filters, 3, padding="same", name="conv")
        self.norm = keras.layers.BatchNormalization(name="norm")
    def call(self, x):
        return keras.ops.relu(x + self.norm(self.conv(x)))
    def get_config(self):
        return {**super().get_config(), "filters": self.filters}

def make():
    x = start = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", name="stem")(x)
    for number in range(2):
        x = Unit(4, name=f"unit_{number}")(x)
    return keras.Model(start, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x)))
"""
UNIT = 12 * 12 * 9 * 4 * 4
TOTAL = 12 * 12 * 9 * 3 * 4 + 2 * UNIT + 4 * 2


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine_units.py").write_text(CODE)
    monkeypatch.setenv(MODEL_VARIABLE, "mine_units:make")


@pytest.mark.usefixtures("named")
def test_every_page_shows_it(open_page: Any) -> None:
    app = open_page(page="map")
    assert metrics(app)["MACs"] == short(TOTAL)
    layer = open_page(page="layer", block="unit_1", layer="unit_1/conv")
    assert not errors(layer)
    assert metrics(layer)["MACs"] == short(UNIT)
    for page in ("what-if", "compare", "gradients", "export", "runs"):
        assert not errors(open_page(page=page)), page


@pytest.mark.usefixtures("named")
def test_at_another_size_it_is_traced_anew(open_page: Any) -> None:
    app = open_page(page="map", size="24x24x3")
    assert not errors(app)
    assert metrics(app)["MACs"] == short(4 * (TOTAL - 8) + 8)
    assert command(app) == "keraudit flops mine_units:make --input-shape 24,24,3"


def test_a_file_with_its_package_and_not_uploads(
    open_page: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.chdir(tmp_path)
    Path("mine_units.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    import mine_units  # type: ignore[import-not-found]

    mine_units.make().save("net.keras")
    del sys.modules["mine_units"]
    monkeypatch.setenv(MODEL_VARIABLE, "net.keras")
    monkeypatch.setenv(IMPORTS_VARIABLE, "./mine_units.py")
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p != str(tmp_path)])
    app = open_page(page="map")
    assert metrics(app)["MACs"] == short(TOTAL)
    assert command(app) == "keraudit flops net.keras --import ./mine_units.py"
    app.file_uploader[0].upload("net.keras", Path("net.keras").read_bytes()).run()
    assert metrics(app)["MACs"] != short(TOTAL)
    assert "--import" not in command(app)
