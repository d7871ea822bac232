"""Features, text and sound on their way into a network."""

from __future__ import annotations

import pytest

from keraudit.errors import KerauditError
from keraudit.layers.infer import effect_of
from keraudit.layers.spectrogram import STFT_MODES, fft_flops
from keraudit.model.graph import Layer, Tensor
from one_layer import flops_of, node_of

keras = pytest.importorskip("keras")
layers = keras.layers


def test_rescaling() -> None:
    assert flops_of(layers.Rescaling(1 / 255), (6, 5, 3)) == 2 * 6 * 5 * 3
    assert flops_of(layers.Rescaling([0.1, 0.2, 0.3], offset=-1), (6, 5, 3)) == 2 * 6 * 5 * 3


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count"])
@pytest.mark.parametrize("shape", [(1,), (3,), (3, 4)])
def test_discretization(mode: str, shape) -> None:
    layer = layers.Discretization(bin_boundaries=[0.0, 1.0, 2.0, 3.0], output_mode=mode)
    node = node_of(layer, shape)
    elements = node.inputs[0].elements
    assert node.effect.other_flops == 3 * elements  # five bins: at most three comparisons
    assert node.outputs[0].dtype == ("int32" if mode == "int" else "float32")


@pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count"])
@pytest.mark.parametrize("shape", [(1,), (3,), (3, 4)])
def test_category_encoding(mode: str, shape) -> None:
    layer = layers.CategoryEncoding(num_tokens=7, output_mode=mode)
    node = node_of(layer, shape, dtype="int32")
    assert node.effect.other_flops == (node.inputs[0].elements if mode == "count" else 0)


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count"])
@pytest.mark.parametrize("shape", [(1,), (3,)])
def test_hashing(mode: str, shape) -> None:
    node = node_of(layers.Hashing(7, output_mode=mode), shape, dtype="string")
    assert "hashing" in node.effect.reason
    assert node.outputs[0].dtype == ("int64" if mode == "int" else "float32")


@pytest.mark.parametrize("mode", ["int", "one_hot"])
def test_hashed_crossing(mode: str) -> None:
    node_of(layers.HashedCrossing(7, output_mode=mode), (1,), (1,), dtype="string")


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count", "tf_idf"])
@pytest.mark.parametrize("shape", [(1,), (3,)])
def test_string_lookup(mode: str, shape) -> None:
    weights = {"idf_weights": [0.1, 0.2]} if mode == "tf_idf" else {}
    layer = layers.StringLookup(vocabulary=["a", "b"], output_mode=mode, **weights)
    node = node_of(layer, shape, dtype="string")
    assert node.outputs[0].dtype == ("int64" if mode == "int" else "float32")
    counts = node.inputs[0].elements
    expected = {"count": counts, "tf_idf": counts + 3}.get(mode, 0)  # two words and the unknown
    assert node.effect.other_flops == expected


def test_integer_lookup() -> None:
    node_of(layers.IntegerLookup(vocabulary=[3, 5, 8]), (4,), dtype="int64")
    layer = layers.IntegerLookup(
        vocabulary=[3, 5, 8], output_mode="multi_hot", max_tokens=9, pad_to_max_tokens=True
    )
    assert node_of(layer, (4,), dtype="int64").outputs[0].shape == (1, 9)


def test_a_look_up_in_reverse_gives_strings() -> None:
    layer = layers.StringLookup(vocabulary=["a", "b"], invert=True)
    assert node_of(layer, (4,), dtype="int64").outputs[0].dtype == "string"


@pytest.mark.parametrize("mode", ["multi_hot", "count", "tf_idf", "int"])
def test_text_vectorization(mode: str) -> None:
    options = {"output_sequence_length": 5} if mode == "int" else {}
    if mode == "tf_idf":
        options["idf_weights"] = [0.1, 0.2]
    layer = layers.TextVectorization(vocabulary=["a", "b"], output_mode=mode, **options)
    node = node_of(layer, (1,), dtype="string")
    assert node.outputs[0].dtype == ("int64" if mode == "int" else "float32")


def test_text_vectorization_of_whole_rows() -> None:
    layer = layers.TextVectorization(vocabulary=["a", "b"], output_mode="multi_hot", split=None)
    assert node_of(layer, (), dtype="string").outputs[0].shape[1:] == (3,)


def test_text_of_unknown_length_is_refused() -> None:
    layer = Layer(name="t", kind="TextVectorization", config={"output_mode": "int"})
    with pytest.raises(KerauditError, match="set output_sequence_length"):
        effect_of(layer, (Tensor((1, 1), "string"),))


def test_a_code_of_unknown_width_is_refused() -> None:
    config = {"output_mode": "one_hot", "vocabulary_size": None}
    layer = Layer(name="s", kind="StringLookup", config=config)
    with pytest.raises(KerauditError, match="known number of categories"):
        effect_of(layer, (Tensor((1, 4), "string"),))


def test_auto_contrast_acts_at_inference_too() -> None:
    assert flops_of(layers.AutoContrast(), (6, 5, 3)) == 6 * 6 * 5 * 3
    assert flops_of(layers.AutoContrast(value_range=(0, 1)), (6, 5, 3)) == (6 + 8) * 6 * 5 * 3


def test_adaptive_equalisation() -> None:
    kind = layers.ContrastLimitedAdaptiveHistogramEqualization
    assert flops_of(kind(), (16, 24, 3)) == 12 * 16 * 24 * 3 + 10 * 256 * (8 * 8) * 3
    # 17 rows on a grid of 2 are padded to 18
    layer = kind(value_range=(0, 1), tile_grid_size=(2, 2), clip_limit=0)
    pixels = 12 * 18 * 24 * 3 + 8 * 17 * 24 * 3
    assert flops_of(layer, (17, 24, 3)) == pixels + 6 * 256 * (2 * 2) * 3


def test_mel_spectrogram() -> None:
    layer = layers.MelSpectrogram(fft_length=256, sequence_stride=64, num_mel_bins=40)
    node = node_of(layer, (1000,))
    frames, frequencies = (1000 + 64 + 1) // 64, 256 // 2 + 1
    assert node.effect.macs == frames * frequencies * 40
    taper, transform = 256, 5 * 256 * 8 // 2
    per_frame = taper + transform + 5 * frequencies + 6 * 40
    assert node.effect.other_flops == frames * per_frame


def test_the_fourier_transform_s_convention() -> None:
    assert fft_flops(1024) == 2.5 * 1024 * 10


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("expand", [False, True])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("mode", sorted(STFT_MODES))
def test_stft_spectrogram(mode: str, padding: str, expand: bool, data_format: str) -> None:
    layer = layers.STFTSpectrogram(
        mode=mode,
        window=None,  # the tapers come from SciPy, and change no count
        frame_length=64,
        frame_step=20,
        padding=padding,
        expand_dims=expand,
        data_format=data_format,
    )
    shape = (2, 500) if data_format == "channels_first" else (500, 2)
    node = node_of(layer, shape)
    frames = (500 - 64) // 20 + 1 if padding == "valid" else 25
    parts = 1 if mode in ("real", "imag") else 2
    assert node.effect.macs == parts * frames * 64 * 33 * 2
    assert node.effect.other_flops == frames * 33 * 2 * STFT_MODES[mode]
