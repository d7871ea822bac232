"""Numbers of the exercises on ResNet, counted while the site is built."""

from __future__ import annotations

from collections.abc import Mapping
from math import comb
from typing import Any

from pages import lesions, resnet, runs
from pages.audited import record
from pages.published import MissingRecordError, missing
from pages.skip import graph
from records.lesions import FOLDER

CONV = ("ResNet-34", "_conv2")  # the second convolution of a block keeps size and width
BLOCKS = 27  # of ResNet-CIFAR-56


def same_cost() -> str:
    """The MACs of a 3x3 within each stage of ResNet-34, all alike."""
    found = {layer["macs"] for layer in _within_stages().values()}
    return " or ".join(f"{macs:,}" for macs in sorted(found))


def weights_by_width() -> str:
    """Its weights, stage by stage."""
    return " · ".join(f"{layer['params']:,}" for layer in _within_stages().values())


def _within_stages() -> dict[int, Mapping[str, Any]]:
    """A 3x3 of each stage, by its filters."""
    name, ending = CONV
    layers = [layer for layer in record(name)["layers"] if layer["name"].endswith(ending)]
    return {layer["output_shape"][-1]: layer for layer in layers}


def wide_pair() -> int:
    """MACs of two 3x3 at the bottleneck's own width."""
    _, height, width, channels = graph("bottleneck-block").nodes[0].outputs[0].shape
    return 2 * height * width * 3 * 3 * channels * channels


def narrowing() -> str:
    """How many times the bottleneck's MACs that is."""
    return f"{wide_pair() / record('bottleneck-block')['totals']['macs']:.0f}"


def projections() -> list[Mapping[str, Any]]:
    """The convolutions of ResNet-34's shortcuts."""
    return [x for x in record("ResNet-34")["layers"] if x["name"].endswith("shortcut_conv")]


def projected(key: str) -> str:
    """What they add up to."""
    return f"{sum(layer[key] for layer in projections()):,}"


def projected_share(key: str) -> str:
    """The same as a part of the whole network."""
    part = sum(layer[key] for layer in projections()) / record("ResNet-34")["totals"][key]
    return f"{part:.1%}".replace("%", " %")


def plain_rise() -> str:
    """What the 36 layers more do to the training error of the plain network."""
    points = resnet.rise(runs.planned(), "Plain")
    return "was not measured" if points is None else f"rises by {points:.0f} points"


def paths() -> str:
    """Ways through the 27 blocks: each block's branch is taken or passed."""
    return f"{2**BLOCKS:,}"


def share_of_paths(least: int, most: int) -> str:
    """The part of them that takes so many branches."""
    count = sum(comb(BLOCKS, taken) for taken in range(least, most + 1))
    return f"{100 * count / 2**BLOCKS:.0f} %"


def gradient_paths() -> tuple[int, int]:
    """Between how many branches nine tenths of a trained ResNet-56's gradient come."""
    found = next((r for r in lesions.records() if r["network"] == "resnet-cifar-56"), None)
    if found is None or not found["effective_path_lengths"]:
        raise MissingRecordError(missing(FOLDER, lesions.COMMAND))
    least, most = found["effective_path_lengths"]
    return least, most
