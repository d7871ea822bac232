"""What a branch is: blocks with parallel branches, cross-attention, conditions; many at random, and deep ones."""

from __future__ import annotations

import random
from typing import Any

import pytest

from chains import chain, layer, read
from keraudit.building.keras_model import build
from keraudit.model.blocks import blocks
from keraudit.model.graph import Graph
from keraudit.rewrite.edit import Rewrite
from keraudit.rewrite.skips import without_skips
from witness import graph_of


def cuts(done: Rewrite) -> list[tuple[str, str]]:
    """Each cut sum with the beginning of its reason: what was cut, and from where."""
    return [(c.layer, c.why.partition(",")[0].partition(" through")[0]) for c in done.changes]


def kept(done: Rewrite, name: str) -> str:
    """Why a sum was left alone."""
    return next(c.why for c in done.log if c.layer == name and c.what == "left alone")


def rewritten(outputs: Any, *inputs: Any) -> Rewrite:
    import keras

    return without_skips(graph_of(keras.Model(list(inputs), outputs)))


def test_only_the_identity_of_a_parallel_block_is_cut() -> None:
    """GPT-J and PaLM: x + attention(norm(x)) + mlp(norm(x))."""
    import keras
    from keras import layers as ls

    i = keras.Input((8, 16))
    x = ls.Dense(16, name="in")(i)
    n = ls.LayerNormalization()(x)
    attended = ls.MultiHeadAttention(2, 8, name="attn")(n, n)
    fed = ls.Dense(16, name="down")(ls.Dense(64, activation="gelu")(n))
    done = rewritten(ls.Add(name="sum")([x, attended, fed]), i)
    assert cuts(done) == [("sum", "the identity from in")]
    assert {"attn", "down", "sum"} <= {node.name for node in done.graph.nodes}
    nested = rewritten(ls.Add(name="b")([ls.Add(name="a")([x, attended]), fed]), i)
    assert cuts(nested) == [("a", "the identity from in")]
    assert "attn" in kept(nested, "b")


def test_the_residual_around_cross_attention_is_cut() -> None:
    import keras
    from keras import layers as ls

    dec, enc = keras.Input((8, 16), name="dec"), keras.Input((12, 16), name="enc")
    x, z = ls.Dense(16, name="d")(dec), ls.Dense(16)(ls.Dense(16)(enc))
    done = rewritten(ls.Add(name="sum")([x, ls.MultiHeadAttention(2, 8)(x, z)]), dec, enc)
    assert cuts(done) == [("sum", "the identity from d")]


@pytest.mark.parametrize("units", [1, 3])
@pytest.mark.parametrize("stretched", [True, False])
def test_a_condition_is_no_shortcut(units: int, stretched: bool) -> None:
    """The time of a diffusion model, shared by its units; in the second the sizes tell nothing."""
    import keras
    from keras import layers as ls

    i, t = keras.Input((8, 8, 3) if stretched else (16,)), keras.Input((4,))
    conv = (
        (lambda n: ls.Conv2D(8, 3, padding="same", name=n))
        if stretched
        else (lambda n: ls.Dense(8, activation="relu", name=n))
    )
    x, time = conv("stem")(i), ls.Dense(8, activation="silu")(t)
    for k in range(units):
        own = ls.Dense(8)(time)
        own = ls.Reshape((1, 1, 8))(own) if stretched else own
        h = ls.Add(name=f"film{k}")([conv(f"a{k}")(x), own])
        x = ls.Add(name=f"sum{k}")([x, conv(f"b{k}")(h)])
    done = rewritten(x, i, t)
    origins = ["stem", *(f"sum{k}" for k in range(units))]
    assert cuts(done) == [(f"sum{k}", f"the identity from {origins[k]}") for k in range(units)]
    assert "side input" in kept(done, "film0") or "different inputs" in kept(done, "film0")
    again = without_skips(done.graph)
    assert again.nothing
    assert again.graph is done.graph


def test_a_unit_that_reads_a_side_input_is_a_unit() -> None:
    import keras
    from keras import layers as ls

    i, side = keras.Input((8, 16)), keras.Input((8, 4))
    x = ls.Dense(16, name="stem")(i)
    h = ls.Dense(32, activation="relu")(ls.Concatenate()([x, side]))
    wide = ls.Add(name="sum")([ls.Dense(32, name="projection")(x), h])
    assert cuts(rewritten(wide, i, side)) == [("sum", "a projection from stem")]


def test_two_projections_are_no_shortcut_of_each_other() -> None:
    import keras
    from keras import layers as ls

    i = keras.Input((16,))
    done = rewritten(ls.Add(name="sum")([ls.Dense(8)(i), ls.Dense(8)(i)]), i)
    assert "none of its branches computes" in kept(done, "sum")
    gated = ls.Dense(8, activation="relu")
    done = rewritten(ls.Add(name="sum")([gated(i), ls.Dense(8)(ls.Dense(8)(i))]), i)
    assert "(Dense) computes" in kept(done, "sum")  # an activation makes it no projection


def test_a_gate_is_no_shortcut() -> None:
    """A highway: y = g F(x) + (1 - g) x (Srivastava et al. 2015)."""
    import keras
    from keras import layers as ls

    i = keras.Input((16,))
    gate = ls.Dense(16, activation="sigmoid")(i)
    y = gate * ls.Dense(16, activation="relu")(i) + (1 - gate) * i
    assert rewritten(y, i).nothing


def test_what_is_left_keeps_the_shape_of_the_sum() -> None:
    """A global context is added at every position: without x there is one position."""
    import keras
    from keras import layers as ls

    i = keras.Input((8, 8, 4))
    context = ls.Dense(4, activation="relu")(ls.GlobalAveragePooling2D(keepdims=True)(i))
    done = rewritten(ls.Add(name="sum")([i, context]), i)
    assert done.nothing
    assert "stretched" in kept(done, "sum")


def test_an_activation_written_out_is_no_unit() -> None:
    import keras

    i = keras.Input((16,))
    gelu = i * (1 + keras.ops.tanh(i + 0.044715 * i**3))
    assert rewritten(keras.layers.Dense(4)(gelu), i).nothing


@pytest.mark.parametrize("way", ["pooled", "padded", "scaled", "pre-activated", "transposed"])
def test_shortcuts_may_match_shapes(way: str) -> None:
    import keras
    from keras import layers as ls

    i = keras.Input((8, 8, 4))
    step = {"transposed": 1}.get(way, 2)
    h = ls.ReLU()(ls.Conv2D(8, 3, strides=step, padding="same")(i))
    h = ls.Conv2D(8, 3, padding="same")(h)
    s, kind = i, "the identity"
    if way == "pooled":
        s, kind = ls.Conv2D(8, 1)(ls.AveragePooling2D(2)(s)), "a projection"
    elif way == "padded":
        s = ls.AveragePooling2D(2)(s)
        s = ls.Concatenate()([s, keras.ops.zeros_like(s)])
    elif way == "scaled":
        s = 0.5 * ls.BatchNormalization()(ls.Conv2D(8, 1, strides=2)(s))
        kind = "a projection"
    elif way == "pre-activated":
        s = ls.ReLU()(ls.BatchNormalization()(i))
        h = ls.Conv2D(8, 3, padding="same")(ls.ReLU()(ls.Conv2D(8, 3, 2, padding="same")(s)))
        s, kind = ls.Conv2D(8, 1, strides=2)(s), "a projection"
    else:
        h = ls.Conv2DTranspose(8, 4, strides=2, padding="same")(h)
        s, kind = ls.Conv2D(8, 1)(ls.UpSampling2D()(s)), "a projection"
    done = rewritten(ls.Add(name="sum")([s, h]), i)
    assert [c.why.startswith(kind) for c in done.changes] == [True]


def block(kind: str, k: int, x: Any, memory: Any, time: Any) -> tuple[Any, dict[str, str]]:
    """A block of one kind behind ``x``, and what is cut in it: its sums, with what is cut from where."""
    from keras import layers as ls

    start, width = x.history_name, 8
    n = ls.LayerNormalization(name=f"n{k}")(x.tensor)
    expected: dict[str, str] = {}
    if kind == "residual":
        h = ls.Dense(width)(ls.Dense(16, activation="relu")(n))
        y = ls.Add(name=f"s{k}")([x.tensor, h])
    elif kind == "projection":
        h = ls.Dense(width)(ls.Dense(16, activation="relu")(x.tensor))
        y = ls.Add(name=f"s{k}")([h, ls.Dense(width, name=f"p{k}")(x.tensor)])
        return Named(y, f"s{k}"), {f"s{k}": f"a projection from {start}"}
    elif kind == "parallel":
        h = ls.Dense(width)(ls.Dense(16, activation="gelu")(n))
        attended = ls.MultiHeadAttention(2, 4, name=f"attn{k}")(n, n)
        y = ls.Add(name=f"s{k}")(random.Random(k).sample([x.tensor, attended, h], 3))
    elif kind == "cross":
        y = ls.Add(name=f"s{k}")([x.tensor, ls.MultiHeadAttention(2, 4)(n, memory)])
    elif kind == "conditioned":
        h = ls.Dense(width, activation="relu")(n)
        h = ls.Add(name=f"c{k}")([h, ls.Reshape((1, width))(ls.Dense(width)(time))])
        y = ls.Add(name=f"s{k}")([ls.Dense(width, activation="relu")(h), x.tensor])
    elif kind == "modulated":
        scale, shift = (ls.Reshape((1, width))(ls.Dense(width)(time)) for _ in range(2))
        h = ls.Dense(width)(ls.Dense(width, activation="relu")(n * (1 + scale) + shift))
        y = ls.Add(name=f"s{k}")([x.tensor, h])
    elif kind == "nested":
        inner = ls.Add(name=f"i{k}")([n, ls.Dense(width, activation="relu")(n)])
        y = ls.Add(name=f"s{k}")([x.tensor, ls.Dense(width)(inner)])
        expected[f"i{k}"] = f"the identity from n{k}"
    else:
        y = ls.Dense(width, activation="relu", name=f"s{k}")(n)
        return Named(y, f"s{k}"), {}
    return Named(y, f"s{k}"), {**expected, f"s{k}": f"the identity from {start}"}


class Named:
    """A tensor with the name of the layer that made it."""

    def __init__(self, tensor: Any, name: str) -> None:
        self.tensor, self.history_name = tensor, name


KINDS = (
    "residual",
    "projection",
    "parallel",
    "cross",
    "conditioned",
    "modulated",
    "nested",
    "plain",
)


@pytest.mark.parametrize("seed", range(8))
def test_random_blocks(seed: int) -> None:
    """The sums that are cut are known from how the network was made; it is built, and runs."""
    import keras
    import numpy as np

    keras.utils.clear_session()
    rng = random.Random(seed)
    i, e, t = keras.Input((6, 5)), keras.Input((7, 8)), keras.Input((3,))
    memory = keras.layers.Dense(8, activation="relu")(e)
    time = keras.layers.Dense(6, activation="silu")(t)
    x = Named(keras.layers.Dense(8, name="stem")(i), "stem")
    expected: dict[str, str] = {}
    for k, kind in enumerate(rng.choices(KINDS, k=5)):
        x, found = block(kind, k, x, memory, time)
        expected |= found
    model = keras.Model([i, e, t], keras.layers.Dense(2)(x.tensor))
    graph = graph_of(model)
    done = without_skips(graph)
    assert dict(cuts(done)) == expected
    assert len(done.changes) == len(expected)
    assert all("beside a branch of" in c.why for c in done.changes)
    left = {c.layer for c in done.log if c.what == "left alone"}
    sums = {n.name for n in graph.nodes if n.layer.kind == "Add"}
    assert sums <= left | set(expected)
    assert done.graph.nodes[-1].outputs == graph.nodes[-1].outputs
    attention = [n.name for n in graph.nodes if "attn" in n.name]
    assert set(attention) <= {n.name for n in done.graph.nodes}
    plain = build(done.graph)
    given = [np.ones((2, *node.outputs[0].shape[1:]), "float32") for node in graph.input_nodes]
    assert np.isfinite(np.asarray(plain(given))).all()
    assert plain(given).shape == (2, 6, 2)
    assert without_skips(done.graph).nothing


DEEP = 10_000


def deep(shape: str) -> Graph:
    """Ten thousand dense layers and as many sums, as a file states them."""
    record = chain((4,))
    rows = record["config"]["layers"]
    stem = rows[0] | {"recorded": None}
    before, open_ = stem, [stem]

    def add(kind: str, name: str, *sources: Any, **options: Any) -> Any:
        row = layer(kind, name, source=sources[0], **options)
        if len(sources) > 1:
            tensors = [layer(kind, name, source=s)["inbound_nodes"][0]["args"][0] for s in sources]
            row["inbound_nodes"] = [{"args": [tensors], "kwargs": {}}]
        rows.append({k: v for k, v in row.items() if k != "recorded"})
        return row

    for k in range(DEEP):
        made = add("Dense", f"dense_{k}", before, units=4, use_bias=False)
        if shape == "nested":
            before = made
            open_.append(made)
        else:
            start = stem if shape == "one source" else before
            before = add("Add", f"add_{k}", start, made)
    if shape == "nested":
        open_.pop()
        for k in range(DEEP):
            before = add("Add", f"add_{k}", before, open_.pop())
    record["config"]["output_layers"] = [[before["name"], 0, 0]]
    return read(record)


@pytest.mark.exhaustive
@pytest.mark.parametrize("shape", ["chain", "nested", "one source"])
def test_ten_thousand_skips(shape: str) -> None:
    graph = deep(shape)
    done = without_skips(graph)
    assert len(done.changes) == DEEP
    assert {node.layer.kind for node in done.graph.nodes} == {"InputLayer", "Dense"}
    found = blocks(graph)
    assert sorted(i for block in found for i in block.nodes) == list(range(len(graph.nodes)))
