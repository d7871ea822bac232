"""keraudit faces: the protocol beside small cases worked out by hand, and the whole study on toy faces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from command import run as keraudit
from keraudit.errors import KerauditError
from keraudit.faces.protocol import (
    ROC_FALSE_ACCEPTS,
    Parts,
    cosines,
    eigenfaces,
    identification_splits,
    leave_one_out,
    nearest_error,
    products,
    strangers,
    verification,
)

np = pytest.importorskip("numpy")


def test_people_seen_have_images_on_both_sides() -> None:
    labels, names = np.repeat([0, 1, 2], [5, 6, 5]), ("ann", "bob", "cy")
    parts = identification_splits(labels, 2, 0, names)
    assert sorted(labels[parts.known].tolist()) == [0, 0, 1, 1, 2, 2]
    assert sorted([*parts.known, *parts.probes]) == list(range(16))
    assert (parts.known == identification_splits(labels, 2, 0, names).known).all()
    assert (parts.known != identification_splits(labels, 2, 1, names).known).any()
    for each in (1, 5):
        with pytest.raises(KerauditError, match=rf"^{each} images .* ann has the fewest, 5: learn"):
            identification_splits(labels, each, 0, names)


def test_strangers_are_other_people() -> None:
    labels = np.repeat(range(5), 3)
    parts = strangers(labels, 0)
    known, asked = set(labels[parts.known].tolist()), set(labels[parts.probes].tolist())
    assert (len(known), len(asked), known & asked) == (3, 2, set())
    assert len(parts.known) + len(parts.probes) == 15
    with pytest.raises(KerauditError, match="3 people: expected four or more"):
        strangers(np.repeat(range(3), 3), 0)


def test_cosines_from_products_are_those_of_centred_vectors() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(6, 4)) + 5
    known = np.array([0, 2, 3])
    centred = vectors - vectors[known].mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    assert np.allclose(cosines(products(vectors), known), unit @ unit.T)
    assert np.allclose(cosines(products(vectors + 1e6), known), unit @ unit.T)
    for seed in range(50):
        vectors = np.random.default_rng(seed).normal(size=(6, 4))
        vectors[5] = vectors[known].mean(axis=0)  # no direction: like nothing
        assert (cosines(products(vectors), known)[5] == 0).all()


def test_errors_by_hand() -> None:
    vectors = np.array([[1, 0], [0, 1], [-1, 0], [0.9, 0.1], [0.2, 0.9], [-0.1, 1.0]])
    labels = np.array([0, 1, 2, 0, 1, 2])
    found = products(vectors)
    parts = Parts(np.array([0, 1, 2]), np.array([3, 4, 5]))
    assert nearest_error(found, labels, parts) == pytest.approx(1 / 3)  # the last is taken for 1
    assert leave_one_out(found, np.array([0, 0, 1, 0, 0, 1]), np.arange(6)) == pytest.approx(2 / 6)


def test_pairs_by_hand() -> None:
    # the cosines of the three pairs asked about, of which the first is of one person: 1, 0 and 0
    vectors = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1], [1, 0], [1, 0], [0, 1]])
    labels = np.array([0, 0, 1, 1, 2, 2, 3])
    parts = Parts(np.arange(4), np.array([4, 5, 6]))
    found = verification(products(vectors), labels, parts)
    assert found == (0.0, 1.0, (1.0,) * len(ROC_FALSE_ACCEPTS))
    swapped = np.array([0, 0, 1, 1, 2, 3, 2])  # the pair alike is now of two people
    found = verification(products(vectors), swapped, parts)
    assert found.true_accepts == 0
    assert found.equal_error == pytest.approx((1 + 0.5) / 2)
    # the pair alike is accepted first, and is one of two others; the genuine pair with the last of them
    assert found.roc == (0.0,) * (len(ROC_FALSE_ACCEPTS) - 1) + (1.0,)
    assert (ROC_FALSE_ACCEPTS[0], ROC_FALSE_ACCEPTS[-1]) == (0.001, 1.0)


def test_eigenfaces_keep_the_distances_of_what_they_are_made_from() -> None:
    images = np.random.default_rng(0).integers(0, 255, (8, 5, 4, 1))
    known = np.arange(6)
    shown = eigenfaces(images, known, 5)  # six images less their mean span five dimensions
    assert shown.shape == (8, 5)
    flat = images.reshape(8, -1).astype("float64")
    assert np.linalg.norm(shown[0] - shown[1]) == pytest.approx(np.linalg.norm(flat[0] - flat[1]))
    assert eigenfaces(images, known, 2).shape == (8, 2)
    assert np.allclose(eigenfaces(images, known, 2), shown[:, :2])


def toy_faces(folder: Path, *, channels: int = 1) -> Path:
    """Five people, each a pattern with noise, of six or seven images."""
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 255, (5, 40, 32, 1))
    labels = np.repeat(np.arange(5), [6, 7, 6, 6, 7])
    images = np.clip(faces[labels] + rng.normal(0, 20, (len(labels), 40, 32, 1)), 0, 255)
    images = np.repeat(images.astype("uint8"), channels, axis=-1)
    half = np.arange(len(labels)) % 2 == 0
    path = folder / f"faces{channels}.npz"
    np.savez(
        path,
        x_train=images[half],
        y_train=labels[half],
        x_test=images[~half],
        y_test=labels[~half],
    )
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network that learnt something else, by channels."""
    pytest.importorskip("keras")
    root = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(1)
    arrays = {f"x_{k}": rng.integers(0, 255, (n, 16, 16, 3), "uint8") for k, n in SIZES.items()}
    arrays |= {f"y_{k}": np.arange(n) % 3 for k, n in SIZES.items()}
    np.savez(root / "things.npz", **arrays)
    words = ("--data", root / "things.npz", "--epochs", "1", "--batch", "10", "--runs", root)
    for network, how in (("ResNet-CIFAR-8", "channel"), ("ResNet-CIFAR-14", "pixel")):
        done = keraudit("train", network, *words, "--normalize", how)
        assert done.code == 0, done.err
    return root


SIZES = {"train": 30, "test": 12}
FAST = ("--seeds", "0,1", "--images-per-person", "3", "--size", "75", "--epochs", "2")


def test_the_command_on_features_that_a_run_learnt(tmp_path: Path, trained: Path) -> None:
    out = tmp_path / "faces.json"
    run = trained / "resnet-cifar-8-he2015-seed0"
    words = (
        "faces",
        "--data",
        toy_faces(tmp_path),
        "--features",
        run,
        *FAST,
        "--seeds",
        "0",
        "--epochs",
        "1",
    )
    done = keraudit(*words, "--output", out)
    assert done.code == 0, done.err
    found = json.loads(out.read_text())
    assert len(found["cuts"]) == 3  # a ResNet of 8 layers has three residual units
    pixels, faces, features, head, whole = found["recognisers"]
    assert pixels["scores"]["error"] == [0]  # patterns are told apart
    assert faces["name"] == "14 eigenfaces"
    assert head["macs"] > features["macs"]
    for one in found["recognisers"]:
        (curve,) = one["roc"]
        assert len(curve) == len(found["roc_false_accepts"])
        assert curve == sorted(curve)
        assert curve[-1] == 1
        at = found["roc_false_accepts"].index(0.01)
        assert curve[at] == pytest.approx(one["scores"]["true_accepts"][0], abs=1e-4)
    assert whole["name"] == "ResNet-CIFAR-20 from 32x32 pixels"


@pytest.mark.exhaustive
def test_the_command_on_toy_faces(tmp_path: Path, trained: Path) -> None:
    out = tmp_path / "faces.json"
    run = trained / "resnet-cifar-8-he2015-seed0"
    words = ("faces", "--data", toy_faces(tmp_path), "--features", "random", "--features", run)
    done = keraudit(*words, *FAST, "--output", out)
    assert done.code == 0, done.err
    found = json.loads(out.read_text())
    assert found["schema"] == "keraudit.faces/1"
    assert (found["probes"], found["dataset"]["people"], found["dataset"]["images"]) == (17, 5, 32)
    pixels, faces, features, head, *_, whole = found["recognisers"]
    assert pixels["scores"]["error"] == [0, 0]  # patterns are told apart
    assert pixels["matching_macs"] == 40 * 32 * 15
    assert faces["name"] == "14 eigenfaces"  # fifteen images less their mean span no more
    assert faces["macs"] == 40 * 32 * 14
    assert [cut["block"] for cut in found["cuts"][:11]] == [f"mixed{n}" for n in range(11)]
    macs = [cut["macs"] for cut in found["cuts"][:11]]
    assert macs == sorted(macs)
    assert len(found["cuts"]) == 11 + 3  # a ResNet of 8 layers has three residual units
    assert [one["label"] for one in found["sources"]] == [
        "InceptionV3, random initialisation",
        "ResNet-CIFAR-8, trained on things.npz, seed 0",
    ]
    assert head["name"] == "Features, residual classifier"
    assert head["blocks"] == features["blocks"]
    assert head["macs"] > features["macs"] >= macs[0]
    assert len(head["blocks"]) == len(head["scores"]["equal_error"]) == 2
    assert whole["name"] == "ResNet-CIFAR-20 from 32x32 pixels"


def test_grey_faces_in_three_channels_cost_as_much_as_in_one(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    from keraudit.data.load import load
    from keraudit.faces.study import together

    grey, color = (together(load(str(toy_faces(tmp_path, channels=n)))) for n in (1, 3))
    assert color.images.shape == grey.images.shape == (32, 40, 32, 1)
    assert (color.images == grey.images).all()


def test_a_rewritten_network_has_the_same_weights_and_places() -> None:
    pytest.importorskip("keras")
    from keraudit.faces.features import cuts, source

    shape, images = (40, 32, 3), np.random.default_rng(0).integers(0, 255, (3, 40, 32, 3), "uint8")
    whole, plain = (
        source(f"random:ResNet50{words}", None, shape=shape, size=32, seed=0)
        for words in ("", "+without-skips")
    )
    assert plain.label == "ResNet50, random initialisation, without-skips"
    assert [name for name, _ in plain.places] == [name for name, _ in whole.places]
    kernel = "conv3_block2_1_conv"
    a, b = (one.inner.get_layer(kernel).kernel for one in (whole, plain))
    assert np.array_equal(a, b)
    with_skips, without = cuts(whole, images), cuts(plain, images)
    assert with_skips[0].shape == without[0].shape
    assert not np.allclose(with_skips[0].maps, without[0].maps)
    assert without[-1].macs < with_skips[-1].macs  # the projections are gone


def test_a_network_that_ships_sees_images_at_its_own_size(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    from keraudit.data.load import load
    from keraudit.faces.features import checked, cuts, source

    data = load(str(toy_faces(tmp_path)))
    assert checked("trained:resnet_cifar_20", data) is None
    one = source("trained:resnet_cifar_20", None, shape=(40, 32, 3), size=96, seed=0)
    assert one.label == "ResNet-CIFAR-20, trained on cifar10-jpeg, seed 0"
    assert "16 epochs, test error 15.2%" in one.origin
    images = np.random.default_rng(0).integers(0, 255, (3, 40, 32, 3), "uint8")
    found = cuts(one, images)
    assert [cut.shape for cut in found] == [(32, 32, 16)] * 3 + [(16, 16, 32)] * 3 + [
        (8, 8, 64)
    ] * 3


def test_the_block_is_chosen_by_what_is_known() -> None:
    from keraudit.faces.features import Cut
    from keraudit.faces.recognizers import best, median

    labels, known = np.repeat([0, 1], 3), np.array([0, 1, 3, 4])
    good, bad = np.array([0, 0.1, 9, 5, 5.1, 9]), np.array([0, 5.1, 9, 5, 0.1, 9])

    def cut(block: str, values: Any, macs: int) -> Cut:
        vectors = np.stack([values, values**2, np.ones(6)], axis=1)
        return Cut(
            block=block, shape=(1, 1, 3), macs=macs, params=0, maps=0, products=products(vectors)
        )

    dear, cheap, wrong = cut("dear", good, 3), cut("cheap", good, 2), cut("wrong", bad, 1)
    assert best([wrong, dear, cheap], labels, known).block == "cheap"
    assert median([dear, cheap, wrong]).block == "cheap"
    assert median([dear, cheap]).block == "cheap"


def test_wrong_words_for_faces(tmp_path: Path, trained: Path) -> None:
    data = ("--data", toy_faces(tmp_path))
    (tmp_path / "empty").mkdir()
    run, other = trained / "resnet-cifar-8-he2015-seed0", trained / "resnet-cifar-14-he2015-seed0"
    for words, message in (
        ((), "Missing option '--data'"),
        ((*data, "--features", "gone"), "random:ResNet50, trained:NAME or the folder of a"),
        (
            (*data, "--features", "trained:VGG16"),
            "expected trained:Inception-CIFAR or trained:Plain-CIFAR-20 or trained:ResNet-CIFAR-20",
        ),
        ((*data, "--features", "random:VGG16"), "expected random or random:InceptionV3 or random:"),
        (
            (*data, "--features", "random:ResNet50+without-x"),
            "'without-x' is not one of without-skips",
        ),
        (
            (*data, "--features", "imagenet:ResNet50+without-skips"),
            "rewritten network has random initial weights",
        ),
        (
            (*data, "--features", "trained:ResNet-CIFAR-20+without-skips"),
            "rewritten network has random initial weights",
        ),
        ((*data, "--features", tmp_path / "empty"), "no record of a finished run"),
        (
            (*data, "--features", other),
            "mean-image subtraction, which does not carry over to faces",
        ),
        (("--data", trained / "things.npz", "--features", run), "was trained on these faces"),
        ((*data, "--features", "random", "--size", "64"), "InceptionV3 takes a size of 75 to 1024"),
        ((*data, "--images-per-person", "6"), "has the fewest, 6: learn from fewer"),
        ((*data, "--output", tmp_path / "no" / "x.json"), "is not a folder"),
        (("--data", tmp_path / "gone"), "no data at"),
    ):
        bad = keraudit("faces", *words)
        assert (bad.code, bad.out, bad.err.count("\n")) == (2, "", 1), bad.err
        assert message in bad.err


def test_too_many_images_are_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("keras")
    from keraudit.data.load import load
    from keraudit.faces import features, study

    data = load(str(toy_faces(tmp_path)))
    monkeypatch.setattr(features, "MOST_BYTES", 2**20)
    with pytest.raises(KerauditError, match="the features of 32 images take"):
        study.study(data, ["random"], each=3, seeds=(0,), size=75)
    monkeypatch.setattr(study, "MOST_IMAGES", 31)
    with pytest.raises(KerauditError, match="has 32 images; expected 31 at most"):
        study.study(data, ["random"], each=3, seeds=(0,), size=75)
