"""Pictures: a test image, and a receptive field drawn on an image. Needs numpy and Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from math import ceil, floor
from typing import Any, NamedTuple

from PIL.Image import Image

from keraudit.audits.cost.receptive_field import Field, union
from keraudit.errors import KerauditError
from keraudit.explorer.upload import (
    LARGEST_IMAGE_MIB as LARGEST_IMAGE_MIB,
)  # pages take it from here
from keraudit.explorer.upload import MOST_PIXELS
from keraudit.output.palette import VERMILION, channels

SCENE = 640  # pixels a side, at most, at which the test image is drawn
SHOWN = 480  # pixels a side, at least, of a picture on the page


class Span(NamedTuple):
    """What one position sees along one axis: from low to high of the input, both included."""

    low: int
    high: int


def spans(field: Field, spot: Sequence[int]) -> tuple[Span, ...]:
    """What a position sees, an interval for each axis; it may begin before the input and end behind it."""
    found = []
    for at, (window, besides) in enumerate(field.axes):
        ends = besides
        if window is not None:
            start = window.stride * spot[at]
            ends = union((floor(start + window.low), ceil(start + window.high)), besides)
        found.append(Span(*(ends or (0, -1))))
    return tuple(found)


@lru_cache(maxsize=8)
def test_image(height: int, width: int) -> Image:
    """A scene with edges, textures and colours at several sizes, made by arithmetic; not to be changed."""
    if max(height, width) > SCENE:
        drawn = [max(1, round(side * SCENE / max(height, width))) for side in (height, width)]
        return test_image(*drawn).resize((width, height))
    import numpy as np
    import PIL.Image

    y, x = np.mgrid[0:height, 0:width]
    v, u = y / max(height - 1, 1), x / max(width - 1, 1)
    sky = np.stack([0.35 + 0.4 * v, 0.55 + 0.3 * v, 0.95 - 0.2 * v], -1)
    waves = 0.5 + 0.5 * np.sin(60 * u / (0.4 + v)) * np.cos(40 * v)
    field = np.stack([0.25 + 0.2 * waves, 0.45 + 0.3 * waves, 0.2 + 0.1 * waves], -1)
    scene = np.where((v > 0.62 + 0.04 * np.sin(9 * u))[..., None], field, sky)
    sun = (u - 0.77) ** 2 + (v - 0.22) ** 2 < 0.011
    scene[sun] = (1.0, 0.85, 0.3)
    wall = (abs(u - 0.36) < 0.19) & (v > 0.42) & (v < 0.78)
    bricks = ((np.floor(v * 42) % 2 + np.floor(u * 26)) % 2) * 0.12
    scene[wall] = (np.stack([0.72 - bricks, 0.4 - bricks, 0.3 - bricks], -1))[wall]
    roof = (v <= 0.42) & (v > 0.22) & (abs(u - 0.36) < (v - 0.22) * 1.2)
    scene[roof] = (0.35, 0.16, 0.18)
    window = (abs(u - 0.29) < 0.045) & (abs(v - 0.54) < 0.06)
    scene[window] = (0.95, 0.95, 0.8)
    door = (abs(u - 0.45) < 0.045) & (v > 0.58) & (v < 0.78)
    scene[door] = (0.2, 0.12, 0.1)
    return PIL.Image.fromarray((scene.clip(0, 1) * 255).astype("uint8"))


test_image.__test__ = False  # type: ignore[attr-defined]  # its name is no test's


def sent_image(name: str, data: bytes) -> Image:
    """The picture in a file that was sent, turned as its camera was held.

    Raises:
        KerauditError: it is none, or too large.
    """
    import struct

    import PIL.Image
    from PIL import ImageOps, UnidentifiedImageError

    if len(data) > LARGEST_IMAGE_MIB * 2**20:
        raise KerauditError(f"{name} is larger than {LARGEST_IMAGE_MIB} MiB")
    try:
        found = PIL.Image.open(BytesIO(data), formats=("PNG", "JPEG", "WEBP", "BMP"))
        if found.width * found.height > MOST_PIXELS:
            raise KerauditError(
                f"{name} has {found.width} x {found.height} pixels; {MOST_PIXELS:,} at most"
            )
        return ImageOps.exif_transpose(found).convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, struct.error):
        raise KerauditError(
            f"{name} is not a picture: send a PNG, JPEG, WebP or BMP file"
        ) from None
    except PIL.Image.DecompressionBombError:
        raise KerauditError(f"{name} has too many pixels") from None


def fitted(image: Image, height: int, width: int) -> Image:
    """The middle of an image, at an input's size."""
    from PIL import ImageOps

    return ImageOps.fit(image, (width, height))


def framed_field(image: Image, field: Field, spot: Sequence[int]) -> Image:
    """An image at the input's size with what one position sees framed; all else is dimmed.

    The picture is enlarged by a whole number, so that a pixel of the input stays a square.
    """
    import PIL.Image
    from PIL import ImageDraw

    rows, columns = spans(field, spot)[:2]
    scale = max(1, ceil(SHOWN / max(image.size)))
    margin = 12
    size = (image.width * scale, image.height * scale)
    large = image.resize(size, PIL.Image.Resampling.NEAREST)
    box = (
        max(columns.low, 0) * scale,
        max(rows.low, 0) * scale,
        min(columns.high + 1, image.width) * scale,
        min(rows.high + 1, image.height) * scale,
    )
    dimmed = PIL.Image.blend(large, PIL.Image.new("RGB", size, "#808080"), 0.6)
    if box[0] < box[2] and box[1] < box[3]:
        dimmed.paste(large.crop(box), box[:2])
    framed = PIL.Image.new("RGBA", (size[0] + 2 * margin, size[1] + 2 * margin), (0, 0, 0, 0))
    framed.paste(dimmed, (margin, margin))
    draw = ImageDraw.Draw(framed)
    # clipped to the margin, so that a field beyond the image is still seen to go on
    corners = [
        min(max(columns.low * scale + margin, 2), framed.width - 3),
        min(max(rows.low * scale + margin, 2), framed.height - 3),
        min(max((columns.high + 1) * scale + margin - 1, 2), framed.width - 3),
        min(max((rows.high + 1) * scale + margin - 1, 2), framed.height - 3),
    ]
    draw.rectangle(corners, outline=VERMILION, width=4)
    return framed


def mosaic(tiles: Any, *, columns: int, size: int = 96) -> Image:
    """Small pictures (count, height, width[, 3]) as bytes, in rows with gaps between them."""
    import PIL.Image

    rows = ceil(len(tiles) / columns)
    step = size + 4
    whole = PIL.Image.new(
        "RGBA", (min(columns, len(tiles)) * step - 4, rows * step - 4), (0, 0, 0, 0)
    )
    for at, tile in enumerate(tiles):
        one = PIL.Image.fromarray(tile).resize((size, size), PIL.Image.Resampling.NEAREST)
        whole.paste(one.convert("RGB"), (at % columns * step, at // columns * step))
    return whole


def heated(image: Image, heat: Any) -> Image:
    """An image under a map of bytes, bright where that is high; both fill the picture."""
    import numpy as np
    import PIL.Image

    scale = max(1, ceil(SHOWN / max(image.size)))
    size = (image.width * scale, image.height * scale)
    large = np.asarray(image.resize(size, PIL.Image.Resampling.NEAREST), "float32")
    part = PIL.Image.fromarray(heat).resize(size, PIL.Image.Resampling.BILINEAR)
    alpha = np.asarray(part, "float32")[..., None] / 255
    color = np.array(channels(VERMILION), "float32")
    mixed = large * 0.45 + 0.55 * (large * (1 - alpha) + color * alpha)
    return PIL.Image.fromarray((mixed * (0.55 + 0.45 * alpha)).clip(0, 255).astype("uint8"))


def png(image: Any) -> bytes:
    """An image as the bytes of a PNG file."""
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
