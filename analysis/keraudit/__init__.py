"""Why a convolutional network costs what it costs: counts for Keras 3 models, from the graph alone.

>>> import keraudit
>>> report = keraudit.audit("model.keras")  # doctest: +SKIP
>>> print(report)  # doctest: +SKIP

Every function takes a model first: a name, a file, a live ``keras.Model``, a ``Graph`` or a ``Rewrite``.
"""

from typing import TYPE_CHECKING, Any

from keraudit._version import __version__ as __version__
from keraudit.errors import KerauditError as KerauditError
from keraudit.errors import ModelError as ModelError
from keraudit.errors import ShapeError as ShapeError

if TYPE_CHECKING:
    from keraudit.api.costs import assert_budget as assert_budget
    from keraudit.api.costs import audit as audit
    from keraudit.api.costs import compare as compare
    from keraudit.api.costs import lengths as lengths
    from keraudit.api.costs import summary as summary
    from keraudit.api.models import build as build
    from keraudit.api.models import read as read
    from keraudit.api.questions import gradients as gradients
    from keraudit.api.questions import reductions as reductions
    from keraudit.api.questions import structure as structure
    from keraudit.api.rewrites import at_input_shape as at_input_shape
    from keraudit.api.rewrites import factorized as factorized
    from keraudit.api.rewrites import repeat_block as repeat_block
    from keraudit.api.rewrites import with_activation as with_activation
    from keraudit.api.rewrites import with_filters as with_filters
    from keraudit.api.rewrites import with_width as with_width
    from keraudit.api.rewrites import without_normalization as without_normalization
    from keraudit.api.rewrites import without_reductions as without_reductions
    from keraudit.api.rewrites import without_skips as without_skips
    from keraudit.audits.cost.compare import Comparison as Comparison
    from keraudit.audits.cost.lengths import LengthReport as LengthReport
    from keraudit.audits.cost.report import CostReport as CostReport
    from keraudit.audits.gradients.callback import GradientAudit as GradientAudit
    from keraudit.audits.gradients.report import GradientReport as GradientReport
    from keraudit.audits.reductions.report import Reductions as Reductions
    from keraudit.audits.structure.report import StructureReport as StructureReport
    from keraudit.building.keras_model import copy_weights as copy_weights
    from keraudit.explorer.session import explore as explore
    from keraudit.layers.own_counts import counts as counts
    from keraudit.layers.user_rules import load_rules as load_rules
    from keraudit.model.graph import Graph as Graph
    from keraudit.rewrite.edit import Rewrite as Rewrite

# The public names, each with the module that is imported when the name is first used:
# `keraudit --help` needs none of them. A test holds the imports above, which types need, to this list.
HOMES = {
    # read and audit
    "audit": "keraudit.api.costs",
    "assert_budget": "keraudit.api.costs",
    "compare": "keraudit.api.costs",
    "lengths": "keraudit.api.costs",
    "summary": "keraudit.api.costs",
    "read": "keraudit.api.models",
    "gradients": "keraudit.api.questions",
    "reductions": "keraudit.api.questions",
    "structure": "keraudit.api.questions",
    "explore": "keraudit.explorer.session",
    # what they return
    "Comparison": "keraudit.audits.cost.compare",
    "CostReport": "keraudit.audits.cost.report",
    "GradientReport": "keraudit.audits.gradients.report",
    "Graph": "keraudit.model.graph",
    "LengthReport": "keraudit.audits.cost.lengths",
    "Reductions": "keraudit.audits.reductions.report",
    "Rewrite": "keraudit.rewrite.edit",
    "StructureReport": "keraudit.audits.structure.report",
    # while a model trains
    "GradientAudit": "keraudit.audits.gradients.callback",
    # rules for layer classes of the user's own
    "counts": "keraudit.layers.own_counts",
    "load_rules": "keraudit.layers.user_rules",
    # rewrite
    "at_input_shape": "keraudit.api.rewrites",
    "factorized": "keraudit.api.rewrites",
    "repeat_block": "keraudit.api.rewrites",
    "with_activation": "keraudit.api.rewrites",
    "with_filters": "keraudit.api.rewrites",
    "with_width": "keraudit.api.rewrites",
    "without_normalization": "keraudit.api.rewrites",
    "without_reductions": "keraudit.api.rewrites",
    "without_skips": "keraudit.api.rewrites",
    # build
    "build": "keraudit.api.models",
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
