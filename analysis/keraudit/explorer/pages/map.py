"""The map: the network as a picture of its stages, blocks and layers; a click looks inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from keraudit.audits.cost.block_graph import block_dot
from keraudit.audits.cost.figure import macs_per_block
from keraudit.audits.cost.parts import BLOCK, LAYER, Part, block_part
from keraudit.audits.cost.report import report_grid
from keraudit.audits.cost.treemap import MEASURES, legend, treemap
from keraudit.explorer import ui
from keraudit.explorer.address import AREAS, COLORS, LEVELS, UNITS, View, parsed
from keraudit.explorer.cache import Audited, ShownModel, audited, command, tree_of
from keraudit.explorer.metrics import cost_of, layer_table, metrics
from keraudit.model.block import Block
from keraudit.output import numbers

HEIGHT = 430  # pixels


def page(view: View, subject: ShownModel | None) -> None:
    """The whole network, then the block that was clicked."""
    subject = model_or_stop(subject)
    with st.skeleton(height=HEIGHT):
        found = audited(subject, view.size, view.batch)
    st.subheader(ui.plain(subject.title), anchor=False)
    metrics(found.report, view)
    view = with_known_names(view, found)
    _controls(view, found)
    tree = tree_of(subject.key, view.size, view.batch, view.level, found)
    _draw(tree, view, key="map", chosen=view.block)
    if view.block:
        _look_inside(view, found)
    by = "block" if view.level == "blocks" else "layer"
    line = command("flops", subject, view.size, view.batch)
    ui.twin(
        lambda: [report_grid(found.report, by=by)],
        found.report.to_dict,
        line,
        stem=f"{found.report.model}-cost",
        figures=lambda: bars(found),
    )


def bars(found: Audited) -> tuple[Any, ...]:
    """The MACs of each block as bars, for a file, which cannot hold the map."""
    return (macs_per_block(ui.safe(found.report.to_dict())),)


def model_or_stop(subject: ShownModel | None) -> ShownModel:
    if subject is None:
        st.info("Choose a model on the left.")
        st.stop()
    return subject


def with_known_names(view: View, found: Audited) -> View:
    """The view without a block or a layer that this model has not; each is told."""
    report = found.report
    layers = {layer.name: layer for layer in report.layers}
    if view.layer and view.layer not in layers:
        ui.failed(f"{report.model} has no layer {view.layer[:60]!r}; choose one below")
        view = replace(view, layer="", spot=None)
    if view.block and view.block not in {block.name for block in report.blocks}:
        ui.failed(f"{report.model} has no block {view.block[:60]!r}; choose one below")
        view = replace(view, block="")
    if view.layer:
        view = replace(view, block=layers[view.layer].block)
    return view


def _controls(view: View, found: Audited) -> None:
    names = {"cost": UNITS[view.unit]}
    blocks = ["", *(block.name for block in found.report.blocks)]
    with st.grid(4, min_column_width=150):
        ui.select(view, "block", "Block", blocks, {"": "none: choose, or click the map"})
        ui.select(view, "area", "Area", list(AREAS), {**AREAS, **names})
        ui.select(view, "color", "Colour", list(COLORS), {**COLORS, **names})
        ui.select(view, "level", "Detail", list(LEVELS))


def measure(view: View, name: str) -> str:
    return view.unit if name == "cost" else name


def _draw(tree: Part, view: View, *, key: str, chosen: str, height: int = HEIGHT) -> None:
    """A treemap whose leaves can be clicked, and its legend."""
    color = view.color if view.color in COLORS else "kind"
    area, color = measure(view, view.area), measure(view, color)
    if not MEASURES[area](tree):
        st.info(f"Nothing here has {AREAS[view.area]}: choose another area.")
        return
    dark = st.context.theme.type == "dark"
    option = treemap(tree, area=area, color=color, chosen=chosen, dark=dark)
    widget = f"{key}-of-{view.model}-{view.level}-{tree.name}-{ui.clicks(key)}"
    with st.container(key=key):
        st.echarts_chart(
            option,
            key=widget,
            height=height,
            on_select=lambda: _picked(tree, key, st.session_state[widget]),
            alt=f"{tree.name}: a map of {len(tree.children)} parts, area by {AREAS[view.area]}",
        )
    ui.swatches(legend(tree, area=area, color=color))


def _picked(tree: Part, key: str, state: Any) -> None:
    """A part of the map was clicked: look into its block, or at its layer."""
    part = part_at(tree, state)
    if part is None:
        return
    ui.clicked(key)
    view = parsed(ui.address()).view
    if part.role == LAYER:
        ui.go(replace(view, layer=part.name, block="", spot=None))
    elif part.role == BLOCK:
        ui.go(replace(view, block=part.name, layer="", spot=None))


def part_at(tree: Part, state: Any) -> Part | None:
    """The part that a selection of the treemap means: data index n is the n-th of the walk."""
    chosen: Sequence[Any] = (state or {}).get("selection", {}).get("selected", [])
    indices = [index for group in chosen for index in group.get("data_indices", [])]
    if not indices:
        return None
    return dict(enumerate(tree.walk())).get(indices[-1])


def _look_inside(view: View, found: Audited) -> None:
    """One block: its branches as a graph, its layers as a map and as a table."""
    block = next(b for b in found.blocks if b.name == view.block)
    cost = next(b for b in found.report.blocks if b.name == view.block)
    st.divider()
    st.markdown(f"#### {ui.plain(block.name)} \u2014 {block.kind}, {branches(block)}")
    cost_of(cost.cost, found.report, view, cost.output_shape, cost.field)
    left, right = st.columns(2)
    with left:
        dot = block_dot(found.graph, block, found.report.layers, chosen=view.layer)
        if dot:
            st.graphviz_chart(dot, width="stretch")
        else:
            st.info(
                f"{len(block.nodes)} layers are too many to draw; the map and the table have them."
            )
    with right:
        tree = block_part(block, found.report.layers, branches=True)
        _draw(tree, view, key="block-map", chosen=view.layer, height=340)
    layer_table(view, found, block)
    if view.layer:
        st.button(
            "Open this layer on the page Layer",
            icon=":material/search:",
            type="primary",
            on_click=ui.go,
            args=(replace(view, page="layer"),),
        )


def branches(block: Block) -> str:
    """How a block forks, in words."""
    count = len(block.branches)
    if count < 2:
        return numbers.counted(len(block.nodes), "layer")
    edge = " (one of them the identity)" if () in block.branches else ""
    return f"{numbers.counted(len(block.nodes), 'layer')}, {count} branches{edge}"
