"""A perturbation of one item."""

from __future__ import annotations

from dataclasses import dataclass

from xstilts.config.languages import Language
from xstilts.config.perturbations.kinds import KINDS
from xstilts.config.seeds import derive_seed
from xstilts.data.perturb.letters import Alphabet
from xstilts.data.perturb.passage import Edit, Passage, apply_edits
from xstilts.data.perturb.typos import typos
from xstilts.data.perturb.words import some_words


@dataclass(frozen=True)
class ItemNoise:
    """A kind of perturbation at a strength on one item; each field has its own random numbers."""

    kind: str
    strength: float
    task: str
    language: Language
    item: str
    alphabet: Alphabet

    def edits(self, field: str, text: str, protected: bytes = b"") -> list[Edit]:
        """What is edited in a field: nothing if nothing but spaces would be left of it."""
        seed = derive_seed(self.kind, self.task, self.language.code, self.item, field)
        passage = Passage(text, self.language, self.alphabet, seed, protected)
        kind = KINDS[self.kind]
        if kind.unit is None:
            found = typos(passage, self.strength)
        else:
            found = some_words(passage, kind, self.strength)
        return found if apply_edits(text, found).strip() else []

    def text(self, field: str, text: str) -> str:
        """A field after its edits."""
        return apply_edits(text, self.edits(field, text))
