"""Where every file of an experiment lies: the only place that knows paths.

Path patterns hold Snakemake wildcards in braces; rules use them as they are, `Grid` fills them in.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

_RESULTS = "results"
# Folders of an experiment that are large, and made again from what the rest of it names.
LARGE = ("data", "encoders", "features", "initial", "intermediate", "labels", "target", "untrained")


class Paths:
    """Path patterns of one experiment, relative to the working directory."""

    def __init__(self, experiment: str) -> None:
        self.root = root = f"{_RESULTS}/{experiment}"
        state = "{encoder}/{recipe}"
        seed = "seed{seed}"
        self.data = f"{root}/data/{{task}}/{{part}}.parquet"
        self.encoder = f"{root}/encoders/{{encoder}}"
        self.initial = f"{root}/initial/{{encoder}}"
        self.untrained = f"{root}/untrained/{{encoder}}"
        self.pretraining = f"{root}/curves/{{encoder}}/pretraining.json"
        self.features = f"{root}/features/{{encoder}}/{{task}}/{{part}}.parquet"
        self.intermediate = f"{root}/intermediate/{state}/{seed}"
        self.checkpoint = f"{root}/target/{state}/{{train_set}}/{seed}"
        self.curve = f"{root}/curves/{state}/{{phase}}/{{train_set}}/{seed}.json"
        self.intermediate_curve = f"{root}/curves/{state}/intermediate/{seed}.json"
        self.predictions = f"{root}/predictions/{state}/{{target}}/{seed}.parquet"
        self.embeddings = f"{root}/embeddings/{state}/{{target}}/{seed}.npy"
        self.cell_scores = f"{root}/scores/{state}/{{target}}/{seed}.parquet"
        self.scores = f"{root}/scores.parquet"
        self.runs = f"{root}/runs.parquet"
        self.selection = f"{root}/selection.parquet"
        self.claims = f"{root}/claims.json"
        self.claims_page = f"{root}/claims.html"
        self.costs = f"{root}/costs.parquet"
        self.cell_costs = f"{root}/cell_costs.parquet"
        self.cost_page = f"{root}/cost.html"
        self.shortcuts = f"{root}/baselines/{{target}}.parquet"
        self.baselines = f"{root}/baselines.parquet"
        self.findings = f"{root}/findings"
        self.fairness_page = f"{root}/fairness.html"
        self.summary = f"{root}/findings.txt"
        self.submission = f"{root}/submission/{state}/{seed}"
        self.labels = f"{root}/labels"
        self.report = f"{root}/index.html"
        self.headline = f"{root}/headline.txt"
        self.resume = f"{root}/resume"

    def log(self, rule: str, *wildcards: str) -> str:
        """The log file pattern of a rule with these wildcards."""
        return self._per_job("logs", rule, wildcards, "log")

    def benchmark(self, rule: str, *wildcards: str) -> str:
        """The benchmark file pattern of a rule with these wildcards."""
        return self._per_job("benchmarks", rule, wildcards, "tsv")

    def _per_job(self, kind: str, rule: str, wildcards: Iterable[str], suffix: str) -> str:
        name = "/".join(f"{{{wildcard}}}" for wildcard in wildcards) or "all"
        return f"{self.root}/{kind}/{rule}/{name}.{suffix}"


def cost_record(log: str) -> str | None:
    """Where a job records what it costs, beside its benchmark file; None for another log file."""
    if not _is_log(log):
        return None
    parts = PurePath(log).with_suffix(".jsonl").parts
    return str(PurePath(*parts[:2], "benchmarks", *parts[3:]))


def rule_of(log: str) -> str | None:
    """The rule that writes a log file, by the name it has here; None for another log file.

    A workflow that takes this one as a module may call its rules otherwise.
    """
    return PurePath(log).parts[3] if _is_log(log) else None


def _is_log(path: str) -> bool:
    parts = PurePath(path).parts
    return len(parts) >= 5 and (parts[0], parts[2]) == (_RESULTS, "logs")
