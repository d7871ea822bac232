"""What can be asked for by name, and what a typed name means; no Keras here.

A builder is named by its path, ``module:function``, and imported by the process that builds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from keraudit.errors import ModelError
from keraudit.model.fuzzy import plain
from keraudit.model.graph import Shape
from keraudit.zoo.modules import MODULES, SIZES, Value, arguments_of, module_named, preset_of

IMAGENET: Shape = (224, 224, 3)
CIFAR: Shape = (32, 32, 3)
CIFAR_DEPTHS = (20, 32, 44, 56, 110, 1202)  # He et al. 2015, Table 6
DEEPEST = 2402  # twice the paper's deepest; half a minute in Keras


@dataclass(frozen=True, slots=True, kw_only=True)
class ZooModel:
    """A model with every argument settled: ``builder`` called with ``options`` and an input shape."""

    name: str
    builder: str
    reference: str
    input_shape: Shape
    options: Mapping[str, Value]


def googlenet(name: str, *, aux: bool) -> ZooModel:
    return ZooModel(
        name=name,
        builder="keraudit.zoo.googlenet:googlenet",
        reference="Szegedy et al. 2014, Table 1",
        input_shape=IMAGENET,
        options={"aux": aux},
    )


def imagenet(family: str, depth: int, option: str = "") -> ZooModel:
    """ResNet or Plain for ImageNet; option B is the usual one and goes without saying."""
    return ZooModel(
        name=f"{family}-{depth}" + ("-A" if option == "A" else ""),
        builder=f"keraudit.zoo.resnet:{family.lower()}",
        reference="He et al. 2015, Tables 1 and 2",
        input_shape=IMAGENET,
        options={"depth": depth, **({"option": option} if option else {})},
    )


def cifar(family: str, depth: int, option: str = "") -> ZooModel:
    """ResNet or Plain for CIFAR-10; option A is the paper's and goes without saying."""
    units(depth, family=f"{family}-CIFAR")
    return ZooModel(
        name=f"{family}-CIFAR-{depth}" + ("-B" if option == "B" else ""),
        builder=f"keraudit.zoo.cifar:{family.lower()}_cifar",
        reference="He et al. 2015, section 4.2",
        input_shape=CIFAR,
        options={"depth": depth, **({"option": option} if option else {})},
    )


def units(depth: int, *, family: str = "ResNet-CIFAR") -> int:
    """Units of each stage: n where the depth is 6n + 2.

    >>> units(20), units(110)
    (3, 18)

    Raises:
        ModelError: no such network.
    """
    count, rest = divmod(depth - 2, 6)
    if rest or count < 1 or depth > DEEPEST:
        n = min(max(round((depth - 2) / 6), 1), (DEEPEST - 2) // 6)
        raise ModelError(
            f"the depth of {family} is 6n+2, from 8 to {DEEPEST}; received {depth}:"
            f" the nearest is {family}-{6 * n + 2}"
        )
    return count


@cache
def fixed() -> Mapping[str, ZooModel]:
    """The networks without arguments, by plain name."""
    networks = [googlenet("GoogLeNet", aux=False), googlenet("GoogLeNet-aux", aux=True)]
    networks.append(
        ZooModel(
            name="Inception-CIFAR",
            builder="keraudit.zoo.inception_cifar:inception_cifar",
            reference="this project; Szegedy et al. 2014, module 3a, scaled",
            input_shape=CIFAR,
            options={},
        )
    )
    for depth in (18, 34):
        networks += [imagenet("ResNet", depth, option) for option in "BA"]
        networks += [imagenet("Plain", depth)]
    return {plain(model.name): model for model in networks}


OTHER_NAMES = {
    "inceptionv1": "googlenet",
    "inceptionv1aux": "googlenetaux",
    "resnet18b": "resnet18",
    "resnet34b": "resnet34",
}


def zoo_model(text: str) -> ZooModel | None:
    """The model of the zoo that ``text`` names, or ``None`` if it names none.

    >>> zoo_model("resnet_cifar_56").name, zoo_model("ResNet-50")
    ('ResNet-CIFAR-56', None)

    Raises:
        ModelError: the family is of the zoo, its arguments are not possible.
    """
    word = plain(text)
    if network := fixed().get(OTHER_NAMES.get(word, word)):
        return network
    if match := re.fullmatch(r"(resnet|plain)cifar(.*)", word):
        return _cifar_named(match[1], match[2], text)
    module = module_named(text)
    if module is None:
        return None
    name, values = arguments_of(module, text.partition(":")[2])
    return ZooModel(
        name=name,
        builder=module.builder,
        reference=module.reference,
        input_shape=tuple(int(values[size]) for size in SIZES),
        options={key: value for key, value in values.items() if key not in SIZES},
    )


def _cifar_named(family: str, rest: str, text: str) -> ZooModel:
    residual = family == "resnet"
    match = re.fullmatch(r"([0-9]{1,6})([ab]?)" if residual else r"([0-9]{1,6})()", rest)
    if match is None:
        forms = (
            "ResNet-CIFAR-DEPTH, with -A or -B for the shortcut, e.g. ResNet-CIFAR-56-B"
            if residual
            else "Plain-CIFAR-DEPTH, e.g. Plain-CIFAR-56 (no shortcuts, so no option)"
        )
        raise ModelError(f"the name is {forms}; received {text!r}: the depth is 6n+2")
    option = (match[2] or "a").upper() if residual else ""
    return cifar("ResNet" if residual else "Plain", int(match[1]), option)


def is_preset(text: str) -> bool:
    """Whether ``text`` is a module with a preset: it looks like ``package:callable`` and is not."""
    module = module_named(text)
    return module is not None and preset_of(module, text.partition(":")[2]) is not None


@cache
def listed() -> tuple[str, ...]:
    """The names that ``keraudit models`` lists; others follow the same patterns."""
    modules = [
        f"{module.name}:{preset}" if preset else module.name
        for module in MODULES
        for preset in module.presets
        if not preset.startswith("googlenet-")
    ]
    return (
        *(model.name for model in fixed().values()),
        *(f"ResNet-CIFAR-{depth}" for depth in CIFAR_DEPTHS),
        *(f"Plain-CIFAR-{depth}" for depth in CIFAR_DEPTHS[:-1]),
        *modules,
    )
