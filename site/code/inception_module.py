"""GoogLeNet's first Inception module, 3a (Szegedy et al. 2014, Table 1), in Keras."""

from keras import Input, Model, layers


def convolved(x, filters, size=1):
    return layers.Conv2D(filters, size, padding="same", activation="relu")(x)


def module():
    x = Input((28, 28, 192))
    pooled = layers.MaxPooling2D(3, strides=1, padding="same")(x)
    branches = [
        convolved(x, 64),
        convolved(convolved(x, 96), 128, size=3),  # reduced to 96 first
        convolved(convolved(x, 16), 32, size=5),  # reduced to 16 first
        convolved(pooled, 32),  # a projection
    ]
    return Model(x, layers.Concatenate()(branches))
