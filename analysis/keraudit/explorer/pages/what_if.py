"""What if: the network with something taken out or changed, beside the network as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import streamlit as st

from keraudit.audits.cost.compare import compare, comparison_grid
from keraudit.audits.cost.figure import unit_for
from keraudit.errors import KerauditError
from keraudit.explorer import ui
from keraudit.explorer.address import MOST_FILTERS, NARROWEST, SIDES, UNITS, WIDEST, View, parsed
from keraudit.explorer.cache import AS_IS, Audited, ShownModel, audited, command
from keraudit.explorer.metrics import counted, unit_bound
from keraudit.explorer.pages.changes import drawn_changes, reductions_of
from keraudit.explorer.pages.map import model_or_stop
from keraudit.explorer.sidebar import size_changed
from keraudit.explorer.tables import table
from keraudit.model.bounds import Bound
from keraudit.model.shape_text import shape_text
from keraudit.output.numbers import short, short_bytes
from keraudit.output.palette import BLUE, VERMILION
from keraudit.output.table import Column, Line, bare_grid

WORDS = {
    "skips": "Remove skips",
    "norm": "Remove normalisation",
    "reductions": "Remove 1×1 reductions",
}


def page(view: View, subject: ShownModel | None) -> None:
    """Controls, then before and after."""
    subject = model_or_stop(subject)
    with st.skeleton(height=400):
        before = audited(subject, view.size, view.batch)
    st.subheader(ui.plain(f"{subject.title}: what if"), anchor=False)
    controls, results = st.container(), st.container()
    rewriting, to = view.rewriting, view.to or view.size
    after = None
    with results:  # first: it is what a click waits for
        if not rewriting.any and to == view.size:
            st.info(
                "Nothing is changed yet: choose something above, or a layer or block in the drawing."
            )
        try:
            after = audited(subject, to, view.batch, rewriting)
        except KerauditError as error:
            ui.failed(error)
        else:
            for note in after.report.rewrites:
                if note.nothing:
                    st.warning(ui.plain(f"{note.name}: {note.nothing}"))
            totals(before, after, view)
    with controls:
        _controls(view, subject, before)
    if after is not None:
        blocks(before, after, view, subject)


def _controls(view: View, subject: ShownModel, before: Audited) -> None:
    """What to take out, and what to change."""
    left, right = st.columns(2, gap="large")
    with left:
        for word, label in WORDS.items():
            st.session_state[f"w_{word}"] = word in view.without
            st.toggle(label, key=f"w_{word}", on_change=_toggled, args=(word,))
        if "reductions" in view.without:
            st.session_state["w_pools"] = "pools" in view.without
            st.toggle(
                "Also remove the 1×1 convolutions after pooling (naive modules)",
                key="w_pools",
                on_change=_toggled,
                args=("pools",),
            )
    with right:
        st.session_state["w_width"] = view.width
        st.number_input(
            "Width multiplier of the hidden layers",
            min_value=NARROWEST,
            max_value=WIDEST,
            step=0.25,
            format="%.4g",
            key="w_width",
            on_change=ui.changed,
            args=("width",),
        )
        st.session_state["w_to_text"] = shape_text(view.to or ())
        st.text_input(
            "Input size after the change",
            key="w_to_text",
            placeholder="unchanged",
            on_change=size_changed,
            args=("to",),
            max_chars=40,
        )
        reduction(view, subject, before)


def _toggled(word: str) -> None:
    view = parsed(ui.address()).view
    words = {*view.without} ^ {word}
    if "reductions" not in words:
        words.discard("pools")
    ui.go(
        replace(
            view, without=tuple(w for w in ("skips", "reductions", "pools", "norm") if w in words)
        )
    )


def reduction(view: View, subject: ShownModel, before: Audited) -> None:
    """The channels of one reduction."""
    found = reductions_of(subject.key, str(before.report.input_shapes), before.graph)
    if not found:
        st.caption("This network has no 1×1 reductions.")
        if not view.filters:
            return
    home = {layer.name: layer.block for layer in before.report.layers}
    (chosen, count), *others = view.filters or (("", 0),)
    options = list(dict.fromkeys(("", *found, *dict(view.filters))))
    st.session_state["w_reduction"] = chosen
    st.selectbox(
        "Filters of one 1×1 reduction",
        options,
        format_func=lambda name: (
            f"{home[name]}: {name}, {found[name][0]} → {found[name][1]} channels"
            if name in found
            else name or "none"
        ),
        key="w_reduction",
        on_change=_reduction_changed,
        args=(found,),
    )
    if chosen:
        st.session_state["w_count"] = count
        st.number_input(
            "Filters",
            min_value=1,
            max_value=MOST_FILTERS,
            key="w_count",
            on_change=_reduction_changed,
            args=(found,),
        )
    if others:
        st.caption(
            ui.plain("and " + ", ".join(f"{name} with {count} filters" for name, count in others))
        )


def _reduction_changed(found: dict[str, tuple[int, int]]) -> None:
    """Another reduction, or another count of its channels; whatever else is changed stays."""
    view = parsed(ui.address()).view
    name = st.session_state["w_reduction"]
    filters = view.filters if name in dict(view.filters) else view.filters[1:]
    others = tuple(pair for pair in filters if pair[0] != name)
    if not name:
        ui.go(replace(view, filters=others))
        return
    before = dict(view.filters).get(name) or found[name][1]
    same = bool(view.filters) and view.filters[0][0] == name
    count = st.session_state.get("w_count") if same else None
    ui.go(replace(view, filters=((name, int(count or before)), *others)))


def totals(before: Audited, after: Audited, view: View) -> None:
    """The two networks side by side."""
    a, b = before.report, after.report
    unit = UNITS[view.unit]
    worst = a.total.bounds + b.total.bounds
    exact = Bound.EXACT
    facts: tuple[tuple[str, int, int, Callable[[int], str], Bound], ...] = (
        (
            unit,
            counted(a.total, view),
            counted(b.total, view),
            short,
            max(unit_bound(a.total, view), unit_bound(b.total, view)),
        ),
        ("Parameters", a.total.params, b.total.params, short, worst.params),
        (
            "Peak activations",
            a.costs.peak_activation_bytes,
            b.costs.peak_activation_bytes,
            short_bytes,
            worst.activations,
        ),
        ("Layers", len(a.layers), len(b.layers), str, exact),
    )
    with st.grid(len(facts), min_column_width=150):
        for label, old, new, write, bound in facts:
            delta = new - old
            ratio = f" ({new / old - 1:+.1%})" if old and delta else ""
            sign = "+" if delta > 0 else "-"
            text = sign + write(abs(delta)) + ratio if delta else "unchanged"
            text = f"{text}, from {bound.sign}{write(old)}" if delta else text
            if bound is not exact:  # a difference of two bounds is no bound
                text = f"{text}, an estimate"
            st.metric(
                label,
                bound.sign + write(new),
                delta=text,
                delta_color="inverse" if delta else "off",
                delta_arrow="auto" if delta else "off",
                help=f"before {bound.sign}{old:,}, after {bound.sign}{new:,}",
            )


def blocks(before: Audited, after: Audited, view: View, subject: ShownModel) -> None:
    """Each block before and after, matched; and the data."""
    line = two_lines(view, subject)
    comparison = compare(before.report, after.report, command=line)
    grid = comparison_grid(comparison)
    st.markdown("**The network, with what changed**")
    sides = {
        "before": (subject, before, AS_IS),
        "after": (subject, after, view.rewriting),
    }
    drawn_changes(view, sides, comparison, dict(SIDES))
    st.markdown("**Block by block**")
    paired_bars(grid.lines, ("before", "after"), view, key="what-if-chart")
    unit = UNITS[view.unit]
    columns = (
        Column("name", "block"),
        Column("status", "status"),
        Column(f"{view.unit}_a", f"{unit} before", "exact", bounded=True),
        Column(f"{view.unit}_b", f"{unit} after", "exact", bounded=True),
        Column(f"{view.unit}_change", "change", "exact"),
        Column(f"{view.unit}_factor", "after / before", "real"),
        Column("params_change", "parameter change", "exact"),
    )
    table(
        grid._replace(columns=columns),
        bound=max(before.report.bound, after.report.bound),
        height=min(38 + 35 * len(grid.lines), 600),
    )
    done = [entry for note in after.report.rewrites for entry in note.log]
    if done:
        with st.expander(f"What was done: {len(done)} entries"):
            table(bare_grid(dict.fromkeys(("layer", "what", "why"), "text"), done))
    ui.twin(
        lambda: [grid],
        comparison.to_dict,
        line,
        stem=f"{subject.title}-what-if",
    )


def paired_bars(lines: Sequence[Line], sides: tuple[str, str], view: View, *, key: str) -> None:
    """Two bars for each line of a comparison, called as ``sides`` says."""
    unit = UNITS[view.unit]
    names = [line.cells["name"] for line in lines]
    values = [[line.cells[f"{view.unit}_{side}"] or 0 for line in lines] for side in "ab"]
    most = max(max(side, default=0) for side in values)
    scale, scale_name = unit_for(most)
    series = [
        {
            "type": "bar",
            "name": name,
            "itemStyle": {"color": color},
            "data": [value / scale for value in found],
        }
        for found, name, color in zip(values, sides, (BLUE, VERMILION), strict=True)
    ]
    axis = {"rotate": 40 if len(names) > 8 else 0, "width": 110, "overflow": "truncate"}
    st.echarts_chart(
        {
            "tooltip": {
                "trigger": "axis",
                "axisPointer": {"type": "shadow"},
                "valueFormatter": "%.4g " + scale_name.replace("MACs", unit),
            },
            "legend": {"top": 0, "right": 8, "bottom": "auto"},
            "grid": {"left": 8, "right": 8, "top": 40, "bottom": 8, "containLabel": True},
            "xAxis": {"type": "category", "data": names, "axisLabel": axis},
            "yAxis": {
                "type": "value",
                "name": scale_name.replace("MACs", unit),
                "nameTextStyle": {"align": "left"},
            },
            "series": series,
            "animation": False,
        },
        key=key,
        height=320,
        alt=f"{unit} of each block: {sides[0]} and {sides[1]}",
    )


def two_lines(view: View, subject: ShownModel) -> str:
    """One comparison, or where the input sizes differ, the two audits."""
    if view.to in (None, view.size):
        return command("compare", subject, view.size, view.batch, view.rewriting)
    return "\n".join(
        (
            command("flops", subject, view.size, view.batch),
            command("flops", subject, view.to, view.batch, view.rewriting),
        )
    )
