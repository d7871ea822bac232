"""``keraudit completion``: the shell's completion script."""

from __future__ import annotations

import click


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script for a shell.

    \b
    eval "$(keraudit completion bash)"          in ~/.bashrc
    eval "$(keraudit completion zsh)"           in ~/.zshrc
    keraudit completion fish > ~/.config/fish/completions/keraudit.fish
    """
    from click.shell_completion import get_completion_class

    from keraudit.cli.main import group

    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    click.echo(completion(group, {}, "keraudit", "_KERAUDIT_COMPLETE").source())
