'''Rules for the user's own layer classes, from a TOML file: data, never code.

One table for each class. Either the class is like one that Keras has, with options of the same
names (``options`` translates those that are called otherwise, or are fixed)::

    [layers.MyConv]
    like = "Conv2D"
    options = { filters = "width", kernel_size = 3 }

or its output and counts are given by whole-number expressions::

    [layers.Gate]
    output = ["batch", "input[1]", "units"]
    macs = "batch * input[1] * input[-1] * units"
    flops = "batch * input[1] * units"
    params = "input[-1] * units + units"
    view = "pointwise"

Every key may be left out. ``output`` is then the first input's shape, a count is 0, and ``view``
(for receptive fields: ``"pointwise"`` or ``"global"``) is ``"global"``. ``flops`` are those beside
the MACs; ``frozen_params`` are parameters that are never trained.

An expression knows ``batch``; ``input``, the first input's shape with its batch, so that
``input[-1]`` is its channels; ``inputs[1][-1]``, counted from 0; ``output``; and every option of
the layer's config that is a whole number, true (1), false (0), or a list of those. The grammar is
that of ``keraudit.layers.expressions``.

>>> from keraudit.layers.call import Site, Tensor
>>> rules = rules_from(
...     """
...     [layers.Gate]
...     output = ["batch", "input[1]", "units"]
...     macs = "batch * input[1] * input[-1] * units"
...     """)
>>> site = Site(kind="Gate", config={"units": 3}, inputs=(Tensor((2, 5, 7), "float32"),),
...     measure=None)
>>> effect = rules["Gate"](site)
>>> effect.outputs, effect.macs == 2 * 5 * 7 * 3
(((2, 5, 3),), True)
'''

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from keraudit.errors import ModelError
from keraudit.layers.call import Effect, Rule, Shape, Site, Term, Weight, counted, zero
from keraudit.layers.expressions import Value, evaluated, parsed
from keraudit.layers.keras_io import EXAMPLES, RULES
from keraudit.layers.rule_table import LAYERS, rule_of
from keraudit.model.fuzzy import close
from keraudit.model.graph import GLOBAL, POINTWISE

COUNTS = ("macs", "flops", "params", "frozen_params")
KEYS = ("like", "options", "output", "view", *COUNTS)
LARGEST_FILE = 1_000_000  # bytes


def load_rules(path: str | Path) -> Mapping[str, Rule]:
    """Read the rules of a TOML file, by class name; ``"keras.io"`` names those for the layers of its examples.

    Raises:
        ModelError: the file cannot be read, or a rule in it is wrong; the message names the file,
            the class and the key.
    """
    path = Path(path)
    if str(path) == EXAMPLES:
        return RULES
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ModelError(
            f"cannot read the rules {path}: {error.strerror or error}; expected a TOML file, or {EXAMPLES}"
        ) from None
    if len(data) > LARGEST_FILE:
        raise ModelError(f"the rules {path} are larger than {LARGEST_FILE:,} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise ModelError(f"the rules {path} are no UTF-8 text") from None
    return rules_from(text, source=str(path))


def rules_from(text: str, *, source: str = "rules") -> Mapping[str, Rule]:
    """The rules in TOML text; ``source`` names it in messages."""
    try:
        record = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{source}: no valid TOML: {error}") from None
    tables = record.pop("layers", None)
    if record or not isinstance(tables, Mapping) or not tables:
        extra = f", found {', '.join(map(repr, record))}" if record else ""
        raise ModelError(f"{source}: expected tables [layers.ClassName] and nothing else{extra}")
    return {name: _rule_from(table, f"{source}: layers.{name}") for name, table in tables.items()}


def _rule_from(table: Any, where: str) -> Rule:
    if not isinstance(table, Mapping):
        raise ModelError(f"{where}: expected a table of keys, received {table!r}")
    for key in table:
        if key not in KEYS:
            near = close(key, KEYS, most=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(KEYS)}"
            raise ModelError(f"{where}.{key}: an unknown key{hint}")
    if "like" in table:
        return alike(table, where)
    if "options" in table:
        raise ModelError(f"{where}.options: only a rule with 'like' has options")
    return formula(table, where)


def alike(table: Mapping[str, Any], where: str) -> Rule:
    """The rule of a class that Keras has, perhaps under other options."""
    if surplus := [key for key in table if key not in ("like", "options")]:
        raise ModelError(f"{where}.{surplus[0]}: a rule with 'like' takes no formulas of its own")
    kind, options = table["like"], table.get("options", {})
    rule = rule_of(kind) if isinstance(kind, str) else None
    if rule is None:
        near = close(str(kind), LAYERS)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise ModelError(f"{where}.like: {kind!r} is not in the layer table{hint}")
    if not isinstance(options, Mapping):
        raise ModelError(f"{where}.options: expected a table, received {options!r}")
    for name, option in options.items():
        if not isinstance(option, str | int | list):
            raise ModelError(f"{where}.options.{name}: expected the name of an option or a value")

    def applied(site: Site) -> Effect:
        config = dict(site.config)
        for name, option in options.items():
            if isinstance(option, str) and option in site.config:
                option = site.config[option]
            config[name] = option
        return rule(replace(site, kind=kind, config=config))

    return applied


def formula(table: Mapping[str, Any], where: str) -> Rule:
    """A rule whose output and counts are expressions, parsed here once."""
    view = table.get("view", GLOBAL)
    if view not in (POINTWISE, GLOBAL):
        raise ModelError(f'{where}.view: expected "pointwise" or "global", received {view!r}')
    counts = {key: _expression(table[key], f"{where}.{key}") for key in COUNTS if key in table}
    stated = table.get("output")
    if stated is not None and (not isinstance(stated, list) or not stated):
        raise ModelError(f"{where}.output: expected a list of sizes, received {stated!r}")
    sizes = [_expression(size, f"{where}.output") for size in stated or ()]

    def applied(site: Site) -> Effect:
        names = known(site)
        output = tuple(worth(size, names, f"{where}.output") for size in sizes) or site.shape
        names["output"] = output
        found = {key: worth(tree, names, f"{where}.{key}") for key, tree in counts.items()}
        if negative := [key for key, count in found.items() if count < 0]:
            raise ModelError(f"{where}.{negative[0]}: is worth {found[negative[0]]}, below 0")
        return effect_from(found, (output,), view)

    return applied


def effect_from(
    found: Mapping[str, int], outputs: Sequence[Shape], view: str, *, weights_known: bool = True
) -> Effect:
    """The effect of a call from the counts of a user's rule, by key."""
    terms = [
        Term(unit, "user's rule", (("count", found[key]),))
        for key, unit in (("macs", "mac"), ("flops", "flop"))
        if found.get(key)
    ]
    weights = tuple(
        Weight(key, (found[key],), trainable=key == "params")
        for key in ("params", "frozen_params")
        if found.get(key)
    )
    rest: dict[str, Any] = {"weights": weights, "view": view, "weights_known": weights_known}
    if not terms:
        return zero(*outputs, reason="the user's rule counts nothing", **rest)
    return counted(*outputs, terms=terms, **rest)


def _expression(value: Any, where: str) -> ast.expr:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ModelError(f"{where}: expected an expression or a whole number, received {value!r}")
    try:
        return parsed(str(value))
    except ModelError as error:
        raise ModelError(f"{where}: {error}") from None


def worth(tree: ast.expr, names: Mapping[str, Value], where: str) -> int:
    try:
        return evaluated(tree, names)
    except ModelError as error:
        raise ModelError(f"{where}: {error}") from None


def known(site: Site) -> dict[str, Value]:
    """The names that an expression may use; the tensors' own go before the options'."""
    names = dict(_options_of(site.config))
    shapes = tuple(tensor.shape for tensor in site.inputs)
    if shapes:
        names |= {"batch": shapes[0][0] if shapes[0] else 1, "input": shapes[0], "inputs": shapes}
    return names


def _options_of(config: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
    for name, option in config.items():
        if isinstance(option, int):
            yield name, int(option)
        elif isinstance(option, list | tuple) and all(isinstance(item, int) for item in option):
            yield name, tuple(map(int, option))


__all__ = ["load_rules", "rules_from"]
