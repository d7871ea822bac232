"""The audits that the pages show, made once per build."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from pages.inception import KERNELS
from pages.inception_drawings import MODELS as DRAWN

MODELS = ("InceptionV3", "ResNet50")
# Every model that a page audits.
AUDITED = (
    *("InceptionV3", "ResNet50", "ResNet101", "ResNet152"),
    *("GoogLeNet", "ResNet-18", "ResNet-34", "ResNet-CIFAR-56"),
    *("residual-block", "bottleneck-block"),
    *("inception-naive:cs231n", "inception-reduced:cs231n"),
    "inception-reduced:googlenet-3a",
    *dict.fromkeys(model for _, model, _ in KERNELS),
    *DRAWN,
)


@cache
def record(model: str) -> Mapping[str, Any]:
    """The cost record of ``model`` at its own input size."""
    import keraudit

    made: Mapping[str, Any] = keraudit.audit(
        model, command=f"keraudit flops {model} --format json"
    ).to_dict()
    return made


def record_json(model: str) -> str:
    """The same as the file that the page offers for download."""
    return json.dumps(record(model), indent=1) + "\n"
