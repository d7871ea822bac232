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
    from keraudit.audits.cost.compare import Comparison, compare
    from keraudit.audits.cost.report import CostReport
    from keraudit.audits.gradients.callback import GradientAudit
    from keraudit.audits.gradients.report import GradientReport
    from keraudit.audits.reductions.report import Reductions, reductions
    from keraudit.audits.structure.report import StructureReport, structure_of
    from keraudit.building.keras_model import build, copy_weights
    from keraudit.rewrite.activation import with_activation
    from keraudit.rewrite.edit import Rewrite
    from keraudit.rewrite.factorise import factorised
    from keraudit.rewrite.input_size import at_input_shape
    from keraudit.rewrite.normalization import without_normalisation
    from keraudit.rewrite.reductions import without_reductions
    from keraudit.rewrite.repeat import repeat_block
    from keraudit.rewrite.skips import without_skips
    from keraudit.rewrite.width import with_filters, with_width

# Imported when first asked for: `keraudit --help` needs none of them.
HOMES = {
    # read and audit
    "audit": "keraudit.api",
    "read": "keraudit.api",
    "report_of": "keraudit.api",
    "CostReport": "keraudit.audits.cost.report",
    "compare": "keraudit.audits.cost.compare",
    "gradients": "keraudit.api",
    "GradientReport": "keraudit.audits.gradients.report",
    "GradientAudit": "keraudit.audits.gradients.callback",
    "Comparison": "keraudit.audits.cost.compare",
    "reductions": "keraudit.audits.reductions.report",
    "Reductions": "keraudit.audits.reductions.report",
    "structure": "keraudit.api",
    "structure_of": "keraudit.audits.structure.report",
    "StructureReport": "keraudit.audits.structure.report",
    # rewrite
    "Rewrite": "keraudit.rewrite.edit",
    "at_input_shape": "keraudit.rewrite.input_size",
    "factorised": "keraudit.rewrite.factorise",
    "repeat_block": "keraudit.rewrite.repeat",
    "with_activation": "keraudit.rewrite.activation",
    "with_filters": "keraudit.rewrite.width",
    "with_width": "keraudit.rewrite.width",
    "without_normalisation": "keraudit.rewrite.normalization",
    "without_reductions": "keraudit.rewrite.reductions",
    "without_skips": "keraudit.rewrite.skips",
    # build
    "build": "keraudit.building.keras_model",
    "copy_weights": "keraudit.building.keras_model",
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
