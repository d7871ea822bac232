"""What a small config can come to is bounded, and each bound is told in one line."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from command import TERMINAL
from keraudit.errors import ModelError
from keraudit.reading import archive, laid_flat
from keraudit.reading.archive import MOST_VALUES, parse
from keraudit.reading.config import architecture
from keraudit.reading.resolve import from_file, silent
from keraudit.reading.serialised import LONGEST_NAME, MOST_AXES
from keraudit.safe_text import harmless

MEMORY = 500 * 2**20  # bytes that refusing a file may take
SECONDS = 5  # of processor time
START = {"class_name": "InputLayer", "config": {"batch_shape": [None, 4], "name": "i"}}


def dense(name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": "Dense", "config": {"name": name, "units": 1, **config}}


def sequential(*layers: dict[str, Any], name: str = "s") -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"name": name, "layers": [START, *layers]}}


def nested(depth: int, times: int) -> dict[str, Any]:
    """Models within models: as many calls as ``times`` to the power of the depth."""
    inner = nested(depth - 1, times) if depth else dense("d")
    layers = [{**inner, "config": {**inner["config"], "name": f"n{i}"}} for i in range(times)]
    return sequential(*layers)


def wide(references: int) -> dict[str, Any]:
    """A call that reads one tensor many times."""
    config = {"shape": [None, 4], "dtype": "float32", "keras_history": ["i", 0, 0]}
    tensor = {"class_name": "__keras_tensor__", "config": config}
    node = {"args": [[tensor] * references], "kwargs": {}}
    add = {"class_name": "Add", "name": "a", "config": {}, "inbound_nodes": [node]}
    start = {**START, "name": "i", "inbound_nodes": []}
    ends = {"input_layers": ["i", 0, 0], "output_layers": ["a", 0, 0]}
    return {"class_name": "Functional", "config": {"name": "w", "layers": [start, add], **ends}}


def read(record: dict[str, Any]) -> None:
    architecture(record, source="")


def test_names_are_as_long_as_a_name_may_be() -> None:
    read(sequential(dense("n" * LONGEST_NAME)))
    with pytest.raises(ModelError, match=f"a name in it has {LONGEST_NAME + 1:,} characters"):
        read(sequential(dense("n" * (LONGEST_NAME + 1))))


def test_a_shape_has_as_many_axes_as_an_array_may_have() -> None:
    for axes in (MOST_AXES, MOST_AXES + 1):
        start = {**START, "config": {"batch_shape": [None] + [1] * (axes - 1), "name": "i"}}
        record = {"class_name": "Sequential", "config": {"name": "s", "layers": [start]}}
        if axes <= MOST_AXES:
            read(record)
            continue
        with pytest.raises(ModelError, match=f"a shape has {axes} axes"):
            read(record)


def test_values_are_counted_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps(sequential(dense("d")))
    count = sum(map(text.count, "{[,"))
    monkeypatch.setattr(archive, "MOST_VALUES", count)
    assert parse(text, "x")
    monkeypatch.setattr(archive, "MOST_VALUES", count - 1)
    for written in (text, text.encode(), text.encode("utf-16"), json.dumps(text)):
        with pytest.raises(ModelError, match=f"x: the JSON holds {count} values"):
            parse(written, "x")


def test_a_text_is_as_long_as_a_text_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps(sequential(dense("d", activation="a" * 60)))
    monkeypatch.setattr(archive, "LONGEST_TEXT", 60)
    for written in (text, json.dumps(text)):
        assert parse(written, "x")
    monkeypatch.setattr(archive, "LONGEST_TEXT", 59)
    for written in (text, json.dumps(text)):
        with pytest.raises(ModelError, match="x: the JSON holds a text of 60 characters"):
            parse(written, "x")


def test_references_are_counted_laid_flat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(laid_flat, "MOST_REFERENCES", 9)
    read(wide(9))
    with pytest.raises(ModelError, match="refer to more than 9 tensors"):
        read(wide(10))


def test_paths_are_counted_laid_flat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(laid_flat, "MOST_CHARACTERS", 1000)
    read(nested(2, 3))
    with pytest.raises(ModelError, match="take more than 1,000 characters"):
        read(nested(4, 3))


def test_calls_are_counted_laid_flat() -> None:
    with pytest.raises(ModelError, match="more than 100,000 calls of layers"):
        read(nested(7, 6))


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\x1b" * 3, r"a\x1ba\x1ba\x1b"), ("\u202e\ufe0f日", r"\u202e\ufe0f日"), ("a\nb", r"a\nb")],
)
def test_each_character_that_acts_is_escaped(text: str, shown: str) -> None:
    assert harmless(text) == shown


BIG = {
    "empty lists": '{"class_name":"Sequential","config":{"layers":[' + "[]," * 9_000_000 + "[]]}}",
    "objects": '{"class_name":"Sequential","config":{"layers":['
    + ",".join(['{"a":1}'] * (MOST_VALUES // 2 - 9))
    + "]}}",
    "a list of sizes": json.dumps(
        sequential({"class_name": "Conv2D", "config": {"kernel_size": [1] * (MOST_VALUES - 99)}})
    ),
    "references": json.dumps(sequential(*[dense("a"), dense("b")] * (MOST_VALUES // 12))),
    "calls": json.dumps(nested(4, 16)),
    **{
        f"long {key}": json.dumps(
            sequential({"class_name": "Dense", "config": {"units": 1}} | {key: "\u202e" * 10**7}),
            ensure_ascii=False,
        )
        for key in ("class_name", "module", "registered_name", "name")
    },
    "long option": json.dumps(
        sequential(dense("d", activation="\u202e" * 10**7)), ensure_ascii=False
    ),
    "deep": '{"a":' * 200_000,
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("case", BIG)
def test_what_is_over_a_limit_is_refused_with_little(case: str, tmp_path: Path) -> None:
    """The system ends the process where it takes more than is stated."""
    (path := tmp_path / "m.json").write_text(BIG[case])
    bounds = {resource.RLIMIT_DATA: MEMORY, resource.RLIMIT_CPU: SECONDS}

    def bounded() -> None:
        for kind, most in bounds.items():
            resource.setrlimit(kind, (most, most))

    done = subprocess.run(
        [sys.executable, "-m", "keraudit", "flops", str(path)],
        preexec_fn=bounded,
        capture_output=True,
        text=True,
        env={**os.environ, **TERMINAL},
        check=False,
    )
    assert done.returncode == 2, (done.returncode, done.stderr[-300:])
    assert done.stderr.count("\n") == 1
    assert len(done.stderr) < 1200
    assert "fit in memory" not in done.stderr


def test_a_file_over_a_limit_is_named(tmp_path: Path) -> None:
    (path := tmp_path / "m.json").write_text(json.dumps(sequential(dense("n" * 3000))))
    with pytest.raises(ModelError, match=r"m\.json: a name in it has 3,000"):
        from_file(path, silent)
