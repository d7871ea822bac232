"""What a user may ask to have rewritten, as one record; carried out in the order of its fields."""

from __future__ import annotations

from typing import NamedTuple

HOW = ("two-3x3", "asymmetric", "separable")


class Rewriting(NamedTuple):
    """What the user asked for; carried out in the order of the fields."""

    without_skips: bool = False
    without_reductions: bool = False
    also_pool_projections: bool = False
    factorized: str | None = None
    without_norm: bool = False
    activation: str | None = None
    width: float | None = None
    repeat: tuple[tuple[str, int], ...] = ()
    filters: tuple[tuple[str, int], ...] = ()
    without_skip: tuple[str, ...] = ()
    without_reduction: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        return self != Rewriting()

    def options(self) -> tuple[str, ...]:
        """The options as words of the command line.

        >>> Rewriting(without_skips=True, width=0.5, filters=(("conv", 16),)).options()
        ('--without-skips', '--width', '0.5', '--filters', 'conv=16')
        """
        words: list[str] = []
        for key, value in self._asdict().items():
            flag = "--" + key.replace("_", "-")
            if value is True:
                words.append(flag)
            elif isinstance(value, tuple):
                for item in value:
                    words += [flag, item if isinstance(item, str) else f"{item[0]}={item[1]}"]
            elif value is not None and value is not False:
                words += [flag, f"{value:g}" if isinstance(value, float) else str(value)]
        return tuple(words)
