"""Memory and time that jobs ask a batch system for."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from cost_records import write_record
from snakemake.iocontainers import Wildcards
from test_plan import COMMIT, ENCODER, LARGE, hub_grid

from xstilts.execution.plan.accelerators import CPU, GPUS, device_of
from xstilts.execution.plan.rates import rate_of, work_seconds
from xstilts.execution.plan.requests import Requests
from xstilts.execution.plan.sizes import Sizes
from xstilts.execution.plan.work import Works

CELL = {"encoder": "e", "recipe": "none", "target": "xnli", "seed": "1"}
TRAINED = {"encoder": "e", "recipe": "mnli", "train_set": "xnli", "seed": "2"}
JOBS = [
    ("ingest", {"task": "xnli", "part": "eval"}),
    ("tokenise", {"encoder": "e", "task": "xnli", "part": "eval"}),
    ("fetch_encoder", {"encoder": "e"}),
    ("train_intermediate", {"encoder": "e", "recipe": "mnli", "seed": "1"}),
    ("train_target", TRAINED),
    ("predict", CELL),
    ("embed", {**CELL, "target": "tatoeba"}),
    ("retrieve", {**CELL, "target": "tatoeba"}),
    ("score", CELL),
    ("shortcuts", {"target": "xnli"}),
]
LIMITS = {"default": {"train": 400, "dev": 50, "test": 100}}
TARGETS = {"targets": ["xnli", "xquad", "mlqa", "tatoeba", "bucc2018"]}


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """No encoder is in the cache."""
    monkeypatch.setenv("HF_HOME", str(tmp_path))


def minutes(grid, device, rule, wildcards):
    work = Works(grid, {"e": LARGE}, Sizes(grid)).of(rule, wildcards)
    return (rate_of(rule).overhead + work_seconds(rule, work, device)) / 60


@pytest.mark.parametrize(("rule", "wildcards"), JOBS, ids=[rule for rule, _ in JOBS])
def test_every_attempt_asks_for_more(offline, rule, wildcards):
    requests = Requests(hub_grid(**TARGETS, device="cuda"))
    for ask in (requests.mem_mb, requests.runtime):
        first = ask(rule, wildcards, 1)
        assert isinstance(first, int)
        assert first > 0
        assert [ask(rule, wildcards, attempt) for attempt in (2, 3)] == [2 * first, 3 * first]


def test_jobs_ask_for_three_times_what_is_reckoned_within_a_day(offline):
    grid = hub_grid(device="cuda")
    gpu = device_of("cuda", "a100")
    requests = Requests(grid)
    reckoned = minutes(grid, gpu, "train_target", TRAINED)
    assert 30 < 3 * reckoned < 1440
    asked = requests.runtime("train_target", TRAINED, 1)
    assert 3 * reckoned <= asked < 3 * reckoned + 1
    assert requests.runtime("score", CELL, 1) == 30
    longer = hub_grid(device="cuda", training={"default": {"epochs": 9}})
    assert 480 < minutes(longer, gpu, "train_target", TRAINED) < 1440
    assert Requests(longer).runtime("train_target", TRAINED, 1) == 1440
    longest = hub_grid(device="cuda", training={"default": {"epochs": 90}})
    reckoned = minutes(longest, gpu, "train_target", TRAINED)
    assert reckoned > 1440
    assert reckoned <= Requests(longest).runtime("train_target", TRAINED, 1) < reckoned + 1


def test_memory_holds_the_weights_that_are_loaded_and_saved(offline):
    """XLM-R Large has 2.2 GB of weights; on a processor Adam's moments and gradients lie beside."""
    on_gpu, on_cpu = (Requests(hub_grid(device=device)) for device in ("cuda", "cpu"))
    assert 3 * 2250 < on_gpu.mem_mb("train_target", TRAINED, 1) < 25_000
    assert on_cpu.mem_mb("train_target", TRAINED, 1) > 4 * 2250
    assert on_cpu.mem_mb("train_target", TRAINED, 1) > on_cpu.mem_mb("predict", CELL, 1)
    # 330,000 vectors of 1,024 float32 on a side of BUCC, normalised and in an index.
    at = {**CELL, "target": "bucc2018"}
    bucc = Requests(hub_grid(**TARGETS)).mem_mb("retrieve", at, 1)
    assert bucc > 4 * 330_000 * 1024 * 4 / 1e6
    assert bucc > 5 * Requests(hub_grid(**TARGETS)).mem_mb(
        "retrieve", {**at, "target": "tatoeba"}, 1
    )


def test_what_is_not_known_asks_for_what_was_always_enough(offline):
    unknown = Requests(hub_grid(encoders={"e": {"hub": "someone/encoder", "revision": COMMIT}}))
    assert unknown.mem_mb("train_target", TRAINED, 2) == 32_000
    assert unknown.runtime("train_target", TRAINED, 2) == 2880
    assert unknown.runtime("predict", CELL, 1) == 240
    assert unknown.mem_mb("retrieve", {**CELL, "target": "tatoeba"}, 1) == 32_000
    known = Requests(hub_grid())
    assert (known.mem_mb("write_report", {}, 1), known.runtime("write_report", {}, 2)) == (4000, 60)
    assert known.mem_mb("analyse", {}, 1) == 16_000


def test_untrained_encoders_and_snakemakes_wildcards_are_understood(offline):
    requests = Requests(hub_grid(**TARGETS, baselines=["untrained"], device="cuda"))
    at = Wildcards(fromdict={**CELL, "recipe": "untrained"})
    assert requests.runtime("predict", at, 1) == 30
    at = Wildcards(fromdict={**TRAINED, "recipe": "untrained"})
    assert requests.runtime("train_target", at, 1) > 30
    assert requests.runtime("reinitialise", Wildcards(fromdict={"encoder": "e"}), 1) == 30
    assert requests.runtime("write_labels", Wildcards(fromdict={}), 1) == 30


def test_asking_imports_nothing_heavy(tmp_path):
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder/config.json").write_text(json.dumps(ENCODER))
    values = {
        "experiment": "try",
        "data_source": "invitro",
        "encoders": {"e": {"folder": str(tmp_path / "encoder")}},
        "recipes": ["none", "mnli"],
        "targets": ["xnli"],
    }
    program = (
        "import sys\nfrom xstilts.config.parse import parse_experiment\n"
        "from xstilts.graph.cells import Grid\n"
        "from xstilts.execution.plan.requests import Requests\n"
        f"requests = Requests(Grid(parse_experiment({values!r})))\n"
        f"at = {CELL!r}\n"
        "print(requests.mem_mb('predict', at, 1), requests.runtime('predict', at, 1))\n"
        "heavy = {'torch', 'transformers', 'datasets', 'pyarrow', 'polars', 'faiss', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    first, second = result.stdout.splitlines()
    assert first.split()[1] == "30", result.stderr
    assert second == "[]"


def test_gpus_are_known_by_what_drivers_call_them():
    from xstilts.execution.plan.accelerators import find_device

    for called, name in {
        "NVIDIA H100 80GB HBM3": "h100",
        "NVIDIA H100 PCIe": "h100-pcie",
        "NVIDIA H200": "h200",
        "NVIDIA A100-SXM4-80GB": "a100",
        "NVIDIA A100-PCIE-40GB": "a100-40gb",
        "NVIDIA GeForce RTX 3090": "rtx3090",
        "NVIDIA RTX A6000": "rtxa6000",
        "NVIDIA RTX 6000 Ada Generation": "rtx6000ada",
        "Tesla V100-SXM2-16GB": "v100",
        "Tesla T4": "t4",
        "NVIDIA L40S": "l40s",
        "NVIDIA A10": "a10",
        "A40": "a40",
    }.items():
        assert find_device(called) == GPUS[name], called
    assert find_device("NVIDIA B300") is None


def test_time_goes_by_the_rule_s_finished_jobs(tmp_path, monkeypatch, offline):
    monkeypatch.chdir(tmp_path)
    grid = hub_grid(device="cpu", training={"default": {"epochs": 1}}, limits=LIMITS)
    before = Requests(grid).runtime("train_target", TRAINED, 1)
    seconds = 60 * minutes(grid, CPU, "train_target", TRAINED)
    write_record("train_target", {**TRAINED, "seed": "1"}, 2 * seconds, experiment="try")
    assert 30 < before < 700
    # The work of a single job twice as long: overhead and all.
    assert Requests(grid).runtime("train_target", TRAINED, 1) == pytest.approx(2 * before, abs=3)
    assert Requests(grid).runtime("predict", CELL, 1) == Requests(
        hub_grid(device="cpu", training={"default": {"epochs": 1}}, limits=LIMITS)
    ).runtime("predict", CELL, 1)


def test_an_encoder_that_is_not_there_is_said_by_its_own_job(offline):
    gone = Requests(hub_grid(encoders={"e": {"folder": "gone"}}))
    assert gone.mem_mb("train_target", TRAINED, 1) == 16_000


def test_a_cluster_may_have_devices_that_this_machine_has_not():
    grid = hub_grid(device="auto")
    here, there = Requests(grid), Requests(grid, lambda: "cuda")
    on_gpu = Requests(hub_grid(device="cuda"))
    for rule, at in (("train_target", TRAINED), ("predict", CELL)):
        assert there.runtime(rule, at, 1) == on_gpu.runtime(rule, at, 1)
        assert there.mem_mb(rule, at, 1) == on_gpu.mem_mb(rule, at, 1)
    assert here.runtime("train_target", TRAINED, 1) > there.runtime("train_target", TRAINED, 1)
