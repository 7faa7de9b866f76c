"""What could be seen: noise against simulation, power against the engine, and how it is told."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml
from panels import known_panel
from test_plan import hub_grid, plan

from xstilts.analysis.groups import group_rows
from xstilts.analysis.inference import behrens_fisher as engine
from xstilts.analysis.tables import ALL, EVERY, GAIN, POINTS
from xstilts.config.settings import Assumptions
from xstilts.execution.plan.design import Design, TargetPart, design_error
from xstilts.execution.plan.items import Amounts, Scored
from xstilts.execution.plan.power import smallest_detectable
from xstilts.graph.job_params import JobParams

SHARES = (0.0, 1e-9, 1e-5, 1e-3, 0.02, 0.1, 0.3, 0.6, 0.9, 1.0)


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 9, 29])
@pytest.mark.parametrize("tests", [1, 2, 14, 40, 200])
def test_plain_python_finds_what_the_engine_finds(degrees: int, tests: int) -> None:
    expected = engine.smallest_detectable(1.0, np.array(SHARES), degrees, tests=tests)
    found = [smallest_detectable(share, degrees, tests) for share in SHARES]
    assert found == pytest.approx(expected, rel=0.02)


def scored(items: int, size: int = 1) -> Scored:
    return Scored(items=items, clusters=items / size, together=size)


def test_noise_is_that_of_simulated_gains() -> None:
    """Normal differences of items and gains of seeds, correlated as assumed, averaged."""
    assumed = Assumptions(accuracy=0.7, seed_sd=2.0)
    parts = [
        TargetPart(languages=3, scored=scored(60, size=5), parallel=True),
        TargetPart(languages=2, scored=scored(40), parallel=False),
    ]
    rng, runs, seeds = np.random.default_rng(1), 20_000, 3
    variance = 100**2 * 2 * 0.7 * 0.3 * (1 - 0.5)

    def effects(share: float, *shape: int) -> np.ndarray:
        return np.sqrt(share) * rng.standard_normal((runs, *shape))

    items = []
    for part in parts:
        count, languages = part.scored.items, part.languages
        size = round(part.scored.together)
        # Of an item, what languages share and what they do not; each in part its cluster's.
        common = 0.3 if part.parallel else 0.0
        clustered = 0.1 if size > 1 else 0.0
        total = 0.0
        for share, columns in ((common, 1), (1 - common, languages)):
            cluster = effects(share * clustered, columns, count // size)
            own = effects(share * (1 - clustered), columns, count)
            total = total + cluster.mean(axis=(1, 2)) + own.mean(axis=(1, 2))
        items.append(np.sqrt(variance) * total)
    everywhere = effects(0.2, seeds).mean(axis=1)
    gains = [
        2.0
        * (
            everywhere
            + effects(0.3, seeds).mean(axis=1)
            + effects(0.5, seeds, part.languages).mean(axis=(1, 2))
        )
        for part in parts
    ]
    noise = design_error(parts, seeds, assumed)
    total = np.mean(items, axis=0) + np.mean(gains, axis=0)
    assert noise.error == pytest.approx(float(np.std(total)), rel=0.02)
    assert noise.share == pytest.approx(
        float(np.var(np.mean(gains, axis=0)) / np.var(total)), rel=0.05
    )
    single = design_error(parts, 1, assumed)
    assert single.share == 0
    assert single.error == pytest.approx(float(np.std(np.mean(items, axis=0))), rel=0.02)


def test_the_difference_of_two_recipes_varies_as_simulated_answers_do() -> None:
    rng, runs, items = np.random.default_rng(2), 20_000, 200
    before = rng.random((runs, items)) < 0.6
    # With probability 0.5 the same answer, else one of its own: they correlate 0.5.
    after = np.where(rng.random((runs, items)) < 0.5, before, rng.random((runs, items)) < 0.6)
    gains = 100 * (after.mean(axis=1) - before.mean(axis=1))
    part = TargetPart(languages=1, scored=scored(items), parallel=True)
    noise = design_error([part], 1, Assumptions())
    assert noise.error == pytest.approx(float(np.std(gains)), rel=0.02)


@pytest.mark.parametrize(
    ("target", "split", "items", "clusters", "together"),
    [
        ("xquad", "test", 1190, 240, 1190 / 240),
        ("xnli", "test", 5010, 1670, 3),
        ("xnli", "dev", 2490, 830, 3),
        ("tydiqa", "test", 560, 560, 1),
        ("tatoeba", "test", 1000, 1000, 1),
    ],
)
def test_items_and_clusters_are_known(target, split, items, clusters, together) -> None:
    found = Amounts(hub_grid()).scored(target, split)
    assert found.items == items
    assert (found.clusters, found.together) == pytest.approx((clusters, together))


def test_items_chosen_at_random_share_fewer_clusters() -> None:
    found = Amounts(hub_grid(limits={"default": {"test": 1000}})).scored("xnli", "test")
    rng = np.random.default_rng(3)
    premises = [rng.choice(5010, 1000, replace=False) // 3 for _ in range(200)]
    sizes = [np.unique(each, return_counts=True)[1] for each in premises]
    assert found.clusters == pytest.approx(np.mean([len(each) for each in sizes]), rel=0.01)
    assert found.together == pytest.approx(
        np.mean([(each**2).sum() / each.sum() for each in sizes]), rel=0.01
    )


def test_generated_items_are_as_many_as_are_generated() -> None:
    values = {
        "data_source": "invitro",
        "encoders": {"e": {"pretrain": {}}},
        "recipes": ["none", "mnli"],
        "invitro": {"sizes": {"default": {"test": 70}}},
    }
    design = Design(hub_grid(**values))
    assert {each.target: each.scored.items for each in design.targets} == {
        "xnli": 70,
        "xquad": 70,
        "mlqa": 70,
    }


def test_each_is_adjusted_for_the_statements_that_are_judged_with_it() -> None:
    xnli, xquad, mlqa = Design(hub_grid()).targets
    # Languages without English, families of them, and the means.
    assert (xnli.languages, xnli.language.tests, xnli.mean.tests) == (14, 14, 3)
    # Indo-European has 8 of the 14; Afro-Asiatic, Austro-Asiatic, Kra-Dai, Niger-Congo,
    # Sino-Tibetan and Turkic have one each.
    assert (xnli.largest_family.languages, xnli.largest_family.tests) == (8, 7)
    assert xnli.smallest_family == xnli.largest_family
    assert (xquad.languages, mlqa.languages) == (10, 6)
    alone = Design(hub_grid(targets={"xnli": {"languages": ["en", "sw", "th"]}})).targets[0]
    assert (alone.smallest_family, alone.largest_family) == (None, None)


def test_means_are_judged_with_as_many_others_as_in_a_report() -> None:
    scores = {("none", 1): {"en": 80.0, "de": 70.0, "ru": 62.0, "tr": 50.0}}
    scores[("mnli", 1)] = {code: score + 3 for code, score in scores[("none", 1)].items()}
    panel = known_panel({"xnli": scores, "xquad": scores}, draws=100, noise=0.5)
    found = [row for row in group_rows(panel) if row["quantity"] == GAIN and row["grouping"] == ALL]
    design = Design(hub_grid())
    for target, seen in (("xnli", design.targets[0].mean), (EVERY, design.mean)):
        held = [row for row in found if (row["target"], row["scale"]) == (target, POINTS)]
        assert {row["tests"] for row in held} == {len(held)} == {seen.tests}


def test_gains_are_detected_as_the_engine_says() -> None:
    design = Design(hub_grid())
    for each in design.targets:
        for seen in (each.language, each.largest_family, each.mean):
            power = engine.power(
                seen.gain, seen.noise.error, seen.noise.share, degrees=2, tests=seen.tests
            )
            assert power == pytest.approx(0.8, abs=0.01)
    assert design.mean.noise.error < min(each.mean.noise.error for each in design.targets)
    assert design.mean.gain < min(each.mean.gain for each in design.targets)


def test_more_seeds_items_and_better_assumptions_show_more() -> None:
    gain = Design(hub_grid()).targets[0].language.gain
    assert Design(hub_grid(seeds=[1, 2, 3, 4])).targets[0].language.gain < gain
    assert Design(hub_grid(limits={"default": {"test": 100}})).targets[0].language.gain > gain
    assert Design(hub_grid(assumptions={"seed_sd": 0.5})).targets[0].language.gain < gain
    assert Design(hub_grid(assumptions={"accuracy": 0.9})).targets[0].language.gain < gain


def test_assumptions_change_nothing_that_is_run() -> None:
    changed = hub_grid(assumptions={"seed_sd": 0.5})
    assert JobParams(changed).everything() == JobParams(hub_grid()).everything()


@pytest.fixture
def told(tmp_path, capsys):
    """The plan of an experiment, as text or as plain data."""
    values = JobParams(hub_grid()).everything()

    def tell(*arguments: str, **changes) -> str:
        (tmp_path / "exp.yaml").write_text(yaml.safe_dump({**values, **changes}))
        status, text, error = plan(capsys, "--configfile", tmp_path / "exp.yaml", *arguments)
        assert status == 0, error
        return text

    return tell


def test_it_is_told_for_every_target_and_their_mean(told) -> None:
    text = told()
    assert "What could be seen: gains in points, found with 80 % power at 5 %" in text
    design = Design(hub_grid())
    lines = {line.split("  ")[1]: line for line in text.splitlines() if line.startswith("  ")}
    first = design.targets[0]
    expected = [f"{first.language.gain:.1f}", "(14)", f"{first.largest_family.gain:.1f}", "(7)"]
    assert lines["xnli"].split()[1:] == [
        *("14", "5,010", "1,670"),
        *expected,
        f"{first.mean.gain:.1f}",
        "(3)",
    ]
    assert lines["mean over targets"].split()[-2:] == [f"{design.mean.gain:.1f}", "(3)"]
    assert "gains vary by 1.5 points (SD) over 3 seeds, correlated 0.5 over languages" in text
    assert max(map(len, text.partition("What could be seen")[2].splitlines())) <= 95


def test_plain_data_have_it_too(told) -> None:
    found = json.loads(told("--json"))["detectable"]
    assert (found["seeds"], found["in_this_run_only"]) == (3, False)
    assert found["assumptions"] == Assumptions().model_dump()
    design = Design(hub_grid())
    assert found["targets"]["xquad"]["mean"]["gain"] == design.targets[1].mean.gain
    assert found["mean"]["tests"] == 3


def test_one_seed_is_said_to_hold_for_this_run_only(told) -> None:
    text = told(seeds=[1])
    assert "What could be seen, in this run only: " in text
    assert "one seed says nothing about a recipe" in text
    assert "(SD)" not in text


def test_two_seeds_find_nothing_in_one_language(told) -> None:
    (line,) = (line for line in told(seeds=[1, 2]).splitlines() if line.startswith("  xnli "))
    assert "none (14)" in line


@pytest.mark.parametrize("recipes", [["none"], ["mnli"]])
def test_without_a_comparison_there_is_nothing_to_see(told, recipes) -> None:
    assert "What could be seen" not in told(recipes={name: {} for name in recipes})
