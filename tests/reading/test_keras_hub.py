"""KerasHub's models, small: our MACs are those of the JAX program, our parameters Keras' own."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from records.jax_products import Unbounded, products
from records.keras_hub import COMMAND, MODELS, PATH, is_exact, is_exact_from_file
from records.keras_hub_models import UNBUILT

ANALYSIS = Path(__file__).parents[2] / "analysis"
FAMILIES = (
    *("BertTextClassifier", "GPT2CausalLM", "Llama3CausalLM", "T5Backbone", "WhisperBackbone"),
    *("ResNetImageClassifier", "ViTImageClassifier", "RetinaNetObjectDetector"),
)
# KerasHub's classes that only dispatch to those of one architecture.
GENERAL = frozenset(
    "Backbone FeaturePyramidBackbone CausalLM Classifier DepthEstimator ImageClassifier ImageObjectDetector"
    " ImageSegmenter ImageToImage Inpaint MaskedLM ObjectDetector Seq2SeqLM Task TextClassifier TextEmbedder"
    " TextToImage AudioToText".split()
)
NO_MODELS = ("Tokenizer", "Preprocessor", "Converter", "Sampler")
pytestmark = pytest.mark.keras  # in processes of its own
needs_keras_hub = pytest.mark.skipif(
    not (find_spec("keras_hub") and find_spec("jax")), reason="keras-hub or jax is not installed"
)


def counted(*names: str) -> list[dict[str, Any]]:
    """Both counts of some models, made in a process of JAX."""
    done = subprocess.run(
        [sys.executable, "-m", "records.keras_hub", *names],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ANALYSIS)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_the_second_count_by_hand() -> None:
    jax = pytest.importorskip("jax")
    lax, numpy = jax.lax, jax.numpy

    def program(x: Any, kernel: Any) -> Any:
        wide = numpy.einsum("bhwc,cd->bhwd", x, numpy.ones((3, 5)))  # 6 * 6 * 3 * 5
        y = lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )  # 6 * 6 * 3 * 3 * 3 * 4
        up = lax.conv_transpose(x, kernel, (2, 2), "SAME")  # from the input: 6 * 6 * 3 * 3 * 3 * 4
        looped, _ = lax.scan(lambda a, _: (a @ numpy.ones((4, 4)), None), y[0, 0], None, length=7)
        outer = numpy.einsum("i,j->ij", x[0, 0, 0], x[0, 0, 1])  # nothing is summed
        picked = lax.cond(x[0, 0, 0, 0] > 0, lambda: looped @ looped.T, lambda: looped @ looped.T)
        return wide, up, looped, outer, picked

    made = jax.make_jaxpr(program)(numpy.ones((1, 6, 6, 3)), numpy.ones((3, 3, 3, 4)))
    convolved = 6 * 6 * 3 * 3 * 3 * 4
    assert products(made.jaxpr) == 6 * 6 * 3 * 5 + 2 * convolved + 7 * 6 * 4 * 4 + 6 * 6 * 4
    with pytest.raises(Unbounded):
        products(
            jax.make_jaxpr(lambda a: lax.while_loop(lambda b: b.sum() < 9, lambda b: b @ b, a))(
                numpy.ones((2, 2))
            ).jaxpr
        )


@needs_keras_hub
def test_eight_families_are_exact() -> None:
    assert [row["name"] for row in counted(*FAMILIES) if not is_exact_from_file(row)] == []


def counts(row: dict[str, Any]) -> list[Any]:
    """What a row counts; reasons repeat automatic names."""
    return [
        row[key]
        for key in ("name", "macs", "jax_macs", "params", "keras_params", "bound", "file_macs")
    ]


@needs_keras_hub
@pytest.mark.exhaustive
def test_nine_in_ten_are_exact_and_the_others_bounds() -> None:
    rows = counted(*MODELS)
    exact = list(filter(is_exact, rows))
    assert len(exact) >= 0.9 * len(rows)
    assert sum(map(is_exact_from_file, rows)) >= 0.9 * len(rows)
    for row in rows:
        if not is_exact(row):
            assert row["bound"] != "exact", row
            assert row["reason"], row
            assert row["jax_macs"] is None or row["macs"] <= row["jax_macs"], row
    recorded = json.loads(PATH.read_text("utf-8"))["models"]
    assert [*map(counts, rows)] == [*map(counts, recorded)], f"run {COMMAND}"


def test_the_record_holds_every_model_of_the_list() -> None:
    record = json.loads(PATH.read_text("utf-8"))
    assert [row["name"] for row in record["models"]] == list(MODELS)
    for row in record["models"]:
        if row["bound"] == "exact":
            assert is_exact(row), row


@needs_keras_hub
@pytest.mark.exhaustive
def test_every_class_that_keras_hub_exports_is_listed() -> None:
    keras_hub = pytest.importorskip("keras_hub")
    classes: dict[int, set[str]] = {}  # a class may be exported under several names
    for name, kind in vars(keras_hub.models).items():
        if inspect.isclass(kind) and not name.endswith(NO_MODELS):
            classes.setdefault(id(kind), set()).add(name)
    known = MODELS.keys() | UNBUILT.keys() | GENERAL
    assert [names for names in classes.values() if not names & known] == []
