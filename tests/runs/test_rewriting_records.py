"""Records of an older form: refused in one line, and brought to today's by a script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from keraudit.errors import KerauditError
from keraudit.runs.folders import publish
from keraudit.training.record import read_run
from records import rewrite
from toys import put, record

LATER = ("optimizer", "clip_norm", "cutout", "mixup", "size", "weights")  # fields of a recipe


def older(found: dict[str, Any], *fields: str) -> dict[str, Any]:
    """A record as it was before it named its loss, and those fields of its recipe."""
    recipe = {key: value for key, value in found["recipe"].items() if key not in fields}
    return {key: value for key, value in found.items() if key != "loss"} | {"recipe": recipe}


def put_older(path: Path, *fields: str, **changes: Any) -> dict[str, Any]:
    """An older record in place of one of today's, which is returned."""
    found: dict[str, Any] = json.loads(path.read_text())
    path.write_text(json.dumps(older(found, *fields) | changes))
    return found


@pytest.mark.parametrize("field", LATER)
def test_a_record_of_an_older_form_is_refused(tmp_path: Path, field: str) -> None:
    path = put(tmp_path, record()) / "0" / "run.json"
    found = put_older(path)
    for one in (older(found), older(found, field) | {"loss": "logits"}, found | {"loss": "else"}):
        path.write_text(json.dumps(one))
        with pytest.raises(KerauditError, match=r"analysis/records/rewrite\.py") as told:
            read_run(path)
        assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("backend", "loss"), [("tensorflow", "logits"), ("jax", "clipped"), ("torch", "clipped")]
)
def test_an_older_record_is_what_its_backend_made_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], backend: str, loss: str
) -> None:
    path = put(tmp_path, record(versions={"keras": "3", backend: "1"})) / "0" / "run.json"
    found = put_older(path, *LATER)
    assert rewrite.main([str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f'{path}: recipe.optimizer = "sgd", recipe.clip_norm = 0.0')
    assert told.endswith(f"loss = {loss}\n")
    assert read_run(path).to_dict() == found | {"loss": loss}
    written = path.read_bytes()
    assert rewrite.main([str(path)]) == 0
    assert capsys.readouterr().out == ""
    assert path.read_bytes() == written


def test_a_published_record_changes_in_no_other_line(tmp_path: Path) -> None:
    (path,) = publish(put(tmp_path / "runs", record()), tmp_path / "results")
    text = path.read_text()
    path.write_text(text.replace('"loss": "logits",\n', '"loss": "probabilities",\n'))
    assert rewrite.rewrite(path) == ["loss = clipped"]
    assert path.read_text() == text.replace('"loss": "logits",\n', '"loss": "clipped",\n')


def test_plans_and_configurations_are_rewritten(tmp_path: Path) -> None:
    recipe = {k: v for k, v in record().recipe.items() if k not in LATER}
    config = {"network": "A", "recipe": recipe, "backend": "jax", "devices": 2}
    plan = {"schema": "keraudit.plan/1", "recipe": recipe, "versions": {"tensorflow": "2"}}
    for name, found, loss in (("config", config, "clipped"), ("plan", plan, "logits")):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(found))
        assert rewrite.rewrite(path)[-1] == f"loss = {loss}"
        whole = record().recipe
        assert json.loads(path.read_text()) == found | {"recipe": whole, "loss": loss}


def test_a_renamed_field_keeps_its_place_and_its_option_follows(tmp_path: Path) -> None:
    command = "keraudit train A --normalize channel"
    (path,) = publish(put(tmp_path / "runs", record(command=command)), tmp_path / "results")
    text = path.read_text()
    path.write_text(text.replace("normalize", "normalise"))
    changes = ["recipe.normalize, not normalise", f"command = {command}"]
    assert rewrite.rewrite(path) == changes
    assert path.read_text() == text


def test_what_no_program_wrote_is_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = put(tmp_path, record()) / "0" / "run.json"
    found = put_older(path)
    for recipe, message in (
        (found["recipe"] | {"luck": 1}, "its recipe has 'luck', which none has"),
        ({"name": "he2015"}, "its recipe has no 'source', which every one had"),
    ):
        text = json.dumps(found | {"recipe": recipe})
        path.write_text(text)
        assert rewrite.main([str(tmp_path)]) == 1
        assert capsys.readouterr().err == f"{path}: left as it is: {message}\n"
        assert path.read_text() == text
    (tmp_path / "0" / "run.json").write_text("{}")
    (tmp_path / "other.json").write_text('{"schema": "keraudit.faces/1"}')
    assert rewrite.main([str(tmp_path)]) == 0


def test_the_committed_records_are_of_todays_form() -> None:
    files = rewrite.files([Path(__file__).parents[2] / "site" / "results"])
    records = ((path, json.loads(path.read_text())) for path in files)
    ours = [found for path, found in records if rewrite.is_ours(path, found)]
    assert len(ours) > 10
    assert not [found for found in ours if rewrite.rewritten(found)[1]]
