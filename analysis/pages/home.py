"""What was found, in five sentences, each with its numbers from an audit or a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from keraudit.output.numbers import short
from keraudit.training.record import Run
from pages import crosscheck, gradients, reductions, resnet, runs, zoo
from pages.calculator import Sizes, behind, direct, squeeze
from pages.crosscheck import EXACT


def findings() -> str:
    """Five sentences, numbered."""
    found = (_one_branch(), _whole_networks(), degradation() or depth(), skips(), agreement())
    return "\n".join(f"{number}. {text}" for number, text in enumerate(found, 1))


def _one_branch() -> str:
    before, after = direct(Sizes()), squeeze(Sizes()) + behind(Sizes())
    return (
        f"**A 1x1 convolution in front makes a 5x5 convolution {before / after:.1f} times cheaper.** The"
        f" lecture's branch takes {before:,} multiplications alone and {after:,} behind a reduction"
        f" to {Sizes().reduction} channels ([try your own sizes](inception.md#try-it))."
    )


def _whole_networks() -> str:
    names = ("GoogLeNet", "ResNet50", "InceptionV3")
    factors = [f"{name} {reductions.record(name)['totals']['factor']:.2f}" for name in names]
    return (
        f"**Whole networks live off it.** Without their 1x1 reductions {factors[0]}, {factors[1]} and"
        f" {factors[2]} times as many multiplications would be needed"
        " ([module by module](inception.md#what-it-saves))."
    )


def _full_degradation_runs() -> Mapping[str, Sequence[Run]]:
    """The four networks of the degradation experiment, if they were trained in full."""
    found = runs.comparable(runs.DEGRADATION)
    return found if len(found) == len(runs.DEGRADATION) and not runs.caveat(found) else {}


def degradation() -> str:
    """Whether the deeper plain network is worse on its own training images; empty if not trained."""
    found = _full_degradation_runs()
    if not found:
        return ""
    error = {
        name: 100 * fmean(run.evaluation["train_error"] for run in members)
        for name, members in found.items()
    }
    plain = error["Plain-CIFAR-56"] - error["Plain-CIFAR-20"]
    skips = error["ResNet-CIFAR-56"] - error["ResNet-CIFAR-20"]
    is_expected = plain > 0 > skips
    bold = "Skips are what makes depth pay" if is_expected else "What depth did to training"
    return (
        f"**{bold}.** From 20 to 56 layers the training error of a plain network changes by"
        f" {plain:+.2f} points, that of its residual twin by {skips:+.2f}"
        " ([the experiment](resnet.md#the-degradation-experiment))."
    )


def third() -> str:
    """The third picture: the degradation experiment if it was run in full, else the zoo."""
    return resnet.degradation() if _full_degradation_runs() else zoo.figure()


def depth() -> str:
    """Deep is not dear."""
    rows = {row["name"]: row for row in zoo.rows()}
    if not rows:
        return zoo.provenance()
    deep, shallow = rows["ResNet152"]["macs"], rows["VGG16"]["macs"]
    return (
        f"**Depth is not what costs.** ResNet-152 takes {short(deep)} multiplications an image, VGG-16"
        f" with its sixteen layers {short(shallow)} ([depth against cost](resnet.md#depth-against-cost))."
    )


def skips() -> str:
    """The gradient across ResNet50, with its skips and without."""
    found = gradients.record("resnet50-64")
    if found is None:
        return gradients.missing("resnet50-64")
    across = {verdict["label"]: verdict["across"] for verdict in found["verdicts"]}
    return (
        "**Skip connections tame the gradient.** From the last block of ResNet50 to its first it"
        f" grows {across['as it is']:,.0f} times with them and {across['without-skips']:,.0f} times"
        " without: with batch normalisation, what they prevent is an explosion, not a vanishing"
        " ([all corners](gradients.md))."
    )


def agreement() -> str:
    """Our count beside the others'."""
    found = crosscheck.record()
    if found is None:
        return crosscheck.MISSING
    reports = found["reports"]
    whole = sum(
        all(peer["remainder"] == 0 for peer in report["peers"] if peer["name"] in EXACT)
        for report in reports
    )
    return (
        f"**Every counter is right about something else.** For {whole} of {len(reports)} Keras"
        " Applications every FLOP by which fvcore, torch and TensorFlow differ from this count has a"
        " name ([term by term](crosscheck.md))."
    )
