"""Records of runs, gradients, counters and evaluations with hostile texts: shown, compared, published."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hostile import EVERYTHING, TEXTS, acts, check_every_format, check_html, poisoned, strings
from keraudit.audits.crosscheck.peers import Named
from keraudit.audits.crosscheck.report import Crosscheck, Reconciliation, crosscheck_grid
from keraudit.audits.gradients.records import (
    BlockGradient,
    Finding,
    KernelGradient,
    Profile,
    Verdict,
)
from keraudit.audits.gradients.report import GradientReport, gradient_grids
from keraudit.cli.main import run as command
from keraudit.errors import KerauditError
from keraudit.evaluation.evaluate import Corrupted, Evaluation
from keraudit.evaluation.metrics import Bin, ClassScore
from keraudit.evaluation.reliability import reliability_svg
from keraudit.evaluation.table import full_grids, long_grid, summary_grid
from keraudit.output.plotly_text import safe
from keraudit.runs.folders import finished, name_of, publish, same_kind, without_paths
from keraudit.runs.table import (
    comparison_data,
    comparison_grid,
    differences_grid,
    history_grid,
    list_grid,
)
from keraudit.safe_text import harmless_data
from keraudit.training.record import read_run
from toys import record

RUN = record().to_dict() | {
    "note": "a note",
    "sessions": [{"hardware": {}, "versions": {"x": "1"}}],
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where values stand in plain data, and which."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from places(item, (*path, key))


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    found = copy.deepcopy(RUN)
    at: Any = found
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return found


def texts() -> list[tuple[Any, ...]]:
    def at(path: tuple[Any, ...]) -> Any:
        found: Any = RUN
        for step in path:
            found = found[step]
        return found

    of_two = ("schema",), ("loss",)  # what neither is, is refused
    return [path for path in places(RUN) if isinstance(at(path), str) and path not in of_two]


def put(folder: Path, *found: Any) -> Path:
    for number, one in enumerate(found):
        home = folder / f"run{number}"
        home.mkdir(parents=True, exist_ok=True)
        (home / "run.json").write_text(json.dumps(one))
    return folder


def message(look: Any) -> str:
    """What is said in refusal, on one harmless line; empty where all went well."""
    try:
        look()
    except KerauditError as error:
        told = str(error)
    else:
        return ""
    assert acts(told) == []
    assert "\n" not in told
    return told


def look_at(folder: Path) -> None:
    """Everything that runs list, show and compare show of a folder."""
    runs = [run for _, run in finished(folder)]
    line = f"keraudit runs list {EVERYTHING}"
    left_out = [EVERYTHING]
    data = {"runs": [run.to_dict() for run in runs]}
    assert [text for text in strings(data) if acts(text)] == []
    check_every_format([list_grid(runs, command=line, left_out=left_out)], data)
    for run in runs:
        check_every_format([history_grid(run, command=line)], run.to_dict())
    groups = same_kind(runs)
    grids = [comparison_grid(groups, command=line, left_out=left_out)]
    check_every_format(grids, comparison_data(groups))
    check_every_format([differences_grid(groups, command=line)], comparison_data(groups))


@pytest.mark.parametrize("path", texts(), ids=str)
def test_each_text_of_a_run(tmp_path: Path, path: tuple[Any, ...]) -> None:
    other = record("ResNet-CIFAR-20").to_dict()
    folder = put(tmp_path, changed(path, EVERYTHING), other)
    assert message(lambda: look_at(folder)) == ""


@pytest.mark.parametrize("junk", ["text \x1b", {"\x1b": 1}, [1], None, float("nan"), 10**400, True])
def test_other_values_in_each_place_of_a_run(tmp_path: Path, junk: Any) -> None:
    """Shown, or refused in one line."""
    refused = 0
    for path in [*places(RUN), ()]:
        folder = put(tmp_path, changed(path, junk) if path else junk)
        refused += bool(message(lambda folder=folder: look_quickly(folder)))
    assert refused > 10


def look_quickly(folder: Path) -> None:
    runs = [run for _, run in finished(folder)]
    groups = same_kind(runs)
    for grid in (
        *map(str, (list_grid(runs, command=""), comparison_grid(groups, command=""))),
        *(str(history_grid(run, command="")) for run in runs),
    ):
        assert grid


def test_a_record_nested_too_deep(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"schema": "keraudit.run/1", "x": ' + "[" * 10**5)
    with pytest.raises(KerauditError, match="is not the record of a finished run"):
        read_run(tmp_path / "run.json")


def test_the_commands_on_a_hostile_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {**RUN, "network": EVERYTHING, "note": EVERYTHING, "command": EVERYTHING}
    folder = put(tmp_path / "runs", found)
    for words in (["list", folder], ["show", folder / "run0"], ["compare", folder]):
        for form in ("table", "json", "csv", "markdown", "html"):
            assert command(["runs", *map(str, words), "-f", form]) == 0
            shown = capsys.readouterr()
            assert acts(shown.out + shown.err) == []


NAMES = (
    *(
        "../../x",
        "/absolute",
        "a/../../b",
        "..",
        "nul",
        "CON",
        "a\0b",
        "x" * 3000,
        "C:\\x",
        "..\\x",
    ),
    *TEXTS.values(),
)


@pytest.mark.parametrize("field", ["network", "recipe"])
@pytest.mark.parametrize("name", NAMES)
def test_publish_stays_in_its_folder(tmp_path: Path, field: str, name: str) -> None:
    path = ("recipe", "name") if field == "recipe" else (field,)
    put(tmp_path / "runs", changed(path, name))
    before = set(tmp_path.rglob("*"))
    (written,) = publish(tmp_path / "runs", tmp_path / "deep" / "target")
    assert written.parent == tmp_path / "deep" / "target"
    assert set(tmp_path.rglob("*")) - before == {
        *(tmp_path / "deep", tmp_path / "deep" / "target", written)
    }
    assert publish(tmp_path / "runs", tmp_path / "deep" / "target") == (written,)


def test_names_that_look_alike_are_published_apart(tmp_path: Path) -> None:
    put(tmp_path / "runs", *(changed(("network",), name) for name in ("a/b", "a-b", "a\\b")))
    written = publish(tmp_path / "runs", tmp_path / "target")
    assert len(set(written)) == 3


def test_an_ordinary_run_is_published_as_ever() -> None:
    assert name_of(record("ResNet-CIFAR-20", seed=2)) == "resnet-cifar-20-he2015-seed2.json"


def test_a_seed_is_a_number(tmp_path: Path) -> None:
    put(tmp_path / "runs", changed(("seed",), "../../x"))
    with pytest.raises(KerauditError, match=r"seed is '\.\./\.\./x', not a whole number"):
        publish(tmp_path / "runs", tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_nothing_is_published_through_a_link(tmp_path: Path) -> None:
    put(tmp_path / "runs", RUN)
    outside = tmp_path / "outside.json"
    for there in (False, True):
        if there:
            outside.write_text(json.dumps(RUN))
        target = tmp_path / f"target{there}"
        target.mkdir()
        (target / name_of(record())).symlink_to(outside)
        with pytest.raises(KerauditError, match="is a link to elsewhere"):
            publish(tmp_path / "runs", target)
        assert outside.exists() == there


def test_a_folder_in_the_place_of_a_record(tmp_path: Path) -> None:
    put(tmp_path / "runs", RUN)
    (tmp_path / "target" / name_of(record())).mkdir(parents=True)
    with pytest.raises(KerauditError, match="cannot write"):
        publish(tmp_path / "runs", tmp_path / "target")


def test_another_network_s_record_is_not_written_over(tmp_path: Path) -> None:
    put(tmp_path / "runs", RUN)
    target = tmp_path / "target"
    target.mkdir()
    other = json.dumps(record("ResNet-CIFAR-20").to_dict())
    (target / name_of(record())).write_text(other)
    with pytest.raises(KerauditError, match="they differ in network"):
        publish(tmp_path / "runs", target)
    assert (target / name_of(record())).read_text() == other


def test_a_command_that_is_none_is_left_out_when_published(tmp_path: Path) -> None:
    assert without_paths("keraudit 'train /home/me") == ""
    put(tmp_path / "runs", {**RUN, "command": "keraudit 'train /home/me"})
    (written,) = publish(tmp_path / "runs", tmp_path / "target")
    assert json.loads(written.read_text())["command"] == ""


def gradients() -> GradientReport:
    blocks = tuple(
        BlockGradient(
            name=name,
            depth=depth,
            grad_norm=0.5 / depth,
            grad_rms=0.1,
            activation_mean=0.0,
            activation_std=1.0,
            dead_share=0.0,
        )
        for depth, name in enumerate(("stem", "block", "head"), 1)
    )
    kernels = tuple(
        KernelGradient(
            name=name,
            weight="kernel",
            block=name,
            depth=depth,
            grad_norm=0.5,
            grad_rms=0.1,
            weight_norm=2.0,
        )
        for depth, name in enumerate(("stem", "block", "head"), 1)
    )
    return GradientReport(
        model="network",
        source="file",
        input_shapes={"input": (8, 8, 3)},
        command="keraudit gradients",
        versions={"keraudit": "0"},
        batches=1,
        data="random",
        loss=("cross-entropy",),
        weights="initial",
        rewrites={"": ("without-skips",)},
        profiles=tuple(
            Profile(
                label="he",
                seed=seed,
                loss=1.0,
                layers=kernels,
                blocks=blocks,
                nonfinite=Finding(what="gradient", layer="stem", block="stem"),
            )
            for seed in (0, 1)
        ),
        verdicts=(
            Verdict(
                label="he",
                growth_per_block=1.5,
                interval=(1.0, 2.0),
                across=3.0,
                verdict="healthy",
                lost_at="stem",
                outliers=(("stem", 9.0),),
            ),
        ),
        hardware="a processor",
        date="2026-01-01",
    )


@pytest.mark.parametrize("text", [EVERYTHING, *TEXTS.values()])
def test_gradients(text: str) -> None:
    report = poisoned(gradients(), text, keep=frozenset({"data_", "schema"}))
    for by in ("block", "layer"):
        for grid in gradient_grids(report, by=by):
            check_every_format([grid], harmless_data(report.to_dict()))


def test_the_figure_of_gradients_holds_no_markup() -> None:
    pytest.importorskip("plotly")
    report = poisoned(gradients(), "<a href='javascript:alert(1)'>$x$</a>")
    figure = json.loads(report.plot().to_json())
    names = [
        str(trace.get("name", "")) + json.dumps(trace.get("customdata")) for trace in figure["data"]
    ]
    assert any("&lt;a" in name for name in names)
    assert not any(
        "<a" in name or "$" in name for name in [*names, figure["layout"]["title"]["text"]]
    )
    assert safe("<") == "&lt;"


def test_crosscheck() -> None:
    peers = tuple(
        Reconciliation(
            name=name,
            title="a counter",
            version="1",
            value=value,
            terms=(Named("a term", 3),),
            seconds=1.0,
            error="" if value else "it failed",
        )
        for name, value in (("xla", 7), ("torch", None))
    )
    report = Crosscheck(
        model="network",
        source="file",
        input_shapes={"input": (8, 8, 3)},
        macs=3,
        flops=6,
        peers=peers,
        unsupported=("layer",),
    )
    report = poisoned(report, EVERYTHING)
    for repeat in (False, True):
        check_every_format(
            [crosscheck_grid(report, repeat=repeat)], harmless_data(report.to_dict())
        )


def test_evaluations() -> None:
    scores = tuple(ClassScore(name=n, images=2, precision=0.5, recall=0.5) for n in ("cat", "dog"))
    made = Evaluation(
        network="network",
        seed=0,
        recipe="he2015",
        dataset={"name": "toy", "fingerprint": "f", "test_images": 4, "image_shape": [32, 32, 3]},
        weights="last",
        accuracy=0.5,
        loss=1.0,
        train_accuracy=0.5,
        recorded_accuracy=0.9,
        classes=scores,
        confusion=((1, 1), (1, 1)),
        calibration=(Bin(low=0.5, high=1.0, images=4, confidence=0.75, accuracy=0.5),),
        ece=0.25,
        corruptions=(Corrupted(name="noise", severity=1, amount=0.1, accuracy=0.5),),
        corruption_images=4,
        clean_accuracy=0.5,
        human=None,
        originals=None,
        versions={"keraudit": "0"},
        date="2026-01-01",
        command="keraudit evaluate",
    )
    made = poisoned(made, EVERYTHING)
    for grid in [summary_grid([made], command=EVERYTHING), *full_grids(made), long_grid(made)]:
        check_every_format([grid], harmless_data(made.to_dict()))
    check_html(reliability_svg(harmless_made(made)))


def harmless_made(made: Evaluation) -> Evaluation:
    """As it is read from its file."""
    from dataclasses import replace

    from keraudit.safe_text import harmless

    return replace(made, network=harmless(made.network))
