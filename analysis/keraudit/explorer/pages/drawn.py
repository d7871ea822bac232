"""A network drawn on a page, and what is done in the drawing turned into another address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from keraudit.audits.cost.network_tree import BLOCK, BRANCH, Item
from keraudit.explorer import job_panel, ui
from keraudit.explorer.address import NETWORK_COLORS, UNITS, View, parsed
from keraudit.explorer.cache import AS_IS, Audited, ShownModel, cached_by_model
from keraudit.explorer.network_data import Network, Shown, around, network_data, network_of
from keraudit.explorer.network_view import drawing
from keraudit.explorer.pages.map import measure
from keraudit.explorer.records import recorded_profiles
from keraudit.rewrite.options import Rewriting

HEIGHT = 664  # pixels, of the drawing with its tools


@cached_by_model
def _network(key: str, sizes: str, batch: int, rewriting: Rewriting, _audited: Audited) -> Network:
    """The items of a model, worked out once."""
    return network_of(_audited.graph, _audited.blocks)


def draw(
    view: View,
    subject: ShownModel,
    found: Audited,
    *,
    rewriting: Rewriting = AS_IS,
    marks: Sequence[str] = (),
    words: Mapping[str, str] = {},
    key: str = "network",
) -> None:
    """Draw a network with what the address opens and chooses.

    Args:
        view: its names may be of another network; those that this one lacks are passed over.
        subject: the model that it was made from.
        found: the network.
        rewriting: what was done to it.
        marks: what each layer is beside another network.
        words: what the legend calls these marks, where not by their own names.
        key: of the drawing.
    """
    network = _network(subject.key, str(found.report.input_shapes), view.batch, rewriting, found)
    names = [layer.name for layer in found.report.layers]
    layer = names.index(view.layer) if view.layer in names else None
    slopes = {}
    if view.color == "gradient" and rewriting.any:
        st.caption("Gradients have been measured of the unchanged network: here boxes have none.")
    elif view.color == "gradient" and not (slopes := gradients_of(subject, names)):
        st.caption(
            ui.plain(
                f"No gradients of {subject.title} have been recorded: measure them on the page Gradients."
            )
        )
    shown = Shown(
        opened=opened(view, network.root, layer),
        color=measure(view, view.color),
        unit=view.unit,
        layer=layer,
        block="" if view.layer else view.block,
        gradients=slopes,
        marks=marks,
    )
    data = network_data(network, found.graph, found.report.layers, shown)
    data["legend"] = [(words.get(name, name), fill) for name, fill in data["legend"]]
    colors = {**NETWORK_COLORS, "cost": UNITS[view.unit]}
    more = {
        "model": f"{subject.key} {found.report.input_shapes} {view.batch} {key}",
        "stem": "network",
        "colors": [(measure(view, key), f"Colour: {word}") for key, word in colors.items()],
        "dark": st.context.theme.type == "dark",
    }
    drawing({**data, **more}, lambda event: _happened(event, network.root, names), key=key)


def gradients_of(subject: ShownModel, names: Sequence[str]) -> dict[int, float]:
    """The norm of the gradient at each kernel, at initialisation: as measured here, else as recorded."""
    lines = (r for r in job_panel.results().values() if isinstance(r, Mapping) and "profiles" in r)
    found = [r for r in lines if r.get("subject") == subject.key] or (
        [] if subject.is_upload else recorded_profiles(subject.title)
    )
    if not found:
        return {}
    at = {name: index for index, name in enumerate(names)}
    rows = found[-1]["profiles"][0]["layers"]
    return {at[row["name"]]: float(row["grad_norm"] or 0) for row in rows if row["name"] in at}


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
            if color in NETWORK_COLORS:
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
