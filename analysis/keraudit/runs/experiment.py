"""Experiments as plans: what is trained is written down, in full and at a part of it, before it runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keraudit.data.dataset import Dataset, limited
from keraudit.environment import revision, versions
from keraudit.errors import KerauditError
from keraudit.output.files import save
from keraudit.output.plain_data import as_dict
from keraudit.output.stored import stored_json
from keraudit.training.networks import spelled
from keraudit.training.recipe import OLDER, Recipe, recipe
from keraudit.training.record import PROSE, Run
from keraudit.training.record_check import LOGITS
from keraudit.training.train import flat

SCHEMA = "keraudit.plan/1"
FILE = "plan.json"
LEAST_EPOCHS = 8  # below it images are left out, not epochs: the falls of the rate need room
MADE_ON = ("command", "date", "versions", "revision")  # may differ when a plan is resumed
DESCRIBED = ("claim", *PROSE)  # likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What an experiment is to show, and with what.

    Attributes:
        name: as on the command line.
        claim: the sentence it tests, with its source.
        networks: all of them, in the order in which they are trained.
        recipe: the name of their recipe.
        needs: networks and the least budget at which they are not left out.
    """

    name: str
    claim: str
    networks: tuple[str, ...]
    recipe: str
    needs: Mapping[str, float] = field(default_factory=dict)


EXPERIMENTS: Mapping[str, Experiment] = {
    "degradation": Experiment(
        name="degradation",
        claim="a plain network of 56 layers has a higher training and test error than one of 20;"
        " residual networks do not (He et al. 2015, figure 6)",
        networks=(
            *("Plain-CIFAR-20", "Plain-CIFAR-56", "ResNet-CIFAR-20", "ResNet-CIFAR-56"),
            *("Plain-CIFAR-32", "Plain-CIFAR-44", "ResNet-CIFAR-32", "ResNet-CIFAR-44"),
            "ResNet-CIFAR-110",
        ),
        recipe="he2015",
        # A small machine trains the claim's own four; between the ends and beyond costs more.
        needs={
            **dict.fromkeys(
                ("Plain-CIFAR-32", "Plain-CIFAR-44", "ResNet-CIFAR-32", "ResNet-CIFAR-44"), 0.05
            ),
            "ResNet-CIFAR-110": 0.5,
        },
    ),
    "cifar10-comparison": Experiment(
        name="cifar10-comparison",
        claim="InceptionV3 and ResNet50, from scratch on the same pixels: accuracy, training time,"
        " and the gap between training and test",
        networks=("InceptionV3", "ResNet50"),
        recipe="modern",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be trained.

    Attributes:
        experiment: its name; ``claim`` is what it tests.
        budget: the part of the full number of images seen, epochs times images, a network gets.
        recipe: with its epochs scaled.
        dataset: the part of the data that is used.
        scaling: in words, what is less than in full.
        loss: what it is taken from.
        left_out: networks of the experiment that this budget is too small for.
    """

    experiment: str
    claim: str
    budget: float
    networks: Sequence[str]
    left_out: Sequence[str]
    seeds: Sequence[int]
    recipe: Mapping[str, Any]
    dataset: Mapping[str, Any]
    scaling: Sequence[str]
    loss: str = LOGITS
    command: str = ""
    date: str = ""
    revision: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    schema: str = field(default=SCHEMA)

    @property
    def runs(self) -> tuple[tuple[str, int], ...]:
        """Network and seed of each run, in order: all networks of a seed before the next seed."""
        return tuple((name, seed) for seed in self.seeds for name in self.networks)

    def to_dict(self) -> dict[str, Any]:
        return as_dict(self)


def planned(
    experiment: str,
    data: Dataset,
    *,
    budget: float = 1.0,
    seeds: Sequence[int] = (0,),
    networks: Sequence[str] = (),
    command: str = "",
    **changes: Any,
) -> tuple[Plan, Recipe, Dataset]:
    """Plan an experiment.

    A budget lowers the epochs first, down to ``LEAST_EPOCHS``, then the images of training; the test
    set is cut by the same part as they are, but not below a fifth.

    Args:
        experiment: of ``EXPERIMENTS``.
        data: the whole data set.
        budget: part of the images a network sees in all, above 0, up to 1.
        seeds: of the runs.
        networks: in place of the experiment's, however they are spelled.
        command: for the record.
        changes: of the recipe.

    Returns:
        The plan, its recipe and the part of the data it uses.

    Raises:
        KerauditError: there is no such experiment or network, or the budget leaves less than one batch.
    """
    import time

    if experiment not in EXPERIMENTS:
        raise KerauditError(
            f"no experiment is called {experiment!r}: expected {', '.join(EXPERIMENTS)}"
        )
    chosen = EXPERIMENTS[experiment]
    full = recipe(chosen.recipe, **changes)
    recipe(chosen.recipe, budget=budget)  # the budget is a part
    passes = full.epochs * budget
    epochs = min(full.epochs, max(LEAST_EPOCHS, round(passes)))
    share = 1.0 if passes >= LEAST_EPOCHS else passes / epochs  # a rounded epoch costs no images
    train = round(len(data.train) * share)
    test = round(len(data.test) * max(share, 0.2))
    if train < full.batch:
        raise KerauditError(
            f"a budget of {budget:g} leaves {train:,} training images, less than a batch of"
            f" {full.batch}: raise it or lower --batch"
        )
    part = limited(data, train=train, test=max(1, test))
    scaled = recipe(chosen.recipe, **{**changes, "epochs": epochs})
    requested = list(dict.fromkeys(map(spelled, networks)))
    included = requested or [n for n in chosen.networks if budget >= chosen.needs.get(n, 0)]
    left = [name for name in chosen.networks if name not in included]
    return (
        Plan(
            experiment=experiment,
            claim=chosen.claim,
            budget=budget,
            networks=included,
            left_out=left,
            seeds=list(seeds),
            recipe=scaled.to_dict(),
            dataset=part.describe(),
            scaling=words(full, scaled, data, part, left),
            command=command,
            date=time.strftime("%Y-%m-%d"),
            revision=revision(),
            versions=versions(),
        ),
        scaled,
        part,
    )


def words(
    full: Recipe, scaled: Recipe, data: Dataset, part: Dataset, left: Sequence[str]
) -> list[str]:
    """What is less than in full."""
    pairs = (
        ("epochs", full.epochs, scaled.epochs),
        ("training images", len(data.train), len(part.train)),
        ("test images", len(data.test), len(part.test)),
    )
    reduced = [
        f"{after:,} of {before:,} {what}" for what, before, after in pairs if after != before
    ]
    return reduced + ([f"without {', '.join(left)}"] if left else [])


def written_plan(folder: Path) -> dict[str, Any]:
    """The plan in the folder of its runs.

    Raises:
        KerauditError: it is damaged or gone.
    """
    path = folder / FILE
    try:
        return dict(stored_json(path))
    except (OSError, ValueError, TypeError) as error:
        raise KerauditError(f"{path} is damaged ({error}): choose another folder") from None


def written_down(folder: Path, plan: Plan) -> bool:
    """Write the plan into the folder of its runs, or find the same one there already.

    More seeds after the same first ones are added to a plan that is there.

    Returns:
        Whether it was there already.

    Raises:
        KerauditError: another plan is there, or it cannot be written.
    """
    path = folder / FILE
    if path.is_file():
        older = written_plan(folder)
        try:
            before, now = flat(older), flat(plan.to_dict())
            seeds = [*older["seeds"]]
        except (TypeError, KeyError) as error:
            raise KerauditError(f"{path} is damaged ({error}): choose another folder") from None
        if not before.keys() >= {"loss", *(f"recipe.{key}" for key in plan.recipe)}:
            raise KerauditError(f"{path} {OLDER}")
        if has_more := len(plan.seeds) > len(seeds) and plan.seeds[: len(seeds)] == seeds:
            before["seeds"] = now["seeds"]
        for key in now:
            is_free = key in DESCRIBED or key.partition(".")[0] in MADE_ON
            if not is_free and before.get(key) != now[key]:
                raise KerauditError(
                    f"{folder} holds a plan with {key} = {before.get(key)!r}, not {now[key]!r}:"
                    " resume it with its own options, or choose another folder"
                )
        if has_more:
            save(path, json.dumps({**older, "seeds": list(plan.seeds)}, indent=1) + "\n")
        return True
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KerauditError(f"cannot make {folder}: {error.strerror or error}") from None
    save(path, json.dumps(plan.to_dict(), indent=1) + "\n")
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A sentence and whether it was found to hold, with its numbers."""

    sentence: str
    holds: bool
    evidence: str


def findings(groups: Mapping[str, Sequence[Run]]) -> tuple[Finding, ...]:
    """What the runs say of the degradation claim: the shallowest against the deepest of a family.

    One mean against another; whether chance can be ruled out is for the intervals to say.
    """
    result = []
    for family, rises in (("Plain-CIFAR", True), ("ResNet-CIFAR", False)):
        depths = sorted(
            int(name.rpartition("-")[2])
            for name in groups
            if name.lower().startswith(family.lower() + "-")
        )
        if len(depths) < 2:
            continue
        for measure in ("train_error", "test_error"):
            low, high = (
                _mean_of(groups, f"{family}-{depth}", measure) for depth in (depths[0], depths[-1])
            )
            verb = "higher" if rises else "no higher"
            what = measure.replace("_", " ").replace("train ", "training ")
            result.append(
                Finding(
                    sentence=f"{family}-{depths[-1]} has a {verb} {what} than {family}-{depths[0]}",
                    holds=(high > low) == rises,
                    evidence=f"{high:.2%} against {low:.2%}",
                )
            )
    return tuple(result)


def _mean_of(groups: Mapping[str, Sequence[Run]], name: str, measure: str) -> float:
    runs = next(runs for key, runs in groups.items() if key.lower() == name.lower())
    return sum(float(run.evaluation[measure]) for run in runs) / len(runs)
