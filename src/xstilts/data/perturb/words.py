"""Perturbations that change some of the words which they could change."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterable

import regex

from xstilts.config.perturbations.kinds import PerturbationKind
from xstilts.data.perturb.passage import Edit, Passage, uniforms

_WITHOUT_SPACES = frozenset({"Hans", "Hant", "Jpan", "Khmr", "Laoo", "Mymr", "Thai"})
_SPACES = re.compile(r"\s+")


def some_words(passage: Passage, kind: PerturbationKind, strength: float) -> list[Edit]:
    """What a kind edits in an expected share of `strength` of the words that it could change.

    A word stands between spaces; in scripts without them, each edit is by itself.
    """
    edits = _all_edits(passage, kind)
    if not edits:
        return []
    if passage.language.script in _WITHOUT_SPACES:
        words = list(range(len(edits)))
    else:
        spaces = [space.start() for space in _SPACES.finditer(passage.text)]
        words = [bisect(spaces, edit.start) for edit in edits]
    distinct = dict.fromkeys(words)
    chosen = dict(zip(distinct, uniforms(passage.seed, len(distinct)) < strength, strict=True))
    return [edit for edit, word in zip(edits, words, strict=True) if chosen[word]]


def _all_edits(passage: Passage, kind: PerturbationKind) -> list[Edit]:
    """Every edit that a kind could make; nothing that is protected is in any."""
    assert kind.unit is not None
    units = regex.finditer(kind.unit, passage.text)
    spans: Iterable[tuple[int, int]] = (unit.span() for unit in units)
    if kind.divisible:
        spans = (run for span in spans for run in passage.free(*span))
    edits = []
    for start, end in spans:
        text = passage.text[start:end]
        edited = kind.edited(text, passage.language)
        # Most have nothing to change.
        if edited != text and passage.is_free(start, end):
            edits.append(Edit(start, end, edited))
    return edits
