"""Parameters of layers that no rule knows, from the file or from the live model; nothing is run."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

import keraudit
from keraudit.model.bounds import Bound
from keraudit.model.graph import Weight
from keraudit.reading.weight_shapes import grouped

keras = pytest.importorskip("keras")
layers = keras.layers


@keras.saving.register_keras_serializable("odd")
class Pair(layers.Layer):  # type: ignore[misc,name-defined]
    """Two convolutions, a normalisation and a dropout, whose seed is no parameter."""

    def __init__(self, filters: int = 4, **options: Any) -> None:
        super().__init__(**options)
        self.filters = filters
        self.first = layers.Conv2D(filters, 3, padding="same")
        self.norm = layers.BatchNormalization()
        self.drop = layers.Dropout(0.5)
        self.second = layers.Conv2D(filters, 3, padding="same")

    def build(self, shape: Any) -> None:
        self.first.build(shape)
        inner = (*shape[:-1], self.filters)
        self.norm.build(inner)
        self.second.build(inner)
        self.built = True

    def call(self, x: Any) -> Any:
        return self.second(self.drop(self.norm(self.first(x))))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters}


@keras.saving.register_keras_serializable("odd")
class QDense(layers.Dense):  # type: ignore[misc,name-defined]
    pass


class Shut(QDense):
    """What it does cannot be traced."""

    def call(self, x: Any, training: bool | None = None) -> Any:
        if isinstance(x, keras.KerasTensor):
            raise TypeError
        return super().call(x)


@keras.saving.register_keras_serializable("odd")
class Still(layers.Layer):  # type: ignore[misc,name-defined]
    def call(self, x: Any) -> Any:
        return 2 * x


def model() -> Any:
    """Own layers of one class twice, in a nested model, frozen, in a wrapper, and without weights."""
    inner = keras.Sequential([keras.Input((8, 8, 4)), Pair(4), layers.Conv2D(3, 1)], name="inner")
    x = keras.Input((8, 8, 3))
    y = Still(name="still")(Pair(4, name="one")(x))
    frozen = Pair(4, name="two")
    frozen.trainable = False
    y = inner(frozen(y))
    y = layers.Reshape((64, 3))(y)
    y = layers.TimeDistributed(QDense(5), name="each")(y)
    y = layers.GlobalAveragePooling1D()(y)
    return keras.Model(x, QDense(2, name="last")(y))


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_parameters_are_those_of_the_file(tmp_path: Path, ending: str) -> None:
    made = model()
    path = tmp_path / f"m{ending}"
    made.save(path)
    total = keraudit.audit(path).total
    assert total.params == made.count_params()
    assert total.bounds.params is Bound.EXACT
    assert total.bounds.macs is not Bound.EXACT
    trained = sum(int(keras.ops.size(weight)) for weight in made.trainable_weights)
    assert total.trainable_params <= trained
    assert total.bounds.trainable_params is Bound.LOWER


def test_the_same_of_a_live_model() -> None:
    made = model()
    total = keraudit.audit(made).total
    assert total.params == made.count_params()
    assert total.trainable_params == sum(
        int(keras.ops.size(weight)) for weight in made.trainable_weights
    )
    assert total.bounds.params is total.bounds.trainable_params is Bound.EXACT


def test_the_last_output_of_a_live_model_is_known() -> None:
    made = keras.Sequential([keras.Input((64,)), layers.Dense(8), Shut(4)])
    graph = keraudit.read(made)
    assert graph.nodes[-1].outputs[0].shape == (1, 4)
    assert graph.nodes[-1].bounds.activations is Bound.LOWER


def test_weights_of_a_callable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(
        "import keras\n"
        "class Own(keras.layers.Dense):\n"
        "    pass\n"
        "def make():\n"
        "    return keras.Sequential([keras.Input((64,)), Own(4), keras.layers.Dense(10)])\n"
    )
    monkeypatch.chdir(tmp_path)
    total = keraudit.audit("mine:make").total
    assert (total.params, total.bounds.params) == (64 * 4 + 4 + 4 * 10 + 10, Bound.EXACT)
    assert (total.macs, total.bounds.macs) == (64 * 4 + 4 * 10, Bound.EXACT)


def test_weights_do_not_outlive_the_shape_they_were_built_for(tmp_path: Path) -> None:
    from keraudit.audits.cost.count import costs
    from keraudit.rewrite.width import with_width

    path = tmp_path / "m.keras"
    keras.Sequential([keras.Input((64,)), layers.Dense(8), QDense(4), layers.Dense(10)]).save(path)
    graph = keraudit.read(path)
    assert costs(graph).total.bounds.params is Bound.EXACT
    assert costs(with_width(graph, 0.5).graph).total.bounds.params is Bound.ESTIMATE
    assert keraudit.audit(path, input_shape=(32,)).total.bounds.params is Bound.ESTIMATE


def test_damaged_weights_leave_the_count_of_the_config(tmp_path: Path) -> None:
    path, told = tmp_path / "m.keras", []
    keras.Sequential([keras.Input((64,)), QDense(4), layers.Dense(10)]).save(path)
    with zipfile.ZipFile(path) as archive:
        kept = {name: archive.read(name) for name in archive.namelist()}
    kept["model.weights.h5"] = kept["model.weights.h5"][:700]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in kept.items():
            archive.writestr(name, data)
    total = keraudit.audit(path, notify=told.append).total
    assert (total.macs, total.params, total.bounds.params) == (40, 50, Bound.LOWER)
    assert len(told) == 1
    assert "parameters may be a lower bound" in told[0]


@keras.saving.register_keras_serializable("odd")
class Tied(layers.Layer):  # type: ignore[misc,name-defined]
    """Reads the table of another layer."""

    def __init__(self, table: Any = None, **options: Any) -> None:
        super().__init__(**options)
        self.table = table

    def call(self, x: Any) -> Any:
        return keras.ops.matmul(x, keras.ops.transpose(self.table.embeddings))

    def get_config(self) -> dict[str, Any]:
        table = keras.saving.serialize_keras_object(self.table)
        return {**super().get_config(), "table": table}


def test_a_weight_of_two_layers_is_counted_once(tmp_path: Path) -> None:
    start = keras.Input((3,), dtype="int32")
    table = layers.Embedding(10, 6)
    made = keras.Model(start, Tied(table)(table(start)))
    total = keraudit.audit(made).total
    assert (total.params, total.bounds.params) == (60, Bound.EXACT)
    made.save(tmp_path / "m.h5")
    total = keraudit.audit(tmp_path / "m.h5").total
    assert total.params == 60 or total.bounds.params is Bound.ESTIMATE


def test_operations_of_the_graph_have_no_group(tmp_path: Path) -> None:
    @keras.saving.register_keras_serializable("odd")
    class Multiply(layers.Dense):  # type: ignore[misc,name-defined]
        pass

    start = keras.Input((3,))
    made = keras.Model(start, Multiply(11, name="b")(Multiply(7, name="a")(start * 2.0)))
    made.save(tmp_path / "m.keras")
    report = keraudit.audit(tmp_path / "m.keras")
    assert [one.cost.params for one in report.layers if one.kind == "Multiply"] == [28, 88]
    assert report.total.bounds.params is Bound.EXACT


def test_a_live_model_that_is_not_as_its_config_says() -> None:
    start, dense = keras.Input((8,)), layers.Dense(4)
    made = keras.Model(start, dense(start))
    assert keraudit.audit(made).total.bounds.params is Bound.EXACT
    dense._tracker.unlock()
    dense.add_weight(shape=(5,))
    total = keraudit.audit(made).total
    assert (total.params, made.count_params()) == (8 * 4 + 4, 8 * 4 + 4 + 5)
    assert total.bounds.params is Bound.ESTIMATE


def test_a_model_that_was_saved_before_it_was_built(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="not yet been built"):
        keras.Sequential([QDense(4), layers.Dense(10)]).save(tmp_path / "m.keras")
    total = keraudit.audit(tmp_path / "m.keras", input_shape=(64,)).total
    assert total.bounds.params is Bound.ESTIMATE
    assert total.params >= 50


def test_weights_of_absurd_shape_are_one_line(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "m.h5"
    keras.Sequential([keras.Input((4,)), QDense(3, name="q")]).save(path)
    with h5py.File(path, "a") as file:
        file["model_weights/q"].create_dataset(
            "w", shape=(2**62,) * 20, chunks=(1,) * 20, dtype="f4"
        )
    with pytest.raises(keraudit.KerauditError, match="digits"):
        keraudit.audit(path)


def test_a_group_that_is_not_there_is_not_an_empty_one() -> None:
    found = (
        ("layers/pair/first/vars/0", (3, 3), "float32"),
        ("layers/pair/drop/seed_generator/vars/0", (2,), "uint32"),
        ("layers/still/vars/", (), ""),
    )
    result = grouped(found, ["layers/pair", "layers/still", "layers/absent"])
    assert result == {
        "layers/pair": (Weight("first/vars/0", (3, 3), trainable=None, dtype="float32"),),
        "layers/still": (),
    }
