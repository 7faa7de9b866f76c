"""Training on a CPU, a whole run with load and save, beside `transformers.Trainer`.

    python benchmarks/training.py [--data-root XTREME] [--items 640] [--rounds 3] [--threads 1]

MiniLM (6 layers, 384 dimensions) on English slices of UDPOS and XNLI, one epoch in batches of 16.
Ours is `training.run.train`, in bfloat16 where the processor has it and in float32; the peer is the
Trainer in float32 with batches grouped by length and fused AdamW, and once more with every input
padded to 128 tokens, as XTREME's scripts do it (google-research/xtreme, third_party). Both train on
the same tokens, and the mean loss of the last half of the steps must agree within 15 %.

The limit is arithmetic: the products of a pass forward and back, of which the peer in float32 makes
as many. Without padding there is nothing else to win in float32; in bfloat16 a processor with
AVX-512 makes twice as many in an instruction, with AMX sixteen times as many.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch
import transformers
from measure import Row, compared, in_turn, machine, multiplies_in_bfloat16, table
from slices import MAX_LENGTH, encoder, task_data

from xstilts.config.settings import TrainingSettings
from xstilts.config.tasks import Kind
from xstilts.execution.cost.tally import Tally
from xstilts.training.precision import Precision
from xstilts.training.run import train
from xstilts.training.training_run import TaskData, TrainingRun

BATCH, RATE = 16, 1e-4
# Of the mean loss of the last half of the steps: batches come in another order.
TOLERANCE = 0.15
AIMS = {"udpos": (2.0, 7.0), "xnli": (2.0, 6.0)}
Losses = list[float]


def ours(folder: Path, data: TaskData, dev: TaskData, precision: Precision, work: Path) -> Losses:
    """Train as the workflow does; losses by step."""
    settings = TrainingSettings(
        epochs=1, batch_size=BATCH, learning_rate=RATE, evaluate_every=None, head_dropout=0.1
    )
    run = TrainingRun(
        name=f"minilm/none/target/{data.key}",
        phase="target",
        encoder=folder,
        sources=(data,),
        dev=(dev,),
        settings=settings,
        seed=1,
        code="benchmark",
        precision=precision,
    )
    with tempfile.TemporaryDirectory(dir=work) as name:
        output = Path(name)
        curve = output / "curve.parquet"
        train(run, output / "model", curve, output / "resume", Tally())
        return pq.read_table(curve)["loss"].to_pylist()


def theirs(folder: Path, data: TaskData, dev: TaskData, work: Path, *, padded: bool) -> Losses:
    """The same with `transformers.Trainer`."""
    architecture, options = {
        Kind.TAGGING: (transformers.AutoModelForTokenClassification, {"num_labels": 17}),
        Kind.PAIR: (transformers.AutoModelForSequenceClassification, {"num_labels": 3}),
    }[data.task.kind]
    examples = _examples(data)
    collate = partial(_batch, width=MAX_LENGTH if padded else None)
    with tempfile.TemporaryDirectory(dir=work) as name:
        arguments = transformers.TrainingArguments(
            output_dir=name,
            num_train_epochs=1,
            per_device_train_batch_size=BATCH,
            per_device_eval_batch_size=4 * BATCH,
            learning_rate=RATE,
            warmup_steps=len(examples) // BATCH // 10,
            optim="adamw_torch_fused",
            use_cpu=True,
            train_sampling_strategy="random" if padded else "group_by_length",
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            seed=1,
        )
        trainer = transformers.Trainer(
            model=architecture.from_pretrained(folder, attn_implementation="sdpa", **options),
            args=arguments,
            train_dataset=examples,
            eval_dataset=_examples(dev),
            data_collator=collate,
        )
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
        trainer.evaluate()
        trainer.save_model(f"{name}/model")
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def _examples(data: TaskData) -> list[dict[str, Any]]:
    label = "label" if data.task.kind is Kind.PAIR else "labels"
    rows = pq.read_table(data.features, columns=["input_ids", label]).to_pylist()
    return [{"input_ids": row["input_ids"], "labels": row[label]} for row in rows]


def _batch(rows: Sequence[dict[str, Any]], width: int | None) -> dict[str, torch.Tensor]:
    lengths = [len(row["input_ids"]) for row in rows]
    longest = width or max(lengths)

    def filled(name: str, fill: int) -> torch.Tensor:
        return torch.tensor([row[name] + [fill] * (longest - len(row[name])) for row in rows])

    tagged = isinstance(rows[0]["labels"], list)
    return {
        "input_ids": filled("input_ids", 0),
        "attention_mask": torch.tensor([[1] * n + [0] * (longest - n) for n in lengths]),
        "labels": filled("labels", -100) if tagged else torch.tensor([r["labels"] for r in rows]),
    }


def rows(root: Path | None, items: int, rounds: int) -> Iterator[Row]:
    """Ours in both precisions beside both peers, for each task."""
    transformers.utils.logging.set_verbosity_error()
    hardware = multiplies_in_bfloat16()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        folder = encoder(work / "encoder")
        for key, (aim, aim_padded) in AIMS.items():
            data = task_data(key, "train", items, folder, work, root)
            dev = task_data(key, "dev", 64, folder, work, root)
            losses: dict[str, Losses] = {}

            def kept(who: str, made: Callable[[], Losses], losses: dict = losses) -> None:
                losses[who] = made()

            programs: dict[str, Callable[[], Losses]] = {
                "float32": lambda d=data, v=dev: ours(folder, d, v, "float32", work),
                "Trainer": lambda d=data, v=dev: theirs(folder, d, v, work, padded=False),
                "Trainer, padded": lambda d=data, v=dev: theirs(folder, d, v, work, padded=True),
            }
            if hardware != "none":
                programs["bf16"] = lambda d=data, v=dev: ours(folder, d, v, "bf16", work)
            times = in_turn({who: partial(kept, who, do) for who, do in programs.items()}, rounds)
            _require_alike(key, losses)
            best = "bf16" if "bf16" in times else "float32"
            for precision in dict.fromkeys((best, "float32")):
                own = times[precision]
                for peer, goal in (("Trainer", aim), ("Trainer, padded", aim_padded)):
                    aimed = goal if precision == "bf16" else None
                    yield compared(
                        f"train {key}, {precision}", own, times[peer], peer, aimed, "products"
                    )


def _require_alike(key: str, losses: dict[str, Losses]) -> None:
    ends = {who: statistics.fmean(each[len(each) // 2 :]) for who, each in losses.items()}
    steps = {who: len(each) for who, each in losses.items()}
    reference = ends["Trainer"]
    if len(set(steps.values())) > 1 or any(
        abs(end - reference) > TOLERANCE * reference for end in ends.values()
    ):
        raise SystemExit(f"{key}: not the same training: steps {steps}, last losses {ends}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data-root", type=Path, help="XTREME's folder; generated data without it")
    parser.add_argument("--items", type=int, default=640)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{machine()}; {options.threads} threads")
    print(table(rows(options.data_root, options.items, options.rounds)))


if __name__ == "__main__":
    main()
