"""Fourier transforms of ``keras.ops``: a pair of real and imaginary parts, or a real signal."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from keraudit.errors import ModelError, ShapeError
from keraudit.layers.call import Effect, Rule, Shape, Site, Tensor, Term, counted
from keraudit.layers.operations.operands import shape_of
from keraudit.model.graph import GLOBAL


def _levels(points: int) -> int:
    """log2 of the number of points, rounded up."""
    return (points - 1).bit_length()


def _complex(axes: int, *, inverse: bool = False) -> Rule:
    """A complex transform of N points: 5 N log2 N FLOPs, the FFTW benchmark's convention.

    The inverse divides every real and imaginary part by N.
    """

    def rule(site: Site) -> Effect:
        parts = site.argument(0, "x")
        if not isinstance(parts, list | tuple) or isinstance(parts, Tensor) or len(parts) != 2:
            raise ModelError("expected a pair of tensors, the real and the imaginary part")
        shape = shape_of(parts[0])
        if len(shape) < axes:
            raise ShapeError(f"expected at least {axes} axes, received the shape {shape}")
        terms = _terms(shape, axes, 10)
        if inverse:
            terms.append(Term("flop", "division", (("parts", 2), ("elements", prod(shape)))))
        return counted(shape, shape, terms=terms, view=GLOBAL)

    return rule


def _terms(shape: Shape, axes: int, halves: int) -> list[Term | None]:
    """``halves`` / 2 FLOPs for each point of a transform and each of its levels."""
    points = prod(shape[len(shape) - axes :])
    operations = halves * points * _levels(points) // 2
    transforms = prod(shape[: len(shape) - axes])
    return [
        Term("flop", "Fourier transform", (("transforms", transforms), ("operations", operations)))
    ]


def _real(site: Site) -> Effect:
    """A real transform of N samples: 5/2 N log2 N FLOPs, and N / 2 + 1 frequencies."""
    shape = shape_of(site.argument(0, "x"))
    length = site.argument(1, "fft_length") or shape[-1]
    output = (*shape[:-1], length // 2 + 1)
    return counted(output, output, terms=_terms((*shape[:-1], length), 1, 5), view=GLOBAL)


FOURIER: Mapping[str, Rule] = {
    "FFT": _complex(1),
    "FFT2": _complex(2),
    "IFFT2": _complex(2, inverse=True),
    "RFFT": _real,
}
