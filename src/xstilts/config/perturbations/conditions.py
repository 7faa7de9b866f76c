"""Names of conditions, such as `typos@0.1`."""

from __future__ import annotations

from xstilts.config.perturbations.kinds import KINDS
from xstilts.errors import XstiltsError, did_you_mean


def condition_name(kind: str, strength: float) -> str:
    """The name of a kind at a strength, e.g. `typos@0.1`; each condition has one name only.

    Raises:
        XstiltsError: there is no such kind, or the strength is not in (0, 1].
    """
    if kind not in KINDS:
        raise XstiltsError(f"unknown perturbation {kind!r}", hint=did_you_mean(kind, KINDS))
    if not 0 < strength <= 1:
        raise XstiltsError(
            f"the strength {strength} of {kind} is not a share",
            hint="give one above 0 and at most 1",
        )
    return f"{kind}@{float(strength)!r}".removesuffix(".0")


def parse_condition(name: str) -> tuple[str, float]:
    """The kind and the strength that a name says. "clean" says none.

    Raises:
        XstiltsError: it is not the name of a condition.
    """
    kind, _, written = name.partition("@")
    try:
        strength = float(written)
    except ValueError:
        raise XstiltsError(
            f"{name!r} is no perturbation", hint="write a kind and a strength, as in typos@0.1"
        ) from None
    proper = condition_name(kind, strength)
    if name != proper:
        raise XstiltsError(f"{name!r} is not how it is written", hint=f"write {proper}")
    return kind, strength
