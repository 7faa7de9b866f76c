"""What is known of languages besides how encoders do in them."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path

from xstilts.config.encoders.catalogue import Corpus
from xstilts.config.language_facts import LanguageFacts
from xstilts.config.languages import Language
from xstilts.data.schemas import OVERLAP
from xstilts.execution.parquet import read_table

# (target, language) to how alike its subwords are to those of English: `schemas.OVERLAP`.
Overlap = Mapping[tuple[str, str], float]


@dataclass(frozen=True, kw_only=True)
class KnownLanguages:
    """What is known of the languages of a data source.

    Attributes:
        languages: by code; scores in others are left out, and a note says so.
        facts: by code, for associations and weights.
        unseen: encoder to the languages that it was not pretrained on, for those of which it is
            known.
        corpora: encoder to the text that it was pretrained on, for those whose amounts by language
            are known.
        overlaps: encoder to the subword overlap of each target's languages with English.
    """

    languages: Mapping[str, Language]
    facts: Mapping[str, LanguageFacts]
    unseen: Mapping[str, Set[str]] = field(default_factory=dict)
    corpora: Mapping[str, Corpus] = field(default_factory=dict)
    overlaps: Mapping[str, Overlap] = field(default_factory=dict)


def overlap_of(path: str | Path) -> Overlap:
    """The overlaps in a file of `schemas.OVERLAP`.

    Raises:
        XstiltsError: it has other columns.
    """
    rows = read_table(path, OVERLAP).to_pylist()
    return {(row["target"], row["language"]): row["overlap"] for row in rows}
