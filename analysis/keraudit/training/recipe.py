"""Recipes as data: every number that decides how a network is trained.

``step.py`` turns them into a schedule, an optimizer, a loss and a step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from keraudit.errors import KerauditError
from keraudit.output.plain_data import as_dict

STEP, COSINE = "step", "cosine"
SGD, ADAMW = "sgd", "adamw"
CHOICES = {
    "optimizer": (SGD, ADAMW),
    "schedule": (STEP, COSINE),
    "normalize": ("pixel", "channel"),
}
LARGEST = 3.4e38  # of float32
OLDER = "has an older format: convert it with analysis/records/rewrite.py"
MOST_MIXED = 100  # an alpha by which nearly all images are halves of two


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a network is trained.

    Attributes:
        name: what the recipe is called.
        source: the paper, or why these numbers.
        epochs: passes over the training images; only whole batches are taken.
        batch: images a step.
        optimizer: ``"sgd"``, or ``"adamw"`` (Loshchilov and Hutter 2019), whose step does not depend on the
            gradient's scale.
        learning_rate: the highest.
        momentum: of SGD, and AdamW's first beta; ``nesterov`` looks ahead, of SGD alone.
        schedule: ``"step"`` (a tenth at each of ``milestones``, parts of the whole) or ``"cosine"``.
        warmup: part of the whole in which the rate rises in a line from 0.
        weight_decay: w is pulled towards 0 by so much of itself a step, times the learning rate;
            on kernels, not on normalisations and biases. To SGD it is a part of the gradient, as in the
            papers; AdamW keeps it out of its moments.
        clip_norm: the largest norm of all gradients together, to which longer ones are shortened; 0 for
            no limit.
        label_smoothing: probability spread over all classes (Szegedy et al. 2015, section 7).
        ema: the part of all steps over which an exponential moving average of the weights looks
            back, with which the network is evaluated; 0 for none. A part, not a decay: with 0.999 a
            short run would be judged by weights near its first ones.
        padding: pixels of padding, out of which a random crop is taken.
        flip: mirror half of the images.
        cutout: pixels a side of the square of every image that is set to the mean, at a place drawn anew and
            cut by the border (DeVries and Taylor 2017); 0 for none.
        mixup: the alpha of Beta(alpha, alpha), from which it is drawn for each image how much of it is another
            one, and of its label that one's (Zhang et al. 2018, whose code draws once a batch); 0 for none.
        normalize: ``"pixel"`` (subtract the mean image) or ``"channel"`` (mean and deviation); with published
            weights ``networks.sized`` puts what these were trained with.
        precision: the dtype policy.
        size: pixels a side to which InceptionV3 and ResNet50 enlarge the images; ``None`` until the
            network is known (``networks.sized``), and for those that take them as they are.
        weights: to begin with: ``None`` for random ones, or ``"imagenet"`` for those that Keras publishes
            of InceptionV3 and ResNet50; images are then normalised as those were trained.
    """

    name: str
    source: str
    epochs: int
    batch: int = 128
    optimizer: str = SGD
    learning_rate: float = 0.1
    momentum: float = 0.9
    nesterov: bool = False
    schedule: str = STEP
    milestones: tuple[float, ...] = (0.5, 0.75)
    warmup: float = 0.0
    weight_decay: float = 1e-4
    clip_norm: float = 0.0
    label_smoothing: float = 0.0
    ema: float = 0.0
    padding: int = 4
    flip: bool = True
    cutout: int = 0
    mixup: float = 0.0
    normalize: str = "pixel"
    precision: str = "float32"
    size: int | None = None
    weights: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return as_dict(self)

    @staticmethod
    def from_dict(record: Mapping[str, Any]) -> Recipe:
        """The recipe of a record.

        Raises:
            KerauditError: it is of an older form.
        """
        if not is_whole(record):
            raise KerauditError(f"a recipe {OLDER}")
        return Recipe(**{**record, "milestones": tuple(record["milestones"])})

    def ema_decay(self, steps: int) -> float:
        """The average's decay in a run of so many steps: 1 - 1 / (steps it looks back).

        >>> round(RECIPES["modern"].ema_decay(40_000), 6)  # 1,000 steps
        0.999
        """
        return 1 - 1 / max(1.0, self.ema * steps)


RECIPES: Mapping[str, Recipe] = {
    "he2015": Recipe(
        name="he2015",
        source="He et al. 2015, section 4.2: 64k iterations of 128, a tenth at 32k and at 48k",
        epochs=164,  # 64,000 iterations of 390 whole batches
    ),
    "modern": Recipe(
        name="modern",
        source="common practice: Nesterov, warm-up and cosine, label smoothing, moving average",
        epochs=100,
        learning_rate=0.01,  # at 0.1 InceptionV3 hardly learns at first: analysis/research/first_steps.py
        nesterov=True,
        schedule=COSINE,
        warmup=0.05,
        weight_decay=5e-4,
        label_smoothing=0.1,
        ema=0.025,  # a decay of 0.999 in its 39,000 steps
        normalize="channel",
    ),
}


def recipe(name: str, *, budget: float = 1.0, **changes: Any) -> Recipe:
    """A recipe with some of its numbers changed.

    Args:
        name: of ``RECIPES``.
        budget: the part of the epochs to train for; milestones and warm-up are parts of the whole and
            move with it. A run on a budget says so in its record.
        changes: fields and their values; ``None`` leaves a field as it is.

    Raises:
        KerauditError: there is no such recipe, or a value makes no sense.
    """
    if name not in RECIPES:
        raise KerauditError(f"no recipe is called {name!r}: expected {', '.join(RECIPES)}")
    if not 0 < budget <= 1:
        raise KerauditError(f"budget must be above 0 and at most 1, received {budget:g}")
    stated = {key: value for key, value in changes.items() if value is not None}
    unknown = sorted(stated.keys() - {f.name for f in fields(Recipe)})
    if unknown:
        raise KerauditError(f"a recipe has no {unknown[0]!r}")
    settings = replace(RECIPES[name], **stated)
    if settings.optimizer == ADAMW:
        if "learning_rate" not in stated:
            raise KerauditError(
                f"the learning rate of recipe {name}, {settings.learning_rate:g}, is for sgd: give"
                " --learning-rate for adamw, for example 0.001"
            )
        settings = replace(settings, nesterov=stated.get("nesterov", False))
    check(settings)
    return replace(settings, epochs=max(1, round(settings.epochs * budget)))


def check(recipe: Recipe) -> None:
    """Refuse a value that makes no sense."""
    for key, lowest in (("epochs", 1), ("batch", 1), ("padding", 0), ("cutout", 0)):
        if getattr(recipe, key) < lowest:
            raise KerauditError(f"{key} must be {lowest} or more, received {getattr(recipe, key)}")
    if not 0 < recipe.learning_rate < LARGEST:
        raise KerauditError(
            f"learning_rate must be above 0 and below {LARGEST:g}, received {recipe.learning_rate:g}"
        )
    for key in ("momentum", "warmup", "ema", "label_smoothing"):
        if not 0 <= getattr(recipe, key) < 1:
            raise KerauditError(
                f"{key} must be from 0 to below 1, received {getattr(recipe, key):g}"
            )
    for key, limit in (("weight_decay", LARGEST), ("clip_norm", LARGEST), ("mixup", MOST_MIXED)):
        if not 0 <= getattr(recipe, key) < limit:
            raise KerauditError(
                f"{key} must be 0 or more and below {limit:g}, received {getattr(recipe, key):g}"
            )
    if list(recipe.milestones) != sorted(recipe.milestones) or not all(
        0 < part < 1 for part in recipe.milestones
    ):
        raise KerauditError(
            "milestones must be increasing fractions of the run, between 0 and 1, received"
            f" {', '.join(f'{part:g}' for part in recipe.milestones)}"
        )
    for key, (first, second) in CHOICES.items():
        if getattr(recipe, key) not in (first, second):
            raise KerauditError(
                f"{key} must be {first!r} or {second!r}, received {getattr(recipe, key)!r}"
            )
    _check_together(recipe)


def _check_together(recipe: Recipe) -> None:
    """Refuse values that do not go together."""
    if recipe.mixup and recipe.batch == 1:
        raise KerauditError("mixup mixes the images of a batch: --batch must be 2 or more")
    if recipe.nesterov and recipe.optimizer != SGD:
        raise KerauditError(
            f"nesterov applies only to sgd, received {recipe.optimizer}: leave it out"
        )


def is_whole(recipe: Mapping[str, Any]) -> bool:
    """Whether a record's recipe has the fields of today, all and no other."""
    return recipe.keys() == {field.name for field in fields(Recipe)}
