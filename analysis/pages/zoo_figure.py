"""All applications against each other: accuracy, MACs, parameters and memory, as plotly's JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

from keraudit.output.palette import FAMILIES, OTHER, family
from keraudit.output.plotly_figure import as_record, axis, frame, new_figure

# What an axis can show, by key: its title, its unit, and whether it is logarithmic.
AXES: Mapping[str, tuple[str, float, bool]] = {
    "top1": ("top-1 accuracy on ImageNet, %", 1, False),
    "macs": ("MACs, billions", 1e9, True),
    "params": ("parameters, millions", 1e6, True),
    "param_bytes": ("weights, MiB", 2**20, True),
    "peak_activation_bytes": ("activations held at once, MiB", 2**20, True),
}
# The models that are named in the figure, and on which side of their point.
NAMED: Mapping[str, str] = {
    "VGG16": "top right",
    "ResNet50": "bottom right",
    "InceptionV3": "top left",
    "MobileNetV2": "top right",
    "NASNetLarge": "bottom right",
    "EfficientNetV2L": "top left",
}
HEIGHT = 520


def scatter(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Draw accuracy against MACs: one point for each model, with its family's colour and shape; its area is its parameters.

    Args:
        rows: for each model its ``name`` and a value for each key of ``AXES``, or ``None``.
    """
    figure = new_figure(
        frame(
            "Keras Applications: accuracy against cost",
            height=HEIGHT,
            right=30,
            top=110,
            hovermode="closest",
            meta={"points": True},
            legend_itemsizing="constant",
            xaxis=_axis_of("macs"),
            yaxis=_axis_of("top1", showgrid=True),
        )
    )
    for kind in (*FAMILIES, ""):
        members = [row for row in rows if family(row["name"]) == kind]
        if not members:
            continue
        color, shape = FAMILIES.get(kind, OTHER)
        figure.add_scatter(
            name=kind or "other",
            mode="markers+text",
            x=[scaled(row, "macs") for row in members],
            y=[scaled(row, "top1") for row in members],
            text=[row["name"] if row["name"] in NAMED else "" for row in members],
            textposition=[NAMED.get(row["name"], "top right") for row in members],
            marker={
                "color": color,
                "symbol": shape,
                "size": [across(row["params"]) for row in members],
                "opacity": 0.85,
            },
            customdata=[[row["name"], *(scaled(row, key) for key in AXES)] for row in members],
            hovertemplate="<b>%{customdata[0]}</b><br>top-1 %{customdata[1]} %<br>%{customdata[2]:,.3g} billion"
            " MACs<br>%{customdata[3]:,.3g} million parameters<br>%{customdata[5]:,.3g} MiB of activations"
            "<extra></extra>",
        )
    return as_record(figure)


def _axis_of(key: str, **more: Any) -> dict[str, Any]:
    title, _, log = AXES[key]
    return axis(title, **({"type": "log", "dtick": 1} if log else {"type": "linear"}), **more)


def scaled(row: Mapping[str, Any], key: str) -> float | None:
    value = row[key]
    return None if value is None else round(value / AXES[key][1], 4)


def across(params: int) -> float:
    """The width of a marker whose area grows with the parameters.

    >>> across(0), across(100_000_000)
    (7.0, 23.0)
    """
    return round(7 + 1.6 * sqrt(params / 1e6), 1)
