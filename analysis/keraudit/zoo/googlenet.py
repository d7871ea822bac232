"""GoogLeNet, also known as Inception v1 (Szegedy et al. 2014, Table 1 and figure 3)."""

from __future__ import annotations

from typing import Any

from keraudit.model.graph import Shape
from keraudit.zoo.inception import RECTIFIED, activated_convolution, inception_module
from keraudit.zoo.parts import LAST, Style, averaged, classified, max_pooled
from keraudit.zoo.widths import GOOGLENET, STEM_CHANNELS

AUXILIARY = {"4a": "aux1", "4d": "aux2"}  # section 5: "on top of the output of" these modules


def googlenet(
    *,
    aux: bool = False,
    input_shape: Shape = (224, 224, 3),
    classes: int = 1000,
    dropout: float = 0.4,
    style: Style = RECTIFIED,
) -> Any:
    """Build GoogLeNet.

    The two local response normalisations of figure 3 are left out: Keras has no such layer, and
    they have no parameters. The average pooling of 7x7 is over all positions, so that other input
    sizes work; at 224 x 224 that is the same. The paper names no initialiser: Keras' own is taken.

    Args:
        aux: with the two auxiliary classifiers of section 5, which the paper discards at inference;
            the outputs are then the classifier, the one on 4a, the one on 4d.
        input_shape: height, width, channels.
        classes: outputs of each classifier.
        dropout: share dropped before the classifier; 70 % before the auxiliary ones, as in the paper.
        style: initialiser and activation.
    """
    import keras
    from keras import layers

    start = x = keras.Input(input_shape)
    x = activated_convolution(x, "conv1_7x7", 64, 7, style, stride=2)
    x = max_pooled(x, "pool1_3x3", 3, 2)
    x = activated_convolution(x, "conv2_3x3_reduce", 64, 1, style)
    x = activated_convolution(x, "conv2_3x3", STEM_CHANNELS, 3, style)
    x = max_pooled(x, "pool2_3x3", 3, 2)
    outputs = []
    for name, widths in GOOGLENET.items():
        x = inception_module(x, f"inception_{name}", widths, style)
        if aux and name in AUXILIARY:
            outputs.append(auxiliary(x, AUXILIARY[name], classes, style))
        if name in ("3b", "4e"):
            x = max_pooled(x, f"pool{name[0]}_3x3", 3, 2)
    x = layers.Dropout(dropout, name="dropout")(averaged(x))
    outputs.insert(0, classified(x, classes, style))
    model = "googlenet_aux" if aux else "googlenet"
    return keras.Model(start, outputs if aux else outputs[0], name=model)


def auxiliary(x: Any, prefix: str, classes: int, style: Style) -> Any:
    """A classifier beside the network: pooling 5x5/3, 1x1 with 128, 1024 units, dropout (section 5)."""
    from keras import layers

    x = layers.AveragePooling2D(5, strides=3, data_format=LAST, name=f"{prefix}_pool")(x)
    x = activated_convolution(x, f"{prefix}_conv", 128, 1, style)
    x = layers.Flatten(data_format=LAST, name=f"{prefix}_flatten")(x)
    x = layers.Dense(
        1024,
        activation=style.activation,
        kernel_initializer=style.initializer,
        name=f"{prefix}_dense",
    )(x)
    x = layers.Dropout(0.7, name=f"{prefix}_dropout")(x)
    return classified(x, classes, style, name=f"{prefix}_predictions")
