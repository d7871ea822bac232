"""A config is data from a file: whatever it holds, a rule answers or refuses, and never goes astray."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keraudit.errors import KerauditError
from keraudit.layers.infer import effect_of
from keraudit.model.graph import Effect, Layer, Tensor

keras = pytest.importorskip("keras")
layers = keras.layers

MAP, ROW, WORDS = (1, 9, 8, 6), (1, 6), (1, 4)
ONES: dict[str, tuple[Any, tuple[int, ...]]] = {
    "Conv2D": (lambda: layers.Conv2D(4, 3), MAP),
    "Conv2DTranspose": (lambda: layers.Conv2DTranspose(4, 3), MAP),
    "DepthwiseConv2D": (lambda: layers.DepthwiseConv2D(3), MAP),
    "SeparableConv2D": (lambda: layers.SeparableConv2D(4, 3), MAP),
    "Dense": (lambda: layers.Dense(4), ROW),
    "EinsumDense": (lambda: layers.EinsumDense("ab,bc->ac", 4, bias_axes="c"), ROW),
    "Embedding": (lambda: layers.Embedding(9, 4), WORDS),
    "ReversibleEmbedding": (lambda: layers.ReversibleEmbedding(9, 4), WORDS),
    "ReLU": (lambda: layers.ReLU(6.0), MAP),
    "PReLU": (lambda: layers.PReLU(shared_axes=[1]), MAP),
    "Activation": (lambda: layers.Activation("relu"), MAP),
    "MaxPooling2D": (lambda: layers.MaxPooling2D(2), MAP),
    "GlobalMaxPooling2D": (lambda: layers.GlobalMaxPooling2D(), MAP),
    "AdaptiveMaxPooling2D": (lambda: layers.AdaptiveMaxPooling2D(3), MAP),
    "BatchNormalization": (lambda: layers.BatchNormalization(), MAP),
    "LayerNormalization": (lambda: layers.LayerNormalization(), MAP),
    "GroupNormalization": (lambda: layers.GroupNormalization(2), MAP),
    "Normalization": (lambda: layers.Normalization(), MAP),
    "Add": (lambda: layers.Add(), MAP),
    "Concatenate": (lambda: layers.Concatenate(), MAP),
    "Dot": (lambda: layers.Dot(1), ROW),
    "Reshape": (lambda: layers.Reshape((8, -1)), MAP),
    "Permute": (lambda: layers.Permute((1, 3, 2)), MAP),
    "RepeatVector": (lambda: layers.RepeatVector(2), ROW),
    "ZeroPadding2D": (lambda: layers.ZeroPadding2D(2), MAP),
    "Cropping2D": (lambda: layers.Cropping2D(2), MAP),
    "UpSampling2D": (lambda: layers.UpSampling2D(2), MAP),
    "Resizing": (lambda: layers.Resizing(5, 4), MAP),
    "CenterCrop": (lambda: layers.CenterCrop(5, 4), MAP),
    "RandomCrop": (lambda: layers.RandomCrop(5, 4), MAP),
    "Discretization": (lambda: layers.Discretization([0.0, 1.0]), ROW),
    "CategoryEncoding": (lambda: layers.CategoryEncoding(5), WORDS),
    "Hashing": (lambda: layers.Hashing(5, output_mode="one_hot"), WORDS),
    "StringLookup": (lambda: layers.StringLookup(vocabulary=["a"]), WORDS),
    "ContrastLimitedAdaptiveHistogramEqualization": (
        lambda: layers.ContrastLimitedAdaptiveHistogramEqualization(),
        MAP,
    ),
    "MelSpectrogram": (lambda: layers.MelSpectrogram(fft_length=64, sequence_stride=4), (1, 500)),
    "STFTSpectrogram": (lambda: layers.STFTSpectrogram(window=None, frame_length=8), (1, 50, 2)),
}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 9),
    st.just(10**12),
    st.just(-(10**12)),
    st.floats(allow_nan=True),
    st.text(max_size=3),
    st.sampled_from(["same", "valid", "channels_first", "one_hot", "bilinear", "...a,ab->...b"]),
    st.lists(st.integers(-3, 9), max_size=4),
    st.lists(st.lists(st.integers(-2, 5), max_size=3), max_size=3),
    st.just({}),
    st.just({"class_name": "ReLU", "config": {"max_value": "x"}}),
)


@cache
def config_of(kind: str) -> dict[str, Any]:
    return dict(ONES[kind][0]().get_config())


def sane(effect: Effect) -> None:
    assert effect.outputs
    positive = all(isinstance(n, int) and n > 0 for shape in effect.outputs for n in shape)
    if not positive:
        return  # ``shapes.shaped`` refuses it, and says where the map vanished
    for term in effect.terms:
        assert isinstance(term.value, int)
        assert term.value >= 0, term
    for weight in effect.weights:
        assert isinstance(weight.elements, int)
        assert weight.elements >= 0, weight


@pytest.mark.parametrize("kind", sorted(ONES))
def test_its_own_config_is_sane(kind: str) -> None:
    layer = Layer(name="l", kind=kind, config=config_of(kind))
    inputs = (Tensor(ONES[kind][1], "float32"),) * (2 if kind == "Dot" else 1)
    sane(effect_of(layer, inputs))


@settings(max_examples=1500, deadline=None)
@given(kind=st.sampled_from(sorted(ONES)), data=st.data())
def test_any_value_of_any_option(kind: str, data: st.DataObject) -> None:
    config = config_of(kind)
    options = st.sampled_from(sorted(config.keys() | {"lora_rank", "data_format"}))
    odd = data.draw(st.dictionaries(options, ODD, min_size=1, max_size=2))
    layer = Layer(name="l", kind=kind, config=config | odd)
    shape = data.draw(
        st.one_of(st.just(ONES[kind][1]), st.sampled_from([MAP, ROW, (1,), (1, 5, 5)]))
    )
    inputs = (Tensor(shape, "float32"),) * data.draw(st.sampled_from([1, 1, 1, 2]))
    try:
        effect = effect_of(layer, inputs)
    except KerauditError:
        return
    sane(effect)
