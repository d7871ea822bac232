"""Lesions: what a closed gate leaves, exchanges, probes, paths, and the record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import keraudit
from keraudit.errors import KerauditError
from keraudit.evaluation.gated import GatedNetwork, gates
from keraudit.evaluation.intervals import wilson
from keraudit.evaluation.lesion import Plan, _choices, _probed, kendall_tau, lesions
from keraudit.evaluation.lesion_record import Deletion, Lesions, PathLength, score
from keraudit.zoo.cifar import plain_cifar, resnet_cifar

keras = pytest.importorskip("keras")
np = pytest.importorskip("numpy")

RNG = np.random.default_rng(0)
SHAPE = (16, 16, 3)
IMAGES = RNG.normal(size=(6, *SHAPE)).astype("float32")
LABELS = np.arange(6) % 10


def moved(model: Any) -> Any:
    """The model with statistics and scales as after some training."""
    for weight in model.weights:
        value = np.asarray(weight)
        weight.assign(value * (1 + 0.3 * RNG.random(value.shape)))
    return model


@pytest.fixture(scope="module")
def residual() -> Any:
    keras.utils.set_random_seed(0)
    return moved(resnet_cifar(14, input_shape=SHAPE))


@pytest.fixture(scope="module")
def plain() -> Any:
    keras.utils.set_random_seed(0)
    return moved(plain_cifar(14, input_shape=SHAPE))


@pytest.fixture(scope="module")
def gated(residual: Any) -> GatedNetwork:
    return GatedNetwork(residual, keraudit.read(residual))


def test_open_gates_are_the_network_itself(residual: Any, gated: GatedNetwork) -> None:
    assert len(gated.gates) == 6
    assert [gate.resizes for gate in gated.gates] == [False, False, True, False, True, False]
    np.testing.assert_allclose(
        gated.predict(IMAGES, [1.0] * 6), residual(IMAGES), rtol=1e-5, atol=1e-6
    )


def test_a_closed_gate_leaves_the_shortcut(residual: Any, gated: GatedNetwork) -> None:
    """By hand: the unit's addition and activation on the input of the unit alone."""
    number = 1
    before = residual.get_layer("stage1_block1_out").output
    after = residual.get_layer("stage1_block2_out").output
    start = keras.Input(before.shape[1:])
    rest = keras.Model(after, residual.output)
    cut = keras.Model(residual.input, before)(IMAGES)
    expected = rest(keras.ops.relu(cut))
    del start
    found = gated.predict(IMAGES, [float(n != number) for n in range(6)])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_a_plain_layer_is_passed_around_where_shapes_agree(plain: Any) -> None:
    gated = GatedNetwork(plain, keraudit.read(plain))
    names = [gate.name for gate in gated.gates]
    assert len(names) == 4 + 3 + 3  # of twelve layers in blocks, two change the shape
    assert names[3:5] == ["stage1_block2_conv2", "stage2_block1_conv2"]
    assert all(gate.branch is None for gate in gated.gates)
    open_ones = [1.0] * len(gated.gates)
    np.testing.assert_allclose(
        gated.predict(IMAGES, open_ones), plain(IMAGES), rtol=1e-5, atol=1e-6
    )
    gate = gated.gates[0]
    before, after = (
        plain.get_layer(gated.graph.nodes[at].name).output for at in (gate.around.call, gate.at)
    )
    rest = keras.Model(after, plain.output)
    expected = rest(keras.Model(plain.input, before)(IMAGES))
    closed = gated.predict(IMAGES, [0.0, *open_ones[1:]])
    np.testing.assert_allclose(closed, expected, rtol=1e-4, atol=1e-6)
    assert not np.allclose(closed, plain(IMAGES), rtol=1e-4)


def test_a_closed_down_sampling_leaves_its_padded_shortcut(
    residual: Any, gated: GatedNetwork
) -> None:
    """By hand: every second position, and zeros for the new channels (option A)."""
    before = residual.get_layer("stage1_block2_out").output
    after = residual.get_layer("stage2_block1_out").output
    cut = np.asarray(keras.Model(residual.input, before)(IMAGES))[:, ::2, ::2]
    padded = np.concatenate([cut, np.zeros_like(cut)], axis=-1)
    expected = keras.Model(after, residual.output)(padded)
    found = gated.predict(IMAGES, [float(n != 2) for n in range(6)])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_exchanged_blocks_are_put_back(gated: GatedNetwork) -> None:
    same = [n for n in range(6) if gated.shapes_of(n) == gated.shapes_of(0)]
    assert same == [0, 1]
    assert gated.shapes_of(2) != gated.shapes_of(3)
    whole = gated.predict(IMAGES, [1.0] * 6)
    before = [[np.array(w) for w in gated._weights_of(n)] for n in (0, 1)]
    gated.swap(0, 1)
    after = [[np.array(w) for w in gated._weights_of(n)] for n in (1, 0)]
    assert len(before[0]) == 10  # two kernels, and four of each normalisation
    for one, other in zip(before, after, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    assert not np.array_equal(gated.predict(IMAGES, [1.0] * 6), whole)
    gated.restore()
    np.testing.assert_allclose(gated.predict(IMAGES, [1.0] * 6), whole, rtol=1e-5, atol=1e-7)


def test_a_network_without_a_block() -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)], name="one")
    with pytest.raises(KerauditError, match="one has no block to delete"):
        gates(keraudit.read(model))


def test_the_record(gated: GatedNetwork) -> None:
    about = {"network": "n", "source": "s", "params": 1}
    data = {"name": "d", "fingerprint": "f"}
    plan = Plan(repeats=2)
    found = lesions(gated, IMAGES, LABELS, plan, dataset=data, **about)
    record = found.to_dict()
    assert record["schema"] == "keraudit.lesions/2"
    assert [row["block"] for row in record["deletions"]] == [gate.name for gate in gated.gates]
    for row in record["deletions"]:
        change = 100 * (row["accuracy"] - record["baseline"]["accuracy"])
        assert row["change_points"] == pytest.approx(change)
        assert row["change_low_points"] <= row["change_points"] <= row["change_high_points"]
    assert [row["block"] for row in record["probes"]] == ["", *(gate.name for gate in gated.gates)]
    assert [row["deleted"] for row in record["several"]] == [1, 2, 3]  # of four that keep the size
    assert sum(row["share"] for row in record["paths"]) == pytest.approx(1)
    assert [row["length"] for row in record["paths"]] == list(range(7))
    for row in record["paths"]:
        assert row["draws"] == len(LABELS)
        assert 0 <= row["low"] < row["grad_norm"] < row["high"]
    (exchange,) = record["exchanges"]  # of the one pair of the same shapes
    assert (exchange["exchanges"], exchange["kendall_tau"]) == (1, [-1])
    assert len(exchange["accuracies"]) == 1
    again = lesions(gated, IMAGES, LABELS, plan, dataset=data, **about)
    assert (again.several, again.exchanges) == (found.several, found.exchanges)
    for one, other in zip(again.paths, found.paths, strict=True):
        assert one.grad_norm == pytest.approx(other.grad_norm, rel=1e-3)


def test_choices_are_distinct_and_all_where_there_are_few() -> None:
    rng = np.random.default_rng(0)
    assert _choices("abc", 2, 5, rng) == [["a", "b"], ["a", "c"], ["b", "c"]]
    found = _choices(range(20), 3, 50, rng)
    assert len({frozenset(one) for one in found}) == len(found) == 50


def test_the_order_of_stages_that_are_reversed() -> None:
    pairs = [(0, 1), (0, 2), (1, 2), (3, 4)]  # no block of one stage passes one of the other
    assert kendall_tau([0, 1, 2, 3, 4], pairs) == 1
    assert kendall_tau([2, 1, 0, 4, 3], pairs) == -1


def test_features_are_the_means_of_what_the_next_block_reads(
    residual: Any, gated: GatedNetwork
) -> None:
    features = gated.features(IMAGES)
    assert [part.shape for part in features] == [(6, 16)] * 3 + [(6, 32)] * 2 + [(6, 64)] * 2
    first = keras.Model(residual.input, residual.get_layer("stage1_block1_out").output)(IMAGES)
    np.testing.assert_allclose(features[1], np.mean(first, axis=(1, 2)), rtol=1e-4, atol=1e-5)
    classifier = residual.layers[-1]  # reads what the last probe reads
    whole = keras.ops.softmax(features[-1] @ classifier.kernel + classifier.bias)
    np.testing.assert_allclose(whole, residual(IMAGES), rtol=1e-4, atol=1e-6)


def test_a_probe_reads_what_is_linear_and_never_its_own_fold() -> None:
    labels = np.arange(300) % 3
    folds = np.arange(300) // 60
    clear = np.eye(3)[labels] + 0.1 * RNG.normal(size=(300, 3))
    assert score(_probed(clear, labels, folds), labels).accuracy == 1
    noise = RNG.normal(size=(300, 200))  # enough to memorise every label, and none of another fold
    assert score(_probed(noise, labels, folds), labels).accuracy < 0.5


def test_the_gradient_of_all_paths_is_that_of_the_network(gated: GatedNetwork) -> None:
    """The full gradient is the sum over paths: with stopped gradients each takes its own share."""
    from keras import ops

    from keraudit.audits.gradients.autodiff import pulled

    part = ops.convert_to_tensor(IMAGES[:1])

    def total(opening: Any, stop: bool) -> Any:
        ways = ops.convert_to_tensor([opening], "float32")
        (found,) = pulled(
            lambda t: [ops.sum(gated.outputs(t[0], ways, stop=stop) ** 2)],
            [part],
            [ops.convert_to_tensor(1.0)],
        )
        return ops.convert_to_numpy(found)

    paths = [[float(n >> bit & 1) for bit in range(6)] for n in range(64)]
    together = sum(total(opening, True) for opening in paths)
    np.testing.assert_allclose(together, total([1.0] * 6, False), rtol=1e-3, atol=1e-6)


def test_too_few_images_for_the_probes(gated: GatedNetwork) -> None:
    with pytest.raises(KerauditError, match="need 5 images or more, received 4"):
        lesions(gated, IMAGES[:4], LABELS[:4], Plan(repeats=1))


def test_open_gates_that_change_a_prediction_stop_it(gated: GatedNetwork) -> None:
    other = np.eye(10)[(gated.predict(IMAGES, [1.0] * 6).argmax(axis=1) + 1) % 10]
    with pytest.raises(KerauditError, match="the predictions change"):
        lesions(gated, IMAGES, LABELS, Plan(repeats=1), whole=other)


def test_medians_and_the_lengths_that_carry_the_gradient() -> None:
    one = score(np.eye(2), np.array([0, 1]))
    found = Lesions(
        network="n",
        source="s",
        params=1,
        dataset={},
        baseline=one,
        deletions=[Deletion("b", False, one, change, change, change) for change in (-9, -1, -2)],
        probes=(),
        several=(),
        exchanges=(),
        paths=[  # shares times norms 0.01, 0.05, 0.86, 0.08
            PathLength(length, share, 8, norm, norm, norm)
            for length, share, norm in [(0, 0.1, 0.1), (1, 0.1, 0.5), (2, 0.4, 2.15), (3, 0.4, 0.2)]
        ],
        seed=0,
    )
    assert found.median_change == -2
    assert found.effective_length == (1, 3)
    even = replace(found, deletions=found.deletions[:2])
    assert even.median_change == -5
    assert replace(found, paths=()).effective_length is None


def test_intervals() -> None:
    low, high = wilson(0, 10)
    assert low == 0
    assert 0.25 < high < 0.32
    assert score(np.eye(3), np.array([0, 1, 1])).right == 2
