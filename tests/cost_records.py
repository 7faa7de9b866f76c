"""Made-up records of a small experiment: what a test of costs starts from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from xstilts.graph.paths import Paths

ENCODER = {
    "model_type": "xlm-roberta",
    "num_hidden_layers": 2,
    "hidden_size": 8,
    "intermediate_size": 16,
    "vocab_size": 100,
    "max_position_embeddings": 34,
    "type_vocab_size": 1,
}
# 2 layers · (4 · 8² + 2 · 8 · 16) weights in matrices; 4 · 2 layers · 8 hidden for a pair.
PER_TOKEN, PER_PAIR = 2 * 1024, 64


def write_record(
    rule: str,
    wildcards: Mapping[str, str],
    seconds: float,
    *,
    failed: Sequence[float] = (),
    joules: float | None = None,
    experiment: str = "tiny",
    gpu: int | None = None,
    amounts: Mapping[str, int] | None = None,
) -> None:
    """A record of a job in this folder; it takes 10 J a second unless told otherwise."""
    folder = Path(Paths(experiment).root) / "benchmarks" / rule
    path = folder / ("/".join(wildcards.values()) or "all")
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for place, wall in enumerate([*failed, seconds]):
        energy = 10 * wall if joules is None else joules
        lines.append(
            {
                "attempt": str(place),
                "rule": rule,
                "wildcards": dict(wildcards),
                "finished": place == len(failed),
                "started": "2026-01-01T00:00:00+00:00",
                "wall_seconds": wall,
                "cpu_seconds": wall / 2,
                "peak_memory_bytes": int(1e6 * wall),
                "peak_gpu_memory_bytes": gpu,
                "energy": {
                    "cpu": {"joules": energy, "source": "measured (RAPL)"},
                    "memory": {"joules": 0.0, "source": "estimated (0.3725 W a GB)"},
                    "gpu": None,
                },
                "hardware": {"cpu": "A processor", "cores": 2, "gpu": None},
                "amounts": dict(amounts or {}),
            }
        )
    path.with_suffix(".jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def write_experiment(targets: Sequence[str]) -> list[dict[str, str]]:
    """Records, encoder and features of `tiny`: recipes none and mnli, seeds 1 and 2.

    Every job of a training takes 100 s, of a prediction 10 s, and retrieval 5 s for each step.
    Training passes 1,000 tokens and 20,000 pairs forward and back, prediction 8 and 34 forward.
    """
    trained, predicted = tally(1_000, 20_000, steps=7), tally(8, 34)
    paths = Paths("tiny")
    encoder = Path(paths.encoder.format(encoder="e"))
    encoder.mkdir(parents=True)
    (encoder / "config.json").write_text(json.dumps(ENCODER))
    cells = []
    for recipe in ("none", "mnli"):
        for seed in ("1", "2"):
            at = {"encoder": "e", "recipe": recipe}
            if recipe != "none":
                write_record("train_intermediate", {**at, "seed": seed}, 90.0, amounts=trained)
            for target in targets:
                cell = {**at, "target": target, "seed": seed}
                retrieved = target in ("tatoeba", "bucc2018")
                if retrieved and recipe == "none" and seed != "1":
                    continue
                cells.append(cell)
                for rule in ("embed", "retrieve") if retrieved else ("predict",):
                    noted = None if rule == "retrieve" else predicted
                    write_record(rule, cell, 5.0 if retrieved else 10.0, amounts=noted)
                write_record("score", cell, 1.0)
            for train_set in {"xnli": "xnli", "xquad": "squad_v1"}.values():
                job = {**at, "train_set": train_set, "seed": seed}
                write_record("train_target", job, 100.0, amounts=trained)
    return cells


def write_past(experiment: str, steps: Mapping[str, int]) -> None:
    """A finished training on each train set, 20 steps a second, and the prediction of XNLI."""
    paths = Paths(experiment)
    encoder = Path(paths.encoder.format(encoder="e"))
    encoder.mkdir(parents=True)
    (encoder / "config.json").write_text(json.dumps(ENCODER))
    at = {"encoder": "e", "recipe": "none"}
    for train_set, number in steps.items():
        job = {**at, "train_set": train_set, "seed": "1"}
        done = tally(1_000_000, 20_000_000, steps=number)
        write_record("train_target", job, number / 20, experiment=experiment, amounts=done)
    predicted = {"inputs": 500, **tally(9_000, 200_000)}
    cell = {**at, "target": "xnli", "seed": "1"}
    write_record("predict", cell, 9.0, experiment=experiment, amounts=predicted)


def tally(tokens: int, pairs: int, steps: int = 0, predicted: int = 0) -> dict[str, int]:
    """What a job notes (`execution.cost.tally`) that trains for these steps, or only predicts."""
    times = 3 if steps else 1
    return {
        "inputs": 2,
        "tokens": times * tokens,
        "token_pairs": times * pairs,
        "predicted": times * predicted,
        "passes": times * max(steps, 1),
        "steps": steps,
    }
