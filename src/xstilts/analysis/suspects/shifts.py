"""Which items are harder in one language than their difficulty elsewhere says.

A shift is the usual difference between languages, or, seldom, a departure:

    d_li ~ (1 - p_l) N(0, s_l²) + p_l Uniform(2, 6) logits.

The usual differences, which translation, training data and chance of a language make, are estimated
from all of its items (s_l, an empirical null as in Efron 2004, JASA 99), never below 0.43, under
which differential functioning counts as negligible (class A of ETS; Zieky 1993). So a language in
which everything varies has to show more before an item is listed. Departures are odds against of 7
to 400: a swapped label or a wrong translation. Both are estimated by EM (two groups; Efron 2008,
Statistical Science 23), s and p of a language drawn towards those of all.

Listed are as many items as keep the mean probability of no departure, the false discovery rate, at
`FALSE_DISCOVERIES` (Newton et al. 2004, Biostatistics 5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xstilts.analysis.suspects.item_response import (
    ItemParameters,
    Normal,
    fit_parameters,
    starting_parameters,
)

FALSE_DISCOVERIES = 0.1
# In logits.
NEGLIGIBLE, LEAST, MOST = 0.43, 2.0, 6.0

_NODES = np.linspace(-6, 8, 43)
_IS_DEPARTURE = (_NODES >= LEAST) & (_NODES <= MOST)
_DEPARTURE = _IS_DEPARTURE / _IS_DEPARTURE.sum()
_AT_MOST = np.isclose(_NODES, MOST)[None, None].astype(np.float32)
# Where EM begins, and what languages are drawn to, as strongly as so many items would.
_SHARE, _SPREAD, _DRAWN_BY = 0.01, 0.7, 50
# Parameters and shifts are fitted by turns, until no spread changes by more; with the first
# parameters there are no shifts. Few respondents say little of spreads, and EM gets there slowly.
_ROUNDS, _SWEEPS, _EM_STEPS, _TOLERANCE = 40, (50, 4), 30, 0.02
# The product of two exponentials of it is finite in float32.
_GREATEST = np.float32(40)


@dataclass(frozen=True, kw_only=True)
class Shifts:
    """What is known of shifts, (languages, items) where nothing else is said.

    Attributes:
        parameters: of the model.
        shift: given the answers.
        usual: the probability that the shift is no departure.
        usual_if_missed: the same if no respondent had been right: what could be seen at all.
        usual_at_most: (languages,): the same of a shift of `MOST` that were known without error, as
            very many respondents of the same kind would show it.
        spread: (languages,): standard deviation of usual shifts.
        share: (languages,): of departures.
    """

    parameters: ItemParameters
    shift: Normal
    usual: np.ndarray
    usual_if_missed: np.ndarray
    usual_at_most: np.ndarray
    spread: np.ndarray
    share: np.ndarray

    @property
    def listed(self) -> np.ndarray:
        """Whether an item is listed as departing in a language."""
        order = np.argsort(self.usual, axis=None, kind="stable")
        rate = np.cumsum(self.usual.ravel()[order]) / np.arange(1, order.size + 1)
        found = np.zeros(order.size, dtype=bool)
        found[order[: int((rate <= FALSE_DISCOVERIES).sum())]] = True
        return found.reshape(self.usual.shape)

    @property
    def seen(self) -> float:
        """The share of items of a language that would be listed if nobody had them right."""
        return float((self.usual_if_missed <= FALSE_DISCOVERIES).mean())

    @property
    def tellable(self) -> float:
        """The share of languages in which more respondents could tell a departure."""
        return float((self.usual_at_most <= FALSE_DISCOVERIES).mean())


def fit_shifts(right: np.ndarray, label: np.ndarray | None = None) -> Shifts:
    """The shifts of all items in all languages.

    Args:
        right: int8, (respondents, languages, items): 1 right, 0 wrong, -1 not there.
        label: (items,): the number of the right label of each, where there are labels.
    """
    if label is None:
        label = np.zeros(right.shape[2], dtype=int)
    parameters = starting_parameters(right, label)
    languages = right.shape[1]
    none = np.zeros(right.shape[1:])
    shift = Normal(mean=none, sd=none)
    share, spread = np.full(languages, _SHARE), np.full(languages, _SPREAD)
    for number in range(_ROUNDS):
        parameters = fit_parameters(right, shift, parameters, sweeps=_SWEEPS[number > 0])
        found = _shifts(right, parameters, share, spread)
        moved = np.abs(found.spread - spread).max()
        shift, share, spread = found.shift, found.share, found.spread
        if number > 1 and moved < _TOLERANCE:
            break
    return found


def _shifts(
    right: np.ndarray, parameters: ItemParameters, share: np.ndarray, spread: np.ndarray
) -> Shifts:
    answered, missed = likelihoods(right, parameters)
    for _ in range(_EM_STEPS):
        usual, prior = _usual(answered, share, spread)
        # Sums over the items of each language.
        count = usual.sum(axis=1)
        square = (usual * _over(answered, prior * _NODES**2) / _over(answered, prior)).sum(axis=1)
        gone = (1 - usual).sum(axis=1)
        common = square.sum() / count.sum()
        spread = np.sqrt((square + _DRAWN_BY * common) / (count + _DRAWN_BY))
        spread = np.maximum(spread, NEGLIGIBLE)
        overall = (gone.sum() + _SHARE * _DRAWN_BY) / (usual.size + _DRAWN_BY)
        share = (gone + overall * _DRAWN_BY) / (usual.shape[1] + _DRAWN_BY)
    usual, prior = _usual(answered, share, spread)
    weights = (1 - share)[:, None] * prior + share[:, None] * _DEPARTURE
    whole = _over(answered, weights)
    mean = _over(answered, weights * _NODES) / whole
    square = _over(answered, weights * _NODES**2) / whole
    return Shifts(
        parameters=parameters,
        shift=Normal(mean=mean, sd=np.sqrt(np.maximum(square - mean**2, 0))),
        usual=usual,
        usual_if_missed=_usual(missed, share, spread)[0],
        usual_at_most=_usual(_AT_MOST, share, spread)[0][:, 0],
        spread=spread,
        share=share,
    )


def likelihoods(right: np.ndarray, parameters: ItemParameters) -> tuple[np.ndarray, np.ndarray]:
    """float32, (languages, items, nodes): of the answers, and of none being right.

    As shares of the greatest over the nodes.
    """
    shape = (*right.shape[1:], len(_NODES))
    answered, missed = np.empty(shape, np.float32), np.empty(shape, np.float32)
    slope = parameters.slope.astype(np.float32)
    for place in range(right.shape[1]):
        there = right[:, place] >= 0
        logit = np.minimum(slope * parameters.advantage(place).astype(np.float32), _GREATEST)
        # An item that is not there adds log(1 + 0).
        odds = np.where(there, np.exp(logit), 0)
        hits = (right[:, place] > 0).sum(axis=0)
        for number, node in enumerate(_NODES):
            moved = slope * np.float32(node)
            lost = np.log1p(odds * np.exp(np.minimum(-moved, _GREATEST))).sum(axis=0)
            missed[place, :, number] = -lost
            answered[place, :, number] = -lost - moved * hits
    for each in (answered, missed):
        each -= each.max(axis=2, keepdims=True)
        np.exp(each, out=each)
    return answered, missed


def _usual(
    likelihood: np.ndarray, share: np.ndarray, spread: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(languages, items): probability of no departure; (languages, nodes): the usual shifts."""
    prior = np.exp(-0.5 * (_NODES / spread[:, None]) ** 2)
    prior /= prior.sum(axis=1, keepdims=True)
    usual = (1 - share)[:, None] * _over(likelihood, prior)
    departing = share[:, None] * (likelihood @ _DEPARTURE.astype(np.float32))
    return usual / (usual + departing), prior


def _over(likelihood: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(languages, items): sums over the nodes with weights of each language."""
    weighted = likelihood @ weights[:, :, None].astype(np.float32)
    return weighted[:, :, 0].astype(float)
