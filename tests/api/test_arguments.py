"""What the functions of ``keraudit`` take, and the one line on what they do not."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import keraudit
from keraudit.model.graph import Graph

SMALL = "ResNet-CIFAR-20"
TAKES_A_MODEL: dict[str, tuple[Any, ...]] = {
    # what stands after the model
    "assert_budget": (),
    "at_input_shape": (),
    "audit": (),
    "build": (),
    "compare": (SMALL,),
    "explore": (),
    "factorized": ("two-3x3",),
    "gradients": (),
    "lengths": ([64, 128],),
    "read": (),
    "reductions": (),
    "repeat_block": ("stage1_block2", 2),
    "structure": (),
    "summary": (),
    "with_activation": ("gelu",),
    "with_filters": ("stage1_block1_conv1", 8),
    "with_width": (0.5,),
    "without_normalization": (),
    "without_reductions": (),
    "without_skips": (),
}
OTHERS = {"counts", "load_rules", "copy_weights", "GradientAudit"}
BAD_MODELS = (42, None, [1, 2], b"ResNet50", object(), dict, {"a": 1}, "", " ")
# What no argument of that name takes.
BAD: dict[str, tuple[Any, ...]] = {
    "input_shape": ("224", 224, 1.5, ["a"], {"x": "y"}, {3: (4,)}, [(1, "b")], object(), [True]),
    "length": ("8", 1.5, 0, -1, True, [8], object()),
    "batch": ("8", 1.5, 0, -1, True, [8], object()),
    "rules": ([], "x", 3, {"A": 3}, {3: len}, object()),
    "imports": ("keras_hub", 3, [3], {"a": 1}, object()),
    "notify": ("x", 3, None),
    "command": (3, None, ["a"]),
    "at": (64, "64", [], [0], ["a"], [1.5], None, {1: 2}),
    "how": ("cubes", 3, None, ["two-3x3"]),
    "name": (3, None, "rellu"),
    "multiplier": ("half", None, 0, -1, True, float("nan"), float("inf")),
    "layer": (3, None, "no_such_layer"),
    "count": ("8", 0, 1.5, None),
    "block": (3, None, "no_such_block"),
    "times": ("2", -1, 1.5, None),
    "max_macs": ("much", -1, True, float("nan"), float("inf"), [1]),
    "max_params": ("much", -1, True),
    "max_peak_memory": ("much", -1, True),
    "base": (3, None, ["without-norm"]),
    "against": ("without-skips", 3, [3], None),
    "seeds": (3, "0", [], [-1], [1.5], None),
    "batches": (0, "1", 1.5, None),
    "loss": (3, ["x"]),
    "custom_objects": (3, "x", ["x"]),
    "progress": (3, "x"),
    "port": ("8501", 0, 65536, True),
    "runs": (3, "no/such/folder"),
}
# Any value, truthy or not; or checked by what it is for.
ANYTHING = {
    "opened",
    "also_pool_projections",
    "allow_uncounted",
    "shattering",
    "own_weights",
    "allocate",
    "data",
}
NAMED_BY_THE_MODEL = {"name", "layer", "block"}  # a text is right, there may be none of that name


def functions() -> dict[str, Callable[..., Any]]:
    """The public functions: all that ``keraudit`` has but its classes."""
    public = {name: getattr(keraudit, name) for name in keraudit.HOMES}
    return {name: found for name, found in public.items() if inspect.isfunction(found)}


def test_every_public_function_takes_a_model_first() -> None:
    assert set(functions()) - OTHERS == set(TAKES_A_MODEL)
    for name in TAKES_A_MODEL:
        first = next(iter(inspect.signature(functions()[name]).parameters))
        assert first == ("a" if name == "compare" else "model")


@pytest.mark.parametrize("name", sorted(TAKES_A_MODEL))
@pytest.mark.parametrize("model", BAD_MODELS, ids=lambda model: type(model).__name__)
def test_what_is_not_a_model_is_one_line(name: str, model: Any) -> None:
    if name == "explore" and model is None:
        pytest.skip("the explorer starts without a model too")
    needs = {"max_macs": 1e9} if name == "assert_budget" else {}
    with pytest.raises(keraudit.ModelError) as caught:
        functions()[name](model, *TAKES_A_MODEL[name], **needs)
    line = str(caught.value)
    assert line.startswith(("model: received ", "a: received "))
    assert "; accepted: a name such as" in line
    assert "\n" not in line


def test_a_class_and_a_function_are_not_yet_a_model() -> None:
    with pytest.raises(keraudit.ModelError, match="received the class dict, not an object of it;"):
        keraudit.audit(dict)  # type: ignore[arg-type]  # the mistake
    with pytest.raises(keraudit.ModelError, match="received the function cases, not what it"):
        keraudit.audit(cases)  # type: ignore[arg-type]  # the mistake


def cases() -> list[tuple[str, str, Any]]:
    return [
        (name, argument, value)
        for name in sorted(TAKES_A_MODEL)
        for argument in list(inspect.signature(getattr(keraudit, name)).parameters)[1:]
        if argument not in ANYTHING | {"b"}
        for value in BAD[argument]
    ]


def test_bad_arguments_are_one_line_that_names_the_argument() -> None:
    graph = keraudit.read(SMALL)
    assert len(cases()) > 300
    for name, argument, value in cases():
        places = list(inspect.signature(functions()[name]).parameters)
        after = dict(zip(places[1:], TAKES_A_MODEL[name], strict=False)) | {argument: value}
        if name == "assert_budget":
            after = {"max_macs": 1e9} | after
        with pytest.raises(keraudit.KerauditError) as caught:
            functions()[name](graph, **after)
        line = str(caught.value)
        assert "\n" not in line
        if not (argument in NAMED_BY_THE_MODEL and isinstance(value, str)):
            assert line.startswith(f"{argument}: received "), (name, argument, value, line)
            assert "; accepted: " in line


def test_options_are_by_name_alone() -> None:
    for name in TAKES_A_MODEL:
        for parameter in list(inspect.signature(functions()[name]).parameters.values())[1:]:
            if parameter.default is not inspect.Parameter.empty and name != "at_input_shape":
                assert parameter.kind is inspect.Parameter.KEYWORD_ONLY, (name, parameter)


def test_a_name_a_file_a_graph_and_a_rewrite_are_counted_alike(tmp_path: Path) -> None:
    graph = keraudit.read(SMALL)
    assert isinstance(graph, Graph)
    same = keraudit.with_width(graph, 1)
    for model in (SMALL, graph, same):
        report = keraudit.audit(model)
        assert report.total.macs == 40_551_040
        assert keraudit.structure(model).facts.residual_units == 9
        assert keraudit.reductions(model).total.saving == 0
        assert len(keraudit.without_skips(model).changes) == 9
        assert keraudit.assert_budget(model, max_macs=41e6).total == report.total
    assert keraudit.compare(report, SMALL).block("stem").status == "same"


def test_a_graph_at_another_size() -> None:
    graph = keraudit.read(SMALL)
    larger = keraudit.audit(graph, input_shape=(64, 64, 3), batch=2)
    assert larger.total.macs == keraudit.audit(SMALL, input_shape=(64, 64, 3), batch=2).total.macs
    assert keraudit.read(graph) is graph
    with pytest.raises(keraudit.KerauditError, match="imports: received"):
        keraudit.audit(graph, imports=["json"])
    with pytest.raises(keraudit.ModelError, match="no input is named"):
        keraudit.audit(graph, input_shape={"other": (64, 64, 3)})


def test_rewrites_add_up_in_the_report() -> None:
    plain = keraudit.without_normalization(keraudit.without_skips(SMALL))
    report = keraudit.audit(plain)
    assert [note.name for note in report.rewrites] == ["without skips", "without normalisation"]
    assert str(report).startswith(f"{SMALL}, without skips, without normalisation")
    assert keraudit.at_input_shape(plain, (64, 64, 3)).notes == plain.notes


@pytest.mark.parametrize("sizes", [{"input_layer": (64, 64, 3)}, [(64, 64, 3)], (64, 64, 3)])
def test_a_rewrite_to_another_size(sizes: Any) -> None:
    done = keraudit.at_input_shape(SMALL, sizes)
    assert done.graph.input_nodes[0].outputs[0].shape == (1, 64, 64, 3)


@pytest.mark.parametrize("size", [{"batch": 8}, {"length": 512}, {"input_shape": (64, 64, 3)}])
def test_a_report_is_not_held_to_a_budget_at_another_size(size: dict[str, Any]) -> None:
    report = keraudit.audit("ResNet-CIFAR-8")
    with pytest.raises(keraudit.KerauditError, match="a report made at the input_shape"):
        keraudit.assert_budget(report, max_macs=40e6, **size)
