"""Metrics, corruptions and comparisons by hand: small enough to check on paper."""

from __future__ import annotations

from math import log
from pathlib import Path
from typing import Any

import pytest

from keraudit.data import cifar10h
from keraudit.data.corruptions import SEVERITIES, corrupted
from keraudit.data.dataset import DataError, Split
from keraudit.evaluation import agreement, metrics
from keraudit.training.scores import accuracy, cross_entropy

np = pytest.importorskip("numpy")
pytest.importorskip("PIL")

P = np.array([[0.9, 0.1, 0.0], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.1, 0.1, 0.8]])
LABELS = np.array([0, 1, 1, 1])


def test_accuracy_loss_and_confusion() -> None:
    assert accuracy(P, LABELS) == 0.5
    expected = -(log(0.9) + log(0.3) + log(0.7) + log(0.1)) / 4
    assert cross_entropy(P, LABELS) == pytest.approx(expected)
    matrix = metrics.confusion(P, LABELS)
    assert matrix.tolist() == [[1, 0, 0], [1, 1, 1], [0, 0, 0]]
    scores = metrics.class_scores(matrix, ("a", "b", "c"))
    assert [s.precision for s in scores] == [0.5, 1.0, 0.0]
    assert [s.recall for s in scores] == [1.0, pytest.approx(1 / 3), None]
    assert sum(s.images for s in scores) == len(LABELS)


def test_calibration() -> None:
    bins = metrics.reliability(P, LABELS, bins=10)
    assert sum(b.images for b in bins) == 4
    found = {(b.low, b.images, b.accuracy) for b in bins if b.images}
    # 0.9, 0.6, 0.7 and 0.8 lie at the upper ends of their bins
    assert found == {(0.8, 1, 1.0), (0.5, 1, 0.0), (0.6, 1, 1.0), (0.7, 1, 0.0)}
    error = (0.1 + 0.6 + 0.3 + 0.8) / 4
    assert metrics.expected_calibration_error(bins) == pytest.approx(error)


def test_a_calibrated_network_has_no_error() -> None:
    sure = np.array([[0.75, 0.25]] * 4)
    bins = metrics.reliability(sure, np.array([0, 0, 0, 1]))
    assert metrics.expected_calibration_error(bins) == pytest.approx(0)


def test_entropy_and_correlation() -> None:
    assert metrics.entropy(np.array([[1.0, 0.0], [0.5, 0.5]])).tolist() == [
        0,
        pytest.approx(log(2)),
    ]
    a = np.array([1.0, 2.0, 3.0])
    assert metrics.pearson(a, -a) == pytest.approx(-1)
    assert metrics.pearson(a, np.ones(3)) is None
    # the ranks are 0.5, 2, 0.5, 3 and 0, 1, 2, 3
    assert metrics.spearman(np.array([10.0, 20.0, 10.0, 30.0]), np.arange(4)) == pytest.approx(
        3 / (4.5 * 5) ** 0.5
    )


@pytest.fixture
def images() -> Any:
    return np.random.default_rng(0).integers(30, 220, (6, 32, 32, 3)).astype("uint8")


@pytest.mark.parametrize("name", SEVERITIES)
def test_corruptions_grow_with_severity(name: str, images: Any) -> None:
    before = images.copy()
    off = []
    for severity in range(1, 6):
        found = corrupted(images, name, severity)
        assert (found.dtype, found.shape) == (images.dtype, images.shape)
        off.append(np.abs(found.astype(float) - images).mean())
    assert off == sorted(off)
    assert off[0] > 0
    assert (images == before).all()
    assert (corrupted(images, name, 3) == corrupted(images, name, 3)).all()
    grey = corrupted(images[..., :1], name, 2)
    assert grey.shape == (6, 32, 32, 1)


def test_corruptions_are_what_they_say(images: Any) -> None:
    flat = np.full((4, 32, 32, 3), 100, "uint8")
    assert np.abs(corrupted(flat, "blur", 5).astype(int) - 100).max() <= 1
    assert np.abs(corrupted(flat, "contrast", 5).astype(int) - 100).max() <= 1
    assert corrupted(flat, "noise", 1).std() == pytest.approx(0.04 * 255, rel=0.03)
    half = corrupted(images, "contrast", 2).astype(float)
    assert half.std() / images.std() == pytest.approx(0.5, rel=0.02)


def test_blur_is_scipys_gaussian(images: Any) -> None:
    from scipy import ndimage

    expected = ndimage.gaussian_filter(images / 255, (0, 0.8, 0.8, 0), mode="nearest") * 255
    assert np.abs(corrupted(images, "blur", 4) - expected).max() <= 1.001


def test_an_unknown_corruption(images: Any) -> None:
    from keraudit.errors import KerauditError

    for name, severity in (("fog", 1), ("noise", 6)):
        with pytest.raises(KerauditError, match="no corruption"):
            corrupted(images, name, severity)


def humans(path: Path, probabilities: Any) -> Path:
    np.savez(path, probs=probabilities.astype("float32"))
    return path


def test_people_who_agree_with_the_network(tmp_path: Path) -> None:
    test = Split(images=np.zeros((4, 2, 2, 3), "uint8"), labels=P.argmax(axis=1))
    found = cifar10h.human_labels(humans(tmp_path / "h.npz", P), test, 3)
    beside = agreement.human_agreement(P, found, test.labels)
    assert beside["cross_entropy"] == pytest.approx(beside["human_entropy"], abs=1e-5)
    assert beside["entropy_correlation"] == pytest.approx(1)
    assert beside["order_agreement"] == 1


@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        (P[::-1], "another order"),
        (P[:3], "has 3 images, the test set 4"),
        (P[:, :2], "expected \\(images, 3\\)"),
    ],
)
def test_people_s_labels_that_do_not_fit(tmp_path: Path, probabilities: Any, message: str) -> None:
    test = Split(images=np.zeros((4, 2, 2, 3), "uint8"), labels=P.argmax(axis=1))
    with pytest.raises(DataError, match=message):
        cifar10h.human_labels(humans(tmp_path / "h.npz", probabilities), test, 3)


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"nothing")
    test = Split(images=np.zeros((1, 2, 2, 3), "uint8"), labels=np.array([0]))
    for path in (tmp_path / "x.npz", tmp_path / "gone.npz"):
        with pytest.raises(DataError, match="cannot be read"):
            cifar10h.human_labels(path, test, 3)
    with pytest.raises(DataError, match="has no 'x'"):
        cifar10h.originals(humans(tmp_path / "h.npz", P), test)


def test_originals_beside_copies(tmp_path: Path, images: Any) -> None:
    labels = np.array([0, 1, 2, 0, 1, 2])
    test = Split(images=images, labels=labels)
    first = images[:3].copy()
    first[0] ^= 1  # each value off by 1
    np.savez(tmp_path / "o.npz", x=first, y=labels[:3].astype("uint8"))
    found = cifar10h.originals(tmp_path / "o.npz", test)
    right, wrong = np.eye(3), np.eye(3)[[0, 2, 2]]
    beside = agreement.recompression_effect(right, wrong, found, test)
    assert (beside["images"], beside["identical"]) == (3, 2)
    assert beside["psnr_db"] == pytest.approx(20 * np.log10(255))
    assert (beside["only_original_right"], beside["only_copy_right"]) == (1, 0)
    np.savez(tmp_path / "o.npz", x=first, y=labels[1:4].astype("uint8"))
    with pytest.raises(DataError, match="another order"):
        cifar10h.originals(tmp_path / "o.npz", test)


def test_the_curvature_is_the_largest_eigenvalue_of_the_whole_hessian() -> None:
    rng = np.random.default_rng(1)
    features, p = rng.standard_normal((7, 5)), rng.dirichlet(np.ones(3), 7)
    hessian = np.mean(
        [
            np.kron(np.outer(f, f), np.diag(q) - np.outer(q, q))
            for f, q in zip(features, p, strict=True)
        ],
        axis=0,
    )
    expected = np.linalg.eigvalsh(hessian)[-1]
    assert metrics.curvature(features, p) == pytest.approx(expected, rel=1e-6)
    assert metrics.curvature(features, np.eye(3)[np.arange(7) % 3]) == 0  # it is sure: all is flat
