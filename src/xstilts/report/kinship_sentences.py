"""What kinship of languages does to statements over them, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import polars as pl

from xstilts.analysis.inference.adjust import IN_RUN, NOT_ENOUGH, plain
from xstilts.analysis.relatedness.rows import FULL, TREE
from xstilts.analysis.tables import EVERY, GAIN
from xstilts.report.summary import Certain, Said, unclear
from xstilts.report.wording import target_name
from xstilts.rounding import fixed, signed

# Scores are at most this far apart, in points.
_POSSIBLE = 100

_Row = Mapping[str, Any]


def independent_ones(kinship: pl.DataFrame) -> str:
    """As how many independent languages those of the mean gain over targets count, in brackets.

    Empty where that is not known.
    """
    held = kinship.filter(outcome=GAIN, target=EVERY, model=TREE)["independent_tree"]
    return f" (by descent as good as {fixed(held[0])} independent ones)" if len(held) else ""


def kinship_sentences(kinship: pl.DataFrame, name: Callable[[str], str]) -> Iterator[Said]:
    """What is said of the gains of each recipe over languages that are kin.

    Args:
        kinship: rows of one encoder.
        name: what a recipe is called.
    """
    held = kinship.filter(outcome=GAIN)
    # Where no mean over targets has languages enough, each target is told by itself.
    means = held.filter(target=EVERY)
    for (_, target), rows in (held if means.is_empty() else means).group_by(
        ["recipe", "target"], maintain_order=True
    ):
        models = {row["model"]: row for row in rows.iter_rows(named=True)}
        if TREE in models:
            yield from _of_one(models, name, str(target))


def _of_one(models: Mapping[str, _Row], name: Callable[[str], str], target: str) -> Iterator[Said]:
    row = models[TREE]
    recipe, where = name(row["recipe"]), f" on {target_name(target)}" if target else ""
    line = (
        f"For the mean gain of {recipe}{where} {row['languages']} languages of"
        f" {row['families']} families count as {fixed(row['independent'])} independent ones"
        f" ({fixed(row['independent_tree'])} if all that sets gains apart followed the tree): the"
        f" share that does is {fixed(row['lambda_'], 2)} (95 % {fixed(row['lambda_low'], 2)} to"
        f" {fixed(row['lambda_high'], 2)}). Over languages of which these are a sample the mean is"
        f" {_signed(row, 'value')} points (95 % {_signed(row, 'low')} to {_signed(row, 'high')});"
        f" a new language of a new family would gain between {_signed(row, 'new_low')} and"
        f" {_signed(row, 'new_high')} (95 %)."
    )
    yield Said((line,), Certain.LEVEL)
    known = models.get(FULL, row)
    if known["p_adjusted"] is None:
        return
    beyond = "what their descent explains"
    if known is not row:
        beyond = f"their descent and nearness and {_after_beside(known['note'])} explain"
    if plain(known["verdict"]) != NOT_ENOUGH:
        in_run = IN_RUN if known["verdict"].endswith(IN_RUN) else ""
        certain = Certain.SURE_IN_RUN if in_run else Certain.SURE
        yield Said(
            (
                f"Families differ in what {recipe} gives{where}{in_run} by more than {beyond}"
                f" (p {_p(known['p_adjusted'])}, adjusted).",
            ),
            certain,
        )
        return
    size = known["detectable"]
    seen = ""
    if size is not None:
        seen = (
            f"; shifts of families with a standard deviation of {fixed(size)} points would be seen"
            " in four of five such experiments"
            if size <= _POSSIBLE
            else "; no differences that are possible would be seen"
        )
    yield unclear(
        f"Not enough data to tell whether families differ in what {recipe} gives{where} by more"
        f" than {beyond}{seen}."
    )


def _after_beside(note: str) -> str:
    """The predictors, as the note of a model lists them."""
    return " and ".join(note.removeprefix("beside ").rsplit(", ", 1))


def _signed(row: _Row, column: str) -> str:
    return signed(row[column])


def _p(value: float) -> str:
    return "below 0.001" if value < 0.001 else fixed(value, 3)
