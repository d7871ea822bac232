"""Inside a layer: its weights and what it makes of an image."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import streamlit as st
from PIL.Image import Image

from keraudit.data.dataset import CIFAR10
from keraudit.errors import KerauditError
from keraudit.explorer import job_panel, ui
from keraudit.explorer.address import View
from keraudit.explorer.cache import ShownModel, audited
from keraudit.explorer.class_scores import TOP
from keraudit.explorer.limits import may_run
from keraudit.explorer.picture import SHOWN, heated, mosaic
from keraudit.model.graph import Shape
from keraudit.output.numbers import percent
from keraudit.output.palette import BLUE
from keraudit.zoo.trained_weights import Shipped, shipped

PASSES = 4  # one for the maps, one for the scores, two backwards


def inside(
    view: View, subject: ShownModel, index: int, image: Image, *, narrow: bool = False
) -> None:
    """Predictions, activation maps, Grad-CAM, histogram, kernels: once the network has seen the image.

    Args:
        view: what is chosen.
        subject: the model.
        index: of the layer.
        image: at the input's size.
        narrow: all in one column.
    """
    st.markdown("**Weights and activations**")
    end = audited(subject, view.size, 1).graph
    ref = end.architecture.outputs[0]
    classes = end.nodes[ref.call].outputs[ref.output].shape[-1]
    if view.explained is not None and view.explained >= classes:
        ui.failed(f"there is no class {view.explained:,}: the network has {classes:,}, from 0")
        view = replace(view, explained=None)
    st.caption(ui.plain(_weights_of(view, subject)))
    weights_of = (
        "shipped" if _fitting(view, subject) else "of the file" if subject.data else "random"
    )
    digest = hashlib.sha256(image.tobytes()).hexdigest()
    key = f"{subject.key} {view.size} {view.explained} {weights_of} {digest}"
    if job_panel.under_way():
        return
    found = job_panel.results().get(key)
    if found is None:
        st.button(
            "Run the network on this image",
            icon=":material/play_arrow:",
            on_click=_begin,
            args=(view, subject, image, key),
        )
        return
    if "probabilities" in found:
        _prediction(subject, found)
    own = {k.partition(":")[2]: v for k, v in found.items() if k.startswith(f"{index}:")}
    if not own:
        st.text("This layer has no weights and no activation map.")
        return
    left, right = (st.container(), st.container()) if narrow else st.columns([3, 2], gap="large")
    with left:
        if "cam" in own:
            _grad_cam(subject, found, own, image)
        activations(own)
    with right:
        weights(own)


def _prediction(subject: ShownModel, found: Mapping[str, Any]) -> None:
    """The most probable classes; one of them is explained."""
    chances = found["probabilities"]
    order = [int(at) for at in (-chances).argsort()[:TOP]]
    names = class_names(subject, len(chances))
    st.markdown("**Prediction**")
    for at in order:
        share = float(chances[at])
        st.progress(share, text=ui.plain(f"{names[at]}: {percent(share)}"))
    chosen = int(found["chosen"])
    options = list(dict.fromkeys((*order, chosen)))
    st.session_state["w_explained"] = chosen
    st.selectbox(
        "Explain the score of",
        options,
        format_func=names.__getitem__,
        key="w_explained",
        on_change=ui.changed,
        args=("explained",),
    )


def class_names(subject: ShownModel, count: int) -> list[str]:
    """The classes of a network that ships with its weights; of any other their numbers."""
    own = shipped(subject.title)
    if own is not None and count == len(CIFAR10) and "CIFAR-10" in str(own.about.get("dataset")):
        return list(CIFAR10)
    return [f"class {number}" for number in range(count)]


def _grad_cam(
    subject: ShownModel, found: Mapping[str, Any], own: Mapping[str, Any], image: Image
) -> None:
    """Where this layer's maps speak for the class, and which channels do."""
    name = class_names(subject, len(found["probabilities"]))[int(found["chosen"])]
    st.markdown(ui.plain("Grad-CAM of this layer"))
    st.image(heated(image, own["cam"]), width=min(320, 2 * SHOWN), alt="Grad-CAM")
    st.caption(ui.plain(f"Bright: where this layer raises the score of {name}."))
    st.image(mosaic(own["best_maps"], columns=4), width="stretch", alt="most relevant channels")
    parts = zip(own["best"], own["best_parts"], strict=True)
    words = ", ".join(f"{int(channel)} ({float(part):+.2g})" for channel, part in parts)
    st.caption(
        ui.plain(f"The {len(own['best'])} channels that contribute most to that score: {words}.")
    )


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
    unfit = "The weights that ship with keraudit expect another number of channels. "
    own = ""
    if subject.is_upload and subject.title.endswith(".keras"):
        own = (
            "The weights of a file are kept until the next one is sent: send it again to use them. "
        )
    elif subject.is_upload:
        own = "Weights are read from .keras files alone. "
    return (
        own
        + (unfit if shipped(subject.title) else "")
        + (
            "The weights are random (seed 0), not trained. Feature maps of a random initialisation"
            " still show edges and colours, at the sizes and depths of the architecture."
        )
    )


def _begin(view: View, subject: ShownModel, image: Image, key: str) -> None:
    """Have the network built and run, or say why not."""
    import numpy as np

    try:
        found = audited(subject, view.size, 1)
        nodes = found.graph.input_nodes
        if len(nodes) != 1 or nodes[0].outputs[0].shape[-1] not in (1, 3):
            raise KerauditError(
                "activation maps need a network with one image input of 1 or 3 channels: choose another model"
                " or input size"
            )
        may_run(found.graph, found.report, passes=PASSES, is_upload=subject.is_upload)
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
            "chosen": view.explained,
            "data": subject.data if not own else b"",
        }
    )


def activations(own: Mapping[str, Any]) -> None:
    """The first channels of what the layer made of the picture."""
    if "range" not in own:
        st.text("This layer has no activation map.")
        return
    low, high, mean, deviation = own["range"]
    st.text(
        f"Activations from {low:.3g} to {high:.3g}, mean {mean:.3g}, standard deviation {deviation:.3g},"
        f" {percent(float(own['zeros']))} zeros"
    )
    if "maps" in own:
        maps = own["maps"]
        st.image(mosaic(maps, columns=4), width="stretch", alt="activation maps")
        st.caption(
            f"Activation maps of the first {len(maps)} channels, on one scale: dark is the smallest value,"
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
