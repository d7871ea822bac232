"""Lecture sentences on real networks: Keras Applications and the zoo."""

from __future__ import annotations

import json

import pytest

from built import application, zoo
from keraudit.audits.structure.claim import FAILS, HOLDS, SILENT
from keraudit.audits.structure.network import network
from keraudit.audits.structure.report import StructureReport, claims, structure_of
from keraudit.audits.structure.units import IDENTITY, PADDED, PROJECTION, units
from keraudit.layers.infer import shaped
from keraudit.model.blocks import blocks
from keraudit.reading.applications import applications
from witness import graph_of

RES = [code for code in claims() if code.startswith("RES")]
INC = [code for code in claims() if code.startswith("INC")]


def report(name: str) -> StructureReport:
    known = application(name) if name in applications() else zoo(name)
    return structure_of(shaped(known))


def failing(found: StructureReport, codes: list[str]) -> list[str]:
    return [code for code in codes if found[code].verdict == FAILS]


# model: units, identity, option A, projection, depth, all layers with weights
RESNETS = {
    "ResNet50": (16, 12, 0, 4, 50, 54),  # 3 + 4 + 6 + 3 units; 50 and 4 projections
    "ResNet101": (33, 29, 0, 4, 101, 105),  # 3 + 4 + 23 + 3
    "ResNet152": (50, 46, 0, 4, 152, 156),  # 3 + 8 + 36 + 3
    "ResNet50V2": (16, 9, 3, 4, 50, 54),  # the stride of a stage's last unit picks positions
    "ResNet101V2": (33, 26, 3, 4, 101, 105),
    "ResNet152V2": (50, 43, 3, 4, 152, 156),
    "ResNet-18": (8, 5, 0, 3, 18, 21),  # the first stage keeps 64 channels: no projection
    "ResNet-34": (16, 13, 0, 3, 34, 37),
    "ResNet-34-A": (16, 13, 3, 0, 34, 34),
    "ResNet-CIFAR-56": (27, 25, 2, 0, 56, 56),  # 3 x 9 units, 6 x 9 + 2 layers
    "ResNet-CIFAR-1202": (600, 598, 2, 0, 1202, 1202),
}


@pytest.mark.parametrize("model", RESNETS)
def test_residual_units_shortcuts_and_depth(model: str) -> None:
    known = application(model) if model in applications() else zoo(model)
    graph = shaped(known)
    found = units(network(graph, blocks(graph)))
    routes = [unit.shortcut for unit in found]
    facts = structure_of(graph).facts
    counts = [routes.count(route) for route in (IDENTITY, PADDED, PROJECTION)]
    assert (len(found), *counts, facts.depth, facts.weighted_layers) == RESNETS[model]


@pytest.mark.parametrize("model", RESNETS)
def test_what_fails_of_a_resnet(model: str) -> None:
    """All of the lecture's sentences hold but one: which of the paper's two kinds its units are."""
    found = report(model)
    deep_and_basic = model.startswith("ResNet-CIFAR")
    bottlenecks = not model.startswith("ResNet-")
    assert found.families == ("residual",)
    assert failing(found, RES) == ["RES04"] * bottlenecks + ["RES05"] * deep_and_basic
    assert {found[code].verdict for code in INC} == {SILENT}


def test_two_3x3_is_the_lectures_simplification() -> None:
    check = report("ResNet50")["RES04"]
    assert check.verdict == FAILS
    assert check.evidence[0].startswith("16 bottleneck units, 1x1-3x3-1x1: conv2_block1, ")
    assert check.evidence[0].endswith("conv2_block3 ... and 13 more.")
    assert "simplification" in check.evidence[1]
    assert report("ResNet-18")["RES04"].evidence[0].startswith("8 basic units, 3x3-3x3: ")


def test_below_fifty_layers_bottlenecks_are_no_question() -> None:
    assert report("ResNet-34")["RES05"].verdict == SILENT
    assert report("ResNet152")["RES05"].verdict == HOLDS


def test_the_evidence_of_doubling_names_the_layers() -> None:
    assert report("ResNet50")["RES06"].evidence == (
        "conv3_block1: 56x56 to 28x28 by stride 2 in conv3_block1_1_conv, channels 256 to 512.",
        "conv4_block1: 28x28 to 14x14 by stride 2 in conv4_block1_1_conv, channels 512 to 1,024.",
        "conv5_block1: 14x14 to 7x7 by stride 2 in conv5_block1_1_conv, channels 1,024 to 2,048.",
    )
    # version 2 has the stride in the last unit of a stage
    late = report("ResNet50V2")["RES06"].evidence[0]
    assert late.startswith("conv2_block3: 56x56 to 28x28 by stride 2 in conv2_block3_2_conv")
    assert late.endswith("channels 256 to 256, and 512 in the next unit.")


def test_the_depth_is_added_up() -> None:
    added, stages = report("ResNet152")["RES09"].evidence
    assert added.startswith("152 = 1 + 50 x 3 + 1: ")  # 1 + 50 * 3 + 1
    assert "4 projections on shortcuts not counted" in added
    assert stages == "Units at each width: 3, 8, 36, 3, as in Table 1."
    assert "6n + 2 with n = 200" in report("ResNet-CIFAR-1202")["RES09"].evidence[1]


def test_the_classifier_of_resnet50() -> None:
    facts = report("ResNet50").facts
    assert facts.connected_params == 2048 * 1000 + 1000
    assert (facts.connected_layers, facts.params) == (1, 25_636_712)
    assert (facts.first_map, facts.last_map) == ((224, 224), (7, 7))
    assert facts.downsampling == (32, 32)


OTHERS = {
    # neither kind: separable convolutions; max pooling halves the size; two convolutions before
    "Xception": ["RES03", "RES04", "RES06", "RES07", "RES09"],
    # inverted bottlenecks, thin where the size halves
    "MobileNetV2": ["RES03", "RES04", "RES05", "RES06", "RES07", "RES09"],
    # 7x7 and two dense layers, but a stem of one convolution, and channels that double
    "ConvNeXtTiny": ["RES03", "RES04", "RES05", "RES09"],
}


@pytest.mark.parametrize("model", OTHERS)
def test_residual_networks_that_are_no_resnets(model: str) -> None:
    found = report(model)
    assert found.families == ("residual",)
    assert failing(found, RES) == OTHERS[model]


@pytest.mark.parametrize(
    ("model", "count", "depth"),
    [("Xception", 12, 37), ("MobileNetV2", 10, 53), ("ConvNeXtTiny", 18, 59)],
)
def test_their_units(model: str, count: int, depth: int) -> None:
    facts = report(model).facts
    assert (facts.residual_units, facts.inception_modules, facts.depth) == (count, 0, depth)


# depth: VGG 13 + 3; DenseNet 1 + 2 * 58 + 3 transitions + 1
@pytest.mark.parametrize(
    ("model", "depth", "connected"),
    [
        ("VGG16", 16, 25_089 * 4_096 + 4_097 * 4_096 + 4_097 * 1_000),
        ("DenseNet121", 1 + 2 * 58 + 3 + 1, 1_025 * 1_000),
        ("Plain-CIFAR-56", 56, 65 * 10),
        ("NASNetMobile", None, 1_057 * 1_000),
    ],
)
def test_networks_of_neither_family(model: str, depth: int | None, connected: int) -> None:
    found = report(model)
    assert found.families == ()
    assert {check.verdict for check in found.checks} == {SILENT}
    assert depth in (None, found.facts.depth)
    assert found.facts.connected_params == connected


def test_inceptionv3() -> None:
    found = report("InceptionV3")
    assert found.families == ("inception",)
    assert failing(found, INC) == ["INC08"]
    # 5 in the stem, 3 x 3, 3, 4 x 5, 4, 2 x 3, the classifier
    assert found.facts.depth == 5 + 9 + 3 + 20 + 4 + 6 + 1
    assert (found.facts.inception_modules, found.facts.weighted_layers) == (11, 94 + 1)
    assert found["INC01"].evidence == (
        "11 modules in a row: mixed0, mixed1, mixed2 ... and 8 more.",
    )
    assert found["INC04"].evidence == (
        "Average pooling in 9: mixed0, mixed1, mixed2 ... and 6 more.",
        "Max pooling in 2: mixed3, mixed8.",
    )
    assert "mixed0 64 + 64 + 96 + 32 = 256" in found["INC05"].evidence[0]


def test_the_patterns_of_inceptionv3() -> None:
    """Figures 5, 10, 6, 10 and 7 of Szegedy et al. 2015, in the order of the graph."""
    assert len(report("InceptionV3")["INC03"].evidence) == 5
    first, *_, last = report("InceptionV3")["INC03"].evidence
    assert first == (
        "mixed0, mixed1, mixed2: 1x1-3x3-3x3 | 1x1-5x5 | average pooling 3x3-1x1 | 1x1."
    )
    assert last.startswith("mixed9, mixed10: 1x1-3x3-(1x3 | 3x1) | 1x1-(1x3 | 3x1) | ")


def test_reductions_and_factors_of_inceptionv3() -> None:
    found = report("InceptionV3")
    # two branches in each of the nine modules that keep the size; mixed3 has a bare 3x3
    assert found["INC06"].evidence[0].startswith("18 of 18 branches")
    assert found["INC06"].evidence[1].startswith("Apart: modules that change the size, 3 of 4")
    # mixed4 to 7: two pairs in the long branch, one in the short; mixed8: one
    assert found["INC07"].evidence == (
        "Factorised: 4 x 3x3-3x3, 8 x 7x1-1x7, 5 x 1x7-7x1, 4 x (1x3 | 3x1).",
        "Left whole: 3 x 5x5.",
    )


def test_googlenet_with_and_without_its_auxiliary_classifiers() -> None:
    plain, aux = report("GoogLeNet"), report("GoogLeNet-aux")
    assert plain.facts.depth == aux.facts.depth == 22  # "22 layers deep", section 5
    assert failing(plain, INC) == ["INC07", "INC08"]
    assert failing(aux, INC) == ["INC07"]
    assert aux["INC08"].evidence == (
        "2 auxiliary classifiers: aux1_predictions, aux2_predictions.",
    )
    assert aux["INC07"].evidence[-1] == "Left whole: 9 x 5x5."
    assert aux["INC04"].evidence[0].startswith("Max pooling in 9: ")


def test_inception_resnet_is_of_both_families() -> None:
    found = report("InceptionResNetV2")
    assert found.families == ("residual", "inception")
    assert (found.facts.residual_units, found.facts.inception_modules) == (40, 43)
    assert failing(found, RES) == ["RES03", "RES04", "RES05", "RES06", "RES07", "RES09"]
    assert failing(found, INC) == ["INC04", "INC08"]  # no pooling inside its units
    assert found["RES02"].evidence[0].startswith("40 identity shortcuts: ")
    assert found["INC01"].evidence[0].startswith("43 modules in a row: ")


def test_the_naive_module_reduces_nothing() -> None:
    naive, reduced = report("inception-naive"), report("inception-reduced")
    assert naive["INC06"].evidence[0].startswith("0 of 2 branches")
    assert naive["INC06"].verdict == FAILS
    assert reduced["INC06"].verdict == HOLDS
    assert naive["INC01"].verdict == naive["INC02"].verdict == FAILS  # one module, no stem


def test_a_gate_is_no_part_of_depth_or_of_the_classifier() -> None:
    """EfficientNetB0: 1 + 16 blocks of 3 (the first of 2) + 1 + 1; squeeze-and-excitation aside."""
    found = report("EfficientNetB0")
    assert found.facts.depth == 1 + 2 + 15 * 3 + 1 + 1
    assert found.facts.weighted_layers == found.facts.depth + 2 * 16
    assert found["RES08"].evidence[1] == "Global average pooling before it: avg_pool."


@pytest.mark.parametrize("model", ["ResNet50", "InceptionV3", "VGG16"])
def test_the_record_is_plain_data(model: str) -> None:
    data = json.loads(json.dumps(report(model).to_dict()))
    assert data["schema"] == "keraudit.structure/2"
    assert [check["code"] for check in data["checks"]] == list(claims())
    assert all(check["evidence"] for check in data["checks"])
    assert all(check["holds"] == (check["verdict"] == HOLDS) for check in data["checks"])


def test_every_claim_says_when_it_holds() -> None:
    for claim in claims().values():
        assert (claim.check.__doc__ or "").startswith("Holds "), claim.code
        assert claim.sentence.endswith(".")
        assert " et al. 20" in claim.source


def test_of_a_network_without_convolutions_the_claims_about_them_do_not_apply() -> None:
    import keras
    from keras import layers

    x = start = keras.Input((16,))
    for _ in range(3):
        x = layers.Add()([x, layers.Dense(16)(layers.Dense(32, activation="relu")(x))])
    found = structure_of(graph_of(keras.Model(start, layers.Dense(2)(x))))
    verdicts = {check.code: check.verdict for check in found.checks}
    assert verdicts.pop("RES01") == verdicts.pop("RES02") == "holds"
    assert set(verdicts.values()) == {"not applicable"}
