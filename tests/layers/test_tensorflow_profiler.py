"""The other FLOPs agree with TensorFlow's own profiler to the last one, on two whole networks.

Its totals (TensorFlow 2.21, v1 profiler, batch 1) hold no ReLU, and hold the few operations per
channel that fold batch normalisation into a scale and a shift, which our rule leaves out:
rsqrt, epsilon, mean, beta and their product, 5 per channel, and 6 where there is a gamma.
"""

from __future__ import annotations

import pytest

from witness import agree, graph_of

keras = pytest.importorskip("keras")


@pytest.mark.parametrize(
    ("name", "profiled", "per_channel"),
    [("InceptionV3", 11_468_989_680, 5), ("ResNet50", 7_755_299_312, 6)],
)
def test_reconciled(name: str, profiled: int, per_channel: int) -> None:
    model = getattr(keras.applications, name)(weights=None)
    graph = graph_of(model)
    agree(graph, model)
    effects = [node.effect for node in graph.nodes]
    flops = sum(2 * effect.macs + effect.other_flops for effect in effects)
    relu = sum(t.value for e in effects for t in e.terms if t.what == "activation relu")
    channels = sum(
        node.outputs[0].shape[-1] for node in graph.nodes if node.layer.kind == "BatchNormalization"
    )
    assert flops - relu + per_channel * channels == profiled
