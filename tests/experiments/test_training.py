"""Training: the recipes, the feed, and runs that end alike whether they were killed or not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from command import run as keraudit
from keraudit.errors import KerauditError
from keraudit.experiments.data import Split
from keraudit.experiments.recipe import RECIPES, recipe
from keraudit.experiments.record import read_run
from toys import record, toy

keras = pytest.importorskip("keras")
np = pytest.importorskip("numpy")

SHORT = {"epochs": 3, "batch": 16}


def test_he_s_schedule_in_his_steps() -> None:
    """A tenth at 32k and again at 48k of 64k iterations."""
    he = RECIPES["he2015"]
    assert [round(he.rate(s, 64_000), 6) for s in (0, 31_999, 32_000, 47_999, 48_000, 63_999)] == [
        *(0.1, 0.1, 0.01, 0.01, 0.001, 0.001)
    ]
    assert he.epochs * 390 == 63_960
    assert (he.batch, he.momentum, he.weight_decay, he.padding) == (128, 0.9, 1e-4, 4)


def test_warm_up_and_cosine() -> None:
    modern = recipe("modern", epochs=10)
    rates = [modern.rate(step, 1000) for step in range(1000)]
    assert rates[:50] == sorted(rates[:50])
    assert rates[50:] == sorted(rates[50:], reverse=True)
    assert max(rates) == pytest.approx(modern.learning_rate, rel=1e-3)
    assert rates[-1] < 1e-4 * modern.learning_rate


@pytest.mark.parametrize("name", RECIPES)
def test_the_device_s_schedule_is_the_recipe_s(name: str) -> None:
    from keraudit.experiments.optimiser import schedule

    made = recipe(name, epochs=10)
    rate = schedule(made, 1000)
    found = [float(rate(np.int32(step))) for step in range(0, 1000, 7)]
    assert found == pytest.approx([made.rate(step, 1000) for step in range(0, 1000, 7)], rel=1e-3)


def test_a_budget_scales_the_epochs() -> None:
    assert recipe("he2015", budget=0.1).epochs == 16
    assert recipe("he2015", budget=0.1).milestones == RECIPES["he2015"].milestones


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "he2016"}, "no recipe is called"),
        ({"budget": 0}, "a budget is a part"),
        ({"budget": 2}, "a budget is a part"),
        ({"batch": 0}, "batch must be 1"),
        ({"epochs": 0}, "epochs must be 1 or more, received 0"),
        ({"learning_rate": float("inf")}, "above 0"),
        ({"milestones": (0.75, 0.5)}, "rising parts"),
        ({"milestones": (0.5, 1.5)}, "rising parts between 0 and 1, received 0.5, 1.5"),
        ({"learning_rate": 0.0}, "above 0"),
        ({"schedule": "hope"}, "'step' or 'cosine'"),
        ({"colour": 3}, "no 'colour'"),
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
        ({"optimizer": "adamw"}, "say --learning-rate, 0.001 is common"),
        ({"optimizer": "adamw", "learning_rate": 1e-3, "nesterov": True}, "nesterov is of sgd"),
    ],
)
def test_bad_recipes(options: dict[str, Any], message: str) -> None:
    given = {"name": "he2015", **options}
    with pytest.raises(KerauditError, match=message):
        recipe(given.pop("name"), **given)


@pytest.mark.parametrize("most", [None, 20])
def test_the_feed_crops_and_mirrors_as_told(most: int | None) -> None:
    from keraudit.experiments.feeding import Images, moments

    data, made = toy(), recipe("he2015", **SHORT)
    rows = np.array([[5, 4, 4, 0], [5, 4, 4, 1], [7, 0, 8, 0], [len(data.train), 4, 4, 0]], "int32")
    images = Images(data, made, most=most)
    assert images.is_whole == (most is None)
    found = keras.ops.convert_to_numpy(images.layer(images.rows(rows)))
    mean, scale = moments(data, made.normalise)
    image = data.train.images[5].astype("float32")
    np.testing.assert_allclose(found[0], (image - mean) / scale, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found[1], (image[:, ::-1] - mean) / scale, rtol=1e-6, atol=1e-6)
    padded = np.pad(data.train.images[7], ((4, 4), (4, 4), (0, 0)))[0:16, 8:24]
    np.testing.assert_allclose(found[2], (padded - mean) / scale, rtol=1e-6, atol=1e-6)
    tested = data.test.images[0].astype("float32")  # the test images follow those of training
    np.testing.assert_allclose(found[3], (tested - mean) / scale, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("most", [None, 20])
def test_the_feed_blanks_a_square(most: int | None) -> None:
    from keraudit.experiments.feeding import WHOLE, Images

    data, made = toy(), recipe("he2015", **SHORT)
    holed = replace(made, cutout=6)
    crops = [[5, 4, 4, 0], [5, 0, 8, 1], [5, 4, 4, 0]]
    # inside; cut by two borders; outside, as in an evaluation
    places = [[2, 9], [-3, 13], [-6, -6]]
    rows = np.array([c + p + [WHOLE] for c, p in zip(crops, places, strict=True)], "int32")
    whole = Images(data, made, most=most)
    plain = keras.ops.convert_to_numpy(whole.layer(whole.rows(rows[:, :4])))
    images = Images(data, holed, most=most)
    found = keras.ops.convert_to_numpy(images.layer(images.rows(rows)))
    expected = plain.copy()
    expected[0, 2:8, 9:15] = 0
    expected[1, :3, 13:] = 0
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(KerauditError, match="cutout must be 16 or less, the images' side"):
        Images(data, replace(made, cutout=17))
    with pytest.raises(KerauditError, match="padding must be 16 or less, the images' side"):
        Images(data, replace(made, padding=17))


@pytest.mark.parametrize("most", [None, 20])
def test_images_and_labels_are_mixed_by_the_same_parts(most: int | None) -> None:
    from keraudit.experiments.feeding import WHOLE, Images, mixed, plan

    data, made = toy(), recipe("he2015", **SHORT, mixup=0.4)
    rows = plan(data.train, made, 0, 0)
    plain = plan(data.train, replace(made, mixup=0.0), 0, 0)
    assert (rows[..., :4] == plain).all()  # the same images and crops
    share = rows[..., 6] / WHOLE
    assert ((share >= 0) & (share <= 1)).all()
    assert 0.3 < share.mean() < 0.7
    images = Images(data, made, most=most)
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
    found = mixed(labels, flat, made).reshape(-1, 16, 10)
    np.testing.assert_allclose(found.sum(-1), 1, rtol=1e-6)
    by = labels.reshape(-1, 16, 10)
    expected = share[2, 3] * by[2, 3] + (1 - share[2, 3]) * by[2, 2]
    np.testing.assert_allclose(found[2, 3], expected, rtol=1e-5)
    assert mixed(labels, flat, replace(made, mixup=0.0)) is labels


def test_the_middle_of_a_hole_is_any_pixel() -> None:
    from keraudit.experiments.feeding import plan

    data, made = toy(), recipe("he2015", **SHORT, cutout=6)
    holes = np.concatenate(
        [plan(data.train, made, 0, e)[..., 4:6].reshape(-1, 2) for e in range(20)]
    )
    for side in holes.T:
        assert sorted(set(side)) == list(range(-3, 13))  # 16 pixels a side


def test_an_evaluation_neither_blanks_nor_mixes() -> None:
    from keraudit.experiments.feeding import Images, still

    data, made = toy(), recipe("he2015", **SHORT, cutout=8, mixup=1.0)
    images, plain = Images(data, made), Images(data, recipe("he2015", **SHORT))
    seen = images.layer(still(data.test, made))
    alone = plain.layer(still(data.test, recipe("he2015", **SHORT)))
    assert (keras.ops.convert_to_numpy(seen) == keras.ops.convert_to_numpy(alone)).all()


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="of TensorFlow's input")
def test_tensorflow_is_fed_the_same_without_tuning() -> None:
    from keraudit.experiments.feeding import fed, plan
    from keraudit.experiments.session import Session

    data, made = toy(), recipe("he2015", **SHORT)
    ends = []
    for is_tuned in (True, False):
        session = Session("Plain-CIFAR-8", data, made, 0)
        rows = plan(data.train, made, 0, 0).reshape(-1, 4)
        labels = session.labels(data.train, rows)
        given = fed(rows, labels, batch=made.batch)
        assert not given["x"].options().autotune.enabled
        if is_tuned:
            given = {"x": rows, "y": labels, "batch_size": made.batch}
        session.learner.fit(**given, shuffle=False, verbose=0)
        told = {"x": rows, "batch_size": made.batch} if is_tuned else fed(rows, batch=made.batch)
        ends.append([*session.learner.get_weights(), session.learner.predict(**told, verbose=0)])
    for tuned, untuned in zip(*ends, strict=True):
        assert (tuned == untuned).all()


def test_a_plan_depends_on_seed_and_epoch_alone() -> None:
    from keraudit.experiments.feeding import plan

    data, made = toy(), recipe("he2015", **SHORT)
    first = plan(data.train, made, 0, 2)
    assert first.shape == (6, 16, 4)
    assert sorted(first[..., 0].ravel()) == list(range(96))
    assert (plan(data.train, made, 0, 2) == first).all()
    assert (plan(data.train, made, 0, 3) != first).any()
    assert (plan(data.train, made, 1, 2) != first).any()


SCRIPT = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[3:4]
from toys import toy
from keraudit.experiments import jax_loop
from keraudit.experiments.recipe import recipe
from keraudit.experiments.training import train

def watch(tick):
    print("tick", tick.epoch, tick.step, flush=True)

jax_loop.MOST_ON_CPU = int(sys.argv[4])
OTHERS = {
    "": {},
    "adamw": {"optimizer": "adamw", "learning_rate": 0.001},
    "mixed": {"cutout": 6, "mixup": 0.3},
}
name, _, other = sys.argv[2].partition(" ")
made = recipe(name, epochs=4, batch=16, **OTHERS[other])  # 6 steps an epoch
train("ResNet-CIFAR-8", toy(), made, seed=3, folder=Path(sys.argv[1]), watch=watch,
    gradients_every=4 if other == "adamw" else None)
"""


def run_until(folder: Path, name: str, backend: str, most: int, mark: str = "") -> int:
    """Train in a process of its own, and kill it as soon as it prints ``mark``; its exit code."""
    here = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", SCRIPT, str(folder), name, here, str(most)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "KERAS_BACKEND": backend},
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if mark and line.startswith(mark):
                os.kill(process.pid, signal.SIGKILL)
                break
    return process.returncode


SURE = """
import json, sys
sys.path[:0] = sys.argv[1:2]
from toys import toy
import numpy as np
from keraudit.experiments.recipe import recipe
from keraudit.experiments.session import Session
from keraudit.experiments.watching import unwatched

made = recipe("he2015", epochs=1, batch=16, learning_rate=1e-3, precision=sys.argv[2])
session = Session("ResNet-CIFAR-8", toy(), made, 0)
bias = session.body.trainable_variables[-1]
bias.assign([200.0, *[0.0] * (bias.shape[0] - 1)])  # sure of the first class, whatever it sees
loss = session.epoch(0, unwatched)["loss"]
print(json.dumps([loss, np.asarray(bias.value).tolist(), session.predictions().sum(axis=1).tolist()]))
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_an_image_that_the_network_is_sure_to_mistake_teaches_it(
    backend: str, precision: str
) -> None:
    pytest.importorskip(backend)
    done = subprocess.run(
        [sys.executable, "-c", SURE, str(Path(__file__).parents[1]), precision],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": backend},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    loss, bias, sums = json.loads(done.stdout.splitlines()[-1])
    assert loss > 100  # of a probability no less than 1e-7 it would be 16 at most
    assert bias[0] < 200
    assert sums == pytest.approx([1.0] * len(sums))


@pytest.mark.parametrize(
    ("name", "backend", "most"),
    [
        ("he2015", "tensorflow", 1),
        ("he2015", "jax", 1),
        ("modern", "tensorflow", 1),
        ("modern adamw", "tensorflow", 1),
        ("modern", "jax", 1),
        ("modern adamw", "jax", 1),
        ("modern mixed", "tensorflow", 1),
        ("modern mixed", "jax", 3),
        ("modern", "jax", 3),  # as on an accelerator, where many steps are one call
    ],
)
def test_killed_in_mid_epoch_it_ends_as_if_it_had_not_been(
    tmp_path: Path, name: str, backend: str, most: int
) -> None:
    pytest.importorskip(backend)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert run_until(whole, name, backend, most) == 0
    assert (
        run_until(cut, name, backend, most, mark="tick 3 ") == -signal.SIGKILL
    )  # in the third of four
    assert not (cut / "run.json").exists()
    assert run_until(cut, name, backend, most) == 0
    with np.load(whole / "checkpoint.npz") as a, np.load(cut / "checkpoint.npz") as b:
        assert a.files == b.files
        for key in a.files:
            if key != "state":
                assert (a[key] == b[key]).all(), key
    runs = [json.loads((f / "run.json").read_text()) for f in (whole, cut)]
    timed = ("seconds", "images_per_s")
    histories = [
        [{k: v for k, v in row.items() if k not in timed} for row in r["history"]] for r in runs
    ]
    assert histories[0] == histories[1]
    assert runs[0]["evaluation"] == runs[1]["evaluation"]
    assert runs[0].get("gradients") == runs[1].get("gradients")
    assert bool(runs[0].get("gradients")) == name.endswith("adamw")


def test_a_run_of_another_configuration_is_not_resumed(tmp_path: Path) -> None:
    from keraudit.experiments.training import train

    folder = tmp_path / "run"
    train("ResNet-CIFAR-8", toy(), recipe("he2015", epochs=1, batch=16), seed=0, folder=folder)
    with pytest.raises(KerauditError, match=r"recipe\.batch = 16, not 32"):
        train("ResNet-CIFAR-8", toy(), recipe("he2015", epochs=1, batch=32), seed=0, folder=folder)
    with pytest.raises(KerauditError, match=r"seed = 0, not 1"):
        train("ResNet-CIFAR-8", toy(), recipe("he2015", epochs=1, batch=16), seed=1, folder=folder)
    (folder / "run.json").unlink()  # as if it had been killed before its end
    kept = folder / "checkpoint.npz"
    kept.write_bytes(kept.read_bytes()[:-200])
    with pytest.raises(KerauditError, match="damaged or cut short"):
        train("ResNet-CIFAR-8", toy(), recipe("he2015", epochs=1, batch=16), seed=0, folder=folder)


def test_no_space_left_keeps_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keraudit.experiments import checkpoint

    path = tmp_path / "checkpoint.npz"
    variable = keras.Variable(np.ones(3, "float32"))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as on:
        on.setattr(np, "savez", full)
        with pytest.raises(KerauditError, match="there is no checkpoint yet"):
            checkpoint.save(path, [variable], {"epoch": 1})
    checkpoint.save(path, [variable], {"epoch": 1})
    before = path.read_bytes()
    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(KerauditError, match="No space left on device; the run stops"):
        checkpoint.save(path, [variable], {"epoch": 2})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.npz"]


def test_a_damaged_checkpoint_costs_what_came_after_the_one_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from keraudit.experiments import checkpoint

    path = tmp_path / "checkpoint.npz"
    variable = keras.Variable(np.zeros(3, "float32"))
    assert checkpoint.resume(path, [variable]) == {}
    for epoch in (1, 2, 3):
        variable.assign(np.full(3, epoch, "float32"))
        checkpoint.save(path, [variable], {"history": [0] * epoch})
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "checkpoint-before.npz",
        "checkpoint.npz",
    ]
    path.write_bytes(path.read_bytes()[:-50])
    assert checkpoint.resume(path, [variable]) == {"history": [0, 0]}
    assert np.asarray(variable.value).tolist() == [2.0] * 3
    assert "goes on from checkpoint-before.npz, after epoch 2" in caplog.text
    assert not path.exists()  # or the next save would put it in the place of the good one
    assert checkpoint.resume(path, [variable]) == {"history": [0, 0]}
    checkpoint.save(path, [variable], {"history": [0, 0, 1]})
    assert checkpoint.resume(path, [variable]) == {"history": [0, 0, 1]}
    assert checkpoint.load(checkpoint.before(path), [variable]) == {"history": [0, 0]}
    for file in (path, checkpoint.before(path)):
        file.write_bytes(b"")
    with pytest.raises(KerauditError, match=r"checkpoint-before\.npz are damaged.*delete both"):
        checkpoint.resume(path, [variable])


def test_no_space_for_the_predictions_keeps_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keraudit.experiments.record import write_run

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(KerauditError, match="the same command ends it"):
        write_run(tmp_path, record(), np.ones((2, 2)))
    assert list(tmp_path.iterdir()) == []


def test_a_diverging_run_names_step_rate_and_layer(tmp_path: Path) -> None:
    from keraudit.experiments.training import DivergedError, train

    wild = recipe("he2015", epochs=3, batch=16, learning_rate=1e30)
    with pytest.raises(
        DivergedError, match=r"step \d+ \(epoch 1\), learning rate 1e\+30; first bad: the"
    ):
        train("ResNet-CIFAR-8", toy(), wild, seed=0, folder=tmp_path / "run")
    with pytest.raises(KerauditError, match=r"it diverged: the loss is not finite at step \d+"):
        read_run(tmp_path / "run")


@pytest.mark.parametrize("at", [2, 4])  # the loss is looked at after steps 0, 1, 3 and 5
def test_the_step_and_layer_at_which_it_began(at: int) -> None:
    from keraudit.experiments.divergence import bad_output, diverged, values
    from keraudit.experiments.feeding import plan
    from keraudit.experiments.session import Session

    made = recipe("he2015", epochs=1, batch=16)
    session = Session("ResNet-CIFAR-8", toy(), made, 0)
    whole = session.step
    taken = 0

    def poisoned(rows: Any) -> float:  # stands in for a step that overflows
        nonlocal taken
        taken += 1
        if taken == at + 1:
            layer = session.body.get_layer("stage2_block1_conv1")
            layer.kernel.assign(layer.kernel * float("nan"))
        return whole(rows)

    start = values(session.variables)
    rows = plan(toy().train, made, 0, 0).reshape(-1, 4)
    session.step = poisoned  # type: ignore[method-assign]
    found = diverged(session, 0, rows, start, 5)
    assert f"at step {at + 1} (epoch 1)" in str(found)
    layer = session.body.get_layer("stage2_block1_conv1")
    layer.kernel.assign(layer.kernel * float("nan"))
    assert bad_output(session.learner, rows[:16]) == "the output of stage2_block1_conv1"


def test_weights_that_overflow_in_the_last_step_are_not_kept(tmp_path: Path) -> None:
    from keraudit.experiments.training import DivergedError, train

    data = toy()
    wild = recipe("he2015", epochs=1, batch=len(data.train), learning_rate=3e38)
    wild = replace(wild, weight_decay=1e3)  # its gradient alone passes 1 a weight
    with pytest.raises(DivergedError, match=r"at step 1 \(epoch 1\).*first bad: the update of"):
        train("Plain-CIFAR-8", data, wild, seed=0, folder=tmp_path / "run")
    assert not (tmp_path / "run" / "run.json").exists()
    assert not (tmp_path / "run" / "checkpoint.npz").exists()


def test_it_learns(tmp_path: Path) -> None:
    from keraudit.experiments.record import read_run
    from keraudit.experiments.training import train

    made = recipe("modern", epochs=40, batch=16)
    run = train("Plain-CIFAR-8", toy(), made, seed=0, folder=tmp_path / "run")
    assert run.history[-1]["accuracy"] > 0.9
    kept = read_run(tmp_path / "run")
    assert kept.to_dict() == json.loads(json.dumps(run.to_dict()))
    assert kept.dataset["name"] == "toy"
    assert len(kept.history) == 40
    probabilities = np.load(tmp_path / "run" / "predictions.npz")["probabilities"]
    assert probabilities.shape == (30, 3)
    right = (probabilities.argmax(1) == toy().test.labels).mean()
    assert right == pytest.approx(run.evaluation["test"]["accuracy"])


def test_the_average_is_of_the_weights_and_not_put_in_their_place() -> None:
    """Keras does the latter at the end of each fit; each epoch here is one."""
    from keraudit.experiments.optimiser import averaged
    from keraudit.experiments.session import Session
    from keraudit.experiments.watching import unwatched

    session = Session("Plain-CIFAR-8", toy(), recipe("modern", epochs=20, batch=16), 0)
    session.epoch(0, unwatched)
    weights = session.body.trainable_variables
    before = [keras.ops.convert_to_numpy(w.value).copy() for w in weights]
    with averaged(session.optimizer, weights):
        inside = [keras.ops.convert_to_numpy(w.value).copy() for w in weights]
    assert any((a != b).any() for a, b in zip(before, inside, strict=True))
    after = [keras.ops.convert_to_numpy(w.value) for w in weights]
    assert all((a == b).all() for a, b in zip(before, after, strict=True))


def test_an_unknown_network() -> None:
    from keraudit.experiments.network import network

    with pytest.raises(KerauditError, match="cannot be trained"):
        network("VGG16", classes=10, shape=(32, 32, 3), recipe=recipe("modern"))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "size"), [("InceptionV3", 75), ("ResNet50", None)])
def test_the_large_networks_see_enlarged_images(name: str, size: int | None) -> None:
    from keraudit.experiments.network import network

    keras.utils.clear_session()
    with keras.StatelessScope(initialize_variables=False):
        made = network(name, classes=10, shape=(32, 32, 3), recipe=recipe("modern", size=size))
    assert made.input_shape == (None, 32, 32, 3)
    assert made.output_shape == (None, 10)
    side = size or 96
    assert made.layers[1].output.shape[1:] == (side, side, 3)


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("InceptionV3", 74, "InceptionV3 takes a size of 75 to 1024, received 74"),
        ("resnet50", 0, "resnet50 takes a size of 32 to 1024, received 0"),
        ("ResNet50", 5000, "received 5000"),
        ("ResNet-CIFAR-20", 96, "takes images as they are"),
    ],
)
def test_a_size_that_the_network_does_not_take(name: str, size: int, message: str) -> None:
    from keraudit.experiments.network import sized

    with pytest.raises(KerauditError, match=message):
        sized(recipe("modern", size=size), name)


def test_the_size_is_part_of_the_record() -> None:
    from keraudit.experiments.network import sized

    assert sized(recipe("modern"), "ResNet50").to_dict()["size"] == 96
    assert sized(recipe("modern"), "ResNet-CIFAR-20").to_dict()["size"] is None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["InceptionV3", "ResNet50", "Plain-CIFAR-8"])
def test_in_bfloat16_the_classifier_is_in_float32(name: str) -> None:
    from keraudit.experiments.network import network

    keras.utils.clear_session()
    made = recipe("modern", precision="mixed_bfloat16")
    with keras.StatelessScope(initialize_variables=False):
        body = network(name, classes=10, shape=(32, 32, 3), recipe=made)
        usual = network(name, classes=10, shape=(32, 32, 3), recipe=recipe("modern"))
    assert body.outputs[0].dtype == "float32"
    assert [v.shape for v in body.variables] == [v.shape for v in usual.variables]
    inner = next((layer for layer in body.layers if isinstance(layer, keras.Model)), body)
    assert inner.layers[2].compute_dtype == "bfloat16"


def test_a_finished_run_is_left_as_it_is(tmp_path: Path) -> None:
    from keraudit.experiments.training import train

    made = recipe("he2015", epochs=1, batch=16)
    train("Plain-CIFAR-8", toy(), made, seed=0, folder=tmp_path / "run", command="first")
    before = (tmp_path / "run" / "run.json").read_bytes()
    found = train("Plain-CIFAR-8", toy(), made, seed=0, folder=tmp_path / "run", command="second")
    assert found.command == "first"
    assert (tmp_path / "run" / "run.json").read_bytes() == before


def test_images_that_pass_through_in_parts_teach_the_same(tmp_path: Path) -> None:
    """40 images at a time are two batches of 16: three parts an epoch."""
    from keraudit.experiments.training import DivergedError, train

    made = recipe("modern", epochs=2, batch=16, learning_rate=0.01)
    ticks: dict[int | None, list[tuple[int, int]]] = {}
    runs = {}
    for held in (None, 40):
        told = ticks[held] = []
        runs[held] = train(
            "ResNet-CIFAR-8",
            toy(),
            made,
            seed=0,
            folder=tmp_path / str(held),
            held=held,
            watch=lambda tick, told=told: told.append((tick.epoch, tick.step)),  # type: ignore[misc]
        )
    assert ticks[None] == ticks[40]
    for a, b in zip(runs[None].history, runs[40].history, strict=True):
        for key in ("loss", "accuracy", "test_loss", "test_accuracy"):
            assert a[key] == pytest.approx(b[key], rel=1e-5), key
    assert runs[None].evaluation["train_error"] == runs[40].evaluation["train_error"]
    wild = recipe("he2015", epochs=1, batch=16, learning_rate=1e9)
    told_by = []
    for held in (None, 40):
        folder = tmp_path / f"wild{held}"
        with pytest.raises(DivergedError) as found:
            train("Plain-CIFAR-8", toy(), wild, seed=0, folder=folder, held=held)
        told_by.append(str(found.value))
    assert told_by[0] == told_by[1]
    with pytest.raises(KerauditError, match="a step takes 16 images, the device may hold 15"):
        train("ResNet-CIFAR-8", toy(), made, seed=0, folder=tmp_path / "few", held=15)
    assert not (tmp_path / "few").exists()


def test_one_process_trains_in_a_folder(tmp_path: Path) -> None:
    from keraudit.experiments.training import train

    folder = tmp_path / "run"
    holds = f"""
from pathlib import Path
from keraudit.experiments.record import alone
with alone(Path({str(folder)!r})):
    print("alone", flush=True)
    input()
"""
    made = recipe("he2015", epochs=1, batch=16)
    with subprocess.Popen(
        [sys.executable, "-c", holds], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "alone\n"
        with pytest.raises(KerauditError, match="another process trains the run in"):
            train("Plain-CIFAR-8", toy(), made, seed=0, folder=folder)
        other.kill()  # even so it does not hold the folder any longer
    assert train("Plain-CIFAR-8", toy(), made, seed=0, folder=folder).history


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes."),
        type("ResourceExhaustedError", (Exception,), {})("OOM when allocating tensor"),
    ],
)
def test_memory_that_ends_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    from keraudit.experiments.session import Session
    from keraudit.experiments.training import train

    def ends(*_: object) -> None:
        raise error

    monkeypatch.setattr(Session, "epoch", ends)
    made = recipe("he2015", epochs=1, batch=16)
    with pytest.raises(KerauditError, match="the memory is too small for batches of 16"):
        train("Plain-CIFAR-8", toy(), made, seed=0, folder=tmp_path / "run")


def test_a_run_is_not_resumed_on_another_backend(tmp_path: Path) -> None:
    from keraudit.experiments.training import train

    made = recipe("he2015", epochs=1, batch=16)
    train("Plain-CIFAR-8", toy(), made, seed=0, folder=tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["backend"] == keras.backend.backend()
    (tmp_path / "run" / "config.json").write_text(json.dumps(config | {"backend": "torch"}))
    with pytest.raises(KerauditError, match="backend = 'torch', not"):
        train("Plain-CIFAR-8", toy(), made, seed=0, folder=tmp_path / "run")


@pytest.mark.parametrize(
    ("backend", "goes_on"), [("tensorflow", True), ("jax", False), ("torch", False)]
)
def test_a_run_whose_loss_was_cut_off_is_not_gone_on_with(
    tmp_path: Path, backend: str, goes_on: bool
) -> None:
    from keraudit.experiments.training import same_run, train

    made, folder = recipe("he2015", epochs=1, batch=16), tmp_path / "run"
    train("Plain-CIFAR-8", toy(), made, seed=0, folder=folder)
    config = json.loads((folder / "config.json").read_text()) | {"backend": backend}
    before = {key: value for key, value in config.items() if key != "loss"}
    (folder / "config.json").write_text(json.dumps(before))
    same_run(folder, config)  # what is finished is left as it is
    (folder / "run.json").unlink()
    if goes_on:
        same_run(folder, config)
        return
    with pytest.raises(KerauditError, match="was begun with a loss that was cut off below"):
        same_run(folder, config)


def test_resumed_on_the_same_images_in_the_same_order_by_any_name(tmp_path: Path) -> None:
    from keraudit.experiments.training import train

    made, data = recipe("he2015", epochs=1, batch=16), toy()
    folder = tmp_path / "run"
    train("Plain-CIFAR-8", data, made, seed=0, folder=folder)
    for file in ("run.json", "checkpoint.npz"):
        (folder / file).unlink()
    turned = Split(images=data.train.images[::-1], labels=data.train.labels[::-1])
    with pytest.raises(KerauditError, match="holds a run with order = "):
        train("Plain-CIFAR-8", replace(data, train=turned), made, seed=0, folder=folder)
    moved = replace(data, name="moved", source="moved.npz")
    assert train("plain-cifar-8", moved, made, seed=0, folder=folder).history


def test_a_checkpoint_of_nobody_knows_what_is_not_resumed(tmp_path: Path) -> None:
    from keraudit.experiments.training import train

    made, folder = recipe("he2015", epochs=1, batch=16), tmp_path / "run"
    train("Plain-CIFAR-8", toy(), made, seed=0, folder=folder)
    for file in ("run.json", "config.json"):
        (folder / file).unlink()
    for _ in range(2):
        with pytest.raises(KerauditError, match=r"a checkpoint and no config\.json"):
            train("Plain-CIFAR-8", toy(), made, seed=0, folder=folder)
        kept = folder / "checkpoint.npz"
        kept.replace(kept.with_name("checkpoint-before.npz")) if kept.exists() else None


@pytest.mark.parametrize("name", ["Foo", "ResNet-CIFAR-08", "ResNet-CIFAR-²", "ResNet-CIFAR-٨"])
def test_a_name_that_is_none_is_told_first(name: str) -> None:
    done = keraudit("train", name, "--data", "gone.npz")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert f"{name!r} cannot be trained: expected InceptionV3" in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--seeds", 2**32), "whole numbers from 0 to 4294967295"),
        (("--budget", 0.001), "--budget 0.001 of 164 epochs is less than one"),
        (("--device-images", 0), "'--device-images': 0 is not in the range x>=1"),
    ],
)
def test_wrong_options_of_train(words: tuple[object, ...], message: str) -> None:
    done = keraudit("train", "Plain-CIFAR-8", *words)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert message in done.err


def test_tensorflow_runs_one_operation_at_a_time() -> None:
    """What makes a large network's training the same twice shows in no small one: so the setting itself."""
    code = """
import os
from keraudit.cli.quiet import started
started(is_repeatable=True)
print(os.environ["TF_NUM_INTEROP_THREADS"])
"""
    plain = {k: v for k, v in os.environ.items() if k != "TF_NUM_INTEROP_THREADS"}
    for given, expected in (({}, "1"), ({"TF_NUM_INTEROP_THREADS": "2"}, "2")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env=plain | given,
            check=True,
        )
        assert done.stdout.strip() == expected


def test_ctrl_c_waits_for_an_import() -> None:
    from keraudit.cli.quiet import interrupts_kept

    ran = []

    def imported() -> None:
        with interrupts_kept():
            os.kill(os.getpid(), signal.SIGINT)
            ran.append(True)  # what a library might swallow is not raised here

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
    try:
        with pytest.raises(KeyboardInterrupt):
            imported()
        assert ran
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_run_from_before_an_option_was_there_is_resumed(tmp_path: Path) -> None:
    from keraudit.experiments.training import train

    made = recipe("he2015", epochs=1, batch=16)
    folder = tmp_path / "run"
    first = train("Plain-CIFAR-8", toy(), made, seed=0, folder=folder)
    config = json.loads((folder / "config.json").read_text())
    del config["recipe"]["clip_norm"]
    (folder / "config.json").write_text(json.dumps(config))
    again = train("Plain-CIFAR-8", toy(), made, seed=0, folder=folder)
    assert again.history[0] == first.history[0]
    with pytest.raises(KerauditError, match=r"recipe\.clip_norm = 0\.0, not 2\.0"):
        train("Plain-CIFAR-8", toy(), replace(made, clip_norm=2.0), seed=0, folder=folder)


def test_a_long_gradient_is_shortened() -> None:
    from keraudit.experiments.optimiser import optimiser

    made = recipe("he2015", clip_norm=0.5, learning_rate=1.0, momentum=0.0)
    weights = [keras.Variable(np.zeros(2, "float32")), keras.Variable(np.zeros(1, "float32"))]
    sgd = optimiser(made, 10)
    sgd.apply([keras.ops.array([3.0, 0.0]), keras.ops.array([4.0])], weights)
    np.testing.assert_allclose(weights[0].numpy(), [-0.3, 0.0], rtol=1e-6)  # 3 and 4: of norm 5
    np.testing.assert_allclose(weights[1].numpy(), [-0.4], rtol=1e-6)


def test_adamw_decays_kernels_alone_and_apart_from_the_gradient() -> None:
    from keraudit.experiments.optimiser import decay, optimiser

    rate, part = 0.1, 0.5
    made = recipe("modern", optimizer="adamw", learning_rate=rate, weight_decay=part, warmup=0.0)
    assert not made.nesterov
    dense = keras.layers.Dense(1)
    model = keras.Sequential([keras.Input((2,)), dense])
    decay(model, made)
    assert not model.losses  # nothing of it in the loss, so nothing in the moments
    dense.kernel.assign([[1.0], [-2.0]])
    dense.bias.assign([3.0])
    adamw = optimiser(made, 10**6)  # so many steps that the cosine has not begun to fall
    adamw.apply(
        [keras.ops.array([[0.02], [70.0]]), keras.ops.array([5.0])], [dense.kernel, dense.bias]
    )
    # The first step of Adam is the rate against the sign, whatever the gradient's size.
    expected = [[1 - rate * part - rate], [-2 + rate * part * 2 - rate]]
    np.testing.assert_allclose(keras.ops.convert_to_numpy(dense.kernel), expected, rtol=1e-4)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(dense.bias), [3 - rate], rtol=1e-4)


def test_checkpoints_take_a_tenth_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from keraudit.experiments import checkpoint

    saver, now = checkpoint.Saver(), [100.0]
    monkeypatch.setattr(checkpoint.time, "perf_counter", lambda: now[0])
    assert saver.is_due()  # the first

    def save(seconds: float) -> None:
        monkeypatch.setattr(checkpoint, "save", lambda *_: now.__setitem__(0, now[0] + seconds))
        saver.save(Path("x"), [], {})

    save(0.05)
    assert saver.is_due()  # too short to matter
    save(1.0)
    now[0] += 8.9
    assert not saver.is_due()
    now[0] += 0.2
    assert saver.is_due()


def test_images_of_one_channel_are_not_for_the_large_networks() -> None:
    from keraudit.experiments.network import network

    with pytest.raises(KerauditError, match="ResNet50 takes images of 3 channels, received 1"):
        network("ResNet50", classes=10, shape=(32, 32, 1), recipe=recipe("modern"))


@pytest.mark.slow
def test_published_weights_read_red_green_blue(monkeypatch: pytest.MonkeyPatch) -> None:
    from keraudit.experiments.feeding import moments
    from keraudit.experiments.network import network, sized

    held: list[Any] = []
    real = keras.applications.ResNet50

    def published(weights: str | None = None, **options: Any) -> Any:
        made = real(weights=None, **options)
        if weights == "imagenet":
            held.append(made)
        return made

    monkeypatch.setattr(keras.applications, "ResNet50", published)
    made = sized(recipe("modern", size=32, weights="imagenet"), "ResNet50")
    assert made.to_dict()["normalise"] == "caffe"
    body = network("ResNet50", classes=10, shape=(32, 32, 3), recipe=made)
    theirs = held[0].get_layer("conv1_conv").kernel.numpy()
    inner = body.layers[-1]
    assert (inner.get_layer("conv1_conv").kernel.numpy() == theirs[:, :, ::-1]).all()
    last = "conv5_block3_3_bn"
    assert (
        inner.get_layer(last).moving_variance.numpy()
        == held[0].get_layer(last).moving_variance.numpy()
    ).all()
    mean, scale = moments(toy(), made.normalise)
    image = np.full((1, 32, 32, 3), [10, 100, 200], "float32")
    expected = keras.applications.resnet.preprocess_input(image.copy())
    assert np.allclose(((image - mean) / scale)[..., ::-1], expected)


def test_published_weights_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    from keraudit.experiments.network import put_published, sized

    def unreachable(**_: Any) -> Any:
        raise Exception("URL fetch failure on https://x")

    monkeypatch.setattr(keras.applications, "ResNet50", unreachable)
    body = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten()])
    with pytest.raises(KerauditError, match="cannot get the ImageNet weights of ResNet50"):
        put_published(body, "ResNet50")
    with pytest.raises(KerauditError, match="imagenet weights are of InceptionV3, ResNet50"):
        sized(recipe("he2015", weights="imagenet"), "ResNet-CIFAR-20")


def test_no_more_images_are_held_than_can_be_looked_up_or_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from keraudit.experiments import feeding

    data, made = toy(), recipe("he2015", batch=16)  # 24x24 with their padding
    monkeypatch.setattr(feeding, "MOST_PIXELS", 24 * 24 * 40)
    assert feeding.Images(data, made).held == 40
    monkeypatch.setattr(feeding, "memory_bytes", lambda: 24 * 24 * 3 * 120)
    assert feeding.Images(data, made).held == 30
    monkeypatch.setattr(feeding, "memory_bytes", lambda: 24 * 24 * 3)
    with pytest.raises(KerauditError, match="a step takes 16 images, the device may hold 0: lower"):
        feeding.Images(data, made)


def test_mean_and_deviation_of_each_channel() -> None:
    from keraudit.experiments.feeding import moments

    mean, deviation = moments(toy(), "channel")
    images = toy().train.images
    np.testing.assert_allclose(mean, images.mean(axis=(0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(deviation, images.std(axis=(0, 1, 2)), rtol=1e-6)
