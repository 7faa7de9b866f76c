"""`xstilts plan`: cells, jobs and disk, said at once and without heavy imports."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter

import pytest
import yaml
from cost_records import write_past, write_record
from tiny_grid import SMALL, make_folder
from tiny_xtreme import write_tiny_xtreme
from workflow_runs import ROOT, snakemake

from xstilts.cli import main
from xstilts.config.encoders import EncoderSource
from xstilts.config.parse import parse_experiment, read_configuration
from xstilts.errors import XstiltsError
from xstilts.execution.cost.shape import bert_shape, checkpoint_bytes, shape_of_source
from xstilts.execution.plan.disk import disk_of
from xstilts.graph.cells import Grid
from xstilts.graph.job_params import JobParams
from xstilts.graph.jobs import Jobs
from xstilts.graph.paths import Paths

COMMIT = "c23d21b0620b635a76227c604d44e43a9f0ee389"
ENCODER = {
    "model_type": "bert",
    "num_hidden_layers": 2,
    "hidden_size": 8,
    "intermediate_size": 16,
    "vocab_size": 1000,
    "max_position_embeddings": 64,
    "type_vocab_size": 2,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An experiment on XTREME's files, with an encoder in a folder."""
    root = tmp_path_factory.mktemp("plan")
    write_tiny_xtreme(root / "xtreme", train=8, test=6)
    (root / "encoder").mkdir()
    (root / "encoder/config.json").write_text(json.dumps(ENCODER))
    values = {
        "experiment": "try",
        "data_source": "folder",
        "device": "cpu",
        "encoders": {"e": {"folder": str(root / "encoder")}},
        "recipes": ["none", "mnli"],
        "targets": {
            "xnli": {"languages": ["en", "de"]},
            "xquad": {"languages": ["en", "de"]},
            "mlqa": {"languages": ["en", "de"]},
            "tatoeba": {"languages": ["de"]},
        },
    }
    (root / "exp.yaml").write_text(yaml.safe_dump(values))
    return root


def plan(capsys, *arguments):
    status = main(["plan", *map(str, arguments)])
    output = capsys.readouterr()
    return status, output.out, output.err


def test_languages_that_are_chosen_are_printed(folder, capsys, tmp_path):
    values = yaml.safe_load((folder / "exp.yaml").read_text())
    values["targets"] = {"xnli": {"languages": {"diverse": 2, "script": "Latn"}}}
    sets = {"far": {"family": "Niger-Congo"}}
    values |= {"recipes": ["none", "mnli@far"], "language_sets": sets}
    values |= {"data_root": str(folder / "xtreme"), "missing_data": "leave_out"}
    (tmp_path / "exp.yaml").write_text(yaml.safe_dump(values))
    _, text, problem = plan(capsys, "--configfile", tmp_path / "exp.yaml")
    assert not problem
    assert "xnli: 2 languages, diverse 2 and script Latn: en sw" in text
    assert "language set far, family Niger-Congo: sw" in text
    _, said, _ = plan(capsys, "--configfile", tmp_path / "exp.yaml", "--json")
    assert json.loads(said)["chosen"] == {"xnli": ["en", "sw"]}


def lines(text):
    """Labels with the column beside them."""
    return {
        match[1].strip(): match[2]
        for match in (re.match(r" *(\S.*?)\s\s+(\S+)", line) for line in text.splitlines())
        if match
    }


def jobs_by_rule(grid):
    return dict(Counter(job.rule for job in Jobs(grid).jobs))


def test_a_plan_of_a_folder_experiment(folder, capsys):
    status, text, _ = plan(
        capsys, "--configfile", folder / "exp.yaml", "--jobs", 3,
        "--config", f"data_root={folder / 'xtreme'}", "seeds=[1,2]",
    )  # fmt: skip
    assert status == 0
    # 3 trained targets × 2 recipes × 2 seeds; retrieval once for none, twice for mnli.
    assert text.startswith(
        "try: 15 cells, 0 made, 15 to run\n  1 encoder x 2 recipes x 4 targets x 2 seeds\n"
    )
    assert "e: 0.0 M parameters" in text
    found = lines(text)
    assert found["train_intermediate"] == "2"
    # xquad and mlqa train once.
    assert found["train_target"] == "8"
    assert found["predict"] == "12"
    assert found["embed"] == found["retrieve"] == "3"
    assert found["fetch_encoder"] == "1"
    assert "at most, with 3 jobs at a time" in text
    assert "unknown" not in text


def test_a_plan_of_the_default_experiment(capsys):
    status, text, _ = plan(capsys, "--configfile", ROOT / "config.yaml", "--jobs", 2)
    assert status == 0
    assert text.startswith("demo: ")
    assert "cells of untrained encoders" in text
    assert "pretrain" in lines(text)
    assert re.search(r"kept at the end +0\.\d\d GB", text)


def test_encoders_of_the_catalogue_are_priced_though_none_was_downloaded(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    path = ROOT / "workflow/experiments/encoders-2026.yaml"
    status, text, error = plan(capsys, "--configfile", path)
    assert (status, error) == (0, "")
    for name, size in {
        "xlmr-base": "277.5",
        "mdeberta-v3-base": "278.2",
        "mmbert-small": "140.5",
        "mmbert-base": "306.9",
        "eurobert-210m": "211.8",
    }.items():
        assert f"{name}: {size} M parameters" in text
    assert "5 encoders x 3 recipes x 9 targets x 2 seeds" in text
    assert "GPU hours" in text
    assert "unknown" not in text
    assert "left out" not in text


@pytest.mark.workflow
def test_the_target_plan_prints_the_plan_and_makes_nothing(tmp_path, capsys, monkeypatch):
    # Of a processor with bfloat16 this process is told nothing, and that of Snakemake all.
    folder = make_folder(tmp_path, **SMALL, precision="float32")
    output = snakemake(folder, "plan", "--quiet", "all")
    monkeypatch.chdir(folder)
    assert main(["plan", "--configfile", "exp.yaml"]) == 0
    shown = capsys.readouterr().out
    assert "tiny: 4 cells, 0 made, 4 to run" in shown
    assert shown in output
    assert not (folder / "results/tiny/data").exists()


@pytest.mark.parametrize("results", ["absent", "of this experiment", "of another"])
def test_nothing_heavy_is_imported(folder, tmp_path, monkeypatch, results):
    monkeypatch.chdir(tmp_path)
    if results != "absent":
        experiment = "try" if results == "of this experiment" else "other"
        write_past(experiment, {"xnli": 1_000})
        at = {"encoder": "e", "task": "xnli", "part": "train"}
        features = tmp_path / Paths(experiment).features.format(**at)
        features.parent.mkdir(parents=True)
        features.touch()
        counted = {"features": 2, "tokens": 20}
        write_record("tokenise", at, 1.0, experiment=experiment, amounts=counted)
    options = [
        "--configfile",
        str(folder / "exp.yaml"),
        "--config",
        f"data_root={folder / 'xtreme'}",
    ]
    program = (
        "import sys\nfrom xstilts.cli import main\n"
        f"main(['plan', *{options}])\n"
        # It has mixtures.
        f"main(['plan', '--configfile', {str(ROOT / 'config.yaml')!r}])\n"
        "heavy = {'torch', 'transformers', 'datasets', 'pyarrow', 'polars', 'faiss', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    assert ("no job of an encoder has finished here" in result.stdout) == (results == "absent")
    assert result.stdout.splitlines()[-1] == "[]", result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config", "seeds"], "key=value"),
        (["--config", "seeds=[1"], "--config seeds"),
        (["--config", "reciples=[none]"], "did you mean 'recipes'"),
        (["--configfile", "absent.yaml"], "absent.yaml"),
    ],
)
def test_mistakes_are_said_in_one_line(folder, capsys, arguments, message):
    first = [] if "--configfile" in arguments else ["--configfile", folder / "exp.yaml"]
    status, _, error = plan(capsys, *first, *arguments)
    assert status == 1
    assert message in error
    assert "Traceback" not in error


def test_configuration_is_merged_as_snakemake_does(tmp_path):
    (tmp_path / "a.yaml").write_text("a: 1\nb: {c: 2, d: 3}\n")
    (tmp_path / "b.yaml").write_text("b: {c: 4}\n")
    files = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    assert read_configuration(files, ["a=[x, 2]", "b={e: null}", "f="]) == {
        "a": ["x", 2],
        "b": {"c": 4, "d": 3, "e": None},
        "f": None,
    }
    (tmp_path / "c.yaml").write_text("- a list\n")
    with pytest.raises(XstiltsError, match="mapping"):
        read_configuration([tmp_path / "c.yaml"], [])


LARGE = bert_shape(
    layers=24, hidden=1024, intermediate=4096, vocabulary=250_002, positions=514, types=1
)


def disk(grid, jobs):
    return disk_of(grid, Jobs(grid).jobs, {"e": LARGE}, jobs)


def hub_grid(**changes):
    return Grid(
        parse_experiment(
            {
                "experiment": "try",
                "data_source": "hub",
                "encoders": {"e": {"hub": "FacebookAI/xlm-roberta-large", "revision": COMMIT}},
                "recipes": ["none", "mnli", "squad_v1"],
                "targets": ["xnli", "xquad", "mlqa"],
                "seeds": [1, 2, 3],
                "baselines": [],
                **changes,
            }
        )
    )


def test_disk_of_the_studys_size():
    """A checkpoint of XLM-R Large is 2.25 GB; two recipes are trained with three seeds each."""
    weights = checkpoint_bytes(LARGE)
    assert weights == pytest.approx(2.25e9, rel=0.01)
    found = disk(hub_grid(), jobs=1)
    assert found.kept["encoders"] == weights
    assert found.kept["intermediate checkpoints"] == 2 * 3 * weights
    # State (weights and two moments) and best weights, each beside its successor.
    assert found.temporary["states of 1 training jobs"] == (2 * 3 + 2) * weights
    assert found.at_most - found.at_the_end == pytest.approx(9 * weights)
    more = disk(hub_grid(), jobs=4)
    assert more.at_most - more.at_the_end == pytest.approx(4 * 9 * weights)
    # Two train sets, because xquad and mlqa share one.
    kept = disk(hub_grid(keep_target_checkpoints=True), jobs=1)
    assert kept.kept["target checkpoints"] == 3 * 3 * 2 * weights
    assert not any("target checkpoints" in name for name in kept.temporary)


def test_data_are_counted_up_to_their_limits():
    whole, slight = (
        disk(hub_grid(**changes), jobs=1).kept
        for changes in ({}, {"limits": {"default": {"train": 100, "dev": 10, "test": 10}}})
    )
    assert 50e6 < whole["data"] < 1e9
    for name in ("data", "features", "predictions"):
        assert slight[name] < whole[name] / 50


def test_encoders_are_measured_without_loading_them(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    large = EncoderSource(hub="FacebookAI/xlm-roberta-large", revision=COMMIT)
    assert shape_of_source(large) == LARGE
    other = EncoderSource(hub="someone/encoder", revision=COMMIT)
    assert shape_of_source(other) is None
    cached = tmp_path / f"hub/models--someone--encoder/snapshots/{COMMIT}"
    cached.mkdir(parents=True)
    (cached / "config.json").write_text(json.dumps(ENCODER))
    assert shape_of_source(other).hidden == 8
    (cached / "config.json").write_text("{}")
    assert shape_of_source(other) is None
    made = EncoderSource(pretrain={"architecture": {"hidden_size": 64, "num_hidden_layers": 3}})
    assert (shape_of_source(made).hidden, shape_of_source(made).layers) == (64, 3)


def test_an_encoder_of_unknown_size_is_said_to_be_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    values = JobParams(hub_grid()).everything() | {
        "encoders": {"e": {"hub": "someone/encoder", "revision": COMMIT}}
    }
    (tmp_path / "exp.yaml").write_text(yaml.safe_dump(values))
    status, text, error = plan(capsys, "--configfile", tmp_path / "exp.yaml")
    assert status == 0, error
    assert "e: size unknown" in text
    assert "unknown: the size of e" in text


def test_the_size_of_a_pretrained_encoder_is_that_of_the_one_that_is_made(tmp_path):
    from xstilts.config.encoders import Architecture, TokenizerSettings
    from xstilts.training.new_encoder import new_encoder

    sizes = {
        "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 40, "max_length": 20,
    }  # fmt: skip
    new_encoder(
        ["one two three four five six seven eight nine ten " * 20] * 3,
        seed=1, architecture=Architecture(**sizes),
        tokenizer=TokenizerSettings(algorithm="bpe", vocab_size=45), provenance={},
        output=tmp_path / "e",
    )  # fmt: skip
    made = EncoderSource(folder=str(tmp_path / "e"))
    pieces = json.loads((tmp_path / "e/config.json").read_text())["vocab_size"]
    reckoned = EncoderSource(pretrain={"architecture": sizes, "tokenizer": {"vocab_size": pieces}})
    assert shape_of_source(made) == shape_of_source(reckoned)
    weights = (tmp_path / "e/model.safetensors").stat().st_size
    assert 4 * shape_of_source(made).parameters == pytest.approx(weights, rel=0.15)


def test_perturbed_inputs_are_planned(folder):
    values = yaml.safe_load((folder / "exp.yaml").read_text())
    values |= {"data_root": str(folder / "xtreme"), "perturbations": {"typos": [0.1, 0.2]}}
    noisy = Grid(parse_experiment(values))
    plain = Grid(parse_experiment({**values, "perturbations": {}}))
    more, fewer = jobs_by_rule(noisy), jobs_by_rule(plain)
    changed = {rule: number - fewer.get(rule, 0) for rule, number in more.items()}
    assert {rule: number for rule, number in changed.items() if number} == {
        "perturb": 4,
        "tokenise": 4,
    }
    kept = [disk(each, jobs=1).kept for each in (noisy, plain)]
    for name in ("data", "features", "predictions"):
        assert kept[0][name] > kept[1][name]
