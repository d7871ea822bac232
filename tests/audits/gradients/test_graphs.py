"""Any graph: cut into parts and pulled through them, it gives the gradients of one tape."""

from __future__ import annotations

from typing import Any

import pytest

import keraudit
from built import application, zoo
from keraudit.audits.gradients.places import parts, places
from keraudit.audits.gradients.variants import expanded, variant
from keraudit.errors import KerauditError
from keraudit.layers.infer import shaped
from keraudit.model.graph import Ref

keras = pytest.importorskip("keras")
np = pytest.importorskip("numpy")
layers = keras.layers


@pytest.mark.parametrize(
    "name", ["ResNet50", "InceptionV3", "NASNetMobile", "DenseNet121", "EfficientNetB0", "VGG16"]
)
def test_parts_cover_every_call_once_and_feed_only_later_ones(name: str) -> None:
    graph = shaped(application(name))
    found = parts(graph, places(graph))
    assert [p.start for p in found[1:]] == [p.stop for p in found[:-1]]
    assert (found[0].start, found[-1].stop) == (0, len(graph.nodes))
    inputs = set(graph.architecture.inputs)
    known: set[Ref] = set(inputs)
    for part in found:
        assert set(part.reads) <= known
        known |= set(part.writes)
    assert set(graph.architecture.outputs) <= known
    assert len({p.name for p in found}) == len(found)


def test_a_plain_network_has_a_block_for_each_kernel() -> None:
    graph = shaped(application("VGG16"))
    assert [p.name for p in places(graph)][:2] == ["block1_conv1", "block1_conv2"]
    assert len(places(graph)) == 16  # thirteen convolutions, three dense layers


@pytest.mark.parametrize("name", ["VGG16", "Plain-CIFAR-8", "ResNet-CIFAR-8"])
def test_a_block_ends_before_what_follows_is_pooled(name: str) -> None:
    graph = shaped(application(name) if name == "VGG16" else zoo(name))
    ends = [graph.nodes[part.end.call] for part in parts(graph, places(graph))]
    assert not any("Pooling" in node.layer.kind for node in ends)
    convolved = [node for node in ends if node.name not in ("fc1", "fc2", "predictions")]
    assert all(len(node.outputs[0].shape) == 4 for node in convolved)


def test_what_nothing_with_a_kernel_follows_belongs_to_the_last_layer() -> None:
    inputs = keras.Input((8, 8, 3))
    outputs = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(inputs))
    report = keraudit.gradients(keras.Model(inputs, outputs), batch=2)
    (row,) = report.of("baseline")[0].blocks
    assert row.is_output


def test_the_last_map_of_a_plain_network_has_the_gradient_of_its_positions() -> None:
    """The mean over n positions has a gradient as large as that of the map times the root of n."""
    report = keraudit.gradients("Plain-CIFAR-8", batch=4, seeds=(0,))
    *_, last, output = report.of("baseline")[0].blocks
    assert (last.name, output.name) == ("stage3_block1_conv2", "predictions")
    assert (last.grad_norm / last.grad_rms) ** 2 == pytest.approx(4 * 8 * 8 * 64)  # all elements


def test_without_its_skips_a_network_keeps_its_rows() -> None:
    graph = shaped(application("ResNet50"))
    found = places(graph)
    cut = variant(graph, "without-skips").graph
    names = [part.name for part in parts(cut, found)]
    assert names == [part.name for part in parts(graph, found)]


def test_copied_blocks_get_rows_of_their_own() -> None:
    graph = shaped(zoo("ResNet-CIFAR-8"), batch=4)
    made = variant(graph, "repeat=stage1_block1:3")
    names = [part.name for part in parts(made.graph, places(graph), made.origin)]
    assert names[1:4] == ["stage1_block1", "stage1_block1_x2", "stage1_block1_x3"]


def test_the_corners_are_eight() -> None:
    assert len(expanded(["corners"])) == 8
    assert expanded(["he", "he", "corners"])[0] == "he"


@pytest.mark.parametrize("words", ["width=0.5", "activation=gelu", "input-shape=48,48,3", "lecun"])
def test_other_changes_run(words: str) -> None:
    report = keraudit.gradients("ResNet-CIFAR-8-B", batch=4, against=[words])
    assert report.labels == ("baseline", words)
    assert all(row.grad_norm > 0 for row in report.of(words)[0].blocks)


@pytest.mark.parametrize("words", ["width=wide", "repeat=nowhere", "input-shape=a,b", "glorotto"])
def test_other_mistakes(words: str) -> None:
    with pytest.raises(KerauditError):
        keraudit.gradients("ResNet-CIFAR-8", batch=4, against=[words])


def shared_and_forked() -> Any:
    """A dense layer called in two blocks, skips within skips, two inputs, two outputs."""
    a, b = keras.Input((6,), name="a"), keras.Input((6,), name="b")
    twice = layers.Dense(6, activation="tanh", name="twice")
    x = layers.Add(name="join1")([twice(a), layers.Dense(6, name="left")(b)])
    aux = layers.Dense(3, activation="softmax", name="aux")(x)
    y = layers.Dense(6, activation="tanh", name="down")(x)
    y = layers.Add(name="inner")([layers.Dense(6, activation="tanh", name="deep")(y), y])
    x = layers.Add(name="outer")([twice(y), x])
    return keras.Model([a, b], [layers.Dense(3, activation="softmax", name="main")(x), aux])


def looked_up() -> Any:
    """Whole numbers as input, a lookup, a recurrence, one sigmoid."""
    tokens = keras.Input((5,), dtype="int32")
    x = layers.Embedding(11, 4, name="lookup")(tokens)
    x = layers.LSTM(3, name="memory")(x)
    return keras.Model(tokens, layers.Dense(1, activation="sigmoid", name="yes")(x))


def one_tape(model: Any, inputs: list[Any], labels: list[Any]) -> dict[str, float]:
    """Every kernel's gradient norm by TensorFlow's tape over the whole model at once."""
    import tensorflow as tf

    entropy = {
        1: keras.losses.BinaryCrossentropy(),
        3: keras.losses.SparseCategoricalCrossentropy(),
    }
    given = inputs if len(inputs) > 1 else inputs[0]
    with tf.GradientTape() as tape:
        made = model(given, training=True)
        made = made if isinstance(made, list) else [made]
        loss = sum(entropy[p.shape[-1]](y, p) for y, p in zip(labels, made, strict=True))
    kernels = [v for v in model.trainable_variables if len(v.shape) > 1]
    found = tape.gradient(loss, [v.value for v in kernels])
    return {
        f"{v.path.split('/')[0]}/{v.name}": float(tf.norm(tf.convert_to_tensor(g)))
        for v, g in zip(kernels, found, strict=True)
    }


@pytest.mark.parametrize("make", [shared_and_forked, looked_up])
def test_block_by_block_is_the_same_as_one_tape(make: Any) -> None:
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the witness is TensorFlow's tape")
    keras.utils.clear_session()
    keras.utils.set_random_seed(3)
    model, rng = make(), np.random.default_rng(0)
    if make is shared_and_forked:
        inputs = [rng.standard_normal((8, 6)).astype("float32") for _ in range(2)]
        labels = [rng.integers(0, 3, 8) for _ in range(2)]
    else:
        inputs = [rng.integers(0, 11, (8, 5)).astype("int32")]
        labels = [rng.integers(0, 2, (8, 1)).astype("float32")]
    report = keraudit.gradients(model, data=(inputs, labels), batch=8, own_weights=True)
    (profile,) = report.profiles
    ours = {f"{row.name}/{row.weight}": row.grad_norm for row in profile.layers}
    assert ours == pytest.approx(one_tape(model, inputs, labels), rel=1e-4)


def test_a_gradient_that_overflows_is_found_where_it_does() -> None:
    """Activations stay small; on the way back 1e30 is multiplied by 1e30."""
    keras.utils.clear_session()
    model = keras.Sequential(
        [
            keras.Input((4,)),
            *(layers.Dense(4, use_bias=False, name=f"w{i}") for i in range(4)),
        ]
    )
    scales = (1e-30, 1e-30, 1e30, 1e30)
    for layer, scale in zip(model.layers, scales, strict=True):
        layer.kernel.assign(scale * np.eye(4, dtype="float32"))
    data = (np.ones((3, 4), "float32"), np.full((3, 4), 1e10, "float32"))
    report = keraudit.gradients(
        model, data=data, batch=3, loss="mean-squared-error", own_weights=True
    )
    (profile,) = report.profiles
    assert profile.nonfinite is not None
    assert profile.nonfinite.what == "gradient"
    assert profile.nonfinite.layer in ("w1", "w2")
    assert report["baseline"].verdict == "non-finite"
