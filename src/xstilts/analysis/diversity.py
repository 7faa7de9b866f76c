"""How diverse the languages are that a mean over languages is over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from xstilts.analysis.tables import ALL, ALL_LANGUAGES, WITH_ENGLISH, Row
from xstilts.config.language_facts import LanguageFacts
from xstilts.config.languages import Language
from xstilts.config.typology import diversity


def diversity_rows(
    groups: Sequence[Row],
    languages: Mapping[str, Language],
    facts: Mapping[str, LanguageFacts],
) -> Iterator[Row]:
    """Rows of `tables.DIVERSITY`: one a target, mean and set of languages.

    Args:
        groups: rows of `tables.GROUPS`.
    """
    means = {
        (row["target"], row["group"], tuple(row["languages"])): None
        for row in groups
        if row["grouping"] == ALL and row["group"] in (ALL_LANGUAGES, WITH_ENGLISH)
    }
    for target, group, codes in means:
        found = diversity(codes, languages, facts)
        yield {
            "target": target,
            "group": group,
            "languages": found.languages,
            "families": found.families,
            "with_features": found.known,
            "distance": found.distance,
            "entropy": found.entropy,
            "members": list(codes),
        }
