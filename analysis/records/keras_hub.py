"""Count every model of KerasHub twice, small: ``python -m records.keras_hub [NAME ...]``.

Each is audited as a user would audit it, and counted a second time over the JAX program of its call
(``records.jax_products``). Both counts, the parameters and the reason of every bound go into
``site/results/keras-hub.json``, which the page on KerasHub shows. With names: those alone, to the
terminal. It needs ``pip install keras-hub`` and JAX; it downloads nothing, and no weight is allocated.
"""

from __future__ import annotations

import json
import os
import re
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from keraudit.reading.unallocated import unallocated
from records.jax_products import Unbounded, products
from records.keras_hub_composed import COMPOSED, TASKS, plain
from records.keras_hub_models import LENGTH, PLAIN, UNBUILT

PATH = Path("site/results/keras-hub.json")
SCHEMA = "keraudit.keras-hub/1"
COMMAND = "python -m records.keras_hub"
# The shapes of inputs whose open axes are not the length of a sequence.
OPEN_SHAPES = {
    "encoder_input_values": (4096, 1),  # samples of a signal, of which three strides leave few
    "masks": (1, 16, 16, 1),  # as many as SAM takes, at four times the size of its image embedding
}

MODELS: Mapping[str, Callable[[], Any]] = {
    **{name: partial(plain, name) for name in PLAIN},
    **COMPOSED,
    **TASKS,
}


def built(name: str) -> Any:
    """One of ``MODELS``, its weights not allocated."""
    return unallocated(MODELS[name])


def inputs_of(model: Any) -> Any:
    """Symbolic JAX inputs in the model's structure, every open axis at its size."""
    import jax
    import keras

    def symbolic(tensor: Any) -> Any:
        usual = tuple(LENGTH if axis is None else axis for axis in tensor.shape[1:])
        shape = OPEN_SHAPES.get(tensor._keras_history.operation.name, usual)
        return jax.ShapeDtypeStruct((1, *shape), tensor.dtype)

    return keras.tree.map_structure(symbolic, model._inputs_struct)


def jax_macs(model: Any, inputs: Any) -> int:
    """The multiply-accumulates of the JAX program of one call at inference.

    What no output depends on is dropped, as a compiler drops it, and as Keras does in a functional model.

    Raises:
        Unbounded: the program does not tell them.
    """
    import jax
    import keras
    from jax.interpreters.partial_eval import dce_jaxpr

    def call(weights: Any, x: Any) -> Any:
        values = list(zip(model.variables, weights, strict=True))
        with keras.StatelessScope(state_mapping=values, initialize_variables=False):
            return model(x, training=False)

    weights = [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in model.variables]
    program = jax.make_jaxpr(call)(weights, inputs).jaxpr
    needed, _ = dce_jaxpr(program, [True] * len(program.outvars))
    return products(needed)


def row(name: str) -> dict[str, Any]:
    """Both counts of one model."""
    import keras

    import keraudit

    model = built(name)
    inputs = inputs_of(model)
    found: dict[str, Any] = {"name": name, "part": "task" if name in TASKS else "backbone"}
    try:
        found |= {"jax_macs": jax_macs(model, inputs), "jax_error": ""}
    except Unbounded as error:
        found |= {"jax_macs": None, "jax_error": str(error)}
    except Exception as error:  # noqa: BLE001  # the model's own code may raise anything
        reason = f"its call does not run under JAX's tracer ({_line(error)})"
        found |= {"jax_macs": None, "jax_error": reason}
    found["keras_params"] = model.count_params()
    shapes = [tuple(x.shape[1:]) for x in keras.tree.flatten(inputs)]
    found |= from_file(model, shapes)
    try:
        report = keraudit.audit(model, input_shape=shapes)
    except keraudit.KerauditError as error:
        none = {"macs": None, "params": None, "uncounted": None}
        return {**found, **none, "bound": "refused", "reason": _line(error)}
    reasons = [f"{layer.name}: {layer.reason}" for layer in report.costs.unsupported]
    return {
        **found,
        "macs": report.total.macs,
        "params": report.total.params,
        "bound": report.bound.word,
        "reason": reasons[0] if reasons else "",
        "uncounted": len(reasons),
    }


def from_file(model: Any, shapes: Sequence[tuple[int, ...]]) -> dict[str, Any]:
    """What is counted of the model saved as ``.keras`` and read with ``--import keras_hub``.

    The work of that process is done in this one, which has imported the package already.
    """
    from keraudit.api import report_of
    from keraudit.building import import_worker
    from keraudit.errors import KerauditError
    from keraudit.layers.infer import shaped
    from keraudit.model.input_sizes import Requested
    from keraudit.reading.config import architecture
    from keraudit.reading.live_layers import with_live_facts

    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", model.to_json())
        request = Requested(shapes=tuple(shapes)).to_dict()
        options = {"packages": [["keras_hub", ""]], "requests": [request], "closed": []}
        try:
            (read,) = json.loads(import_worker.found(path, options))
            if "error" in read:
                raise KerauditError(read["error"])
        except KerauditError as error:
            return {"file_macs": None, "file_params": None, "file_error": _line(error)}
    graph = with_live_facts(architecture(read["model"], source="file"), read["facts"])
    total = report_of(shaped(graph)).total
    return {"file_macs": total.macs, "file_params": total.params, "file_error": ""}


def is_exact_from_file(found: Mapping[str, Any]) -> bool:
    """Whether the saved file gives the same exact counts as the live model."""
    same = (found["file_macs"], found["file_params"]) == (found["macs"], found["params"])
    return same and is_exact(found)


def _line(error: Exception) -> str:
    """An error in one line, without what colours a terminal."""
    words = (
        re.sub(r"\x1b\[[0-9;]*m| at /\S+", "", str(error))
        .partition("Arguments received")[0]
        .split()
    )
    return f"{type(error).__name__}: {' '.join(words)[:200]}"


def is_exact(found: Mapping[str, Any]) -> bool:
    """Whether a row says that it is exact and both of its counts agree with Keras'."""
    same = found["macs"] == found["jax_macs"] and found["params"] == found["keras_params"]
    return bool(same and found["bound"] == "exact")


def record(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The record of all models."""
    from importlib.metadata import version

    from keraudit._version import __version__

    return {
        "schema": SCHEMA,
        "command": COMMAND,
        "versions": {
            "keraudit": __version__,
            **{name: version(name) for name in ("keras", "keras-hub", "jax")},
        },
        "date": datetime.now(UTC).date().isoformat(),
        "length": LENGTH,
        "unbuilt": dict(UNBUILT),
        "models": list(rows),
    }


def main(arguments: Sequence[str]) -> None:
    from keraudit.output.files import save
    from keraudit.output.json_text import json_text

    os.environ["KERAS_BACKEND"] = "jax"
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    rows = []
    for name in arguments or MODELS:
        rows.append(row(name))
        sys.stderr.write(f"{'exact' if is_exact_from_file(rows[-1]) else 'BOUND'} {name}\n")
    if arguments:
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
    else:
        save(PATH, json_text(record(rows)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
