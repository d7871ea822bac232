"""Single modules and their arguments, as typed behind a colon: ``inception-reduced:lecture,f5=48``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from keraudit.errors import ModelError
from keraudit.model.fuzzy import near, plain
from keraudit.model.graph import Shape
from keraudit.zoo.widths import Widths, naive_presets, reduced_presets

Value = int | str
SIZES = ("height", "width", "channels")


class Parameter(NamedTuple):
    """An argument of a module: a whole number within limits, or one of several words."""

    name: str
    meaning: str
    least: int = 1
    most: int = 100_000
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A module that can be asked for; ``start`` names the preset that arguments depart from."""

    name: str
    builder: str
    reference: str
    parameters: tuple[Parameter, ...]
    presets: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    start: str = ""


INPUT = (
    Parameter("height", "input rows"),
    Parameter("width", "input columns"),
    Parameter("channels", "input channels"),
)
FILTERS = {
    "f1": Parameter("f1", "filters of the 1x1 convolution; 0: no such branch", 0),
    "r3": Parameter("r3", "filters of the reduction before the 3x3; 0: none", 0),
    "f3": Parameter("f3", "filters of the 3x3 convolution; 0: no such branch", 0),
    "r5": Parameter("r5", "filters of the reduction before the 5x5; 0: none", 0),
    "f5": Parameter("f5", "filters of the 5x5 convolution; 0: no such branch", 0),
    "pool": Parameter("pool", "filters of the projection behind the pooling; 0: no such branch", 0),
}
BLOCK = (
    *INPUT,
    Parameter("filters", "filters of the 3x3 convolutions"),
    Parameter("stride", "stride of the block", 1, 16),
    Parameter("option", "shortcut where sizes change", words=("A", "B")),
)


def _settled(shape: Shape, values: Mapping[str, Value]) -> dict[str, Value]:
    return {**dict(zip(SIZES, shape, strict=True)), **values}


def _inception_presets(
    found: Mapping[str, tuple[Shape, Widths]], names: tuple[str, ...]
) -> dict[str, Mapping[str, Value]]:
    return {
        preset: _settled(shape, {name: getattr(widths, name) for name in names})
        for preset, (shape, widths) in found.items()
    }


NAIVE = ("f1", "f3", "f5")
MODULES: tuple[Module, ...] = (
    Module(
        name="inception-naive",
        builder="keraudit.zoo.inception:inception_naive",
        reference="Szegedy et al. 2014, figure 2(a)",
        parameters=(
            *INPUT,
            *(FILTERS[name] for name in NAIVE),
            Parameter("pool", "1: the pooled input is concatenated; 0: no such branch", 0, 1),
        ),
        presets=_inception_presets(naive_presets(), (*NAIVE, "pool")),
        start="lecture",
    ),
    Module(
        name="inception-reduced",
        builder="keraudit.zoo.inception:inception_reduced",
        reference="Szegedy et al. 2014, figure 2(b)",
        parameters=(*INPUT, *FILTERS.values()),
        presets=_inception_presets(reduced_presets(), Widths._fields),
        start="lecture",
    ),
    Module(
        name="residual-block",
        builder="keraudit.zoo.residual:residual_block",
        reference="He et al. 2015, figure 5 left",
        parameters=BLOCK,
        presets={"": _settled((56, 56, 64), {"filters": 64, "stride": 1, "option": "B"})},
    ),
    Module(
        name="bottleneck-block",
        builder="keraudit.zoo.residual:bottleneck_block",
        reference="He et al. 2015, figure 5 right",
        parameters=BLOCK,
        presets={"": _settled((56, 56, 256), {"filters": 64, "stride": 1, "option": "B"})},
    ),
)


def module_named(text: str) -> Module | None:
    """The module whose name stands before the colon of ``text``, if it is one."""
    word = plain(text.partition(":")[0])
    return next((module for module in MODULES if plain(module.name) == word), None)


def preset_of(module: Module, text: str) -> str | None:
    """The preset of ``module`` that ``text`` names; ``3a`` is enough for ``googlenet-3a``.

    >>> preset_of(MODULES[1], "Lecture_5x5"), preset_of(MODULES[1], "4A"), preset_of(MODULES[2], "x")
    ('lecture-5x5', 'googlenet-4a', None)
    """
    word = plain(text)
    fits = (p for p in module.presets if p and word in (plain(p), plain(p.split("-")[-1])))
    return next((p for p in fits if plain(p) == word or p.startswith("googlenet-")), None)


def arguments_of(module: Module, text: str) -> tuple[str, dict[str, Value]]:
    """What stands behind the colon, as the module's canonical name and all its arguments.

    >>> arguments_of(MODULES[1], "lecture-5x5")[0]
    'inception-reduced:lecture-5x5'
    >>> arguments_of(MODULES[1], "lecture,f5=48")[0]
    'inception-reduced:f5=48'
    >>> arguments_of(MODULES[2], "")[0]
    'residual-block'
    """
    preset, changes = module.start, {}
    for position, part in enumerate(filter(None, map(str.strip, text.split(",")))):
        name, equals, value = map(str.strip, part.partition("="))
        if equals:
            parameter = _parameter_of(module, name)
            changes[parameter.name] = _value_of(module, parameter, value)
        elif position or (found := preset_of(module, name)) is None:
            raise ModelError(
                f"{module.name} takes {takes(module)}; received {part!r}:"
                f" {near(part, module.presets)}write {module.name}:{example(module)}"
            )
        else:
            preset = found
    values = normal({**module.presets[preset], **changes})
    check(module, values)
    return _canonical(module, preset, values), values


def takes(module: Module) -> str:
    """What may stand behind the colon, in words."""
    presets = [p for p in module.presets if p]
    names = ", ".join(f"{p.name}=" for p in module.parameters)
    return f"a preset ({', '.join(presets)}) and {names}" if presets else names


def example(module: Module) -> str:
    return f"{module.start},f5=48" if module.start else "filters=128,stride=2"


def _parameter_of(module: Module, text: str) -> Parameter:
    for parameter in module.parameters:
        if plain(parameter.name) == plain(text):
            return parameter
    names = [parameter.name for parameter in module.parameters]
    raise ModelError(
        f"{module.name} has the arguments {', '.join(names)}; received {text!r}:"
        f" {near(text, names)}write {module.name}:{example(module)}"
    )


def _value_of(module: Module, parameter: Parameter, text: str) -> Value:
    if parameter.words:
        words = {word.lower(): word for word in parameter.words}
        if text.lower() in words:
            return words[text.lower()]
        rule = " or ".join(parameter.words)
    else:
        if text.isascii() and text.isdigit() and len(text) < 10:
            number = int(text)
            if parameter.least <= number <= parameter.most:
                return number
        rule = f"a whole number from {parameter.least} to {parameter.most:,}"
    raise ModelError(
        f"{parameter.name} of {module.name} ({parameter.meaning}) is {rule};"
        f" received {text!r}: change it"
    )


def normal(values: Mapping[str, Value]) -> dict[str, Value]:
    """A branch that is left out needs no reduction."""
    gone = {f"r{k}" for k in "35" if values.get(f"f{k}") == 0}
    return {name: 0 if name in gone else value for name, value in values.items()}


def check(module: Module, values: Mapping[str, Value]) -> None:
    """What no single argument can say."""
    branches = [name for name in ("f1", "f3", "f5", "pool") if name in values]
    if branches and not any(values[name] for name in branches):
        raise ModelError(
            f"{module.name} needs a branch; received 0 for each of {', '.join(branches)}:"
            " give one of them filters"
        )


def _canonical(module: Module, preset: str, values: Mapping[str, Value]) -> str:
    """The name that says all: the preset if nothing departs from it, else what does from ``start``."""
    if values == module.presets[preset]:
        return f"{module.name}:{preset}" if preset else module.name
    first = module.presets[module.start]
    changed = [f"{name}={value}" for name, value in values.items() if value != first[name]]
    return f"{module.name}:{','.join(changed) or module.start}"
