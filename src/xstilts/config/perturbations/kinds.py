"""The kinds of perturbation, and in which languages each means anything.

`xstilts.data.perturb.wording` says what each does.

Where a kind does not apply, there is nothing to measure, which is not the same as no loss.
"""

from __future__ import annotations

from dataclasses import dataclass

from xstilts.config.languages import Language

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
    scripts: frozenset[str] | None = None

    def applies_to(self, language: Language) -> bool:
        """Whether texts in a language have what this kind changes, by the language's script."""
        return self.scripts is None or language.script in self.scripts


KINDS: dict[str, PerturbationKind] = {
    kind.key: kind
    for kind in (
        PerturbationKind(key="typos"),
        PerturbationKind(key="lower", scripts=_CASED),
        PerturbationKind(key="upper", scripts=_CASED),
        PerturbationKind(key="no_diacritics", scripts=_MARKED),
        PerturbationKind(key="no_punctuation"),
    )
}
