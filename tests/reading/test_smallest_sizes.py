"""The smallest sizes of applications, known without Keras, are those that Keras checks."""

from __future__ import annotations

import inspect
import re

import pytest

from keraudit.reading.applications import SMALLEST_SIDE, SMALLEST_SIDES, applications

keras = pytest.importorskip("keras")


@pytest.mark.parametrize("name", applications())
def test_it_is_what_keras_says(name: str) -> None:
    module = inspect.getmodule(getattr(keras.applications, name))
    assert module is not None
    shared = getattr(module, "resnet", module)  # what ResNets of both versions are built by
    source = inspect.getsource(shared)
    found = re.findall(r"min_size=([0-9]+)|rows < ([0-9]+)", source)
    sides = {int(a or b) for a, b in found}
    assert sides == {SMALLEST_SIDES.get(name, SMALLEST_SIDE)}
