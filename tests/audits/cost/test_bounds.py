"""What is exact, what is a lower bound, what is an estimate: on small configs as Keras writes them."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from chains import Record, chain, dense, layer, read
from command import run
from keraudit.api import audit, report_of
from keraudit.audits.cost.compare import compare, comparison_grid
from keraudit.audits.structure.report import structure_of
from keraudit.errors import ModelError, ShapeError
from keraudit.model.bounds import Bound, Bounds
from keraudit.model.graph import Ref
from keraudit.output.csv_markdown import markdown_text
from keraudit.output.html import fragment
from keraudit.output.terminal import grid_text


def own(name: str, **config: Any) -> Record:
    return layer("Odd", name, module="my.code", **config)


def sequential(*layers: Record, shape: tuple[int | None, ...] = (64,)) -> Record:
    start = layer("InputLayer", "x", batch_shape=[None, *shape], dtype="float32")
    items = [
        {k: v for k, v in one.items() if k not in ("recorded", "inbound_nodes")}
        for one in (start, *layers)
    ]
    for one in items:
        if built := one["config"].pop("built", None):
            one["build_config"] = {"input_shape": built}
    return {
        "module": "keras",
        "class_name": "Sequential",
        "registered_name": None,
        "config": {"name": "s", "layers": items},
    }


def bounds(record: Record, **options: Any) -> Bounds:
    return report_of(read(record, **options)).total.bounds


def test_a_layer_is_counted_for_what_it_was_built_for() -> None:
    report = report_of(read(sequential(own("q"), dense("d", 10, built=[None, 4]))))
    assert (report.total.macs, report.total.params) == (4 * 10, 4 * 10)
    assert report.total.bounds == Bounds(*[Bound.LOWER] * 6)
    assert report.bound is Bound.LOWER


def test_without_that_the_input_is_assumed_and_the_total_an_estimate() -> None:
    graph = read(sequential(own("q"), dense("d", 10)))
    odd, last = graph.nodes[1].bounds, graph.nodes[2].bounds
    assert odd == Bounds(*[Bound.LOWER] * 5, activations=Bound.ESTIMATE)
    assert (last.macs, last.flops, last.params) == (Bound.ESTIMATE,) * 3
    assert "assumed equal to its input's" in graph.nodes[1].effect.reason


def test_what_is_recorded_again_is_sure_again() -> None:
    """Behind the first Dense, whose output the file records, nothing rests on the guess any more."""
    record = chain((64,), own("q"), dense("a", 6, recorded=[None, 6]), dense("b", 5))
    graph = read(record)
    assert graph.nodes[2].bounds.macs is Bound.ESTIMATE
    assert graph.nodes[2].bounds.activations is Bound.EXACT
    assert graph.nodes[3].bounds.macs is Bound.EXACT
    assert graph.nodes[3].bounds.training_macs is Bound.LOWER


def test_what_a_guess_cannot_spoil_is_exact() -> None:
    graph = read(sequential(own("q"), layer("ReLU", "r")))
    relu = graph.nodes[2].bounds
    assert (relu.macs, relu.params) == (Bound.EXACT, Bound.EXACT)
    assert (relu.flops, relu.activations) == (Bound.ESTIMATE, Bound.ESTIMATE)


def test_a_layer_that_a_guess_does_not_fit_is_listed() -> None:
    """The image is flattened by a layer that does not say so: a Dense takes it, a pooling does not."""
    wants_an_image = layer("MaxPooling2D", "p", pool_size=[2, 2], strides=[2, 2], padding="valid")
    graph = read(sequential(own("q"), wants_an_image, dense("d", 3), shape=(8,)))
    assert [n.effect.status for n in graph.nodes[1:]] == ["unsupported", "unsupported", "counted"]
    assert "the one assumed does not fit" in graph.nodes[2].effect.reason


def test_an_open_size_of_an_unknown_layer_is_the_input_s() -> None:
    tokens = chain((None,), own("e", recorded=[None, None, 16]), dense("d", 4))
    report = report_of(read(tokens, input_shapes=[(128,)]))
    assert report.total.macs == 128 * 16 * 4
    assert report.total.bounds.macs is Bound.ESTIMATE
    fixed = chain((128,), own("e", recorded=[None, 128, 16]), dense("d", 4))
    assert bounds(fixed).macs is Bound.LOWER


def test_at_another_size_a_recorded_shape_is_scaled_and_a_guess() -> None:
    record = chain((32, 32, 3), own("c", recorded=[None, 16, 16, 8]), dense("d", 4))
    graph = read(record, input_shapes=[(64, 64, 3)])
    assert graph.nodes[1].outputs[0].shape == (1, 32, 32, 8)
    assert "scaled from the one that the model records" in graph.nodes[1].effect.reason
    assert graph.nodes[2].bounds.macs is Bound.ESTIMATE


def test_several_outputs_of_a_layer_that_records_none() -> None:
    record = chain((5,), dense("d", 7), own("head"))
    record["config"]["output_layers"] = {"a": ["head", 0, 0], "b": ["head", 0, 1]}
    graph = read(record)
    assert [t.shape for t in graph.nodes[2].outputs] == [(1, 7), (1, 7)]
    report = report_of(graph)
    assert (report.total.macs, report.total.bounds.macs) == (35, Bound.LOWER)
    assert report.total.bounds.activations is Bound.ESTIMATE


def test_a_file_contradicts_itself_only_where_it_does() -> None:
    wrong = chain((64,), dense("a", 6, recorded=[None, 7]), dense("b", 5))
    with pytest.raises(ModelError, match=r"but the model records .*; it contradicts itself"):
        read(wrong)
    after_a_guess = chain((64,), own("q"), dense("a", 6, recorded=[None, 7]), dense("b", 5))
    assert read(after_a_guess).nodes[2].outputs[0].shape == (1, 7)
    chosen = chain((None, 4), layer("Flatten", "f", recorded=[None, 40]), dense("b", 5))
    with pytest.raises(ShapeError, match=r"input shape 12x4 does not fit.*give another"):
        read(chosen, input_shapes=[(12, 4)])
    assert read(chosen, input_shapes=[(10, 4)]).nodes[1].outputs[0].shape == (1, 40)


def test_inside_a_wrapper_too() -> None:
    inner = sequential(own("q"), dense("d", 10), shape=(8,))
    record = chain((5, 8), layer("TimeDistributed", "t", layer=inner))
    graph = read(record)
    assert graph.nodes[1].bounds.macs is Bound.ESTIMATE
    assert graph.nodes[1].bounds.params is Bound.ESTIMATE


def test_a_rule_makes_it_exact() -> None:
    from keraudit.layers.user_rules import rules_from

    rules = rules_from('[layers.Odd]\nlike = "Dense"\noptions = { units = 4 }')
    report = report_of(read(sequential(own("q"), dense("d", 10)), rules))
    assert report.bound is Bound.EXACT
    assert report.total.macs == 64 * 4 + 4 * 10


# Every face


LOWER = sequential(own("q"), dense("d", 10, built=[None, 4]))
ESTIMATE = sequential(own("q"), dense("d", 10))


@pytest.mark.parametrize(
    ("record", "sign", "word"), [(LOWER, "≥", "lower"), (ESTIMATE, "≈", "estimate")]
)
def test_every_format_says_so(record: Record, sign: str, word: str, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text(json.dumps(record))
    report = report_of(read(record))
    phrase = report.total.bounds.macs.phrase
    assert f"{phrase}{report.total.macs} MACs" in str(report).replace("\n", " ")
    assert f"{word.upper()}" in str(report)
    table = run("flops", path, "--by", "layer").out
    assert f"{sign} " in table
    assert f"{sign} " in run("flops", path, "-f", "markdown").out
    assert f"{sign} " in run("flops", path, "-f", "html").out
    data = json.loads(run("flops", path, "-f", "json").out)
    assert (
        data["bound"]
        == data["totals"]["bounds"]["macs"]
        == data["blocks"][0]["bounds"]["macs"]
        == word
    )
    assert data["layers"][1]["bounds"]["params"] == "lower"
    (row,) = csv.DictReader(StringIO(run("flops", path, "-f", "csv").out))
    kinds = {row[key] for key in ("macs_bound", "params_bound", "activation_bytes_bound")}
    assert kinds == {word}
    assert row["share_bound"] == "estimate"


def test_an_exact_model_carries_no_sign() -> None:
    report = report_of(read(sequential(dense("d", 10))))
    text = str(report) + report._repr_html_()
    assert not {"≥", "≈", "at least", "about"} & set(text.split())
    assert set(report.to_dict()["totals"]["bounds"].values()) == {"exact"}


def test_a_difference_of_bounds_is_no_bound() -> None:
    a, b = (report_of(read(r)) for r in (LOWER, sequential(dense("d", 10))))
    grid = comparison_grid(compare(a, b))
    assert grid.total is not None
    assert grid.total.bounds["macs_a"] is Bound.LOWER
    assert grid.total.bounds["macs_b"] is Bound.EXACT
    assert grid.total.bounds["macs_change"] is Bound.ESTIMATE
    assert "≈ " in markdown_text(grid)
    assert "≈ " in fragment(grid)
    assert "about +600 MACs" in grid_text(grid)
    assert compare(a, b).to_dict()["a"]["bound"] == "lower"


def test_structure_says_what_it_cannot_see() -> None:
    report = structure_of(read(LOWER))
    assert report.to_dict()["bound"] == "lower"
    assert "Depth          at least 1 layer" in str(report)


# Budgets


@pytest.fixture
def unknown(tmp_path: Path) -> Path:
    path = tmp_path / "m.json"
    path.write_text(json.dumps(LOWER))
    return path


def test_a_budget_on_a_bound_fails(unknown: Path) -> None:
    done = run("flops", unknown, "--max-macs", "100")
    assert done.code == 1
    assert done.err.splitlines()[-1] == (
        "keraudit: s: at least 40 MACs, and q (Odd) is uncounted: the budget of 100 (--max-macs)"
        " cannot be checked; add --import my, give a rule with --rules, or pass --allow-uncounted"
    )


def test_it_passes_where_that_is_allowed(unknown: Path) -> None:
    done = run("flops", unknown, "--max-macs", "100", "--allow-uncounted")
    assert done.code == 0
    assert "is taken as kept (--allow-uncounted)" in done.err


def test_a_bound_over_the_budget_fails_all_the_same(unknown: Path) -> None:
    done = run("flops", unknown, "--max-macs", "30", "--allow-uncounted")
    assert done.code == 1
    assert "at least 40 MACs, over the budget of 30" in done.err


def test_budgets_of_a_pyproject_fail_on_bounds_too(unknown: Path) -> None:
    (unknown.parent / "pyproject.toml").write_text('[tool.keraudit]\nmax-params = "1k"\n')
    done = run("flops", unknown.name, cwd=unknown.parent)
    assert done.code == 1
    assert "max-params in pyproject.toml" in done.err


def test_recorded_shapes_of_an_unknown_layer_outlive_a_rewrite() -> None:
    from keraudit.rewrite.activation import with_activation

    record = sequential(own("q"), layer("ReLU", "r", built=[None, 4]), dense("d", 10))
    graph = read(record)
    assert graph.nodes[2].outputs[0].shape == (1, 4)
    done = with_activation(graph, "gelu").graph
    assert [n.outputs[0].shape for n in done.nodes] == [(1, 64), (1, 4), (1, 4), (1, 10)]
    assert done.architecture.hinted[Ref(1)].shape == (None, 4)


def test_what_a_layer_was_built_for_need_not_hold() -> None:
    """A convolution keeps the map that it was built for in another model; a Dense cannot."""
    conv = layer(
        "Conv2D",
        "c",
        filters=4,
        kernel_size=[3, 3],
        strides=[1, 1],
        padding="same",
        built=[None, 9, 9, 3],
    )
    graph = read(sequential(own("q"), conv, shape=(32, 32, 3)))
    assert graph.nodes[2].bounds.macs is Bound.ESTIMATE
    graph = read(sequential(own("q"), layer("ReLU", "r", built=[None, 4]), conv, shape=(9, 9, 3)))
    assert graph.nodes[3].effect.status == "unsupported"


def test_a_first_size_that_is_no_batch_stays() -> None:
    record = chain((8,), own("mean", recorded=[1, 8]), dense("d", 5))
    report = report_of(read(record, batch=32))
    assert (report.total.macs, report.total.bounds.macs) == (1 * 8 * 5, Bound.LOWER)


def test_a_guess_goes_on_inside_a_pipeline_and_stacked_cells() -> None:
    first = {
        "module": "my.code",
        "class_name": "Odd",
        "registered_name": "my>Odd",
        "config": {"name": "o"},
    }
    last = {"module": "keras.layers", "class_name": "Dense", "config": {"name": "d", "units": 5}}
    graph = read(chain((64,), layer("Pipeline", "p", layers=[first, last])))
    assert graph.nodes[1].bounds.macs is Bound.ESTIMATE
    assert graph.nodes[1].bounds.params is not Bound.EXACT


def test_the_dtype_of_an_unknown_layer_is_the_recorded_one() -> None:
    record = chain((1000,), own("test", recorded=[None, 1000]), layer("Flatten", "f"))
    reader = record["config"]["layers"][2]["inbound_nodes"][0]["args"][0]
    reader["config"]["dtype"] = "bool"
    assert read(record).nodes[1].outputs[0].dtype == "bool"


def test_a_reference_to_an_output_that_no_layer_has(tmp_path: Path) -> None:
    record = chain((8,), dense("d", 5))
    record["config"]["output_layers"] = [["d", 0, 10**12]]
    with pytest.raises(ModelError, match="no layer has more than 10,000"):
        read(record)


def test_an_input_of_rank_one_more_within_a_sequential_model() -> None:
    inner = chain((5,), dense("d", 4))
    start = layer("InputLayer", "x", batch_shape=[None, 5, 1], dtype="float32")
    outer = {
        "module": "keras",
        "class_name": "Sequential",
        "config": {
            "name": "s",
            "layers": [{k: v for k, v in start.items() if k != "recorded"}, inner],
        },
    }
    assert report_of(read(outer)).total.macs == 5 * 4


def test_derivations_carry_the_mark() -> None:
    from chains import conv
    from keraudit.audits.reductions.derivation import derivation
    from keraudit.audits.reductions.report import reductions

    record = chain(
        (8, 8, 64), own("q", recorded=[None, 8, 8, 64]), conv("a", 4, 1), conv("b", 16, 3)
    )
    (block,) = reductions(read(record)).blocks
    assert "at least" in derivation(block)
    assert "sum" in derivation(block)
    assert r"\ge " in derivation(block, "latex")
    assert "≥ " in derivation(block, "html")


def test_where_a_shape_comes_from_is_said_alike_of_a_live_model_and_of_a_file(
    tmp_path: Path,
) -> None:
    keras = pytest.importorskip("keras")
    start = keras.Input((6,))
    middle = keras.layers.Lambda(lambda x: x * 2, output_shape=(6,))(start)
    model = keras.Model(start, keras.layers.Dense(2)(middle))
    model.save(tmp_path / "m.keras")
    for source in (model, tmp_path / "m.keras"):
        (left_out,) = audit(source).costs.unsupported
        assert left_out.reason.endswith("(its output shape is as the model records)")
