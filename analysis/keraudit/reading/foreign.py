"""Files that are no Keras model: what each one is, and what to do instead; one sentence a format."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from keraudit.safe_text import harmless

SAVE = "save the Keras model as .keras, or write its Model.to_json()"
OPERATIONS = f"it holds operations, not Keras layers: {SAVE}"
WEIGHTS = f"it holds weights only: {SAVE}"
PICKLE = "a pickle is never opened, for that would run code from it"

# By what a file begins with.
SIGNATURES: tuple[tuple[str, str], ...] = (
    (
        r"version https://git-lfs\.github\.com/",
        "is a Git LFS pointer, not the file itself: run 'git lfs pull' in its repository",
    ),
    (r"(?i:<!doctype html|<html)", "is a web page, not the file itself: download the raw file"),
    (r"<<<<<<< ", "holds git's conflict markers (line 1): resolve the conflict first"),
    (r"....TFL3", f"is a TensorFlow Lite model; {OPERATIONS}"),
    (r"\x08\x01\x12", f"is the graph of a SavedModel; {OPERATIONS}"),
    (r"\x08[\x02-\x14]\x12", f"is an ONNX model; {OPERATIONS}"),
    (r"\x80[\x02-\x05]", f"is a Python pickle, such as PyTorch writes; {PICKLE}: {SAVE}"),
    (r"\x93NUMPY", f"is a NumPy array; {WEIGHTS}"),
    (r".{7}\x00\{", f"is a safetensors file; {WEIGHTS}"),
    (r"GGUF", f"is a GGUF file; {WEIGHTS}"),
    (r"\x1f\x8b|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd|7z\xbc\xaf|Rar!", "is compressed: unpack it first"),
)
# By the ending of its name, where its first bytes do not tell.
ENDINGS: Mapping[str, str] = {
    ".onnx": f"is an ONNX model; {OPERATIONS}",
    ".pb": f"is a TensorFlow graph; {OPERATIONS}",
    ".tflite": f"is a TensorFlow Lite model; {OPERATIONS}",
    ".mlmodel": f"is a Core ML model; {OPERATIONS}",
    ".pt": f"is a PyTorch file; {PICKLE}: {SAVE}",
    ".pth": f"is a PyTorch file; {PICKLE}: {SAVE}",
    ".pkl": f"is a Python pickle; {PICKLE}: {SAVE}",
    ".ckpt": f"is a checkpoint; {WEIGHTS}",
    ".index": f"is the index of a TensorFlow checkpoint; {WEIGHTS}",
    ".tar": "is an archive: unpack it first",
    ".py": "is Python code: pass package.module:callable with a function that returns the model",
}
YAML = re.compile(rb"^(backend|class_name|config|keras_version):", re.MULTILINE)
CONFLICT = re.compile(rb"^<<<<<<< ", re.MULTILINE)

# By the keys of a JSON record.
TRAINING = frozenset(
    "batch_size epochs num_epochs lr learning_rate optimizer optimizer_config loss loss_weights metrics"
    " momentum weight_decay lr_scheduler_type num_train_epochs per_device_train_batch_size"
    " train_batch_size gradient_accumulation_steps warmup_steps max_steps".split()
)
RECORDS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"nbformat", "cells"}), "a Jupyter notebook"),
    (
        frozenset({"keras_version", "date_saved"}),
        "the metadata of a .keras file, not its config.json",
    ),
    (frozenset({"image_data_format", "floatx"}), "the settings of Keras itself"),
    (frozenset({"weight_map"}), "the index of a model's weights"),
    (
        frozenset({"class_mode", "layers"}),
        "a model of Keras before 1.0, which no later version reads",
    ),
)


def other_format(name: str, start: bytes) -> str:
    """What a file is that is neither JSON, nor HDF5, nor a zip archive; empty where nothing tells.

    Args:
        name: of the file, for its ending.
        start: its first bytes.

    >>> other_format("m.bin", b"GGUF")[:15]
    'is a GGUF file;'
    """
    shown = start.lstrip(b"\xef\xbb\xbf \t\r\n").decode("latin-1")
    for pattern, sentence in SIGNATURES:
        if re.match(pattern, shown if shown[:1] == "<" else start.decode("latin-1"), re.DOTALL):
            return sentence
    ending = re.search(r"\.\w+$", name.lower())
    if YAML.search(start):
        return f"is YAML, which Keras writes no more: load it where it was written, and {SAVE}"
    return ENDINGS.get(ending.group(), "") if ending else ""


def other_archive(names: Collection[str]) -> str:
    """What a zip archive without ``config.json`` is, by the names in it."""
    if any(name.endswith("data.pkl") for name in names):
        return f"is a PyTorch file; {PICKLE}: {SAVE}"
    if names and all(name.endswith(".npy") for name in names):
        return f"holds NumPy arrays; {WEIGHTS}"
    if any(name.endswith("saved_model.pb") for name in names):
        return f"holds a SavedModel; {OPERATIONS}"
    models = [name for name in names if name.endswith((".keras", ".h5", ".hdf5", "config.json"))]
    if models:
        return f"is a zip archive around {harmless(models[0])[:80]!r}: unpack it first"
    return "is a zip archive without config.json, so not a .keras file of Keras 3"


def conflict_line(data: bytes | str) -> int:
    """The line of the first conflict marker of git's; 0 where there is none."""
    if isinstance(data, str):
        return 0
    found = CONFLICT.search(data)
    return data.count(b"\n", 0, found.start()) + 1 if found else 0


def other_json(record: Any) -> str:
    """What JSON is that describes no Keras model; empty where nothing tells."""
    if isinstance(record, list):
        return "a list, not a model"
    if not isinstance(record, Mapping):
        return ""
    keys = record.keys()
    for signs, what in RECORDS:
        if signs <= keys:
            return what
    if "model_type" in keys or "transformers_version" in keys or "_class_name" in keys:
        name = record.get("model_type") or record.get("_class_name") or record.get("architectures")
        return f"the hyperparameters of a Hugging Face model ({harmless(str(name))[:60]}), not its layers"
    if len(TRAINING & keys) > 1:
        return f"training arguments ({_listed(sorted(TRAINING & keys))}), not a model"
    if keys and all(isinstance(value, list) and _plain(value) for value in record.values()):
        return f"lists of numbers ({_listed(keys)}), as of a training history, not a model"
    if keys and all(map(_plain, record.values())):
        return f"hyperparameters or other plain values ({_listed(keys)}), not layers"
    return ""


def _plain(value: Any) -> bool:
    """Whether a value is a number, a text, or a list of such."""
    items = value if isinstance(value, list) else [value]
    return bool(items) and all(
        item is None or isinstance(item, str | int | float) for item in items
    )


def _listed(keys: Collection[str]) -> str:
    names = [harmless(str(key))[:40] for key in list(keys)[:3]]
    return ", ".join(names) + (", ..." if len(keys) > 3 else "")
