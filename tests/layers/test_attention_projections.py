"""Projections of a live attention layer that are quantised, adapted or frozen: as Keras keeps them.

On (5, 8), two heads of 4: each of four projections holds 8 x 8 = 64 weights and 8 biases, and takes
5 x 64 = 320 MACs; the two products of attention take 2 x 2 x 5 x 5 x 4 = 400.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

import keraudit
from keraudit.layers.infer import shaped
from keraudit.reading.config import architecture
from keraudit.reading.live_projections import note_projections

pytestmark = pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")

PLAIN_FLOPS = 4 * 5 * 8 + 2 * 25 * (1 + 5)  # biases; scaling and softmax of the scores


class Halved(keras.layers.Layer):
    """A projection of the user's own, in place of Keras'."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def call(self, x: Any) -> Any:
        return self.inner(x) / 2


def attending(layer: Any, *, around: Callable[[Any], Any] = lambda x: x) -> Any:
    start = keras.Input((5, 8))
    return keras.Model(start, around(layer(start, start)))


def adapted(layer: Any) -> Any:
    """As KerasHub's ``enable_lora`` adapts attention."""
    model = attending(layer)
    layer._query_dense.enable_lora(2)
    layer._value_dense.enable_lora(2)
    return model


def kept(model: Any) -> tuple[int, int, int]:
    """Parameters, those that are trained, and bytes, of Keras' own weights."""
    sizes = [
        (prod(w.shape), w.trainable, keras.backend.standardize_dtype(w.dtype))
        for w in model.weights
    ]
    width = {"float32": 4, "int8": 1, "uint8": 1}
    return (
        sum(size for size, _, _ in sizes),
        sum(size for size, trained, _ in sizes if trained),
        sum(size * width[dtype] for size, _, dtype in sizes),
    )


def stated(report: Any) -> tuple[int, int, int]:
    total = report.total
    return total.params, total.trainable_params, total.param_bytes


def exact(report: Any) -> bool:
    return all(bound == 0 for bound in report.total.bounds)


def test_int8_attention_is_counted_by_its_projections() -> None:
    model = attending(layers.MultiHeadAttention(2, 4))
    model.quantize("int8")
    report = keraudit.audit(model)
    # 288 and 3 x 8 + 8 scales; the biases stay trained; 256 bytes and 4 x (32 + 32)
    assert stated(report) == kept(model) == (320, 32, 512)
    assert report.total.macs == 4 * 320 + 400
    # each projection rounds 5 x 8 inputs by 6, takes 2 for each of 5 rows, scales 5 x 8 outputs by 2
    assert report.total.other_flops == PLAIN_FLOPS + 4 * (6 * 40 + 2 * 5 + 2 * 40)
    assert exact(report)
    assert not report.costs.unsupported


def test_low_rank_projections_are_counted() -> None:
    model = adapted(layers.MultiHeadAttention(2, 4))
    report = keraudit.audit(model)
    # A is (8, 2, 2), B is (2, 4): 40 more for each; of query and value the kernels are frozen
    assert stated(report) == kept(model) == (368, 368 - 2 * 64, 4 * 368)
    assert report.total.macs == 4 * 320 + 400 + 2 * (16 * 2 * 4) == 1936
    assert report.total.other_flops == PLAIN_FLOPS + 2 * 2 * 64
    assert exact(report)


def test_a_training_step_of_low_rank_projections() -> None:
    """Nothing before the layer is trained: no input gradients, but of the output projection."""
    total = keraudit.audit(adapted(layers.MultiHeadAttention(2, 4))).total
    projected = 3 * 2 * 320 + 3 * 320  # forward and weights; and the joined heads
    assert total.training_macs == projected + 3 * 400 + 3 * 2 * (16 * 2 * 4)


def test_a_training_step_of_int8_projections_without_biases_is_a_forward_pass() -> None:
    layer = layers.MultiHeadAttention(2, 4, use_bias=False)
    model = attending(layer)
    plain = keraudit.audit(model).total.training_macs
    assert plain == 3 * 2 * 320 + 3 * 320 + 3 * 400
    model.quantize("int8")
    assert keraudit.audit(model).total.training_macs == 4 * 320 + 400


def test_a_frozen_projection_is_not_trained() -> None:
    layer = layers.MultiHeadAttention(2, 4)
    model = attending(layer)
    layer._query_dense.trainable = False
    report = keraudit.audit(model)
    assert stated(report) == kept(model) == (288, 288 - 72, 1152)
    # no gradient of the query's kernel; all else as before
    assert report.total.training_macs == 320 + 2 * 2 * 320 + 3 * 320 + 3 * 200 - 200 + 3 * 200


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.MultiHeadAttention(2, 4, use_gate=True, value_dim=3),
        lambda: layers.MultiHeadAttention(2, 4, output_shape=(3, 2), use_bias=False),
        lambda: layers.GroupQueryAttention(4, 6, 2),
        lambda: layers.GroupQueryAttention(4, 6, 2, use_gate=True),
    ],
)
@pytest.mark.parametrize("mode", ["int8", "int4", "float8", None])
def test_weights_are_keras_own(make: Callable[[], Any], mode: str | None) -> None:
    layer = make()
    model = attending(layer) if mode else adapted(layer)
    if mode:
        model.quantize(mode)
    report = keraudit.audit(model)
    assert stated(report) == kept(model)
    assert not report.costs.unsupported


def test_what_is_not_changed_has_no_record() -> None:
    layer = layers.MultiHeadAttention(2, 4)
    model = attending(layer)
    layer.trainable = False
    record: dict[str, Any] = {"config": {}}
    note_projections(record, layer)
    assert list(record) == ["config"]
    assert stated(keraudit.audit(model)) == kept(model) == (288, 0, 1152)


def test_attention_in_a_wrapped_model_is_found() -> None:
    layer, start = layers.MultiHeadAttention(2, 4), keras.Input((3, 5, 8))
    inner = attending(layer)
    model = keras.Model(start, layers.TimeDistributed(inner)(start))
    layer._query_dense.enable_lora(2)
    report = keraudit.audit(model)
    assert stated(report) == kept(model)
    assert report.total.params == 288 + 40


def test_a_traced_model_counts_its_projections() -> None:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.attend = layers.MultiHeadAttention(2, 4)

        def call(self, x: Any) -> Any:
            return self.attend(x, x) * 2

    model = Own()
    model(keras.ops.ones((1, 5, 8)))
    model.attend._query_dense.enable_lora(2)
    report = keraudit.audit(model)
    assert stated(report) == kept(model)
    assert report.total.macs == 4 * 320 + 400 + 128


def test_a_projection_of_the_users_own_is_unsupported() -> None:
    layer = layers.MultiHeadAttention(2, 4)
    model = attending(layer)
    layer._tracker.unlock()
    layer._query_dense = Halved(layer._query_dense)
    layer._tracker.lock()
    report = keraudit.audit(model)
    (left_out,) = report.costs.unsupported
    assert (
        "its query projection: Halved, of package 'tests', is not in the layer table"
        in left_out.reason
    )
    assert report.total.bounds.macs.word == "lower"
    assert report.total.params == 288


def test_a_projection_of_another_shape_is_refused() -> None:
    model = attending(layers.MultiHeadAttention(2, 4))
    model.quantize("int8")
    record = json.loads(model.to_json())
    note_projections(record, model)
    query = record["config"]["layers"][1]["projections"][0]
    query["config"]["output_shape"] = [None, 2, 5]
    with pytest.raises(keraudit.KerauditError, match=r"query projection gives .* expected"):
        shaped(architecture(record, source="test", live=True))


@pytest.mark.parametrize("where", ["projections", "layers", "cell"])
def test_a_file_tells_no_projections(where: str, tmp_path: Path) -> None:
    """Whatever stands in a file beside the options of an attention layer, Keras makes the projections itself."""
    model = attending(layers.MultiHeadAttention(2, 4))
    record = json.loads(model.to_json())
    forged = [
        {"class_name": "Reshape", "config": {"name": role, "target_shape": [5, 2, 4]}}
        for role in ("query", "key", "value", "attention_output")
    ]
    entry = record["config"]["layers"][1]
    if where == "projections":
        entry[where] = forged
    else:
        entry["config"][where] = forged
    path = tmp_path / "forged.json"
    path.write_text(json.dumps(record))
    assert keraudit.audit(path).total == keraudit.audit(model).total


@pytest.mark.parametrize("axes", [True, [1.5], "ab"])
def test_attention_axes_that_are_no_whole_numbers(axes: Any, tmp_path: Path) -> None:
    record = json.loads(attending(layers.MultiHeadAttention(2, 4)).to_json())
    record["config"]["layers"][1]["config"]["attention_axes"] = axes
    path = tmp_path / "axes.json"
    path.write_text(json.dumps(record))
    with pytest.raises(keraudit.KerauditError, match="attention_axes must be whole numbers"):
        keraudit.audit(path)
