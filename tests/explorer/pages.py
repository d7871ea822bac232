"""What a page shows, as plain data."""

from __future__ import annotations

import html
import re
from typing import Any

from streamlit.testing.v1 import AppTest


def unescaped(text: str) -> str:
    return re.sub(r"\\([^\w\s])", r"\1", text)


def metrics(app: AppTest) -> dict[str, str]:
    """The first value under each label."""
    found: dict[str, str] = {}
    for metric in app.metric:
        found.setdefault(metric.label, metric.value)
    return found


def errors(app: AppTest) -> list[str]:
    return [unescaped(e.value) for e in app.error]


def warnings(app: AppTest) -> list[str]:
    return [unescaped(e.value) for e in app.warning]


def lines(app: AppTest) -> list[str]:
    """What stands in the page's boxes: products and command lines."""
    box = re.compile(r'(?:<div class="copied">)?<pre class="command">(.*)</pre>.*', re.DOTALL)
    found = [box.fullmatch(h.value) for h in app.html]
    return [html.unescape(match[1]) for match in found if match]


def command(app: AppTest) -> str:
    """The command line that the page shows."""
    return next(line for line in lines(app) if line.startswith("keraudit "))


def address(app: AppTest) -> dict[str, str]:
    return {
        key: value if isinstance(value, str) else value[0]
        for key, value in app.query_params.items()
    }


def by_block(app: AppTest) -> Any:
    """The table that compares blocks, below the list of layers that differ."""
    return next(table.value for table in app.dataframe if "block" in table.value)


def choose(app: AppTest, key: str, value: object) -> AppTest:
    """Turn the widget tied to a field."""
    name = f"w_{key}"
    for kind in (
        app.selectbox,
        app.segmented_control,
        app.number_input,
        app.text_input,
        app.toggle,
        app.slider,
        app.multiselect,
    ):
        for widget in kind:
            if widget.key == name:
                widget.set_value(value).run()
                assert not app.exception
                return app
    raise AssertionError(f"no widget {name}")
