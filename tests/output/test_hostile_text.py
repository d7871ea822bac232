"""Every text of a model file through every format and every error message: nothing in it acts."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hostile import (
    CHECKS,
    EVERYTHING,
    FORMULAS,
    TEXTS,
    acts,
    check_csv,
    check_every_format,
    check_html,
    check_terminal,
    strings,
)
from keraudit.api import report_of
from keraudit.audits.cost.block_graph import block_dot
from keraudit.audits.cost.compare import compare, comparison_grid
from keraudit.audits.cost.report import report_grid
from keraudit.audits.reductions.derivation import derivation
from keraudit.audits.reductions.report import reductions, reductions_grid
from keraudit.audits.structure.report import structure_grid, structure_of
from keraudit.errors import KerauditError
from keraudit.layers.infer import shaped
from keraudit.model.blocks import blocks
from keraudit.model.graph import Graph
from keraudit.output.terminal import grid_text
from keraudit.reading.config import architecture
from keraudit.safe_text import file_name, harmless, harmless_data


def tensor(name: str, shape: list[Any]) -> dict[str, Any]:
    config = {"shape": shape, "dtype": "float32", "keras_history": [name, 0, 0]}
    return {"class_name": "__keras_tensor__", "config": config}


def layer(kind: str, name: str, *inputs: Any, **config: Any) -> dict[str, Any]:
    arguments = [list(inputs)] if len(inputs) > 1 else list(inputs)
    return {
        "module": "keras.layers",
        "class_name": kind,
        "config": {"name": name, "trainable": True, "dtype": "float32", **config},
        "registered_name": None,
        "name": name,
        "inbound_nodes": [{"args": arguments, "kwargs": {}}] if inputs else [],
    }


MAP = [None, 8, 8, 16]
CONVOLUTION = {"strides": [1, 1], "padding": "same", "use_bias": True, "activation": "linear"}


def record() -> dict[str, Any]:
    """A network with a shortcut, a reduction, a class of the user's, and much that a config may hold."""
    x = tensor("start", MAP)
    layers = [
        layer("InputLayer", "start", batch_shape=MAP),
        layer("Conv2D", "narrow", x, filters=4, kernel_size=[1, 1], **CONVOLUTION),
        layer(
            *("Conv2D", "wide", tensor("narrow", [None, 8, 8, 4])),
            **{**CONVOLUTION, "activation": {"class_name": "function", "config": "my_function"}},
            filters=16,
            kernel_size=[3, 3],
        ),
        layer("Activation", "bend", tensor("wide", MAP), activation="unheard_of"),
        layer("Add", "sum", x, tensor("bend", MAP)),
        layer("EinsumDense", "letters", tensor("sum", MAP), equation="abcd,de->abce")
        | {"build_config": {"input_shape": MAP}},
        layer("Mine", "own", tensor("letters", [None, 8, 8, 5]), mode="odd"),
    ]
    layers[5]["config"] |= {"output_shape": [8, 8, 5], "bias_axes": "e", "activation": "relu"}
    layers[6] |= {"module": "my.package", "registered_name": "my_package>Mine"}
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {
            "name": "network",
            "trainable": True,
            "layers": layers,
            "input_layers": [["start", 0, 0]],
            "output_layers": [["own", 0, 0]],
        },
        "registered_name": "Functional",
    }


def with_value(value: Any, old: str, new: str) -> Any:
    """Plain data with one text in place of another, wherever that stands."""
    if isinstance(value, dict):
        return {with_value(k, old, new): with_value(v, old, new) for k, v in value.items()}
    if isinstance(value, list):
        return [with_value(item, old, new) for item in value]
    return new if value == old else value


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where texts stand in plain data."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(item, str):
            yield (*path, key)
        elif isinstance(item, dict | list):
            yield from places(item, (*path, key))


def changed(path: tuple[Any, ...], value: Any) -> Any:
    """The network with another value in one place."""
    found = copy.deepcopy(record())
    at: Any = found
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return found


def refused(look: Callable[[], Any]) -> str:
    """What is said in refusal, harmless and on one line; empty where all went well."""
    try:
        look()
    except KerauditError as error:
        message = str(error)
    else:
        return ""
    assert acts(message) == []
    assert "\n" not in message
    return message


def graph_of(found: Any) -> Graph:
    graph = shaped(architecture(json.loads(json.dumps(found)), source=f"in {EVERYTHING}"))
    assert [n for n in graph.nodes if acts(n.name + n.layer.kind + n.effect.reason)] == []
    return graph


def check_every_audit(graph: Graph) -> None:
    """flops, compare, reductions and structure of a graph, in every format, by block and layer."""
    command = f"keraudit flops '{EVERYTHING}'"
    report = report_of(graph, command=command)
    grids = [report_grid(report, by=by) for by in ("block", "layer", "kind", "stage")]
    for grid in grids:
        check_every_format([grid], harmless_data(report.to_dict()))
    assert [s for s in strings({**report.to_dict(), "command": ""}) if acts(s)] == []
    matched = compare(report, report, command=command)
    for by in ("block", "layer"):
        check_every_format([comparison_grid(matched, by=by)], harmless_data(matched.to_dict()))
    saved = reductions(graph, command=command)
    check_every_format([reductions_grid(saved)], harmless_data(saved.to_dict()))
    for block in saved.blocks:
        for notation in ("text", "latex", "html"):
            text = derivation(block, notation)
            check_terminal(text)
            if notation == "html":
                check_html(text)
    claims = structure_of(graph, command=command)
    check_every_format([structure_grid(claims, every=True)], harmless_data(claims.to_dict()))
    for one in blocks(graph):
        check_terminal(block_dot(graph, one, report.layers))


VALUES = sorted(set(strings(record())))


def test_the_network_is_counted_as_it_is() -> None:
    check_every_audit(graph_of(record()))


@pytest.mark.parametrize("value", VALUES)
def test_each_text_of_a_file_in_every_format(value: str) -> None:
    """Replaced wherever it stands, so that names still agree; what is refused then is told in one line."""

    def look() -> None:
        report = report_of(graph_of(with_value(record(), value, value + EVERYTHING)))
        check_every_format([report_grid(report, by="layer")], report.to_dict())

    refused(look)


@pytest.mark.parametrize("text", [EVERYTHING, *FORMULAS])
def test_names_that_are_such_a_text_in_every_audit(text: str) -> None:
    found = record()
    for number, value in enumerate(("network", "wide", "narrow", "own", "my_package>Mine")):
        found = with_value(found, value, text + "1" * number)
    check_every_audit(graph_of(found))


def test_a_text_in_one_place_alone() -> None:
    """Where names no longer agree, the message quotes them."""
    messages = [
        refused(
            lambda path=path: check_terminal(str(report_of(graph_of(changed(path, EVERYTHING)))))
        )
        for path in places(record())
    ]
    assert sum(map(bool, messages)) > 20


@pytest.mark.parametrize("junk", [{"a\x1b": "\x1b"}, ["\x1b\n"], 1e400, None])
def test_other_values_in_place_of_each(junk: Any) -> None:
    for path in places(record()):
        found = changed(path, junk)
        refused(lambda found=found: check_terminal(str(report_of(graph_of(found)))))


def test_markup_of_rich_is_text() -> None:
    report = report_of(graph_of(with_value(record(), "wide", "[b]x[/b]")))
    assert "[b]x[/b]" in str(report_grid(report, by="layer").lines) + str(report)
    assert "[b]x[/b]" in grid_text(report_grid(report, by="layer"), 200, color=True)


def test_a_formula_anywhere_in_csv() -> None:
    from keraudit.output.csv_markdown import csv_rows

    rows = [[text, f"a;{text}", f'"{text}', [text, 1], 1, -1.5, None] for text in FORMULAS]
    check_csv(csv_rows([*FORMULAS[:6], "x"], rows))


def test_a_model_of_the_name_of_a_formula_in_csv() -> None:
    report = report_of(graph_of(with_value(record(), "network", "=cmd|'/C calc'!A0")))
    from keraudit.output.csv_markdown import csv_text

    first = csv_text([report_grid(report)]).splitlines()[1]
    assert first.startswith("'=cmd|")


def test_harmless_text_stays_as_it_is() -> None:
    for text in ("conv2d_1", "block/conv:2", "日本語 é ñ", "a\\n", "<b>", "🙂"):
        assert harmless(text) == text
    assert harmless("日本\n語") == "日本\\n語"
    for text in TEXTS.values():
        assert harmless(harmless(text)) == harmless(text)


@pytest.mark.parametrize(
    "text",
    [
        *("../x", "..", ".", "/etc/passwd", "a/b", "a\\b", "C:\\x", "a\0b", "", " ", "a ", "a."),
        *("CON", "nul", "nul.json", "com1", "LPT9.txt", "-rf", ".hidden", "x" * 5000, "\ud800"),
        *(
            "\u202e",
            "é",
            "a:b",
            "a*b?",
            "a\nb",
            "~",
            "$HOME",
            "..\\..\\x",
            "....//",
            *TEXTS.values(),
        ),
    ],
)
def test_file_names_stay_in_their_folder(text: str) -> None:
    from pathlib import Path, PureWindowsPath

    name = file_name(text)
    assert name.isascii()
    assert 0 < len(name) <= 140
    for kind in (Path, PureWindowsPath):
        assert (kind("folder") / name).parent == kind("folder")
        assert not kind(name).is_absolute()
    assert name.lower().partition(".")[0] not in {"con", "prn", "aux", "nul", "com1", "lpt9"}
    assert name[0] not in ".-"
    assert name[-1] not in ". "
    assert name != file_name(text + "x")


def test_ordinary_names_stay_and_others_differ() -> None:
    for text in ("resnet-cifar-20-he2015-seed0", "ResNet50-224x224x3", "a_b.c+d=1"):
        assert file_name(text) == text
    names = ["a/b", "a\\b", "a:b", "a b", "a-b", "a--b", "../a-b", "a-b.", "A/B"]
    assert len({file_name(name).lower() for name in names}) == len(names)


def test_every_check_finds_what_it_is_for() -> None:
    """Each text as it is, without any door, fails the check of some format."""
    for form, text in (
        ("table", "a\x1b[31m"),
        ("json", '{"a": "\\u202e"}'),
        ("csv", "=1\n"),
        ("csv", '"a";=1\n'),
        ("markdown", "[x](http://evil.example)"),
        ("markdown", "a http://evil.example"),
        ("html", "<p onclick=x>"),
        ("html", "<iframe>"),
    ):
        with pytest.raises(AssertionError):
            CHECKS[form](text)
