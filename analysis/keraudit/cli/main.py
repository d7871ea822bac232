"""The command ``keraudit``: each subcommand is imported when it is called."""

from __future__ import annotations

import errno
import gc
import os
import sys
import warnings
from contextlib import suppress

import click

from keraudit._version import __version__
from keraudit.cli.command import Group
from keraudit.errors import LONGEST_MESSAGE, KerauditError
from keraudit.model.fuzzy import suggestion
from keraudit.safe_text import harmless, shown_harmlessly

# What a command that is stopped leaves, where it is not nothing.
LEFT = {
    **dict.fromkeys(("train", "experiment"), "the same command resumes"),
    "evaluate": "what was evaluated before is kept",
}
NO_MEMORY = "out of memory: give the process more, or stop others; nothing was written"
LONGEST_LINE = LONGEST_MESSAGE + 100  # characters: room for the length of one that is cut

# heading of the help: the commands under it, each with the module that holds it
SECTIONS = {
    "Audit": {
        "flops": "keraudit.cli.flops",
        "compare": "keraudit.cli.compare",
        "reductions": "keraudit.cli.reductions",
        "structure": "keraudit.cli.structure",
        "crosscheck": "keraudit.cli.crosscheck",
        "gradients": "keraudit.cli.gradients",
        "models": "keraudit.cli.models",
        "explore": "keraudit.cli.explore",
    },
    "Experiments": {
        "train": "keraudit.cli.train",
        "evaluate": "keraudit.cli.evaluate",
        "lesion": "keraudit.cli.lesion",
        "gallery": "keraudit.cli.gallery",
        "faces": "keraudit.cli.faces",
        "runs": "keraudit.cli.runs",
        "experiment": "keraudit.cli.experiment",
    },
    "Help": {
        "help": "keraudit.cli.help",
        "completion": "keraudit.cli.completion",
    },
}


@click.command(
    cls=Group,
    sections=SECTIONS,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("-V", "--version", is_flag=True, help="Show the version.")
@click.option("--verbose", is_flag=True, help="With --version: Python, Keras, backends, cache.")
@click.pass_context
def group(context: click.Context, version: bool, verbose: bool) -> None:
    """Count what a Keras 3 model costs, layer by layer and block by block.

    \b
    keraudit flops ResNet50
    keraudit compare ResNet50 ResNet101

    MODEL is the name of a Keras application (InceptionV3, ResNet50) or of a model of the zoo
    (GoogLeNet, ResNet-CIFAR-56), a .keras, .json or .h5 file, package.module:callable, or - for JSON
    on standard input. Reading a file executes nothing in it and needs no Keras.
    """
    if version:
        from keraudit.cli.versions import version_text

        click.echo(version_text() if verbose else f"keraudit {__version__}")
        context.exit()
    if verbose:
        raise click.UsageError("--verbose goes with --version")
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 fine, 1 over a limit that was set, 2 bad input."""
    typed = sys.argv[1:] if arguments is None else arguments
    try:
        code = group.main(args=typed, prog_name="keraudit", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except KerauditError as error:
        return failed(str(error))
    except click.NoSuchOption as error:
        return failed(unknown_option(error))
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "keraudit"
        return failed(f"{error.format_message()} (see {path} --help)")
    except (click.Abort, KeyboardInterrupt):
        left = LEFT.get(typed[0] if typed else "", "nothing was written")
        click.echo(f"keraudit: stopped; {left}", err=True)
        return 130
    except (
        BrokenPipeError,
        SystemExit,
    ):  # click's own: the reader of a pipe, such as head, went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError:
        return failed(NO_MEMORY)
    except OSError as error:
        return _failed_access(error)


def _failed_access(error: OSError) -> int:
    """Say what the system refused: a file, or the output itself."""
    if error.filename is not None:  # it went away, or its disk did, between two looks at it
        return failed(f"{os.fspath(error.filename)!s}: {error.strerror or error}")
    if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
        raise error
    with suppress(OSError, ValueError):  # standard output is not a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return failed(f"cannot write the output: {error.strerror or error}")


def unknown_option(error: click.NoSuchOption) -> str:
    """What is wrong with an option that is none, with those that are spelt like it."""
    if error.ctx is None:
        return error.format_message()
    options = [p for p in error.ctx.command.get_params(error.ctx) if isinstance(p, click.Option)]
    names = [name for option in options for name in (*option.opts, *option.secondary_opts)]
    guess = suggestion(error.option_name, [name for name in names if name.startswith("--")])
    hint = f": {guess}" if guess.startswith("did") else ""
    path = error.ctx.command_path
    return f"{error.option_name!r} is not an option of {path}{hint} (see {path} --help)"


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
    for stream in (sys.stdout, sys.stderr):  # what an alphabet lacks is written by its number
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")
    sys.exit(run())
