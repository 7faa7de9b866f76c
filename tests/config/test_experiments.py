"""The experiments that are shipped are sound, and plan what they say."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from xstilts.config.parse import parse_experiment
from xstilts.config.tasks import INTERMEDIATE, XTREME
from xstilts.graph.cells import Grid

ROOT = Path(__file__).parents[2]
WIDE = ("sib200", "tatoeba112", "ntrex", "americasnli", "masakhapos", "masakhaner2")
FILES = [ROOT / "config.yaml", *sorted((ROOT / "workflow/experiments").glob("*.yaml"))]


def experiment(path: Path, **changes):
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    if values["data_source"] == "folder":
        values["data_root"] = str(ROOT)
    return parse_experiment({**values, **changes}, where=str(path))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_is_valid_and_covers_the_benchmark(path):
    found = experiment(path)
    assert set(found.targets) == set(WIDE if path.stem in ("wide", "wide-mini") else XTREME)
    assert "none" in found.recipes


def test_the_paper_has_every_task_of_the_study_alone_together_and_with_mlm(tmp_path):
    (tmp_path / "text").mkdir()
    (tmp_path / "text/en.txt").write_text("one\ntwo\n", encoding="utf-8")
    ccg = tmp_path / "intermediate/ccg"
    ccg.mkdir(parents=True)
    for split in ("train", "dev"):
        (ccg / f"{split}.tsv").write_text("a\tN\n", encoding="utf-8")
    text = {"root": str(tmp_path / "text")}
    paper = ROOT / "workflow/experiments/paper.yaml"
    grid = Grid(experiment(paper, data_root=str(tmp_path), text=text))
    assert {*INTERMEDIATE, *(f"{key}+mlm" for key in INTERMEDIATE)} < set(grid.recipes)
    assert grid.recipes["multi"].tasks == tuple(INTERMEDIATE)
    assert {"mnli@de", "mnli@diverse", "mnli@en-ar-sw-tr-vi-zh"} < set(grid.recipes)
    # SQuAD's translations are not on the hub; the folder may hold them.
    assert all("squad_v1@" in line for line in grid.left_out)
    assert grid.experiment.seeds == (1, 2, 3)


def test_the_paper_runs_without_what_a_licence_or_a_user_must_give():
    grid = Grid(experiment(ROOT / "workflow/experiments/paper.yaml"))
    assert grid.recipes["multi"].tasks == tuple(key for key in INTERMEDIATE if key != "ccg")
    assert not any(name.endswith("+mlm") or name == "ccg" for name in grid.recipes)
    assert any("recipe ccg: " in line for line in grid.left_out)
    settings = grid.experiment.intermediate_training_for(grid.recipes["csqa"])
    assert (settings.epochs, settings.learning_rate, settings.batch_size) == (10, 1e-5, 4)


def test_the_demo_mixes_all_tasks_and_other_languages():
    grid = Grid(experiment(ROOT / "config.yaml"))
    assert grid.recipes["multi"].tasks == tuple(INTERMEDIATE)
    assert any(set(recipe.languages) - {"en"} for recipe in grid.recipes.values())
    assert grid.left_out == ()
