"""The rules of keras.io's layers against live layers of those classes, written here anew and traced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import keraudit
from keraudit.layers.infer import shaped
from keraudit.layers.keras_io import RULES
from keraudit.model.bounds import Bound
from keraudit.reading.config import architecture

keras = pytest.importorskip("keras")
layers, ops = keras.layers, keras.ops


class Base(layers.Layer):  # type: ignore[misc,name-defined]
    """Keeps its arguments as its config."""

    def __init__(self, **arguments: Any) -> None:
        named = {k: arguments.pop(k) for k in ("name", "trainable", "dtype") if k in arguments}
        super().__init__(**named)
        self.arguments = arguments
        self.compose(**arguments)

    def get_config(self) -> Any:
        return {**super().get_config(), **self.arguments}

    def attention(self, heads: int, width: int, split: bool = False) -> Any:
        return layers.MultiHeadAttention(heads, width // heads if split else width)


class TransformerBlock(Base):
    hidden = "ff_dim"
    split = False

    def compose(self, embed_dim: int, num_heads: int, rate: float = 0.1, **other: int) -> None:
        self.look = self.attention(num_heads, embed_dim, self.split)
        self.wide = layers.Dense(other[self.hidden], activation="relu")
        self.narrow = layers.Dense(embed_dim)
        self.norms = [layers.LayerNormalization(epsilon=1e-6) for _ in range(2)]
        self.drops = [layers.Dropout(rate) for _ in range(2)]

    def call(self, x: Any) -> Any:
        x = self.norms[0](x + self.drops[0](self.look(x, x)))
        return self.norms[1](x + self.drops[1](self.narrow(self.wide(x))))


class TransformerEncoder(TransformerBlock):
    hidden = "dense_dim"


class Recognised(TransformerEncoder):
    """That of speech recognition."""

    hidden = "feed_forward_dim"


class TransformerDecoder(Base):
    hidden = "latent_dim"

    def compose(self, embed_dim: int, num_heads: int, **other: int) -> None:
        self.own = self.attention(num_heads, embed_dim)
        self.cross = self.attention(num_heads, embed_dim)
        self.wide = layers.Dense(other[self.hidden], activation="relu")
        self.narrow = layers.Dense(embed_dim)
        self.norms = [layers.LayerNormalization() for _ in range(3)]

    def call(self, x: Any, memory: Any) -> Any:
        x = self.norms[0](x + self.own(x, x, use_causal_mask=True))
        x = self.norms[1](x + self.cross(x, memory))
        return self.norms[2](x + self.narrow(self.wide(x)))


class BookDecoder(TransformerDecoder):
    hidden = "dense_dim"


class SpeechDecoder(TransformerDecoder):
    """Takes the encoder's output first."""

    hidden = "feed_forward_dim"

    def call(self, memory: Any, x: Any) -> Any:
        return super().call(x, memory)


class TokenAndPositionEmbedding(Base):
    names = ("maxlen", "vocab_size", "embed_dim")

    def compose(self, **sizes: int) -> None:
        length, words, width = (sizes[name] for name in self.names)
        self.tokens, self.places = layers.Embedding(words, width), layers.Embedding(length, width)

    def call(self, x: Any) -> Any:
        return self.tokens(x) + self.places(ops.arange(0, x.shape[-1], 1))


class PositionalEmbedding(TokenAndPositionEmbedding):
    names = ("sequence_length", "vocab_size", "embed_dim")


class BookEmbedding(PositionalEmbedding):
    names = ("sequence_length", "input_dim", "output_dim")


class VideoEmbedding(Base):
    def compose(self, sequence_length: int, output_dim: int) -> None:
        self.places = layers.Embedding(sequence_length, output_dim)

    def call(self, x: Any) -> Any:
        return x + self.places(ops.arange(0, x.shape[1], 1))


class Patches(Base):
    def compose(self, patch_size: int) -> None:
        self.side = patch_size

    def call(self, x: Any) -> Any:
        found = ops.image.extract_patches(x, size=self.side)
        return ops.reshape(found, (-1, found.shape[1] * found.shape[2], found.shape[3]))

    def compute_output_shape(self, shape: Any) -> Any:
        batch, height, width, channels = shape
        rows = (height // self.side) * (width // self.side)
        return (batch, rows, self.side**2 * channels)


class PatchEncoder(Base):
    def compose(self, num_patches: int, projection_dim: int) -> None:
        self.count = num_patches
        self.projection = layers.Dense(projection_dim)
        self.places = layers.Embedding(num_patches, projection_dim)

    def call(self, x: Any) -> Any:
        places = ops.expand_dims(ops.arange(0, self.count, 1), axis=0)
        return self.projection(x) + self.places(places)


class ShortPatchEncoder(PatchEncoder):
    """Its config leaves a width out, as keras.io's does."""

    def get_config(self) -> Any:
        config = super().get_config()
        config.pop("projection_dim")
        return config


class MultiHeadSelfAttention(Base):
    def compose(self, embed_dim: int, num_heads: int) -> None:
        self.width, self.heads = embed_dim, num_heads
        self.made = [layers.Dense(embed_dim) for _ in range(4)]

    def call(self, x: Any) -> Any:
        def heads(y: Any) -> Any:
            y = ops.reshape(y, (-1, x.shape[1], self.heads, self.width // self.heads))
            return ops.transpose(y, (0, 2, 1, 3))

        query, key, value = (heads(dense(x)) for dense in self.made[:3])
        score = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))
        score = score / float(self.width // self.heads) ** 0.5
        mixed = ops.matmul(ops.softmax(score, axis=-1), value)
        mixed = ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (-1, *x.shape[1:]))
        return self.made[3](mixed)


class SplitBlock(TransformerBlock):
    split = True


class FirstBlock(TransformerBlock):
    """The first version, with the attention that keras.io wrote itself."""

    def attention(self, heads: int, width: int, split: bool = False) -> Any:
        own = MultiHeadSelfAttention(embed_dim=width, num_heads=heads)
        return lambda x, _: self.mine(x) if hasattr(self, "mine") else own(x)

    def compose(self, **arguments: Any) -> None:
        super().compose(**arguments)
        self.mine = MultiHeadSelfAttention(
            embed_dim=arguments["embed_dim"], num_heads=arguments["num_heads"]
        )


BLOCK = {"embed_dim": 12, "num_heads": 3}
WORDS, ROWS = (20,), (20, 12)
# The class, the name that the rules know it by, its arguments, its inputs.
CASES: list[tuple[Any, str, dict[str, Any], list[tuple[int, ...]]]] = [
    (TransformerBlock, "TransformerBlock", {**BLOCK, "ff_dim": 40}, [ROWS]),
    (TransformerBlock, "TransformerBlock", {**BLOCK, "ff_dim": 40, "rate": 0.2}, [ROWS]),
    (SplitBlock, "TransformerBlock", {**BLOCK, "ff_dim": 40}, [ROWS]),
    (FirstBlock, "TransformerBlock", {**BLOCK, "ff_dim": 40}, [ROWS]),
    (TransformerEncoder, "TransformerEncoder", {**BLOCK, "dense_dim": 40}, [ROWS]),
    (Recognised, "TransformerEncoder", {**BLOCK, "feed_forward_dim": 40}, [ROWS]),
    (TransformerDecoder, "TransformerDecoder", {**BLOCK, "latent_dim": 40}, [ROWS, (7, 9)]),
    (BookDecoder, "TransformerDecoder", {**BLOCK, "dense_dim": 40}, [ROWS, (7, 9)]),
    (SpeechDecoder, "TransformerDecoder", {**BLOCK, "feed_forward_dim": 40}, [(7, 9), ROWS]),
    (
        TokenAndPositionEmbedding,
        "TokenAndPositionEmbedding",
        {"maxlen": 30, "vocab_size": 90, "embed_dim": 12},
        [WORDS],
    ),
    (
        PositionalEmbedding,
        "PositionalEmbedding",
        {"sequence_length": 30, "vocab_size": 90, "embed_dim": 12},
        [WORDS],
    ),
    (
        BookEmbedding,
        "PositionalEmbedding",
        {"sequence_length": 30, "input_dim": 90, "output_dim": 12},
        [WORDS],
    ),
    (VideoEmbedding, "PositionalEmbedding", {"sequence_length": 30, "output_dim": 12}, [ROWS]),
    (Patches, "Patches", {"patch_size": 5}, [(23, 20, 3)]),
    (PatchEncoder, "PatchEncoder", {"num_patches": 20, "projection_dim": 8}, [ROWS]),
    (ShortPatchEncoder, "PatchEncoder", {"num_patches": 20, "projection_dim": 8}, [ROWS]),
    (MultiHeadSelfAttention, "MultiHeadSelfAttention", BLOCK, [ROWS]),
]
IDS = [f"{kind.__name__}-{len(options)}" for kind, _, options, _ in CASES]


def model_of(kind: Any, known_as: str, options: dict[str, Any], shapes: Any) -> Any:
    """A model with one such layer, its class called as keras.io calls it."""
    named = type(known_as, (kind,), {})
    inputs = [keras.Input(shape, dtype="int32" if len(shape) == 1 else None) for shape in shapes]
    given = inputs  # what an encoder makes is trained
    if len(inputs) > 1:
        given = [layers.Dense(shape[-1])(x) for x, shape in zip(inputs, shapes, strict=True)]
    return keras.Model(inputs, named(**options, name="own")(*given))


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_file_counts_as_the_live_model(case: Any, tmp_path: Path) -> None:
    model = model_of(*case)
    model.save(tmp_path / "model.keras")
    graphs = [
        keraudit.read(model, batch=2),
        keraudit.read(tmp_path / "model.keras", batch=2, rules=keraudit.load_rules("keras.io")),
    ]
    live, report = map(keraudit.audit, graphs)
    assert report.bound is live.bound is Bound.EXACT, report.costs.unsupported
    assert report.total.macs == live.total.macs
    assert report.total.training_macs == live.total.training_macs
    assert report.total.params == live.total.params == model.count_params()
    assert report.total.other_flops == live.total.other_flops
    assert graphs[0].nodes[-1].outputs == graphs[1].nodes[-1].outputs


def test_every_rule_is_tried() -> None:
    assert {known_as for _, known_as, _, _ in CASES} == set(RULES)


def test_the_guide_lists_every_version() -> None:
    guide = (Path(__file__).parents[2] / "site" / "guide" / "rules.md").read_text("utf-8")
    rows = [line.split(" | ")[:2] for line in guide.splitlines() if line.startswith("| `")]
    for kind, rule in RULES.items():
        listed = [arguments for name, arguments in rows if name == f"| `{kind}`"]
        for version in rule.versions:
            assert any(all(f"`{a}`" in text for a in version.arguments) for text in listed), kind


def test_todays_block_by_hand(tmp_path: Path) -> None:
    model_of(*CASES[0]).save(tmp_path / "model.keras")
    total = keraudit.audit(tmp_path / "model.keras", rules=RULES).total
    projections = 4 * 20 * 12 * (3 * 12)  # query, key, value and output; a head is 12 wide
    products = 2 * 3 * 20 * 20 * 12
    assert total.macs == projections + products + 2 * 20 * 12 * 40


@pytest.mark.parametrize(("heads", "bound"), [(3, Bound.LOWER), (1, Bound.EXACT)])
def test_without_weights_the_narrower_head_is_a_lower_bound(heads: int, bound: Bound) -> None:
    options = {"embed_dim": 12, "num_heads": heads, "ff_dim": 9}
    model = model_of(TransformerBlock, "TransformerBlock", options, [ROWS])
    graph = shaped(architecture(json.loads(model.to_json()), source="test"), rules=RULES)
    node = graph.nodes[-1]
    assert (node.bounds.macs, node.bounds.params) == (bound, bound)
    # query, key, value and output; two products of all heads together; the dense layers
    assert node.effect.macs == 4 * 20 * 12 * 12 + 2 * 20 * 20 * 12 + 2 * 20 * 12 * 9
    assert ("a head is 12 or 4 wide" in node.effect.reason) is (heads == 3)


def written(config: dict[str, Any], kind: str = "TransformerBlock", shape: Any = ROWS) -> Any:
    """A model's JSON with a layer of this config."""
    model = model_of(TransformerBlock, kind, {**BLOCK, "ff_dim": 9}, [ROWS])
    record = json.loads(model.to_json())
    record["config"]["layers"][-1]["config"] = {"name": "own", **config}
    return shaped(architecture(record, source="test"), input_shapes=[shape], rules=RULES).nodes[-1]


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({}, "its arguments are none, not embed_dim, ff_dim, num_heads"),
        ({"d_model": 8, "num_heads": 2}, "its arguments are d_model, num_heads, not embed_dim"),
        ({**BLOCK, "ff_dim": 9, "experts": 4}, "its arguments are embed_dim, experts, ff_dim"),
    ],
)
def test_another_class_of_the_name_stays_unsupported(config: Any, reason: str) -> None:
    node = written(config)
    assert node.effect.status == "unsupported"
    assert f"the rules of keras.io do not know it: {reason}" in node.effect.reason


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({**BLOCK, "ff_dim": "wide"}, "ff_dim must be a whole number from 1, received 'wide'"),
        ({**BLOCK, "ff_dim": 0}, "ff_dim must be a whole number from 1, received 0"),
        ({"embed_dim": 16, "num_heads": 2, "ff_dim": 9}, "expected (batch, length, 16), received"),
    ],
)
def test_a_config_that_does_not_fit_is_one_line(config: Any, message: str) -> None:
    with pytest.raises(keraudit.ModelError) as caught:
        written(config)
    assert message in str(caught.value)
    assert str(caught.value).startswith("layer 'own' (TransformerBlock): ")


def test_other_weights_leave_it_unsupported(tmp_path: Path) -> None:
    class Wider(TransformerBlock):
        def compose(self, **arguments: Any) -> None:
            super().compose(**arguments)
            self.extra = layers.Dense(5)

        def call(self, x: Any) -> Any:
            return super().call(x) + ops.mean(self.extra(x))

    model = model_of(Wider, "TransformerBlock", {**BLOCK, "ff_dim": 9}, [ROWS])
    model.save(tmp_path / "model.keras")
    report = keraudit.audit(tmp_path / "model.keras", rules=RULES)
    (layer,) = report.costs.unsupported
    assert "parameters in 18 weights, where keras.io's has" in layer.reason
    assert report.total.params == model.count_params()


def test_the_report_proposes_the_rules(tmp_path: Path) -> None:
    model = model_of(*CASES[0])
    model.save(tmp_path / "model.keras")
    (layer,) = keraudit.audit(tmp_path / "model.keras").costs.unsupported
    assert "if it is keras.io's, --rules keras.io" in layer.reason
    other = model_of(Patches, "Patches", {"patch_size": 5}, [(23, 20, 3)])
    record = json.loads(other.to_json())
    record["config"]["layers"][-1]["config"] = {"name": "own", "size": 5}
    node = shaped(architecture(record, source="test")).nodes[-1]
    assert "keras.io" not in node.effect.reason


def test_a_live_layer_is_traced_all_the_same() -> None:
    report = keraudit.audit(model_of(*CASES[0]), rules=keraudit.load_rules("keras.io"))
    assert any(layer.kind == "MultiHeadAttention" for layer in report.layers)
