"""What the pages show of training runs: the records that ``keraudit runs publish`` leaves.

Runs are set side by side only where they differ in nothing but network and seed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

from mkdocs.exceptions import PluginError

from keraudit.experiments.recipe import RECIPES
from keraudit.experiments.record import PROBABILITIES, loss_of
from keraudit.experiments.statistics import normal
from keraudit.render.run_figure import curves
from keraudit.site.figures import drawn_by_script
from keraudit.site.intervals import differences
from keraudit.site.markdown import code, numbers, table
from keraudit.site.published import RESULTS, published

FOLDER = RESULTS / "runs"
SCHEMA = "keraudit.run/1"
DEGRADATION = ("Plain-CIFAR-20", "Plain-CIFAR-56", "ResNet-CIFAR-20", "ResNet-CIFAR-56")
DEPTHS = tuple(
    f"{family}-CIFAR-{depth}" for family in ("Plain", "ResNet") for depth in (20, 32, 44, 56, 110)
)
BIG = ("InceptionV3", "ResNet50")
EXPERIMENTS: Mapping[tuple[str, ...], str] = {
    DEGRADATION: "degradation",
    BIG: "cifar10-comparison",
}
# He et al. 2015, Table 6: test error in percent of ResNets on CIFAR-10, by network. The paper draws its
# plain networks (figure 6) and prints no number for them.
HE_TEST_ERROR: Mapping[str, float] = {
    "ResNet-CIFAR-20": 8.75,
    "ResNet-CIFAR-32": 7.51,
    "ResNet-CIFAR-44": 7.17,
    "ResNet-CIFAR-56": 6.97,
    "ResNet-CIFAR-110": 6.43,
}

# Of the training images wrong at most: a run that is short has learnt them all the same.
LEARNT = 0.01

PRINTED = "Dotted: the test error that He et al. 2015 print (Table 6), on all of CIFAR-10."

Run = Mapping[str, Any]


def runs(networks: Sequence[str] = (), folder: Path | None = None) -> list[Run]:
    """The published runs, of some networks or of all, of a folder or of all, by network and seed."""
    found = [published(path, SCHEMA) for path in sorted((folder or FOLDER).glob("**/*.json"))]
    wanted = {name.lower() for name in networks}
    there = [run for run in found if run and (not wanted or run["network"].lower() in wanted)]
    return sorted(there, key=lambda run: (run["network"].lower(), run["seed"]))


def kind(run: Run) -> str:
    """What two runs must share to stand side by side: recipe, data, and how long."""
    shared = [
        normal(run["recipe"]),
        run["dataset"]["fingerprint"],
        run["budget"],
        len(run["history"]),
    ]
    return json.dumps(shared, sort_keys=True)


def comparable(networks: Sequence[str]) -> dict[str, list[Run]]:
    """By network, the runs of one kind, the same for all parts of the networks of a page."""
    return named(by_network(one_kind(runs(page_of(networks)))), networks)


def page_of(networks: Sequence[str]) -> Sequence[str]:
    """All networks of the page that these are part of."""
    return DEPTHS if set(networks) <= set(DEPTHS) else networks


def kinds(found: Sequence[Run]) -> list[list[Run]]:
    """Runs by their kind: that of the most networks first, then of the most runs and images seen."""
    groups: dict[str, list[Run]] = {}
    for run in found:
        groups.setdefault(kind(run), []).append(run)
    return sorted(
        groups.values(),
        key=lambda alike: (len(by_network(alike)), len(alike), seen(alike[0])),
        reverse=True,
    )


def one_kind(found: Sequence[Run]) -> list[Run]:
    """The runs of the first of ``kinds``."""
    return next(iter(kinds(found)), [])


def other_kinds(networks: Sequence[str]) -> list[dict[str, list[Run]]]:
    """By network, the published runs of each kind that ``comparable`` leaves out."""
    groups = map(by_network, kinds(runs(page_of(networks)))[1:])
    return list(filter(None, (named(found, networks) for found in groups)))


def published_in(folder: str, networks: Sequence[str]) -> dict[str, list[Run]]:
    """By network, the runs in a folder of the published ones.

    Raises:
        PluginError: there are none: a page that names them has nothing to show.
    """
    found = named(by_network(runs(networks, FOLDER / folder)), networks)
    if not found:
        raise PluginError(f"no record of {' or '.join(networks)} in {FOLDER / folder}")
    return found


def named(found: Mapping[str, list[Run]], networks: Sequence[str]) -> dict[str, list[Run]]:
    """Groups of ``by_network`` by the names that a page has for them, in its order."""
    return {name: found[name.lower()] for name in networks if name.lower() in found}


def by_network(found: Sequence[Run]) -> dict[str, list[Run]]:
    """The runs of each network, by its name in small letters: case makes no other network."""
    groups: dict[str, list[Run]] = {}
    for run in found:
        groups.setdefault(run["network"].lower(), []).append(run)
    return groups


def epochs(run: Run) -> int:
    return len(run["history"])


def seen(run: Run) -> int:
    """Training images that a run has gone through, each as often as it did."""
    return int(run["dataset"]["train_images"]) * epochs(run)


def missing(networks: Sequence[str]) -> str:
    """What stands in place of the runs: how to make them."""
    steps = "\n".join(f"    $ {command}" for command in commands_for(networks))
    return (
        '!!! note "Not trained yet"\n\n'
        f"    No record of these networks is in `{FOLDER.as_posix()}`. To make them, on the whole of"
        " CIFAR-10 and for the whole recipe:\n\n"
        f"    ```console\n{steps}\n    ```\n\n"
        "    `--budget` makes it shorter; the records then say so, and this page too."
    )


def commands_for(networks: Sequence[str]) -> tuple[str, str]:
    """What trains and evaluates networks, and what publishes their records."""
    name = EXPERIMENTS[tuple(networks)]
    return (
        f"keraudit report --run {name} --backend jax --seeds 0,1,2",
        f"keraudit runs publish runs/{name} --to {FOLDER.as_posix()}",
    )


def about(found: Mapping[str, Sequence[Run]]) -> str:
    """What was trained, on what, how long, how often, where, when, and by which commands."""
    first = next(iter(found.values()))[0]
    everything = [run for members in found.values() for run in members]
    seeds = sorted({run["seed"] for run in everything})
    devices = dict.fromkeys(
        " ".join([*map(str, run["hardware"]["devices"]), f"({run['hardware']['cores']} cores)"])
        for run in everything
    )
    versions = versions_of(everything)
    dates = sorted({run["date"] for run in everything})
    data = first["dataset"]
    return (
        f"{data['name']}: {data['train_images']:,} training and {data['test_images']:,} test images;"
        f" recipe {first['recipe']['name']}, {epochs(first)} epochs, batch {first['recipe']['batch']}"
        f"{changed(first['recipe'])}{cut_off(everything)};"
        f" seeds {', '.join(map(str, seeds))}; {'; '.join(devices)}; {versions};"
        f" {' to '.join(dict.fromkeys((dates[0], dates[-1])))}. Made by"
        f" {', '.join(f'`{c}`' for c in commands(everything))}."
        f"{''.join(f' {note}' for note in dict.fromkeys(run.get('note', '') for run in everything) if note)}"
    )


def cut_off(found: Sequence[Run]) -> str:
    """Of which networks the loss counted no probability as less than 1e-7.

    >>> cut_off([{"network": "A", "versions": {"jax": "0"}}, {"network": "B", "versions": {}}])
    ', loss of A cut off below a probability of 1e-7'
    """
    names = dict.fromkeys(run["network"] for run in found if loss_of(run) == PROBABILITIES)
    return f", loss of {' and '.join(names)} cut off below a probability of 1e-7" if names else ""


def versions_of(found: Sequence[Run]) -> str:
    """What the runs were made with, each name once.

    >>> versions_of([{"versions": {"a": "1", "b": "1"}}, {"versions": {"a": "2", "b": "1"}}])
    'a 1 and 2, b 1'
    """
    names = dict.fromkeys(name for run in found for name in run["versions"])
    return ", ".join(
        f"{name} {' and '.join(dict.fromkeys(r['versions'][name] for r in found if name in r['versions']))}"
        for name in names
    )


def changed(recipe: Mapping[str, Any]) -> str:
    """What else of a run's recipe is not as its name says, and the size that the images were enlarged to.

    >>> changed({"name": "modern", "epochs": 8, "batch": 32, "learning_rate": 0.025, "size": 96})
    ', learning rate 0.025, images enlarged to 96x96'
    """
    usual = RECIPES[recipe["name"]].to_dict() if recipe["name"] in RECIPES else {}
    told = [
        f"{key.replace('_', ' ')} {value}"
        for key, value in recipe.items()
        if key not in ("name", "source", "epochs", "batch", "size") and usual.get(key) != value
    ]
    if size := recipe.get("size"):
        told.append(f"images enlarged to {size}x{size}")
    return "".join(f", {text}" for text in told)


def commands(found: Sequence[Run]) -> list[str]:
    """The commands of the runs, each once, without the places on a machine that they name."""
    given = dict.fromkeys(run["command"] for run in found if run.get("command"))
    return [re.sub(r"(?<= )/\S*/(?=\S)", "", command) for command in given]


def caveat(found: Mapping[str, Sequence[Run]]) -> str:
    """How far the runs are from those of the paper; empty if they are as long, on as much."""
    first = next(iter(found.values()))[0]
    part = first["dataset"]["train_images"] < 50_000
    whole = RECIPES[first["recipe"]["name"]].epochs if first["recipe"]["name"] in RECIPES else 0
    parts = [
        f"{first['dataset']['train_images']:,} of CIFAR-10's 50,000 training images" * part,
        f"{epochs(first)} of the recipe's {whole} epochs" * (epochs(first) < whole),
    ]
    saw = f"These runs saw {', '.join(filter(None, parts))}."
    everything = [run for members in found.values() for run in members]
    wrong = max(run["evaluation"]["train_error"] for run in everything)
    told, title = [], "Few seeds"
    if any(parts) and (part or wrong > LEARNT):
        title = "A small experiment"
        told.append(
            f"{saw} In so short a training, one that learns slowly cannot be told from one that does not"
            " learn: their errors are not to be compared with published ones."
        )
    elif any(parts):
        title = "A shorter training"
        told.append(
            f"{saw} They learnt the training images all the same, of which at most {100 * wrong:.2f} % are"
            " wrong at the end; their errors are not to be compared with published ones."
        )
    if min(len(members) for members in found.values()) < 3:
        told.append("With fewer than three seeds, a small difference may be chance.")
    return f'!!! warning "{title}"\n\n    {" ".join(told)}' if told else ""


def error_figure(networks: Sequence[str], *, split: bool) -> str:
    """Training and test error over epochs; ``split``: plain and residual networks in panels."""
    found = comparable(networks)
    return errors_of(found, split=split) if found else missing(networks)


def errors_of(found: Mapping[str, Sequence[Run]], *, split: bool = False) -> str:
    """The same of these runs."""
    plain = {name: members for name, members in found.items() if name.startswith("Plain")}
    skips = {name: members for name, members in found.items() if name not in plain}
    panels = {"plain": plain, "residual": skips} if split else {"": dict(found)}
    names = " and ".join(found)
    return drawn_by_script(
        curves(
            {k: v for k, v in panels.items() if v},
            title="Error over training",
            printed=HE_TEST_ERROR,
        ),
        label=f"Line chart of training and test error over epochs of {names}",
        caption=f"Dashed: on the training images as they were trained on, {changed_by(found)}. Solid: on"
        " the test images. The mean over seeds, the band from the lowest to the highest."
        + (f" {PRINTED}" if any(name in HE_TEST_ERROR for name in found) else ""),
        made=about(found),
    )


def changed_by(found: Mapping[str, Sequence[Run]]) -> str:
    """What training did to its images."""
    recipe = normal(next(iter(found.values()))[0]["recipe"])
    done = ["cropped"] * bool(recipe["padding"]) + ["mirrored"] * bool(recipe["flip"])
    done += ["partly blanked"] * bool(recipe["cutout"])
    done += ["mixed, against mixed labels"] * bool(recipe["mixup"])
    return " and ".join(filter(None, (", ".join(done[:-1]), *done[-1:]))) or "as they are"


def loss_figure(networks: Sequence[str]) -> str:
    """Training and test loss over epochs."""
    found = comparable(networks)
    if not found:
        return ""
    return drawn_by_script(
        curves({"": dict(found)}, title="Loss over training", what="loss"),
        label=f"Line chart of training and test loss over epochs of {' and '.join(found)}",
        caption="Dashed: training. Solid: test. The axis is logarithmic. The same runs.",
        made=about(found),
        tell=False,
    )


def other_runs(
    networks: Sequence[str],
    lesson: Callable[[Mapping[str, Sequence[Run]]], str] = lambda _: "",
    *,
    without: Sequence[Mapping[str, Sequence[Run]]] = (),
) -> str:
    """The same of the published runs of other kinds; ``lesson`` says what one of them shows.

    Those of ``without`` are left out: a page shows them elsewhere.
    """
    parts = []
    for found in other_kinds(networks):
        if found in without:
            continue
        parts += [lesson(found), end_table(found), f"{about(found)}\n{{ .ka-note }}"]
    if not parts:
        return ""
    start = "Runs with another recipe, other data or another number of epochs stand for themselves."
    return "\n\n".join(filter(None, ["### Other runs", start, *parts]))


def result_table(found: Mapping[str, Sequence[Run]]) -> str:
    """What came out, and what the columns are."""
    told = "Errors at the end of runs of one kind, mean and deviation over seeds; the time is that of a run's median epoch."
    if any(name in HE_TEST_ERROR for name in found):
        told += " Printed: test error of He et al. 2015, Table 6, on all of CIFAR-10."
    parts = (f"{end_table(found)}\n\n{told}\n{{ .ka-note }}", differences(found))
    return "\n\n".join(filter(None, parts))


def end_table(found: Mapping[str, Sequence[Run]]) -> str:
    """Errors at the end over seeds, the gap between them, time."""
    head = [
        ("network", "left"),
        ("parameters", "right"),
        ("seeds", "right"),
        ("training, %", "right"),
        ("test, %", "right"),
        ("gap", "right"),
        ("s an epoch", "right"),
    ]
    paper = any(name in HE_TEST_ERROR for name in found)
    if paper:
        head.append(("printed", "right"))
    rows = []
    for name, members in found.items():
        if len(set(map(loss_of, members))) > 1:
            raise PluginError(
                f"the loss of some runs of {name} was cut off: put them in a folder of their own"
            )
        ends = [run["evaluation"] for run in members]
        row = [
            code(name),
            f"{members[0]['params']:,}",
            str(len(members)),
            spread([100 * end["train_error"] for end in ends]),
            spread([100 * end["test_error"] for end in ends]),
            spread([100 * end["gap"] for end in ends]),
            spread(
                [median(line["seconds"] for line in run["history"]) for run in members], digits=1
            ),
        ]
        rows.append(
            [*row, f"{HE_TEST_ERROR[name]:.2f}" if name in HE_TEST_ERROR else ""][: len(head)]
        )
    return numbers(table(head, rows))


def spread(values: Sequence[float], *, digits: int = 2) -> str:
    """Mean and sample deviation.

    >>> spread([10, 12]), spread([7])
    ('11.00 ± 1.41', '7.00')
    """
    mean = f"{fmean(values):.{digits}f}"
    return f"{mean} ± {stdev(values):.{digits}f}" if len(values) > 1 else mean
