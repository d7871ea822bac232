"""Gradients over training, beside a training that is not touched by being watched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import keraudit

keras = pytest.importorskip("keras")
np = pytest.importorskip("numpy")
layers = keras.layers


def small() -> Any:
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Conv2D(4, 3, name="first"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(3, activation="softmax", name="last"),
        ]
    )


def residual() -> Any:
    """A network of several blocks, so that a line can be laid through their gradients."""
    start = x = keras.Input((8, 8, 2))
    for _ in range(3):
        x = layers.ReLU()(layers.Add()([x, layers.Conv2D(2, 3, padding="same")(x)]))
    return keras.Model(start, layers.Dense(3, activation="softmax")(layers.Flatten()(x)))


def trained(*callbacks: Any, make: Any = small) -> Any:
    model = make()
    model.compile("sgd", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40, 8, 8, 2)).astype("float32"), rng.integers(0, 3, 40)
    model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0, callbacks=list(callbacks))
    return model


def measured(model: Any) -> Any:
    """The layers of a profile of the weights that it has, on the batch that is watched."""
    return keraudit.gradients(model, batch=8, own_weights=True).profiles[0].layers


def test_a_profile_every_so_many_steps(tmp_path: Path) -> None:
    path = tmp_path / "gradients.json"
    watch = keraudit.GradientAudit(every=4, batch=8, path=path)
    kept: list[Any] = []  # the weights after each step

    class Keeper(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            kept.append([v.numpy() for v in self.model.weights])

    model = trained(watch, Keeper())
    assert [step for step, _ in watch.profiles] == [0, 4, 8]  # of ten steps
    record = json.loads(path.read_text())
    assert record == json.loads(json.dumps(watch.to_dict()))
    assert record["schema"] == "keraudit.gradients-over-training/1"
    norms = [[row["grad_norm"] for row in entry["layers"]] for entry in record["steps"]]
    assert norms[0] != norms[1] != norms[2]
    # the last profile is that of the weights at that step; two steps later they have moved on
    ends = [row.grad_norm for row in measured(model)]
    model.set_weights(kept[7])
    at_8 = [row.grad_norm for row in measured(model)]
    assert norms[2] == pytest.approx(at_8, rel=1e-5)
    assert norms[2] != pytest.approx(ends, rel=1e-5)


def test_watching_changes_nothing() -> None:
    plain = [v.numpy().tobytes() for v in trained().variables]
    watched = trained(keraudit.GradientAudit(every=1, batch=8))
    assert [v.numpy().tobytes() for v in watched.variables] == plain


def test_the_first_profile_is_that_of_the_audit() -> None:
    watch = keraudit.GradientAudit(every=100, batch=8)
    trained(watch)
    own = keraudit.gradients(small(), batch=8, own_weights=True).profiles[0]
    first = watch.profiles[0][1]
    assert [r.grad_norm for r in first.layers] == pytest.approx([r.grad_norm for r in own.layers])


def test_the_heat_map() -> None:
    pytest.importorskip("plotly")
    watch = keraudit.GradientAudit(every=5, batch=8)
    trained(watch)
    drawn = watch.plot()
    assert drawn.data[0].type == "heatmap"
    assert list(drawn.data[0].x) == [0, 5, 10]


def test_the_verdict_ends_the_training(capsys: pytest.CaptureFixture[str]) -> None:
    seen: dict[str, Any] = {}

    class Last(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
        def on_train_end(self, logs: Any = None) -> None:
            seen.update(logs)

    watch = keraudit.GradientAudit(every=5, batch=8)
    model = trained(watch, Last(), make=residual)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("gradients at step 10: ")
    assert watch.verdict is not None
    assert watch.verdict.verdict in line
    assert seen["gradient_verdict"] == line.removeprefix("gradients at ")
    growth = model.history.history["gradient_growth"]
    assert growth[-1] == watch.verdict.growth_per_block
    assert len(growth) == 2
    assert growth[0] != growth[1]  # of step 5 and of step 10
    assert repr(watch) == f"<GradientAudit, 3 profiles: {seen['gradient_verdict']}>"
    trained(keraudit.GradientAudit(every=5, batch=8, verbose=0))
    assert not capsys.readouterr().out


def test_a_bad_interval() -> None:
    for every in (0, "often", None, True, 1.5):
        with pytest.raises(keraudit.KerauditError, match=r"every: received .*; accepted: whole"):
            keraudit.GradientAudit(every=every)
