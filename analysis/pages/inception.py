"""What the Inception page shows besides the reductions: drawings of the module, and factorised kernels."""

from __future__ import annotations

from keraudit.audits.cost.diagram import diagram
from keraudit.output.csv_markdown import code
from keraudit.output.numbers import short
from keraudit.output.palette import color_of
from keraudit.output.table import bare_grid
from pages.markdown import folded, note, numbers
from pages.rendering import part

MODULES = {
    "naive": (
        "inception-naive:cs231n",
        "The naive module: three convolutions and a pooling in parallel",
    ),
    "reduced": (
        "inception-reduced:cs231n",
        "The same module with a 1×1 reduction before each large kernel",
    ),
}
# One convolution alone, as wide inside as outside, and how it is factorised.
WIDE = "height=28,width=28,channels=64"
KERNELS = (
    ("5x5", f"inception-naive:{WIDE},f1=0,f3=0,f5=64,pool=0", "two-3x3"),
    ("3x3", f"inception-naive:{WIDE},f1=0,f3=64,f5=0,pool=0", "asymmetric"),
    ("5x5", f"inception-naive:{WIDE},f1=0,f3=0,f5=64,pool=0", "asymmetric"),
)


def module(kind: str) -> str:
    """The drawing of a module, with what each box costs."""
    import keraudit

    model, caption = MODULES[kind]
    graph = keraudit.read(model)
    drawn = diagram(graph, color=color_of("Inception"))
    total = short(keraudit.audit(graph).total.macs)
    return part(
        "drawing.html",
        drawing=drawn,
        label=caption,
        text=f"{caption}: {total} multiplications. In each box: its own and their share.",
    )


def factorized_kernels() -> str:
    """Single kernels and what they are made of, before and after."""
    import keraudit

    rows = []
    for kernel, model, how in KERNELS:
        graph = keraudit.read(model)
        before = keraudit.audit(graph).total.macs
        after = keraudit.audit(keraudit.factorized(graph, how).graph)
        made = " and ".join(
            "x".join(map(str, layer.layer.config["kernel_size"]))
            for layer in keraudit.factorized(graph, how).graph.nodes
            if layer.layer.kind == "Conv2D"
        )
        saved = 1 - after.total.macs / before
        rows.append((kernel, made, before, after.total.macs, saved, code(how)))
    grid = bare_grid(
        {
            "kernel": "text",
            "made of": "text",
            "MACs before": "exact",
            "after": "exact",
            "cheaper by": "{:.0%}",
            "`--factorized`": "markdown",
        },
        rows,
    )
    graph = keraudit.read("GoogLeNet")
    whole = keraudit.audit(graph).total.macs
    made_of_3x3 = keraudit.audit(keraudit.factorized(graph, "two-3x3").graph).total.macs
    text = (
        f"On 28×28×64, to 64 filters. In GoogLeNet the exchange costs {100 * (made_of_3x3 / whole - 1):.0f} % more,"
        f" {short(whole)} to {short(made_of_3x3)}: behind a reduction to *r* channels two 3×3 with *F* filters take"
        " 9·*F*·(*r* + *F*) multiplications a position, the 5×5 25·*F*·*r*, so they pay only where *F* < 16/9·*r*; its"
        " modules have *F* = 2*r* to 4*r*."
    )
    return folded("Single kernels and what they are made of", f"{numbers(grid)}\n\n{note(text)}")
