"""Made-up curves of training runs, as training writes them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from xstilts.training.curve import write_curve
from xstilts.training.history import Attempt, History

Place = dict[str, Any]
CHANCE = "the training loss ends at 99 % of chance"


def place(recipe: str, train_set: str = "", seed: int = 1, encoder: str = "enc") -> Place:
    """Of a run on a train set, of intermediate training without one."""
    phase = "target" if train_set else "intermediate"
    run = {"encoder": encoder, "recipe": recipe, "phase": phase, "train_set": train_set}
    return {**run, "seed": seed}


def steps(count: int, sources: Sequence[str] = ("xnli",), every: int = 10) -> History:
    """Steps on each source in turn, scored every so often; the n-th has the loss n + 1/step."""
    made = History()
    for step in range(1, count + 1):
        number = (step - 1) % len(sources)
        noted = {
            "step": step,
            "source": sources[number],
            "loss": number + 1 / step,
            "learning_rate": 1e-5 * (1 - step / (count + 1)),
        }
        if step % every == 0:
            scores = [50 + 40 * math.sin(step / count) + place for place in range(len(sources))]
            noted |= {
                "dev": sum(scores) / len(scores),
                "dev_by_task": [
                    {"task": source.split("@")[0], "score": score, "loss": None, "constant": False}
                    for source, score in zip(sources, scores, strict=True)
                    if source != "text"
                ],
            }
        made.append(**noted)
    return made


def write_run(
    path: Path,
    count: int = 100,
    sources: Sequence[str] = ("xnli",),
    *,
    every: int = 10,
    collapsed: str = "",
    given_up: Mapping[str, tuple[int, dict[str, Any]]] | None = None,
) -> Path:
    """A run whose last checkpoint but one is kept.

    Args:
        given_up: attempt to its number of steps and what became of it.
    """
    earlier = {
        name: Attempt({**outcome, "steps": number, "seconds": 1.0}, steps(number).table())
        for name, (number, outcome) in (given_up or {}).items()
    }
    outcome = {
        **{"collapsed": collapsed, "steps": count, "seconds": count / 10},
        **{"best_step": (count // every - 1) * every, "best_dev_score": 71.5},
    }
    kept = Attempt(outcome, steps(count, sources, every).table())
    write_curve(path, kept, earlier, {"rule": "train_target"})
    return path


def write_grid(
    folder: Path,
    encoders: Sequence[str],
    recipes: Mapping[str, Sequence[str]],
    train_sets: Sequence[str],
    seeds: Sequence[int],
    count: int,
) -> Iterator[tuple[Place, Path]]:
    """All runs of a grid; recipes with the sources that they mix, none of the baseline."""
    for encoder in encoders:
        for recipe, sources in recipes.items():
            for train_set in ("", *train_sets) if sources else train_sets:
                for seed in seeds:
                    at = place(recipe, train_set, seed, encoder)
                    path = folder / f"{encoder}-{recipe}-{train_set}-{seed}.parquet"
                    yield at, write_run(path, count, sources if not train_set else (train_set,))
