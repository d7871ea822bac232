"""The network as a graph: blocks open to their layers, and what is chosen is written out beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from keraudit.audits.cost.report import report_grid
from keraudit.explorer import ui
from keraudit.explorer.address import UNITS, View, parsed
from keraudit.explorer.cache import Audited, ShownModel, audited, command
from keraudit.explorer.metrics import cost_of, counted, metrics
from keraudit.explorer.pages.changes import change_layer
from keraudit.explorer.pages.drawn import HEIGHT, draw
from keraudit.explorer.pages.inside import inside
from keraudit.explorer.pages.layer import configuration, field, products, shapes, shares
from keraudit.explorer.pages.map import bars, branches, model_or_stop, with_known_names
from keraudit.model.block import Block
from keraudit.output.numbers import percent, short


def page(view: View, subject: ShownModel | None) -> None:
    """The drawing, and beside it what is chosen; else the model."""
    subject = model_or_stop(subject)
    with st.skeleton(height=HEIGHT):
        found = audited(subject, view.size, view.batch)
    view = with_known_names(view, found)
    left, right = st.columns([9, 5], gap="small")
    with left:
        draw(view, subject, found)
    with right, st.container(height=HEIGHT, key="beside"):
        _beside(view, subject, found)
    ui.twin(
        lambda: [report_grid(found.report, by="block")],
        found.report.to_dict,
        command("flops", subject, view.size, view.batch),
        stem=f"{found.report.model}-cost",
        figures=lambda: bars(found),
    )


def _beside(view: View, subject: ShownModel, found: Audited) -> None:
    if view.layer:
        _layer(view, subject, found)
    elif view.block:
        _block(view, subject, found)
    else:
        _model(view, subject, found)


def _layer(view: View, subject: ShownModel, found: Audited) -> None:
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
    image = field(view, found, index)
    if image is not None:
        inside(view, subject, index, image, narrow=True)
    st.markdown("**What if**")
    change_layer(view, subject, found)
    st.markdown("**Configuration**")
    configuration(node)
    _more("layer", "Open this layer on the page Layer")


def _block(view: View, subject: ShownModel, found: Audited) -> None:
    """One block: what it is, its cost, its costliest layers."""
    block = next(b for b in found.blocks if b.name == view.block)
    cost = next(b for b in found.report.blocks if b.name == view.block)
    st.markdown(f"#### {ui.plain(block.name)}")
    st.caption(ui.plain(f"{block.kind}, {branches(block)}"))
    cost_of(cost.cost, found.report, view, cost.output_shape, cost.field)
    change_layer(view, subject, found)
    _costliest(view, found, block)
    _more("map", "Open this block on the page Map")


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
