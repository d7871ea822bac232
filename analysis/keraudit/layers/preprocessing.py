"""Layers that prepare features: rescaling, look-ups, hashing, one-hot codes, colour corrections.

A FLOP is arithmetic on numbers: looking a key up, hashing it, writing a one by its index is none.
"""

from __future__ import annotations

from typing import Any

from keraudit.errors import ModelError
from keraudit.layers.call import (
    Effect,
    Shape,
    Site,
    counted,
    elementwise,
    is_whole,
    whole_number,
    zero,
)
from keraudit.layers.convolution import from_one
from keraudit.layers.resampling import image
from keraudit.layers.reshaping import unchanged_dtype
from keraudit.model.graph import GLOBAL

FLOAT = "float32"  # Keras' default floatx


def rescaling(site: Site) -> Effect:
    """y = scale x + offset: 2 FLOPs per element, as Keras runs it, an offset of 0 included."""
    return counted(site.shape, terms=[elementwise("rescaling", site.shape, 2)])


def _encoded(shape: Shape, mode: str, depth: Any) -> Shape:
    """The shape of indices (batch, ..., n) in an output mode.

    ``one_hot`` keeps every index, a last axis of 1 aside; ``multi_hot``, ``count`` and ``tf_idf``
    gather the last axis into one row.

    >>> _encoded((2, 3), "one_hot", 5), _encoded((2, 1), "one_hot", 5), _encoded((2, 3), "count", 5)
    ((2, 3, 5), (2, 5), (2, 5))
    """
    if mode == "int":
        return shape
    if not is_whole(depth) or depth < 1:
        raise ModelError(f"output_mode={mode!r} needs a known number of categories, got {depth!r}")
    if mode == "one_hot" and (len(shape) == 1 or shape[-1] != 1):
        return (*shape, depth)
    return (*shape[:-1], depth)


def discretization(site: Site) -> Effect:
    """The bin of each number, by binary search: ceil(log2(bins)) comparisons per element."""
    config = site.config
    boundaries, mode = config.get("bin_boundaries"), str(config.get("output_mode", "int"))
    bins = whole_number(config, "num_bins") if boundaries is None else len(boundaries) + 1
    from_one(num_bins=(bins,))
    output = _encoded(site.shape, mode, bins)
    if mode in ("multi_hot", "count") and len(site.shape) > 1:
        output = (site.shape[0], *site.shape[2:], bins)  # as Keras does: it gathers axis 1
    return counted(
        output,
        terms=[elementwise("comparison", site.shape, (bins - 1).bit_length())],
        dtype="int32" if mode == "int" else None,
    )


def category_encoding(site: Site) -> Effect:
    """Indices as codes: nothing for one-hot and multi-hot, an addition per index for counts."""
    mode = str(site.config.get("output_mode", "multi_hot"))
    output = _encoded(site.shape, mode, site.config["num_tokens"])
    if mode == "count":
        return counted(output, terms=[elementwise("count", site.shape)])
    return zero(output, reason="ones written by index, no arithmetic")


def hashing(site: Site) -> Effect:
    """The hash of each element modulo a number of bins."""
    mode = str(site.config.get("output_mode", "int"))
    output = _encoded(site.shape, "count" if mode == "one_hot" else mode, site.config["num_bins"])
    reason = "hashing of keys, no arithmetic on numbers"
    return zero(output, reason=reason, dtype="int64" if mode == "int" else None)


def hashed_crossing(site: Site) -> Effect:
    """The hash of two or more features together."""
    mode = str(site.config.get("output_mode", "int"))
    output = _encoded(site.shape, mode, site.config["num_bins"])
    reason = "hashing of keys, no arithmetic on numbers"
    return zero(output, reason=reason, dtype="int64" if mode == "int" else None)


def lookup(site: Site) -> Effect:
    """``StringLookup``, ``IntegerLookup``: each key's index in a vocabulary, or the reverse."""
    config = site.config
    dtype = "int64"
    if config.get("invert"):
        stated = "string" if site.kind == "StringLookup" else "int64"
        dtype = str(config.get("vocabulary_dtype") or stated)
    return _looked_up(site, site.shape, dtype)


def _looked_up(site: Site, shape: Shape, dtype: str) -> Effect:
    """``tf_idf`` multiplies the counts by weights; the other modes compute nothing or count."""
    config = site.config
    mode = str(config.get("output_mode", "int")).replace("-", "_").replace("binary", "multi_hot")
    depth = config.get("vocabulary_size")
    if config.get("pad_to_max_tokens"):
        depth = config.get("max_tokens")
    output = _encoded(shape, mode, depth)
    if mode in ("count", "tf_idf"):
        weighted = elementwise("weighting", output) if mode == "tf_idf" else None
        return counted(output, terms=[elementwise("count", shape), weighted], dtype=FLOAT)
    reason = "a table look-up, no arithmetic"
    return zero(output, reason=reason, dtype=dtype if mode == "int" else FLOAT)


def text_vectorization(site: Site) -> Effect:
    """Text to the indices of its words, or to one row of codes; (batch, 1) strings come in.

    How many words a text has is known only when it runs: what is counted is one row per text.
    """
    config = site.config
    batch = site.shape[0]
    if config.get("output_mode", "int") != "int":
        is_row = config.get("split") is None and len(site.shape) > 1
        rows = site.shape if is_row else (*site.shape, 1)
        return _looked_up(site, rows, "int64")
    length = config.get("output_sequence_length")
    if not length:
        raise ModelError(
            "the number of words is known only when the text is read: set output_sequence_length"
        )
    reason = "words split and looked up, no arithmetic"
    return zero((batch, int(length)), reason=reason, view=GLOBAL, dtype="int64")


def _full_range(site: Site) -> bool:
    return tuple(site.config.get("value_range") or (0, 255)) == (0, 255)


def auto_contrast(site: Site) -> Effect:
    """Each channel stretched to the full range of values, in training and at inference alike.

    Minimum, maximum, multiply, add, clip twice: 6 per element. A ``value_range`` other than
    0 ... 255 is mapped there and back: subtract, divide, multiply, add, twice: 8 more.
    """
    operations = 6 if _full_range(site) else 14
    terms = [elementwise("contrast", site.shape, operations)]
    return counted(site.shape, terms=terms, view=GLOBAL)


def clahe(site: Site) -> Effect:
    """Contrast-limited adaptive histogram equalisation, in training and at inference alike.

    Per element: clip twice and add to the tile's histogram: 3; blend the look-ups of four tiles, at
    3 multiplications or additions for each of three blends: 9; together 12, and 8 more where a
    ``value_range`` is mapped. For each of 256 bins of each tile and channel: cumulate, subtract,
    multiply, divide, clip twice: 6; with a clip limit compare, subtract, sum, add: 4 more
    (Zuiderveld 1994).
    """
    batch, spatial, channels = image(site)
    grid = tuple(site.config.get("tile_grid_size") or (8, 8))
    from_one(tile_grid_size=grid)
    padded = [tiles * -(-size // tiles) for size, tiles in zip(spatial, grid, strict=True)]
    per_bin = 10 if site.config.get("clip_limit", 4.0) > 0 else 6
    bins = (batch, *grid, channels, 256)
    return counted(
        site.shape,
        terms=[
            elementwise("equalisation", (batch, *padded, channels), 12),
            elementwise("value range", site.shape, 0 if _full_range(site) else 8),
            elementwise("histogram", bins, per_bin),
        ],
        view=GLOBAL,
        dtype=unchanged_dtype(site),
    )
