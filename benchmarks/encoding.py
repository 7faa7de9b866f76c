"""Prediction and embedding on a CPU: bfloat16, padding, and layers that nothing reads.

    python benchmarks/encoding.py [--data-root XTREME] [--items 200] [--rounds 5] [--threads 1]

MiniLM (6 layers, 384 dimensions) predicts an English slice of XNLI: in bfloat16 where the
processor has it, in float32, and in float32 as XTREME's scripts do, in batches in the order of the
file padded to 128 tokens (google-research/xtreme, third_party/run_classify.py). Classes agree but
for one in fifty, outputs within 3 % of their spread. Then an encoder of random weights with 24
layers of 256 dimensions embeds the same sentences by its layer 14, beside the whole of it, which is
what asking transformers for hidden states computes; vectors are equal bit for bit.

The limits: products, of which padding makes as many more as positions are computed, the ratio is
printed; and 24/14 = 1.71 of the layers.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from measure import Row, compared, in_turn, machine, multiplies_in_bfloat16, table
from slices import MAX_LENGTH, encoder, task_data
from transformers import BertConfig, BertModel

from xstilts.config.encoders import RetrievalSettings
from xstilts.config.tasks import TASKS
from xstilts.features.batches import Features, micro_batches
from xstilts.features.kinds import kind_of
from xstilts.features.kinds.base import collate
from xstilts.features.tokenizer import load_tokenizer
from xstilts.prediction.embed import embed
from xstilts.training.model import TaskModel, build_model, run

TASK = TASKS["xnli"]
BATCH = 32
BUDGET = BATCH * MAX_LENGTH
LAYERS, LAYER = 24, 14
CPU = torch.device("cpu")


@torch.inference_mode()
def padded(model: TaskModel, features: Features, pad_id: int) -> None:
    """Batches in the order of the file, every input padded to `MAX_LENGTH`."""
    for start in range(0, len(features), BATCH):
        inputs = collate(features, range(start, min(start + BATCH, len(features))), pad_id)
        missing = MAX_LENGTH - inputs["input_ids"].shape[1]
        fill = {"input_ids": pad_id}
        model(
            {
                name: torch.nn.functional.pad(tensor, (0, missing), value=fill.get(name, 0))
                for name, tensor in inputs.items()
            },
            TASK.key,
        )


def prediction(folder: Path, features: Features, rounds: int) -> Iterator[Row]:
    """Ours in both precisions, and batches padded to the maximum length."""
    kind = kind_of(TASK)
    pad_id = load_tokenizer(folder).pad_token_id
    model = build_model(folder, [kind], 0.0, {TASK.key: 0}).eval()
    outputs: dict[str, np.ndarray] = {}

    def ours(dtype: torch.dtype) -> None:
        model.precision = dtype
        found = run(model, kind, features, pad_id=pad_id, batch_tokens=BUDGET, device=CPU)
        outputs[str(dtype)] = np.stack(found)

    programs = {
        "float32": partial(ours, torch.float32),
        "padded": partial(padded, model, features, pad_id),
    }
    if multiplies_in_bfloat16() != "none":
        programs["bf16"] = partial(ours, torch.bfloat16)
    times = in_turn(programs, rounds)
    positions = sum(
        len(rows) * int(features.lengths[rows].max())
        for rows in micro_batches(range(len(features)), features.lengths, BUDGET)
    )
    limit = f"{len(features) * MAX_LENGTH / positions:.1f} times the positions"
    yield compared("predict xnli, float32", times["float32"], times["padded"],
                   "padded to 128", None, limit)  # fmt: skip
    if "bf16" in times:
        exact, rounded = outputs["torch.float32"], outputs["torch.bfloat16"]
        other = (exact.argmax(1) != rounded.argmax(1)).mean()
        error = np.abs(exact - rounded).max() / np.ptp(exact)
        if other > 0.02 or error > 0.03:
            raise SystemExit(f"bfloat16 differs: {other:.1%} of the classes, outputs {error:.1%}")
        yield compared("predict xnli, bf16", times["bf16"], times["float32"],
                       "float32", 2.4, "products")  # fmt: skip


def embedding(folder: Path, features: Features, work: Path, rounds: int) -> Row:
    """The states of an inner layer, computed no further than to it, and through all layers."""
    deep = work / "deep"
    tokenizer = load_tokenizer(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=256,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        intermediate_size=1024,
        max_position_embeddings=512,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(deep)
    tokenizer.save_pretrained(deep)
    settings = RetrievalSettings(layer=LAYER)

    def stopped() -> None:
        embed(deep, [features], settings, "cpu", work / "stopped.npy", wanted="float32")

    def whole() -> None:
        with patch("xstilts.prediction.embed.layers_of", lambda *_: []):
            embed(deep, [features], settings, "cpu", work / "whole.npy", wanted="float32")

    times = in_turn({"stopped": stopped, "whole": whole}, rounds)
    if not np.array_equal(np.load(work / "stopped.npy"), np.load(work / "whole.npy")):
        raise SystemExit("vectors of the layer differ from those of the whole encoder")
    limit = f"{LAYERS}/{LAYER} = {LAYERS / LAYER:.2f} of the layers"
    return compared(f"embed by layer {LAYER} of {LAYERS}", times["stopped"], times["whole"],
                    "all layers", 1.7, limit)  # fmt: skip


def rows(root: Path | None, items: int, rounds: int) -> Iterator[Row]:
    """All rows of the table."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        folder = encoder(work / "encoder")
        data = task_data(TASK.key, "train", items, folder, work, root)
        features = Features.read(data.features)
        yield from prediction(folder, features, rounds)
        yield embedding(folder, features, work, rounds)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data-root", type=Path, help="XTREME's folder; generated data without it")
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{machine()}; {options.threads} threads")
    print(table(rows(options.data_root, options.items, options.rounds)))


if __name__ == "__main__":
    main()
