"""Blocks that compute the identity: a deeper network predicts what the shallow one does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras")

from keraudit.training.networks import network
from keraudit.training.recipe import recipe
from research import identity
from research.identity import deepened
from toys import toy


@pytest.mark.parametrize("family", ["ResNet", "Plain"])
def test_a_deeper_network_computes_the_same(family: str) -> None:
    import keras

    keras.utils.set_random_seed(1)
    images = np.random.default_rng(2).normal(size=(64, 16, 16, 3)).astype("float32")
    shallow = network(f"{family}-CIFAR-8", classes=4, shape=(16, 16, 3), recipe=recipe("he2015"))
    for layer in shallow.layers:
        if "_bn" in layer.name:  # as trained: no statistic is at its initial value
            layer.set_weights(
                [w + 0.3 * abs(np.sin(np.arange(w.size))) for w in layer.get_weights()]
            )
    deep = deepened(shallow, f"{family}-CIFAR-8", 20, images)
    assert deep.count_params() > 2 * shallow.count_params()
    before, after = (one.predict(images, verbose=0) for one in (shallow, deep))
    assert before.std(axis=0).min() > 1e-3
    assert np.abs(before - after).max() < 1e-5


def test_both_are_trained_further_from_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keraudit.training.train import train

    made = recipe("he2015", epochs=2, batch=16, normalize="channel")
    train("ResNet-CIFAR-8", toy(), made, seed=0, folder=tmp_path)
    monkeypatch.setattr(identity, "FURTHER", 0.0)
    row = identity.compared(identity.trained(tmp_path, toy()), 14, epochs=1)
    for part in (row["train"], row["test"]):
        assert part["largest_difference"] <= part["largest_logit_difference"] < 1e-4
    shallow, deep = row["trained_further"]
    assert (shallow["network"], deep["network"]) == ("ResNet-CIFAR-8", "ResNet-CIFAR-14")
    # without a step the same crops give the same loss: zero gammas pass everything on
    losses = [one["history"][0]["loss"] for one in (shallow, deep)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    monkeypatch.setattr(identity, "FURTHER", 0.1)
    row = identity.compared(identity.trained(tmp_path, toy()), 14, epochs=1)
    assert row["trained_further"][0]["learning_rate"] == pytest.approx(0.01)
    assert row["trained_further"][1]["history"][0]["loss"] != losses[1]


def test_a_network_that_ships_is_taken_as_its_run_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keraudit.data import load
    from keraudit.errors import KerauditError
    from keraudit.training.train import train
    from keraudit.zoo import trained_weights
    from records.bundle import ship

    made = recipe("he2015", epochs=1, batch=16, normalize="channel")
    train("Plain-CIFAR-8", toy(), made, seed=3, folder=tmp_path / "run")
    monkeypatch.setattr(load, "load", lambda spec: toy())
    ship(tmp_path / "run", "toy", home=tmp_path)
    monkeypatch.setattr(trained_weights, "HOME", tmp_path)
    sources = (tmp_path / "run", Path("Plain-CIFAR-8"))
    run, ships = (identity.trained(source, toy()) for source in sources)
    assert (ships.name, ships.seed, ships.recipe) == (run.name, 3, run.recipe)
    images = toy().test.images
    assert np.array_equal(run.logits(images), ships.logits(images))
    with pytest.raises(KerauditError, match="name its data with --data"):
        identity.trained(Path("Plain-CIFAR-8"), toy(90))
