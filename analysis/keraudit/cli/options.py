"""Options that several commands share, and what their values mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from keraudit.model.graph import Shape
from keraudit.safe_text import harmless

F = TypeVar("F", bound=Callable[..., Any])

FORMATS = ("table", "json", "csv", "markdown", "html")
ENDINGS = {".json": "json", ".csv": "csv", ".md": "markdown", ".html": "html", ".htm": "html"}


class ModelName(click.ParamType):  # type: ignore[type-arg]  # generic only in new releases
    """MODEL as typed; completes the names of models, and files by the shell's own means."""

    name = "model"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> Any:
        from click.shell_completion import CompletionItem

        from keraudit.reading.applications import applications
        from keraudit.zoo.names import listed

        start = incomplete.lower()
        names = [n for n in (*applications(), *listed()) if n.lower().startswith(start)]
        return [*map(CompletionItem, names), CompletionItem(incomplete, type="file")]


MODEL = ModelName()


class InputShapeType(click.ParamType):  # type: ignore[type-arg]  # generic only in new releases
    """``96,96,3`` or ``name=96,96,3``: sizes without the batch."""

    name = "sizes"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Shape]:
        name, _, sizes = str(value).rpartition("=")
        parts = re.split(r"[,x]", sizes.strip().strip("()"))
        try:
            shape = tuple(int(part) for part in parts if part.strip())
        except ValueError:
            shape = ()
        if not shape:
            self.fail(
                f"expected sizes without the batch such as 96,96,3, received {value!r}", param, ctx
            )
        return name, shape


class LengthsType(click.ParamType):  # type: ignore[type-arg]  # generic only in new releases
    """Sequence lengths, e.g. ``128,512,2048``."""

    name = "lengths"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in str(value).split(",")]
        if not all(part.isdecimal() and int(part) > 0 for part in parts):
            self.fail(f"expected lengths such as 128,512,2048, received {value!r}", param, ctx)
        return tuple(map(int, parts))


class CountType(click.ParamType):  # type: ignore[type-arg]  # generic only in new releases
    """A count with a decimal prefix (``4G``, ``25M``), or for bytes also ``512MiB``."""

    name = "count"

    def __init__(self, *, in_bytes: bool = False) -> None:
        self.in_bytes = in_bytes

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = re.fullmatch(
            r"([0-9][0-9_,]{0,30}(?:\.[0-9]{1,30})?)\s*([kKMGTP]?)(i?)(?:B|FLOPs|MACs)?",
            str(value).strip(),
        )
        if not match or (match[3] and not self.in_bytes):
            example = "512MiB or 1.5GB" if self.in_bytes else "4G, 25M or 1_000_000"
            self.fail(f"expected a count such as {example}, received {value!r}", param, ctx)
        step: int = 1024 if match[3] else 1000
        power: int = "kMGTP".find(match[2].replace("K", "k")) + 1 if match[2] else 0
        number = float(match[1].replace("_", "").replace(",", ""))
        return round(number * float(step) ** power)


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

    decorated: Any = command
    for option in READING_OPTIONS:
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


READING_OPTIONS = (
    click.option(
        "--import",
        "imports",
        multiple=True,
        metavar="PACKAGE",
        help="Import PACKAGE, whose classes the file names, in a process of its own; a file of the"
        " working folder as ./my_layers.py. Runs its code. May be repeated.",
    ),
    click.option(
        "--rules",
        multiple=True,
        metavar="FILE",
        help="Rules for layer classes of your own, as a TOML file; keras.io: those for the"
        " transformer layers of its examples. May be repeated; the last goes first.",
    ),
    click.option(
        "--batch",
        type=int,
        metavar="N",
        help="Batch size.  [default: the one recorded, else 1]",
    ),
    click.option(
        "--length",
        type=click.IntRange(min=1),
        metavar="N",
        help="Fill the open axis of every input that has one, such as tokens.",
    ),
    click.option(
        "--input-shape",
        "input_shapes",
        type=InputShapeType(),
        multiple=True,
        metavar="SIZES",
        help="Input size without the batch, e.g. 96,96,3; for several inputs repeat it in"
        " order, or as NAME=SIZES.  [default: the size recorded]",
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


def output_options(function: F) -> F:
    """``--format`` and ``--output``."""
    for option in (
        click.option(
            "--output",
            "-o",
            type=click.Path(path_type=Path),
            callback=has_place,
            metavar="FILE",
            help="Write to FILE, whole or not at all; its ending chooses the format.",
        ),
        click.option(
            "--format",
            "-f",
            "form",
            type=click.Choice(FORMATS),
            help="Output format.  [default: table]",
        ),
    ):
        function = option(function)
    return function


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


def chosen_format(form: str | None, output: Path | None) -> str:
    """The format asked for, else the one that the output's ending names, else a table."""
    return form or (ENDINGS.get(output.suffix.lower(), "table") if output else "table")


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
