"""What is shown, as one record; the address bar holds it, so that a view can be shared.

Whatever stands in an address is checked here before anything else sees it: what makes no sense is
told in one line, and the default is shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple
from urllib.parse import unquote

from keraudit.errors import KerauditError
from keraudit.model.fuzzy import near
from keraudit.model.graph import Shape
from keraudit.model.shape_text import shape_text
from keraudit.reading.applications import applications
from keraudit.reading.resolve import application_name
from keraudit.rewrite.options import Rewriting
from keraudit.zoo.names import listed, zoo_model

PAGES: Mapping[str, str] = {
    "network": "Network",
    "map": "Map",
    "layer": "Layer",
    "what-if": "What if",
    "gradients": "Gradients",
    "compare": "Compare",
    "runs": "Runs",
    "export": "Export",
}
UNITS: Mapping[str, str] = {"macs": "MACs", "flops": "FLOPs"}
AREAS: Mapping[str, str] = {"cost": "cost", "params": "parameters", "memory": "activations"}
COLORS: Mapping[str, str] = {"kind": "kind", **AREAS, "field": "receptive field"}
NETWORK_COLORS: Mapping[str, str] = {**COLORS, "gradient": "gradient"}
LEVELS: Mapping[str, str] = {"blocks": "blocks", "layers": "layers"}
WHAT: Mapping[str, str] = {
    "cost": "cost by block",
    "layers": "cost by layer",
    "layer": "one layer",
    "what-if": "what if",
    "reductions": "1×1 reductions",
    "structure": "structure",
    "runs": "runs",
}
CURVES: Mapping[str, str] = {"error": "error", "loss": "loss"}
PICTURES: Mapping[str, str] = {"hidden": "hidden", "shown": "shown"}
SIDES: Mapping[str, str] = {"before": "before", "after": "after"}
AXES: Mapping[str, str] = {"epoch": "epochs", "time": "time"}
VARIANTS: Mapping[str, str] = {
    "without-skips": "without skips",
    "without-norm": "without normalisation",
    "without-skips+without-norm": "without skips and normalisation",
    "he": "He initialisation",
    "glorot": "Glorot initialisation",
    "without-reductions": "without 1×1 reductions",
}
CHANGES: Mapping[str, str] = {
    "skips": "without_skips",
    "reductions": "without_reductions",
    "pools": "also_pool_projections",
    "norm": "without_norm",
}
NAMED = "named"  # the model that `keraudit explore MODEL` named
UPLOAD = re.compile(r"upload-[0-9a-f]{16}")
LARGEST_SIDE, LARGEST_BATCH, MOST_FILTERS = 2048, 1024, 65_536
NARROWEST, WIDEST = 0.05, 8.0
PLACES = 4  # digits of a width behind the point
MOST_MODELS = 4  # side by side
MOST_KEPT = 5  # files that an address brings back
LONGEST, LONGEST_LIST = 400, 8000  # characters of one value in an address, of one with many names


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A page and everything that decides what it shows.

    Attributes:
        page: which; see ``PAGES``.
        model: a name, ``named``, or ``upload-`` with the start of the file's digest.
        kept: keys by which a server of this machine alone finds files again after a reload.
        size: of the input, without the batch; ``None`` for the recorded one.
        batch: images at a time.
        unit: ``macs`` or ``flops``: what "cost" means on every page.
        area: what the map's areas are drawn from.
        color: and its colours.
        level: whether the map shows blocks or their layers.
        block: the one looked into; empty for none.
        layer: likewise.
        open: what is opened in the drawing of the network.
        spot: of the layer's map, row and column; ``None`` for its middle.
        explained: the class whose score Grad-CAM explains; ``None`` for the most probable.
        without: what is taken out in the what-if.
        width: every hidden width is multiplied by it.
        to: the input size of the what-if; ``None`` for the same.
        filters: convolutions and the filters that they get.
        cut: sums whose skip is cut.
        removed: reductions that are taken out, one by one.
        side: which of two networks is drawn, the one before or after.
        record: of gradients, by its name.
        step: of a record over training.
        against: changes that a live gradient audit measures beside the network; ``None`` for what fits it.
        images: a batch of that audit; ``None`` for what fits.
        seeds: of that audit.
        compared: models to compare with, at most three.
        matched: the one of them that is matched block by block; empty for the first.
        axis: of training curves.
        smooth: epochs that a curve is averaged over.
        curve: error or loss.
        trained: kinds of runs whose curves are drawn; empty for those of the model, else all.
        only: words that a run must have to be shown.
        run: the run looked into, by its name.
        other: the run beside it.
        pictures: whether the images stand beside what the runs take them for.
        what: is exported.
    """

    page: str = "network"
    model: str = ""
    kept: tuple[str, ...] = ()
    size: Shape | None = None
    batch: int = 1
    unit: str = "macs"
    area: str = "cost"
    color: str = "kind"
    level: str = "blocks"
    block: str = ""
    layer: str = ""
    open: tuple[str, ...] = ()
    spot: tuple[int, ...] | None = None
    explained: int | None = None
    without: tuple[str, ...] = ()
    width: float = 1.0
    to: Shape | None = None
    filters: tuple[tuple[str, int], ...] = ()
    cut: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    side: str = "after"
    record: str = ""
    step: int = 0
    against: tuple[str, ...] | None = None
    images: int | None = None
    seeds: int = 1
    compared: tuple[str, ...] = ()
    matched: str = ""
    axis: str = "epoch"
    smooth: int = 1
    curve: str = "error"
    trained: tuple[str, ...] = ()
    only: str = ""
    run: str = ""
    other: str = ""
    pictures: str = "hidden"
    what: str = "cost"

    @property
    def rewriting(self) -> Rewriting:
        """The rewrites of the what-if."""
        return Rewriting(
            **{CHANGES[word]: True for word in self.without},  # type: ignore[arg-type]
            width=None if self.width == 1 else self.width,
            filters=self.filters,
            without_skip=self.cut,
            without_reduction=self.removed,
        )

    def params(self) -> dict[str, str]:
        """What the address says: every field that is not at its default."""
        default = View()
        return {
            field.name: FORMS[field.name].write(value)
            for field in fields(self)
            if (value := getattr(self, field.name)) != getattr(default, field.name)
        }


class Parsed(NamedTuple):
    """A view, and one line for each thing in the address that made no sense."""

    view: View
    problems: tuple[str, ...]


def parsed(params: Mapping[str, str]) -> Parsed:
    """Read an address; never raises.

    >>> parsed({"page": "layer", "batch": "many"}).problems
    ("Ignored batch='many': expected a whole number from 1 to 1024.",)
    """
    values: dict[str, Any] = {}
    problems = []
    for key, text in params.items():
        if key.startswith("embed"):  # Streamlit's own
            continue
        try:
            if key not in FORMS:
                raise ValueError("unknown parameter")
            if len(text) > (longest := FORMS[key].longest):
                raise ValueError(f"expected at most {longest} characters")
            values[key] = FORMS[key].read(text)
        except (ValueError, KerauditError) as error:
            problems.append(f"Ignored {key[:20]}={text[:40]!r}: {says(error)}.")
    view = View(**values)
    if "pools" in view.without and "reductions" not in view.without:
        view = replace(view, without=tuple(w for w in view.without if w != "pools"))
        problems.append("Ignored without=pools: it goes with reductions.")
    return Parsed(view, tuple(problems))


def says(error: Exception) -> str:
    return str(error).strip(" ;?")


class Form(NamedTuple):
    """How a field is read from an address and written to it."""

    read: Callable[[str], Any]
    write: Callable[[Any], str] = str
    longest: int = LONGEST


def _one_of(names: Mapping[str, str]) -> Form:
    def read(text: str) -> str:
        if text not in names:
            raise ValueError(f"expected one of {', '.join(names)}")
        return text

    return Form(read)


def whole(low: int, high: int) -> Form:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise ValueError(f"expected a whole number from {low} to {high}")
        return int(text)

    return Form(read)


def sizes(low: int, high: int, example: str) -> Form:
    def read(text: str) -> tuple[int, ...]:
        found = tuple(int(part) for part in text.split("x") if re.fullmatch(r"[0-9]{1,6}", part))
        if len(found) != text.count("x") + 1 or not 1 <= len(found) <= 4:
            raise ValueError(f"expected sizes such as {example}")
        if not all(low <= size <= high for size in found):
            raise ValueError(f"every size must be from {low} to {high}")
        return found

    return Form(read, shape_text)


def _read_model(text: str) -> str:
    """A model that an address may name: a known name, never a path and never code."""
    if text == NAMED or UPLOAD.fullmatch(text):
        return text
    if name := application_name(text):
        return name
    if found := zoo_model(text):
        return found.name
    raise ValueError(f"no known model; {near(text, [*applications(), *listed()])}")


def _read_models(text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(map(_read_model, text.split(";"))))
    if len(found) >= MOST_MODELS:
        raise ValueError(f"expected at most {MOST_MODELS - 1} models")
    return found


def _read_kept(text: str) -> tuple[str, ...]:
    tokens = text.split(";")
    if not all(re.fullmatch(r"[A-Za-z0-9_-]{16}", token) for token in tokens):
        raise ValueError("expected keys of files")
    return tuple(dict.fromkeys(tokens))[-MOST_KEPT:]


def _read_without(text: str) -> tuple[str, ...]:
    words = text.split(",")
    if set(words) - set(CHANGES):
        raise ValueError(f"expected some of {', '.join(CHANGES)}")
    return tuple(word for word in CHANGES if word in words)


def _read_against(text: str) -> tuple[str, ...]:
    words = text.split(",") if text else []
    if set(words) - set(VARIANTS):
        raise ValueError(f"expected some of {', '.join(VARIANTS)}")
    return tuple(dict.fromkeys(words))[:4]


def _read_width(text: str) -> float:
    if (
        not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,20})?", text)
        or not NARROWEST <= float(text) <= WIDEST
    ):
        raise ValueError(f"expected a number from {NARROWEST:g} to {WIDEST:g}")
    if len(text.partition(".")[2]) > PLACES:
        raise ValueError(f"expected at most {PLACES} decimal places")
    return float(text)


def _write_width(width: float) -> str:
    """A width to as many digits as are read back.

    >>> _write_width(1 / 3), _write_width(0.5), _write_width(2.0)
    ('0.3333', '0.5', '2')
    """
    return f"{width:.{PLACES}f}".rstrip("0").rstrip(".")


def _read_filters(text: str) -> tuple[tuple[str, int], ...]:
    found: dict[str, int] = {}
    for part in text.split(","):
        name, _, count = part.rpartition("=")
        name = _read_name(unquote(name))
        if not name or not re.fullmatch(r"[0-9]{1,6}", count):
            raise ValueError("expected LAYER=N")
        if not 1 <= int(count) <= MOST_FILTERS:
            raise ValueError(f"filters are from 1 to {MOST_FILTERS:,}")
        found[name] = int(count)
    return tuple(found.items())


def _read_name(text: str) -> str:
    """A name out of a file: any text that can be printed; the page looks whether it is there."""
    if not text.isprintable():
        raise ValueError("expected a name")
    return text


def _read_names(text: str) -> tuple[str, ...]:
    found = (_read_name(unquote(part)) for part in text.split(";"))
    return tuple(dict.fromkeys(filter(None, found)))


def _escaped(name: str, ends: str) -> str:
    """A name as it stands in a list: without the marks that end one there.

    >>> _escaped("a,b=50%", ",=")
    'a%2Cb%3D50%25'
    """
    return re.sub(f"[%{ends}]", lambda found: f"%{ord(found[0]):02X}", name)


def _write_names(names: tuple[str, ...]) -> str:
    return ";".join(_escaped(name, ";") for name in names)


def _write_filters(filters: tuple[tuple[str, int], ...]) -> str:
    return ",".join(f"{_escaped(name, ',=')}={count}" for name, count in filters)


FORMS: Mapping[str, Form] = {
    "page": _one_of(PAGES),
    "model": Form(_read_model),
    "kept": Form(_read_kept, ";".join),
    "size": sizes(1, LARGEST_SIDE, "96x96x3"),
    "batch": whole(1, LARGEST_BATCH),
    "unit": _one_of(UNITS),
    "area": _one_of(AREAS),
    "color": _one_of(NETWORK_COLORS),
    "level": _one_of(LEVELS),
    "block": Form(_read_name),
    "layer": Form(_read_name),
    "open": Form(_read_names, _write_names, LONGEST_LIST),
    "spot": sizes(0, 4096, "17x17"),
    "explained": whole(0, 99_999),
    "without": Form(_read_without, ",".join),
    "width": Form(_read_width, _write_width),
    "to": sizes(1, LARGEST_SIDE, "96x96x3"),
    "filters": Form(_read_filters, _write_filters, LONGEST_LIST),
    "cut": Form(_read_names, _write_names, LONGEST_LIST),
    "removed": Form(_read_names, _write_names, LONGEST_LIST),
    "side": _one_of(SIDES),
    "record": Form(_read_name),
    "step": whole(0, 10**9),
    "against": Form(_read_against, ",".join),
    "images": whole(2, 32),
    "seeds": whole(1, 5),
    "compared": Form(_read_models, ";".join),
    "matched": Form(_read_model),
    "axis": _one_of(AXES),
    "smooth": whole(1, 50),
    "curve": _one_of(CURVES),
    "trained": Form(_read_names, _write_names, LONGEST_LIST),
    "only": Form(_read_name),
    "run": Form(_read_name),
    "other": Form(_read_name),
    "pictures": _one_of(PICTURES),
    "what": _one_of(WHAT),
}
