"""Gradients: profiles that were measured, over training too, and a small audit of one's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import streamlit as st

from keraudit.audits.gradients.figure import norm_by_depth, norm_over_training
from keraudit.errors import KerauditError
from keraudit.explorer import job_panel, ui
from keraudit.explorer.address import VARIANTS, View
from keraudit.explorer.cache import ShownModel, audited, command
from keraudit.explorer.limits import may_run
from keraudit.explorer.pages.map import model_or_stop
from keraudit.explorer.records import GRADIENTS, OVER_TRAINING, gradient_records, record
from keraudit.explorer.tables import table
from keraudit.model.fuzzy import plain
from keraudit.output.table import Column, Grid, Line

LIVE = "live"  # the record that is measured here


def page(view: View, subject: ShownModel | None) -> None:
    """A record that is chosen, or one measured now."""
    subject = model_or_stop(subject)
    known = gradient_records()
    names = {LIVE: f"measure {subject.title} now", **{name: name for name in known}}
    chosen = view.record or nearest(known, subject.title) or LIVE
    if chosen not in names:
        ui.failed(f"there is no record {chosen[:60]!r} here; choose one below")
        chosen = LIVE
    st.subheader("Gradient norm across depth", anchor=False)
    st.selectbox(
        "Record",
        list(names),
        format_func=names.__getitem__,
        **ui.tied(view, "record", chosen),
    )
    if not known:
        st.info(
            "No measured records are here. `keraudit gradients MODEL --format json` makes one; or"
            " measure a small network now."
        )
    if chosen == LIVE:
        live(view, subject)
        return
    found = record(known[chosen], GRADIENTS, OVER_TRAINING)
    if found["schema"] == OVER_TRAINING:
        _over_training(view, found)
    else:
        profiles(found)
    twin(found, chosen)


def nearest(known: Iterable[str], title: str) -> str:
    """The first record of a model, else the first of all."""
    names = sorted(known, key=len)
    return next((n for n in names if plain(n).startswith(plain(title))), names[0] if names else "")


def profiles(found: Mapping[str, Any]) -> None:
    """Norm against depth, and what the audit says of it."""
    st.plotly_chart(norm_by_depth(ui.safe(found)), key="profiles")
    columns = (
        Column("label", "network"),
        Column("growth_per_block", "growth per block", "{:.4f}"),
        Column("ends", "95 % interval"),
        Column("across", "across", "real"),
        Column("verdict", "verdict"),
    )
    lines = (Line({**one, "ends": interval(one["interval"])}) for one in found["verdicts"])
    table(Grid("", "", columns, tuple(lines)))
    seeds = len(found["seeds"])
    st.caption(
        ui.plain(
            f"{found['model']}, batch {found['batch']}, {found['data']}, {seeds} seed"
            + "s" * (seeds > 1)
            + f"; growth is from a block to the one before it. {found.get('hardware', '')}"
        )
    )


def interval(ends: Sequence[float] | None) -> str:
    return f"{ends[0]:.4g} to {ends[1]:.4g}" if ends else "one seed"


def _over_training(view: View, found: Mapping[str, Any]) -> None:
    """The whole as a heat map; one step, chosen by a slider, beside the first."""
    steps = [entry["step"] for entry in found["steps"]]
    step = min(steps, key=lambda known: abs(known - view.step))
    st.select_slider("Training step", steps, **ui.tied(view, "step", step))
    compared = dict.fromkeys((steps[0], step))
    shown = [
        {**entry, "label": f"step {entry['step']}"}
        for entry in found["steps"]
        if entry["step"] in compared
    ]
    at_step = {
        "model": found["model"],
        "profiles": shown,
        "verdicts": [{"label": entry["label"]} for entry in shown],
    }
    st.plotly_chart(norm_by_depth(ui.safe(at_step)), key="profiles")
    st.plotly_chart(norm_over_training(ui.safe(found)), key="over-training")
    st.caption(ui.plain(f"{found['model']}, batch {found['batch']}, {found['data']}"))


def twin(found: Mapping[str, Any], stem: str) -> None:
    """The record, and its profiles as one table."""
    entries = found.get("profiles") or found["steps"]
    columns = ("label", "seed", "step", "name", "depth", "grad_norm", "grad_rms", "activation_std")
    lines = tuple(
        Line(cells={**{k: entry.get(k) for k in ("label", "seed", "step")}, **block})
        for entry in entries
        for block in entry["blocks"]
    )
    grid = Grid(
        title=str(found["model"]),
        heading="",
        columns=tuple(Column(key=key, label=key) for key in columns),
        lines=lines,
    )
    draw = norm_by_depth if "profiles" in found else norm_over_training
    ui.twin(
        [grid],
        dict(found),
        str(found["command"]),
        stem=f"gradients-{stem}",
        figures=lambda: (draw(ui.safe(found)),),
    )


def live(view: View, subject: ShownModel) -> None:
    """Choose what is compared, measure it in a process of its own, show it."""
    left, middle, right = st.columns([3, 1, 1])
    with left:
        st.multiselect(
            "Beside the network as it is",
            list(VARIANTS),
            format_func=VARIANTS.__getitem__,
            max_selections=4,
            **ui.tied(view, "against"),
        )
    with middle:
        st.number_input("Images a batch", 2, 32, **ui.tied(view, "images"))
    with right:
        st.number_input("Draws", 1, 5, **ui.tied(view, "seeds"))
    more = tuple(word for name in view.against for word in ("--against", name))
    if view.seeds > 1:
        more += ("--draws", str(view.seeds))
    line = command("gradients", subject, view.size, view.images, more=more)
    if job_panel.under_way():
        return
    st.button(
        "Measure",
        type="primary",
        on_click=measure,
        args=(view, subject, line),
        icon=":material/play_arrow:",
    )
    found = job_panel.results().get(line)
    if found:
        profiles(found)
        twin(found, subject.title)
        return
    st.caption(
        "The network is built anew with a random initialisation and fed random images; the loss's gradient is"
        " measured at every block. A small network at a small input size takes seconds: try"
        " ResNet-CIFAR-20."
    )
    ui.line(line)


def measure(view: View, subject: ShownModel, line: str) -> None:
    """Begin, or say why not."""
    try:
        found = audited(subject, view.size, view.images)
        passes = 3 * view.images * view.seeds * (1 + len(view.against))
        report = found.report
        may_run(found.graph, report, passes=passes // view.images, is_upload=subject.is_upload)
    except KerauditError as error:
        job_panel.refuse(error)
        return
    job_panel.begin(
        {
            "do": "gradients",
            "key": line,
            "graph": found.graph,
            "against": view.against,
            "seeds": view.seeds,
            "command": line,
        }
    )
