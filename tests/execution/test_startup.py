"""What a job imports before its work: libraries of seconds, in a grid of many short jobs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PLANNING = (
    "xstilts.cli",
    "xstilts.config.experiment",
    "xstilts.graph.cells",
    "xstilts.execution.jobs",
    "xstilts.execution.provenance",
    # What the rules of the workflow need, in each of its processes.
    "xstilts.execution.failures",
    "xstilts.execution.plan.requests",
    "xstilts.execution.reasons",
    "xstilts.execution.terminal",
)
# Rules read no table and draw nothing.
UNPLANNED = ("torch", "transformers", "numpy", "pyarrow", "regex", "rich")
TABLES = (
    "xstilts.data.build",
    "xstilts.prediction.retrieval",
    "xstilts.data.schemas",
    "xstilts.scoring.scores",
)
# All of scikit-learn comes with seqeval, which only tagging is scored with.
RARE = ("datasets", "sklearn", "seqeval")
# What brings in torch's compiler, sympy and more; a tokenizer needs none of it.
MODELS = ("transformers.modeling_utils", "torch._dynamo")

LOADED = """
import importlib, sys
for name in {modules}:
    importlib.import_module(name)
print(*(name for name in {unwanted} if name in sys.modules))
"""


def run(program: str, **options) -> str:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True, **options).stdout


@pytest.mark.parametrize(
    ("modules", "unwanted"),
    [
        (PLANNING, (*UNPLANNED, *RARE)),
        (TABLES, ("torch", "transformers", *RARE)),
        (("xstilts.features.build",), (*MODELS, *RARE)),
        (("xstilts.training.loop", "xstilts.prediction.predict", "xstilts.prediction.embed"), RARE),
    ],
    ids=["planning", "tables", "tokenise", "models"],
)
def test_no_import_that_takes_long_and_is_not_needed(modules, unwanted):
    assert run(LOADED.format(modules=modules, unwanted=unwanted)).split() == []


def test_exit_handlers_run_and_files_are_whole_after_a_job(tmp_path):
    program = """
import atexit
from types import SimpleNamespace
from xstilts.execution.jobs import job

with job(SimpleNamespace(threads=1, log=["job.log"], rule="score")):
    kept = open("kept.txt", "w")
    kept.write("every byte")
    atexit.register(print, "said at exit")
"""
    run(program, cwd=tmp_path)
    assert (tmp_path / "kept.txt").read_text() == "every byte"
    assert (tmp_path / "job.log").read_text() == "said at exit\n"


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_pipe_that_its_reader_closed_ends_the_command_quietly(unbuffered) -> None:
    """As of any command in `xstilts plan | head`."""
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [sys.executable, "-m", "xstilts.cli", "plan"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        check=False,
    )
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (128 + signal.SIGPIPE, "")
