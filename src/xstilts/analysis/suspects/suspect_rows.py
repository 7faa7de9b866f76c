"""Suspect items of parallel targets, over the runs of all encoders: the tables that name them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from xstilts.analysis.collapsed_cells import Cell
from xstilts.analysis.fairness.rows import fairness_rows
from xstilts.analysis.groups import group_rows
from xstilts.analysis.inference.bootstrap import sample_of
from xstilts.analysis.inputs.item_texts import capped, read_answers, read_texts
from xstilts.analysis.inputs.items import CLEAN, CellFile, languages_of, of_target, shared_languages
from xstilts.analysis.inputs.panel import Panel
from xstilts.analysis.pitfalls import Matched, is_parallel, matched_cells
from xstilts.analysis.suspects.shifts import Shifts, fit_shifts
from xstilts.analysis.tables import EVERY, Row
from xstilts.config.language_facts import LanguageFacts
from xstilts.config.languages import Language
from xstilts.config.tasks import SOURCE_LANGUAGE, TARGETS
from xstilts.data.kinds import ITEMS
from xstilts.scoring.metrics import METRICS

# Below these nothing can be told of single items.
LEAST_RESPONDENTS, LEAST_LANGUAGES, LEAST_ITEMS = 3, 3, 50
# A run says something of a language if of what it has right there no more would be luck.
MOST_LUCK = 1 / 3
UNKNOWN = (
    f"fewer than {LEAST_LANGUAGES} languages that {LEAST_RESPONDENTS} runs know well enough for at"
    " most a third of what is right there to be luck"
)
# Nor where fewer of the items of a language would be listed though nobody had them right.
LEAST_SEEN = 0.1
# Runs of one encoder share its weaknesses, which may be as great as what an error makes.
DIFFERENT = (
    "for these encoders items differ too much by language anyway, and more of their runs would not"
    " help"
)


@dataclass(frozen=True, kw_only=True)
class Suspects:
    """Rows of `tables.ITEM_CHECKS` and of `tables.SUSPECT_ITEMS`."""

    checks: Sequence[Row] = ()
    items: Sequence[Row] = ()

    def of(self, target: str) -> set[tuple[str, str]]:
        """(language, group) of the suspect items of a target."""
        return {(row["language"], row["item"]) for row in self.items if row["target"] == target}


def find_suspects(
    files: Sequence[CellFile],
    languages: Mapping[str, Language],
    data: Mapping[str, str | Path],
    *,
    split: str,
    left_out: Set[Cell] = frozenset(),
) -> Suspects:
    """The items that are harder in one language than elsewhere, for the runs of all encoders.

    Args:
        files: cells of any encoders, recipes, targets and seeds; each is a respondent.
        languages: those that are known, by code.
        data: target to its evaluation data, whose texts are shown.
        left_out: (encoder, recipe, target, seed) that are not used.
    """
    checks: list[Row] = []
    items: list[Row] = []
    parallel = [file for file in files if is_parallel(file.target)]
    for target, cells in of_target(parallel).items():
        spoken = {cell: held for cell in cells if (held := languages_of(cell, split))}
        shared = shared_languages(target, spoken.values()) if spoken else ()
        codes = [code for code in shared if code in languages and code != SOURCE_LANGUAGE]
        sound = [
            cell
            for cell in spoken
            if (cell.encoder, cell.recipe, cell.target, cell.seed) not in left_out
        ]
        if not (sound and codes):
            continue
        matched, check = _known(matched_cells(sound, codes, split))
        found = None
        if check["why"] is None:
            check, found = _judged(matched, _right_labels(matched, split), check)
        checks.append(check)
        if found is not None:
            rows = list(_rows(matched, found, languages))
            if target in data:
                _add_texts(rows, matched, data[target], split)
            items += rows
    return Suspects(checks=checks, items=items)


def _right_labels(matched: Matched, split: str) -> np.ndarray | None:
    """(units,): the number of the right label of each, None where answers are no labels."""
    if not TARGETS[matched.cells[0].target].labels:
        return None
    english = pl.concat(
        pl.scan_parquet(cell.path)
        .filter(language=SOURCE_LANGUAGE, split=split, condition=CLEAN)
        .select("group", "gold")
        for cell in matched.cells
    )
    right = dict(english.unique().collect().iter_rows())
    return np.unique([right[unit] for unit in matched.units], return_inverse=True)[1]


def _known(matched: Matched) -> tuple[Matched, Row]:
    """What runs answer in languages that they know, and the row of a target so far.

    A run that knows few items of a language has others right by luck, so that items look alike
    there, and what is hard everywhere looks like a departure in the languages that are known. Of
    all answers chance * (1 - right) / (1 - chance) are luck if who does not know an item guesses.
    """
    task = TARGETS[matched.cells[0].target]
    chance = METRICS[task.metric].chance(task, len(matched.units)) / 100
    there = matched.right >= 0
    accuracy = (matched.right > 0).sum(axis=2) / np.maximum(there.sum(axis=2), 1)
    knows = there.any(axis=2) & (chance * (1 - accuracy) <= MOST_LUCK * (1 - chance) * accuracy)
    kept = knows.sum(axis=0) >= LEAST_RESPONDENTS
    # An item is matched through English.
    kept &= kept[0]
    numbers = {
        "runs": (len(matched.right), LEAST_RESPONDENTS),
        "languages": (1 + len(matched.codes), LEAST_LANGUAGES),
        "items": (len(matched.units), LEAST_ITEMS),
    }
    few = [f"fewer than {least} {what}" for what, (held, least) in numbers.items() if held < least]
    if not few and kept.sum() < LEAST_LANGUAGES:
        few.append(UNKNOWN)
    row: Row = {
        "target": task.key,
        "respondents": int(knows[:, kept].any(axis=1).sum()) if kept.any() else len(matched.right),
        "encoders": len({cell.encoder for cell in matched.cells}),
        "languages": int(kept.sum()) if kept.any() else 1 + len(matched.codes),
        "items": len(matched.units),
        "listed": 0,
        "why": few[0] if few else None,
    }
    right = np.where(knows[:, :, None], matched.right, -1)[:, kept].astype(np.int8)
    # In one language alone there is nothing to compare an item with.
    right[:, :, (right >= 0).any(axis=0).sum(axis=0) < 2] = -1
    known = replace(
        matched,
        codes=tuple(code for code, each in zip(matched.codes, kept[1:], strict=True) if each),
        right=right,
    )
    return known, row


def _judged(matched: Matched, label: np.ndarray | None, row: Row) -> tuple[Row, Shifts | None]:
    """The row of a target, and its shifts where suspects can be told."""
    shifts = fit_shifts(matched.right, label)
    row |= {"seen": shifts.seen, "spread": float(np.median(shifts.spread))}
    if shifts.seen < LEAST_SEEN:
        few = "too few runs, or runs that know too little"
        return {**row, "why": few if shifts.tellable >= LEAST_SEEN else DIFFERENT}, None
    return {**row, "listed": int(shifts.listed.sum())}, shifts


def _rows(matched: Matched, shifts: Shifts, languages: Mapping[str, Language]) -> Iterator[Row]:
    """Without texts, the least doubtful first."""
    codes = (SOURCE_LANGUAGE, *matched.codes)
    right = np.where(matched.right >= 0, matched.right, np.nan)
    there = np.any(matched.right >= 0, axis=0)
    difficulty = shifts.parameters.difficulty + shifts.shift.mean
    for place, unit in sorted(
        np.argwhere(shifts.listed).tolist(), key=lambda at: shifts.usual[*at]
    ):
        others = [other for other in range(len(codes)) if other != place and there[other, unit]]
        shown = sorted([place, *others])
        yield {
            "target": matched.cells[0].target,
            "language": codes[place],
            "family": languages[codes[place]].family if codes[place] in languages else None,
            "item": matched.units[unit],
            "probability": 1 - float(shifts.usual[place, unit]),
            "shift": float(shifts.shift.mean[place, unit]),
            "shift_error": float(shifts.shift.sd[place, unit]),
            "right": float(np.nanmean(right[:, place, unit])),
            "right_elsewhere": float(np.nanmean(right[:, others, unit])),
            "languages": [codes[each] for each in shown],
            "difficulties": difficulty[shown, unit].tolist(),
        }


def _add_texts(rows: Sequence[Row], matched: Matched, path: str | Path, split: str) -> None:
    """What was asked, what is right, and what the first run answered that was wrong."""
    places = {code: place for place, code in enumerate((SOURCE_LANGUAGE, *matched.codes))}
    units = {unit: place for place, unit in enumerate(matched.units)}
    wanted = []
    for row in rows:
        right = matched.right[:, places[row["language"]], units[row["item"]]]
        cell = matched.cells[int(np.argmax(right == 0))]
        wanted.append((cell.path, row["language"], row["item"]))
    answers = read_answers(wanted, split)
    texts = read_texts(path, {row["item"] for row in rows}, {r["language"] for r in rows}, split)
    kind = ITEMS[TARGETS[matched.cells[0].target].kind]
    for row, place in zip(rows, wanted, strict=True):
        item = texts[row["language"], row["item"]]
        prediction, gold = answers[place]
        english = texts.get((SOURCE_LANGUAGE, row["item"]))
        row |= {
            "english": None if english is None else capped(kind.on_one_line(english)),
            "text": capped(kind.on_one_line(item)),
            "gold": capped(kind.answer_on_one_line(gold, item)),
            "prediction": capped(kind.answer_on_one_line(prediction, item)),
        }


def fairness_without(
    suspects: Suspects,
    files: Sequence[CellFile],
    panel: Panel,
    facts: Mapping[str, LanguageFacts],
    *,
    split: str,
) -> list[Row]:
    """Rows of `tables.FAIRNESS` without the suspect items, of targets that have any.

    An item is left out in the language in which it is suspect alone: of very many languages each
    item is suspect somewhere.

    Args:
        files: the cells of the panel's encoder.
    """
    samples = dict(panel.fewer.evidence.samples)
    changed = set()
    for target, cells in of_target(files).items():
        left_out = suspects.of(target)
        if target in panel.targets and left_out:
            changed.add(target)
            samples[target] = sample_of(
                cells,
                samples[target].languages,
                split=split,
                draws=len(samples[target].scores) - 1,
                left_out=left_out,
            )
    if not changed:
        return []
    if changed & set(panel.averaged):
        changed.add(EVERY)
    without = panel.with_samples(samples)
    rows = fairness_rows(without, facts, group_rows(without))
    return [row for row in rows if row["target"] in changed]
