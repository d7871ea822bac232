"""Why a convolutional network costs what it costs: counts for Keras 3 models, from the graph alone.

>>> import keraudit
>>> report = keraudit.audit("model.keras")  # doctest: +SKIP
>>> print(report)  # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

from keraudit._version import __version__
from keraudit.errors import KerauditError, ModelError, ShapeError

if TYPE_CHECKING:
    from keraudit.api import audit, read, report_of, structure
    from keraudit.audits.compare import Comparison, compare
    from keraudit.audits.structure import StructureReport, structure_of
    from keraudit.report import CostReport

__all__ = [
    "Comparison",
    "CostReport",
    "KerauditError",
    "ModelError",
    "ShapeError",
    "StructureReport",
    "__version__",
    "audit",
    "compare",
    "read",
    "report_of",
    "structure",
    "structure_of",
]

# Imported when first asked for: `keraudit --help` needs none of them.
HOMES = {
    "audit": "keraudit.api",
    "read": "keraudit.api",
    "report_of": "keraudit.api",
    "CostReport": "keraudit.report",
    "Comparison": "keraudit.audits.compare",
    "compare": "keraudit.audits.compare",
    "structure": "keraudit.api",
    "structure_of": "keraudit.audits.structure",
    "StructureReport": "keraudit.audits.structure",
}


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'keraudit' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(HOMES[name]), name)
