"""What a visitor sends is read, never executed; what is no model gets one line, and the session goes on."""

from __future__ import annotations

import html
import io
import json
import re
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from built import json_of
from explorer.pages import address, choose, command, errors, metrics
from hostile import TEXTS
from keraudit.errors import KerauditError
from keraudit.explorer import cache, kept_uploads, sidebar, upload
from keraudit.explorer.limits import check_plain
from keraudit.explorer.picture import sent_image
from keraudit.explorer.ui import plain
from keraudit.explorer.upload import shown_name, uploaded
from keraudit.safe_text import harmless

Open = Any
ANY: Any = None
MARKUP = "<img src=x onerror=alert(1)> $x$ :red[*a*] [b](http://c) `d`"


def dense(name: str = "d", **config: Any) -> dict[str, Any]:
    return {"class_name": "Dense", "config": {"name": name, "units": 3, **config}}


def model(*layers: dict[str, Any], name: str = "s") -> bytes:
    start = {"class_name": "InputLayer", "config": {"batch_shape": [None, 4], "name": "i"}}
    record = {"class_name": "Sequential", "config": {"name": name, "layers": [start, *layers]}}
    return json.dumps(record).encode()


def archive(content: bytes, name: str = "config.json") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, content)
    return out.getvalue()


def nested(depth: int, times: int = 4) -> dict[str, Any]:
    """Models within models, each called several times: four to the power of the depth."""
    inner = dense() if not depth else nested(depth - 1, times)
    layers = [{**inner, "config": {**inner["config"], "name": f"n{i}"}} for i in range(times)]
    start = {"class_name": "InputLayer", "config": {"batch_shape": [None, 3], "name": "i"}}
    return {"class_name": "Sequential", "config": {"name": "s", "layers": [start, *layers]}}


HOSTILE: dict[str, tuple[str, bytes, str]] = {
    "empty": ("a.keras", b"", "is empty"),
    "text": ("a.keras", b"hello", "is not a .keras file"),
    "cut zip": ("a.keras", archive(model(dense()))[:-30], "damaged or cut short"),
    "no config": ("a.keras", archive(b"x", "other.json"), "without config.json"),
    "bomb": ("a.keras", archive(b" " * (33 * 2**20)), "more than 32 MiB is refused"),
    "hdf5": ("a.keras", b"\x89HDF\r\n\x1a\n" + b"0" * 99, "is damaged or cut short"),
    "no json": ("a.json", b"{", "no valid JSON"),
    "deep json": ("a.json", b'{"a":' * 200_000, "nested too deep"),
    "no model": ("a.json", b'{"class_name": "Dense", "config": {}}', "no graph of layers"),
    "multiplying": ("a.json", json.dumps(nested(7)).encode(), "more than"),
    "endless name": ("a.json", model(dense("n" * 5000)), "5,000 characters"),
    "path": ("../../etc/a.json", b"[]", "a list, not a model"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_get_one_line(case: str) -> None:
    name, data, message = HOSTILE[case]
    with pytest.raises(KerauditError) as caught:
        uploaded(name, data)
    told = str(caught.value)
    assert message in told
    assert told.startswith("a.")
    assert "/" not in told.partition(":")[0]
    assert "\n" not in told
    assert len(told) <= 410


def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "LARGEST_FILE_MIB", 0)
    with pytest.raises(KerauditError, match="larger than 0 MiB"):
        uploaded("a.json", model(dense()))


def test_names_of_files_are_text() -> None:
    assert shown_name("C:\\x\\a\n.keras") == "a.keras"
    assert shown_name("/etc/") == "the file"


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_any_text_in_markdown_is_text(text: str) -> None:
    from markdown_it import MarkdownIt

    made = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(plain(f"x {text}"))
    bare = re.sub(r"</?(p|code)>", "", made).strip()
    assert "<" not in bare
    assert html.unescape(bare) == harmless(f"x {text}").strip()
    assert not re.search(r"://|www\.|@", re.sub("<code>.*?</code>", "", made))


def test_the_same_bytes_have_the_same_address() -> None:
    first, second = uploaded("a.json", model(dense())), uploaded("b.json", model(dense()))
    assert first.key == second.key
    assert first.key.startswith("upload-")
    assert len(first.key) == 23


def test_what_is_shared_does_not_hold_the_name_of_a_file(open_page: Open) -> None:
    data = json_of("ResNet50").encode()
    for name in ("private.json", "other.json"):
        app = open_page()
        app.file_uploader[0].upload(name, data).run()
        key = address(app)["model"]
        assert command(app) == f"keraudit flops {name}"
        sent = uploaded(name, data)
        found = cache.audited(cache.ShownModel(sent.key, name, name, sent.architecture), None, 1)
        assert found.report.to_dict()["source"] == key
        assert found.graph.architecture.source == key


def test_a_config_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "LARGEST_CONFIG", 2**20)
    long = model(*(dense(f"d{i}", about="x" * 1000) for i in range(2000)))
    for name, data in (("a.json", long), ("a.keras", archive(long))):
        with pytest.raises(KerauditError, match="2 MiB; more than 1 MiB is refused") as caught:
            uploaded(name, data)
        assert str(caught.value).startswith(name)


def test_uploads_are_kept_apart_and_few(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(cache, "MOST_UPLOADS", 2)

    def read(key: str) -> int:
        made.append(key)
        return len(made)

    kept = cache.cached_by_model(read)
    keys = ["upload-a", "upload-b", "upload-c"]
    for key in ("VGG16", *keys, "VGG16", "upload-c", "upload-b", "upload-a"):
        kept(key)
    assert made == ["VGG16", *keys, "upload-a"]


@pytest.mark.parametrize("case", ["cut zip", "no model", "deep json"])
def test_the_page_tells_and_the_session_goes_on(open_page: Open, case: str) -> None:
    app = open_page()
    name, data, message = HOSTILE[case]
    app.file_uploader[0].upload(name, data).run()
    assert not app.exception
    assert message in errors(app)[0]
    assert not app.metric  # no other model under the error
    app.button[0].click().run()
    assert not errors(app)
    assert metrics(app)["MACs"] == "5.713 G"
    app.file_uploader[0].upload("good.json", json_of("ResNet50").encode()).run()
    assert metrics(app)["MACs"] == "3.858 G"
    assert command(app) == "keraudit flops good.json"
    assert address(app)["model"].startswith("upload-")


def test_an_h5_file_is_read(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["model_config"] = model(dense("first")).decode()
    data = (tmp_path / "a.h5").read_bytes()
    found = uploaded("a.h5", data)
    assert "first" in found.architecture.layers
    assert not found.data


def test_on_this_machine_alone_files_survive_a_reload(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = kept_uploads.Kept()
    monkeypatch.setattr(sidebar, "kept", lambda: store)
    monkeypatch.setattr(sidebar, "is_loopback", lambda: True)
    app = open_page()
    for name, text in (("first.json", "first"), ("second.json", "second")):
        app.file_uploader[0].upload(name, model(dense(text))).run()
    where = address(app)
    assert len(where["kept"].split(";")) == 2
    again = open_page(**where)
    assert not errors(again)
    assert command(again) == "keraudit flops second.json"
    assert {"first.json", "second.json"} <= set(again.selectbox(key="w_model").options)
    lost = {**where, "kept": "A" * 16}
    assert "only the session that sent it" in errors(open_page(**lost))[0]
    monkeypatch.setattr(sidebar, "is_loopback", lambda: False)
    assert "only the session that sent it" in errors(open_page(**where))[0]


def test_two_files_of_one_name_are_told_apart(open_page: Open) -> None:
    app = open_page()
    for layer in ("first", "second"):
        app.file_uploader[0].upload("model.json", model(dense(layer))).run()
    newest = address(app)["model"]
    own = [label for label in app.selectbox(key="w_model").options if label.startswith("model.")]
    assert len(set(own)) == 2
    choose(app, "unit", "flops")  # every widget sends its state
    assert address(app)["model"] == newest


@pytest.mark.parametrize(
    ("host", "bound", "path", "alone"),
    [
        ("localhost:8501", "localhost", "", True),
        ("[::1]:8501", "::1", "", True),
        (None, "127.0.0.1", "", True),
        ("example.org", "127.0.0.1", "", False),  # through a proxy
        ("localhost", "127.0.0.1", "keraudit", False),
        ("localhost:8501", "0.0.0.0", "", False),
    ],
)
def test_a_server_behind_a_proxy_is_not_for_this_machine_alone(
    monkeypatch: pytest.MonkeyPatch, host: str | None, bound: str, path: str, alone: bool
) -> None:
    options = {"server.address": bound, "server.baseUrlPath": path}
    context = SimpleNamespace(headers={"Host": host} if host else {})
    monkeypatch.setattr(
        kept_uploads, "st", SimpleNamespace(context=context, get_option=options.get)
    )
    assert kept_uploads.is_loopback() is alone


def test_files_are_kept_few_and_within_a_limit() -> None:
    store = kept_uploads.Kept(most=2, most_bytes=10)
    sent = [upload.Upload(f"upload-{i}", f"{i}", ANY, b"x" * 6) for i in range(3)]
    tokens = [store.keep(one) for one in sent]
    assert len(set(tokens)) == 3
    assert [found.name for found in store.find(tokens)] == ["1", "2"]
    assert [len(found.data) for found in store.find(tokens)] == [0, 6]


@pytest.mark.parametrize(
    ("name", "size", "told"),
    [
        ("ResNet50", "10x10x3", "ResNet50 takes 32x32 pixels or more"),
        ("Xception", "70x70x3", "Xception takes 71x71 pixels or more"),
        ("ResNet50", "100x3", "takes height, width and channels"),
    ],
)
def test_an_impossible_size_is_refused_without_building_it(
    open_page: Open, monkeypatch: pytest.MonkeyPatch, name: str, size: str, told: str
) -> None:
    from keraudit.reading import cache as graphs

    def run_live(*_: object) -> None:
        raise AssertionError("Keras was started")

    monkeypatch.setattr(graphs, "run_live", run_live)
    assert told in errors(open_page(model=name, size=size))[0]


def test_one_session_does_not_see_the_file_of_another(open_page: Open) -> None:
    mine = open_page()
    mine.file_uploader[0].upload("mine.json", json_of("ResNet50").encode()).run()
    theirs = open_page(**address(mine))
    assert "only the session that sent it" in errors(theirs)[0]
    assert "mine.json" not in theirs.selectbox(key="w_model").options
    theirs.file_uploader[0].upload("again.json", json_of("ResNet50").encode()).run()
    assert metrics(theirs)["MACs"] == "3.858 G"


@pytest.mark.parametrize("page", ["network", "map", "layer", "what-if", "compare", "export"])
def test_names_in_a_file_are_no_markup(open_page: Open, page: str) -> None:
    app = open_page()
    data = model(dense(MARKUP), dense("other"), name=MARKUP)
    app.file_uploader[0].upload(f"{MARKUP[:20]}.json", data).run()
    if page != "network":
        choose(app, "page", page)
    assert not app.exception
    assert not errors(app)
    for element in (*app.markdown, *app.subheader, *app.caption, *app.warning, *app.error):
        bare = re.sub(r"\\.", "", element.value)  # what is escaped is text
        for mark in ("<img", "$", ":red", "](", "*a", "`d"):
            assert mark not in bare, (page, element.value)


def test_counts_beyond_64_bits_are_shown(open_page: Open) -> None:
    app = open_page()
    wide = model(*(dense(f"d{i}", units=2**31 - 1) for i in range(9)))
    app.file_uploader[0].upload("wide.json", wide).run()
    for page in ("what-if", "layer", "compare", "export"):
        choose(app, "page", page)
        assert not app.exception, page
        assert not errors(app)


def test_only_plain_layers_of_a_file_are_run() -> None:
    check_plain(uploaded("a.json", model(dense(kernel_initializer=glorot()))).architecture)
    for bad, word in (
        (dense(activation={"module": "os", "class_name": "system", "config": {}}), "os.system"),
        (dense(kernel_regularizer={"module": "x", "class_name": "L2", "config": {}}), "x.L2"),
        ({"class_name": "Lambda", "config": {"name": "l", "function": "f"}}, "Lambda"),
        ({"class_name": "StringLookup", "config": {"name": "l"}}, "StringLookup"),
        ({"module": "mine", "class_name": "Dense", "config": {"name": "m"}}, "Dense"),
    ):
        with pytest.raises(KerauditError, match=word):
            check_plain(uploaded("a.json", model(bad)).architecture)


def glorot() -> dict[str, Any]:
    return {
        "module": "keras.initializers",
        "class_name": "GlorotUniform",
        "config": {"seed": None},
        "registered_name": None,
    }


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + b"0" * 64, b"<svg onload=alert(1)/>"]
)
def test_what_is_no_picture_is_told(data: bytes) -> None:
    with pytest.raises(KerauditError, match="is not a picture"):
        sent_image("a.png", data)


def test_a_picture_that_is_none_leaves_the_page_whole(open_page: Open) -> None:
    app = open_page(page="layer", layer="conv2d_28")
    app.file_uploader(key="picture").upload("a.png", b"nothing").run()
    assert not app.exception
    assert "a.png is not a picture" in errors(app)[0]
    assert metrics(app)["Receptive field"] == "143"
