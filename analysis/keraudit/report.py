"""The cost report: what the cost audit found about one model, with where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keraudit.audits.cost import BlockCost, Cost, Costs, LayerCost
from keraudit.audits.receptive import Field
from keraudit.bounds import Bound
from keraudit.origin import Report

if TYPE_CHECKING:
    import pandas

SCHEMA = "keraudit.cost/2"
CONVENTION = (
    "1 MAC = 1 multiply-accumulate; multiplications = MACs; FLOPs = 2 x MACs + other operations"
    " (bias, normalisation, activation, pooling, merge); padded taps count; cost is per call of a"
    " batch, at inference"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteNote:
    """What a rewrite did to the model before it was audited; ``log`` is (layer, what, why)."""

    name: str
    changes: int
    nothing: str = ""
    log: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CostReport(Report):
    """The cost of a model at an input size. ``str()`` is the table, ``to_dict()`` the whole record.

    Attributes:
        costs: per layer, per block, and in total.
        rewrites: what was changed in the model before it was audited.
    """

    costs: Costs
    rewrites: tuple[RewriteNote, ...] = ()

    @property
    def total(self) -> Cost:
        return self.costs.total

    @property
    def layers(self) -> tuple[LayerCost, ...]:
        return self.costs.layers

    @property
    def blocks(self) -> tuple[BlockCost, ...]:
        return self.costs.blocks

    @property
    def bound(self) -> Bound:
        """Exact; lower where something could not be counted; an estimate where a shape is assumed.

        The worst of all figures; ``total.bounds`` has it of each.
        """
        return self.total.bounds.worst

    def __str__(self) -> str:
        from keraudit.render.text import report_text

        return report_text(self)

    def _repr_html_(self) -> str:
        from keraudit.render.html import report_fragment

        return report_fragment(self)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, in the schema that the CLI's JSON has."""
        return {
            **self.origin(SCHEMA),
            "convention": CONVENTION,
            "rewrites": [
                {
                    "name": note.name,
                    "changes": note.changes,
                    "nothing": note.nothing,
                    "log": [dict(zip(("layer", "what", "why"), e, strict=True)) for e in note.log],
                }
                for note in self.rewrites
            ],
            "totals": {
                **cost_dict(self.total),
                "layers": len(self.layers),
                "peak_activation_bytes": self.costs.peak_activation_bytes,
                "peak_at": self.costs.peak_at,
            },
            "bound": self.bound.word,
            "unsupported": [
                {"layer": layer.name, "kind": layer.kind, "reason": layer.reason}
                for layer in self.costs.unsupported
            ],
            "blocks": [block_dict(block) for block in self.blocks],
            "layers": [layer_dict(layer) for layer in self.layers],
        }

    def to_json(self) -> str:
        """``to_dict()`` as JSON text."""
        from keraudit.render.json_text import json_text

        return json_text(self.to_dict())

    def to_dataframe(self) -> pandas.DataFrame:
        """One row per layer, as a pandas frame; needs pandas."""
        import pandas

        return pandas.DataFrame(self.to_dict()["layers"])


def cost_dict(cost: Cost) -> dict[str, Any]:
    return {**figures(cost), "bounds": cost.bounds.words()}


def figures(cost: Cost) -> dict[str, int]:
    """The numbers of a cost alone."""
    return {
        "macs": cost.macs,
        "flops": cost.flops,
        "multiplications": cost.multiplications,
        "training_macs": cost.training_macs,
        "params": cost.params,
        "trainable_params": cost.trainable_params,
        "param_bytes": cost.param_bytes,
        "activation_bytes": cost.activation_bytes,
    }


def field_dict(seen: Field | None) -> dict[str, Any]:
    """The receptive field as ``[height, width]`` pairs; ``None`` where it is not defined."""
    if seen is None:
        return {"receptive_field": None, "effective_stride": None, "effective_padding": None}
    stride, padding = seen.effective_stride, seen.effective_padding
    return {
        "receptive_field": list(seen.receptive_field),
        "effective_stride": None if stride is None else list(stride),
        "effective_padding": None if padding is None else list(padding),
    }


def block_dict(block: BlockCost) -> dict[str, Any]:
    return {
        "name": block.name,
        "kind": block.kind,
        "stage": block.stage,
        "layers": list(block.layers),
        "output_shape": list(block.output_shape),
        **cost_dict(block.cost),
        **field_dict(block.field),
        "children": [block_dict(child) for child in block.children],
    }


def layer_dict(layer: LayerCost) -> dict[str, Any]:
    return {
        "name": layer.name,
        "kind": layer.kind,
        "block": layer.block,
        "stage": layer.stage,
        "input_shapes": [list(shape) for shape in layer.input_shapes],
        "output_shape": list(layer.output_shapes[0]) if layer.output_shapes else [],
        "output_shapes": [list(shape) for shape in layer.output_shapes],
        "dtype": layer.dtype,
        **cost_dict(layer.cost),
        "live_activation_bytes": layer.live_bytes,
        **field_dict(layer.field),
        "status": layer.status,
        "reason": layer.reason,
        "terms": [
            {"unit": t.unit, "what": t.what, "factors": dict(t.factors), "value": t.value}
            for t in layer.terms
        ],
    }
