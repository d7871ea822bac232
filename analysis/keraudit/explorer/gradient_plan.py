"""A gradient audit for a page: what fits the network, how large a batch, and how long it takes."""

from __future__ import annotations

from typing import NamedTuple

from keraudit.audits.gradients.variants import PLAIN, variant
from keraudit.errors import KerauditError
from keraudit.explorer.address import VARIANTS
from keraudit.explorer.cache import Audited, ShownModel, audited, cached_by_model
from keraudit.explorer.limits import may_run
from keraudit.model.graph import Graph, Shape

IMAGES = (16, 8, 4, 2)  # a batch, the first that a page runs
PASSES = 3  # of one gradient, in forward passes: the backward one costs twice as much
# On two cores: seconds until Keras is there, for building and differentiating one layer, MACs a second.
START, A_LAYER, RATE = 8.0, 0.05, 8e9
_CORRECTION = [1.0]  # the last measurement here took so many times the estimate


class Plan(NamedTuple):
    """What is measured, and what it takes."""

    against: tuple[str, ...]
    images: int
    seeds: int

    @property
    def networks(self) -> int:
        return 1 + len(self.against)


@cached_by_model
def changes(key: str, size: Shape | None, _graph: Graph) -> tuple[str, ...]:
    """The variants that differ from this network, such as one without skips where it has some."""
    fits = {word for word in PLAIN if _differs(_graph, word)}
    return tuple(n for n in VARIANTS if all(w in fits or w not in PLAIN for w in n.split("+")))


def _differs(graph: Graph, word: str) -> bool:
    try:
        variant(graph, word)
    except KerauditError:
        return False
    return True


def default_against(possible: tuple[str, ...]) -> tuple[str, ...]:
    """What a network is compared with unless something is chosen: itself without its skips, if it has some."""
    return tuple(word for word in ("without-skips", "without-norm") if word in possible)[:1]


def default_images(subject: ShownModel, size: Shape | None, against: tuple[str, ...]) -> int:
    """The largest usual batch that a page runs; the smallest if none."""
    for images in IMAGES:
        try:
            check(subject, size, Plan(against, images, 1))
        except KerauditError:
            continue
        return images
    return IMAGES[-1]


def check(subject: ShownModel, size: Shape | None, plan: Plan) -> Audited:
    """The model at the batch that is measured.

    Raises:
        KerauditError: it is more than a page runs.
    """
    found = audited(subject, size, plan.images)
    passes = PASSES * plan.seeds * plan.networks
    may_run(found.graph, found.report, passes=passes, is_upload=subject.is_upload)
    return found


def seconds(found: Audited, plan: Plan) -> float:
    """How long it takes, as far as can be told: corrected by the last measurement on this machine."""
    work = plan.networks * plan.seeds
    layers, macs = len(found.graph.nodes), PASSES * found.report.total.macs
    return (START + work * (layers * A_LAYER + macs / RATE)) * _CORRECTION[0]


def took(estimated: float, measured: float) -> None:
    """Learn from a measurement how fast this machine is."""
    _CORRECTION[0] = min(max(_CORRECTION[0] * measured / estimated, 0.1), 20.0)
