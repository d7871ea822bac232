"""Single numbers inside a sentence: ``{= macs ResNet50 =}``. Each is counted while the site is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from keraudit.output.numbers import percent, short
from pages import max_stable_learning_rate, reductions
from pages.audited import record


def macs(model: str) -> str:
    """Every digit."""
    return f"{record(model)['totals']['macs']:,}"


def params(model: str) -> str:
    return f"{record(model)['totals']['params']:,}"


def billions(model: str) -> str:
    """In billions, as papers print them."""
    return f"{record(model)['totals']['macs'] / 1e9:.2f} billion"


def times(model: str, other: str) -> str:
    """How many times the MACs of another."""
    return f"{record(model)['totals']['macs'] / record(other)['totals']['macs']:.2f}"


def factor(model: str) -> str:
    """How many times the MACs without the 1x1 reductions."""
    return f"{reductions.record(model)['totals']['factor']:.2f}"


def without(model: str) -> str:
    """The MACs without the 1x1 reductions."""
    return short(reductions.record(model)["totals"]["macs_without"])


def output_depth(model: str) -> str:
    """The channels of a model's last feature map."""
    return str(record(model)["layers"][-1]["output_shape"][-1])


def share_of_1x1(model: str) -> str:
    """The part of the MACs that 1x1 convolutions hold."""
    import keraudit

    report = keraudit.audit(model)
    ones = sum(
        term.value
        for layer in report.layers
        for term in layer.terms
        if term.what == "convolution"
        and {size for name, size in term.factors if name.startswith("kernel")} == {1}
    )
    return percent(ones / report.total.macs)


VALUES: Mapping[str, Callable[..., str]] = {
    "macs": macs,
    "params": params,
    "billions": billions,
    "times": times,
    "factor": factor,
    "without": without,
    "output-depth": output_depth,
    "share-of-1x1": share_of_1x1,
    "stable-rate": max_stable_learning_rate.rate,
}
