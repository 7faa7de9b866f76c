"""What kinship of languages does to statements over them, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from xstilts.analysis.association.observations import ENOUGH_LANGUAGES
from xstilts.analysis.inference.adjust import IN_RUN, NOT_ENOUGH, plain
from xstilts.analysis.relatedness.rows import FULL, TREE
from xstilts.analysis.tables import ALL_LANGUAGES, EVERY, GAIN, LOSS_CHANGE
from xstilts.config.perturbations import parse_condition
from xstilts.report.summary import Certain, Said, unclear
from xstilts.report.wording import counted, listed, perturbation, target_name
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
            # Of the mean over targets alone.
            perturbed.filter(pl.col("change").is_not_null(), target=EVERY),
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
            f" {counted(max(few.values()), 'language')}: that needs {ENOUGH_LANGUAGES} or more in"
            f" {'a target' if asked[GAIN][0] in few else 'the mean over targets'}, some of one"
            " family. What is said of means and of families holds for these languages."
        )
    if asked[LOSS_CHANGE][1].is_empty() and perturbed["change"].is_not_null().any():
        yield unclear(
            "What perturbed inputs take away over languages is told of the mean over targets alone:"
            " none of its targets has perturbed inputs."
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
                "Over languages like these the change of what perturbed inputs take away after"
                f" {name(recipe)} (points; above 0 more is lost{few}) is {listed(shown)}.",
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
        f"{_signed(row, 'value')} by {perturbation(row['condition'])}"
        f" (95 % {_signed(row, 'low')} to {_signed(row, 'high')};"
        f" in a new language of a new family {_signed(row, 'new_low')} to"
        f" {_signed(row, 'new_high')}; {row['languages']} languages count as"
        f" {fixed(row['independent'])})"
    )


def _families_of_losses(
    rows: Sequence[_Row], name: Callable[[str], str], beyond: str
) -> Iterator[Said]:
    what = "what perturbed inputs take away"
    for in_run in ("", IN_RUN):
        differ = [
            f"{perturbation(row['condition'])} after {name(row['recipe'])}"
            f" (p {_p(row['p_adjusted'])})"
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
        kinds = listed(dict.fromkeys(perturbation(row["condition"]) for row in rest), most=6)
        yield unclear(
            f"Not enough data to tell whether families differ in the change of {what} after"
            f" {recipes} ({kinds}) by more than {beyond}{_seen(rest)}."
        )


def _strongest(rows: Sequence[_Row]) -> list[_Row]:
    """Of each kind of perturbation the greatest strength."""
    found: dict[str, tuple[float, _Row]] = {}
    for row in rows:
        kind, strength = parse_condition(row["condition"])
        if kind not in found or strength > found[kind][0]:
            found[kind] = strength, row
    return [row for _, row in found.values()]


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


def _signed(row: _Row, column: str) -> str:
    return signed(row[column])


def _p(value: float) -> str:
    return "below 0.001" if value < 0.001 else fixed(value, 3)
