"""One layer: what it is, what it costs and why, its receptive field, its weights and activations."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st
from PIL.Image import Image

from keraudit.audits.cost.count import LayerCost
from keraudit.audits.cost.receptive_field import Field
from keraudit.audits.cost.report import layer_dict, report_grid
from keraudit.audits.reductions.savings import board_order
from keraudit.errors import KerauditError
from keraudit.explorer import picture, ui
from keraudit.explorer.address import LARGEST_SIDE, UNITS, View, parsed
from keraudit.explorer.cache import Audited, ShownModel, audited, command
from keraudit.explorer.metrics import cost_of, counted, unit_bound
from keraudit.explorer.pages.inside import inside
from keraudit.explorer.pages.map import model_or_stop, with_known_names
from keraudit.explorer.tables import table
from keraudit.explorer.upload import shown_name
from keraudit.model.bounds import Bound
from keraudit.model.graph import Node, Shape, Term
from keraudit.model.shape_text import shape_text
from keraudit.model.spatial import positions
from keraudit.output.numbers import percent
from keraudit.output.table import Grid, bare_grid


def page(view: View, subject: ShownModel | None) -> None:
    """The layer that the address names; else the costliest."""
    subject = model_or_stop(subject)
    with st.skeleton(height=400):
        found = audited(subject, view.size, view.batch)
    view = with_known_names(view, found)
    view = _choice(view, found)
    index = [layer.name for layer in found.report.layers].index(view.layer)
    layer, node = found.report.layers[index], found.graph.nodes[index]
    st.subheader(ui.plain(layer.name), anchor=False)
    st.caption(ui.plain(f"{layer.kind} in {layer.block}, {subject.title}"))
    cost_of(
        layer.cost,
        found.report,
        view,
        layer.output_shapes[0] if layer.output_shapes else (),
        layer.field,
    )
    left, right = st.columns([3, 2], gap="large")
    with left:
        products(layer)
        shares(layer, found, view)
        shapes(layer, node)
    with right:
        st.markdown("**Configuration**")
        configuration(node)
    image = field(view, found, index)
    if image is not None:
        inside(view, subject, index, image)
    ui.twin(
        lambda: [record_of(layer, view, subject, found)[0]],
        lambda: record_of(layer, view, subject, found)[1],
        record_line(view, subject),
        stem=f"{subject.title}-{layer.name}",
    )


def record_line(view: View, subject: ShownModel) -> str:
    return command("flops", subject, view.size, view.batch, more=("--by", "layer"))


def record_of(
    layer: LayerCost, view: View, subject: ShownModel, found: Audited
) -> tuple[Grid, dict[str, Any], str]:
    """A layer as a table, as plain data, and the command line that names both."""
    line = record_line(view, subject)
    grid = report_grid(found.report, by="layer")
    rows = tuple(row for row in grid.lines if row.cells["name"] == layer.name)
    data = {**layer_dict(layer), "model": subject.title, "batch": view.batch}
    return grid._replace(title=layer.name, lines=rows, command=line), data, line


def _choice(view: View, found: Audited) -> View:
    """Block and layer, as lists to choose from."""
    report = found.report
    view = costliest(view, found)
    layers = [layer for layer in report.layers if layer.block == view.block]
    left, right = st.columns(2)
    with left:
        ui.select(view, "block", "Block", [block.name for block in report.blocks])
    with right:
        ui.select(view, "layer", "Layer", [layer.name for layer in layers])
    return view


def costliest(view: View, found: Audited) -> View:
    """The view with a block and a layer: where none is chosen, the costliest."""
    report = found.report
    if not view.block:
        top = max(report.blocks, key=lambda block: counted(block.cost, view))
        view = replace(view, block=top.name)
    if not view.layer:
        layers = [layer for layer in report.layers if layer.block == view.block]
        top_layer = max(layers, key=lambda layer: counted(layer.cost, view))
        view = replace(view, layer=top_layer.name)
    return view


def configuration(node: Node) -> None:
    """Every option that is set, as it stands in the file."""
    options = {k: v for k, v in node.layer.config.items() if v is not None and k != "name"}
    rows = [(str(key), _option_text(value)) for key, value in options.items()]
    grid = bare_grid({"option": "text", "value": "text"}, rows)
    table(grid, height=min(38 + 35 * len(rows), 460))


def _option_text(value: Any) -> str:
    """An option as text; a serialised object as its class and what it is set to.

    >>> _option_text({"class_name": "L2", "config": {"l2": 0.1, "name": None}})
    'L2 l2=0.1'
    """
    if isinstance(value, Mapping) and "class_name" in value:
        inner = value.get("config")
        if value["class_name"] == "DTypePolicy" and isinstance(inner, Mapping):
            return str(inner.get("name"))[:200]
        options = inner.items() if isinstance(inner, Mapping) else ()
        words = [f"{k}={_option_text(v)}" for k, v in options if v is not None]
        return " ".join([str(value["class_name"]), *words])[:200]
    return value[:200] if isinstance(value, str) else json.dumps(value, default=str)[:200]


def products(layer: LayerCost) -> None:
    """Every term of the cost, written out as on a blackboard."""
    st.markdown("**Cost, written out**")
    if not layer.terms:
        st.text(layer.reason or "no arithmetic")
        return
    for term in layer.terms:
        ui.line(written(term), copies=False)
        st.caption(ui.plain(f"{term.what}: {_meaning(term)}"))
    macs = sum(t.value for t in layer.terms if t.unit == "mac")
    others = sum(t.value for t in layer.terms if t.unit == "flop")
    sign = layer.cost.bounds.flops.sign
    st.text(f"FLOPs = 2 × {macs:,} + {others:,} = {sign}{2 * macs + others:,}")
    if layer.reason:
        st.text(layer.reason)


def written(term: Term) -> str:
    """``28 × 28 × 192 × 5 × 5 × 32 = 120,422,400 MACs``."""
    unit = "MACs" if term.unit == "mac" else "other operations"
    factors = [str(size) for _, size in board_order(term)]
    product = f"{' × '.join(factors)} = " if len(factors) > 1 else ""
    return f"{product}{term.value:,} {unit}"


def _meaning(term: Term) -> str:
    return " × ".join(name for name, _ in board_order(term))


def shares(layer: LayerCost, found: Audited, view: View) -> None:
    """The layer's part of its block and of the model."""
    block = next(b for b in found.report.blocks if b.name == layer.block)
    own = counted(layer.cost, view)
    unit = UNITS[view.unit]
    for name, whole in ((f"block {block.name}", block.cost), ("model", found.report.total)):
        total = counted(whole, view)
        part = own / total if total else 0.0
        about = "" if unit_bound(whole, view) is Bound.EXACT else Bound.ESTIMATE.sign
        st.progress(part, text=ui.plain(f"{about}{percent(part)} of the {unit} of the {name}"))


def shapes(layer: LayerCost, node: Node) -> None:
    """What goes in, what comes out, and the weights."""
    st.markdown("**Shapes**, batch first")
    rows: list[tuple[str, Shape, int | None]] = [
        *(("input", shape, None) for shape in layer.input_shapes),
        *(("output", shape, None) for shape in layer.output_shapes),
    ]
    for weight in node.effect.weights:
        frozen = " (not trained)" if weight.trainable is False else ""
        rows.append((f"weight {weight.name}{frozen}", weight.shape, weight.elements))
    table(bare_grid({"what": "text", "shape": "input", "elements": "exact"}, rows))
    if not node.first_call:
        st.caption("A shared layer: its weights are counted at its first call.")


def field(view: View, found: Audited, index: int) -> Image | None:
    """The receptive field of one position, framed on an image; the image, where there can be one."""
    layer = found.report.layers[index]
    st.markdown("**Receptive field of one position**")
    source = found.graph.input_nodes[0].outputs[0].shape
    place = positions(found.graph)[index]
    if len(source) != 4:
        st.text("This network does not take an image, so no receptive field is drawn.")
        return None
    height, width = source[1:3]
    if max(height, width) > LARGEST_SIDE:
        st.text(f"An input of more than {LARGEST_SIDE:,} pixels a side is not drawn.")
        return None
    image, note = _chosen_image(height, width)
    if layer.field is None or len(layer.field.receptive_field) != 2:
        st.text("The receptive field of this layer is not defined.")
        return image
    left, right = st.columns([3, 2], gap="large")
    with right:
        spot = where(view, place)
        rows, columns = picture.spans(layer.field, spot)[:2]
        st.text(f"rows {rows.low} to {rows.high}, columns {columns.low} to {columns.high}")
        size = shape_text(layer.field.receptive_field)
        stride = layer.field.effective_stride
        moves = f", effective stride {stride[0]:g}" if stride else ""
        st.text(f"{size} pixels{moves}")
        beyond = rows.low < 0 or columns.low < 0 or rows.high >= height or columns.high >= width
        if beyond:
            st.caption("The field extends beyond the image into the padding.")
        if layer.field.local is None:
            st.caption(
                "All positions have the same receptive field: they were pooled or flattened."
            )
        st.caption(note)
    with left:
        digest = hashlib.sha256(image.tobytes()).hexdigest()
        width, data = _framed(f"{digest} {layer.field!r} {spot}", image, layer.field, spot)
        st.image(data, width=min(width, 520), alt="the receptive field")
    return image


@st.cache_data(max_entries=32, show_spinner=False)
def _framed(key: str, _image: Image, _field: Field, _spot: tuple[int, ...]) -> tuple[int, bytes]:
    """A receptive field on an image, as the width and the bytes of a PNG file; drawn once."""
    del key
    shown = picture.framed_field(_image, _field, _spot)
    return shown.width, picture.png(shown)


def where(view: View, place: tuple[int, ...]) -> tuple[int, ...]:
    """The position whose field is drawn; the middle unless chosen."""
    if len(place) != 2:
        return (0, 0)
    spot = view.spot or ()
    fits = len(spot) == 2 and all(0 <= at < size for at, size in zip(spot, place, strict=True))
    spot = spot if fits else tuple(size // 2 for size in place)
    names = ("row", "column")
    for name, at, size in zip(names, spot, place, strict=True):
        if size > 1:
            st.session_state[f"w_{name}"] = at
            st.slider(
                f"{name.capitalize()} of the feature map",
                0,
                size - 1,
                key=f"w_{name}",
                on_change=_spot_changed,
                args=(spot,),
            )
    return tuple(spot)


def _spot_changed(spot: tuple[int, ...]) -> None:
    row, column = (
        st.session_state.get(f"w_{name}", at)
        for name, at in zip(("row", "column"), spot, strict=True)
    )
    ui.go(replace(parsed(ui.address()).view, spot=(row, column)))


@st.cache_data(max_entries=8, show_spinner=False)
def _fitted_picture(digest: str, height: int, width: int, _name: str, _data: bytes) -> Image:
    """A picture that was sent, at an input's size; decoded once, however often the page is drawn.

    Raises:
        KerauditError: it is none, or too large.
    """
    del digest  # the key
    return picture.fitted(picture.sent_image(_name, _data), height, width)


def _chosen_image(height: int, width: int) -> tuple[Image, str]:
    """The visitor's picture, else ours; at the input's size."""
    sent = st.file_uploader(
        "An image of your own",
        type=["png", "jpg", "jpeg", "webp", "bmp"],
        key="picture",
        max_upload_size=picture.LARGEST_IMAGE_MIB,
    )
    if sent is not None:
        try:
            data = sent.getvalue()
            digest = hashlib.sha256(data).hexdigest()
            image = _fitted_picture(digest, height, width, shown_name(sent.name), data)
            return image, "Your image, cropped and resized to the input size."
        except KerauditError as error:
            ui.failed(error)
    return picture.test_image(height, width), "Built-in test image (synthetic)."
