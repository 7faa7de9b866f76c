"""A linear mixed model of scores or gains over languages and families."""

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
    Association,
    Observations,
    OfLanguages,
    about,
    noted,
    of_languages,
    varies,
    why_missing,
)

MIXED = "mixed model"

# Variances of languages and families below this share of the residual one count as 0.
_NO_VARIANCE = 1e-2

# The mixed model has a variance of families if this many have several languages.
_FEWEST_FAMILIES = 5


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
    outcome = np.concatenate([_standardised(panel.values[task]) for task in varying])
    of_task = np.repeat(np.arange(len(varying)), [len(panel.members[task]) for task in varying])
    predictors = [
        row if set(row.tolist()) <= {0, 1} else _standardised(row) for row in panel.predictors
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


def _standardised(values: np.ndarray) -> np.ndarray:
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
