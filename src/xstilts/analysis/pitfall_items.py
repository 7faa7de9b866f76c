"""The worst pitfalls, item by item, with what was asked in English and in the other language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xstilts.analysis.inputs.item_texts import capped, read_answers, read_texts
from xstilts.analysis.inputs.items import CellFile
from xstilts.analysis.inputs.panel import Panel
from xstilts.analysis.pitfalls import Matched, matched_items
from xstilts.config.recipes import NONE
from xstilts.config.tasks import SOURCE_LANGUAGE, TARGETS
from xstilts.data.kinds import ITEMS
from xstilts.data.sampling import rank

RIGHT, WRONG, UNKNOWN = "right", "wrong", ""


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
    items = {}
    for target in matched:
        of_target = [pick for pick in picks if pick.target == target]
        units = {pick.unit for pick in of_target}
        items[target] = read_texts(data[target], units, {p.language for p in of_target}, split)
    answers = read_answers([(pick.cell.path, pick.language, pick.unit) for pick in picks], split)
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
                "english": capped(kind.on_one_line(english)),
                "text": capped(kind.on_one_line(other)),
                "gold": capped(kind.answer_on_one_line(gold, other)),
                "prediction": capped(kind.answer_on_one_line(prediction, other)),
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
