"""Commands whose help opens with examples, groups its options and names its exit codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from inspect import cleandoc
from typing import Any, TypeVar

import click

from keraudit.model.fuzzy import suggestion

F = TypeVar("F", bound=Callable[..., Any])

INVALID = "invalid input or usage"


class Command(click.Command):
    """A command.

    The first paragraph of its help is the summary, the one behind ``\\b`` has the examples. ``fails``
    says what exit code 1 means.
    """

    def __init__(self, *args: Any, fails: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        self.fails = fails

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_usage(ctx, formatter)
        write_help_text(self.help or "", formatter)
        write_options(self, ctx, formatter)
        codes = {"0": "success", **({"1": self.fails} if self.fails else {}), "2": INVALID}
        with formatter.section("Exit codes"):
            formatter.write_dl(list(codes.items()))


class Group(click.Group):
    """A group that imports a command's module when the command is named, and suggests names.

    Args:
        sections: the module that holds each command, under the headings of the help.
    """

    command_class = Command

    def __init__(
        self, *args: Any, sections: Mapping[str, Mapping[str, str]] | None = None, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.sections = sections or {}
        self.modules = {
            name: path for part in self.sections.values() for name, path in part.items()
        }

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.modules, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.modules:
            command: click.Command = import_module(self.modules[cmd_name]).command
            return command
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        names = self.list_commands(ctx)
        if args and args[0] not in names and not args[0].startswith("-"):
            raise click.UsageError(_wrong_command(args[0], names, top=ctx.parent is None), ctx)
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_usage(ctx, formatter)
        write_help_text(self.help or "", formatter)
        sections = {heading: list(part) for heading, part in self.sections.items()}
        for heading, names in (sections or {"Commands": list(self.commands)}).items():
            found = [(name, self.get_command(ctx, name)) for name in names]
            limit = formatter.width - 6 - max(map(len, self.list_commands(ctx)))
            with formatter.section(heading):
                formatter.write_dl([(n, c.get_short_help_str(limit)) for n, c in found if c])
        write_options(self, ctx, formatter)


def _wrong_command(word: str, names: list[str], *, top: bool) -> str:
    """What is wrong with a word that does not name a command; a model lacks the command before it."""
    if top and word in ("version", "info"):
        return f"{word!r} is not a command: did you mean keraudit --version?"
    if top:
        from keraudit.reading.resolve import application_name
        from keraudit.zoo.names import is_preset

        if application_name(word) or is_preset(word) or word.lower().endswith(".keras"):
            return f"{word!r} is a model, not a command: keraudit flops {word}"
    return f"{word!r} is not a command: {suggestion(word, names)}"


def write_help_text(text: str, formatter: click.HelpFormatter) -> None:
    """The summary of a command, its examples, and what else there is to know."""
    parts = cleandoc(text).split("\n\n")
    examples = [part for part in parts if part.startswith("\b")]
    for part in parts[:1]:
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(part)
    for part in examples:
        with formatter.section("Examples"):
            for line in part.splitlines()[1:]:
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
    for part in parts[1:]:
        if part not in examples:
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(part)


def write_options(
    command: click.Command, ctx: click.Context, formatter: click.HelpFormatter
) -> None:
    """The options of a command under their headings, ``Options`` last."""
    rows: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(ctx):
        is_option = isinstance(parameter, click.Option)
        if is_option and (record := parameter.get_help_record(ctx)):
            rows.setdefault(getattr(parameter, "heading", "Options"), []).append(record)
    for heading in sorted(rows, key=lambda heading: heading == "Options"):
        with formatter.section(heading):
            formatter.write_dl(rows[heading], col_max=26)


def headed(heading: str, *options: Callable[[F], F]) -> Callable[[F], F]:
    """Some options, in their order, under a heading of the help."""

    def decorated(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        made: Sequence[Any] = command.__click_params__[-len(options) :]  # type: ignore[attr-defined]  # click's
        for parameter in made:
            parameter.heading = heading
        return command

    return decorated
