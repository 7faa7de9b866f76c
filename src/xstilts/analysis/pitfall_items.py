"""The worst pitfalls, item by item, with what was asked in English and in the other language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from xstilts.analysis.inputs.items import CLEAN, CellFile
from xstilts.analysis.inputs.panel import Panel
from xstilts.analysis.pitfalls import Matched, matched_items
from xstilts.config.recipes import NONE
from xstilts.config.tasks import SOURCE_LANGUAGE, TARGETS
from xstilts.data.graphemes import whole_graphemes
from xstilts.data.kinds import ITEMS
from xstilts.data.kinds.base import Item
from xstilts.data.sampling import rank

RIGHT, WRONG, UNKNOWN = "right", "wrong", ""

# Characters that are shown of a text; then the rest of a grapheme.
_LONGEST = 400


@dataclass(frozen=True, kw_only=True)
class _Pick:
    """An item that a recipe has right in English and wrong in `language`, as `cell` has it."""

    recipe: str
    target: str
    language: str
    unit: str
    cell: CellFile
    share: float
    before: str


def pitfall_items(
    files: Sequence[CellFile],
    panel: Panel,
    data: Mapping[str, str | Path],
    *,
    split: str,
    most: int = 300,
) -> list[dict[str, object]]:
    """Rows of `tables.PITFALL_ITEMS`: items right in English and wrong in the language.

    Both in most seeds; the prediction is that of the first seed that is wrong. Recipes and targets
    take turns, each with its worst items first, which are wrong in the greatest share of
    languages. An item is shown in one language before it is shown in a second, and rather in one
    in which the baseline had it right.

    Args:
        files: the cells of the panel's encoder.
        data: target to its evaluation data (`schemas.DATA`); targets without are left out.
        most: as many rows at most.
    """
    matched = matched_items(files, panel, split)
    matched = {target: held for target, held in matched.items() if target in data}
    sources = [_worst(held, panel, recipe) for held in matched.values() for recipe in panel.recipes]
    picks = _take_turns(sources, most)
    order = {target: place for place, target in enumerate(matched)}
    picks.sort(key=lambda pick: (panel.recipes.index(pick.recipe), order[pick.target], -pick.share))
    items = {target: _items(data[target], target, picks, split) for target in matched}
    answers = _answers(picks, split)
    rows = []
    for pick in picks:
        kind = ITEMS[TARGETS[pick.target].kind]
        english = items[pick.target][SOURCE_LANGUAGE, pick.unit]
        other = items[pick.target][pick.language, pick.unit]
        prediction, gold = answers[pick.cell.path, pick.language, pick.unit]
        rows.append(
            {
                "encoder": panel.evidence.encoder,
                "recipe": pick.recipe,
                "target": pick.target,
                "language": pick.language,
                "family": panel.languages[pick.language].family,
                "item": pick.unit,
                "before": pick.before,
                "share": pick.share,
                "english": _capped(kind.on_one_line(english)),
                "text": _capped(kind.on_one_line(other)),
                "gold": _capped(kind.answer_on_one_line(gold, other)),
                "prediction": _capped(kind.answer_on_one_line(prediction, other)),
            }
        )
    return rows


def _take_turns(sources: Sequence[Iterator[_Pick]], most: int) -> list[_Pick]:
    picks: list[_Pick] = []
    left = list(sources)
    while left and len(picks) < most:
        going = []
        for source in left:
            pick = next(source, None)
            if pick is not None:
                going.append(source)
                picks.append(pick)
        left = going
    return picks[:most]


def _worst(held: Matched, panel: Panel, recipe: str) -> Iterator[_Pick]:
    """All pitfalls of a recipe on a target, the worst first."""
    cells = held.places(panel, recipe)
    if not cells:
        return
    right, there = _mean_right(held, cells)
    before = _before(held, held.places(panel, NONE))
    missed = there[1:] & (right[1:] < 0.5) & there[0] & (right[0] > 0.5)
    share = (there[1:] * (1 - right[1:])).sum(axis=0) / np.maximum(1, there[1:].sum(axis=0))
    # Equals in an order as good as random: neighbours are often about the same sentence.
    units = sorted(
        np.flatnonzero(missed.any(axis=0)).tolist(),
        key=lambda unit: (-share[unit], rank(held.units[unit])),
    )
    for turn in range(len(held.codes)):
        for number, unit in enumerate(units):
            places = np.flatnonzero(missed[:, unit]).tolist()
            if turn >= len(places):
                continue
            # Each item begins with another language, so that all have some.
            places.sort(
                key=lambda place: (
                    before[place, unit] != RIGHT,
                    (place - number) % len(held.codes),
                )
            )
            place = places[turn]
            wrong = next(cell for cell in cells if held.right[cell, 1 + place, unit] == 0)
            yield _Pick(
                recipe=recipe,
                target=held.cells[0].target,
                language=held.codes[place],
                unit=held.units[unit],
                cell=held.cells[wrong],
                share=float(share[unit]),
                before=str(before[place, unit]),
            )


def _mean_right(held: Matched, cells: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """(1 + codes, units): the share of cells that are right, and whether all have the item."""
    right = held.right[list(cells)]
    return right.mean(axis=0), np.all(right >= 0, axis=0)


def _before(held: Matched, baseline: Sequence[int]) -> np.ndarray:
    """(codes, units): what most seeds of the baseline made of the item."""
    if not baseline:
        return np.full((len(held.codes), len(held.units)), UNKNOWN, dtype=object)
    right, there = (part[1:] for part in _mean_right(held, baseline))
    return np.select([there & (right > 0.5), there & (right < 0.5)], [RIGHT, WRONG], UNKNOWN)


def _items(
    path: str | Path, target: str, picks: Iterable[_Pick], split: str
) -> dict[tuple[str, str], Item]:
    """(language, unit) to the item of those that were picked, English among them."""
    units = {pick.unit for pick in picks if pick.target == target}
    languages = {pick.language for pick in picks if pick.target == target} | {SOURCE_LANGUAGE}
    rows = (
        pl.scan_parquet(path)
        .filter(pl.col("group").is_in(units), pl.col("language").is_in(languages), split=split)
        .collect()
    )
    return {(row["language"], row["group"]): row for row in rows.iter_rows(named=True)}


def _answers(picks: Sequence[_Pick], split: str) -> dict[tuple[str, str, str], tuple[Any, Any]]:
    """(path, language, unit) to the prediction and the gold of what was picked."""
    found = {}
    for path in dict.fromkeys(pick.cell.path for pick in picks):
        units = {pick.unit for pick in picks if pick.cell.path == path}
        rows = (
            pl.scan_parquet(path)
            .filter(pl.col("group").is_in(units), split=split, condition=CLEAN)
            .select("language", "group", "prediction", "gold")
            .collect()
        )
        for language, unit, prediction, gold in rows.iter_rows():
            found[path, language, unit] = (prediction, gold)
    return found


def _capped(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    ((_, end),) = whole_graphemes(text, np.array([[0, _LONGEST - 1]]))
    return f"{text[:end]}…"
