"""Two runs, image by image: where they name different classes; with the images where those are at hand."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from keraudit.errors import KerauditError
from keraudit.explorer import ui
from keraudit.explorer.records import Trained
from keraudit.explorer.view import View
from keraudit.render.numbers import percent

SHOWN = 24  # images of a gallery
DATA_VARIABLE = "KERAUDIT_DATA"


def predictions(view: View, found: Mapping[str, Trained], one: Trained) -> None:
    """Compare the class probabilities that two runs kept."""
    others = {
        name: other
        for name, other in found.items()
        if name != one.name
        and other.run.dataset["fingerprint"] == one.run.dataset["fingerprint"]
        and kept(other) is not None
    }
    mine = kept(one)
    if mine is None:
        st.caption("Predictions are in a run's own folder; a published record has none.")
        return
    st.markdown("**Predictions, image by image**")
    if not others:
        st.caption("No other run on the same images kept its predictions.")
        gallery(one, None)
        return
    ui.select(view, "other", "Beside", list(others))
    name = view.other if view.other in others else next(iter(others))
    gallery(one, others[name])


def kept(one: Trained) -> Path | None:
    path = one.place / "predictions.npz"
    return path if one.place.is_dir() and path.is_file() else None


@st.cache_data(max_entries=8, show_spinner=False)
def probabilities(path: str, _written: int) -> Any:
    """The probabilities that a run kept, (N, classes).

    Raises:
        KerauditError: the file is damaged.
    """
    import zipfile

    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as found:
            values = np.asarray(found["probabilities"], "float32")
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise KerauditError(
            f"{Path(path).parent.name}/predictions.npz is damaged: {error}"
        ) from None
    if values.ndim != 2 or not np.isfinite(values).all():
        raise KerauditError(f"{Path(path).parent.name}/predictions.npz holds no probabilities")
    return values


def of(one: Trained) -> Any:
    path = one.place / "predictions.npz"
    return probabilities(str(path), path.stat().st_mtime_ns)


def gallery(one: Trained, other: Trained | None) -> None:
    """Images that say most: named differently by two runs, or named least surely by one."""
    from keraudit.experiments.gallery import disagreements, most_uncertain

    classes = [str(name) for name in one.run.dataset.get("classes", [])]
    mine, theirs = of(one), None if other is None else of(other)
    if theirs is not None and theirs.shape != mine.shape:
        raise KerauditError("the two runs predict different images or classes")
    if theirs is None:
        st.text("Images that this run is least sure of:")
        places = most_uncertain(mine, SHOWN)
    else:
        same = float((mine.argmax(1) == theirs.argmax(1)).mean())
        st.text(f"They name the same class for {percent(same)} of {len(mine):,} test images.")
        places = disagreements(mine, theirs, SHOWN)
    images = at_hand(one)
    rows = []
    for place in places:
        row = {"image": place, one.name: named(mine[place], classes)}
        if other is not None and theirs is not None:
            row[other.name] = named(theirs[place], classes)
        if images is not None:
            row["label"] = called(classes, int(images.labels[place]))
        rows.append(row)
    if images is not None:
        pictures(images, rows)
    st.dataframe(rows, hide_index=True)


def named(row: Any, classes: list[str]) -> str:
    """The most probable class and how probable it is."""
    best = int(row.argmax())
    return f"{called(classes, best)} {percent(float(row[best]))}"


def called(classes: list[str], at: int) -> str:
    return classes[at] if at < len(classes) else f"class {at}"


def at_hand(one: Trained) -> Any:
    """The test images, once asked for; ``None`` where they are not at hand."""
    spec = os.environ.get(DATA_VARIABLE) or str(one.run.dataset.get("source", ""))
    if not spec or not Path(spec).expanduser().exists():
        st.caption(
            f"The images are shown where the data set is at hand: start the explorer with {DATA_VARIABLE}"
            " set to its folder."
        )
        return None
    if not st.toggle("Show the images", key="images-at-hand"):
        return None
    with st.spinner("Reading the images ..."):
        split = test_split(spec)
    wanted = int(one.run.dataset.get("test_images", len(split)))
    if len(split) < wanted:
        raise KerauditError("the data at hand have fewer test images than the run predicted")
    return split.first(wanted)


@st.cache_resource(max_entries=1, show_spinner=False)
def test_split(spec: str) -> Any:
    from keraudit.experiments.data import load

    return load(spec).test


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
