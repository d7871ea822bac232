"""Networks by name: which there are, at what size, in what precision, with what weights."""

from __future__ import annotations

from typing import Any

import pytest

from command import run as keraudit
from keraudit.errors import KerauditError
from keraudit.training.recipe import recipe
from toys import toy

keras = pytest.importorskip("keras")
np = pytest.importorskip("numpy")


def test_an_unknown_network() -> None:
    from keraudit.training.networks import network

    with pytest.raises(KerauditError, match="cannot be trained"):
        network("VGG16", classes=10, shape=(32, 32, 3), recipe=recipe("modern"))


@pytest.mark.exhaustive
@pytest.mark.parametrize(("name", "size"), [("InceptionV3", 75), ("ResNet50", None)])
def test_the_large_networks_see_enlarged_images(name: str, size: int | None) -> None:
    from keraudit.training.networks import network

    keras.utils.clear_session()
    with keras.StatelessScope(initialize_variables=False):
        made = network(name, classes=10, shape=(32, 32, 3), recipe=recipe("modern", size=size))
    assert made.input_shape == (None, 32, 32, 3)
    assert made.output_shape == (None, 10)
    side = size or 96
    assert made.layers[1].output.shape[1:] == (side, side, 3)


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("InceptionV3", 74, "InceptionV3 takes a size of 75 to 1024, received 74"),
        ("resnet50", 0, "resnet50 takes a size of 32 to 1024, received 0"),
        ("ResNet50", 5000, "received 5000"),
        ("ResNet-CIFAR-20", 96, "uses the data set's own image size"),
    ],
)
def test_a_size_that_the_network_does_not_take(name: str, size: int, message: str) -> None:
    from keraudit.training.networks import sized

    with pytest.raises(KerauditError, match=message):
        sized(recipe("modern", size=size), name)


def test_the_size_is_part_of_the_record() -> None:
    from keraudit.training.networks import sized

    assert sized(recipe("modern"), "ResNet50").to_dict()["size"] == 96
    assert sized(recipe("modern"), "ResNet-CIFAR-20").to_dict()["size"] is None


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["InceptionV3", "ResNet50", "Plain-CIFAR-8"])
def test_in_bfloat16_the_classifier_is_in_float32(name: str) -> None:
    from keraudit.training.networks import network

    keras.utils.clear_session()
    made = recipe("modern", precision="mixed_bfloat16")
    with keras.StatelessScope(initialize_variables=False):
        body = network(name, classes=10, shape=(32, 32, 3), recipe=made)
        usual = network(name, classes=10, shape=(32, 32, 3), recipe=recipe("modern"))
    assert body.outputs[0].dtype == "float32"
    assert [v.shape for v in body.variables] == [v.shape for v in usual.variables]
    inner = next((layer for layer in body.layers if isinstance(layer, keras.Model)), body)
    assert inner.layers[2].compute_dtype == "bfloat16"


@pytest.mark.parametrize("name", ["Foo", "ResNet-CIFAR-08", "ResNet-CIFAR-²", "ResNet-CIFAR-٨"])
def test_a_name_that_is_none_is_told_first(name: str) -> None:
    done = keraudit("train", name, "--data", "gone.npz")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert f"{name!r} cannot be trained: expected InceptionV3" in done.err


def test_images_of_one_channel_are_not_for_the_large_networks() -> None:
    from keraudit.training.networks import network

    with pytest.raises(KerauditError, match="ResNet50 takes images of 3 channels, received 1"):
        network("ResNet50", classes=10, shape=(32, 32, 1), recipe=recipe("modern"))


@pytest.mark.exhaustive
def test_published_weights_read_red_green_blue(monkeypatch: pytest.MonkeyPatch) -> None:
    from keraudit.training.augment import moments
    from keraudit.training.networks import network, sized

    held: list[Any] = []
    real = keras.applications.ResNet50

    def published(weights: str | None = None, **options: Any) -> Any:
        made = real(weights=None, **options)
        if weights == "imagenet":
            held.append(made)
        return made

    monkeypatch.setattr(keras.applications, "ResNet50", published)
    made = sized(recipe("modern", size=32, weights="imagenet"), "ResNet50")
    assert made.to_dict()["normalize"] == "caffe"
    body = network("ResNet50", classes=10, shape=(32, 32, 3), recipe=made)
    theirs = held[0].get_layer("conv1_conv").kernel.numpy()
    inner = body.layers[-1]
    assert (inner.get_layer("conv1_conv").kernel.numpy() == theirs[:, :, ::-1]).all()
    last = "conv5_block3_3_bn"
    assert (
        inner.get_layer(last).moving_variance.numpy()
        == held[0].get_layer(last).moving_variance.numpy()
    ).all()
    mean, scale = moments(toy(), made.normalize)
    image = np.full((1, 32, 32, 3), [10, 100, 200], "float32")
    expected = keras.applications.resnet.preprocess_input(image.copy())
    assert np.allclose(((image - mean) / scale)[..., ::-1], expected)


def test_published_weights_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    from keraudit.training.networks import put_published, sized

    def unreachable(**_: Any) -> Any:
        raise Exception("URL fetch failure on https://x")

    monkeypatch.setattr(keras.applications, "ResNet50", unreachable)
    body = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten()])
    with pytest.raises(KerauditError, match="cannot get the ImageNet weights of ResNet50"):
        put_published(body, "ResNet50")
    with pytest.raises(KerauditError, match="imagenet weights exist for InceptionV3, ResNet50"):
        sized(recipe("he2015", weights="imagenet"), "ResNet-CIFAR-20")
