"""The arguments of a call as its rule takes them: tensors in place of references and arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from keraudit.model.graph import Call, Node, Ref, Tensor

ARRAY = "__array__"  # of a traced model: a shape and a dtype, no values


class Arguments:
    """The arguments of one call, and every tensor among them.

    Args:
        call: of a layer or operation; ``None``: of a layer in a wrapper, which takes ``inputs`` alone.
        inputs: the tensors that the call refers to.
        nodes: what was called before.
        arrays: whether the array of a traced call is a tensor too. Operations tell them apart.
    """

    def __init__(
        self, call: Call | None, inputs: tuple[Tensor, ...], nodes: Sequence[Node], *, arrays: bool
    ) -> None:
        self.nodes = nodes
        self.arrays = arrays
        self.made = False
        self.found: list[Tensor] = []
        self.args: tuple[Any, ...] = self._with_tensors(call.args) if call else ()
        self.kwargs: dict[str, Any] = self._with_tensors(call.kwargs) if call else {}
        self.inputs = tuple(self.found) if self.made else inputs

    def _with_tensors(self, value: Any) -> Any:
        """The same structure with a ``Tensor`` in place of every ``Ref``."""
        if isinstance(value, Ref):
            self.found.append(self.nodes[value.call].outputs[value.output])
            return self.found[-1]
        if isinstance(value, list | tuple):
            return tuple(map(self._with_tensors, value))
        if not isinstance(value, Mapping):
            return value
        if self.arrays and value.get("class_name") == ARRAY:
            self.made = True
            self.found.append(
                Tensor(tuple(value["config"]["shape"]), str(value["config"]["dtype"]))
            )
            return self.found[-1]
        return {key: self._with_tensors(item) for key, item in value.items()}
