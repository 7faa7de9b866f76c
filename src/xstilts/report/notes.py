"""What a reader of the report must know about this run, in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from xstilts.analysis.tables import ALL_LANGUAGES, EVERY
from xstilts.config.recipes import Source
from xstilts.config.tasks import SOURCE_LANGUAGE, TARGETS, TASKS
from xstilts.data.parallel import GOLD_DIFFERS, KNOWN_MISPAIRED, PLACEHOLDER_TEXT, REASONS
from xstilts.execution.parquet import read_meta
from xstilts.report.wording import counted
from xstilts.rounding import fixed

# XNLI's English training data are MultiNLI.
_SAME_DATA = {"mnli": "xnli", "anli": "xnli"}


def notes(
    experiment: Mapping[str, Any],
    left_out: Iterable[str],
    *,
    data: Iterable[str | Path] = (),
    recipes: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[str]:
    """Notes on data left out or repaired, and on retrieval settings.

    Args:
        experiment: the validated experiment as plain data.
        left_out: data that were missing and left out.
        data: data files, whose metadata hold what the readers repaired or dropped.
        recipes: name to `sources` (keys of `recipes.Source`).
    """
    return [
        *left_out_notes(left_out),
        *_data_notes(experiment, data),
        *supervision_notes(experiment, recipes or {}),
        *_retrieval_notes(experiment),
    ]


def precision_notes(runs: pl.DataFrame | None) -> Iterator[str]:
    """What training was computed in, and runs that bfloat16 did not suffice for, by encoder.

    Args:
        runs: columns of `schemas.RUNS`; None where nothing is known of the training.
    """
    if runs is None or "float32_retry" not in runs.columns:
        return
    retried = runs.filter(pl.col("float32_retry").fill_null("") != "")
    sound = runs.filter(pl.col("float32_retry").fill_null("") == "")
    counts = dict(sound.group_by("precision").len().sort("precision").rows())
    if len(counts) == 1:
        yield f"Encoders were trained in {next(iter(counts))}."
    elif counts:
        each = " and ".join(f"{number} in {name}" for name, number in counts.items())
        yield (
            f"Training runs were computed in different precisions ({each}), since their devices had"
            " not the same: differences between them may come of that."
        )
    for (encoder,), found in retried.group_by("encoder", maintain_order=True):
        places = dict.fromkeys(
            f"{row['recipe']} on {row['train_set']}" if row["train_set"] else row["recipe"]
            for row in found.iter_rows(named=True)
        )
        total = runs.filter(encoder=encoder).height
        yield (
            f"{found.height} of {total} training runs of {encoder} were not finite in bfloat16 and"
            f" were made once more in float32: {', '.join(places)}."
        )


def diversity_notes(diversity: pl.DataFrame) -> Iterator[str]:
    """How diverse the languages of each target are, English left out of means and of these.

    Args:
        diversity: columns of `analysis.tables.DIVERSITY`.
    """
    found = diversity.filter(pl.col("target") != EVERY, group=ALL_LANGUAGES)
    for row in found.iter_rows(named=True):
        number, known = row["languages"], row["with_features"]
        families = "1 family" if row["families"] == 1 else f"{row['families']} families"
        said = f"{counted(number, 'language')} of {families}"
        if row["distance"] is not None:
            said += (
                f", at a mean typological distance of {fixed(row['distance'], 2)} and with an"
                f" entropy of {fixed(row['entropy'], 2)} bits a feature"
            )
            said += f" (over the {known} whose typology is known)" if known < number else ""
        yield f"{TARGETS[row['target']].title}: its means are over {said}."


def left_out_notes(left_out: Iterable[str]) -> Iterator[str]:
    """Data that were missing and left out."""
    return (f"Left out, because the data are missing: {missing}" for missing in left_out)


def _data_notes(experiment: Mapping[str, Any], data: Iterable[str | Path]) -> Iterator[str]:
    variants: dict[str, str] = {}
    for path in data:
        meta = read_meta(path)
        counts: Counter[str] = Counter()
        for unit in meta["units"]:
            counts.update({k: n for k, n in unit["counts"].items() if k not in REASONS})
            if "variant" in unit:
                variants[meta["task"]] = unit["variant"]
        if counts:
            found = ", ".join(
                f"{number:,} {name.replace('_', ' ')}" for name, number in sorted(counts.items())
            )
            yield f"{TASKS[meta['task']].title} {meta['part']} data: {found}."
        yield from _pairing_notes(meta)
        yield from _foreign_notes(meta)
        yield from _source_notes(meta)
        yield from _selection_notes(experiment, meta)
    for task, variant in variants.items():
        yield f"{TASKS[task].title} is the hub's variant: {variant}."


def _pairing_notes(meta: Mapping[str, Any]) -> Iterator[str]:
    """Which items languages are not compared on, one sentence for each split."""
    units: dict[str, list[Mapping[str, Any]]] = {}
    for unit in meta["units"]:
        units.setdefault(unit["split"], []).append(unit)
    for split, of_split in units.items():
        english = any(unit["language"] == SOURCE_LANGUAGE for unit in of_split)
        shown = []
        for reason in REASONS:
            found = [
                f"{unit['counts'][reason]:,} in {unit['language']}"
                for unit in of_split
                if reason in unit["counts"]
            ]
            if found:
                shown.append(f"{' and '.join(_joined(found))} {_why(reason, english)}")
        if shown:
            yield (
                f"{TASKS[meta['task']].title}, {split}: {'; '.join(shown)}. Such items are scored,"
                " but not paired with those of other languages."
            )


def _foreign_notes(meta: Mapping[str, Any]) -> Iterator[str]:
    """How much of the data is in another language than it is said to be, by split."""
    found: dict[str, list[str]] = {}
    for unit in meta["units"]:
        if foreign := unit.get("foreign"):
            found.setdefault(unit["split"], []).append(
                f"of {unit['language']} {fixed(foreign['percent'])} % is {foreign['other']}"
            )
    for split, shares in found.items():
        yield (
            f"{TASKS[meta['task']].title}, {split}: the hub's data hold other languages:"
            f" {', '.join(shares)}. Scores there are not those of XTREME's languages."
        )


def _source_notes(meta: Mapping[str, Any]) -> Iterator[str]:
    """What is doubtful about sources on the hub."""
    for unit in meta["units"]:
        for source in unit.get("sources", ()):
            name = f"{source['repo']}, config {source['config']}, split {source['hub_split']}"
            if "rows_expected" in source:
                yield (
                    f"{name} has {source['rows']:,} rows at its pinned commit, where"
                    f" {source['rows_expected']:,} were expected."
                )
            if copy := source.get("fragile"):
                yield (
                    f"{name} is read at a commit that the hub can remove: keep a copy of its data"
                    f" ({copy} is read instead where it is there)."
                )


def _joined(found: Sequence[str]) -> list[str]:
    """All but the last with commas between them, and the last."""
    return [part for part in (", ".join(found[:-1]), found[-1]) if part]


def _why(reason: str, english: bool) -> str:
    reference = "English" if english else "most languages"
    return {
        GOLD_DIFFERS: f"have another gold label than in {reference}",
        PLACEHOLDER_TEXT: "have no text, or a placeholder for it",
        KNOWN_MISPAIRED: "are known not to be translations of their namesakes",
    }[reason]


def supervision_notes(
    experiment: Mapping[str, Any], recipes: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """Where a recipe has seen labelled data of a target in a language that is tested."""
    for name, recipe in recipes.items():
        seen: dict[str, list[str]] = {}
        for source in map(Source.of, recipe["sources"]):
            train_set = _SAME_DATA.get(source.task, source.task)
            for target in experiment["targets"]:
                known = TARGETS[target].train_set == train_set
                if known and source.language != SOURCE_LANGUAGE:
                    seen.setdefault(target, []).append(source.language)
        if seen:
            where = "; ".join(
                f"{TARGETS[target].title} in {', '.join(codes)}" for target, codes in seen.items()
            )
            yield f"Not zero-shot after {name}, which is trained on such data: {where}."


def _selection_notes(experiment: Mapping[str, Any], meta: Mapping[str, Any]) -> Iterator[str]:
    """Whether checkpoints are chosen on passages that a target tests."""
    task = TASKS[meta["task"]]
    if meta["part"] != "dev" or task.tested_passages is None or meta["source"] == "invitro":
        return
    target = TARGETS[task.tested_passages].title
    for unit in meta["units"]:
        if out := unit.get("tested_passages"):
            yield (
                f"{target} was drawn from SQuAD's development set, on which checkpoints are chosen:"
                f" of its {out['known']:,} English passages {out['passages']:,} stood in the"
                f" development data of {task.title} and were taken out, with {out['items']:,}"
                " questions."
            )
        elif task.tested_passages in experiment["targets"]:
            why = (
                "as configured (keep_xquad_passages)"
                if experiment.get("keep_xquad_passages")
                else "since its English file is not there"
            )
            yield (
                f"{target} was drawn from SQuAD's development set, on which checkpoints are chosen:"
                f" its passages were not taken out of the development data of {task.title}, {why},"
                " so that its scores may be those of test data that selection has seen."
            )


def _retrieval_notes(experiment: Mapping[str, Any]) -> Iterator[str]:
    if not any(TASKS[target].facts.embedded for target in experiment["targets"]):
        return
    for name, encoder in experiment["encoders"].items():
        retrieval = encoder["retrieval"]
        parallel = "no training on parallel data"
        if encoder.get("pretrain") and experiment["data_source"] == "invitro":
            parallel += " but the translated documents of its pretraining text"
        norm = " after the final norm" if retrieval.get("final_norm") else ""
        prefix = retrieval.get("prefix")
        prefix = f"{prefix!r} before each sentence, " if prefix else ""
        yield (
            f"Retrieval with {name}: hidden_states[{retrieval['layer']}]{norm},"
            f" {retrieval['pooling']} pooling, {prefix}{parallel}."
        )


def mining_notes(mined: Iterable[str | Path]) -> Iterator[str]:
    """The BUCC thresholds that the mining chose.

    Args:
        mined: prediction files of bucc2018, whose metadata hold them.
    """
    for path in mined:
        meta = read_meta(path)
        cell = meta["wildcards"]
        ceilings = {
            language: found.get("test_recall_ceiling", found["dev_recall_ceiling"])
            for language, found in meta["mining"].items()
        }
        tuned = ", ".join(
            f"{language} {fixed(found['threshold'], 4)} ({fixed(found['dev_f1'])})"
            for language, found in meta["mining"].items()
        )
        bounded = ", ".join(f"{code} {fixed(top)}" for code, top in ceilings.items() if top < 100)
        yield (
            f"BUCC, {cell['encoder']} after {cell['recipe']}, seed {cell['seed']}: thresholds tuned"
            f" on development pairs (F1 there) and frozen: {tuned}."
            + (
                f" Recall can reach {bounded} at most, because pairs with an ambiguous sentence are"
                " dropped."
                if bounded
                else ""
            )
        )
