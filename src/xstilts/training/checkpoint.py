"""The state of an unfinished training run: replaced atomically, gone at success.

It holds model, optimizer and step; what was noted of each step lies beside it. Random numbers need
no state: every step derives its own seed, and the order of the data is a function of (seed, epoch).
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from xstilts.errors import InterruptedBySignal, XstiltsError
from xstilts.execution.files import atomic_path
from xstilts.execution.locks import Lock
from xstilts.execution.parquet import read_meta, read_table, write_table
from xstilts.execution.signals import Stop
from xstilts.training.history import ENCODINGS, STEPS, Attempt, History

log = logging.getLogger(__name__)

_STATE = "state.safetensors"
_LOCK = "lock"
_PROGRESS = "progress"
# Folders with the history of each attempt, by its fingerprint.
_HISTORIES = "history"


@dataclass
class Progress:
    """How far a run is. Steps are optimizer steps; `best_value` is the development score.

    `tokens` and `token_pairs` (the sum of squared lengths) are those trained on, padding excluded.
    `micro_batch_tokens` is not 0 once memory did not suffice for the configured number.
    """

    step: int = 0
    best_step: int = -1
    best_value: float = float("-inf")
    best_constant: bool = True
    since_best: int = 0
    stopped: bool = False
    seconds: float = 0.0
    tokens: int = 0
    token_pairs: int = 0
    micro_batch_tokens: int = 0
    history: History = field(default_factory=History)


class ResumeState:
    """A folder with the last state and the best weights so far of one run.

    `fingerprint` identifies everything that the run depends on; a state with another
    fingerprint is thrown away.
    """

    def __init__(self, folder: str | Path, fingerprint: str) -> None:
        self.folder = Path(folder)
        self.fingerprint = fingerprint
        self._lock = Lock(self.folder / _LOCK)
        self._is_held = False

    @contextmanager
    def locked(self, stop: Stop) -> Iterator[bool]:
        """Hold the folder; two processes on one run would destroy each other's state.

        Yields:
            Whether another process had to be waited for: it may have done all there is to do.

        Raises:
            InterruptedBySignal: a signal came while waiting.
        """
        waited = False

        def go_on(_lives_for_certain: bool) -> bool:
            nonlocal waited
            if not waited:
                log.warning(
                    "%s: %s is training this run: waiting for it", self.folder, self._lock.holder
                )
            waited = True
            return not stop.asked

        if not self._lock.acquire(go_on):
            raise InterruptedBySignal(f"{self.folder}: stopped while waiting for another process")
        self._is_held = True
        try:
            yield waited
        finally:
            self._is_held = False
            self._lock.release()

    def of(self, fingerprint: str) -> ResumeState:
        """The state of another attempt at the run in the same folder, held together with this."""
        other = copy(self)
        other.fingerprint = fingerprint
        return other

    def given_up(self) -> Attempt | None:
        """This attempt, if it was given up for another one."""
        path = self._given_up
        return Attempt(read_meta(path), read_table(path, STEPS)) if path.is_file() else None

    def give_up(self, attempt: Attempt) -> None:
        """Note what became of this attempt, so that after an interruption it is not made again."""
        write_table(self._given_up, attempt.steps, attempt.outcome, ENCODINGS)

    def save(self, model: torch.nn.Module, optimizer: torch.optim.Optimizer, at: Progress) -> None:
        """Replace the saved state, and drop what it does not name: best weights, other histories.

        Steps are saved before the state that counts them.
        """
        self._check_held()
        at.history.save(self._history)
        tensors = _own_weights(model)
        for name, parameter in model.named_parameters():
            for key, value in optimizer.state.get(parameter, {}).items():
                tensors[f"optimizer.{key}.{name}"] = torch.as_tensor(value)
        progress = {name: value for name, value in vars(at).items() if name != "history"}
        encoded = bytearray(json.dumps(progress).encode())
        tensors[_PROGRESS] = torch.frombuffer(encoded, dtype=torch.uint8)
        self._write(self.folder / _STATE, tensors)
        for path in self.folder.glob("best-*.safetensors"):
            if path != self._best(at.best_step):
                path.unlink(missing_ok=True)
        for path in self.folder.glob(f"{_HISTORIES}/*"):
            if path != self._history:
                shutil.rmtree(path, ignore_errors=True)

    def save_best(self, model: torch.nn.Module, step: int) -> None:
        """Save the best weights so far; earlier ones stay until a state names these."""
        tensors = _own_weights(model)
        self._write(self._best(step), tensors)

    def load(self, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> Progress:
        """Put the saved state into model and optimizer; a new run if there is none."""
        path = self.folder / _STATE
        if not self._is_ours(path):
            return self._anew()
        tensors = load_file(path)
        progress = Progress(**json.loads(tensors.pop(_PROGRESS).numpy().tobytes()))
        if progress.best_step >= 0 and not self._is_ours(self._best(progress.best_step)):
            log.warning("%s: the best weights are gone: starting anew", path)
            return self._anew()
        history = History.load(self._history, progress.step)
        if history is None:
            log.warning("%s: what was noted of its steps is gone: starting anew", path)
            return self._anew()
        progress.history = history
        _put(tensors, model)
        for name, parameter in model.named_parameters():
            for key in ("step", "exp_avg", "exp_avg_sq"):
                value = tensors.get(f"optimizer.{key}.{name}")
                if value is not None:
                    optimizer.state[parameter][key] = value.to(parameter.device)
        log.info("resuming after step %d", progress.step)
        return progress

    def load_best(self, model: torch.nn.Module, at: Progress) -> None:
        """Put the best weights of the run into the model."""
        _put(load_file(self._best(at.best_step)), model)

    def clear(self) -> None:
        """Remove everything, the state first: without it the rest is a new run's rubbish."""
        self._check_held()
        (self.folder / _STATE).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _anew(self) -> Progress:
        """The start of a run, whose history is not continued by what a killed one left of its."""
        shutil.rmtree(self._history, ignore_errors=True)
        return Progress()

    @property
    def _history(self) -> Path:
        return self.folder / _HISTORIES / self.fingerprint

    @property
    def _given_up(self) -> Path:
        return self.folder / f"given-up-{self.fingerprint}.parquet"

    def _best(self, step: int) -> Path:
        return self.folder / f"best-{step}.safetensors"

    def _check_held(self) -> None:
        """What another process relies on is left alone.

        Raises:
            XstiltsError: the folder is another's by now.
        """
        if self._is_held and self._lock.is_lost:
            raise XstiltsError(
                f"{self._lock.holder} has taken this run over, for this process stood still",
                where=self.folder,
                hint="nothing is lost: a retry waits for it and leaves",
            )

    def _write(self, path: Path, tensors: dict[str, Tensor]) -> None:
        self._check_held()
        owned = {key: value.detach().contiguous() for key, value in tensors.items()}
        with atomic_path(path) as part:
            save_file(owned, part, metadata={"fingerprint": self.fingerprint})

    def _is_ours(self, path: Path) -> bool:
        """Whether a whole file of this run, with these settings, data and code, lies there."""
        if not path.is_file():
            return False
        try:
            with safe_open(path, framework="pt") as handle:
                meta = handle.metadata() or {}
        except SafetensorError as error:
            log.warning("%s cannot be read (%s): starting anew", path, error)
            return False
        if meta.get("fingerprint") != self.fingerprint:
            log.info("%s belongs to other settings, data or code: starting anew", path)
            return False
        return True


def _saved_as(model: torch.nn.Module) -> dict[str, str]:
    """Each weight's name to that under which it is saved: the first of those tied to each other."""
    first: dict[int, str] = {}
    weights = model.state_dict(keep_vars=True)
    return {name: first.setdefault(id(weight), f"model.{name}") for name, weight in weights.items()}


def _own_weights(model: torch.nn.Module) -> dict[str, Tensor]:
    """The weights of a model by the names under which they are saved, tied ones once."""
    weights = model.state_dict()
    return {saved: weights[saved.removeprefix("model.")] for saved in _saved_as(model).values()}


def _put(tensors: dict[str, Tensor], model: torch.nn.Module) -> None:
    model.load_state_dict({name: tensors[saved] for name, saved in _saved_as(model).items()})
