"""``keraudit completion``: the shell's completion script."""

from __future__ import annotations

import click

from keraudit.cli.command import Command
from keraudit.cli.values import Choice


@click.command("completion", cls=Command)
@click.argument("shell", type=Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    keraudit completion bash
    keraudit completion fish > ~/.config/fish/completions/keraudit.fish

    For bash and zsh put eval "$(keraudit completion bash)" into ~/.bashrc, or the same with zsh into
    ~/.zshrc. Commands, options, choices and the names of models are completed.
    """
    from click.shell_completion import get_completion_class

    from keraudit.cli.main import group

    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    click.echo(completion(group, {}, "keraudit", "_KERAUDIT_COMPLETE").source())
