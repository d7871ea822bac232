"""Gradients: the recorded profiles of a model, over training too, or a small audit that is run now."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

from keraudit.audits.gradients.figure import norm_by_depth, norm_over_training
from keraudit.errors import KerauditError
from keraudit.explorer import ui
from keraudit.explorer.address import View
from keraudit.explorer.cache import ShownModel
from keraudit.explorer.pages.gradients_live import live
from keraudit.explorer.pages.gradients_show import profiles, twin
from keraudit.explorer.pages.map import model_or_stop
from keraudit.explorer.records import GRADIENTS, OVER_TRAINING, gradient_records, record
from keraudit.model.fuzzy import plain

LIVE = "live"  # the record that is measured here


class Known(NamedTuple):
    """Records of gradients by name: those of the chosen model, and those of others with theirs."""

    own: tuple[str, ...]
    others: Mapping[str, str]
    problems: tuple[str, ...]


def page(view: View, subject: ShownModel | None) -> None:
    """A record of the model, or one measured now."""
    subject = model_or_stop(subject)
    paths = gradient_records()
    known = of_model(paths, "" if subject.is_upload else subject.title)
    for problem in known.problems[:3]:
        st.warning(ui.plain(problem))
    names = {name: f"record {name}" for name in known.own}
    names[LIVE] = f"measure {subject.title} now"
    names |= {name: f"{model}, record {name}" for name, model in known.others.items()}
    chosen = view.record or next(iter(names))
    if chosen not in names:
        ui.failed(f"there is no record {chosen[:60]!r} here; choose one below")
        chosen = next(iter(names))
    st.subheader(ui.plain(f"{subject.title}: gradient norm across depth"), anchor=False)
    st.selectbox(
        "Measurement",
        list(names),
        format_func=names.__getitem__,
        **ui.tied(view, "record", chosen),
    )
    if chosen == LIVE:
        live(view, subject, recorded=bool(known.own))
        return
    if chosen in known.others:
        model = known.others[chosen]
        st.info(
            ui.plain(f"This is a record of {model}. The chosen model is {subject.title}."),
            icon=":material/info:",
        )
    found = record(paths[chosen], GRADIENTS, OVER_TRAINING)
    if found["schema"] == OVER_TRAINING:
        _over_training(view, found)
    else:
        profiles(found)
    twin(found, chosen)


def of_model(paths: Mapping[str, Path], title: str) -> Known:
    """The records of a model, shortest name first, and the others; damaged ones are told."""
    own, others, problems = [], {}, []
    for name in sorted(paths, key=lambda name: (len(name), name)):
        try:
            model = str(record(paths[name], GRADIENTS, OVER_TRAINING).get("model"))
        except KerauditError as error:
            problems.append(str(error))
            continue
        if title and plain(model) == plain(title):
            own.append(name)
        else:
            others[name] = model
    return Known(tuple(own), others, tuple(problems))


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
