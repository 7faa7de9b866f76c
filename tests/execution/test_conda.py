"""`snakemake --sdm conda` runs jobs in the environment of envs/xstilts.yaml.

Snakemake is real, `conda` is not (`stand_in_conda`): that the environment can be solved and
downloaded is not shown here.
"""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import stand_in_conda
import yaml
from tiny_grid import SMALL, make_folder
from workflow_runs import ROOT, command

import xstilts
from xstilts.execution.provenance import read_provenance
from xstilts.execution.warm import OFF, VARIABLE

pytestmark = pytest.mark.workflow

# Data are read, and tokenised by a compiled library.
WANTED = "results/tiny/features/tiny/tatoeba/eval.parquet"
RULES = {"fetch_encoder", "ingest", "tokenise"}
CONDA = ("--sdm", "conda")
WITH_SOFTWARE = ("--rerun-triggers", "mtime", "params", "input", "software-env")
NOTHING = "Nothing to be done"

_OUTER = """
module xstilts:
    snakefile: {snakefile!r}
    config: {config!r}

use rule * from xstilts as xstilts_*
"""


def run(folder: Path, whole: list[str]) -> str:
    environment = {
        **stand_in_conda.environment(folder / "conda"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        # One process a job.
        VARIABLE: OFF,
    }
    done = subprocess.run(
        whole, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A tiny experiment beside a stand-in for conda, in which nothing has run."""
    folder = make_folder(tmp_path_factory.mktemp("conda"), **SMALL)
    stand_in_conda.install(folder / "conda")
    return folder


@pytest.fixture(scope="module")
def finished(folder) -> Path:
    """The same, with features that were made in an environment."""
    run(folder, command(folder, WANTED, *CONDA))
    return folder


def environments(folder: Path) -> list[Path]:
    return [path.parent for path in folder.glob(".snakemake/conda/*/pyvenv.cfg")]


def test_jobs_compute_with_the_libraries_of_the_environment_and_this_very_package(finished):
    (environment,) = environments(finished)
    notes = stand_in_conda.notes(environment)
    assert len(notes) == len(RULES)
    for note in notes:
        assert Path(note["python"]).parent == environment / "bin"
        libraries = {"pyarrow", "torch"} & note.keys()
        assert libraries
        assert all(Path(note[name]).is_relative_to(environment) for name in libraries)
        assert note["xstilts"] == xstilts.__file__


def test_an_output_names_the_versions_of_the_environment(finished):
    marked = stand_in_conda.MARKED
    found = read_provenance(finished / WANTED)["versions"]
    assert found[marked] == version(marked) + stand_in_conda.MARK
    assert found["xstilts"] == xstilts.__version__


def test_a_later_run_takes_the_same_environment_and_repeats_nothing(finished):
    assert NOTHING in run(finished, command(finished, WANTED, *CONDA, *WITH_SOFTWARE))
    assert len(environments(finished)) == 1


def test_without_conda_jobs_run_as_ever_and_none_is_repeated(finished):
    (environment,) = environments(finished)
    before = (finished / WANTED).stat().st_mtime_ns, stand_in_conda.notes(environment)
    other = "results/tiny/data/xnli/eval.parquet"
    output = run(finished, command(finished, WANTED, other))
    assert "Conda environments: ignored" not in output
    assert ((finished / WANTED).stat().st_mtime_ns, stand_in_conda.notes(environment)) == before
    marked = stand_in_conda.MARKED
    assert read_provenance(finished / other)["versions"][marked] == version(marked)


def test_a_module_of_another_workflow_finds_the_environment_too(folder):
    outer = folder / "outer.smk"
    config = yaml.safe_load((folder / "exp.yaml").read_text())
    outer.write_text(_OUTER.format(snakefile=str(ROOT / "Snakefile"), config=config))
    program = str(Path(sys.executable).with_name("snakemake"))
    places = ["--snakefile", str(outer), "--conda-prefix", str(folder / "none")]
    output = run(folder, [program, WANTED, "--cores", "1", "--dry-run", *CONDA, *places])
    assert re.search(r"Conda environment .*envs/xstilts\.yaml will be created", output)
