"""Runs: what was trained; curves, errors, confusion, calibration, two runs image by image."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from keraudit.evaluation.evaluate import read_evaluation
from keraudit.explorer import ui
from keraudit.explorer.address import AXES, CURVES, View
from keraudit.explorer.cache import ShownModel
from keraudit.explorer.curves import drawable
from keraudit.explorer.finished_runs import FinishedRun, groups, matching, runs
from keraudit.explorer.pages.predictions import predictions
from keraudit.explorer.places import typed
from keraudit.explorer.sidebar import called
from keraudit.explorer.tables import table
from keraudit.model.fuzzy import plain
from keraudit.output.palette import styles_of
from keraudit.output.table import Grid
from keraudit.runs.figure import calibration, confusion, corruption, curves
from keraudit.runs.table import comparison_data, comparison_grid, list_grid
from keraudit.training.record import Run

EMPTY = """
There are no finished training runs here. Train one, then look again:

```
keraudit train ResNet-CIFAR-20 --runs runs
keraudit explore --runs runs
```

The explorer looks in the folder that `--runs` names; without `--runs`, in `runs` and in the report's published records.
"""


def page(view: View, subject: ShownModel | None) -> None:
    """The runs of the chosen model, or of all networks; then one of them."""
    del subject  # runs have networks of their own
    st.subheader("Training runs", anchor=False)
    known = runs()
    for problem in known.problems[:3]:
        st.warning(ui.plain(problem))
    if not known.found:
        st.info(EMPTY)
        return
    st.session_state["w_only"] = view.only
    st.text_input(
        "Filter",
        key="w_only",
        placeholder="words in network, recipe, optimizer, data or folder",
        on_change=ui.changed,
        args=("only",),
        max_chars=100,
    )
    found = matching(known.found.values(), view.only)
    if not found:
        st.info(ui.plain(f"No run has all of these words: {view.only}."))
        return
    kinds = groups(one.run for one in found.values())
    chosen = _choose(view, kinds)
    _draw(view, kinds, chosen)
    _over_seeds({name: kinds[name] for name in chosen})
    one = look(view, found, {id(run) for name in chosen for run in kinds[name]})
    evaluation(one)
    predictions(view, found, one)
    line = list_line(found)
    ui.twin(lambda: [record_of(found)[0]], lambda: record_of(found)[1], line, stem="runs")


def list_line(found: Mapping[str, FinishedRun]) -> str:
    """The command lines that list the runs, one for each folder."""
    folders = dict.fromkeys(shown(one.place.parent) for one in found.values())
    return "\n".join(f"keraudit runs list {folder}" for folder in folders)


def record_of(found: Mapping[str, FinishedRun]) -> tuple[Grid, dict[str, Any], str]:
    """All runs as a table, as plain data, and the command lines that list them."""
    line = list_line(found)
    everything = [one.run for one in found.values()]
    data = {"schema": "keraudit.runs/1", "runs": [run.to_dict() for run in everything]}
    return list_grid(everything, command=line), data, line


def _choose(view: View, kinds: Mapping[str, Sequence[Run]]) -> list[str]:
    """Which kinds are drawn, and how."""
    title = called(view.model)
    left, middle, right, last = st.columns([3, 2, 2.2, 1.8], vertical_alignment="bottom")
    own = [name for name, members in kinds.items() if plain(members[0].network) == plain(title)]
    chosen = [name for name in view.trained if name in kinds] or own or list(kinds)
    with left:
        st.multiselect("Runs to plot", list(kinds), **ui.tied(view, "trained", chosen))
    with middle:
        ui.segments(view, "curve", "Metric", CURVES)
    with right:
        ui.segments(view, "axis", "Horizontal axis", AXES)
    with last:
        st.slider("Moving average, epochs", 1, 50, **ui.tied(view, "smooth"))
    if not own:
        st.caption(
            ui.plain(
                f"There is no run of the chosen model, {title}; the curves are of other networks."
            )
        )
    elif not view.trained:
        st.caption(
            ui.plain(f"Only runs of the chosen model, {title}, are plotted; add others above.")
        )
    return chosen


def _draw(view: View, kinds: Mapping[str, Sequence[Run]], chosen: Sequence[str]) -> None:
    """A colour and a dash for each kind, test thick and training thin; the band is the range over seeds."""
    shown = {name: drawable(kinds[name], axis=view.axis, smooth=view.smooth) for name in chosen}
    styles = styles_of({name: members[0].network for name, members in kinds.items()})
    figure = curves(
        {"": ui.safe(shown)},
        title="",
        what=view.curve,
        styles={ui.safe(n): s for n, s in styles.items()},
    )
    if view.axis == "time":
        figure["layout"]["xaxis"]["title"] = {"text": "minutes of training"}
        for trace in figure["data"]:
            if "hovertemplate" in trace:
                trace["hovertemplate"] = trace["hovertemplate"].replace(
                    "epoch %{x}", "%{x:.1f} min"
                )
    st.plotly_chart(figure, key="curves")
    band = any(len(kinds[name]) > 1 for name in chosen)
    st.caption("Thick: test. Thin: training." + (" Bands: the range over seeds." if band else ""))


def _over_seeds(kinds: Mapping[str, Sequence[Run]]) -> None:
    """One row a kind: mean and standard deviation over its seeds, which are listed where there are several."""
    grid = comparison_grid(kinds, command="")
    table(grid)
    networks = comparison_data(kinds)["networks"]
    several = [
        f"{row['name']}: seeds {', '.join(map(str, row['seeds']))}"
        for row in networks
        if len(row["seeds"]) > 1
    ]
    if several:
        st.caption(ui.plain(f"Mean and standard deviation over seeds. {'; '.join(several)}."))


def look(view: View, found: Mapping[str, FinishedRun], drawn: set[int]) -> FinishedRun:
    """The run that is looked into; unless chosen, the first of those that are drawn."""
    if view.run and view.run not in found:
        ui.failed(f"there is no run {view.run[:60]!r} here; choose one below")
    names = sorted(found, key=lambda name: id(found[name].run) not in drawn)
    name = view.run if view.run in found else names[0]
    st.divider()
    ui.select(view, "run", "Run to inspect", names)
    run = found[name].run
    st.caption(
        ui.plain(
            f"{run.network}, seed {run.seed}, recipe {run.recipe['name']}, {len(run.history)} epochs,"
            f" {run.dataset.get('name', '')}, {run.date}: training error"
            f" {run.evaluation['train_error']:.2%}, test error {run.evaluation['test_error']:.2%}"
        )
    )
    return found[name]


def evaluation(one: FinishedRun) -> None:
    """Confusion, calibration and corruptions of a run, where it was evaluated."""
    found = evaluated(one)
    if found is None:
        if not one.place.is_dir():
            st.info("This record has no evaluation.")
            return
        st.info(
            "This run has not been evaluated. This command adds the confusion matrix, calibration and"
            " accuracy on corrupted images:"
        )
        ui.line(f"keraudit evaluate {shown(one.place)}")
        return
    found, network = ui.safe(found), ui.safe(one.run.network)
    left, right = st.columns(2)
    with left:
        st.plotly_chart(confusion(network, found), key="confusion")
    with right:
        st.plotly_chart(calibration({network: found}), key="calibration")
        if found.get("corruptions"):
            st.plotly_chart(corruption({network: found}), key="corruption")


def shown(path: Path) -> str:
    """A path as a word of a command line, from the working directory where it lies in it."""
    return shlex.quote(typed(path))


def evaluated(one: FinishedRun) -> Mapping[str, Any] | None:
    """The evaluation in a published record, or beside the record in the run's folder."""
    if one.run.evaluated:
        return one.run.evaluated
    if not one.place.is_dir():
        return None

    found = read_evaluation(one.place)
    return found.to_dict() if found else None
