"""Pages and their parts as Jinja templates.

A page of ``site/`` calls the functions of this package by module and name,
``{{ models.blocks("ResNet50") }}``. What they return is Markdown and is put in as it stands. The parts
in ``templates/*.html`` escape every value that is not marked safe.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import wraps
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, select_autoescape
from mkdocs.exceptions import PluginError

from keraudit.output.figure_data import shown
from keraudit.output.table import written
from pages.published import MissingRecordError

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(("html",), default_for_string=False),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    comment_start_string="{##",  # `{#name}` is an anchor in Markdown
    comment_end_string="##}",
)


def page(text: str, functions: Mapping[str, Any], *, url: str) -> str:
    """A page with its calls replaced by what they return.

    Raises:
        PluginError: it names what is not there; the build stops.
    """
    try:
        told = {name: _Told(module) for name, module in functions.items()}
        return _ENVIRONMENT.from_string(text).render(told)
    except TemplateError as error:
        raise PluginError(f"{url}: {error.message}") from None


class _Told:
    """A module whose functions say in the page that a record is missing, instead of ending the build."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        if not callable(found):
            return found

        @wraps(found)
        def told(*args: Any, **options: Any) -> Any:
            try:
                return found(*args, **options)
            except MissingRecordError as error:
                return str(error)

        return told


def part(template: str, **values: Any) -> str:
    """A template of ``templates/`` with these values."""
    return _ENVIRONMENT.get_template(template).render(values)


_ENVIRONMENT.filters["shown"] = shown
_ENVIRONMENT.globals["written"] = written
