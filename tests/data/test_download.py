"""Data that Keras downloads."""

from __future__ import annotations

import pytest

from keraudit.data.dataset import DataError
from keraudit.data.load import load


def test_the_progress_of_a_download_stays_out_of_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keras = pytest.importorskip("keras")

    def downloading() -> None:
        print("Downloading data")  # noqa: T201  # as Keras does
        raise OSError("no network")

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", downloading)
    with pytest.raises(DataError, match="no network"):
        load("cifar10")
    assert capsys.readouterr() == ("", "Downloading data\n")
