"""Typological distance, and how diverse a sample of languages is.

The distance is 1 minus the cosine between two vectors of URIEL's 103 syntactic features
(`xstilts.config.language_facts`). Languages without a vector are in no distance.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from xstilts.config.language_facts import FACTS, LanguageFacts
from xstilts.config.languages import Language
from xstilts.config.tasks.types import SOURCE_LANGUAGE

_FEATURES = 103


Facts = Mapping[str, LanguageFacts]


def syntax(code: str, facts: Facts) -> int | None:
    """The syntactic features of a language as the bits of a number; None where none are known."""
    known = facts.get(code)
    return None if known is None or known.syntax is None else int(known.syntax, 16)


def distance(a: int, b: int) -> float:
    """1 minus the cosine between two vectors of zeros and ones."""
    return 1 - (a & b).bit_count() / math.sqrt(a.bit_count() * b.bit_count())


def most_diverse(codes: Iterable[str], number: int, facts: Facts = FACTS) -> list[str]:
    """So many of these languages, by MaxMin from English on (Ploeger et al. 2024)."""
    vectors = {code: vector for code in codes if (vector := syntax(code, facts)) is not None}
    english = syntax(SOURCE_LANGUAGE, facts) or 0
    taken = [SOURCE_LANGUAGE] if SOURCE_LANGUAGE in vectors else []
    nearest = {
        code: distance(vector, english) for code, vector in vectors.items() if code not in taken
    }
    while nearest and len(taken) < number:
        # Of equals, as a language's scripts are, the usual one and then the first.
        farthest = max(nearest, key=lambda code: (nearest[code], "_" not in code))
        taken.append(farthest)
        del nearest[farthest]
        for code, far in nearest.items():
            nearest[code] = min(far, distance(vectors[code], vectors[farthest]))
    return taken[:number]


@dataclass(frozen=True, kw_only=True)
class Diversity:
    """How diverse a sample of languages is.

    Attributes:
        languages: how many.
        families: how many of them.
        known: languages with typological features, over which the others are.
        distance: mean over their pairs; None of fewer than two.
        entropy: of a feature's values over them in bits, the mean over features; None likewise.
    """

    languages: int
    families: int
    known: int
    distance: float | None
    entropy: float | None


def diversity(
    codes: Iterable[str], known: Mapping[str, Language], facts: Facts = FACTS
) -> Diversity:
    """That of a sample (mean pairwise distance and entropy as in Ploeger et al. 2024)."""
    codes = list(codes)
    vectors = [vector for code in codes if (vector := syntax(code, facts)) is not None]
    pairs = [distance(a, b) for a, b in combinations(vectors, 2)]
    return Diversity(
        languages=len(codes),
        families=len({known[code].family for code in codes}),
        known=len(vectors),
        distance=sum(pairs) / len(pairs) if pairs else None,
        entropy=_entropy(vectors) if pairs else None,
    )


def _entropy(vectors: Sequence[int]) -> float:
    shares = (
        sum(vector >> place & 1 for vector in vectors) / len(vectors) for place in range(_FEATURES)
    )
    bits = (-p * math.log2(p) for share in shares for p in (share, 1 - share) if p)
    return sum(bits) / _FEATURES
