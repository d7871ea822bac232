"""What the pages show of training runs: the records that ``keraudit runs publish`` leaves.

Runs are set side by side only where they differ in nothing but network and seed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

from keraudit.errors import KerauditError
from keraudit.output.csv_markdown import code
from keraudit.runs.figure import curves
from keraudit.runs.folders import same_kind, without_paths
from keraudit.training.recipe import RECIPES
from keraudit.training.record import Run
from keraudit.training.record_check import CLIPPED
from pages.figures import drawn_by_script
from pages.published import RESULTS, published_run

FOLDER = RESULTS / "runs"
PLAN = "depth-in-16-epochs"  # the folder of the runs of a complete schedule, named after their plan
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
MEMORISED = 0.01

ALL_IMAGES = 50_000  # of CIFAR-10, to train on
REPORTED = "Dotted: test error reported by He et al. 2015."


def runs(networks: Sequence[str] = (), folder: Path | None = None) -> list[Run]:
    """The published runs, of some networks or of all, of a folder or of all, by network and seed."""
    found = map(published_run, sorted((folder or FOLDER).glob("**/*.json")))
    names = {name.lower() for name in networks}
    there = [run for run in found if run and (not names or run.network.lower() in names)]
    return sorted(there, key=lambda run: (run.network.lower(), run.seed))


def kind(run: Run) -> str:
    """What two runs must share to stand side by side: recipe, data, and how long."""
    shared = [
        run.recipe,
        run.dataset["fingerprint"],
        run.budget,
        len(run.history),
    ]
    return json.dumps(shared, sort_keys=True)


def comparable(networks: Sequence[str]) -> dict[str, Sequence[Run]]:
    """By network, the runs of one kind, the same for all parts of the networks of a page."""
    return named(one_kind(runs(_page_of(networks))), networks)


def planned(networks: Sequence[str] = DEGRADATION) -> dict[str, Sequence[Run]]:
    """By network, the runs of the complete schedule."""
    return named(by_network(runs(networks, FOLDER / PLAN)), networks)


def _page_of(networks: Sequence[str]) -> Sequence[str]:
    """All networks of the page that these are part of."""
    return DEPTHS if set(networks) <= set(DEPTHS) else networks


def _kinds(found: Sequence[Run]) -> list[Mapping[str, Sequence[Run]]]:
    """Runs of each kind by network: that of the most networks first, then of the most runs and images seen."""
    groups: dict[str, list[Run]] = {}
    for run in found:
        groups.setdefault(kind(run), []).append(run)
    return sorted(
        map(by_network, groups.values()),
        key=lambda alike: (len(alike), len(together(alike)), images_processed(together(alike)[0])),
        reverse=True,
    )


def one_kind(found: Sequence[Run]) -> Mapping[str, Sequence[Run]]:
    """The first of ``_kinds``."""
    return next(iter(_kinds(found)), {})


def other_kinds(networks: Sequence[str]) -> list[dict[str, Sequence[Run]]]:
    """By network, the published runs of each kind that ``comparable`` leaves out."""
    groups = _kinds(runs(_page_of(networks)))[1:]
    return list(filter(None, (named(found, networks) for found in groups)))


def published_in(folder: str, networks: Sequence[str]) -> dict[str, Sequence[Run]]:
    """By network, the runs in a folder of the published ones.

    Raises:
        PluginError: there are none: a page that names them has nothing to show.
    """
    found = named(by_network(runs(networks, FOLDER / folder)), networks)
    if not found:
        raise PluginError(f"no record of {' or '.join(networks)} in {FOLDER / folder}")
    return found


def named(found: Mapping[str, Sequence[Run]], networks: Sequence[str]) -> dict[str, Sequence[Run]]:
    """Groups of ``by_network`` by the names that a page has for them, in its order."""
    return {name: found[name.lower()] for name in networks if name.lower() in found}


def by_network(found: Sequence[Run]) -> Mapping[str, Sequence[Run]]:
    """The runs of each network, by its name in small letters: case makes no other network.

    Raises:
        PluginError: some of a network are not to be averaged: a seed twice, or another loss.
    """
    try:
        return {name.lower(): members for name, members in same_kind(found).items()}
    except KerauditError as error:
        raise PluginError(f"{RESULTS.as_posix()}: {error}") from None


def epochs(run: Run) -> int:
    return len(run.history)


def images_processed(run: Run) -> int:
    """Training images that a run has gone through, each as often as it did."""
    return int(run.dataset["train_images"]) * epochs(run)


def not_trained(networks: Sequence[str]) -> str:
    """What stands in place of the runs: how to make them."""
    steps = "\n".join(f"    $ {command}" for command in commands_for(networks))
    return (
        '!!! note "Not trained yet"\n\n'
        f"    No record of these networks is in `{FOLDER.as_posix()}`. To make them, on the whole of"
        " CIFAR-10 and for the whole recipe:\n\n"
        f"    ```console\n{steps}\n    ```\n\n"
        "    `--fraction` makes it shorter; the records then say so, and this page too."
    )


def commands_for(networks: Sequence[str]) -> tuple[str, str]:
    """What trains and evaluates networks, and what publishes their records."""
    name = EXPERIMENTS[tuple(networks)]
    return (
        f"keraudit experiment {name} --backend jax --seeds 0,1,2",
        f"keraudit runs publish runs/{name} --to {FOLDER.as_posix()}/{name}",
    )


def about(found: Mapping[str, Sequence[Run]]) -> str:
    """What was trained, on what, how long, how often, where, when, and by which commands."""
    everything = together(found)
    first, places = everything[0], places_of(everything)
    seeds = sorted({run.seed for run in everything})
    devices = dict.fromkeys(
        " ".join([*map(str, place["hardware"]["devices"]), f"({place['hardware']['cores']} cores)"])
        for place in places
    )
    data, recipe = first.dataset, first.recipe
    notes = dict.fromkeys(run.note for run in everything if run.note)
    return (
        f"{data['name']}: {data['train_images']:,} training and {data['test_images']:,} test images;"
        f" recipe {recipe['name']}, {epochs(first)} epochs, batch {recipe['batch']}"
        f"{changed(recipe)}{_clipped_networks(everything)};"
        f" seeds {', '.join(map(str, seeds))}; {'; '.join(devices)};"
        f" {versions_of([place['versions'] for place in places])};"
        f" {dated([place['date'] for place in places])}. Made by"
        f" {', '.join(map(code, commands(everything)))}.{''.join(f' {note}' for note in notes)}"
    )


def badges(found: Mapping[str, Sequence[Run]]) -> tuple[str, ...]:
    """The same in a few words: seeds, epochs, hardware, data."""
    everything = together(found)
    first, counts = everything[0], [len(members) for members in found.values()]
    seeds = dated([str(min(counts)), str(max(counts))])
    devices = dict.fromkeys(_device(place["hardware"]) for place in places_of(everything))
    images = int(first.dataset["train_images"])
    return (
        f"{seeds} seed{'s' * (max(counts) > 1)}",
        f"{epochs(first)} epochs",
        *devices,
        data_name(first.dataset) + f", {images:,} images" * (images < ALL_IMAGES),
    )


def _device(hardware: Mapping[str, Any]) -> str:
    """The device of a run in a few words.

    >>> _device({"devices": ["CPU"], "cores": 2}), _device({"devices": ["NVIDIA H200"], "cores": 16})
    ('2 CPU cores', 'NVIDIA H200')
    """
    names = list(map(str, hardware["devices"]))
    on_cpu = all(name.upper() == "CPU" for name in names)
    return f"{hardware['cores']} CPU cores" if on_cpu else ", ".join(dict.fromkeys(names))


def data_name(dataset: Mapping[str, Any]) -> str:
    """A data set in a few words.

    >>> data_name({"name": "CIFAR-10 classes, not the original files (a)"}), data_name({"name": "toy"})
    ('JPEG copy of CIFAR-10', 'toy')
    """
    name = str(dataset["name"])
    return "JPEG copy of CIFAR-10" if "not the original files" in name else name


def together(found: Mapping[str, Sequence[Run]]) -> list[Run]:
    return [run for members in found.values() for run in members]


def places_of(found: Sequence[Run]) -> list[Mapping[str, Any]]:
    """Where and when runs were made: in each of their sessions, and where they ended."""
    return [
        place
        for run in found
        for place in (
            *(run.sessions or ()),
            {"hardware": run.hardware, "versions": run.versions, "date": run.date},
        )
    ]


def dated(days: Sequence[str]) -> str:
    """From the first day to the last.

    >>> dated(["2026-11-28", "2026-11-27"]), dated(["2026-11-28"])
    ('2026-11-27 to 2026-11-28', '2026-11-28')
    """
    return " to ".join(dict.fromkeys((min(days), max(days))))


def _clipped_networks(found: Sequence[Run]) -> str:
    """Of which networks the loss counted no probability as less than 1e-7."""
    names = dict.fromkeys(run.network for run in found if run.loss == CLIPPED)
    return f", loss of {' and '.join(names)} clipped below a probability of 1e-7" if names else ""


def versions_of(found: Sequence[Mapping[str, str]]) -> str:
    """What runs were made with, each name once.

    >>> versions_of([{"a": "1", "b": "1"}, {"a": "2", "b": "1"}])
    'a 1 and 2, b 1'
    """
    names = dict.fromkeys(name for versions in found for name in versions)
    return ", ".join(
        f"{name} {' and '.join(dict.fromkeys(v[name] for v in found if name in v))}"
        for name in names
    )


def changed(recipe: Mapping[str, Any]) -> str:
    """What else of a run's recipe is not as its name says, and the size that the images were enlarged to.

    >>> changed({"name": "modern", "epochs": 8, "batch": 32, "learning_rate": 0.025, "size": 96})
    ', learning rate 0.025, images enlarged to 96x96'
    """
    usual = RECIPES[recipe["name"]].to_dict() if recipe["name"] in RECIPES else {}
    changes = [
        f"{key.replace('_', ' ')} {value}"
        for key, value in recipe.items()
        if key not in ("name", "source", "epochs", "batch", "size") and usual.get(key) != value
    ]
    if size := recipe["size"]:
        changes.append(f"images enlarged to {size}x{size}")
    return "".join(f", {text}" for text in changes)


def commands(found: Sequence[Run]) -> list[str]:
    """The commands of the runs, each once, without the places on a machine that they name."""
    commands_ = dict.fromkeys(run.command for run in found if run.command)
    return [without_paths(command) for command in commands_]


def caveat(found: Mapping[str, Sequence[Run]]) -> str:
    """How far the runs are from those of the paper, in a sentence or two; empty if they are as long, on as much."""
    everything = together(found)
    first, name = everything[0], everything[0].recipe["name"]
    images = int(first.dataset["train_images"])
    whole = RECIPES[name].epochs if name in RECIPES else 0
    parts = [
        f"{images:,} of CIFAR-10's {ALL_IMAGES:,} training images" * (images < ALL_IMAGES),
        (
            f"{epochs(first)} epochs by a schedule of their own, where the recipe has {whole}"
            if name in RECIPES and first.recipe["schedule"] != RECIPES[name].schedule
            else f"{epochs(first)} of the recipe's {whole} epochs"
        )
        * (epochs(first) < whole),
    ]
    sentences = []
    if any(parts):
        sentences.append(
            f"These runs saw {' and '.join(filter(None, parts))}: compare them with one another, not with published"
            " errors."
        )
    wrong = max(run.evaluation["train_error"] for run in everything)
    if any(parts) and (images < ALL_IMAGES or wrong > MEMORISED):
        sentences.append("In so short a run slow learning cannot be told from failure to learn.")
    if min(len(members) for members in found.values()) < 3:
        sentences.append("With fewer than three seeds, a small difference may be chance.")
    return " ".join(sentences)


def error_figure(networks: Sequence[str]) -> str:
    """Training and test error over epochs."""
    found = comparable(networks)
    return errors_of(found) if found else not_trained(networks)


def errors_of(found: Mapping[str, Sequence[Run]], *, split: bool = False) -> str:
    """Training and test error of runs over epochs; ``split``: plain and residual networks in panels."""
    plain = {name: members for name, members in found.items() if name.startswith("Plain")}
    skips = {name: members for name, members in found.items() if name not in plain}
    panels = {"plain": plain, "residual": skips} if split else {"": dict(found)}
    names = " and ".join(found)
    return drawn_by_script(
        curves(
            {title: _histories(shown) for title, shown in panels.items() if shown},
            title=f"{_subject(found)}: error over training",
            printed=HE_TEST_ERROR,
            named_at_ends=True,
        ),
        label=f"Line chart of training and test error over epochs of {names}",
        caption=f"Dashed: training images, {_changed_by(found)}. Solid: test images.{over_seeds(found)}"
        + (f" {REPORTED}" if any(name in HE_TEST_ERROR for name in found) else ""),
        made=about(found),
        badges=badges(found),
    )


def _subject(found: Mapping[str, Sequence[Run]]) -> str:
    """Networks in a title, with how long they were trained.

    Two by their names; more are the plain and the residual ones.
    """
    names = " and ".join(found) if len(found) <= len(BIG) else "Plain and residual networks"
    return f"{names}, {epochs(together(found)[0])} epochs"


def over_seeds(found: Mapping[str, Sequence[Run]]) -> str:
    """What line and band are, where there are several seeds to speak of."""
    several = any(len(members) > 1 for members in found.values())
    return " Mean and range over seeds." if several else ""


def _histories(found: Mapping[str, Sequence[Run]]) -> dict[str, list[Mapping[str, Any]]]:
    """What is drawn of runs over their epochs."""
    return {name: [{"history": run.history} for run in members] for name, members in found.items()}


def _changed_by(found: Mapping[str, Sequence[Run]]) -> str:
    """What training did to its images."""
    recipe = together(found)[0].recipe
    done = ["cropped"] * bool(recipe["padding"]) + ["mirrored"] * bool(recipe["flip"])
    done += ["partly blanked"] * bool(recipe["cutout"])
    done += ["mixed, against mixed labels"] * bool(recipe["mixup"])
    return " and ".join(filter(None, (", ".join(done[:-1]), *done[-1:]))) or "unchanged"


def loss_figure(networks: Sequence[str]) -> str:
    """Training and test loss over epochs."""
    found = comparable(networks)
    if not found:
        return ""
    return drawn_by_script(
        curves(
            {"": _histories(found)},
            title=f"{_subject(found)}: loss over training",
            what="loss",
            named_at_ends=True,
        ),
        label=f"Line chart of training and test loss over epochs of {' and '.join(found)}",
        caption=f"Dashed: training. Solid: test. Logarithmic axis.{over_seeds(found)}",
        made=about(found),
        badges=badges(found),
    )
