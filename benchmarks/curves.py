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
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from measure import Times, compared, in_turn, machine, table
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
    """Of one run: seconds of all saves and of its end, bytes of each save and of what is kept."""

    saves: Times
    end: Times
    sizes: list[int]
    kept: int


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


def sizes(folder: Path) -> dict[Path, tuple[int, int]]:
    """Of each file when it was written and how large it is."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in files}


def run(folder: Path, saves: list[Callable[[], Any]], end: Callable[[], Any], kept: Path) -> Cost:
    """The cost of saves, one after the other, and of the file that is kept at the end."""
    found = Cost(Times(), Times(), [], 0)
    for save in saves:
        earlier = sizes(folder)
        (spent,) = in_turn({"": save}, 1, warm_up=False).values()
        found.saves.cpu += spent.cpu
        found.saves.wall += spent.wall
        new = (held for path, held in sizes(folder).items() if earlier.get(path) != held)
        found.sizes.append(sum(size for _, size in new))
    (ended,) = in_turn({"": end}, 1, warm_up=False).values()
    return found._replace(end=ended, kept=kept.stat().st_size)


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

    folder.mkdir()
    kept = folder.with_name("before.json")
    saves = [lambda piece=piece: save(piece) for piece in pieces]
    return run(folder, saves, lambda: write_json(kept, {**OUTCOME, "history": history}), kept)


def now(folder: Path, pieces: list[Rows]) -> Cost:
    """The steps since the last save in a file of their own."""
    folder.mkdir()
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


WAYS = {"before": before, "now": now}


def check(folder: Path) -> None:
    """Both have kept the same numbers, to the last bit."""
    old = json.loads((folder / "before.json").read_text())["history"]
    new = read_table(folder / "now.parquet", CURVES)
    assert [row["loss"].hex() for row in old] == [each.hex() for each in new["loss"].to_pylist()]
    assert [row.get("dev") for row in old] == new["dev"].to_pylist()


def main() -> None:
    """Print the table of times, and the bytes that both have written."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=300_000)
    parser.add_argument("--saves", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rows = noted(options.steps)
    each = math.ceil(options.steps / options.saves)
    pieces = [rows[start : start + each] for start in range(0, options.steps, each)]
    times = {way: (Times(), Times()) for way in WAYS}
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as name:
            costs = {way: measure(Path(name, way), pieces) for way, measure in WAYS.items()}
            check(Path(name))
        for way, cost in costs.items():
            for held, spent in zip(times[way], (cost.saves, cost.end), strict=True):
                held.cpu.append(sum(spent.cpu))
                held.wall.append(sum(spent.wall))
    print(machine())
    whats = (f"save {options.steps:,} steps in {len(pieces)} saves", "write what is kept")
    print(
        table(
            compared(what, ours, peer, "all of it as JSON", None, "the fixed cost of a file")
            for what, ours, peer in zip(whats, times["now"], times["before"], strict=True)
        )
    )
    for way, cost in costs.items():
        print(
            f"{way}: first save {cost.sizes[0] / 1e3:,.0f} kB, last {cost.sizes[-1] / 1e3:,.0f} kB,"
            f" all {sum(cost.sizes) / 1e6:,.1f} MB; kept {cost.kept / 1e6:.2f} MB"
        )


if __name__ == "__main__":
    main()
