"""All sides of an experiment in order, with letters for the groups in which none differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from itertools import combinations
from string import ascii_lowercase

import numpy as np

from xstilts.analysis.collapsed_cells import Cell
from xstilts.analysis.comparable import Common, common
from xstilts.analysis.inference.adjust import NOT_ENOUGH, Statement, holm, judge
from xstilts.analysis.inference.bootstrap import DRAWS, Sample, sample_of
from xstilts.analysis.inference.draws import Draws, mean_of
from xstilts.analysis.inference.estimates import Estimate, estimate
from xstilts.analysis.inputs.items import CellFile, languages_of, of_target, shared_languages
from xstilts.analysis.side_scores import INDEPENDENT, PAIRED, Sides, cells_of, collapsed_of
from xstilts.analysis.sides import Side, data_notes, short_names
from xstilts.analysis.tables import ALL_LANGUAGES, EVERY, Row
from xstilts.config.recipes import NONE
from xstilts.config.tasks import SOURCE_LANGUAGE, averaged
from xstilts.errors import XstiltsError


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A side in the order of one scope: its mean, and the letters of the groups that it is in."""

    name: str
    mean: Estimate
    letters: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Order:
    """Sides in the order of their means over the languages other than English.

    Attributes:
        target: `EVERY` for the mean over XTREME's targets, where there are several.
        placed: the best side first.
        pairs: one row a pair of sides, the better one first.
    """

    target: str
    placed: tuple[Placed, ...]
    pairs: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """All sides against each other, over the mean of targets and in each target."""

    sides: tuple[Side, ...]
    names: tuple[str, ...]
    common: Common
    orders: tuple[Order, ...]
    notes: tuple[str, ...]
    draws: int


def rank(
    sides: Sequence[Side],
    *,
    split: str | None = None,
    targets: Sequence[str] | None = None,
    languages: Sequence[str] | None = None,
    draws: int = DRAWS,
) -> Ranking:
    """All sides against each other, in groups within which none differs from another.

    p is adjusted by Holm over all pairs of sides, in each target and over the mean of XTREME's
    targets for itself.

    Args:
        sides: two or more.
        split, targets, languages: a restriction, as in `comparable.common`.
        draws: of the bootstrap.

    Raises:
        XstiltsError: there are fewer than two sides, or they were not tested on the same.
    """
    if len(sides) < 2:
        raise XstiltsError(
            f"only one side: {', '.join(side.name for side in sides)}",
            hint="name another, or an experiment with several recipes or encoders",
        )
    names = short_names(sides)
    shared = common(sides, names, split=split, targets=targets, languages=languages)
    left_out, notes = collapsed_of(names, sides, shared)
    samples = {
        target: _mean_alone(
            sample_of(cells, shared.languages[target], split=shared.split, draws=draws)
        )
        for target, cells in cells_of(names, shared).items()
        if set(shared.languages[target]) - {SOURCE_LANGUAGE}
    }
    untrained = {name for name, side in zip(names, sides, strict=True) if side.recipe == NONE}
    return Ranking(
        sides=tuple(sides),
        names=tuple(names),
        common=shared,
        orders=_orders(Sides(samples, untrained, left_out), names),
        notes=(*notes, *data_notes(sides, names, list(samples))),
        draws=draws,
    )


def rank_encoders(
    files: Sequence[CellFile],
    recipe: str,
    *,
    split: str,
    draws: int = DRAWS,
    left_out: Set[Cell] = frozenset(),
) -> tuple[Order, ...]:
    """The encoders of one experiment against each other after a recipe, as `rank` orders sides.

    Compared are the targets that all of them have, in the languages that all cells have.

    Args:
        files: the cells of the experiment; those of other recipes are left out.
        split: of the items.
        draws: of the bootstrap.
        left_out: (encoder, recipe, target, seed) that collapsed and are not used.

    Returns:
        None of fewer than two encoders, or where they have no target in common.
    """
    ours = [replace(file, recipe=file.encoder) for file in files if file.recipe == recipe]
    names = list(dict.fromkeys(file.encoder for file in ours))
    if len(names) < 2:
        return ()
    samples = {}
    for target, cells in of_target(ours).items():
        spoken = {file: languages_of(file, split) for file in cells}
        cells = [file for file in cells if spoken[file]]
        kept = {
            file.encoder
            for file in cells
            if (file.encoder, recipe, target, file.seed) not in left_out
        }
        languages = shared_languages(target, [spoken[file] for file in cells]) if cells else ()
        if kept == set(names) and set(languages) - {SOURCE_LANGUAGE}:
            sample = sample_of(cells, languages, split=split, draws=draws)
            samples[target] = _mean_alone(sample)
    gone = {(encoder, target, seed) for encoder, name, target, seed in left_out if name == recipe}
    untrained = set(names) if recipe == NONE else set()
    return _orders(Sides(samples, untrained, gone), names)


def _orders(found: Sides, names: Sequence[str]) -> tuple[Order, ...]:
    """The order of sides in each target, before them that over the mean of several."""
    scopes: dict[str, Sequence[str]] = {target: [target] for target in found.samples}
    every = averaged(found.samples)
    if len(every) > 1:
        scopes = {EVERY: every, **scopes}
    return tuple(_order(found, names, target, scope) for target, scope in scopes.items())


def _mean_alone(sample: Sample) -> Sample:
    """The mean over the languages other than English as the only one, since that is ranked."""
    kept = [place for place, code in enumerate(sample.languages) if code != SOURCE_LANGUAGE]
    return replace(
        sample,
        languages=(ALL_LANGUAGES,),
        scores=sample.scores[:, :, kept].mean(axis=-1, keepdims=True),
        observed=None
        if sample.observed is None
        else sample.observed[:, kept].mean(axis=-1, keepdims=True),
    )


def _order(found: Sides, names: Sequence[str], target: str, scope: Sequence[str]) -> Order:
    def mean(name: str, beside: str) -> Draws:
        scores = []
        for key in scope:
            held = found.scores(key, name, beside)
            assert held is not None, f"{key} is not compared"
            scores.append(held.map(lambda s: s[:, 0]))
        return mean_of(scores)

    means = {name: estimate(mean(name, name)) for name in names}
    ordered = sorted(names, key=lambda name: (-means[name].value, name))
    pairs = list(combinations(ordered, 2))
    rows: list[Row] = []
    said: list[Statement] = []
    for one, other in pairs:
        difference = mean(one, other).minus(mean(other, one))
        each = estimate(difference)
        hows = {found.compared(key, one, other).how for key in scope}
        row: Row = {
            **{"target": target, "a": one, "b": other},
            **{name: getattr(each, name) for name in ("value", "low", "high", "error", "p")},
            "basis": difference.basis,
            "seeds": difference.seeds,
            "pairing": PAIRED if hows == {PAIRED} else INDEPENDENT,
            "detectable": None,
        }
        words = (f"{other} is better", f"{one} is better")
        said.append(Statement(row=row, estimate=each, words=words, seeds=difference.seeds))
        rows.append(row)
    judge(said, holm)
    different = np.zeros((len(ordered), len(ordered)), dtype=bool)
    for row in rows:
        cell = ordered.index(row["a"]), ordered.index(row["b"])
        different[cell] = different[cell[::-1]] = row["verdict"] != NOT_ENOUGH
    shown = letters(different)
    return Order(
        target=target,
        placed=tuple(
            Placed(name=name, mean=means[name], letters=held)
            for name, held in zip(ordered, shown, strict=True)
        ),
        pairs=tuple(rows),
    )


def letters(different: np.ndarray) -> list[tuple[str, ...]]:
    """The letters of each of n things: two that share one cannot be told apart.

    There is a letter for each maximal set in which no pair differs. So two things that differ share
    none, and two that do not differ share at least one. Sets are found by inserting and absorbing
    (Piepho 2004, Journal of Computational and Graphical Statistics 13): a set that holds a pair
    which differs is replaced by the two that lack one of them, and a set inside another goes.

    Args:
        different: (n, n) as booleans, symmetric: whether two things differ.

    Returns:
        For each thing its letters in order. The first letter is that of the first thing; after z
        come a2, b2 and so on.

    Raises:
        ValueError: the array is not symmetric, or a thing differs from itself.
    """
    different = np.asarray(different, dtype=bool)
    if not np.array_equal(different, different.T) or different.diagonal().any():
        raise ValueError("what differs is not symmetric, or a thing differs from itself")
    count = len(different)
    sets = [frozenset(range(count))]
    for one, other in np.argwhere(np.triu(different)).tolist():
        parted = [
            part
            for held in sets
            for part in (
                (held - {one}, held - {other}) if one in held and other in held else (held,)
            )
        ]
        unique = dict.fromkeys(parted)
        sets = [held for held in unique if not any(held < another for another in unique)]
    sets.sort(key=sorted)
    return [
        tuple(_name(place) for place, held in enumerate(sets) if thing in held)
        for thing in range(count)
    ]


def _name(place: int) -> str:
    rounds, letter = divmod(place, len(ascii_lowercase))
    return ascii_lowercase[letter] + (str(rounds + 1) if rounds else "")


def encoder_rows(
    files: Sequence[CellFile],
    recipes: Iterable[str],
    split: str,
    draws: int,
    left_out: Set[Cell],
) -> Iterator[Row]:
    """Rows of `tables.ENCODERS`."""
    for recipe in recipes:
        for order in rank_encoders(files, recipe, split=split, draws=draws, left_out=left_out):
            seeds = min(pair["seeds"] for pair in order.pairs)
            for place, each in enumerate(order.placed, start=1):
                yield {
                    "encoder": each.name,
                    "recipe": recipe,
                    "target": order.target,
                    "place": place,
                    "value": each.mean.value,
                    "low": each.mean.low,
                    "high": each.mean.high,
                    "letters": "".join(each.letters),
                    "seeds": seeds,
                }
