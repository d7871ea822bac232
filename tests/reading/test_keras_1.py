"""Configs of Keras 1: each layer under its later name, and what later versions lack refused by name."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from keraudit.api import report_of
from keraudit.audits.cost.report import CostReport
from keraudit.errors import KerauditError, ModelError
from keraudit.layers.infer import shaped
from keraudit.reading.archive import parse
from keraudit.reading.config import architecture


def report(record: Any) -> CostReport:
    found = architecture(parse(json.dumps(record), "test"), source="test")
    return report_of(shaped(found))


def sequential(*layers: tuple[str, dict[str, Any]], shape: Any, version: str = "1.2.2") -> Any:
    """As Keras 1 writes it: the layers alone, the input's shape in the first."""
    items = [
        {"class_name": kind, "config": {"name": f"l{at}", "trainable": True, **config}}
        for at, (kind, config) in enumerate(layers)
    ]
    items[0]["config"] |= {"batch_input_shape": [None, *shape], "input_dtype": "float32"}
    return {"class_name": "Sequential", "keras_version": version, "config": items}


def conv(filters: int, rows: int, cols: int, **options: Any) -> tuple[str, dict[str, Any]]:
    config = {
        "nb_filter": filters,
        "nb_row": rows,
        "nb_col": cols,
        "init": "glorot_uniform",
        "activation": "relu",
        "border_mode": "valid",
        "subsample": [1, 1],
        "dim_ordering": "tf",
        "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01},
        "b_constraint": {"name": "MaxNorm", "m": 2, "axis": 0},
        "bias": True,
    }
    return "Convolution2D", {**config, **options}


def dense(units: int, **options: Any) -> tuple[str, dict[str, Any]]:
    config = {"output_dim": units, "init": "glorot_uniform", "activation": "linear", "bias": True}
    return "Dense", {**config, "input_dim": None, "W_regularizer": None, **options}


POOL = ("MaxPooling2D", {"pool_size": [2, 2], "strides": [2, 2], "border_mode": "valid"})


def network() -> Any:
    """A network of the time: two convolutions in Theano's order, pooling, two dense layers."""
    return sequential(
        ("ZeroPadding2D", {"padding": [1, 2, 1, 0], "dim_ordering": "th"}),
        conv(8, 3, 5, dim_ordering="th"),
        ("MaxPooling2D", {**POOL[1], "dim_ordering": "th"}),
        conv(6, 1, 2, dim_ordering="th", subsample=[2, 1], bias=False, border_mode="same"),
        ("BatchNormalization", {"mode": 0, "axis": 1, "gamma_init": "one", "beta_init": "zero"}),
        ("Dropout", {"p": 0.25}),
        ("Flatten", {}),
        dense(4),
        shape=[3, 11, 16],
    )


def test_a_network_is_counted_as_by_hand() -> None:
    found = report(network())
    assert [layer.kind for layer in found.layers][2] == "Conv2D"
    shapes = [layer.output_shapes[0][1:] for layer in found.layers]
    assert shapes[1:5] == [(3, 14, 17), (8, 12, 13), (8, 6, 6), (6, 3, 6)]
    macs = 12 * 13 * 8 * 3 * 5 * 3 + 3 * 6 * 6 * 1 * 2 * 8 + 6 * 3 * 6 * 4
    params = 3 * 5 * 3 * 8 + 8 + 1 * 2 * 8 * 6 + 4 * 6 + 6 * 3 * 6 * 4 + 4
    assert (found.total.macs, found.total.params) == (macs, params)
    assert not found.costs.unsupported


def test_keras_builds_it_with_as_many_parameters() -> None:
    pytest.importorskip("keras")
    from keraudit.building.keras_model import build

    record = network()
    model = build(shaped(architecture(parse(json.dumps(record), "test"), source="test")))
    assert model.count_params() == report(record).total.params
    regularizer = model.get_layer("l1").kernel_regularizer
    assert float(regularizer.l2) == pytest.approx(0.01)
    assert model.get_layer("l1").bias_constraint.max_value == 2


RECURRENT = {
    "output_dim": 5,
    "init": "glorot_uniform",
    "inner_init": "orthogonal",
    "activation": "tanh",
    "inner_activation": "hard_sigmoid",
    "dropout_W": 0.1,
    "dropout_U": 0.2,
    "U_regularizer": None,
    "consume_less": "cpu",
    "return_sequences": True,
    "input_dim": 3,
    "input_length": None,
}


@pytest.mark.parametrize(
    ("layer", "shape", "out", "macs", "params"),
    [
        (dense(5), [7, 3], (7, 5), 7 * 3 * 5, 3 * 5 + 5),
        (("TimeDistributedDense", dense(5)[1]), [7, 3], (7, 5), 7 * 3 * 5, 3 * 5 + 5),
        (("LSTM", {**RECURRENT, "forget_bias_init": "one"}), [7, 3], (7, 5), 7 * 4 * 8 * 5, 180),
        (("GRU", RECURRENT), [7, 3], (7, 5), 7 * 3 * 8 * 5, 3 * (8 * 5 + 5)),
        (("SimpleRNN", RECURRENT), [7, 3], (7, 5), 7 * 8 * 5, 8 * 5 + 5),
        (
            (
                "Bidirectional",
                {"merge_mode": "concat", "layer": {"class_name": "GRU", "config": RECURRENT}},
            ),
            [7, 3],
            (7, 10),
            2 * 7 * 3 * 8 * 5,
            2 * 3 * (8 * 5 + 5),
        ),
        (
            ("TimeDistributed", {"layer": {"class_name": "Dense", "config": dense(5)[1]}}),
            [7, 3],
            (7, 5),
            7 * 3 * 5,
            3 * 5 + 5,
        ),
        (("Embedding", {"input_dim": 9, "output_dim": 5, "dropout": 0.2}), [7], (7, 5), 0, 45),
        (
            ("Convolution1D", {"nb_filter": 4, "filter_length": 3, "subsample_length": 2}),
            [9, 3],
            (4, 4),
            4 * 4 * 3 * 3,
            40,
        ),
        (
            ("AtrousConvolution1D", {"nb_filter": 4, "filter_length": 3, "atrous_rate": 2}),
            [9, 3],
            (5, 4),
            5 * 4 * 3 * 3,
            40,
        ),
        (
            ("AtrousConvolution2D", conv(4, 3, 3, atrous_rate=[2, 2])[1]),
            [9, 8, 3],
            (5, 4, 4),
            5 * 4 * 4 * 27,
            4 * 27 + 4,
        ),
        (
            ("SeparableConvolution2D", conv(4, 3, 3, depth_multiplier=2)[1]),
            [9, 8, 3],
            (7, 6, 4),
            7 * 6 * (9 * 6 + 6 * 4),
            9 * 6 + 6 * 4 + 4,
        ),
        (
            (
                "Convolution3D",
                {"nb_filter": 4, "kernel_dim1": 1, "kernel_dim2": 2, "kernel_dim3": 3},
            ),
            [2, 4, 6, 3],
            (2, 3, 4, 4),
            2 * 3 * 4 * 4 * 1 * 2 * 3 * 3,
            4 * 18 + 4,
        ),
        (("MaxPooling1D", {"pool_length": 3, "stride": 2}), [9, 3], (4, 3), 0, 0),
        (("AveragePooling1D", {"pool_length": 3, "stride": None}), [9, 3], (3, 3), 0, 0),
        (("UpSampling1D", {"length": 3}), [9, 3], (27, 3), 0, 0),
        (("ZeroPadding1D", {"padding": {"left_pad": 1, "right_pad": 3}}), [9, 3], (13, 3), 0, 0),
        (
            ("ZeroPadding2D", {"padding": {"top_pad": 1, "left_pad": 2}, "dim_ordering": "tf"}),
            [9, 8, 3],
            (10, 10, 3),
            0,
            0,
        ),
        (("PReLU", {"init": "zero", "shared_axes": None}), [9, 3], (9, 3), 0, 27),
        (("LeakyReLU", {"alpha": 0.1}), [9, 3], (9, 3), 0, 0),
        (("GaussianNoise", {"sigma": 0.1}), [9, 3], (9, 3), 0, 0),
    ],
)
def test_each_layer_as_by_hand(
    layer: tuple[str, dict[str, Any]], shape: list[int], out: Any, macs: int, params: int
) -> None:
    found = report(sequential(layer, shape=shape))
    assert found.layers[-1].output_shapes[0][1:] == out
    assert (found.total.macs, found.total.params) == (macs, params)
    assert not found.costs.unsupported


def test_the_later_notation_stays_as_it_is() -> None:
    later = [
        ("Conv2D", {"filters": 4, "kernel_size": [3, 3], "padding": "same", "strides": [1, 1]}),
        ("ZeroPadding2D", {"padding": [[1, 1], [2, 2]]}),
        ("Embedding", {"input_dim": 9, "output_dim": 5, "input_length": 7}),
        ("GRU", {"units": 4, "reset_after": True}),
        ("Attention2", {"output_dim": 4, "border_mode": "full", "p": 1, "input_dim": 3}),
    ]
    record = sequential(*later, shape=[9, 9, 3], version="2.1.6")
    del record["config"][0]["config"]["input_dtype"]
    assert parse(json.dumps(record), "test") == record


def test_a_file_of_keras_3_is_not_looked_at() -> None:
    record = {**network(), "module": "keras"}
    assert parse(json.dumps(record), "test") == record


def merge(mode: str, **options: Any) -> dict[str, Any]:
    config = {
        "name": "merge_1",
        "mode": mode,
        "mode_type": "raw",
        "concat_axis": -1,
        "dot_axes": -1,
    }
    return {"class_name": "Merge", "name": "merge_1", "config": {**config, **options}}


@pytest.mark.parametrize(
    ("mode", "options", "kind", "out"),
    [
        ("sum", {}, "Add", (6, 4)),
        ("mul", {}, "Multiply", (6, 4)),
        ("ave", {}, "Average", (6, 4)),
        ("max", {}, "Maximum", (6, 4)),
        ("concat", {"concat_axis": 1}, "Concatenate", (12, 4)),
        ("dot", {"dot_axes": [[2], [2]]}, "Dot", (6, 6)),
        ("dot", {"dot_axes": [1, 1]}, "Dot", (4, 4)),
        ("cos", {"dot_axes": 2}, "Dot", (6, 6)),
    ],
)
def test_a_merge_in_a_functional_model(mode: str, options: Any, kind: str, out: Any) -> None:
    start = {
        "class_name": "InputLayer",
        "name": "in",
        "config": {"name": "in", "batch_input_shape": [None, 6, 3], "input_dtype": "int32"},
        "inbound_nodes": [],
    }
    layers = [
        {
            "class_name": "Dense",
            "name": name,
            "config": {**dense(4)[1], "name": name},
            "inbound_nodes": [[["in", 0, 0]]],
        }
        for name in "ab"
    ]
    last = {**merge(mode, **options), "inbound_nodes": [[["a", 0, 0], ["b", 0, 0]]]}
    config = {
        "name": "model_1",
        "layers": [start, *layers, last],
        "input_layers": [["in", 0, 0]],
        "output_layers": [["merge_1", 0, 0]],
    }
    found = report({"class_name": "Model", "keras_version": "1.1.0", "config": config})
    assert found.layers[-1].kind == kind
    assert found.layers[-1].output_shapes[0][1:] == out
    assert found.layers[0].dtype == "int32"
    products = 6 * 4 * out[1] if mode in ("dot", "cos") else 0
    assert found.total.macs == 2 * 6 * 3 * 4 + products


def test_branches_of_a_sequential_model() -> None:
    """One branch is a model of two branches itself, one a Sequential model, one a layer alone."""
    inner = sequential((dense(3)), shape=[5])
    pair = {
        "class_name": "Sequential",
        "config": [{**merge("concat"), "config": {**merge("concat")["config"], "name": "inner"}}],
    }
    pair["config"][0]["config"]["layers"] = [inner, sequential(dense(2), shape=[4])]
    alone = {
        "class_name": "Dense",
        "config": {**dense(5)[1], "name": "d", "batch_input_shape": [None, 6]},
    }
    first = merge("sum")
    first["config"]["layers"] = [pair, sequential(dense(5), shape=[7]), alone]
    record = {"class_name": "Sequential", "config": [first, sequential(dense(2), shape=[5])]}
    found = report(record)
    assert list(found.input_shapes.values()) == [(5,), (4,), (7,), (6,)]
    assert found.total.macs == 5 * 3 + 4 * 2 + 7 * 5 + 6 * 5 + 5 * 2
    assert found.layers[-1].output_shapes[0][1:] == (2,)
    assert not found.costs.unsupported


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            ("MaxoutDense", {"output_dim": 3}),
            "layer 'l0' is a MaxoutDense of Keras 1, which no later",
        ),
        (("Deconvolution2D", conv(3, 2, 2)[1]), "is a Deconvolution2D of Keras 1"),
        (conv(3, 2, 2, border_mode="full"), "with the border mode 'full'"),
        (("BatchNormalization", {"mode": 1}), "with a mode other than 0"),
        (("Merge", {"mode": "function", "mode_type": "lambda"}), "a function of the user's own"),
        (("Merge", {"mode": ["sum"]}), "a function of the user's own"),
        (("Merge", {"mode": "sum", "layers": [3]}), "holds something that is not a layer"),
    ],
)
def test_what_later_versions_lack_is_refused_by_name(
    layer: tuple[str, dict[str, Any]], message: str
) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        report(sequential(layer, shape=[9, 8, 4]))
    assert str(caught.value).startswith("test: ")
    assert "\n" not in str(caught.value)


def test_a_graph_model_of_keras_0_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match=r"a Graph model, which Keras had before 1\.0"):
        report({"class_name": "Graph", "config": {"nodes": {}}})


@pytest.mark.parametrize("config", [None, 3, [], [3], {"layers": [3]}, {"layers": None}])
def test_what_is_no_config_gets_one_line(config: Any) -> None:
    with pytest.raises(ModelError) as caught:
        report({"class_name": "Sequential", "keras_version": "1.0.0", "config": config})
    assert "\n" not in str(caught.value)


def test_the_same_in_an_h5_file(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    import keraudit

    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["keras_version"] = b"1.2.2"
        file.attrs["model_config"] = json.dumps(network()).encode()
    total = keraudit.audit(tmp_path / "m.h5").total
    assert total.params == report(network()).total.params


JUNK: tuple[Any, ...] = (
    *(None, True, -1, 10**400, 1.5, "", "x", [], [[1]], [None], {}, {"class_name": 5}),
    *({"class_name": "Merge"}, {"class_name": "Merge", "config": {"layers": [{}]}}),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside nested data."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from places(item, (*path, key))


@pytest.mark.parametrize("seed", range(2))
def test_a_mutated_config_is_counted_or_refused(seed: int) -> None:
    chance = random.Random(seed)
    first = merge("concat")
    first["config"]["layers"] = [sequential(dense(5), shape=[7]), network()]
    whole = {"class_name": "Sequential", "config": [first, sequential(dense(2), shape=[9])]}
    where = list(places(whole))
    for _ in range(200):
        record = copy.deepcopy(whole)
        at: Any = record
        *path, key = chance.choice(where)
        for step in path:
            at = at[step]
        at[key] = copy.deepcopy(chance.choice(JUNK))
        with suppress(KerauditError):  # anything else is a defect
            assert str(report(record))
