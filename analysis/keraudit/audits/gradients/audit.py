"""The gradient audit: a network and its variants, over seeds, on the same data and matched weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from statistics import fmean
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

from keraudit.audits.gradients import losses
from keraudit.audits.gradients.batches import batch_of
from keraudit.audits.gradients.growth import verdict_of
from keraudit.audits.gradients.places import has_kernel, parts, places
from keraudit.audits.gradients.records import BlockGradient, KernelGradient, Profile
from keraudit.audits.gradients.report import GradientReport
from keraudit.audits.gradients.variants import CORNERS, Variant, expanded, variant
from keraudit.environment import hardware_line, short_versions
from keraudit.errors import KerauditError
from keraudit.model.graph import Graph
from keraudit.output.report import origin_of

if TYPE_CHECKING:
    import keras

    from keraudit.audits.gradients.measure import Step
    from keraudit.audits.gradients.network import Network

Row = TypeVar("Row", BlockGradient, KernelGradient)
Progress = Callable[[int, int, str], None]  # pieces done, of how many, the network and the block


def no_progress(done: int, total: int, label: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured on each variant: seeds, batches, data, loss, shattering, whose weights."""

    seeds: tuple[int, ...] = (0,)
    batches: int = 1
    data: Any = "random"
    loss: str | None = None
    shattering: bool = False
    source: keras.Model | None = None
    custom_objects: Mapping[str, Any] = field(default_factory=dict)


def compare(
    graph: Graph,
    plan: Plan,
    *,
    base: str = "",
    against: Sequence[str] = (),
    progress: Progress = no_progress,
    command: str = "",
) -> GradientReport:
    """Profile a graph and its variants at every seed; see ``keraudit.gradients``.

    Every variant is measured at the blocks of ``graph`` itself, so that a network without its skips
    has the rows of the one with them.
    """
    begin = perf_counter()
    blocks = places(graph)
    changes = expanded(against)
    texts = [*([] if CORNERS in against else [base]), *(joined(base, text) for text in changes)]
    variants = [_measurable(variant(graph, text)) for text in dict.fromkeys(texts)]
    loss = losses.chosen(graph, plan.loss)
    lengths = [len(parts(v.graph, blocks, v.origin)) for v in variants]
    passes = (3 if plan.shattering else 2) * plan.batches * len(plan.seeds)
    total, done = sum(lengths) * passes, 0
    profiles: list[Profile] = []
    name = ""
    for one in variants:

        def step(block: str, label: str = one.label) -> None:
            nonlocal done
            done += 1
            progress(done, total, f"{label}, {block}")

        progress(done, total, one.label)
        network = _assembled(one, blocks, loss, plan)
        for seed in plan.seeds:
            profile, name = _measured(network, one.label, seed, loss, plan, step)
            profiles.append(profile)
        del network
    labels = [one.label for one in variants]
    return GradientReport(
        **{**origin_of(graph, command=command), "versions": short_versions()},
        batches=plan.batches,
        data=name,
        loss=loss,
        weights="own" if plan.source is not None else "initial",
        rewrites={one.label: one.done for one in variants},
        profiles=tuple(profiles),
        verdicts=tuple(
            verdict_of(label, [p for p in profiles if p.label == label]) for label in labels
        ),
        hardware=hardware_line(),
        date=datetime.now(UTC).date().isoformat(),
        seconds=perf_counter() - begin,
    )


def joined(base: str, text: str) -> str:
    return "+".join(filter(None, (base, text)))


def _measurable(one: Variant) -> Variant:
    """The variant, if gradients can be measured on it.

    Raises:
        KerauditError: nothing in it trains, or its batch has no statistics.
    """
    graph = one.graph
    if not any(has_kernel(node) and node.layer.trainable for node in graph.nodes):
        raise KerauditError(
            "the model has no trainable kernel, so there is no gradient to measure: set trainable, or"
            " audit its cost with keraudit flops"
        )
    normalized = any(node.layer.kind == "BatchNormalization" for node in graph.nodes)
    if graph.batch < 2 and normalized:
        raise KerauditError(
            f"batch normalisation takes its statistics from a batch of 2 or more; received"
            f" {graph.batch}: give --batch 32 (batch=), or --without-norm"
            ' (base="without-norm")'
        )
    return one


def _assembled(one: Variant, blocks: Any, loss: tuple[str, ...], plan: Plan) -> Network:
    """The live network of a variant, at the places of the graph it was made from."""
    import keras

    from keraudit.audits.gradients.network import Network

    keras.utils.set_random_seed(plan.seeds[0])
    graph = losses.with_logits(one.graph, loss)
    network = Network(graph, parts(graph, blocks, one.origin), custom_objects=plan.custom_objects)
    if plan.source is not None:
        network.copy(plan.source)
    return network


def _measured(
    network: Network,
    label: str,
    seed: int,
    loss: tuple[str, ...],
    plan: Plan,
    step: Step,
) -> tuple[Profile, str]:
    """The mean profile over the batches of a seed, and the dataset's name."""
    from keraudit.audits.gradients.measure import profile
    from keraudit.audits.gradients.weights import draw

    if plan.source is None:
        draw(network, seed)
    rows, name = [], ""
    for number in range(plan.batches):
        batch = batch_of(plan.data, network.graph, loss, seed + 1000 * number)
        name = batch.name
        rows.append(
            profile(
                network,
                batch,
                loss,
                label=label,
                seed=seed,
                shattering=plan.shattering,
                step=step,
            )
        )
    return _mean_profile(rows), name


def _mean_profile(rows: Sequence[Profile]) -> Profile:
    """The mean of each number over the profiles of several batches."""
    if len(rows) == 1:
        return rows[0]
    blocks = zip(*(row.blocks for row in rows), strict=True)
    layers = zip(*(row.layers for row in rows), strict=True)
    return replace(
        rows[0],
        loss=fmean(row.loss for row in rows),
        blocks=tuple(map(_mean_row, blocks)),
        layers=tuple(map(_mean_row, layers)),
        nonfinite=next((row.nonfinite for row in rows if row.nonfinite), None),
    )


def _mean_row(rows: Sequence[Row]) -> Row:
    """The first row with every float replaced by the rows' mean."""
    first = rows[0]
    means: dict[str, Any] = {
        key: fmean(getattr(row, key) for row in rows)
        for key in first.__slots__
        if isinstance(getattr(first, key), float)
    }
    return replace(first, **means)
