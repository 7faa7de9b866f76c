"""What kinship of languages does to statements over them, and distance from English, in sentences.

Effects of distance are told by the model with the tree; what correlations of ranks see and that
model does not is named as not clear.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from xstilts.analysis.association.association import MIXED, SPEARMAN
from xstilts.analysis.association.observations import DISTANCE, LATIN, OVERLAP
from xstilts.analysis.inference.adjust import IN_RUN, NOT_ENOUGH, plain
from xstilts.analysis.relatedness.rows import FULL, TREE, WITH_TREE
from xstilts.analysis.tables import EVERY, GAIN, SCORE
from xstilts.config.recipes import NONE
from xstilts.report.summary import Certain, Said, sure, unclear
from xstilts.report.wording import listed, target_name
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


def distance_sentences(association: pl.DataFrame, name: Callable[[str], str]) -> Iterator[Said]:
    """How scores of the baseline and gains go with distance from English.

    Args:
        association: rows of one encoder.
    """
    of_distance = association.filter(
        # Scores after every recipe go with distance much alike: the baseline's is told.
        (pl.col("outcome") != SCORE) | (pl.col("recipe") == NONE),
        predictor=DISTANCE,
    )
    for (recipe, outcome), rows in of_distance.group_by(["recipe", "outcome"], maintain_order=True):
        by_method = {row["method"]: row for row in rows.iter_rows(named=True)}
        ranks, tree = by_method.get(SPEARMAN), by_method.get(WITH_TREE)
        if tree is not None and tree["value"] is not None:
            beside = association.filter(
                pl.col("value").is_not_null(), recipe=recipe, outcome=outcome, method=WITH_TREE
            )["predictor"]
            yield from _with_tree(tree, ranks, by_method.get(MIXED), _allowed_for(beside), name)
        elif ranks is not None and _clear(ranks):
            line = f"{_way(ranks, name)} ({_ranks(ranks)}; {_TOGETHER})."
            yield sure(line, [ranks], "value")


_TOGETHER = "distance, size of pretraining text and script go together"


def _allowed_for(predictors: Iterable[str]) -> str:
    """What a model with the tree allows for beside distance."""
    called = {LATIN: "script", OVERLAP: "subword overlap"}
    names = [called.get(name, "pretraining text") for name in predictors if name != DISTANCE]
    return listed(["kinship", *names])


def _with_tree(
    tree: _Row,
    ranks: _Row | None,
    mixed: _Row | None,
    allowed_for: str,
    name: Callable[[str], str],
) -> Iterator[Said]:
    shown = (
        f"{signed(tree['value'], 2)} standard deviations for one of distance, 95 %"
        f" {signed(tree['low'], 2)} to {signed(tree['high'], 2)}, {tree['languages']} languages"
    )
    if mixed is not None and mixed["value"] is not None and mixed["low"] is not None:
        shown += (
            f"; {signed(mixed['value'], 2)}, 95 % {signed(mixed['low'], 2)} to"
            f" {signed(mixed['high'], 2)}, with an intercept of families in place of the tree"
        )
    if _clear(tree):
        line = f"{_way(tree, name)}, {allowed_for} allowed for ({shown})."
        yield sure(line, [tree], "value")
    elif ranks is not None and _clear(ranks):
        yield unclear(
            f"{_way(ranks, name)} by ranks ({_ranks(ranks)}), but kin are alike: with"
            f" {allowed_for} allowed for there is {NOT_ENOUGH} ({shown})."
        )


def _way(row: _Row, name: Callable[[str], str]) -> str:
    what = "the score" if row["outcome"] == SCORE else f"the gain of {name(row['recipe'])}"
    in_run = IN_RUN if row["verdict"].endswith(IN_RUN) else ""
    way = "lower" if row["value"] < 0 else "higher"
    return f"The further a language is from English{in_run}, the {way} {what}"


def _ranks(row: _Row) -> str:
    return (
        f"Spearman's ρ {fixed(row['value'], 2)}, 95 % {fixed(row['low'], 2)} to"
        f" {fixed(row['high'], 2)}, {row['languages']} languages"
    )


def _clear(row: _Row) -> bool:
    return row["verdict"] is not None and row["verdict"] != NOT_ENOUGH


def _signed(row: _Row, column: str) -> str:
    return signed(row[column])


def _p(value: float) -> str:
    return "below 0.001" if value < 0.001 else fixed(value, 3)
