"""Numbers as people read them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from keraudit.model.shape_text import shape_text

BYTES = "b|bytes?"  # the unit of memory, for ``count_of``
DECIMAL = ("", "k", "M", "G", "T", "P", "E")
BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def short(value: int | float) -> str:
    """Three or four digits and a decimal prefix.

    >>> short(5_713_216_096), short(34_432), short(512)
    ('5.713 G', '34.43 k', '512')
    """
    if value < 1000:
        return f"{value:g}"
    power = 0
    scaled = float(value)
    while scaled >= 999.95 and power < len(DECIMAL) - 1:
        scaled /= 1000
        power += 1
    digits = 3 if scaled < 10 else 2 if scaled < 100 else 1
    return f"{scaled:.{digits}f} {DECIMAL[power]}"


def exact(value: int) -> str:
    """Every digit.

    >>> exact(5_713_216_096)
    '5,713,216,096'
    """
    return f"{value:,}"


def short_bytes(value: int) -> str:
    """Bytes with a binary prefix.

    >>> short_bytes(95_407_136), short_bytes(512)
    ('90.99 MiB', '512 B')
    """
    power, scaled = 0, float(value)
    while scaled >= 1023.95 and power < len(BINARY) - 1:
        scaled /= 1024
        power += 1
    digits = 0 if power == 0 else 2 if scaled < 100 else 1
    return f"{scaled:.{digits}f} {BINARY[power]}"


def mebibytes(value: int) -> str:
    """Bytes in whole MiB, as limits are stated.

    >>> mebibytes(32 * 2**20), mebibytes(2**31)
    ('32 MiB', '2,048 MiB')
    """
    return f"{value / 2**20:,.0f} MiB"


def percent(part: float) -> str:
    """A share with one decimal; what is there but rounds to nothing says so.

    >>> percent(0.1224), percent(0.0001), percent(0)
    ('12.2%', '<0.1%', '0.0%')
    """
    return "<0.1%" if 0 < part < 0.0005 else f"{part:.1%}"


def sizes(shape: Sequence[int] | None, *, batch: bool = True) -> str:
    """A shape with crosses, the batch left out: ``35x35x256``."""
    if shape is None:
        return ""
    return shape_text(shape[1:] if batch else shape, "scalar")


def inputs_text(shapes: Mapping[str, Sequence[int]]) -> str:
    """The shapes of a model's inputs, without the batch.

    >>> inputs_text({"image": (32, 32, 3), "mask": (32, 32, 1)})
    '32x32x3, 32x32x1'
    """
    return ", ".join(sizes(shape, batch=False) for shape in shapes.values())


def extent(field: Sequence[int]) -> str:
    """A receptive field's extent: one number if it is square.

    >>> extent([1311, 1311]), extent([7, 1])
    ('1311', '7x1')
    """
    return shape_text(field[:1] if len(set(field)) == 1 else field)


def change(value: int) -> str:
    """A difference with its sign.

    >>> change(-5_713_216_096), change(0)
    ('-5.713 G', '=')
    """
    if not value:
        return "="
    return ("+" if value > 0 else "-") + short(abs(value))


def real(value: float) -> str:
    """A measured number, in three digits.

    >>> real(0.0001234), real(1.234e-12), real(float("nan"))
    ('0.000123', '1.23e-12', 'nan')
    """
    return f"{value:.3g}"


def factor(value: float) -> str:
    """A ratio, in three digits.

    >>> factor(9.678), factor(0.1033)
    ('x9.68', 'x0.103')
    """
    return f"x{value:.3g}"


def times(value: float) -> str:
    """A norm or a factor, however large or small.

    >>> times(4838.05), times(1.33034e-09), times(23.5)
    ('4,840', '1.3 × 10⁻⁹', '23.5')
    """
    if 1e-3 <= value < 1e6:
        return f"{float(f'{value:.3g}'):,g}" if value < 1e3 else f"{float(f'{value:.3g}'):,.0f}"
    digits, _, power = f"{value:.1e}".partition("e")
    return f"{digits} × 10{raised(int(power))}"


def raised(power: int) -> str:
    """A whole number as an exponent.

    >>> raised(-12)
    '⁻¹²'
    """
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def count_of(text: str, unit: str = BYTES) -> int | None:
    """The whole number that a count with a prefix and a unit stands for; ``None`` if it is none.

    Args:
        text: ``4G``, ``25.6 M``, ``1_000_000``; of bytes also with a binary prefix, ``512MiB``.
        unit: of what is counted, as a regular expression in lower case.

    >>> count_of("4G", "macs?"), count_of("64 MiB"), count_of("1,234"), count_of("4,5G")
    (4000000000, 67108864, 1234, None)
    """
    whole = r"[0-9]{1,3}(?:,[0-9]{3}){1,10}|[0-9][0-9_]{0,30}"  # a comma parts thousands
    pattern = rf"((?:{whole})(?:\.[0-9]{{1,30}})?)\s*([kmgtp]?)(i?)(?:{unit})?"
    match = re.fullmatch(pattern, text.strip().lower())
    if not match or (match[3] and unit != BYTES):
        return None
    step = 1024 if match[3] else 1000
    power = "kmgtp".find(match[2]) + 1 if match[2] else 0
    return round(float(match[1].replace("_", "").replace(",", "")) * float(step) ** power)


def counted(count: int, word: str) -> str:
    """A number with its noun.

    >>> counted(1, "unit"), counted(16, "unit"), counted(2, "branch")
    ('1 unit', '16 units', '2 branches')
    """
    plural = word if count == 1 else word + ("es" if word.endswith(("ch", "s")) else "s")
    return f"{count:,} {plural}"
