"""Networks that are built and run for a page, and the process that does it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("keras")
pytest.importorskip("streamlit")

import numpy as np

from built import application, zoo
from explorer.test_upload import model as config_of
from keraudit.api import report_of
from keraudit.building import build
from keraudit.errors import KerauditError
from keraudit.explorer import insides, jobs, trained
from keraudit.explorer.live import may_run
from keraudit.explorer.picture import fitted, mosaic, seen, spans, test_image
from keraudit.explorer.upload import uploaded
from keraudit.report import CostReport
from keraudit.shapes import shaped


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
    name = insides.task(task, tmp_path, quiet)
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
    assert of("deep")["counts"].tolist() == np.histogram(kernel, bins=insides.BINS)[0].tolist()
    assert of("colours")["kernels"].shape == (4, 3, 3, 3)
    assert of("depthwise")["kernels"].shape == (4, 3, 3)
    assert of("out")["vector"].shape == (5,)
    assert "kernels" not in of("out")


def test_weights_that_ship_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    monkeypatch.setattr(trained, "HOME", tmp_path)
    assert trained.shipped("ResNet-CIFAR-20") is None
    graph = shaped(zoo("ResNet-CIFAR-20"), batch=1)
    keras.utils.clear_session()
    network = build(graph)
    network.save_weights(tmp_path / "resnet-cifar-20.weights.h5")
    about = '{"dataset": "CIFAR-10", "test_error": 0.0851, "mean": [1.0, 2.0, 3.0], "scale": 2.0}'
    (tmp_path / "resnet-cifar-20.json").write_text(about)
    found = trained.shipped("ResNet-CIFAR-20")
    assert found is not None
    assert found.says() == "Trained by this project on CIFAR-10, test error 8.51%."
    image = np.asarray(test_image(32, 32))
    arrays = insides.insides(
        graph,
        image,
        shipped=found.path,
        progress=quiet,
        **{k: found.about[k] for k in ("mean", "scale")},
    )
    at = [node.name for node in graph.nodes].index("stem_conv")
    kernel = keras.ops.convert_to_numpy(network.get_layer("stem_conv").kernel)
    assert arrays[f"{at}:counts"].tolist() == np.histogram(kernel, bins=insides.BINS)[0].tolist()


def test_the_process_measures_and_tells(tmp_path: Path) -> None:
    network = small()
    graph = shaped(uploaded("s.json", network.to_json().encode()).architecture, batch=4)
    job = jobs.start(
        {"do": "gradients", "key": "k", "graph": graph, "against": (), "seeds": 1, "command": "c"}
    )
    for _ in range(1200):
        if job.ended:
            break
        time.sleep(0.1)
    assert not job.error
    assert job.result["schema"] == "keraudit.gradients/1"
    assert job.result["command"] == "c"
    assert job.part == 1.0


def test_only_so_many_tasks_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    monkeypatch.setattr(jobs, "ROOM", threading.Semaphore(0))
    with pytest.raises(KerauditError, match="under way already"):
        jobs.start({})


def test_too_much_is_refused() -> None:
    graph = shaped(application("VGG16"), batch=1)
    report: CostReport = report_of(graph)
    with pytest.raises(KerauditError, match="MACs in all"):
        may_run(graph, report, passes=1000, is_upload=False)
    graph = shaped(uploaded("a.json", config_of({"class_name": "Mine", "config": {}})).architecture)
    with pytest.raises(KerauditError, match="table does not know"):
        may_run(graph, report_of(graph), passes=1, is_upload=False)


def test_what_a_position_sees_is_framed() -> None:
    report = report_of(shaped(application("InceptionV3")))
    layer = next(x for x in report.layers if x.name == "conv2d_28")
    assert layer.field is not None
    rows, columns = spans(layer.field, (17, 17))
    # 143 pixels around 8 * 17 + 13, the centre of the stem's valid paddings
    assert (rows.high - rows.low + 1, columns.high - columns.low + 1) == (143, 143)
    picture = seen(fitted(test_image(100, 60), 299, 299), layer.field, (0, 0))
    assert picture.size == (2 * 299 + 24, 2 * 299 + 24)
    assert mosaic(np.zeros((5, 3, 3), "uint8"), columns=4).size == (4 * 100 - 4, 2 * 100 - 4)
