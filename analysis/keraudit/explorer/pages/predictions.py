"""Two runs, image by image: where they name different classes; with the images where those are at hand."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from keraudit.data.dataset import fingerprint, validation_split
from keraudit.data.load import load
from keraudit.errors import KerauditError
from keraudit.evaluation.gallery import confident_mistakes, disagreements, most_uncertain
from keraudit.explorer import ui
from keraudit.explorer.address import View, parsed
from keraudit.explorer.finished_runs import FinishedRun
from keraudit.output.numbers import percent

SHOWN = 24  # images of a gallery
DATA_VARIABLE = "KERAUDIT_DATA"
# Between a run's test accuracy and that of its predictions, which are kept in half precision; in another
# order they are right by chance.
SAME_ORDER = 0.01


def predictions(view: View, found: Mapping[str, FinishedRun], one: FinishedRun) -> None:
    """Compare the class probabilities that two runs kept."""
    others = {
        name: other
        for name, other in found.items()
        if name != one.name
        and other.run.dataset["fingerprint"] == one.run.dataset["fingerprint"]
        and _predictions_of(other) is not None
    }
    mine = _predictions_of(one)
    if mine is None:
        st.caption(
            "There are no predictions to show: this run has no predictions.npz. Published records have none."
        )
        return
    st.markdown("**Predictions, image by image**")
    if not others:
        st.caption("No other run on the same images kept its predictions.")
        gallery(view, one, None)
        return
    ui.select(view, "other", "Compared with", list(others))
    name = view.other if view.other in others else next(iter(others))
    gallery(view, one, others[name])


def _predictions_of(one: FinishedRun) -> Path | None:
    path = one.place / "predictions.npz"
    return path if one.place.is_dir() and path.is_file() else None


@st.cache_data(max_entries=8, show_spinner=False)
def probabilities(path: str, _written: int) -> Any:
    """The probabilities that a run kept, (N, classes).

    Raises:
        KerauditError: the file is damaged.
    """
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as found:
            values = np.asarray(found["probabilities"], "float32")
    except Exception as error:  # noqa: BLE001 - numpy, zipfile and zlib raise many kinds
        raise KerauditError(
            f"{Path(path).parent.name}/predictions.npz is damaged: {error}"
        ) from None
    if values.ndim != 2 or not np.isfinite(values).all():
        raise KerauditError(f"{Path(path).parent.name}/predictions.npz holds no probabilities")
    return values


def of(one: FinishedRun) -> Any:
    path = one.place / "predictions.npz"
    return probabilities(str(path), path.stat().st_mtime_ns)


def gallery(view: View, one: FinishedRun, other: FinishedRun | None) -> None:
    """Images that say most: named differently, wrongly and surely, or not surely at all."""
    found = {one.name: of(one), **({other.name: of(other)} if other else {})}
    mine, *theirs = found.values()
    if theirs and theirs[0].shape != mine.shape:
        raise KerauditError("the two runs predict different images or classes")
    images = _at_hand(view, one)
    sections: dict[str, list[int]] = {}
    if theirs:
        same = float((mine.argmax(1) == theirs[0].argmax(1)).mean())
        st.text(f"Both predict the same class for {percent(same)} of {len(mine):,} test images.")
        sections["Different classes, most confident first"] = disagreements(mine, theirs[0], SHOWN)
    if images is not None:
        for name, values in found.items():
            mistakes = confident_mistakes(values, images.labels, SHOWN)
            sections[f"{name}: wrong, most confident first"] = mistakes
    for name, values in found.items():
        sections[f"{name}: least confident"] = most_uncertain(values, SHOWN)
    for tab, (_, places) in zip(
        st.tabs([ui.plain(title) for title in sections]), sections.items(), strict=True
    ):
        with tab:
            _section(one, found, places, images)


def _section(one: FinishedRun, found: Mapping[str, Any], places: list[int], images: Any) -> None:
    """Some images, with what each run takes them for."""
    classes = [str(name) for name in one.run.dataset.get("classes", [])]
    rows = []
    for place in places:
        row: dict[str, Any] = {"image": place}
        if images is not None:
            row["label"] = called(classes, int(images.labels[place]))
        rows.append(row | {name: named(values[place], classes) for name, values in found.items()})
    if images is not None:
        pictures(images, rows)
    st.dataframe(rows, hide_index=True)


def named(row: Any, classes: list[str]) -> str:
    """The most probable class and how probable it is."""
    best = int(row.argmax())
    return f"{called(classes, best)} {percent(float(row[best]))}"


def called(classes: list[str], at: int) -> str:
    return classes[at] if at < len(classes) else f"class {at}"


def _at_hand(view: View, one: FinishedRun) -> Any:
    """The test images, once asked for; ``None`` where they are not at hand."""
    spec = os.environ.get(DATA_VARIABLE) or str(one.run.dataset.get("source", ""))
    if not spec or not Path(spec).expanduser().exists():
        st.caption(
            f"The data set was not found, so the images are not shown: start the explorer with {DATA_VARIABLE}"
            " set to its folder."
        )
        return None
    st.session_state["images-at-hand"] = view.pictures == "shown"
    if not st.toggle("Show the images", key="images-at-hand", on_change=_toggled):
        return None
    dataset = one.run.dataset
    with st.spinner("Reading the images ..."):
        split, found = test_split(spec, int(dataset.get("held_out", 0)), dataset.get("test_images"))
    if found != str(dataset["fingerprint"]).partition("-")[2]:
        raise KerauditError(
            f"the test images found are not those of this run: set {DATA_VARIABLE} to the folder of"
            f" {dataset['name']}"
        )
    share = float((of(one).argmax(1) == split.labels).mean())
    if abs(share - float(one.run.evaluation["test"]["accuracy"])) > SAME_ORDER:
        raise KerauditError(
            "the test images found are in another order than the run's predictions: set"
            f" {DATA_VARIABLE} to the copy that the run was trained on"
        )
    return split


def _toggled() -> None:
    """The images were asked for, or not any more."""
    shown = "shown" if st.session_state["images-at-hand"] else "hidden"
    ui.go(replace(parsed(ui.address()).view, pictures=shown))


@st.cache_resource(max_entries=1, show_spinner=False)
def test_split(spec: str, held_out: int, count: int | None) -> tuple[Any, str]:
    """The first test images that are wanted, and their fingerprint."""
    split = validation_split(load(spec), held_out).test.first(count)
    return split, fingerprint(split)


def pictures(images: Any, rows: list[dict[str, Any]]) -> None:
    """Small pictures with what they were taken for."""
    with st.grid(min_column_width=110, gap="small"):
        for row in rows:
            lines = [str(value) for key, value in row.items() if key != "image"]
            st.image(
                images.images[row["image"]],
                width=96,
                caption=ui.plain("; ".join(lines)),
                alt=f"test image {row['image']}",
            )
