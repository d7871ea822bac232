"""The parts of the pages against audits made anew, and against records that are damaged or absent."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mkdocs")
pytest.importorskip("keras")

from mkdocs.exceptions import PluginError

import keraudit
from built import NAMES, application
from keraudit.api import report_of
from keraudit.experiments.recipe import RECIPES
from keraudit.render.figure import macs_per_block
from keraudit.render.figure_data import as_csv, numbers_of
from keraudit.render.run_figure import apart
from keraudit.render.svg import svg
from keraudit.shapes import shaped
from keraudit.site import (
    calculator,
    cifar,
    cut_off,
    figures,
    gradients,
    home,
    intervals,
    prefetch,
    resnet,
    runs,
    terms,
    zoo,
    zoo_record,
)
from keraudit.site.records import record

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("name", NAMES)
def test_the_zoo_s_record_is_what_an_audit_counts(name: str) -> None:
    kept = json.loads((ROOT / zoo_record.PATH).read_text("utf-8"))["models"][name]
    assert kept == json.loads(json.dumps(zoo_record.slim(report_of(shaped(application(name))))))


def test_the_accuracies_are_of_applications_and_name_their_source() -> None:
    found = json.loads((ROOT / zoo.ACCURACY).read_text("utf-8"))
    assert set(found["models"]) <= set(NAMES)
    assert found["url"]
    assert found["read"]
    assert all(50 < row["top1"] < row["top5"] < 100 for row in found["models"].values())


def test_the_calculator_counts_what_the_audit_counts() -> None:
    for title, sizes in calculator.starts().items():
        words = f"height={sizes.height},width={sizes.width},channels={sizes.channels}"
        branch = f"{words},f1=0,f3=0,f5={sizes.filters},pool=0"
        plain = keraudit.audit(f"inception-naive:{branch}").total.macs
        reduced = keraudit.audit(f"inception-reduced:{branch},r5={sizes.reduction}").total.macs
        assert calculator.direct(sizes) == plain, title
        assert calculator.squeeze(sizes) + calculator.behind(sizes) == reduced, title


def test_what_the_pages_audit_is_built_beforehand(site: Path) -> None:
    assert site.is_dir()
    for name in prefetch.NAMES:
        assert prefetch.path_of(name).is_file()


def test_the_still_picture_shows_every_bar() -> None:
    report = record("ResNet50")
    drawn = ET.fromstring(svg(macs_per_block(report)))
    words = [element.text for element in drawn.iter("text")]
    assert all(block["name"] in words for block in report["blocks"])
    bars = [e for e in drawn.iter("path") if e.get("stroke")]
    assert len(bars) == len(report["blocks"])


def test_the_numbers_of_a_figure_are_the_audit_s() -> None:
    report = record("ResNet50")
    numbers = numbers_of(macs_per_block(report))
    assert [row[0] for row in numbers.rows] == [block["name"] for block in report["blocks"]]
    billions = [sum(filter(None, row[1:])) for row in numbers.rows]
    assert billions == [pytest.approx(block["macs"] / 1e6) for block in report["blocks"]]
    assert len(as_csv(numbers).splitlines()) == 1 + len(report["blocks"])


def test_two_figures_of_one_title_keep_their_own_numbers() -> None:
    def bars(values: list[int]) -> dict[str, Any]:
        trace = {"type": "bar", "orientation": "h", "y": ["a"], "x": values}
        return {"data": [trace], "layout": {"title": {"text": "Twins"}, "height": 100}}

    for value in (1, 2, 1):
        figures.drawn_by_script(bars([value]), label="bars", caption="")
    assert figures.FILES["data/twins.csv"] == ",\na,1\n"
    assert figures.FILES["data/twins-2.csv"] == ",\na,2\n"
    assert "data/twins-3.csv" not in figures.FILES


def test_a_term_is_linked_once_and_never_inside_a_link() -> None:
    page = "<h2>MACs</h2><p><code>MACs</code> and <a href='x'>MACs</a>. MACs are MACs.</p>"
    found = terms.linked(page, root="../", folder=ROOT / "site")
    assert found.count('href="../glossary.html#mac"') == 1
    assert "<h2>MACs</h2>" in found
    assert ">MACs</a> are MACs.</p>" in found
    drawn = '<figure><script type="application/json">"<b>x"</script></figure><p>a kernel</p>'
    assert "glossary.html#kernel" in terms.linked(drawn, root="", folder=ROOT / "site")
    cited = terms.linked("<p>He et al. (2015) say</p>", root="", folder=ROOT / "site")
    assert '<a class="ka-source" href="sources.html#he-et-al-2015">He et al.</a> (2015)' in cited


def run(network: str, seed: int = 0, **changes: Any) -> dict[str, Any]:
    history = [
        {
            "epoch": epoch,
            "loss": 2.0 / epoch,
            "accuracy": 0.2 * epoch,
            "test_loss": 3.0 / epoch,
            "test_accuracy": 0.1 * epoch,
            "seconds": 2.0,
        }
        for epoch in (1, 2, 3)
    ]
    ends = {"train": {"accuracy": 0.6}, "test": {"accuracy": 0.3}}
    return {
        "schema": "keraudit.run/1",
        "network": network,
        "recipe": {"name": "he2015", "batch": 128},
        "seed": seed,
        "budget": 1.0,
        "dataset": {
            "name": "CIFAR-10",
            "fingerprint": "f",
            "train_images": 1000,
            "test_images": 500,
        },
        "params": 1234,
        "history": history,
        "evaluation": {**ends, "train_error": 0.4, "test_error": 0.7, "gap": 0.3},
        "hardware": {"devices": ["CPU"], "cores": 2},
        "versions": {"keras": "3"},
        "date": "2026-11-24",
        "command": f"keraudit train {network}",
        **changes,
    }


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(runs, "FOLDER", tmp_path)
    return tmp_path


def publish(folder: Path, *found: dict[str, Any]) -> None:
    for number, each in enumerate(found):
        (folder / f"{number}.json").write_text(json.dumps(each), "utf-8")


def test_without_runs_the_pages_say_how_to_make_them(published: Path) -> None:
    for shown in (resnet.degradation(), cifar.errors()):
        assert "keraudit report --run" in shown
        assert "keraudit runs publish" in shown
    assert resnet.degradation_table() == cifar.losses() == ""
    assert "keraudit evaluate" in cifar.how_they_err()


def test_the_experiments_are_those_of_the_command() -> None:
    from keraudit.experiments.plan import EXPERIMENTS

    for networks, name in runs.EXPERIMENTS.items():
        assert set(networks) <= set(EXPERIMENTS[name].networks)
        guide = (ROOT / "site" / "guide" / "reproduce.md").read_text("utf-8")
        assert all(command in guide for command in runs.commands_for(networks))


def test_a_damaged_run_stops_the_build(published: Path) -> None:
    (published / "bad.json").write_text('{"schema":', "utf-8")
    with pytest.raises(Exception, match=r"bad\.json is damaged"):
        resnet.degradation()


def test_runs_are_set_side_by_side_over_seeds(published: Path) -> None:
    publish(published, *(run(name, seed) for name in runs.DEGRADATION for seed in (0, 1)))
    shown, told = resnet.degradation(), resnet.degradation_table()
    assert "Plain-CIFAR-56, test" in shown
    assert "70.00 ± 0.00" in told
    assert "8.75" in told  # He et al. 2015, Table 6, beside ResNet-CIFAR-20
    assert "1,000 of CIFAR-10&#x27;s" in told or "1,000 of CIFAR-10's" in told
    assert "keraudit train Plain-CIFAR-20" in shown


def test_what_depth_costs_each_pair(published: Path) -> None:
    errors = {"Plain-CIFAR-20": 0.5, "Plain-CIFAR-56": 0.8, "ResNet-CIFAR-20": 0.4}
    runs_of = [
        run(name, evaluation=run(name)["evaluation"] | {"train_error": error})
        for name, error in errors.items()
    ]
    publish(published, *runs_of)
    told = resnet.degradation_table()
    assert "with the higher **training** error: 80.00 % against 50.00 %" in told
    assert "36 layers more" not in told  # of one pair alone there is nothing to compare
    last = run("ResNet-CIFAR-56")
    publish(published, *runs_of, last | {"evaluation": last["evaluation"] | {"train_error": 0.35}})
    told = resnet.degradation_table()
    assert "the plain pair +30.00 points and the residual pair -5.00 points" in told
    publish(published, *runs_of, last | {"loss": "probabilities"})
    assert "36 layers more" not in resnet.degradation_table()  # of two losses nothing is told


def test_what_depth_costs_is_drawn_epoch_by_epoch(published: Path) -> None:
    publish(published, *(run(name) for name in runs.DEGRADATION[:3]))
    assert "from 20 to 56 cost" not in resnet.degradation_table()
    found = {name: [run(name), run(name, 1)] for name in runs.DEGRADATION}
    for at, row in enumerate(found["Plain-CIFAR-56"][0]["history"]):
        row["accuracy"] -= 0.1 * at  # of one seed of two
    plain, skips = apart(found, 20, 56)["data"]
    assert (plain["name"], plain["x"], plain["y"]) == ("plain", [1, 2, 3], [0.0, 5.0, 10.0])
    assert skips["y"] == [0.0] * 3
    publish(published, *(members[0] for members in found.values()))
    assert "from 20 to 56 cost" in resnet.degradation_table()


def test_a_training_that_was_watched_is_drawn_from_its_record(published: Path) -> None:
    steps = [
        {
            "step": step,
            "loss": 1.0,
            "blocks": [
                {"name": n, "depth": d, "grad_norm": norm, "activation_std": d + 1.5}
                for d, (n, norm) in enumerate(norms)
            ],
        }
        for step, norms in (
            (0, (("stem", 8.0), ("end", 2.0), ("classes", 1.0))),
            (390, (("stem", 1.0), ("end", 2.0), ("classes", 1.0))),
        )
    ]
    watched = run("Plain-CIFAR-56", gradients={"every": 390, "steps": steps})
    publish(published, watched, run("ResNet-CIFAR-56"))
    drawn = gradients.of_run("0")
    assert "4 at step 0, 0.5 at step 390." in drawn
    assert "activations: 1.5 at step 0, 1.5 at step 390." in drawn
    with pytest.raises(PluginError, match="gradients were not watched"):
        gradients.of_run("1")
    assert "is not here" in gradients.of_run("2")
    steps[:] = steps[:1]
    publish(published, watched)  # watched but once
    assert "4 at step 0. The" in gradients.of_run("0")
    del steps[0]["blocks"][0]["activation_std"]
    publish(published, watched)
    with pytest.raises(PluginError, match="publish the run anew"):
        gradients.of_run("0")


def test_whether_the_deep_residual_network_is_better_is_told(published: Path) -> None:
    deep, ends = run("ResNet-CIFAR-56"), run("")["evaluation"]
    publish(published, run("ResNet-CIFAR-20"))
    assert "the paper" not in resnet.lesson(runs.comparable(runs.DEPTHS))
    for changes, words in (
        ({"train_error": 0.01, "test_error": 0.02}, "As in the paper, the residual network of 56"),
        ({"train_error": 0.01, "test_error": 0.97}, "did not come out here**: test error 97.00 %"),
    ):
        publish(published, run("ResNet-CIFAR-20"), deep | {"evaluation": ends | changes})
        assert words in resnet.lesson(runs.comparable(runs.DEPTHS))


def test_what_a_gpu_is_made_use_of_stands_beside_the_macs(published: Path) -> None:
    work = {
        "training_macs_per_image": 3 * 10**9,
        "images_per_s": 1234.5,
        "peak_macs_per_s": 4e14,
        "share_of_peak": 0.125,
    }
    publish(published, *(run(name, work=work) for name in runs.BIG))
    assert cifar.work() == ""  # on a processor the peak depends on what else runs
    gpu = {"processor": "x", "cores": 16, "devices": ["GPU"]}
    publish(published, *(run(name, work=work, hardware=gpu) for name in runs.BIG))
    assert (
        "| `ResNet50` | 3.000 G | 1,234 | 54 | 12.5 |" in cifar.work()
    )  # 53 convolutions, one dense
    assert cifar.work().count("400.0 T MACs/s") == 1


def test_error_is_drawn_over_depth_once_there_are_three(published: Path) -> None:
    assert "Error over depth" not in resnet.degradation_table()
    publish(published, *(run(f"Plain-CIFAR-{depth}") for depth in (20, 32, 56)))
    assert "Error over depth" in resnet.degradation_table()
    assert "Plain-CIFAR-32" in resnet.degradation_table()


def test_a_run_s_note_is_told_once(published: Path) -> None:
    publish(published, *(run(name, note="A busy machine.") for name in runs.BIG))
    assert cifar.errors().count("A busy machine.") == 1


def test_a_run_s_command_names_no_place() -> None:
    given = run("Plain-CIFAR-20", command="keraudit train A --data /some/where/images --runs runs")
    assert runs.commands([given]) == ["keraudit train A --data images --runs runs"]


def test_the_home_page_tells_of_degradation_once_it_was_trained_in_full(published: Path) -> None:
    assert "Depth is not what costs" in home.findings()
    whole = {"name": "CIFAR-10", "fingerprint": "f", "train_images": 50_000, "test_images": 10_000}
    long = [{**run("")["history"][0], "epoch": epoch} for epoch in range(164)]
    for name in runs.DEGRADATION:
        found = [run(name, seed, dataset=whole, history=long) for seed in (0, 1, 2)]
        for each in found:
            each["evaluation"]["train_error"] = {"P": 0.1, "R": -0.1}[name[0]] * int(
                name[-2:]
            ) / 36 + 1
            (published / f"{name}-{each['seed']}.json").write_text(json.dumps(each), "utf-8")
    told = home.findings()
    assert "Skips are what makes depth pay" in told
    assert "+10.00 points" in told  # from 20 to 56 layers, 36 more
    assert "-10.00" in told


def test_two_networks_of_several_seeds_have_an_interval(published: Path) -> None:
    publish(published, *(run(name) for name in runs.BIG))
    assert "Welch" not in cifar.results()  # of one seed each there is none
    ends = run("")["evaluation"]
    several = [
        run(network, seed, evaluation=ends | {"test_error": first + 0.1 * seed})
        for network, first in (("InceptionV3", 0.1), ("ResNet50", 0.3))
        for seed in range(3)
    ]
    publish(published, *several)
    told = cifar.results()  # 20 +- 2.776 * 10 * sqrt(2 / 3)
    assert "`ResNet50` less `InceptionV3`: training error +0.00 points (no interval" in told
    assert "test error +20.00 points (-2.67 to +42.67)" in told
    cut = [run("ResNet50", seed, loss="probabilities") for seed in range(3)]
    assert intervals.differences({"InceptionV3": several[:3], "ResNet50": cut}) == ""


def test_runs_of_another_kind_are_not_averaged(published: Path) -> None:
    other = run("ResNet50", 2, budget=0.1)
    publish(published, run("InceptionV3"), run("ResNet50"), run("ResNet50", 1), other)
    found = runs.comparable(runs.BIG)
    assert {name: len(members) for name, members in found.items()} == {
        "InceptionV3": 1,
        "ResNet50": 2,
    }


def test_case_makes_no_other_network(published: Path) -> None:
    publish(published, run("resnet50"), run("ResNet50", 1), run("inceptionv3"))
    found = runs.comparable(runs.BIG)
    assert {name: [one["seed"] for one in members] for name, members in found.items()} == {
        "InceptionV3": [0],
        "ResNet50": [0, 1],
    }


def test_an_older_recipe_is_of_the_same_kind(published: Path) -> None:
    recipe = RECIPES["he2015"].to_dict()
    older = {key: value for key, value in recipe.items() if key != "size"}
    publish(published, run("ResNet50", recipe=recipe), run("ResNet50", 1, recipe=older))
    assert len(runs.comparable(runs.BIG)["ResNet50"]) == 2


def test_the_time_of_an_epoch_is_the_median(published: Path) -> None:
    seconds = (93, 95, 142, 61, 52, 97, 1107, 142)
    history = [{**run("")["history"][0], "seconds": s} for s in seconds]
    publish(published, run("ResNet50", history=history))
    assert "s an epoch" in cifar.results()
    assert "96.0" in cifar.results()


def test_figure_and_table_of_a_page_are_of_one_kind(published: Path) -> None:
    fewer = [run(f"Plain-CIFAR-{depth}", budget=0.1) for depth in (20, 32, 44, 56, 110)]
    publish(published, *(run(name) for name in runs.DEGRADATION), *fewer)
    found = runs.comparable(runs.DEGRADATION)
    assert {name: members[0]["budget"] for name, members in found.items()} == {
        "Plain-CIFAR-20": 0.1,
        "Plain-CIFAR-56": 0.1,
    }
    assert "ResNet-CIFAR-20, test" not in resnet.degradation()
    told = resnet.degradation_table()
    assert "Plain-CIFAR-110" in told
    assert "### Other runs" in told
    assert told.index("Plain-CIFAR-110") < told.index("### Other runs") < told.index("ResNet-CIFAR")
    publish(published, *fewer)
    for left in range(len(fewer), 9):
        (published / f"{left}.json").unlink()
    assert "Other runs" not in resnet.degradation_table()


def test_runs_at_another_rate_are_told_beside_those_of_the_table(published: Path) -> None:
    slow = {**RECIPES["modern"].to_dict(), "learning_rate": 0.25}
    others = [run("InceptionV3", seed, recipe=slow) for seed in (0, 1)]
    for other, error in zip(others, (0.25, 0.35), strict=True):
        other["evaluation"] = {**other["evaluation"], "test_error": error}
    publish(published, run("InceptionV3"), run("ResNet50"), *others)
    seen = run("")["dataset"]["train_images"] * len(run("")["history"])
    told = cifar.others()
    assert f"- `InceptionV3`: **30.0 %** test error after {seen:,} images" in told
    assert "images at rates of SGD up to 0.25 in float32; above **" in told
    assert "- `ResNet50`" not in told


def test_runs_of_a_folder_stand_for_themselves(published: Path) -> None:
    row = run("")["history"][0]
    history = [
        {**row, "epoch": n, "accuracy": n / 10, "test_accuracy": n / 12} for n in range(1, 10)
    ]
    history[2]["test_accuracy"] = 1.0  # ahead for an epoch, not for good
    publish(published, *(run(name, history=history) for name in runs.BIG))
    ended = {**run("")["evaluation"], "test_error": 0.49}
    short = run("ResNet50", evaluation=ended, budget=0.9)
    (published / "short").mkdir()
    (published / "short" / "a.json").write_text(json.dumps(short), "utf-8")
    told = cifar.apart("short")
    assert "`ResNet50` ends here at 49.0 % test error" in told
    assert "below that from its **epoch 7** of 9 on" in told
    assert "small experiment" in told
    assert "Other runs" in cifar.others()
    assert cifar.others("short") == ""
    with pytest.raises(PluginError, match=r"no record of InceptionV3 or ResNet50 in .*none"):
        cifar.apart("none")


def test_a_training_that_is_not_better_overtakes_nothing() -> None:
    row = {**run("")["history"][0], "test_accuracy": 0.0}
    assert cifar.overtakes(run("ResNet50", history=[row] * 9), run("ResNet50")) == ""


def test_the_last_third_of_a_training_says_what_more_of_it_brings(published: Path) -> None:
    row = run("")["history"][0]
    history = [
        {**row, "epoch": n, "accuracy": n / 10, "test_accuracy": n / 12} for n in range(1, 10)
    ]
    publish(published, *(run(name, history=history) for name in runs.BIG))
    told = "epoch 6 to 9: error in training 40.0 to 10.0 %, test error **50.00 to 25.00 %**."
    assert cifar.last_third().splitlines() == [f"- `{name}`, {told}" for name in runs.BIG]


def test_another_kind_of_run_is_told_with_what_made_its_images_harder(published: Path) -> None:
    hard = {**RECIPES["modern"].to_dict(), "cutout": 16, "mixup": 1.0}
    publish(published, run("InceptionV3"), run("ResNet50"), run("ResNet50", 1, recipe=hard))
    assert "with cutout and mixup; above" in cifar.others()


def test_runs_with_a_loss_that_was_cut_off_stand_beside_their_twins(
    published: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    apart = tmp_path_factory.mktemp("cut-off")
    monkeypatch.setattr(cut_off, "FOLDER", apart)
    assert "is not here" in cut_off.whole_runs()
    wrong = {**run("")["evaluation"], "test_error": 0.49}
    cut = run("ResNet-CIFAR-44", evaluation=wrong, loss="probabilities")
    publish(apart, cut)
    told = cut_off.whole_runs()
    assert "Cut off:" in told
    assert "| 49.00 |" in told
    assert "loss of ResNet-CIFAR-44 cut off below a probability of 1e-7" in told
    assert "From logits:" not in told
    also_cut = run("ResNet-CIFAR-20", loss="probabilities")
    plain = run("Plain-CIFAR-56", loss="probabilities")
    publish(apart, cut, also_cut, plain)
    publish(
        published, run("ResNet-CIFAR-44"), run("Plain-CIFAR-20"), also_cut, run("Plain-CIFAR-56")
    )
    twins = cut_off.whole_runs().partition("From logits:")[2]
    assert twins.count("| `ResNet-CIFAR-44`") == twins.count("| `Plain-CIFAR-56`") == 1
    assert "| `Plain-CIFAR-20`" not in twins
    assert "| `ResNet-CIFAR-20`" not in twins
    with pytest.raises(PluginError, match="the loss of some runs of ResNet-CIFAR-20 was cut off"):
        runs.end_table({"ResNet-CIFAR-20": [run("ResNet-CIFAR-20"), also_cut]})


def test_a_caption_says_what_training_did_to_images(published: Path) -> None:
    publish(published, run("InceptionV3"), run("ResNet50"))
    assert "as they were trained on, cropped and mirrored." in cifar.errors()
    hard = {**RECIPES["modern"].to_dict(), "cutout": 16, "mixup": 1.0}
    publish(published, *(run(name, recipe=hard) for name in runs.BIG))
    assert "cropped, mirrored, partly blanked and mixed, against mixed labels." in cifar.errors()


def test_few_seeds_are_no_short_training(published: Path) -> None:
    whole = {"name": "CIFAR-10", "fingerprint": "f", "train_images": 50_000, "test_images": 10_000}
    history = [{**run("")["history"][0], "epoch": epoch} for epoch in range(164)]
    complete = run("Plain-CIFAR-20", dataset=whole, history=history)
    told = runs.caveat({"Plain-CIFAR-20": [complete]})
    assert "fewer than three seeds" in told
    assert "so short a training" not in told
    assert runs.caveat({"Plain-CIFAR-20": [complete] * 3}) == ""
    short = runs.caveat({"Plain-CIFAR-20": [run("Plain-CIFAR-20")] * 3})
    assert "so short a training" in short
    assert "seeds" not in short
    learnt = {**complete["evaluation"], "train_error": 0.0012}
    half = run("Plain-CIFAR-20", dataset=whole, evaluation=learnt)
    told = runs.caveat({"Plain-CIFAR-20": [half] * 3})
    assert "They learnt the training images all the same, of which at most 0.12 % are wrong" in told
    assert "A shorter training" in told
    few = run("Plain-CIFAR-20", dataset={**whole, "train_images": 1000}, evaluation=learnt)
    assert "A small experiment" in runs.caveat({"Plain-CIFAR-20": [few] * 3})


def test_evaluations_are_of_the_runs_of_the_table(published: Path) -> None:
    def found(name: str, seed: int, note: str, **changes: Any) -> dict[str, Any]:
        return run(name, seed, evaluated={"note": note}, **changes)

    publish(
        published,
        found("ResNet50", 0, "other", budget=0.1),
        run("ResNet50", 1),
        found("resnet50", 2, "shown"),
        run("InceptionV3"),
        found("Plain-CIFAR-20", 0, "another network"),
    )
    assert cifar.evaluations() == {"ResNet50": {"note": "shown"}}
    publish(
        published,
        *(found("ResNet50", 0, "other", budget=0.1), run("ResNet50", 1), run("ResNet50", 2)),
        run("InceptionV3"),
        found("Plain-CIFAR-20", 0, "another network"),
    )
    assert cifar.evaluations() == {"Plain-CIFAR-20": {"note": "another network"}}


def test_an_evaluation_is_drawn(published: Path) -> None:
    evaluated: dict[str, Any] = {
        "dataset": {"name": "CIFAR-10", "test_images": 500},
        "accuracy": 0.3,
        "gap": 0.3,
        "ece": 0.05,
        "corrupted_accuracy": 0.2,
        "clean_accuracy": 0.3,
        "corruptions": [{"name": "fog", "severity": s, "accuracy": 0.3 - s / 50} for s in (1, 2)],
        "classes": [{"name": "cat"}, {"name": "dog"}],
        "confusion": [[3, 1], [0, 4]],
        "calibration": [{"images": 4, "confidence": 0.8, "accuracy": 0.7, "low": 0.7, "high": 0.9}],
        "date": "2026-11-24",
        "command": "keraudit evaluate RUN",
    }
    publish(published, run("InceptionV3", evaluated=evaluated), run("ResNet50"))
    shown = cifar.how_they_err()
    assert "30.0%" in shown
    assert '"y":[70.0,72.0,74.0]' in shown  # errors at severities 0, 1 and 2
    assert "InceptionV3: confusion" in shown
    assert "calibrated" in shown
    assert "Beside people" not in shown
    evaluated["human"] = {
        "images": 500,
        "cross_entropy": 0.71,
        "human_entropy": 0.15,
        "network_entropy": 0.5,
        "entropy_correlation": 0.25,
        "entropy_rank_correlation": 0.2,
    }
    evaluated["originals"] = {
        "images": 100,
        "psnr_db": 30.49,
        "accuracy_originals": 0.6,
        "accuracy_copies": 0.59,
        "only_original_right": 3,
        "only_copy_right": 2,
    }
    publish(published, run("InceptionV3", evaluated=evaluated), run("ResNet50"))
    shown = cifar.how_they_err()
    assert "| `InceptionV3` | 0.710 | 0.500 | 0.250 | 0.200 |" in shown
    assert "| people | 0.150 | 0.150 |" in shown
    assert "| `InceptionV3` | 60.0% | 59.0% | 3 | 2 |" in shown
