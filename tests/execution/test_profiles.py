"""Profiles say how to execute and nothing else; what each promises, on machines made up for it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
import yaml
from fake_kubernetes import Cluster, cluster
from kubernetes.client import ApiClient
from workflow_runs import ROOT, has_saved_state, snakemake

PROFILES = ROOT / "profiles"
PLUGINS = Path(__file__).parents[1] / "storage"
SNAKEMAKE = [sys.executable, "-m", "snakemake"]


def read(name: str) -> dict:
    return yaml.safe_load((PROFILES / name / "config.yaml").read_text())


@pytest.mark.parametrize("name", ["gpus", "kubernetes"])
def test_wherever_a_run_is_executed_it_re_runs_for_the_same_reasons(name):
    profile, default = read(name), read("default")
    for key in ("rerun-triggers", "max-checksum-file-size", "keep-going", "rerun-incomplete"):
        assert profile[key] == default[key]


@pytest.mark.parametrize("name", [path.name for path in PROFILES.iterdir() if path.is_dir()])
def test_what_is_computed_stands_in_no_profile(name):
    assert not {"config", "configfile", "configfiles"} & set(read(name))


def test_the_profile_of_several_gpus_differs_in_their_number_alone():
    profile, default = read("gpus"), read("default")
    assert profile.pop("resources") == ["gpu=4"]
    assert default.pop("resources") == ["gpu=1"]
    assert profile == default


SNAKEFILE = """
rule all:
    input: expand("{number}.txt", number=range(4))

rule use:
    output: "{number}.txt"
    log: "logs/{number}.log"
    resources: gpu=1
    script: "use.py"
"""
# Leaves a mark while it has the device, and fails if there is another's.
SCRIPT = """
from xstilts.execution import devices
from xstilts.execution.jobs import job

devices.machine_devices = lambda: [devices.Device(uuid) for uuid in UUIDS]
with job(snakemake):
    import os, time
    device = os.environ["CUDA_VISIBLE_DEVICES"]
    assert device in UUIDS
    mark = os.path.join(MARKS, device)
    os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
    time.sleep(0.3)
    os.unlink(mark)
    open(snakemake.output[0], "w").write(device)
"""


def gpu_run(folder: Path, marks: Path, uuids: list[str], *arguments: str) -> subprocess.Popen:
    folder.mkdir()
    (folder / "Snakefile").write_text(SNAKEFILE)
    (folder / "use.py").write_text(f"UUIDS, MARKS = {uuids!r}, {str(marks)!r}\n{SCRIPT}")
    environment = {key: value for key, value in os.environ.items() if "CUDA" not in key}
    return subprocess.Popen(
        [*SNAKEMAKE, "--workflow-profile", str(PROFILES / "gpus"), "--cores", "4", *arguments],
        cwd=folder, env={**environment, "XDG_CACHE_HOME": str(folder)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


ASKING = """
rule all:
    output: "seen.json"
    log: "logs/all.log"
    resources: gpu=1, mem_mb=4000
    script: "tell.py"
"""
TELLING = """
from xstilts.execution.jobs import job

with job(snakemake):
    import json, os
    asked = {name: getattr(snakemake.resources, name) for name in ("gpu", "mem_mb")}
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    open(snakemake.output[0], "w").write(json.dumps({**asked, "shown": shown}))
"""


@pytest.mark.workflow
def test_a_job_whose_numbers_were_lowered_runs_and_sees_no_gpu(tmp_path):
    (tmp_path / "Snakefile").write_text(ASKING)
    (tmp_path / "tell.py").write_text(TELLING)
    command = [*SNAKEMAKE, "--cores", "1", "--resources", "gpu=0", "mem_mb=100"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert seen == {"gpu": 0, "mem_mb": 100, "shown": "-1"}


@pytest.mark.workflow
def test_a_run_without_gpus_of_an_experiment_that_needs_one_is_refused(tmp_path):
    lines = (ROOT / "config.yaml").read_text(encoding="utf-8").splitlines()
    lines = ["device: cuda" if line.startswith("device:") else line for line in lines]
    (tmp_path / "exp.yaml").write_text("\n".join(lines), encoding="utf-8")
    shown = snakemake(tmp_path, "--dry-run", "--resources", "gpu=0", check=False)
    assert "device: cuda: the experiment asks for a GPU, and --resources gpu=0" in shown
    assert "Job stats" not in shown


@pytest.mark.workflow
def test_two_runs_in_two_folders_share_a_machine_and_no_gpu(tmp_path):
    marks = tmp_path / "marks"
    marks.mkdir()
    uuids = [f"GPU-{uuid4()}" for _ in range(2)]
    runs = [
        gpu_run(tmp_path / "a", marks, uuids),
        # Fewer or more than there are: the number is a user's, the devices are the machine's.
        gpu_run(tmp_path / "b", marks, uuids, "--resources", "gpu=8"),
    ]
    outputs = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs
    assert 'gpu=Resource("gpu", 4)' in outputs[0]
    assert 'gpu=Resource("gpu", 8)' in outputs[1]
    used = [path.read_text() for path in tmp_path.rglob("?.txt")]
    assert len(used) == 8
    assert set(used) == set(uuids)


EXPERIMENT = {
    "experiment": "tiny",
    "data_source": "invitro",
    "invitro": {
        "languages": ["en", "qal"],
        "sizes": {
            "default": {"train": 40, "dev": 20, "test": 20},
            "tasks": {"text": {"train": 1200}},
        },
    },
    "encoders": {
        "tiny": {
            "pretrain": {
                "architecture": {
                    "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
                    "intermediate_size": 64, "max_length": 64,
                },
                "tokenizer": {"algorithm": "bpe", "vocab_size": 400},
                "training": {"epochs": 2, "batch_size": 8, "save_every_seconds": 0},
            }
        }
    },
    "recipes": ["none"],
    "targets": {"xnli": None},
    "tokenisation": {"default": {"max_length": 64, "doc_stride": 32, "max_query_length": 24}},
}  # fmt: skip
CREDENTIAL = "hf_s3cr3tabcdefghijklmnop"
CHECKS_EVERY = 3  # seconds


def kubernetes_run(folder: Path, state: Cluster, *arguments: str) -> subprocess.Popen:
    command = [
        *SNAKEMAKE, "--workflow-profile", "profiles/kubernetes", "--configfile", "exp.yaml",
        "--until", "pretrain", "--container-image", "registry/xstilts:1", "--envvars", "HF_TOKEN",
        # For S3, and quicker than for a real cluster.
        "--default-storage-provider", "shelf", "--default-storage-prefix", f"{state.folder}/shelf",
        "--seconds-between-status-checks", str(CHECKS_EVERY), *arguments,
    ]  # fmt: skip
    environment = {
        "KUBECONFIG": str(state.folder / "kubeconfig"),
        "PYTHONPATH": os.pathsep.join([str(PLUGINS), os.environ.get("PYTHONPATH", "")]),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "HF_TOKEN": CREDENTIAL,
    }
    return subprocess.Popen(
        command, cwd=folder, env={**os.environ, **environment}, text=True,
        stdout=(folder / "output").open("w"), stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


def until(found, process: subprocess.Popen, folder: Path):
    while not (result := found()):
        assert process.poll() is None, (folder / "output").read_text()[-6000:]
        time.sleep(0.01)
    return result


def gpus_of(job: dict) -> tuple[str, str]:
    (container,) = job["spec"]["template"]["spec"]["containers"]
    resources = container["resources"]
    return tuple(resources[kind]["nvidia.com/gpu"] for kind in ("requests", "limits"))


@pytest.mark.workflow
def test_pods_get_what_jobs_ask_for_and_go_on_where_another_was_preempted(tmp_path):
    folder = tmp_path / "checkout"
    folder.mkdir()
    shutil.copy(ROOT / "Snakefile", folder)
    for name in ("workflow", "profiles"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "exp.yaml").write_text(yaml.safe_dump(EXPERIMENT))
    (tmp_path / "cluster").mkdir()

    def pretraining() -> list[str]:
        return [name for name, job in state.jobs.items() if "pretrain:" in json.dumps(job)]

    def has_no_gpu(job: dict) -> bool:
        return gpus_of(job) == ("0", "0")

    with cluster(tmp_path / "cluster", PLUGINS, allow=has_no_gpu) as state:
        run = kubernetes_run(folder, state)
        (waiting,) = until(pretraining, run, folder)
        # Every other job runs to its end, in an empty folder and with storage alone.
        assert len(state.jobs) > 4
        assert {gpus_of(job) for name, job in state.jobs.items() if name != waiting} == {("0", "0")}
        job = state.jobs[waiting]
        pod = job["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert container["image"] == "registry/xstilts:1"
        assert gpus_of(job) == ("1", "1")
        assert set(container["resources"]["limits"]) == {
            "cpu", "memory", "ephemeral-storage", "nvidia.com/gpu",
        }  # fmt: skip
        assert int(container["resources"]["limits"]["memory"].removesuffix("M")) >= 1000
        assert (
            container["resources"]["requests"]["memory"]
            == container["resources"]["limits"]["memory"]
        )
        assert "securityContext" not in container
        assert "securityContext" not in pod
        assert not pod.get("hostNetwork")
        assert [volume.get("persistentVolumeClaim") for volume in pod["volumes"]] == [
            None, {"claimName": "xstilts-state"},
        ]  # fmt: skip
        # Credentials come from a secret, under its name.
        assert CREDENTIAL not in json.dumps(state.jobs)
        assert container["env"][0]["name"] == "HF_TOKEN"
        assert set(container["env"][0]["valueFrom"]) == {"secretKeyRef"}
        # Snakemake forgets its jobs while it asks how they are, and knows of none that it is about
        # to submit (snakemake-interface-executor-plugins 9.4), so interrupt it between two checks.
        until(lambda: waiting in state.checked, run, folder)
        time.sleep(CHECKS_EVERY / 3)
        os.killpg(run.pid, signal.SIGINT)
        run.wait()
        # An interrupted run leaves neither jobs nor secrets.
        assert waiting in state.deleted
        assert set(state.secrets) <= set(state.deleted)
        assert CREDENTIAL not in (folder / "output").read_text()

        state.allow = lambda job: True
        run = kubernetes_run(folder, state, "--config", "device=cpu")
        first = until(lambda: set(pretraining()) - {waiting}, run, folder).pop()
        kept = state.folder / "volumes/xstilts-state/tiny/resume"
        until(lambda: has_saved_state(kept), run, folder)
        state.preempt(first)
        run.wait()
        assert run.returncode == 0, (folder / "output").read_text()[-6000:]
        assert len(set(pretraining()) - {waiting, first}) == 1
    stored = state.folder / "shelf/results/tiny"
    assert (stored / "encoders/tiny/model.safetensors").is_file()
    assert "resuming after step" in (stored / "logs/pretrain/tiny.log").read_text()
    assert not any(kept.rglob("state.safetensors"))


@pytest.mark.parametrize("name", ["one-pod.yaml", "state-volume.yaml"])
def test_manifests_hold_nothing_that_kubernetes_does_not_know(name):
    client = ApiClient()
    for manifest in yaml.safe_load_all((PROFILES / "kubernetes" / name).read_text()):
        reply = SimpleNamespace(data=json.dumps(manifest))
        parsed = client.deserialize(reply, f"V1{manifest['kind']}")
        assert client.sanitize_for_serialization(parsed) == manifest
    text = (PROFILES / "kubernetes" / name).read_text()
    assert "privileged" not in text


def test_the_profile_mounts_the_volume_that_its_manifest_asks_for():
    (volume,) = read("kubernetes")["kubernetes-persistent-volumes"]
    claim = yaml.safe_load((PROFILES / "kubernetes/state-volume.yaml").read_text())
    assert volume == f"{claim['metadata']['name']}:/workdir/results"
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
