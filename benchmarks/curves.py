"""What it costs to save a training run's history while it goes on, and to keep it at the end.

The peer is what the training loop did before: one JSON object a step, all of them in the state
that each save replaces, and in an indented file at the end. Both save a model of two weights, so
that the history is all that differs.

    python benchmarks/curves.py [--steps 300000] [--saves 100] [--rounds 3]

The limit is to write each number once: 16 bytes a step of loss and learning rate, of which the
losses have as much content as float32. A save of everything so far grows with the run, and the sum
over a run with its square.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import save_file

from xstilts.data.schemas import CURVES
from xstilts.execution.files import atomic_path, write_json
from xstilts.execution.parquet import read_table
from xstilts.training.checkpoint import Progress, ResumeState
from xstilts.training.curve import write_curve
from xstilts.training.history import Attempt

EVALUATE_EVERY = 1000
OUTCOME = {"collapsed": "", "best_step": 1, "best_dev_score": 0.0, "steps": 0}
Rows = list[dict[str, Any]]


class Cost(NamedTuple):
    """Of the saves of a run and of its end: CPU seconds, wall seconds and bytes written."""

    cpu: float
    wall: float
    first: int
    last: int
    written: int
    end_cpu: float
    end_bytes: int


def noted(steps: int) -> Rows:
    """Steps of a run whose losses fall and scatter: sums of two numbers of 32 bits, as they are."""
    rng = np.random.default_rng(0)
    level = 0.4 + np.exp(-np.arange(steps) / (steps / 5)) / 2
    halves = (level * rng.lognormal(0, 0.4, (2, steps)) / 2).astype(np.float32).astype(np.float64)
    rates = 2e-5 * np.minimum(np.arange(steps) / (steps / 10), 1 - np.arange(steps) / steps)
    rows = []
    for number, (loss, rate) in enumerate(zip(halves.sum(0).tolist(), rates.tolist(), strict=True)):
        row = {"step": number + 1, "source": "xnli", "loss": loss, "learning_rate": rate}
        if (number + 1) % EVALUATE_EVERY == 0:
            score = 100 * float(rng.random())
            task = {"task": "xnli", "score": score, "loss": None, "constant": False}
            row |= {"dev": score, "dev_by_task": [task]}
        rows.append(row)
    return rows


def as_before(row: dict[str, Any]) -> dict[str, Any]:
    """What the JSON had of a step: no learning rate, and no source where there is one alone."""
    found = {"step": row["step"], "loss": row["loss"]}
    return found | ({"dev": row["dev"], "constant": [False]} if "dev" in row else {})


def size(folder: Path) -> dict[Path, tuple[int, int]]:
    """Of each file when it was written and how large it is."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in files}


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """CPU and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def run(folder: Path, saves: list[Callable[[], Any]], end: Callable[[], Any], kept: Path) -> Cost:
    """The cost of saves, one after the other, and of the file that is kept at the end."""
    cpus, walls, sizes = [], [], []
    for save in saves:
        before = size(folder)
        cpu, wall = timed(save)
        after = size(folder)
        cpus.append(cpu)
        walls.append(wall)
        sizes.append(sum(held[1] for path, held in after.items() if before.get(path) != held))
    end_cpu, _ = timed(end)
    return Cost(
        sum(cpus), sum(walls), sizes[0], sizes[-1], sum(sizes), end_cpu, kept.stat().st_size
    )


def before(folder: Path, pieces: list[Rows]) -> Cost:
    """The whole history as JSON in the state, at every save."""
    history: Rows = []
    model = {"weight": torch.zeros(2)}

    def save(piece: Rows) -> None:
        history.extend(map(as_before, piece))
        encoded = bytearray(json.dumps({"step": len(history), "history": history}).encode())
        progress = torch.frombuffer(encoded, dtype=torch.uint8)
        with atomic_path(folder / "state.safetensors") as part:
            save_file({**model, "progress": progress}, part, metadata={"fingerprint": "x"})

    kept = folder.with_name("before.json")
    saves = [lambda piece=piece: save(piece) for piece in pieces]
    return run(folder, saves, lambda: write_json(kept, {**OUTCOME, "history": history}), kept)


def now(folder: Path, pieces: list[Rows]) -> Cost:
    """The steps since the last save in a file of their own."""
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.AdamW(model.parameters())
    state, at = ResumeState(folder, "x"), Progress()

    def save(piece: Rows) -> None:
        for row in piece:
            at.history.append(**row)
        at.step += len(piece)
        state.save(model, optimizer, at)

    kept = folder.with_name("now.parquet")
    saves = [lambda piece=piece: save(piece) for piece in pieces]
    return run(
        folder, saves, lambda: write_curve(kept, Attempt(OUTCOME, at.history.table()), {}, {}), kept
    )


def check(folder: Path) -> None:
    """Both have kept the same numbers, to the last bit."""
    old = json.loads((folder / "before.json").read_text())["history"]
    new = read_table(folder / "now.parquet", CURVES)
    assert [row["loss"].hex() for row in old] == [each.hex() for each in new["loss"].to_pylist()]
    assert [row.get("dev") for row in old] == new["dev"].to_pylist()


def main() -> None:
    """Print both, and the median of the ratios round by round."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=300_000)
    parser.add_argument("--saves", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rows = noted(options.steps)
    each = options.steps // options.saves
    pieces = [rows[start : start + each] for start in range(0, each * options.saves, each)]
    assert len(list(chain(*pieces))) == options.steps
    rounds: dict[str, list[Cost]] = {"before": [], "now": []}
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as name:
            for way, measure in (("before", before), ("now", now)):
                folder = Path(name, way)
                folder.mkdir()
                rounds[way].append(measure(folder, pieces))
                shutil.rmtree(folder)
            check(Path(name))
    print(f"{options.steps:,} steps, {options.saves} saves, medians of {options.rounds} rounds")
    for way, costs in rounds.items():
        cost = Cost(*map(statistics.median, zip(*costs, strict=True)))
        print(
            f"{way:>7}: saves {cost.cpu:.2f} CPU s ({cost.wall:.2f} s),"
            f" first {cost.first / 1e3:,.0f} kB, last {cost.last / 1e3:,.0f} kB,"
            f" all {cost.written / 1e6:,.1f} MB;"
            f" end {cost.end_cpu:.2f} CPU s, {cost.end_bytes / 1e6:.2f} MB"
        )
    for what in ("cpu", "written", "end_cpu", "end_bytes"):
        pairs = zip(rounds["before"], rounds["now"], strict=True)
        ratios = sorted(getattr(a, what) / getattr(b, what) for a, b in pairs)
        middle = statistics.median(ratios)
        print(f"{what}: {middle:.1f} times less ({ratios[0]:.1f} to {ratios[-1]:.1f})")


if __name__ == "__main__":
    main()
