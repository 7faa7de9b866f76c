"""Scores of anybody's predictions in XTREME's submission layout, with XTREME's JSON keys.

The definitions, averages and file semantics are those of google-research/xtreme
`evaluate.py`; what is refused beyond them (placeholder gold, malformed lines) would give a
false score there.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

from xstilts.config.tasks import XTREME, Task
from xstilts.data.gold import refuse_placeholder_gold
from xstilts.data.readers.lines import read_json, read_lines
from xstilts.errors import XstiltsError
from xstilts.scoring.metrics.bitext import bitext_f1
from xstilts.scoring.metrics.counts import PrecisionRecallF1, accuracy, f1_from_counts
from xstilts.scoring.metrics.qa import AnswerScores, mlqa_scores, squad_scores
from xstilts.scoring.metrics.tagging import corpus_chunk_counts
from xstilts.scoring.scores import xtreme_groups, xtreme_value
from xstilts.scoring.submission_forms import (
    Say,
    foreign_first,
    known_labels,
    known_places,
    known_questions,
    known_tags,
    last_columns,
)
from xstilts.scoring.xtreme_layout import language_file

Coverage = Literal["all", "present"]

log = logging.getLogger(__name__)


class _Files(NamedTuple):
    task: Task
    language: str
    predicted: Path
    gold: Path
    say: Say


def evaluate_folder(
    predictions: str | Path, labels: str | Path, languages: Coverage = "all", say: Say = log.warning
) -> dict[str, Any]:
    """Score each of XTREME's tasks whose folder is in both `predictions` and `labels`.

    Args:
        predictions, labels: folders in XTREME's layout (`xstilts.scoring.xtreme_layout`).
        languages: "all" requires a file of every language that XTREME has for the task, as
            XTREME does; "present" scores the languages that have a label file.
        say: takes what was converted (`xstilts.scoring.submission_forms`), left out, or not
        answered.

    Returns:
        `all_task` (only with all nine tasks) and each group whose tasks are all there, in
        points; per task: metric -> language -> points, `avg_<metric>`, `avg_metric`. With
        "present" also `languages`: task -> the languages that were scored.

    Raises:
        XstiltsError: a folder or a language's file is missing, nothing can be scored, counts
            disagree, a file is malformed or in another form, or gold is missing or a placeholder.
    """
    predictions, labels = Path(predictions), Path(labels)
    for folder in (predictions, labels):
        if not folder.is_dir():
            raise XstiltsError("no such folder", where=folder)
    tasks = [
        task
        for key, task in XTREME.items()
        if (predictions / key).is_dir() and (labels / key).is_dir()
    ]
    if not tasks:
        raise XstiltsError(
            f"no task has a folder both here and in {labels}",
            where=predictions,
            hint=f"folders are named {', '.join(XTREME)}",
        )
    covered = {task.key: _languages(task, labels, languages) for task in tasks}
    details = {
        task.key: _evaluate_task(task, covered[task.key], predictions, labels, say)
        for task in tasks
    }
    report = {
        **xtreme_groups({key: scores["avg_metric"] for key, scores in details.items()}),
        **details,
    }
    if languages == "present":
        for task in tasks:
            others = [code for code in _present(task, predictions) if code not in covered[task.key]]
            if others:
                say(f"{predictions / task.key}: left out {', '.join(others)}, without a label file")
        report["languages"] = covered
    return report


def evaluate_language(
    task: Task,
    language: str,
    predictions: str | Path,
    labels: str | Path,
    say: Say = log.warning,
) -> dict[str, float]:
    """Metric -> points of one task in one language, from its two folders.

    Raises:
        XstiltsError: as `evaluate_folder`.
    """
    predicted, gold = (language_file(folder, task, language) for folder in (predictions, labels))
    for path in (predicted, gold):
        if not path.is_file():
            raise XstiltsError("no such file", where=path, hint=f"{task.key} needs one a language")
    shares = _EVALUATORS[task.metric](_Files(task, language, predicted, gold, say))
    return {metric: 100 * share for metric, share in shares.items()}


def _languages(task: Task, labels: Path, languages: Coverage) -> list[str]:
    if languages == "all":
        return list(task.languages)
    present = _present(task, labels)
    if not present:
        raise XstiltsError("no label file of any language", where=labels / task.key)
    return present


def _present(task: Task, folder: Path) -> list[str]:
    """Languages that have a file, XTREME's in its order, then others."""
    pattern = language_file(folder, task, "*")
    before, after = pattern.name.split("*")
    found = sorted(
        path.name.removeprefix(before).removesuffix(after)
        for path in pattern.parent.glob(pattern.name)
        if path.is_file()
    )
    return [code for code in task.languages if code in found] + [
        code for code in found if code not in task.languages
    ]


def _evaluate_task(
    task: Task, languages: list[str], predictions: Path, labels: Path, say: Say
) -> dict[str, Any]:
    metrics: dict[str, dict[str, float]] = {}
    for language in languages:
        scores = evaluate_language(task, language, predictions, labels, say)
        for metric, value in scores.items():
            metrics.setdefault(metric, {})[language] = value
    averages = {
        f"avg_{metric}": sum(values.values()) / len(values) for metric, values in metrics.items()
    }
    return {**metrics, **averages, "avg_metric": xtreme_value(task, metrics)}


def _evaluate_lines(files: _Files) -> dict[str, float]:
    task, predicted, gold, say = files.task, files.predicted, files.gold, files.say
    gold_lines, predicted_lines = _read_examples(gold), _read_examples(predicted)
    refuse_placeholder_gold(task, gold_lines, gold)
    if len(gold_lines) != len(predicted_lines):
        raise XstiltsError(
            f"{len(predicted_lines)} predictions for the {len(gold_lines)} labels in {gold}",
            where=predicted,
        )
    if task.labels:
        predicted_lines = known_labels(predicted_lines, task, predicted, say)
    else:
        predicted_lines = known_places(predicted_lines, gold_lines, predicted)
    return {"accuracy": accuracy(gold_lines, predicted_lines)}


def _evaluate_tags(files: _Files) -> dict[str, float]:
    task, predicted, gold, say = files.task, files.predicted, files.gold, files.say
    gold_tags, predicted_tags = (_read_sentences(path, task, say) for path in (gold, predicted))
    refuse_placeholder_gold(task, gold_tags, gold)
    if len(gold_tags) != len(predicted_tags):
        raise XstiltsError(
            f"{len(predicted_tags)} sentences for the {len(gold_tags)} in {gold}", where=predicted
        )
    for number, (true, guess) in enumerate(zip(gold_tags, predicted_tags, strict=True), start=1):
        if len(true) != len(guess):
            raise XstiltsError(
                f"sentence {number} has {len(guess)} tags, in {gold} {len(true)}", where=predicted
            )
    known_tags(predicted_tags, task, predicted)
    counts = corpus_chunk_counts(gold_tags, predicted_tags)
    return _as_metrics(f1_from_counts(*(sum(part) for part in zip(*counts, strict=True))))


def _evaluate_pairs(files: _Files) -> dict[str, float]:
    task, predicted, gold, say = files.task, files.predicted, files.gold, files.say
    gold_pairs = _read_id_pairs(gold)
    refuse_placeholder_gold(task, ["\t".join(pair) for pair in gold_pairs], gold)
    # Mining may well find nothing above its threshold.
    predicted_pairs = _read_id_pairs(predicted) if predicted.read_bytes().strip() else []
    predicted_pairs = foreign_first(predicted_pairs, gold_pairs, predicted, say)
    return _as_metrics(bitext_f1(gold_pairs, predicted_pairs))


def _evaluate_answers(
    files: _Files, score: Callable[[str, Sequence[str], str], AnswerScores]
) -> dict[str, float]:
    task, predicted, gold, say = files.task, files.predicted, files.gold, files.say
    questions = _read_questions(gold)
    refuse_placeholder_gold(task, [golds for _, golds in questions], gold)
    answers = _read_answers(predicted)
    known_questions(answers, dict(questions).keys(), predicted, gold, say)
    exact_matches, f1s = [], []
    for question, golds in questions:
        if question not in answers:
            scores = AnswerScores(0.0, 0.0)
        else:
            scores = score(answers[question], golds, files.language)
        exact_matches.append(scores.exact_match)
        f1s.append(scores.f1)
    return {
        "exact_match": math.fsum(exact_matches) / len(questions),
        "f1": math.fsum(f1s) / len(questions),
    }


_EVALUATORS: dict[str, Callable[[_Files], dict[str, float]]] = {
    "accuracy": _evaluate_lines,
    "seqeval": _evaluate_tags,
    "squad": partial(
        _evaluate_answers, score=lambda prediction, golds, _: squad_scores(prediction, golds)
    ),
    "mlqa": partial(_evaluate_answers, score=mlqa_scores),
    "bitext_f1": _evaluate_pairs,
    "retrieval_accuracy": _evaluate_lines,
}


def _as_metrics(shares: PrecisionRecallF1) -> dict[str, float]:
    return {"f1": shares.f1, "precision": shares.precision, "recall": shares.recall}


def _read_examples(path: Path) -> list[str]:
    """One stripped line an example; blank lines at the end are no examples."""
    lines = [line.strip() for line in read_lines(path)]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _read_sentences(path: Path, task: Task, say: Say) -> list[list[str]]:
    """Tags of each sentence; a blank line ends one, the last may lack it."""
    sentences: list[list[str]] = []
    tags: list[str] = []
    for line in [*last_columns(_read_examples(path), task, path, say), ""]:
        if tag := line.strip():
            tags.append(tag)
        else:
            sentences.append(tags)
            tags = []
    return sentences


def _read_id_pairs(path: Path) -> list[tuple[str, str]]:
    pairs = []
    for row, line in enumerate(_read_examples(path), start=1):
        fields = line.split("\t")
        if len(fields) != 2:
            raise XstiltsError(
                f"{len(fields)} fields instead of two", where=path, row=row, hint="foreign⇥English"
            )
        pairs.append((fields[0], fields[1]))
    return pairs


def _read_questions(path: Path) -> list[tuple[str, list[str]]]:
    """(question id, answer texts) of SQuAD JSON, or of its bare `data` list, in file order."""
    value = read_json(path)
    articles = value["data"] if isinstance(value, dict) and "data" in value else value
    try:
        return [
            (str(question["id"]), [str(answer["text"]) for answer in question["answers"]])
            for article in articles
            for paragraph in article["paragraphs"]
            for question in paragraph["qas"]
        ]
    except (KeyError, TypeError) as error:
        raise XstiltsError(
            f"not SQuAD JSON: {type(error).__name__} {error}",
            where=path,
            hint="labels are data > paragraphs > qas, each with id and answers",
        ) from error


def _read_answers(path: Path) -> dict[str, str]:
    """Question id -> answer text."""
    value = read_json(path)
    if isinstance(value, dict) and isinstance(value.get("data"), dict):
        value = value["data"]
    if not isinstance(value, dict):
        raise XstiltsError("not a JSON object of question id to answer text", where=path)
    for question, answer in value.items():
        if not isinstance(answer, str):
            raise XstiltsError(f"the answer to {question!r} is no text", where=path)
    return value
