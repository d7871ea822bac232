"""Configs written to make Keras run something, and the harmless ones that they are made from."""

from __future__ import annotations

import copy
import marshal
import random
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Record = dict[str, Any]


def layer(kind: str, name: str, **config: Any) -> Record:
    return {
        "module": "keras.layers",
        "class_name": kind,
        "config": {"name": name, **config},
        "registered_name": None,
        "name": name,
    }


def tensor(name: str, shape: Sequence[int | None] = (None, 4, 8)) -> Record:
    return {
        "class_name": "__keras_tensor__",
        "config": {"shape": [*shape], "dtype": "float32", "keras_history": [name, 0, 0]},
    }


def functional(*layers: Record, name: str = "m", shape: Sequence[int] = (4, 8)) -> Record:
    """A chain of layers on an input."""
    made = [layer("InputLayer", f"in_{name}", batch_shape=[None, *shape], dtype="float32")]
    made[0]["inbound_nodes"] = []
    for record in layers:
        last = made[-1]["name"]
        node = {"args": [tensor(last, (None, *shape))], "kwargs": {}}
        made.append({**record, "inbound_nodes": record.get("inbound_nodes", [node])})
    return {
        "module": "keras",
        "class_name": "Functional",
        "registered_name": None,
        "config": {
            "name": name,
            "trainable": True,
            "layers": made,
            "input_layers": [f"in_{name}", 0, 0],
            "output_layers": [made[-1]["name"], 0, 0],
        },
    }


def class_record(module: str | None, kind: str, config: Any = None, **others: Any) -> Record:
    return {
        "module": module,
        "class_name": kind,
        "config": config or {},
        "registered_name": None,
    } | others


def function_record(module: str, name: str) -> Record:
    return class_record(module, "function", name, registered_name=name)


def policy(name: str = "float32") -> Record:
    return class_record("keras", "DTypePolicy", {"name": name}, shared_object_id=7)


def initializer(kind: str = "GlorotUniform", **config: Any) -> Record:
    return class_record("keras.initializers", kind, config)


def dense(name: str = "d", **config: Any) -> Record:
    given: Record = {"units": 8, "activation": "relu", "kernel_initializer": initializer(seed=None)}
    return layer("Dense", name, **given | config)


def harmless() -> Mapping[str, Record]:
    """One model for each kind of place that an object has in a config."""
    inner = functional(dense("inner"), name="held", shape=(8,))
    cell = layer("LSTMCell", "cell", units=5, recurrent_initializer=initializer("Orthogonal"))
    gru = layer("GRU", "gru", units=3, return_sequences=True, recurrent_activation="sigmoid")
    table = layer("StringLookup", "t", vocabulary=["a", "b"], output_mode="int")
    words = layer("InputLayer", "in_w", batch_shape=[None, 1], dtype="string")
    node = {"args": [tensor("in_w", (None, 1))], "kwargs": {}}
    add = {
        **class_record("keras.src.ops.numpy", "Add", {"name": "add"}),
        "name": "add",
        "inbound_nodes": [{"args": [tensor("in_m"), 2.0], "kwargs": {}}],
    }
    part = {
        **class_record("keras.src.ops.numpy", "GetItem", {"name": "part"}),
        "name": "part",
        "inbound_nodes": [
            {
                "args": [
                    tensor("in_m"),
                    [
                        {"class_name": "__ellipsis__", "config": {}},
                        {
                            "class_name": "__slice__",
                            "config": {"start": 0, "stop": 2, "step": None},
                        },
                    ],
                ],
                "kwargs": {},
            }
        ],
    }
    made = {
        "dense": functional(
            dense(
                dtype=policy("mixed_bfloat16"),
                bias_initializer="zeros",
                kernel_regularizer=class_record("keras.regularizers", "L2", {"l2": 0.1}),
                bias_constraint=class_record("keras.constraints", "NonNeg"),
                activation=class_record("keras.layers", "LeakyReLU", {"negative_slope": 0.2}),
            ),
            layer("Activation", "a", activation=function_record("builtins", "tanh")),
        ),
        "wrapped": functional(layer("TimeDistributed", "td", layer=dense("one"))),
        "model": functional(layer("TimeDistributed", "td", layer=inner)),
        "both": functional(layer("Bidirectional", "bi", layer=gru, backward_layer=None)),
        "cell": functional(layer("RNN", "rnn", cell=cell, return_sequences=True)),
        "cells": functional(
            layer("RNN", "r", cell=layer("StackedRNNCells", "s", cells=[cell, {**cell}]))
        ),
        "pipeline": functional(
            layer("Pipeline", "p", layers=[layer("Rescaling", "q", scale=2.0, offset=0.0)])
        ),
        "rescaling": functional(
            layer(
                "Rescaling",
                "r",
                scale={"class_name": "__numpy__", "config": {"value": [2.0], "dtype": "float32"}},
                offset=0.0,
            ),
            layer("Masking", "mask", mask_value=0.0),
        ),
        "operations": functional(add, part),
        "map": functional(
            dense(
                dtype=class_record(
                    "keras.dtype_policies",
                    "DTypePolicyMap",
                    {"default_policy": policy(), "policy_map": {"d": policy()}},
                )
            )
        ),
        "normalised": functional(
            layer("Normalization", "n", axis=-1, mean=[0.0] * 8, variance=[1.0] * 8)
        ),
    }
    lookup = functional(table)
    ends = [{**words, "inbound_nodes": []}, {**table, "inbound_nodes": [node]}]
    lookup["config"] |= {"layers": ends, "input_layers": ["in_w", 0, 0]}
    return {**made, "lookup": lookup}


def broken() -> Iterator[Record]:
    """Models that Keras or we refuse: no attack, but they bring what the errors import."""
    yield functional(dense(no_such_option=1))
    yield functional(layer("TimeDistributed", "td", layer=dense("one", no_such_option=1)))
    yield functional(layer("Reshape", "r", target_shape=[7]))
    yield functional({**layer("Odd", "o"), "module": "my.code"})


def code() -> Record:
    """A lambda as Keras writes it, that would make a folder."""
    made = compile("__import__('os').mkdir('never')", "<hostile>", "eval")
    value = [b64encode(marshal.dumps(made)).decode(), None, None]
    return {
        "class_name": "__lambda__",
        "config": {"value": value, "code": value[0], "defaults": None, "closure": None},
    }


# Of the public functions of Keras and others, some that download, read, write, connect, or switch.
FUNCTIONS = (
    "keras.config.set_dtype_policy keras.config.set_floatx keras.config.set_image_data_format"
    " keras.config.enable_unsafe_deserialization keras.config.set_backend"
    " keras.utils.get_file keras.utils.clear_session keras.utils.set_random_seed"
    " keras.utils.load_img keras.utils.save_img keras.utils.plot_model keras.utils.is_keras_tensor"
    " keras.utils.image_dataset_from_directory keras.utils.text_dataset_from_directory"
    " keras.saving.load_model keras.saving.save_model keras.saving.load_weights"
    " keras.saving.register_keras_serializable keras.saving.deserialize_keras_object"
    " keras.models.load_model keras.models.model_from_json keras.models.clone_model"
    " keras.layers.deserialize keras.layers.serialize keras.activations.deserialize"
    " keras.initializers.deserialize keras.dtype_policies.get"
    " keras.datasets.mnist.load_data keras.datasets.imdb.load_data"
    " keras.preprocessing.image.load_img keras.distribution.initialize"
    " keras.tree.map_structure keras.ops.map keras.ops.vectorize keras.ops.cond keras.ops.add"
    " keras.src.utils.python_utils.func_load keras.src.saving.saving_lib.load_model"
    " keras.src.utils.file_utils.copy tf_keras.utils.get_file"
    " os.system subprocess.run builtins.exec builtins.open webbrowser.open tensorflow.io.write_file"
).split()
CLASSES = (
    "keras.callbacks.CSVLogger keras.callbacks.TensorBoard keras.callbacks.RemoteMonitor"
    " keras.callbacks.LambdaCallback keras.callbacks.BackupAndRestore keras.export.ExportArchive"
    " keras.layers.TFSMLayer keras.layers.TorchModuleWrapper keras.layers.JaxLayer"
    " keras.layers.FlaxLayer keras.layers.Lambda keras.utils.FeatureSpace keras.utils.PyDataset"
    " keras.quantizers.GPTQConfig keras.src.ops.core.Map keras.src.ops.core.Scan"
    " keras.src.ops.function.Function keras.metrics.MeanMetricWrapper keras.losses.Loss"
    " keras.optimizers.Adam keras.utils.CustomObjectScope"
    " subprocess.Popen pathlib.Path zipfile.ZipFile antigravity.Nothing this_is_none.Layer"
).split()


def objects() -> Iterator[tuple[str, Record]]:
    """Hostile objects, in the forms in which a file can name them."""
    for path in FUNCTIONS:
        module, _, name = path.rpartition(".")
        config = {"name": "h", "path": "never", "fname": "never", "origin": "http://127.0.0.1:9/x"}
        yield f"{path} as class", class_record(module, name, config)
        yield f"{path} as function", function_record(module, name)
        yield f"{path} registered", class_record(None, name, config, registered_name=path)
    for path in CLASSES:
        module, _, name = path.rpartition(".")
        config = {"name": "h", "filename": "never", "filepath": "never", "module": "never"}
        config |= {"f": function_record("os", "system"), "function": code(), "log_dir": "never"}
        yield f"{path}", class_record(module, name, config)
        yield f"{path} old", {"class_name": name, "config": config}
    yield "lambda", code()
    yield "lambda layer", class_record("keras.layers", "Lambda", {"name": "h", "function": code()})
    yield "old lambda", {"class_name": "Lambda", "config": {"function": ["code", None, None]}}
    spec = {"class_name": "__typespec__", "spec_name": "TensorSpec", "module": "tensorflow"}
    yield "typespec", {**spec, "registered_name": None, "config": [[1], "float32"]}
    objects_of = {"value": ["x"], "dtype": "O"}
    yield "object array", {"class_name": "__numpy__", "config": objects_of}
    yield "dotted", class_record("keras", "config.set_floatx", {"name": "h"})
    yield "no name", {"module": "os", "class_name": None, "config": {}}
    yield "list as name", {"module": ["os"], "class_name": ["system"], "config": {}}
    yield "package", class_record("keras", "x", {"name": "h"}, registered_name="Custom>Evil")
    yield "shared", class_record("os", "system", {"name": "h"}, shared_object_id=7)


# Where an object of a layer's config may stand: the model, and the keys that lead there.
PLACES: Mapping[str, tuple[str, tuple[str | int, ...]]] = {
    "layer": ("dense", ("layers", 1)),
    "activation": ("dense", ("layers", 1, "config", "activation")),
    "initializer": ("dense", ("layers", 1, "config", "kernel_initializer")),
    "regularizer": ("dense", ("layers", 1, "config", "kernel_regularizer")),
    "constraint": ("dense", ("layers", 1, "config", "bias_constraint")),
    "activity": ("dense", ("layers", 1, "config", "activity_regularizer")),
    "policy": ("dense", ("layers", 1, "config", "dtype")),
    "quantization": ("dense", ("layers", 1, "config", "quantization_config")),
    "units": ("dense", ("layers", 1, "config", "units")),
    "seed": ("dense", ("layers", 1, "config", "kernel_initializer", "config", "seed")),
    "inner policy": ("map", ("layers", 1, "config", "dtype", "config", "default_policy")),
    "mapped policy": ("map", ("layers", 1, "config", "dtype", "config", "policy_map", "d")),
    "wrapped": ("wrapped", ("layers", 1, "config", "layer")),
    "wrapped activation": ("wrapped", ("layers", 1, "config", "layer", "config", "activation")),
    "held model's layer": ("model", ("layers", 1, "config", "layer", "config", "layers", 1)),
    "held model's call": (
        "model",
        ("layers", 1, "config", "layer", "config", "layers", 1, "inbound_nodes", 0, "kwargs", "x"),
    ),
    "both": ("both", ("layers", 1, "config", "layer")),
    "backward": ("both", ("layers", 1, "config", "backward_layer")),
    "cell": ("cell", ("layers", 1, "config", "cell")),
    "cell's initializer": (
        "cell",
        ("layers", 1, "config", "cell", "config", "recurrent_initializer"),
    ),
    "cells": ("cells", ("layers", 1, "config", "cell", "config", "cells", 0)),
    "pipeline": ("pipeline", ("layers", 1, "config", "layers", 0)),
    "scale": ("rescaling", ("layers", 1, "config", "scale")),
    "mask value": ("rescaling", ("layers", 2, "config", "mask_value")),
    "argument": ("operations", ("layers", 1, "inbound_nodes", 0, "args", 1)),
    "keyword": ("operations", ("layers", 1, "inbound_nodes", 0, "kwargs", "x2")),
    "vocabulary": ("lookup", ("layers", 1, "config", "vocabulary")),
}


EVERY = ("layer", "activation", "initializer", "policy", "wrapped", "argument")


def put(record: Record, place: tuple[str | int, ...], hostile: Any) -> Record:
    """The model with an object at a place; a layer keeps its name and its calls."""
    made = copy.deepcopy(record)
    at: Any = made["config"]
    for key in place[:-1]:
        at = at[key]
    old = at.get(place[-1]) if isinstance(at, dict) else at[place[-1]]
    new = copy.deepcopy(hostile)
    if isinstance(old, dict) and "inbound_nodes" in old and isinstance(new, dict):
        new |= {"name": old["name"], "inbound_nodes": old["inbound_nodes"]}
        if isinstance(new.get("config"), dict):
            new["config"]["name"] = old["name"]
    at[place[-1]] = new
    return made


def hostile_models() -> Iterator[tuple[str, Record]]:
    """Every hostile object at a place of each kind, and at a third of the others."""
    models = harmless()
    for row, (place, (model, path)) in enumerate(PLACES.items()):
        for number, (name, found) in enumerate(objects()):
            if place not in EVERY and (row + number) % 3:
                continue
            yield f"{name} at {place}", put(models[model], path, found)
    for key in ("vocabulary", "idf_weights"):
        yield f"a path as {key}", put(models["lookup"], ("layers", 1, "config", key), "/etc/hosts")


def everywhere(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of every value in a record."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        yield (*path, key)
        yield from everywhere(item, (*path, key))


def mutated(count: int, seed: int = 0) -> Iterator[tuple[str, Record]]:
    """Harmless models with a hostile object somewhere: in place of a value, or under a new key."""
    rng = random.Random(seed)
    models, found = harmless(), list(objects())
    extra = ("build_config", "compile_config", "activation", "function", "layer", "cell", "x")
    for _ in range(count):
        model = rng.choice(sorted(models))
        path = rng.choice(list(everywhere(models[model]["config"])))
        if rng.random() < 0.3:
            path = (*path[:-1], rng.choice(extra)) if isinstance(path[-1], str) else path
        name, record = rng.choice(found)
        yield f"{name} in {model} at {path}", put(models[model], path, record)
