"""The claims page: valid, self-contained, escaped, the same numbers as its JSON; and the marks
of collapsed runs on the score page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from prediction_files import random_items, runs, scores_of, write_cell
from test_report import Page, row
from test_report import scores_of as plain_scores

import xstilts.analysis.association.rows as rows_module
from xstilts.analysis.claims.parts import ClaimPart
from xstilts.analysis.claims.selection import ENGLISH, SELECTION, select
from xstilts.analysis.findings import Findings
from xstilts.analysis.inference.adjust import IN_RUN, NOT_ENOUGH
from xstilts.analysis.inputs.known_languages import KnownLanguages
from xstilts.analysis.investigate import investigate
from xstilts.analysis.tables import EVERY, POINTS
from xstilts.config.languages import LANGUAGES, Language
from xstilts.config.tasks import TARGETS, XTREME
from xstilts.report.claims import write_claims
from xstilts.report.fairness import write_fairness
from xstilts.report.headline import headline
from xstilts.report.page import write_page
from xstilts.report.plots import SIGNIFICANT
from xstilts.report.sentences import summary_of
from xstilts.rounding import fixed, signed


def recipe(*tasks: str, mlm: bool = False) -> dict[str, Any]:
    """The facts of a recipe of English data."""
    return {"tasks": tasks, "languages": ("en",) if tasks else (), "mlm": mlm}


RECIPES = {
    "none": recipe(),
    "mnli": recipe("mnli"),
    "squad_v1": recipe("squad_v1"),
    "qqp": recipe("qqp"),
    "mnli+mlm": recipe("mnli", mlm=True),
}
SKILL = {"none": 0.4, "mnli": 0.7, "squad_v1": 0.8, "qqp": 0.5, "mnli+mlm": 0.45}
DRAWS = 200


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """All nine targets in two to seven languages, two seeds, forty items each."""
    folder = tmp_path_factory.mktemp("predictions")
    paths = []
    for target in XTREME:
        codes = [
            code
            for code in ("en", "de", "ru", "zh", "my", "fi", "hu")
            if code in TARGETS[target].languages
        ]
        for place, name in enumerate(RECIPES):
            alone = name == "none" and TARGETS[target].train_set is None
            for seed in (1,) if alone else (1, 2):
                draw = np.random.default_rng([place, seed, len(target)])
                items = {code: random_items(draw, target, 40, SKILL[name]) for code in codes}
                paths.append(write_cell(folder, ("enc", name, target, seed), items))
    return paths


@pytest.fixture(scope="module")
def trained() -> pl.DataFrame:
    """English development scores that prefer squad_v1; mnli's second seed collapsed on PAWS-X."""
    sets = sorted({task.train_set for task in XTREME.values() if task.train_set})
    return runs(
        *(
            (
                name,
                "target",
                train_set,
                seed,
                100 * SKILL[name] + seed,
                "constant prediction" * ((name, train_set, seed) == ("mnli", "pawsx", 2)),
            )
            for name in RECIPES
            for train_set in sets
            for seed in (1, 2)
        )
    )


def found(
    paths: list[Path],
    trained: pl.DataFrame | None = None,
    recipes: dict[str, Any] = RECIPES,
    world: dict[str, Language] = LANGUAGES,
) -> Findings:
    """The findings of these predictions; associations take long, and are on no page of claims."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows_module, "_ASSOCIATIONS", ())
        return investigate(
            scores_of(paths),
            KnownLanguages(languages=world, facts={}),
            recipes=recipes,
            runs=trained,
            predictions=paths,
            draws=DRAWS,
        )


@pytest.fixture(scope="module")
def findings(grid: list[Path], trained: pl.DataFrame) -> Findings:
    """Of the whole grid."""
    return found(grid, trained)


@pytest.fixture(scope="module")
def one_seed(grid: list[Path]) -> Findings:
    """Of its first seed alone."""
    return found(first_seed(grid))


def first_seed(grid: list[Path]) -> list[Path]:
    return [path for path in grid if path.stem.endswith("1")]


def write(folder: Path, findings: Findings, **given: Any) -> tuple[Page, dict, pl.DataFrame, str]:
    paths = (folder / "claims.html", folder / "claims.json", folder / "selection.parquet")
    settings = {"title": "Title", "runs": None, "recipes": RECIPES, "findings": findings}
    write_claims(*paths, **{**settings, **given})
    assert sorted(folder.iterdir()) == sorted(paths)
    text = paths[0].read_text(encoding="utf-8")
    return Page(text), json.loads(paths[1].read_text()), pl.read_parquet(paths[2]), text


def test_page_and_json_hold_the_claims_of_the_findings(
    grid, trained, findings, tmp_path: Path
) -> None:
    scores = scores_of(grid)
    page, held, chosen, _ = write(tmp_path, findings, scores=scores, runs=trained)
    table = select(scores, trained, RECIPES)
    assert held["claims"] == json.loads(json.dumps(findings.claims))
    assert held["split"] == "test"
    # Of untrained retrieval there is one seed.
    assert set(held["intervals_over"]) == {"items and seeds", "items"}
    assert chosen.equals(table.rows)
    assert held["selection"] == table.rows.to_dicts()

    parts = [
        ClaimPart.read({name: value for name, value in claim.items() if name != "encoder"})
        for claim in findings.claims
    ]
    for part in parts:
        if part.recipe:
            caption = next(name for name in page.tables if "after each recipe" in name)
            line = row(page, caption, part.recipe)
            assert part.verdict in line[1]
            assert line[2].startswith(signed(part.value))
            assert f"as one of {part.tests} statements: the measures of this recipe" in line[2]
            continue
        overview = page.tables["enc: claims and verdicts; differences in points"]
        line = next(line for line in overview if line[0].startswith(f"{part.number} "))
        assert part.statement in line[0]
        assert part.verdict in line[1]
        assert line[4] == part.reference
        if part.value is not None:
            assert line[2] == signed(part.value)
            assert f"95 % interval {signed(part.low)} to {signed(part.high)}" in page.text
            assert f"as one of {part.tests} statements: {part.adjusted_in}." in page.text
        if part.verdict == NOT_ENOUGH:
            seen = f"a true difference of {fixed(part.detectable)} points would be seen"
            assert seen in line[1]
        else:
            assert "would be seen" not in line[1]
        if part.missing:
            assert part.missing in page.text
        details = page.tables.get(f"enc, claim {part.number}: in detail, points", [])
        assert [line[0] for line in details[1:]] == [measure.name for measure in part.measures]


def test_the_worst_family_is_that_of_the_table_of_fairness(grid, findings, tmp_path: Path) -> None:
    _, held, _, _ = write(tmp_path, findings, scores=scores_of(grid))
    table = findings["fairness"].filter(target=EVERY, scale=POINTS, measure="worst_family")
    known = {row["recipe"]: row for row in table.to_dicts()}
    seventh = [claim for claim in held["claims"] if claim["number"] == "7"]
    assert {claim["recipe"] for claim in seventh} == set(RECIPES) - {"none"}
    for claim in seventh:
        row = known[claim["recipe"]]
        for name, column in (
            *(("value", "change"), ("low", "change_low"), ("high", "change_high")),
            *((name, name) for name in ("p", "p_adjusted", "tests", "detectable")),
        ):
            assert claim[name] == row[column], name


# Every word of a verdict, wherever it may stand.
VERDICTS = (
    *("supported", "not supported", "gains", "loses", "fairer", "less fair", "better", "worse"),
    *("more robust", "less robust", "loses fewer points", "loses more points", "fewer", "more"),
    *("below the best", "bears more than its share"),
)


def test_with_one_seed_every_verdict_is_on_this_run(grid, one_seed, tmp_path: Path) -> None:
    scores = scores_of(first_seed(grid))
    columns = [
        value
        for table in one_seed.tables.values()
        if "verdict" in table.columns
        for value in table["verdict"].drop_nulls()
    ]
    page, held, _, text = write(tmp_path, one_seed, scores=scores)
    sentences = headline(scores, None, LANGUAGES, one_seed)
    in_json = [claim["verdict"] for claim in held["claims"]]
    in_json += [family["outcome"] for claim in held["claims"] for family in claim["families"]]
    body = text[: text.index('id="definitions"')]
    in_page = [badge.strip() for badge in re.findall(r"</span>([^<]*)</span>", body)]
    in_page += [line[6] for name, rows in page.tables.items() if "families after" in name
                for line in rows[1:]]  # fmt: skip
    in_headline = re.findall(r"; ([a-z ]+)\)", " ".join(sentences[3:]))
    seen = set()
    for where in (columns, in_json, in_page, in_headline):
        assert where
        for said in where:
            assert said not in VERDICTS
            seen.add(said)
    assert {"supported in this run", "gains in this run", "fairer in this run"} <= seen
    other = tmp_path / "fairness"
    other.mkdir()
    summary = summary_of(one_seed)
    write_fairness(other / "fairness.html", one_seed, title="T", summary=summary)
    whole = (other / "fairness.html").read_text(encoding="utf-8")
    marked = re.findall(f"{SIGNIFICANT} ([a-z ]+)", whole.replace("\\u2731", SIGNIFICANT))
    marked = [said.strip() for said in marked if said.strip().removesuffix(IN_RUN) in VERDICTS]
    assert marked
    assert all(said.endswith(IN_RUN) for said in marked)


def test_verdicts_of_several_seeds_are_not_on_this_run_alone(findings) -> None:
    rows = findings["groups"].filter(pl.col("verdict").is_in([NOT_ENOUGH]).not_()).to_dicts()
    # One of mnli's two seeds collapsed on PAWS-X.
    assert {held["basis"] for held in rows} == {"items", "items and seeds"}
    for held in rows:
        assert held["verdict"].endswith(IN_RUN) == (held["seeds"] == 1)


def test_the_planted_world_is_recovered(grid, one_seed, tmp_path: Path) -> None:
    _, held, _, _ = write(tmp_path, one_seed, scores=scores_of(first_seed(grid)))
    verdicts = {claim["number"]: claim["verdict"] for claim in held["claims"]}
    assert {number: verdicts[number] for number in ("1a", "1b", "1c", "4a", "4b", "6ii")} == {
        **dict.fromkeys(("1a", "1b", "4a"), "supported in this run"),
        "4b": "not supported in this run",
        **dict.fromkeys(("1c", "6ii"), "not testable"),
    }


def test_the_selection_with_best_per_target(grid, trained, findings, tmp_path: Path) -> None:
    page, _, chosen, _ = write(tmp_path, findings, scores=scores_of(grid), runs=trained)
    assert dict(chosen.schema) == SELECTION
    caption = "enc: best recipe per target, chosen on English development data"
    average = page.tables[caption][-1]
    known = chosen.filter(basis=ENGLISH, target="overall").row(0, named=True)
    assert average[:2] == ["XTREME average", "best per target"]
    assert average[4:7] == [
        f"{known['test']:.1f}",
        f"{known['test_baseline']:.1f}",
        signed(known["test"] - known["test_baseline"]),
    ]
    assert row(page, caption, "XNLI")[1] == "squad_v1"
    assert row(page, caption, "Tatoeba")[1] == "none"
    assert any("which looks at labels of target languages" in name for name in page.tables)


def test_collapsed_runs_are_named(grid, trained, findings, tmp_path: Path) -> None:
    page, held, _, _ = write(tmp_path, findings, scores=scores_of(grid), runs=trained)
    note = (
        "1 of 2 seeds of mnli on PAWS-X collapsed (constant prediction) and is left out of means."
    )
    assert note in page.text
    assert held["collapsed"] == [note]


def test_the_page_is_self_contained_accessible_and_balanced(grid, findings, tmp_path: Path) -> None:
    page, _, _, text = write(tmp_path, findings, scores=scores_of(grid))
    assert not re.search(r"https?:|//[a-z]|@import|url\(", re.sub(r"(?m)^// .*$", "", text))
    assert len(page.ids) == len(set(page.ids))
    others = {link for link in page.links if not link.startswith("#")}
    assert others == {"glossary.html"}
    assert all(link[1:] in page.ids for link in page.links if link not in others)
    assert all(head.get("scope") in ("col", "row", "colgroup") for head in page.heads)
    assert text.startswith("<!DOCTYPE html>")
    assert "None" not in page.text
    # Every bar says in words what it shows.
    assert text.count("<svg") == len(
        re.findall(r'<svg[^>]*role="img"[^>]*aria-label="[^"]+"', text)
    )


def test_markup_in_names_is_escaped(grid, findings, tmp_path: Path) -> None:
    evil = "<b>x</b><script>alert(1)</script>"
    _, _, _, text = write(tmp_path, findings, scores=scores_of(grid), title=evil, caveats=[evil])
    for markup in ("<b>", "<script>alert"):
        assert markup not in text
    assert "alert(1)" in text


def test_how_the_run_differs_from_the_study(grid, findings, tmp_path: Path) -> None:
    experiment = {
        "data_source": "folder",
        "limits": {"default": {"test": 40, "train": None}},
        "encoders": {"enc": {"hub": None}, "xlmr": {"hub": "FacebookAI/xlm-roberta-large"}},
    }
    page, held, _, _ = write(tmp_path, findings, scores=scores_of(grid), experiment=experiment)
    assert "This is not the study's setting" in page.text
    assert "XNLI 4 of 15" in page.text
    assert "limits the number of items" in page.text
    assert "here also or instead: enc." in page.text
    assert len(held["not_the_studys_setting"]) == 3
    page, *_ = write(
        tmp_path,
        findings,
        scores=scores_of(grid),
        experiment={"data_source": "invitro", "limits": {"default": {"test": None}}},
    )
    assert "say nothing about real languages" in page.text
    assert "Fewer languages" not in page.text
    assert "limits the number" not in page.text


def test_without_anything_to_resample_there_are_values_and_no_verdicts(
    grid, tmp_path: Path
) -> None:
    scores = scores_of(first_seed(grid))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows_module, "_ASSOCIATIONS", ())
        held = investigate(scores, KnownLanguages(languages=LANGUAGES, facts={}), recipes=RECIPES)
    page, held, _, _ = write(tmp_path, held, scores=scores)
    decided = {claim["verdict"] for claim in held["claims"] if claim["number"] != "7"}
    assert decided == {"not enough data to tell", "not testable"}
    assert held["intervals_over"] in ([], ["languages"])
    assert "None" not in page.text


def test_the_development_split_is_judged_where_no_other_was_scored(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    (tmp_path / "out").mkdir()
    paths = [
        write_cell(
            tmp_path / "in",
            ("enc", name, "xnli", 1),
            {code: random_items(draw, "xnli", 30, SKILL[name]) for code in ("en", "de")},
            split="dev",
        )
        for name in ("none", "squad_v1")
    ]
    page, held, _, _ = write(tmp_path / "out", found(paths), scores=scores_of(paths))
    assert held["split"] == "dev"
    assert "The development split is judged" in page.text


def test_a_run_of_the_baseline_alone_has_a_page(grid, tmp_path: Path) -> None:
    alone = [path for path in grid if "/none/" in str(path)]
    recipes = {"none": recipe()}
    page, held, _, _ = write(
        tmp_path, found(alone, recipes=recipes), scores=scores_of(alone), recipes=recipes
    )
    assert {claim["verdict"] for claim in held["claims"]} == {"not testable"}
    assert "No recipe has a score beside the baseline" in page.text


def test_several_encoders_have_a_section_each(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    (tmp_path / "out").mkdir()
    paths = [
        write_cell(
            tmp_path / "in",
            (encoder, name, "xnli", 1),
            {code: random_items(draw, "xnli", 30, SKILL[name]) for code in ("en", "de", "fr")},
        )
        for encoder in ("one", "two")
        for name in ("none", "mnli")
    ]
    page, held, _, _ = write(tmp_path / "out", found(paths), scores=scores_of(paths))
    assert {claim["encoder"] for claim in held["claims"]} == {"one", "two"}
    for encoder in ("one", "two"):
        assert f"{encoder}: claims and verdicts; differences in points" in page.tables


def score_page(folder: Path, scores: pl.DataFrame, **more: Any) -> tuple[Page, str]:
    output = folder / "index.html"
    write_page(scores, output, title="T", experiment={}, notes=[], **more)
    text = output.read_text(encoding="utf-8")
    return Page(text), text


def test_the_score_page_leaves_out_collapsed_seeds(tmp_path: Path) -> None:
    """PAWS-X of mnli has 53, 54, 55 by seed, in English 6 more: with all 54 + 6 / 7, without the
    last 53.5 + 6 / 7, on which the gain over 51.5 + 6 / 7 rests."""
    scores = plain_scores(targets=("pawsx", "xnli"))
    held = runs(("mnli", "target", "pawsx", 3, 50.0, "constant prediction"))
    page, _ = score_page(tmp_path, scores, runs=held)
    caption = "enc, test: XTREME scores in points"
    line = row(page, caption, "mnli")
    assert line[2] == "54.4 best +2.0 53.9–54.9 2 seeds 54.9 with collapsed"
    assert "with collapsed" not in line[1]
    # The mean of XNLI, 54.4 of three seeds, and PAWS-X.
    xnli = 54 + 6 / 15
    mean, whole = (xnli + 53.5 + 6 / 7) / 2, (xnli + 54 + 6 / 7) / 2
    assert line[3].startswith(f"{mean:.1f} ")
    assert line[3].endswith(f"{whole:.1f} with collapsed")
    assert not any("with collapsed" in cell for cell in row(page, caption, "none"))
    german = row(page, "enc, PAWS-X, test: Accuracy", "de")
    assert german[-1].endswith("54.0 with collapsed")
    assert "rest on the mean without them" in page.text
    assert "1 of 3 seeds of mnli on PAWS-X collapsed" in page.text
    assert "what rests on runs that learnt nothing" not in page.text


def test_the_score_page_marks_what_has_no_sound_seed(tmp_path: Path) -> None:
    scores = plain_scores(targets=("pawsx", "xnli"), seeds=(1,))
    held = runs(("mnli", "target", "pawsx", 1, 50.0, "constant prediction"))
    page, _ = score_page(tmp_path, scores, runs=held)
    caption = "enc, test: XTREME scores in points"
    assert [cell.endswith("collapsed") for cell in row(page, caption, "mnli")[1:4]] == [
        *(False, True, True)
    ]
    assert not any(cell.endswith("collapsed") for cell in row(page, caption, "none"))
    assert page.tables["enc, PAWS-X, test: Accuracy"][0][-1] == "mnli (collapsed)"
    assert page.tables["enc, XNLI, test: Accuracy"][0][-1] == "mnli"
    assert "The only seed of mnli on PAWS-X collapsed" in page.text
    assert "what rests on runs that learnt nothing" in page.text


def test_pages_link_to_their_neighbours_and_the_glossary(grid, findings, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    links = [("Scores", "index.html")]
    page, *_ = write(tmp_path / "out", findings, scores=scores_of(grid), links=links)
    assert {"index.html", "glossary.html"} <= set(page.links)
    scores = plain_scores(targets=("xnli",), seeds=(1,))
    page, _ = score_page(tmp_path, scores, links=[("Claims", "claims.html"), ("Cost", "cost.html")])
    assert page.links[-3:] == ["claims.html", "cost.html", "glossary.html"]
