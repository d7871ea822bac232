"""Rewrites keep the user's rules and what the file records, and leave the user's classes alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from chains import chain, conv, dense, layer, macs, read
from keraudit.audits.reductions.report import reductions, reductions_grid
from keraudit.errors import KerauditError
from keraudit.layers.user_rules import rules_from
from keraudit.model.blocks import blocks
from keraudit.model.bounds import Bound
from keraudit.model.graph import UNSUPPORTED, Graph, Ref
from keraudit.output.table import written
from keraudit.output.terminal import grid_text
from keraudit.rewrite.activation import with_activation
from keraudit.rewrite.apply import rewritten
from keraudit.rewrite.edit import Rewrite
from keraudit.rewrite.input_size import at_input_shape
from keraudit.rewrite.normalization import without_normalization
from keraudit.rewrite.options import Rewriting
from keraudit.rewrite.repeat import repeat_block
from keraudit.rewrite.width import with_filters, with_width

MAP_GATE = rules_from("""
[layers.Gate]
output = ["batch", "input[1]", "input[2]", "units"]
macs = "batch * input[1] * input[2] * input[-1] * units"
params = "input[-1] * units"
""")
GATE = rules_from("""
[layers.Gate]
output = ["batch", "input[1]", "units"]
macs = "batch * input[1] * input[-1] * units"
""")
NARROWED = chain(
    (8, 8, 16),
    conv("r", 4, 1),
    conv("b", 16, 3),
    layer("Gate", "c", module="my", units=64),
    conv("o", 8, 3),
)
NORMED = chain(
    (10, 8),
    layer("LayerNormalization", "n", axis=-1),
    layer("Gate", "c", module="my", units=64),
    dense("e", 4),
)
LAMBDA = chain(
    (10, 8),
    layer("LayerNormalization", "n", axis=-1),
    layer("Lambda", "f", recorded=[None, 10, 64]),
    dense("e", 4),
)


def test_what_reductions_save_before_a_layer_of_the_user_s() -> None:
    found = reductions(read(NARROWED, MAP_GATE))
    gate, last = 64 * 16 * 64, 64 * 64 * 9 * 8
    assert found.total.macs_with == 64 * 16 * 4 + 64 * 4 * 9 * 16 + gate + last == 401_408
    assert found.total.macs_without == 64 * 16 * 9 * 16 + gate + last == 507_904
    assert found.total.saving == 106_496
    assert found.bound is Bound.EXACT
    assert found.to_dict()["unsupported"] == []
    assert "LOWER BOUND" not in str(found)


def test_reductions_say_that_they_are_an_estimate() -> None:
    found = reductions(read(NARROWED))
    data = found.to_dict()
    assert data["bound"] == data["totals"]["bounds"]["macs"] == "estimate"
    assert [(u["layer"], u["kind"]) for u in data["unsupported"]] == [("c", "Gate")]
    text = grid_text(reductions_grid(found))
    assert "about 114.7 k MACs, about 221.2 k without" in text
    assert "ESTIMATE (≈), for a shape is assumed: 1 not counted in full" in text
    assert "c (Gate): Gate, of package 'my', is not in the layer table" in text


STEPS: dict[str, Callable[[Graph], Rewrite]] = {
    "width": lambda g: with_width(g, 1),
    "norm": without_normalization,
    "size": at_input_shape,
    "activation": lambda g: with_activation(g, "gelu"),
}


@pytest.mark.parametrize("step", STEPS)
def test_rules_outlive_a_rewrite(step: str) -> None:
    done = STEPS[step](read(NORMED, GATE)).graph
    assert macs(done) == 10 * 8 * 64 + 10 * 64 * 4 == 7_680
    assert all(node.effect.status != UNSUPPORTED for node in done.nodes)


def test_rules_outlive_every_rewrite_in_a_row() -> None:
    asked = Rewriting(without_norm=True, without_reductions=True, width=1.0, activation="gelu")
    done, _ = rewritten(read(NARROWED, MAP_GATE), asked)
    assert macs(done) == 507_904


@pytest.mark.parametrize("step", STEPS)
def test_a_recorded_shape_outlives_a_rewrite(step: str) -> None:
    done = STEPS[step](read(LAMBDA)).graph
    assert macs(done) == 10 * 64 * 4
    again = without_normalization(with_width(done, 1).graph).graph
    assert macs(again) == 10 * 64 * 4


def test_a_recorded_shape_goes_with_the_input_it_was_recorded_for() -> None:
    record = chain(
        (10, 8), dense("a", 6), layer("Lambda", "f", recorded=[None, 10, 6]), dense("e", 4)
    )
    done = with_width(read(record), 0.5).graph
    assert [n.outputs[0].shape for n in done.nodes] == [
        (1, 10, 8),
        (1, 10, 3),
        (1, 10, 3),
        (1, 10, 4),
    ]
    assert "scaled from the one" in done.nodes[2].effect.reason
    assert done.nodes[3].bounds.macs is Bound.ESTIMATE
    assert Ref(2) not in done.architecture.recorded
    back = with_width(done, 2).graph
    assert back.nodes[2].outputs[0].shape == (1, 10, 6)


def test_a_recorded_shape_does_not_hold_at_another_size() -> None:
    small = at_input_shape(read(LAMBDA), (5, 8)).graph
    assert small.nodes[2].outputs[0].shape == (1, 5, 64)
    assert small.nodes[2].bounds.activations is Bound.ESTIMATE
    assert without_normalization(small).graph.nodes[1].outputs[0].shape == (1, 5, 64)


def test_the_copies_of_a_block_keep_what_is_recorded() -> None:
    """A Lambda that widens 8 to 64 and says so nowhere else, a Dense back to 8, and their input."""
    import keras

    start = keras.Input((10, 8))
    widen = keras.layers.Lambda(lambda x: keras.ops.tile(x, (1, 1, 8)), output_shape=(10, 64))
    inner = keras.layers.Dense(8, use_bias=False)(widen(start))
    out = keras.layers.Dense(4, use_bias=False)(keras.layers.Add()([start, inner]))
    record = json.loads(keras.Model(start, out).to_json())
    del record["config"]["layers"][1]["config"]["output_shape"]
    graph = read(record)
    block = next(b.name for b in blocks(graph) if b.kind == "fork-join")
    assert macs(graph) == 10 * 64 * 8 + 10 * 8 * 4
    assert macs(repeat_block(graph, block, 3).graph) == 3 * 10 * 64 * 8 + 10 * 8 * 4


@pytest.mark.parametrize("config", [{"groups": [4, 4]}, {"groups": "batch"}, {"units": 8}])
def test_a_width_is_for_the_layers_of_keras(config: dict[str, Any]) -> None:
    record = chain((8,), layer("Mine", "c", module="my", **config), dense("d", 4), dense("e", 4))
    done = with_width(read(record), 0.5)
    assert [change.layer for change in done.changes] == ["d"]
    assert macs(done.graph) == 8 * 2 + 2 * 4
    missed = [c.why for c in done.log if c.what == "not reached"]
    assert missed == (
        ["Mine is not a class of Keras: what its options mean is not known"]
        if "units" in config
        else []
    )


def test_filters_are_those_of_a_convolution_of_keras() -> None:
    record = chain((8, 8, 3), layer("Mine", "c", module="my", filters=4), conv("d", 4, 3))
    with pytest.raises(KerauditError, match="no convolution is called 'c': expected one of d"):
        with_filters(read(record), "c", 8)


@pytest.mark.parametrize("own", [["relu", "relu"], 3, {"class_name": "Own", "config": ["relu"]}])
def test_an_activation_is_for_the_layers_of_keras(own: Any) -> None:
    mine = layer("Mine", "c", module="my", activation=own)
    record = chain((8,), mine, dense("d", 4, activation="relu"), dense("e", 4))
    done = with_activation(read(record), "gelu")
    assert [change.layer for change in done.changes] == ["d"]
    assert [c.layer for c in done.log if c.what == "not reached"] == ["c"]
    assert done.graph.nodes[1].layer.config["activation"] == own


def test_what_width_and_activation_do_not_reach_is_logged() -> None:
    def inner(kind: str, **config: Any) -> dict[str, Any]:
        name = kind.lower()
        return {"module": "keras.layers", "class_name": kind, "config": {"name": name, **config}}

    record = chain(
        (10, 8),
        layer("Bidirectional", "bi", layer=inner("LSTM", units=6, return_sequences=True)),
        layer("TimeDistributed", "td", layer=inner("Dense", units=6, activation="relu")),
        dense("h", 6, activation="relu"),
        layer("Relu", "r", module="keras.src.ops.nn"),
        dense("e", 4),
    )
    graph = read(record)
    width, other = with_width(graph, 0.5), with_activation(graph, "gelu")
    assert [c.layer for c in width.changes] == [c.layer for c in other.changes] == ["h"]
    assert [(c.layer, c.why) for c in width.log if c.what == "not reached"] == [
        ("bi", "it wraps bi/lstm, which keeps its width"),
        ("td", "it wraps td/dense, which keeps its width"),
    ]
    assert [(c.layer, c.why) for c in other.log if c.what == "not reached"] == [
        ("td", "it wraps td/dense, which keeps relu"),
        ("r", "relu is called as an operation, not as a layer"),
    ]


def test_normalisations_that_stay_are_logged() -> None:
    inner = {"module": "keras.layers", "class_name": "BatchNormalization", "config": {"name": "bn"}}
    record = chain(
        (10, 8),
        layer("TimeDistributed", "td", layer=inner),
        layer("RMSNorm", "rms", module="keras.src.ops.nn"),
        dense("h", 6),
    )
    done = without_normalization(read(record))
    assert done.nothing == "no normalisation that can be taken out"
    assert [(c.layer, c.what, c.why) for c in done.log] == [
        ("td", "not reached", "it wraps td/bn, a BatchNormalization"),
        ("rms", "not reached", "it is ops.RMSNorm, an operation and no layer"),
    ]


def test_the_output_keeps_its_width_behind_an_attention_without_one() -> None:
    record = chain((10, 8), dense("h", 12), dense("q", 6), layer("Attention", "a"))
    call = record["config"]["layers"][-1]["inbound_nodes"][0]
    call["args"] = [[call["args"][0], call["args"][0]]]
    done = with_width(read(record), 2).graph
    assert [node.outputs[0].shape[-1] for node in done.nodes] == [8, 24, 6, 6]


@pytest.mark.parametrize(
    ("reader", "size"),
    [
        (conv("b", 64, 3, padding="valid"), 26),
        (conv("b", 64, 3, dilation_rate=[2, 2]), 28),
    ],
)
def test_a_stride_that_would_change_a_size_stays(reader: dict[str, Any], size: int) -> None:
    """56 by stride 2 is 28, less 2 is 26; 3x3 valid at stride 2 on 56 would give 27."""
    graph = read(chain((56, 56, 64), conv("r", 16, 1, strides=[2, 2]), reader, conv("e", 8, 1)))
    assert graph.nodes[2].outputs[0].shape == (1, size, size, 64)
    found = reductions(graph)
    assert found.rewrite.graph is graph
    assert found.rewrite.changes == ()
    assert found.rewrite.log[0].why.startswith("its stride cannot move to b")
    assert found.rewrite.nothing.startswith("no reduction can be taken out: of r its stride")
    assert "Nothing to do: no reduction can be taken out" in grid_text(reductions_grid(found))


def test_a_stride_that_keeps_the_size_moves_on() -> None:
    """At 57 by stride 2: 29, less 2 is 27; padded by 1 it is 29, as 3x3 valid at stride 2 on 59."""
    padded = chain(
        (57, 57, 64),
        conv("r", 16, 1, strides=[2, 2]),
        layer("ZeroPadding2D", "p", padding=[1, 1]),
        conv("b", 64, 3, padding="valid"),
    )
    done = reductions(read(padded))
    assert done.total.removed == ("r",)
    assert done.total.macs_without == 29 * 29 * 64 * 9 * 64


def test_the_table_tells_strides_that_stay_from_what_is_no_reduction() -> None:
    record = chain(
        (56, 56, 64),
        conv("a", 16, 1),
        conv("b", 64, 3),
        conv("r", 16, 1, strides=[2, 2]),
        conv("c", 64, 3, padding="valid"),
        conv("e", 8, 1),
    )
    grid = reductions_grid(reductions(read(record)))
    assert written(grid.columns[1], grid.total) == "1"  # type: ignore[arg-type]
    assert any("1 whose stride cannot move" in note for note in grid.notes)
