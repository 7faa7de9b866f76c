"""Where every file of an experiment lies: the only place that knows paths.

Path patterns hold Snakemake wildcards in braces; rules use them as they are, `Grid` fills them in.
A user's own files are in `xstilts.config.user_paths`.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from pathlib import PurePath
from typing import NamedTuple

_RESULTS = "results"
_FINISHED = "finished"
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
        self.pretraining = f"{root}/curves/{{encoder}}/pretraining.parquet"
        self.features = f"{root}/features/{{encoder}}/{{task}}/{{part}}.parquet"
        self.intermediate = f"{root}/intermediate/{state}/{seed}"
        self.checkpoint = f"{root}/target/{state}/{{train_set}}/{seed}"
        self.curve = f"{root}/curves/{state}/{{phase}}/{{train_set}}/{seed}.parquet"
        self.target_curve = f"{root}/curves/{state}/target/{{train_set}}/{seed}.parquet"
        self.intermediate_curve = f"{root}/curves/{state}/intermediate/{seed}.parquet"
        self.predictions = f"{root}/predictions/{state}/{{target}}/{seed}.parquet"
        self.embeddings = f"{root}/embeddings/{state}/{{target}}/{seed}.npy"
        self.cell_scores = f"{root}/scores/{state}/{{target}}/{seed}.parquet"
        self.shortcuts = f"{root}/baselines/{{target}}.parquet"
        self.resume = f"{root}/resume"
        self.links = f"{root}/links"
        self.failures = f"{root}/failures.txt"
        self.failures_kept = f"{root}/failures.json"
        self.finished = f"{root}/{_FINISHED}/cells.json"
        self._make_of_all_cells(root)

    def _make_of_all_cells(self, root: str) -> None:
        """Set the paths of what is made of all cells together."""
        state = "{encoder}/{recipe}"
        self._jobs = root
        self.scores = f"{root}/scores.parquet"
        self.runs = f"{root}/runs.parquet"
        self.selection = f"{root}/selection.parquet"
        self.claims = f"{root}/claims.json"
        self.claims_page = f"{root}/claims.html"
        self.costs = f"{root}/costs.parquet"
        self.cell_costs = f"{root}/cell_costs.parquet"
        self.cost_page = f"{root}/cost.html"
        self.curves_page = f"{root}/curves.html"
        self.baselines = f"{root}/baselines.parquet"
        self.overlap = f"{root}/overlap/{{encoder}}.parquet"
        self.findings = f"{root}/findings"
        self.fairness_page = f"{root}/fairness.html"
        self.summary = f"{root}/findings.txt"
        self.submission = f"{root}/submission/{state}/seed{{seed}}"
        self.labels = f"{root}/labels"
        self.report = f"{root}/index.html"
        self.headline = f"{root}/headline.txt"
        self.glossary = f"{root}/glossary.html"

    def of_finished(self) -> Paths:
        """The same cells, and what is made of the finished ones in a folder of its own."""
        found = copy(self)
        found._make_of_all_cells(f"{self.root}/{_FINISHED}")
        return found

    def log(self, rule: str, *wildcards: str) -> str:
        """The log file pattern of a rule with these wildcards."""
        return self._per_job("logs", rule, wildcards, "log")

    def record(self, rule: str, **wildcards: str) -> str:
        """Where a job of a rule records what it costs (`xstilts.execution.cost.meter`)."""
        pattern = self._per_job("benchmarks", rule, wildcards, "jsonl")
        return pattern.format(**wildcards)

    def _per_job(self, kind: str, rule: str, wildcards: Iterable[str], suffix: str) -> str:
        name = "/".join(f"{{{wildcard}}}" for wildcard in wildcards) or "all"
        return f"{self._jobs}/{kind}/{rule}/{name}.{suffix}"


class LogPlace(NamedTuple):
    """What the path of a job's log file says.

    Attributes:
        experiment: whose job it is.
        rule: by the name it has here; a workflow that takes this one as a module may call it
            otherwise.
        record: where the job records what it costs, for `xstilts.execution.cost.meter`.
    """

    experiment: str
    rule: str
    record: str


def log_place(log: str) -> LogPlace | None:
    """Take the path of a log file apart; None if it is not one of `Paths.log`.

    With object storage the folder of results lies somewhere below Snakemake's own.
    """
    parts = PurePath(log).parts
    for start in reversed([at for at, part in enumerate(parts) if part == _RESULTS]):
        logs = start + (3 if parts[start + 2 : start + 3] == (_FINISHED,) else 2)
        if parts[logs : logs + 1] == ("logs",) and len(parts) > logs + 2:
            record = PurePath(*parts[:logs], "benchmarks", *parts[logs + 1 :])
            return LogPlace(parts[start + 1], parts[logs + 1], str(record.with_suffix(".jsonl")))
    return None
