"""The site builds strictly, reads offline, and says what the audit says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from statistics import geometric_mean
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

pytest.importorskip("mkdocs")
pytest.importorskip("keras")

from mkdocs.exceptions import PluginError

from keraudit.audits.structure.report import claims
from keraudit.reading.applications import applications
from pages import cifar, reductions, structure
from pages.audited import MODELS, record
from pages.hook import filled
from words import phrases_in

ROOT = Path(__file__).parents[2]
WRITTEN = [
    path.relative_to(ROOT / "site").with_suffix(".html").as_posix()
    for path in sorted((ROOT / "site").rglob("*.md"))
]
PAGES = [
    *WRITTEN,
    *(f"models/{name.lower()}.html" for name in applications() if name not in MODELS),
]
FIGURE_PAGES = {"index.html", "inception.html", "resnet.html", "zoo.html", "gradients.html"}
FIGURE_PAGES |= {"reductions.html", "notes/gradient-cases.html"}
# Their figures are of records that may be absent.
DRAWN_ONCE_MEASURED = {"benchmarks.html", "cifar.html", "faces.html"}
DRAWN_ONCE_MEASURED |= {page for page in WRITTEN if page.startswith("notes/")}
# What a browser fetches by itself, and links that only a reader follows.
FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}


class Reader(HTMLParser):
    """Collects a page's addresses, its tables by the heading above them, and its figures' data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.tables: dict[str, list[list[str]]] = {}
        self.figures: list[Any] = []
        self.heading = ""
        self.cell: list[str] | None = None
        self.data: list[str] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if "id" in given:
            self.ids.add(given["id"])
        if tag in FETCHED and FETCHED[tag] in given:
            self.fetched.append(given[FETCHED[tag]])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in ("h1", "h2"):
            self.heading = given.get("id", "")
        if tag == "tr":
            self.tables.setdefault(self.heading, []).append([])
        if tag in ("td", "th"):
            self.cell = []
        if tag == "script" and given.get("type") == "application/json" and "id" not in given:
            self.data = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self.cell is not None:
            self.tables[self.heading][-1].append("".join(self.cell))
            self.cell = None
        if tag == "script" and self.data is not None:
            self.figures.append(json.loads("".join(self.data)))
            self.data = None

    def handle_data(self, data: str) -> None:
        for sink in (self.cell, self.data):
            if sink is not None:
                sink.append(data)


@pytest.fixture(scope="module")
def readers(site: Path) -> dict[str, Reader]:
    return {page: Reader((site / page).read_text("utf-8")) for page in PAGES}


def number(text: str) -> int:
    return int(text.replace(",", ""))


def test_every_page_is_built_and_no_other(site: Path) -> None:
    built = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    own = {cifar.GALLERY.name}  # the developer's own, if there is one
    assert built - own == {*PAGES, "404.html"}


def test_no_call_is_left(site: Path) -> None:
    for page in PAGES:
        text = (site / page).read_text("utf-8")
        assert "{{" not in text
        assert "ka-data:" not in text


def test_an_unknown_function_stops_the_build() -> None:
    with pytest.raises(PluginError, match=r"^index.html: .* has no attribute 'blcks'$"):
        filled('{{ models.blcks("ResNet50") }}', "index.html")
    with pytest.raises(PluginError, match=r"^index.html: 'model' is undefined$"):
        filled('{{ model.blocks("ResNet50") }}', "index.html")


def test_nothing_is_fetched_from_elsewhere(site: Path, readers: dict[str, Reader]) -> None:
    for page, reader in readers.items():
        for address in reader.fetched:
            assert not urlsplit(address).netloc, f"{page} fetches {address}"
    for sheet in site.rglob("*.css"):
        addresses = re.findall(r"(?:url\(|@import)\s*[\"']?([^\"')]+)", sheet.read_text("utf-8"))
        assert not [a for a in addresses if urlsplit(a).netloc], sheet


def test_every_local_address_exists(site: Path, readers: dict[str, Reader]) -> None:
    for page, reader in readers.items():
        for address in (*reader.fetched, *reader.links):
            parts = urlsplit(address)
            if parts.scheme or parts.netloc or not parts.path:
                continue
            target = site / page / ".." / unquote(parts.path)
            assert target.resolve().exists(), f"{page} points to {address}"


def test_plotly_is_local_and_only_where_there_is_a_figure(
    site: Path, readers: dict[str, Reader]
) -> None:
    assert (site / "assets/plotly.min.js").stat().st_size > 1_000_000
    for page, reader in readers.items():
        named = (site / page).read_text("utf-8").count("plotly.min.js")
        assert named == (1 if reader.figures else 0), page
        of_one = page.startswith("models/") and page != "models/keras-hub.html"
        drawn = of_one or page in FIGURE_PAGES
        assert bool(reader.figures) == drawn or page in DRAWN_ONCE_MEASURED, page


@pytest.mark.parametrize("model", MODELS)
def test_the_blocks_are_the_audits(model: str, readers: dict[str, Reader]) -> None:
    report, page = record(model), readers[f"models/{model.lower()}.html"]
    head, *rows, total = page.tables["blocks"]
    column = {title: index for index, title in enumerate(head)}
    assert [row[column["block"]] for row in rows] == [b["name"] for b in report["blocks"]]
    for title, key in (("MACs", "macs"), ("FLOPs", "flops"), ("parameters", "params")):
        shown = [number(row[column[title]]) for row in rows]
        assert shown == [block[key] for block in report["blocks"]]
        assert sum(shown) == number(total[column[title]]) == report["totals"][key]


@pytest.mark.parametrize("model", MODELS)
def test_the_figure_is_the_audits(model: str, readers: dict[str, Reader]) -> None:
    report, page = record(model), readers[f"models/{model.lower()}.html"]
    (figure,) = page.figures
    drawn = dict(
        pair
        for trace in figure["data"]
        for pair in zip(trace["y"], [number(row[0]) for row in trace["customdata"]], strict=True)
    )
    assert drawn == {block["name"]: block["macs"] for block in report["blocks"]}
    assert figure["layout"]["yaxis"]["categoryarray"] == [b["name"] for b in report["blocks"]]


@pytest.mark.parametrize("model", MODELS)
def test_the_record_is_offered(model: str, site: Path) -> None:
    offered = json.loads((site / "models" / f"{model.lower()}.json").read_text("utf-8"))
    assert offered == json.loads(json.dumps(record(model)))


def test_the_home_page_has_three_cards_and_how_to_cite(site: Path) -> None:
    page = (site / "index.html").read_text("utf-8")
    assert page.count('<section class="ka-card"') == 3
    factor = reductions.record("GoogLeNet")["totals"]["factor"]
    assert f"<b>{factor:.1f}×</b>" in page
    text = re.sub(r"<[^>]+>", "", page)
    assert "pip install" in text
    assert "@software{keraudit" in text


def test_no_two_pages_share_a_title(site: Path) -> None:
    titles: dict[str, list[str]] = {}
    for page in PAGES:
        found = re.search(r"<title>(.*?)</title>", (site / page).read_text("utf-8"), re.DOTALL)
        assert found, page
        titles.setdefault(found[1], []).append(page)
    assert {title: pages for title, pages in titles.items() if len(pages) > 1} == {}


def test_no_page_has_a_word_that_is_never_used(site: Path) -> None:
    for page in PAGES:
        text = re.sub(r"(?s)<script.*?</script>|<[^>]+>", "", (site / page).read_text("utf-8"))
        assert not phrases_in(text), page


def long_pages(site: Path) -> Iterator[tuple[str, str]]:
    """Pages of four sections and more: a table of contents leads through them."""
    for page in WRITTEN:
        text = (site / page).read_text("utf-8")
        if text.count("<h2 id=") >= 4 and page != "index.html":
            yield page, text


def test_every_long_page_has_a_table_of_contents(site: Path) -> None:
    found = list(long_pages(site))
    assert len(found) > 5
    for page, text in found:
        assert re.search(r'data-md-type="toc"(?! hidden)', text), page


def test_every_figure_has_badges_and_says_how_it_was_made(site: Path) -> None:
    for page in ("inception", "resnet", "gradients", "cifar", "faces", "index"):
        text = (site / f"{page}.html").read_text("utf-8")
        figures = re.findall(r'(?s)<figure class="ka-figure" id=.*?</figure>', text)
        assert figures
        for figure in figures:
            caption = re.search(r"(?s)<figcaption>(.*?)<span class=\"ka-badges\">", figure)
            assert caption, page
            assert len(re.sub(r"<[^>]+>", "", caption[1])) < 260, caption[1]  # two lines
            assert "<summary>How this was made</summary>" in figure


def test_the_zoo_holds_every_application(readers: dict[str, Reader]) -> None:
    head, *rows = readers["zoo.html"].tables["all-models"]
    assert [row[0] for row in rows] == list(applications())
    assert head[0] == "model"


def test_the_structure_page_says_what_the_audit_says(readers: dict[str, Reader]) -> None:
    tables = readers["structure.html"].tables
    claimed = [row[0] for name in ("residual", "inception") for row in tables[f"{name}-networks"]]
    assert [code for code in claimed if code != "code"] == list(claims())
    for model in ("ResNet50", "ResNet152", "InceptionV3"):
        found = structure.report(model)
        shown = {code: verdict for code, verdict, _ in tables[model.lower()][1:]}
        assert shown == {c.code: c.verdict for c in found.checks if c.family in found.families}


def linked_anchors(readers: dict[str, Reader]) -> Iterator[tuple[str, str]]:
    for page, reader in readers.items():
        for link in reader.links:
            parts = urlsplit(link)
            if parts.fragment and not parts.netloc:
                target = (Path("/") / page / ".." / parts.path) if parts.path else Path("/") / page
                yield target.resolve().as_posix().lstrip("/"), unquote(parts.fragment)


def test_every_anchor_exists(readers: dict[str, Reader]) -> None:
    for page, anchor in linked_anchors(readers):
        assert anchor in readers[page].ids, f"{page}#{anchor}"


def test_a_missing_record_says_what_makes_it_and_a_damaged_one_stops_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pages import gradients

    monkeypatch.setattr(gradients, "FOLDER", tmp_path)
    for shown in (gradients.figure, gradients.growths, gradients.cosines):
        assert "none.json` is not here" in shown("none")
    (tmp_path / "bad.json").write_text('{"schema":')
    with pytest.raises(Exception, match=r"bad\.json is damaged"):
        gradients.growths("bad")


def test_the_gradients_are_the_records(readers: dict[str, Reader]) -> None:
    path = ROOT / "site" / "results" / "gradients" / "resnet50-64.json"
    found = json.loads(path.read_text("utf-8"))
    title = "ResNet50 at 64×64×3: gradient norm across depth"
    (drawn,) = (
        figure
        for figure in readers["gradients.html"].figures
        if figure["layout"]["title"]["text"] == title and "xaxis2" not in figure["layout"]
    )
    lines = {trace["name"]: trace["y"] for trace in drawn["data"] if "name" in trace}
    for name, label in (("with skips", "baseline"), ("without skips", "without-skips")):
        profiles = [p["blocks"] for p in found["profiles"] if p["label"] == label]
        assert lines[name] == pytest.approx(
            [
                geometric_mean([block["grad_norm"] for block in seeds])
                for seeds in zip(*profiles, strict=True)
            ]
        )
