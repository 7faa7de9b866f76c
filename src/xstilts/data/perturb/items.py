"""Which texts of an item are perturbed, and what must hold in it afterwards, by kind of task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from xstilts.config.languages import Language
from xstilts.config.perturbations.kinds import KINDS
from xstilts.config.seeds import derive_seed
from xstilts.config.tasks import Kind
from xstilts.data.perturb.letters import Alphabet
from xstilts.data.perturb.passage import Edit, Passage, apply_edits, moved, protect
from xstilts.data.perturb.typos import typos
from xstilts.data.perturb.words import some_words

Row = dict[str, Any]


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


def _pair(row: Row, noise: ItemNoise) -> Row:
    return {field: noise.text(field, row[field]) for field in ("text_a", "text_b")}


def _choice(row: Row, noise: ItemNoise) -> Row:
    choices = list(row["choices"])
    for number, choice in enumerate(choices):
        changed = noise.text(f"choices:{number}", choice)
        # Those before as they are now, those after as they were: so all stay distinct.
        others = choices[:number] + choices[number + 1 :]
        if changed.split() not in [other.split() for other in others]:
            choices[number] = changed
    return {"prompt": noise.text("prompt", row["prompt"]), "choices": choices}


def _tagging(row: Row, noise: ItemNoise) -> Row:
    """Tokens are edited as words between line feeds, which no edit and no letter reaches across."""
    edits = iter(noise.edits("tokens", "\n".join(row["tokens"])))
    edit = next(edits, None)
    tokens = []
    start = 0
    for token in row["tokens"]:
        own = []
        while edit and edit.start < start + len(token):
            own.append(Edit(edit.start - start, edit.end - start, edit.text))
            edit = next(edits, None)
        changed = apply_edits(token, own)
        tokens.append(changed if changed.strip() else token)
        start += len(token) + 1
    return {"tokens": tokens}


def _span(row: Row, noise: ItemNoise) -> Row:
    """No edit touches an answer, and none is made around one whose place is not known."""
    context, answers = row["context"], row["answers"] or []
    edits: list[Edit] = []
    if _stand(answers, context):
        protected = protect(context, (answer["text"] for answer in answers)) if answers else b""
        edits = noise.edits("context", context, protected)
    if edits:
        context = apply_edits(context, edits)
        answers = [{**answer, "start": moved(answer["start"], edits)} for answer in answers]
        assert _stand(answers, context), f"an answer of {row['id']} was lost"
    return {
        "context": context,
        "question": noise.text("question", row["question"]),
        "answers": answers,
    }


def _stand(answers: list[Row], context: str) -> bool:
    return all(
        answer["text"]
        and answer["start"] >= 0
        and context.startswith(answer["text"], answer["start"])
        for answer in answers
    )


def _retrieval(row: Row, noise: ItemNoise) -> Row:
    return {"text": noise.text("text", row["text"])}


# The columns that change, as they are afterwards.
PERTURBED: dict[Kind, Callable[[Row, ItemNoise], Row]] = {
    Kind.PAIR: _pair,
    Kind.CHOICE: _choice,
    Kind.TAGGING: _tagging,
    Kind.SPAN: _span,
    Kind.RETRIEVAL: _retrieval,
}
