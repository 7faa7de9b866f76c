"""What scores and gains are set against, by ranks, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from xstilts.rounding import fixed

# What languages are known by, besides the text in them (`text_size`).
DISTANCE, LATIN = "distance from English", "Latin script"
OVERLAP = "subword overlap with English"

# What the outcome does where the predictor is greater.
RISES, FALLS = "rises with it", "falls with it"

# With fewer languages than this nothing is concluded.
ENOUGH_LANGUAGES = 10

# Half of what is left out of a two-sided 95 % interval.
TAIL = 0.025

# Languages that a task needs beyond the predictors held constant, in a draw or a model.
FEWEST_DRAWN = 3
# Rank correlations of predictors beyond this are noted.
_COLLINEAR = 0.7

# Correlations that differ by less are equal, and determinants below it are 0.
TINY = 1e-9


def text_size(unit: str) -> str:
    """The name of the predictor that is made of amounts of text in this unit."""
    return f"log(1 + {unit})"


@dataclass(frozen=True, kw_only=True)
class Observations:
    """An outcome for n pairs of task and language, and what is known of the languages.

    Attributes:
        outcome: its name.
        condition: of which perturbed items it is, e.g. "typos@0.1"; empty of clean ones.
        tasks, languages, families: (n,) each.
        values: (n,), finite, as observed.
        predictors: name to (n,), one value a language; nan where unknown.
        seeds: how many the outcomes are means of; the fewest.
        noise: (n,), the variance that items and seeds give to how far a value is from the mean of
            its task; of length 0 where that is not known.
        common: the variance that they give to the mean over tasks of these means (`Outcomes`).
    """

    outcome: str
    tasks: tuple[str, ...]
    languages: tuple[str, ...]
    families: tuple[str, ...]
    values: np.ndarray
    predictors: Mapping[str, np.ndarray]
    condition: str = ""
    seeds: int = 1
    noise: np.ndarray = field(default_factory=lambda: np.empty(0))
    common: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Association:
    """How an outcome goes with a predictor.

    Attributes:
        value: a correlation, or the coefficient of a mixed model; None where there is none, and
            `note` says why.
        low, high: the 95 % interval; for `ONE_FAMILY_OUT` the least and the greatest value.
        p: two-sided; None where there is none.
        languages: how many different ones this rests on.
        note: what to bear in mind; may be empty.
    """

    method: str
    predictor: str
    outcome: str
    condition: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    languages: int = 0
    note: str = ""

    @property
    def enough(self) -> bool:
        """Whether there are enough languages to conclude anything."""
        return self.value is not None and self.languages >= ENOUGH_LANGUAGES


@dataclass(frozen=True, kw_only=True)
class OfLanguages:
    """The rows of the languages whose predictors are known, by language and by task.

    Attributes:
        codes, families: of each language, (languages,); codes are sorted.
        predictors: (predictors, languages), finite; the first is the one in question.
        members: task to the places of its languages in `codes`, if they are enough.
        values: task to its outcomes, (members,).
        left_out: tasks that have fewer than `fewest` languages.
    """

    codes: tuple[str, ...]
    families: tuple[str, ...]
    predictors: np.ndarray
    members: Mapping[str, np.ndarray]
    values: Mapping[str, np.ndarray]
    left_out: tuple[str, ...]
    fewest: int


def values_by_language(observations: Observations) -> dict[str, dict[str, float]]:
    """Predictor to its value for each language.

    Raises:
        ValueError: a predictor has two values for one language.
    """
    found: dict[str, dict[str, float]] = {}
    for name, values in observations.predictors.items():
        known = found.setdefault(name, {})
        for code, value in zip(observations.languages, values.tolist(), strict=True):
            if not np.array_equal(known.setdefault(code, value), value, equal_nan=True):
                raise ValueError(f"two values of {name!r} for {code!r}")
    return found


def varies(observations: Observations, name: str) -> bool:
    """Whether a predictor has more than one value, without which nothing can go with it."""
    values = observations.predictors[name]
    return len(np.unique(values[np.isfinite(values)])) > 1


def of_languages(observations: Observations, names: tuple[str, ...], fewest: int) -> OfLanguages:
    """The tasks with `fewest` languages for which all of the named predictors are known."""
    by_language = values_by_language(observations)
    rows: dict[str, dict[str, int]] = {task: {} for task in sorted(set(observations.tasks))}
    for row, (task, code) in enumerate(
        zip(observations.tasks, observations.languages, strict=True)
    ):
        if all(np.isfinite(by_language[name][code]) for name in names):
            rows[task][code] = row
    counted = {task: sorted(held) for task, held in rows.items() if len(held) >= fewest}
    codes = sorted({code for held in counted.values() for code in held})
    family = dict(zip(observations.languages, observations.families, strict=True))
    return OfLanguages(
        codes=tuple(codes),
        families=tuple(family[code] for code in codes),
        predictors=np.array([[by_language[name][code] for code in codes] for name in names]),
        members={task: np.searchsorted(codes, held) for task, held in counted.items()},
        values={
            task: observations.values[[rows[task][code] for code in held]].astype(float)
            for task, held in counted.items()
        },
        left_out=tuple(task for task in rows if task not in counted),
        fewest=fewest,
    )


def about(observations: Observations, method: str, name: str, panel: OfLanguages) -> Association:
    """An association without its numbers, with notes on what it rests on."""
    result = Association(
        method=method, predictor=name, outcome=observations.outcome, languages=len(panel.codes)
    )
    notes = []
    if result.languages < ENOUGH_LANGUAGES:
        notes.append(f"{result.languages} languages: too few to tell")
    if panel.left_out:
        notes.append(f"without {', '.join(panel.left_out)}: fewer than {panel.fewest} languages")
    by_language = values_by_language(observations)
    own = by_language.pop(name)
    for other, values in by_language.items():
        pairs = np.array([[value, values[code]] for code, value in own.items()])
        pairs = pairs[np.isfinite(pairs).all(axis=1)].T[:, None]
        together = rank_correlation(pairs, np.ones(pairs[0].shape), 3)[0]
        if abs(together) > _COLLINEAR:
            notes.append(f"goes with {other} (rank correlation {fixed(together, 2)})")
    return noted(result, *notes)


def noted(result: Association, *notes: str) -> Association:
    """A result with further notes."""
    return replace(result, note="; ".join(note for note in (result.note, *notes) if note))


def why_missing(observations: Observations, panel: OfLanguages, name: str) -> str:
    """Why there is no association with a predictor, in words."""
    if not np.isfinite(observations.predictors[name]).any():
        return "unknown for every language"
    if not varies(observations, name):
        return "the same in every language"
    if not panel.members:
        return "no task has enough languages"
    return "nothing varies within a task"


def rank_correlation(
    variables: Sequence[np.ndarray], counts: np.ndarray, fewest: int
) -> np.ndarray:
    """(rows,): rank correlation of the first two variables, the further ones held constant.

    nan where one of the two is constant or determined by the further ones, or where fewer than
    `fewest` things are counted.

    Args:
        variables: (rows or 1, things) each.
        counts: (rows or 1, things), how often each thing is there.
    """
    centred = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for variable in variables:
            ranks = rank_matrix(variable, counts)
            centred.append(ranks - (ranks * counts).sum(1, keepdims=True) / counts.sum(1)[:, None])
        matrix = {
            (i, j): (centred[i] * centred[j] * counts).sum(1)
            for i in range(len(centred))
            for j in range(i + 1)
        }
        spread = [np.sqrt(matrix[i, i]) for i in range(len(centred))]
        for i, j in matrix:
            ratio = matrix[i, j] / (spread[i] * spread[j])
            matrix[i, j] = np.where(np.minimum(spread[i], spread[j]) > TINY, ratio, 0.0)
        # Gaussian elimination; a variable that is constant or determined by those before has
        # nothing left to take out.
        for out in range(len(centred) - 1, 1, -1):
            left = matrix[out, out]
            for i in range(out):
                for j in range(i + 1):
                    taken = matrix[out, i] * matrix[out, j] / left
                    matrix[i, j] = matrix[i, j] - np.where(left > TINY, taken, 0.0)
        known = (np.minimum(matrix[0, 0], matrix[1, 1]) > TINY) & (
            np.count_nonzero(counts, axis=1) >= fewest
        )
        found = matrix[1, 0] / np.sqrt(matrix[0, 0] * matrix[1, 1])
    return np.where(known, found, np.nan)


def rank_matrix(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(rows, things): ranks from 1, their mean for ties, of things that are there several times.

    Args:
        values: (rows or 1, things).
        counts: (rows or 1, things); what is there 0 times gets a rank that means nothing.
    """
    order = np.argsort(values, axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=1)
    new = np.ones(ordered.shape, dtype=bool)
    new[:, 1:] = ordered[:, 1:] > ordered[:, :-1]
    last = np.ones(ordered.shape, dtype=bool)
    last[:, :-1] = new[:, 1:]
    weights = np.take_along_axis(counts, order, axis=1)
    upto = np.cumsum(weights, axis=1)
    start = np.maximum.accumulate(np.where(new, upto - weights, 0), axis=1)
    end = np.where(last, upto, np.inf)[:, ::-1]
    end = np.minimum.accumulate(end, axis=1)[:, ::-1]
    return np.take_along_axis((start + end + 1) / 2, np.argsort(order, axis=1), axis=1)
