"""Layers that act in training only: dropout, noise, penalties, augmentation. Zero by decision."""

from __future__ import annotations

from keraudit.layers.call import Effect, Site, join, zero
from keraudit.layers.resampling import image, target, without_batch
from keraudit.layers.reshaping import unchanged_dtype
from keraudit.model.graph import GLOBAL, View, Window

TRAINING = "active in training only, the identity at inference"
AUGMENTATION = f"augmentation, {TRAINING}"


def dropout(site: Site) -> Effect:
    """Dropout of any kind and noise: y = x at inference (Srivastava et al. 2014, inverted)."""
    return zero(site.shape, reason=f"dropout or noise, {TRAINING}", dtype=unchanged_dtype(site))


def stochastic_depth(site: Site) -> Effect:
    """``StochasticDepth`` of ConvNeXt: a whole branch dropped in training (Huang et al. 2016)."""
    return zero(site.shape, reason=f"a dropped branch, {TRAINING}", dtype=unchanged_dtype(site))


def activity_regularization(site: Site) -> Effect:
    """A penalty on the activations, added to the loss in training; y = x."""
    reason = "a penalty added to the loss in training, the identity otherwise"
    return zero(site.shape, reason=reason, dtype=unchanged_dtype(site))


def augmentation(site: Site) -> Effect:
    """Random changes of an image: with ``training=False`` Keras returns the image unchanged."""
    return zero(*(t.shape for t in site.inputs), reason=AUGMENTATION, dtype=unchanged_dtype(site))


def cast_augmentation(site: Site) -> Effect:
    """Augmentation by the layers that still cast the image to their compute dtype."""
    return zero(*(t.shape for t in site.inputs), reason=AUGMENTATION)


def random_crop(site: Site) -> Effect:
    """A crop at a random place; the output has the size that Keras states, at inference too.

    The crop may lie anywhere, so each output position may see as many inputs as are cropped away.
    """
    batch, spatial, channels = image(site)
    out = target(site.config)
    output = without_batch(site, join(batch, out, channels, site.config))
    view: View = GLOBAL
    if all(n >= m for n, m in zip(spatial, out, strict=True)):
        view = tuple(Window(1, 0, n - m) for n, m in zip(spatial, out, strict=True))
    return zero(output, reason=AUGMENTATION, view=view, dtype=unchanged_dtype(site))


def bounding_boxes(site: Site) -> Effect:
    """``MaxNumBoundingBoxes`` cuts or pads lists of boxes; the image stays as it is."""
    reason = "cuts or pads a list of boxes, no arithmetic"
    return zero(*(t.shape for t in site.inputs), reason=reason, dtype=unchanged_dtype(site))
