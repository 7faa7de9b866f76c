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
from xstilts.report.summary import Certain, Said, detectable, unclear
from xstilts.report.wording import counted, listed, perturbation, target_name
from xstilts.rounding import fixed, signed

# So many parts are listed in one sentence.
_MOST = 6

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
    """What is said of mean gains."""
    # Where no mean over targets has languages enough, each target is told by itself.
    means = held.filter(target=EVERY)
    start = _OF_WHOM
    for (target,), rows in (held if means.is_empty() else means).group_by(
        ["target"], maintain_order=True
    ):
        where = f" on {target_name(str(target))}" if target else ""
        asked = _models(rows)
        told = [f"{name(models[TREE]['recipe'])} {_of_gain(models[TREE])})" for models in asked]
        yield Said(
            (
                f"{start}In points, mean gains{where} {_over(asked[0][TREE])}; lambda: the share of"
                f" what sets them apart that follows the tree): {listed(told, most=_MOST)}.",
            ),
            Certain.LEVEL,
        )
        start = ""
        called = [name(models[TREE]["recipe"]) for models in asked]
        yield from _families(asked, called, f"what recipes give{where}", "recipes")


def _of_gain(row: _Row) -> str:
    return (
        f"{_numbers(row)}; lambda {fixed(row['lambda_'], 2)},"
        f" {fixed(row['lambda_low'], 2)} to {fixed(row['lambda_high'], 2)}"
    )


def _losses(held: pl.DataFrame, name: Callable[[str], str]) -> Iterator[Said]:
    """What is said of changes of what perturbed inputs take away."""
    asked = _models(held)
    few = ", and who scores less has fewer to lose"
    strongest = _strongest([models[TREE] for models in asked])
    for condition in dict.fromkeys(row["condition"] for row in strongest):
        own = [row for row in strongest if row["condition"] == condition]
        told = [f"{name(row['recipe'])} {_numbers(row)})" for row in own]
        yield Said(
            (
                f"In points, changes of the loss by {perturbation(condition)} (above 0 more is"
                f" lost{few}) {_over(own[0])}): {listed(told, most=_MOST)}.",
            ),
            Certain.LEVEL,
        )
        few = ""
    called = [
        f"{perturbation(models[TREE]['condition'])} after {name(models[TREE]['recipe'])}"
        for models in asked
    ]
    what = "the change of what perturbed inputs take away"
    yield from _families(asked, called, what, "recipes and perturbations")


def _over(row: _Row) -> str:
    """What `_numbers` are; the bracket stays open, as there."""
    return (
        "over languages like these (95 %; new: in a new language of a new family; independent: what"
        f" the {row['languages']} languages of {row['families']} families count as"
    )


def _numbers(row: _Row) -> str:
    return (
        f"{_signed(row, 'value')} ({_signed(row, 'low')} to {_signed(row, 'high')};"
        f" new {_signed(row, 'new_low')} to {_signed(row, 'new_high')};"
        f" independent {fixed(row['independent'])}"
    )


def _models(held: pl.DataFrame) -> list[dict[str, _Row]]:
    """For each outcome its models by name, of those that have any with the tree alone."""
    found: list[dict[str, _Row]] = [
        {row["model"]: row for row in rows.iter_rows(named=True)}
        for _, rows in held.group_by(["recipe", "condition"], maintain_order=True)
    ]
    return [models for models in found if TREE in models]


def _families(
    asked: Sequence[Mapping[str, _Row]], called: Sequence[str], what: str, over: str
) -> Iterator[Said]:
    """Whether families differ by more than the models explain.

    Args:
        called: what each of `asked` is of.
        over: what p is adjusted over.
    """
    pairs = [
        (row, words)
        for models, words in zip(asked, called, strict=True)
        if (row := _judged(models)) is not None
    ]
    if asked and not pairs:
        yield unclear(
            f"Whether families differ in {what} by more than what their descent explains cannot be"
            f" told: {_NO_FAMILIES}."
        )
    # What is beyond descent is not the same where other predictors are known.
    for beyond in dict.fromkeys(_beyond(row) for row, _ in pairs):
        own = [(row, words) for row, words in pairs if _beyond(row) == beyond]
        for in_run in ("", IN_RUN):
            differ = [
                f"{words} (p {_p(row['p_adjusted'])})"
                for row, words in own
                if plain(row["verdict"]) != NOT_ENOUGH and _in_run(row) == in_run
            ]
            if differ:
                yield Said(
                    (
                        f"Families differ in {what}{in_run} by more than {beyond}:"
                        f" {listed(differ, most=_MOST)}, adjusted for all {over}.",
                    ),
                    Certain.SURE_IN_RUN if in_run else Certain.SURE,
                )
        rest = [(row, words) for row, words in own if plain(row["verdict"]) == NOT_ENOUGH]
        if rest:
            yield unclear(
                f"Not enough data to tell whether families differ in {what} by more than"
                f" {beyond} ({listed([words for _, words in rest], most=_MOST)})"
                f"{_seen([row for row, _ in rest])}."
            )


def _strongest(rows: Sequence[_Row]) -> list[_Row]:
    """Those of the greatest strength of each kind of perturbation."""
    greatest: dict[str, float] = {}
    for row in rows:
        kind, strength = parse_condition(row["condition"])
        greatest[kind] = max(strength, greatest.get(kind, strength))
    return [row for row in rows if parse_condition(row["condition"]) in greatest.items()]


def _judged(models: Mapping[str, _Row]) -> _Row | None:
    """The model whose families are compared: the one that allows for most."""
    rows = [models[name] for name in (FULL, TREE) if name in models]
    return next((row for row in rows if row["p_adjusted"] is not None), None)


def _beyond(row: _Row) -> str:
    """What families that differ would differ by more than."""
    if row["model"] == TREE:
        return "what their descent explains"
    return f"their descent and nearness and {_after_beside(row['note'])} explain"


def _in_run(row: _Row) -> str:
    return IN_RUN if row["verdict"].endswith(IN_RUN) else ""


def _seen(rows: Sequence[_Row]) -> str:
    """Which differences of families would have been seen."""
    sizes = detectable(rows)
    if sizes is None:
        return ""
    if not sizes:
        return "; no differences that are possible would be seen"
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
