"""Labels from layer names: what names say, once the graph has shown where the blocks are.

Names that Keras makes up (``conv2d_37``) say nothing and are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache

CACHED_NAMES = 1 << 16  # each is looked at once per level of nesting
MIN_RUN = 3  # as many consecutive layers must share a name for it to divide a segment


@cache
def _snake(kind: str) -> str:
    """A class name as Keras writes it into automatic names: ``BatchNormalization`` to ``batch_normalization``."""
    bare = kind.rpartition(".")[2]
    spaced = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", bare)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", spaced).lower()


@lru_cache(maxsize=CACHED_NAMES)
def is_automatic(name: str, kind: str) -> bool:
    """Whether Keras made the name up from the class: ``conv2d``, ``conv2d_37``, ``input_layer``.

    >>> is_automatic("conv2d_37", "Conv2D"), is_automatic("mixed3", "Concatenate")
    (True, False)
    """
    own = name.rpartition("/")[2].partition(":")[0]
    base = _snake(kind)
    return own == base or (own.startswith(base + "_") and own[len(base) + 1 :].isdigit())


@lru_cache(maxsize=CACHED_NAMES)
def tokens(name: str, model: str = "") -> tuple[str, ...]:
    """The parts of a name, without the model's own name in front."""
    if model and name.startswith(model) and len(name) > len(model) + 1:
        name = name[len(model) :].lstrip("_/.-")
    return tuple(re.findall(r"[^_/.\-]+|[_/.\-]+", name))


def common_name(
    names: Sequence[str], kinds: Sequence[str], model: str = "", *, few: bool = False
) -> str:
    """The longest run of whole words that the telling names begin with; empty if there is none.

    Half of the names must be telling ones; with ``few``, two are enough.

    >>> common_name(["conv2_block1_1_conv", "conv2_block1_2_bn"], ["Conv2D", "BatchNormalization"])
    'conv2_block1'
    """
    telling = [
        tokens(n, model) for n, k in zip(names, kinds, strict=True) if not is_automatic(n, k)
    ]
    if len(telling) * 2 < len(names) and not (few and len(telling) > 1):
        return ""
    shortest = min(telling, key=len, default=())
    length = 0
    for position, token in enumerate(shortest):
        if any(t[position] != token for t in telling):
            break
        length = position + 1
    name = "".join(shortest[:length]).rstrip("_/.-")
    path, _, last = name.rpartition("/")
    # a nested model's number says which block it is; an unnumbered word behind it adds nothing
    return path if _has_digit(path) and not _has_digit(last) else name


def _has_digit(text: str) -> bool:
    return any(c.isdigit() for c in text)


def group_names(
    names: Sequence[str], kinds: Sequence[str], heavy: Sequence[bool], model: str = ""
) -> list[tuple[str, int, int]]:
    """Divide a chain by its names: runs of layers that share a numbered word (``block2a``, ``block_3``).

    ``heavy`` tells which layers have MACs: what precedes the first named run stands alone if it has.
    Returns (name, start, stop) triples that cover the chain; nameless where names say nothing.
    """
    labels = [
        "" if is_automatic(n, k) else _numbered(tokens(n, model))
        for n, k in zip(names, kinds, strict=True)
    ]
    result: list[tuple[str, int, int]] = []
    for label, start, stop in runs(labels):
        long = bool(label) and stop - start >= MIN_RUN
        if result and (not long or label == result[-1][0]):
            result[-1] = (*result[-1][:2], stop)
        elif result and not result[-1][0] and not any(heavy[:start]):
            result[-1] = (label, result[-1][1], stop)
        else:
            result.append((label if long else "", start, stop))
    return result


def runs(labels: Sequence[str]) -> list[tuple[str, int, int]]:
    """Runs of equal labels as (label, start, stop)."""
    result: list[tuple[str, int, int]] = []
    for position, label in enumerate(labels):
        if result and result[-1][0] == label:
            result[-1] = (label, result[-1][1], position + 1)
        else:
            result.append((label, position, position + 1))
    return result


def _numbered(parts: Sequence[str]) -> str:
    """The first word, or the first two, if they end in a number: ``block2a``, ``block_3``, ``stem``."""
    if not parts:
        return ""
    if _has_digit(parts[0]):
        return parts[0]
    if len(parts) > 2 and parts[2][0].isdigit():
        return "".join(parts[:3])
    return parts[0] if parts[0] in ("stem", "top", "head") else ""
