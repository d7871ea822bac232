"""The learning rate at each step of a run: warm-up, then steps down or a cosine."""

from __future__ import annotations

from math import cos, pi
from typing import Any

from keraudit.training.recipe import COSINE, Recipe


def rate(recipe: Recipe, step: int, steps: int) -> float:
    """The learning rate at a step, counted from 0, of so many.

    >>> from keraudit.training.recipe import RECIPES
    >>> [f"{rate(RECIPES['he2015'], step, 64_000):g}" for step in (0, 32_000, 48_000)]
    ['0.1', '0.01', '0.001']
    """
    done = step / max(steps, 1)
    if done < recipe.warmup:
        return recipe.learning_rate * (step + 1) / max(1.0, recipe.warmup * steps)
    if recipe.schedule == COSINE:
        rest = (done - recipe.warmup) / (1 - recipe.warmup)
        return recipe.learning_rate * 0.5 * (1 + cos(pi * min(rest, 1.0)))
    return float(recipe.learning_rate * 0.1 ** sum(done >= part for part in recipe.milestones))


def on_device(recipe: Recipe, steps: int) -> Any:
    """The same as a Keras schedule: a function of the optimizer's step, computed on the device."""
    import keras
    from keras import ops

    class Rate(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        """The recipe's learning rate, or the one that is ``given``."""

        given: Any = None

        def __call__(self, step: Any) -> Any:
            if self.given is not None:
                return self.given
            step = ops.cast(step, "float32")
            done = step / steps
            if recipe.schedule == COSINE:
                rest = (done - recipe.warmup) / (1 - recipe.warmup)
                part = 0.5 * (1 + ops.cos(3.141592653589793 * ops.clip(rest, 0.0, 1.0)))
            else:
                part = ops.ones_like(done)
                for at in recipe.milestones:
                    part = part * ops.where(done >= at, 0.1, 1.0)
            if recipe.warmup:
                rising = (step + 1) / max(1.0, recipe.warmup * steps)
                part = ops.where(done < recipe.warmup, rising, part)
            return recipe.learning_rate * part

        def get_config(self) -> dict[str, Any]:
            return {}

    return Rate()
