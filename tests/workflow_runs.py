"""Running the real `snakemake` on an experiment file in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def command(folder: Path, *arguments: str) -> list[str]:
    return [
        str(Path(sys.executable).with_name("snakemake")),
        *arguments,
        *("--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)),
        *("--workflow-profile", str(ROOT / "profiles/default"), "--cores", "2"),
        *("--configfile", str(folder / "exp.yaml")),
    ]


def snakemake(folder: Path, *arguments: str, check: bool = True) -> str:
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    result = subprocess.run(
        command(folder, *arguments), capture_output=True, text=True, env=environment, timeout=900
    )
    output = result.stdout + result.stderr
    assert not check or result.returncode == 0, output[-6000:]
    return output


def has_saved_state(folder: Path) -> bool:
    """Whether training below has a state to go on from; folders may be renamed while one looks."""
    for _, folders, files in os.walk(folder):
        if "state.safetensors" in files:
            return True
        # What is being written is of no use yet.
        folders[:] = [name for name in folders if not name.endswith(".tmp")]
    return False


def planned(output: str) -> dict[str, int]:
    """Jobs by rule from a dry run's table."""
    table = output.split("Job stats:")[-1].split("total")[0] if "Job stats:" in output else ""
    pairs = (line.split() for line in table.splitlines())
    return {p[0]: int(p[1]) for p in pairs if len(p) == 2 and p[1].isdigit() and p[0] != "all"}
