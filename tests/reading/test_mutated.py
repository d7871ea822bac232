"""Whatever stands wherever in a config: it is counted, or refused in one line, and soon."""

from __future__ import annotations

import copy
import json
import math
import random
from collections.abc import Iterator
from typing import Any

import pytest

from keraudit.api import report_of
from keraudit.errors import KerauditError
from keraudit.layers.infer import shaped
from keraudit.output.json_text import json_text
from keraudit.reading.config import architecture

keras = pytest.importorskip("keras")
layers = keras.layers

JUNK: tuple[Any, ...] = (
    *(None, True, 0, -1, 3, 2**31, 2**63, 10**30, 10**400, 1.5, 1e308, "", "x", "same", "ops"),
    *(math.inf, -math.inf, math.nan),
    *([], [1, 2], [[1]], [None], {}, {"a": 1}, {"class_name": "Dense"}, {"class_name": 5}),
    *(
        {"class_name": "__keras_tensor__", "config": "x"},
        {"class_name": "Sequential", "config": []},
    ),
    *({"class_name": "__slice__", "config": []}, {"config": []}, [["a", 0, 0]], "abc,cd->abd"),
)


def sources() -> list[dict[str, Any]]:
    start = keras.Input((9, 8, 4))
    inner = keras.Sequential([keras.Input((9, 8, 4)), layers.Conv2D(4, 3, padding="same")])
    y = layers.Add()([inner(start), start])
    y = layers.DepthwiseConv2D(3, strides=2)(layers.BatchNormalization()(y))
    y = keras.ops.concatenate([y[:, ::2], y[:, 1::2]], axis=-1)
    y = layers.TimeDistributed(layers.Dense(3, dtype="mixed_float16"))(y)
    y = layers.Bidirectional(layers.GRU(3))(layers.Reshape((2, -1))(y))
    one = keras.Model(start, y)
    two = keras.Sequential([keras.Input((7, 6)), layers.LSTM(3), layers.Dense(2)])
    return [json.loads(model.to_json()) for model in (one, two)]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside nested data."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from places(item, (*path, key))


def mutated(record: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    record = copy.deepcopy(record)
    *path, key = chance.choice(list(places(record)))
    at: Any = record
    for step in path:
        at = at[step]
    if chance.random() < 0.15:
        del at[key]
    else:
        at[key] = copy.deepcopy(chance.choice(JUNK))
    return record


@pytest.mark.parametrize("seed", range(4))
def test_a_mutated_config_is_counted_or_refused(seed: int) -> None:
    chance = random.Random(seed)
    records = sources()
    for _ in range(300):
        record = mutated(chance.choice(records), chance)
        try:
            report = report_of(shaped(architecture(record, source="test")))
        except KerauditError:
            continue
        except Exception as error:
            raise AssertionError(json.dumps(record)[:4000]) from error
        assert json_text(report.to_dict())
        assert str(report)
