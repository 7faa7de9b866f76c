"""Comparisons: against independent calculations, mirrored, and refused where items differ."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from compared_experiments import change, items, keep, write_side
from panels import only
from prediction_files import runs, write_cell
from scipy import stats

from xstilts.analysis.compare import Comparison, compare
from xstilts.analysis.groups import group_rows
from xstilts.analysis.inference.adjust import NOT_ENOUGH
from xstilts.analysis.inputs.evidence import evidence
from xstilts.analysis.inputs.panel import Panel
from xstilts.analysis.ranking import rank
from xstilts.analysis.side_scores import INDEPENDENT, PAIRED
from xstilts.analysis.sides import find_side, find_sides, short_names
from xstilts.analysis.tables import EVERY, GAIN, POINTS, WITH_ENGLISH
from xstilts.config.languages import LANGUAGES
from xstilts.errors import XstiltsError
from xstilts.execution.parquet import read_meta, write_table

DRAWS = 1_000
ALL = {"grouping": "all", "group": "all languages"}


def two(folder: Path, one: str = "tiny:mnli", other: str = "tiny:none", **more) -> Comparison:
    sides = (find_side(f"{folder}:{name}") for name in (one, other))
    return compare(*sides, draws=DRAWS, **more)


@pytest.fixture
def demo(tmp_path) -> Path:
    folder = tmp_path / "demo"
    write_side(folder, recipe="mnli", skill=0.6)
    write_side(folder, recipe="none", skill=0.5)
    return folder


def test_one_seed_agrees_with_a_paired_test(tmp_path) -> None:
    random = np.random.default_rng(1)
    ease = random.random(1_000)
    held = {
        recipe: (0.6 * ease + 0.4 * random.random(1_000) < skill).astype(int)
        for recipe, skill in (("mnli", 0.53), ("none", 0.5))
    }
    for recipe, values in held.items():
        cell = ("tiny", recipe, "xnli", 1)
        write_cell(tmp_path / "demo/predictions", cell, {"de": items(values.tolist())})
    row = only(two(tmp_path / "demo").rows, target="xnli", grouping="language", group="de")
    difference = held["mnli"] - held["none"]
    assert row["value"] == pytest.approx(100 * difference.mean())
    assert row["a"] == pytest.approx(100 * held["mnli"].mean())
    assert row["error"] == pytest.approx(100 * difference.std() / 1_000**0.5, rel=0.05)
    exact = stats.ttest_rel(held["mnli"], held["none"])
    assert np.log(row["p"]) == pytest.approx(np.log(exact.pvalue), rel=0.15)
    assert row["low"] == pytest.approx(100 * exact.confidence_interval().low, abs=0.2)
    assert row["verdict"] == "mnli is better in this run"
    assert (row["tests"], row["seeds"], row["basis"]) == (1, 1, "items")


SKILLS = {1: 0.2, 2: 0.5, 3: 0.7}
OTHERS = {1: 0.15, 2: 0.35, 3: 0.65}


def exact_items(folder: Path, recipe: str, skills: dict[int, float]) -> None:
    """Of 4,000 items so many are right as the skill says, the same ones on all sides."""
    for seed, skill in skills.items():
        values = [int(number < 4_000 * skill) for number in range(4_000)]
        cell = ("tiny", recipe, "xnli", seed)
        write_cell(folder / "predictions", cell, {"de": items(values)})


def test_seeds_of_the_same_number_are_paired(tmp_path) -> None:
    exact_items(tmp_path / "demo", "mnli", SKILLS)
    exact_items(tmp_path / "demo", "none", OTHERS)
    found = two(tmp_path / "demo")
    row = only(found.rows, target="xnli", **ALL)
    differences = 100 * np.array([SKILLS[seed] - OTHERS[seed] for seed in SKILLS])
    assert found.seeds["xnli"].how == PAIRED
    assert row["value"] == pytest.approx(differences.mean(), abs=0.01)
    seeds = differences.std(ddof=1) / 3**0.5
    assert seeds**2 / row["error"] ** 2 == pytest.approx(row["seeds_share"], rel=0.1)
    assert row["seeds_share"] > 0.9


def test_other_seeds_are_independent(tmp_path) -> None:
    exact_items(tmp_path / "demo", "mnli", SKILLS)
    exact_items(tmp_path / "demo", "none", {seed + 3: skill for seed, skill in OTHERS.items()})
    found = two(tmp_path / "demo")
    row = only(found.rows, target="xnli", **ALL)
    assert found.seeds["xnli"].how == INDEPENDENT
    variance = sum(
        np.var([100 * skill for skill in held.values()], ddof=1) / 3 for held in (SKILLS, OTHERS)
    )
    assert row["error"] == pytest.approx(variance**0.5, rel=0.05)
    assert row["seeds"] == 3
    assert "No seed in common" in found.notes[0]
    assert "seeds 1, 2, 3 of mnli and seeds 4, 5, 6 of none (XNLI)" in found.notes[0]


def test_with_one_seed_each_that_differ_the_verdict_is_on_these_runs(tmp_path) -> None:
    write_side(tmp_path / "demo", recipe="mnli", skill=0.7, seeds=(1, 2, 3))
    write_side(tmp_path / "demo", recipe="none", skill=0.4, seeds=(4,))
    found = two(tmp_path / "demo")
    assert only(found.rows, target="xnli", **ALL)["verdict"] == "mnli is better in this run"
    assert "with one seed on a side" in found.notes[0]


def test_seeds_that_one_side_has_are_left_out(tmp_path) -> None:
    write_side(tmp_path / "demo", recipe="mnli", skill=0.7, seeds=(1, 2, 3))
    write_side(tmp_path / "demo", recipe="none", skill=0.4, seeds=(2, 3, 4))
    found = two(tmp_path / "demo")
    assert found.seeds["xnli"].one == found.seeds["xnli"].other == (2, 3)
    assert found.notes == (
        "Left out, since none lacks them: seed 1 of mnli (XNLI).",
        "Left out, since mnli lacks them: seed 4 of none (XNLI).",
    )
    row = only(found.rows, target="xnli", **ALL)
    assert row["a"] - row["b"] == pytest.approx(row["value"])


@pytest.mark.parametrize("seeds", [(1, 2, 3), (4, 5)], ids=["paired", "independent"])
def test_the_other_way_round_numbers_are_mirrored(tmp_path, seeds) -> None:
    write_side(tmp_path / "demo", recipe="mnli", skill=0.6, targets=("xnli", "pawsx"))
    write_side(tmp_path / "demo", skill=0.5, targets=("xnli", "pawsx"), seeds=seeds)
    there, back = two(tmp_path / "demo"), two(tmp_path / "demo", "tiny:none", "tiny:mnli")
    assert len(there.rows) == len(back.rows) == 3 * (3 + 3 + 3)
    for one, other in zip(there.rows, back.rows, strict=True):
        assert one["value"] == pytest.approx(-other["value"], abs=1e-9)
        assert one["low"] == pytest.approx(-other["high"], abs=1e-3)
        assert one["p_adjusted"] == pytest.approx(other["p_adjusted"], rel=1e-3)
        assert one["verdict"] == other["verdict"]
        assert one["detectable"] == pytest.approx(other["detectable"], rel=1e-3)


def test_gains_are_those_of_the_other_pages(demo) -> None:
    (held,) = evidence(demo.glob("predictions/*/*/*/*"), recipes=["none", "mnli"], draws=DRAWS)
    panel = Panel(evidence=held, recipes=("none", "mnli"), languages=LANGUAGES)
    gains = [row for row in group_rows(panel) if row["quantity"] == GAIN and row["scale"] == POINTS]
    found = two(demo)
    assert {row["target"] for row in found.rows} == {EVERY, "xnli"}
    for row in found.rows:
        same = only(gains, **{key: row[key] for key in ("target", "grouping", "group")})
        for name in ("value", "low", "high", "p", "p_adjusted", "tests", "detectable", "clusters"):
            assert row[name] == pytest.approx(same[name], rel=1e-4), name
        assert (row["verdict"] == NOT_ENOUGH) == (same["verdict"] == NOT_ENOUGH)


def test_two_experiments_are_compared(tmp_path) -> None:
    write_side(tmp_path / "old", skill=0.4)
    write_side(tmp_path / "new", skill=0.7)
    sides = (find_side(str(tmp_path / "new")), find_side(str(tmp_path / "old")))
    found = compare(*sides, draws=DRAWS)
    assert found.names == ("new", "old")
    assert only(found.rows, target=EVERY, **ALL)["verdict"] == "new is better"


def test_without_training_one_run_of_retrieval_stands_for_all_seeds(tmp_path) -> None:
    for recipe, skill, seeds in (("mnli", 0.7, (1, 2, 3)), ("none", 0.5, (1,))):
        write_side(
            tmp_path / "demo", recipe=recipe, skill=skill, seeds=seeds, targets=("tatoeba",),
            codes=("de", "sw"),
        )  # fmt: skip
    write_side(tmp_path / "demo", "big", skill=0.6, seeds=(2,), targets=("tatoeba",),
               codes=("de", "sw"))  # fmt: skip
    found = two(tmp_path / "demo")
    assert found.seeds["tatoeba"].one == (1, 2, 3)
    assert only(found.rows, target="tatoeba", **ALL)["verdict"] == "mnli is better"
    assert not found.notes


def test_mined_pairs_may_differ_but_not_the_true_ones(tmp_path) -> None:
    true = [(f"z{number}\te{number}", number % 2, number % 2, 1) for number in range(40)]
    for recipe, more in (("mnli", "wrong"), ("none", "other")):
        held = {"zh": [*true, (f"z1\t{more}", 0, 1, 0)]}
        write_cell(tmp_path / "demo/predictions", ("tiny", recipe, "bucc2018", 1), held)
    assert only(two(tmp_path / "demo").rows, target="bucc2018", **ALL)["value"] == 0
    path = next(tmp_path.glob("demo/predictions/tiny/none/*/*"))
    keep(path, lambda row: row["id"] != "z2\te2")
    with pytest.raises(XstiltsError, match=r"bucc2018 in zh: .* lacks 'z2\\te2'"):
        two(tmp_path / "demo")


def test_collapsed_runs_are_left_out_and_both_means_shown(demo) -> None:
    collapsed = runs(("mnli", "target", "xnli", 2, 30.0, "constant"), encoder="tiny")
    collapsed.write_parquet(demo / "runs.parquet")
    found = two(demo)
    row = only(found.rows, target="xnli", **ALL)
    assert found.seeds["xnli"].one == (1, 3)
    assert row["collapsed_seeds"] == 1
    assert found.notes[0].startswith("mnli: 1 of 3 seeds of mnli on XNLI collapsed")
    (demo / "runs.parquet").unlink()
    assert row["with_collapsed"] == pytest.approx(
        only(two(demo).rows, target="xnli", **ALL)["value"]
    )


def refused(demo: Path, message: str, **more) -> None:
    with pytest.raises(XstiltsError, match=message):
        two(demo, **more)


def file_of(demo: Path, recipe: str, target: str = "xnli", seed: int = 1) -> Path:
    return demo / f"predictions/tiny/{recipe}/{target}/test{seed}.parquet"


def test_a_target_that_one_side_lacks_is_refused(demo) -> None:
    write_side(demo, recipe="mnli", targets=("pawsx",))
    refused(demo, r"pawsx: not comparable: none lacks this target, mnli has it .*--targets xnli\)")
    found = two(demo, targets=["xnli"])
    assert found.common.left_out == {"pawsx": ("de", "en", "zh", "sw")}
    refused(demo, "no side has the target 'udpos'", targets=["udpos"])


def test_a_language_that_one_side_lacks_is_refused(demo) -> None:
    for seed in (1, 2, 3):
        keep(file_of(demo, "none", seed=seed), lambda row: row["language"] != "sw")
    refused(
        demo,
        r"xnli in sw: not comparable: none \(seed 1\), none \(seed 2\), none \(seed 3\) lack this"
        r" language, mnli has it \(to compare the rest: --languages de en zh\)",
    )
    found = two(demo, languages=["de", "en", "zh"])
    assert found.common.left_out == {"xnli": ("sw",)}
    assert {row["group"] for row in found.rows if row["grouping"] == "language"} == {"de", "zh"}
    refused(demo, "nothing to compare", languages=["en"])
    refused(demo, "no side has the language 'fr'", languages=["fr"])


def test_a_language_that_one_seed_lacks_is_refused(demo) -> None:
    keep(file_of(demo, "mnli", seed=2), lambda row: row["language"] != "sw")
    refused(demo, r"xnli in sw: not comparable: mnli \(seed 2\) lacks this language")


def test_other_numbers_of_items_are_refused(demo) -> None:
    keep(
        file_of(demo, "none", seed=3), lambda row: (row["language"], row["id"]) != ("zh", "i00007")
    )
    refused(
        demo,
        r"xnli in zh: not comparable: other test items: mnli \(seed 1\) has 200, none \(seed 3\)"
        r" 199, in common 199; none \(seed 3\) lacks 'i00007' .*--languages de en sw",
    )


def test_other_ids_are_refused(demo) -> None:
    change(
        file_of(demo, "mnli", seed=2),
        "id",
        lambda rows: ["new" if row["id"] == "i00000" else row["id"] for row in rows],
    )
    refused(
        demo,
        r"xnli in de: .* mnli \(seed 2\) 200, in common 199; .* 'i00000'; 3 more like that"
        r" \(nothing else is comparable",
    )


@pytest.mark.parametrize("column", ["gold", "cluster"])
def test_other_gold_or_clusters_are_refused(demo, column) -> None:
    for recipe in ("none", "mnli"):
        for seed in (1, 2, 3):
            change(file_of(demo, recipe, seed=seed), "gold", lambda rows: ["neutral"] * len(rows))
    two(demo)

    def other(rows: list[dict]) -> list[str]:
        odd = [row["language"] == "sw" and row["id"] == "i00004" for row in rows]
        return ["other" if each else row[column] for each, row in zip(odd, rows, strict=True)]

    change(file_of(demo, "none"), column, other)
    said = {
        "gold": r"other gold in 1 of 200 items, first 'i00004': 'neutral' \(mnli .*'other' \(none",
        "cluster": r"other clusters of 1 items, first 'i00004'",
    }[column]
    refused(demo, rf"xnli in sw: not comparable: {said}")


def test_other_splits_are_refused(tmp_path) -> None:
    write_side(tmp_path / "demo", recipe="mnli", split="dev")
    write_side(tmp_path / "demo", recipe="none", split="test")
    refused(tmp_path / "demo", "splits differ: mnli has predictions of the dev split, none of the"
            " test split .*predict the same split")  # fmt: skip
    for path in write_side(tmp_path / "demo", recipe="none", split="dev"):
        # One file a cell: development and test items together.
        test = path.with_name(path.name.replace("dev", "test"))
        both = [pq.read_table(each) for each in (path, test)]
        merged = both[0].replace_schema_metadata(), both[1].replace_schema_metadata()
        write_table(path, pa.concat_tables(merged), read_meta(path))
        test.unlink()
    refused(tmp_path / "demo", "splits differ: .*--split dev")
    assert two(tmp_path / "demo", split="dev").common.split == "dev"
    refused(
        tmp_path / "demo", "mnli has no predictions of the test split, but of: dev", split="test"
    )


def test_data_that_differ_are_named_though_items_agree(demo, tmp_path) -> None:
    write_side(tmp_path / "new", recipe="mnli")
    for folder, digest, limit in ((demo, "a", None), (tmp_path / "new", "b", 100)):
        for path in folder.glob("predictions/*/*/*/*"):
            data = {"xnli train": {"source": "folder", "sha256": digest}}
            write_table(path, pq.read_table(path), read_meta(path) | {"lineage": {"data": data}})
        written = folder / "data/xnli/train.parquet"
        settings = {"data": {"limits": {"train": limit}}}
        write_table(written, pq.read_table(path), {"params": settings})
    one, other = find_side(f"{demo}:tiny:mnli"), find_side(str(tmp_path / "new"))
    notes = compare(one, other, draws=DRAWS).notes
    assert notes == (
        "The data of demo and new differ in their digests: xnli train.",
        "The data of demo and new differ in their limits: xnli train.",
    )


def test_what_a_user_names(tmp_path, monkeypatch) -> None:
    for encoder, recipe in (("tiny", "mnli"), ("tiny", "none"), ("big", "none")):
        write_side(tmp_path / "results/demo", encoder, recipe, seeds=(1,))
    write_side(tmp_path / "results/odd:name", seeds=(1,))
    monkeypatch.chdir(tmp_path)
    assert find_side("demo:tiny:mnli").name == "results/demo:tiny:mnli"
    assert find_side("demo::mnli").encoder == "tiny"
    assert find_side("results/demo:big").recipe == "none"
    assert find_side("demo:tiny", recipe="none").recipe == "none"
    assert find_side("odd:name").experiment == "odd:name"
    assert find_side("odd:name:tiny").encoder == "tiny"
    write_side(tmp_path / "results/demo", "big", "untrained", seeds=(1,))
    assert len(find_sides("demo")) == 3
    assert find_side("demo:big:untrained").recipe == "untrained"
    assert short_names(find_sides("demo:tiny")) == ["mnli", "none"]
    assert short_names(find_sides("demo", "none")) == ["big", "tiny"]
    assert short_names(find_sides("demo")) == ["big:none", "tiny:mnli", "tiny:none"]
    for text, message in (
        ("demo:tiny", r"any of 2: results/demo:tiny:mnli, results/demo:tiny:none \(name encoder"),
        ("demo:tiny:mnly", "no predictions of the recipe 'mnly' .*'mnli'"),
        ("demo:tny", "no predictions of the encoder 'tny' .*'tiny'"),
        ("dmo", "'dmo' is no folder of results .*did you mean 'demo'"),
    ):
        with pytest.raises(XstiltsError, match=message):
            find_side(text)
    with pytest.raises(XstiltsError, match="compared with itself"):
        compare(find_side("demo:big"), find_side("results/demo:big:none"))


def test_a_file_of_another_kind_is_refused(demo) -> None:
    path = file_of(demo, "none")
    write_table(path, pq.read_table(path).drop_columns(["cluster"]), read_meta(path))
    refused(demo, "no predictions of xnli, or those of an earlier version")


@pytest.fixture
def four(tmp_path) -> Path:
    for recipe, skill in (("qqp", 0.8), ("mnli", 0.6), ("squad_v1", 0.61), ("none", 0.3)):
        write_side(tmp_path / "demo", recipe=recipe, skill=skill, targets=("xnli", "pawsx"))
    return tmp_path / "demo"


def test_sides_are_ranked_in_groups_that_cannot_be_told_apart(four) -> None:
    found = rank(find_sides(str(four)), draws=DRAWS)
    assert [order.target for order in found.orders] == [EVERY, "xnli", "pawsx"]
    for order in found.orders:
        values = [each.mean.value for each in order.placed]
        assert all(one >= other for one, other in pairwise(values))
        placed = {each.name: "".join(each.letters) for each in order.placed}
        assert placed == {"qqp": "a", "mnli": "b", "squad_v1": "b", "none": "c"}
        assert len(order.pairs) == 6
        assert {row["tests"] for row in order.pairs} == {6}


def test_pairs_of_a_ranking_are_those_of_comparisons(four) -> None:
    found = rank(find_sides(str(four)), draws=DRAWS)
    for one, other in (("qqp", "none"), ("squad_v1", "mnli")):
        alone = two(four, f"tiny:{one}", f"tiny:{other}")
        for order in found.orders:
            row = only(alone.rows, target=order.target, **ALL)
            (pair,) = [each for each in order.pairs if {each["a"], each["b"]} == {one, other}]
            turned = 1 if pair["a"] == one else -1
            assert turned * pair["value"] == pytest.approx(row["value"], abs=1e-9)
            assert pair["high"] - pair["low"] == pytest.approx(row["high"] - row["low"], rel=1e-3)
            for name in ("error", "p"):
                assert pair[name] == pytest.approx(row[name], rel=1e-3, abs=1e-9), name


def test_in_a_ranking_of_one_seed_verdicts_are_on_this_run(tmp_path) -> None:
    write_side(tmp_path / "demo", recipe="mnli", skill=0.8, seeds=(1,))
    write_side(tmp_path / "demo", recipe="none", skill=0.3, seeds=(1,))
    (order,) = rank(find_sides(str(tmp_path / "demo")), draws=DRAWS).orders
    assert order.pairs[0]["verdict"] == "mnli is better in this run"
    with pytest.raises(XstiltsError, match="only one side"):
        rank(find_sides(f"{tmp_path / 'demo'}:tiny:mnli"))


def test_english_counts_in_the_task_score_alone(demo) -> None:
    rows = two(demo).rows
    languages = {
        row["group"]: row["value"]
        for row in rows
        if row["grouping"] == "language" and row["target"] == "xnli"
    }
    assert set(languages) == {"de", "sw", "zh"}
    assert only(rows, target="xnli", **ALL)["value"] == pytest.approx(
        np.mean(list(languages.values()))
    )
    assert "en" in only(rows, target="xnli", grouping="all", group=WITH_ENGLISH)["languages"]
