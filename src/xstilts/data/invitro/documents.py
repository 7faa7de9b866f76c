"""Running text for masked language modelling, in every language.

Three sorts of documents: a passage of one or two sentences of which one is then translated; the
same with a sentence said again instead; and two sentences that have nothing to do with each
other. The first is what makes languages without a common word meet in one space (translation
language modelling, Conneau and Lample 2019, arXiv 1901.07291); their share is a parameter, and
every report on these data states it. The second, in the same form, is what a small encoder
learns to look things up with: without it the loss stays where it is when only the grammar is
known, several times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xstilts.config.invitro.draw import Draw
from xstilts.config.invitro.tongues import tongue
from xstilts.config.tasks import SOURCE_LANGUAGE
from xstilts.data.invitro.events import Event, split_of, varied
from xstilts.data.invitro.grammar import sentence, text_of
from xstilts.data.invitro.spot import Spot

# Of all passages, how many have a second sentence, so that one must look in the right one; and
# of the documents without a translation, how many say a sentence again.
_TWO_SENTENCES = 0.1
_SAID_AGAIN = 0.75


def document(spot: Spot, languages: Sequence[str], translated_share: float) -> dict[str, Any]:
    """One document: the columns language (of its first sentence) and text.

    Translations are from or into the source language, as most translated text is.

    Args:
        languages: codes to choose from, the source language among them.
        translated_share: share of documents that are followed by their translation, 0 to 1.
    """
    draw = spot.draw()
    first = draw.one_of(languages)
    found, other = _event(draw), _event(draw)
    passage = [found, other] if draw.chance(_TWO_SENTENCES) else [found]
    if draw.chance(translated_share):
        others = [code for code in languages if code != first]
        last = (found, SOURCE_LANGUAGE if first != SOURCE_LANGUAGE else draw.one_of(others))
    elif draw.chance(_SAID_AGAIN):
        last = (found, first)
    else:
        passage, last = [found], (other, first)
    fronted = draw.one_of((None, None, "place", "time"))
    said = [*((event, first) for event in draw.shuffled(passage)), last]
    texts = [text_of(sentence(event, tongue(code), fronted=fronted)) for event, code in said]
    return {"language": first, "text": " ".join(texts)}


def _event(draw: Draw) -> Event:
    while True:
        found = varied(draw)
        # Nothing that is tested on, in any language; development text is of this sort too.
        if split_of(found) == "train":
            return found
