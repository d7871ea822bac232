"""The one door for text from files: what is read is made harmless here before it is written anywhere.

A name in a file may hold what a terminal obeys, what turns the direction of writing round, what nobody
sees, or what ends a line. After this door it is visible text on one line; how a format marks text up is
each writer's own matter.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, TypeVar

# Printable to Python, and yet nothing that is seen: joiners, fillers, variation selectors.
UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
LONGEST_FILE_NAME = 120  # characters; file systems take 255 bytes, and endings are still to come
DIGITS = 10  # of a checksum
# Names of devices on Windows, whatever follows a dot.
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(\..*)?", re.IGNORECASE)

V = TypeVar("V")


def harmless(text: str, *, lines: bool = False) -> str:
    r"""Text in which nothing acts: control characters, marks of direction and the unseen are escaped.

    Args:
        text: from a file, a record, or a command line.
        lines: leave line feeds alone, for text that is written in lines.

    >>> print(harmless("a\x1b[31m\n\u202eb \u65e5\u672c"))
    a\x1b[31m\n\u202eb 日本
    """
    if is_harmless(text, lines=lines):
        return text
    acting = (c for c in set(text) if not is_harmless(c, lines=lines))
    return text.translate({ord(c): _escaped(c) for c in acting})


def is_harmless(text: str, *, lines: bool = False) -> bool:
    """Whether every character is seen, and none does anything; line feeds may, with ``lines``."""
    shown = text.replace("\n", "") if lines else text
    return shown.isprintable() and (shown.isascii() or not UNSEEN.search(shown))


def _escaped(character: str) -> str:
    """A character by its number, as Python writes it."""
    if character.isprintable():  # which Python's own codec leaves as it is
        return f"\\u{ord(character):04x}" if ord(character) < 2**16 else f"\\U{ord(character):08x}"
    return character.encode("unicode_escape").decode("ascii")


def harmless_data(value: V) -> V:
    """A record of plain data in which every text is harmless, keys too.

    >>> harmless_data({"a\\x1b": ["b\\n", 1, None]})
    {'a\\\\x1b': ['b\\\\n', 1, None]}
    """
    made: Any = value
    if isinstance(value, str):
        made = harmless(value)
    elif isinstance(value, Mapping):
        made = {harmless_data(key): harmless_data(item) for key, item in value.items()}
    elif isinstance(value, list):
        made = [harmless_data(item) for item in value]
    return made  # type: ignore[no-any-return]


def file_name(text: str) -> str:
    """One part of a path, for any text: in its folder on every system, and another for other text.

    Letters and digits of ASCII, hyphens, underscores, dots, plus signs and equals signs stay. Where
    anything else stood, or the name means something to a system, a checksum of the whole is added.

    >>> file_name("resnet-cifar-20-he2015-seed0")
    'resnet-cifar-20-he2015-seed0'
    >>> file_name("../../etc/passwd"), file_name("nul"), file_name("")
    ('etc-passwd-3754d6cb3a', 'nul-99e6242759', 'unnamed-e3b0c44298')
    """
    name = re.sub(r"[^A-Za-z0-9._+=-]+", "-", text)
    name = re.sub(r"\.{2,}", ".", name).strip(".-")[:LONGEST_FILE_NAME].rstrip(".-")
    if name == text and name and not DEVICES.fullmatch(name):
        return name
    mark = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
    return f"{name.replace('.', '-') or 'unnamed'}-{mark}"


def shown_harmlessly(show: Callable[..., None]) -> Callable[..., None]:
    """``warnings.showwarning`` for libraries that put names from files into their warnings.

    Args:
        show: what shows a warning, once its text is harmless and on one line.
    """

    def shown(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        text = harmless(" ".join(str(message).split()))
        show(message if text == str(message) else UserWarning(text), category, *where, **more)

    return shown


@contextmanager
def warned_harmlessly() -> Iterator[None]:
    """Make the text of every warning harmless for the length of the block, in the whole process."""
    before = warnings.showwarning
    warnings.showwarning = shown_harmlessly(before)
    try:
        yield
    finally:
        warnings.showwarning = before
