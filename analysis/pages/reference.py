"""Reference pages written from the code: layer rules, activations, module texts, the command line."""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner

from keraudit.output.csv_markdown import code, pipe_table
from keraudit.output.table import bare_grid
from pages.markdown import unsearched

SCHEMAS = Path(__file__).parents[2] / "site" / "schemas"
HELP_WIDTH = 78  # what click leaves of a terminal of 80 columns
SKIPPED = (">>>", "Args:", "Attributes:", "Raises:", "Returns:")


def layer_rules() -> str:
    """The layer table: which classes a rule counts, and how."""
    from keraudit.layers.rule_table import all_rules

    kinds: dict[str, list[str]] = {}
    for kind, rule in all_rules().items():
        kinds.setdefault(first_paragraph(rule), []).append(kind)
    rows = [(", ".join(map(code, names)), text) for text, names in kinds.items()]
    columns = {"layers": "markdown", "what is counted": "markdown"}
    return unsearched(pipe_table(bare_grid(columns, rows)))


def activations() -> str:
    """The activations and their FLOPs per element."""
    from keraudit.layers.activation import ACTIVATIONS

    rows = [(name, flops, text) for name, (flops, text) in ACTIVATIONS.items()]
    columns = {"activation": "code", "FLOPs per element": "number", "formula": "code"}
    return unsearched(pipe_table(bare_grid(columns, rows)))


def about(name: str) -> str:
    """What a module, or ``module:function``, says of itself, without its examples and arguments."""
    module, _, attribute = name.partition(":")
    found = importlib.import_module(module)
    return prose(inspect.getdoc(getattr(found, attribute) if attribute else found) or "")


def first_paragraph(rule: Callable[..., Any]) -> str:
    """The first paragraph of a rule's docstring, on one line."""
    plain = getattr(rule, "func", rule)  # functools.partial keeps the function in `func`
    return prose((inspect.getdoc(plain) or "").split("\n\n")[0])


def prose(text: str) -> str:
    """The paragraphs of a docstring that are neither an example nor a list, as Markdown.

    >>> prose("The ``n`` of a\\nlayer.\\n\\n>>> n\\n3")
    'The `n` of a layer.'
    """
    paragraphs = [part for part in text.split("\n\n") if not part.lstrip().startswith(SKIPPED)]
    return "\n\n".join(" ".join(part.split()) for part in paragraphs).replace("``", "`")


def commands() -> Mapping[str, click.Command]:
    """The commands of ``keraudit``, by name, in the order of ``keraudit --help``."""
    from keraudit.cli.main import group

    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: command for name, command in found.items() if command and not command.hidden}


def help_text(*words: str) -> str:
    """What ``keraudit WORDS --help`` prints in a terminal of 80 columns."""
    from keraudit.cli.main import group

    result = CliRunner().invoke(
        group, [*words, "--help"], prog_name="keraudit", terminal_width=HELP_WIDTH
    )
    return result.output.rstrip()


def cli() -> str:
    """A section for the command and for each of its subcommands, with its ``--help``."""
    parts = [_fenced(help_text())]
    for name in commands():
        parts.append(f"## keraudit {name}")
        parts.append(unsearched(_fenced(help_text(name))))
    return "\n\n".join(parts)


def schemas() -> str:
    """A row for each published JSON schema: its title, and what writes it."""
    rows = []
    for path in sorted(SCHEMAS.glob("*.json")):
        schema = json.loads(path.read_text("utf-8"))
        name = schema["properties"]["schema"]["const"]
        link = f"[{schema['title']}](../schemas/{path.name})"
        rows.append((link, name, schema["description"]))
    columns = {"schema": "markdown", "name": "code", "what it is of": "text"}
    return pipe_table(bare_grid(columns, rows))


def _fenced(text: str) -> str:
    return f"```text\n{text}\n```"
