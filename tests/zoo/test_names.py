"""What a typed name means, and what a bad one is told."""

from __future__ import annotations

import pytest

from keraudit.errors import ModelError
from keraudit.reading.resolve import application_name, resolve
from keraudit.zoo.modules import MODULES
from keraudit.zoo.names import fixed, is_preset, listed, units, zoo_model

GOOD = {
    "googlenet": "GoogLeNet",
    "Inception_v1": "GoogLeNet",
    "GoogLeNet_AUX": "GoogLeNet-aux",
    "resnet18": "ResNet-18",
    "ResNet-34-B": "ResNet-34",
    "resnet_34_a": "ResNet-34-A",
    "PLAIN34": "Plain-34",
    "resnet-cifar-56": "ResNet-CIFAR-56",
    "ResNetCIFAR110b": "ResNet-CIFAR-110-B",
    "ResNet-CIFAR-20-A": "ResNet-CIFAR-20",
    "plain_cifar_8": "Plain-CIFAR-8",
    "inception-naive": "inception-naive:lecture",
    "Inception_Reduced:CS231n": "inception-reduced:cs231n",
    "inception-reduced:4a": "inception-reduced:googlenet-4a",
    "inception-reduced:lecture, f5=48": "inception-reduced:f5=48",
    "inception-reduced:f5=32": "inception-reduced:lecture",
    "inception-reduced:f3=0": "inception-reduced:r3=0,f3=0",
    "residual-block:stride=2,filters=128,option=a": "residual-block:filters=128,stride=2,option=A",
    "bottleneck_block": "bottleneck-block",
}


@pytest.mark.parametrize("text", GOOD)
def test_a_name_is_forgiven_its_spelling(text: str) -> None:
    model = zoo_model(text)
    assert model is not None
    assert model.name == GOOD[text]


@pytest.mark.parametrize(
    "name",
    [
        *listed(),
        *GOOD.values(),
        *(f"{module.name}:{preset}" for module in MODULES for preset in module.presets if preset),
    ],
)
def test_a_canonical_name_means_itself(name: str) -> None:
    """The process that builds is told the name alone."""
    model = zoo_model(name)
    assert model is not None
    assert model.name == name


def test_every_width_is_an_argument() -> None:
    model = zoo_model(
        "inception-reduced:height=14,width=7,channels=512,f1=1,r3=2,f3=3,r5=4,f5=5,pool=6"
    )
    assert model is not None
    assert model.input_shape == (14, 7, 512)
    assert list(model.options.values()) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    "text", ["ResNet50", "ResNet-50", "resnet_101", "inception_v3", "Plain-50"]
)
def test_other_names_are_not_of_the_zoo(text: str) -> None:
    assert zoo_model(text) is None


def test_no_name_of_the_zoo_is_an_application() -> None:
    assert not [name for name in (*listed(), *fixed()) if application_name(name)]


BAD = {
    "ResNet-CIFAR-21": "6n\\+2.*received 21.*ResNet-CIFAR-20",
    "Plain-CIFAR-2": "6n\\+2.*received 2: the nearest is Plain-CIFAR-8",
    "ResNet-CIFAR-6002": "to 2402",
    "ResNet-CIFAR": "ResNet-CIFAR-DEPTH.*received 'ResNet-CIFAR'",
    "ResNet-CIFAR-20-C": "-A or -B",
    "Plain-CIFAR-20-A": "no shortcuts",
    "inception-reduced:lectur": "did you mean lecture",
    "inception-reduced:f5=48,lecture": "received 'lecture'",
    "inception-reduced:r7=3": "did you mean r[35] or r[35]",
    "inception-reduced:f5=-1": "from 0 to 100,000; received '-1'",
    "inception-reduced:f5=": "received ''",
    "inception-reduced:height=0": "from 1 to 100,000",
    "inception-naive:pool=32": "from 0 to 1",
    "inception-naive:f1=0,f3=0,f5=0,pool=0": "needs a branch",
    "inception-naive:r5=16": "received 'r5'",
    "residual-block:option=C": "A or B; received 'C'",
    "residual-block:lecture": "received 'lecture'",
    "residual-block:filters=9999999999999": "from 1 to 100,000",
}


@pytest.mark.parametrize("text", BAD)
def test_a_bad_argument_gets_one_clear_line(text: str) -> None:
    with pytest.raises(ModelError, match=BAD[text]) as caught:
        zoo_model(text)
    assert "\n" not in str(caught.value)


def test_a_depth_counts_units() -> None:
    assert [units(depth) for depth in (8, 20, 56, 1202)] == [1, 3, 9, 200]


def test_near_names_of_the_zoo_are_offered() -> None:
    with pytest.raises(ModelError, match="GoogLeNet"):
        resolve("GoogelNet")
    with pytest.raises(ModelError, match="inception-naive:lecture"):
        resolve("inception-native:lecture")


def test_a_module_of_the_user_s_is_not_mistaken_for_ours() -> None:
    assert is_preset("inception_naive:lecture")
    assert not is_preset("inception_naive:build")
    assert not is_preset("residual_block:build")
