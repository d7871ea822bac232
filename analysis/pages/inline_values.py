"""Single numbers inside a sentence, counted while the site is built."""

from __future__ import annotations

from pages import reductions
from pages.audited import record


def macs(model: str) -> str:
    """Every digit."""
    return f"{record(model)['totals']['macs']:,}"


def params(model: str) -> str:
    return f"{record(model)['totals']['params']:,}"


def billions(model: str) -> str:
    """In billions, as papers print them."""
    return f"{record(model)['totals']['macs'] / 1e9:.2f} billion"


def factor(model: str) -> str:
    """How many times the MACs without the 1x1 reductions."""
    return f"{reductions.record(model)['totals']['factor']:.1f}"


def output_depth(model: str) -> str:
    """The channels of a model's last feature map."""
    return str(record(model)["layers"][-1]["output_shape"][-1])
