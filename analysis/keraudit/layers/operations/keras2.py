"""TensorFlow functions in files of Keras 2: ``TFOpLambda`` and ``SlicingOpLambda``.

Keras 2 recorded ``x + y`` on symbolic tensors as a layer that names a TensorFlow function. The
common ones are translated to the operation of ``keras.ops`` that does the same; others are
unsupported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate
from typing import Any

from keraudit.layers.arguments import ARRAY
from keraudit.layers.call import Effect, Rule, Site, Tensor, unsupported, zero
from keraudit.layers.operations.operands import shape_of
from keraudit.layers.operations.rule_table import OPERATIONS
from keraudit.layers.operations.select import get_item
from keraudit.layers.reshaping import MOVED
from keraudit.model.graph import GLOBAL

ONE: tuple[str, ...] = ()  # the first argument alone is an operand
TWO = ("y",)
AXIS = {"axis": "axis"}
REDUCE = {"axis": "axis", "keepdims": "keepdims"}

Row = tuple[str, tuple[str, ...], Mapping[str, str]]


def rows(names: str, operation: str, others: tuple[str, ...], **renamed: str) -> dict[str, Row]:
    return dict.fromkeys(names.split(), (operation, others, renamed))


# TensorFlow's name: the operation, further operands, options by the operation's names
FUNCTIONS: Mapping[str, Row] = {
    **rows("math.add __operators__.add add", "Add", TWO),
    **rows("math.subtract __operators__.sub subtract", "Subtract", TWO),
    **rows("math.multiply __operators__.mul multiply", "Multiply", TWO),
    **rows("math.divide math.truediv __operators__.truediv divide", "Divide", TWO),
    **rows("math.floordiv __operators__.floordiv", "FloorDivide", TWO),
    **rows("math.floormod __operators__.mod", "Mod", TWO),
    **rows("math.pow __operators__.pow pow", "Power", TWO),
    **rows("math.maximum maximum", "Maximum", TWO),
    **rows("math.minimum minimum", "Minimum", TWO),
    **rows("math.squared_difference", "SquaredDifference", TWO),
    **rows("math.greater __operators__.gt", "Greater", TWO),
    **rows("math.greater_equal __operators__.ge", "GreaterEqual", TWO),
    **rows("math.less __operators__.lt", "Less", TWO),
    **rows("math.less_equal __operators__.le", "LessEqual", TWO),
    **rows("math.equal __operators__.eq", "Equal", TWO),
    **rows("math.not_equal __operators__.ne", "NotEqual", TWO),
    **rows("math.logical_and __operators__.and", "LogicalAnd", TWO),
    **rows("math.logical_or __operators__.or", "LogicalOr", TWO),
    **rows("math.logical_not", "LogicalNot", ONE),
    **rows("math.negative __operators__.neg", "Negative", ONE),
    **rows("math.abs __operators__.abs", "Absolute", ONE),
    **rows("math.exp", "Exp", ONE),
    **rows("math.log", "Log", ONE),
    **rows("math.square", "Square", ONE),
    **rows("math.sqrt", "Sqrt", ONE),
    **rows("math.rsqrt", "Rsqrt", ONE),
    **rows("math.tanh nn.tanh", "Tanh", ONE),
    **rows("math.sin", "Sin", ONE),
    **rows("math.cos", "Cos", ONE),
    **rows("math.round", "Round", ONE),
    **rows("math.sign", "Sign", ONE),
    **rows("math.erf", "Erf", ONE),
    **rows("clip_by_value", "Clip", ONE),
    **rows("nn.relu", "Relu", ONE),
    **rows("nn.relu6", "Relu6", ONE),
    **rows("nn.elu", "Elu", ONE),
    **rows("nn.selu", "Selu", ONE),
    **rows("nn.gelu", "Gelu", ONE),
    **rows("nn.silu nn.swish", "Silu", ONE),
    **rows("nn.leaky_relu", "LeakyRelu", ONE),
    **rows("math.sigmoid nn.sigmoid", "Sigmoid", ONE),
    **rows("math.softplus nn.softplus", "Softplus", ONE),
    **rows("nn.softmax math.softmax", "Softmax", ONE, **AXIS),
    **rows("nn.log_softmax", "LogSoftmax", ONE, **AXIS),
    **rows("math.l2_normalize nn.l2_normalize linalg.l2_normalize", "Normalize", ONE, **AXIS),
    **rows("math.reduce_mean", "Mean", ONE, **REDUCE),
    **rows("math.reduce_sum", "Sum", ONE, **REDUCE),
    **rows("math.reduce_max", "Max", ONE, **REDUCE),
    **rows("math.reduce_min", "Min", ONE, **REDUCE),
    **rows("math.reduce_prod", "Prod", ONE, **REDUCE),
    **rows("math.reduce_std", "Std", ONE, **REDUCE),
    **rows("math.reduce_variance", "Var", ONE, **REDUCE),
    **rows("math.argmax argmax", "Argmax", ONE, **AXIS),
    **rows("linalg.matmul matmul", "Matmul", ("b",)),
    **rows("tensordot", "Tensordot", ("b",), axes="axes"),
    **rows("reshape", "Reshape", ONE, shape="newshape"),
    **rows("transpose compat.v1.transpose", "Transpose", ONE, perm="axes"),
    **rows("expand_dims", "ExpandDims", ONE, **AXIS),
    **rows("squeeze compat.v1.squeeze", "Squeeze", ONE, **AXIS),
    **rows("concat", "Concatenate", ONE, **AXIS),
    **rows("stack", "Stack", ONE, **AXIS),
    **rows("unstack", "Unstack", ONE, **AXIS),
    **rows("split", "Split", ONE, num_or_size_splits="indices_or_sections", axis="axis"),
    **rows("tile", "Tile", ONE, multiples="repeats"),
    **rows("repeat", "Repeat", ONE, repeats="repeats", axis="axis"),
    **rows("pad compat.v1.pad", "Pad", ONE, paddings="pad_width"),
    **rows("broadcast_to", "BroadcastTo", ONE, shape="shape"),
    **rows("gather compat.v1.gather", "Take", ("indices",), axis="axis"),
    **rows("where", "Where", ("x", "y")),
    **rows("zeros_like ones_like", "ZerosLike", ONE),
    **rows("one_hot", "OneHot", ONE, depth="num_classes", axis="axis"),
    **rows("cast stop_gradient identity", "Cast", ONE),
    **rows("reverse", "Flip", ONE, **AXIS),
    **rows("roll", "Roll", ONE),
    **rows("image.resize", "Resize", ONE, size="size", method="interpolation"),
    **rows("nn.depth_to_space", "DepthToSpace", ONE, block_size="block_size"),
    **rows("nn.space_to_depth", "SpaceToDepth", ONE, block_size="block_size"),
}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {"Take": {"axis": 0}, "Argmax": {"axis": 0}}


def _lambda_operation(site: Site) -> Effect:
    """The operation that the named TensorFlow function is; its first argument is the layer's input."""
    name = str(site.config.get("function", ""))
    if name in ("shape", "compat.v1.shape"):
        return zero((len(site.shape),), reason="a shape, no arithmetic", view=GLOBAL, dtype="int32")
    row = FUNCTIONS.get(name)
    if row is None or (rule := OPERATIONS.get(f"ops.{row[0]}")) is None:
        shape = site.shape if site.expected is None else site.expected
        reason = f"the TensorFlow function {name!r} is not in the table"
        return unsupported(shape, reason=reason, view=GLOBAL, guessed=True)
    operation, others, renamed = row
    kwargs = {k: v for k, v in site.kwargs.items() if v is not None}
    if operation == "Take" and kwargs.get("batch_dims"):
        return _gathered(site, kwargs)
    args = [*site.args, *(kwargs[other] for other in others if other in kwargs)]
    config: dict[str, Any] = {**DEFAULTS.get(operation, {})}
    config |= {ours: kwargs[theirs] for theirs, ours in renamed.items() if theirs in kwargs}
    if operation == "Split":
        config["indices_or_sections"] = _starts(config["indices_or_sections"])
    if operation == "Matmul":
        flags = [kwargs.get("transpose_a"), kwargs.get("transpose_b")]
        args = [turned(arg) if flag else arg for arg, flag in zip(args, flags, strict=True)]
    dtype = kwargs.get("dtype") if name == "cast" else None
    effect = rule(
        replace(site, kind=f"ops.{operation}", config=config, args=tuple(args), kwargs={})
    )
    return replace(effect, dtype=dtype) if dtype else effect


def _gathered(site: Site, kwargs: Mapping[str, Any]) -> Effect:
    """``tf.gather`` whose first ``batch_dims`` axes are those of the indices too."""
    indices, rank = shape_of(kwargs["indices"]), len(site.shape)
    dims = int(kwargs["batch_dims"]) % len(indices)
    axis = int(kwargs.get("axis", dims)) % rank
    output = (*site.shape[:axis], *indices[dims:], *site.shape[axis + 1 :])
    return zero(output, reason=MOVED, view=GLOBAL)


def _starts(sections: Any) -> Any:
    """TensorFlow splits by sizes, ``keras.ops`` by where the parts start.

    >>> _starts([2, 3, 4]), _starts(3)
    ([2, 5], 3)
    """
    if isinstance(sections, list | tuple):
        return list(accumulate(sections[:-1]))
    return sections


def turned(value: Any) -> Any:
    """A matrix, or one for each position, turned: a tensor, or a constant of the file."""
    shape = shape_of(value)
    back = (*shape[:-2], shape[-1], shape[-2])
    if isinstance(value, Tensor):
        return Tensor(back, value.dtype)
    config = value.get("config") if isinstance(value, Mapping) else None
    dtype = config.get("dtype", "float32") if isinstance(config, Mapping) else "float32"
    return {"class_name": ARRAY, "config": {"shape": list(back), "dtype": dtype}}


def _slicing(site: Site) -> Effect:
    """x[key], the key in ``slice_spec``."""
    key = site.kwargs.get("slice_spec", site.config.get("slice_spec"))
    return get_item(replace(site, kind="ops.GetItem", args=(site.inputs[0], key), kwargs={}))


OLD: Mapping[str, Rule] = {"TFOpLambda": _lambda_operation, "SlicingOpLambda": _slicing}
