"""A linear model of what languages score, in which those that are alike are expected to be close.

Of n values y, each of a language and perhaps a task,

    y = X b + u + e,    u of languages with covariance s^2 [sum_k w_k R_k + (1 - sum_k w_k) I],

with R_k how alike languages are (`covariances`) and w_k the share of what sets them apart that
follows it. For the tree this is Pagel's lambda (Pagel 1999, Nature 401). e has the variance that
is known of each value, from items and seeds, and one more that is estimated where languages have
several values. Shares and variances are those of the greatest restricted likelihood (Patterson and
Thompson 1971, Biometrika 58),

    log L = -1/2 [(n - p) log 2 pi + log |V| + log |X' V^-1 X| + (y - X b)' V^-1 (y - X b)],

without the constant 1/2 log |X' X| that some programs add. V is the covariance of y; b and its
covariance are those of generalised least squares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import linalg, optimize

# Variances are searched down to this share of that of y, and the search ends at this change of
# the log-likelihood, beside which 95 % intervals (1.92) are wide.
_LEAST = 1e-9
_CHANGE = 1e-10


@dataclass(frozen=True, kw_only=True)
class Values:
    """What is modelled.

    Attributes:
        outcome: (n,).
        fixed: (n, p), of full rank.
        places: (n,), the place of each value's language in the matrices R_k.
        noise: (n,), the variance that is known of each value.
    """

    outcome: np.ndarray
    fixed: np.ndarray
    places: np.ndarray
    noise: np.ndarray

    @cached_property
    def repeated(self) -> bool:
        """Whether some language has several values."""
        return len(np.unique(self.places)) < len(self.places)

    def spread(self, alike: np.ndarray) -> np.ndarray:
        """(n, n): a matrix over languages, for values."""
        return alike[np.ix_(self.places, self.places)]


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """The model with its variances.

    Attributes:
        shares: w_k of each matrix.
        scale: s^2.
        residual: the variance that values of one language have beyond what is known, 0 where each
            language has one.
        log_likelihood: restricted.
        coefficients, covariance: b and its covariance, (p,) and (p, p).
        weighted: V^-1 (y - X b), (n,).
    """

    values: Values
    alike: tuple[np.ndarray, ...]
    shares: tuple[float, ...]
    scale: float
    residual: float
    log_likelihood: float
    coefficients: np.ndarray
    covariance: np.ndarray
    weighted: np.ndarray

    @property
    def of_languages(self) -> np.ndarray:
        """(languages, languages): the correlation of u."""
        size = len(self.alike[0]) if self.alike else int(self.values.places.max()) + 1
        return _mixed(self.alike, self.shares, size)

    @property
    def whole(self) -> np.ndarray:
        """(n, n): V."""
        values = self.values
        found = self.scale * values.spread(self.of_languages)
        return found + np.diag(self.residual + values.noise)

    @cached_property
    def factor(self) -> tuple[np.ndarray, bool]:
        """V as `scipy.linalg.cho_factor` has it; varieties that are the same make it singular."""
        slight = _LEAST * (self.scale or 1.0)
        return linalg.cho_factor(self.whole + slight * np.eye(len(self.values.outcome)))


def fit(
    values: Values,
    alike: Sequence[np.ndarray],
    mixtures: Sequence[Sequence[float]] | None = None,
) -> Fit:
    """The model of the greatest restricted likelihood.

    Args:
        alike: the matrices R_k, each (languages, languages) with ones on the diagonal.
        mixtures: shares w_k between which those of the model lie; one alone is kept as it is. By
            default they lie anywhere.
    """
    every = np.vstack([np.zeros(len(alike)), np.eye(len(alike))])
    corners = every if mixtures is None else np.array(mixtures, dtype=float)
    size = len(alike[0]) if alike else int(values.places.max()) + 1
    parts = [_mixed(alike, corner, size) for corner in corners]
    variances, residual, log_likelihood = _search(values, parts)
    scale = float(variances.sum())
    shares = variances @ corners / scale if scale > 0 else corners[0]
    return _solved(
        Fit(
            values=values, alike=tuple(alike), shares=tuple(shares.tolist()), scale=scale,
            residual=residual, log_likelihood=log_likelihood, coefficients=np.empty(0),
            covariance=np.empty((0, 0)), weighted=np.empty(0),
        )
    )  # fmt: skip


def _mixed(
    alike: Sequence[np.ndarray], shares: Sequence[float] | np.ndarray, size: int
) -> np.ndarray:
    found = (1 - sum(shares)) * np.eye(size)
    for matrix, share in zip(alike, shares, strict=True):
        found += share * matrix
    return found


def _variance(values: Values) -> float:
    """Of y beyond X, as if all were independent; 1 if there is none."""
    off = values.outcome - values.fixed @ linalg.lstsq(values.fixed, values.outcome)[0]
    degrees = len(off) - values.fixed.shape[1]
    return float(off @ off / max(1, degrees)) or 1.0


def _search(values: Values, parts: Sequence[np.ndarray]) -> tuple[np.ndarray, float, float]:
    """Variances of the parts, the residual variance, and the log-likelihood there."""
    usual = _variance(values)
    count = len(parts) + values.repeated
    restricted = _by_languages if values.repeated else _directly

    def lost(scaled: np.ndarray) -> tuple[float, np.ndarray]:
        variances = scaled * usual
        whole = np.tensordot(variances[: len(parts)], parts, axes=1)
        residual = float(variances[-1]) if values.repeated else 0.0
        found = restricted(values, whole, residual)
        if found is None:
            return 1e10, np.zeros(count)
        slopes = [found.off @ part @ found.off - np.vdot(found.projected, part) for part in parts]
        if values.repeated:
            slopes.append(found.residual_slope)
        return -found.log_likelihood, -0.5 * usual * np.array(slopes)

    least = np.full(count, _LEAST)
    found = optimize.minimize(
        lost, np.full(count, 1 / count), jac=True, method="L-BFGS-B",
        bounds=[(bound, None) for bound in least],
        options={"ftol": _CHANGE, "gtol": 1e-7, "maxiter": 200},
    )  # fmt: skip
    variances = np.where(found.x > 2 * least, found.x, 0) * usual
    if not (variances.any() or values.noise.any()):
        variances = found.x * usual
    residual = float(variances[-1]) if values.repeated else 0.0
    return variances[: len(parts)], residual, -float(found.fun)


class _Restricted(NamedTuple):
    """The restricted log-likelihood, and what its derivatives are made of.

    With P = V^-1 - V^-1 X (X' V^-1 X)^-1 X' V^-1 and Z for which language a value is of: `off` is
    Z' P y, `projected` Z' P Z, and `residual_slope` y' P P y - tr P.
    """

    log_likelihood: float
    off: np.ndarray
    projected: np.ndarray
    residual_slope: float


def _directly(values: Values, whole: np.ndarray, residual: float) -> _Restricted | None:
    """From the covariance of all values; None where it is singular.

    Args:
        whole: (languages, languages), the covariance of u.
    """
    covariance = values.spread(whole) + np.diag(values.noise + residual)
    try:
        factor = linalg.cholesky(covariance, lower=True, check_finite=False)
    except linalg.LinAlgError:
        return None
    inverse, _ = linalg.lapack.dpotri(factor, lower=1)
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    weighted = inverse @ values.fixed
    information = values.fixed.T @ weighted
    inner = inverse - weighted @ linalg.solve(information, weighted.T, assume_a="pos")
    off = inner @ values.outcome
    size = len(whole)
    projected = np.zeros((size, size))
    np.add.at(projected, np.ix_(values.places, values.places), inner)
    return _Restricted(
        _likelihood(values, 2 * np.log(np.diag(factor)).sum(), information, off),
        np.bincount(values.places, off, size),
        projected,
        float(off @ off - np.trace(inner)),
    )


def _by_languages(values: Values, whole: np.ndarray, residual: float) -> _Restricted | None:
    """The same where languages have several values: all matrices are over languages.

    With D the diagonal of noise, A = Z' D^-1 Z and S = I + A^1/2 G A^1/2, where G is `whole`:
    V^-1 = D^-1 - D^-1 Z B Z' D^-1 with B = G A^1/2 S^-1 A^-1/2, and |V| = |D| |S| (Woodbury).
    """
    size = len(whole)
    own = 1 / (values.noise + residual)
    held = np.sqrt(np.bincount(values.places, own, size))
    try:
        factor = linalg.cho_factor(np.eye(size) + held[:, None] * whole * held, lower=True)
    except linalg.LinAlgError:
        return None
    inverse = linalg.cho_solve(factor, np.eye(size))
    between = whole * held @ inverse / held

    def solved(columns: np.ndarray) -> np.ndarray:
        """V^-1 times (n, columns)."""
        weighted = own[:, None] * columns
        return weighted - own[:, None] * (between @ of_languages(weighted))[values.places]

    def of_languages(columns: np.ndarray) -> np.ndarray:
        """Z' times (n, columns)."""
        found = np.zeros((size, columns.shape[1]))
        np.add.at(found, values.places, columns)
        return found

    weighted = solved(values.fixed)
    information = values.fixed.T @ weighted
    cross = np.linalg.inv(information)
    off = solved(values.outcome[:, None])[:, 0]
    off -= weighted @ (cross @ (weighted.T @ values.outcome))
    along = of_languages(weighted)
    squares = np.bincount(values.places, own**2, size)
    trace = own.sum() - np.diag(between) @ squares - np.vdot(cross, weighted.T @ weighted)
    log_determinant = 2 * np.log(np.diag(factor[0])).sum() - np.log(own).sum()
    return _Restricted(
        _likelihood(values, log_determinant, information, off),
        np.bincount(values.places, off, size),
        held[:, None] * inverse * held - along @ cross @ along.T,
        float(off @ off - trace),
    )


def _likelihood(
    values: Values, log_determinant: float, information: np.ndarray, off: np.ndarray
) -> float:
    degrees = len(off) - values.fixed.shape[1]
    return -0.5 * float(
        degrees * np.log(2 * np.pi)
        + log_determinant
        + np.linalg.slogdet(information)[1]
        + values.outcome @ off
    )


def _solved(bare: Fit) -> Fit:
    """The model with its coefficients, given its variances."""
    values = bare.values
    factor = bare.factor
    weighted = linalg.cho_solve(factor, values.fixed)
    covariance = np.linalg.inv(values.fixed.T @ weighted)
    coefficients = covariance @ (weighted.T @ values.outcome)
    off = linalg.cho_solve(factor, values.outcome - values.fixed @ coefficients)
    return replace(bare, coefficients=coefficients, covariance=covariance, weighted=off)
