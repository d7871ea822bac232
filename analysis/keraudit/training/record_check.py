"""A run's record as it is read: every text in it harmless, every part of the kind that its readers expect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from keraudit.safe_text import harmless_data
from keraudit.training.recipe import LARGEST as LARGEST_SETTING
from keraudit.training.recipe import OLDER, is_whole

LARGEST = 2**63  # of any number; what is printed, drawn and rounded stays below
# A run's loss: of logits, or of probabilities of which none counts as less than 1e-7.
LOGITS, CLIPPED = "logits", "clipped"
Check = Callable[[Any], bool]


def is_number(value: Any) -> bool:
    """Whether a value is a finite number: comparisons with what is not a number are false."""
    return type(value) in (int, float) and abs(value) < LARGEST


def _is_setting(value: Any) -> bool:
    """Whether it is a number that a recipe takes."""
    return type(value) in (int, float) and abs(value) < LARGEST_SETTING


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


TEXT, NUMBER, COUNT, RECORD = "text", "number", "whole number", "record"
SETTING, FLAG = "number below 3.4e38", "yes or no"
KINDS: Mapping[str, Check] = {
    TEXT: lambda value: isinstance(value, str),
    NUMBER: is_number,
    SETTING: _is_setting,
    FLAG: lambda value: isinstance(value, bool),
    COUNT: lambda value: type(value) is int and is_number(value),
    RECORD: lambda value: isinstance(value, dict),
    "list": lambda value: isinstance(value, list),
    "list of text": _is_texts,
    "list of numbers": lambda value: isinstance(value, list) and all(map(is_number, value)),
    "record of text": lambda value: isinstance(value, dict) and _is_texts([*value.values()]),
}
# What a record has, and what else it may have, by where it is: its kind.
HAS: Mapping[str, Mapping[str, str]] = {
    "": {"network": TEXT, "seed": COUNT, "params": COUNT, "budget": NUMBER, "history": "list"}
    | dict.fromkeys(("recipe", "dataset", "evaluation", "hardware"), RECORD)
    | {"versions": "record of text", "date": TEXT, "loss": TEXT},
    "recipe": dict.fromkeys(
        ("name", "source", "optimizer", "schedule", "normalize", "precision"), TEXT
    )
    | dict.fromkeys(("epochs", "batch", "padding", "cutout"), COUNT)
    | dict.fromkeys(("learning_rate", "momentum", "warmup", "weight_decay", "clip_norm"), SETTING)
    | dict.fromkeys(("label_smoothing", "ema", "mixup"), SETTING)
    | {"nesterov": FLAG, "flip": FLAG, "milestones": "list of numbers"},
    "dataset": {"name": TEXT, "fingerprint": TEXT},
    "evaluation": dict.fromkeys(("train_error", "test_error", "gap"), NUMBER),
    "history": {"epoch": COUNT}
    | dict.fromkeys(("loss", "accuracy", "test_loss", "test_accuracy", "seconds"), NUMBER),
    "work": dict.fromkeys(("share_of_peak", "peak_macs_per_s"), NUMBER),
    "sessions": {"hardware": RECORD, "versions": RECORD},
}
MAY_HAVE: Mapping[str, Mapping[str, str]] = {
    "": dict.fromkeys(("revision", "command", "note"), TEXT)
    | {"devices": COUNT, "sessions": "list"}
    | dict.fromkeys(("work", "evaluated", "gradients"), RECORD),
    "recipe": {"size": COUNT, "weights": TEXT},
    "dataset": dict.fromkeys(("train_images", "test_images", "held_out"), COUNT)
    | {"source": TEXT, "classes": "list of text", "image_shape": "list"},
    "evaluation": dict.fromkeys(("train", "test"), RECORD),
    "history": {"learning_rate": NUMBER, "images_per_s": NUMBER},
    "hardware": {"processor": TEXT, "cores": COUNT, "devices": "list of text"},
    "evaluated": {"dataset": RECORD},
}


def checked(found: Any) -> dict[str, Any]:
    """The record with harmless text, once its parts are of the kinds that they should be.

    Raises:
        ValueError: one is missing or of another kind; one line says which.
    """
    record: dict[str, Any] = harmless_data(found)
    if _is_older(record):
        raise ValueError(f"it {OLDER}")
    _expect(record, "")
    for place in sorted({*HAS, *MAY_HAVE} - {""}):
        part = record.get(place)
        for one in part if isinstance(part, list) else [part] if part is not None else []:
            _expect(one, place)
    empty = {
        k: "" for k, kind in MAY_HAVE[""].items() if kind == TEXT and record.get(k, "") is None
    }
    return record | empty


def checked_part(found: Any, place: str) -> None:
    """Refuse what is not such a part of a record as stands at ``place``.

    Raises:
        ValueError: one line says what is missing, or of another kind.
    """
    _expect(found, place)


def _is_older(record: Any) -> bool:
    """Whether a record lacks what records have had since they name their loss and all of their recipe."""
    recipe = record.get("recipe") if isinstance(record, dict) else None
    if not isinstance(recipe, dict):
        return False
    return not is_whole(recipe) or record.get("loss") not in (LOGITS, CLIPPED)


def _expect(found: Any, place: str) -> None:
    """Refuse what lacks a part that it has to have, or has one of another kind."""
    if not isinstance(found, dict):
        raise ValueError(f"{place} is {repr(found)[:40]}, not a record")
    has, may_have = HAS.get(place, {}), MAY_HAVE.get(place, {})
    for key, kind in {**has, **may_have}.items():
        named = f"{place}.{key}".lstrip(".")
        if key in has and key not in found:
            raise ValueError(f"it has no {named}")
        is_left_out = key in may_have and found.get(key) is None
        if not is_left_out and not KINDS[kind](found[key]):
            is_one = kind == RECORD and is_number(found[key])
            what = "a number where several belong" if is_one else f"not a {kind}"
            raise ValueError(f"{named} is {repr(found[key])[:40]}, {what}")
