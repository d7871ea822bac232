"""How a fresh process of each counter counts one saved model; run by ``analysis/benchmarks/command.py``.

``python analysis/benchmarks/peers.py NAME FILE`` prints the peer's number alone.
"""

import os
import sys


def fvcore(path: str) -> int:
    """Facebook's counter: MACs, which it calls flops."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras
    import torch
    from fvcore.nn import FlopCountAnalysis

    model = keras.saving.load_model(path, compile=False)
    with torch.no_grad():
        counts = FlopCountAnalysis(model, torch.zeros((1, *model.input_shape[1:])))
        return int(counts.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())


def tensorflow(path: str) -> int:
    """TensorFlow's profiler of version 1, on the frozen graph at batch 1: FLOPs."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2_as_graph,
    )

    model = keras.saving.load_model(path, compile=False)
    spec = tf.TensorSpec((1, *model.input_shape[1:]), tf.float32)
    concrete = tf.function(model).get_concrete_function(spec)
    _, graph_def = convert_variables_to_constants_v2_as_graph(concrete)
    profiler = tf.compat.v1.profiler
    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(graph_def, name="")
        options = profiler.ProfileOptionBuilder(profiler.ProfileOptionBuilder.float_operation())
        profile = profiler.profile(graph=graph, options=options.with_empty_output().build())
    return int(profile.total_float_ops)


def summary(path: str) -> int:
    """``Model.summary()``: parameters only, the least that Keras does with a saved model."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras

    model = keras.saving.load_model(path, compile=False)
    model.summary(print_fn=lambda line: None)
    return int(model.count_params())


PEERS = {"fvcore": fvcore, "TensorFlow profiler": tensorflow, "Model.summary()": summary}

if __name__ == "__main__":
    print(PEERS[sys.argv[1]](sys.argv[2]))
