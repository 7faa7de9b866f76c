"""What is new is added in a copy of the code, in as few files as CONTRIBUTING.md says, and runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

import xstilts

# A pair task of which half the items are right in English and a third in German, scored, judged
# and named as a page would.
PIPELINE = """
import numpy as np
import polars as pl
import pyarrow.parquet as pq
from xstilts.analysis.groups import group_rows
from xstilts.analysis.inputs.evidence import evidence
from xstilts.analysis.inputs.panel import Panel
from xstilts.config.parse import parse_experiment
from xstilts.config.languages import LANGUAGES
from xstilts.config.tasks import TARGETS, TASKS
from xstilts.data.build import build_part
from xstilts.data.schemas import DATA
from xstilts.execution.parquet import write_table
from xstilts.graph.cells import Grid
from xstilts.graph.job_params import JobParams
from xstilts.report.wording import metric_title, title
from xstilts.scoring.averages import main_metrics
from xstilts.scoring.item_counts import prediction_table
from xstilts.scoring.scores import cell_scores


def experiment(**more):
    return parse_experiment({
        "experiment": "try", "data_source": "folder", "data_root": "data", "seeds": [1, 2],
        "encoders": {"enc": {"folder": "enc"}}, "recipes": ["none"], "splits": ["test"], **more,
    })


def predict(task, items, skill):
    labels = task.labels
    return [
        gold if number % 6 < skill[language] else labels[labels.index(gold) - 1]
        for number, (gold, language) in enumerate(
            zip(items["label"].to_pylist(), items["language"].to_pylist(), strict=True)
        )
    ]


def written(task, items):
    paths = []
    for seed in (1, 2):
        more = {code: right - (seed == 2) for code, right in (("en", 5), ("de", 4))}
        table = prediction_table(task, items, predict(task, items, more))
        cell = {"encoder": "enc", "recipe": "none", "target": task.key, "seed": str(seed)}
        paths.append(f"{task.key}-{seed}.parquet")
        write_table(paths[-1], table, {"wildcards": cell})
    return paths


def judged(paths):
    (found,) = evidence(paths, recipes=["none"], draws=200)
    panel = Panel(evidence=found, recipes=("none",), languages=LANGUAGES)
    return panel, [row for row in group_rows(panel) if row["quantity"] == "score"]
"""


@dataclass
class Copy:
    """A copy of the package."""

    folder: Path

    def insert(self, name: str, before: str, text: str) -> None:
        """Put text before what occurs once in a file; the whole of a new one without `before`."""
        path = self.folder / "xstilts" / name
        old = path.read_text(encoding="utf-8") if before else ""
        assert not before or old.count(before) == 1, f"{name}: {old.count(before)} times {before!r}"
        path.write_text(old.replace(before, text + before) if before else text, encoding="utf-8")

    def run(self, script: str) -> str:
        """The output of a script that sees the copy."""
        path = self.folder / "script.py"
        path.write_text(dedent(script), encoding="utf-8")
        environ = {**os.environ, "PYTHONPATH": str(self.folder)}
        done = subprocess.run(
            [sys.executable, path],
            cwd=self.folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    package = Path(xstilts.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(package, tmp_path / "xstilts", ignore=ignored)
    return Copy(tmp_path)


def write_pairs(folder: Path, task: str, labels: tuple[str, ...]) -> None:
    """Files as XTREME has them of PAWS-X: two sentences and a label, tab-separated."""
    (folder / "data" / task).mkdir(parents=True)
    for split in ("train", "dev", "test"):
        for code in ("en", "de"):
            lines = [
                f"Sentence {number} in {code}\tAnother {number % 7}\t{labels[number % len(labels)]}"
                for number in range(60)
            ]
            path = folder / "data" / task / f"{split}-{code}.tsv"
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def test_a_target_of_a_known_kind_is_one_entry(copy: Copy) -> None:
    copy.insert(
        "config/tasks/targets.py",
        '    Task(\n        key="udpos",\n',
        """
    Task(
        key="irony",
        title="Irony",
        kind=Kind.PAIR,
        metric="accuracy",
        group="classification",
        xtreme=False,
        languages=("en", "de"),
        labels=("no", "yes"),
        train_set="irony",
        licence="none",
        folder=per_split(files("pairs_tsv", "irony/{split}-{lang}.tsv")),
    ),
""",
    )
    write_pairs(copy.folder, "irony", ("no", "yes"))
    found = copy.run(
        PIPELINE
        + """
from xstilts.prediction.shortcuts import shortcut_predictions, shortcuts_of

task = TARGETS["irony"]
grid = Grid(experiment(targets={"irony": {}}, perturbations={"typos": [0.5], "items": 5}))
assert [cell.target for cell in grid.cells] == ["irony", "irony"] and grid.perturbed == ("irony",)
assert JobParams(grid).task("irony")["metric"] == "accuracy"
units = grid.units("irony", "eval")
items, meta = build_part(task, "eval", units, source="folder", limits={})
train, _ = build_part(task, "train", grid.units("irony", "train"), source="folder", limits={})
assert meta["rows"] == 120 and items.schema.equals(DATA[task.kind])
paths = written(task, items)
scores = cell_scores(pq.read_table(paths[0]), task, "enc", "none", 1).to_pylist()
assert {(row["language"], row["metric"], row["value"]) for row in scores} == {
    (code, metric, value)
    for code, value in (("en", 250 / 3), ("de", 200 / 3)) for metric in ("accuracy", "score")
}
for name in shortcuts_of(task):
    assert shortcut_predictions(name, task, train, items).num_rows == 120
panel, rows = judged(paths)
assert panel.chance("irony", ("de",)) == [50]
(german,) = [row for row in rows if row["target"] == "irony" and row["group"] == "de"
             and row["scale"] == "points"]
assert np.isclose(german["value"], 175 / 3) and german["low"] < 58 < 59 < german["high"]
print(title("irony"), main_metrics("irony"))
"""
    )
    assert found == "Irony ('accuracy',)\n"


def test_a_metric_is_a_file_and_a_line_in_a_table(copy: Copy) -> None:
    copy.insert(
        "scoring/metrics/paraphrases.py",
        "",
        '''"""F1 of the pairs that are paraphrases."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from xstilts.config.rows import Row
from xstilts.scoring.metrics.accuracy import Accuracy
from xstilts.scoring.metrics.base import total
from xstilts.scoring.metrics.counts import f1_from_counts, f1_ratio

_COUNTS = ("yes_right", "yes_predicted", "yes_gold")


class Paraphrases(Accuracy, Row):
    main = ("yes_f1",)
    titles = {"yes_f1": "F1 of paraphrases"}
    columns = tuple((name, pa.int32()) for name in _COUNTS)
    right = None

    def counts(self, task, rows, predictions, where):
        counts = super().counts(task, rows, predictions, where)
        for count in counts:
            sides = count["prediction"] == "1", count["gold"] == "1"
            count |= dict(zip(_COUNTS, map(int, (all(sides), *sides)), strict=True))
        return counts

    def numbers(self, items, where):
        found = f1_from_counts(*(total(items, name, where) for name in _COUNTS))
        return {"yes_f1": (100 * found.f1, len(items))}

    def ratio(self):
        return f1_ratio(*_COUNTS)

    def chance(self, task, items):
        return 40.0
''',
    )
    table = "scoring/metrics/__init__.py"
    copy.insert(
        table,
        "from xstilts.scoring.metrics.qa",
        "from xstilts.scoring.metrics.paraphrases import Paraphrases\n",
    )
    copy.insert(table, '    "squad": ', '    "paraphrases": Paraphrases(),\n')
    write_pairs(copy.folder, "pawsx", ("0", "1"))
    found = copy.run(
        PIPELINE
        + """
from dataclasses import replace
from sklearn.metrics import f1_score
from xstilts.scoring.metrics import prediction_schema

TASKS["pawsx"] = TARGETS["pawsx"] = task = replace(TASKS["pawsx"], metric="paraphrases")
grid = Grid(experiment(targets={"pawsx": {"languages": ["en", "de"]}}))
assert JobParams(grid).about(["pawsx"], ["eval"])["only"]["METRICS"] == ["paraphrases"]
items, _ = build_part(task, "eval", grid.units("pawsx", "eval"), source="folder", limits={})
paths = written(task, items)
held = pl.read_parquet(paths[0])
assert held.columns[-3:] == ["yes_right", "yes_predicted", "yes_gold"]
assert pq.read_schema(paths[0]).equals(prediction_schema(task))
scores = cell_scores(pq.read_table(paths[0]), task, "enc", "none", 1).to_pylist()
for row in scores:
    own = held.filter(language=row["language"])
    expected = 100 * f1_score(own["gold"], own["prediction"], pos_label="1")
    assert np.isclose(row["value"], expected), (row, expected)
assert {row["metric"] for row in scores} == {"yes_f1", "score"}
panel, rows = judged(paths)
assert panel.chance("pawsx", ("de",)) == [40]
(german,) = [row for row in rows if row["target"] == "pawsx" and row["group"] == "de"
             and row["scale"] == "points"]
values = [
    row["value"]
    for path, seed in zip(paths, (1, 2))
    for row in cell_scores(pq.read_table(path), task, "enc", "none", seed).to_pylist()
    if row["language"] == "de" and row["metric"] == "score"
]
assert np.isclose(german["value"], np.mean(values), atol=1e-4), (german, values)
assert german["low"] < german["value"] < german["high"]
print(metric_title("yes_f1"), main_metrics("pawsx"))
"""
    )
    assert found == "F1 of paraphrases ('yes_f1',)\n"


def test_a_perturbation_is_one_class_and_its_line(copy: Copy) -> None:
    name = "config/perturbations/kinds.py"
    copy.insert(
        name,
        "# In the order in which they are shown.\n",
        '''class NoVowels(PerturbationKind, Row):
    """Words without a, e, i, o and u."""

    scripts = frozenset({"Latn"})
    unit = r"\\w+"
    wording = Wording(title="No vowels", definition="That share of the words loses its vowels.")

    def edited(self, text: str, language: Language) -> str:
        return re.sub("[aeiou]", "", text)


''',
    )
    copy.insert(name, '    "no_diacritics": NoD', '    "no_vowels": NoVowels(),\n')
    found = copy.run(
        """
import pyarrow as pa
from xstilts.config.parse import parse_experiment
from xstilts.config.languages import LANGUAGES
from xstilts.config.perturbations import KINDS, condition_name
from xstilts.config.tasks import TASKS
from xstilts.data.perturb.table import perturb_table
from xstilts.data.schemas import DATA
from xstilts.report.reference import keys_markdown

task = TASKS["xquad"]
settings = parse_experiment({
    "experiment": "try", "data_source": "invitro", "encoders": {"enc": {"folder": "enc"}},
    "recipes": ["none"], "targets": {"xquad": {}}, "seeds": [1],
    "perturbations": {"no_vowels": [0.5, 1], "lower": [1]},
}).perturbations
names = [condition_name(*each) for each in settings.conditions]
assert names == ["lower@1", "no_vowels@0.5", "no_vowels@1"]
rows = [
    {"id": code, "language": code, "split": "test", "group": "a", "cluster": "a",
     "context": "Rome is a large city", "question": "Where is it?",
     "answers": [{"text": "a large", "start": 8}]}
    for code in ("en", "ru")
]
table = perturb_table(task, pa.Table.from_pylist(rows, DATA[task.kind]), names, LANGUAGES)
changed = {(row["condition"], row["language"]): row for row in table.to_pylist()}
assert ("no_vowels@1", "ru") not in changed and ("lower@1", "ru") in changed
whole = changed["no_vowels@1", "en"]
assert (whole["context"], whole["question"]) == ("Rm s a large cty", "Whr s t?")
assert whole["answers"] == [{"text": "a large", "start": 5}]
half = changed["no_vowels@0.5", "en"]["context"].split()
assert set(half) <= {*"Rome is a large city".split(), *whole["context"].split()}
assert "| `no_vowels` | list of number |" in keys_markdown()
print(KINDS["no_vowels"].wording.title)
"""
    )
    assert found == "No vowels\n"


def test_a_statistic_is_a_formula_and_its_line(copy: Copy) -> None:
    copy.insert(
        "analysis/fairness/formulas.py",
        "def gini(",
        '''def half_range(u: np.ndarray) -> np.ndarray:
    """Half of the distance between the best and the worst: (..., languages) to (...)."""
    return (u.max(axis=-1) - u.min(axis=-1)) / 2


''',
    )
    copy.insert(
        "analysis/fairness/registry.py",
        '    _even("gini", ',
        '    _even("half_range", "Half of the range", _of_several(measures.half_range)),\n',
    )
    found = copy.run(
        f"import sys\nsys.path.append({str(Path(__file__).parent)!r})"
        + """
import numpy as np
from panels import known_panel
from xstilts.analysis.fairness.rows import fairness_rows
from xstilts.analysis.groups import group_rows
from xstilts.analysis.tables import FAIRNESS, table

before, after = {"de": 80.0, "fr": 70.0, "tr": 60.0}, {"de": 80.0, "fr": 78.0, "tr": 74.0}
scores = {(name, seed): held for name, held in (("none", before), ("mnli", after))
          for seed in (1, 2, 3)}
panel = known_panel({"panx": scores}, draws=200)
found = table(fairness_rows(panel, {}, group_rows(panel)), FAIRNESS)
wanted = {"measure": "half_range", "recipe": "mnli", "target": "panx", "scale": "points"}
row = found.filter(**wanted).row(0, named=True)
assert np.isclose(row["value"], 3, atol=1e-4) and row["low"] < 3 < row["high"], row
assert np.isclose(row["change"], -7, atol=1e-4) and row["verdict"] == "fairer", row
print(row["title"])
"""
    )
    assert found == "Half of the range\n"
