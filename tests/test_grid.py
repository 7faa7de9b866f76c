"""The grid: which cells there are, what they depend on, and what is missing."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from tiny_xtreme import write_tiny_xtreme

from xstilts.config import parse_experiment
from xstilts.errors import XstiltsError
from xstilts.grid import Grid

TARGETS = {
    "xnli": {"languages": ["en", "de"]},
    "udpos": {"languages": ["en", "de"]},
    "xquad": {"languages": ["en", "de"]},
    "mlqa": {"languages": ["en", "de"]},
    "bucc2018": {"languages": ["zh"]},
    "tatoeba": {"languages": ["de"]},
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("xtreme")
    write_tiny_xtreme(folder, train=8, test=6)
    return folder


def grid(root, **changes):
    return Grid(
        parse_experiment(
            {
                "experiment": "try",
                "data_source": "folder",
                "data_root": str(root),
                "encoders": {"a": {"folder": "models/a"}, "b": {"folder": "models/b"}},
                "recipes": ["none", "mnli", "squad_v1"],
                "targets": TARGETS,
                "seeds": [1, 2],
                **changes,
            }
        )
    )


def test_cells_of_the_whole_grid(root):
    cells = grid(root).cells
    # 4 trained targets × 3 recipes × 2 seeds; retrieval: 1 cell for none, 2 for the others.
    assert len(cells) == len(set(cells)) == 2 * (4 * 3 * 2 + 2 * (1 + 2 * 2))
    assert sum(c.recipe == "none" and c.target == "tatoeba" for c in cells) == 2


def test_xquad_and_mlqa_share_one_training(root):
    expanded = grid(root)
    assert expanded.train_sets == ("xnli", "udpos", "squad_v1")
    cell = {"encoder": "a", "recipe": "mnli", "seed": "2"}
    assert expanded.trained({**cell, "target": "xquad"}) == expanded.trained(
        {**cell, "target": "mlqa"}
    )


def test_every_seed_of_the_baseline_has_its_retrieval(root):
    expanded = grid(root)
    seeds = {cell.target: cell.seed for cell in expanded.cells_of("a", "none", "2")}
    assert seeds == {
        "xnli": 2, "udpos": 2, "xquad": 2, "mlqa": 2, "bucc2018": 1, "tatoeba": 1
    }  # fmt: skip


def test_slices_hold_what_a_job_depends_on_and_nothing_else(root):
    base, more = grid(root), grid(root, seeds=[1, 2, 3], targets={**TARGETS, "panx": None},
                                  missing_data="leave_out")  # fmt: skip
    job = {"encoder": "a", "recipe": "none", "train_set": "xnli", "seed": "1"}
    for expanded in (base, more):
        expanded.training_slice(job, "xnli", intermediate=False)
    assert base.training_slice(job, "xnli", intermediate=False) == more.training_slice(
        job, "xnli", intermediate=False
    )
    assert base.data_slice("xnli", "train") == more.data_slice("xnli", "train")
    faster = grid(root, training={"tasks": {"xnli": {"learning_rate": 0.1}}})
    assert base.training_slice(job, "xnli", intermediate=False) != faster.training_slice(
        job, "xnli", intermediate=False
    )
    assert base.training_slice(job, "udpos", intermediate=False) == faster.training_slice(
        job, "udpos", intermediate=False
    )


def test_bucc_always_reads_the_development_pairs(root):
    splits = [unit.split for unit in grid(root, splits=["test"]).units("bucc2018", "eval")]
    assert splits == ["dev", "test"]


def test_missing_data_are_all_named(root):
    targets = {"panx": {"languages": ["en", "th", "sw"]}, "tydiqa": {"languages": ["en", "fi"]}}
    with pytest.raises(XstiltsError) as error:
        grid(root, targets=targets)
    message = str(error.value)
    assert "panx test th:" in message
    assert "tydiqa test fi" in message
    assert "sw" not in message.split("panx test")[1].split(":")[0]
    assert "leave_out" in message


def test_missing_data_can_be_left_out_but_not_all_of_it(root):
    targets = {"panx": {"languages": ["en", "th", "sw"]}}
    expanded = grid(root, targets=targets, missing_data="leave_out")
    assert [unit.language for unit in expanded.units("panx", "eval")] == ["en", "sw"]
    assert any("panx test th" in line for line in expanded.left_out)
    with pytest.raises(XstiltsError, match="panx test th"):
        grid(root, targets={"panx": {"languages": ["th"]}}, missing_data="leave_out")


def test_a_target_without_the_wanted_split_is_refused(root):
    with pytest.raises(XstiltsError, match=r"xquad has no dev split.*add `test`"):
        grid(root, splits=["dev"])
    targets = {name: TARGETS[name] for name in ("xnli", "udpos", "mlqa", "bucc2018")}
    splits = {
        unit.split for unit in grid(root, splits=["dev"], targets=targets).units("xnli", "eval")
    }
    assert splits == {"dev"}


def test_bucc_without_development_pairs_is_left_out_as_a_language(root, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    for path in list((copy / "bucc2018").glob("zh-en.*")):
        shutil.copy(path, path.with_name(path.name.replace("zh", "de")))
    (copy / "bucc2018/de-en.dev.gold").unlink()
    targets = {"bucc2018": {"languages": ["de", "zh"]}}
    expanded = grid(copy, targets=targets, missing_data="leave_out")
    assert {unit.language for unit in expanded.units("bucc2018", "eval")} == {"zh"}


def test_the_data_folder_is_the_same_however_it_is_spelt(root, monkeypatch):
    monkeypatch.chdir(root.parent)
    assert grid(root.name).data_slice("xnli", "train") == grid(root).data_slice("xnli", "train")
    with pytest.raises(XstiltsError, match="no such folder"):
        grid(root / "absent")


def test_execution_settings_are_no_parameters(root):
    base = grid(root)
    other = grid(
        root,
        device="cpu",
        prediction={"batch_tokens": 5},
        training={"default": {"save_every_seconds": 7}},
    )
    job = {"encoder": "a", "recipe": "none", "train_set": "xnli", "seed": "1"}
    for make in (
        lambda g: g.training_slice(job, "xnli", intermediate=False),
        lambda g: g.decoding_slice("xnli"),
        lambda g: g.embedding_slice("a"),
    ):
        assert make(base) == make(other)
    assert other.save_every_seconds("xnli", intermediate=False) == 7


def test_planning_imports_nothing_heavy():
    code = (
        "import sys, xstilts.config, xstilts.grid, xstilts.provenance, xstilts.cli\n"
        "heavy = {'torch', 'transformers', 'datasets', 'pyarrow', 'polars', 'faiss'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr
