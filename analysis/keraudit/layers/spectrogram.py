"""Spectrograms: windows of a signal, each turned into frequencies."""

from __future__ import annotations

from keraudit.errors import ModelError
from keraudit.layers.call import (
    Effect,
    Shape,
    Site,
    Term,
    Weight,
    channels_first,
    checked_whole,
    counted,
    elementwise,
    split,
    whole_number,
)
from keraudit.layers.convolution import from_one, output_length, window
from keraudit.model.graph import GLOBAL

# per frequency and time, after the real and the imaginary part (a: square, square, add)
STFT_MODES = {
    "real": 0,
    "imag": 0,
    "stft": 0,
    "angle": 1,  # the arc tangent of a quotient, counted as one
    "psd": 4,  # a, then doubled by an addition
    "magnitude": 5,  # a, maximum, square root
    "log": 7,  # magnitude, maximum, logarithm
}


def fft_flops(length: int) -> int:
    """The real Fourier transform of N samples: 5/2 N log2 N, the FFTW benchmark's convention.

    >>> fft_flops(2048)
    56320
    """
    return 5 * length * (length - 1).bit_length() // 2


def mel_spectrogram(site: Site) -> Effect:
    """A fast Fourier transform of each window, its magnitude, and a matrix to mel bands.

    Per window of s samples and n = N / 2 + 1 frequencies: s for the taper, 5/2 N log2 N for the
    transform, 5 n for magnitude and power (square, square, add, square root, power). The mel matrix
    is a dense product of n x bands, its weights constants. Decibels take 5 per element
    (maximum, logarithm, multiply, subtract, maximum) and 1 for the largest value.
    """
    config, shape = site.config, site.shape
    if len(shape) not in (1, 2):
        raise ModelError(f"expected a signal (batch, samples), received the shape {shape}")
    size = whole_number(config, "fft_length", 2048)
    stride = whole_number(config, "sequence_stride", 512)
    bands = whole_number(config, "num_mel_bins", 128)
    taper = checked_whole("sequence_length", config.get("sequence_length") or size)
    from_one(fft_length=(size,), sequence_stride=(stride,), sequence_length=(taper,))
    from_one(num_mel_bins=(bands,))
    batch = shape[0] if len(shape) == 2 else 1
    frames = (shape[-1] + stride + 1) // stride
    frequencies = size // 2 + 1
    output = (*shape[:-1], bands, frames)
    spectrum = (batch, frames, frequencies)
    matrix = (
        ("batch", batch),
        ("frames", frames),
        ("frequencies", frequencies),
        ("mel bands", bands),
    )
    decibels = 6 if config.get("power_to_db", True) else 0
    return counted(
        output,
        terms=[
            elementwise("taper", (batch, frames, taper)),
            elementwise("Fourier transform", (batch, frames), fft_flops(size)),
            elementwise("magnitude", spectrum, 5),
            Term("mac", "mel matrix", matrix),
            elementwise("decibels", output, decibels),
        ],
        view=GLOBAL,
    )


def stft_spectrogram(site: Site) -> Effect:
    """A Fourier transform as one or two convolutions with cosines and sines, which may be trained.

    Every channel is a signal of its own; every window of L samples meets F = fft_length / 2 + 1
    frequencies: L F MACs for the real part and as many for the imaginary one.
    """
    config = site.config
    batch, (samples,), channels = split(site.shape, config, 1)
    length = whole_number(config, "frame_length")
    stride = checked_whole("frame_step", config.get("frame_step") or length // 2)
    size = checked_whole("fft_length", config.get("fft_length") or 1 << (length - 1).bit_length())
    mode, padding = str(config.get("mode", "log")), str(config.get("padding", "valid"))
    if mode not in STFT_MODES:
        raise ModelError(f"mode must be one of {', '.join(STFT_MODES)}; received {mode!r}")
    from_one(frame_length=(length,), frame_step=(stride,), fft_length=(size,))
    frequencies = size // 2 + 1
    frames = output_length(samples, length, stride, padding)
    parts = [part for part in ("real", "imag") if mode not in {"real", "imag"} - {part}]
    bins = frequencies * (2 if mode == "stft" else 1)
    first = channels_first(config)
    output: Shape
    if config.get("expand_dims"):
        output = (batch, channels, frames, bins) if first else (batch, frames, bins, channels)
    else:
        flat = bins * channels
        output = (batch, flat, frames) if first else (batch, frames, flat)
    factors = (
        ("parts", len(parts)),
        ("batch", batch),
        ("frames", frames),
        ("frame length", length),
        ("channels", channels),
        ("frequencies", frequencies),
    )
    spectrum = (batch, frames, channels, frequencies)
    view = window(samples, length, stride, padding)
    return counted(
        output,
        terms=[
            Term("mac", "Fourier transform", factors),
            elementwise("magnitude", spectrum, STFT_MODES[mode]),
        ],
        weights=tuple(Weight(f"{part}_kernel", (length, 1, frequencies)) for part in parts),
        view=GLOBAL if config.get("expand_dims") else (view,),
    )
