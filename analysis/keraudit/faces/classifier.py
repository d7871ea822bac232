"""The residual classifier on top of features, and a whole ResNet from pixels beside it."""

from __future__ import annotations

from typing import Any

from keraudit.evaluation.grad_cam import convert, split
from keraudit.training.networks import without_softmax
from keraudit.zoo.cifar import resnet_cifar
from keraudit.zoo.parts import LAST, Style, activated, averaged, classified, conv_bn
from keraudit.zoo.residual import basic_unit

WIDTH, UNITS = 64, 2
BATCH, LEARNING_RATE, WEIGHT_DECAY, SMOOTHING = 32, 0.001, 0.05, 0.1
# Of the moving means: Keras' 0.99 looks back a hundred steps, a third of all there are.
MOMENTUM = 0.9
SIDE, DEPTH = 32, 20  # of the ResNet from pixels


def residual_classifier(shape: tuple[int, ...], people: int) -> Any:
    """A 1x1 reduction to ``WIDTH`` channels, ``UNITS`` residual units, a global average, a classifier.

    Args:
        shape: of the features: height, width, channels.
        people: outputs.
    """
    import keras

    style = Style()
    start = keras.Input(shape)
    x = activated(conv_bn(start, "reduce", "", WIDTH, 1, style=style), "reduce_relu", style)
    for unit in range(1, UNITS + 1):
        x = basic_unit(x, f"unit{unit}", WIDTH, stride=1, option="A", style=style)
    return keras.Model(start, classified(averaged(x), people, style), name="residual_classifier")


def resnet_from_pixels(shape: tuple[int, ...], people: int) -> Any:
    """ResNet-CIFAR-20 (He et al. 2015) for images of ``shape``: height, width, channels."""
    return resnet_cifar(DEPTH, input_shape=shape, classes=people)


def shrunk(images: Any) -> Any:
    """Images (N, height, width, channels) at the size of ``resnet_from_pixels``, as floats."""
    import keras
    import numpy as np

    small = keras.ops.image.resize(
        images.astype("float32"), (SIDE, SIDE), antialias=True, data_format=LAST
    )
    return np.asarray(keras.ops.convert_to_numpy(small))


def standardized(maps: Any, known: Any) -> Any:
    """Maps (N, height, width, channels), each channel less its mean over the known ones, in their deviations."""
    mean = maps[known].mean(axis=(0, 1, 2), dtype="float64")
    deviation = maps[known].std(axis=(0, 1, 2), dtype="float64")
    return ((maps - mean) / (deviation + 1e-6)).astype("float32")


def taught(model: Any, maps: Any, people: Any, *, epochs: int, seed: int) -> None:
    """Teach a model whose last layer gives probabilities: AdamW, a rate that falls along a cosine.

    Args:
        model: changed in place.
        maps: (N, height, width, channels).
        people: whose image each is, numbered from 0.
        epochs: passes over the images, in full batches.
        seed: of their order.
    """
    import keras
    import numpy as np

    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = MOMENTUM
    batch = min(BATCH, len(maps))
    steps = len(maps) // batch
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps * epochs)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])  # kernels decay
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=SMOOTHING)
    learner = without_softmax(model)
    learner.compile(optimizer=optimizer, loss=loss)
    one_hot = np.eye(model.output.shape[-1], dtype="float32")[people]
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        order = rng.permutation(len(maps))
        for step in range(steps):
            rows = order[step * batch : (step + 1) * batch]
            learner.train_on_batch(maps[rows], one_hot[rows])


def embedded(model: Any, maps: Any) -> Any:
    """What the last layer of a model is fed, (N, width)."""
    import keras

    return run(keras.Model(model.input, model.layers[-1].input), maps)


def named(model: Any, maps: Any) -> Any:
    """The person that a model finds most probable in each image."""
    return run(model, maps).argmax(axis=-1)


def run(model: Any, maps: Any) -> Any:
    """What a model gives for maps (N, height, width, channels), some at a time."""
    import numpy as np

    return np.concatenate([convert(model(part, training=False)) for part in split(maps)])
