"""The archive of an experiment: whole, checkable, and without what must not be given away."""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml
from tiny_grid import SMALL, make_folder

from xstilts.cli import main
from xstilts.config.parse import parse_experiment, read_configuration


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """An experiment of which some results lie there, made by hand."""
    folder = make_folder(tmp_path / "run", **SMALL)
    monkeypatch.chdir(folder)
    for name in (
        *("scores.parquet", "index.html", "predictions/tiny/none/xnli/seed1.parquet"),
        *("logs/predict/tiny/none/xnli/1.log", "benchmarks/predict/tiny/none/xnli/1.jsonl"),
        *("data/xnli/eval.parquet", "encoders/tiny/model.safetensors", "resume/target/state"),
        "intermediate/tiny/mnli/seed1/model.safetensors",
        "predictions/tiny/none/xnli/.seed1.parquet.abcdefgh.tmp/seed1.parquet",
    ):
        path = folder / "results/tiny" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def unpacked(archive: Path, into: Path) -> Path:
    with tarfile.open(archive) as held:
        held.extractall(into, filter="data")
    return into / "tiny"


def names(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def bundle(*options: str) -> int:
    return main(["bundle", "--configfile", "exp.yaml", "--output", "run.tar.gz", *options])


def test_it_holds_code_results_and_experiment_but_no_data(folder, tmp_path, capsys):
    assert bundle("--config", "seeds=[1,2]") == 0
    whole = unpacked(folder / "run.tar.gz", tmp_path / "out")
    found = names(whole)
    assert {"README.txt", "experiment.yaml", "inputs.sha256", "SHA256SUMS"} <= found
    assert {"code/Snakefile", "code/requirements.lock", "code/src/xstilts/graph/cells.py"} <= found
    assert {name for name in found if name.startswith("results/")} == {
        f"results/tiny/{name}"
        for name in (
            *("scores.parquet", "index.html", "predictions/tiny/none/xnli/seed1.parquet"),
            *("logs/predict/tiny/none/xnli/1.log", "benchmarks/predict/tiny/none/xnli/1.jsonl"),
        )
    }
    assert not any("__pycache__" in name for name in found)
    # The experiment is the one that was asked for, command line included.
    values = yaml.safe_load((whole / "experiment.yaml").read_text())
    assert parse_experiment(values) == parse_experiment(
        read_configuration([folder / "exp.yaml"], ["seeds=[1,2]"])
    )
    assert "not packed" in capsys.readouterr().out


def test_every_file_can_be_checked(folder, tmp_path):
    bundle()
    whole = unpacked(folder / "run.tar.gz", tmp_path / "out")
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=whole, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    listed = {line[66:] for line in (whole / "SHA256SUMS").read_text().splitlines()}
    assert listed == names(whole) - {"SHA256SUMS"}


def test_what_was_read_is_named_by_its_digest(folder, tmp_path):
    bundle()
    whole = unpacked(folder / "run.tar.gz", tmp_path / "out")
    lines = (whole / "inputs.sha256").read_text().splitlines()
    held = {line[66:]: line[:64] for line in lines}
    assert {"xtreme/xnli/test-de.tsv", "encoder/config.json"} <= held.keys()
    for path, digest in held.items():
        assert hashlib.sha256((folder / path).read_bytes()).hexdigest() == digest


def test_checkpoints_are_packed_where_they_are_asked_for(folder, tmp_path):
    bundle("--with", "intermediate")
    found = names(unpacked(folder / "run.tar.gz", tmp_path / "out"))
    assert "results/tiny/intermediate/tiny/mnli/seed1/model.safetensors" in found
    assert "results/tiny/data/xnli/eval.parquet" not in found


def test_nothing_is_overwritten_and_nothing_unfinished_is_packed(folder, capsys):
    bundle()
    before = (folder / "run.tar.gz").read_bytes()
    assert bundle() == 1
    assert "run.tar.gz: it is already there" in capsys.readouterr().err
    assert (folder / "run.tar.gz").read_bytes() == before
    (folder / "run.tar.gz").unlink()
    (folder / "results/tiny/scores.parquet").unlink()
    assert bundle() == 1
    assert "there are no scores to pack" in capsys.readouterr().err
    assert not (folder / "run.tar.gz").exists()
