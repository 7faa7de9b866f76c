"""The jobs that the grid lists are those that Snakemake makes of the rules, file by file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml
from tiny_xtreme import write_tiny_xtreme
from workflow_runs import ROOT, snakemake

from xstilts.config.parse import parse_experiment
from xstilts.graph.cells import Grid
from xstilts.graph.jobs import Jobs

PLUGINS = Path(__file__).parents[1] / "plugins"
EXPERIMENTS = [ROOT / "config.yaml", *sorted((ROOT / "workflow/experiments").glob("*.yaml"))]


@pytest.mark.workflow
@pytest.mark.parametrize("path", EXPERIMENTS, ids=[path.stem for path in EXPERIMENTS])
def test_jobs_are_those_of_snakemake(path, tmp_path, monkeypatch):
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    if values["data_source"] != "invitro":
        write_tiny_xtreme(tmp_path / "xtreme", train=4, test=4)
        text = tmp_path / "text"
        text.mkdir()
        for language in ("en", "de"):
            (text / f"{language}.txt").write_text("A line of text.\n" * 3)
        values |= {"data_root": str(tmp_path / "xtreme"), "missing_data": "leave_out"}
        values["text"] = {**(values.get("text") or {}), "root": str(text)}
    (tmp_path / "exp.yaml").write_text(yaml.safe_dump({**values, "seeds": [1, 2]}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JOBLIST", str(tmp_path / "jobs.jsonl"))
    monkeypatch.setenv("PYTHONPATH", str(PLUGINS), prepend=os.pathsep)
    snakemake(tmp_path, "-n", "--quiet", "all", "--logger", "joblist")
    jobs = Jobs(Grid(parse_experiment({**values, "seeds": [1, 2]}))).jobs
    rules = {job.rule for job in jobs}
    found = map(json.loads, (tmp_path / "jobs.jsonl").read_text().splitlines())
    # The files of a user's that a job reads are no job's.
    expected = {
        (job["rule"], *job["wildcards"].items()): (
            {name for name in job["inputs"] if name.startswith("results/")},
            set(job["outputs"]),
        )
        for job in found
        if job["rule"] in rules
    }
    listed = {
        (job.rule, *job.wildcards.items()): (set(job.inputs), set(job.outputs)) for job in jobs
    }
    assert listed == expected
    assert len(listed) == len(jobs)
