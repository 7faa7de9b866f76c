"""Typing errors.

Every letter has three random numbers of its own: whether it is mistyped, how, and what is typed.
The first is compared with the strength, so a letter that is mistyped at one strength is mistyped
in the same way at every higher one.
"""

from __future__ import annotations

from itertools import accumulate

import numpy as np

from xstilts.data.graphemes import graphemes
from xstilts.data.perturb.letters import script_and_case
from xstilts.data.perturb.passage import Edit, Passage, uniforms

# All equally likely.
_SUBSTITUTE, _DELETE, _INSERT, _SWAP = range(4)


def typos(passage: Passage, strength: float) -> list[Edit]:
    """Edits of an expected share of `strength` of the letters, each at most one.

    Where one cannot be had, the letter is substituted instead: nothing is swapped that has no
    different letter behind it, and nothing is deleted that has no letter beside it, for then a
    word would be gone. What nothing can be put in place of is doubled.
    """
    found = graphemes(passage.text)
    starts = list(accumulate(map(len, found), initial=0))
    places = [place for place, grapheme in enumerate(found) if script_and_case(grapheme)]
    if passage.protected:
        places = [place for place in places if passage.is_free(starts[place], starts[place + 1])]
    draws = uniforms(passage.seed, 3 * len(places)).reshape(-1, 3)
    edited: dict[int, str] = {}
    swaps = []
    for hit in np.flatnonzero(draws[:, 0] < strength):
        place, letter = places[hit], found[places[hit]]
        what = int(4 * draws[hit, 1])
        next_is_free = places[hit + 1 : hit + 2] == [place + 1]
        if what == _SWAP and next_is_free and found[place + 1] != letter:
            swaps.append(place)
        elif what == _DELETE and _has_neighbour(found, place):
            edited[place] = ""
        else:
            other = passage.alphabet.another(letter, draws[hit, 2])
            if other is None:
                edited[place] = letter * 2
            else:
                edited[place] = letter + other if what == _INSERT else other
    # Last, so that a letter which is both mistyped and swapped stays mistyped.
    for place in swaps:
        first, second = (edited.get(at, found[at]) for at in (place, place + 1))
        edited[place], edited[place + 1] = second, first
    return [Edit(starts[at], starts[at + 1], edited[at]) for at in sorted(edited)]


def _has_neighbour(found: list[str], place: int) -> bool:
    beside = found[max(place - 1, 0) : place] + found[place + 1 : place + 2]
    return any(map(script_and_case, beside))
