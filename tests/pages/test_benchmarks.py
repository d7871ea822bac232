"""What the benchmark page makes of its records, and of their absence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mkdocs")

from mkdocs.exceptions import PluginError

from pages import (
    benchmarks,
    benchmarks_live,
    clipped_loss,
    first_steps,
    max_stable_learning_rate,
    precision,
)

MACHINE = {"python": "3.11", "system": "Linux", "processor": "P", "cores": 2, "keras": "3.15"}


def run(seconds: float) -> dict[str, float]:
    return {"wall_s": seconds, "cpu_s": 2 * seconds, "peak_bytes": 2**20}


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(benchmarks, "PATH", tmp_path / "benchmark.json")
    monkeypatch.setattr(benchmarks, "GRADIENTS", tmp_path / "benchmark-gradients.json")
    for name in ("TRAINING", "TRAINING_JAX", "EXPLORER", "FIT"):
        path = tmp_path / f"benchmark-{name.lower().replace('_', '-')}.json"
        monkeypatch.setattr(benchmarks_live, name, path)
        monkeypatch.setitem(benchmarks_live.COMMANDS, path, f"make {name.lower()}")
    monkeypatch.setattr(precision, "PATH", tmp_path / "benchmark-precision.json")
    monkeypatch.setattr(max_stable_learning_rate, "PATH", tmp_path / "benchmark-stable-rate.json")
    monkeypatch.setattr(clipped_loss, "PATH", tmp_path / "benchmark-clipped-loss.json")
    monkeypatch.setattr(first_steps, "PATH", tmp_path / "benchmark-first-steps.json")
    return tmp_path


def write(path: Path, **record: Any) -> None:
    path.write_text(json.dumps({"date": "2026-11-24", "runs": 3, "machine": MACHINE, **record}))


def test_the_table_holds_every_counter_beside_ours(results: Path) -> None:
    models = {"A": {"keraudit": run(0.5), "peer": run(10)}}
    stages = [{"name": "parse", "cpu_ms": 30.0}, {"name": "count", "cpu_ms": 10.0}]
    grown = [{"layers": 1001, "file_bytes": 2048, **run(1)}]
    write(
        results / "benchmark.json",
        schema="keraudit.benchmark/1",
        command="python analysis/benchmarks/command.py --runs 3",
        models=models,
        stages=stages,
        growth=grown,
    )
    assert "| A | peer | 10.000 s | 20.00 | 20.000 s | 20.00 |" in benchmarks.times()
    assert "| parse | 30.0 ms | 75.0% |" in benchmarks.stages()
    assert "| 1,001 |" in benchmarks.growth()
    assert "Medians of 3 paired rounds on 2026-11-24: P, 2 cores" in benchmarks.provenance()
    assert "Made by `python analysis/benchmarks/command.py --runs 3`" in benchmarks.provenance()
    assert '"peer"' in benchmarks.figure_of_times("A")


def test_a_profile_stands_beside_a_training_step(results: Path) -> None:
    write(
        results / "benchmark-gradients.json",
        schema="keraudit.gradient-benchmark/1",
        command="python analysis/benchmarks/gradients.py",
        model="A",
        size=64,
        batch=32,
        bare={"seconds": 2.0, "peak_bytes": 4000},
        profile={"seconds": 2.5, "peak_bytes": 3000},
    )
    assert "| **ratio** | **1.25** | **0.75** |" in benchmarks.gradient_profile()


@pytest.mark.parametrize(
    ("file", "backend"), [("benchmark-training", "tensorflow"), ("benchmark-training-jax", "jax")]
)
def test_training_stands_beside_plain_fit(results: Path, file: str, backend: str) -> None:
    write(
        results / f"{file}.json",
        schema="keraudit.training-benchmark/1",
        command="python analysis/benchmarks/training.py",
        network="A",
        images=512,
        batch=64,
        rounds=5,
        precision="float32",
        images_per_s={"ours": 200.0, "repeated": 202.0, "plain": 190.0, "keras": 100.0},
        real_data_reaches=0.99,
        ours_is_faster_by={"plain": 1.05, "keras": 2.0},
        work={"share_of_peak": 0.25},
        versions={"keraudit": "0", backend: "1.2", "numpy": "2"},
    )
    shown = benchmarks_live.training()
    assert f"| on {benchmarks_live.BACKENDS[backend]} 1.2 | images/s |" in shown
    assert "neither cropped nor mirrored | 190.0 | 0.952 |" in shown
    assert "own layers for moving and mirroring | 100.0 | 0.500 |" in shown
    assert "batch every time | 202.0 | 1.010 |" in shown
    assert "of the fastest matrix product on the same device. P, 2 cores" in shown


def test_the_first_gradients_in_two_precisions(results: Path) -> None:
    kernels = [
        {"path": "conv1/kernel", "grad_norm": 275.6, "bfloat16_cosine": -0.017},
        {"path": "predictions/kernel", "grad_norm": 3.25, "bfloat16_cosine": 0.99},
    ]
    write(
        results / "benchmark-precision.json",
        schema="keraudit.precision-benchmark/1",
        command="python analysis/research/precision.py",
        dataset={"name": "toy"},
        batch=128,
        size=96,
        seed=0,
        versions={"jax": "0.10.2"},
        networks=[
            {
                "network": "ResNet50",
                "grad_norm": 293.5,
                "bfloat16_cosine": 0.02,
                "largest_change_of_a_probability": 0.23,
                "kernels": kernels,
            }
        ],
    )
    shown = precision.first_gradients()
    assert "| `ResNet50` | 294 | 276 | 3.25 | 0.02 | -0.02 | 0.99 | 23" in shown
    drawn = precision.figure()
    assert "toy, one batch of 128, large networks at 96x96" in drawn
    assert "conv1/kernel" in drawn
    assert "P, 2 cores; jax 0.10.2. Made by" in drawn


def test_passes_that_end_late_and_steps_that_differ(results: Path) -> None:
    late, soon = {"steps_s": 1.5, "wall_s": 2.5}, {"steps_s": 1.5, "wall_s": 1.51}
    ways = [
        {"name": "tensorflow", "processes": [[], []], "steps": 9, "first_difference": 4},
        {"name": "jax", "processes": [[], []], "steps": 9, "first_difference": None},
    ]
    one = {"fit": [late, soon, late], "fit, not tuned": [soon] * 3}
    one |= {"predict": [late] * 3, "predict, not tuned": [soon] * 3}
    write(
        results / "benchmark-fit.json",
        schema="keraudit.fit-benchmark/1",
        command="python analysis/research/fit.py",
        batch=128,
        versions={"keras": "3"},
        passes={
            "network": "N",
            "steps": 10,
            "processes": [one],
            "late": {"fit": 2, "fit, not tuned": 0, "predict": 3, "predict, not tuned": 0},
            "of": 3,
        },
        steps={"network": "M", "ways": ways},
    )
    shown = benchmarks_live.late()
    assert "| `model.fit` on arrays | 2 of 3 | 1.50 s | 2.50 s |" in shown
    assert "| `model.fit` on the same, not tuned | 0 of 3 | 1.50 s | 1.51 s |" in shown
    shown = benchmarks_live.alike()
    assert "| TensorFlow | 2 | 4 of 9 |" in shown
    assert "| JAX | 2 | none of 9 |" in shown


def test_the_first_steps_at_several_rates(results: Path) -> None:
    def taught(network: str, rate: float, precision: str, loss: float) -> dict[str, Any]:
        return {
            "network": network,
            "learning_rate": rate,
            "precision": precision,
            "loss": [2.0] * 20 + [loss] * 20,
            "accuracy": [0.0] * 20 + [0.25] * 20,
        }

    write(
        results / "benchmark-first-steps.json",
        schema="keraudit.first-steps/1",
        command="python analysis/research/first_steps.py",
        dataset={"name": "toy"},
        batch=128,
        size=75,
        seed=0,
        warmup_steps=8,
        versions={"keras": "3"},
        runs=[
            taught("InceptionV3", 0.1, "mixed_bfloat16", 3.5),
            taught("ResNet50", 0.02, "float32", 1.5),
        ],
    )
    shown = first_steps.results()
    assert "| `InceptionV3` | 0.1 | bfloat16 | 3.50 | 25" in shown
    assert "| `ResNet50` | 0.02 | float32 | 1.50 | 25" in shown
    drawn = first_steps.figure()
    assert "toy, batch 128, images enlarged to 75x75" in drawn
    data = json.loads(
        drawn.partition('<script type="application/json">')[2].partition("</script>")[0]
    )
    assert [(t["name"], t["xaxis"], t["y"][-1]) for t in data["data"]] == [
        ("rate 0.1, bfloat16", "x", 3.5),
        ("rate 0.02, float32", "x2", 1.5),
    ]


def test_clipped_loss_compared_with_the_loss_of_logits(results: Path) -> None:
    def taught(network: str, seed: int, clipped: bool, end: float, below: float) -> dict[str, Any]:
        return {
            "network": network,
            "seed": seed,
            "clipped": clipped,
            "loss_of_logits": [8.0] * 20 + [end] * 20,
            "below": [0.0, below] * 20,
        }

    assert "is not here" in clipped_loss.results()
    assert clipped_loss.figure() == ""
    write(
        results / "benchmark-clipped-loss.json",
        schema="keraudit.clipped-loss/1",
        command="python analysis/research/clipped_loss.py",
        dataset={"name": "toy"},
        recipe="he2015",
        least=1e-7,
        versions={"keras": "3"},
        runs=[
            taught("ResNet-CIFAR-20", 0, False, 2.0, 0.125),
            taught("ResNet-CIFAR-20", 0, True, 9.0, 0.5),
            taught("ResNet-CIFAR-20", 1, False, 3.0, 0.375),
            taught("ResNet-CIFAR-20", 1, True, 9.0, 0.5),
            taught("Plain-CIFAR-20", 0, False, 2.0, 0.0),
            taught("Plain-CIFAR-20", 0, True, 2.0, 0.0),
        ],
    )
    shown = clipped_loss.results()
    assert "| `ResNet-CIFAR-20` | 25.0% | 2.50 ± 0.71 | 9.00 ± 0.00 |" in shown
    assert "| `Plain-CIFAR-20` | 0.0% | 2.00 | 2.00 |" in shown
    assert "the last 20 of 40 steps. Mean and standard deviation over seeds 0, 1." in shown
    assert ">2 seeds · 40 steps · 2 CPU cores · toy<" in shown
    drawn = clipped_loss.figure()
    data = json.loads(
        drawn.partition('<script type="application/json">')[2].partition("</script>")[0]
    )
    assert [(t["name"], t["y"][-1]) for t in data["data"]] == [
        ("from logits", 2.5),
        ("clipped", 9.0),
    ]
    assert data["layout"]["yaxis"]["type"] == "log"


def test_the_rates_that_classifiers_can_take(results: Path) -> None:
    def one(network: str, size: int | None, *rates: float) -> dict[str, Any]:
        found = {"features": 2048, "mean_square_norm": 1003.6, "curvature": 64.12}
        seeds = [{"seed": n, "highest_stable_rate": r, **found} for n, r in enumerate(rates)]
        how = {"momentum": 0.9, "nesterov": size is not None}
        return {"network": network, "size": size, "seeds": seeds, **how}

    assert max_stable_learning_rate.rate("ResNet50") == "(not measured)"
    write(
        results / "benchmark-stable-rate.json",
        schema="keraudit.stable-rate/1",
        command="python analysis/research/max_stable_learning_rate.py",
        versions={"keras": "3"},
        dataset={"name": "toy"},
        batch=128,
        networks=[one("ResNet50", 75, 0.002, 0.004, 0.0024), one("ResNet-CIFAR-20", None, 0.1273)],
    )
    row = "| 2,048 | 1,004 | 64.1 | 0.0024 | 0.002 to 0.004 |"
    assert f"| `ResNet50` at 75x75 {row}" in max_stable_learning_rate.large()
    assert "CIFAR-20" not in max_stable_learning_rate.large()
    assert (
        "2 (1 + m) / ((1 + 2 m) s), with Nesterov's momentum m = 0.9"
        in max_stable_learning_rate.large()
    )
    assert "2 (1 + m) / s, with momentum m = 0.9" in max_stable_learning_rate.small()
    assert "keras 3; P, 2 cores. Made by" in max_stable_learning_rate.small()
    assert ">3 seeds · at initialisation · 2 CPU cores · toy<" in max_stable_learning_rate.large()
    assert "| `ResNet-CIFAR-20` | 2,048" in max_stable_learning_rate.small()
    assert max_stable_learning_rate.rate("ResNet-CIFAR-20") == "0.13"


def test_the_explorer_stands_beside_an_empty_page(results: Path) -> None:
    three = {"median": 1.5, "least": 1.25, "most": 2.0}
    write(
        results / "benchmark-explorer.json",
        schema="keraudit.explorer-benchmark/1",
        command="python analysis/benchmarks/explorer.py",
        times=9,
        starts_s={"first words": three},
        answers_ms={"put them back": {"median": 250.4, "least": 200, "most": 301.2}},
        memory_mib={"at the start": 70.25},
    )
    shown = benchmarks_live.explorer()
    assert "| first words | 1.50 s | 1.25 s | 2.00 s |" in shown
    assert "| put them back | 250 ms | 200 ms | 301 ms |" in shown
    assert "| at the start | 70 MiB |" in shown


def test_what_is_not_there_is_said(results: Path) -> None:
    for shown in (benchmarks.provenance, benchmarks.times, benchmarks.growth, benchmarks.stages):
        assert "To make it:* `make bench`" in shown()
    assert "To make it:* `make bench`" in benchmarks.gradient_profile()
    assert "To make it:* `make training`" in benchmarks_live.training()
    assert "To make it:* `make explorer`" in benchmarks_live.explorer()
    (results / "benchmark.json").write_text("{}")
    with pytest.raises(PluginError, match="is not a record of"):
        benchmarks.times()
