"""Blocks that compute the identity: a deeper network predicts what the shallow one does."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("keras")

from keraudit.training.networks import network
from keraudit.training.recipe import recipe
from research.identity import deepened


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
