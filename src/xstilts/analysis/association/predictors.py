"""What outcomes of languages are set against."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from xstilts.analysis.association.observations import DISTANCE, LATIN, OVERLAP, text_size
from xstilts.analysis.inputs.known_languages import KnownLanguages, Overlap
from xstilts.config.encoders.catalogue import Corpus

# Weight of a target's own part of overlaps being 0: it decides where nothing else does.
_TARGET_RIDGE = 1e-3


def predictors(
    world: KnownLanguages, encoder: str, codes: Sequence[str], targets: Sequence[str]
) -> dict[str, np.ndarray]:
    """Predictor to its value for each of these languages, nan where it is not known.

    Amounts of text are those of the encoder's own corpus, without which they are no predictor,
    since those of another encoder say nothing of this one. Subword overlaps are those of the
    encoder's tokenizer.
    """
    facts = [world.facts.get(code) for code in codes]
    found = {
        DISTANCE: _numbers(each.syntactic_distance if each else None for each in facts),
        **_text_sizes(world.corpora.get(encoder), codes),
        LATIN: np.array([float(world.languages[code].script == "Latn") for code in codes]),
    }
    if encoder in world.overlaps:
        known = overlap_by_language(world.overlaps[encoder], codes, targets)
        found[OVERLAP] = _numbers(known.get(code) for code in codes)
    return found


def overlap_by_language(
    overlap: Overlap, codes: Sequence[str], targets: Sequence[str]
) -> dict[str, float]:
    """The mean over targets of each language's overlap, as if every target had the language.

    What texts are about sets targets apart, and few languages are in all of them: overlaps are the
    sum of a part of the language and one of the target, by least squares. Parts of targets that
    have no language in common are told apart by being as small as can be.
    """
    asked, wanted = set(codes), set(targets)
    held = {at: value for at, value in overlap.items() if at[0] in wanted and at[1] in asked}
    if not held:
        return {}
    of_target, of_language = (sorted({at[side] for at in held}) for side in (0, 1))
    design = np.zeros((len(held) + len(of_target), len(of_language) + len(of_target)))
    for row, (target, code) in enumerate(held):
        design[row, of_language.index(code)] = 1
        design[row, len(of_language) + of_target.index(target)] = 1
    own = np.eye(len(of_target))
    design[len(held) :, len(of_language) :] = _TARGET_RIDGE * own
    values = np.concatenate([list(held.values()), np.zeros(len(of_target))])
    parts = np.linalg.lstsq(design, values)[0]
    mean = parts[len(of_language) :].mean()
    return dict(zip(of_language, (parts[: len(of_language)] + mean).tolist(), strict=True))


def _text_sizes(corpus: Corpus | None, codes: Sequence[str]) -> dict[str, np.ndarray]:
    """The predictor of how much text there was in each language, where that is known."""
    if corpus is None or corpus.unit is None or corpus.amounts is None:
        return {}
    amounts = _numbers(corpus.amounts.get(code) for code in codes)
    return {text_size(corpus.unit): np.log1p(amounts)}


def _numbers(values: Iterable[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=float)
