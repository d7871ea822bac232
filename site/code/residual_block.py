"""The basic residual block (He et al. 2015, figure 5 left) in Keras."""

from keras import Input, Model, layers


def convolved(x):
    x = layers.Conv2D(64, 3, padding="same", use_bias=False)(x)
    return layers.BatchNormalization()(x)


def block():
    x = Input((56, 56, 64))
    f = convolved(layers.ReLU()(convolved(x)))  # F(x)
    h = layers.Add()([f, x])  # H(x) = F(x) + x
    return Model(x, layers.ReLU()(h))
