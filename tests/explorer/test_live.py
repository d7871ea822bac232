"""Networks that are built and run for a page, and the process that does it."""

from __future__ import annotations

import io
import json
import sys
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("keras")
pytest.importorskip("streamlit")

import numpy as np

from built import application, zoo
from explorer.test_upload import model as config_of
from keraudit.api import report_of
from keraudit.audits.cost.report import CostReport
from keraudit.building.keras_model import build
from keraudit.errors import KerauditError
from keraudit.explorer import activations, jobs, uploaded_weights, worker
from keraudit.explorer.limits import may_run
from keraudit.explorer.picture import test_image
from keraudit.explorer.upload import uploaded
from keraudit.layers.infer import shaped
from keraudit.zoo import trained_weights


def small() -> Any:
    """A network with a kernel of each sort that is drawn."""
    import keras

    keras.utils.clear_session()
    start = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 3, name="colours")(start)
    x = keras.layers.DepthwiseConv2D(3, name="depthwise")(x)
    x = keras.layers.ReLU(name="relu")(x)
    x = keras.layers.Conv2D(6, 3, name="deep")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(start, keras.layers.Dense(5, name="out")(x))


def quiet(done: int, total: int, label: str) -> None:
    assert 0 <= done <= total
    assert label


def test_activations_and_weights_of_a_file_are_its_own(tmp_path: Path) -> None:
    import keras

    network = small()
    path = tmp_path / "small.keras"
    network.save(path)
    sent = uploaded("small.keras", path.read_bytes())
    assert sent.data
    graph = shaped(sent.architecture, batch=1)
    image = np.asarray(test_image(16, 16))
    task = {"graph": graph, "image": image, "data": sent.data}
    name = activations.task(task, tmp_path, quiet)
    with np.load(tmp_path / name) as found:
        arrays = dict(found)
    names = [node.name for node in graph.nodes]

    def of(layer: str) -> dict[str, Any]:
        start = f"{names.index(layer)}:"
        return {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}

    fed = image[None].astype("float32") / 127.5 - 1
    expected = keras.Model(network.input, network.get_layer("relu").output)(fed)
    expected = keras.ops.convert_to_numpy(expected)
    assert of("relu")["range"] == pytest.approx(
        [expected.min(), expected.max(), expected.mean(), expected.std()], abs=1e-5
    )
    assert of("relu")["maps"].shape == (4, 12, 12)
    assert of("relu")["zeros"] == pytest.approx((expected == 0).mean(), abs=0.01)
    kernel = keras.ops.convert_to_numpy(network.get_layer("deep").kernel)
    assert of("deep")["counts"].tolist() == np.histogram(kernel, bins=activations.BINS)[0].tolist()
    assert of("colours")["kernels"].shape == (4, 3, 3, 3)
    assert of("depthwise")["kernels"].shape == (4, 3, 3)
    assert of("out")["vector"].shape == (5,)
    assert "kernels" not in of("out")


def test_a_class_is_explained_at_every_map(tmp_path: Path) -> None:
    """Behind a global mean and a dense layer, a map's gradient is that layer's weights over the area."""
    import keras

    body = small()
    end = keras.layers.Softmax(name="probabilities")(body.output)
    network = keras.Model(body.input, end)
    names, arrays = shown(saved(network, tmp_path), tmp_path / "work", 16)
    chances = answer(network, 16)
    assert arrays["probabilities"] == pytest.approx(chances, abs=1e-5)
    chosen = int(arrays["chosen"])
    assert chosen == chances.argmax()
    at = names.index("deep")
    fed = np.asarray(test_image(16, 16))[None].astype("float32") / 127.5 - 1
    maps = keras.ops.convert_to_numpy(keras.Model(body.input, body.get_layer("deep").output)(fed))[
        0
    ]
    kernel = keras.ops.convert_to_numpy(network.get_layer("out").kernel)[:, chosen]
    heat = np.maximum((maps * kernel).sum(-1), 0)
    assert arrays[f"{at}:cam"] / 255 == pytest.approx(heat / heat.max(), abs=0.01)
    parts = kernel / maps[..., 0].size * maps.mean((0, 1))
    best = np.argsort(-np.abs(parts))
    assert arrays[f"{at}:best"].tolist() == best.tolist()
    assert arrays[f"{at}:best_parts"] == pytest.approx(parts[best], rel=1e-3, abs=1e-7)
    assert arrays[f"{at}:best_maps"].shape == (6, *maps.shape[:2])
    assert f"{names.index('colours')}:cam" in arrays


def test_a_softmax_in_the_last_layer_is_looked_behind(tmp_path: Path) -> None:
    import keras

    keras.utils.clear_session()
    start = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, name="conv")(start))
    network = keras.Model(start, keras.layers.Dense(3, activation="softmax", name="end")(x))
    names, arrays = shown(saved(network, tmp_path), tmp_path / "work", 8)
    assert arrays["probabilities"] == pytest.approx(answer(network, 8), abs=1e-5)
    assert arrays[f"{names.index('end')}:vector"] == pytest.approx(answer(network, 8), abs=1e-5)
    assert arrays[f"{names.index('conv')}:best"].shape == (4,)


def nested() -> Any:
    """Models within a model, a layer called twice, and weights deeper than a layer."""
    import keras

    keras.utils.clear_session()
    body = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3, padding="same", name="conv"),
            keras.layers.BatchNormalization(name="norm"),
        ],
        name="body",
    )
    start = keras.Input((8, 8, 3))
    again = keras.layers.Conv2D(4, 1, name="again")
    x = again(again(body(start)))
    x = keras.layers.Reshape((64, 4), name="row")(x)
    x = keras.layers.MultiHeadAttention(2, 2, name="attention")(x, x)
    x = keras.layers.LSTM(5, name="lstm")(x)
    return keras.Model(start, keras.layers.Dense(5, name="out")(x))


def saved(network: Any, folder: Path) -> Path:
    path = folder / "sent.keras"
    network.save(path)
    return path


def shown(path: Path, folder: Path, side: int) -> tuple[list[str], dict[str, Any]]:
    """The names of a file's layers, and what the page gets of it for the test image."""
    sent = uploaded(path.name, path.read_bytes())
    graph = shaped(sent.architecture, batch=1)
    task = {"graph": graph, "image": np.asarray(test_image(side, side)), "data": sent.data}
    folder.mkdir(exist_ok=True)
    with np.load(folder / activations.task(task, folder, quiet)) as found:
        return [node.name for node in graph.nodes], dict(found)


def answer(network: Any, side: int) -> Any:
    import keras

    fed = np.asarray(test_image(side, side))[None].astype("float32") / 127.5 - 1
    return keras.ops.convert_to_numpy(network(fed))[0]


def test_weights_are_found_by_name_however_deep(tmp_path: Path) -> None:
    network = nested()
    for weight in network.get_layer("body").weights:
        weight.assign(weight * 0.7 + 0.1)
    names, arrays = shown(saved(network, tmp_path), tmp_path / "work", 8)
    assert "body/conv" in names
    out = arrays[f"{names.index('out')}:vector"]
    assert out == pytest.approx(answer(network, 8), abs=1e-5)


def rewritten(path: Path, change: Any) -> None:
    """Change the parts of a ``.keras`` file."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def test_the_model_in_a_file_is_never_loaded(tmp_path: Path) -> None:
    import keras

    network = small()
    path = saved(network, tmp_path)

    def add(parts: dict[str, bytes]) -> None:
        record = json.loads(parts["config.json"])
        record["config"]["layers"].append(
            {
                "module": "keras.layers",
                "class_name": "Dense",
                "config": {"name": "unused", "units": 4000},
                "registered_name": None,
                "build_config": {"input_shape": [None, 4000]},
                "name": "unused",
                "inbound_nodes": [],
            }
        )
        record["compile_config"] = {"optimizer": {"class_name": "TFSMLayer", "config": {}}}
        parts["config.json"] = json.dumps(record).encode()

    rewritten(path, add)
    built: list[str] = []
    original = keras.layers.Dense.build

    def build_and_tell(self: Any, input_shape: Any) -> None:
        built.append(self.name)
        original(self, input_shape)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.layers.Dense, "build", build_and_tell)
        names, arrays = shown(path, tmp_path / "work", 16)
    assert set(built) == {"out"}
    assert arrays[f"{names.index('out')}:vector"] == pytest.approx(answer(network, 16), abs=1e-5)


def in_weights(path: Path, change: Any) -> None:
    """Change the weights in a ``.keras`` file."""
    import h5py

    def by(parts: dict[str, bytes]) -> None:
        data = io.BytesIO(parts["model.weights.h5"])
        with h5py.File(data, "r+") as file:
            change(file)
        parts["model.weights.h5"] = data.getvalue()

    rewritten(path, by)


def outside(file: Any) -> None:
    import h5py

    del file["layers/dense/vars/0"]
    file["layers/dense/vars/0"] = h5py.ExternalLink("/etc/passwd", "x")


def virtual(file: Any) -> None:
    import h5py

    layout = h5py.VirtualLayout((6, 5), "float32")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "x", (6, 5), "float32")
    del file["layers/dense/vars/0"]
    file["layers/dense/vars"].create_virtual_dataset("0", layout)


def huge(file: Any) -> None:
    del file["layers/dense/vars/0"]
    file["layers/dense/vars"].create_dataset("0", (2**20, 2**20), "float32", chunks=(1024, 1024))


def circular(file: Any) -> None:
    file["layers/dense/layers"] = file["layers"]
    del file["layers/dense/vars/0"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (outside, "'0' is a link, where an array belongs"),
        (virtual, "the numbers of '0' are kept in another file"),
        (huge, "no weights that fit layer 'out'"),
        (circular, "no weights that fit layer 'out'"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path: Path, change: Any, told: str) -> None:
    path = saved(small(), tmp_path)
    in_weights(path, change)
    with pytest.raises(KerauditError, match=told):
        shown(path, tmp_path / "work", 16)


def test_damaged_weights_get_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(small(), tmp_path)
    monkeypatch.setattr(uploaded_weights, "LARGEST", 1000)
    with pytest.raises(KerauditError, match="a page takes at most 0 MiB"):
        shown(path, tmp_path / "large", 16)
    monkeypatch.undo()
    rewritten(path, lambda parts: parts.update({"model.weights.h5": b"no weights"}))
    with pytest.raises(KerauditError, match="the weights in the file cannot be read"):
        shown(path, tmp_path / "work", 16)


def nameless(file: Any) -> None:
    """As Keras wrote before it kept names."""

    def forget(_: str, item: Any) -> None:
        item.attrs.pop("name", None)

    file.visititems(forget)


def test_weights_without_names_are_taken_in_order(tmp_path: Path) -> None:
    network = small()
    path = saved(network, tmp_path)
    in_weights(path, nameless)
    names, arrays = shown(path, tmp_path / "work", 16)
    assert arrays[f"{names.index('out')}:vector"] == pytest.approx(answer(network, 16), abs=1e-5)
    path = saved(nested(), tmp_path)
    in_weights(path, nameless)
    with pytest.raises(KerauditError, match="without names: load the"):
        shown(path, tmp_path / "work", 8)


def test_weights_that_ship_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    monkeypatch.setattr(trained_weights, "HOME", tmp_path)
    assert trained_weights.shipped("ResNet-CIFAR-20") is None
    graph = shaped(zoo("ResNet-CIFAR-20"), batch=1)
    keras.utils.clear_session()
    network = build(graph)
    network.save_weights(tmp_path / "resnet-cifar-20.weights.h5")
    about = '{"dataset": "CIFAR-10", "test_error": 0.0851, "mean": [1.0, 2.0, 3.0], "scale": 2.0}'
    (tmp_path / "resnet-cifar-20.json").write_text(about)
    found = trained_weights.shipped("ResNet-CIFAR-20")
    assert found is not None
    assert found.says() == "Trained by this project on CIFAR-10, test error 8.51%."
    image = np.asarray(test_image(32, 32))
    arrays = activations.layer_activations(
        graph,
        image,
        shipped=found.path,
        progress=quiet,
        **{k: found.about[k] for k in ("mean", "scale")},
    )
    at = [node.name for node in graph.nodes].index("stem_conv")
    kernel = keras.ops.convert_to_numpy(network.get_layer("stem_conv").kernel)
    assert (
        arrays[f"{at}:counts"].tolist() == np.histogram(kernel, bins=activations.BINS)[0].tolist()
    )


def test_the_process_measures_and_tells(tmp_path: Path) -> None:
    network = small()
    graph = shaped(uploaded("s.json", network.to_json().encode()).architecture, batch=4)
    job = jobs.start(
        {"do": "gradients", "key": "k", "graph": graph, "against": (), "seeds": 1, "command": "c"}
    )
    limits = set()
    for _ in range(1200):
        if job.ended:
            break
        limits.add(memory_of(job.process.pid))
        time.sleep(0.1)
    assert not job.error
    assert worker.MOST_MEMORY in limits or sys.platform != "linux"
    assert job.result["schema"] == "keraudit.gradients/1"
    assert job.result["command"] == "c"
    assert job.part == 1.0


def memory_of(process: int) -> int | None:
    """The bytes of addresses that a process may have."""
    with suppress(ImportError, AttributeError, OSError):
        import resource

        return resource.prlimit(process, resource.RLIMIT_AS)[0]
    return None


def test_only_so_many_tasks_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    monkeypatch.setattr(jobs, "ROOM", threading.Semaphore(0))
    with pytest.raises(KerauditError, match="at its limit of"):
        jobs.start({})


def test_too_much_is_refused() -> None:
    graph = shaped(application("VGG16"), batch=1)
    report: CostReport = report_of(graph)
    with pytest.raises(KerauditError, match="MACs in total"):
        may_run(graph, report, passes=1000, is_upload=False)
    graph = shaped(uploaded("a.json", config_of({"class_name": "Mine", "config": {}})).architecture)
    with pytest.raises(KerauditError, match="unsupported layers"):
        may_run(graph, report_of(graph), passes=1, is_upload=False)
