"""The models over languages of one outcome, and what they say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import linalg, optimize, stats

from xstilts.analysis.association.association import standardised
from xstilts.analysis.association.observations import (
    ENOUGH_LANGUAGES,
    Observations,
    rank_matrix,
    values_by_language,
    varies,
)
from xstilts.analysis.inference.estimates import LEVEL
from xstilts.analysis.relatedness.covariances import distances, independent_number, relatedness
from xstilts.analysis.relatedness.profile import POWER, Profile, Told, profile
from xstilts.analysis.relatedness.reml import Fit, Values, fit
from xstilts.config.languages import Language
from xstilts.config.seeds import derive_seed

DRAWS = 4_999
# Reaches of nearness that are tried, in km.
REACHES = (250.0, 500.0, 1000.0, 2000.0, 4000.0)
# Standard deviations over languages below this, in points, are rounding of single precision.
_ROUNDING = 1e-4
# Of fewer degrees of freedom families are not compared.
_FEWEST_DEGREES = 3


@dataclass(frozen=True, kw_only=True)
class OverLanguages:
    """An outcome in units of its standard deviation over languages within each task.

    Tasks whose values are all equal are left out, and so are languages of which a predictor is not
    known. Each task has an intercept; predictors are standardised over languages but for those
    that are 0 or 1.

    Attributes:
        codes, families: of each language, (languages,); codes are sorted.
        tasks: those that count.
        names: of the predictors, which are the last columns of the fixed part.
        spreads: (tasks,), standard deviations, in the outcome's own unit.
        common: the variance that items and seeds give to the mean over tasks, in that unit.
    """

    values: Values
    languages: Mapping[str, Language]
    codes: tuple[str, ...]
    families: tuple[str, ...]
    tasks: tuple[str, ...]
    names: tuple[str, ...]
    spreads: np.ndarray
    common: float

    @classmethod
    def of(
        cls,
        observations: Observations,
        languages: Mapping[str, Language],
        names: Sequence[str] = (),
    ) -> OverLanguages | str:
        """The outcome with these predictors, or why there is no model."""
        names = tuple(name for name in names if varies(observations, name))
        known = {name: values_by_language(observations)[name] for name in names}
        kept = np.array(
            [all(np.isfinite(held[c]) for held in known.values()) for c in observations.languages],
            dtype=bool,
        )
        of_task = np.array(observations.tasks)
        spreads = {
            task: float(values.std(ddof=1))
            for task in dict.fromkeys(observations.tasks)
            if len(values := observations.values[kept & (of_task == task)]) > 1
        }
        tasks = tuple(task for task, spread in spreads.items() if spread > _ROUNDING)
        kept &= np.isin(of_task, tasks)
        held_codes = np.array(observations.languages)[kept]
        codes = tuple(sorted(set(held_codes.tolist())))
        if len(codes) < ENOUGH_LANGUAGES:
            return "too few languages for a model"
        places = np.searchsorted(codes, held_codes)
        number = np.array([tasks.index(task) for task in of_task[kept]])
        scales = np.array([spreads[task] for task in tasks])
        predictors = [np.array([held[code] for code in codes]) for held in known.values()]
        predictors = [
            row if set(row.tolist()) <= {0.0, 1.0} else standardised(row) for row in predictors
        ]
        fixed = np.column_stack(
            [number[:, None] == np.arange(len(tasks)), *(row[places] for row in predictors)]
        ).astype(float)
        if np.linalg.matrix_rank(fixed) < fixed.shape[1]:
            return "the predictors determine each other"
        noise = observations.noise if len(observations.noise) else np.zeros(len(kept))
        family = dict(zip(observations.languages, observations.families, strict=True))
        return cls(
            values=Values(
                outcome=observations.values[kept] / scales[number],
                fixed=fixed,
                places=places,
                noise=noise[kept] / scales[number] ** 2,
            ),
            languages=languages,
            codes=codes,
            families=tuple(family[code] for code in codes),
            tasks=tasks,
            names=names,
            spreads=scales,
            common=observations.common,
        )

    @property
    def degrees(self) -> int:
        """Degrees of freedom of what is said of languages."""
        return len(self.codes) - 1 - len(self.names)

    @cached_property
    def bare(self) -> OverLanguages:
        """The same without predictors."""
        if not self.names:
            return self
        fixed = self.values.fixed[:, : len(self.tasks)]
        return replace(self, values=replace(self.values, fixed=fixed), names=())

    @property
    def unit(self) -> float:
        """What 1 of a language's own part is in the mean over tasks, in the outcome's unit."""
        return float(self.spreads.mean())

    @cached_property
    def tree(self) -> np.ndarray:
        """(languages, languages): `relatedness`."""
        return relatedness(self.languages, self.codes)

    @cached_property
    def independent_by_tree(self) -> float:
        """As how many independent languages those here count, if all follows the tree."""
        return independent_number(self.tree)

    @cached_property
    def nearness(self) -> tuple[float, np.ndarray]:
        """The reach of `REACHES` that fits best without the tree, in km, and how near all are."""
        apart = distances(self.languages, self.codes)
        tried = {reach: np.exp(-apart / reach) for reach in REACHES}
        found = {reach: fit(self.values, [near]).log_likelihood for reach, near in tried.items()}
        best = max(found, key=found.__getitem__)
        return best, tried[best]

    @cached_property
    def by_tree(self) -> Profile:
        """The model with the tree."""
        return profile(self.values, self.tree, self.degrees)

    @cached_property
    def by_both(self) -> Profile:
        """The model with the tree and places."""
        return profile(self.values, self.tree, self.degrees, self.nearness[1])

    def independent(self, model: Fit) -> float:
        """As how many independent languages those here count, by a model."""
        return independent_number(model.of_languages)

    def mean(self, model: Profile) -> Told:
        """The mean over tasks of what languages of any kin have on average."""
        line = self._line

        def of(each: Fit) -> tuple[float, float]:
            return float(line @ each.coefficients), float(line @ each.covariance @ line)

        return model.told(of, self.common)

    def new(self, model: Profile, alike: np.ndarray | None = None) -> Told:
        """The mean over tasks of a new language, without the noise of measuring it.

        Args:
            alike: (languages,), how closely it is related to each; None if to none.
        """
        line, values = self._line, self.values
        own = float((self.spreads**2).sum()) / len(self.tasks) ** 2

        def of(each: Fit) -> tuple[float, float]:
            value = line @ each.coefficients
            variance = self.unit**2 * each.scale + own * each.residual
            if alike is None:
                return float(value), float(variance + line @ each.covariance @ line)
            shared = self.unit * each.scale * each.shares[0] * alike[values.places]
            solved = linalg.cho_solve(each.factor, shared)
            left = line - values.fixed.T @ solved
            value = value + shared @ each.weighted
            return float(value), float(variance - shared @ solved + left @ each.covariance @ left)

        return model.told(of, self.common)

    @property
    def _line(self) -> np.ndarray:
        """The mean over tasks as a sum of the fixed coefficients, at the languages' predictors."""
        count = len(self.tasks)
        used = self.values.fixed[:, count:]
        _, first = np.unique(self.values.places, return_index=True)
        return np.concatenate([self.spreads / count, self.unit * used[first].mean(axis=0)])

    def kin_are_alike(self) -> float:
        """p of kin being as alike as they are, if the tree had nothing to do with it.

        Of the model without the tree, residuals r and their share r' R r / r' r that goes along
        the tree, compared with those of outcomes drawn from that model: a parametric bootstrap of
        the score test of lambda = 0.
        """
        without = fit(self.values, [self.tree], [[0.0]])
        across = self.values.spread(self.tree)
        fixed = self.values.fixed

        def share(outcomes: np.ndarray) -> np.ndarray:
            solved = linalg.cho_solve(without.factor, outcomes.T)
            cross = linalg.cho_solve(without.factor, fixed)
            off = solved - cross @ (without.covariance @ (fixed.T @ solved))
            along = np.einsum("nd,nd->d", off, across @ off)
            return along / np.einsum("nd,nd->d", off, without.whole @ off)

        observed = share(self.values.outcome[None])[0]
        drawn = share(self._drawn([(without, DRAWS)], "alike"))
        return float((1 + np.count_nonzero(drawn >= observed)) / (1 + DRAWS))

    def families_differ(self, model: Profile) -> tuple[float, float | None] | None:
        """p of families differing by no more than by their descent, and what would be seen.

        An F test of one shift for each family of which several languages are here, in the model
        with the tree: by its branches families have drifted apart, and kin have been together. p
        is the greatest of those at the lambdas of its interval, since shifts of families look much
        like drift, so that lambda and they are told apart badly (Berger and Boos 1994, Journal of
        the American Statistical Association 89).

        Returns:
            p and the standard deviation of shifts, in the outcome's unit, that would be told with
            a probability of 80 %; None where families are too few, or languages.
        """
        columns = self._family_columns()
        left = self.degrees - len(columns)
        if not columns or left < _FEWEST_DEGREES:
            return None
        count = self.values.fixed.shape[1]
        wider = replace(self.values, fixed=np.column_stack([self.values.fixed, *columns]))
        p, informations = [], []
        for each in model.likely:
            found = fit(wider, each.alike, [each.shares])
            shifts = found.coefficients[count:]
            information = np.linalg.inv(found.covariance[count:, count:])
            ratio = shifts @ information @ shifts / len(columns)
            p.append(float(stats.f.sf(ratio, len(columns), left)))
            informations.append(float(np.trace(information)))
        needed = _noncentrality(len(columns), left)
        size = None if needed is None else self.unit * (needed / min(informations)) ** 0.5
        return max(p), size

    def _family_columns(self) -> list[np.ndarray]:
        """(n,) each: whether a value is of a family, as far as they do not determine each other."""
        sizes = Counter(self.families)
        held = self.values.fixed
        columns: list[np.ndarray] = []
        for family in sorted(name for name, size in sizes.items() if size > 1):
            own = np.array([each == family for each in self.families], dtype=float)
            column = own[self.values.places]
            wider = np.column_stack([held, *columns, column])
            if np.linalg.matrix_rank(wider) == wider.shape[1]:
                columns.append(column)
        return columns

    def drawn_along(self, model: Profile) -> np.ndarray:
        """(draws, n): outcomes drawn from a model, lambda by its likelihood."""
        counts = np.floor(model.weights * DRAWS).astype(int)
        counts[int(counts.argmax())] += DRAWS - counts.sum()
        return self._drawn(zip(model.fits.values(), counts.tolist(), strict=True), "along")

    def _drawn(self, fits: Iterable[tuple[Fit, int]], purpose: str) -> np.ndarray:
        random = np.random.Generator(
            np.random.SFC64(derive_seed("relatedness", purpose, self.codes, self.tasks))
        )
        parts = []
        for each, number in fits:
            lower = np.tril(each.factor[0]) if each.factor[1] else np.triu(each.factor[0]).T
            drawn = random.standard_normal((number, len(self.values.outcome)))
            parts.append(drawn @ lower.T)
        return np.concatenate(parts)

    def rank_correlation(self, name: str, drawn: np.ndarray) -> tuple[float, float]:
        """Spearman's correlation with a predictor, mean over tasks, and its p among draws."""
        place = self.values.fixed.shape[1] - len(self.names) + self.names.index(name)
        predictor = self.values.fixed[:, place]
        outcomes = np.vstack([self.values.outcome, drawn])
        totals = []
        for number in range(len(self.tasks)):
            rows = self.values.fixed[:, number] == 1
            if np.ptp(predictor[rows]) > 0:
                totals.append(_spearman(outcomes[:, rows], predictor[rows]))
        found = np.mean(totals, axis=0)
        beyond = np.count_nonzero(np.abs(found[1:]) >= abs(found[0]))
        return float(found[0]), float((1 + beyond) / len(found))

    def effects(self, model: Profile) -> Iterator[tuple[str, Told]]:
        """The coefficient of each predictor."""
        first = self.values.fixed.shape[1] - len(self.names)
        for place, name in enumerate(self.names, start=first):
            yield name, model.coefficient(place)


def _spearman(outcomes: np.ndarray, predictor: np.ndarray) -> np.ndarray:
    """(rows,): of each row of outcomes, (rows, languages), with the predictor."""
    once = np.ones((1, len(predictor)))
    pair = [rank_matrix(each, once) for each in (outcomes, predictor[None])]
    own, other = (each - each.mean(axis=1, keepdims=True) for each in pair)
    return (own @ other[0]) / np.sqrt((own**2).sum(axis=1) * (other[0] ** 2).sum())


def _noncentrality(above: int, below: int) -> float | None:
    """That of an F test which finds it with a probability of 80 %."""
    critical = stats.f.ppf(1 - LEVEL, above, below)

    def short(size: float) -> float:
        return float(stats.ncf.sf(critical, above, below, size)) - POWER

    top = 1.0
    while short(top) < 0:
        top *= 2
        if top > 1e4:
            return None
    return float(optimize.brentq(short, 0, top))
