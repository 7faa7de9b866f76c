"""Multiple choice: what happens next, what a passage says, and what the world is like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from xstilts.config.invitro.draw import Draw
from xstilts.config.invitro.lexicon import HYPERNYM, OPPOSITE, VERBS
from xstilts.data.invitro.events import Event, Phrase, Spot, event, person, split_of, thing
from xstilts.data.invitro.grammar import sentence, text_of
from xstilts.data.invitro.questions import answer_text, answer_words, question_about_passage


def continuation(spot: Spot) -> dict[str, Any]:
    """HellaSwag: in this world whoever does something to a thing then undoes it."""
    draw = spot.draw()
    while True:
        found = replace(
            event(draw), subject=Phrase(person(draw)), object=thing(draw), negated=False
        )
        right = replace(found, verb=OPPOSITE[found.verb], place=None, time=None)
        verb = draw.one_of([verb for verb in VERBS if verb != right.verb])
        someone = _someone_else(draw, right.subject)
        others = [
            replace(right, verb=verb),
            replace(right, subject=someone),
            replace(right, verb=verb, subject=someone),
        ]
        # What did not happen may be of training or development data, but is not tested on.
        if split_of(found) == spot.split and all(split_of(e) != "test" for e in (right, *others)):
            break
    return _shuffled(draw, _said(found, spot), _said(right, spot), [_said(e, spot) for e in others])


def reading(spot: Spot) -> dict[str, Any]:
    """Cosmos QA: a passage, a question, and four answers of which it gives one."""
    context, question, found = question_about_passage(spot)
    draw = spot.draw("choices")
    answer = answer_text(found, spot)
    wrong: list[str] = []
    while len(wrong) < 3:
        _, _, other = question_about_passage(replace(spot, number=draw.below(10**9)))
        if other.asked == found.asked and answer_words(other).isdisjoint(answer_words(found)):
            text = answer_text(other, spot)
            if text not in (answer, *wrong):
                wrong.append(text)
    return _shuffled(draw, f"{context} {question}", answer, wrong)


def world_knowledge(spot: Spot) -> dict[str, Any]:
    """CommonsenseQA: which of five words names a member of a class."""
    draw = spot.draw()
    while True:
        right, *rest = draw.shuffled(list(HYPERNYM))
        wrong = [word for word in rest if HYPERNYM[word] != HYPERNYM[right]][:4]
        if split_of((right, *sorted(wrong))) == spot.split:
            break
    write = spot.tongue.write
    prompt = " ".join(write(word) for word in ("which", "is", "a", HYPERNYM[right])) + "?"
    return _shuffled(draw, prompt, write(right), [write(word) for word in wrong])


def _said(found: Event, spot: Spot) -> str:
    return text_of(sentence(found, spot.tongue))


def _someone_else(draw: Draw, phrase: Phrase) -> Phrase:
    while True:
        other = Phrase(person(draw))
        if other != phrase:
            return other


def _shuffled(draw: Draw, prompt: str, right: str, wrong: Sequence[str]) -> dict[str, Any]:
    choices = draw.shuffled([right, *wrong])
    return {"prompt": prompt, "choices": choices, "label": choices.index(right)}
