"""All Keras Applications: exact totals, nothing unsupported, and rows that add up at any size."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from built import NAMES, application
from keraudit.api import report_of
from keraudit.audits.cost.count import NOTHING, BlockCost, Cost
from keraudit.audits.cost.report import CostReport
from keraudit.audits.cost.views import VIEWS, rows
from keraudit.layers.infer import shaped
from keraudit.reading.applications import applications

# (convolution MACs, dense MACs, parameters, of which not trainable)
GOLDEN = {
    # counted independently; torchvision's metadata says 5.713 G
    "InceptionV3": (5_711_168_096, 2048 * 1000, 23_851_784, 34_432),
    # He et al. 2015, Table 1: 3.8e9 multiply-adds
    "ResNet50": (3_855_925_248, 2048 * 1000, 25_636_712, 53_120),
    # 25088 = 7 x 7 x 512
    "VGG16": (15_346_630_656, 25088 * 4096 + 4096 * 4096 + 4096 * 1000, 138_357_544, 0),
}


def report(name: str, **options: object) -> CostReport:
    return report_of(shaped(application(name), **options))  # type: ignore[arg-type]


def total(parts: list[Cost]) -> Cost:
    return sum(parts, NOTHING)


def test_there_are_forty() -> None:
    assert len(NAMES) == 40


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_integers(name: str) -> None:
    conv, dense, params, frozen = GOLDEN[name]
    found = report(name)
    kinds = {row.name: row.cost for row in rows(found.costs, by="kind")}
    assert kinds["Dense"].macs == dense
    assert found.total.macs - kinds["Dense"].macs == conv
    assert found.total.params == params
    assert found.total.params - found.total.trainable_params == frozen
    assert found.total.param_bytes == 4 * params


def test_the_paper_s_depths_cost_what_it_says() -> None:
    assert report("ResNet101").total.macs == 7_570_194_432
    assert report("ResNet152").total.macs == 11_282_415_616  # He et al. 2015: 11.3e9


@pytest.mark.parametrize(("name", "share"), [("InceptionV3", 22.0), ("ResNet50", 49.0)])
def test_share_of_1x1_convolutions(name: str, share: float) -> None:
    terms = [t for layer in report(name).layers for t in layer.terms if t.what == "convolution"]
    ones = [t.value for t in terms if {n for k, n in t.factors if k.startswith("kernel")} == {1}]
    assert round(100 * sum(ones) / sum(t.value for t in terms), 1) == share


def test_inception_has_313_layers_of_which_94_convolutions() -> None:
    found = report("InceptionV3")
    assert len(found.layers) == 313
    assert sum(layer.kind == "Conv2D" for layer in found.layers) == 94
    resnet = report("ResNet50")
    assert len(resnet.layers) == 177
    assert sum(layer.kind == "Conv2D" for layer in resnet.layers) == 53


@pytest.mark.parametrize("name", NAMES)
def test_every_application_agrees_with_the_record(name: str) -> None:
    found, record = report(name), applications()[name]
    assert not found.costs.unsupported
    assert (found.total.macs, found.total.params) == (record.macs, record.params)
    assert len(found.layers) == record.layers
    assert found.costs.peak_activation_bytes == max(layer.live_bytes for layer in found.layers)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_agree_with_keras(name: str) -> None:
    """Keras builds the network from the same JSON and counts for itself."""
    import keras

    from built import json_of

    keras.utils.clear_session()
    with keras.StatelessScope(initialize_variables=False):
        model = keras.models.model_from_json(json_of(name), custom_objects=custom_objects())
    found = report(name)
    assert found.total.params == model.count_params()
    trainable = sum(int(v.shape.num_elements()) for v in model.trainable_variables)
    assert found.total.trainable_params == trainable


def custom_objects() -> dict[str, object]:
    from keras.src.applications.convnext import LayerScale
    from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

    return {"LayerScale": LayerScale, "CustomScaleLayer": CustomScaleLayer}


def check_sums(found: CostReport) -> None:
    """Layers add up to blocks, blocks to the total, by every view and at every depth."""
    layers = {layer.name: layer.cost for layer in found.layers}
    assert len(layers) == len(found.layers)

    def check(block: BlockCost) -> None:
        assert block.cost == total([layers[name] for name in block.layers])
        for child in block.children:
            assert set(child.layers) <= set(block.layers)
            check(child)

    for block in found.blocks:
        check(block)
    held = [name for block in found.blocks for name in block.layers]
    assert sorted(held) == sorted(layers)
    assert len({block.name for block in found.blocks}) == len(found.blocks)
    for view in VIEWS:
        shown = [row for row in rows(found.costs, by=view, depth=3) if not row.depth]
        assert total([row.cost for row in shown]) == found.total
        assert sum(row.share for row in shown) == pytest.approx(1)
    for layer in found.layers:
        macs = sum(t.value for t in layer.terms if t.unit == "mac")
        others = sum(t.value for t in layer.terms if t.unit == "flop")
        assert (layer.cost.macs, layer.cost.flops) == (macs, 2 * macs + others)


@pytest.mark.parametrize("name", NAMES)
def test_rows_add_up(name: str) -> None:
    check_sums(report(name))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    name=st.sampled_from(["InceptionV3", "ResNet50V2", "MobileNetV2", "DenseNet121", "Xception"]),
    height=st.integers(96, 260),
    width=st.integers(96, 260),
    batch=st.integers(1, 64),
)
def test_rows_add_up_at_any_size_and_batch(name: str, height: int, width: int, batch: int) -> None:
    one = report(name, input_shapes=[(height, width, 3)])
    many = report(name, input_shapes=[(height, width, 3)], batch=batch)
    check_sums(many)
    assert many.total.macs == batch * one.total.macs
    assert many.total.flops == batch * one.total.flops
    assert many.total.activation_bytes == batch * one.total.activation_bytes
    assert many.total.params == one.total.params


def test_training_costs_less_than_three_forward_passes() -> None:
    """The first layer needs no input gradient: forward + 2 backward products, less one."""
    found = report("ResNet50")
    first = next(layer for layer in found.layers if layer.cost.macs)
    assert found.total.training_macs == 3 * found.total.macs - first.cost.macs


def test_the_json_is_the_contract() -> None:
    data = json.loads(report("ResNet50").to_json())
    assert data["schema"] == "keraudit.cost/2"
    assert data["input_shape"] == [224, 224, 3]
    assert data["totals"]["macs"] == 3_857_973_248
    assert data["bound"] == "exact"
    block = data["blocks"][1]
    assert (block["name"], block["kind"]) == ("conv2_block1", "fork-join")
    last = next(layer for layer in data["layers"] if layer["name"] == "conv5_block3_out")
    assert (last["receptive_field"], last["effective_stride"]) == ([483, 483], [32, 32])
