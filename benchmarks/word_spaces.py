"""Tagging with and without the space before each word, for tokenizers that write it as a letter.

A Gemma-like and a Llama-3-like tokenizer are learned from running text of a slice of XTREME, and a
small encoder with each is pretrained on that text by the workflow's own functions. Then UDPOS and
PAN-X are trained on English twice: with words as `xstilts.features.words` gives them, and with
words as they stand in the files, which such a tokenizer reads as the end of the word before. All
test sentences of the slice are scored, by language.

    python benchmarks/word_spaces.py ../shared/data/xtreme-mini FOLDER [--family gemma] [--seeds 3]

What lies in FOLDER already is not made again, so it can be run in pieces.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from statistics import fmean
from unittest import mock

import pyarrow as pa
import torch

from xstilts.config.encoders import Architecture, PretrainingSettings, TokenizerSettings
from xstilts.config.settings import Tokenisation, TrainingSettings
from xstilts.config.tasks import TASKS, TEXT, Task
from xstilts.data.build import Unit, build_part
from xstilts.execution.parquet import write_table
from xstilts.features.batches import Features
from xstilts.features.build import tokenise
from xstilts.features.tiny_tokenizers import gemma, llama3
from xstilts.graph.locate import find_files
from xstilts.prediction.predict import predict
from xstilts.scoring.scores import LANGUAGE_SCORE, score_predictions
from xstilts.training.new_encoder import new_encoder
from xstilts.training.run import train
from xstilts.training.training_run import TaskData, TrainingRun

PIECES = 3000
LONGEST = 128
# Their running text has no spaces between words.
WITHOUT_SPACES = {"ja", "th", "zh", "my"}
ARCHITECTURE = Architecture(
    hidden_size=64,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=256,
    max_length=LONGEST,
    initialisation="mimetic",
)
PRETRAINING = PretrainingSettings(epochs=3, learning_rate=3e-3, batch_size=16)
TRAINING = TrainingSettings(epochs=2, learning_rate=1e-3, batch_size=16, evaluate_every=None)


def read(task: Task, part: str, split: str, root: Path) -> pa.Table:
    """This split in all languages that the slice has."""
    units = []
    for language in task.languages if part == "eval" else ("en",):
        if found := find_files(task, split, language, root):
            source, files = found
            units.append(Unit(split, language, tuple(map(str, files)), source.reader))
    return build_part(task, part, units, source="folder", limits={})[0]


def running_text(root: Path) -> list[str]:
    """Sentences and passages of the slice, none of them of the tagging tasks."""
    texts = []
    for key, columns in (("xnli", ("text_a", "text_b")), ("xquad", ("context",))):
        table = read(TASKS[key], "eval", "test", root)
        for column in columns:
            texts += table[column].to_pylist()
    texts += read(TASKS["squad_v1"], "train", "train", root)["context"].to_pylist()
    return list(dict.fromkeys(texts))


def prepared(
    folder: Path, name: str, task: Task, data: pa.Table, encoder: Path, lengths: dict
) -> TaskData:
    """Data and their features as a training run takes them."""
    write_table(folder / f"{name}.parquet", data, {})
    table, meta = tokenise(task, data, encoder, lengths)
    write_table(folder / f"{name}-features.parquet", table, meta)
    paths = folder / f"{name}.parquet", folder / f"{name}-features.parquet"
    return TaskData(key=task.key, task=task, data=paths[0], features=paths[1])


def pretrained(family: str, root: Path, folder: Path) -> Path:
    """A small encoder with this family's tokenizer."""
    output = folder / "pretrained"
    if output.is_dir():
        return output
    folder.mkdir(parents=True, exist_ok=True)
    texts = running_text(root)
    learn = {"gemma": gemma, "llama3": llama3}[family]
    with mock.patch(
        "xstilts.training.new_encoder.learn_tokenizer",
        lambda given, settings: learn(given, settings.vocab_size),
    ):
        new_encoder(
            texts,
            seed=1,
            architecture=ARCHITECTURE,
            tokenizer=TokenizerSettings(vocab_size=PIECES),
            provenance={},
            output=folder / "new",
        )
    (folder / "en.txt").write_text("\n".join(" ".join(t.split()) for t in texts), "utf-8")
    unit = Unit("train", "en", (str(folder / "en.txt"),), "text_lines")
    parts = [
        prepared(
            folder,
            part,
            TASKS[TEXT],
            build_part(
                TASKS[TEXT], part, [unit], source="folder", limits={}, dev_share=0.05
            )[0],
            folder / "new",
            {"max_length": LONGEST},
        )
        for part in ("train", "dev")
    ]  # fmt: skip
    run(parts, folder / "new", output, PRETRAINING, "pretraining", seed=1)
    return output


def run(
    parts: Sequence[TaskData],
    encoder: Path,
    output: Path,
    settings: TrainingSettings,
    phase: str,
    seed: int,
) -> None:
    """One training run, from the first part to the second as its development data."""
    job = TrainingRun(
        name=output.name,
        phase=phase,
        encoder=encoder,
        sources=(parts[0],),
        dev=(parts[1],),
        settings=settings,
        seed=seed,
        code="benchmark",
    )
    train(job, output, output.with_suffix(".json"), output.with_suffix(".resume"))


def tagged(key: str, root: Path, encoder: Path, folder: Path, seed: int) -> dict[str, float]:
    """Scores by language of one run."""
    found = folder / f"{key}-{seed}-scores.json"
    if not found.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        task, lengths = TASKS[key], Tokenisation(max_length=LONGEST).model_dump()
        data = {part: read(task, part, part, root) for part in ("train", "dev")}
        parts = [
            prepared(folder, f"{key}-{part}", task, table, encoder, lengths)
            for part, table in data.items()
        ]
        model = folder / f"{key}-{seed}"
        run(parts, encoder, model, TRAINING, "target", seed)
        test = read(task, "eval", "test", root)
        table, _ = predict(
            task,
            model,
            test,
            Features(tokenise(task, test, model, lengths)[0]),
            batch_tokens=8192,
            max_answer_length=30,
            device_name="cpu",
        )
        scores = {
            row["language"]: row["value"]
            for row in score_predictions(table, task).to_pylist()
            if row["metric"] == LANGUAGE_SCORE
        }
        found.write_text(json.dumps(scores), encoding="utf-8")
    return json.loads(found.read_text(encoding="utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--family", choices=("gemma", "llama3"))
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    for family in [args.family] if args.family else ["gemma", "llama3"]:
        encoder = pretrained(family, args.data, args.folder / family)
        for key in ("udpos", "panx"):
            as_they_stand = mock.patch(
                "xstilts.features.words.words_take_space", return_value=False
            )
            for name, words in (("with", nullcontext()), ("without", as_they_stand)):
                folder = args.folder / family / name
                with words:
                    runs = [
                        tagged(key, args.data, encoder, folder, seed)
                        for seed in range(1, args.seeds + 1)
                    ]
                mean = {each: fmean(scores[each] for scores in runs) for each in runs[0]}
                others = [mean[each] for each in mean if each not in {"en", *WITHOUT_SPACES}]
                apart = [mean[each] for each in mean if each in WITHOUT_SPACES]
                print(
                    f"{family:7} {key:6} {name:8} en {mean['en']:5.1f}"
                    f" ({min(s['en'] for s in runs):.1f} to {max(s['en'] for s in runs):.1f}),"
                    f" {len(others)} others {fmean(others):5.1f},"
                    f" {len(apart)} without spaces {fmean(apart):5.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
