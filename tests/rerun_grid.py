"""A finished tiny grid whose code can be edited too, and what has to run after which edit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tiny_grid import edit, make_folder
from workflow_runs import ROOT

SCRIPTS = ROOT / "workflow/scripts"
# Jobs are named by their rule and the values of their wildcards: "predict tiny/mnli/xnli/1".
Jobs = frozenset[str]
# One (recipe, target, seed) of the only encoder.
Cell = tuple[str, str, int]

LANGUAGES = ["en", "de"]
RECIPES = ("none", "mnli")
UNTRAINED = "untrained"
TRAIN_SETS = {"xnli": "xnli", "xquad": "squad_v1", "mlqa": "squad_v1", "panx": "panx"}
TARGETS = ("xnli", "xquad", "mlqa", "tatoeba")
EXPERIMENT: dict[str, Any] = {
    "recipes": list(RECIPES),
    "targets": {
        "xnli": {"languages": LANGUAGES},
        "xquad": {"languages": LANGUAGES},
        "mlqa": {"languages": LANGUAGES},
        "tatoeba": {"languages": ["de"]},
    },
    "perturbations": {"typos": [0.3], "items": 10, "targets": ["xnli"]},
    "keep_target_checkpoints": True,
    "baselines": ["majority", "untrained"],
}

PAGES = frozenset({"write_report", "write_claims", "write_fairness", "write_cost"})
# Of no score.
CURVES = frozenset({"write_curves"})
# What is made of the table of scores.
ANALYSES = PAGES | {"analyse", "collect_costs"}

# Of what is tokenised for targets.
OVERLAP = "measure_overlap tiny"


def cells(
    recipes: tuple[str, ...] = (*RECIPES, UNTRAINED),
    targets: tuple[str, ...] = TARGETS,
    seed: int = 1,
) -> set[Cell]:
    return {(recipe, target, seed) for recipe in recipes for target in targets}


def predicted(of: set[Cell]) -> Jobs:
    """Predicting these cells, and all that follows."""
    jobs = set()
    for recipe, target, seed in of:
        place = f"tiny/{recipe}/{target}/{seed}"
        jobs |= {
            f"{rule} {place}"
            for rule in (("predict",) if target in TRAIN_SETS else ("embed", "retrieve"))
        }
        if recipe != UNTRAINED:
            jobs.add(f"write_submission tiny/{recipe}/{seed}")
    return frozenset(jobs) | scored(of)


def scored(of: set[Cell]) -> Jobs:
    """Scoring these cells, and all that follows of the scores."""
    jobs = {f"score tiny/{recipe}/{target}/{seed}" for recipe, target, seed in of}
    if any(recipe != UNTRAINED for recipe, _, _ in of):
        jobs |= {"collect_scores", *ANALYSES}
    if any(recipe == UNTRAINED for recipe, _, _ in of):
        jobs |= {"collect_baselines", "analyse", "write_report", "write_fairness", "write_claims"}
    return frozenset(jobs)


def trained(of: set[Cell]) -> Jobs:
    """Training what predicts those of these cells that are trained, and all that follows."""
    runs = {
        f"train_target tiny/{recipe}/{TRAIN_SETS[target]}/{seed}"
        for recipe, target, seed in of
        if target in TRAIN_SETS
    }
    tables = {"collect_runs"} if any(recipe != UNTRAINED for recipe, _, _ in of) else set()
    return predicted(of) | runs | tables | CURVES


def evaluated(target: str) -> Jobs:
    """Reading a target's evaluation data again, and all that follows, of which nothing trains."""
    perturbed = {"perturb xnli", "tokenise tiny/xnli/perturbed"} if target == "xnli" else set()
    return (
        predicted(cells(targets=(target,)))
        | perturbed
        | {f"ingest {target}/eval", f"tokenise tiny/{target}/eval", f"shortcuts {target}"}
        | {"collect_baselines", "write_labels", OVERLAP}
        | {f"write_submission tiny/{recipe}/1" for recipe in RECIPES}
    )


@dataclass(frozen=True)
class FinishedGrid:
    """A folder with an experiment that was run, and its own copy of the code."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> FinishedGrid:
        grid = cls(folder)
        for name in ("src", "workflow", "profiles"):
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(ROOT / name, grid.code / name, ignore=ignored)
        shutil.copy(ROOT / "Snakefile", grid.code)
        make_folder(folder, **EXPERIMENT)
        # Longer than what Snakemake compares by content unless told otherwise.
        (folder / "encoder/notes.txt").write_text("A note on the encoder.\n" * 60_000)
        return grid

    @property
    def code(self) -> Path:
        return self.folder / "code"

    def path(self, name: str) -> Path:
        """A file of the code, the data or the results."""
        return self.code / name if (self.code / name).exists() else self.folder / name

    def run(self, *arguments: str, traced: Path | None = None) -> list[dict[str, Any]]:
        """The jobs that run, with their reasons, in order.

        Args:
            traced: a folder for notes of what the jobs call and read (`traced/sitecustomize.py`).
        """
        joblist = self.folder / "jobs.jsonl"
        joblist.unlink(missing_ok=True)
        plugins = ["plugins", *(["traced"] if traced else [])]
        environment = {
            **os.environ,
            **({"TRACED": str(traced)} if traced else {}),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "PYTHONPATH": os.pathsep.join(
                [str(self.code / "src"), *(str(Path(__file__).parent / name) for name in plugins)]
            ),
            "PYTHONDONTWRITEBYTECODE": "1",
            "JOBLIST": str(joblist),
        }
        result = subprocess.run(
            [
                str(Path(sys.executable).with_name("snakemake")), *arguments,
                "--snakefile", str(self.code / "Snakefile"), "--directory", str(self.folder),
                "--workflow-profile", str(self.code / "profiles/default"), "--cores", "2",
                "--configfile", str(self.folder / "exp.yaml"), "--logger", "joblist",
            ],
            capture_output=True, text=True, env=environment, timeout=900,
        )  # fmt: skip
        assert result.returncode == 0, (result.stdout + result.stderr)[-6000:]
        if not joblist.exists():
            assert "Nothing to be done" in result.stdout + result.stderr
            return []
        return [json.loads(line) for line in joblist.read_text().splitlines()]

    def jobs(self, *arguments: str) -> Jobs:
        """The jobs that run, by name."""
        return named(self.run(*arguments))

    def would_run(self, *arguments: str) -> Jobs:
        """The jobs of a dry run, by name."""
        return self.jobs("--dry-run", *arguments)

    def edit(self, **changes: Any) -> None:
        """Write the experiment with changes."""
        edit(self.folder, **{**EXPERIMENT, **changes})

    @contextmanager
    def restored(self, *names: str) -> Iterator[None]:
        """Put files back as they were afterwards, with their times."""
        paths = [self.folder / "exp.yaml", *map(self.path, names)]
        before = [(path, path.read_bytes(), path.stat()) for path in paths]
        try:
            yield
        finally:
            for path, content, status in before:
                path.write_bytes(content)
                os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def named(jobs: list[dict[str, Any]]) -> Jobs:
    """The names of jobs, but of the rule that only collects what is asked for."""
    return frozenset(
        " ".join([job["rule"], "/".join(job["wildcards"].values())]).strip()
        for job in jobs
        if job["rule"] != "all"
    )
