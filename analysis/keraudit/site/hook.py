"""The mkdocs hook: fills the pages' markers and carries plotly.js and the records along.

A marker stands alone on its line, ``<!-- keraudit: NAME ARGUMENT ... -->``; ``MARKERS`` lists them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

from keraudit.site import (
    benchmarks,
    crosscheck,
    gradients,
    models,
    reductions,
    reference,
    structure,
)
from keraudit.site.records import MODELS, record_json

PLOTLY = "assets/plotly.min.js"
FIGURES = "assets/figures.js"
MARKER = re.compile(r"^<!-- keraudit: (?P<name>[\w-]+)(?P<words>(?: [^\s>]+)*) -->$", re.MULTILINE)

MARKERS: Mapping[str, Callable[..., str]] = {
    "summary": models.summary,
    "totals": models.totals,
    "blocks": models.blocks,
    "layers": models.layers,
    "reductions": reductions.savings,
    "growths": gradients.growths,
    "cosines": gradients.cosines,
    "derivation": reductions.derived,
    "paper-table": reductions.beside_the_paper,
    "claims": structure.claims,
    "checks": structure.checks,
    "verdicts": structure.verdicts,
    "crosscheck-agreement": crosscheck.agreement,
    "crosscheck-made": crosscheck.made,
    "crosscheck-terms": crosscheck.terms,
    "crosscheck": crosscheck.reconciliation,
    "benchmark-times": benchmarks.times,
    "benchmark-made": benchmarks.made,
    "benchmark-growth": benchmarks.growth,
    "benchmark-stages": benchmarks.stages,
    "benchmark-gradients": benchmarks.gradient_profile,
    "layer-rules": reference.layer_rules,
    "activations": reference.activations,
    "about": reference.about,
    "cli": reference.cli,
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is not written by hand: plotly.js from its package, and each model's record."""
    import plotly

    source = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    files.append(File.generated(config, PLOTLY, abs_src_path=str(source)))
    for model in MODELS:
        files.append(
            File.generated(config, f"models/{model.lower()}.json", content=record_json(model))
        )
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Replace each marker of the page by what it stands for."""
    return filled(markdown, page.url)


def filled(markdown: str, url: str) -> str:
    """``markdown`` with its markers replaced; ``url`` is the page's, for links to scripts."""

    def replacement(match: re.Match[str]) -> str:
        name, words = match["name"], match["words"].split()
        if name == "figure":
            return figure(*words)
        if name not in MARKERS:
            known = ", ".join(sorted([*MARKERS, "figure"]))
            raise PluginError(f"{url}: no marker is named {name!r}; there are {known}")
        return MARKERS[name](*words)

    text = MARKER.sub(replacement, markdown)
    return text + script(url) if "<figure" in text else text


# What a figure marker can name: ``figure KIND MODEL``; KIND may be left out for the first.
DRAWN: Mapping[str, Callable[[str], str]] = {
    "blocks": models.figure,
    "reductions": reductions.figure,
    "benchmark": benchmarks.figure_of_times,
    "benchmark-growth": benchmarks.figure_of_growth,
    "gradients": gradients.figure,
}


def figure(*words: str) -> str:
    """A figure of a model."""
    kind, name = words if len(words) == 2 else ("blocks", *words)
    return DRAWN[kind](name)


def script(url: str) -> str:
    """The script that draws a page's figures, once for all of them, and where it finds plotly."""
    source, plotly = (get_relative_url(path, url) for path in (FIGURES, PLOTLY))
    return f'\n\n<script src="{source}" data-plotly="{plotly}" defer></script>\n'
