"""Measured gradients against independent witnesses: differences, a closed form, other backends."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import keraudit
from keraudit.errors import KerauditError

keras = pytest.importorskip("keras")
np = pytest.importorskip("numpy")
layers = keras.layers


def rows(report: Any, label: str = "baseline") -> dict[str, Any]:
    (profile,) = report.of(label)
    return {row.name: row for row in profile.layers}


def small() -> Any:
    """A convolution, a residual unit, a classifier."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    x = start = keras.Input((6, 6, 2))
    x = layers.Conv2D(3, 3, padding="same", activation="tanh", name="first")(x)
    y = layers.Conv2D(3, 3, padding="same", activation="tanh", name="second")(x)
    x = layers.Add(name="sum")([x, y])
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(start, layers.Dense(4, name="last", activation="softmax")(x))


def batch(count: int = 5) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((count, 6, 6, 2)).astype("float32"), rng.integers(0, 4, count)


def loss_of(model: Any, x: Any, y: Any) -> float:
    p = np.asarray(model(x, training=True)).astype("float64")
    return float(-np.log(p[np.arange(len(y)), y]).mean())


def test_finite_differences_agree() -> None:
    """Along the gradient's own direction the loss changes by the gradient's norm."""
    import tensorflow as tf

    model, (x, y) = small(), batch()
    found = rows(keraudit.gradients(model, data=(x, y), batch=5, own_weights=True))
    with tf.GradientTape() as tape:
        p = model(x, training=True)
        picked = keras.ops.sum(p * keras.ops.one_hot(y, 4), axis=-1)
        loss = -keras.ops.mean(keras.ops.log(picked))
    kernels = {v.path.split("/")[0]: v for v in model.trainable_variables if v.name == "kernel"}
    assert kernels
    gradients = tape.gradient(loss, [v.value for v in kernels.values()])
    for (name, variable), gradient in zip(kernels.items(), gradients, strict=True):
        direction = np.asarray(gradient) / np.linalg.norm(np.asarray(gradient))
        before = variable.numpy()
        step = 1e-2
        ends = []
        for sign in (1, -1):
            variable.assign(before + sign * step * direction)
            ends.append(loss_of(model, x, y))
        variable.assign(before)
        slope = (ends[0] - ends[1]) / (2 * step)
        assert found[name].grad_norm == pytest.approx(slope, rel=1e-3)
        assert found[name].weight_norm == pytest.approx(np.linalg.norm(before), rel=1e-5)
        assert found[name].grad_rms == pytest.approx(slope / before.size**0.5, rel=1e-3)


def test_a_deep_linear_network_has_its_closed_form() -> None:
    """y = x W1 ... Wn, mean squared error: dL/dWk = (W<k)' x' e (W>k)', e the scaled error."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(1)
    depth, width = 8, 6
    model = keras.Sequential(
        [keras.Input((width,))]
        + [layers.Dense(width, use_bias=False, name=f"w{i}") for i in range(depth)]
    )
    rng = np.random.default_rng(2)
    x, y = (rng.standard_normal((7, width)).astype("float32") for _ in range(2))
    report = keraudit.gradients(
        model, data=(x, y), batch=7, loss="mean-squared-error", own_weights=True
    )
    weights = [layer.kernel.numpy().astype("float64") for layer in model.layers]
    inputs = [x.astype("float64")]
    for weight in weights:
        inputs.append(inputs[-1] @ weight)
    back = 2 * (inputs[-1] - y) / y.size
    found = rows(report)
    outputs = {row.name: row for row in report.profiles[0].blocks}
    for index in reversed(range(depth)):
        assert outputs[f"w{index}"].grad_norm == pytest.approx(np.linalg.norm(back), rel=1e-4)
        expected = np.linalg.norm(inputs[index].T @ back)
        assert found[f"w{index}"].grad_norm == pytest.approx(expected, rel=1e-4)
        back = back @ weights[index].T
    assert report.profiles[0].loss == pytest.approx(((inputs[-1] - y) ** 2).mean(), rel=1e-5)


def test_the_model_comes_out_as_it_went_in() -> None:
    keras.utils.clear_session()
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            layers.Conv2D(3, 3),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(4),
        ]
    )
    before = [np.asarray(v.value).tobytes() for v in model.variables]
    keraudit.gradients(model, data=batch(), batch=5, own_weights=True)
    assert [np.asarray(v.value).tobytes() for v in model.variables] == before


BACKENDS = """
import json, sys
import keras, numpy as np
import keraudit
rng = np.random.default_rng(0)
report = keraudit.gradients("ResNet-CIFAR-8", batch=4, against=["without-skips"], seeds=(0, 1))
print(json.dumps([[(r.name, r.grad_norm) for r in (*p.layers, *p.blocks)] for p in report.profiles]))
"""


@pytest.mark.exhaustive
def test_three_backends_agree() -> None:
    found = {}
    for backend in ("tensorflow", "torch", "jax"):
        try:
            __import__(backend)
        except ImportError:
            continue
        done = subprocess.run(
            [sys.executable, "-c", BACKENDS],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "KERAS_BACKEND": backend},
        )
        found[backend] = json.loads(done.stdout.splitlines()[-1])
    assert "tensorflow" in found
    if len(found) < 2:
        pytest.skip("one backend only is installed")
    base = found.pop("tensorflow")
    for other in found.values():
        for ours, theirs in zip(base, other, strict=True):
            assert [name for name, _ in ours] == [name for name, _ in theirs]
            norms = [[norm for _, norm in side] for side in (ours, theirs)]
            assert norms[0] == pytest.approx(norms[1], rel=1e-4)


def test_the_same_layer_starts_alike_with_and_without_its_skips() -> None:
    report = keraudit.gradients("ResNet-CIFAR-8", batch=4, against=["without-skips"])
    with_skips, without = rows(report), rows(report, "without-skips")
    shared = with_skips.keys() & without.keys()
    assert shared == without.keys()
    assert all(with_skips[n].weight_norm == without[n].weight_norm for n in shared)


def test_normalised_networks_explode_at_the_known_rate() -> None:
    """With batch normalisation and ReLU the squared norm grows by pi / (pi - 1) a layer.

    Yang et al. 2019, "A Mean Field Theory of Batch Normalization", for wide fully connected networks.
    """
    keras.utils.clear_session()
    chain: list[Any] = [keras.Input((256,))]
    for index in range(20):
        chain += [
            layers.Dense(256, name=f"w{index}"),
            layers.BatchNormalization(),
            layers.ReLU(),
        ]
    report = keraudit.gradients(
        keras.Sequential([*chain, layers.Dense(10)]), batch=128, seeds=(0, 1, 2)
    )
    expected = math.sqrt(math.pi / (math.pi - 1))
    assert report["baseline"].growth_per_block == pytest.approx(expected, rel=0.03)


def test_a_plain_network_explodes_more_than_a_residual_one() -> None:
    report = keraudit.gradients(
        "ResNet-CIFAR-20", batch=16, against=["without-skips"], seeds=(0, 1)
    )
    assert report["without-skips"].growth_per_block > report["baseline"].growth_per_block > 1


def test_the_four_corners() -> None:
    """Without normalisation Glorot vanishes and He does not; with it neither does."""
    report = keraudit.gradients(
        "Plain-CIFAR-20", batch=8, base="without-norm", against=["glorot", "he"]
    )
    growth = {label: report[label].growth_per_block for label in report.labels}
    assert growth["without-norm+glorot"] < 0.7
    assert 0.8 < growth["without-norm+he"] < 1.25


def test_gradients_of_inputs_shatter_without_skips() -> None:
    """Balduzzi et al. 2017: their correlation decays with depth, much slower with skips."""
    report = keraudit.gradients(
        "ResNet-CIFAR-56", batch=16, against=["without-skips"], shattering=True
    )
    first = {label: report.of(label)[0].blocks[0].cosine for label in report.labels}
    assert first["baseline"] > 2 * first["without-skips"]


def test_a_number_that_is_not_finite_is_a_finding() -> None:
    model = small()
    model.get_layer("second").kernel.assign(np.full((3, 3, 3, 3), np.nan, "float32"))
    report = keraudit.gradients(model, data=batch(), batch=5, own_weights=True)
    (profile,) = report.profiles
    assert profile.nonfinite is not None
    assert (profile.nonfinite.what, profile.nonfinite.layer) == ("activation", "second")
    assert report["baseline"].verdict == "non-finite"
    json.dumps(report.to_dict(), allow_nan=False)
    assert not report.plot().data  # nothing to draw, and no error


def frozen() -> Any:
    model = small()
    model.trainable = False
    return model


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (frozen, {}, "no trainable kernel"),
        ("ResNet-CIFAR-8", {"batch": 1}, "batch of 2 or more"),
        (small, {"loss": "binary-cross-entropy"}, "is a softmax"),
        (small, {"loss": "mse"}, "no loss is called 'mse': expected cross-entropy, "),
        (small, {"data": batch(), "batch": 4}, "expected 4 samples in each array, .* received 5"),
        (small, {"data": (batch()[0], np.array([1]))}, "expected 5 samples .* received 1, 5"),
        (small, {"data": (batch()[0], np.full(5, np.nan))}, "labels .* hold NaN or infinite"),
        (small, {"data": (batch()[0], np.full(5, 0.5))}, "the number of a class for each sample"),
        (small, {"data": (batch()[0], np.array([0, 1, 2, 3, 9]))}, "4 classes, 0 to 3"),
        (small, {"data": (batch()[0] * np.nan, batch()[1])}, "NaN or infinite"),
        (small, {"data": (batch()[0][:, :5], batch()[1])}, "the data have"),
        (small, {"data": "no/such/folder"}, "no data at"),
        (small, {"against": ["sideways"]}, "not a change to compare with"),
        (
            "VGG16",
            {"against": ["without-skips"], "input_shape": (32, 32, 3)},
            "leaves the model as it is",
        ),
        ("ResNet-CIFAR-8", {"own_weights": True}, "own weights are those of"),
    ],
)
def test_what_does_not_fit_is_said(model: Any, options: dict[str, Any], message: str) -> None:
    made = model if isinstance(model, str) else model()
    with pytest.raises(KerauditError, match=message) as caught:
        keraudit.gradients(made, **{"batch": 5, **options})
    assert "\n" not in str(caught.value)


def test_the_weights_of_a_file_are_those_of_its_model(tmp_path: Path) -> None:
    model, path = small(), tmp_path / "small.keras"
    model.save(path)
    live, filed = (
        rows(keraudit.gradients(m, data=batch(), batch=5, own_weights=True)) for m in (model, path)
    )
    assert [row.grad_norm for row in live.values()] == pytest.approx(
        [row.grad_norm for row in filed.values()], rel=1e-6
    )
    (tmp_path / "broken.keras").write_bytes(path.read_bytes()[:-400])
    with pytest.raises(KerauditError):
        keraudit.gradients(tmp_path / "broken.keras", own_weights=True)


def test_cifar10_as_images_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        folder = tmp_path / "cifar10-jpeg" / "train" / name
        folder.mkdir(parents=True)
        for index in range(3):
            pixels = rng.integers(0, 256, (32, 32, 3)).astype("uint8")
            image.fromarray(pixels).save(folder / f"{index}.png")
    monkeypatch.setenv("KERAUDIT_DATA", str(tmp_path))
    report = keraudit.gradients("ResNet-CIFAR-8", batch=4, data="cifar10")
    assert report.data == "CIFAR-10 as images (cifar10-jpeg)"


def test_a_folder_of_images(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for index in range(3):
            pixels = rng.integers(0, 256, (9, 9, 3)).astype("uint8")
            image.fromarray(pixels).save(tmp_path / name / f"{index}.png")
    report = keraudit.gradients("ResNet-CIFAR-8", batch=4, data=str(tmp_path))
    assert report.data == f"images in {tmp_path.name}"
