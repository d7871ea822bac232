"""ResNets and their plain twins: sizes with their arithmetic, structure, and shortcuts that run."""

from __future__ import annotations

from typing import Any

import pytest

from built import zoo
from keraudit.api import report_of
from keraudit.audits.cost.report import CostReport
from keraudit.errors import ModelError
from keraudit.layers.infer import shaped
from keraudit.model.block import FORK_JOIN
from keraudit.model.blocks import blocks
from keraudit.model.bounds import Bound
from keraudit.zoo.paper_tables import CIFAR_MEGA, RESNET_GIGA
from witness import agree, graph_of


def report(name: str) -> CostReport:
    return report_of(shaped(zoo(name)))


def cifar_params(n: int) -> int:
    """Trained parameters: 3x3 kernels, two per normalised channel, the classifier."""
    kernels = 9 * (3 * 16 + 2 * n * 16**2 + 16 * 32 + (2 * n - 1) * 32**2)
    kernels += 9 * (32 * 64 + (2 * n - 1) * 64**2)
    channels = 16 + 2 * n * (16 + 32 + 64)
    return kernels + 2 * channels + 64 * 10 + 10


def cifar_macs(n: int) -> int:
    stages = 32**2 * (2 * n * 16**2) + 16**2 * (16 * 32 + (2 * n - 1) * 32**2)
    stages += 8**2 * (32 * 64 + (2 * n - 1) * 64**2)
    return 9 * (32**2 * 3 * 16 + stages) + 64 * 10


def test_resnet_cifar_20_to_the_last_parameter() -> None:
    # 432 + 13,824 + 50,688 + 202,752 kernels, 2 * 688 normalised channels, 650 in the classifier
    assert cifar_params(3) == 432 + 13_824 + 50_688 + 202_752 + 2 * 688 + 650 == 269_722
    for name in ("ResNet-CIFAR-20", "Plain-CIFAR-20"):
        total = report(name).total
        assert total.trainable_params == 269_722
        assert total.params == 269_722 + 2 * 688  # and the running means and variances
    # option B: 16 to 32 and 32 to 64 channels, each with its normalisation
    added = 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64
    assert report("ResNet-CIFAR-20-B").total.trainable_params == 269_722 + added


@pytest.mark.parametrize("depth", CIFAR_MEGA)
def test_cifar_sizes(depth: int) -> None:
    found, n = report(f"ResNet-CIFAR-{depth}"), (depth - 2) // 6
    assert found.bound is Bound.EXACT
    assert found.total.trainable_params == cifar_params(n)
    assert found.total.macs == cifar_macs(n)
    printed = CIFAR_MEGA[depth]
    digits = len(str(printed).partition(".")[2])
    # 44: 658,586 is printed as 0.66, 110: 1,727,962 as 1.7, 1202: 19,421,274 as 19.4
    assert round(found.total.trainable_params / 1e6, digits) == printed
    kinds = [layer.kind for layer in found.layers]
    assert kinds.count("Conv2D") + kinds.count("Dense") == depth


@pytest.mark.parametrize(
    ("name", "count"), [("ResNet-CIFAR-56", 27), ("ResNet-CIFAR-20-B", 9), ("ResNet-34-A", 16)]
)
def test_each_unit_is_a_block(name: str, count: int) -> None:
    found = blocks(shaped(zoo(name)))
    units = [block for block in found if block.kind == FORK_JOIN]
    assert len(units) == count
    assert all(len(unit.branches) == 2 for unit in units)
    assert units[0].name == "stage1_block1"
    assert [block.name for block in found if block.kind != FORK_JOIN] == ["stem", "head"]


@pytest.mark.parametrize("pair", ["CIFAR-20", "CIFAR-56", "18", "34"])
def test_a_plain_twin_lacks_only_shortcuts_and_additions(pair: str) -> None:
    residual, plain = zoo(f"ResNet-{pair}"), zoo(f"Plain-{pair}")
    left = {
        name: layer
        for name, layer in residual.layers.items()
        if layer.kind not in ("Add", "ops.Pad") and "_shortcut_" not in name
    }
    assert list(left) == list(plain.layers)
    assert [(a.kind, a.config) for a in left.values()] == [
        (b.kind, b.config) for b in plain.layers.values()
    ]


def test_imagenet_sizes() -> None:
    # torchvision counts 11,689,512 and 21,797,672 for option B
    assert report("ResNet-18").total.trainable_params == 11_689_512
    assert report("ResNet-34").total.trainable_params == 21_797_672
    # 28*28*64*128 + 14*14*128*256 + 7*7*256*512: the three projections
    projections = 3 * 28 * 28 * 64 * 128
    assert 28 * 28 * 64 * 128 == 14 * 14 * 128 * 256 == 7 * 7 * 256 * 512
    for depth, printed in RESNET_GIGA.items():
        plain, a, b = (report(f"{n}").total for n in names(depth))
        assert a.macs == plain.macs
        assert a.params == plain.params
        assert b.macs == a.macs + projections
        assert round(a.macs / 1e9, 1) == printed
    # stem, 16 convolutions of 56*56*9*64*64 less what the strided ones save, classifier
    stem, unit = 112 * 112 * 7 * 7 * 3 * 64, 56 * 56 * 9 * 64 * 64
    assert report("ResNet-18-A").total.macs == stem + 13 * unit + 3 * unit // 2 + 512 * 1000


def names(depth: int) -> tuple[str, str, str]:
    return f"Plain-{depth}", f"ResNet-{depth}-A", f"ResNet-{depth}"


def test_blocks_alone() -> None:
    # two 3x3 convolutions; 1x1 down, 3x3, 1x1 up (He et al. 2015, figure 5: similar complexity)
    assert report("residual-block").total.macs == 2 * 56 * 56 * 9 * 64 * 64
    bottleneck = 56 * 56 * (256 * 64 + 9 * 64 * 64 + 64 * 256)
    assert report("bottleneck-block").total.macs == bottleneck
    strided = report("residual-block:filters=128,stride=2")
    assert strided.total.macs == 28 * 28 * (9 * 64 * 128 + 9 * 128 * 128 + 64 * 128)


def test_the_shortcut_of_option_a_picks_and_pads() -> None:
    import keras
    import numpy as np

    from keraudit.zoo.parts import Style
    from keraudit.zoo.residual import shortcut

    start = keras.Input((5, 6, 2))
    made = shortcut(start, "block", 5, stride=2, option="A", style=Style())
    model = keras.Model(start, made)
    x = np.random.default_rng(0).normal(size=(3, 5, 6, 2)).astype("float32")
    y = np.asarray(model(x))
    assert y.shape == (3, 3, 3, 5)
    assert (y[..., :2] == x[:, ::2, ::2]).all()
    assert not y[..., 2:].any()
    assert not model.weights
    costs = report_of(graph_of(model)).total
    assert costs.macs == costs.params == 0


def test_option_a_cannot_narrow() -> None:
    from keraudit.zoo.residual import residual_block

    with pytest.raises(ModelError, match="received 64 channels and 32 filters: choose option B"):
        residual_block(filters=32, option="A", input_shape=(8, 8, 64))
    with pytest.raises(ModelError, match="'A' or 'B'; received 'C'"):
        residual_block(option="C")


@pytest.mark.parametrize("options", [{}, {"option": "B"}, {"norm": False, "activation": "tanh"}])
def test_the_builder_agrees_with_keras_and_runs(options: dict[str, Any]) -> None:
    import keras
    import numpy as np

    from keraudit.zoo.cifar import resnet_cifar

    keras.utils.set_random_seed(1)
    small = (16, 16, 1)
    model = resnet_cifar(8, input_shape=small, classes=3, initializer="glorot_uniform", **options)
    agree(graph_of(model), model)
    y = np.asarray(model(np.ones((2, *small), "float32")))
    assert y.shape == (2, 3)
    assert np.allclose(y.sum(axis=1), 1, atol=1e-5)
    kinds = {type(layer).__name__ for layer in model.layers}
    assert ("BatchNormalization" in kinds) == options.get("norm", True)
    conv = model.get_layer("stage1_block1_conv1")
    assert conv.use_bias != options.get("norm", True)
    assert type(conv.kernel_initializer).__name__ == "GlorotUniform"
