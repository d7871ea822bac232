"""Corrupted images, after Hendrycks and Dietterich 2019, with the severities of their CIFAR-10-C.

No kept library has these severities for 32x32 images (imagecorruptions has those of ImageNet-C, its last
release is of 2020), so that the four are computed here, in numpy, scipy and pillow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

from keraudit.errors import KerauditError

# From the authors' make_cifar_c.py. Blur is their extra, Gaussian one.
SEVERITIES: Mapping[str, tuple[float, ...]] = {
    "noise": (0.04, 0.06, 0.08, 0.09, 0.10),  # deviation of Gaussian noise; white is 1
    "blur": (0.4, 0.6, 0.7, 0.8, 1.0),  # sigma of a Gaussian, in pixels
    "contrast": (0.75, 0.5, 0.4, 0.3, 0.15),  # what is left of the distance from the mean
    "jpeg": (80, 65, 58, 50, 40),  # quality
}
MADE_FOR = 32  # pixels a side
NOISE_SEED = 0


def corrupted(images: Any, name: str, severity: int) -> Any:
    """Corrupt images; the same images get the same noise for every network.

    Args:
        images: bytes, (N, height, width, 1 or 3).
        name: of ``SEVERITIES``.
        severity: 1 to 5.

    Returns:
        Bytes of the same shape. Fractions are truncated, as by the authors.
    """
    if name not in SEVERITIES or not 1 <= severity <= len(SEVERITIES[name]):
        raise KerauditError(
            f"no corruption {name!r} of severity {severity}: expected {', '.join(SEVERITIES)}, 1 to 5"
        )
    amount = SEVERITIES[name][severity - 1]
    return MAKERS[name](images, amount)


def _in_bytes(values: Any) -> Any:
    """Values from 0 to 1 as bytes."""
    import numpy as np

    return (np.clip(values, 0, 1) * 255).astype("uint8")


def noise(images: Any, deviation: float) -> Any:
    import numpy as np

    rng = np.random.default_rng(NOISE_SEED)
    added = rng.standard_normal(images.shape, dtype="float32") * np.float32(deviation)
    return _in_bytes(images.astype("float32") / 255 + added)


def blur(images: Any, sigma: float) -> Any:
    """A Gaussian, truncated at four sigma; the edge pixels go on outside."""
    from scipy.ndimage import gaussian_filter

    values = images.astype("float32") / 255
    return _in_bytes(gaussian_filter(values, (0, sigma, sigma, 0), mode="nearest"))


def contrast(images: Any, part: float) -> Any:
    values = images.astype("float32") / 255
    means = values.mean(axis=(1, 2), keepdims=True)
    return _in_bytes((values - means) * part + means)


def jpeg(images: Any, quality: float) -> Any:
    import numpy as np
    from PIL import Image

    result = np.empty_like(images)
    for i, pixels in enumerate(images):
        file = BytesIO()
        Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels).save(
            file, "JPEG", quality=int(quality)
        )
        with Image.open(file) as image:
            result[i] = np.asarray(image).reshape(pixels.shape)
    return result


MAKERS: Mapping[str, Callable[[Any, float], Any]] = {
    "noise": noise,
    "blur": blur,
    "contrast": contrast,
    "jpeg": jpeg,
}
