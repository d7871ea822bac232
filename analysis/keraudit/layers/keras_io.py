"""Rules for the transformer layers of keras.io's examples, which are in many people's files: ``--rules keras.io``.

A file holds the arguments of such a layer, never its code. The rules are chosen by name and not built in, because
other classes bear the same names: whoever asks for them says that the classes are those of the examples. A rule
applies where the config has the arguments of a version that it knows, and where the file's weights are those of that
version. Otherwise the layer stays unsupported, with the reason.

A head is `embed_dim` wide in today's examples, `embed_dim` / `num_heads` in the first ones and in many copies. The
weights in the file tell which; without them (`.json`) the narrower head is counted, and the figures are lower bounds.
The first dense layer ends in ReLU. Masks, and options that concern dropout, cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, NamedTuple

from keraudit.errors import ModelError, ShapeError
from keraudit.layers.call import Effect, Site, Term, Weight, counted, zero
from keraudit.layers.rule_table import rule_of
from keraudit.layers.unlisted import unlisted
from keraudit.model.graph import GLOBAL, UNSUPPORTED, Layer, Tensor

OF_EVERY_LAYER = frozenset("name trainable dtype batch_shape batch_input_shape".split())
WITHOUT_COST = frozenset("rate dropout dropout_rate".split())
EXAMPLES = "keras.io"


class Parts:
    """The Keras layers that a layer is made of, applied one by one; collects what they do."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.terms: list[Term] = []
        self.weights: list[Weight] = []

    def size(self, name: str) -> int:
        """An option that is a whole number from 1."""
        value = self.site.config[name]
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ModelError(f"{name} must be a whole number from 1, received {value!r:.60}")
        return value

    def apply(self, name: str, kind: str, config: dict[str, Any], *tensors: Tensor) -> Tensor:
        """Count one call of a layer or operation of Keras' own; its output."""
        rule = rule_of(kind)
        if rule is None:
            raise ModelError(f"{kind} is not in the layer table")
        effect = rule(replace(self.site, kind=kind, config=config, inputs=tensors, args=tensors))
        self.terms += effect.terms
        self.weights += [w._replace(name=f"{name}/{w.name}") for w in effect.weights]
        return Tensor(effect.outputs[0], "float32")

    def dense(self, name: str, x: Tensor, units: int, activation: str = "linear") -> Tensor:
        return self.apply(name, "Dense", {"units": units, "activation": activation}, x)

    def total(self, first: Tensor, second: Tensor) -> Tensor:
        return self.apply("sum", "ops.Add", {}, first, second)

    def normalized_sum(self, name: str, first: Tensor, second: Tensor) -> Tensor:
        return self.apply(name, "LayerNormalization", {}, self.total(first, second))

    def attention(self, name: str, query: Tensor, value: Tensor, head: int) -> Tensor:
        options = {"num_heads": self.size("num_heads"), "key_dim": head}
        return self.apply(name, "MultiHeadAttention", options, query, value)

    def embedded(self, name: str, words: Tensor, vocabulary: int, width: int) -> Tensor:
        options = {"input_dim": vocabulary, "output_dim": width}
        return self.apply(name, "Embedding", options, words)

    def sequence(self, position: int = 0, width: int | None = None) -> Tensor:
        """An input of shape (batch, length, width)."""
        if position >= len(self.site.inputs):
            raise ShapeError(f"expected {position + 1} inputs, received {len(self.site.inputs)}")
        shape = self.site.inputs[position].shape
        if len(shape) != 3 or (width is not None and shape[-1] != width):
            raise ShapeError(f"expected (batch, length, {width or 'width'}), received {shape}")
        return Tensor(shape, "float32")


Count = Callable[[Parts, int], Tensor]  # the second argument: the width of a head


def encoder(hidden: str) -> Count:
    """Attention of a sequence to itself, then two dense layers, the first ``hidden`` wide."""

    def count(parts: Parts, head: int) -> Tensor:
        x = parts.sequence(0, parts.size("embed_dim"))
        return _fed_forward(parts, _attended(parts, "attention", x, x, head), parts.size(hidden))

    return count


def decoder(hidden: str, *, encoded: int = 1) -> Count:
    """Attention to itself, then to what the encoder made, input number ``encoded``; two dense layers."""

    def count(parts: Parts, head: int) -> Tensor:
        width = parts.size("embed_dim")
        x, memory = parts.sequence(1 - encoded, width), parts.sequence(encoded)
        x = _attended(parts, "attention_1", x, x, head)
        x = _attended(parts, "attention_2", x, memory, head)
        return _fed_forward(parts, x, parts.size(hidden))

    return count


def _attended(parts: Parts, name: str, x: Tensor, memory: Tensor, head: int) -> Tensor:
    return parts.normalized_sum(f"{name}/norm", x, parts.attention(name, x, memory, head))


def _fed_forward(parts: Parts, x: Tensor, hidden: int) -> Tensor:
    y = parts.dense("dense_1", x, hidden, "relu")
    return parts.normalized_sum("dense/norm", x, parts.dense("dense_2", y, x.shape[-1]))


def embedding(positions: str, words: str, width: str) -> Count:
    """Words and their positions, each embedded, and summed."""

    def count(parts: Parts, head: int) -> Tensor:
        tokens = parts.site.inputs[0]
        if len(tokens.shape) != 2:
            raise ShapeError(f"expected (batch, length), received {tokens.shape}")
        places = Tensor(tokens.shape[1:], "int32")
        found = [
            parts.embedded("tokens", tokens, parts.size(words), parts.size(width)),
            parts.embedded("positions", places, parts.size(positions), parts.size(width)),
        ]
        return parts.total(*found)

    return count


def positions_added(parts: Parts, head: int) -> Tensor:
    width = parts.size("output_dim")
    x = parts.sequence(0, width)
    places = Tensor(x.shape[1:2], "int32")
    table = parts.embedded("positions", places, parts.size("sequence_length"), width)
    return parts.total(x, table)


def patches(parts: Parts, head: int) -> Tensor:
    shape, side = parts.site.shape, parts.size("patch_size")
    if len(shape) != 4:
        raise ShapeError(f"expected (batch, height, width, channels), received {shape}")
    batch, height, width, channels = shape
    rows = (height // side) * (width // side)
    return Tensor((batch, rows, side * side * channels), "float32")


def patch_encoder(parts: Parts, head: int) -> Tensor:
    x, count = parts.sequence(), parts.size("num_patches")
    if x.shape[1] != count:
        raise ShapeError(f"num_patches is {count}, but the input holds {x.shape[1]}")
    width = _projection(parts)
    places = Tensor((1, count), "int32")
    table = parts.embedded("position_embedding", places, count, width)
    return parts.total(parts.dense("projection", x, width), table)


def _projection(parts: Parts) -> int:
    """The width that patches are projected to; keras.io's own ``get_config`` leaves it out."""
    if "projection_dim" in parts.site.config:
        return parts.size("projection_dim")
    read = parts.site.layer.weights if parts.site.layer else None
    biases = [weight.shape[0] for weight in read or () if len(weight.shape) == 1]
    if len(biases) != 1:
        raise NotThisVersionError("its config has no projection_dim, and no weights tell it")
    return biases[0]


def self_attention(parts: Parts, head: int) -> Tensor:
    x = parts.sequence()
    options = {"num_heads": parts.size("num_heads"), "key_dim": head}
    options["output_shape"] = parts.size("embed_dim")
    return parts.apply("attention", "MultiHeadAttention", options, x, x)


class NotThisVersionError(ModelError):
    """A layer that is not of a version that the rules know."""


class Version(NamedTuple):
    """A public version of a class: its arguments, those that may be left out, and what it does.

    ``heads``: how wide a head may be, where versions of these arguments differ: ``"full"`` is
    ``embed_dim``, ``"split"`` that over the number of heads.
    """

    arguments: frozenset[str]
    parts: Count
    heads: tuple[str, ...] = ("",)
    optional: frozenset[str] = WITHOUT_COST


BOTH = ("full", "split")


def _version(arguments: str, count: Count, heads: tuple[str, ...] = ("",), **rest: Any) -> Version:
    return Version(frozenset(arguments.split()), count, heads, **rest)


@dataclass(frozen=True, slots=True)
class ExampleRule:
    """The rule of a class of keras.io's examples; for files, as a live layer is traced."""

    kind: str
    versions: tuple[Version, ...]

    def __call__(self, site: Site) -> Effect:
        try:
            return self._counted(site)
        except NotThisVersionError as error:
            layer = site.layer or Layer(name=self.kind, kind=self.kind, config={})
            reason = f"the rules of {EXAMPLES} do not know it: {error}"
            reason = f"{layer.unknown}; {reason}" if layer.unknown else reason
            return unlisted(layer, site.inputs, site.expected, reason)

    def version_of(self, arguments: Sequence[str]) -> Version | None:
        """The version that has these arguments."""
        own = set(arguments) - OF_EVERY_LAYER
        return next(
            (v for v in self.versions if v.arguments <= own <= v.arguments | v.optional), None
        )

    def _counted(self, site: Site) -> Effect:
        version = self.version_of(list(site.config))
        if version is None:
            found = ", ".join(sorted(set(site.config) - OF_EVERY_LAYER)) or "none"
            known = " or ".join(", ".join(sorted(v.arguments)) for v in self.versions)
            raise NotThisVersionError(f"its arguments are {found}, not {known}")
        effects = [_effect_of(site, version, head) for head in _possible(site, version)]
        read = site.layer.weights if site.layer else None
        if not read:  # a .json, or saved before it was built
            return _least(site, effects)
        for effect in effects:
            if _sizes(effect.weights) == _sizes(read):
                return effect
        params = sum(_sizes(read))
        raise NotThisVersionError(
            f"it holds {params:,} parameters in {len(read)} weights, where keras.io's has"
            f" {' or '.join(dict.fromkeys(f'{sum(_sizes(e.weights)):,}' for e in effects))}"
            f" in {len(effects[0].weights)}"
        )


def _possible(site: Site, version: Version) -> tuple[str, ...]:
    """The widths of a head that the numbers allow."""
    parts = Parts(site)
    if "split" in version.heads and parts.size("embed_dim") % parts.size("num_heads"):
        if len(version.heads) == 1:
            raise ModelError("embed_dim must be a multiple of num_heads")
        return ("full",)
    return version.heads


def _effect_of(site: Site, version: Version, heads: str) -> Effect:
    parts = Parts(site)
    head = parts.size("embed_dim") if heads else 0
    if heads == "split":
        head //= parts.size("num_heads")
    output = version.parts(parts, head)
    if not parts.terms:
        return zero(output.shape, reason="moves numbers, no arithmetic", view=GLOBAL)
    return counted(output.shape, terms=parts.terms, weights=tuple(parts.weights), view=GLOBAL)


def _least(site: Site, effects: Sequence[Effect]) -> Effect:
    """The cheapest version; a lower bound where another one costs more."""
    least = effects[-1]
    if least.macs == effects[0].macs:
        return least
    width, heads = site.config["embed_dim"], site.config["num_heads"]
    reason = f"a head is {width} or {width // heads} wide, which only the weights in a file tell"
    return replace(least, status=UNSUPPORTED, reason=reason, weights_known=False)


def _sizes(weights: Sequence[Weight]) -> list[int]:
    """How many numbers each weight holds, in order of size; versions lay the same ones out differently."""
    return sorted(prod(weight.shape) for weight in weights)


NO_WIDTH = frozenset({"projection_dim"})
RULES = {
    kind: ExampleRule(kind, versions)
    for kind, versions in {
        "TransformerBlock": (_version("embed_dim num_heads ff_dim", encoder("ff_dim"), BOTH),),
        "TransformerEncoder": (
            _version("embed_dim num_heads dense_dim", encoder("dense_dim"), BOTH),
            _version("embed_dim num_heads feed_forward_dim", encoder("feed_forward_dim"), BOTH),
        ),
        "TransformerDecoder": (
            _version("embed_dim num_heads latent_dim", decoder("latent_dim"), BOTH),
            _version("embed_dim num_heads dense_dim", decoder("dense_dim"), BOTH),
            _version(
                "embed_dim num_heads feed_forward_dim", decoder("feed_forward_dim", encoded=0), BOTH
            ),
        ),
        "TokenAndPositionEmbedding": (
            _version("maxlen vocab_size embed_dim", embedding("maxlen", "vocab_size", "embed_dim")),
        ),
        "PositionalEmbedding": (
            _version(
                "sequence_length vocab_size embed_dim",
                embedding("sequence_length", "vocab_size", "embed_dim"),
            ),
            _version(
                "sequence_length input_dim output_dim",
                embedding("sequence_length", "input_dim", "output_dim"),
            ),
            _version("sequence_length output_dim", positions_added),
        ),
        "Patches": (_version("patch_size", patches),),
        "PatchEncoder": (_version("num_patches", patch_encoder, optional=NO_WIDTH),),
        "MultiHeadSelfAttention": (_version("embed_dim num_heads", self_attention, ("split",)),),
    }.items()
}


def reason_for(layer: Layer) -> str:
    """Why a layer is unsupported, with these rules as the remedy where they would apply."""
    rule = RULES.get(layer.kind)
    if rule is None or rule.version_of(list(layer.config)) is None:
        return ""
    unlisted_as = layer.unknown or f"{layer.kind} is not in the layer table"
    return (
        f"{unlisted_as}; if it is keras.io's, --rules keras.io"
        ' (rules=keraudit.load_rules("keras.io")) counts it'
    )
