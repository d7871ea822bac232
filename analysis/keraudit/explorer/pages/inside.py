"""Inside a layer: its weights and what it makes of an image."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import streamlit as st
from PIL.Image import Image

from keraudit.errors import KerauditError
from keraudit.explorer import job_panel, ui
from keraudit.explorer.address import View
from keraudit.explorer.bundled_weights import Shipped, shipped
from keraudit.explorer.cache import ShownModel, audited
from keraudit.explorer.limits import may_run
from keraudit.explorer.picture import mosaic
from keraudit.model.graph import Shape
from keraudit.output.numbers import percent
from keraudit.output.palette import BLUE


def inside(view: View, subject: ShownModel, index: int, image: Image) -> None:
    """Histogram, kernels, activation maps: once the network has been built and has seen the image."""
    st.markdown("**Weights and activations**")
    st.caption(ui.plain(_weights_of(view, subject)))
    key = f"{subject.key} {view.size} {hashlib.sha256(image.tobytes()).hexdigest()}"
    if job_panel.under_way():
        return
    found = job_panel.results().get(key)
    if found is None:
        st.button(
            "Build it and show it the picture",
            icon=":material/play_arrow:",
            on_click=_begin,
            args=(view, subject, image, key),
        )
        return
    own = {k.partition(":")[2]: v for k, v in found.items() if k.startswith(f"{index}:")}
    if not own:
        st.text("This layer has no weights and makes no map.")
        return
    left, right = st.columns([3, 2], gap="large")
    with left:
        activations(own)
    with right:
        weights(own)


def _fitting(view: View, subject: ShownModel) -> Shipped | None:
    """The weights that ship with keraudit, where the image has the channels that they were trained on."""
    found = shipped(subject.title)
    if found is None or view.size is None:
        return found
    return found if channels(subject, view.size) == channels(subject, None) else None


def channels(subject: ShownModel, size: Shape | None) -> int | None:
    return audited(subject, size, 1).graph.input_nodes[0].outputs[0].shape[-1]


def _weights_of(view: View, subject: ShownModel) -> str:
    """Whose weights are shown, in a line."""
    if found := _fitting(view, subject):
        return found.says()
    if subject.data:
        return "The weights are those in the file."
    unfit = "The weights that ship with keraudit are for images of other channels. "
    return (unfit if shipped(subject.title) else "") + (
        "The weights are random (seed 0), not trained. Feature maps of a random initialisation"
        " still show edges and colours, at the sizes and depths of the architecture."
    )


def _begin(view: View, subject: ShownModel, image: Image, key: str) -> None:
    """Have the network built and run, or say why not."""
    import numpy as np

    try:
        found = audited(subject, view.size, 1)
        nodes = found.graph.input_nodes
        if len(nodes) != 1 or nodes[0].outputs[0].shape[-1] not in (1, 3):
            raise KerauditError(
                "only a network with one image of 1 or 3 channels is shown a picture"
            )
        may_run(found.graph, found.report, passes=1, is_upload=subject.is_upload)
    except KerauditError as error:
        job_panel.refuse(error)
        return
    own = _fitting(view, subject)
    about = own.about if own else {}
    job_panel.begin(
        {
            "do": "insides",
            "key": key,
            "graph": found.graph,
            "image": np.asarray(image),
            "shipped": own.path if own else None,
            "mean": about.get("mean"),
            "scale": about.get("scale"),
            "data": subject.data if not own else b"",
        }
    )


def activations(own: Mapping[str, Any]) -> None:
    """The first channels of what the layer made of the picture."""
    if "range" not in own:
        st.text("This layer makes no map of numbers.")
        return
    low, high, mean, deviation = own["range"]
    st.text(
        f"from {low:.3g} to {high:.3g}, mean {mean:.3g}, deviation {deviation:.3g},"
        f" {percent(float(own['zeros']))} zeros"
    )
    if "maps" in own:
        maps = own["maps"]
        st.image(mosaic(maps, columns=4), width="stretch", alt="activation maps")
        st.caption(
            f"Activation maps of the first {len(maps)} channels, on one scale: dark is the least,"
            " bright the largest."
        )
    elif "vector" in own:
        st.bar_chart(own["vector"], color=BLUE, height=220)


def weights(own: Mapping[str, Any]) -> None:
    """The kernel's histogram, and its first filters."""
    if "counts" not in own:
        st.text("This layer has no kernel.")
        return
    edges = own["edges"]
    middles = [f"{(a + b) / 2:.3g}" for a, b in pairwise(edges)]
    st.echarts_chart(
        {
            "grid": {"left": 8, "right": 8, "top": 30, "bottom": 8, "containLabel": True},
            "tooltip": {"trigger": "axis"},
            "xAxis": {"type": "category", "data": middles},
            "yAxis": {"type": "value", "name": "weights"},
            "series": [
                {
                    "type": "bar",
                    "name": "weights",
                    "barCategoryGap": "5%",
                    "itemStyle": {"color": BLUE},
                    "data": [int(count) for count in own["counts"]],
                }
            ],
            "animation": False,
        },
        key="histogram",
        height=220,
        alt="histogram of the kernel's weights",
    )
    if "kernels" in own:
        kernels = own["kernels"]
        st.image(mosaic(kernels, columns=8, size=40), width="stretch", alt="kernels")
        colors = "in colour" if kernels.ndim == 4 else "for its first input channel"
        st.caption(f"The first {len(kernels)} filters, each {colors}.")
