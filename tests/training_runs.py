"""Small training runs on made-up data; as a program it runs one, so that it can be killed.

python training_runs.py DATA OUTPUT TASK SETTINGS_AS_JSON
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch


def prepare(
    folder: Path,
    keys: tuple[str, ...] = ("xnli", "udpos", "squad_v1"),
    *,
    train: int = 96,
    hidden: int = 32,
    layers: int = 2,
) -> None:
    """Data, features and a tiny encoder for these tasks under `folder`."""
    from tiny_encoders import write_tiny_bert
    from tiny_xtreme import write_tiny_xtreme

    from xstilts.config.settings import Tokenisation
    from xstilts.config.tasks import TASKS
    from xstilts.data.build import build_part
    from xstilts.execution.parquet import write_table
    from xstilts.features.build import tokenise
    from xstilts.graph.locate import Unit, find_files

    write_tiny_xtreme(folder / "xtreme", train=train, test=24)
    texts = [
        line
        for path in sorted((folder / "xtreme").rglob("*-en.*"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    write_tiny_bert(folder / "encoder", texts, hidden, layers)
    for key in keys:
        for part in ("train", "dev"):
            source, files = find_files(TASKS[key], part, "en", folder / "xtreme")
            unit = Unit(part, "en", tuple(map(str, files)), source.reader)
            data, meta = build_part(TASKS[key], part, [unit], source="folder", limits={})
            write_table(folder / f"{key}-{part}.parquet", data, meta)
            lengths = Tokenisation(max_length=64, doc_stride=32).model_dump()
            table, meta = tokenise(TASKS[key], data, folder / "encoder", lengths)
            write_table(folder / f"{key}-{part}-features.parquet", table, meta)


def prepare_text(folder: Path, documents: int = 200, *, hidden: int = 32, layers: int = 2) -> None:
    """Text, its features and a new tiny encoder for it under `folder`."""
    from xstilts.config.encoders import Architecture, TokenizerSettings
    from xstilts.config.tasks import TASKS, TEXT
    from xstilts.data.build import build_part
    from xstilts.execution.parquet import write_table
    from xstilts.features.build import tokenise
    from xstilts.graph.locate import Unit
    from xstilts.training.new_encoder import new_encoder

    rng = random.Random(0)
    words = [a + b for a in ("ba", "ku", "mi", "so") for b in ("de", "lo", "ra", "tu")]
    # Every word of a document foretells the others, so that there is something to learn.
    lines = [" ".join([rng.choice(words)] * rng.randint(3, 9)) for _ in range(documents)]
    path = folder / "en.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    unit = Unit("train", "en", (str(path),), "text_lines")
    parts = {
        part: build_part(TASKS[TEXT], part, [unit], source="folder", limits={}, dev_share=0.1)
        for part in ("train", "dev")
    }
    new_encoder(
        parts["train"][0]["text"].to_pylist(),
        seed=7,
        architecture=Architecture(
            hidden_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=2,
            intermediate_size=2 * hidden,
            max_length=16,
        ),
        tokenizer=TokenizerSettings(vocab_size=80),
        provenance={},
        output=folder / "encoder",
    )
    for part, (data, meta) in parts.items():
        write_table(folder / f"{TEXT}-{part}.parquet", data, meta)
        table, meta = tokenise(TASKS[TEXT], data, folder / "encoder", {"max_length": 16})
        write_table(folder / f"{TEXT}-{part}-features.parquet", table, meta)


def parts(folder: Path, keys: Sequence[str], part: str) -> tuple[Any, ...]:
    """The prepared data of these tasks as a training run takes them."""
    from xstilts.config.tasks import TASKS
    from xstilts.features.kinds.tagging import with_open_labels
    from xstilts.training.training_run import TaskData

    return tuple(
        TaskData(
            key=key,
            task=with_open_labels(TASKS[key], folder / f"{key}-train.parquet"),
            data=folder / f"{key}-{part}.parquet",
            features=folder / f"{key}-{part}-features.parquet",
        )
        for key in keys
    )


def training_run(folder: Path, key: str, **settings: Any):
    """The run that `run_once` executes: on one task, or a mixture of them joined by `+`."""
    from xstilts.config.settings import Mixing, TrainingSettings
    from xstilts.training.training_run import TrainingRun

    save_every = settings.pop("save_every_seconds", 300)
    device = settings.pop("device", "cpu")
    # A run of a process of its own is compared with one of the tests' (`conftest`).
    precision = settings.pop("precision", "float32" if device == "cpu" else "auto")
    mixing = settings.pop("mixing", {})
    chosen = {"epochs": 3, "learning_rate": 3e-3, "batch_size": 8, "evaluate_every": None}
    keys = key.split("+")
    return TrainingRun(
        name=f"tiny/none/target/{key}",
        phase="target",
        encoder=folder / "encoder",
        sources=parts(folder, keys, "train"),
        dev=parts(folder, [each for each in keys if each != "text" or keys == ["text"]], "dev"),
        settings=TrainingSettings.model_validate({**chosen, **settings}),
        mixing=Mixing.model_validate(mixing),
        seed=7,
        code="tests",
        device=device,
        precision=precision,
        save_every_seconds=save_every,
    )


@contextmanager
def breaking(breaks: Callable[[Any, bool], bool]) -> Iterator[None]:
    """Encoders that are loaded meanwhile give states that are no numbers where `breaks` says so.

    It is asked at every pass, with the encoder and whether it computes in bfloat16.
    """
    import torch

    from xstilts.training import model

    load = model.load_encoder

    def loaded(*args: Any) -> Any:
        encoder = load(*args)

        def spoil(module: Any, _: Any, output: Any) -> None:
            if breaks(module, torch.is_autocast_enabled("cpu")):
                output.last_hidden_state = output.last_hidden_state * float("nan")

        encoder.register_forward_hook(spoil)
        return encoder

    with patch.object(model, "load_encoder", loaded):
        yield


def in_bfloat16_after(passes: int) -> Callable[[Any, bool], bool]:
    """From so many passes in bfloat16 on, in this process; never in float32."""
    left = passes

    def breaks(_: Any, is_bfloat16: bool) -> bool:
        nonlocal left
        left -= is_bfloat16
        return is_bfloat16 and left < 0

    return breaks


def run_once(data: Path, output: Path, key: str, **settings: Any) -> None:
    """Train into `output`/model with its resume state in `output`/resume.

    `break_after`: the encoder gives no numbers from so many passes in bfloat16 on.
    """
    if (passes := settings.pop("break_after", None)) is not None:
        with breaking(in_bfloat16_after(passes)):
            run_once(data, output, key, **settings)
        return

    import torch

    from xstilts.training.run import train

    torch.set_num_threads(1)
    # On a GPU only then the same inputs give the same weights. It says so if it cannot be.
    torch.use_deterministic_algorithms(settings.get("device", "cpu") != "cpu")
    job = training_run(data, key, **settings)
    train(job, output / "model", output / "curve.parquet", output / "resume")


def weights(output: Path) -> dict[str, Any]:
    """The parameters of the encoder and of its heads that a run left."""
    from safetensors.torch import load_file

    model = load_file(output / "model/model.safetensors")
    return model | {f"head.{k}": v for k, v in load_file(output / "model/head.safetensors").items()}


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Whether two sets of parameters are equal bit for bit."""
    return a.keys() == b.keys() and all(a[name].equal(b[name]) for name in a)


def outcome(output: Path) -> dict[str, Any]:
    """What became of a run."""
    from xstilts.execution.parquet import read_meta

    return read_meta(output / "curve.parquet")


def history(output: Path, attempt: str = "kept") -> list[dict[str, Any]]:
    """What a run, or an attempt that it gave up, noted of each step."""
    from xstilts.data.schemas import CURVES
    from xstilts.execution.parquet import read_table

    rows = read_table(output / "curve.parquet", CURVES).to_pylist()
    return [
        {name: value for name, value in row.items() if name != "attempt" and value is not None}
        for row in rows
        if row["attempt"] == attempt
    ]


def losses(output: Path) -> list[tuple[Any, ...]]:
    """Of each step what does not depend on how often the run was interrupted."""
    return [
        (entry["step"], entry["loss"], entry["source"], entry.get("dev"))
        for entry in history(output)
    ]


def killed_again_and_again(
    data: Path, folder: Path, key: str, settings: dict[str, Any], signal_number: int, times: int = 4
) -> None:
    """A run that is killed at so many moments ends exactly as one that was left alone."""
    run_once(data, folder / "whole", key, **settings)
    command = [sys.executable, __file__, str(data), str(folder / "killed"), key]
    moments = random.Random(signal_number)
    state = folder / "killed/resume/state.safetensors"
    kills = 0
    for _ in range(40):
        process = subprocess.Popen([*command, json.dumps(settings)], stderr=subprocess.PIPE)
        if kills < times:
            # Wait until it is past its start-up and has gone on, then strike at any moment,
            # that of saving included: with save_every_seconds 0 it saves after each step.
            before = state.stat().st_mtime_ns if state.exists() else 0
            while process.poll() is None and (
                not state.exists() or state.stat().st_mtime_ns == before
            ):
                time.sleep(0.001)
            time.sleep(moments.uniform(0, 0.15))
            process.send_signal(signal_number)
        _, errors = process.communicate(timeout=600)
        if process.returncode == 0:
            break
        kills += 1
        assert kills <= times, errors.decode()
    assert kills >= max(1, times // 2)
    assert same(weights(folder / "whole"), weights(folder / "killed"))
    assert losses(folder / "whole") == losses(folder / "killed")


if __name__ == "__main__":
    run_once(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], **json.loads(sys.argv[4]))
