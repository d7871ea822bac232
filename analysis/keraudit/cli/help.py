"""``keraudit help``: the help of a command."""

from __future__ import annotations

import click

from keraudit.cli.command import Command
from keraudit.cli.values import NameOf
from keraudit.model.fuzzy import suggestion


def _commands() -> tuple[str, ...]:
    from keraudit.cli.main import group

    return tuple(group.modules)


@click.command("help", cls=Command, short_help="Show the help of a command.")
@click.argument(
    "words", metavar="[COMMAND]...", nargs=-1, type=NameOf("command", "keraudit.cli.help:_commands")
)
def command(words: tuple[str, ...]) -> None:
    """Show the help of a command, as keraudit COMMAND --help does.

    \b
    keraudit help flops
    keraudit help runs compare
    """
    from keraudit.cli.main import group

    context, found = group.make_context("keraudit", [], resilient_parsing=True), group
    for word in words:
        names = found.list_commands(context) if isinstance(found, click.Group) else []
        if word not in names:
            where = f"{context.command_path} has no subcommands; received {word!r}"
            wrong = f"{word!r} is not a command: {suggestion(word, names)}"
            raise click.UsageError(wrong if names else where)
        found = found.get_command(context, word)  # type: ignore[assignment]  # it is in the list
        context = click.Context(found, parent=context, info_name=word)
    click.echo(found.get_help(context))
