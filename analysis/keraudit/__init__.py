"""Why a convolutional network costs what it costs: counts for Keras 3 models, from the graph alone.

>>> import keraudit
>>> report = keraudit.audit("model.keras")  # doctest: +SKIP
>>> print(report)  # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

from keraudit._version import __version__
from keraudit.errors import KerauditError, ModelError, ShapeError

if TYPE_CHECKING:
    from keraudit.api import audit, gradients, read, report_of, structure
    from keraudit.audits.compare import Comparison, compare
    from keraudit.audits.gradients import GradientReport
    from keraudit.audits.reductions import Reductions, reductions
    from keraudit.audits.structure import StructureReport, structure_of
    from keraudit.backprop.callback import GradientAudit
    from keraudit.building import build, copy_weights
    from keraudit.report import CostReport
    from keraudit.rewrite.factorise import factorised
    from keraudit.rewrite.reductions import without_reductions
    from keraudit.rewrite.simple import (
        at_input_shape,
        repeat_block,
        with_activation,
        with_filters,
        with_width,
        without_normalisation,
    )
    from keraudit.rewrite.skips import without_skips
    from keraudit.rewrite.surgery import Rewrite

# Imported when first asked for: `keraudit --help` needs none of them.
HOMES = {
    # read and audit
    "audit": "keraudit.api",
    "read": "keraudit.api",
    "report_of": "keraudit.api",
    "CostReport": "keraudit.report",
    "compare": "keraudit.audits.compare",
    "gradients": "keraudit.api",
    "GradientReport": "keraudit.audits.gradients",
    "GradientAudit": "keraudit.backprop.callback",
    "Comparison": "keraudit.audits.compare",
    "reductions": "keraudit.audits.reductions",
    "Reductions": "keraudit.audits.reductions",
    "structure": "keraudit.api",
    "structure_of": "keraudit.audits.structure",
    "StructureReport": "keraudit.audits.structure",
    # rewrite
    "Rewrite": "keraudit.rewrite.surgery",
    "at_input_shape": "keraudit.rewrite.simple",
    "factorised": "keraudit.rewrite.factorise",
    "repeat_block": "keraudit.rewrite.simple",
    "with_activation": "keraudit.rewrite.simple",
    "with_filters": "keraudit.rewrite.simple",
    "with_width": "keraudit.rewrite.simple",
    "without_normalisation": "keraudit.rewrite.simple",
    "without_reductions": "keraudit.rewrite.reductions",
    "without_skips": "keraudit.rewrite.skips",
    # build
    "build": "keraudit.building",
    "copy_weights": "keraudit.building",
}

__all__ = [
    "Comparison",
    "CostReport",
    "GradientAudit",
    "GradientReport",
    "KerauditError",
    "ModelError",
    "Reductions",
    "Rewrite",
    "ShapeError",
    "StructureReport",
    "__version__",
    "at_input_shape",
    "audit",
    "build",
    "compare",
    "copy_weights",
    "factorised",
    "gradients",
    "read",
    "reductions",
    "repeat_block",
    "report_of",
    "structure",
    "structure_of",
    "with_activation",
    "with_filters",
    "with_width",
    "without_normalisation",
    "without_reductions",
    "without_skips",
]


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'keraudit' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(HOMES[name]), name)
