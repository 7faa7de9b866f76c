"""The claims page: valid, self-contained, escaped, the same numbers as its JSON; and the marks
of collapsed runs on the score page."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from prediction_files import random_items, runs, scores_of, write_cell
from test_analysis_claims import recipe
from test_report import Page, row
from test_report import scores_of as plain_scores

from xstilts.analysis.claims import claim_parts
from xstilts.analysis.evidence import evidence
from xstilts.analysis.selection import ENGLISH, SELECTION, select
from xstilts.languages import INVITRO_LANGUAGES, LANGUAGES
from xstilts.report.cells import signed
from xstilts.report.claims import write_claims
from xstilts.report.page import write_page
from xstilts.tasks import TARGETS, XTREME

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


def write(folder: Path, **given: Any) -> tuple[Page, dict, pl.DataFrame, str]:
    paths = (folder / "claims.html", folder / "claims.json", folder / "selection.parquet")
    settings = {"title": "Title", "runs": None, "recipes": RECIPES, "languages": LANGUAGES}
    write_claims(*paths, **{**settings, "draws": DRAWS, **given})
    assert sorted(folder.iterdir()) == sorted(paths)
    text = paths[0].read_text(encoding="utf-8")
    return Page(text), json.loads(paths[1].read_text()), pl.read_parquet(paths[2]), text


def test_page_and_json_hold_the_same_claims(grid, trained, tmp_path: Path) -> None:
    scores = scores_of(grid)
    page, held, chosen, _ = write(tmp_path, scores=scores, runs=trained, predictions=grid)
    left_out = {("enc", "mnli", "pawsx", 2)}
    (one,) = evidence(grid, recipes=RECIPES, draws=DRAWS, left_out=left_out)
    table = select(scores, trained, RECIPES)
    parts = claim_parts(
        one, recipes=RECIPES, languages=LANGUAGES, development=table.of(ENGLISH, "enc")
    )
    assert held["claims"] == [
        json.loads(json.dumps({"encoder": "enc", **asdict(part)})) for part in parts
    ]
    assert (held["split"], held["draws"]) == ("test", DRAWS)
    assert chosen.equals(table.rows)
    assert held["selection"] == table.rows.to_dicts()

    for part in parts:
        if part.recipe:
            caption = next(name for name in page.tables if "after each recipe" in name)
            line = row(page, caption, part.recipe)
            assert part.verdict in line[1]
            assert line[2].startswith(signed(part.value))
            continue
        overview = page.tables["enc: claims and verdicts; differences in points"]
        line = next(line for line in overview if line[0].startswith(f"{part.number} "))
        assert part.statement in line[0]
        assert part.verdict in line[1]
        assert line[4] == part.reference
        if part.value is not None:
            assert line[2] == signed(part.value)
            assert f"95 % interval {signed(part.low)} to {signed(part.high)}" in page.text
        if part.missing:
            assert part.missing in page.text
        details = page.tables.get(f"enc, claim {part.number}: in detail, points", [])
        assert [line[0] for line in details[1:]] == [measure.name for measure in part.measures]


def test_the_planted_world_is_recovered(grid, trained, tmp_path: Path) -> None:
    _, held, _, _ = write(tmp_path, scores=scores_of(grid), runs=trained, predictions=grid)
    verdicts = {claim["number"]: claim["verdict"] for claim in held["claims"]}
    assert {number: verdicts[number] for number in ("1a", "1b", "1c", "5", "6i", "6ii")} == {
        **dict.fromkeys(("1a", "1b", "5", "6i"), "supported"),
        **dict.fromkeys(("1c", "6ii"), "not testable"),
    }
    assert verdicts["4a"] == "supported"
    assert verdicts["4b"] == "not supported"


def test_the_selection_with_best_per_target(grid, trained, tmp_path: Path) -> None:
    page, _, chosen, _ = write(tmp_path, scores=scores_of(grid), runs=trained, predictions=grid)
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


def test_collapsed_runs_are_named(grid, trained, tmp_path: Path) -> None:
    page, held, _, _ = write(tmp_path, scores=scores_of(grid), runs=trained, predictions=grid)
    note = (
        "1 of 2 seeds of mnli on PAWS-X collapsed (constant prediction) and is left out of means."
    )
    assert note in page.text
    assert held["collapsed"] == [note]


def test_the_page_is_self_contained_accessible_and_balanced(grid, tmp_path: Path) -> None:
    page, _, _, text = write(tmp_path, scores=scores_of(grid), predictions=grid)
    assert not re.search(r"https?:|//[a-z]|@import|url\(", re.sub(r"(?m)^// .*$", "", text))
    assert len(page.ids) == len(set(page.ids))
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    assert all(head.get("scope") in ("col", "row", "colgroup") for head in page.heads)
    assert text.startswith("<!DOCTYPE html>")
    assert "None" not in page.text
    # Every bar says in words what it shows.
    assert text.count("<svg") == len(
        re.findall(r'<svg[^>]*role="img"[^>]*aria-label="[^"]+"', text)
    )


def test_markup_in_names_is_escaped(grid, tmp_path: Path) -> None:
    evil = "<b>x</b><script>alert(1)</script>"
    _, _, _, text = write(
        tmp_path, scores=scores_of(grid), predictions=grid, title=evil, caveats=[evil]
    )
    for markup in ("<b>", "<script>alert"):
        assert markup not in text
    assert "alert(1)" in text


def test_how_the_run_differs_from_the_study(grid, tmp_path: Path) -> None:
    experiment = {
        "data_source": "folder",
        "limits": {"default": {"test": 40, "train": None}},
        "encoders": {"enc": {"hub": None}, "xlmr": {"hub": "FacebookAI/xlm-roberta-large"}},
    }
    page, held, _, _ = write(
        tmp_path, scores=scores_of(grid), predictions=grid, experiment=experiment
    )
    assert "This is not the study's setting" in page.text
    assert "XNLI 4 of 15" in page.text
    assert "limits the number of items" in page.text
    assert "here also or instead: enc." in page.text
    assert len(held["not_the_studys_setting"]) == 3
    page, *_ = write(
        tmp_path,
        scores=scores_of(grid),
        predictions=grid,
        languages=INVITRO_LANGUAGES,
        experiment={"data_source": "invitro", "limits": {"default": {"test": None}}},
    )
    assert "say nothing about real languages" in page.text
    assert "Fewer languages" not in page.text
    assert "limits the number" not in page.text


def test_without_predictions_there_are_values_and_no_verdicts(grid, tmp_path: Path) -> None:
    page, held, _, _ = write(tmp_path, scores=scores_of(grid), predictions=[])
    assert {claim["verdict"] for claim in held["claims"]} == {
        "not enough data to tell",
        "not testable",
    }
    assert held["draws"] == 0
    assert "item-level predictions" in page.text
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
    page, held, _, _ = write(tmp_path / "out", scores=scores_of(paths), predictions=paths)
    assert held["split"] == "dev"
    assert "The development split is judged" in page.text


def test_a_run_of_the_baseline_alone_has_a_page(grid, tmp_path: Path) -> None:
    alone = [path for path in grid if "/none/" in str(path)]
    page, held, _, _ = write(
        tmp_path, scores=scores_of(alone), predictions=alone, recipes={"none": recipe()}
    )
    assert {claim["verdict"] for claim in held["claims"]} == {"not testable"}
    assert "No recipe has a score beside the baseline" in page.text


def test_several_encoders_have_a_section_each(grid, tmp_path: Path) -> None:
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
    page, held, _, _ = write(tmp_path / "out", scores=scores_of(paths), predictions=paths)
    assert {claim["encoder"] for claim in held["claims"]} == {"one", "two"}
    for encoder in ("one", "two"):
        assert f"{encoder}: claims and verdicts; differences in points" in page.tables


def score_page(folder: Path, scores: pl.DataFrame, **more: Any) -> tuple[Page, str]:
    output = folder / "index.html"
    write_page(scores, output, title="T", experiment={}, notes=[], **more)
    text = output.read_text(encoding="utf-8")
    return Page(text), text


def test_the_score_page_leaves_out_collapsed_seeds(tmp_path: Path) -> None:
    """PAWS-X of mnli has 53, 54, 55 by seed, in English 6 more; without the last 53.5 + 6 / 7."""
    scores = plain_scores(targets=("pawsx", "xnli"))
    held = runs(("mnli", "target", "pawsx", 3, 50.0, "constant prediction"))
    page, _ = score_page(tmp_path, scores, runs=held)
    line = row(page, "enc, test: XTREME scores in points", "mnli")
    assert line[2].startswith("54.4 best")
    assert line[2].endswith("2 seeds")
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


def test_pages_link_to_their_neighbours(grid, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    links = [("Scores", "index.html")]
    page, *_ = write(tmp_path / "out", scores=scores_of(grid), predictions=[], links=links)
    assert "index.html" in page.links
    scores = plain_scores(targets=("xnli",), seeds=(1,))
    page, _ = score_page(tmp_path, scores, links=[("Claims", "claims.html"), ("Cost", "cost.html")])
    assert page.links[-2:] == ["claims.html", "cost.html"]
