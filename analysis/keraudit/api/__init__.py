"""One function per question: from a model, in whatever form it is at hand, to its report in one call."""

from keraudit.api.costs import assert_budget as assert_budget
from keraudit.api.costs import audit as audit
from keraudit.api.costs import compare as compare
from keraudit.api.costs import lengths as lengths
from keraudit.api.costs import summary as summary
from keraudit.api.models import InputShape as InputShape
from keraudit.api.models import Model as Model
from keraudit.api.models import build as build
from keraudit.api.models import read as read
from keraudit.api.questions import gradients as gradients
from keraudit.api.questions import reductions as reductions
from keraudit.api.questions import structure as structure
from keraudit.audits.cost.report import report_of as report_of
