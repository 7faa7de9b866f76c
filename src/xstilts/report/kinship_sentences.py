"""What kinship of languages does to statements over them, and distance from English, in sentences.

Effects of distance are told by the model with the tree; what correlations of ranks see and that
model does not is named as not clear.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from xstilts.analysis.association.association import MIXED, SPEARMAN
from xstilts.analysis.association.observations import DISTANCE, ENOUGH_LANGUAGES
from xstilts.analysis.inference.adjust import IN_RUN, NOT_ENOUGH, plain
from xstilts.analysis.relatedness.rows import FULL, TREE, WITH_TREE
from xstilts.analysis.tables import ALL_LANGUAGES, EVERY, GAIN, LOSS_CHANGE, SCORE
from xstilts.config.perturbations import KINDS, parse_condition
from xstilts.config.recipes import NONE
from xstilts.report.summary import Certain, Said, sure, unclear
from xstilts.report.wording import counted, listed, target_name, within
from xstilts.rounding import fixed, signed

# Scores are at most this far apart, in points.
_POSSIBLE = 100

# What statements over languages are of.
_OF_WHOM = (
    "Means over languages and their intervals are of these languages; the following is of languages"
    " like them, and of a new one. "
)
_NO_FAMILIES = "too few families have several languages here"

_Row = Mapping[str, Any]


def independent_ones(kinship: pl.DataFrame) -> str:
    """As how many independent languages those of the mean gain over targets count, in brackets.

    Empty where that is not known.
    """
    held = kinship.filter(outcome=GAIN, target=EVERY, model=TREE)["independent_tree"]
    return f" (by descent as good as {fixed(held[0])} independent ones)" if len(held) else ""


def kinship_sentences(
    tables: Mapping[str, pl.DataFrame], name: Callable[[str], str]
) -> Iterator[Said]:
    """What is said of each recipe over languages that are kin: of its gains, and of what it loses.

    Args:
        tables: those of the findings, rows of one encoder.
        name: what a recipe is called.
    """
    yield from _too_few(tables)
    yield from _gains(tables["kinship"].filter(outcome=GAIN), name)
    yield from _losses(tables["kinship"].filter(outcome=LOSS_CHANGE), name)


def _too_few(tables: Mapping[str, pl.DataFrame]) -> Iterator[Said]:
    """What needs more languages, if anything does."""
    groups, perturbed = (
        tables[name].filter(group=ALL_LANGUAGES) for name in ("groups", "perturbed")
    )
    asked = {
        GAIN: ("what recipes give", groups.filter(quantity=GAIN)),
        LOSS_CHANGE: (
            "what perturbed inputs take away",
            perturbed.filter(pl.col("change").is_not_null()),
        ),
    }
    told = set(tables["kinship"]["outcome"])
    few = {
        words: size
        for outcome, (words, held) in asked.items()
        if outcome not in told
        and (size := max(map(len, held["languages"].drop_nulls()), default=0)) > 0
        and size < ENOUGH_LANGUAGES
    }
    if few:
        yield unclear(
            f"Whether families differ in {listed(few, 'or in')} by more than kinship explains, and"
            " how a new language would fare, cannot be told from"
            f" {counted(max(few.values()), 'language')}: that needs {ENOUGH_LANGUAGES} or more in a"
            " target, some of one family. What is said of means and of families holds for these"
            " languages."
        )


def _gains(held: pl.DataFrame, name: Callable[[str], str]) -> Iterator[Said]:
    # Where no mean over targets has languages enough, each target is told by itself.
    means = held.filter(target=EVERY)
    start = _OF_WHOM
    for (_, target), rows in (held if means.is_empty() else means).group_by(
        ["recipe", "target"], maintain_order=True
    ):
        models = {row["model"]: row for row in rows.iter_rows(named=True)}
        if TREE in models:
            yield from _of_one(models, name, str(target), start)
            start = ""


def _of_one(
    models: Mapping[str, _Row], name: Callable[[str], str], target: str, start: str
) -> Iterator[Said]:
    row = models[TREE]
    recipe, where = name(row["recipe"]), f" on {target_name(target)}" if target else ""
    line = (
        f"{start}For the mean gain of {recipe}{where} {row['languages']} languages of"
        f" {row['families']} families count as {fixed(row['independent'])} independent ones"
        f" ({fixed(row['independent_tree'])} if all that sets gains apart followed the tree): the"
        f" share that does is {fixed(row['lambda_'], 2)} (95 % {fixed(row['lambda_low'], 2)} to"
        f" {fixed(row['lambda_high'], 2)}). Over languages of which these are a sample the mean is"
        f" {_signed(row, 'value')} points (95 % {_signed(row, 'low')} to {_signed(row, 'high')});"
        f" a new language of a new family would gain between {_signed(row, 'new_low')} and"
        f" {_signed(row, 'new_high')} (95 %)."
    )
    yield Said((line,), Certain.LEVEL)
    known = _judged(models)
    if known is None:
        yield unclear(
            f"Whether families differ in what {recipe} gives{where} by more than what their descent"
            f" explains cannot be told: {_NO_FAMILIES}."
        )
        return
    if plain(known["verdict"]) != NOT_ENOUGH:
        in_run = _in_run([known])
        yield Said(
            (
                f"Families differ in what {recipe} gives{where}{in_run} by more than"
                f" {_beyond(known)} (p {_p(known['p_adjusted'])}, adjusted).",
            ),
            Certain.SURE_IN_RUN if in_run else Certain.SURE,
        )
        return
    yield unclear(
        f"Not enough data to tell whether families differ in what {recipe} gives{where} by more"
        f" than {_beyond(known)}{_seen([known])}."
    )


def _losses(held: pl.DataFrame, name: Callable[[str], str]) -> Iterator[Said]:
    """What is said of changes of what perturbed inputs take away."""
    asked = [
        {row["model"]: row for row in rows.iter_rows(named=True)}
        for _, rows in held.group_by(["recipe", "condition"], maintain_order=True)
    ]
    by_recipe: dict[str, list[_Row]] = {}
    for models in asked:
        by_recipe.setdefault(models[TREE]["recipe"], []).append(models[TREE])
    few = ", and who scores less has fewer to lose"
    for recipe, rows in by_recipe.items():
        shown = [_of_loss(row) for row in _strongest(rows)]
        yield Said(
            (
                f"Over languages like these {name(recipe)} changes what perturbed inputs take away"
                f" (points; above 0 more is lost{few}): {listed(shown)}.",
            ),
            Certain.LEVEL,
        )
        few = ""
    judged = [row for models in asked if (row := _judged(models)) is not None]
    if asked and not judged:
        yield unclear(
            "Whether families differ in the change of what perturbed inputs take away by more than"
            f" what their descent explains cannot be told: {_NO_FAMILIES}."
        )
    # What is beyond descent is not the same where other predictors are known.
    for beyond in dict.fromkeys(map(_beyond, judged)):
        yield from _families_of_losses([r for r in judged if _beyond(r) == beyond], name, beyond)


def _of_loss(row: _Row) -> str:
    return (
        f"{_perturbation(row)} by {_signed(row, 'value')} (95 % {_signed(row, 'low')} to"
        f" {_signed(row, 'high')}; in a new language of a new family {_signed(row, 'new_low')} to"
        f" {_signed(row, 'new_high')}; {row['languages']} languages count as"
        f" {fixed(row['independent'])})"
    )


def _families_of_losses(
    rows: Sequence[_Row], name: Callable[[str], str], beyond: str
) -> Iterator[Said]:
    what = "what perturbed inputs take away"
    for in_run in ("", IN_RUN):
        differ = [
            f"{_perturbation(row)} after {name(row['recipe'])} (p {_p(row['p_adjusted'])})"
            for row in rows
            if plain(row["verdict"]) != NOT_ENOUGH and _in_run([row]) == in_run
        ]
        if differ:
            yield Said(
                (
                    f"Families differ in the change of {what}{in_run} by more than {beyond}:"
                    f" {listed(differ, most=6)}, adjusted for all recipes and perturbations.",
                ),
                Certain.SURE_IN_RUN if in_run else Certain.SURE,
            )
    rest = [row for row in rows if plain(row["verdict"]) == NOT_ENOUGH]
    if rest:
        recipes = listed(dict.fromkeys(name(row["recipe"]) for row in rest), most=6)
        yield unclear(
            f"Not enough data to tell whether families differ in the change of {what} after"
            f" {recipes} ({listed(dict.fromkeys(map(_perturbation, rest)), most=6)}) by more than"
            f" {beyond}{_seen(rest)}."
        )


def _strongest(rows: Sequence[_Row]) -> list[_Row]:
    """Of each kind of perturbation the greatest strength."""
    found: dict[str, tuple[float, _Row]] = {}
    for row in rows:
        kind, strength = parse_condition(row["condition"])
        if kind not in found or strength > found[kind][0]:
            found[kind] = strength, row
    return [row for _, row in found.values()]


def _perturbation(row: _Row) -> str:
    """A condition in words."""
    kind, strength = parse_condition(row["condition"])
    return f"{within(KINDS[kind].wording.title)} at strength {strength:g}"


def _judged(models: Mapping[str, _Row]) -> _Row | None:
    """The model whose families are compared: the one that allows for most."""
    rows = [models[name] for name in (FULL, TREE) if name in models]
    return next((row for row in rows if row["p_adjusted"] is not None), None)


def _beyond(row: _Row) -> str:
    """What families that differ would differ by more than."""
    if row["model"] == TREE:
        return "what their descent explains"
    return f"their descent and nearness and {_after_beside(row['note'])} explain"


def _in_run(rows: Sequence[_Row]) -> str:
    return IN_RUN if any(row["verdict"].endswith(IN_RUN) for row in rows) else ""


def _seen(rows: Sequence[_Row]) -> str:
    """Which differences of families would have been seen."""
    known = [row["detectable"] for row in rows if row["detectable"] is not None]
    if not known:
        return ""
    if min(known) > _POSSIBLE:
        return "; no differences that are possible would be seen"
    sizes = dict.fromkeys(fixed(size) for size in (min(known), max(known)) if size <= _POSSIBLE)
    return (
        f"; shifts of families with a standard deviation of {' to '.join(sizes)} points would be"
        " seen in four of five such experiments"
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
    for _, rows in of_distance.group_by(["recipe", "outcome", "condition"], maintain_order=True):
        by_method = {row["method"]: row for row in rows.iter_rows(named=True)}
        ranks, tree = by_method.get(SPEARMAN), by_method.get(WITH_TREE)
        if tree is not None and tree["value"] is not None:
            yield from _with_tree(tree, ranks, by_method.get(MIXED), name)
        elif ranks is not None and _clear(ranks):
            line = f"{_way(ranks, name)} ({_ranks(ranks)}; {_TOGETHER})."
            yield sure(line, [ranks], "value")


_TOGETHER = "distance, size of pretraining text and script go together"


def _with_tree(
    tree: _Row, ranks: _Row | None, mixed: _Row | None, name: Callable[[str], str]
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
        line = f"{_way(tree, name)}, kinship, script and pretraining text allowed for ({shown})."
        yield sure(line, [tree], "value")
    elif ranks is not None and _clear(ranks):
        yield unclear(
            f"{_way(ranks, name)} by ranks ({_ranks(ranks)}), but kin are alike: with kinship,"
            f" script and pretraining text allowed for there is {NOT_ENOUGH} ({shown})."
        )


def _way(row: _Row, name: Callable[[str], str]) -> str:
    in_run = IN_RUN if row["verdict"].endswith(IN_RUN) else ""
    start = f"The further a language is from English{in_run}, the"
    below = row["value"] < 0
    if row["outcome"] == LOSS_CHANGE:
        lost = f"{_perturbation(row)} after {name(row['recipe'])}"
        return f"{start} {'less' if below else 'more'} is lost by {lost} compared with the baseline"
    what = "the score" if row["outcome"] == SCORE else f"the gain of {name(row['recipe'])}"
    return f"{start} {'lower' if below else 'higher'} {what}"


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
