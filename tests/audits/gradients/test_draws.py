"""Every weight that starts at random is drawn anew for each seed, alike on every backend and build."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from typing import Any
from zlib import crc32

import pytest

import keraudit
from keraudit.audits.gradients.roles import is_kernel

keras = pytest.importorskip("keras")
np = pytest.importorskip("numpy")
every_weight = pytest.importorskip("every_weight")  # needs Keras
drawn, network_of = every_weight.drawn, every_weight.network_of
MODELS = every_weight.MODELS


@pytest.fixture(scope="module")
def networks() -> dict[str, Any]:
    return {name: network_of(make()) for name, make in MODELS.items()}


@pytest.mark.parametrize("name", MODELS)
def test_a_seed_draws_what_keras_draws(name: str, networks: dict[str, Any]) -> None:
    """Keras' own weights at two seeds say which are random; ours must be those, at Keras' scale."""
    theirs = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        theirs.append([np.asarray(v.value) for v in MODELS[name]().weights])
    ours, others = drawn(networks[name], 1), drawn(networks[name], 2)
    for key, a, b, x, y in zip(ours, ours.values(), others.values(), *theirs, strict=True):
        assert a.shape == x.shape, key
        assert np.array_equal(a, b) == np.array_equal(x, y), key
        if np.array_equal(x, y):
            assert np.array_equal(a, x), key  # what is constant stays
        elif x.size >= 48:  # a standard deviation of 48 numbers is known to 10 %
            assert np.std(a) == pytest.approx(np.std(x), rel=0.45), key


def test_the_forget_bias_of_an_lstm_is_kept(networks: dict[str, Any]) -> None:
    found = drawn(networks["tokens"], 0)["memory/bias"].reshape(4, 8)
    assert np.array_equal(found[1], np.ones(8))
    assert len({row.tobytes() for row in found}) == 4


def test_recurrent_kernels_are_orthogonal(networks: dict[str, Any]) -> None:
    found = drawn(networks["tokens"], 0)["cell/recurrent_kernel"]
    assert found @ found.T == pytest.approx(np.eye(8), abs=1e-5)


def test_a_depthwise_kernel_has_keras_own_fans(networks: dict[str, Any]) -> None:
    """9 x 4 in, 9 x 2 out: Glorot's limit is sqrt(6 / (9 (4 + 2) / 2) / 2) = sqrt(6 / 54)."""
    found = drawn(networks["images"], 0)["depthwise/kernel"]
    assert 0.9 * (6 / 54) ** 0.5 < np.abs(found).max() <= (6 / 54) ** 0.5


def test_an_initialiser_s_own_seed_is_not_the_audit_s() -> None:
    start = keras.Input((4,))
    fixed = keras.initializers.GlorotUniform(seed=4)
    output = keras.layers.Dense(3, kernel_initializer=fixed, name="fc")(start)
    network = network_of(keras.Model(start, output))
    assert (drawn(network, 0)["fc/kernel"] != drawn(network, 1)["fc/kernel"]).any()


@pytest.mark.parametrize("name", MODELS)
def test_another_build_draws_the_same(name: str, networks: dict[str, Any]) -> None:
    """Whatever Keras has counted in between: nameless weights and sublayers get other names."""
    first, again = drawn(networks[name], 5), drawn(network_of(MODELS[name]()), 5)
    assert first.keys() == again.keys()
    assert all(np.array_equal(first[key], again[key]) for key in first)


@pytest.mark.exhaustive
def test_backends_draw_the_same(networks: dict[str, Any]) -> None:
    """Bit by bit, for every weight."""
    here = keras.backend.backend()
    other = next((b for b in ("jax", "torch", "tensorflow") if b != here and installed(b)), None)
    if other is None:
        pytest.skip("one backend only is installed")
    done = subprocess.run(
        [sys.executable, every_weight.__file__],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "KERAS_BACKEND": other},
    )
    theirs = json.loads(done.stdout.splitlines()[-1])
    assert theirs == every_weight.digests(networks["tokens"])


def installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def test_a_layer_s_own_initialiser_is_drawn_from_unless_another_is_asked_for() -> None:
    start = keras.Input((8, 8, 64))
    x = keras.layers.DepthwiseConv2D(3, depthwise_initializer="he_normal", name="dw")(start)
    x = keras.layers.Conv2D(64, 1, name="pw")(x)
    model = keras.Model(start, keras.layers.Flatten()(x))
    report = keraudit.gradients(model, batch=2, loss="mean-squared-error", against=["lecun"])
    norms = [{r.name: r.weight_norm for r in p.layers} for p in report.profiles]
    # 576 numbers of variance 2 / 576; with LeCun's 1 / 576: norms of sqrt(2) and 1
    assert norms[0]["dw"] == pytest.approx(2**0.5, rel=0.1)
    assert norms[1]["dw"] == pytest.approx(1, rel=0.1)


def test_variables_are_made_as_ever_once_they_are_not_recorded() -> None:
    from keraudit.audits.gradients.initializers import recorded

    before = [vars(c).get("__init__") for c in keras.Variable.__mro__]
    with recorded() as found:
        made, given = keras.Variable("ones", shape=(2,)), keras.Variable(np.ones(2))
    assert type(found[id(made)]).__name__ == "Ones"
    assert found[id(given)] is None
    with pytest.raises(ZeroDivisionError), recorded():
        raise ZeroDivisionError
    assert [vars(c).get("__init__") for c in keras.Variable.__mro__] == before


KERNELS = {
    "images": {
        ("depthwise", "kernel"): 1,
        ("separable", "depthwise_kernel"): 1,
        ("separable", "pointwise_kernel"): 1,
        ("transposed", "kernel"): 1,
        ("spectral", "kernel"): 1,
        ("convlstm", "kernel"): 1,
        ("convlstm", "recurrent_kernel"): 1,
        ("each", "depthwise_kernel"): 1,
        ("each", "pointwise_kernel"): 1,
        ("last", "kernel"): 1,
    },
    "tokens": {
        ("lookup", "embeddings"): 1,
        ("depthwise1d", "kernel"): 1,
        ("own", "w"): 1,
        ("own", "variable"): 2,
        ("own", "ramp"): 1,
        ("own", "made_by_hand"): 1,
        ("own", "kernel"): 3,
        **{(cell, "kernel"): n for cell, n in (("cell", 1), ("stack", 2), ("both", 2))},
        **{(cell, "recurrent_kernel"): n for cell, n in (("cell", 1), ("stack", 2), ("both", 2))},
        ("memory", "kernel"): 1,
        ("memory", "recurrent_kernel"): 1,
        ("heads", "kernel"): 4,
        ("groups", "kernel"): 4,
        ("einsum", "kernel"): 1,
        ("dense", "kernel"): 1,
        ("last", "kernel"): 1,
    },
}


@pytest.mark.parametrize("name", MODELS)
def test_the_rows_are_the_kernels(name: str, networks: dict[str, Any]) -> None:
    """No bias, slope, gamma or scale, whatever its axes: not even one that starts at random."""
    network = networks[name]
    found: dict[tuple[str, str], int] = {}
    for piece in network.pieces:
        for variable in network.kernels(piece):
            _, path = network.home(piece, variable)
            weight = "variable" if variable.name.startswith("variable") else variable.name
            found[path, weight] = found.get((path, weight), 0) + 1
    assert found == KERNELS[name]


@pytest.mark.parametrize(
    ("name", "axes", "random", "expected"),
    [
        ("bias", 2, None, False),
        ("bias", 3, True, False),
        ("relative_position_bias_table", 2, True, False),
        ("backward/gru_cell/bias", 2, None, False),
        ("gamma", 3, None, False),
        ("alpha", 3, True, False),
        ("scale", 1, True, False),
        ("kernel_scale", 2, None, False),
        ("kernel", 1, False, True),
        ("lora_kernel_b", 2, False, True),
        ("reverse_embeddings", 2, None, True),
        ("concat_score_weight", 0, False, False),
        ("weight", 1, False, False),  # what others call a norm's scale
        ("weight", 2, False, True),
        ("Wq", 2, True, True),
        ("tokens", 3, False, False),
        ("tokens", 3, None, True),
    ],
)
def test_roles(name: str, axes: int, random: bool | None, expected: bool) -> None:
    assert is_kernel(name, axes, random=random) is expected


def test_a_transformer_with_biases_is_not_lost() -> None:
    """The gradient at a key bias is 0 in theory: softmax does not see a shift of all scores."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    start = keras.Input((16, 24))
    x = keras.layers.Dense(32)(start)
    for _ in range(2):
        y = keras.layers.LayerNormalization()(x)
        x = keras.layers.Add()([x, keras.layers.MultiHeadAttention(4, 8)(y, y)])
        x = keras.layers.Add()([x, keras.layers.GroupQueryAttention(8, 4, 2)(x, x)])
    x = keras.layers.GlobalAveragePooling1D()(x)
    model = keras.Model(start, keras.layers.Dense(10, activation="softmax")(x))
    rng = np.random.default_rng(0)
    for variable in model.weights:
        if variable.name == "bias":
            variable.assign(rng.normal(0, 0.1, variable.shape))
    report = keraudit.gradients(model, batch=8, own_weights=True)
    (profile,) = report.profiles
    assert {row.weight for row in profile.layers} == {"kernel"}
    assert len(profile.layers) == 2 + 4 * 4
    assert report.verdicts[0].lost_at is None


def test_a_layer_s_kernel_is_drawn_by_its_name() -> None:
    """A layer's own kernel is drawn by the layer's name, as in every record so far."""
    start = keras.Input((4,))
    model = keras.Model(start, keras.layers.Dense(3, name="fc")(start))
    network = network_of(model)
    kernel = drawn(network, 0)["fc/kernel"]
    rng = np.random.default_rng([0, crc32(b"fc/kernel")])
    limit = (6 / 7) ** 0.5
    assert kernel == pytest.approx(rng.uniform(-limit, limit, (4, 3)), rel=1e-6)
