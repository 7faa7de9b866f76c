"""The bootstrap against explicit resampling, and what its intervals are worth."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prediction_files import Item, random_items, scores_of, write_cell

from xstilts.analysis.inference import bootstrap
from xstilts.analysis.inference.bootstrap import Sample, resample, sample_of, seed_weights
from xstilts.analysis.inference.draws import Draws
from xstilts.analysis.inference.estimates import Estimate, estimate
from xstilts.analysis.inputs.evidence import Evidence, evidence, evidence_of_scores
from xstilts.analysis.inputs.items import Items, cell_files
from xstilts.config.tasks import TARGETS, XTREME
from xstilts.errors import XstiltsError
from xstilts.scoring.averages import summarise
from xstilts.scoring.metrics.counts import f1_from_counts

RECIPES = ("none", "mnli")


def write_grid(
    folder: Path,
    targets: Sequence[str] = tuple(XTREME),
    recipes: Sequence[str] = RECIPES,
    seeds: Sequence[int] = (1, 2),
    size: int = 12,
    languages: int = 3,
) -> list[Path]:
    """Cells with random predictions; languages have different numbers of items."""
    paths = []
    for target in targets:
        for place, recipe in enumerate(recipes):
            alone = recipe == "none" and TARGETS[target].train_set is None
            for seed in seeds[:1] if alone else seeds:
                draw = np.random.default_rng([place, seed, len(target)])
                items = {
                    code: random_items(draw, target, size + 3 * number, 0.5 + 0.1 * place)
                    for number, code in enumerate(TARGETS[target].languages[:languages])
                }
                paths.append(write_cell(folder, ("enc", recipe, target, seed), items))
    return paths


def score_by_hand(target: str, items: Sequence[Item]) -> float:
    """The main score of one language in points, item by item; written without the package."""
    if not items:
        return 0.0
    if len(items[0]) == 2:
        return 100 * sum(item[1] for item in items) / len(items)
    if len(items[0]) == 3:
        exact = sum(item[1] for item in items) / len(items)
        overlap = sum(item[2] for item in items) / len(items)
        return 100 * (exact + overlap) / 2
    sums = [sum(item[place] for item in items) for place in (1, 2, 3)]
    return 100 * f1_from_counts(*sums).f1


def cluster_of(target: str, item: Item, size: int) -> str:
    """Mined pairs share their foreign sentence, other items one of `size` with their neighbours."""
    name = item[0].split("\t")[0]
    return name if target == "bucc2018" else f"c{int(name[1:]) // size:05d}"


@pytest.mark.parametrize("size", [1, 5])
@pytest.mark.parametrize("target", list(XTREME))
def test_draws_are_those_of_explicit_resampling(
    target: str, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every draw is recomputed from lists of items, whose clusters are drawn as counts say.

    The language with 9 items has 2 of the 3 clusters of 5.
    """
    codes = TARGETS[target].languages[:3]
    sizes = dict(zip(codes, (12, 9, 12), strict=True))
    cells = [("mnli", 1), ("mnli", 2), ("none", 1)]
    items = {
        cell: {
            code: random_items(np.random.default_rng([number, many]), target, many, 0.6)
            for code, many in sizes.items()
        }
        for number, cell in enumerate(cells)
    }
    names = {
        item[0]: cluster_of(target, item, size)
        for held in items.values()
        for own in held.values()
        for item in own
    }
    paths = [
        write_cell(tmp_path, ("enc", recipe, target, seed), items[recipe, seed], clusters=names)
        for recipe, seed in cells
    ]
    drawn: list[np.ndarray] = []
    real = bootstrap._draw_counts

    def record(generator: np.random.Generator, counts: np.ndarray) -> None:
        real(generator, counts)
        drawn.append(counts.copy())

    monkeypatch.setattr(bootstrap, "_draw_counts", record)
    sample = sample_of(cell_files(paths, RECIPES), codes, split="test", draws=40)
    assert sample.cells == tuple(cells)
    by_number = {counts.shape[1]: counts for counts in drawn}
    assert all((counts.sum(axis=1) == number).all() for number, counts in by_number.items())

    for place, code in enumerate(codes):
        every = {names[item[0]] for cell in cells for item in items[cell][code]}
        assert sample.clusters[code] == len(every)
        assert sample.counts[code] == max(len(items[cell][code]) for cell in cells)
        if TARGETS[target].parallel:
            every = set(names.values())
        clusters = sorted(every)
        expected = []
        for counts in (np.ones(len(clusters)), *by_number[len(clusters)]):
            row = []
            for cell in cells:
                picked = [
                    item
                    for cluster, times in zip(clusters, counts, strict=True)
                    for item in items[cell][code]
                    if names[item[0]] == cluster
                    for _ in range(int(times))
                ]
                row.append(score_by_hand(target, picked))
            expected.append(row)
        actual = sample.scores[:, :, place]
        assert actual[0] == pytest.approx(expected[0], abs=1e-4)
        if TARGETS[target].parallel:
            assert actual == pytest.approx(np.array(expected), abs=1e-4)
        else:
            # Languages of one size use the same draws in different orders.
            one, other = (np.round(rows, 3) for rows in (actual[1:], np.array(expected[1:])))
            assert one[np.lexsort(one.T)] == pytest.approx(other[np.lexsort(other.T)], abs=2e-3)


def test_what_was_observed_is_what_the_score_table_says(tmp_path: Path) -> None:
    paths = write_grid(tmp_path)
    (held,) = evidence(paths, recipes=RECIPES, draws=3)
    (without,) = evidence_of_scores(scores_of(paths), recipes=RECIPES)
    summary = summarise(scores_of(paths))
    for one in (held, without):
        assert list(one.samples) == list(XTREME)
        for target, sample in one.samples.items():
            rows = summary.by_seed.filter(~pl.col("reused"), quantity="task", name=target)
            known = {(row["recipe"], row["seed"]): row["value"] for row in rows.to_dicts()}
            means = sample.scores[0].mean(axis=1)
            assert dict(zip(sample.cells, means, strict=True)) == pytest.approx(known, abs=1e-3)
            gain = summary.gains.filter(quantity="task", name=target)["mean"].item()
            assert one.gain(target, "mnli").observed == pytest.approx(gain, abs=1e-3)
    assert (held.draws, without.draws) == (3, 0)


def test_nothing_depends_on_the_order_of_files_and_rows(tmp_path: Path) -> None:
    paths = write_grid(tmp_path / "a")
    (first,) = evidence(paths, recipes=RECIPES, draws=25)
    shuffled = []
    for number, path in enumerate(paths):
        table = pq.read_table(path)
        order = np.random.default_rng(number).permutation(len(table))
        moved = tmp_path / "b" / f"{number}.parquet"
        moved.parent.mkdir(exist_ok=True)
        pq.write_table(table.take(pa.array(order)), moved)
        shuffled.append(moved)
    random.Random(5).shuffle(shuffled)
    (second,) = evidence(shuffled, recipes=reversed(RECIPES), draws=25)
    for target, sample in first.samples.items():
        assert sample.cells == second.samples[target].cells
        assert sample.languages == second.samples[target].languages
        # Sums of QA's fractions may round differently; counts may not.
        assert sample.scores == pytest.approx(second.samples[target].scores, abs=1e-4)
    # Nor on which other targets, recipes and encoders there are.
    few = [path for path in paths if "panx" in str(path)]
    (alone,) = evidence(few, recipes=RECIPES, draws=25)
    assert (alone.samples["panx"].scores == first.samples["panx"].scores).all()


def test_parallel_languages_share_their_draws_and_others_do_not(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for target, shared in (("xnli", True), ("panx", False)):
        items = random_items(draw, target, 60, 0.5)
        codes = TARGETS[target].languages[:2]
        path = write_cell(tmp_path, ("enc", "none", target, 1), dict.fromkeys(codes, items))
        (held,) = evidence([path], recipes=RECIPES, draws=800)
        one, other = held.samples[target].scores[1:, 0].T
        assert (one == other).all() == shared
        assert sorted(one) == sorted(other)
        if not shared:
            assert abs(np.corrcoef(one, other)[0, 1]) < 0.12


def test_only_languages_that_all_cells_of_all_encoders_have_are_used(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    cells = {("one", "none"): ["de", "en", "sw"], ("two", "none"): ["sw", "en"]}
    paths = [
        write_cell(
            tmp_path,
            (encoder, recipe, "xnli", 1),
            {code: random_items(draw, "xnli", 5, 0.5) for code in codes},
        )
        for (encoder, recipe), codes in cells.items()
    ]
    held = {each.encoder: each for each in evidence(paths, recipes=RECIPES, draws=2)}
    assert {each.samples["xnli"].languages for each in held.values()} == {("en", "sw")}
    assert held["one"].samples["xnli"].counts == {"en": 5, "sw": 5}


def test_a_cell_without_the_split_is_no_cell_of_it(tmp_path: Path) -> None:
    items = {"de": random_items(np.random.default_rng(0), "bucc2018", 8, 0.5)}
    dev = write_cell(tmp_path, ("enc", "none", "bucc2018", 1), items, split="dev")
    assert list(evidence([dev], recipes=RECIPES)) == []
    (held,) = evidence([dev], recipes=RECIPES, split="dev", draws=4)
    assert held.samples["bucc2018"].scores.shape == (5, 1, 1)


def test_files_that_are_no_cells_are_refused(tmp_path: Path) -> None:
    (path,) = write_grid(tmp_path, targets=["xnli"], recipes=["none"], seeds=[1])
    bare = tmp_path / "bare.parquet"
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), bare)
    with pytest.raises(XstiltsError, match="its metadata name no encoder, recipe, target, seed"):
        list(evidence([bare], recipes=RECIPES))
    copied = tmp_path / "copy.parquet"
    copied.write_bytes(path.read_bytes())
    with pytest.raises(XstiltsError, match="is also in"):
        list(evidence([path, copied], recipes=RECIPES))
    assert list(evidence([path], recipes=["mnli"])) == []
    table = pq.read_table(path)
    for name in ("correct", "cluster"):
        place = table.schema.get_field_index(name)
        field = table.schema.field(place)
        broken = tmp_path / f"{name}.parquet"
        pq.write_table(table.set_column(place, field, pa.nulls(len(table), field.type)), broken)
        with pytest.raises(XstiltsError, match=f"{name}.*: a count or a cluster is missing"):
            list(evidence([broken], recipes=RECIPES))
    old = tmp_path / "old.parquet"
    pq.write_table(table.drop_columns("cluster"), old)
    with pytest.raises(XstiltsError, match=r"no predictions of xnli .*run the workflow"):
        list(evidence([old], recipes=RECIPES))


def flat(values: dict[tuple[str, int], float], target: str = "xnli", draws: int = 6) -> Evidence:
    """Evidence without noise of items: each cell has one score in every draw."""
    cells = tuple(sorted(values))
    scores = np.tile(np.array([[[values[cell]] for cell in cells]]), (1 + draws, 1, 1))
    sample = Sample(cells=cells, languages=("de",), scores=scores, counts={"de": 1})
    return Evidence("enc", {target: sample})


def test_seeds_are_paired_and_missing_ones_left_out_for_the_pair() -> None:
    """none 50, 60, 70; mnli 53, -, 71: gains 3 and 1 over seeds 1 and 3, none of seed 2."""
    held = flat(
        {("none", 1): 50, ("none", 2): 60, ("none", 3): 70, ("mnli", 1): 53, ("mnli", 3): 71}
    )
    assert held.common_seeds("xnli", "mnli") == (1, 3)
    gain = held.gain("xnli", "mnli")
    assert gain.observed == 2
    assert set(np.round(gain.both[1:], 9)) <= {3, 1}
    assert (gain.items == 2).all()
    # The same seeds in the same draws for every recipe.
    assert (held.gain("xnli", "mnli", "mnli").both == 0).all()
    collapsed = Evidence("enc", held.samples, {("none", "xnli", 3)})
    assert collapsed.common_seeds("xnli", "mnli") == (1,)
    assert (collapsed.gain("xnli", "mnli").both == 3).all()
    assert held.gain("xnli", "qqp") is None
    assert held.gain("pawsx", "mnli") is None


def test_the_baselines_retrieval_stands_for_every_seed() -> None:
    values = {("none", 1): 20.0, ("mnli", 1): 24.0, ("mnli", 2): 26.0}
    held = flat(values, "tatoeba")
    assert held.gain("tatoeba", "mnli").observed == 5
    assert held.common_seeds("tatoeba", "mnli") == (1, 2)
    assert flat(values, "xnli").gain("xnli", "mnli").observed == 4


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_draws_of_seeds_vary_as_the_mean_of_as_many_does(count: int) -> None:
    weights = seed_weights(count, 20_000)
    assert weights[0] == pytest.approx(1 / count)
    assert weights.sum(axis=1) == pytest.approx(1)
    values = np.array([1.0, 4.0, 2.0, 9.0, 3.0])[:count]
    means = weights[1:] @ values
    assert means.mean() == pytest.approx(values.mean(), abs=0.08)
    wanted = values.var(ddof=1) / count if count > 1 else 0
    assert means.var() == pytest.approx(wanted, rel=0.05)
    assert (seed_weights(count, 100)[1:] == weights[1:101]).all()


def tables(rng: np.random.Generator, number: int, gain: float, chunks: bool) -> list[Items]:
    """Two recipes on 120 correlated items; the second is better by `gain` (a share)."""
    found = []
    for _ in range(number):
        ease = rng.random(120)[:, None]
        right = rng.random((120, 2)) < np.clip(ease * 0.6 + 0.2 + [0.0, gain], 0, 1)
        if chunks:
            gold = rng.integers(1, 4, (120, 1)) * np.ones((1, 2))
            hit = rng.binomial(gold.astype(int), np.where(right, 0.8, 0.4))
            more = hit + rng.integers(0, 2, (120, 2)) + gold
            pair = (2 * hit, more)
        else:
            pair = (right, np.ones((120, 1)))
        numerator, denominator = (part.astype(np.float32) for part in pair)
        found.append(Items(numerator=numerator, denominator=denominator, count=120))
    return found


def observed_gain(items: Items) -> float:
    """The second recipe's score minus the first's, in points."""
    denominator = np.broadcast_to(items.denominator, items.numerator.shape)
    first, second = 100 * items.numerator.sum(axis=0) / denominator.sum(axis=0)
    return float(second - first)


def estimated_gain(items: Items, name: str) -> Estimate:
    scores = resample({"de": items}, name=name, parallel=False, draws=300)
    gain = (scores[:, 1] - scores[:, 0])[:, 0]
    return estimate(Draws(both=gain, items=gain, seeds_alone=gain[:1], seeds=1, most_seeds=1))


@pytest.mark.parametrize("chunks", [False, True])
def test_intervals_cover_the_truth_about_as_often_as_they_say(chunks: bool) -> None:
    rng = np.random.default_rng(3)
    truth = np.mean([observed_gain(items) for items in tables(rng, 2000, 0.1, chunks)])
    found = [
        estimated_gain(items, f"cover{number}")
        for number, items in enumerate(tables(rng, 400, 0.1, chunks))
    ]
    assert 0.90 <= np.mean([each.low <= truth <= each.high for each in found]) <= 0.98


@pytest.mark.parametrize("chunks", [False, True])
def test_a_planted_effect_is_found(chunks: bool) -> None:
    rng = np.random.default_rng(6)
    found = [
        estimated_gain(items, f"planted{number}")
        for number, items in enumerate(tables(rng, 100, 0.45, chunks))
    ]
    assert np.mean([each.low > 0 for each in found]) > 0.8


def test_nothing_is_found_where_nothing_is_about_as_often_as_stated() -> None:
    rng = np.random.default_rng(4)
    found = [
        estimated_gain(items, f"null{number}")
        for number, items in enumerate(tables(rng, 500, 0.0, False))
    ]
    assert 0.02 <= np.mean([each.low > 0 or each.high < 0 for each in found]) <= 0.09
    assert 0.02 <= np.mean([each.p <= 0.05 for each in found]) <= 0.09


def test_seeds_and_items_together_cover_a_gain_that_varies_by_seed() -> None:
    """Gains over five seeds vary as much as their items do; 300 tables of three languages."""
    rng = np.random.default_rng(5)
    covered = 0
    for number in range(300):
        skill = 0.5 + rng.normal(0, 0.03, (2, 5)) + np.array([[0.0], [0.05]])
        cells = [(recipe, seed) for recipe in ("mnli", "none") for seed in range(5)]
        skills = [skill[0 if recipe == "none" else 1, seed] for recipe, seed in cells]
        right = (rng.random((3, 80, 10)) < skills).astype(np.float32)
        items = {
            code: Items(numerator=part, denominator=np.ones((80, 1), np.float32), count=80)
            for code, part in zip("abc", right, strict=True)
        }
        scores = resample(items, name=f"s{number}", parallel=False, draws=300)
        sample = Sample(
            cells=tuple(cells),
            languages=tuple("abc"),
            scores=scores,
            counts=dict.fromkeys("abc", 80),
        )
        found = estimate(Evidence("enc", {"panx": sample}).gain("panx", "mnli"))
        covered += found.low <= 5 <= found.high
    assert 0.85 <= covered / 300 <= 0.99


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, xstilts.report.claims, xstilts.analysis.claims.claims;"
        "sys.exit(bool({'torch', 'transformers', 'datasets'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def mined(random: np.random.Generator, size: int) -> list[Item]:
    """Found and missed pairs, and wrong ones of sentences that have no translation."""
    wrong = random.choice(10 * size, size // 2, replace=False).tolist()
    return [
        *random_items(random, "bucc2018", size, 0.6),
        *((f"alone{place}\tother", 0, 1, 0) for place in sorted(wrong)),
    ]


def test_mined_pairs_of_other_cells_change_no_draw(tmp_path: Path) -> None:
    """What two recipes gain is the same number whether a third, wrong elsewhere, is there."""
    paths = [
        write_cell(
            tmp_path,
            ("enc", recipe, "bucc2018", 1),
            {"de": mined(np.random.default_rng(number), 40)},
        )
        for number, recipe in enumerate(("mnli", "none", "qqp"))
    ]
    both, every = (
        sample_of(cell_files(held, ("mnli", "none", "qqp")), ("de",), split="test", draws=200)
        for held in (paths[:2], paths)
    )
    assert every.clusters["de"] > both.clusters["de"]
    np.testing.assert_allclose(every.scores[:, :2], both.scores, atol=1e-4)


def test_loose_clusters_vary_as_if_all_were_drawn_together() -> None:
    """Against drawing pairs with replacement from all, of which scores vary as much."""
    random = np.random.default_rng(5)
    gold, wrong = 400, 200
    right = random.random(gold) < 0.6
    above = np.concatenate([2.0 * right, np.zeros(wrong)])
    below = np.concatenate([1.0 + right, np.ones(wrong)])
    picks = random.integers(0, gold + wrong, (4000, gold + wrong))
    expected = 100 * above[picks].sum(axis=1) / below[picks].sum(axis=1)
    items = Items(
        numerator=above.astype(np.float32)[:, None],
        denominator=below.astype(np.float32)[:, None],
        count=gold + wrong,
        loose=tuple(f"alone{place}" for place in range(wrong)),
    )
    found = resample({"de": items}, name="bucc2018", parallel=False, draws=4000)[:, 0, 0]
    assert found[0] == pytest.approx(100 * above.sum() / below.sum())
    assert found[1:].mean() == pytest.approx(expected.mean(), abs=0.15)
    assert found[1:].std() == pytest.approx(expected.std(), rel=0.08)
