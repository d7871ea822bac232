"""Weights of PyTorch as a source of lesions: what is read, the command, and files that do not fit."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import command
from evaluation.test_lesion import moved
from keraudit.evaluation.pytorch_resnet import _resnet, load_pytorch_resnet
from keraudit.zoo.cifar import resnet_cifar
from schemas import faults

keras = pytest.importorskip("keras")
np = pytest.importorskip("numpy")

RNG = np.random.default_rng(1)


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


def test_new_channels_stand_between_zeros(files: Any) -> None:
    """Option A as in these files: half of the zero channels before the others, half behind."""
    model = load_pytorch_resnet(Path(files()[0]))
    x = RNG.normal(size=(1, 32, 32, 3)).astype("float32")
    before = model.get_layer("layer1_0_relu").output
    maps, around = keras.Model(model.input, [before, model.get_layer("layer2_0_add").input[0]])(x)
    found = np.asarray(around)
    assert found.shape == (1, 16, 16, 32)
    np.testing.assert_array_equal(found[..., 8:24], np.asarray(maps)[:, ::2, ::2])
    assert not found[..., :8].any()
    assert not found[..., 24:].any()


def test_a_state_dict_is_read_as_it_was_saved(files: Any, torch_arrays: dict[str, Any]) -> None:
    def wrapped(arrays: dict[str, Any]) -> None:
        arrays["bn1.num_batches_tracked"] = np.array(7)
        for key in list(arrays):
            arrays[f"module.{key}"] = arrays.pop(key)

    model = load_pytorch_resnet(Path(files(wrapped)[0]))
    np.testing.assert_array_equal(arrays_of(model)["bn1.bias"], torch_arrays["bn1.bias"])


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
        (lambda a: a.update({"bn1.bias": np.full(16, "x")}), {}, "'bn1.bias' holds <U1"),
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
