"""Two networks as one drawing: what was added, removed and changed; and changes of what is chosen in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from keraudit.audits.cost.compare import Comparison, comparison_grid
from keraudit.explorer import ui
from keraudit.explorer.address import MOST_FILTERS, UNITS, View, parsed
from keraudit.explorer.cache import Audited, ShownModel, cached_by_model
from keraudit.explorer.pages.drawn import HEIGHT, draw
from keraudit.explorer.tables import table
from keraudit.model.graph import Graph
from keraudit.output.table import Column, Line
from keraudit.rewrite.edit import kernel_of
from keraudit.rewrite.options import Rewriting
from keraudit.rewrite.reductions import CONVOLUTIONS, input_channels, without_reductions
from keraudit.rewrite.shortcut_layers import SUMS
from keraudit.rewrite.skips import without_skips

CHANGED = {"added": "added", "removed": "removed", "changed": "changed", "same": "unchanged"}
MOST_ROWS = 400  # of the list of differences


def marks(comparison: Comparison, side: str) -> list[str]:
    """What each layer of A (``before``) or of B (``after``) is beside the other network."""
    pairs = comparison.layers
    return [p.status for p in pairs if (p.a if side == "before" else p.b) is not None]


def drawn_changes(
    view: View,
    sides: dict[str, tuple[ShownModel, Audited, Rewriting]],
    comparison: Comparison,
    names: dict[str, str],
    words: Mapping[str, str] = CHANGED,
) -> None:
    """One of two networks with its differences from the other coloured, and all of them as a list.

    Args:
        view: decides which is drawn, and what is opened in it.
        sides: ``before`` and ``after``.
        comparison: of the two, layer by layer.
        names: what the two are called.
        words: what each status of a layer is called.
    """
    counts = {
        word: sum(pair.status == word for pair in comparison.layers)
        for word in ("added", "removed", "changed", "same")
    }
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    with left:
        ui.segments(view, "side", "Drawn", {key: ui.plain(name) for key, name in names.items()})
    with right:
        said = [f"{count:,} {words[word]}" for word, count in counts.items() if count]
        st.caption(ui.plain(f"Layers: {', '.join(said)}."))
    subject, found, rewriting = sides[view.side]
    beside, about = st.columns([9, 5], gap="small")
    with beside:
        draw(
            view,
            subject,
            found,
            rewriting=rewriting,
            marks=marks(comparison, view.side),
            words=words,
            key=f"changes-{view.side}",
        )
    with about, st.container(height=HEIGHT, key="differences"):
        _chosen(view, sides)
        differences(view, comparison, names, words)


def differences(
    view: View, comparison: Comparison, names: dict[str, str], words: Mapping[str, str]
) -> None:
    """Every layer that is not the same in both."""
    grid = comparison_grid(comparison, by="layer")
    st.markdown("**Layers that differ**" if grid.lines else "All layers are the same.")
    unit = UNITS[view.unit]
    columns = (
        Column("name", "layer"),
        Column("status", "status"),
        Column(f"{view.unit}_a", f"{unit} {names['before']}", "exact", bounded=True),
        Column(f"{view.unit}_b", f"{unit} {names['after']}", "exact", bounded=True),
    )
    if grid.lines:
        lines = tuple(stated(line, words) for line in grid.lines[:MOST_ROWS])
        table(grid._replace(columns=columns, lines=lines), height=440)
    if len(grid.lines) > MOST_ROWS:
        st.caption(
            f"The first {MOST_ROWS} of {len(grid.lines):,} are shown; the JSON file lists every layer."
        )


def stated(line: Line, words: Mapping[str, str]) -> Line:
    """A line of a comparison whose status is in these words."""
    status = line.cells["status"]
    return line._replace(cells=line.cells | {"status": words.get(status, status)})


def _chosen(view: View, sides: dict[str, tuple[ShownModel, Audited, Rewriting]]) -> None:
    """What can be done with the layer or block that is chosen, where the two are one model, changed."""
    before, after = sides["before"], sides["after"]
    if before[0].key != after[0].key:
        return
    change_layer(view, before[0], before[1])
    applied = [
        *(("cut", name, f"skip to {name} cut") for name in view.cut),
        *(("removed", name, f"reduction {name} removed") for name in view.removed),
        *(("filters", name, f"{name} with {count} filters") for name, count in view.filters),
    ]
    for field, name, words in applied:
        st.button(
            ui.plain(f"Undo: {words}"),
            key=f"undo-{field}-{name}",
            icon=":material/undo:",
            on_click=_undo,
            args=(field, name),
        )


def _undo(field: str, name: str) -> None:
    view = parsed(ui.address()).view
    left = tuple(x for x in getattr(view, field) if (x[0] if field == "filters" else x) != name)
    ui.go(replace(view, **{field: left}))  # type: ignore[arg-type]  # a field's own kind


@cached_by_model
def reductions_of(key: str, size: str, _graph: Graph) -> dict[str, tuple[int, int]]:
    """Every 1x1 reduction with the channels that it reads and writes."""
    nodes = {node.name: node for node in _graph.nodes}
    return {
        name: (input_channels(nodes[name]), int(nodes[name].layer.config["filters"]))
        for name in (change.layer for change in without_reductions(_graph).changes)
    }


@cached_by_model
def skips_of(key: str, size: str, _graph: Graph) -> frozenset[str]:
    """The sums in which a skip ends that can be cut."""
    return frozenset(change.layer for change in without_skips(_graph).changes)


def change_layer(view: View, subject: ShownModel, before: Audited) -> None:
    """What if: buttons for what is chosen, a layer or a block; each leads to the page of that name.

    Args:
        view: what is chosen.
        subject: the model.
        before: the model as it is.
    """
    size = str(before.report.input_shapes)
    graph = before.graph
    nodes = {node.name: node for node in graph.nodes}
    name = view.layer if view.layer in nodes else ""
    block = next((b for b in before.blocks if b.name == view.block and not name), None)
    if block is not None and block.join is not None:
        name = graph.nodes[block.join].name
    if not name:
        st.caption("Choose a layer or a block in the drawing to change it.")
        return
    kind, filters = nodes[name].layer.kind, nodes[name].layer.config.get("filters")
    if kind in SUMS and name not in view.cut and name in skips_of(subject.key, size, graph):
        _offer("Cut this skip", "cut", (*view.cut, name))
    may_reduce = kind in CONVOLUTIONS and set(kernel_of(nodes[name])) == {1}
    if may_reduce and name not in view.removed and name in reductions_of(subject.key, size, graph):
        _offer("Remove this reduction", "removed", (*view.removed, name))
    if isinstance(filters, int):
        st.session_state["w_own_filters"] = dict(view.filters).get(name, filters)
        st.number_input(
            f"Filters of {ui.plain(name)} (recorded: {filters:,})",
            min_value=1,
            max_value=MOST_FILTERS,
            key="w_own_filters",
            on_change=_filters_changed,
            args=(name, filters),
        )


def _offer(label: str, field: str, value: tuple[str, ...]) -> None:
    st.button(
        label,
        icon=":material/content_cut:",
        on_click=_change,
        kwargs={"page": "what-if", field: value},
    )


def _change(**changes: Any) -> None:
    ui.go(replace(parsed(ui.address()).view, **changes))


def _filters_changed(name: str, recorded: int) -> None:
    view = parsed(ui.address()).view
    count = int(st.session_state["w_own_filters"])
    others = tuple(pair for pair in view.filters if pair[0] != name)
    filters = others if count == recorded else ((name, count), *others)
    ui.go(replace(view, page="what-if", filters=filters))
