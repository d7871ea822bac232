"""The command ``keraudit``: each subcommand is imported when it is called."""

from __future__ import annotations

import errno
import gc
import os
import sys
import warnings
from importlib import import_module

import click

from keraudit._version import __version__
from keraudit.errors import KerauditError
from keraudit.safe_text import harmless, shown_harmlessly

# What a command that is stopped leaves, where it is not nothing.
LEFT = {
    **dict.fromkeys(("train", "report"), "the same command goes on"),
    "evaluate": "what was evaluated before is kept",
}
LONGEST_LINE = 1000  # characters of an error

# command: the module that holds it
COMMANDS = {
    "flops": "keraudit.cli.flops",
    "compare": "keraudit.cli.compare",
    "reductions": "keraudit.cli.reductions",
    "structure": "keraudit.cli.structure",
    "crosscheck": "keraudit.cli.crosscheck",
    "gradients": "keraudit.cli.gradients",
    "train": "keraudit.cli.train",
    "evaluate": "keraudit.cli.evaluate",
    "lesion": "keraudit.cli.lesion",
    "gallery": "keraudit.cli.gallery",
    "faces": "keraudit.cli.faces",
    "runs": "keraudit.cli.runs",
    "explore": "keraudit.cli.explore",
    "report": "keraudit.cli.report",
    "models": "keraudit.cli.models",
    "completion": "keraudit.cli.completion",
}


class Commands(click.Group):
    """A group that imports a command's module only when the command is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(
                f"{args[0]!r} is not a command: expected one of {', '.join(COMMANDS)}"
            )
        return super().resolve_command(ctx, args)


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="keraudit")
def group() -> None:
    """See what a Keras 3 model costs, layer by layer and block by block.

    MODEL is the name of a Keras application (InceptionV3, ResNet50) or of a model of the zoo (GoogLeNet,
    ResNet-CIFAR-56), a .keras, .json or .h5 file, or package.module:callable. Nothing in a file is
    executed; Keras is not needed to read one.
    """


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 fine, 1 over a budget, 2 bad input."""
    typed = sys.argv[1:] if arguments is None else arguments
    try:
        code = group.main(args=typed or ["--help"], prog_name="keraudit", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except KerauditError as error:
        return failed(str(error))
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "keraudit"
        return failed(f"{error.format_message()} (see {path} --help)")
    except (click.Abort, KeyboardInterrupt):
        left = LEFT.get(typed[0] if typed else "", "nothing was written")
        click.echo(f"keraudit: stopped; {left}", err=True)
        return 130
    except BrokenPipeError:  # the reader of a pipe, such as head, went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return failed(f"cannot write the output: {error.strerror or error}")


def failed(message: str) -> int:
    """Say what went wrong in one line; exit code 2."""
    line = harmless(" ".join(message.split()))
    if len(line) > LONGEST_LINE:  # it repeats what it was given
        line = f"{line[:LONGEST_LINE]} ... ({len(line):,} characters)"
    click.echo(f"keraudit: error: {line}", err=True)
    return 2


def main() -> None:
    """Run the command; ``keraudit.__main__`` calls this once the working folder is left."""
    # A graph is many small records that live to the end: looking through them for cycles as often as
    # Python does takes a fifth of the time of a large one.
    gc.set_threshold(50_000, 20, 20)
    warnings.showwarning = shown_harmlessly(warnings.showwarning)
    sys.exit(run())
