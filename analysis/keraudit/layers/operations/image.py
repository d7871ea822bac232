"""The operations of ``keras.ops`` on images: sizes, patches, blocks and colours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import Any

from keraudit.errors import ModelError, ShapeError
from keraudit.layers.call import (
    Effect,
    Rule,
    Shape,
    Site,
    counted,
    elementwise,
    join,
    split,
    tuple_of,
    unsupported,
)
from keraudit.layers.convolution import output_length
from keraudit.layers.operations.operands import promoted
from keraudit.layers.operations.shape import moved
from keraudit.layers.resampling import TAPS, resizing


def resize(site: Site) -> Effect:
    """As the layer ``Resizing``: no MACs, interpolation in the other FLOPs."""
    height, width = tuple_of(site.argument(1, "size"), 2)
    config = {**site.config, "height": height, "width": width}
    method = str(config.get("interpolation", "bilinear")).lower()
    if method not in TAPS:
        reason = f"the interpolation {method!r} is not in the table"
        effect = resizing(replace(site, config={**config, "interpolation": "nearest"}))
        return unsupported(*effect.outputs, reason=reason, view=effect.view)
    return replace(resizing(replace(site, config=config)), dtype=promoted(site.inputs[:1]))


def image(site: Site) -> tuple[Shape, Shape, int]:
    """Take an image or a batch of images apart: leading axes, height and width, channels."""
    shape = site.shape
    batch, spatial, channels = split(shape if len(shape) == 4 else (1, *shape), site.config, 2)
    return ((batch,) if len(shape) == 4 else ()), spatial, channels


def _together(site: Site, leading: Shape, spatial: Shape, channels: int) -> Shape:
    shape = join(1, spatial, channels, site.config)
    return (*leading, *shape[1:])


def _framed(ends: tuple[str, str], target: str, sign: int) -> Any:
    """How long one axis becomes: the target, or what is added or cut at both ends."""

    def length(site: Site, size: int) -> int:
        wanted = site.config.get(target)
        if wanted is not None:
            return int(wanted)
        return size + sign * sum(int(site.config.get(end) or 0) for end in ends)

    return length


def frame(site: Site) -> Effect:
    """PadImages and CropImages: rows and columns added or cut."""
    word, sign = ("padding", 1) if site.kind == "ops.PadImages" else ("cropping", -1)
    tall = _framed((f"top_{word}", f"bottom_{word}"), "target_height", sign)
    wide = _framed((f"left_{word}", f"right_{word}"), "target_width", sign)
    leading, (height, width), channels = image(site)
    return moved(_together(site, leading, (tall(site, height), wide(site, width)), channels))


def grayscale(site: Site) -> Effect:
    """0.2989 red + 0.587 green + 0.114 blue: three multiplications and two additions."""
    leading, spatial, channels = image(site)
    output = _together(site, leading, spatial, 1)
    return counted(output, terms=[elementwise("grayscale", output, 5 if channels == 3 else 0)])


def _extract_patches(site: Site) -> Effect:
    """Every window of the image, its elements laid flat in the channels."""
    leading, spatial, channels = image(site)
    size = tuple_of(site.config["size"], 2)
    stride = site.config.get("strides")
    strides = size if stride is None else tuple_of(stride, 2)
    dilation = tuple_of(site.config.get("dilation_rate", 1), 2)
    padding = str(site.config.get("padding", "valid")).lower()
    axes = zip(spatial, size, strides, dilation, strict=True)
    out = tuple(output_length(n, k, s, padding, d) for n, k, s, d in axes)
    return moved(_together(site, leading, out, prod(size) * channels))


def depth_to_space(site: Site) -> Effect:
    """Blocks of channels become blocks of positions (pixel shuffle, Shi et al. 2016)."""
    block, (batch, (height, width), channels) = _block_of(site), split(site.shape, site.config, 2)
    if channels % (block * block):
        raise ShapeError(f"{channels} channels are no multiple of the block's {block * block}")
    spatial = (height * block, width * block)
    return moved(join(batch, spatial, channels // (block * block), site.config))


def space_to_depth(site: Site) -> Effect:
    """Blocks of positions become blocks of channels."""
    block, (batch, (height, width), channels) = _block_of(site), split(site.shape, site.config, 2)
    if height % block or width % block:
        raise ShapeError(f"the map {height}x{width} does not divide into blocks of {block}")
    spatial = (height // block, width // block)
    return moved(join(batch, spatial, channels * block * block, site.config))


def _block_of(site: Site) -> int:
    block = int(site.argument(1, "block_size"))
    if block < 1:
        raise ModelError(f"block_size must be from 1, received {block}")
    return block


IMAGES: Mapping[str, Rule] = {
    "Resize": resize,
    "PadImages": frame,
    "CropImages": frame,
    "RGBToGrayscale": grayscale,
    "ExtractPatches": _extract_patches,
    "DepthToSpace": depth_to_space,
    "SpaceToDepth": space_to_depth,
}
