"""The calculator of the Inception page: a convolution with a 1x1 reduction in front, and without it.

What is written here is the lecture's case, for readers without a script; ``calculator.js`` writes the
same lines for any sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

FIELDS: Mapping[str, tuple[int, str]] = {
    "height": (4096, "height"),
    "width": (4096, "width"),
    "channels": (65536, "channels"),
    "kernel": (63, "kernel"),
    "filters": (65536, "filters"),
    "reduction": (65536, "reduction to"),
}


class Sizes(NamedTuple):
    """The lecture's sizes."""

    height: int = 28
    width: int = 28
    channels: int = 192
    kernel: int = 5
    filters: int = 32
    reduction: int = 16


# Where a reader may start from: the 5x5 branches of GoogLeNet's modules (Szegedy et al. 2014, Table 1).
STARTS: Mapping[str, str] = {
    "the lecture": "lecture",
    **{f"GoogLeNet {name}": f"googlenet-{name}" for name in ("3b", "4a", "4e", "5b")},
}


def starts() -> dict[str, Sizes]:
    """The sizes of each start, from the zoo's presets."""
    from keraudit.zoo.modules import MODULES

    presets = next(module.presets for module in MODULES if module.name == "inception-reduced")
    found = {}
    for title, preset in STARTS.items():
        given = {name: int(value) for name, value in presets[preset].items()}
        found[title] = Sizes(
            height=given["height"],
            width=given["width"],
            channels=given["channels"],
            filters=given["f5"],
            reduction=given["r5"],
        )
    return found


def direct(s: Sizes) -> int:
    """Multiplications without the reduction.

    >>> direct(Sizes())
    120422400
    """
    return s.height * s.width * s.filters * s.kernel * s.kernel * s.channels


def squeeze(s: Sizes) -> int:
    """Multiplications of the reduction itself.

    >>> squeeze(Sizes())
    2408448
    """
    return s.height * s.width * s.reduction * s.channels


def behind(s: Sizes) -> int:
    """Multiplications of the large kernel behind the reduction.

    >>> behind(Sizes())
    10035200
    """
    return s.height * s.width * s.filters * s.kernel * s.kernel * s.reduction


def calculator() -> str:
    """The form, hidden until the script takes it over, and the lecture's case written out."""
    fields = "".join(field(name, getattr(Sizes(), name)) for name in FIELDS)
    options = "".join(
        f'<option value="{",".join(map(str, sizes))}">{title}</option>'
        for title, sizes in starts().items()
    )
    return (
        '<div class="ka-calculator">'
        '<form hidden aria-label="Sizes of the convolution">'
        f'<div class="ka-fields">{fields}'
        f'<label class="ka-field"><span>start from</span><select name="start">{options}</select>'
        "</label></div>"
        '<p class="ka-refusal" id="ka-refusal" role="status"></p></form>'
        f"{result(Sizes())}</div>"
    )


def field(name: str, value: int) -> str:
    most, title = FIELDS[name]
    return (
        f'<label class="ka-field"><span>{title}</span><input name="{name}" type="number" min="1"'
        f' max="{most}" step="1" value="{value}" inputmode="numeric" autocomplete="off"'
        ' aria-describedby="ka-refusal" required></label>'
    )


def result(s: Sizes) -> str:
    """The products of one case, their sum, and two bars."""
    plain, first, second = direct(s), squeeze(s), behind(s)
    lines = (
        (
            "direct",
            "without",
            [s.height, s.width, s.filters, s.kernel, s.kernel, s.channels],
            plain,
        ),
        ("squeeze", "the reduction", [s.height, s.width, s.reduction, 1, 1, s.channels], first),
        (
            "behind",
            "behind it",
            [s.height, s.width, s.filters, s.kernel, s.kernel, s.reduction],
            second,
        ),
    )
    rows = "".join(
        f'<tr data-line="{key}"><th scope="row">{title}</th><td>{value:,}</td>'
        f"<td>{' × '.join(map(str, sizes))}</td></tr>"
        for key, title, sizes, value in lines
    )
    total = first + second
    return (
        '<div class="ka-result"><div class="ka-scroll" tabindex="0" role="region" aria-label="The products"><table class="ka-table">'
        '<thead><tr><th scope="col">convolution</th>'
        '<th scope="col">multiplications</th>'
        '<th scope="col">height × width × filters × kernel × kernel × channels</th>'
        f"</tr></thead><tbody>{rows}"
        f'<tr data-line="total"><th scope="row">with</th><td>{total:,}</td><td></td></tr>'
        "</tbody></table></div>"
        f"{bars(plain, first, second)}"
        f'<p class="ka-verdict" role="status">{verdict(plain, total)}</p></div>'
    )


def bars(plain: int, first: int, second: int) -> str:
    """Two bars, as long as their numbers of multiplications; the table says the same."""
    most = max(plain, first + second)
    wide = [f"{100 * part / most:.3f}%" for part in (plain, first, second)]
    return (
        '<div class="ka-bars" aria-hidden="true">'
        '<span>without</span><div class="ka-bar">'
        f'<i data-part="direct" style="width:{wide[0]}"></i></div>'
        '<span>with</span><div class="ka-bar">'
        f'<i data-part="squeeze" style="width:{wide[1]}"></i>'
        f'<i data-part="behind" style="width:{wide[2]}"></i></div></div>'
    )


def verdict(plain: int, total: int) -> str:
    return f"With the reduction: <strong>{plain / total:.2f} times</strong> fewer multiplications."
