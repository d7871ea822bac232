"""Quantised and adapted layers: Keras' own variables, and the operations of its own calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import keras
import pytest
from keras import layers
from keras.quantizers import AbsMaxQuantizer, Int4QuantizationConfig, Int8QuantizationConfig

from keraudit.api import audit
from keraudit.audits.cost.memory import weight_bytes
from keraudit.layers.infer import effect_of, policy_dtypes
from keraudit.layers.quantized import quantization
from keraudit.model.graph import COUNTED, UNSUPPORTED, Layer, Node, Tensor
from witness import agree, graph_of

ROUNDED = Int4QuantizationConfig(
    block_size=None,
    weight_quantizer=AbsMaxQuantizer(axis=0, value_range=(-8, 7)),
    activation_quantizer=AbsMaxQuantizer(),
)
MODES: dict[str, Any] = {
    "none": None,
    "int8": "int8",
    "int8, weights alone": Int8QuantizationConfig(activation_quantizer=None),
    "int4": "int4",
    "int4 in twos": Int4QuantizationConfig(block_size=2),
    "int4 by channel": Int4QuantizationConfig(block_size=None),
    "float8": "float8",
}
IN_THREE = {"int4, inputs rounded": ROUNDED}


def einsum(equation: str, output: tuple[int | None, ...], **options: Any) -> Callable[[], Any]:
    return lambda: layers.EinsumDense(equation, output, **options)


CASES: dict[str, tuple[Callable[[], Any], tuple[int, ...], str]] = {
    "dense": (lambda: layers.Dense(7), (5,), "float32"),
    "dense on rows": (lambda: layers.Dense(4, use_bias=False), (3, 6), "float32"),
    "heads": (einsum("abc,cde->abde", (4, 3, 5), bias_axes="de"), (4, 7), "float32"),
    "heads joined": (einsum("abde,dec->abc", (4, 9)), (4, 3, 5), "float32"),
    "table": (lambda: layers.Embedding(11, 5), (6,), "int32"),
    "two tables": (lambda: layers.ReversibleEmbedding(11, 5, tie_weights=False), (6,), "int32"),
}


EACH = {  # operations per element of what comes out
    **dict.fromkeys(("multiply", "divide", "add", "subtract", "round", "abs"), 1),
    **dict.fromkeys(("bitwise_and", "bitwise_xor", "right_shift"), 1),
    "clip": 2,
}


class Counting:
    """``keras.ops`` that counts elementwise operations and MACs of what runs eagerly."""

    def __init__(self) -> None:
        self.tally: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        real = getattr(keras.ops, name)

        def call(*args: Any, **options: Any) -> Any:
            found = real(*args, **options)
            if name in EACH:
                self.tally["flops"] += EACH[name] * prod(found.shape)
            elif name == "max":
                self.tally["flops"] += prod(args[0].shape)
            elif name == "matmul":
                self.tally["macs"] += prod(found.shape) * args[0].shape[-1]
            elif name == "einsum":
                left, _, _ = args[0].partition("->")
                pairs = zip(left.split(","), args[1:], strict=True)
                sizes = {c: n for names, t in pairs for c, n in zip(names, t.shape, strict=True)}
                self.tally["macs"] += prod(sizes.values())
            return found

        return call


@contextmanager
def counting() -> Iterator[Counter[str]]:
    """Count what Keras' quantised layers run while the block lasts."""
    from keras.src.layers.core import dense, einsum_dense, embedding, reversible_embedding
    from keras.src.quantizers import quantizers

    modules = (dense, einsum_dense, embedding, reversible_embedding, quantizers)
    kept, proxy = [module.ops for module in modules], Counting()
    try:
        for module in modules:
            module.ops = proxy
        yield proxy.tally
    finally:
        for module, ops in zip(modules, kept, strict=True):
            module.ops = ops


def live(make: Callable[[], Any], shape: tuple[int, ...], dtype: str, mode: Any, rank: int) -> Any:
    """A model of one layer, quantised and adapted."""
    layer, start = make(), keras.Input(shape, dtype=dtype)
    model = keras.Model(start, layer(start))
    if mode is not None:
        layer.quantize(**({"mode": mode} if isinstance(mode, str) else modes_of(mode)))
    if rank:
        layer.enable_lora(rank)
    return model


def modes_of(config: Any) -> dict[str, Any]:
    return {"mode": config.mode, "config": config}


def ran(model: Any, **options: Any) -> Counter[str]:
    import numpy as np

    shape, dtype = model.inputs[0].shape[1:], model.inputs[0].dtype
    with counting() as tally:
        model.layers[-1](np.ones((1, *shape), dtype), **options)
    return tally


def same_variables(node: Node, layer: Any) -> None:
    """Each variable of Keras' has a weight of ours: shape, dtype, whether it is trained."""
    usual = "float32"
    ours = sorted((w.shape, w.dtype or usual, w.trainable) for w in node.weights)
    theirs = sorted((tuple(v.shape), v.dtype, v.trainable) for v in layer.variables)
    assert ours == theirs


POLICIES = {
    "class_name": "DTypePolicyMap",
    "config": {"policy_map": {"d/query": {"config": {"mode": "int8", "source_name": "float32"}}}},
}


def test_a_map_of_policies_has_a_default() -> None:
    config = {"default_policy": "bfloat16", "policy_map": {}}
    policy = {"class_name": "DTypePolicyMap", "config": config}
    assert policy_dtypes(policy) == ("bfloat16", "bfloat16")
    mixed = {"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}
    policy["config"] = {**config, "default_policy": mixed}
    assert policy_dtypes(policy) == ("float16", "float32")


CELLS = [
    (case, mode, rank)
    for case in CASES
    for mode in (*MODES, *(IN_THREE if case == "dense" else ()))
    for rank in (0, 3)
    if not (mode == "float8" and (rank or "table" in case))
]


@pytest.mark.parametrize(("case", "mode", "rank"), CELLS)
def test_variables_and_operations_are_keras_own(case: str, mode: str, rank: int) -> None:
    make, shape, dtype = CASES[case]
    given = {**MODES, **IN_THREE}[mode]
    model = live(make, shape, dtype, given, rank)
    graph = graph_of(model, batch=1)
    agree(graph, model)
    node, layer = graph.nodes[-1], model.layers[-1]
    same_variables(node, layer)
    tally = ran(model)
    # the adaptation's scale is a plain product of Python's, which no operation shows
    scaled = 0
    if rank:
        scaled = prod(node.outputs[0].shape) if given else kernel_size(layer)
    assert node.effect.macs == tally["macs"]
    assert node.effect.other_flops == tally["flops"] + scaled
    assert node.effect.status in (COUNTED, "zero")


def kernel_size(layer: Any) -> int:
    return prod((layer.kernel if hasattr(layer, "kernel") else layer.embeddings).shape)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("mode", ["none", "int8", "int8, weights alone", "int4", "int4 by channel"])
@pytest.mark.parametrize("rank", [0, 3])
def test_a_table_in_reverse(tied: bool, mode: str, rank: int) -> None:
    layer = layers.ReversibleEmbedding(11, 5, tie_weights=tied)
    layer.build()
    given = MODES[mode]
    if given is not None:
        layer.quantize(**({"mode": given} if isinstance(given, str) else modes_of(given)))
    if rank:
        layer.enable_lora(rank)
    start = keras.Input((6, 5))
    model = keras.Model(start, layer(start, reverse=True))
    (_, node) = graph_of(model, batch=1).nodes
    same_variables(node, layer)
    tally = ran(model, reverse=True)
    scaled = 11 * 5 if rank and tied and given is None else 0
    assert (node.effect.macs, node.effect.other_flops) == (tally["macs"], tally["flops"] + scaled)


@pytest.mark.parametrize("mode", ["gptq/4/2", "gptq/4/-1", "gptq/8/2", "awq/4/2", "awq/4/-1"])
@pytest.mark.parametrize("case", ["dense", "heads", "heads joined"])
def test_what_gptq_and_awq_keep_and_do(case: str, mode: str) -> None:
    """A calibrated layer, as a file holds it: its weights are made float at every call."""
    make, shape, _ = CASES[case]
    config = make().get_config()
    config["dtype"] = f"{mode}_from_float32"
    layer, start = type(make()).from_config(config), keras.Input(shape)
    layer.build((None, *shape))
    layer.is_gptq_calibrated = layer.is_awq_calibrated = True
    model = keras.Model(start, layer(start))
    (_, node) = graph_of(model, batch=1).nodes
    same_variables(node, layer)
    tally = ran(model)
    assert node.effect.status == COUNTED
    assert (node.effect.macs, node.effect.other_flops) == (tally["macs"], tally["flops"])


def test_low_rank_product_of_a_convolution() -> None:
    start = keras.Input((8, 8, 4))
    model = keras.Model(start, layers.Conv2D(6, 3, lora_rank=2)(start))
    (_, node) = graph_of(model, batch=1).nodes
    # 36 positions; then (36, 2) times (2, 6), whatever the batch
    assert node.effect.macs == 36 * 9 * 4 * 6 + 36 * 2 * 6
    assert graph_of(model, batch=5).nodes[-1].effect.macs == 5 * 36 * 9 * 4 * 6 + 36 * 2 * 6
    # 36 x 6 biases, and twice each of 9 x 4 x 6 weights
    assert node.effect.other_flops == 36 * 6 + 2 * 9 * 4 * 6


def test_low_rank_factors_are_float32_under_any_policy() -> None:
    start = keras.Input((8,))
    model = keras.Model(start, layers.Dense(4, lora_rank=2, dtype="bfloat16")(start))
    (_, node) = graph_of(model).nodes
    assert weight_bytes(node) == 2 * (8 * 4 + 4) + 4 * (8 * 2 + 2 * 4)


def test_a_training_step_of_an_adapted_layer() -> None:
    """Float: the kernel's gradient, and through the product both factors'. int8: x A, then B."""
    start = keras.Input((8,))
    report = audit(keras.Model(start, layers.Dense(6, lora_rank=2)(start)))
    assert report.total.training_macs == 2 * 8 * 6 + 3 * 8 * 2 * 6
    model = live(lambda: layers.Dense(6), (8,), "float32", "int8", 2)
    # no gradient of the int8 kernel or of the input; of A; of x A and B
    assert audit(model).total.training_macs == 8 * 6 + 2 * 8 * 2 + 3 * 2 * 6


@pytest.mark.parametrize(
    ("kind", "config", "reason"),
    [
        ("Dense", {"units": 4, "dtype": "float8_from_float32", "lora_rank": 2}, "adapts no layer"),
        ("Dense", {"units": 4, "dtype": "int2_from_float32"}, "no int2 form"),
        (
            "Embedding",
            {"input_dim": 9, "output_dim": 4, "dtype": "float8_from_float32"},
            "no float8 form",
        ),
        (
            "Dense",
            {
                "units": 4,
                "dtype": "int8_from_float32",
                "quantization_config": {"config": {"activation_quantizer": {"class_name": "My"}}},
            },
            "quantizer My is not in the table",
        ),
        (
            "MultiHeadAttention",
            {"num_heads": 2, "key_dim": 3, "dtype": POLICIES},
            "in a map by path",
        ),
        ("Dense", {"units": 4, "dtype": POLICIES}, "in a map by path"),
    ],
)
def test_what_is_not_counted_says_so(kind: str, config: dict[str, Any], reason: str) -> None:
    from keraudit.model.graph import Call, Ref

    layer = Layer(name="layer", kind=kind, config=config)
    tensor = Tensor((1, 5, 8), "float32")
    call = Call(name="layer", layer="layer", args=(Ref(0), Ref(0)))
    from keraudit.model.graph import Effect
    from keraudit.model.graph import Node as Made

    source = Layer(name="i", kind="InputLayer", config={})
    start = Made(
        name="i", layer=source, sources=(), inputs=(), outputs=(tensor,), effect=Effect(outputs=())
    )
    effect = effect_of(layer, (tensor,), call=call if "Multi" in kind else None, nodes=(start,))
    assert effect.status == UNSUPPORTED
    assert reason in effect.reason


@pytest.mark.parametrize("policy", ["int4/x_from_float32", "gptq/z/2_from_float32"])
def test_a_policy_that_is_no_policy_is_refused(policy: str) -> None:
    from keraudit.errors import ModelError

    with pytest.raises(ModelError, match="whole number"):
        quantization({"dtype": policy})


def test_each_step_adapts_its_layer_anew() -> None:
    """Keras calls the layer once for each of five steps."""
    start = keras.Input((5, 8))
    model = keras.Model(start, layers.TimeDistributed(layers.Dense(6, lora_rank=2))(start))
    (_, node) = graph_of(model, batch=3).nodes
    with counting() as tally:
        model.layers[-1](keras.ops.ones((3, 5, 8)))
    assert node.effect.macs == tally["macs"] == 3 * 5 * 8 * 6 + 5 * 8 * 2 * 6
    assert node.effect.other_flops == tally["flops"] + 5 * 8 * 6


def test_steps_run_no_quantised_form() -> None:
    layer, start = layers.Dense(6, dtype="int8_from_float32"), keras.Input((5, 8))
    model = keras.Model(start, layers.TimeDistributed(layer)(start))
    (_, node) = graph_of(model, batch=1).nodes
    assert node.effect.status == UNSUPPORTED
    assert (node.effect.macs, node.effect.other_flops) == (5 * 8 * 6, 5 * 6)
