"""A gallery as one HTML file: every image is drawn from the user's own data set as it is written."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from io import BytesIO
from typing import Any

from keraudit.data.dataset import Dataset
from keraudit.evaluation.gallery import Gallery, Look, Neighbour, Picture, Section
from keraudit.output.palette import DARK_PAGE, LIGHT_PAGE

# Dark to light, so that heat reads without colour too; after matplotlib's inferno.
RAMP = ((0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164))
LEAST_PIXELS = 96  # a side, as written into the file

COLORS = f"""
:root{{color-scheme:light dark;{LIGHT_PAGE};--wrong:#a40e26;--right:#1a7f37;--page:#fff}}
@media (prefers-color-scheme:dark){{:root{{{DARK_PAGE};--wrong:#ff8182;--right:#56d364;--page:#0d1117}}}}
"""
STYLE = (
    COLORS
    + """body{font:14px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:76em;
 margin:2em auto;padding:0 1em}
h1{font-size:1.5em;margin:0}h2{font-size:1.15em;margin:2em 0 0}
p{margin:.2em 0 1em;color:var(--soft)}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(22em,1fr));gap:1em}
.card{border:1px solid var(--rule);border-radius:6px;padding:.8em;margin:0}
.row{display:flex;gap:.5em;align-items:flex-start;flex-wrap:wrap}
figure{margin:0;width:96px}figcaption{font-size:12px;line-height:1.3;overflow-wrap:anywhere}
img{width:96px;height:96px;image-rendering:pixelated;display:block;border-radius:3px}
.near img{width:44px;height:44px}.near figure{width:44px}
.near{margin-top:.3em}.near span{font-size:12px;color:var(--soft);flex-basis:100%}
.wrong{color:var(--wrong)}.right{color:var(--right)}
details{margin-top:.6em}summary{cursor:pointer;color:var(--soft)}
pre{white-space:pre-wrap;color:var(--soft)}
"""
)


def gallery_page(gallery: Gallery, data: Dataset) -> str:
    """The whole file; no request leaves it.

    Args:
        gallery: which images, and what the networks make of them.
        data: where the images are.
    """
    title = escape(" and ".join(gallery.networks))
    scores = ", ".join(f"{escape(n)} {gallery.accuracy[n]:.2%}" for n in gallery.networks)
    places = ", ".join(f"{escape(n)} at {escape(gallery.places[n])}" for n in gallery.networks)
    sections = "\n".join(_section(part, data) for part in gallery.sections)
    record = json.dumps(gallery.to_dict()).replace("<", "\\u003c")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>keraudit gallery: {title}</title><style>{STYLE}</style></head>\n"
        f"<body><h1>{title}</h1><p>{escape(gallery.dataset['name'])}; test accuracy: {scores}</p>"
        f"<p>Beside each image: where the score of the class that a network names comes from, bright"
        f" is much (Grad-CAM, Selvaraju et al. 2017; {places}). Under it, folded: the training images"
        f" whose features are nearest by cosine, among the first {gallery.searched:,}.</p>\n"
        f"{sections}\n<pre>Made by        {escape(gallery.command)}</pre>"
        f'<script type="application/json" id="record">{record}</script></body></html>\n'
    )


def _section(part: Section, data: Dataset) -> str:
    cards = "\n".join(card(picture, data) for picture in part.pictures)
    inside = f'<div class="cards">{cards}</div>' if cards else "<p>None.</p>"
    return f"<section><h2>{escape(part.title)}</h2><p>{escape(part.rule)}.</p>{inside}</section>"


def card(picture: Picture, data: Dataset) -> str:
    """An image, each network's look at it, and its neighbours."""
    pixels = data.test.images[picture.image]
    label = data.classes[picture.label]
    plain = figure(pixels, f"Test image {picture.image}: {label}", f"<b>{escape(label)}</b>")
    looks = "".join(_look_figure(look, picture, pixels, data) for look in picture.looks)
    near = "".join(
        _neighbour_row(name, rows, picture.label, data) for name, rows in picture.neighbours.items()
    )
    folded = f"<details><summary>Nearest training images</summary>{near}</details>"
    return f'<article class="card"><div class="row">{plain}{looks}</div>{folded}</article>'


def _look_figure(look: Look, picture: Picture, pixels: Any, data: Dataset) -> str:
    name = data.classes[look.named]
    tone = "right" if look.named == picture.label else "wrong"
    own = "" if tone == "right" else f"; {data.classes[picture.label]} {look.of_label:.1%}"
    alt = (
        f"Grad-CAM of {look.network} for {name} on test image {picture.image}, strongest"
        f" {_strongest(look.heat)}"
    )
    caption = (
        f'{escape(look.network)}: <span class="{tone}">{escape(name)} {look.confidence:.1%}</span>'
        f"{escape(own)}"
    )
    return figure(_heated(pixels, look.heat), alt, caption)


def _neighbour_row(name: str, rows: Sequence[Neighbour], label: int, data: Dataset) -> str:
    figures = "".join(
        figure(
            data.train.images[row.image],
            f"Training image {row.image}: {data.classes[row.label]}, cosine {row.cosine:.2f}",
            f'<span class="{"right" if row.label == label else "wrong"}">'
            f"{escape(data.classes[row.label])}</span>",
        )
        for row in rows
    )
    return f'<div class="row near"><span>{escape(name)}</span>{figures}</div>'


def figure(pixels: Any, alt: str, caption: str) -> str:
    return (
        f'<figure><img alt="{escape(alt)}" title="{escape(alt)}" src="{_data_uri(pixels)}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _data_uri(pixels: Any) -> str:
    """An image as a PNG in the page itself."""
    from PIL import Image

    file = BytesIO()
    Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels).save(file, "PNG")
    return "data:image/png;base64," + b64encode(file.getvalue()).decode("ascii")


def _heated(pixels: Any, heat: Any) -> Any:
    """The image in grey under its heat, enlarged."""
    import numpy as np
    from PIL import Image

    height, width = pixels.shape[:2]
    times = max(1, -(-LEAST_PIXELS // max(height, width)))
    size = (width * times, height * times)
    grey = pixels.astype("float32").mean(axis=-1)
    base = np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.NEAREST))[..., None]
    wide = np.asarray(
        Image.fromarray(heat.astype("float32")).resize(size, Image.Resampling.BILINEAR)
    )
    stops = np.linspace(0, 1, len(RAMP))
    color = np.stack([np.interp(wide, stops, channel) for channel in np.array(RAMP).T], axis=-1)
    return (0.45 * base + 0.55 * color).clip(0, 255).astype("uint8")


def _strongest(heat: Any) -> str:
    """Where a map is highest, in words.

    >>> import numpy as np
    >>> _strongest(np.eye(3)[[0]] * np.ones((3, 1))), _strongest(np.zeros((2, 2)))
    ('at the left', 'nowhere')
    """
    import numpy as np

    total = float(heat.sum())
    if total <= 0:
        return "nowhere"
    rows, columns = (np.linspace(-1, 1, size) if size > 1 else np.zeros(1) for size in heat.shape)
    down = float((heat.sum(axis=1) * rows).sum() / total)
    along = float((heat.sum(axis=0) * columns).sum() / total)
    up = "top" if down < -0.2 else "bottom" if down > 0.2 else ""
    side = "left" if along < -0.2 else "right" if along > 0.2 else ""
    return f"at the {' '.join(filter(None, (up, side))) or 'middle'}"
