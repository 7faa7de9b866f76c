"""Does a score or a gain go with what is known of languages: distance, text size, script?

Few languages, of which many are kin, and predictors that go together: read these numbers with
care. Rank correlations are taken within each task and then averaged over tasks, since tasks
differ in the languages that they have. A task with fewer than five languages does not count, nor
one with fewer than five beyond the predictors that are held constant.

Intervals are those of other languages: languages are resampled with replacement, the same ones in
all tasks, with the outcomes as observed. The draws give a standard error of Fisher's z, the inverse
hyperbolic tangent of the correlation, which is nearly normal with about the same error whatever the
correlation is (Fisher 1921, Metron 1), and Student's t with languages - 2 degrees of freedom says
how well that error is known. Noise in items and seeds weakens a correlation: these are of scores as
measured.

p-values are by permutation of a predictor over languages, the same in all tasks, so that what
else ties a language's scores together stays. They take languages as exchangeable. Where outcome
and predictor both follow families they are too small; `leave_one_family_out` and the family
effect of `mixed_model` show how much rests on one family.

The source language belongs to no comparison of transfer; whoever makes `Observations` leaves it
out. Random choices depend on the set of languages and the predictor's name, not on the order of
rows.
"""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from xstilts.analysis.association.observations import (
    ENOUGH_LANGUAGES,
    FEWEST_DRAWN,
    TAIL,
    TINY,
    Association,
    Observations,
    OfLanguages,
    about,
    noted,
    of_languages,
    rank_correlation,
    rank_matrix,
    varies,
    why_missing,
)
from xstilts.config.seeds import derive_seed

_DRAWS = 2_000
_PERMUTATIONS = 9_999
# Languages that a task needs beyond the predictors held constant, in what is observed.
_FEWEST = 5
_ALMOST_PERFECT = 0.995

SPEARMAN = "Spearman"
PARTIAL = "partial Spearman"
ONE_FAMILY_OUT = "Spearman, each family left out"

MIXED = "mixed model"

# Variances of languages and families below this share of the residual one count as 0.
_NO_VARIANCE = 1e-2

# The mixed model has a variance of families if this many have several languages.
_FEWEST_FAMILIES = 5


def rank_correlations(observations: Observations) -> list[Association]:
    """Spearman's rank correlation of the outcome with each predictor, mean over tasks."""
    return [_correlation(observations, SPEARMAN, name, ()) for name in observations.predictors]


def partial_rank_correlations(observations: Observations) -> list[Association]:
    """The same with the other predictors held constant, mean over tasks.

    Outcome and predictors are ranked within the task, and the ranks of the other predictors
    regressed out of both. For p the residuals of the predictor given the others are permuted over
    languages (Potter 2005): unlike residuals of the outcome (Freedman and Lane 1983) they are the
    same in all tasks. A predictor that does not vary holds nothing constant.
    """
    varying = [name for name in observations.predictors if varies(observations, name)]
    return [
        _correlation(
            observations, PARTIAL, name, tuple(other for other in varying if other != name)
        )
        for name in observations.predictors
    ]


def leave_one_family_out(observations: Observations) -> list[Association]:
    """Spearman's correlation with each predictor; its least and greatest without one family.

    A task that is left with too few languages does not count for that family.
    """
    return [_without_families(observations, name) for name in observations.predictors]


def _correlation(
    observations: Observations, method: str, name: str, others: tuple[str, ...]
) -> Association:
    """The mean rank correlation with one predictor, the others held constant."""
    panel = of_languages(observations, (name, *others), _FEWEST + len(others))
    result = about(observations, method, name, panel)
    size = len(panel.codes)
    each_once = np.ones((1, size))
    observed = _mean_correlation(panel, each_once)[0]
    if np.isnan(observed):
        return noted(result, why_missing(observations, panel, name))
    counts = _random("languages", panel.codes).multinomial(size, [1 / size] * size, size=_DRAWS)
    low, high = _interval(observed, _mean_correlation(panel, counts, drawn=True), size)
    permuted = _mean_correlation(panel, each_once, predictor=_permuted(panel, name))
    # A permuted predictor that is constant in every task (nan) is not beyond what was observed.
    beyond = np.count_nonzero(np.abs(permuted) >= abs(observed) - TINY)
    return replace(
        noted(result, "no interval: constant in most draws") if low is None else result,
        value=float(observed),
        low=low,
        high=high,
        p=float((1 + beyond) / (1 + _PERMUTATIONS)),
    )


def _without_families(observations: Observations, name: str) -> Association:
    panel = of_languages(observations, (name,), _FEWEST)
    result = about(observations, ONE_FAMILY_OUT, name, panel)
    observed = _mean_correlation(panel, np.ones((1, len(panel.codes))))[0]
    if np.isnan(observed):
        return noted(result, why_missing(observations, panel, name))
    families = sorted(set(panel.families))
    kept = np.array([[other != family for other in panel.families] for family in families])
    found = dict(zip(families, _mean_correlation(panel, kept.astype(float)), strict=True))
    found = {family: value for family, value in found.items() if not np.isnan(value)}
    if not found:
        return noted(replace(result, value=float(observed)), "nothing is left without a family")
    least, greatest = min(found, key=found.__getitem__), max(found, key=found.__getitem__)
    turned = [family for family, value in found.items() if value * observed <= 0]
    return replace(
        noted(
            result,
            f"least without {least}, greatest without {greatest}",
            f"another sign without {', '.join(turned)}" if turned else "the sign holds",
        ),
        value=float(observed),
        low=float(found[least]),
        high=float(found[greatest]),
    )


def _mean_correlation(
    panel: OfLanguages,
    counts: np.ndarray,
    *,
    drawn: bool = False,
    predictor: np.ndarray | None = None,
) -> np.ndarray:
    """(rows,): the correlation with the first predictor, the others held constant.

    It is the mean over the tasks in which it can be computed, nan if that is none.

    Args:
        counts: (rows, languages), how often each language counts; one row for all if need be.
        drawn: be content with fewer languages in a task.
        predictor: (rows, languages), to take the place of the first one.
    """
    first = panel.predictors[:1] if predictor is None else predictor
    fewest = panel.fewest - (_FEWEST - FEWEST_DRAWN if drawn else 0)
    total, tasks = np.zeros(1), np.zeros(1)
    for task, places in panel.members.items():
        outcome = panel.values[task][None]
        held = [row[None, places] for row in panel.predictors[1:]]
        found = rank_correlation([outcome, first[:, places], *held], counts[:, places], fewest)
        total = total + np.nan_to_num(found)
        tasks = tasks + np.isfinite(found)
    return np.divide(total, tasks, out=np.full(len(total), np.nan), where=tasks > 0)


def _permuted(panel: OfLanguages, name: str) -> np.ndarray:
    """(permutations, languages): ranks of the first predictor with its residuals permuted.

    Without further predictors those are its ranks, permuted.
    """
    ranks = rank_matrix(panel.predictors, np.ones((1, len(panel.codes))))
    held = np.vstack([np.ones(len(panel.codes)), ranks[1:]]).T
    fitted = held @ np.linalg.lstsq(held, ranks[0], rcond=None)[0]
    # Rounded so that ties in ranks stay ties.
    residuals = np.round(ranks[0] - fitted, 9)
    order = np.tile(np.arange(len(residuals)), (_PERMUTATIONS, 1))
    order = _random("permutations", name, panel.codes).permuted(order, axis=1)
    return np.round(fitted, 9) + residuals[order]


def _interval(
    observed: float, draws: np.ndarray, languages: int
) -> tuple[float | None, float | None]:
    """On Fisher's scale, from the standard error of the draws.

    None where fewer than half of the draws have a value.
    """
    finite = draws[np.isfinite(draws)]
    if 2 * len(finite) < len(draws):
        return None, None
    # Of draws with few different languages some are perfect correlations.
    scale = np.arctanh(np.clip([observed, *finite], -_ALMOST_PERFECT, _ALMOST_PERFECT))
    half = stats.t.ppf(1 - TAIL, max(1, languages - 2)) * scale[1:].std()
    low, high = np.tanh([scale[0] - half, scale[0] + half]).tolist()
    return min(low, observed), max(high, observed)


def _random(purpose: str, *parts: object) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(derive_seed("association", purpose, *parts)))


def mixed_model(observations: Observations) -> list[Association]:
    """A linear mixed model of the observed outcome: tasks and all predictors, languages random.

    The outcome is standardised within its task, predictors over languages, except those that are
    0 or 1: a coefficient is in standard deviations of the outcome for one of the predictor, or
    for the step from 0 to 1. Each task has an intercept, each language a random one, and each
    family a random one if at least five have several languages. Intervals and p are Wald's with
    Student's t on languages - 1 - predictors degrees of freedom: what predictors explain lies
    between languages.
    """
    varying = tuple(name for name in observations.predictors if varies(observations, name))
    panel = of_languages(observations, varying, FEWEST_DRAWN)
    found = _fit(panel) if varying else "no predictor varies"
    results = []
    for name in observations.predictors:
        result = about(observations, MIXED, name, panel)
        if not varies(observations, name):
            result = noted(result, why_missing(observations, panel, name))
        elif isinstance(found, str):
            result = noted(result, found)
        else:
            place = varying.index(name)
            value, error = found.coefficients[place], found.errors[place]
            half = stats.t.ppf(1 - TAIL, found.freedom) * error
            result = replace(
                noted(result, *found.notes),
                value=float(value),
                low=float(value - half),
                high=float(value + half),
                p=float(2 * stats.t.sf(abs(value / error), found.freedom)),
            )
        results.append(result)
    return results


@dataclass(frozen=True, kw_only=True)
class _Fit:
    """Coefficients of the predictors, their standard errors and degrees of freedom."""

    coefficients: np.ndarray
    errors: np.ndarray
    freedom: int
    notes: tuple[str, ...]


def _fit(panel: OfLanguages) -> _Fit | str:
    """The mixed model, or why there is none."""
    if len(panel.codes) < ENOUGH_LANGUAGES:
        return "too few languages for a model"
    varying = [task for task, values in panel.values.items() if np.ptp(values) > 0]
    if not varying:
        return "nothing varies within a task"
    places = np.concatenate([panel.members[task] for task in varying])
    if len(set(places.tolist())) == len(places):
        return "no language is in two tasks: its own part cannot be told from chance"
    outcome = np.concatenate([standardised(panel.values[task]) for task in varying])
    of_task = np.repeat(np.arange(len(varying)), [len(panel.members[task]) for task in varying])
    predictors = [
        row if set(row.tolist()) <= {0, 1} else standardised(row) for row in panel.predictors
    ]
    fixed = np.column_stack(
        [of_task[:, None] == np.arange(len(varying)), *(row[places] for row in predictors)]
    )
    if np.linalg.matrix_rank(fixed) < fixed.shape[1]:
        return "the predictors determine each other"
    sizes = Counter(panel.families)
    several = sum(size > 1 for size in sizes.values()) >= _FEWEST_FAMILIES
    languages = np.array(panel.codes)[places]
    families = np.array(panel.families)[places] if several else None
    notes = () if several else ("too few families with several languages for a part of their own",)
    found = _mixed(outcome, fixed, languages, families)
    if found is None and several:
        notes = ("without families: the model with them did not converge",)
        found = _mixed(outcome, fixed, languages, None)
    if found is None:
        return "the model did not converge"
    coefficients, errors, said = found
    count = len(predictors)
    return _Fit(
        coefficients=coefficients[-count:],
        errors=errors[-count:],
        freedom=len(panel.codes) - 1 - count,
        notes=(*notes, *said),
    )


def standardised(values: np.ndarray) -> np.ndarray:
    """With mean 0 and standard deviation 1; zeros if all are equal."""
    spread = values.std(ddof=1)
    return (values - values.mean()) / spread if spread > 0 else np.zeros(len(values))


def _mixed(
    outcome: np.ndarray, fixed: np.ndarray, languages: np.ndarray, families: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]] | None:
    """Coefficients, their standard errors and the library's warnings; None without convergence.

    Languages are random, within random families if those are given.
    """
    from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec
    from statsmodels.tools.sm_exceptions import ConvergenceWarning

    groups, intercepts, parts = languages, None, None
    if families is not None:
        groups, intercepts = families, np.ones((len(outcome), 1))
        held = [families == family for family in sorted(set(families.tolist()))]
        names = [np.unique(languages[rows]) for rows in held]
        designs = [
            (languages[rows][:, None] == codes).astype(float)
            for rows, codes in zip(held, names, strict=True)
        ]
        parts = VCSpec(["language"], [[codes.tolist() for codes in names]], [designs])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            # Gradient methods stop short where a variance is near 0, or far from the optimum.
            found = MixedLM(outcome, fixed, groups, intercepts, parts).fit(method=["nm", "powell"])
        except np.linalg.LinAlgError:
            return None
    if not found.converged:
        return None
    variances = [*np.diag(found.cov_re).tolist(), *np.asarray(found.vcomp).tolist()]
    covariance = found.scale * np.eye(len(outcome))
    for variance, of in zip(variances, (groups, languages), strict=False):
        covariance += variance * (of[:, None] == of)
    # Those of generalised least squares: the library's are lost where a variance is near 0.
    errors = np.sqrt(np.diag(np.linalg.inv(fixed.T @ np.linalg.solve(covariance, fixed))))
    if min(variances) < _NO_VARIANCE * found.scale:
        # What the library warns of is then that the optimum lies on the boundary.
        said = {"a variance of languages or families is about 0"}
    else:
        said = {str(w.message) for w in caught if issubclass(w.category, ConvergenceWarning)}
    return np.asarray(found.fe_params), errors, tuple(sorted(said))
