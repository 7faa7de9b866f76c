"""Which items are kept: decided by a hash of what they are, never by where they stand.

So the same items are kept in every language of a parallel task, in every run, and a file in
another order gives the same selection.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from xstilts.data.rows import Row, gold_pairs
from xstilts.errors import XstiltsError

_Pair = tuple[str, str]
_Sentence = tuple[str, str]


def rank(text: str) -> bytes:
    """A sort key that is as good as random and the same everywhere."""
    return hashlib.sha256(text.encode()).digest()


def limit_rows(rows: Sequence[Row], limit: int | None) -> list[Row]:
    """At most `limit` rows in file order, chosen by their group; None keeps all."""
    if limit is None or len(rows) <= limit:
        return list(rows)
    chosen = sorted(range(len(rows)), key=lambda row: (rank(rows[row]["group"]), row))[:limit]
    return [rows[row] for row in sorted(chosen)]


def limit_pairs(rows: Sequence[Row], limit: int | None) -> list[Row]:
    """Retrieval rows with `limit` gold pairs and the same share of the other sentences."""
    pairs = sorted(gold_pairs(rows), key=_pair_rank)
    if limit is None or len(pairs) <= limit:
        return list(rows)
    return _with_pairs(rows, pairs[:limit], limit / len(pairs), from_start=True)


def hold_out(
    rows: Sequence[Row], column: str, share: float, where: str
) -> tuple[list[Row], list[Row]]:
    """Split rows into (train, dev) by their text in `column`; dev rows say split "dev".

    Raises:
        XstiltsError: there is only one text, so that one side would be empty.
    """
    texts = sorted({row[column] for row in rows}, key=rank)
    if len(texts) < 2:
        raise XstiltsError(
            "has one text only, none can be held out for model selection", where=where
        )
    held = set(texts[: min(max(round(share * len(texts)), 1), len(texts) - 1)])
    train = [row for row in rows if row[column] not in held]
    dev = [{**row, "split": "dev"} for row in rows if row[column] in held]
    return train, dev


def halve_pairs(rows: Sequence[Row], split: str, where: str) -> list[Row]:
    """The dev or the test half of retrieval rows: disjoint in gold pairs and in sentences.

    Raises:
        XstiltsError: fewer than two gold pairs without a sentence in common.
    """
    order = sorted(gold_pairs(rows), key=_pair_rank)
    dev = _closed(order[: len(order) // 2], order)
    test = [pair for pair in order if pair not in dev]
    if not dev or not test:
        raise XstiltsError("too few gold pairs to make a dev and a test half", where=where)
    if split == "dev":
        return _with_pairs(rows, [pair for pair in order if pair in dev], 0.5, from_start=True)
    return _with_pairs(rows, test, 0.5, from_start=False)


def _closed(chosen: Iterable[_Pair], pairs: Sequence[_Pair]) -> set[_Pair]:
    """`chosen` and every pair that shares a sentence with one of it."""
    closed = set(chosen)
    while True:
        foreign = {pair[0] for pair in closed}
        english = {pair[1] for pair in closed}
        more = {pair for pair in pairs if pair[0] in foreign or pair[1] in english}
        if more == closed:
            return closed
        closed = more


def _with_pairs(
    rows: Sequence[Row], pairs: Iterable[_Pair], share: float, *, from_start: bool
) -> list[Row]:
    """Rows of the sentences of `pairs` and a share of those that are in no gold pair."""
    in_gold = _sentences(gold_pairs(rows))
    kept = _sentences(pairs)
    for side in ("foreign", "en"):
        others = [
            (side, row["id"])
            for row in rows
            if row["side"] == side and (side, row["id"]) not in in_gold
        ]
        others.sort(key=lambda sentence: rank("\t".join(sentence)))
        # Two halves by the same cut share nothing and lose nothing.
        cut = round(share * len(others))
        kept.update(others[:cut] if from_start else others[cut:])
    return [
        {**row, "gold": [name for name in row["gold"] if ("foreign", name) in kept]}
        for row in rows
        if (row["side"], row["id"]) in kept
    ]


def _sentences(pairs: Iterable[_Pair]) -> set[_Sentence]:
    return {
        sentence
        for foreign, english in pairs
        for sentence in (("foreign", foreign), ("en", english))
    }


def _pair_rank(pair: _Pair) -> bytes:
    return rank("\t".join(pair))
