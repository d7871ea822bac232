"""What the benchmark page shows of a model at work: training beside ``model.fit``, and the explorer."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from keraudit.output.numbers import percent
from keraudit.output.table import bare_grid
from pages.benchmarks import described
from pages.markdown import made as made_of
from pages.markdown import note, numbers
from pages.published import RESULTS, missing, published

TRAINING = RESULTS / "benchmark-training.json"
TRAINING_JAX = RESULTS / "benchmark-training-jax.json"
BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX"}
EXPLORER = RESULTS / "benchmark-explorer.json"
FIT = RESULTS / "benchmark-fit.json"
FIT_SCHEMA = "keraudit.fit-benchmark/1"
COMMANDS = {
    TRAINING: "python analysis/benchmarks/training.py --record site/results/benchmark-training.json",
    TRAINING_JAX: "python analysis/benchmarks/training.py --images 2560 --rounds 6 --backend jax"
    f" --record {TRAINING_JAX.as_posix()}",
    FIT: "python analysis/research/fit.py --record site/results/benchmark-fit.json",
    EXPLORER: "python analysis/benchmarks/explorer.py --all --record site/results/benchmark-explorer.json",
}
PASSES: Mapping[str, str] = {
    "fit": "`model.fit` on arrays",
    "fit, not tuned": "`model.fit` on the same, not tuned",
    "predict": "`model.predict` on arrays",
    "predict, not tuned": "`model.predict` on the same, not tuned",
}
WAYS: Mapping[str, str] = {
    "ours": "`keraudit train`: images on the device, crops and mirroring in the step",
    "repeated": "the same, with the same batch every time",
    "plain": "`model.fit` on float32 arrays, neither cropped nor mirrored",
    "keras": "`model.fit` on bytes, with Keras' own layers for moving and mirroring",
}


def training() -> str:
    """Images a second of each way to train the same network, beside ours."""
    found = [published(path, "keraudit.training-benchmark/1") for path in (TRAINING, TRAINING_JAX)]
    tables = [_training_on(one) for one in found if one]
    return "\n\n".join(tables) or missing(TRAINING, COMMANDS[TRAINING])


def _training_on(found: Mapping[str, Any]) -> str:
    """The same on one backend."""
    speeds = found["images_per_s"]
    ratios = {"ours": 1.0, "repeated": 1 / found["real_data_reaches"]}
    ratios |= {way: 1 / found["ours_is_faster_by"][way] for way in ("plain", "keras")}
    name, version = next((b, v) for b, v in found["versions"].items() if b in BACKENDS)
    grid = bare_grid(
        {
            f"on {BACKENDS[name]} {version}": "markdown",
            "images/s": "{:.1f}",
            "of ours": "{:.3f}",
        },
        [(WAYS[way], speeds[way], ratio) for way, ratio in ratios.items()],
    )
    made = (
        f"{found['network']}, batch {found['batch']}, {found['precision']}: the fastest"
        f" of {found['rounds']} rounds each, over {found['images']:,} images on {found['date']};"
        f" `keraudit train` reaches {percent(found['work']['share_of_peak'])} of the fastest matrix product on"
        f" the same device. {described(found['machine'])}. Made by `{found['command']}`."
    )
    return f"{numbers(grid)}\n\n{note(made)}"


def late() -> str:
    """How many passes of ``fit`` and ``predict`` return late, and how late."""
    found = published(FIT, FIT_SCHEMA)
    if found is None:
        return missing(FIT, COMMANDS[FIT])
    passes = found["passes"]
    rows = []
    for name, text in PASSES.items():
        made = [one for process in passes["processes"] for one in process[name]]
        times = (median(one[key] for one in made) for key in ("steps_s", "wall_s"))
        rows.append((text, f"{passes['late'][name]} of {passes['of']}", *times))
    grid = bare_grid(
        {
            "": "markdown",
            "late": "number",
            "steps, median": "{:.2f} s",
            "return, median": "{:.2f} s",
        },
        rows,
    )
    text = (
        f"{passes['network']}, passes of {passes['steps']} steps, batch {found['batch']}. Late: more than 0.1 s after the"
        " last step."
    )
    badges = (f"{len(passes['processes'])} processes", f"{found['machine']['cores']} CPU cores")
    return f"{numbers(grid)}\n\n{note(text)}\n\n{made_of(_fit_provenance(found), badges)}"


def alike() -> str:
    """After how many steps processes with the same seed differ."""
    found = published(FIT, FIT_SCHEMA)
    if found is None:
        return missing(FIT, COMMANDS[FIT])
    steps = found["steps"]
    grid = bare_grid(
        {"": "text", "processes": "number", "differ from step": "number"},
        [
            (
                way["name"].replace("tensorflow", "TensorFlow").replace("jax", "JAX"),
                len(way["processes"]),
                f"{way['first_difference'] or 'none'} of {way['steps']}",
            )
            for way in steps["ways"]
        ],
    )
    text = (
        f"{steps['network']}, batch {found['batch']}, the same seed in every process: the first step after"
        " which their weights differ in a bit."
    )
    badges = ("1 seed", f"{found['machine']['cores']} CPU cores")
    return f"{numbers(grid)}\n\n{note(text)}\n\n{made_of(_fit_provenance(found), badges)}"


def _fit_provenance(found: Mapping[str, Any]) -> str:
    return (
        f"{found['date']}; {', '.join(f'{name} {version}' for name, version in found['versions'].items())};"
        f" {described(found['machine'])}. Made by `{found['command']}`."
    )


def explorer() -> str:
    """How long the explorer takes to start and to answer, beside an empty Streamlit page."""
    found = published(EXPLORER, "keraudit.explorer-benchmark/1")
    if found is None:
        return missing(EXPLORER, COMMANDS[EXPLORER])
    memory = bare_grid(
        {"memory of the server": "text", "": "{:.0f} MiB"}, found["memory_mib"].items()
    )
    parts = [
        _timing("a new session", found["starts_s"], "{:.2f} s"),
        _timing("from the press to the answer", found["answers_ms"], "{:.0f} ms"),
        numbers(memory),
        note(
            f"{found['times']} sessions on {found['date']}, server and browser on one machine:"
            f" {described(found['machine'])}. Made by `{found['command']}`."
        ),
    ]
    return "\n\n".join(parts)


def _timing(what: str, found: Mapping[str, Mapping[str, Any]], form: str) -> str:
    """Median, least and most of each thing that was timed."""
    keys = ("median", "least", "most")
    rows = [(name, *(values[key] for key in keys)) for name, values in found.items()]
    return numbers(bare_grid({what: "text", **dict.fromkeys(keys, form)}, rows))
