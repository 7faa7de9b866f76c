"""Suspect items: the model against plain optimisation, planted errors, and the tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from prediction_files import write_cell
from scipy import integrate, optimize, stats
from scipy.special import expit

from xstilts.analysis.inputs.evidence import evidence
from xstilts.analysis.inputs.items import cell_files
from xstilts.analysis.inputs.panel import Panel
from xstilts.analysis.suspects import item_response as model
from xstilts.analysis.suspects import shifts as shifts_module
from xstilts.analysis.suspects.item_response import Normal, fit_parameters, starting_parameters
from xstilts.analysis.suspects.shifts import FALSE_DISCOVERIES, fit_shifts, likelihoods
from xstilts.analysis.suspects.suspect_rows import DIFFERENT, fairness_without, find_suspects
from xstilts.analysis.tables import FAIRNESS, ITEM_CHECKS, SUSPECT_ITEMS, table
from xstilts.config.languages import LANGUAGES
from xstilts.config.tasks import Kind
from xstilts.data.schemas import DATA
from xstilts.execution.parquet import write_table

CODES = ("en", "de", "fr", "sw", "zh", "hi")


def answers(
    respondents: int, items: int, *, planted: int = 0, languages: int = len(CODES), seed: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """int8, (respondents, languages, items), and which cells of one language have a wrong label."""
    random = np.random.default_rng(seed)
    ability = 2 + 0.4 * random.normal(size=(respondents, languages))
    shift = 0.4 * random.normal(size=(languages, items))
    p = expit(ability[:, :, None] - random.normal(size=items) - shift)
    wrong = np.zeros((languages, items), dtype=bool)
    wrong[languages // 2, random.choice(items, planted, replace=False)] = True
    right = random.random(p.shape) < np.where(wrong, (1 - p) / 2, p)
    return right.astype(np.int8), wrong


def penalised(parameters: np.ndarray, right: np.ndarray, label: np.ndarray, shift: Normal) -> float:
    """Minus the expected log-likelihood and the logarithms of the priors."""
    respondents, languages, items = right.shape
    shape = respondents, languages, int(label.max()) + 1
    abilities = int(np.prod(shape))
    ability, log_slope, difficulty = np.split(parameters, [abilities, abilities + items])
    ability = ability.reshape(shape)
    total = 0.0
    for code in range(languages):
        for moved, weight in shift.nodes(code):
            logit = np.exp(log_slope) * (ability[:, code, label] - difficulty - moved)
            of_answer = stats.bernoulli.logpmf(np.maximum(right[:, code], 0), expit(logit))
            total += weight * of_answer[right[:, code] >= 0].sum()
    total += stats.norm.logpdf(ability, scale=model.ABILITY_SD).sum()
    total += stats.norm.logpdf(log_slope, scale=model.SLOPE_SD).sum()
    return -total - float(stats.norm.logpdf(difficulty, scale=model.DIFFICULTY_SD).sum())


@pytest.mark.parametrize("labels", [1, 2])
@pytest.mark.parametrize("shifted", [False, True])
def test_parameters_are_those_of_plain_optimisation(shifted: bool, labels: int) -> None:
    right, _ = answers(4, 8, languages=3)
    right[1, 2, 5] = right[0, :, 1] = -1
    random = np.random.default_rng(2)
    size = (3, 8)
    shift = Normal(mean=np.zeros(size), sd=np.zeros(size))
    if shifted:
        shift = Normal(mean=random.normal(size=size), sd=random.uniform(0.2, 1, size=size))
    label = np.arange(8) % labels
    start = starting_parameters(right, label)
    found = fit_parameters(right, shift, start, tolerance=1e-7, sweeps=2000)
    ours = np.concatenate([found.ability.ravel(), np.log(found.slope), found.difficulty])
    best = optimize.minimize(penalised, np.zeros(len(ours)), (right, label, shift), method="BFGS")
    np.testing.assert_allclose(ours, best.x, atol=1e-3)


def test_likelihoods_are_products_over_respondents() -> None:
    right, _ = answers(5, 6, languages=3)
    right[2, 1, 4] = -1
    parameters = starting_parameters(right, np.zeros(6, dtype=int))
    found, missed = likelihoods(right, parameters)
    nodes = np.linspace(-6, 8, 43)
    for code, item in np.ndindex(3, 6):
        held = right[:, code, item][right[:, code, item] >= 0]
        for measured, given in ((found, held), (missed, np.zeros_like(held))):
            expected = [stats.bernoulli.pmf(given, expit(-node)).prod() for node in nodes]
            expected = np.array(expected) / max(expected)
            np.testing.assert_allclose(measured[code, item], expected, rtol=1e-4, atol=1e-6)


def test_posterior_is_that_of_the_two_groups() -> None:
    right, _ = answers(8, 80, planted=4)
    shifts = fit_shifts(right)
    code, item = np.unravel_index(np.argmin(shifts.usual), shifts.usual.shape)
    parameters = shifts.parameters
    logit = parameters.ability[:, code, 0] - parameters.difficulty[item]

    def likelihood(shift: float) -> float:
        p = expit(parameters.slope[item] * (logit - shift))
        return float(stats.bernoulli.pmf(right[:, code, item], p).prod())

    normal = stats.norm(scale=shifts.spread[code])
    usual, _ = integrate.quad(lambda d: likelihood(d) * normal.pdf(d), -6, 8)
    departs, _ = integrate.quad(lambda d: likelihood(d) / 4, 2, 6)
    odds = (1 - shifts.usual[code, item]) / shifts.usual[code, item]
    share = shifts.share[code]
    assert odds == pytest.approx(share / (1 - share) * departs / usual, rel=0.05)
    at_most = share / 4 / (share / 4 + (1 - share) * normal.pdf(6))
    assert 1 - shifts.usual_at_most[code] == pytest.approx(at_most, rel=0.1)


def test_listed_are_as_many_as_keep_the_rate_of_false_discoveries() -> None:
    right, _ = answers(8, 200, planted=10)
    shifts = fit_shifts(right)
    listed = shifts.listed
    assert listed.any()
    assert shifts.usual[listed].mean() <= FALSE_DISCOVERIES
    next_one = shifts.usual[~listed].min()
    total = shifts.usual[listed].sum() + next_one
    assert total / (listed.sum() + 1) > FALSE_DISCOVERIES


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_planted_labels_are_found_and_little_else(seed: int) -> None:
    right, wrong = answers(12, 300, planted=15, seed=seed)
    listed = fit_shifts(right).listed
    assert (listed & wrong).sum() >= 8
    assert (listed & ~wrong).sum() <= 3
    nothing, _ = answers(12, 300, seed=seed)
    assert fit_shifts(nothing).listed.sum() <= 1


def test_runs_that_say_one_label_make_no_item_suspect() -> None:
    random = np.random.default_rng(4)
    label = np.arange(198) % 3
    known = np.array([1.2, 0.6, 0.4])[:, None] - random.normal(size=198)
    said = np.broadcast_to(np.where(label == 0, 4.0, -4.0), (4, 198))
    p = expit(np.concatenate([known, said]))
    right = (random.random((3, *p.shape)) < p).astype(np.int8)
    assert fit_shifts(right).listed.sum() > 10
    assert fit_shifts(right, label).listed.sum() <= 2


def test_spreads_do_not_hang_on_where_they_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(5)
    p = expit(1 - random.normal(size=200) - random.normal(scale=1.5, size=(len(CODES), 200)))
    right = (random.random((3, *p.shape)) < p).astype(np.int8)
    found = []
    for spread in (0.5, 2.0):
        monkeypatch.setattr(shifts_module, "_SPREAD", spread)
        found.append(fit_shifts(right).spread)
    np.testing.assert_allclose(*found, atol=0.15)


def write_runs(folder: Path, right: np.ndarray, target: str = "xnli") -> list[Path]:
    """A prediction file a respondent, seeds 1 and on of two recipes in turn."""
    paths = []
    for number, of_run in enumerate(right):
        cell = ("minilm", ("none", "mnli")[number % 2], target, 1 + number // 2)
        items = {
            code: [(f"i{place:04d}", int(hit)) for place, hit in enumerate(of_code) if hit >= 0]
            for code, of_code in zip(CODES, of_run, strict=True)
        }
        paths.append(write_cell(folder, cell, items))
    return paths


def test_rows_name_planted_items_and_their_difficulty_in_every_language(tmp_path: Path) -> None:
    right, wrong = answers(12, 300, planted=15)
    right[:, 5, 7] = -1
    paths = write_runs(tmp_path, right)
    files = cell_files(paths, ("none", "mnli"))
    found = find_suspects(files, LANGUAGES, {}, split="test")
    (check,) = table(found.checks, ITEM_CHECKS).to_dicts()
    rows = table(found.items, SUSPECT_ITEMS)
    assert (check["respondents"], check["languages"], check["items"]) == (12, 6, 300)
    assert check["why"] is None
    assert check["listed"] == len(rows) > 7
    assert rows["probability"].is_sorted(descending=True)
    planted = {
        (code, f"i{item:04d}")
        for code, item in zip(
            np.array(CODES)[np.nonzero(wrong)[0]], np.nonzero(wrong)[1], strict=True
        )
    }
    assert len(found.of("xnli") & planted) >= 8
    order = {code: place for place, code in enumerate(CODES)}
    for row in rows.to_dicts():
        item = int(row["item"][1:])
        of_item = right[:, :, item]
        assert row["right"] == pytest.approx(of_item[:, order[row["language"]]].mean())
        others = [c for c in CODES if c != row["language"] and not (c == "hi" and item == 7)]
        elsewhere = of_item[:, [order[code] for code in others]].mean()
        assert row["right_elsewhere"] == pytest.approx(elsewhere)
        assert set(row["languages"]) == {*others, row["language"]}
        hardest = row["languages"][int(np.argmax(row["difficulties"]))]
        assert hardest == row["language"]


def test_texts_are_those_of_the_item_in_english_and_in_the_suspect_language(tmp_path: Path) -> None:
    right, _ = answers(12, 300, planted=15)
    paths = write_runs(tmp_path, right)
    for path in paths:
        held = pq.read_table(path)
        gold = pa.array(["neutral"] * held.num_rows)
        said = pc.if_else(pc.equal(held["correct"], 1), "neutral", "entailment")
        for name, values in (("gold", gold), ("prediction", said)):
            held = held.set_column(held.column_names.index(name), name, values)
        pq.write_table(held, path)
    files = cell_files(paths, ("none", "mnli"))
    columns = {
        "id": [f"{code}{item}" for code in CODES for item in range(300)],
        "language": [code for code in CODES for _ in range(300)],
        "split": ["test"] * 300 * len(CODES),
        "text_a": [f"{code} premise {item}" for code in CODES for item in range(300)],
        "text_b": ["b" * 500] * 300 * len(CODES),
        "label": ["neutral"] * 300 * len(CODES),
        "group": [f"i{item:04d}" for _ in CODES for item in range(300)],
        "cluster": [f"i{item:04d}" for _ in CODES for item in range(300)],
    }
    path = tmp_path / "eval.parquet"
    write_table(path, pa.table(columns, schema=DATA[Kind.PAIR]), {})
    found = find_suspects(files, LANGUAGES, {"xnli": path}, split="test")
    rows = table(found.items, SUSPECT_ITEMS).to_dicts()
    assert rows
    for row in rows:
        item = int(row["item"][1:])
        assert f"en premise {item}" in row["english"]
        assert f"{row['language']} premise {item}" in row["text"]
        assert row["text"].endswith("…")
        # Of a run that has it wrong.
        assert (row["gold"], row["prediction"]) == ("neutral", "entailment")


def test_fairness_without_them_is_that_of_files_without_them(tmp_path: Path) -> None:
    right, _ = answers(12, 300, planted=15)
    paths = write_runs(tmp_path / "all", right)
    recipes = ("none", "mnli")
    files = cell_files(paths, recipes)
    suspects = find_suspects(files, LANGUAGES, {}, split="test")
    gone = suspects.of("xnli")
    assert gone
    fewer = right.copy()
    for code, item in gone:
        fewer[:, CODES.index(code), int(item[1:])] = -1

    def panel(held: list[Path]) -> Panel:
        (found,) = evidence(held, recipes=recipes, draws=40)
        return Panel(evidence=found, recipes=recipes, languages=LANGUAGES)

    rows = fairness_without(suspects, files, panel(paths), {}, split="test")
    table(rows, FAIRNESS)
    values = {
        (row["recipe"], row["target"], row["scale"], row["measure"]): row["value"] for row in rows
    }
    for recipe, number in (("none", 0), ("mnli", 1)):
        accuracy = np.array(
            [
                np.mean([100 * of[code][of[code] >= 0].mean() for of in fewer[number::2]])
                for code in range(1, len(CODES))
            ]
        )
        assert values[recipe, "xnli", "points", "worst_language"] == pytest.approx(accuracy.min())
        assert values[recipe, "xnli", "points", "mean_languages"] == pytest.approx(accuracy.mean())


@pytest.mark.parametrize(
    ("respondents", "items", "why"),
    [
        (2, 200, "fewer than 3 runs"),
        (6, 40, "fewer than 50 items"),
        (6, 200, "fewer than 3 languages that 3 runs know"),
        (3, 200, "too few runs"),
    ],
)
def test_too_little_is_said_and_nothing_listed(
    tmp_path: Path, respondents: int, items: int, why: str
) -> None:
    right, _ = answers(respondents, items, planted=10)
    random = np.random.default_rng(1)
    if "know" in why:
        # As good as guessing.
        right = (random.random(right.shape) < 1 / 3).astype(np.int8)
    if "too" in why:
        # Little more than guessing.
        right = (random.random(right.shape) < 0.65).astype(np.int8)
    files = cell_files(write_runs(tmp_path, right), ("none", "mnli"))
    found = find_suspects(files, LANGUAGES, {}, split="test")
    (check,) = found.checks
    assert why in check["why"]
    assert check["listed"] == 0
    assert not found.items


def test_where_runs_guess_they_say_nothing_of_items(tmp_path: Path) -> None:
    """What is hard in the languages that are known looks easier where runs guess."""
    random = np.random.default_rng(4)
    known, _ = answers(9, 200, planted=12, languages=3)
    guessed = (random.random((9, 3, 200)) < 1 / 3).astype(np.int8)
    # One run knows a fourth language too, which is not enough.
    guessed[0, 0] = known[0, 2]
    files = cell_files(write_runs(tmp_path, np.hstack([known, guessed])), ("none", "mnli"))
    found = find_suspects(files, LANGUAGES, {}, split="test")
    (check,) = found.checks
    assert (check["languages"], check["respondents"], check["why"]) == (3, 9, None)
    alone = fit_shifts(known)
    codes, items = np.nonzero(alone.listed)
    assert found.of("xnli") == {
        (CODES[code], f"i{item:04d}") for code, item in zip(codes, items, strict=True)
    }
    assert len(items) > 5
    assert all(set(row["languages"]) == {"en", "de", "fr"} for row in found.items)
    # With all that is guessed, what is hard everywhere is listed where it is known.
    beside = fit_shifts(np.hstack([known, guessed])).listed
    assert (beside[:3] & ~alone.listed).any()


def test_items_that_runs_know_in_one_language_alone_say_nothing(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    known, _ = answers(9, 200, planted=12, languages=3)
    # Of the last items there are English and what is guessed alone, and no run has them right.
    known[:, 0, -20:], known[:, 1:, -20:] = 0, -1
    guessed = (random.random((9, 3, 200)) < 1 / 3).astype(np.int8)
    files = cell_files(write_runs(tmp_path, np.hstack([known, guessed])), ("none", "mnli"))
    found = find_suspects(files, LANGUAGES, {}, split="test")
    known[:, 0, -20:] = -1
    alone = fit_shifts(known)
    codes, items = np.nonzero(alone.listed)
    assert found.of("xnli") == {
        (CODES[code], f"i{item:04d}") for code, item in zip(codes, items, strict=True)
    }
    (check,) = found.checks
    assert check["seen"] == pytest.approx(alone.seen)


def test_runs_that_share_weaknesses_are_told_from_too_few(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    shift = random.normal(scale=3, size=(len(CODES), 200))
    right = (random.random((9, *shift.shape)) < expit(1 - shift)).astype(np.int8)
    shifts = fit_shifts(right)
    assert (shifts.seen, shifts.tellable) == (0, 0)
    assert fit_shifts(answers(3, 200)[0]).tellable == 1
    files = cell_files(write_runs(tmp_path, right), ("none", "mnli"))
    (check,) = find_suspects(files, LANGUAGES, {}, split="test").checks
    assert check["why"] == DIFFERENT


def test_collapsed_runs_are_no_respondents(tmp_path: Path) -> None:
    right, _ = answers(4, 60)
    files = cell_files(write_runs(tmp_path, right), ("none", "mnli"))
    left_out = frozenset({("minilm", "none", "xnli", 2), ("minilm", "mnli", "xnli", 2)})
    (check,) = find_suspects(files, LANGUAGES, {}, split="test", left_out=left_out).checks
    assert check["respondents"] == 2


def test_unpaired_targets_are_not_judged(tmp_path: Path) -> None:
    right = np.ones((4, 2, 60), dtype=np.int8)
    folder = tmp_path
    paths = [
        write_cell(
            folder,
            ("minilm", "none", "udpos", seed),
            {code: [(f"i{n}", 1, 1, 1) for n in range(60)] for code in CODES[:2]},
        )
        for seed, _ in enumerate(right)
    ]
    found = find_suspects(cell_files(paths, ("none",)), LANGUAGES, {}, split="test")
    assert not found.checks
    assert isinstance(table(found.checks, ITEM_CHECKS), pl.DataFrame)
