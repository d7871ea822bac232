"""How each peer counts a graph; every function runs in a process of its own.

The model is built from the graph with random initial weights: no counter looks at their values. Batch and
input sizes are the graph's.
"""

from __future__ import annotations

from typing import Any

from keraudit.building.keras_model import alone, build
from keraudit.model.graph import Graph, Node


def fvcore(graph: Graph) -> int:
    """Facebook's counter: traces the model in torch; MACs, which it calls flops."""
    import torch
    from fvcore.nn import FlopCountAnalysis

    model = build(graph)
    inputs = [torch.zeros(n.outputs[0].shape, dtype=_torch_dtype(n)) for n in graph.input_nodes]

    class Called(torch.nn.Module):  # type: ignore[misc]  # no types; fvcore passes several inputs one by one, Keras takes a list
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *tensors: Any) -> Any:
            return self.model(alone(list(tensors)))

    with torch.no_grad():
        counts = FlopCountAnalysis(Called().eval(), tuple(inputs))
        quiet = counts.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        return int(quiet.total())


def torch(graph: Graph) -> int:
    """torch's own counter: runs the model once; 2 x MACs."""
    import torch as library
    from torch.utils.flop_counter import FlopCounterMode

    model = build(graph)
    # not the meta device: attention is one fused operation on a CPU, and two products there
    inputs = [library.zeros(n.outputs[0].shape, dtype=_torch_dtype(n)) for n in graph.input_nodes]
    with library.no_grad(), FlopCounterMode(display=False) as counter:
        model(alone(inputs))
    return int(counter.get_total_flops())


def _torch_dtype(node: Node) -> Any:
    import torch as library

    return getattr(library, node.outputs[0].dtype)


def tensorflow(graph: Graph) -> int:
    """TensorFlow's profiler of version 1, on the frozen graph: with an open batch it sees nothing."""
    import tensorflow as library
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2_as_graph,
    )

    model = build(graph)
    specs = [library.TensorSpec(n.outputs[0].shape, n.outputs[0].dtype) for n in graph.input_nodes]
    called = library.function(lambda tensors: model(tensors, training=False))
    _, frozen = convert_variables_to_constants_v2_as_graph(
        called.get_concrete_function(alone(specs))
    )
    profiler = library.compat.v1.profiler
    with library.Graph().as_default() as library_graph:
        library.graph_util.import_graph_def(frozen, name="")
        options = profiler.ProfileOptionBuilder(profiler.ProfileOptionBuilder.float_operation())
        profile = profiler.profile(graph=library_graph, options=options.with_empty_output().build())
    return int(profile.total_float_ops)


def xla(graph: Graph) -> int:
    """XLA's cost analysis of the program that JAX hands it; nothing is compiled or allocated."""
    import jax

    model = build(graph, allocate=False)

    def spec(variable: Any) -> Any:
        return jax.ShapeDtypeStruct(variable.shape, variable.dtype)

    def call(trained: Any, other: Any, tensors: Any) -> Any:
        return model.stateless_call(trained, other, tensors, training=False)[0]

    lowered = jax.jit(call).lower(
        [spec(v) for v in model.trainable_variables],
        [spec(v) for v in model.non_trainable_variables],
        alone([spec(n.outputs[0]) for n in graph.input_nodes]),
    )
    return int((lowered.cost_analysis() or {}).get("flops", 0))
