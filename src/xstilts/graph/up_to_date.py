"""Which cells are finished: not only there, but made as they would be made today.

A cell is finished where its scores are there and an ordinary run would leave them as they are: it
was trained, predicted and scored by the settings, data settings and code of today, each step after
the one that it rests on. So cells of before and after a change never stand side by side.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path, PurePath
from typing import Any

from xstilts.execution.parquet import read_meta
from xstilts.graph.cells import Cell, Grid
from xstilts.graph.job_params import JobParams
from xstilts.graph.jobs import Job, Jobs

# Settings of a run that decide how it is run, not what it gives (`JobParams`).
_WITHOUT_EFFECT = ("save_every_seconds",)
# Rules each of which makes something of what the one before it made, and those of its data.
_TRAINING = ("pretrain", "train_intermediate", "train_target")
_STEPS = (*_TRAINING, "predict", "retrieve", "score")
_DATA = ("generate", "ingest", "perturb", "tokenise")


class UpToDate:
    """Whether the jobs that cells rest on were made as they would be made today.

    Args:
        code: digest of what a script of the workflow runs on these sources.
    """

    def __init__(self, grid: Grid, code: Callable[[str, Iterable[str]], str]) -> None:
        self._grid, self._code = grid, code
        self._params, self._graph = JobParams(grid), Jobs(grid)
        self._is_current, self._steps = cache(self._look), cache(self._walk)

    def is_finished(self, cell: Cell) -> bool:
        """Whether an ordinary run would leave a cell's scores as they are."""
        scores = self._grid.paths.cell_scores.format(**cell.wildcards)
        steps = sorted(self._steps(self._graph.maker[scores]))
        predicted = steps[-2]
        inputs = [
            number
            for number in self._graph.before[predicted]
            if self._graph.jobs[number].rule in _DATA
        ]
        if not all(map(self._is_current, (*steps, *inputs))):
            return False
        # Each step is made from the one before it, predictions from the inputs too.
        times = list(map(self._time, steps))
        return times == sorted(times) and all(self._time(each) <= times[-2] for each in inputs)

    def _walk(self, number: int) -> frozenset[int]:
        """A job and those before it that are steps towards a cell, by number."""
        found = {number} if self._graph.jobs[number].rule in _STEPS else set()
        return frozenset(found.union(*map(self._steps, self._graph.before[number])))

    def _time(self, number: int) -> int:
        return Path(_record(self._graph.jobs[number])).stat().st_mtime_ns

    def _look(self, number: int) -> bool:
        job = self._graph.jobs[number]
        path = _record(job)
        if not Path(path).exists():
            return False
        if job.rule in _TRAINING:
            return self._is_current_run(read_meta(path), self._decided(job))
        return _agrees(read_meta(path).get("params", {}), self._decided(job))

    def _decided(self, job: Job) -> dict[str, Any]:
        """What decides the result of a job, besides its inputs."""
        params, at = self._params, job.wildcards
        match job.rule:
            case "pretrain":
                return params.pretraining(at["encoder"])
            case "train_intermediate":
                return params.intermediate(at)
            case "train_target":
                return params.target(at)
            case "generate" | "ingest":
                return {"data": params.data(at["task"], at["part"])}
            case "perturb":
                return {"perturbation": params.perturbation(at["target"])}
            case "tokenise":
                return {"lengths": params.length(at["encoder"], at["task"])}
        target = at["target"]
        found = {"task": params.task(target), "code": self._code(job.rule, [target])}
        match job.rule:
            case "predict":
                found["decoding"] = params.decoding(target)
            case "retrieve":
                found["mining"] = self._grid.experiment.mining.model_dump()
        return found

    def _is_current_run(self, run: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
        settings = {
            name: value for name, value in run["settings"].items() if name not in _WITHOUT_EFFECT
        }
        return (
            run["code"] == self._code("train", expected["sources"])
            and _agrees(run["mixing"], expected.get("mixing", {}))
            and _agrees({"settings": settings}, {"settings": expected["settings"]})
            and list(run["data"]) == list(expected["sources"])
            and all(
                # What was read for it then, as it would be read today.
                _agrees(meta["params"], {"data": self._params.data(key, "train")})
                for key, meta in run["data"].items()
            )
        )


def _record(job: Job) -> str:
    """The output that says what it was made with: of training its curve, which is the last."""
    return job.outputs[-1]


def _agrees(found: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    # As it is once it has been written as JSON and read again.
    plain = json.loads(json.dumps(dict(expected)))
    return all(
        name in found and _without_folders(found[name]) == _without_folders(plain[name])
        for name in plain
    )


def _without_folders(value: Any) -> Any:
    """Settings without the folders that data lay in, which may have been moved."""
    if isinstance(value, dict):
        return {
            name: [PurePath(file).name for file in held]
            if name == "files"
            else _without_folders(held)
            for name, held in value.items()
        }
    return [_without_folders(each) for each in value] if isinstance(value, list) else value
