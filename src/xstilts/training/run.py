"""A training run from start to end: resumed, with less memory, once more, and saved."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import torch

from xstilts.execution.cost.tally import Tally
from xstilts.execution.files import atomic_path, write_json
from xstilts.execution.parquet import read_meta
from xstilts.execution.signals import Stop, stop_on_signal
from xstilts.training.checkpoint import ResumeState
from xstilts.training.encoder import PROVENANCE
from xstilts.training.loop import HalfUpdatedError, TrainingLoop
from xstilts.training.memory import free_memory
from xstilts.training.model import save_model
from xstilts.training.training_run import TrainingRun

log = logging.getLogger(__name__)


def train(
    job: TrainingRun,
    output: Path,
    curve: Path,
    resume_folder: Path,
    tally: Tally | None = None,
) -> None:
    """Train, keep the best weights by English development score, save them to `output`.

    Of several tasks the mean of their scores decides. A run that learnt nothing
    (`xstilts.training.collapse`) is recorded as such, and trained once more if the settings say so.

    Args:
        output: folder for the encoder (Hugging Face layout), its heads and provenance.
        curve: JSON file for the loss and development scores by step.
        resume_folder: where the state of an unfinished run lives.
        tally: counts what this process passes through the encoder, and its steps.

    Raises:
        InterruptedBySignal: SIGTERM or Ctrl-C came; the next call goes on from the saved state.
        XstiltsError: bad input, too little memory for one example, or the loss is no longer a
            number.
    """
    resume = ResumeState(resume_folder, job.fingerprint())
    tally = tally or Tally()
    with stop_on_signal() as stop, resume.locked(stop) as waited:
        if waited and _is_there(job, resume.fingerprint, output, curve):
            log.info("%s: the other process has trained it", job.name)
            resume.clear()
            return
        first = resume.first_attempt()
        if first is None:
            loop = _finished(job, resume, stop, tally)
            if not (job.settings.restart_collapsed and loop.collapsed()):
                _save(loop, None, output, curve)
                return
            first = {"seed": job.seed, **loop.outcome()}
            log.warning("%s collapsed (%s): once more", job.name, first["collapsed"])
            resume.give_up(first)
            del loop
        again = job.once_more()
        loop = _finished(again, resume.once_more(again.fingerprint()), stop, tally)
        _save(loop, first, output, curve)


def _is_there(job: TrainingRun, fingerprint: str, output: Path, curve: Path) -> bool:
    """Whether this very run, or its second attempt, lies there as a whole."""
    try:
        made = {
            json.loads(path.read_text(encoding="utf-8"))["fingerprint"]
            for path in (output / PROVENANCE, curve)
        }
    except (OSError, ValueError, KeyError):
        return False
    return made in ({fingerprint}, {job.once_more().fingerprint()})


def _finished(job: TrainingRun, resume: ResumeState, stop: Stop, tally: Tally) -> TrainingLoop:
    """The run at its end.

    With weights of which some were updated and others not, what follows would be no function of
    the run's inputs. So it is taken up where it was saved last, as after an interruption, with
    smaller micro-batches.
    """
    fewer = 0
    while True:
        loop = TrainingLoop(job, resume, tally)
        loop.at.micro_batch_tokens = fewer or loop.at.micro_batch_tokens
        try:
            loop.run(stop)
            return loop
        except HalfUpdatedError as error:
            message = str(error)
        loop.halve(message, "the optimizer")
        fewer, device = loop.at.micro_batch_tokens, loop.device
        del loop
        free_memory(device)


def _save(loop: TrainingLoop, first: dict[str, Any] | None, output: Path, curve: Path) -> None:
    job = loop.job
    outcome = loop.outcome()
    loop.resume.load_best(loop.model, loop.at)
    provenance = {
        "run": job.name,
        "tasks": [source.key for source in job.sources],
        "seed": job.seed,
        "settings": job.settings.model_dump(mode="json"),
        "mixing": job.mixing.model_dump(mode="json"),
        "code": job.code,
        "data": {source.key: read_meta(source.data) for source in job.sources},
        "fingerprint": loop.resume.fingerprint,
        "best_step": loop.at.best_step,
        "best_dev_score": loop.at.best_value,
        "collapsed": outcome["collapsed"],
        "restarted": first is not None,
        "device": str(loop.device),
        "threads": torch.get_num_threads(),
    }
    with atomic_path(output) as part:
        save_model(loop.model.cpu(), loop.tokenizer, part, provenance)
    write_json(curve, {**provenance, **outcome, "first_attempt": first})
    loop.resume.clear()
