"""The values that options and arguments take: how each is read, and what completes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from keraudit.model.fuzzy import suggestion
from keraudit.model.graph import Shape
from keraudit.output.numbers import BYTES, count_of


def completions(incomplete: str, names: Iterable[str], *, head: str = "") -> list[Any]:
    """The names that begin with what is typed, in any case; ``head`` is what stands before it."""
    from click.shell_completion import CompletionItem

    start = incomplete.lower()
    return [CompletionItem(head + name) for name in names if name.lower().startswith(start)]


class Choice(click.Choice):  # type: ignore[type-arg]  # generic only in new releases
    """One of several words; a wrong one is told with what is spelt like it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(unknown(value, self.choices), param, ctx)


def unknown(value: object, names: Iterable[str]) -> str:
    """What is wrong with a word that is none of ``names``."""
    known = list(names)
    found = suggestion(str(value), known, most=len(known))
    return f"expected one of {', '.join(known)}; received {str(value)!r}" + (
        f": {found}" if found.startswith("did you") else ""
    )


class NameOf(click.ParamType):  # type: ignore[type-arg]  # generic only in new releases
    """A name that its command checks; completed by ``names``, a function as ``module:name``.

    With ``or_file`` it may name a file or a folder, which the shell completes.
    """

    def __init__(
        self, name: str, names: str, *, separator: str = "", or_file: bool = False
    ) -> None:
        self.name = name
        self.names, self.separator, self.or_file = names, separator, or_file

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> Any:
        from click.shell_completion import CompletionItem

        module, _, function = self.names.partition(":")
        known = getattr(import_module(module), function)
        names = known() if callable(known) else known
        head, separator, rest = incomplete.rpartition(self.separator or "\0")
        found = completions(rest, names, head=head + separator)
        return [*found, CompletionItem(incomplete, type="file")] if self.or_file else found


class ModelName(click.ParamType):  # type: ignore[type-arg]  # generic only in new releases
    """MODEL as typed; completes the names of models, and files by the shell's own means."""

    name = "model"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> Any:
        from click.shell_completion import CompletionItem

        from keraudit.reading.applications import applications
        from keraudit.zoo.names import listed

        names = completions(incomplete, (*applications(), *listed()))
        return [*names, CompletionItem(incomplete, type="file")]


MODEL = ModelName()


class Duration(click.ParamType):  # type: ignore[type-arg]  # generic only in new releases
    """``90s``, ``9m`` or ``1.5h``, in seconds."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)([smh])", str(value).strip())
        seconds = float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]] if found else 0.0
        if not seconds:
            self.fail(f"expected a time such as 90s, 9m or 2h, received {value!r}", param, ctx)
        return seconds


class InputShapeType(click.ParamType):  # type: ignore[type-arg]  # generic only in new releases
    """``96,96,3`` or ``name=96,96,3``: sizes without the batch."""

    name = "sizes"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Shape]:
        name, _, sizes = str(value).rpartition("=")
        parts = re.split(r"[,x]", sizes.strip().strip("()"))
        if len(parts) > 1 and not parts[-1].strip():  # (96,)
            parts.pop()
        try:
            shape = tuple(map(int, parts))
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
    """A count with a decimal prefix and, if you like, its unit: ``4G``, ``4 GMACs``, ``25m``.

    Args:
        unit: of what is counted, as a regular expression in lower case.
        example: two or three that are right.
    """

    name = "count"

    def __init__(self, unit: str, example: str) -> None:
        self.unit, self.example = unit, example

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value).strip()
        count = count_of(text, self.unit)
        if count is None:
            self._refuse(text, param, ctx)
        return count

    def _refuse(
        self, text: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> NoReturn:
        hint = ""
        if text.lower().rstrip("s").endswith("flop"):
            hint = "; one MAC is about two FLOPs"
        self.fail(f"expected a count such as {self.example}, received {text!r}{hint}", param, ctx)


MACS_COUNT = CountType("macs?", "4G, 4.5 GMACs or 1_000_000")
PARAMS_COUNT = CountType("params?|parameters?", "25M, 25.6 M or 1_000_000")
BYTES_COUNT = CountType(BYTES, "512MiB or 1.5GB")


class PercentType(click.ParamType):  # type: ignore[type-arg]  # generic only in new releases
    """A percentage such as ``5%`` or ``0.5``, as a number of percent."""

    name = "percent"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)\s*%?", str(value).strip())
        if not match:
            self.fail(f"expected a percentage such as 5% or 0.5%, received {value!r}", param, ctx)
        return float(match[1])


class ListType(click.ParamType):  # type: ignore[type-arg]  # generic only in new releases
    """Numbers with commas between them."""

    def __init__(self, one: Callable[[str], float], expected: str) -> None:
        self.name = "numbers"
        self.one, self.expected = one, expected

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(dict.fromkeys(self.one(part.strip()) for part in str(value).split(",")))
        except ValueError:
            self.fail(f"expected {self.expected}, received {value!r}", param, ctx)


class WordsType(click.ParamType):  # type: ignore[type-arg]  # generic only in new releases
    """Some of several words, with commas between them."""

    name = "words"

    def __init__(self, words: Sequence[str]) -> None:
        self.words = words

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        found = tuple(word for part in str(value).split(",") if (word := part.strip()))
        for word in found:
            if word not in self.words:
                self.fail(unknown(word, self.words), param, ctx)
        return found

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> Any:
        head, separator, rest = incomplete.rpartition(",")
        return completions(rest, self.words, head=head + separator)
