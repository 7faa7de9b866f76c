"""The workflow as a module of another one, with its rules renamed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import yaml
from tiny_grid import SMALL, make_folder
from workflow_runs import ROOT

pytestmark = pytest.mark.workflow

_OUTER = """
configfile: "outer.yaml"

module xstilts:
    snakefile: {snakefile!r}
    config: config["grid"]

use rule * from xstilts as xstilts_*

rule best:
    default_target: True
    input: rules.xstilts_all.input
    output: "best.txt"
    shell: "ls {{input}} > {{output}}"
"""


def test_the_grid_runs_inside_another_workflow(tmp_path):
    make_folder(tmp_path, **{**SMALL, "recipes": ["none"]})
    grid = yaml.safe_load((tmp_path / "exp.yaml").read_text())
    (tmp_path / "outer.yaml").write_text(yaml.safe_dump({"grid": grid}))
    (tmp_path / "Snakefile").write_text(_OUTER.format(snakefile=str(ROOT / "Snakefile")))
    done = subprocess.run(
        [str(Path(sys.executable).with_name("snakemake")), "--cores", "2"],
        cwd=tmp_path, env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    results = tmp_path / "results/tiny"
    assert "index.html" in (tmp_path / "best.txt").read_text()
    assert len(pl.read_parquet(results / "scores.parquet"))
    # What a job cost is told by the rule's own name, not by the one it has in the outer workflow.
    costs = pl.read_parquet(results / "costs.parquet")
    assert {"train_target", "predict", "embed", "score"} <= set(costs["stage"])
    assert costs.filter(stage="train_target")["flops"].is_not_null().all()
