"""Recipes and the feed: schedules, crops and mirroring, and what a step of the optimizer does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keraudit.errors import KerauditError
from keraudit.training.recipe import RECIPES, recipe
from keraudit.training.step import keras_schedule, learning_rate
from toys import toy

keras = pytest.importorskip("keras")
np = pytest.importorskip("numpy")

SHORT = {"epochs": 3, "batch": 16}


def test_he_s_schedule_in_his_steps() -> None:
    """A tenth at 32k and again at 48k of 64k iterations."""
    he = RECIPES["he2015"]
    assert [
        round(learning_rate(he, s, 64_000), 6) for s in (0, 31_999, 32_000, 47_999, 48_000, 63_999)
    ] == [*(0.1, 0.1, 0.01, 0.01, 0.001, 0.001)]
    assert he.epochs * 390 == 63_960
    assert (he.batch, he.momentum, he.weight_decay, he.padding) == (128, 0.9, 1e-4, 4)


def test_warm_up_and_cosine() -> None:
    modern = recipe("modern", epochs=10)
    rates = [learning_rate(modern, step, 1000) for step in range(1000)]
    assert rates[:50] == sorted(rates[:50])
    assert rates[50:] == sorted(rates[50:], reverse=True)
    assert max(rates) == pytest.approx(modern.learning_rate, rel=1e-3)
    assert rates[-1] < 1e-4 * modern.learning_rate


def test_no_step_of_a_warm_up_exceeds_the_peak() -> None:
    """A twentieth of 72 steps is 3.6: the fourth step is the last of the warm-up."""
    modern = recipe("modern", epochs=10)
    rates = [learning_rate(modern, step, 72) for step in range(5)]
    assert rates[:3] == pytest.approx([modern.learning_rate * n / 3.6 for n in (1, 2, 3)])
    assert rates[3] == modern.learning_rate
    assert rates[4] < modern.learning_rate


@pytest.mark.parametrize("name", RECIPES)
def test_the_device_s_schedule_is_the_recipe_s(name: str) -> None:
    made = recipe(name, epochs=10)
    schedule = keras_schedule(made, 1000)
    found = [float(schedule(np.int32(step))) for step in range(0, 1000, 7)]
    assert found == pytest.approx(
        [learning_rate(made, step, 1000) for step in range(0, 1000, 7)], rel=1e-6
    )


def test_a_budget_scales_the_epochs() -> None:
    assert recipe("he2015", budget=0.1).epochs == 16
    assert recipe("he2015", budget=0.1).milestones == RECIPES["he2015"].milestones


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "he2016"}, "no recipe is called"),
        ({"budget": 0}, "budget must be above 0 and at most 1"),
        ({"budget": 2}, "budget must be above 0 and at most 1"),
        ({"batch": 0}, "batch must be 1"),
        ({"epochs": 0}, "epochs must be 1 or more, received 0"),
        ({"learning_rate": float("inf")}, "above 0"),
        ({"milestones": (0.75, 0.5)}, "increasing fractions"),
        (
            {"milestones": (0.5, 1.5)},
            "increasing fractions of the run, between 0 and 1, received 0.5, 1.5",
        ),
        ({"learning_rate": 0.0}, "above 0"),
        ({"schedule": "hope"}, "'step' or 'cosine'"),
        ({"color": 3}, "no 'color'"),
        ({"ema": 1.0}, "ema must be from 0"),
        ({"warmup": float("nan")}, "warmup must be from 0"),
        ({"weight_decay": -1.0}, "weight_decay must be 0"),
        ({"weight_decay": 1e40}, "weight_decay must be 0 or more and below 3.4e[+]38"),
        ({"learning_rate": 1e39}, "below 3.4e[+]38"),
        ({"cutout": -1}, "cutout must be 0 or more, received -1"),
        ({"mixup": -0.2}, "mixup must be 0 or more and below 100, received -0.2"),
        ({"mixup": float("nan")}, "mixup must be 0 or more"),
        ({"mixup": 1.0, "batch": 1}, "--batch must be 2 or more"),
        ({"optimizer": "adam"}, "optimizer must be 'sgd' or 'adamw', received 'adam'"),
        ({"optimizer": "adamw"}, "--learning-rate for adamw, for example 0.001"),
        (
            {"optimizer": "adamw", "learning_rate": 1e-3, "nesterov": True},
            "nesterov applies only to sgd",
        ),
    ],
)
def test_bad_recipes(options: dict[str, Any], message: str) -> None:
    given = {"name": "he2015", **options}
    with pytest.raises(KerauditError, match=message):
        recipe(given.pop("name"), **given)


@pytest.mark.parametrize("capacity", [None, 20])
def test_the_feed_crops_and_mirrors_as_told(capacity: int | None) -> None:
    from keraudit.training.augment import Images, moments

    data, made = toy(), recipe("he2015", **SHORT)
    rows = np.array([[5, 4, 4, 0], [5, 4, 4, 1], [7, 0, 8, 0], [len(data.train), 4, 4, 0]], "int32")
    images = Images(data, made, capacity=capacity)
    assert images.is_whole == (capacity is None)
    found = keras.ops.convert_to_numpy(images.layer(images.rows(rows)))
    mean, scale = moments(data, made.normalize)
    image = data.train.images[5].astype("float32")
    np.testing.assert_allclose(found[0], (image - mean) / scale, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found[1], (image[:, ::-1] - mean) / scale, rtol=1e-6, atol=1e-6)
    padded = np.pad(data.train.images[7], ((4, 4), (4, 4), (0, 0)))[0:16, 8:24]
    np.testing.assert_allclose(found[2], (padded - mean) / scale, rtol=1e-6, atol=1e-6)
    tested = data.test.images[0].astype("float32")  # the test images follow those of training
    np.testing.assert_allclose(found[3], (tested - mean) / scale, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("capacity", [None, 20])
def test_the_feed_blanks_a_square(capacity: int | None) -> None:
    from keraudit.training.augment import WHOLE, Images

    data, made = toy(), recipe("he2015", **SHORT)
    holed = replace(made, cutout=6)
    crops = [[5, 4, 4, 0], [5, 0, 8, 1], [5, 4, 4, 0]]
    # inside; cut by two borders; outside, as in an evaluation
    places = [[2, 9], [-3, 13], [-6, -6]]
    rows = np.array([c + p + [WHOLE] for c, p in zip(crops, places, strict=True)], "int32")
    whole = Images(data, made, capacity=capacity)
    plain = keras.ops.convert_to_numpy(whole.layer(whole.rows(rows[:, :4])))
    images = Images(data, holed, capacity=capacity)
    found = keras.ops.convert_to_numpy(images.layer(images.rows(rows)))
    expected = plain.copy()
    expected[0, 2:8, 9:15] = 0
    expected[1, :3, 13:] = 0
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(KerauditError, match="cutout must be 16 or less, the images' side"):
        Images(data, replace(made, cutout=17))
    with pytest.raises(KerauditError, match="padding must be 16 or less, the images' side"):
        Images(data, replace(made, padding=17))


@pytest.mark.parametrize("capacity", [None, 20])
def test_images_and_labels_are_mixed_by_the_same_parts(capacity: int | None) -> None:
    from keraudit.training.augment import WHOLE, Images, mixed_labels, plan

    data, made = toy(), recipe("he2015", **SHORT, mixup=0.4)
    rows = plan(data.train, made, 0, 0)
    plain = plan(data.train, replace(made, mixup=0.0), 0, 0)
    assert (rows[..., :4] == plain).all()  # the same images and crops
    share = rows[..., 6] / WHOLE
    assert ((share >= 0) & (share <= 1)).all()
    assert 0.3 < share.mean() < 0.7
    images = Images(data, made, capacity=capacity)
    unmixed = rows[1].copy()
    unmixed[:, 6] = WHOLE
    alone = keras.ops.convert_to_numpy(images.layer(images.rows(unmixed)))
    both = keras.ops.convert_to_numpy(images.layer(images.rows(rows[1])))
    part = share[1].astype("float32")
    for i in range(16):  # each with the one before it, the first with the last
        np.testing.assert_allclose(
            both[i], part[i] * alone[i] + (1 - part[i]) * alone[i - 1], rtol=1e-5, atol=1e-6
        )
    flat = rows.reshape(-1, 7)
    labels = np.eye(10, dtype="float32")[data.train.labels[flat[:, 0]]]
    found = mixed_labels(labels, flat, made).reshape(-1, 16, 10)
    np.testing.assert_allclose(found.sum(-1), 1, rtol=1e-6)
    by = labels.reshape(-1, 16, 10)
    expected = share[2, 3] * by[2, 3] + (1 - share[2, 3]) * by[2, 2]
    np.testing.assert_allclose(found[2, 3], expected, rtol=1e-5)
    assert mixed_labels(labels, flat, replace(made, mixup=0.0)) is labels


def test_the_middle_of_a_hole_is_any_pixel() -> None:
    from keraudit.training.augment import plan

    data, made = toy(), recipe("he2015", **SHORT, cutout=6)
    holes = np.concatenate(
        [plan(data.train, made, 0, e)[..., 4:6].reshape(-1, 2) for e in range(20)]
    )
    for side in holes.T:
        assert sorted(set(side)) == list(range(-3, 13))  # 16 pixels a side


def test_an_evaluation_neither_blanks_nor_mixes() -> None:
    from keraudit.training.augment import Images, evaluation_rows

    data, made = toy(), recipe("he2015", **SHORT, cutout=8, mixup=1.0)
    images, plain = Images(data, made), Images(data, recipe("he2015", **SHORT))
    seen = images.layer(evaluation_rows(data.test, made))
    alone = plain.layer(evaluation_rows(data.test, recipe("he2015", **SHORT)))
    assert (keras.ops.convert_to_numpy(seen) == keras.ops.convert_to_numpy(alone)).all()


@pytest.mark.exhaustive
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="of TensorFlow's input")
def test_tensorflow_is_fed_the_same_without_tuning() -> None:
    from keraudit.training.augment import keras_inputs, plan
    from keraudit.training.step import TrainState

    data, made = toy(), recipe("he2015", **SHORT)
    ends = []
    for is_tuned in (True, False):
        state = TrainState("Plain-CIFAR-8", data, made, 0)
        rows = plan(data.train, made, 0, 0).reshape(-1, 4)
        labels = state.labels(data.train, rows)
        inputs = keras_inputs(rows, labels, batch=made.batch)
        assert not inputs["x"].options().autotune.enabled
        if is_tuned:
            inputs = {"x": rows, "y": labels, "batch_size": made.batch}
        state.model.fit(**inputs, shuffle=False, verbose=0)
        inputs.pop("y", None)
        inputs = inputs if is_tuned else keras_inputs(rows, batch=made.batch)
        ends.append([*state.model.get_weights(), state.model.predict(**inputs, verbose=0)])
    for tuned, untuned in zip(*ends, strict=True):
        assert (tuned == untuned).all()


def test_a_plan_depends_on_seed_and_epoch_alone() -> None:
    from keraudit.training.augment import plan

    data, made = toy(), recipe("he2015", **SHORT)
    first = plan(data.train, made, 0, 2)
    assert first.shape == (6, 16, 4)
    assert sorted(first[..., 0].ravel()) == list(range(96))
    assert (plan(data.train, made, 0, 2) == first).all()
    assert (plan(data.train, made, 0, 3) != first).any()
    assert (plan(data.train, made, 1, 2) != first).any()


def test_the_average_is_of_the_weights_and_not_put_in_their_place() -> None:
    """Keras does the latter at the end of each fit; each epoch here is one."""
    from keraudit.training.step import averaged_weights
    from keraudit.training.trainer import Trainer

    trainer = Trainer("Plain-CIFAR-8", toy(), recipe("modern", epochs=20, batch=16), 0)
    trainer.run_epoch(0)
    weights = trainer.state.network.trainable_variables
    before = [keras.ops.convert_to_numpy(w.value).copy() for w in weights]
    with averaged_weights(trainer.state.optimizer, weights):
        inside = [keras.ops.convert_to_numpy(w.value).copy() for w in weights]
    assert any((a != b).any() for a, b in zip(before, inside, strict=True))
    after = [keras.ops.convert_to_numpy(w.value) for w in weights]
    assert all((a == b).all() for a, b in zip(before, after, strict=True))


@pytest.mark.exhaustive
def test_images_that_pass_through_in_parts_teach_the_same(tmp_path: Path) -> None:
    """40 images at a time are two batches of 16: three parts an epoch."""
    from keraudit.training.train import DivergedError, train

    made = recipe("modern", epochs=2, batch=16, learning_rate=0.01)
    ticks: dict[int | None, list[tuple[int, int]]] = {}
    runs = {}
    for device_images in (None, 40):
        told = ticks[device_images] = []
        runs[device_images] = train(
            "ResNet-CIFAR-8",
            toy(),
            made,
            seed=0,
            folder=tmp_path / str(device_images),
            device_images=device_images,
            watch=lambda tick, told=told: told.append((tick.epoch, tick.step)),  # type: ignore[misc]
        )
    assert ticks[None] == ticks[40]
    for a, b in zip(runs[None].history, runs[40].history, strict=True):
        for key in ("loss", "accuracy", "test_loss", "test_accuracy"):
            assert a[key] == pytest.approx(b[key], rel=1e-5), key
    assert runs[None].evaluation["train_error"] == runs[40].evaluation["train_error"]
    wild = recipe("he2015", epochs=1, batch=16, learning_rate=1e9)
    told_by = []
    for device_images in (None, 40):
        folder = tmp_path / f"wild{device_images}"
        with pytest.raises(DivergedError) as found:
            train("Plain-CIFAR-8", toy(), wild, seed=0, folder=folder, device_images=device_images)
        told_by.append(str(found.value))
    assert told_by[0] == told_by[1]
    with pytest.raises(KerauditError, match="a step takes 16 images, the device may hold 15"):
        train("ResNet-CIFAR-8", toy(), made, seed=0, folder=tmp_path / "few", device_images=15)
    assert not (tmp_path / "few").exists()


def test_a_long_gradient_is_shortened() -> None:
    from keraudit.training.step import make_optimizer

    made = recipe("he2015", clip_norm=0.5, learning_rate=1.0, momentum=0.0)
    weights = [keras.Variable(np.zeros(2, "float32")), keras.Variable(np.zeros(1, "float32"))]
    sgd = make_optimizer(made, 10)
    sgd.apply([keras.ops.array([3.0, 0.0]), keras.ops.array([4.0])], weights)
    np.testing.assert_allclose(weights[0].numpy(), [-0.3, 0.0], rtol=1e-6)  # 3 and 4: of norm 5
    np.testing.assert_allclose(weights[1].numpy(), [-0.4], rtol=1e-6)


def test_adamw_decays_kernels_alone_and_apart_from_the_gradient() -> None:
    from keraudit.training.step import add_weight_decay, make_optimizer

    rate, part = 0.1, 0.5
    made = recipe("modern", optimizer="adamw", learning_rate=rate, weight_decay=part, warmup=0.0)
    assert not made.nesterov
    dense = keras.layers.Dense(1)
    model = keras.Sequential([keras.Input((2,)), dense])
    add_weight_decay(model, made)
    assert not model.losses  # nothing of it in the loss, so nothing in the moments
    dense.kernel.assign([[1.0], [-2.0]])
    dense.bias.assign([3.0])
    adamw = make_optimizer(made, 10**6)  # so many steps that the cosine has not begun to fall
    adamw.apply(
        [keras.ops.array([[0.02], [70.0]]), keras.ops.array([5.0])], [dense.kernel, dense.bias]
    )
    # The first step of Adam is the rate against the sign, whatever the gradient's size.
    expected = [[1 - rate * part - rate], [-2 + rate * part * 2 - rate]]
    np.testing.assert_allclose(keras.ops.convert_to_numpy(dense.kernel), expected, rtol=1e-4)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(dense.bias), [3 - rate], rtol=1e-4)


def test_no_more_images_are_held_than_can_be_looked_up_or_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from keraudit.training import augment

    data, made = toy(), recipe("he2015", batch=16)  # 24x24 with their padding
    monkeypatch.setattr(augment, "MOST_PIXELS", 24 * 24 * 40)
    assert augment.Images(data, made).capacity == 40
    monkeypatch.setattr(augment, "memory_bytes", lambda: 24 * 24 * 3 * 120)
    assert augment.Images(data, made).capacity == 30
    monkeypatch.setattr(augment, "memory_bytes", lambda: 24 * 24 * 3)
    with pytest.raises(KerauditError, match="a step takes 16 images, the device may hold 0: lower"):
        augment.Images(data, made)


def test_mean_and_deviation_of_each_channel() -> None:
    from keraudit.training.augment import moments

    mean, deviation = moments(toy(), "channel")
    images = toy().train.images
    np.testing.assert_allclose(mean, images.mean(axis=(0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(deviation, images.std(axis=(0, 1, 2)), rtol=1e-6)
