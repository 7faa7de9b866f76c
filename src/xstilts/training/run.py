"""A training run from start to end: resumed, with less memory, in float32, once more, and saved."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from xstilts.execution.cost.tally import Tally
from xstilts.execution.files import atomic_path
from xstilts.execution.parquet import read_meta
from xstilts.execution.signals import Stop, stop_on_signal
from xstilts.training.checkpoint import ResumeState
from xstilts.training.curve import BFLOAT16, FIRST, write_curve
from xstilts.training.encoder import PROVENANCE
from xstilts.training.history import Attempt
from xstilts.training.loop import HalfUpdatedError, TrainingLoop
from xstilts.training.memory import free_memory
from xstilts.training.model import save_model
from xstilts.training.precision import NotFiniteError, name_of
from xstilts.training.training_run import TrainingRun

log = logging.getLogger(__name__)


def train(
    job: TrainingRun,
    output: Path,
    curve: Path,
    resume_folder: Path,
    tally: Tally | None = None,
    made: Callable[[], Mapping[str, Any]] = dict,
) -> str:
    """Train, keep the best weights by English development score, save them to `output`.

    Of several tasks the mean of their scores decides. A run whose loss or outputs are not finite in
    bfloat16 is made once more in float32. One that learnt nothing (`xstilts.training.collapse`) is
    recorded as such, and trained once more with another seed if the settings say so.

    Args:
        output: folder for the encoder (Hugging Face layout), its heads and provenance.
        curve: Parquet file for loss and development scores by step (`schemas.CURVES`).
        resume_folder: where the state of an unfinished run lives.
        tally: counts what this process passes through the encoder, and its steps.
        made: says at the end what made the curve, for its metadata.

    Returns:
        The precision that the encoder was computed in, such as `bfloat16`.

    Raises:
        InterruptedBySignal: SIGTERM or Ctrl-C came; the next call goes on from the saved state.
        XstiltsError: bad input, too little memory for one example, or the loss is no longer a
            number, in float32 either.
    """
    resume = ResumeState(resume_folder, job.fingerprint())
    tally = tally or Tally()
    with stop_on_signal() as stop, resume.locked(stop) as waited:
        if waited and _is_there(job, resume.fingerprint, output, curve):
            log.info("%s: the other process has trained it", job.name)
            resume.clear()
            return str(read_meta(curve)["precision"])
        attempt, given_up = job, dict[str, Attempt]()
        while True:
            state = resume.of(attempt.fingerprint())
            record = state.given_up()
            if record is None:
                loop = _finished(attempt, state, stop, tally)
                why = _why_again(loop, given_up)
                if why is None:
                    _save(loop, given_up, output, curve, made)
                    return name_of(loop.model.precision)
                record = Attempt(why, loop.at.history.table())
                state.give_up(record)
                del loop
            if "not_finite" in record.outcome:
                given_up[BFLOAT16] = record
                attempt = attempt.in_float32()
            else:
                given_up[FIRST] = record
                attempt = attempt.once_more()


def _why_again(loop: TrainingLoop, given_up: Mapping[str, Attempt]) -> dict[str, Any] | None:
    """What became of an attempt that is given up for another one; None of one that is kept."""
    job = loop.job
    if loop.not_finite:
        log.warning("%s: once more in float32", loop.not_finite)
        return {"seed": job.seed, "not_finite": loop.not_finite, **loop.spent()}
    again = job.settings.restart_collapsed and FIRST not in given_up
    if again and (why := loop.collapsed()):
        log.warning("%s collapsed (%s): once more", job.name, why)
        return {"seed": job.seed, **loop.outcome()}
    return None


def _is_there(job: TrainingRun, fingerprint: str, output: Path, curve: Path) -> bool:
    """Whether this very run, or a later attempt at it, lies there as a whole."""
    try:
        saved = json.loads((output / PROVENANCE).read_text(encoding="utf-8"))
        made = {each["fingerprint"] for each in (saved, read_meta(curve))}
    except (OSError, ValueError, KeyError):
        return False
    again = job.once_more()
    later = (each.fingerprint() for each in (again, job.in_float32(), again.in_float32()))
    return made == {fingerprint} or made in ({each} for each in later)


def _finished(job: TrainingRun, resume: ResumeState, stop: Stop, tally: Tally) -> TrainingLoop:
    """The run at its end, or where a loss or an output was not finite, if not in float32.

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
        except NotFiniteError as error:
            if loop.model.precision == torch.float32:
                raise
            loop.not_finite = str(error)
            return loop
        except HalfUpdatedError as error:
            message = str(error)
        loop.halve(message, "the optimizer")
        fewer, device = loop.at.micro_batch_tokens, loop.device
        del loop
        free_memory(device)


def _save(
    loop: TrainingLoop,
    given_up: Mapping[str, Attempt],
    output: Path,
    curve: Path,
    made: Callable[[], Mapping[str, Any]],
) -> None:
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
        "restarted": FIRST in given_up,
        "precision": name_of(loop.model.precision),
        "float32_retry": given_up[BFLOAT16].outcome["not_finite"] if BFLOAT16 in given_up else "",
        "device": str(loop.device),
        "threads": torch.get_num_threads(),
    }
    with atomic_path(output) as part:
        save_model(loop.model.cpu(), loop.tokenizer, part, provenance)
    kept = Attempt({**provenance, **outcome}, loop.at.history.table())
    write_curve(curve, kept, given_up, made())
    loop.resume.clear()
