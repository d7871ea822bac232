"""Show pictures of free licence to the networks that ship: ``python -m records.pictures EMOJI PHOTOGRAPHS``.

EMOJI is Noto Color Emoji as a font file (Debian: ``fonts-noto-color-emoji``, SIL Open Font License 1.1): a drawing of each
class of CIFAR-10. PHOTOGRAPHS is the folder ``data`` of scikit-image, whose ``_fetchers.py`` states each licence: a cat, the
silhouette of a horse, and two things that are no class of CIFAR-10. All are reduced to 32x32, drawings on the mean colour of
the training images. Writes ``site/results/pictures.json``: pictures, probabilities, Grad-CAM.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

PATH, SCHEMA = Path("site/results/pictures.json"), "keraudit.pictures/1"
COMMAND = "python -m records.pictures NotoColorEmoji.ttf skimage/data"
NETWORKS = ("ResNet-CIFAR-20", "Inception-CIFAR")
SIDE = 32
FONT_SIZE = 109  # the only one of this font
INK, DENSEST = (204, 0, 153), 190  # of a map's highest value: magenta, its opacity of 255
TOP = 3  # classes that are told
NOTO = "Noto Color Emoji, SIL Open Font License 1.1"
DRAWINGS: Mapping[str, str] = {
    "airplane": "\u2708\ufe0f",
    "automobile": "\U0001f697",
    "bird": "\U0001f426",
    "cat": "\U0001f408",
    "deer": "\U0001f98c",
    "dog": "\U0001f415",
    "frog": "\U0001f438",
    "horse": "\U0001f40e",
    "ship": "\U0001f6a2",
    "truck": "\U0001f69a",
}
# File, what it shows, its class (``None`` where CIFAR-10 has none for it), who made it and the licence.
PHOTOGRAPHS = (
    ("chelsea.png", "photograph of a cat", "cat", "Stefan van der Walt, CC0"),
    ("horse.png", "silhouette of a horse", "horse", "Andreas Preuss, CC0"),
    ("coffee.png", "photograph of a cup", None, "Rachel Michetti, CC0"),
    ("rocket.jpg", "photograph of a rocket", None, "SpaceX, public domain"),
)


class Picture(NamedTuple):
    """A picture of 32x32 and where it is from."""

    title: str
    label: str | None
    source: str
    image: Any


def drawn(font: Path, ground: tuple[int, ...]) -> list[Picture]:
    """The drawing of each class on a ground of one colour."""
    from PIL import Image, ImageDraw, ImageFont

    face = ImageFont.truetype(font, FONT_SIZE)
    found = []
    for label, text in DRAWINGS.items():
        left, top, right, bottom = map(int, face.getbbox(text[0]))
        side = max(right - left, bottom - top)
        image = Image.new("RGB", (side, side), ground)
        at = ((side - right - left) // 2, (side - bottom - top) // 2)
        ImageDraw.Draw(image).text(at, text[0], font=face, embedded_color=True)
        small = image.resize((SIDE, SIDE), Image.Resampling.BOX)
        found.append(Picture(f"drawing of {_with_article(label)}", label, NOTO, small))
    return found


def _with_article(noun: str) -> str:
    """A class with its article.

    >>> _with_article("airplane"), _with_article("ship")
    ('an airplane', 'a ship')
    """
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def photographed(folder: Path) -> list[Picture]:
    """The middle square of each photograph."""
    from PIL import Image

    found = []
    for name, title, label, source in PHOTOGRAPHS:
        with Image.open(folder / name) as opened:
            image = opened.convert("RGB")
        side = min(image.size)
        left, top = ((extent - side) // 2 for extent in image.size)
        square = image.crop((left, top, left + side, top + side))
        small = square.resize((SIDE, SIDE), Image.Resampling.BOX)
        found.append(Picture(title, label, f"{source}, from scikit-image", small))
    return found


def seen(name: str, pictures: list[Picture]) -> tuple[Mapping[str, Any], list[dict[str, Any]]]:
    """What is known of a network's weights, and of each picture its likeliest classes and where the first is from."""
    import numpy as np
    from keras import ops

    from keraudit.evaluation.grad_cam import feature_cut
    from keraudit.evaluation.load import load_shipped
    from keraudit.zoo.trained_weights import shipped

    found = shipped(name)
    if found is None:
        raise SystemExit(f"no weights of {name} ship")
    body = load_shipped(found)
    images = found.normalized(np.stack([np.asarray(one.image) for one in pictures]))
    shares = ops.convert_to_numpy(body(images, training=False))
    cams = feature_cut(body).grad_cam(images, shares.argmax(axis=-1))
    labels = list(DRAWINGS)
    rows = [
        {
            "top": [[labels[i], round(float(row[i]), 4)] for i in row.argsort()[::-1][:TOP]],
            "map": _png(_overlay(cam)),
        }
        for row, cam in zip(shares, cams, strict=True)
    ]
    return found.about, rows


def _overlay(cam: Any) -> Any:
    """A map as an image of one colour that covers where its values are high."""
    import numpy as np
    from PIL import Image

    alpha = np.rint(cam * DENSEST).astype("uint8")
    colors = np.broadcast_to(np.array(INK, "uint8"), (*cam.shape, 3))
    return Image.fromarray(np.dstack([colors, alpha]))


def _png(image: Any) -> str:
    written = io.BytesIO()
    image.save(written, "PNG", optimize=True)
    return base64.b64encode(written.getvalue()).decode()


def record(font: Path, folder: Path) -> dict[str, Any]:
    """All networks whose weights ship, on all pictures."""
    from keraudit.zoo.trained_weights import shipped

    first = shipped(NETWORKS[0])
    if first is None:
        raise SystemExit(f"no weights of {NETWORKS[0]} ship")
    ground = tuple(round(value) for value in first.about["mean"])
    pictures = [*drawn(font, ground), *photographed(folder)]
    found = {name: seen(name, pictures) for name in NETWORKS if shipped(name)}
    return {
        "schema": SCHEMA,
        "date": datetime.now(UTC).date().isoformat(),
        "command": COMMAND,
        "networks": {
            name: {key: about[key] for key in ("test_error", "dataset", "seed")}
            for name, (about, _) in found.items()
        },
        "pictures": [
            {
                "title": one.title,
                "class": one.label,
                "source": one.source,
                "image": _png(one.image),
                "networks": {name: rows[number] for name, (_, rows) in found.items()},
            }
            for number, one in enumerate(pictures)
        ],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("emoji", type=Path)
    parser.add_argument("photographs", type=Path)
    options = parser.parse_args()
    text = json.dumps(record(options.emoji, options.photographs), indent=1)
    PATH.write_text(text + "\n", "utf-8")
    sys.stderr.write(f"{PATH}\n")
