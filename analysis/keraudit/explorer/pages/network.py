"""The network as a graph: blocks open to their layers, and what is chosen is written out beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from keraudit.audits.cost.network_tree import BLOCK, BRANCH, Item
from keraudit.audits.cost.report import report_grid
from keraudit.explorer import ui
from keraudit.explorer.address import COLORS, UNITS, View, parsed
from keraudit.explorer.cache import Audited, ShownModel, audited, cached_by_model, command
from keraudit.explorer.metrics import cost_of, counted, metrics
from keraudit.explorer.network_data import Network, Shown, around, network_data, network_of
from keraudit.explorer.network_view import drawing
from keraudit.explorer.pages.layer import configuration, field, products, shapes, shares
from keraudit.explorer.pages.map import bars, branches, measure, model_or_stop, with_known_names
from keraudit.model.block import Block
from keraudit.model.graph import Shape
from keraudit.output.numbers import percent, short

HEIGHT = 664  # pixels, of the drawing with its tools


def page(view: View, subject: ShownModel | None) -> None:
    """The drawing, and beside it what is chosen; else the model."""
    subject = model_or_stop(subject)
    with st.skeleton(height=HEIGHT):
        found = audited(subject, view.size, view.batch)
    network = _network(subject.key, view.size, view.batch, found)
    view = with_known_names(view, found)
    left, right = st.columns([9, 5], gap="small")
    with left:
        _draw(view, subject, found, network)
    with right, st.container(height=HEIGHT, key="beside"):
        _beside(view, subject, found)
    ui.twin(
        [report_grid(found.report, by="block")],
        found.report.to_dict(),
        command("flops", subject, view.size, view.batch),
        stem=f"{found.report.model}-cost",
        figures=lambda: bars(found),
    )


@cached_by_model
def _network(key: str, size: Shape | None, batch: int, _audited: Audited) -> Network:
    """The items of a model, worked out once."""
    return network_of(_audited.graph, _audited.blocks)


def _draw(view: View, subject: ShownModel, found: Audited, network: Network) -> None:
    names = [layer.name for layer in found.report.layers]
    layer = names.index(view.layer) if view.layer else None
    shown = Shown(
        opened=opened(view, network.root, layer),
        color=measure(view, view.color),
        unit=view.unit,
        layer=layer,
        block="" if view.layer else view.block,
    )
    data = network_data(network, found.graph, found.report.layers, shown)
    words = {**COLORS, "cost": UNITS[view.unit]}
    more = {
        "model": f"{subject.key} {view.size} {view.batch}",
        "stem": "network",
        "colors": [(measure(view, key), f"Colour: {word}") for key, word in words.items()],
        "dark": st.context.theme.type == "dark",
    }
    drawing({**data, **more}, lambda event: _happened(event, network.root, names))


def opened(view: View, root: Item, layer: int | None) -> frozenset[str]:
    """Keys of the opened items: those that the address names, and those around the chosen layer."""
    return frozenset({*view.open, *_holders(root, layer)})


def _holders(root: Item, layer: int | None) -> list[str]:
    """What must be open for a layer to be visible; a branch is with its block."""
    inner = around(root, layer) if layer is not None else ()
    return [item.key for item in inner if item.children and item.role != BRANCH]


def _happened(event: Mapping[str, Any], root: Item, names: list[str]) -> None:
    """Something was done in the drawing: turn the address to what is then shown."""
    view = parsed(ui.address()).view
    value = event.get("value")
    match event.get("act"):
        case "layer" if isinstance(value, int) and 0 <= value < len(names):
            now = tuple(dict.fromkeys((*view.open, *_holders(root, value))))
            ui.go(replace(view, layer=names[value], block="", spot=None, open=now))
        case "toggle" if item := next((i for i in root.walk() if i.key == value and i.key), None):
            ui.go(toggled(view, root, item, names))
        case "color":
            color = "cost" if value in UNITS else value
            if color in COLORS:
                ui.go(replace(view, color=str(color)))
        case "close":
            ui.go(replace(view, open=(), layer="", block="", spot=None))
        case "clear":
            ui.go(replace(view, layer="", block="", spot=None))


def toggled(view: View, root: Item, item: Item, names: list[str]) -> View:
    """The view with an item opened, or closed with all that lies in it; a block is chosen by it."""
    layer = names.index(view.layer) if view.layer in names else None
    now = opened(view, root, layer)
    chosen = item.name if item.role == BLOCK and item.key == item.name else ""
    inner = {i.key for i in item.walk()}
    closes = item.key in now
    kept = tuple(i.key for i in root.walk() if i.key in now and not (closes and i.key in inner))
    if closes and layer is not None and layer not in item.nodes:
        return replace(view, open=kept)
    now_open = kept if closes else (*kept, item.key)
    return replace(view, open=now_open, layer="", block=chosen, spot=None)


def _beside(view: View, subject: ShownModel, found: Audited) -> None:
    if view.layer:
        _layer(view, found)
    elif view.block:
        _block(view, found)
    else:
        _model(view, subject, found)


def _layer(view: View, found: Audited) -> None:
    """One layer: its cost written out, shapes, weights, what it reads of the image, its options."""
    index = [layer.name for layer in found.report.layers].index(view.layer)
    layer, node = found.report.layers[index], found.graph.nodes[index]
    st.markdown(f"#### {ui.plain(layer.name)}")
    st.caption(ui.plain(f"{layer.kind} in {layer.block}"))
    output = layer.output_shapes[0] if layer.output_shapes else ()
    cost_of(layer.cost, found.report, view, output, layer.field)
    products(layer)
    shares(layer, found, view)
    shapes(layer, node)
    field(view, found, index)
    st.markdown("**Configuration**")
    configuration(node)
    _more("layer", "Weights, kernels and activation maps")


def _block(view: View, found: Audited) -> None:
    """One block: what it is, its cost, its costliest layers."""
    block = next(b for b in found.blocks if b.name == view.block)
    cost = next(b for b in found.report.blocks if b.name == view.block)
    st.markdown(f"#### {ui.plain(block.name)}")
    st.caption(ui.plain(f"{block.kind}, {branches(block)}"))
    cost_of(cost.cost, found.report, view, cost.output_shape, cost.field)
    _costliest(view, found, block)
    _more("map", "The block as a map and a table")


def _model(view: View, subject: ShownModel, found: Audited) -> None:
    """The model: its totals, its costliest layers."""
    st.markdown(f"#### {ui.plain(subject.title)}")
    metrics(found.report, view)
    _costliest(view, found)


def _costliest(view: View, found: Audited, block: Block | None = None) -> None:
    """The ten layers that cost most, each a click away."""
    layers = found.report.layers
    inner = [layers[i] for i in block.nodes] if block else layers
    costly = [layer for layer in inner if counted(layer.cost, view)]
    best = sorted(costly, key=lambda layer: -counted(layer.cost, view))[:10]
    total = counted(found.report.total, view)
    st.markdown(
        "**The most expensive layers**" if best else "No layer here has any operations to count."
    )
    with st.container(gap=None, key="costly"):
        for layer in best:
            value = counted(layer.cost, view)
            text = f"{layer.name}: {short(value)} {UNITS[view.unit]}, {percent(value / total)}"
            st.button(
                ui.plain(text),
                key=f"costly-{layer.name}",
                type="tertiary",
                on_click=_turn,
                kwargs={"layer": layer.name, "block": "", "spot": None},
            )


def _more(page: str, label: str) -> None:
    st.button(label, icon=":material/search:", on_click=_turn, kwargs={"page": page})


def _turn(**changes: Any) -> None:
    """Change fields of what the address says."""
    ui.go(replace(parsed(ui.address()).view, **changes))
