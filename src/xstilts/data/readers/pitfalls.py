"""Cross-Lingual-Pitfalls (arXiv 2505.18673): a JSON list of items with two sides.

English stands in `question`, `choices` and `answer`, the other language in `transquestion`,
`transchoices` and `transanswer`: two languages of one item, which is named by its file and its
number. Its question stands among sentences that distract; several items ask the same one
(`oriquestion`) among others, and are one cluster.

The other side was made by a language model and not proofread. Quotation marks around choices are
cut, and lists that are one string are parted where that gives as many choices as in English. What
still has another number of choices, or choices that are equal, or whose answer is another than in
English, is left out. Where no choice is the answer as it is spelt, the place of the English one
holds. All is counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xstilts.config.tasks import SOURCE_LANGUAGE
from xstilts.data.readers.lines import read_json
from xstilts.data.rows import Batch, Pairing, Place, item
from xstilts.errors import XstiltsError

_MARKS = "'\"‘’‚“”„`"
# Between choices that stand in one string: a comma with a quotation mark on either side.
_BETWEEN = re.compile(rf"[{_MARKS}]\s*[,،、，]\s*[{_MARKS}]")
_ENGLISH = ("question", "choices", "answer")
_OTHER = ("transquestion", "transchoices", "transanswer")


def read_pitfalls(place: Place, files: Sequence[Path]) -> Batch:
    """One language's file, or of English those of all languages.

    Raises:
        XstiltsError: a file is no such list, or an English answer is none of the choices.
    """
    batch = Batch(pairing=Pairing.ID)
    names = _ENGLISH if place.language == SOURCE_LANGUAGE else _OTHER
    for path in files:
        value = read_json(path)
        if not isinstance(value, list) or not value:
            raise XstiltsError("no list of items", where=path, hint="use the published file")
        for number, record in enumerate(value, 1):
            english, own = _read(record, _ENGLISH, path, number), _read(record, names, path, number)
            row = item(place, len(batch.rows) + len(batch.dropped), f"{path.stem} {number}")
            choices, label = _cleaned(own, english, batch.counts)
            if label is None:
                batch.dropped.append(row["group"])
                continue
            batch.rows.append(
                {
                    **row,
                    "prompt": own[0],
                    "choices": choices,
                    "label": label,
                    "passage": record.get("oriquestion") or english[0],
                }
            )
    batch.counts = +batch.counts
    return batch


_Side = tuple[str, list[str], str]


def _read(record: Any, names: tuple[str, str, str], path: Path, number: int) -> _Side:
    try:
        question, choices, answer = (record[name] for name in names)
        if not isinstance(choices, list) or not all(
            isinstance(text, str) and text.strip() for text in (question, answer, *choices)
        ):
            raise TypeError("texts must be strings that are not empty, choices a list of them")
        if names == _ENGLISH and (len(choices) < 2 or choices.count(answer) != 1):
            raise ValueError(f"{choices.count(answer)} of {len(choices)} choices are the answer")
    except (KeyError, TypeError, ValueError) as error:
        raise XstiltsError(
            f"item {number} is no item of Cross-Lingual-Pitfalls: {type(error).__name__} {error}",
            where=path,
            hint=f"needs {', '.join((*_ENGLISH, *_OTHER))}",
        ) from error
    return question, choices, answer


def _cleaned(own: _Side, english: _Side, counts: Counter[str]) -> tuple[list[str], int | None]:
    """The choices without marks around them, and the right one's place, None where none holds."""
    _, choices, answer = own
    right = english[1].index(english[2])
    if len(choices) == 1 < len(english[1]):
        parts = _BETWEEN.split(choices[0])
        if len(parts) == len(english[1]):
            counts["lists_of_choices_parted"] += 1
            choices = parts
    if len(choices) != len(english[1]):
        counts["other_number_of_choices_dropped"] += 1
        return choices, None
    bare = [_bare(choice) for choice in choices]
    counts["quotation_marks_cut"] += sum(
        one != other for one, other in zip(bare, choices, strict=True)
    )
    if len(set(bare)) < len(bare):
        counts["items_with_equal_choices_dropped"] += 1
        return bare, None
    if _bare(answer) not in bare:
        counts["answers_placed_as_in_english"] += 1
    elif bare.index(_bare(answer)) != right:
        counts["other_answer_than_in_english_dropped"] += 1
        return bare, None
    return bare, right


def _bare(text: str) -> str:
    """Without the marks that it begins and ends with, but for one that closes within."""
    stripped = text.strip()
    outer = stripped[:1] in _MARKS or stripped[-1:] in _MARKS
    return (stripped.strip(_MARKS).strip() or stripped) if outer else text
