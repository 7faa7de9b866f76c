"""Which cells are finished: not only there, but made as they would be made today.

A cell is finished where its scores are there and an ordinary run would leave them as they are: it
was trained, predicted and scored by the settings, data settings and code of today, each step after
the one that it rests on. So cells of before and after a change never stand side by side.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

from xstilts.config.experiment import BASELINE
from xstilts.config.recipes import UNTRAINED
from xstilts.execution.parquet import read_meta
from xstilts.graph.cells import Cell, Grid
from xstilts.graph.job_params import JobParams

# Settings of a run that decide how it is run, not what it gives (`JobParams`).
_WITHOUT_EFFECT = ("save_every_seconds",)


class Proofs:
    """Whether what cells rest on was made as it would be made today.

    Args:
        code: digest of what a script of the workflow runs on these sources.
    """

    def __init__(self, grid: Grid, code: Callable[[str, Iterable[str]], str]) -> None:
        self._grid, self._code = grid, code
        self._params = JobParams(grid)
        self._known: dict[str, bool] = {}

    def is_finished(self, cell: Cell) -> bool:
        """Whether an ordinary run would leave a cell's scores as they are."""
        chain = [*self._runs_before(cell), *self._files_of(cell)]
        inputs = list(self._inputs_of(cell))
        if not all(self._is_current(path, expected) for path, expected in (*chain, *inputs)):
            return False
        # Each step of the chain is made from the one before it, predictions from the inputs too.
        times = [_time(path) for path, _ in chain]
        return times == sorted(times) and all(_time(path) <= times[-2] for path, _ in inputs)

    def _runs_before(self, cell: Cell) -> Iterator[tuple[str, dict[str, Any]]]:
        """The curves of the training runs that a cell rests on, and what decides them."""
        paths, params, at = self._grid.paths, self._params, cell.wildcards
        if cell.encoder in self._grid.experiment.pretrained and cell.recipe != UNTRAINED:
            yield paths.pretraining.format(**at), params.pretraining(cell.encoder)
        if cell.recipe not in (BASELINE, UNTRAINED):
            yield paths.intermediate_curve.format(**at), params.intermediate(at)
        if train_set := cell.task.train_set:
            at |= {"phase": "target", "train_set": train_set}
            yield paths.curve.format(**at), params.target(at)

    def _files_of(self, cell: Cell) -> Iterator[tuple[str, dict[str, Any]]]:
        """The predictions and scores of a cell, and what decides them."""
        paths, params = self._grid.paths, self._params
        task = params.task(cell.target)
        if self._grid.is_trained(cell.target):
            decided = {
                "decoding": params.decoding(cell.target),
                "code": self._code("predict", [cell.target]),
            }
        else:
            mining = self._grid.experiment.mining.model_dump()
            decided = {"mining": mining, "code": self._code("retrieve", [cell.target])}
        yield paths.predictions.format(**cell.wildcards), {"task": task, **decided}
        scored = {"task": task, "code": self._code("score", [cell.target])}
        yield paths.cell_scores.format(**cell.wildcards), scored

    def _inputs_of(self, cell: Cell) -> Iterator[tuple[str, dict[str, Any]]]:
        """The data and features that a cell's predictions are of, and what decides them."""
        paths, params, at = self._grid.paths, self._params, cell.wildcards
        lengths = {"lengths": params.length(cell.encoder, cell.target)}
        eval_data = {"data": params.data(cell.target, "eval")}
        yield paths.data.format(task=cell.target, part="eval"), eval_data
        yield paths.features.format(**at, task=cell.target, part="eval"), lengths
        for path in self._grid.perturbed_data(at):
            yield path, {"perturbation": params.perturbation(cell.target)}
        for path in self._grid.perturbed_features(at):
            yield path, lengths

    def _is_current(self, path: str, expected: Mapping[str, Any]) -> bool:
        if path not in self._known:
            if not Path(path).exists():
                self._known[path] = False
            elif path.endswith(".json"):
                self._known[path] = self._is_current_run(path, expected)
            else:
                self._known[path] = _agrees(read_meta(path).get("params", {}), expected)
        return self._known[path]

    def _is_current_run(self, curve: str, expected: Mapping[str, Any]) -> bool:
        run = json.loads(Path(curve).read_text(encoding="utf-8"))
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


def _time(path: str) -> int:
    return Path(path).stat().st_mtime_ns


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
