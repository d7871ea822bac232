"""The cost of a training step, product by product."""

from __future__ import annotations

from typing import Any

from keraudit.api import audit


def chain(*layers: Any, shape: tuple[int, ...] = (10,)) -> Any:
    import keras

    return keras.Sequential([keras.Input(shape), *layers])


def test_two_dense_layers() -> None:
    import keras

    report = audit(chain(keras.layers.Dense(4), keras.layers.Dense(2)))
    # first: forward + weight gradient; second: forward + weight gradient + input gradient
    assert report.total.training_macs == 10 * 4 * 2 + 4 * 2 * 3


def test_frozen_layers_pass_gradients_on_but_need_none_of_their_own() -> None:
    import keras

    first, middle, last = (keras.layers.Dense(4) for _ in range(3))
    middle.trainable = False
    report = audit(chain(first, middle, last))
    assert report.total.training_macs == 10 * 4 * 2 + 4 * 4 * 2 + 4 * 4 * 3
    first.trainable = False
    report = audit(chain(first, middle, last))  # nothing to train before the last layer
    assert report.total.training_macs == 10 * 4 + 4 * 4 + 4 * 4 * 2


def test_a_separable_convolution_s_second_product_always_needs_its_input_gradient() -> None:
    import keras

    report = audit(chain(keras.layers.SeparableConv2D(6, 3), shape=(8, 8, 4)))
    depthwise, pointwise = 6 * 6 * 9 * 4, 6 * 6 * 4 * 6
    assert report.total.macs == depthwise + pointwise
    assert report.total.training_macs == 2 * depthwise + 3 * pointwise


def test_attention_s_products_have_two_gradients() -> None:
    import keras

    start = keras.Input((7, 12))
    x = keras.layers.Dense(12, use_bias=False)(start)
    out = keras.layers.Attention()([x, x])
    report = audit(keras.Model(start, out))
    dense, attention = 7 * 12 * 12, 2 * 7 * 7 * 12
    assert report.total.macs == dense + attention
    assert report.total.training_macs == 2 * dense + 3 * attention


def test_attention_s_operands_each_have_their_own_past() -> None:
    """[query, value]: of the scores only the query is trained, of the output only the scores."""
    import keras

    start, memory = keras.Input((7, 12)), keras.Input((5, 12))
    x = keras.layers.Dense(12, use_bias=False)(start)
    dense, product = 7 * 12 * 12, 7 * 5 * 12
    for order, passes in (([x, memory], 1 + 1), ([memory, x], 1 + 2)):
        scores_and_output = keras.layers.Attention()(order)
        report = audit(keras.Model([start, memory], scores_and_output))
        assert report.total.macs == dense + 2 * product
        assert report.total.training_macs == 2 * dense + 2 * product + passes * product


def test_the_projections_of_the_first_layer_s_heads_need_no_input_gradient() -> None:
    import keras

    start = keras.Input((10, 16))
    heads = keras.layers.MultiHeadAttention(2, 8)
    projection, product = 10 * 16 * 16, 2 * 10 * 10 * 8
    report = audit(keras.Model(start, heads(start, start)))
    assert report.total.macs == 4 * projection + 2 * product
    # query, key, value: forward + weights; products: both operands; last projection: all three
    assert report.total.training_macs == 3 * 2 * projection + 2 * 3 * product + 3 * projection
    x = keras.layers.Dense(16)(start)
    first = 2 * projection
    report = audit(keras.Model(start, heads(x, start)))  # only the query needs an input gradient
    rest = 2 * 2 * projection + 2 * 3 * product + 3 * projection
    assert report.total.training_macs == first + 3 * projection + rest
    heads.trainable = False
    report = audit(keras.Model(start, heads(query=x, value=start)))
    # query: input; key, value: nothing; scores: query; output: scores; last projection: input
    still = 2 * projection + 2 * projection + 2 * product + 2 * product + 2 * projection
    assert report.total.training_macs == first + still


def test_a_product_with_a_constant_matrix_has_one_gradient() -> None:
    """A graph convolution: the neighbourhood is given, only the features are learnt."""
    import keras

    near, start = keras.Input((10, 10)), keras.Input((10, 8))
    x = keras.layers.Dense(16, use_bias=False)(start)
    dense, product = 10 * 8 * 16, 10 * 10 * 16
    report = audit(keras.Model([near, start], keras.ops.matmul(near, x)))
    assert report.total.training_macs == 2 * dense + 2 * product
    report = audit(keras.Model(start, keras.ops.einsum("bif,bjf->bij", x, x)))
    assert report.total.training_macs == 2 * dense + 3 * product


def test_neither_direction_of_a_first_layer_needs_an_input_gradient() -> None:
    import keras

    inputs, states = 10 * 8 * 16, 10 * 4 * 16
    report = audit(chain(keras.layers.Bidirectional(keras.layers.LSTM(4)), shape=(10, 8)))
    assert report.total.macs == 2 * (inputs + states)
    assert report.total.training_macs == 2 * (2 * inputs + 3 * states) == 2 * 4_480
    back = keras.layers.LSTM(4, go_backwards=True, trainable=False)
    both = keras.layers.Bidirectional(keras.layers.LSTM(4), backward_layer=back)
    report = audit(chain(both, shape=(10, 8)))
    assert report.total.training_macs == 2 * inputs + 3 * states + inputs + states


def test_a_model_that_a_wrapper_holds_is_trained_layer_by_layer() -> None:
    import keras

    frame = keras.Input((6, 6, 3))
    first, second = (keras.layers.Conv2D(4, 3, use_bias=False, trainable=False) for _ in range(2))
    last = keras.layers.Dense(8, use_bias=False)
    body = keras.Model(frame, last(keras.layers.Flatten()(second(first(frame)))))
    one, two, three = 4 * 4 * 9 * 3 * 4, 2 * 2 * 9 * 4 * 4, 2 * 2 * 4 * 8
    timed = keras.layers.TimeDistributed(body)
    report = audit(chain(timed, shape=(5, 6, 6, 3)))
    assert report.total.macs == 5 * (one + two + three)
    assert report.total.training_macs == 5 * (one + two + 2 * three)
    second.trainable = True
    report = audit(chain(timed, shape=(5, 6, 6, 3)))
    assert report.total.training_macs == 5 * (one + 2 * two + 3 * three)
    before = keras.layers.Dense(3, use_bias=False)
    report = audit(chain(before, timed, shape=(5, 6, 6, 3)))
    moved = 5 * (2 * one + 3 * two + 3 * three)
    assert report.total.training_macs == 2 * 5 * 6 * 6 * 3 * 3 + moved
    timed.trainable = False
    report = audit(chain(timed, shape=(5, 6, 6, 3)))
    assert report.total.training_macs == report.total.macs


def test_a_wrapped_model_with_a_rule_of_the_user_s_is_one_chain() -> None:
    """Its products cannot be told apart without the rule: the first weights lie behind the rest."""
    from keraudit.audits.cost.training_step import training_macs
    from keraudit.layers.call import Site
    from keraudit.layers.infer import shaped
    from keraudit.model.graph import Architecture, Call, Effect, Layer, Ref, Term, Weight

    def rule(site: Site) -> Effect:
        term = Term("mac", "own", (("rows", 5), ("units", 7)))
        return Effect(outputs=(site.shape,), terms=(term,), weights=(Weight("own", (7,)),))

    def model(layer: Layer, *shape: int) -> Architecture:
        return Architecture(
            name="m",
            source="test",
            layers={"in": Layer(name="in", kind="InputLayer", config={}), "l": layer},
            calls=(
                Call(name="in", layer="in"),
                Call(name="l", layer="l", args=(Ref(0),)),
                Call(name="l:2", layer="l", args=(Ref(1),)),
            ),
            inputs=(Ref(0),),
            outputs=(Ref(2),),
            input_shapes=((None, *shape),),
        )

    own = Layer(name="l", kind="Own", config={}, module="")
    timed = Layer(name="l", kind="TimeDistributed", config={}, inner=(model(own, 3),))
    graph = shaped(model(timed, 4, 3), rules={"Own": rule})
    assert training_macs(graph) == [0, (2 + 3) * 35, (3 + 3) * 35]
