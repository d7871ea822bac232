"""What was read and audited, kept by content: every session shares it, and none can name another's.

Records are frozen, so all sessions may hold the same one. An upload is found by the digest of its
bytes, but only a session that holds the bytes itself hands over the graph to be kept.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from typing import NamedTuple, ParamSpec, TypeVar

import streamlit as st

from keraudit.api import read, report_of
from keraudit.audits.cost.parts import Part, parts
from keraudit.audits.cost.report import CostReport
from keraudit.errors import ShapeError
from keraudit.explorer.address import NAMED
from keraudit.explorer.builds import turn
from keraudit.explorer.start import argument, imported
from keraudit.layers.infer import shaped
from keraudit.model.block import Block
from keraudit.model.blocks import blocks
from keraudit.model.graph import Architecture, Graph, Shape
from keraudit.reading.cache import TURN
from keraudit.rewrite.apply import rewritten
from keraudit.rewrite.options import Rewriting

MOST_MODELS = 64  # of each kind of record; the largest application takes some 10 MB
AS_IS = Rewriting()
MOST_UPLOADS = 8  # of each kind, of all visitors: their size is their senders' choice
UPLOAD = "upload-"  # how their keys begin
P = ParamSpec("P")
R = TypeVar("R")
BUILDING = threading.Lock()  # the user's own code traces one model at a time, whoever asks


class ShownModel(NamedTuple):
    """A model as the pages know it: how it is found, and how the command line names it."""

    key: str
    title: str
    typed: str
    architecture: Architecture | None = None  # of an upload, or of the model given at the start
    data: bytes = b""  # of the file, where it holds weights

    @property
    def is_upload(self) -> bool:
        return self.key.startswith(UPLOAD)


class Audited(NamedTuple):
    """A graph and all that is drawn of it."""

    graph: Graph
    blocks: tuple[Block, ...]
    report: CostReport


def cached_by_model(function: Callable[P, R]) -> Callable[P, R]:
    """Keep what a function makes of a model, its first argument a key; of uploads apart, and less."""

    @wraps(function)
    def of_uploads(*args: P.args, **kwargs: P.kwargs) -> R:
        return function(*args, **kwargs)

    of_uploads.__qualname__ += "_of_uploads"  # by which Streamlit tells caches apart
    known = st.cache_resource(max_entries=MOST_MODELS, show_spinner=False)(function)
    sent = st.cache_resource(max_entries=MOST_UPLOADS, show_spinner=False)(of_uploads)

    @wraps(function)
    def found(*args: P.args, **kwargs: P.kwargs) -> R:
        made: R = (sent if str(args[0]).startswith(UPLOAD) else known)(*args, **kwargs)
        return made

    return found


@cached_by_model
def _graph_of(
    key: str, size: Shape | None, batch: int, _architecture: Architecture | None
) -> Graph:
    """The graph of a model at an input size.

    Raises:
        KerauditError: it cannot be read, or the size does not fit it.
    """
    if _architecture is not None and _architecture.traced and (size or batch != 1):
        with BUILDING:  # a trace holds for one size
            found = read(argument(), input_shape=size, batch=batch, imports=imported())
        source = replace(found.architecture, source=_architecture.source)
        return replace(found, architecture=source)
    if _architecture is not None:
        return shaped(_architecture, input_shapes=several(size, _architecture), batch=batch)
    before = TURN.set(turn)
    try:
        return read(key, input_shape=size, batch=batch)
    finally:
        TURN.reset(before)


def several(size: Shape | None, architecture: Architecture) -> list[Shape] | None:
    if size is None:
        return None
    if len(architecture.inputs) > 1:
        raise ShapeError("a model with several inputs is shown at the sizes that it records")
    return [size]


@cached_by_model
def _audited_by_key(
    key: str,
    size: Shape | None,
    batch: int,
    rewriting: Rewriting,
    command: str,
    _architecture: Architecture | None,
) -> Audited:
    with uncollected():
        graph, notes = rewritten(_graph_of(key, size, batch, _architecture), rewriting)
        parts = blocks(graph)
        report = report_of(graph, command=command, rewrites=notes, parts=parts)
    return Audited(graph, parts, report)


@contextmanager
def uncollected() -> Iterator[None]:
    """Work without the garbage collector: a graph is all objects and no cycles, and a fourth of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def audited(
    subject: ShownModel, size: Shape | None, batch: int, rewriting: Rewriting = AS_IS
) -> Audited:
    """A model, read, rewritten and audited.

    Raises:
        KerauditError: it cannot be read, or a size or a rewrite does not fit it.
    """
    line = command("flops", subject, size, batch, rewriting)
    return _audited_by_key(subject.key, size, batch, rewriting, line, subject.architecture)


@cached_by_model
def tree_of(key: str, size: Shape | None, batch: int, level: str, _audited: Audited) -> Part:
    """The parts of a model, for the map."""
    down_to = "layer" if level == "layers" else "block"
    report = _audited.report
    return parts(report.model, _audited.blocks, report.layers, down_to=down_to)


def command(
    word: str,
    subject: ShownModel,
    size: Shape | None,
    batch: int,
    rewriting: Rewriting = AS_IS,
    more: tuple[str, ...] = (),
) -> str:
    """The command line that gives the same."""
    import shlex

    words = ["keraudit", word, subject.typed]
    if word == "compare":
        words.append(subject.typed)
    if subject.key.startswith(NAMED):
        words += [part for package in imported() for part in ("--import", package)]
    if size is not None:
        words += ["--input-shape", ",".join(map(str, size))]
    if batch != 1:
        words += ["--batch", str(batch)]
    return shlex.join([*words, *rewriting.options(), *more])
