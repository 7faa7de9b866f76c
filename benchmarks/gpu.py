"""What training does on a GPU, beside `transformers.Trainer`, and what else depends on the device.

    PYTHONPATH=src python benchmarks/gpu.py [--output gpu.json]

Tokens a second at batches of 4 and 32, of tagging, pairs and questions of 384 tokens: ours is the
training loop as the workflow runs it, theirs computes in bfloat16 too, with fused AdamW, scaled
dot-product attention, batches grouped by length and, where all inputs are of one length,
`torch.compile`. Then a run that is interrupted, one that meets the end of memory, heads beside
the CPU's, exact search, and the device's peak. Encoders have XLM-R base's size and random weights.

It needs torch, transformers (with accelerate for the comparison), pyarrow and scipy, no other
dependency of xstilts. What does not fit into `--minutes` is left out, and the table says so.
`--quick` tries the script itself, with an encoder of nearly no size: its figures mean nothing.
"""

# ruff: noqa: E402 - what stands in for a library comes before what imports it

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

# cuBLAS is deterministic with a workspace of fixed size alone, read when it is first used.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import transformers
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel


class _Values:
    """As much of pydantic's BaseModel as settings need that are known to be valid."""

    def __init__(self, **values: Any) -> None:
        vars(self).update(values)

    def model_dump(self, **_: Any) -> dict[str, Any]:
        names = (
            name for kind in type(self).__mro__ for name in vars(kind).get("__annotations__", ())
        )
        return {name: getattr(self, name) for name in names}


def _stand_in(name: str, **members: Any) -> None:
    """Something to import where a library is missing of which training uses no more than that."""
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        module = ModuleType(name)
        vars(module).update(members)
        sys.modules[name] = module


_stand_in(
    "pydantic",
    BaseModel=_Values,
    ConfigDict=dict,
    Field=lambda default=None, **_: default,
    create_model=lambda name, **_: type(name, (_Values,), {}),
    field_validator=lambda *_, **__: lambda function: function,
    model_validator=lambda *_, **__: lambda function: function,
)
# It computes scores, of which none is computed here; metrics only write their expressions down.
_Expression = type(
    "_Expression",
    (),
    dict.fromkeys(
        ["__getattr__", "__call__", "__invert__"]
        + [
            f"__{name}__"
            for name in ["add", "sub", "mul", "truediv", "radd", "rsub", "rmul", "rtruediv"]
        ]
        + [f"__{name}__" for name in ["eq", "ne", "gt", "ge", "lt", "le", "and", "or"]],
        lambda self, *_, **__: self,
    ),
)
_stand_in("polars", __getattr__=lambda _: _Expression())

from xstilts.config.settings import TrainingSettings
from xstilts.config.tasks import TASKS, TEXT, Kind
from xstilts.data.schemas import DATA
from xstilts.errors import InterruptedBySignal, XstiltsError
from xstilts.execution.cost.tally import Tally
from xstilts.execution.parquet import write_table
from xstilts.execution.signals import Stop
from xstilts.features.batches import Features
from xstilts.features.kinds import kind_of
from xstilts.features.tokenizer import load_tokenizer
from xstilts.prediction.screen import screen
from xstilts.training.checkpoint import ResumeState
from xstilts.training.loop import TrainingLoop
from xstilts.training.memory import free_memory
from xstilts.training.model import build_model, pick_device, to_device
from xstilts.training.precision import mixed_precision, precision
from xstilts.training.training_run import TaskData, TrainingRun

Row = dict[str, Any]
# Ids that texts are made of; before them come XLM-R's special tokens, behind them the mask.
_WORDS = range(4, 999)


@dataclass(frozen=True)
class Scale:
    """How large everything is. `room` is the memory in bytes beyond model and optimizer."""

    hidden: int = 768
    layers: int = 12
    heads: int = 12
    vocabulary: int = 250_002
    warm_up: int = 10
    steps: int = 40
    batches: tuple[int, ...] = (4, 32)
    longest: int = 384
    queries: int = 8192
    searched: int = 131_072
    matrix: int = 8192
    room: int = 6 * 2**30


QUICK = Scale(
    hidden=32,
    layers=2,
    heads=2,
    vocabulary=1000,
    warm_up=1,
    steps=3,
    batches=(4,),
    longest=48,
    queries=64,
    searched=512,
    matrix=128,
)


class Bench:
    """The device, and a folder with an encoder and made-up features of each kind of task."""

    def __init__(self, scale: Scale, device: torch.device, folder: Path) -> None:
        self.scale, self.device, self.folder = scale, device, folder
        self.encoder = folder / "encoder"
        config = XLMRobertaConfig(
            vocab_size=scale.vocabulary,
            hidden_size=scale.hidden,
            num_hidden_layers=scale.layers,
            num_attention_heads=scale.heads,
            intermediate_size=4 * scale.hidden,
            max_position_embeddings=514,
            type_vocab_size=1,
            layer_norm_eps=1e-5,
        )
        torch.manual_seed(0)
        XLMRobertaModel(config, add_pooling_layer=False).save_pretrained(self.encoder)
        first, words = ("<s>", "<pad>", "</s>", "<unk>"), (f"w{number}" for number in _WORDS)
        pieces = [(piece, -1.0) for piece in (*first, *words, "<mask>")]
        PreTrainedTokenizerFast(
            tokenizer_object=Tokenizer(models.Unigram(pieces, unk_id=3)),
            **dict(zip(("bos_token", "pad_token", "eos_token", "unk_token"), first, strict=True)),
            mask_token="<mask>",
        ).save_pretrained(self.encoder)

    def synchronised(self) -> float:
        """The time in seconds when all is done that the device was given to do."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def fresh(self) -> None:
        """Give the device's memory back and forget its peak."""
        free_memory(self.device)
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()

    def peak_gb(self) -> float | None:
        """GB that were allocated at once since `fresh`; None on the CPU."""
        return torch.cuda.max_memory_allocated() / 1e9 if self.device.type == "cuda" else None

    def task(self, key: str, count: int) -> TaskData:
        """`count` features of a task, of lengths as its English data has them."""
        path = self.folder / f"{key}-{count}.parquet"
        if not path.is_file():
            task = TASKS[key]
            rng = np.random.default_rng(count)
            lengths = _lengths(task.kind, count, self.scale.longest, rng)
            texts = [[0, *rng.choice(_WORDS, length - 2), 2] for length in lengths]
            columns = {"item": range(count), "input_ids": texts}
            columns |= _gold(task.kind, lengths, len(task.labels), rng)
            pq.write_table(pa.table(columns, schema=kind_of(task).schema(type_ids=False)), path)
        return TaskData(key=key, task=TASKS[key], data=path, features=path)

    def loop(self, key: str, batch: int, steps: int, folder: str = "resume", **more: Any):
        """The training loop for so many steps of a task."""
        job = TrainingRun(
            name=f"benchmark/{key}",
            phase="target",
            encoder=self.encoder,
            sources=(self.task(key, batch * steps),),
            dev=more.pop("dev", ()),
            settings=TrainingSettings(epochs=1, batch_size=batch, evaluate_every=None, **more),
            seed=1,
            code="benchmark",
            device=self.device.type,
        )
        (self.folder / folder).mkdir(exist_ok=True)
        return TrainingLoop(job, ResumeState(self.folder / folder, "benchmark"), Tally())


def _lengths(kind: Kind, count: int, longest: int, rng: np.random.Generator) -> np.ndarray:
    """Tokens an input: UD-POS has a median of some 22, MNLI of some 38; questions fill windows."""
    if kind in (Kind.SPAN, Kind.CHOICE):
        return np.full(count, longest)
    median = 22 if kind is Kind.TAGGING else 38
    return np.clip(rng.lognormal(np.log(median), 0.5, count), 4, min(128, longest)).astype(int)


def _gold(kind: Kind, lengths: np.ndarray, labels: int, rng: np.random.Generator) -> Row:
    """What features hold beside their ids."""
    if kind is Kind.TAGGING:
        words = [[-1, *range(n - 2), -1] for n in lengths]
        return {
            "words": words,
            "labels": [[-100, *rng.integers(labels, size=n - 2), -100] for n in lengths],
        }
    if kind is Kind.SPAN:
        places = [list(range(n)) for n in lengths]
        starts = rng.integers(1, lengths - 2)
        return {"char_start": places, "char_end": places, "start": starts, "end": starts + 1}
    if kind is Kind.CHOICE:
        return {
            "choice_lengths": [[n // 4] * 3 + [n - 3 * (n // 4)] for n in lengths],
            "label": rng.integers(4, size=len(lengths)),
        }
    return {"label": rng.integers(labels, size=len(lengths))} if kind is Kind.PAIR else {}


SHAPES = {"tagging": "udpos", "pairs": "xnli", "questions": "squad_v1"}


def training(bench: Bench) -> Iterator[Callable[[], Row]]:
    """Tokens a second of ours and theirs, padding not counted."""
    for shape, key in SHAPES.items():
        for batch in bench.scale.batches:
            yield lambda s=shape, k=key, b=batch: {"shape": s, "batch": b, **ours(bench, k, b)}
            yield lambda s=shape, k=key, b=batch: {"shape": s, "batch": b, **theirs(bench, k, b)}
    if bench.device.type == "cuda":
        for batch in bench.scale.batches:
            yield lambda b=batch: {
                "shape": "questions",
                "batch": b,
                **theirs(bench, "squad_v1", b, compiled=True),
            }


def ours(bench: Bench, key: str, batch: int) -> Row:
    """Steps of the training loop."""
    bench.fresh()
    warm_up, steps = bench.scale.warm_up, bench.scale.steps
    loop = bench.loop(key, batch, warm_up + steps)
    for step in range(warm_up):
        loop.one_step(step)
    started, before = bench.synchronised(), loop.at.tokens
    for step in range(warm_up, warm_up + steps):
        loop.one_step(step)
    seconds = bench.synchronised() - started
    rate = (loop.at.tokens - before) / seconds
    return {"who": "xstilts", "tokens_per_second": rate, "peak_gb": bench.peak_gb()}


def theirs(bench: Bench, key: str, batch: int, *, compiled: bool = False) -> Row:
    """The same number of steps of `transformers.Trainer` on the same features."""
    bench.fresh()
    warm_up, steps = bench.scale.warm_up, bench.scale.steps
    gpu = bench.device.type == "cuda"
    task = bench.task(key, batch * (warm_up + steps))
    clock: list[float] = []
    tokens: list[torch.Tensor] = []

    class Timed(transformers.Trainer):
        def training_step(self, model: Any, inputs: Row, *rest: Any, **named: Any) -> Any:
            if self.state.global_step == warm_up:
                clock.append(bench.synchronised())
            if self.state.global_step >= warm_up:
                tokens.append(inputs["attention_mask"].sum())
            return super().training_step(model, inputs, *rest, **named)

    class AtTheEnd(transformers.TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step == warm_up + steps:
                clock.append(bench.synchronised())

    with tempfile.TemporaryDirectory() as folder:
        options: Row = {
            "output_dir": folder,
            "max_steps": warm_up + steps,
            "per_device_train_batch_size": batch,
            "learning_rate": 1e-5,
            "warmup_steps": warm_up,
            "optim": "adamw_torch_fused",
            "bf16": precision(bench.device) == torch.bfloat16,
            "torch_compile": compiled,
            "dataloader_num_workers": 2 if gpu else 0,
            "use_cpu": not gpu,
            "save_strategy": "no",
            "logging_strategy": "no",
            "report_to": "none",
            "disable_tqdm": True,
        }
        fields = transformers.TrainingArguments.__dataclass_fields__
        if "train_sampling_strategy" in fields:
            options["train_sampling_strategy"] = "group_by_length"
        else:
            options["group_by_length"] = True
        trainer = Timed(
            model=_their_model(bench.encoder, task),
            args=transformers.TrainingArguments(**options),
            train_dataset=_examples(task),
            data_collator=lambda rows: _padded(rows, 1),
            callbacks=[AtTheEnd()],
        )
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
    rate = sum(int(each) for each in tokens) / (clock[1] - clock[0])
    who = "Trainer, compiled" if compiled else "Trainer"
    return {"who": who, "tokens_per_second": rate, "peak_gb": bench.peak_gb()}


def _their_model(encoder: Path, task: TaskData) -> transformers.PreTrainedModel:
    architecture, options = {
        Kind.TAGGING: (transformers.AutoModelForTokenClassification, {"num_labels": 17}),
        Kind.PAIR: (transformers.AutoModelForSequenceClassification, {"num_labels": 3}),
        Kind.SPAN: (transformers.AutoModelForQuestionAnswering, {}),
    }[task.task.kind]
    return architecture.from_pretrained(encoder, attn_implementation="sdpa", **options)


def _examples(task: TaskData) -> list[Row]:
    names = {
        Kind.TAGGING: {"labels": "labels"},
        Kind.PAIR: {"label": "labels"},
        Kind.SPAN: {"start": "start_positions", "end": "end_positions"},
    }[task.task.kind]
    rows = pq.read_table(task.features, columns=["input_ids", *names]).to_pylist()
    return [{names.get(name, name): value for name, value in row.items()} for row in rows]


def _padded(rows: list[Row], pad_id: int) -> dict[str, torch.Tensor]:
    width = max(len(row["input_ids"]) for row in rows)

    def filled(name: str, fill: int) -> torch.Tensor:
        return torch.tensor([row[name] + [fill] * (width - len(row[name])) for row in rows])

    batch = {"input_ids": filled("input_ids", pad_id)}
    batch["attention_mask"] = (batch["input_ids"] != pad_id).long()
    for name in rows[0].keys() - {"input_ids"}:
        ragged = isinstance(rows[0][name], list)
        batch[name] = filled(name, -100) if ragged else torch.tensor([row[name] for row in rows])
    return batch


class _StopAfter(Stop):
    """A wish to end that comes after so many steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    @property
    def asked(self) -> bool:
        self.left -= 1
        return self.left < 0


def resuming(bench: Bench) -> Row:
    """A run that is interrupted in its middle, beside one that is not; how long its state takes."""
    bench.fresh()
    steps = 8
    texts = bench.folder / "texts.parquet"
    dev = bench.task(TEXT, 16)
    rows = [{name: str(row) for name in DATA[Kind.MLM].names} for row in range(16)]
    write_table(texts, pa.Table.from_pylist(rows, schema=DATA[Kind.MLM]), {})
    torch.use_deterministic_algorithms(True)

    def loop(folder: str) -> TrainingLoop:
        return bench.loop(TEXT, 8, steps, folder, dev=(replace(dev, data=texts),))

    try:
        whole = loop("whole")
        whole.run(Stop())
        expected = {name: value.cpu() for name, value in whole.model.state_dict().items()}
        del whole
        bench.fresh()
        stopped = loop("stopped")
        try:
            stopped.run(_StopAfter(steps // 2))
        except InterruptedBySignal:
            pass
        else:
            raise RuntimeError("it was not interrupted")
        started = bench.synchronised()
        stopped.resume.save(stopped.model, stopped.optimizer, stopped.at)
        saved = bench.synchronised() - started
        del stopped
        bench.fresh()
        started = bench.synchronised()
        resumed = loop("stopped")
        loaded = bench.synchronised() - started
        at = resumed.at.step
        resumed.run(Stop())
        found = resumed.model.state_dict()
        return {
            "interrupted_after": at,
            "steps": steps,
            "save_seconds": saved,
            "start_seconds": loaded,
            "equal": all(torch.equal(found[name].cpu(), value) for name, value in expected.items()),
        }
    finally:
        torch.use_deterministic_algorithms(False)


def end_of_memory(bench: Bench) -> Row:
    """A batch for which the device's memory is made too small."""
    bench.fresh()
    if bench.device.type != "cuda":
        return {"left_out": "the CPU's memory cannot be made smaller"}
    asked = 256 * bench.scale.longest
    loop = bench.loop("squad_v1", 256, 1, micro_batch_tokens=asked)
    limit = torch.cuda.memory_reserved() + bench.scale.room
    total = torch.cuda.get_device_properties(bench.device).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, limit / total))
    try:
        started = bench.synchronised()
        loss = loop.one_step(0)["loss"]
        seconds = bench.synchronised() - started
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    tokens = loop.micro_batch_tokens
    return {
        "tokens_asked_for": asked,
        "tokens_that_fit": tokens,
        "halved": tokens < asked,
        "seconds": seconds,
        "loss": loss,
        "peak_gb": bench.peak_gb(),
    }


def heads(bench: Bench) -> Iterator[Callable[[], Row]]:
    """Outputs of each kind's head beside those of the CPU in float32 from the same states."""
    for key in (*SHAPES.values(), "cosmosqa", TEXT):
        yield lambda key=key: _head(bench, key)


@torch.inference_mode()
def _head(bench: Bench, key: str) -> Row:
    bench.fresh()
    task = bench.task(key, 8)
    kind, features = kind_of(task.task), Features.read(task.features)
    tokenizer = load_tokenizer(bench.encoder)
    features, rows = kind.draw(features, np.arange(8), tokenizer, mask_ratio=0.15, seed=1)
    model = build_model(bench.encoder, [kind], 0.0, {key: 1}).eval().to(bench.device)
    seen: list[torch.Tensor] = []
    model.encoder.register_forward_hook(lambda *call: seen.append(call[-1].last_hidden_state))
    inputs = kind.inputs(features, rows, 1)
    positions = kind.positions(features, rows, inputs["input_ids"].shape[1])
    with mixed_precision(bench.device, precision(bench.device)):
        where = None if positions is None else positions.to(bench.device)
        found = model(to_device(inputs, bench.device), key, where)
    states = seen[0].float().cpu()
    states = states if positions is None else states.flatten(0, 1)[positions]
    expected = model.cpu().apply_head(states, inputs["attention_mask"], key)
    computed_in = str(found.dtype).removeprefix("torch.")
    # One row an item: of multiple choice the model sees each choice alone.
    found, expected = (kind.arrange(each.cpu(), features, rows) for each in (found, expected))
    axis = 1 if kind.task.kind is Kind.SPAN else -1
    return {
        "kind": kind.task.kind.value,
        "computed_in": computed_in,
        "greatest_difference": float((found.float() - expected).abs().max()),
        "same_choice": float((found.argmax(axis) == expected.argmax(axis)).float().mean()),
    }


def search(bench: Bench) -> Iterator[Callable[[], Row]]:
    """Queries a second of exact search by inner product, and how often float64 finds the same."""
    size = (bench.scale.searched, bench.scale.hidden)
    generator = torch.Generator().manual_seed(1)
    index = torch.nn.functional.normalize(torch.randn(size, generator=generator))
    asked = index[: bench.scale.queries] + 0.5 * torch.randn(
        (bench.scale.queries, bench.scale.hidden), generator=generator
    )
    reference: list[torch.Tensor] = []
    for name, dtype, tf32 in (
        ("float64", torch.float64, False),
        ("float32", torch.float32, False),
        ("tf32", torch.float32, True),
        ("bfloat16", torch.bfloat16, False),
    ):
        yield lambda n=name, d=dtype, t=tf32: _searched(bench, index, asked, n, d, t, reference)
    yield lambda: _screened(bench, index.numpy(), asked.numpy(), reference[0].numpy())


@torch.inference_mode()
def _searched(
    bench: Bench,
    index: torch.Tensor,
    asked: torch.Tensor,
    name: str,
    dtype: torch.dtype,
    tf32: bool,
    reference: list[torch.Tensor],
) -> Row:
    bench.fresh()
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    rows = index.to(bench.device, dtype)
    parts = [part.to(bench.device, dtype) for part in asked.split(1024)]
    (parts[0] @ rows.T).topk(2)
    started = bench.synchronised()
    found = torch.cat([(part @ rows.T).topk(2).indices[:, 0] for part in parts])
    seconds = bench.synchronised() - started
    torch.set_float32_matmul_precision("highest")
    reference.append(found.cpu())
    same = (reference[-1] == reference[0]).float().mean()
    return {
        "search_in": name,
        "queries_per_second": len(asked) / seconds,
        "as_float64": float(same),
    }


def _screened(bench: Bench, index: np.ndarray, asked: np.ndarray, nearest: np.ndarray) -> Row:
    """Pairs that can be the two nearest, both ways; how often float64's nearest is among them."""
    bench.fresh()
    device = str(bench.device)
    screen(asked[:1024], index, 2, device=device)
    started = bench.synchronised()
    found = screen(asked, index, 2, device=device)
    seconds = bench.synchronised() - started
    rows = np.setdiff1d(np.arange(len(asked)), found.open_x)
    pairs = found.x * len(index) + found.y
    return {
        "search_in": "screened both ways",
        "queries_per_second": (len(asked) + len(index)) / seconds,
        "as_float64": float(np.isin(rows * len(index) + nearest[rows], pairs).mean()),
        "pairs_a_query": len(pairs) / (len(asked) + len(index)),
        "open_queries": len(found.open_x) + len(found.open_y),
    }


def peak(bench: Bench) -> Iterator[Callable[[], Row]]:
    """The device's rate of multiplying square matrices."""
    for name, dtype, tf32 in (
        ("bfloat16", torch.bfloat16, False),
        ("tf32", torch.float32, True),
        ("float32", torch.float32, False),
    ):
        yield lambda n=name, d=dtype, t=tf32: _multiplied(bench, n, d, t)


@torch.inference_mode()
def _multiplied(bench: Bench, name: str, dtype: torch.dtype, tf32: bool) -> Row:
    bench.fresh()
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    size, times = bench.scale.matrix, 10
    one, other = (torch.randn(size, size, device=bench.device, dtype=dtype) for _ in range(2))
    for _ in range(3):
        one @ other
    started = bench.synchronised()
    for _ in range(times):
        one @ other
    seconds = bench.synchronised() - started
    torch.set_float32_matmul_precision("highest")
    return {"multiplied_in": name, "tflops": 2 * size**3 * times / seconds / 1e12}


SECTIONS: dict[str, Callable[[Bench], Any]] = {
    "peak": peak,
    "heads": heads,
    "resume": lambda bench: [lambda: resuming(bench)],
    "memory": lambda bench: [lambda: end_of_memory(bench)],
    "search": search,
    "training": training,
}


def measure(bench: Bench, seconds: float) -> Iterator[tuple[str, Row]]:
    """Each section's rows; one that fails, or for which no time is left, says so in its place."""
    started = time.monotonic()
    for section, rows in SECTIONS.items():
        for row in rows(bench):
            begun = time.monotonic()
            if begun - started > seconds:
                yield section, {"left_out": "no time was left"}
                break
            try:
                found = row()
            except (ImportError, RuntimeError, XstiltsError) as error:
                found = {"left_out": f"{type(error).__name__}: {error}".partition("\n")[0]}
            yield section, {**found, "took_seconds": time.monotonic() - begun}


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"
    return str(value)


def main() -> None:
    """Print what was measured row by row, and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", choices=("auto", "cuda", "cpu"), default="auto")
    parser.add_argument("--quick", action="store_true", help="try the script with a tiny encoder")
    parser.add_argument("--minutes", type=float, default=7.0, help="begin nothing after so many")
    parser.add_argument("--output", type=Path, default=Path("gpu.json"))
    options = parser.parse_args()
    device = pick_device(options.device)
    machine = {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "precision": str(precision(device)),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    print(*(f"{name}: {value}" for name, value in machine.items()), sep="\n")
    results: dict[str, list[Row]] = {section: [] for section in SECTIONS}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(QUICK if options.quick else Scale(), device, Path(folder))
        for section, row in measure(bench, 60 * options.minutes):
            results[section].append(row)
            cells = (f"{name} {_shown(value)}" for name, value in row.items())
            print(f"{section:9} " + "  ".join(cells), flush=True)
            # After each row, so that an end from outside leaves what was measured.
            record = {**machine, "quick": options.quick, "results": results}
            options.output.write_text(json.dumps(record, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
