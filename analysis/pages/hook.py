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
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

from pages import (
    benchmarks,
    benchmarks_live,
    calculator,
    cifar,
    clipped_loss,
    crosscheck,
    faces,
    figures,
    first_steps,
    gradients,
    held_out,
    home,
    inception,
    inline_values,
    max_stable_learning_rate,
    models,
    precision,
    reductions,
    reference,
    reproduce,
    resnet,
    structure,
    terms,
    zoo,
)
from pages.audited import AUDITED, MODELS, record_json
from records.prefetch import prefetch

PLOTLY = "assets/plotly.min.js"
FIGURES = "assets/figures.js"
# What a page needs beside its text, by what its HTML holds.
SCRIPTS = {"ka-calculator": "assets/calculator.js", "ka-zoo": "assets/zoo.js"}
UNLINKED = (terms.SOURCES, "changelog.html")  # lists, not texts
MARKER = re.compile(r"^<!-- keraudit: (?P<name>[\w-]+)(?P<words>(?: [^\s>]+)*) -->$", re.MULTILINE)

# In a line of text: ``{= NAME ARGUMENT ... =}`` is one number.
VALUE = re.compile(r"\{= (?P<name>[\w-]+)(?P<words>(?: [^\s}]+)*) =\}")

MARKERS: Mapping[str, Callable[..., str]] = {
    "findings": home.findings,
    "calculator": calculator.calculator,
    "module": inception.module,
    "factorised": inception.factorised,
    "unit": resnet.unit,
    "resnet-depth": resnet.depth_table,
    "imagenet-errors": resnet.imagenet_table,
    "degradation-results": resnet.degradation_table,
    "cut-off": clipped_loss.results,
    "cut-off-runs": clipped_loss.whole_runs,
    "cifar-results": cifar.results,
    "cifar-apart": cifar.apart,
    "cifar-late": cifar.last_third,
    "cifar-work": cifar.work,
    "cifar-others": cifar.others,
    "gallery": cifar.gallery,
    "first-gradients": precision.first_gradients,
    "first-steps": first_steps.results,
    "held-out": held_out.results,
    "moving-means": held_out.moving_means,
    "stable-rates": max_stable_learning_rate.large,
    "stable-rates-small": max_stable_learning_rate.small,
    "how-they-err": cifar.how_they_err,
    "faces": faces.results,
    "reproduce": reproduce.listing,
    "changelog": reproduce.changelog,
    "zoo-axes": zoo.axes,
    "zoo-table": zoo.listing,
    "zoo-made": lambda: f"{zoo.made()}\n{{ .ka-note }}",
    "zoo-facts": zoo.facts,
    "zoo-blocks": zoo.blocks,
    "summary": models.summary,
    "totals": models.totals,
    "blocks": models.blocks,
    "layers": models.layers,
    "reductions": reductions.savings,
    "growths": gradients.growths,
    "cosines": gradients.cosines,
    "gradients-by-depth": gradients.by_depth,
    "derivation": reductions.derived,
    "paper-table": reductions.beside_the_paper,
    "claims": structure.claims,
    "checks": structure.checks,
    "checked": structure.checked,
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
    "benchmark-training": benchmarks_live.training,
    "benchmark-late": benchmarks_live.late,
    "benchmark-alike": benchmarks_live.alike,
    "benchmark-explorer": benchmarks_live.explorer,
    "layer-rules": reference.layer_rules,
    "activations": reference.activations,
    "about": reference.about,
    "cli": reference.cli,
}


def on_pre_build(**_: Any) -> None:
    """Build what Keras has to build, all in one process, and forget the last build's files."""
    figures.FILES.clear()
    terms.patterns.cache_clear()
    prefetch(AUDITED)


def on_post_build(config: MkDocsConfig) -> None:
    """Write the numbers of every figure beside the pages."""
    for name, content in figures.FILES.items():
        path = Path(config.site_dir, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is not written by hand: plotly.js from its package, and each model's record."""
    import plotly

    source = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    files.append(File.generated(config, PLOTLY, abs_src_path=str(source)))
    for model in MODELS:
        files.append(
            File.generated(config, f"models/{model.lower()}.json", content=record_json(model))
        )
    if cifar.GALLERY.is_file():
        path = str(cifar.GALLERY.resolve())
        files.append(File.generated(config, cifar.GALLERY.name, abs_src_path=path))
    for name, content in zoo.pages().items():
        made = File.generated(config, name, content=content)
        made.inclusion = InclusionLevel.NOT_IN_NAV  # the zoo's table leads to them
        files.append(made)
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Replace each marker of the page by what it stands for."""
    return filled(markdown, page.url)


def on_page_content(html: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Link each term and each citation where the page first uses it."""
    root = root_from(page.url)
    if page.url in UNLINKED:
        return html
    return terms.linked(html, root=root, folder=Path(config.docs_dir), skip=(page.url,))


def root_from(url: str) -> str:
    """The way from a page to the site's root.

    >>> root_from("guide/cli.html"), root_from("index.html")
    ('../', '')
    """
    return "../" * url.count("/")


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

    def value(match: re.Match[str]) -> str:
        if match["name"] not in inline_values.VALUES:
            known = ", ".join(sorted(inline_values.VALUES))
            raise PluginError(f"{url}: no value is named {match['name']!r}; there are {known}")
        return inline_values.VALUES[match["name"]](*match["words"].split())

    text = VALUE.sub(value, MARKER.sub(replacement, markdown))
    text = text.replace(figures.HERE, root_from(url))
    return text + scripts(text, url)


# What a figure marker can name: ``figure KIND MODEL``; KIND may be left out for the first.
DRAWN: Mapping[str, Callable[[str], str]] = {
    "blocks": models.figure,
    "reductions": reductions.figure,
    "resnet-depth": resnet.depth_figure,
    "degradation": resnet.degradation,
    "cut-off": clipped_loss.figure,
    "cifar-errors": cifar.errors,
    "first-gradients": precision.figure,
    "first-steps": first_steps.figure,
    "faces": faces.figure,
    "cifar-losses": cifar.losses,
    "zoo": zoo.figure,
    "home-third": home.third,
    "zoo-blocks": zoo.block_figure,
    "benchmark": benchmarks.figure_of_times,
    "benchmark-growth": benchmarks.figure_of_growth,
    "gradients": gradients.figure,
    "gradients-of-run": gradients.of_run,
}


def figure(*words: str) -> str:
    """A figure of a model."""
    kind, name = words if len(words) == 2 else ("blocks", *words)
    return DRAWN[kind](name)


def scripts(text: str, url: str) -> str:
    """The scripts that a page needs, each once; the figures' is told where it finds plotly."""
    found = []
    if "<figure" in text:
        source, plotly = (get_relative_url(path, url) for path in (FIGURES, PLOTLY))
        found.append(f'<script src="{source}" data-plotly="{plotly}" defer></script>')
    for mark, path in SCRIPTS.items():
        if f'class="{mark}"' in text:
            found.append(f'<script src="{get_relative_url(path, url)}" defer></script>')
    return "\n\n" + "\n".join(found) + "\n" if found else ""
