"""A gradient audit that is run now: what fits the network, how long it takes, and its progress."""

from __future__ import annotations

import streamlit as st

from keraudit.errors import KerauditError
from keraudit.explorer import gradient_plan, job_panel, ui
from keraudit.explorer.address import VARIANTS, View
from keraudit.explorer.cache import ShownModel, audited, command
from keraudit.explorer.gradient_plan import Plan
from keraudit.explorer.metrics import about
from keraudit.explorer.pages.gradients_show import profiles, twin


def live(view: View, subject: ShownModel, *, recorded: bool) -> None:
    """Choose what is compared, measure it in a process of its own, show it.

    Args:
        view: what is chosen.
        subject: the model.
        recorded: whether there are records of it.
    """
    with st.spinner("Checking which variants fit this network ..."):
        found = audited(subject, view.size, 1)
        possible = gradient_plan.changes(subject.key, view.size, found.graph)
        plan = _plan(view, subject, possible)
    _controls(view, plan, possible)
    more = tuple(word for name in plan.against for word in ("--against", name))
    if plan.seeds > 1:
        more += ("--draws", str(plan.seeds))
    line = command("gradients", subject, view.size, plan.images, more=more)
    if job_panel.under_way():
        return
    made = job_panel.results().get(asked(subject, line))
    if made:
        profiles(made)
        twin(made, subject.title)
        return
    _offer(view, subject, plan, line, recorded=recorded)
    ui.line(line)


def _plan(view: View, subject: ShownModel, possible: tuple[str, ...]) -> Plan:
    """What the address asks for; what it leaves open fits the network."""
    wanted = gradient_plan.default_against(possible) if view.against is None else view.against
    against = tuple(word for word in wanted if word in possible)
    if left := [VARIANTS[word] for word in wanted if word not in possible]:
        st.warning(f"Left out, because this network would stay the same: {', '.join(left)}.")
    images = view.images or gradient_plan.default_images(subject, view.size, against)
    return Plan(against, images, view.seeds)


def _controls(view: View, plan: Plan, possible: tuple[str, ...]) -> None:
    left, middle, right = st.columns([3, 1, 1])
    with left:
        st.multiselect(
            "Variants to compare with",
            list(possible),
            format_func=VARIANTS.__getitem__,
            max_selections=4,
            placeholder="none",
            **ui.tied(view, "against", plan.against),
        )
    with middle:
        st.number_input("Batch size", 2, 32, **ui.tied(view, "images", plan.images))
    with right:
        st.number_input("Seeds", 1, 5, **ui.tied(view, "seeds"))


def _offer(view: View, subject: ShownModel, plan: Plan, line: str, *, recorded: bool) -> None:
    """A button with the time that it takes; or why it is not run here."""
    try:
        found = gradient_plan.check(subject, view.size, plan)
    except KerauditError as error:
        ui.failed(f"{error}. The command below measures it:")
        return
    time = about(gradient_plan.seconds(found, plan))
    st.button(
        f"Measure, about {time}",
        type="primary",
        on_click=measure,
        args=(view, subject, plan, line),
        icon=":material/play_arrow:",
    )
    st.caption(
        ("" if recorded else ui.plain(f"No record of {subject.title} is here. "))
        + f"Measures the gradient of the loss at every block of {networks(plan)}, with random"
        " initialisation and random images. The time is an estimate for two processor cores and is corrected"
        " after each measurement."
    )


def networks(plan: Plan) -> str:
    """How much is measured, in words.

    >>> networks(Plan(("he",), 16, 3)), networks(Plan((), 4, 1))
    ('2 networks × 3 seeds', '1 network')
    """
    count = f"{plan.networks} network{'s' * (plan.networks > 1)}"
    return f"{count} × {plan.seeds} seeds" if plan.seeds > 1 else count


def asked(subject: ShownModel, line: str) -> str:
    """What a measurement is kept by: another file may have the same name."""
    return f"{subject.key} {line}"


def measure(view: View, subject: ShownModel, plan: Plan, line: str) -> None:
    """Begin, or say why not."""
    try:
        found = gradient_plan.check(subject, view.size, plan)
    except KerauditError as error:
        job_panel.refuse(error)
        return
    expected = gradient_plan.seconds(found, plan)
    job_panel.begin(
        {
            "do": "gradients",
            "key": asked(subject, line),
            "graph": found.graph,
            "against": plan.against,
            "seeds": plan.seeds,
            "command": line,
            "subject": subject.key,
        },
        expected=expected,
        took=lambda measured: gradient_plan.took(expected, measured),
    )
