"""How each kind of input is made wrong: from something right, a little at a time."""

from __future__ import annotations

import copy
import io
import json
import math
import pickle
import random
import zipfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hostile import TEXTS
from hostile_configs import code, harmless
from toys import record

MODELS = Path(__file__).parents[1] / "fuzz" / "models.json"
JUNK: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 3, 2**31, 2**63, 10**30, 10**400, 1.5, -0.0, 1e308),
    *(
        math.inf,
        -math.inf,
        math.nan,
        "",
        "x",
        "same",
        "ops",
        "linear",
        "channels_first",
        "a" * 3000,
    ),
    *(
        [],
        [1, 2],
        [[1]],
        [None],
        [[], []],
        {},
        {"a": 1},
        {"class_name": "Dense"},
        {"class_name": 5},
    ),
    *(
        {"class_name": "__keras_tensor__", "config": "x"},
        {"class_name": "Sequential", "config": []},
    ),
    *({"class_name": "__slice__", "config": []}, {"config": []}, [["a", 0, 0]], "abc,cd->abd"),
    *({"class_name": "__numpy__", "config": {"value": [[]], "dtype": "V"}}, "mixed_float16"),
    *({"module": "os", "class_name": "system", "config": "id"}, code(), *TEXTS.values()),
)
KINDS_OF_LAYER = (
    "Dense",
    "Conv2D",
    "LSTM",
    "Add",
    "Sequential",
    "Functional",
    "Lambda",
    "Bidirectional",
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside nested data."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from places(item, (*path, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def mutated(found: Any, chance: random.Random) -> Any:
    """Nested data with one to three changes: junk, a hostile text, something left out, twice or exchanged."""
    found = copy.deepcopy(found)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        listed = list(places(found))
        if not listed:
            return found
        *path, key = chance.choice(listed)
        holder = at(found, tuple(path))
        how = chance.random()
        if how < 0.1:
            del holder[key]
        elif how < 0.2 and isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        elif how < 0.35:
            holder[key] = copy.deepcopy(at(found, chance.choice(listed)))
        elif how < 0.45 and isinstance(holder, dict):
            holder[chance.choice((*TEXTS.values(), "name", "layers", "dtype"))] = holder.pop(key)
        elif how < 0.6 and isinstance(holder[key], str):
            holder[key] = f"{holder[key]}{chance.choice((*TEXTS.values(), *KINDS_OF_LAYER))}"
        elif how < 0.7 and isinstance(holder[key], int) and not isinstance(holder[key], bool):
            holder[key] += chance.choice((-1, 1, -holder[key], 10**6, 2**40))
        else:
            holder[key] = copy.deepcopy(chance.choice(JUNK))
    return found


def flipped(whole: bytes, chance: random.Random) -> bytes:
    """Bytes changed, left out, put in, or the end cut off."""
    data = bytearray(whole)
    for _ in range(chance.randint(1, 4)):
        spot, how = chance.randrange(len(data)), chance.random()
        if how < 0.6:
            data[spot] ^= 1 << chance.randrange(8)
        elif how < 0.8:
            data[spot] = chance.choice((0, 0xFF, ord("{"), ord("9"), ord('"')))
        elif how < 0.9:
            del data[spot : spot + chance.randint(1, 9)]
        else:
            data[spot:spot] = data[spot : spot + chance.randint(1, 40)]
        if not data:
            return b""
    return bytes(data[: chance.randrange(len(data))] if chance.random() < 0.05 else data)


def as_text(found: Any) -> bytes:
    return json.dumps(found).encode("utf-8", "surrogatepass")


@cache
def models() -> tuple[Any, ...]:
    """Composite models as Keras 3 writes them, by hand as Keras 1 and 2 do, and one of each place for objects."""
    return (*json.loads(MODELS.read_text()).values(), *harmless().values())


def mutated_record(chance: random.Random) -> bytes:
    found = as_text(mutated(chance.choice(models()), chance))
    return flipped(found, chance) if chance.random() < 0.1 else found


def keras_file(chance: random.Random) -> bytes:
    """A .keras archive or JSON with changed bytes; or a whole archive around changed JSON."""
    text = as_text(chance.choice(models()))
    if chance.random() < 0.3:
        return flipped(text, chance)
    out = io.BytesIO()
    is_inside = chance.random() < 0.5
    with zipfile.ZipFile(
        out, "w", chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    ) as file:
        file.writestr("metadata.json", '{"keras_version": "3.15.1"}')
        file.writestr("config.json", flipped(text, chance) if is_inside else text)
    return out.getvalue() if is_inside else flipped(out.getvalue(), chance)


def run_record(chance: random.Random) -> bytes:
    whole = record(seed=chance.randrange(3)).to_dict()
    sessions = [{"hardware": {}, "versions": {"x": "1"}, "from_epoch": 1}]
    found = mutated({**whole, "note": "a note", "sessions": sessions}, chance)
    text = as_text(found)
    return flipped(text, chance) if chance.random() < 0.2 else text


def stored_file(chance: random.Random) -> bytes:
    """Something like a configuration, a plan, an evaluation; or nothing like it."""
    whole: Any = record().to_dict()
    kinds = {
        "plan": {**whole, "seeds": [0, 1], "networks": ["a"], "schema": "keraudit.plan/1"},
        "evaluation": {"schema": "keraudit.evaluation/1", "classes": ["a"], **whole["evaluation"]},
        "config": {key: whole[key] for key in ("network", "recipe", "seed", "dataset", "loss")},
        "junk": chance.choice(JUNK),
    }
    found = kinds[chance.choice([*kinds])]
    text = as_text(mutated(found, chance) if isinstance(found, dict | list) else found)
    if chance.random() < 0.1:
        text = b"[" * chance.randrange(2000) + text
    return flipped(text, chance) if chance.random() < 0.2 else text


RULES = """[layers.Scale]
like = "Dense"
options = { units = "width" }

[layers."hub>Mix"]
output = "batch, rows, columns, channels * 2"
macs = "rows * columns * channels ** 2"
params = "channels * 4 + 1"

[tool.keraudit]
max-macs = "4G"
max-params = 25_000_000
max-peak-memory = "64MiB"
"""
PIECES = (
    *(
        "[",
        "]",
        "{",
        "}",
        '"',
        "'",
        "=",
        "\n",
        ".",
        ",",
        "#",
        "**",
        "//",
        "(",
        ")",
        "%",
        "-",
        "9" * 400,
    ),
    *(
        "a" * 200,
        "__import__('os')",
        "lambda: 0",
        "channels",
        "0x",
        "1e400",
        "inf",
        "[[x]]",
        "\x00",
    ),
    *TEXTS.values(),
)


def toml_text(chance: random.Random) -> bytes:
    parts = [RULES, RULES.partition("[tool")[0], "[tool" + RULES.partition("[tool")[2]]
    text = chance.choice(parts)
    for _ in range(chance.randint(1, 5)):
        spot = chance.randrange(len(text) + 1)
        piece = chance.choice(PIECES) * chance.choice((1, 1, 1, 2, 300))
        text = text[:spot] + piece + text[spot + chance.choice((0, 0, 1, 5)) :]
    return text.encode("utf-8", "surrogatepass")


KEYS = (
    "page model size batch unit area color level block layer open spot without width to filters record"
    " step against images seeds compared matched axis smooth curve trained run other pictures what x embed"
).split()
VALUES = (
    *("", "layer", "VGG16", "ResNet-CIFAR-2000", "resnet_50", "upload-0123456789abcdef", "named"),
    *(
        "1x1",
        "224x224x3",
        "0",
        "-1",
        "9" * 30,
        "1e9",
        "0.5",
        "a;b",
        "a=3",
        "%3B%2C",
        "..",
        "../../x",
    ),
    *("/etc/passwd", "module:callable", "-", "x.keras", "skips;reductions", *TEXTS.values()),
)


def address_text(chance: random.Random) -> bytes:
    names = chance.sample(KEYS, chance.randint(0, 6))
    found = {}
    for name in names:
        value = "".join(chance.choice(VALUES) for _ in range(chance.choice((1, 1, 2, 3))))
        found[name] = "".join(chance.sample(value, len(value))) if chance.random() < 0.2 else value
    return as_text(found)


@cache
def batches() -> Mapping[str, bytes]:
    """A batch of CIFAR-10 by several protocols, a data set as an archive of arrays, and images."""
    import numpy as np
    from PIL import Image

    images = np.arange(4 * 3072, dtype="uint8").reshape(4, 3072)
    batch = {
        b"data": images,
        b"labels": [0, 1, 2, 3],
        b"batch_label": b"x",
        b"filenames": [b"a"] * 4,
    }
    made = {f"protocol {p}": pickle.dumps(batch, protocol=p) for p in (0, 2, 4, 5)}
    out = io.BytesIO()
    small = images[:, :192].reshape(4, 8, 8, 3)
    np.savez_compressed(out, x_train=small, y_train=[0, 1, 0, 1], x_test=small, y_test=[0, 1, 0, 1])
    for kind in ("PNG", "JPEG", "GIF", "BMP"):
        Image.fromarray(small[0]).save(drawn := io.BytesIO(), kind)
        made[kind] = drawn.getvalue()
    return {**made, "npz": out.getvalue()}


def data_set(chance: random.Random) -> bytes:
    return flipped(chance.choice([*batches().values()]), chance)
