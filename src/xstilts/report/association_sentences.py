"""What scores and gains go with over languages, in sentences.

Effects are told by the model with the tree. What correlations of ranks with distance see and that
model does not is named as not clear.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from xstilts.analysis.association.association import MIXED, SPEARMAN
from xstilts.analysis.association.observations import DISTANCE, LATIN, OVERLAP
from xstilts.analysis.inference.adjust import IN_RUN, NOT_ENOUGH
from xstilts.analysis.relatedness.rows import WITH_TREE
from xstilts.analysis.tables import LOSS_CHANGE, SCORE
from xstilts.config.recipes import NONE
from xstilts.report.summary import Said, sure, unclear
from xstilts.report.wording import listed, perturbation
from xstilts.rounding import fixed, signed

_Row = Mapping[str, Any]

# How predictors are called, amounts of text otherwise, and what is said of a language that has
# more.
_CALLED = {DISTANCE: "distance", LATIN: "script", OVERLAP: "subword overlap"}
_TEXT = "pretraining text"
_MORE = {
    DISTANCE: "The further a language is from English",
    OVERLAP: "The more subwords a language shares with English",
    _TEXT: "The more text of a language the encoder was pretrained on",
}
_TOGETHER = "distance, size of pretraining text and script go together"


def association_sentences(association: pl.DataFrame, name: Callable[[str], str]) -> Iterator[Said]:
    """How scores of the baseline, and gains, go with what is known of languages.

    Args:
        association: rows of one encoder.
        name: what a recipe is called.
    """
    # Scores after every recipe go with predictors much alike: the baseline's are told.
    told = association.filter((pl.col("outcome") != SCORE) | (pl.col("recipe") == NONE))
    for _, held in told.group_by(["recipe", "outcome", "condition"], maintain_order=True):
        modelled = held.filter(pl.col("value").is_not_null(), method=WITH_TREE)["predictor"]
        for (predictor,), rows in held.group_by(["predictor"], maintain_order=True):
            by_method = {row["method"]: row for row in rows.iter_rows(named=True)}
            ranks, tree = by_method.get(SPEARMAN), by_method.get(WITH_TREE)
            if tree is not None and tree["value"] is not None:
                beside = _allowed_for(each for each in modelled if each != predictor)
                yield from _with_tree(tree, ranks, by_method.get(MIXED), beside, name)
            elif predictor == DISTANCE and ranks is not None and _clear(ranks):
                line = f"{_way(ranks, name)} ({_ranks(ranks)}; {_TOGETHER})."
                yield sure(line, [ranks], "value")


def _allowed_for(predictors: Iterable[str]) -> str:
    """What a model with the tree allows for."""
    return listed(["kinship", *(_CALLED.get(each, _TEXT) for each in predictors)])


def _with_tree(
    tree: _Row,
    ranks: _Row | None,
    mixed: _Row | None,
    allowed_for: str,
    name: Callable[[str], str],
) -> Iterator[Said]:
    predictor = tree["predictor"]
    of_one = "" if predictor == LATIN else f" for one of {_CALLED.get(predictor, _TEXT)}"
    shown = (
        f"{signed(tree['value'], 2)} standard deviations{of_one}, 95 %"
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
    elif predictor == DISTANCE and ranks is not None and _clear(ranks):
        yield unclear(
            f"{_way(ranks, name)} by ranks ({_ranks(ranks)}), but kin are alike: with"
            f" {allowed_for} allowed for there is {NOT_ENOUGH} ({shown})."
        )


def _way(row: _Row, name: Callable[[str], str]) -> str:
    """What is more or less in a language that has more of a predictor."""
    in_run = IN_RUN if row["verdict"].endswith(IN_RUN) else ""
    below = row["value"] < 0
    if row["predictor"] == LATIN:
        start = f"In Latin script{in_run}"
    else:
        start = f"{_MORE.get(row['predictor'], _MORE[_TEXT])}{in_run},"
    if row["outcome"] == LOSS_CHANGE:
        # What rises with distance may be below 0 everywhere: less lost than by the baseline.
        what = (
            f"change of the loss by {perturbation(row['condition'])} after {name(row['recipe'])}"
            " (above 0 more is lost than by the baseline)"
        )
    else:
        what = "score" if row["outcome"] == SCORE else f"gain of {name(row['recipe'])}"
    way = "lower" if below else "higher"
    return (
        f"{start} the {what} is {way}"
        if row["predictor"] == LATIN
        else f"{start} the {way} the {what}"
    )


def _ranks(row: _Row) -> str:
    return (
        f"Spearman's ρ {fixed(row['value'], 2)}, 95 % {fixed(row['low'], 2)} to"
        f" {fixed(row['high'], 2)}, {row['languages']} languages"
    )


def _clear(row: _Row) -> bool:
    return row["verdict"] is not None and row["verdict"] != NOT_ENOUGH
