"""Options that several commands share, and what their values mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import click

from keraudit.cli.command import headed
from keraudit.cli.values import Choice, InputShapeType, NameOf
from keraudit.model.fuzzy import suggestion
from keraudit.model.graph import Shape
from keraudit.output.rows import arranged
from keraudit.output.table import Grid
from keraudit.safe_text import harmless

F = TypeVar("F", bound=Callable[..., Any])
Arrange = partial[Grid]  # its keywords: `key`, the column to sort by, and `most`, of rows

RULE_SETS = ("keras.io",)
FORMATS = ("table", "json", "csv", "markdown", "html", "github")
ENDINGS = {
    ".txt": "table",
    ".json": "json",
    ".csv": "csv",
    ".md": "markdown",
    ".html": "html",
    ".htm": "html",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How MODEL is to be read, as typed."""

    input_shapes: tuple[tuple[str, Shape], ...] = ()
    length: int | None = None
    batch: int | None = None
    rules: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()

    def arguments(self) -> dict[str, Any]:
        """The arguments of ``keraudit.read`` and its like.

        Raises:
            click.UsageError: some input sizes are named and some are not.
            KerauditError: a file of rules cannot be read.
        """
        return {
            "input_shape": requested_shapes(self.input_shapes),
            "length": self.length,
            "batch": self.batch,
            "rules": loaded_rules(self.rules),
            "imports": self.imports,
        }


def reading_options(function: F) -> F:
    """The options of ``Reading``, which the command takes as ``reading``."""

    @wraps(function)
    def command(**options: Any) -> Any:
        names = Reading.__dataclass_fields__
        reading = Reading(**{name: options.pop(name) for name in names})
        return function(reading=reading, **options)

    return headed("Input", *READING_OPTIONS)(command)  # type: ignore[no-any-return]


READING_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--input-shape",
        "input_shapes",
        type=InputShapeType(),
        multiple=True,
        metavar="SIZES",
        help="Input size without the batch, e.g. 96,96,3; for several inputs repeat it in"
        " order, or as NAME=SIZES.  [default: the size recorded]",
    ),
    click.option(
        "--length",
        type=click.IntRange(min=1),
        metavar="N",
        help="Length of every open (None) axis of the inputs, e.g. the number of tokens.",
    ),
    click.option(
        "--batch",
        type=click.IntRange(min=1),
        metavar="N",
        help="Batch size.  [default: the one recorded, else 1]",
    ),
    click.option(
        "--rules",
        type=NameOf("rules", "keraudit.cli.options:RULE_SETS", or_file=True),
        multiple=True,
        metavar="FILE",
        help="Rules for custom layer classes, as a TOML file, or keras.io for the transformer layers"
        " of its examples. Repeatable; the last takes precedence.",
    ),
    click.option(
        "--import",
        "imports",
        multiple=True,
        metavar="PACKAGE",
        help="Import PACKAGE, or a file such as ./my_layers.py, whose classes the model uses. Runs its"
        " code, in a process of its own. Repeatable.",
    ),
)


def has_place(_context: click.Context, _option: click.Parameter, path: Path | None) -> Path | None:
    """Refuse a file that is a folder or in none, before the work whose result it is to hold."""
    if path is None:
        return None
    try:
        why = (
            "it is a folder"
            if path.is_dir()
            else ""
            if path.parent.is_dir()
            else f"{path.parent} is not a folder"
        )
    except OSError as error:  # a name that is too long, a folder that may not be entered
        why = error.strerror or str(error)
    if why:
        raise click.UsageError(f"cannot write {path}: {why}; nothing was written")
    return path


def row_options(keys: Mapping[str, str]) -> Callable[[F], F]:
    """``--sort`` and ``--top``; the command takes ``arrange``, from a grid to a grid.

    Args:
        keys: the column of each word that ``--sort`` takes.
    """
    options: tuple[Callable[[Any], Any], ...] = (
        click.option(
            "--sort",
            type=Choice(list(keys)),
            help="Sort rows, the largest first.  [default: the model's order]",
        ),
        click.option(
            "--top", type=click.IntRange(min=1), metavar="N", help="Show the first N rows only."
        ),
    )

    def decorated(function: F) -> F:
        @wraps(function)
        def command(*, sort: str | None, top: int | None, **options: Any) -> Any:
            arrange = partial(arranged, key=keys[sort] if sort else "", most=top)
            return function(arrange=arrange, **options)

        return headed("Rows", *options)(command)  # type: ignore[no-any-return]

    return decorated


FILE_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--format", "-f", "form", type=Choice(FORMATS), help="Output format.  [default: table]"
    ),
    click.option(
        "--output",
        "-o",
        type=click.Path(path_type=Path),
        callback=has_place,
        metavar="FILE",
        help="Write to FILE, whole or not at all; its ending sets the format:"
        f" {', '.join(ENDINGS)}.",
    ),
)


def output_options(function: F) -> F:
    """``--format`` and ``--output``; the command takes the format that they name as ``form``."""

    @wraps(function)
    def command(*, form: str | None, output: Path | None, **options: Any) -> Any:
        return function(form=chosen_format(form, output), output=output, **options)

    return headed("Output", *FILE_OPTIONS)(command)  # type: ignore[no-any-return]


def requested_shapes(
    pairs: tuple[tuple[str, Shape], ...],
) -> list[Shape] | Mapping[str, Shape] | None:
    """The shapes of ``--input-shape``: by name if they are named, else in order."""
    if not pairs:
        return None
    if all(name for name, _ in pairs):
        return dict(pairs)
    if any(name for name, _ in pairs):
        raise click.UsageError("name every --input-shape or none of them")
    return [shape for _, shape in pairs]


def chosen_format(
    form: str | None, output: Path | None, endings: Mapping[str, str] = ENDINGS
) -> str:
    """The format stated, else the one that the output's ending names, else a table.

    Raises:
        click.UsageError: no format is stated, and the ending names none.
    """
    if form or output is None or (output.exists() and not output.is_file()):  # /dev/stdout
        return form or "table"
    ending = output.suffix.lower()
    if ending not in endings:
        guess = suggestion(ending, endings, most=len(endings)) if ending else ""
        raise click.UsageError(
            f"--output {output}: expected a file that ends in {', '.join(endings)}, or --format too;"
            f" received {ending or 'no ending'!r}" + (f": {guess}" if "did you" in guess else "")
        )
    return endings[ending]


def refuse_split_names(models: Sequence[str]) -> None:
    """Refuse ``resnet 50``, which a shell hands on as two models, neither of which there is.

    Raises:
        click.UsageError: two neighbors make the name of an application.
    """
    from keraudit.reading.resolve import application_name

    for first, second in pairwise(models):
        split = second.isalnum() and not application_name(first) and not Path(first).exists()
        if split and (name := application_name(first + second)):
            raise click.UsageError(
                f"'{first} {second}' is read as two models: did you mean {name}?"
            )


def command_line() -> str:
    """The command as typed, to be recorded with what it made."""
    import shlex
    import sys

    return harmless(shlex.join(["keraudit", *sys.argv[1:]]))


def notify(message: str) -> None:
    """Progress goes to standard error, so that standard output stays what was asked for."""
    warn(f"{message} ...")


def warn(message: str) -> None:
    """One line on standard error; it may name what a file or the command line holds."""
    click.echo(f"keraudit: {harmless(message)}", err=True)


def loaded_rules(paths: Sequence[str]) -> Mapping[str, Any]:
    """The rules of all files; those of a later one replace an earlier one's."""
    if not paths:
        return {}
    from keraudit.layers.user_rules import load_rules

    return {kind: rule for path in paths for kind, rule in load_rules(path).items()}


def file_of(source: str) -> str:
    """The file that a model was read from, for an annotation; empty if it is none."""
    return source if source and Path(source).is_file() else ""
