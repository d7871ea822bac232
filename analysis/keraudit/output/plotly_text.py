"""Names in plotly's figures: it reads tags, addresses and formulas in every text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def safe(record: Any) -> Any:
    """A record in which no name is taken for markup by plotly, which reads tags and formulas in texts.

    >>> safe({"name": "<b>$x$</b>", "depth": [1, "a"]})
    {'name': '&lt;b&gt;&#36;x&#36;&lt;/b&gt;', 'depth': [1, 'a']}
    """
    if isinstance(record, str):
        text = record.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return text.replace("$", "&#36;")
    if isinstance(record, Mapping):
        return {safe(key): safe(item) for key, item in record.items()}
    return [safe(item) for item in record] if isinstance(record, list | tuple) else record
