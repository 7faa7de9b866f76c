"""The demo in its smallest size, from nothing to its report, killed on the way and resumed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from transformers import AutoModel, AutoTokenizer
from workflow_runs import ROOT, command, snakemake

from xstilts.config.tasks import XTREME
from xstilts.scoring.scores import LANGUAGE_SCORE

pytestmark = pytest.mark.workflow

LANGUAGES = ("en", "qal", "qeu")


def smallest(folder: Path) -> dict[str, Any]:
    """`config.yaml` with sizes and languages cut down, and nothing else changed."""
    experiment = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    experiment["invitro"]["languages"] = list(LANGUAGES)
    experiment["invitro"]["sizes"] = {
        "default": {"train": 60, "dev": 20, "test": 12},
        "tasks": {"text": {"train": 400, "dev": 40}},
    }
    experiment["recipes"] = experiment["recipes"][:2]
    pretrain = experiment["encoders"]["tiny"]["pretrain"]
    pretrain["tokenizer"]["vocab_size"] = 600
    experiment["training"]["default"] |= {"save_every_seconds": 0}
    pretrain["training"]["save_every_seconds"] = 0
    (folder / "exp.yaml").write_text(yaml.safe_dump(experiment), encoding="utf-8")
    return experiment


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """The smallest demo after being killed at a random moment and started again."""
    folder = tmp_path_factory.mktemp("demo")
    smallest(folder)
    moment = random.uniform(15, 60)
    print(f"killed after {moment:.1f} s")
    process = subprocess.Popen(
        command(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    time.sleep(moment)
    assert process.poll() is None, "it ended before it was killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    snakemake(folder, "--unlock")
    snakemake(folder)
    return folder


def test_every_target_is_scored_in_every_generated_language(finished):
    scores = pl.read_parquet(finished / "results/demo/scores.parquet")
    main = scores.filter(pl.col("metric") == LANGUAGE_SCORE, pl.col("split") == "test")
    found = {(row["recipe"], row["target"], row["language"]) for row in main.iter_rows(named=True)}
    recipes = yaml.safe_load((finished / "exp.yaml").read_text(encoding="utf-8"))["recipes"]
    assert found == {
        (recipe, target, language)
        for recipe in recipes
        for target, task in XTREME.items()
        for language in LANGUAGES
        if language != "en" or task.group != "retrieval"
    }


def test_every_baseline_stands_beside(finished):
    baselines = pl.read_parquet(finished / "results/demo/baselines.parquet")
    assert set(baselines["baseline"]) == {"majority", "type_only", "shared_names", "untrained"}
    assert set(baselines["target"]) == set(XTREME)


def test_the_report_says_what_the_scores_are(finished):
    page = (finished / "results/demo/index.html").read_text(encoding="utf-8")
    assert "generated" in page
    assert "of 15 languages" not in page
    lines = (finished / "results/demo/headline.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 5
    assert all(line in page.replace("&#39;", "'") for line in lines)


def test_the_pretrained_encoder_is_an_ordinary_folder(finished):
    folder = finished / "results/demo/encoders/tiny"
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert model.config.model_type == "xlm-roberta"
    assert tokenizer("Anna has bought a dog.", return_offsets_mapping=True)["offset_mapping"]
    assert (finished / "results/demo/curves/tiny/pretraining.parquet").is_file()


def test_nothing_is_left_to_do_and_nothing_half_written(finished):
    assert "Nothing to be done" in snakemake(finished)
    assert not list(finished.rglob("*.tmp"))
