"""Each thing that is used of Snakemake without being documented does what is needed of it.

By the real `snakemake`, so that another version that differs shows here, and here alone.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import xstilts
from xstilts.errors import XstiltsError
from xstilts.execution import snakemake_internals as internals
from xstilts.execution.files import sha256_file

ROOT = Path(__file__).parents[2]
# Says what it sees of the run when it is read, in the run and in its job, and what of its jobs.
SNAKEFILE = """
import json, logging
from functools import partial
from pathlib import Path
from xstilts.execution import snakemake_internals as internals

if not internals.names_configfiles(workflow):
    configfile: "config.yaml"

def seen(**more):
    Path("seen").mkdir(exist_ok=True)
    now = {
        "main": internals.is_main_process(workflow),
        "job_elsewhere": internals.is_job_elsewhere(workflow),
        "gpu": internals.limit_of(workflow, "gpu"),
        "named": internals.names_configfiles(workflow),
        "read": internals.configfiles(workflow),
        "deploys": sorted(internals.deploys(workflow)),
        **more,
    }
    place = "main" if now["main"] else "job"
    Path(f"seen/{place}.json").write_text(json.dumps(now))

def said(wildcards):
    return config["texts"][wildcards.name]

def share(wildcards, attempt):
    return 100 * attempt

seen()

rule all:
    input:
        "out/a.txt"

rule make:
    input:
        "in.txt",
    output:
        "out/{name}.txt",
    params:
        text=said,
        fixed=3,
    resources:
        share=share,
    # In a process of its own.
    run:
        Path(output[0]).write_text(params.text)

internals.note_signatures(workflow)

# What executes jobs is known by now.
onstart:
    internals.lift_job_limit(workflow)
    Path("elsewhere").write_text(str(internals.runs_elsewhere(workflow)))
    if "stop" in config:
        raise ValueError("enough")

onsuccess:
    noted = [str(each.__signature__) for each in (said, share)]
    seen(params=internals.params_of(rules, "make", {"name": "a"}), noted=noted)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("Snakefile").write_text(SNAKEFILE)
    Path("config.yaml").write_text(json.dumps({"texts": {"a": "one"}}))
    Path("other.yaml").write_text(json.dumps({"texts": {"a": "two"}}))
    Path("in.txt").write_text("in")
    return tmp_path


def run(*arguments: str, check: bool = True) -> str:
    environment = {
        **os.environ,
        "XDG_CACHE_HOME": "cache",
        "PYTHONPATH": str(Path(xstilts.__file__).parents[1]),
    }
    ran = subprocess.run(
        [str(Path(sys.executable).with_name("snakemake")), "--cores", "1", *arguments],
        capture_output=True, text=True, env=environment, timeout=120,
    )  # fmt: skip
    assert ran.returncode == 0 or not check, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def seen(place: str) -> dict[str, Any]:
    return json.loads(Path(f"seen/{place}.json").read_text())


@pytest.mark.workflow
def test_a_run_knows_itself_its_jobs_and_their_parameters(folder):
    # With its limit it would wait for a timer of ten minutes at its end.
    run("--resources", "gpu=2", "--max-jobs-per-timespan", "100/10m")
    main, job = seen("main"), seen("job")
    assert main == {
        "main": True, "job_elsewhere": False, "gpu": 2, "deploys": [],
        "named": False, "read": ["config.yaml"], "params": {"text": "one", "fixed": 3},
        "noted": ["(wildcards)", "(wildcards, attempt)"],
    }  # fmt: skip
    assert Path("elsewhere").read_text() == "False"
    assert not job["main"]
    assert not job["job_elsewhere"]


@pytest.mark.workflow
def test_a_run_knows_what_its_command_names(folder):
    run("--configfile", "other.yaml", "--sdm", "env-modules", "--dry-run")
    main = seen("main")
    assert main["named"]
    assert [Path(path).name for path in main["read"]] == ["other.yaml"]
    assert main["gpu"] is None
    assert main["deploys"] == ["env-modules"]
    run("--executor", "slurm", "--jobs", "1", "--config", "stop=1", check=False)
    assert Path("elsewhere").read_text() == "True"
    # A job as a batch system starts it.
    run("--mode", "remote", "--target-jobs", "make:name=a", "--allowed-rules", "make")
    assert seen("job")["job_elsewhere"]


def jobs(*arguments: str) -> str:
    output = run("--dry-run", "--rerun-triggers", "params", "input", "mtime", "--", *arguments)
    return output.partition("Job stats:")[2]


@pytest.mark.workflow
def test_what_is_noted_of_a_file_decides_whether_it_is_made_again(folder):
    run()
    target = "out/a.txt"
    shutil.rmtree(".snakemake")
    # Without notes a file is taken as it is.
    assert jobs(target) == ""
    assert internals.Notes().unknown([target, "b"]) == {target, "b"}
    noted = {
        "rule": "make", "params": ["one", 3], "inputs": ["in.txt"],
        "sha256": {"in.txt": sha256_file("in.txt")},
    }  # fmt: skip
    internals.Notes().add(target, **noted)
    assert internals.Notes().unknown([target, "b"]) == {"b"}
    os.utime("in.txt")
    assert jobs(target) == ""
    for change in ({"params": ["other", 3]}, {"inputs": []}, {"sha256": {"in.txt": "0" * 64}}):
        internals.Notes().add(target, **{**noted, **change})
        assert "make" in jobs(target)


@pytest.mark.workflow
def test_a_file_that_was_being_written_is_not_one_without_notes(folder):
    run()
    notes = internals.Notes()
    notes._notes._mark_incomplete("out/b.txt", None)
    assert internals.Notes().unknown(["out/b.txt", "out/c.txt"]) == {"out/c.txt"}


@pytest.mark.workflow
def test_notes_in_a_data_base_are_as_good(folder):
    from snakemake.settings.enums import PersistenceBackend

    Path(".snakemake").mkdir()
    settings = SimpleNamespace(
        persistence_backend=PersistenceBackend.DB, persistence_backend_db_url=None
    )
    workflow = SimpleNamespace(workflow_settings=settings)
    assert internals.Notes(workflow).unknown(["a"]) == {"a"}
    internals.Notes(workflow).add("a", rule="r", params=[], inputs=[], sha256={})
    assert internals.Notes(workflow).unknown(["a", "b"]) == {"b"}


def test_the_command_line_is_taken_apart():
    parsed = internals.argument_parser().parse_args(
        ["x", "--forceall", "--force", "-R", "r", "-U", "u", "-O", "o", "--batch", "all=1/2"]
    )
    asked = ("targets", "forceall", "force", "forcerun", "until", "omit_from", "batch")
    assert all(getattr(parsed, name) for name in asked)


@pytest.mark.workflow
def test_scripts_import_what_jobs_are_copied_with(folder):
    Path("script.py").write_text("import sys, json\njson.dump(list(sys.modules), open('m', 'w'))\n")
    Path("Snakefile").write_text("rule:\n    output: 'm'\n    script: 'script.py'\n")
    run()
    assert set(internals.IMPORTED_BY_SCRIPTS) <= set(json.loads(Path("m").read_text()))


def test_a_batch_system_says_where_to_look_after_what_happened():
    from snakemake_interface_executor_plugins.executors import remote

    end = "For further error details see the"
    assert end in inspect.getsource(remote)
    assert internals.without_where_to_look(f"It failed. {end} log.") == "It failed. "


# Interfaces that Snakemake documents.
PUBLIC = {"snakemake.exceptions.WorkflowError", "snakemake.utils.min_version"}
PUBLIC_PACKAGES = ("snakemake_interface_",)


def imported(code: str) -> set[str]:
    """What of Snakemake is imported by name."""
    found = re.findall(r"^\s*(?:from (\S+) )?import ([^#\n]+)", code, re.MULTILINE)
    names = {
        f"{module}.{name.split(' as ')[0].strip(' ()')}".lstrip(".")
        for module, several in found
        for name in several.split(",")
    }
    return {name for name in names if name.startswith("snakemake")}


def test_nothing_else_uses_what_is_not_documented():
    package = Path(xstilts.__file__).parent
    modules = [each for each in package.rglob("*.py") if each.stem != "snakemake_internals"]
    rules = [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]
    assert len(modules) > 100
    assert len(rules) > 5
    for path in (*modules, *rules):
        code = path.read_text(encoding="utf-8")
        others = {each for each in imported(code) if not each.startswith(PUBLIC_PACKAGES)}
        assert others <= PUBLIC, path
    for path in rules:
        code = path.read_text(encoding="utf-8")
        assert set(re.findall(r"\bworkflow\.(\w+)", code)) <= {"source_path"}, path
    assert imported("    from snakemake.cli import get_argument_parser as p\n") == {
        "snakemake.cli.get_argument_parser"
    }


def test_a_version_that_differs_is_named_with_a_remedy():
    with pytest.raises(XstiltsError, match=r"snakemake: version .* 'is_main_process'.*pip install"):
        internals.is_main_process(SimpleNamespace())
