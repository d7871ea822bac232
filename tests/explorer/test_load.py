"""Many visitors at once: files are let go, builds take turns, and nobody is told where files lie."""

from __future__ import annotations

import json
import resource
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("streamlit")
pytest.importorskip("keras")

from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from built import json_of
from explorer.pages import address, choose, command, errors, metrics
from keraudit.errors import KerauditError
from keraudit.explorer import builds, cache, sent_files, sidebar
from keraudit.explorer.places import typed, without_folders
from keraudit.explorer.upload import uploaded

Open = Any
GROWTH = 600 * 2**20  # bytes that twenty visitors with files may take beside the server itself


def file(name: str, size: int) -> UploadedFileRec:
    return UploadedFileRec(file_id=name, name=name, type="", data=b"x" * size)


def left(manager: MemoryUploadedFileManager) -> list[str]:
    return sorted(name for files in manager.file_storage.values() for name in files)


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> MemoryUploadedFileManager:
    monkeypatch.setattr(sent_files, "MOST_OF_SESSION", 100)
    monkeypatch.setattr(sent_files, "MOST_OF_ALL", 150)
    made = MemoryUploadedFileManager("/upload")
    sent_files.bound(made)
    sent_files.bound(made)  # each page asks for it
    return made


def test_older_files_of_a_visitor_make_room(manager: MemoryUploadedFileManager) -> None:
    for name in ("a", "b", "c"):
        manager.add_file("one", file(name, 50))
    assert left(manager) == ["b", "c"]
    manager.add_file("one", file("large", 500))  # Streamlit bounds a file itself
    assert left(manager) == ["large"]


def test_files_of_other_visitors_make_room(manager: MemoryUploadedFileManager) -> None:
    for number in range(4):
        manager.add_file(f"session {number}", file(f"file {number}", 60))
    assert left(manager) == ["file 2", "file 3"]


def test_a_file_that_was_read_is_let_go(
    manager: MemoryUploadedFileManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager.add_file("one", file("a", 9))
    monkeypatch.setattr(sent_files.runtime, "exists", lambda: True)
    server = SimpleNamespace(uploaded_file_mgr=manager)
    monkeypatch.setattr(sent_files.runtime, "get_instance", lambda: server)
    monkeypatch.setattr(sent_files, "_session", lambda: "one")
    sent_files.free(SimpleNamespace(file_id="a"))
    assert not left(manager)


@pytest.mark.parametrize("is_good", [True, False])
def test_the_page_lets_go_of_what_it_read_or_refused(
    open_page: Open, monkeypatch: pytest.MonkeyPatch, is_good: bool
) -> None:
    freed: list[str] = []
    monkeypatch.setattr(sidebar, "free", lambda sent: freed.append(sent.name))
    app = open_page()
    data = json_of("ResNet50").encode() if is_good else b"no model"
    app.file_uploader[0].upload("mine.json", data).run()
    assert freed == ["mine.json"]
    assert bool(errors(app)) != is_good


def test_weights_that_are_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sent_files, "MOST_WEIGHTS", 100)
    monkeypatch.setattr(sent_files, "_KEPT", {})
    here, gone = (lambda _: False), (lambda session: session == "one")
    sent_files.keep("one", 60, here)
    sent_files.keep("two", 40, here)
    with pytest.raises(KerauditError, match="the files of all visitors would take more than"):
        sent_files.keep("three", 1, here)
    sent_files.keep("three", 0, here)  # a file without weights is always kept
    sent_files.keep("two", 10, here)  # in the place of the one before
    sent_files.keep("three", 30, here)
    with pytest.raises(KerauditError):
        sent_files.keep("four", 60, here)
    sent_files.keep("four", 60, gone)


def test_a_build_waits_for_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builds, "TURNS", threading.Semaphore(1))
    monkeypatch.setattr(builds, "PATIENCE", 60.0)
    order: list[str] = []
    inside, may_end = threading.Event(), threading.Event()

    def first() -> None:
        with builds.turn() as seconds:
            assert seconds == builds.SECONDS
            inside.set()
            may_end.wait(60)
            order.append("first")

    def second() -> None:
        with builds.turn():
            order.append("second")

    threads = [threading.Thread(target=target, daemon=True) for target in (first, second)]
    threads[0].start()
    assert inside.wait(60)
    threads[1].start()
    threads[1].join(0.2)
    assert threads[1].is_alive()  # it waits for its turn
    may_end.set()
    for thread in threads:
        thread.join(60)
    assert order == ["first", "second"]


def test_a_wait_that_is_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builds, "TURNS", threading.Semaphore(0))
    monkeypatch.setattr(builds, "PATIENCE", 0.01)
    for most in (20, 0):
        monkeypatch.setattr(builds, "MOST_WAITING", most)
        with pytest.raises(KerauditError, match="try again in a minute"), builds.turn():
            raise AssertionError("it is nobody's turn")


def test_a_build_that_takes_too_long_is_ended(
    open_page: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KERAUDIT_CACHE", str(tmp_path))
    monkeypatch.setattr(builds, "SECONDS", 0.01)
    app = open_page(model="ResNet-CIFAR-2000")
    assert "building ResNet-CIFAR-2000 took more than 0.01 s here" in errors(app)[0]


def test_an_h5_file_is_shown(open_page: Open, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "m.h5", "w") as made:
        made.attrs["model_config"] = json_of("ResNet50")
    app = open_page()
    app.file_uploader[0].upload("mine.h5", (tmp_path / "m.h5").read_bytes()).run()
    assert metrics(app)["MACs"] == "3.858 G"
    assert command(app) == "keraudit flops mine.h5"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "no record at /home/me/my-runs/a/run.json: No such file",
            "no record at run.json: No such file",
        ),
        ("'/srv/x y' and (/a/b/c.keras)", "'x y' and (c.keras)"),
        ("C:\\Users\\me\\net.keras is empty", "net.keras is empty"),
        ("layer block/conv/1 reads 3/4 of a/b", "layer block/conv/1 reads 3/4 of a/b"),
        ("see https://keras.io/api/layers/", "see https://keras.io/api/layers/"),
    ],
)
def test_a_message_does_not_say_where_files_lie(text: str, shown: str) -> None:
    assert without_folders(text) == shown


def test_a_path_is_shown_as_one_types_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (work := tmp_path / "a" / "b" / "c" / "d").mkdir(parents=True)
    monkeypatch.chdir(work)
    assert typed(work / "runs" / "x") == "runs/x"
    assert typed(tmp_path / "a" / "b" / "c" / "x.keras") == "../x.keras"
    assert typed(tmp_path / "x.keras") == "x.keras"


def test_a_page_does_not_say_where_the_model_lies(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path := tmp_path / "mine.json").write_text(json_of("ResNet50"))
    monkeypatch.setenv("KERAUDIT_EXPLORE_MODEL", str(path))
    for page in ("network", "export"):
        app = open_page(model="named", page=page)
        assert str(tmp_path) not in str(app.main) + str(app.sidebar)
    assert command(app).endswith("mine.json")
    subject = sidebar.shown_model("named")
    assert str(tmp_path) not in json.dumps(cache.audited(subject, None, 1).report.to_dict())


def renamed(number: int) -> bytes:
    """A model of one visitor, not quite another's."""
    record = json.loads(json_of("ResNet50"))
    record["config"]["name"] = f"net-of-{number}"
    return json.dumps(record).encode()


@pytest.mark.exhaustive
def test_twenty_visitors_with_files(open_page: Open) -> None:
    """Each uploads, looks round, is refused now and then; none sees another's, and memory stays bounded."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    apps = [open_page() for _ in range(20)]
    keys = []
    for number, app in enumerate(apps):
        app.file_uploader[0].upload(f"own-{number}.json", renamed(number)).run()
        keys.append(address(app)["model"])
    assert len({*keys}) == 20
    for step in range(50):
        for number, app in enumerate(apps):
            if step % 10 == 9:
                app.file_uploader[0].upload("bad.json", b"{" * (1 + step)).run()
                assert errors(app)
            elif step % 10 == 4:
                app.file_uploader[0].upload(f"own-{number}.json", renamed(number)).run()
            else:
                choose(app, "unit", "flops" if step % 2 else "macs")
            assert not app.exception
            assert address(app)["model"] == keys[number]
            options = app.selectbox(key="w_model").options
            assert [name for name in options if name.startswith("own-")] == [f"own-{number}.json"]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    assert grown < GROWTH


def test_a_broken_h5_file_is_one_line() -> None:
    with pytest.raises(KerauditError) as caught:
        uploaded("a.h5", b"\x89HDF\r\n\x1a\n" + b"0" * 99)
    assert str(caught.value).startswith("a.h5")
    assert "/" not in str(caught.value)
