"""Inside a layer: its weights and what it makes of an image."""

from __future__ import annotations

from keraudit.explorer.store import Audited, Subject
from keraudit.explorer.view import View
from keraudit.graph import Node


def inside(view: View, subject: Subject, found: Audited, node: Node) -> None:
    """Histogram, kernels, activation maps."""
