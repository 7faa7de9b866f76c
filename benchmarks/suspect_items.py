"""How well planted errors are found among items, and what is listed where none is planted.

Answers to as many items and languages as the slices of XNLI and XQuAD at `--data` have (XTREME's
download folder), by a two-parameter item response model in which an item differs by language for
all runs, for the runs of one encoder and for one run. In one language 5 % of the items get a wrong
label (XNLI: half of the wrong answers are that label, hence right) or a wrong translation (XQuAD:
15 % of the right answers stay right). Precision and recall are over `--tables` tables.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import time
from pathlib import Path

import numpy as np
from scipy.special import expit

from xstilts.analysis.suspects.shifts import fit_shifts
from xstilts.analysis.suspects.suspect_rows import LEAST_SEEN

RESPONDENTS, SEEDS = (3, 6, 12), 3
PLANTED = 0.05
# Of abilities over runs and languages, of difficulties, of log slopes, and of shifts by item and
# language for all runs, for an encoder and for a run.
OF_RUNS, OF_LANGUAGES, OF_ITEMS, OF_SLOPES = 0.4, 0.5, 1.2, 0.3
FOR_ALL, FOR_ENCODER, FOR_RUN = 0.4, 0.4, 0.5
# Mean abilities: right are some 65 % and 85 % of answers.
ABILITIES = (1.0, 2.5)
LARGE = (36, 250, 204)


def answers(
    size: tuple[int, int, int], ability: float, *, labels: bool, planted: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """int8, (runs, languages, items), and the places of errors. Encoders have 3 runs each."""
    runs, languages, items = size
    random = np.random.default_rng(seed)
    encoder = np.arange(runs) // SEEDS
    known = ability + OF_RUNS * random.normal(size=(runs, 1))
    known = known + OF_LANGUAGES * random.normal(size=(1, languages))
    shift = FOR_ALL * random.normal(size=(1, languages, items))
    shift = shift + FOR_ENCODER * random.normal(size=(encoder[-1] + 1, languages, items))[encoder]
    shift += FOR_RUN * random.normal(size=size)
    slope = np.exp(OF_SLOPES * random.normal(size=items))
    difficulty = OF_ITEMS * random.normal(size=items)
    right = random.random(size) < expit(slope * (known[:, :, None] - difficulty - shift))
    wrong = np.zeros((languages, items), dtype=bool)
    chosen = random.choice(items, round(planted * items), replace=False)
    wrong[random.integers(1, languages), chosen] = True
    luck = random.random(size)
    spoilt = ~right & (luck < 0.5) if labels else right & (luck < 0.15)
    return np.where(wrong, spoilt, right).astype(np.int8), wrong


def slices(folder: Path) -> dict[str, tuple[int, int]]:
    """Target to its languages and items."""
    pairs = sorted((folder / "xnli").glob("test-*.tsv"))
    questions = sorted((folder / "xquad").glob("xquad.*.json"))
    articles = json.loads(questions[0].read_text("utf-8"))["data"]
    asked = sum(len(text["qas"]) for article in articles for text in article["paragraphs"])
    lines = pairs[0].read_text("utf-8").splitlines()
    return {"XNLI": (len(pairs), len(lines)), "XQuAD": (len(questions), asked)}


def main() -> None:
    """Print a row of a Markdown table for each setting, and what a large table costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tables", type=int, default=10)
    parser.add_argument("--items", type=int, default=300, help="of a target, at least")
    given = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {given.tables} tables a setting\n")
    print("| Slice | Right | Runs | Told | Listed | Precision | Recall | Listed, nothing planted |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, (languages, items) in slices(given.data).items():
        for ability in ABILITIES:
            for runs in RESPONDENTS:
                size = (runs, languages, max(items, given.items))
                print(_row(name, size, ability, given.tables), flush=True)
    right, _ = answers(LARGE, ABILITIES[1], labels=True, planted=PLANTED, seed=0)
    start = time.process_time()
    fit_shifts(right)
    used = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"\n{LARGE} runs, languages, items: {used:.1f} CPU s, peak {peak:.2f} GiB")


def _row(name: str, size: tuple[int, int, int], ability: float, tables: int) -> str:
    told = listed = found = planted = spurious = 0
    accuracy = []
    for seed in range(tables):
        for share in (PLANTED, 0.0):
            right, wrong = answers(size, ability, labels=name == "XNLI", planted=share, seed=seed)
            label = np.arange(size[2]) % 3 if name == "XNLI" else None
            shifts = fit_shifts(right, label)
            can = shifts.seen >= LEAST_SEEN
            here = shifts.listed & can
            if share:
                told += can
                listed += int(here.sum())
                found += int((here & wrong).sum())
                planted += int(wrong.sum())
                accuracy.append(right.mean())
            else:
                spurious += int(here.sum())
    precision = f"{found / listed:.2f}" if listed else "–"
    return (
        f"| {name}, {size[1]} × {size[2]} | {np.mean(accuracy):.0%} | {size[0]} |"
        f" {told} of {tables} | {listed / tables:.1f} | {precision} | {found / planted:.2f} |"
        f" {spurious / tables:.1f} |"
    )


if __name__ == "__main__":
    main()
