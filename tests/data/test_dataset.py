"""Data: every way in, every contradiction in one line, and the fingerprint."""

from __future__ import annotations

import os
import pickle
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from keraudit.data.dataset import CIFAR10, DataError, Split, fingerprint, limited, validation_split
from keraudit.data.load import load
from keraudit.errors import KerauditError

np = pytest.importorskip("numpy")
Image = pytest.importorskip("PIL.Image")


def images(count: int, size: int = 32) -> Any:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3)).astype("uint8")


def folder(root: Path, *, split: bool = True, classes: tuple[str, ...] = ("cat", "dog")) -> Path:
    number = 0
    for part in ("train", "test") if split else ("",):
        for name in classes:
            (root / part / name).mkdir(parents=True)
            for pixels in images(5, 8):
                Image.fromarray(pixels).save(root / part / name / f"{number}.png")
                number += 1
    return root


def batches(root: Path) -> Path:
    home = root / "cifar-10-batches-py"
    home.mkdir()
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        pixels = images(20).transpose(0, 3, 1, 2).reshape(20, -1)
        content = {b"data": pixels, b"labels": [i % 10 for i in range(20)]}
        (home / name).write_bytes(pickle.dumps(content, protocol=2))
    return home


def test_a_folder_with_its_split(tmp_path: Path) -> None:
    data = load(str(folder(tmp_path / "pets")))
    assert (data.name, data.classes) == ("pets", ("cat", "dog"))
    assert (len(data.train), len(data.test), data.image_shape) == (10, 10, (8, 8, 3))
    assert sorted(data.train.labels.tolist()) == [0] * 5 + [1] * 5
    cats = data.train.images[data.train.labels == 0]
    assert sorted(image.tobytes() for image in cats) == sorted(
        image.tobytes() for image in images(5, 8)
    )


def drawn(root: Path, names: dict[str, list[str]]) -> Path:
    """A folder whose images each have a colour of their own; grey of a numbered one: its number."""
    for name, stems in names.items():
        (root / name).mkdir(parents=True)
        for at, stem in enumerate(stems):
            grey = int(stem) if stem.isdecimal() else at
            Image.new("RGB", (4, 4), (grey, grey, grey)).save(root / name / f"{stem}.png")
    return root


WORDS = [f"img{i}" for i in range(20)]
HALVES = [str(i) for i in range(20)], [str(i) for i in range(20, 40)]


@pytest.mark.parametrize("stems", [(WORDS, WORDS), HALVES])
def test_the_first_images_of_a_folder_are_of_all_classes(
    tmp_path: Path, stems: tuple[list[str], list[str]]
) -> None:
    """Neither names nor numbers that run through one class after another make an order."""
    for part in ("train", "test"):
        drawn(tmp_path / "pets" / part, {"cat": stems[0], "dog": stems[1]})
    data = load(str(tmp_path / "pets"))
    part = limited(data, train=10, test=10)
    for split in (part.train, part.test):
        assert 2 <= split.labels.sum() <= 8
    again = load(str(tmp_path / "pets"))
    assert (again.train.images == data.train.images).all()


def test_numbers_that_mix_the_classes_are_the_order(tmp_path: Path) -> None:
    """As in copies of CIFAR-10, where the people's labels of CIFAR-10H follow it."""
    even, odd = [f"{i:03}" for i in range(0, 40, 2)], [str(i) for i in range(1, 40, 2)]
    for part in ("train", "test"):
        drawn(tmp_path / "pets" / part, {"cat": even, "dog": odd})
    data = load(str(tmp_path / "pets"))
    assert data.train.images[:, 0, 0, 0].tolist() == list(range(40))
    assert data.train.labels.tolist() == [0, 1] * 20


def test_the_parts_of_a_folder_without_a_split_are_in_order_too(tmp_path: Path) -> None:
    drawn(tmp_path / "words", {"cat": WORDS, "dog": WORDS})
    words = load(str(tmp_path / "words"))
    assert 2 <= words.train.first(10).labels.sum() <= 8
    even, odd = [str(i) for i in range(0, 40, 2)], [str(i) for i in range(1, 40, 2)]
    drawn(tmp_path / "numbers", {"cat": even, "dog": odd})
    numbers = load(str(tmp_path / "numbers"))
    for split in (numbers.train, numbers.test):
        found = split.images[:, 0, 0, 0].tolist()
        assert found == sorted(found)


def test_a_folder_without_a_split_is_divided_by_the_seed(tmp_path: Path) -> None:
    root = str(folder(tmp_path / "pets", split=False))
    data = load(root, seed=1)
    assert (len(data.train), len(data.test)) == (8, 2)
    assert sorted(data.test.labels.tolist()) == [0, 1]  # one of each class
    assert load(root, seed=1).fingerprint == data.fingerprint


def test_batches_and_archive_alike(tmp_path: Path) -> None:
    home = batches(tmp_path)
    data = load(str(tmp_path))
    assert data.classes == CIFAR10
    assert (len(data.train), len(data.test)) == (100, 20)
    assert data.name.startswith("CIFAR-10 classes, not the original files")
    archive = tmp_path / "cifar.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(home, arcname=home.name)
    assert load(str(archive)).fingerprint == data.fingerprint == load(str(home)).fingerprint


def test_npz(tmp_path: Path) -> None:
    path = tmp_path / "small.npz"
    np.savez(
        path, x_train=images(6), y_train=[[0], [1], [2]] * 2, x_test=images(3), y_test=[0, 1, 2]
    )
    data = load(str(path))
    assert data.train.labels.tolist() == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("CIFAR-10", "not CIFAR-10 (CIFAR-10.npz)"),
        ("cifar_10_mine", "not CIFAR-10 (cifar_10_mine.npz)"),
        ("cifar100", "cifar100"),
    ],
)
def test_a_file_s_name_makes_no_cifar_10(tmp_path: Path, stem: str, name: str) -> None:
    path = tmp_path / f"{stem}.npz"
    np.savez(path, x_train=images(4), y_train=[0, 1] * 2, x_test=images(2), y_test=[0, 1])
    assert load(str(path)).name == name


def test_hidden_files_are_no_images(tmp_path: Path) -> None:
    root = folder(tmp_path / "pets")
    count = len(load(str(root)).train)
    (root / "train" / "cat" / "._1.png").write_bytes(b"a Mac's")
    assert len(load(str(root)).train) == count


def test_the_order_is_that_of_training(tmp_path: Path) -> None:
    data = load(str(folder(tmp_path / "pets")))
    turned = replace(
        data, train=Split(images=data.train.images[::-1], labels=data.train.labels[::-1])
    )
    assert turned.fingerprint == data.fingerprint
    assert turned.order != data.order


def test_a_pickle_that_would_run_code_does_not(tmp_path: Path) -> None:
    home = batches(tmp_path)

    class Evil:
        def __reduce__(self) -> Any:
            return os.system, (f"touch {tmp_path / 'owned'}",)

    (home / "data_batch_3").write_bytes(pickle.dumps({b"data": Evil()}))
    with pytest.raises(DataError, match=r"data_batch_3 is damaged.*it would run"):
        load(str(tmp_path))
    assert not (tmp_path / "owned").exists()


def broken_image(root: Path) -> None:
    (root / "train" / "cat" / "3.png").write_bytes(b"no image")


def another_size(root: Path) -> None:
    Image.fromarray(images(1, 9)[0]).save(root / "train" / "dog" / "7.png")


def empty_class(root: Path) -> None:
    for file in (root / "test" / "dog").iterdir():
        file.unlink()


def missing_class(root: Path) -> None:
    empty_class(root)
    (root / "test" / "dog").rmdir()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (broken_image, r"1 of \d+ files cannot be read as images: \S+/3\.png"),
        (another_size, r"images differ in size"),
        (empty_class, r"holds no image"),
        (missing_class, r"train and test differ in the class 'dog'|expected one for each class"),
    ],
)
def test_damaged_folders(tmp_path: Path, damage: Any, message: str) -> None:
    root = folder(tmp_path / "pets")
    damage(root)
    with pytest.raises(DataError, match=message) as caught:
        load(str(root))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_train": [0, 1, 2, 0, 1]}, "6 training images but 5 labels"),
        ({"y_test": [0, 1, 7]}, "test labels run from 0 to 7; expected 0 to 2"),
        ({"y_train": [0, 1, -2, 0, 1, 2]}, "labels run from -2"),
        ({"y_train": [0, 2, 2, 0, 2, 2]}, "no training image of 1"),
        ({"y_test": [0, 1, 1]}, "no test image of 2"),
        ({"x_train": images(6).astype("float32")}, "float32; expected bytes"),
        ({"x_test": images(3, 31)}, "they must agree"),
        ({"x_train": images(6)[..., 0]}, "expected \\(count, height, width"),
        ({"y_train": [0.5] * 6}, "expected whole numbers"),
        ({"x_test": images(0), "y_test": np.zeros(0, int)}, "test split is empty"),
        ({"y_train": [0] * 6, "y_test": [0] * 3}, "a single class; expected two or more"),
    ],
)
def test_arrays_that_contradict_one_another(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = tmp_path / "small.npz"
    good = {
        "x_train": images(6),
        "y_train": [0, 1, 2] * 2,
        "x_test": images(3),
        "y_test": [0, 1, 2],
    }
    np.savez(path, **{**good, **change})
    with pytest.raises(DataError, match=message):
        load(str(path))


def test_labels_far_out_of_range_make_no_names(tmp_path: Path) -> None:
    path = tmp_path / "large.npz"
    kept = {"x_train": images(2), "y_train": [0, 1000], "x_test": images(1), "y_test": [0]}
    np.savez(path, **kept)
    with pytest.raises(DataError, match=r"training labels run up to 1000; expected 0 to 999"):
        load(str(path))


@pytest.mark.parametrize("ending", ["npz", "npy"])
def test_a_damaged_file_of_arrays(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "x.npz"
    if ending == "npy":
        with path.open("wb") as file:
            np.save(file, images(2))
    else:
        np.savez(path, x_train=images(6))
        path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(
        DataError, match=r"x\.npz cannot be read as an \.npz .*numpy\.savez"
    ) as caught:
        load(str(path))
    assert "\n" not in str(caught.value)


def test_a_damaged_archive(tmp_path: Path) -> None:
    archive, home = tmp_path / "cifar.tar.gz", batches(tmp_path)
    (home / "data_batch_1").write_bytes((images(40) // 64).tobytes())  # noise is not compressed
    with tarfile.open(archive, "w:gz") as file:
        file.add(home / "data_batch_1", arcname="data_batch_1")
    whole = archive.read_bytes()
    middle = len(whole) // 2
    inverted = bytes(255 - byte for byte in whole[middle:])  # no valid code: zlib.error
    for damaged in (whole[:middle], whole[:middle] + inverted, b"no"):
        archive.write_bytes(damaged)
        with pytest.raises(DataError, match="cannot be read as a tar archive") as caught:
            load(str(archive))
        assert "\n" not in str(caught.value)


def test_other_bad_sources(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no data at"):
        load(str(tmp_path / "gone"))
    (tmp_path / "x.npz").write_bytes(b"nothing")
    with pytest.raises(DataError, match="cannot be read"):
        load(str(tmp_path / "x.npz"))
    (tmp_path / "x.tar").write_bytes(b"nothing")
    with pytest.raises(DataError, match="tar archive"):
        load(str(tmp_path / "x.tar"))
    home = batches(tmp_path)
    (home / "data_batch_4").unlink()
    with pytest.raises(DataError, match="has no data_batch_4"):
        load(str(home))


def test_the_fingerprint_forgets_the_order_and_nothing_else() -> None:
    pixels, labels = images(20), np.arange(20) % 10
    whole = fingerprint(Split(images=pixels, labels=labels))
    order = np.random.default_rng(1).permutation(20)
    assert fingerprint(Split(images=pixels[order], labels=labels[order])) == whole
    changed = pixels.copy()
    changed[7, 3, 3, 1] ^= 1
    assert fingerprint(Split(images=changed, labels=labels)) != whole
    assert fingerprint(Split(images=pixels, labels=labels[::-1])) != whole


def test_a_part_says_that_it_is_one(tmp_path: Path) -> None:
    batches(tmp_path)
    whole = load(str(tmp_path))
    part = limited(whole, train=50)
    assert len(part.train) == 50
    assert part.name.endswith("the first 50 training and 20 test images")
    assert limited(whole, train=1000) is whole


def test_a_part_keeps_every_class_of_both_splits(tmp_path: Path) -> None:
    batches(tmp_path)
    whole = load(str(tmp_path))
    lost = "ship, truck"
    with pytest.raises(
        DataError, match=f"no training image of {lost} among the first 8: take more"
    ):
        limited(whole, train=8)
    with pytest.raises(DataError, match=f"no test image of {lost} among the first 8: take more"):
        limited(whole, test=8)


def test_images_held_out_are_the_last_training_images(tmp_path: Path) -> None:
    batches(tmp_path)
    whole = load(str(tmp_path))
    kept = validation_split(whole, 20)
    assert len(kept.train) == len(whole.train) - 20
    assert (kept.test.images == whole.train.images[-20:]).all()
    assert (kept.test.labels == whole.train.labels[-20:]).all()
    assert kept.name.endswith("judged on the last 20 training images")
    assert kept.describe()["held_out"] == limited(kept, train=10).held_out == 20
    assert validation_split(whole, 0) is whole
    assert "held_out" not in whole.describe()


def test_what_is_held_out_leaves_both_parts_whole(tmp_path: Path) -> None:
    batches(tmp_path)
    whole = load(str(tmp_path))
    count = len(whole.train)
    with pytest.raises(DataError, match=f"{count} images cannot be held out of {count}"):
        validation_split(whole, count)
    with pytest.raises(DataError, match=r"no image held out of .*hold out another number"):
        validation_split(whole, 2)
    with pytest.raises(DataError, match=r"no training image of .*hold out another number"):
        validation_split(whole, count - 2)


class Full:
    """A writer of TensorBoard on a disk that becomes full."""

    def __init__(self, folder: str) -> None:
        pass

    def add_scalar(self, *row: object) -> None:
        raise OSError(28, "No space left on device")

    def close(self) -> None:
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from keraudit.training.tensorboard import SCALARS, Board

    summary = ModuleType("tensorboard.summary")
    vars(summary)["Writer"] = Full
    monkeypatch.setitem(sys.modules, "tensorboard", ModuleType("tensorboard"))
    monkeypatch.setitem(sys.modules, "tensorboard.summary", summary)
    (tmp_path / "file").touch()
    with pytest.raises(KerauditError, match="cannot write TensorBoard's logs to"):
        Board(tmp_path / "file" / "board")
    board = Board(tmp_path / "board")
    with pytest.raises(KerauditError, match="No space left on device"):
        board.add({**dict.fromkeys(SCALARS, 0.5), "epoch": 1})
    with pytest.raises(KerauditError, match="No space left on device"):
        board.close()


@pytest.mark.skipif("KERAUDIT_DATA" not in os.environ, reason="KERAUDIT_DATA names no data")
def test_the_originals_are_recognised() -> None:
    from keraudit.data.dataset import ORIGINAL_PRINT, ORIGINAL_START

    found = np.load(Path(os.environ["KERAUDIT_DATA"]) / "cifar10-original-test-1017.npz")
    split = Split(images=found["x"], labels=found["y"].astype("int64"))
    assert len(split) == ORIGINAL_START
    assert fingerprint(split) == ORIGINAL_PRINT
