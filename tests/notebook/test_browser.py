"""A notebook, executed, in a browser: legible in light and dark themes, folded, sortable."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from browser import launched
from keraudit.output.palette import LIGHT_PAGE
from notebook import THEMES, executed, html_of, page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

CELLS = (
    "import keraudit\nkeraudit.audit('ResNet-CIFAR-20')",
    "keraudit.compare('ResNet-CIFAR-20', keraudit.without_skips('ResNet-CIFAR-20'))",
    "keraudit.structure('ResNet-CIFAR-20')",
    "print(keraudit.audit('ResNet-CIFAR-20'))",
    "dir(keraudit)",
)
# Every text with the colour behind it, both blended over what lies below, and their contrast (WCAG 2.2).
CONTRASTS = """() => {
 const canvas=document.createElement('canvas').getContext('2d',{willReadFrequently:true});
 const rgba=c=>{canvas.clearRect(0,0,1,1);canvas.fillStyle=c;canvas.fillRect(0,0,1,1);
  const d=canvas.getImageData(0,0,1,1).data;return [d[0],d[1],d[2],d[3]/255]};
 const over=(a,b)=>[0,1,2].map(i=>a[i]*a[3]+b[i]*(1-a[3])).concat(1);
 const behind=e=>{const all=[];for(;e;e=e.parentElement)all.push(rgba(getComputedStyle(e).backgroundColor));
  return all.reverse().reduce((under,c)=>over(c,under),[255,255,255,1])};
 const light=c=>{const l=c.slice(0,3).map(v=>{v/=255;return v<=.04045?v/12.92:((v+.055)/1.055)**2.4});
  return .2126*l[0]+.7152*l[1]+.0722*l[2]};
 const ratio=(a,b)=>{const [x,y]=[light(a),light(b)].sort((p,q)=>q-p);return (x+.05)/(y+.05)};
 const found=[];
 for(const e of document.querySelectorAll('.keraudit *')){
  const s=getComputedStyle(e),below=behind(e);
  if([...e.childNodes].some(n=>n.nodeType===3&&n.data.trim())&&!['STYLE','SCRIPT'].includes(e.tagName))
   found.push({what:e.tagName,text:e.textContent.trim().slice(0,30),least:4.5,
    ratio:ratio(over(rgba(s.color),below),below)});
  if(e.classList.contains('bar')&&e.offsetWidth>1)
   found.push({what:'bar',text:'',least:3,
    ratio:ratio(below,behind(e.parentElement))});
 }
 return found}"""


@pytest.fixture(scope="module")
def outputs() -> list[list[Any]]:
    return executed(CELLS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as found:
        yield found


@pytest.fixture
def shown(
    browser: Browser, outputs: list[list[Any]], tmp_path: Path, request: Any
) -> Iterator[Page]:
    """The outputs in a theme; the browser itself prefers the opposite one."""
    theme = request.param
    opposite = "light" if theme.endswith("dark") else "dark"
    context = browser.new_context(viewport={"width": 1000, "height": 1400}, color_scheme=opposite)
    view = context.new_page()
    wrong: list[str] = []
    view.on("pageerror", lambda error: wrong.append(str(error)))
    view.on("console", lambda said: wrong.append(said.text))
    view.set_content(page(theme, [html for each in outputs for html in html_of(each)]))
    yield view
    view.screenshot(path=tmp_path / f"{theme}.png")  # to be looked at
    context.close()
    assert not wrong


@pytest.mark.parametrize("shown", THEMES, indirect=True)
def test_every_text_is_legible_in_every_theme(shown: Page) -> None:
    shown.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
    found = shown.evaluate(CONTRASTS)
    assert len(found) > 100
    assert {"TD", "BUTTON", "SUMMARY", "PRE", "bar"} <= {one["what"] for one in found}
    assert not [one for one in found if one["ratio"] < one["least"]]


@pytest.mark.parametrize("shown", ["jupyterlab-dark"], indirect=True)
def test_ink_of_its_own_would_be_noticed(shown: Page) -> None:
    """By the browser's wish for a light page the ink would be dark, on a dark notebook."""
    shown.add_style_tag(content=f"body .keraudit{{{LIGHT_PAGE};color:var(--ink)}}")
    found = shown.evaluate(CONTRASTS)
    assert len([one for one in found if one["ratio"] < one["least"]]) > 100


@pytest.mark.parametrize("shown", ["jupyterlab-dark"], indirect=True)
def test_columns_are_sorted_by_a_click_and_by_the_keyboard(shown: Page) -> None:
    table = shown.locator(".keraudit table").first
    column = table.locator("thead button").all_inner_texts().index("MACs")
    values = "(t, i) => [...t.tBodies[0].rows].map(r => Number(r.cells[i].dataset.v))"
    place = table.evaluate(
        "t => [...t.tHead.rows[0].cells].findIndex(c => c.textContent === 'MACs')"
    )
    before = table.evaluate(values, place)
    button = table.locator("thead button").nth(column)
    button.click()
    first = table.evaluate(values, place)
    button.click()
    again = table.evaluate(values, place)
    assert [first, again] == [sorted(before, reverse=True), sorted(before)]
    second = shown.locator(".keraudit table").nth(1)
    second.locator("thead button").first.focus()
    shown.keyboard.press("Shift")
    shown.keyboard.press("Enter")
    assert second.locator("thead th").first.get_attribute("aria-sort")


@pytest.mark.parametrize("shown", ["vscode-dark"], indirect=True)
def test_notes_are_folded(shown: Page) -> None:
    folded = shown.locator(".keraudit details")
    assert folded.count() == 3
    assert not folded.first.locator("pre").is_visible()
    folded.first.locator("summary").click()
    assert "1 MAC = 1 multiply-accumulate" in folded.first.inner_text()


def test_what_else_the_notebook_says(outputs: list[list[Any]]) -> None:
    plain = [json.dumps(each) for each in outputs]
    assert "<script" not in "".join(plain)  # programs drop them, or run them out of place
    (line,) = (out["data"]["text/plain"] for out in outputs[0])
    assert line.startswith("<CostReport ResNet-CIFAR-20 at 32x32x3, batch 1: 40.55 M MACs")
    assert "\n" not in line
    assert "40,551,040" in plain[3]
    assert "'audit'" in plain[4]
