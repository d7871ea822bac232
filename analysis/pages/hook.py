"""The mkdocs hook: renders the pages as templates and carries plotly.js and the records along."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

from pages import cifar, exercises, figures, rendering, strip, terms, zoo
from pages.audited import AUDITED, MODELS, record_json
from records.prefetch import prefetch

PLOTLY = "assets/plotly.min.js"
FIGURES = "assets/figures.js"
NETWORK = "assets/network.js"
# What a page needs beside its text, by what its HTML holds.
SCRIPTS = {
    "ka-calculator": "assets/calculator.js",
    "ka-steps": "assets/steps.js",
    "ka-zoo": "assets/zoo.js",
    "ka-strips": "assets/strip.js",
    "ka-chain": "assets/chain-rule.js",
}
UNLINKED = (terms.SOURCES, "changelog.html")  # lists, not texts
# The modules whose functions pages call, by name: {{ zoo.listing() }}.
FILLING = (
    "benchmarks",
    "benchmarks_live",
    "calculator",
    "chain_rule",
    "cifar",
    "clipped_loss",
    "code_files",
    "crosscheck",
    "deployment",
    "exercises",
    "faces",
    "first_steps",
    "gradient_answers",
    "gradient_maps",
    "gradient_steps",
    "gradients",
    "held_out",
    "home",
    "identity",
    "inception",
    "inception_answers",
    "inception_drawings",
    "inline_values",
    "keras_hub",
    "lesion_bars",
    "lesions",
    "max_stable_learning_rate",
    "measured_exercises",
    "mistakes",
    "models",
    "notebook",
    "pictures",
    "precision",
    "reduction_steps",
    "reductions",
    "reference",
    "reproduce",
    "resnet",
    "resnet_answers",
    "security",
    "skip",
    "strip",
    "structure",
    "variance",
    "zoo",
)
FUNCTIONS = {name: import_module(f"pages.{name}") for name in FILLING}


def on_pre_build(**_: Any) -> None:
    """Build what Keras has to build, all in one process, and forget the last build's files."""
    figures.FILES.clear()
    terms.patterns.cache_clear()
    terms.meanings.cache_clear()
    prefetch(AUDITED)


def on_post_build(config: MkDocsConfig) -> None:
    """Write the numbers of every figure beside the pages."""
    for name, content in figures.FILES.items():
        path = Path(config.site_dir, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is not written by hand: plotly.js from its package, the network component, records."""
    import plotly

    source = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    files.append(File.generated(config, PLOTLY, abs_src_path=str(source)))
    files.append(File.generated(config, NETWORK, content=strip.component()))
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
    """Render the page."""
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
    """A page's text with what its calls return; ``url`` is the page's, for links to files."""
    text = exercises.numbered(rendering.page(markdown, FUNCTIONS, url=url))
    text = text.replace(figures.HERE, root_from(url))
    return text + scripts(text, url)


def scripts(text: str, url: str) -> str:
    """The scripts that a page needs, each once; the figures' is told where it finds plotly."""
    found = []
    if "<figure" in text:
        source, plotly = (get_relative_url(path, url) for path in (FIGURES, PLOTLY))
        found.append(f'<script src="{source}" data-plotly="{plotly}" defer></script>')
    for mark, path in SCRIPTS.items():
        if re.search(rf'class="(?:ka-figure )?{mark}"', text):
            found.append(f'<script src="{get_relative_url(path, url)}" defer></script>')
    return "\n\n" + "\n".join(found) + "\n" if found else ""
