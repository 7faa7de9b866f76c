"""The jobs that the grid lists are those that Snakemake makes of the rules, file by file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tiny_grid import SMALL, edit
from tiny_xtreme import write_tiny_xtreme
from workflow_runs import ROOT, command, snakemake

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


# Plans, and says how often a digest of code was worked out.
COUNTED = """
import sys
from snakemake.cli import main
from xstilts.execution import code_digest as digests

worked_out, asked = digests.code_digest, []
digests.code_digest = lambda *given, **of: (asked.append(given), worked_out(*given, **of))[1]
try:
    main(sys.argv[1:])
finally:
    print("digests", len(asked))
"""


@pytest.mark.workflow
def test_planning_works_out_no_more_digests_of_code_for_more_seeds(tmp_path):
    write_tiny_xtreme(tmp_path / "xtreme", train=4, test=4)
    encoders = {"hub": {"hub": "a/b", "revision": "0" * 40, "retrieval": {"layer": 1}}}

    def digests(*seeds: int) -> int:
        edit(tmp_path, **SMALL, encoders=encoders, seeds=list(seeds))
        planned = subprocess.run(
            [sys.executable, "-c", COUNTED, *command(tmp_path, "-n", "--quiet", "all")[1:]],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return int(planned.stdout.split()[-1])

    assert digests(1, 2, 3) == digests(1) > 5
