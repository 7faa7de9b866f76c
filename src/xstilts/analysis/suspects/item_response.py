"""A two-parameter item response model in which an item may be harder in single languages.

Respondent r (a trained model) answers item i in language l correctly with the probability

    P(y_rli = 1) = sigmoid(a_i (t_rlk - b_i - d_li)),

the two-parameter logistic model (Birnbaum 1968, in Lord and Novick, Statistical Theories of Mental
Test Scores, chapter 17) with an ability t of its own for each language and right label k, and a
shift d, which is uniform differential item functioning (Swaminathan and Rogers 1990, Journal of
Educational Measurement 27). Of multilingual benchmarks: Multilingual-IRT (arXiv 2606.15643). So a
language may be harder as a whole, and a run that does not know it may say one label throughout:
then it is right on all items of that label, which says nothing of any of them.

Abilities, slopes and difficulties maximise the likelihood in which shifts are integrated out
(`shifts`), with priors as in Mislevy (1986, Psychometrika 51): log a ~ N(0, 0.5²), b ~ N(0, 2²),
t ~ N(0, 3²). Without that slopes would be too flat and answers seem more random than they are, so
that shifts went unseen or chance was taken for them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

# Standard deviations of the priors.
SLOPE_SD, DIFFICULTY_SD, ABILITY_SD = 0.5, 2.0, 3.0

# Of any parameter in one sweep; errors of difficulties are some tenths.
_LONGEST_STEP, _TOLERANCE = 1.0, 1e-3

# Gauss-Hermite's rule of three nodes, in standard deviations (Abramowitz and Stegun, 25.4.46).
_RULE = ((-np.sqrt(3), 1 / 6), (0.0, 2 / 3), (np.sqrt(3), 1 / 6))


@dataclass(frozen=True, kw_only=True)
class ItemParameters:
    """The model without shifts.

    Attributes:
        ability: (respondents, languages, labels).
        label: (items,): the number of the right label of each.
        slope, difficulty: (items,), in logits of ability.
    """

    ability: np.ndarray
    label: np.ndarray
    slope: np.ndarray
    difficulty: np.ndarray

    def advantage(self, language: int) -> np.ndarray:
        """(respondents, items): ability less difficulty in a language, without shifts."""
        return self.ability[:, language, self.label] - self.difficulty


@dataclass(frozen=True, kw_only=True)
class Normal:
    """What is known of shifts: (languages, items), mean and standard deviation in logits."""

    mean: np.ndarray
    sd: np.ndarray

    @property
    def is_none(self) -> bool:
        """Whether nothing is shifted."""
        return not (self.mean.any() or self.sd.any())

    def nodes(self, language: int) -> list[tuple[np.ndarray, float]]:
        """(items,) shifts of a language, with weights: their distribution by quadrature."""
        mean, sd = self.mean[language], self.sd[language]
        if self.is_none:
            return [(mean, 1.0)]
        return [(mean + place * sd, weight) for place, weight in _RULE]


def starting_parameters(right: np.ndarray, label: np.ndarray) -> ItemParameters:
    """All items alike, all respondents of ability 0."""
    respondents, languages, items = right.shape
    return ItemParameters(
        ability=np.zeros((respondents, languages, int(label.max()) + 1)),
        label=label,
        slope=np.ones(items),
        difficulty=np.zeros(items),
    )


def fit_parameters(
    right: np.ndarray,
    shift: Normal,
    start: ItemParameters,
    *,
    tolerance: float = _TOLERANCE,
    sweeps: int,
) -> ItemParameters:
    """The parameters of the greatest expected log-likelihood with priors, an M-step of EM.

    Fisher scoring of abilities and of items by turns. The origin and (without shifts) the unit of
    the scale, on which the likelihood does not depend, are set to where the priors are greatest
    after each sweep, since steps by turns would get there slowly.

    Args:
        right: int8, (respondents, languages, items): 1 right, 0 wrong, -1 not there.
        shift: what is known of shifts, over which the expectation is.
        tolerance: a sweep that changes no parameter by more is the last.
        sweeps: at most.
    """
    ability, slope, difficulty = start.ability.copy(), np.log(start.slope), start.difficulty.copy()
    label = start.label
    # (items, labels): sums over the items of a label are products with it.
    of_label = np.eye(ability.shape[2])[label]
    for _ in range(sweeps):
        old = np.concatenate([ability.ravel(), slope, difficulty])
        a = np.exp(slope)
        # Sums over respondents and languages: gradients of log a and b, and their information.
        first, second = np.zeros((2, len(a))), np.zeros((3, len(a)))
        for place in range(right.shape[1]):
            there = right[:, place] >= 0
            parts = shift.nodes(place)
            gradient, information = -ability[:, place] / ABILITY_SD**2, ABILITY_SD**-2
            for moved, weight in parts:
                p = expit(a * (ability[:, place, label] - difficulty - moved))
                gradient += weight * (there * (right[:, place] - p) * a) @ of_label
                information = information + weight * (there * p * (1 - p) * a**2) @ of_label
            ability[:, place] += _step(gradient / information)
            for moved, weight in parts:
                ahead = ability[:, place, label] - difficulty - moved
                p = expit(a * ahead)
                left, curved = there * (right[:, place] - p), there * p * (1 - p)
                bent = curved * ahead
                first[0] += weight * (left * ahead).sum(axis=0)
                first[1] -= weight * left.sum(axis=0)
                second[0] += weight * (bent * ahead).sum(axis=0)
                second[1] -= weight * bent.sum(axis=0)
                second[2] += weight * curved.sum(axis=0)
        of_slope = a * first[0] - slope / SLOPE_SD**2
        of_difficulty = a * first[1] - difficulty / DIFFICULTY_SD**2
        slopes, both, difficulties = a**2 * second
        slopes, difficulties = slopes + SLOPE_SD**-2, difficulties + DIFFICULTY_SD**-2
        determinant = slopes * difficulties - both**2
        slope += _step((difficulties * of_slope - both * of_difficulty) / determinant)
        difficulty += _step((slopes * of_difficulty - both * of_slope) / determinant)
        if shift.is_none:
            factor = _unit(ability, slope, difficulty)
            slope -= np.log(factor)
            ability, difficulty = ability * factor, difficulty * factor
        origin = _origins(ability, difficulty, of_label)
        ability, difficulty = ability - origin, difficulty - origin[label]
        new = np.concatenate([ability.ravel(), slope, difficulty])
        if np.abs(new - old).max() < tolerance:
            break
    return ItemParameters(ability=ability, label=label, slope=np.exp(slope), difficulty=difficulty)


def _step(size: np.ndarray) -> np.ndarray:
    return np.clip(size, -_LONGEST_STEP, _LONGEST_STEP)


def _origins(ability: np.ndarray, difficulty: np.ndarray, of_label: np.ndarray) -> np.ndarray:
    """(labels,): what to take from abilities and difficulties so that their priors are greatest."""
    weights = ABILITY_SD**-2, DIFFICULTY_SD**-2
    above = weights[0] * ability.sum(axis=(0, 1)) + weights[1] * difficulty @ of_label
    runs_by_languages = ability[..., 0].size
    return above / (weights[0] * runs_by_languages + weights[1] * of_label.sum(axis=0))


def _unit(ability: np.ndarray, slope: np.ndarray, difficulty: np.ndarray) -> float:
    """By what to multiply abilities and difficulties, and divide slopes: one step of Newton's.

    Args:
        slope: logarithms of slopes.
    """
    square = (ability**2).sum() / ABILITY_SD**2 + (difficulty**2).sum() / DIFFICULTY_SD**2
    gradient = square - slope.sum() / SLOPE_SD**2
    return float(np.exp(-_step(gradient / (2 * square + len(slope) / SLOPE_SD**2))))
