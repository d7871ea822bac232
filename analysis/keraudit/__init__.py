"""Why a convolutional network costs what it costs: counts for Keras 3 models, from the graph alone.

>>> import keraudit
>>> report = keraudit.audit("model.keras")  # doctest: +SKIP
>>> print(report)  # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

from keraudit._version import __version__ as __version__
from keraudit.errors import KerauditError as KerauditError
from keraudit.errors import ModelError as ModelError
from keraudit.errors import ShapeError as ShapeError

if TYPE_CHECKING:
    from keraudit.api import audit as audit
    from keraudit.api import gradients as gradients
    from keraudit.api import lengths as lengths
    from keraudit.api import read as read
    from keraudit.api import report_of as report_of
    from keraudit.api import structure as structure
    from keraudit.audits.cost.compare import Comparison as Comparison
    from keraudit.audits.cost.compare import compare as compare
    from keraudit.audits.cost.lengths import LengthReport as LengthReport
    from keraudit.audits.cost.report import CostReport as CostReport
    from keraudit.audits.gradients.callback import GradientAudit as GradientAudit
    from keraudit.audits.gradients.report import GradientReport as GradientReport
    from keraudit.audits.reductions.report import Reductions as Reductions
    from keraudit.audits.reductions.report import reductions as reductions
    from keraudit.audits.structure.report import StructureReport as StructureReport
    from keraudit.audits.structure.report import structure_of as structure_of
    from keraudit.building.keras_model import build as build
    from keraudit.building.keras_model import copy_weights as copy_weights
    from keraudit.layers.own_counts import counts as counts
    from keraudit.layers.user_rules import load_rules as load_rules
    from keraudit.rewrite.activation import with_activation as with_activation
    from keraudit.rewrite.edit import Rewrite as Rewrite
    from keraudit.rewrite.factorize import factorized as factorized
    from keraudit.rewrite.input_size import at_input_shape as at_input_shape
    from keraudit.rewrite.normalization import without_normalization as without_normalization
    from keraudit.rewrite.reductions import without_reductions as without_reductions
    from keraudit.rewrite.repeat import repeat_block as repeat_block
    from keraudit.rewrite.skips import without_skips as without_skips
    from keraudit.rewrite.width import with_filters as with_filters
    from keraudit.rewrite.width import with_width as with_width

# The public names, each with the module that is imported when the name is first used:
# `keraudit --help` needs none of them. A test holds the imports above, which types need, to this list.
HOMES = {
    # read and audit
    "audit": "keraudit.api",
    "lengths": "keraudit.api",
    "LengthReport": "keraudit.audits.cost.lengths",
    "read": "keraudit.api",
    "report_of": "keraudit.api",
    "CostReport": "keraudit.audits.cost.report",
    "Comparison": "keraudit.audits.cost.compare",
    "compare": "keraudit.audits.cost.compare",
    "gradients": "keraudit.api",
    "GradientReport": "keraudit.audits.gradients.report",
    "GradientAudit": "keraudit.audits.gradients.callback",
    "reductions": "keraudit.audits.reductions.report",
    "Reductions": "keraudit.audits.reductions.report",
    "structure": "keraudit.api",
    "structure_of": "keraudit.audits.structure.report",
    "StructureReport": "keraudit.audits.structure.report",
    # rules for layer classes of the user's own
    "counts": "keraudit.layers.own_counts",
    "load_rules": "keraudit.layers.user_rules",
    # rewrite
    "Rewrite": "keraudit.rewrite.edit",
    "at_input_shape": "keraudit.rewrite.input_size",
    "factorized": "keraudit.rewrite.factorize",
    "repeat_block": "keraudit.rewrite.repeat",
    "with_activation": "keraudit.rewrite.activation",
    "with_filters": "keraudit.rewrite.width",
    "with_width": "keraudit.rewrite.width",
    "without_normalization": "keraudit.rewrite.normalization",
    "without_reductions": "keraudit.rewrite.reductions",
    "without_skips": "keraudit.rewrite.skips",
    # build
    "build": "keraudit.building.keras_model",
    "copy_weights": "keraudit.building.keras_model",
}
__all__ = ["KerauditError", "ModelError", "ShapeError", "__version__", *HOMES]


def __dir__() -> list[str]:
    """Show the public names, and nothing else, when TAB completes ``keraudit.``."""
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'keraudit' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(HOMES[name]), name)
