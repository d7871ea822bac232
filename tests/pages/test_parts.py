"""The parts of the pages against audits made anew."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mkdocs")
pytest.importorskip("keras")


import keraudit
from built import NAMES, application
from built import zoo as build_zoo
from keraudit.api import report_of
from keraudit.audits.cost.figure import macs_per_block
from keraudit.layers.infer import shaped
from keraudit.output.figure_data import as_csv, numbers_of
from keraudit.output.svg import svg
from pages import calculator, figures, hook, terms, zoo
from pages.audited import AUDITED, record
from records import applications
from records.prefetch import path_of

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("at_the_root")


@pytest.mark.parametrize("name", NAMES)
def test_the_zoo_s_record_is_what_an_audit_counts(name: str) -> None:
    kept = json.loads((ROOT / applications.PATH).read_text("utf-8"))["models"][name]
    assert kept == json.loads(json.dumps(applications.slim(report_of(shaped(application(name))))))


def test_the_accuracies_are_of_applications_and_name_their_source() -> None:
    found = json.loads((ROOT / zoo.ACCURACY).read_text("utf-8"))
    assert set(found["models"]) <= set(NAMES)
    assert found["url"]
    assert found["read"]
    assert all(50 < row["top1"] < row["top5"] < 100 for row in found["models"].values())


def test_the_calculator_counts_what_the_audit_counts() -> None:
    for title, sizes in calculator.starts().items():
        words = f"height={sizes.height},width={sizes.width},channels={sizes.channels}"
        branch = f"{words},f1=0,f3=0,f5={sizes.filters},pool=0"
        for model in (
            f"inception-naive:{branch}",
            f"inception-reduced:{branch},r5={sizes.reduction}",
        ):
            build_zoo(model)  # in this process, not in one for each
        plain = keraudit.audit(f"inception-naive:{branch}").total.macs
        reduced = keraudit.audit(f"inception-reduced:{branch},r5={sizes.reduction}").total.macs
        assert calculator.direct(sizes) == plain, title
        assert calculator.squeeze(sizes) + calculator.behind(sizes) == reduced, title


def test_what_the_pages_audit_is_built_beforehand(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole list in one process of its own; a page that audits another model is not on the list."""
    asked: list[Any] = []
    monkeypatch.setattr(hook, "prefetch", asked.append)
    hook.on_pre_build()
    assert asked == [AUDITED]
    assert site.is_dir()
    for name in AUDITED:
        assert path_of(name).is_file()


def test_the_still_picture_shows_every_bar() -> None:
    report = record("ResNet50")
    drawn = ET.fromstring(svg(macs_per_block(report)))
    words = [element.text for element in drawn.iter("text")]
    assert all(block["name"] in words for block in report["blocks"])
    bars = [e for e in drawn.iter("path") if e.get("stroke")]
    swatches = [e for e in bars if e.get("d", "").endswith("h14v10h-14z")]  # of the legend
    assert len(bars) - len(swatches) == len(report["blocks"])


def test_the_numbers_of_a_figure_are_the_audit_s() -> None:
    report = record("ResNet50")
    numbers = numbers_of(macs_per_block(report))
    assert [row[0] for row in numbers.rows] == [block["name"] for block in report["blocks"]]
    billions = [sum(filter(None, row[1:])) for row in numbers.rows]
    assert billions == [pytest.approx(block["macs"] / 1e6) for block in report["blocks"]]
    assert len(as_csv(numbers).splitlines()) == 1 + len(report["blocks"])


def test_two_figures_of_one_title_keep_their_own_numbers() -> None:
    def bars(values: list[int]) -> dict[str, Any]:
        trace = {"type": "bar", "orientation": "h", "y": ["a"], "x": values}
        return {"data": [trace], "layout": {"title": {"text": "Twins"}, "height": 100}}

    for value in (1, 2, 1):
        figures.drawn_by_script(bars([value]), label="bars", caption="")
    assert figures.FILES["data/twins.csv"] == ",\na,1\n"
    assert figures.FILES["data/twins-2.csv"] == ",\na,2\n"
    assert "data/twins-3.csv" not in figures.FILES


def test_a_term_is_linked_once_and_never_inside_a_link() -> None:
    page = "<h2>MACs</h2><p><code>MACs</code> and <a href='x'>MACs</a>. MACs are MACs.</p>"
    found = terms.linked(page, root="../", folder=ROOT / "site")
    assert found.count('href="../glossary.html#mac"') == 1
    assert "<h2>MACs</h2>" in found
    assert ">MACs</a> are MACs.</p>" in found
    assert re.search(r'#mac" title="Multiply-accumulate: [^"]+\."', found)  # a tooltip
    drawn = '<figure><script type="application/json">"<b>x"</script></figure><p>a kernel</p>'
    assert "glossary.html#kernel" in terms.linked(drawn, root="", folder=ROOT / "site")
    cited = terms.linked("<p>He et al. (2015) say</p>", root="", folder=ROOT / "site")
    assert '<a class="ka-source" href="sources.html#he-et-al-2015">He et al.</a> (2015)' in cited
