"""The kinds of perturbation: what each does, and in which languages it means anything.

Where a kind does not apply, there is nothing to measure, which is not the same as no loss.
"""

from __future__ import annotations

from dataclasses import dataclass

from xstilts.languages import Language

# Georgian is missing: its capitals are for headlines only, and no ordinary text has them.
_CASED = frozenset({"Latn", "Cyrl", "Grek", "Armn"})
# Marks that people leave out when they type. Cyrillic is missing: й, ё and ї are letters of
# their own with keys of their own, and stress marks stand in encyclopaedias only. The marks of
# Indic scripts, Thai and Burmese are vowels and tones, without which no word is left.
_MARKED = frozenset({"Latn", "Grek", "Arab", "Hebr"})


@dataclass(frozen=True, kw_only=True)
class PerturbationKind:
    """One kind. `scripts`: the ISO 15924 codes of those in which it applies; None is all."""

    key: str
    title: str
    definition: str
    scripts: frozenset[str] | None = None

    def applies_to(self, language: Language) -> bool:
        """Whether texts in a language have what this kind changes, by the language's script."""
        return self.scripts is None or language.script in self.scripts


KINDS: dict[str, PerturbationKind] = {
    kind.key: kind
    for kind in (
        PerturbationKind(
            key="typos",
            title="Typos",
            definition=(
                "That share of the letters is mistyped: replaced by another letter of the same"
                " script, left out, followed by a surplus letter, or swapped with the next one."
            ),
        ),
        PerturbationKind(
            key="lower",
            title="Lower case",
            definition="That share of the words with capitals is written in small letters.",
            scripts=_CASED,
        ),
        PerturbationKind(
            key="upper",
            title="Upper case",
            definition="That share of the words with small letters is written in capitals.",
            scripts=_CASED,
        ),
        PerturbationKind(
            key="no_diacritics",
            title="No diacritics",
            definition=(
                "That share of the words with diacritics loses them: accents, tone marks and"
                " strokes on Latin and Greek letters, Arabic and Hebrew vowel points."
            ),
            scripts=_MARKED,
        ),
        PerturbationKind(
            key="no_punctuation",
            title="No punctuation",
            definition=(
                "That share of the words with punctuation (of the punctuation marks, where words"
                " are written without spaces) loses it."
            ),
        ),
    )
}
