"""The versions in pyproject.toml, constraints.txt, requirements.lock and envs/ agree."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def constraints() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = (line.split("==") for line in lines if not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pins}


def locked() -> dict[str, tuple[str, int]]:
    """Name to version and number of hashes."""
    text = (ROOT / "requirements.lock").read_text()
    found = {}
    for entry in re.split(r"\n(?=[a-z])", text):
        if pin := re.match(r"([a-z0-9._-]+)==(\S+)", entry):
            found[canonicalize_name(pin[1])] = (pin[2], entry.count("--hash=sha256:"))
    return found


def conda_pins() -> dict[str, str]:
    environment = yaml.safe_load((ROOT / "envs/xstilts.yaml").read_text())
    (pip,) = (part["pip"] for part in environment["dependencies"] if isinstance(part, dict))
    return {canonicalize_name(pin.split("==")[0]): pin.split("==")[1] for pin in pip}


def lower_bounds(*extras: str) -> dict[str, str]:
    wanted = list(project()["dependencies"])
    for extra in extras:
        wanted += project()["optional-dependencies"][extra]
    return {
        canonicalize_name(found.name): next(iter(found.specifier)).version
        for found in map(Requirement, wanted)
    }


def test_the_lower_bounds_are_the_tested_versions():
    bounds = lower_bounds("dev", "minilm", "slurm", "kubernetes")
    assert bounds == {name: constraints().get(name) for name in bounds}


def test_the_tests_run_with_what_the_profiles_need():
    assert lower_bounds("slurm", "kubernetes").items() <= lower_bounds("dev").items()


def test_the_conda_environment_has_every_dependency_at_its_tested_version():
    assert conda_pins() == lower_bounds("slurm")


def test_every_job_of_the_workflow_has_the_conda_environment():
    rules = [
        rule
        for path in sorted((ROOT / "workflow/rules").glob("*.smk"))
        for rule in re.split(r"^ *rule ", path.read_text(), flags=re.MULTILINE)[1:]
    ]
    assert len(rules) > 20
    assert [rule.split(":")[0] for rule in rules if "conda:\n" not in rule] == []


def test_the_lock_holds_every_dependency_with_hashes_and_the_tested_versions():
    pins = locked()
    assert lower_bounds("slurm").keys() <= pins.keys()
    assert all(hashes for _, hashes in pins.values())
    both = constraints().keys() & pins.keys()
    assert len(both) > 90
    different = {name for name in both if pins[name][0] != constraints()[name]}
    assert different == set()


def test_the_lock_names_no_address():
    assert "://" not in (ROOT / "requirements.lock").read_text()


def test_the_catalog_entry_says_what_there_is():
    entry = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert entry["software-stack-deployment"]["conda"] is True
    assert entry["report"] is True
    assert entry["mandatory-flags"]["desc"]
