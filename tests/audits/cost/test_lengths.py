"""Cost over sequence length, against the formula of a transformer's products."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import command
import keraudit
from keraudit.audits.cost.figure import macs_over_length
from keraudit.audits.cost.lengths import probed, quadratic
from keraudit.errors import KerauditError, ShapeError

WIDTH, HEADS, WORDS = 16, 2, 50


def products(n: int) -> int:
    """Four projections, two products of attention, a dense layer to one number for each token."""
    return 4 * n * WIDTH * WIDTH + 2 * n * n * WIDTH + n * WIDTH


@pytest.fixture(scope="module")
def encoder() -> Any:
    keras = pytest.importorskip("keras")
    layers = keras.layers
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x = layers.Embedding(WORDS, WIDTH)(tokens)
    x = layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(x, x)
    return keras.Model(tokens, layers.Dense(1)(x), name="encoder")


@pytest.fixture
def file(encoder: Any, tmp_path: Path) -> str:
    path = tmp_path / "encoder.keras"
    encoder.save(path)
    return str(path)


def test_the_quadratic_part_is_that_of_attention(encoder: Any) -> None:
    report = keraudit.lengths(encoder, [8, 64, 16])
    assert [row.length for row in report.rows] == [8, 64, 16]
    assert [row.total.macs for row in report.rows] == [products(n) for n in (8, 64, 16)]
    assert report.coefficients == (0, 4 * WIDTH * WIDTH + WIDTH, 2 * WIDTH)
    assert [row.quadratic_macs for row in report.rows] == [2 * WIDTH * n * n for n in (8, 64, 16)]
    n = report.crossover
    assert n is not None
    assert 2 * WIDTH * n * n * 2 >= products(n)
    assert 2 * WIDTH * (n - 1) ** 2 * 2 < products(n - 1)


def test_one_length_is_enough_to_find_the_parts(encoder: Any) -> None:
    assert keraudit.lengths(encoder, [1]).coefficients == (0, 4 * WIDTH * WIDTH + WIDTH, 2 * WIDTH)


def test_a_graph_and_a_rewrite_at_several_lengths(encoder: Any) -> None:
    graph = keraudit.read(encoder, length=8)
    for model in (graph, keraudit.with_width(graph, 1)):
        report = keraudit.lengths(model, [8, 64])
        assert [row.total.macs for row in report.rows] == [products(8), products(64)]
    eight = keraudit.lengths(keraudit.read(encoder, length=8, batch=3), [8, 64])
    assert [row.total.macs for row in eight.rows] == [3 * products(8), 3 * products(64)]
    with pytest.raises(KerauditError, match="imports: received"):
        keraudit.lengths(graph, [8], imports=["json"])


def test_one_of_the_lengths_and_a_figure(encoder: Any) -> None:
    pytest.importorskip("plotly")
    report = keraudit.lengths(encoder, [8, 64])
    assert report[64].total.macs == products(64)
    with pytest.raises(KerauditError, match="encoder has no length 65: the first are 8, 64"):
        _ = report[65]
    linear, square = report.plot().data
    assert sum(linear.y) + sum(square.y) == pytest.approx((products(8) + products(64)) / 1e3)
    assert repr(report).startswith("<LengthReport encoder over sequence length, batch 1: ")


def test_probes_are_different_and_positive() -> None:
    for lengths in ([1], [2, 1], [128], [3, 4, 5], [1, 2, 3, 4, 5]):
        found = probed(lengths)
        assert found[: len(lengths)] == lengths
        assert len(set(found)) == len(found) >= 4
        assert min(found) >= 1
    for wrong in ([], [3, 3], [0]):
        with pytest.raises(ShapeError, match="different whole numbers"):
            probed(wrong)


def test_what_is_no_quadratic_has_no_coefficients() -> None:
    assert quadratic([2, 4, 6, 8], [1, 2, 3, 5]) is None
    assert quadratic([1, 2, 3, 4], [n // 2 for n in (1, 2, 3, 4)]) is None
    assert quadratic([2, 4, 6, 8], [7 + 3 * n for n in (2, 4, 6, 8)]) == (7, 3, 0)


def test_a_bound_has_no_parts(file: str) -> None:
    keras = pytest.importorskip("keras")

    class Odd(keras.layers.Layer):  # type: ignore[misc,name-defined]
        def call(self, x: Any) -> Any:
            return x if float(x[0, 0]) > 0 else -x  # not symbolic

        def compute_output_shape(self, shape: Any) -> Any:
            return shape

    tokens = keras.Input((None,))
    report = keraudit.lengths(
        keras.Model(tokens, keras.layers.Dense(1)(Odd()(tokens)[..., None])), [4]
    )
    assert report.coefficients is None
    assert report.crossover is None
    assert report.bound.word != "exact"
    assert macs_over_length(report.to_dict())["data"][0]["name"] == "all"


def test_the_command_shows_a_row_for_each_length(file: str) -> None:
    done = command.run("flops", file, "--lengths", "8,64")
    assert done.code == 0
    assert "1,040 n + 32 n²" in done.out
    record = json.loads(command.run("flops", file, "--lengths", "8,64", "-f", "json").out)
    assert record["schema"] == "keraudit.lengths/1"
    assert [row["macs"] for row in record["lengths"]] == [products(8), products(64)]
    drawn = macs_over_length(record)
    assert [trace["name"] for trace in drawn["data"]] == ["linear part", "quadratic part"]
    total = sum(trace["y"][1] for trace in drawn["data"])
    assert total * 1000 == pytest.approx(products(64))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--lengths", "8,x"], "expected lengths such as 128,512,2048, received '8,x'"),
        (["--lengths", "8", "--length", "9"], "leave out --length"),
        (["--lengths", "8", "--by", "layer"], "leave out --by"),
        (["--lengths", "8", "--max-macs", "4G"], "leave out --max-macs"),
        (["--lengths", "8", "--without-skips"], "leave out a rewrite"),
        (["--length", "0"], "0 is not in the range"),
    ],
)
def test_mistakes(file: str, options: list[str], message: str) -> None:
    done = command.run("flops", file, *options)
    assert done.code == 2
    assert message in done.err


def test_a_fixed_size_has_no_length() -> None:
    done = command.run("flops", "ResNet50", "--lengths", "8")
    assert done.code == 2
    assert "no input has one: input_layer 224x224x3" in done.err
    with pytest.raises(KerauditError, match="at length 8"):
        keraudit.lengths("ResNet50", [8])
