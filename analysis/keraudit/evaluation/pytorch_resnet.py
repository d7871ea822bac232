"""Trained ResNets for CIFAR-10 from an ``.npz`` of PyTorch's arrays, as a Keras model.

The architecture is that of He et al. 2015, section 4.2, with option A shortcuts, as PyTorch users write it.
It differs from the zoo's in two places. PyTorch pads a stride-2 convolution by 1 on both sides, where Keras'
``same`` pads even sizes at the end alone; and half of the zero channels stand before the others.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from keraudit.data.cifar10h import arrays_in
from keraudit.errors import KerauditError

FILTERS = (16, 32, 64)
EPSILON = 1e-5  # PyTorch's default of batch normalisation
# Of ImageNet's training images, in the unit interval: what such networks are fed with by convention.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BLOCK = re.compile(r"layer([123])\.(\d+)\.conv1\.weight")
WRAPPED, COUNTER = "module.", ".num_batches_tracked"
NORM = ("weight", "bias", "running_mean", "running_var")


def load_pytorch_resnet(path: Path) -> Any:
    """Build the network of a file and give it the weights: bytes scaled and normalised in, logits out.

    The keys are those of a ``state_dict``, also of one that ``DataParallel`` wrapped; counters of batches are left out.

    Raises:
        KerauditError: an array is missing, left over, or has another shape; the message names it.
    """
    import keras

    weights = {
        key.removeprefix(WRAPPED): array
        for key, array in arrays_in(path).items()
        if not key.endswith(COUNTER)
    }
    counts = [0, 0, 0]
    for key in weights:
        if found := BLOCK.fullmatch(key):
            counts[int(found[1]) - 1] = max(counts[int(found[1]) - 1], int(found[2]) + 1)
    if len(set(counts)) != 1 or not counts[0] or counts[0] > 400:
        raise KerauditError(
            f"{path}: expected PyTorch's arrays of a ResNet for CIFAR-10 (conv1.weight,"
            f" layer1.0.conv1.weight, ...), found {', '.join(sorted(weights)[:3]) or 'none'}"
        )
    depth = 6 * counts[0] + 2
    model = _resnet(counts[0])
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(_arrays_of(layer, weights, path))
    if weights:
        raise KerauditError(f"{path}: {min(weights)!r} belongs to no layer of a ResNet-{depth}")
    return keras.Model(model.input, model.output, name=f"resnet_cifar_{depth}_pytorch")


def _resnet(count: int) -> Any:
    """The network with ``count`` units in each stage, layers named after PyTorch's modules."""
    import keras
    from keras import layers

    def conv_bn(x: Any, name: str, number: str, filters: int, stride: int) -> Any:
        x = layers.ZeroPadding2D(1, name=f"{name}pad{number}")(x)
        x = layers.Conv2D(filters, 3, strides=stride, use_bias=False, name=f"{name}conv{number}")(x)
        return layers.BatchNormalization(epsilon=EPSILON, name=f"{name}bn{number}")(x)

    start = keras.Input((32, 32, 3))
    scale = [1 / (255 * d) for d in DEVIATION]
    offset = [-m / d for m, d in zip(MEAN, DEVIATION, strict=True)]
    x = layers.Rescaling(scale, offset, name="normalized")(start)
    x = layers.ReLU(name="stem_relu")(conv_bn(x, "", "1", FILTERS[0], 1))
    for stage, filters in enumerate(FILTERS, 1):
        for block in range(count):
            name, stride = f"layer{stage}_{block}_", 2 if stage > 1 and block == 0 else 1
            y = layers.ReLU(name=f"{name}relu1")(conv_bn(x, name, "1", filters, stride))
            y = conv_bn(y, name, "2", filters, 1)
            if stride > 1:
                x = x[:, ::2, ::2]
                half = (filters - int(x.shape[-1])) // 2
                x = keras.ops.pad(x, [[0, 0], [0, 0], [0, 0], [half, half]])
            x = layers.ReLU(name=f"{name}relu")(layers.Add(name=f"{name}add")([x, y]))
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(start, layers.Dense(10, name="linear")(x))


def _arrays_of(layer: Any, weights: dict[str, Any], path: Path) -> list[Any]:
    """The arrays of a layer in Keras' order and axes, taken out of ``weights``."""
    module = re.sub(r"^(layer\d)_(\d+)_", r"\1.\2.", layer.name)
    kind = type(layer).__name__
    if kind == "BatchNormalization":
        found = [_popped(weights, f"{module}.{name}", path) for name in NORM]
    elif kind == "Conv2D":
        found = [_popped(weights, f"{module}.weight", path).transpose(2, 3, 1, 0)]
    else:
        found = [_popped(weights, "linear.weight", path).T, _popped(weights, "linear.bias", path)]
    for array, variable in zip(found, layer.weights, strict=True):
        if array.shape != tuple(variable.shape):
            raise KerauditError(
                f"{path}: the array of {module} has the shape {array.shape}, expected"
                f" {tuple(variable.shape)}"
            )
    return found


def _popped(weights: dict[str, Any], key: str, path: Path) -> Any:
    if key not in weights:
        raise KerauditError(f"{path} has no {key!r}")
    if weights[key].ndim not in (1, 2, 4):
        raise KerauditError(f"{path}: {key!r} has {weights[key].ndim} axes")
    if weights[key].dtype.kind != "f":
        raise KerauditError(
            f"{path}: {key!r} holds {weights[key].dtype}, expected floating-point numbers"
        )
    return weights.pop(key)
