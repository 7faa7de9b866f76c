"""Mining of translations (BUCC): pairs by margin, and a threshold tuned on development pairs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from xstilts.config.settings import Mining
from xstilts.errors import XstiltsError
from xstilts.prediction.corpora import Candidate, Corpora, CorpusSide, Gold
from xstilts.prediction.search import nearest_both, normalised
from xstilts.scoring.item_counts import bucc_table

log = logging.getLogger(__name__)


def mine_all(
    corpora: Corpora, vectors: np.ndarray, mining: Mining
) -> tuple[pa.Table, dict[str, Any]]:
    """Mined pairs of all corpora as predictions, and by language how the threshold was tuned."""
    tables, decided = [], {}
    for (language, split), (sides, gold) in corpora.items():
        if split != "dev":
            continue
        candidates = mine_corpus(sides, vectors, mining)
        threshold, best = tune_threshold(candidates, set(gold))
        decided[language] = {
            "threshold": threshold,
            "dev_f1": 100 * best,
            "dev_recall_ceiling": 100 * recall_ceiling(sides, gold),
        }
        tables.append(_kept(language, split, candidates, threshold, gold))
    for (language, split), (sides, gold) in corpora.items():
        if split == "dev":
            continue
        if language not in decided:
            raise XstiltsError(
                f"bucc2018: no development pairs in {language!r} to tune the threshold on"
            )
        candidates = mine_corpus(sides, vectors, mining)
        tables.append(_kept(language, split, candidates, decided[language]["threshold"], gold))
        decided[language]["test_recall_ceiling"] = 100 * recall_ceiling(sides, gold)
    for language, values in decided.items():
        log.info("%s: %s", language, values)
    return pa.concat_tables(tables), {"mining": decided}


def _kept(
    language: str, split: str, candidates: Sequence[Candidate], threshold: float, gold: Gold
) -> pa.Table:
    mined = [candidate for candidate in candidates if candidate[2] >= threshold]
    return bucc_table(language=language, split=split, mined=mined, gold=gold)


def unique_sentences(side: CorpusSide) -> tuple[list[int], dict[str, str]]:
    """First row of each distinct sentence, and the id of the sentences that have just one.

    XTREME unifies equal sentences before the search and afterwards drops pairs whose sentence
    stands under several ids (its utils_retrieve.py), because the id is then ambiguous.
    """
    first: dict[str, int] = {}
    ids: dict[str, list[str]] = {}
    for row, (text, name) in enumerate(zip(side.texts, side.ids, strict=True)):
        first.setdefault(text.strip(), row)
        ids.setdefault(text.strip(), []).append(name)
    return list(first.values()), {text: names[0] for text, names in ids.items() if len(names) == 1}


def mine_corpus(
    sides: dict[str, CorpusSide], vectors: np.ndarray, mining: Mining
) -> list[Candidate]:
    """Candidate pairs (foreign id, English id, margin score), best first."""
    rows, names = {}, {}
    for name, side in sides.items():
        rows[name], names[name] = unique_sentences(side)
    x, y = (normalised(vectors[sides[s].vectors[rows[s]]]) for s in ("foreign", "en"))
    result = []
    for i, j, score in mine(x, y, mining):
        foreign = sides["foreign"].texts[rows["foreign"][i]].strip()
        english = sides["en"].texts[rows["en"][j]].strip()
        if foreign in names["foreign"] and english in names["en"]:
            result.append((names["foreign"][foreign], names["en"][english], score))
    return result


def mine(x: np.ndarray, y: np.ndarray, mining: Mining) -> list[tuple[int, int, float]]:
    """Margin-based mining with the `max` strategy (Artetxe & Schwenk 2019, sections 3.1, 3.2).

    margin(x, y) compares cos(x, y) with the mean of the average similarities of x and of y to
    their k nearest neighbours on the other side: ratio, difference, or no comparison. The best
    candidates of both directions are merged greedily by score; a sentence is used once.

    Args:
        x: (n, d) unit vectors of one side.
        y: (m, d) unit vectors of the other side.

    Returns:
        (row of x, row of y, score), best first; equal scores in order of the forward search,
        then of the backward one.
    """
    (forward, to_y), (backward, to_x) = nearest_both(x, y, mining.neighbours)
    mean_x, mean_y = forward.mean(axis=1), backward.mean(axis=1)
    scores_x = margin_score(forward, (mean_x[:, None] + mean_y[to_y]) / 2, mining.margin)
    scores_y = margin_score(backward, (mean_y[:, None] + mean_x[to_x]) / 2, mining.margin)
    rows_x, rows_y = np.arange(len(x)), np.arange(len(y))
    best_x, best_y = scores_x.argmax(axis=1), scores_y.argmax(axis=1)
    left = np.concatenate([rows_x, to_x[rows_y, best_y]])
    right = np.concatenate([to_y[rows_x, best_x], rows_y])
    scores = np.concatenate([scores_x[rows_x, best_x], scores_y[rows_y, best_y]])
    used_x, used_y = np.zeros(len(x), bool), np.zeros(len(y), bool)
    pairs = []
    for at in np.argsort(-scores, kind="stable"):
        i, j = int(left[at]), int(right[at])
        if not used_x[i] and not used_y[j]:
            used_x[i] = used_y[j] = True
            pairs.append((i, j, float(scores[at])))
    return pairs


def margin_score(similarity: np.ndarray, around: np.ndarray, margin: str) -> np.ndarray:
    """Artetxe & Schwenk 2019, equation 2 with its three margin functions."""
    if margin == "ratio":
        return similarity / around
    return similarity - around if margin == "distance" else similarity


def tune_threshold(
    candidates: Sequence[Candidate], gold: set[tuple[str, str]]
) -> tuple[float, float]:
    """The threshold with the best F1 on these gold pairs.

    It lies halfway between the last score kept and the next one. With no correct candidate
    there is nothing to tune on and the lowest score is the threshold, which keeps all.

    Args:
        candidates: (foreign id, English id, score), best first.

    Returns:
        (threshold, F1 in [0, 1] at that threshold).
    """
    best, correct = 0.0, 0
    threshold = candidates[-1][2] if candidates else 0.0
    for kept, (foreign, english, score) in enumerate(candidates, start=1):
        correct += (foreign, english) in gold
        following = candidates[kept][2] if kept < len(candidates) else score
        if following == score and kept < len(candidates):
            continue  # a threshold cannot part equal scores
        f1 = 2 * correct / (kept + len(gold))
        if f1 > best:
            best, threshold = f1, (score + following) / 2
    return threshold, best


def recall_ceiling(sides: dict[str, CorpusSide], gold: Gold) -> float:
    """Share of gold pairs that can be found at all once ambiguous sentences are dropped."""
    known = [set(unique_sentences(sides[name])[1].values()) for name in ("foreign", "en")]
    possible = sum(foreign in known[0] and english in known[1] for foreign, english in gold)
    return possible / len(gold) if gold else 0.0
