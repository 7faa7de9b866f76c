"""What perturbations cost, against plain loops over items, and what is found of planted effects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from panels import only
from prediction_files import Item, random_items, rows_of

from xstilts.analysis.inference.adjust import NOT_ENOUGH
from xstilts.analysis.inputs.evidence import evidence
from xstilts.analysis.inputs.items import (
    CLEAN,
    cell_files,
    conditions_of,
    items_of,
    languages_of,
    read_conditions,
    read_items,
)
from xstilts.analysis.inputs.panel import Panel
from xstilts.analysis.robustness import (
    LESS_ROBUST,
    LOSES_LESS,
    LOSES_MORE,
    MORE_ROBUST,
    NEAR_CHANCE,
    perturbed_rows,
)
from xstilts.analysis.tables import EVERY, PERTURBED, table
from xstilts.config.languages import LANGUAGES
from xstilts.config.tasks import TARGETS
from xstilts.data.schemas import PREDICTIONS
from xstilts.execution.parquet import write_table

RECIPES = ("none", "mnli")
TYPOS, LOWER = "typos@0.1", "lower@1"

# condition to language to items
Conditions = Mapping[str, Mapping[str, Sequence[Item]]]


def write_conditions(
    folder: Path, cell: tuple[str, str, str, int], conditions: Conditions, order: int | None = None
) -> Path:
    """One prediction file with several conditions; its rows are shuffled if `order` is given."""
    encoder, recipe, target, seed = cell
    rows = [
        {**row, "condition": condition}
        for condition, items in conditions.items()
        for code, held in items.items()
        for row in rows_of(target, code, held, "test")
    ]
    found = pa.Table.from_pylist(rows, schema=PREDICTIONS[TARGETS[target].kind])
    if order is not None:
        found = found.take(pa.array(np.random.default_rng(order).permutation(len(found))))
    path = folder / encoder / recipe / target / f"{seed}.parquet"
    wildcards = {"encoder": encoder, "recipe": recipe, "target": target, "seed": str(seed)}
    write_table(path, found, {"wildcards": wildcards})
    return path


def panel_of_files(
    paths: Sequence[Path], recipes: Sequence[str], left_out: frozenset = frozenset()
) -> Panel:
    (held,) = evidence(paths, recipes=recipes, draws=2, left_out=left_out)
    return Panel(evidence=held, recipes=tuple(recipes), languages=LANGUAGES)


def found_rows(
    paths: Iterable[Path],
    *,
    draws: int = 50,
    left_out: frozenset[tuple[str, str, str, int]] = frozenset(),
    recipes: Sequence[str] = RECIPES,
) -> list[dict]:
    paths = list(paths)
    panel = panel_of_files(paths, recipes, left_out)
    rows, _ = perturbed_rows(cell_files(paths, recipes), panel, split="test", draws=draws)
    table(rows, PERTURBED)
    return rows


def coins(rng: np.random.Generator, target: str, count: int, rate: float) -> list[Item]:
    """Items of which exactly the share `rate` is right."""
    right = rng.permutation(count) < round(rate * count)
    return [(f"i{number:05d}", int(hit)) for number, hit in enumerate(right)]


def score_by_hand(items: Sequence[Item], names: set[str]) -> float:
    """In points, of pair tasks and of tagging; written without the package."""
    kept = [item for item in items if item[0] in names]
    if len(kept[0]) == 2:
        return 100 * sum(item[1] for item in kept) / len(kept)
    correct, predicted, gold = (sum(item[place] for item in kept) for place in (1, 2, 3))
    return 200 * correct / (predicted + gold)


def grid_of(target: str, codes: Sequence[str]) -> dict[tuple[str, int], Conditions]:
    """Random cells of two recipes and seeds: 20 clean items a language, of which 8 perturbed."""
    cells = {}
    for recipe in RECIPES:
        for seed in (1, 2):
            rng = np.random.default_rng([RECIPES.index(recipe), seed, len(target)])
            cells[recipe, seed] = {
                CLEAN: {code: random_items(rng, target, 20, 0.8) for code in codes},
                TYPOS: {code: random_items(rng, target, 20, 0.5)[5:13] for code in codes},
                LOWER: {code: random_items(rng, target, 20, 0.6)[2:10] for code in codes[1:]},
            }
    return cells


@pytest.mark.parametrize(("target", "chance"), [("xnli", 100 / 3), ("panx", 0.0)])
def test_losses_and_drops_are_those_of_plain_loops(
    target: str, chance: float, tmp_path: Path
) -> None:
    codes = ("ar", "de", "en", "es", "sw")
    cells = grid_of(target, codes)
    paths = [
        write_conditions(tmp_path, ("enc", recipe, target, seed), held, order=seed)
        for (recipe, seed), held in cells.items()
    ]
    rows = found_rows(paths)
    others = [code for code in codes if code != "en"]
    groups = {
        **{("language", code): [code] for code in others},
        ("family", "Indo-European"): ["de", "es"],
        ("family", "Afro-Asiatic"): ["ar"],
        ("family", "Niger-Congo"): ["sw"],
        ("all", "all languages"): others,
    }
    shown: dict[tuple, float] = {}
    for condition, kind, strength in ((TYPOS, "typos", 0.1), (LOWER, "lower", 1.0)):
        names = {item[0] for item in cells["none", 1][condition]["de"]}
        for recipe in RECIPES:
            for (grouping, group), members in groups.items():
                members = [code for code in members if code in cells[recipe, 1][condition]]
                where = {"kind": kind, "recipe": recipe, "target": target, "group": group}
                if not members:
                    assert not [row for row in rows if where.items() <= row.items()]
                    continue
                clean, after = (
                    np.mean(
                        [
                            score_by_hand(cells[recipe, seed][name][code], names)
                            for seed in (1, 2)
                            for code in members
                        ]
                    )
                    for name in (CLEAN, condition)
                )
                above, left = (100 * (score - chance) / (100 - chance) for score in (clean, after))
                values = {"loss": clean - after, "drop": 100 * (above - left) / above}
                for quantity, value in values.items():
                    row = only(rows, **where, quantity=quantity)
                    assert (row["grouping"], row["strength"]) == (grouping, strength)
                    assert row["value"] == pytest.approx(value, abs=1e-3)
                    assert row["clean"] == pytest.approx(above, abs=1e-3)
                    assert row["perturbed"] == pytest.approx(left, abs=1e-3)
                    assert row["languages"] == [
                        code for code in TARGETS[target].languages if code in members
                    ]
                    assert row["seeds"] == 2
                    if target == "xnli":
                        assert row["items"] == 8 * len(members)
                    if quantity == "loss":
                        assert row["low"] <= row["value"] <= row["high"]
                    shown[kind, recipe, group, quantity] = value
                    if recipe == "none":
                        # What the baseline loses is tested as it is, and has no change.
                        assert "change" not in row
                        assert (row.get("verdict") is None) == (quantity == "drop")
                    else:
                        change = value - shown[kind, "none", group, quantity]
                        assert row["change"] == pytest.approx(change, abs=1e-3)
                        assert row["p"] is None or row["p"] <= row["p_adjusted"] <= 1
    # One target: its own mean.
    for row in rows:
        if row["target"] == EVERY:
            same = {name: row[name] for name in ("kind", "recipe", "group", "quantity")}
            own = only(rows, target=target, **same)
            assert row["value"] == pytest.approx(own["value"])
            assert row["languages"] == own["languages"]


def test_changes_of_losses_are_those_of_the_table_with_the_noise_of_their_draws(
    tmp_path: Path,
) -> None:
    targets = {"xnli": ("ar", "de", "es", "sw"), "panx": ("de", "es", "fi")}
    paths = [
        write_conditions(tmp_path, ("enc", recipe, target, seed), held)
        for target, codes in targets.items()
        for (recipe, seed), held in grid_of(target, codes).items()
    ]
    panel = panel_of_files(paths, RECIPES)
    rows, changes = perturbed_rows(cell_files(paths, RECIPES), panel, split="test", draws=400)
    assert [(each.recipe, each.condition) for each in changes] == [("mnli", TYPOS), ("mnli", LOWER)]
    for each in changes:
        kind, strength = each.condition.split("@")
        for target, codes in targets.items():
            held = [code for code in codes if kind == "typos" or code != codes[0]]
            assert set(each.outcomes.codes[target]) == set(held)
            where = {"kind": kind, "strength": float(strength), "recipe": "mnli"}
            where |= {"target": target, "quantity": "loss"}
            own = [only(rows, **where, group=code) for code in each.outcomes.codes[target]]
            assert each.outcomes.values[target].tolist() == pytest.approx(
                [row["change"] for row in own]
            )
            assert (each.outcomes.noise[target] > 0).all()
        assert each.outcomes.common > 0
        assert each.outcomes.seeds == 2


def test_the_noise_of_a_language_is_that_of_its_items_apart_from_the_mean_of_languages(
    tmp_path: Path,
) -> None:
    codes, count = ("de", "es", "fi", "sw"), 60
    rng = np.random.default_rng(21)
    right = {
        (recipe, condition): {code: coins(rng, "xnli", count, rate) for code in codes}
        for recipe, rates in (("none", (0.8, 0.5)), ("mnli", (0.9, 0.7)))
        for condition, rate in zip((CLEAN, TYPOS), rates, strict=True)
    }
    paths = [
        write_conditions(
            tmp_path,
            ("enc", recipe, "xnli", 1),
            {condition: right[recipe, condition] for condition in (CLEAN, TYPOS)},
        )
        for recipe in RECIPES
    ]
    panel = panel_of_files(paths, RECIPES)
    _, [change] = perturbed_rows(cell_files(paths, RECIPES), panel, split="test", draws=4000)
    order = change.outcomes.codes["xnli"]

    def hits(recipe: str, condition: str) -> np.ndarray:
        held = right[recipe, condition]
        return np.array([[hit for _, hit in held[code]] for code in order], dtype=float).T

    lost = {recipe: hits(recipe, CLEAN) - hits(recipe, TYPOS) for recipe in RECIPES}
    more = 100 * (lost["mnli"] - lost["none"])
    assert change.outcomes.values["xnli"] == pytest.approx(more.mean(axis=0))
    apart = more - more.mean(axis=1, keepdims=True)
    noise = np.full(len(order), apart.var(axis=0).mean() / count)
    assert change.outcomes.noise["xnli"] == pytest.approx(noise, rel=0.1)
    assert change.outcomes.common == pytest.approx(more.mean(axis=1).var() / count, rel=0.1)


@pytest.mark.parametrize("target", ["xnli", "panx", "xquad", "tatoeba", "udpos"])
def test_clean_and_perturbed_items_are_drawn_alike(target: str, tmp_path: Path) -> None:
    """Predictions that a perturbation leaves as they are lose nothing in any draw."""
    codes = [code for code in TARGETS[target].languages if code != "en"][:3]
    paths = []
    for number, recipe in enumerate(RECIPES):
        rng = np.random.default_rng(number)
        items = {code: random_items(rng, target, 30 + 5 * number, 0.7) for code in codes}
        some = {code: held[4:24] for code, held in items.items()}
        conditions = {CLEAN: items, TYPOS: some}
        paths.append(write_conditions(tmp_path, ("enc", recipe, target, 1), conditions, number))
    rows = found_rows(paths)
    losses = [row for row in rows if row["quantity"] == "loss"]
    assert len(losses) >= 2 * len(codes)
    for row in losses:
        assert (row["value"], row["low"], row["high"]) == (0, 0, 0)
        assert row.get("change", 0) == 0
        assert row.get("p", 1) == 1
    assert {row["basis"] for row in losses} == {"items"}


def test_a_loss_varies_less_than_the_two_scores_that_it_is_made_of(tmp_path: Path) -> None:
    """Of 400 items the first 40 of those that were right are lost: only these vary."""
    rng = np.random.default_rng(1)
    clean = coins(rng, "xnli", 400, 0.8)
    lost = {name for name, hit in clean if hit}
    lost = set(sorted(lost)[:40])
    after = [(name, 0 if name in lost else hit) for name, hit in clean]
    path = write_conditions(
        tmp_path, ("enc", "none", "xnli", 1), {CLEAN: {"de": clean}, TYPOS: {"de": after}}
    )
    row = only(found_rows([path], draws=4000), target="xnli", group="de", quantity="loss")
    assert row["value"] == pytest.approx(10)
    error = 100 * (0.1 * 0.9 / 400) ** 0.5
    assert row["high"] - row["low"] == pytest.approx(2 * 1.96 * error, rel=0.06)


def test_near_chance_a_loss_is_told_and_a_drop_is_not(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    rates = {"xnli": (0.34, 0.33), "pawsx": (0.9, 0.7)}
    paths = [
        write_conditions(
            tmp_path,
            ("enc", recipe, target, 1),
            {
                name: {"de": coins(rng, target, 100, rate)}
                for name, rate in zip((CLEAN, TYPOS), rates[target], strict=True)
            },
        )
        for target in rates
        for recipe in RECIPES
    ]
    rows = found_rows(paths)
    at = {"recipe": "mnli", "group": "de"}
    drop = only(rows, target="xnli", quantity="drop", **at)
    assert drop.keys().isdisjoint({"value", "low", "change", "p", "verdict", "basis"})
    assert drop["why"] == NEAR_CHANCE
    assert drop["clean"] == pytest.approx(1, abs=1e-3)
    loss = only(rows, target="xnli", quantity="loss", **at)
    assert loss["value"] == pytest.approx(1, abs=1e-4)
    assert loss["why"] is None
    # The mean is over the targets in which there is something to lose.
    mean = only(rows, target=EVERY, quantity="drop", **at)
    assert mean["value"] == pytest.approx(100 * (0.8 - 0.4) / 0.8, abs=1e-3)
    assert (mean["clean"], mean["items"]) == (pytest.approx(80, abs=1e-3), 100)
    assert mean["why"] == "without XNLI: too near chance"
    both = only(rows, target=EVERY, quantity="loss", **at)
    assert both["value"] == pytest.approx((1 + 20) / 2, abs=1e-3)
    assert both["items"] == 200


def test_a_drop_whose_draws_reach_chance_has_no_interval(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    items = {
        CLEAN: {"de": coins(rng, "pawsx", 40, 0.55)},
        TYPOS: {"de": coins(rng, "pawsx", 40, 0.5)},
    }
    rows = found_rows([write_conditions(tmp_path, ("enc", "none", "pawsx", 1), items)], draws=200)
    row = only(rows, target="pawsx", group="de", quantity="drop")
    assert row["value"] == pytest.approx(100, abs=1e-3)
    assert (row["low"], row["high"], row["basis"]) == (None, None, None)


def planted(
    folder: Path, rng: np.random.Generator, rates: Mapping[str, float], lost: Mapping[str, float]
) -> list[Path]:
    """Three seeds of each recipe in three languages; of 300 right items the share `lost` is."""
    paths = []
    for recipe, rate in rates.items():
        for seed in (1, 2, 3):
            clean, after = {}, {}
            for code in ("ar", "de", "sw"):
                clean[code] = coins(rng, "xnli", 300, rate)
                after[code] = [
                    (name, int(hit and rng.random() >= lost[recipe])) for name, hit in clean[code]
                ]
            conditions = {CLEAN: clean, TYPOS: after}
            paths.append(write_conditions(folder, ("enc", recipe, "xnli", seed), conditions))
    return paths


@pytest.mark.parametrize(
    ("lost", "drop", "loss"),
    [(0.05, MORE_ROBUST, LOSES_LESS), (0.7, LESS_ROBUST, LOSES_MORE)],
)
def test_a_planted_change_is_found(lost: float, drop: str, loss: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    rates, losses = dict.fromkeys(RECIPES, 0.8), {"none": 0.35, "mnli": lost}
    rows = found_rows(planted(tmp_path, rng, rates, losses), draws=2000)
    for quantity, verdict in (("loss", loss), ("drop", drop)):
        ours = [row for row in rows if (row["recipe"], row["quantity"]) == ("mnli", quantity)]
        assert {row["verdict"] for row in ours} == {verdict}
    shown = only(rows, recipe="mnli", target="xnli", group="all languages", quantity="loss")
    assert shown["change_low"] < 80 * (lost - 0.35) < shown["change_high"]


def test_where_nothing_is_planted_next_to_nothing_is_found(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    found = []
    for number in range(12):
        paths = planted(
            tmp_path / f"{number}", rng, dict.fromkeys(RECIPES, 0.8), dict.fromkeys(RECIPES, 0.2)
        )
        rows = found_rows(paths, draws=600)
        found += [row["verdict"] for row in rows if row["recipe"] == "mnli"]
    assert np.mean([verdict != NOT_ENOUGH for verdict in found]) < 0.03


def test_collapsed_seeds_are_left_out(tmp_path: Path) -> None:
    paths = []
    for recipe in RECIPES:
        for seed in (1, 2, 3):
            rng = np.random.default_rng([seed])
            rate = 0.34 if (recipe, seed) == ("mnli", 2) else 0.9
            conditions = {
                CLEAN: {"de": coins(rng, "xnli", 100, rate)},
                TYPOS: {"de": coins(rng, "xnli", 100, rate - 0.1 * seed)},
            }
            paths.append(write_conditions(tmp_path, ("enc", recipe, "xnli", seed), conditions))
    rows = found_rows(paths, left_out=frozenset({("enc", "mnli", "xnli", 2)}))
    ours, base = (
        only(rows, recipe=recipe, target="xnli", group="de", quantity="loss")
        for recipe in ("mnli", "none")
    )
    assert (ours["value"], ours["seeds"]) == (pytest.approx(20, abs=1e-3), 2)
    assert (base["value"], base["seeds"]) == (pytest.approx(20, abs=1e-3), 3)
    # Set against the seeds that it has in common with the baseline, which are the same items.
    assert (ours["change"], ours["change_low"], ours["p"]) == (0, 0, 1)
    fewer = frozenset({("enc", "mnli", "xnli", 2), ("enc", "none", "xnli", 3)})
    ours = only(
        found_rows(paths, left_out=fewer),
        recipe="mnli", target="xnli", group="de", quantity="loss",
    )  # fmt: skip
    assert (ours["value"], ours["change"]) == (pytest.approx(20, abs=1e-3), 0)


def test_retrieval_keeps_its_pool_and_the_baseline_stands_for_every_seed(tmp_path: Path) -> None:
    """50 sentences of which 10 are perturbed: guessing finds one of 50."""
    rng = np.random.default_rng(6)
    paths = []
    for recipe, seeds in (("none", (1,)), ("mnli", (1, 2))):
        for seed in seeds:
            clean = coins(rng, "tatoeba", 50, 0.8)
            conditions = {
                CLEAN: {"de": clean},
                TYPOS: {"de": [(name, 0) for name, _ in clean[:10]]},
            }
            paths.append(write_conditions(tmp_path, ("enc", recipe, "tatoeba", seed), conditions))
    rows = found_rows(paths)
    row = only(rows, recipe="none", target="tatoeba", group="de", quantity="drop")
    assert row["perturbed"] == pytest.approx(100 * (0 - 2) / (100 - 2), abs=1e-3)
    change = only(rows, recipe="mnli", target="tatoeba", group="de", quantity="loss")
    assert change["change"] == pytest.approx(
        change["value"]
        - only(rows, recipe="none", target="tatoeba", group="de", quantity="loss")["value"],
        abs=1e-3,
    )


def test_cells_and_languages_without_the_condition_are_skipped(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)

    def items(codes: str) -> dict[str, list[Item]]:
        return {code: coins(rng, "xnli", 20, 0.8) for code in codes.split()}

    cells = {
        ("none", 1): {CLEAN: items("de ar"), TYPOS: items("de ar")},
        ("none", 2): {CLEAN: items("de ar")},
        ("mnli", 1): {CLEAN: items("de ar"), TYPOS: items("de")},
    }
    paths = [
        write_conditions(tmp_path, ("enc", recipe, "xnli", seed), held)
        for (recipe, seed), held in cells.items()
    ]
    rows = found_rows(paths)
    assert {code for row in rows for code in row["languages"]} == {"de"}
    assert {row["seeds"] for row in rows} == {1}
    assert found_rows(paths[1:2], recipes=["none"]) == []


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """12 clean items in two languages; typos on some, of which two have no clean row."""
    rng = np.random.default_rng(8)
    clean = {code: coins(rng, "xnli", 12, 0.5) for code in ("de", "ar")}
    typos = {"de": coins(rng, "xnli", 14, 0.5)[8:], "ar": coins(rng, "xnli", 12, 0.5)[8:]}
    lower = {"de": coins(rng, "xnli", 9, 0.5)[6:]}
    conditions = {TYPOS: typos, CLEAN: clean, LOWER: lower}
    return write_conditions(tmp_path, ("enc", "none", "xnli", 1), conditions)


def test_clean_items_can_be_confined_to_those_that_were_perturbed(mixed: Path) -> None:
    (file,) = cell_files([mixed], RECIPES)
    assert conditions_of(file, "test") == [TYPOS, LOWER]
    assert conditions_of(file, "dev") == []
    assert languages_of(file, "test") == {"de", "ar"}
    rows = pl.read_parquet(mixed)
    held = read_conditions(file, "test")
    for condition, codes in ((TYPOS, ("de", "ar")), (LOWER, ("de",))):
        clean = items_of([held], "xnli", codes, condition=CLEAN, within=condition)
        perturbed = items_of([held], "xnli", codes, condition=condition)
        for code in codes:
            own = rows.filter(language=code)
            one, other = (own.filter(condition=name) for name in (CLEAN, condition))
            shared = sorted(set(one["id"]) & set(other["id"]))
            assert clean[code].count == perturbed[code].count == len(shared)
            for name, found in ((one, clean), (other, perturbed)):
                right = dict(name.select("id", "correct").iter_rows())
                assert found[code].numerator[:, 0].tolist() == [right[unit] for unit in shared]


def test_only_the_condition_that_is_asked_for_is_read(mixed: Path) -> None:
    (file,) = cell_files([mixed], RECIPES)
    items = read_items([file], ("de", "ar"), "test")
    clean = pl.DataFrame(pq.read_table(mixed)).filter(condition=CLEAN)
    for code, held in items.items():
        own = clean.filter(language=code).sort("id")
        assert held.numerator[:, 0].tolist() == own["correct"].to_list()
