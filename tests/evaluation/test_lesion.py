"""Lesions: what a closed gate leaves, weights of PyTorch, and the command."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import command
import keraudit
from keraudit.errors import KerauditError
from keraudit.evaluation.gated import GatedNetwork, gates
from keraudit.evaluation.lesion import Plan, _probed, lesions, score, wilson
from keraudit.evaluation.pytorch_resnet import _resnet, load_pytorch_resnet
from keraudit.zoo.cifar import plain_cifar, resnet_cifar
from schemas import faults

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


def test_a_plain_block_is_passed_around_where_shapes_agree(plain: Any) -> None:
    gated = GatedNetwork(plain, keraudit.read(plain))
    assert gated.gates
    assert all(gate.branch is None for gate in gated.gates)
    open_ones = [1.0] * len(gated.gates)
    np.testing.assert_allclose(
        gated.predict(IMAGES, open_ones), plain(IMAGES), rtol=1e-5, atol=1e-6
    )
    closed = gated.predict(IMAGES, [0.0, *open_ones[1:]])
    assert not np.array_equal(closed, np.asarray(plain(IMAGES)))


def test_exchanged_blocks_are_put_back(gated: GatedNetwork) -> None:
    same = [n for n in range(6) if gated.shapes_of(n) == gated.shapes_of(0)]
    assert same == [0, 1]
    assert gated.shapes_of(2) != gated.shapes_of(3)
    whole = gated.predict(IMAGES, [1.0] * 6)
    gated.swap(0, 1)
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
    found = lesions(gated, IMAGES, LABELS, Plan(repeats=2), dataset=data, **about)
    record = found.to_dict()
    assert record["schema"] == "keraudit.lesions/1"
    assert [row["block"] for row in record["deletions"]] == [gate.name for gate in gated.gates]
    for row in record["deletions"]:
        change = 100 * (row["accuracy"] - record["baseline"]["accuracy"])
        assert row["change_points"] == pytest.approx(change)
    assert [row["block"] for row in record["probes"]] == ["", *(gate.name for gate in gated.gates)]
    assert [row["deleted"] for row in record["several"]] == [1, 2, 3]  # of four that keep the size
    assert sum(row["share"] for row in record["paths"]) == pytest.approx(1)
    assert all(len(row["grad_norms"]) == 2 for row in record["paths"])
    assert all(-1 <= row["kendall_tau"] <= 1 for row in record["exchanges"])
    again = lesions(gated, IMAGES, LABELS, Plan(repeats=2), dataset=data, **about)
    assert again.several == found.several


def test_features_are_the_means_of_channels(residual: Any, gated: GatedNetwork) -> None:
    features = gated.features(IMAGES)
    assert [part.shape for part in features] == [(6, 16)] * 3 + [(6, 32)] * 2 + [(6, 64)] * 2
    first = keras.Model(residual.input, residual.get_layer("stage1_block1_out").input)(IMAGES)
    np.testing.assert_allclose(features[1], np.mean(first, axis=(1, 2)), rtol=1e-4, atol=1e-5)


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


def test_intervals() -> None:
    low, high = wilson(0, 10)
    assert low == 0
    assert 0.25 < high < 0.32
    assert score(np.eye(3), np.array([0, 1, 1])).right == 2


def arrays_of(model: Any) -> dict[str, Any]:
    """The weights of a network as PyTorch would save them."""
    found: dict[str, Any] = {}
    for layer in model.layers:
        module = layer.name.replace("layer", "layer", 1)
        parts = module.split("_")
        module = f"{parts[0]}.{parts[1]}.{parts[2]}" if len(parts) == 3 else module
        values = [np.asarray(w) for w in layer.weights]
        if len(values) == 4:
            names = ("weight", "bias", "running_mean", "running_var")
            found |= {f"{module}.{n}": v for n, v in zip(names, values, strict=True)}
        elif len(values) == 2:
            found |= {"linear.weight": values[0].T, "linear.bias": values[1]}
        elif values:
            found[f"{module}.weight"] = values[0].transpose(3, 2, 0, 1)
    return found


@pytest.fixture(scope="module")
def torch_arrays() -> dict[str, Any]:
    return arrays_of(moved(_resnet(1)))


@pytest.fixture
def files(tmp_path: Path, torch_arrays: dict[str, Any]) -> Callable[..., list[str]]:
    """An ``.npz`` of weights and one of images; changed as asked."""

    def made(change: Any = None, **images: Any) -> list[str]:
        arrays = dict(torch_arrays)
        if change:
            change(arrays)
        np.savez(tmp_path / "net.npz", **arrays)
        x = RNG.integers(0, 255, (8, 32, 32, 3)).astype("uint8")
        np.savez(tmp_path / "images.npz", **({"x": x, "y": np.arange(8) % 10} | images))
        return [str(tmp_path / "net.npz"), "--originals", str(tmp_path / "images.npz")]

    return made


def test_weights_of_pytorch(files: Any, torch_arrays: dict[str, Any]) -> None:
    model = load_pytorch_resnet(Path(files()[0]))
    assert set(arrays_of(model)) == set(torch_arrays)
    for name, array in arrays_of(model).items():
        np.testing.assert_array_equal(array, torch_arrays[name])
    trainable = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert trainable == resnet_cifar(8).count_params() - sum(
        int(np.prod(w.shape)) for w in resnet_cifar(8).non_trainable_weights
    )


def test_stride_2_is_padded_on_both_sides(files: Any, torch_arrays: dict[str, Any]) -> None:
    model = load_pytorch_resnet(Path(files()[0]))
    x = RNG.normal(size=(1, 32, 32, 3)).astype("float32")
    before = model.get_layer("layer1_0_relu").output
    after = model.get_layer("layer2_0_conv1").output
    maps, out = keras.Model(model.input, [before, after])(x)
    kernel = torch_arrays["layer2.0.conv1.weight"]  # (out, in, 3, 3)
    corner = np.asarray(maps)[0, :2, :2]  # rows -1 and columns -1 are zeros
    expected = np.einsum("hwi,oihw->o", corner, kernel[:, :, 1:, 1:])
    np.testing.assert_allclose(np.asarray(out)[0, 0, 0], expected, rtol=1e-4, atol=1e-5)


def test_a_csv_file_holds_every_table(files: Any) -> None:
    done = command.run("lesion", *files(), "--repeats", "1", "-f", "csv")
    assert done.code == 0, done.err
    lines = list(csv.DictReader(done.out.splitlines()))
    assert any(line["accuracy"] for line in lines)
    assert any(line["part"] for line in lines)


def test_the_command_on_weights(files: Any) -> None:
    done = command.run("lesion", *files(), "--repeats", "1", "-f", "json")
    assert done.code == 0, done.err
    record = json.loads(done.out)
    assert record["network"] == "net"
    assert record["baseline"]["images"] == 8
    assert len(record["deletions"]) == 3
    assert faults(record) == []
    shown = command.run("lesion", *files(), "--repeats", "1").out
    assert "Without" in shown
    assert "Gradient by path length" in shown


@pytest.mark.parametrize(
    ("change", "images", "message"),
    [
        (lambda a: a.pop("layer2.0.bn1.bias"), {}, "has no 'layer2.0.bn1.bias'"),
        (lambda a: a.update(extra=np.zeros(3)), {}, "'extra' belongs to no layer of a ResNet-8"),
        (
            lambda a: a.update({"conv1.weight": np.zeros((16, 3, 5, 5))}),
            {},
            "conv1 has the shape",
        ),
        (lambda a: a.clear(), {}, "expected PyTorch's arrays"),
        (None, {"x": np.zeros((8, 9, 9, 3), "uint8")}, "takes images of (32, 32, 3)"),
        (None, {"x": np.zeros((8, 32, 32, 3))}, "expected bytes x"),
        (None, {"y": np.zeros(3, int)}, "expected bytes x"),
        (None, {"y": np.zeros(8)}, "labels in y are float64"),
        (
            None,
            {"y": np.arange(8) - 1},
            "labels in y are int64 from -1; expected whole numbers from",
        ),
        (None, {"y": np.arange(8) + 3}, "10 classes, 0 to 9; the labels go up to 10"),
    ],
)
def test_mistakes(files: Any, change: Any, images: Any, message: str) -> None:
    done = command.run("lesion", *files(change, **images))
    assert done.code == 2
    assert message in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_other_weights_than_expected_stop_it(files: Any) -> None:
    done = command.run("lesion", *files(), "--expect", "91.64")
    assert done.code == 2
    assert "--expect says 91.64 %" in done.err


def test_what_is_no_run(tmp_path: Path) -> None:
    for source in (tmp_path / "gone", tmp_path, tmp_path / "gone.npz"):
        done = command.run("lesion", source, "--data", str(tmp_path))
        assert done.code == 2
        assert len(done.err.strip().splitlines()) == 1
