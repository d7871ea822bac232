"""What is no Keras model is called what it is, in one line with what to do."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from keraudit.errors import ModelError
from keraudit.reading.resolve import resolve

MODEL = (
    b'{"class_name": "Sequential",\n<<<<<<< HEAD\n "config": 1\n=======\n "config": 2\n>>>>>>> b\n}'
)
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name in names:
            file.writestr(name, b"x")
    return out.getvalue()


FILES = {
    "empty": ("m.keras", b"", "is empty"),
    "empty JSON": ("m.json", b"", "is empty"),
    "LFS pointer": ("m.keras", LFS, "is a Git LFS pointer.*git lfs pull"),
    "LFS pointer in JSON": ("m.json", LFS, "is a Git LFS pointer"),
    "LFS pointer in HDF5": ("m.h5", LFS, "is a Git LFS pointer"),
    "conflict": ("m.json", MODEL, r"conflict markers \(line 2\): resolve"),
    "conflict at once": ("m.json", MODEL.partition(b"\n")[2], r"conflict markers \(line 1\)"),
    "web page": ("m.keras", b"\n<!DOCTYPE html>\n<html>", "is a web page.*raw file"),
    "ONNX": ("m.onnx", b"\x08\x07\x12\x07pytorch", "is an ONNX model"),
    "ONNX, renamed": ("m.keras", b"\x08\x07\x12\x07pytorch", "is an ONNX model"),
    "SavedModel": ("saved_model.pb", b"\x08\x01\x12\x93", "is the graph of a SavedModel"),
    "frozen graph": ("frozen.pb", b"\n\x1a\n\x01x", "is a TensorFlow graph"),
    "TensorFlow Lite": ("m.tflite", b"\x1c\0\0\0TFL3\x14\0", "is a TensorFlow Lite model"),
    "PyTorch": ("m.pt", zipped("m/data.pkl", "m/data/0"), "is a PyTorch file.*never opened"),
    "PyTorch of old": ("m.pth", b"\x80\x02\x8a\nl\xfc", "is a Python pickle"),
    "NumPy": ("m.npy", b"\x93NUMPY\x01\0", "is a NumPy array.*weights only"),
    "NumPy archive": ("m.npz", zipped("a.npy", "b.npy"), "NumPy arrays.*weights only"),
    "safetensors": ("m.safetensors", b'\x40\0\0\0\0\0\0\0{"a":', "is a safetensors file"),
    "gzip": ("m.keras.gz", b"\x1f\x8b\x08\0", "is compressed: unpack it first"),
    "zip of a model": ("m.zip", zipped("model/m.keras"), "around 'model/m.keras': unpack"),
    "zip of a SavedModel": ("m.zip", zipped("m/saved_model.pb"), "holds a SavedModel"),
    "zip of a folder": ("m.zip", zipped("m/config.json"), "around 'm/config.json'"),
    "YAML": ("m.yaml", b"backend: tensorflow\nclass_name: Model\n", "is YAML"),
    "Python": ("m.py", b"import keras\n", "is Python code: pass package.module:callable"),
    "checkpoint": ("m.ckpt", b"\0\0\0\0", "is a checkpoint; it holds weights only"),
}


@pytest.mark.parametrize("case", FILES)
def test_files_of_other_kinds(tmp_path: Path, case: str) -> None:
    name, data, message = FILES[case]
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ModelError, match=message) as caught:
        resolve(str(path))
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


RECORDS: dict[str, tuple[Any, str]] = {
    "transformers": ({"model_type": "bert", "hidden_size": 768}, r"Hugging Face model \(bert\)"),
    "diffusers": ({"_class_name": "UNet", "sample_size": 64}, r"Hugging Face model \(UNet\)"),
    "training": (
        {"learning_rate": 0.1, "num_train_epochs": 3, "output_dir": "x", "nested": {"a": 1}},
        r"training arguments \(learning_rate, num_train_epochs\)",
    ),
    "hyperparameters": (
        {"units": 64, "kernel": [3, 3], "dropout": 0.5, "name": None},
        r"hyperparameters or other plain values \(units, kernel, dropout, \.\.\.\), not layers",
    ),
    "history": ({"loss_a": [0.3, 0.2], "val": [0.4, 0.3]}, "as of a training history"),
    "metadata": (
        {"keras_version": "3.15.0", "date_saved": "2026"},
        "the metadata of a .keras file",
    ),
    "settings": (
        {"floatx": "float32", "image_data_format": "channels_last"},
        "the settings of Keras itself",
    ),
    "notebook": ({"nbformat": 4, "cells": []}, "a Jupyter notebook"),
    "index": ({"metadata": {}, "weight_map": {}}, "the index of a model's weights"),
    "Keras 0": ({"class_mode": "categorical", "layers": []}, r"a model of Keras before 1\.0"),
    "list": ([{"class_name": "Dense"}], "a list, not a model"),
    "anything": ({"a": {"b": {}}}, "it has no 'class_name'"),
    "nothing": ({}, "it has no 'class_name'"),
    "escapes": ({"a\x1b[31m": 1}, r"hyperparameters or other plain values \(a\\x1b\[31m\)"),
}


@pytest.mark.parametrize("case", RECORDS)
def test_json_of_other_kinds(tmp_path: Path, case: str) -> None:
    record, message = RECORDS[case]
    path = tmp_path / "config.json"
    path.write_text(json.dumps(record))
    with pytest.raises(ModelError, match=message) as caught:
        resolve(str(path))
    assert str(caught.value).startswith(f"{path}: the JSON ")
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_saved_model_and_another_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is a folder: expected a file"):
        resolve(str(tmp_path))
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01")
    with pytest.raises(ModelError, match="is a SavedModel, a folder that holds operations"):
        resolve(str(tmp_path))
