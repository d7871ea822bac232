"""What the ResNet page shows: its unit drawn, depth against cost, and the degradation experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keraudit.audits.cost.diagram import diagram
from keraudit.output.csv_markdown import pipe_table
from keraudit.output.palette import BLUE, GREY, SKY, color_of
from keraudit.output.plotly_figure import as_record, axis, frame, new_figure
from keraudit.output.table import bare_grid
from keraudit.runs.figure import apart, over_depth
from keraudit.training.record import Run
from pages import run_tables, runs
from pages.audited import record
from pages.figures import counted, drawn_by_script
from pages.markdown import note, numbers
from pages.rendering import part
from pages.structure import report

UNITS = {
    "residual-block": "A basic unit, as in ResNet-18 and 34: two 3x3 convolutions and the shortcut",
    "bottleneck-block": "A bottleneck unit, as in ResNet-50 and deeper: 1x1 down, 3x3, 1x1 up",
}
# By the depth in the name, what reads it; and the multiply-adds, in billions, that He et al. 2015 print
# in the last row of their Table 1.
DEPTHS: Mapping[int, tuple[str, float]] = {
    18: ("ResNet-18", 1.8),
    34: ("ResNet-34", 3.6),
    50: ("ResNet50", 3.8),
    101: ("ResNet101", 7.6),
    152: ("ResNet152", 11.3),
}
BOTTLENECKS = 50  # from this depth on
# The same, Table 2: top-1 error in percent on ImageNet's validation images, ten crops.
IMAGENET_ERROR: Mapping[int, tuple[float, float]] = {18: (27.94, 27.88), 34: (28.54, 25.03)}


def unit(name: str) -> str:
    """The drawing of a residual unit."""
    import keraudit

    drawn = diagram(keraudit.read(name), color=color_of("ResNet"))
    return part(
        "drawing.html",
        drawing=drawn,
        label=UNITS[name],
        text=f"{UNITS[name]}. Drawn from the graph of `{name}`.",
    )


def depth_figure() -> str:
    """MACs and parameters over depth."""
    found = {depth: record(name)["totals"] for depth, (name, _) in DEPTHS.items()}
    figure = new_figure(
        frame(
            "ResNets: MACs over depth",
            height=420,
            xaxis=axis("layers with weights on the longest path"),
            yaxis=axis("MACs, billions", rangemode="tozero", range=[0, 12], showgrid=True),
        )
    )
    groups = {
        "basic units": ([d for d in DEPTHS if d < BOTTLENECKS], SKY),
        "bottleneck units": ([d for d in DEPTHS if d >= BOTTLENECKS], BLUE),
    }
    for name, (depths, color) in groups.items():
        figure.add_scatter(
            name=name,
            mode="lines+markers",
            x=depths,
            y=[round(found[d]["macs"] / 1e9, 4) for d in depths],
            line={"color": color},
            marker={"size": 9},
            customdata=[[DEPTHS[d][0], f"{found[d]['params']:,}"] for d in depths],
            hovertemplate="<b>%{customdata[0]}</b><br>%{y:.3g} billion MACs<br>%{customdata[1]}"
            " parameters<extra></extra>",
        )
    figure.add_scatter(
        name="printed in the paper",
        mode="markers",
        x=list(DEPTHS),
        y=[printed for _, printed in DEPTHS.values()],
        marker={"color": GREY, "symbol": "x", "size": 8},
    )
    return drawn_by_script(
        as_record(figure),
        label="Line chart of the MACs of ResNet-18, 34, 50, 101 and 152 over their depth",
        caption="From 34 to 50 layers the line breaks: bottlenecks make a layer cheaper.",
        made=counted("keraudit flops ResNet-18 ResNet-34 ResNet50 ResNet101 ResNet152"),
    )


def depth_table() -> str:
    """Depth, cost and size of each, with what the paper prints."""
    columns = {
        "network": "code",
        "depth": "number",
        "MACs": "exact",
        "printed": "{:.1f} billion",
        "MACs a layer": "count",
        "parameters": "exact",
    }
    rows = []
    for name, printed in DEPTHS.values():
        sums, layers = record(name)["totals"], report(name).facts.depth
        macs = sums["macs"]
        rows.append((name, layers, macs, printed, round(macs / layers), sums["params"]))
    text = (
        "Printed: He et al. 2015, Table 1. ResNet-18 and 34 are here with projections (option B); the"
        " paper's numbers are without (option A)."
    )
    return f"{numbers(bare_grid(columns, rows))}\n\n{note(text)}"


def imagenet_table() -> str:
    """What the paper measured on ImageNet."""
    rows = [
        (depth, plain, skips, plain - skips) for depth, (plain, skips) in IMAGENET_ERROR.items()
    ]
    columns = {"layers": "number", **dict.fromkeys(("plain", "residual", "gain"), "{:.2f}")}
    text = "Top-1 error in percent on ImageNet: He et al. 2015, Table 2."
    return f"{pipe_table(bare_grid(columns, rows))}\n\n{note(text)}"


def degradation() -> str:
    """The curves of plain and residual networks."""
    return runs.error_figure(runs.DEGRADATION, split=True)


def degradation_table() -> str:
    """Their errors at the end, beside the paper's, and what the runs are."""
    found = runs.comparable(runs.DEPTHS)
    if not found:
        return ""
    parts = (
        runs.caveat(found),
        lesson(found),
        _over_epochs(found),
        _over_depths(found),
        run_tables.result_table(found),
        run_tables.other_runs(runs.DEPTHS, lesson),
    )
    return "\n\n".join(filter(None, parts))


def _over_epochs(found: Mapping[str, Sequence[Run]]) -> str:
    """What the layers from 20 to 56 cost, epoch by epoch, where both pairs were trained."""
    if not set(runs.DEGRADATION) <= set(found) or not alike(found):
        return ""
    return drawn_by_script(
        apart(found, 20, 56),
        label="Line chart of how much more error in training 56 layers have than 20, over epochs, plain and residual",
        caption="Error on the training images as they were trained on: that of 56 layers less that of 20.",
        made=runs.about({name: found[name] for name in runs.DEGRADATION}),
    )


def _over_depths(found: Mapping[str, Sequence[Run]]) -> str:
    """Error over depth, where three depths or more were trained."""
    depths = {name.rsplit("-", 1)[1] for name in found}
    if len(depths) < 3:
        return ""
    return drawn_by_script(
        over_depth(found),
        label="Line chart of training and test error of plain and residual networks over their depth",
        caption="Dashed: on the training images, as they are. Solid: on the test images. The mean over"
        " seeds.",
        made=runs.about(found),
    )


def alike(found: Mapping[str, Sequence[Run]]) -> bool:
    """Whether the losses of the networks that are compared were taken from the same."""
    compared = (run for name in runs.DEGRADATION for run in found.get(name, ()))
    return len({run.loss for run in compared}) < 2


def lesson(found: Mapping[str, Sequence[Run]]) -> str:
    """What these runs say of the deep plain network: is it worse already in training?

    Nothing, where some of them were trained with a clipped loss, and others not.
    """
    if not alike(found):
        return ""
    errors = {
        name: [run.evaluation["train_error"] for run in members] for name, members in found.items()
    }
    plain = [errors.get("Plain-CIFAR-20"), errors.get("Plain-CIFAR-56")]
    skips = [errors.get("ResNet-CIFAR-20"), errors.get("ResNet-CIFAR-56")]
    sentences = [
        f"Of the {name} networks, the one of 56 layers ends with the {word} **training** error:"
        f" {100 * mean(deep):.2f} % against {100 * mean(shallow):.2f} % of the one of 20."
        for name, (shallow, deep) in (("plain", plain), ("residual", skips))
        if shallow and deep
        for word in ["higher" if mean(deep) > mean(shallow) else "lower"]
    ]
    rises = [
        f"the {name} pair {100 * (mean(deep) - mean(shallow)):+.2f} points"
        for name, (shallow, deep) in (("plain", plain), ("residual", skips))
        if shallow and deep
    ]
    if len(rises) == 2:
        sentences.append(f"What the 36 layers more cost: {' and '.join(rises)}.")
    return " ".join([*sentences, compared_with_paper(found)])


def compared_with_paper(found: Mapping[str, Sequence[Run]]) -> str:
    """Whether the residual pair is ordered as in the paper, in training and in test error; empty without it."""
    shallow, deep = found.get("ResNet-CIFAR-20"), found.get("ResNet-CIFAR-56")
    if not shallow or not deep:
        return ""
    better: list[str] = []
    worse: list[str] = []
    for key, word in (("train_error", "training"), ("test_error", "test")):
        less, more = (mean([run.evaluation[key] for run in both]) for both in (deep, shallow))
        sentence = f"{word} error {100 * less:.2f} % against {100 * more:.2f} %"
        (better if less < more else worse).append(sentence)
    if not worse:
        return f"As in the paper, the residual network of 56 layers is the better one: {' and '.join(better)}."
    return (
        "In the paper the residual network of 56 layers is the better one. **That did not come out here**:"
        f" {' and '.join(worse)} of the one of 20."
    )


def mean(values: list[float]) -> float:
    return sum(values) / len(values)
