"""Networks compared with people, and predictions on copies beside those on the original images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keraudit.data.dataset import Split
from keraudit.evaluation.metrics import correct_bits, entropy, pearson, spearman
from keraudit.training.scores import LEAST, accuracy


def human_agreement(probabilities: Any, humans: Any, labels: Any) -> Mapping[str, Any]:
    """How a network's uncertainty agrees with people's (Peterson et al. 2019, section 4).

    Cross-entropies are in nats. No network can be below ``human_entropy``, at which its probabilities
    would be the people's own.
    """
    import numpy as np

    ours, theirs = entropy(probabilities), entropy(humans)
    logs = np.log(np.clip(probabilities, LEAST, 1))
    return {
        "images": len(labels),
        "order_agreement": accuracy(humans, labels),
        "cross_entropy": float(-(humans * logs).sum(axis=1).mean()),
        "human_entropy": float(theirs.mean()),
        "network_entropy": float(ours.mean()),
        "entropy_correlation": pearson(ours, theirs),
        "entropy_rank_correlation": spearman(ours, theirs),
    }


def recompression_effect(
    of_originals: Any, of_copies: Any, originals: Split, test: Split
) -> Mapping[str, Any]:
    """What a copy costs: the same images as originals and as the test set has them.

    ``correct`` has a bit for each original, as that of an ``Evaluation``. ``psnr_db`` is the mean over images of 10 log10(255^2 / mean squared difference), of those that
    differ at all; ``identical`` counts the others.
    """
    import numpy as np

    count = len(originals)
    gap = originals.images.astype("float64") - test.images[:count]
    errors = (gap**2).mean(axis=(1, 2, 3))
    right = of_originals.argmax(axis=1) == originals.labels
    right_copies = of_copies.argmax(axis=1) == originals.labels
    differ = errors[errors > 0]
    return {
        "images": count,
        "identical": int((errors == 0).sum()),
        "psnr_db": float(np.mean(10 * np.log10(255**2 / differ))) if len(differ) else None,
        "accuracy_originals": float(right.mean()),
        "accuracy_copies": float(right_copies.mean()),
        "only_original_right": int((right & ~right_copies).sum()),
        "only_copy_right": int((right_copies & ~right).sum()),
        "correct": correct_bits(of_originals, originals.labels),
    }
