"""The map of a network as an ECharts treemap: area by one measure, colour by another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from keraudit.audits.cost.parts import LAYER, Part
from keraudit.model.block import FORK_JOIN, SEGMENT
from keraudit.model.blocks import FINISHING, NORMALIZING
from keraudit.output.numbers import counted, extent, percent, short, short_bytes, sizes
from keraudit.output.palette import (
    BLUE,
    DARK_GREY,
    DARK_VERMILION,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    SLATE,
    VERMILION,
    WINE,
    ink,
    shade,
)

Measure = Callable[[Part], float]

MEASURES: Mapping[str, Measure] = {
    "macs": lambda part: part.cost.macs,
    "flops": lambda part: part.cost.flops,
    "params": lambda part: part.cost.params,
    "memory": lambda part: part.cost.activation_bytes,
    "field": lambda part: max(part.field.receptive_field, default=0) if part.field else 0,
}
WRITTEN: Mapping[str, Callable[[float], str]] = {
    "macs": lambda value: f"{short(value)} MACs",
    "flops": lambda value: f"{short(value)} FLOPs",
    "params": lambda value: f"{short(value)} parameters",
    "memory": lambda value: short_bytes(int(value)),
    "field": lambda value: f"{value:,.0f} pixels",
}
# Each stands out from its neighbours with every kind of colour vision.
KINDS: Mapping[str, str] = {
    FORK_JOIN: WINE,
    SEGMENT: SLATE,
    "convolution": BLUE,
    "dense": DARK_VERMILION,
    "normalisation": ORANGE,
    "activation": GREEN,
    "pooling": PURPLE,
    "join": SKY,
    "other": DARK_GREY,
}
JOINS = frozenset({"Add", "Concatenate", "Multiply", "Average", "Maximum", "Subtract", "Minimum"})


def family(kind: str) -> str:
    """What sort of layer a class is, for its colour.

    >>> family("SeparableConv2D"), family("MaxPooling2D"), family("ops.Add"), family("LSTM")
    ('convolution', 'pooling', 'join', 'other')
    """
    plain = kind.removeprefix("ops.")
    if kind in KINDS:
        return kind
    if "Conv" in plain:
        return "convolution"
    if plain in ("Dense", "EinsumDense"):
        return "dense"
    if plain in NORMALIZING:
        return "normalisation"
    if kind in FINISHING:
        return "activation"
    if "Pooling" in plain:
        return "pooling"
    return "join" if plain in JOINS else "other"


def treemap(
    tree: Part, *, area: str, color: str, chosen: str = "", dark: bool = False
) -> dict[str, Any]:
    """Draw the parts of ``tree``, each with its share; whatever has no area is left out.

    Args:
        tree: of ``keraudit.audits.cost.parts``; what it holds directly is framed, with a heading.
        area: a key of ``MEASURES``.
        color: likewise, or ``"kind"``.
        chosen: the name of the part that is marked.
        dark: whether it stands on a dark page; its headings are bright then.

    Returns:
        An ECharts option. The n-th of ``tree.walk()`` is the item of data index n.
    """
    top, whole = largest(tree, color), MEASURES[area](tree)

    def item(part: Part) -> dict[str, Any]:
        value = MEASURES[area](part)
        fill = _color_of(part, color, top)
        option: dict[str, Any] = {
            "name": part.name,
            "value": value,
            "itemStyle": {"color": fill},
            "label": {"color": ink(fill), "formatter": f"{{b}}\n{percent(value / whole)}"}
            if whole
            else {},
        }
        if part.children:
            option["upperLabel"] = {
                "formatter": f"{{b}}  {percent(value / whole)}" if whole else "{b}"
            }
            option["children"] = [item(child) for child in part.children]
        elif part.name == chosen:
            option["itemStyle"] |= {"borderColor": VERMILION, "borderWidth": 4}
        option["tooltip"] = {"formatter": tooltip(part)}
        return option

    return {
        "tooltip": {"confine": True},
        "aria": {"enabled": True},
        "series": [
            {
                "type": "treemap",
                "data": [item(child) for child in tree.children],
                "selectedMode": "single",
                "nodeClick": False,
                "roam": False,
                "breadcrumb": {"show": False},
                "sort": False,
                "left": 0,
                "right": 0,
                "top": 0,
                "bottom": 0,
                "animation": False,
                "visibleMin": 1,
                "label": {"show": True, "overflow": "truncate", "fontSize": 12, "lineHeight": 16},
                "upperLabel": {
                    "show": True,
                    "height": 22,
                    "color": "#DDD" if dark else "#333",
                    "fontSize": 12,
                },
                "itemStyle": {
                    "borderWidth": 1,
                    "gapWidth": 1,
                    "borderColor": "rgba(128,128,128,0.35)",
                },
                "levels": levels(),
                "select": {"itemStyle": {"borderColor": VERMILION, "borderWidth": 3}},
            }
        ],
    }


def levels() -> list[dict[str, Any]]:
    """Frames: none around the whole, wide ones around what it holds, narrow ones within."""
    clear = "rgba(128,128,128,0.18)"
    return [
        {"itemStyle": {"borderWidth": 0, "gapWidth": 4, "borderColor": "transparent"}},
        {"itemStyle": {"borderWidth": 2, "gapWidth": 2, "borderColor": clear}},
        {"itemStyle": {"borderWidth": 1, "gapWidth": 1, "borderColor": clear}},
    ]


def largest(tree: Part, color: str) -> float:
    """The value of the brightest colour: the largest of the leaves."""
    if color == "kind":
        return 0.0
    return max((MEASURES[color](p) for p in tree.walk() if not p.children), default=0)


def _color_of(part: Part, color: str, top: float) -> str:
    if color == "kind":
        return KINDS[family(part.kind)] if part.role != "stage" else KINDS["other"]
    return shade(MEASURES[color](part) / top if top else 0)


def tooltip(part: Part) -> str:
    """The tooltip of a part, as HTML: names are escaped, braces too."""
    from html import escape

    def text(name: str) -> str:
        return escape(name).replace("{", "&#123;").replace("}", "&#125;")

    cost, bounds = part.cost, part.cost.bounds
    count = sum(inner.role == LAYER for inner in part.walk())
    field = extent(part.field.receptive_field) if part.field else ""
    return "<br>".join(
        [
            f"<b>{text(part.name)}</b> ({text(part.kind)})",
            *([counted(count, "layer")] if part.children else []),
            f"{bounds.macs.sign}{short(cost.macs)} MACs, {bounds.flops.sign}{short(cost.flops)} FLOPs",
            f"{bounds.params.sign}{short(cost.params)} parameters,"
            f" {bounds.activations.sign}{short_bytes(cost.activation_bytes)} written",
            f"output {sizes(part.output_shape)}" + (f", receptive field {field}" if field else ""),
        ]
    )


def legend(tree: Part, *, area: str, color: str) -> list[tuple[str, str]]:
    """Colours and what they mean: kinds that occur, or the two ends of the scale and its middle."""
    leaves = [p for p in tree.walk() if not p.children and MEASURES[area](p)]
    if color == "kind":
        families = dict.fromkeys(family(p.kind) for p in leaves)
        return [(name, KINDS[name]) for name in KINDS if name in families]
    top = largest(tree, color)
    return [(WRITTEN[color](top * part), shade(part)) for part in (0, 0.25, 0.5, 0.75, 1)]
