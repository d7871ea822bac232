"""keraudit faces: the protocol beside small cases worked out by hand, and the whole study on toy faces."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command import run as keraudit
from keraudit.errors import KerauditError
from keraudit.experiments.faces.protocol import (
    Parts,
    cosines,
    eigenfaces,
    leave_one_out,
    nearest_error,
    people_seen,
    products,
    strangers,
    verification,
)

np = pytest.importorskip("numpy")


def test_people_seen_have_images_on_both_sides() -> None:
    labels = np.repeat([0, 1, 2], 5)
    parts = people_seen(labels, 2, 0)
    assert sorted(labels[parts.known].tolist()) == [0, 0, 1, 1, 2, 2]
    assert sorted([*parts.known, *parts.asked]) == list(range(15))
    assert (parts.known == people_seen(labels, 2, 0).known).all()
    assert (parts.known != people_seen(labels, 2, 1).known).any()
    for each in (0, 5):
        with pytest.raises(KerauditError, match=f"has 5 images, .* 1 to 4 .*, received {each}"):
            people_seen(labels, each, 0)


def test_strangers_are_other_people() -> None:
    labels = np.repeat(range(5), 3)
    parts = strangers(labels, 0)
    known, asked = set(labels[parts.known].tolist()), set(labels[parts.asked].tolist())
    assert (len(known), len(asked), known & asked) == (3, 2, set())
    assert len(parts.known) + len(parts.asked) == 15
    with pytest.raises(KerauditError, match="four people or more, received 3"):
        strangers(np.repeat(range(3), 3), 0)


def test_cosines_from_products_are_those_of_centred_vectors() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(6, 4)) + 5
    known = np.array([0, 2, 3])
    centred = vectors - vectors[known].mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    assert np.allclose(cosines(products(vectors), known), unit @ unit.T)
    vectors[5] = vectors[known].mean(axis=0)  # no direction: like nothing
    assert np.allclose(cosines(products(vectors), known)[5], 0, atol=1e-6)


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
    assert found == (0.0, 1.0)
    swapped = np.array([0, 0, 1, 1, 2, 3, 2])  # the pair alike is now of two people
    found = verification(products(vectors), swapped, parts)
    assert found.true_accepts == 0
    assert found.equal_error == pytest.approx((1 + 0.5) / 2)


def test_eigenfaces_keep_the_distances_of_what_they_are_made_from() -> None:
    images = np.random.default_rng(0).integers(0, 255, (8, 5, 4, 1))
    known = np.arange(6)
    shown = eigenfaces(images, known, 5)  # six images less their mean span five dimensions
    assert shown.shape == (8, 5)
    flat = images.reshape(8, -1).astype("float64")
    assert np.linalg.norm(shown[0] - shown[1]) == pytest.approx(np.linalg.norm(flat[0] - flat[1]))
    assert eigenfaces(images, known, 2).shape == (8, 2)
    assert np.allclose(eigenfaces(images, known, 2), shown[:, :2])


def toy_faces(folder: Path, *, each: int = 6) -> Path:
    """Five people, each a pattern with noise, as grey images."""
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 255, (5, 40, 32, 1))
    labels = np.repeat(np.arange(5), each)
    images = np.clip(faces[labels] + rng.normal(0, 20, (len(labels), 40, 32, 1)), 0, 255)
    half = np.arange(len(labels)) % 2 == 0
    path = folder / "faces.npz"
    np.savez(
        path,
        x_train=images[half].astype("uint8"),
        y_train=labels[half],
        x_test=images[~half].astype("uint8"),
        y_test=labels[~half],
    )
    return path


def test_the_command_on_toy_faces(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    out = tmp_path / "faces.json"
    words = ("faces", "--data", toy_faces(tmp_path), "--features", "random", "--seeds", "0,1")
    words += ("--images-per-person", "3", "--size", "75", "--epochs", "2")
    done = keraudit(*words, "--output", out)
    assert done.code == 0, done.err
    found = json.loads(out.read_text())
    assert found["schema"] == "keraudit.faces/1"
    assert (found["asked"], found["dataset"]["people"], found["dataset"]["images"]) == (15, 5, 30)
    names = [one["name"] for one in found["recognisers"]]
    assert names[0] == "Pixels"
    assert names[1] == "15 eigenfaces"  # as many as there are images to learn from
    assert found["recognisers"][0]["scores"]["error"] == [0, 0]  # patterns are told apart
    assert [cut["block"] for cut in found["cuts"]] == [f"mixed{n}" for n in range(11)]
    macs = [cut["macs"] for cut in found["cuts"]]
    assert macs == sorted(macs)
    head = found["recognisers"][3]
    assert head["name"] == "Features, residual classifier"
    assert head["macs"] > found["recognisers"][2]["macs"] >= macs[0]
    assert len(head["blocks"]) == len(head["scores"]["equal_error"]) == 2


def test_wrong_words_for_faces(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    data = ("--data", toy_faces(tmp_path))
    (tmp_path / "empty").mkdir()
    for words, message in (
        ((), "Missing option '--data'"),
        (
            (*data, "--features", "gone"),
            "expected random, imagenet or the folder of a finished run",
        ),
        ((*data, "--features", tmp_path / "empty"), "empty"),
        ((*data, "--features", "random", "--size", "64"), "InceptionV3 takes a size of 75 to 1024"),
        ((*data, "--images-per-person", "6"), "1 to 5 can be learnt from, received 6"),
        (("--data", tmp_path / "gone"), "no data at"),
    ):
        bad = keraudit("faces", *words)
        assert (bad.code, bad.out, bad.err.count("\n")) == (2, "", 1), bad.err
        assert message in bad.err
