"""The gallery: the images it chooses, Grad-CAM beside its own definition, and the page."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from keraudit.errors import KerauditError
from keraudit.evaluation import gallery as chosen
from keraudit.training.recipe import recipe
from toys import toy

keras = pytest.importorskip("keras")
np = pytest.importorskip("numpy")
pytest.importorskip("PIL")

P = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.55, 0.45]])
Q = np.array([[0.2, 0.8], [0.3, 0.7], [0.9, 0.1], [0.6, 0.4]])


def test_the_rules() -> None:
    labels = np.array([1, 1, 0, 0])
    assert chosen.confident_mistakes(P, labels, 5) == [0, 2]
    assert chosen.confident_mistakes(P, labels, 1) == [0]
    assert chosen.most_uncertain(P, 2) == [3, 1]
    assert chosen.disagreements(P, Q, 5) == [0, 2]  # 0.8 and 0.8: by place


def test_nearest_by_cosine() -> None:
    features = np.array([[1.0, 0.0], [0.0, 5.0], [1.0, 1.0]])
    (rows,) = chosen.nearest(np.array([[2.0, 0.1]]), features, np.array([7, 8, 9]), 2)
    assert [(row.image, row.label) for row in rows] == [(0, 7), (2, 9)]
    assert rows[0].cosine == pytest.approx(2 / (4.01**0.5))


@pytest.mark.parametrize("name", ["ResNet-CIFAR-8", "Plain-CIFAR-8"])
def test_grad_cam_is_cam_before_a_global_average(name: str) -> None:
    """Then a channel's weight is the classifier's, over the positions (Selvaraju et al. 2017, 3.1)."""
    from keraudit.evaluation.grad_cam import feature_cut
    from keraudit.training.networks import network

    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    body = network(name, classes=3, shape=(16, 16, 3), recipe=recipe("he2015"))
    part = feature_cut(body)
    images = np.random.default_rng(0).normal(size=(4, 16, 16, 3)).astype("float32")
    classes = [0, 1, 2, 0]
    assert part.place == "stage3_block1_out"
    maps = keras.Model(body.input, body.get_layer(part.place).output).predict(images, verbose=0)
    kernel = keras.ops.convert_to_numpy(part.classifier.kernel)
    raw = np.maximum(np.einsum("nhwc,cn->nhw", maps, kernel[:, classes]), 0)
    expected = raw / np.maximum(raw.max(axis=(1, 2), keepdims=True), 1e-30)
    np.testing.assert_allclose(part.grad_cam(images, classes), expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(part.features(images), maps.mean(axis=(1, 2)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_a_network_in_a_network_is_looked_into(precision: str) -> None:
    """InceptionV3 and ResNet50 stand behind the layer that enlarges the images."""
    from keraudit.evaluation.grad_cam import feature_cut
    from keraudit.training.networks import network

    made = recipe("modern", size=32, precision=precision)
    body = network("ResNet50", classes=3, shape=(16, 16, 3), recipe=made)
    part = feature_cut(body)
    assert part.place == "conv3_block4_out"
    images = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype("float32")
    assert part.features(images).shape == (2, 2048)
    assert part.grad_cam(images, [0, 2]).shape == (2, 4, 4)


def test_a_cut_is_no_branch() -> None:
    from keraudit.evaluation.grad_cam import cuts

    start = keras.Input((8, 8, 3))
    one = keras.layers.Conv2D(4, 3, padding="same", name="one")(start)
    side = keras.layers.Conv2D(4, 3, padding="same", name="side")(one)
    both = keras.layers.Add(name="both")([one, side])
    model = keras.Model(start, keras.layers.Flatten(name="end")(both))
    assert [layer.name for layer in cuts(model)][1:] == ["one", "both", "end"]


class Images(HTMLParser):
    """Every image with its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.found.append(dict(attrs))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    from keraudit.evaluation.load import load_run
    from keraudit.training.train import train

    home = tmp_path_factory.mktemp("runs")
    made = recipe("he2015", epochs=2, batch=16)
    networks = []
    for name in ("Plain-CIFAR-8", "ResNet-CIFAR-8"):
        train(name, toy(), made, seed=0, folder=home / name)
        networks.append(load_run(home / name, toy()))
    return networks


def test_the_page_of_two(runs: list[Any], tmp_path: Path) -> None:
    from keraudit.evaluation.gallery_page import gallery_page

    found = chosen.gallery(runs, each=3, searched=20)
    assert [part.title for part in found.sections] == [
        "Plain-CIFAR-8: most confident mistakes",
        "ResNet-CIFAR-8: most confident mistakes",
        "Where the two disagree",
        "Plain-CIFAR-8: most uncertain",
        "ResNet-CIFAR-8: most uncertain",
    ]
    page = gallery_page(found, toy())
    images = Images(page).found
    # the image, a look of each network, five neighbours by each
    assert len(images) == sum(len(part.pictures) for part in found.sections) * (3 + 2 * 5)
    assert all(image["alt"] and str(image["src"]).startswith("data:image/png") for image in images)
    assert not re.search(r"https?://", page)
    (record,) = re.findall(r'id="record">(.*?)</script>', page, re.DOTALL)
    assert json.loads(record)["schema"] == "keraudit.gallery/1"
    for part in found.sections:
        for picture in part.pictures:
            assert all(row.image < 20 for rows in picture.neighbours.values() for row in rows)


def test_one_network_and_too_many(runs: list[Any]) -> None:
    found = chosen.gallery(runs[:1], each=2, searched=10)
    assert len(found.sections) == 2
    with pytest.raises(KerauditError, match="one or two networks"):
        chosen.gallery([*runs, runs[0]])
    assert chosen.named([runs[0], runs[0]]) == (
        "Plain-CIFAR-8 seed 0 (1)",
        "Plain-CIFAR-8 seed 0 (2)",
    )
