"""Failed cells: the rest goes on, and what failed is told with a command that mends it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent
from tiny_grid import LANGUAGES, make_folder
from workflow_runs import planned, snakemake

from xstilts.execution.cost.meter import Meter
from xstilts.execution.failures import (
    Book,
    Failure,
    RunEvents,
    failed_jobs,
)
from xstilts.execution.run_command import command_for, command_with, without_entry
from xstilts.graph.jobs import Job
from xstilts.graph.paths import Paths, log_place

TARGETS = {
    "xnli": {"languages": LANGUAGES},
    "pawsx": {"languages": ["en", "de"]},
    "tatoeba": {"languages": ["de"]},
}
# Python reads it before the script of a job. Jobs are named by a file that they make, and killed
# before anything else, or as soon as their record says that they have begun.
KILLER = """
import os, signal, sys, threading, time
from pathlib import Path

def size(path):
    return path.stat().st_size if path.exists() else 0

def kill_later(record):
    before = size(record)
    while size(record) == before:
        time.sleep(0.002)
    os.kill(os.getpid(), signal.SIGKILL)

script = next((word for word in sys.orig_argv[1:] if ".snakemake/scripts" in word), None)
for entry in os.environ.get("TO_KILL", "").split() if script else ():
    when, made, record, done = entry.split(":")
    if made.encode() in Path(script).read_bytes() and not Path(done).exists():
        if when == "once":
            Path(done).touch()
        if when == "first":
            os.kill(os.getpid(), signal.SIGKILL)
        threading.Thread(target=kill_later, args=[Path(record)], daemon=True).start()
"""


@pytest.fixture(scope="module")
def grid(tmp_path_factory) -> SimpleNamespace:
    """A run in which a file is bad, two jobs are killed for good, and a third one once."""
    folder = make_folder(tmp_path_factory.mktemp("grid"), targets=TARGETS)
    data = folder / "xtreme/pawsx/train-en.tsv"
    sound = data.read_text()
    lines = sound.split("\n")
    lines[3] = lines[3].rsplit("\t", 1)[0] + "\tperhaps"
    data.write_text("\n".join(lines))
    site = folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(KILLER)
    results = "results/tiny"
    killed = [
        f"first:{results}/scores/tiny/mnli/tatoeba/seed1.parquet:-:-",
        f"late:{results}/curves/tiny/none/target/xnli/seed1.parquet"
        f":{results}/benchmarks/train_target/tiny/none/xnli/1.jsonl:-",
        f"once:{results}/curves/tiny/mnli/target/xnli/seed1.parquet"
        f":{results}/benchmarks/train_target/tiny/mnli/xnli/1.jsonl:killed-once",
    ]
    with pytest.MonkeyPatch.context() as patch:
        path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
        patch.setenv("PYTHONPATH", path)
        patch.setenv("TO_KILL", " ".join(killed))
        # As quiet as it gets: nothing is read from what Snakemake prints.
        output = snakemake(folder, "--quiet", "all", check=False)
    return SimpleNamespace(
        folder=folder, results=folder / results, output=output, data=data, sound=sound
    )


def paste(command: str, *more: str) -> str:
    """Run a command as a shell would."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        ["bash", "-c", " ".join([command, *more])],
        capture_output=True, text=True, env={**os.environ, "PATH": path}, timeout=600,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-4000:]
    return result.stdout + result.stderr


def commands(folder: Path) -> dict[str, str]:
    """The first file of each failed job to the command that runs it again."""
    rows = json.loads((folder / "failures.json").read_text())
    return {row["outputs"][0]: row["again"] for row in rows}


@pytest.mark.workflow
def test_a_failed_cell_leaves_the_rest_running(grid):
    made = {str(path.relative_to(grid.results)) for path in grid.results.rglob("seed1.parquet")}
    assert {path for path in made if path.startswith("scores/")} == {
        "scores/tiny/none/tatoeba/seed1.parquet",
        # Killed once, and tried again.
        "scores/tiny/mnli/xnli/seed1.parquet",
    }
    assert (grid.folder / "killed-once").exists()


@pytest.mark.workflow
def test_what_failed_is_told_with_its_cause_and_what_it_loses(grid):
    shown = grid.output[grid.output.index("3 jobs failed for good") :]
    assert "without them 4 of 6 cells cannot be scored" in shown
    assert f"{grid.data.relative_to(grid.folder)}, row 4: unknown label 'perhaps'" in shown
    assert "read pawsx train (tried once)" in shown
    assert "loses: 2 cells: tiny after none on PAWS-X, seed 1; tiny after mnli on PAWS-X" in shown
    assert "target training: tiny after none on xnli, seed 1 (tried 3 times)" in shown
    assert "killed without a word after" in shown
    assert "GB of memory: out of memory, or a time limit?" in shown
    assert "score tatoeba: tiny after mnli, seed 1 (tried once)" in shown
    assert "it left no word: it ended before" in shown
    assert "log:   results/tiny/logs/train_target/tiny/none/xnli/1.log" in shown
    assert "after mnli on xnli" not in shown
    assert (grid.results / "failures.txt").read_text().strip() in shown


@pytest.mark.workflow
def test_the_commands_run_what_failed_and_nothing_else(grid):
    again = commands(grid.results)
    checkpoint = "results/tiny/target/tiny/none/xnli/seed1"
    assert set(again) == {
        checkpoint,
        "results/tiny/scores/tiny/mnli/tatoeba/seed1.parquet",
        "results/tiny/data/pawsx/train.parquet",
    }
    assert planned(paste(again[checkpoint], "--dry-run")) == {"train_target": 1}
    paste(again[checkpoint])
    # What is temporary is there for whom it was asked for, and the job is no longer listed.
    assert (grid.folder / checkpoint / "model.safetensors").is_file()
    assert checkpoint not in commands(grid.results)
    assert "2 jobs failed for good" in (grid.results / "failures.txt").read_text()
    # The rest, with nothing trained twice.
    grid.data.write_text(grid.sound)
    every = next(
        line.strip()
        for line in (grid.results / "failures.txt").read_text().splitlines()
        if line.strip().startswith("snakemake") and "results/" not in line.split("--")[0]
    )
    jobs = planned(paste(every, "--dry-run"))
    assert jobs["train_target"] == 2
    assert jobs["predict"] == 3
    assert jobs["score"] == 4
    assert "train_intermediate" not in jobs
    paste(every)
    assert (grid.results / "index.html").is_file()
    assert not list(grid.results.glob("failures.*"))


@pytest.mark.workflow
def test_a_job_that_fails_at_its_work_is_told_with_its_error(tmp_path):
    folder = make_folder(
        tmp_path,
        targets={"xnli": {"languages": ["en", "de"]}},
        recipes=["none"],
        training={"default": {"epochs": 1, "learning_rate": 1e30, "batch_size": 8}},
    )
    output = snakemake(folder, check=False)
    shown = output[output.index("1 job failed for good") :]
    assert "1 of 1 cells cannot be scored" in shown
    assert "the loss is nan at step" in shown.split("target training:")[0]
    assert "(tried 3 times)" in shown


def failure(number: int, **changes) -> Failure:
    return Failure(
        **{
            "words": f"target training: xlmr after mnli on xnli, seed {number}",
            "rule": "train_target",
            "wildcards": {"encoder": "xlmr", "recipe": "mnli", "seed": str(number)},
            "cause": f"results/x/target/xlmr/mnli/xnli/seed{number}: No space left ({number}.5 GB)",
            "log": f"results/x/logs/train_target/xlmr/mnli/xnli/{number}.log",
            "attempts": 3,
            "outputs": (f"results/x/target/xlmr/mnli/xnli/seed{number}",),
            "lost": (f"xlmr after mnli on XNLI, seed {number}",),
            "again": f"snakemake results/x/target/xlmr/mnli/xnli/seed{number}",
            **changes,
        }
    )


@pytest.fixture
def book(tmp_path, monkeypatch) -> Book:
    monkeypatch.chdir(tmp_path)
    return Book(paths=Paths("x"), arguments=["--configfile", "a b.yaml"], total=90)


def test_many_failures_of_one_cause_are_short_on_the_console_and_whole_in_the_file(book):
    other = failure(99, rule="predict", cause="out of memory", lost=())
    message = book.update(set(), [*map(failure, range(40)), other])
    assert message.count("again:") == 4
    assert "1. 40 jobs: results/x/target/xlmr/mnli/xnli/seed0: No space left" in message
    assert "and 37 more of train_target" in message
    assert "2. out of memory" in message
    assert "without them 40 of 90 cells cannot be scored" in message
    assert len(message.splitlines()) < 30
    whole = Path(book.paths.failures).read_text()
    assert whole.count("again:") == 41
    assert "snakemake --configfile 'a b.yaml'\n" in whole
    assert "snakemake --configfile 'a b.yaml' --config only_finished=true\n" in whole


def test_failures_are_kept_until_a_run_has_mended_them(book):
    first, second, third = map(failure, range(3))
    book.update(set(), [first, second, third])
    # One made in a run of its own, one made in a run of more and thrown away since.
    Path(second.outputs[0]).mkdir(parents=True)
    assert book.update({*third.outputs}, []) is None
    text = Path(book.paths.failures).read_text()
    assert first.words in text
    assert second.words not in text
    assert third.words not in text
    assert book.update({*first.outputs}, []) is None
    assert not Path(book.paths.failures).exists()


def run_of(*records: dict) -> RunEvents:
    """Of a run that began before this process, whose age the records tell."""
    events = RunEvents()
    events.began -= 3600
    for record in records:
        events.emit(SimpleNamespace(**record))
    return events


def begins(log: str, **changes) -> dict:
    """As Snakemake's event of a job that begins."""
    return {
        "event": LogEvent.JOB_INFO, "jobid": 4, "rule_name": "train_target", "rule_msg": None,
        "wildcards": {"seed": "1"}, "input": ["results/x/data"], "output": ["results/x/model"],
        "log": [log], **changes,
    }  # fmt: skip


def fails(message: str | None = None, jobid: int = 4) -> dict:
    return {"event": LogEvent.JOB_ERROR, "jobid": jobid, "rule_msg": message}


def failures_of(events: RunEvents, arguments: tuple[str, ...] = ()) -> list[Failure]:
    """Without cells that a job could lose."""
    return failed_jobs(events, list, {}, arguments)


def cause_of(log: str, message: str | None = None, began: float = 0) -> str:
    events = run_of(begins(log), fails(), begins(log), fails(message))
    events.began += began
    (found,) = failures_of(events)
    assert found.attempts == 2
    return found.cause


@pytest.fixture
def log(tmp_path, monkeypatch) -> str:
    monkeypatch.chdir(tmp_path)
    path = "results/x/logs/train_target/a/1.log"
    Path(path).parent.mkdir(parents=True)
    return path


def test_a_job_says_in_its_record_why_it_failed(log):
    Path(log).write_text("ValueError: of an attempt before\n")
    Meter(Path(log_place(log).record), {"rule": "r"}).stop(
        finished=False, error="a.tsv:\n  bad https://me:secret@host/"
    )
    assert cause_of(log) == "a.tsv: bad https://***@host/"


def test_what_a_cluster_says_goes_with_a_job_that_was_killed(log):
    meter = Meter(Path(log_place(log).record), {"rule": "r"})
    cause = cause_of(
        log,
        "SLURM-job '7' failed, SLURM status is: 'OUT_OF_MEMORY'. For further error details see the"
        " cluster/cloud log and the log files of the involved rule(s).",
    )
    meter.stop(finished=False)
    assert cause.startswith("killed without a word after")
    assert cause.endswith("SLURM status is: 'OUT_OF_MEMORY'.")


def test_a_crash_in_native_code_is_told_from_the_log(log):
    Meter(Path(log_place(log).record), {"rule": "r"}).stop(finished=False)
    Path(log).write_text("step 3\nFatal Python error: Segmentation fault\n\nCurrent thread\n")
    assert cause_of(log) == "Fatal Python error: Segmentation fault"


def test_an_earlier_run_is_not_blamed(log):
    Meter(Path(log_place(log).record), {"rule": "r"}).stop(finished=False, error="old")
    Path(log).write_text("ValueError: old\n")
    assert cause_of(log, began=7200).startswith("it left no word")


def test_a_job_loses_the_cells_that_are_made_of_its_files_in_their_order(log):
    def job(reads: str, makes: str) -> Job:
        return Job("r", {}, tuple(reads.split()), tuple(makes.split()))

    jobs = [
        job("data", "results/x/model curve"), job("data", "other"), job("curve", "predicted"),
        job("predicted", "s2"), job("other", "s3"), job("results/x/model", "s1"),
    ]  # fmt: skip
    cells = {"s1": "first", "s2": "second", "s3": "third"}
    (found,) = failed_jobs(run_of(begins(log, output=["curve"]), fails()), lambda: jobs, cells, [])
    assert found.lost == ("second",)
    both = begins(log, output=["results/x/model", "curve"])
    (found,) = failed_jobs(run_of(both, fails()), lambda: jobs, cells, [])
    assert found.lost == ("first", "second")


class Looked(tuple):
    """Files that a job reads, and how often somebody went through those of all jobs."""

    times = 0

    def __iter__(self):
        Looked.times += 1
        return super().__iter__()


def test_what_jobs_lose_is_found_without_a_look_at_all_jobs_for_each(log):
    def looks(failed: int) -> int:
        numbers = range(failed)
        jobs = [Job("r", {}, Looked([f"model{n}"]), (f"score{n}",)) for n in numbers]
        events = run_of(
            *(begins(log, jobid=n, output=[f"model{n}"]) for n in numbers),
            *(fails(jobid=n) for n in numbers),
        )
        Looked.times = 0
        found = failed_jobs(events, lambda: jobs, {f"score{n}": f"cell {n}" for n in numbers}, [])
        assert {failure.lost for failure in found} == {(f"cell {n}",) for n in numbers}
        return Looked.times

    assert looks(40) == 4 * looks(10) > 0


def test_what_ended_well_in_the_end_or_has_begun_again_did_not_fail(log):
    assert failures_of(run_of(begins(log), fails(), begins(log))) == []


def test_a_job_whose_files_are_not_seen_failed_though_it_ended_well(log):
    Meter(Path(log_place(log).record), {"rule": "r"}).stop(finished=True)
    (found,) = failures_of(run_of(begins(log)))
    assert "it ended well, but what it should have made was not seen" in found.cause
    # What is temporary is gone as well when it has been used.
    using = begins("b.log", jobid=5, input=["results/x/model"], output=["b"])
    assert failures_of(run_of(begins(log), using)) == []
    # A job that was cut short with the whole run says that it has not ended.
    Meter(Path(log_place(log).record), {"rule": "r"}).stop(finished=False)
    assert failures_of(run_of(begins(log))) == []


def test_members_of_a_group_that_made_their_files_did_not_fail(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("done").touch()
    members = [
        begins("a.log", jobid=1, output=["done"]), begins("b.log", jobid=2, output=["undone"])
    ]  # fmt: skip
    group = {"event": LogEvent.GROUP_ERROR, "job_error_info": [{"jobid": 1}, {"jobid": 2}]}
    events = run_of(*members, group, fails(jobid=1), fails(jobid=2))
    (found,) = failures_of(events)
    assert found.outputs == ("undone",)
    # Alone it is said of it whatever is there: its files may be of an earlier run.
    (found,) = failures_of(run_of(members[0], fails(jobid=1)))
    assert found.outputs == ("done",)


def test_a_file_in_a_storage_has_the_name_that_it_has_in_the_experiment(log):
    stored = begins(
        "s3://bucket/folder/results/x/logs/train_target/a/1.log (send to storage)",
        output=["s3://bucket/folder/results/x/model (send to storage)"],
    )
    (found,) = failures_of(run_of(stored, fails()), ("--cores", "2"))
    assert found.outputs == ("results/x/model",)
    assert found.log == log
    assert found.again == "snakemake results/x/model --cores 2"
    # What is not seen here may well be there.
    Meter(Path(log_place(log).record), {"rule": "r"}).stop(finished=True)
    assert failures_of(run_of(stored)) == []


def test_an_event_that_lacks_what_is_expected_ends_nothing(log, capsys):
    unlike = run_of({"event": LogEvent.JOB_INFO, "jobid": 9}, begins(log), fails(jobid=77))
    assert failures_of(unlike) == []


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ("", ""),
        ("claims x/y.json --cores 2", "--cores 2"),
        ("--cores 2 all", "--cores 2"),
        ("--cores=2 all -- b c", "--cores=2"),
        ("all --configfile a.yaml b.yaml --config 'x={y: 1}' z=1", None),
        ("--until predict --forceall -j4 -R train_target", "-j4"),
        ("--quiet all -c 2 --profile p", "--quiet all -c 2 --profile p"),
        ("--directory 'a b' --resources gpu=1 mem_mb=5 -- all", None),
        ("--workflow-profile profiles/slurm scores", "--workflow-profile profiles/slurm"),
    ],
)
def test_a_command_keeps_how_a_run_is_made_and_asks_for_something_else(arguments, options):
    expected = {
        "all --configfile a.yaml b.yaml --config 'x={y: 1}' z=1": [
            "--configfile", "a.yaml", "b.yaml", "--config", "x={y: 1}", "z=1",
        ],
        "--directory 'a b' --resources gpu=1 mem_mb=5 -- all": [
            "--directory", "a b", "--resources", "gpu=1", "mem_mb=5",
        ],
    }.get(arguments, (options or "").split())  # fmt: skip
    command = command_for(["a file"], shlex.split(arguments))
    assert shlex.split(command) == ["snakemake", "a file", *expected]


def test_an_entry_of_the_configuration_is_added_and_taken_away():
    given = ["all", "--config", "seeds=[1, 2]", "-j4"]
    asked = shlex.split(command_with("only_finished=true", given))
    assert asked == ["snakemake", "--config", "seeds=[1, 2]", "only_finished=true", "-j4"]
    assert without_entry("only_finished", asked[1:]) == given[1:]
    alone = shlex.split(command_with("only_finished=true", ["-j4"]))
    assert alone == ["snakemake", "-j4", "--config", "only_finished=true"]
    assert without_entry("only_finished", alone[1:]) == ["-j4"]
