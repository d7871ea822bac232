"""A network and what it is compared with: words such as ``without-skips+he`` to rewrites."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from keraudit.errors import KerauditError
from keraudit.model.graph import Graph
from keraudit.rewrite.activation import with_activation
from keraudit.rewrite.edit import Rewrite
from keraudit.rewrite.initializers import initializer_named, with_initializer
from keraudit.rewrite.input_size import at_input_shape
from keraudit.rewrite.normalization import without_normalization
from keraudit.rewrite.reductions import without_reductions
from keraudit.rewrite.repeat import repeat_block
from keraudit.rewrite.skips import without_skips
from keraudit.rewrite.width import with_width

BASELINE = "baseline"
CORNERS = "corners"
PLAIN: Mapping[str, Callable[[Graph], Rewrite]] = {
    "without-skips": without_skips,
    "without-norm": without_normalization,
    "without-reductions": without_reductions,
}
WITH_VALUE = ("activation=gelu", "width=0.5", "repeat=BLOCK:3", "input-shape=96,96,3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A rewritten graph: its label, what was done, and for copied calls the one each came from."""

    label: str
    graph: Graph
    done: tuple[str, ...] = ()
    origin: Mapping[str, str] = field(default_factory=dict)


def expanded(against: Sequence[str]) -> tuple[str, ...]:
    """The variants asked for; ``corners`` stands for eight.

    With skips or without, with normalisation or without, from Glorot or He.
    """
    result: list[str] = []
    for text in against:
        if text != CORNERS:
            result.append(text)
            continue
        for skips in ("", "without-skips+"):
            for norm in ("", "without-norm+"):
                result += [skips + norm + initial for initial in ("glorot", "he")]
    return tuple(dict.fromkeys(result))


def variant(graph: Graph, text: str) -> Variant:
    """Carry out the words of ``text``, joined by ``+``, one after another; no words, no change.

    Raises:
        KerauditError: a word is not known, or the rewrite does not fit or changes nothing.
    """
    words = [word.strip() for word in text.split("+") if word.strip()]
    done: list[str] = []
    origin: dict[str, str] = {}
    for word in words:
        rewrite = _step_of(word)(graph)
        if rewrite.nothing:
            raise KerauditError(f"{word} leaves the model as it is: {rewrite.nothing}")
        graph = rewrite.graph
        origin.update(rewrite.origin)
        done.append(f"{word}: {len(rewrite.changes)} changes")
    label = "+".join(words) or BASELINE
    return Variant(label=label, graph=graph, done=tuple(done), origin=origin)


def _step_of(word: str) -> Callable[[Graph], Rewrite]:
    if word in PLAIN:
        return PLAIN[word]
    if initializer_named(word):
        return lambda graph: with_initializer(graph, word)
    key, _, value = word.partition("=")
    try:
        if key == "activation" and value:
            return lambda graph: with_activation(graph, value)
        if key == "width":
            factor = float(value)
            return lambda graph: with_width(graph, factor)
        if key == "repeat":
            block, _, times = value.rpartition(":")
            count = int(times)
            return lambda graph: repeat_block(graph, block, count)
        if key == "input-shape":
            shape = tuple(int(size) for size in value.split(","))
            return lambda graph: at_input_shape(graph, shape)
    except ValueError:
        pass
    raise KerauditError(
        f"{word!r} is not a change to compare with: expected {', '.join(PLAIN)}, an initialiser (glorot,"
        f" he, ...), {', '.join(WITH_VALUE)}, several joined by +, or {CORNERS}"
    )
