"""A tiny experiment in a folder of its own, for tests that run the whole workflow."""

from __future__ import annotations

from pathlib import Path

import yaml
from tiny_encoders import write_tiny_bert
from tiny_xtreme import write_tiny_xtreme

LANGUAGES = ["en", "de", "zh"]
EXPERIMENT = {
    "experiment": "tiny",
    "data_source": "folder",
    "data_root": "xtreme",
    "encoders": {"tiny": {"folder": "encoder", "retrieval": {"layer": 1, "max_length": 64}}},
    "recipes": ["none", "mnli"],
    "targets": {
        "xnli": {"languages": LANGUAGES},
        "pawsx": {"languages": LANGUAGES},
        "udpos": {"languages": LANGUAGES},
        "panx": {"languages": LANGUAGES},
        "xquad": {"languages": LANGUAGES},
        "mlqa": {"languages": LANGUAGES},
        "tydiqa": {"languages": ["en", "sw"]},
        "bucc2018": {"languages": ["zh"]},
        "tatoeba": {"languages": ["de", "zh"]},
    },
    "seeds": [1],
    "perturbations": {
        "typos": [0.1, 0.3],
        "upper": [1.0],
        "items": 10,
        "targets": ["xnli", "panx", "xquad", "tatoeba"],
    },
    "tokenisation": {"default": {"max_length": 64, "doc_stride": 32, "max_query_length": 24}},
    "training": {
        "default": {
            "epochs": 2,
            "learning_rate": 3e-3,
            "batch_size": 8,
            "evaluate_every": None,
            "save_every_seconds": 0,
        }
    },
}
SMALL = {"targets": {"xnli": {"languages": LANGUAGES}, "tatoeba": {"languages": ["de"]}}}


def make_folder(folder: Path, **changes) -> Path:
    write_tiny_xtreme(folder / "xtreme", train=40, test=24)
    texts = [
        line
        for path in sorted((folder / "xtreme").rglob("*"))
        if path.is_file()
        for line in path.read_text(encoding="utf-8").split("\n")[:200]
    ]
    write_tiny_bert(folder / "encoder", texts)
    edit(folder, **changes)
    return folder


def edit(folder: Path, **changes) -> None:
    if "targets" in changes:
        # What is perturbed has to be among the targets.
        changes = {"perturbations": {}, **changes}
    (folder / "exp.yaml").write_text(yaml.safe_dump({**EXPERIMENT, **changes}))
