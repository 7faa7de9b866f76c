"""Retrieval, margin mining and its threshold against slow computations of the same."""

from __future__ import annotations

from itertools import combinations
from unittest import mock

import faiss
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_encoders import TEXTS, write_tiny_bert

from xstilts.config.encoders import RetrievalSettings
from xstilts.config.settings import (
    Mining,
)
from xstilts.config.tasks import TASKS
from xstilts.data.schemas import DATA
from xstilts.errors import XstiltsError
from xstilts.features.batches import Features
from xstilts.features.kinds.text import text_features
from xstilts.features.perturbed import Perturbed
from xstilts.features.tokenizer import load_tokenizer
from xstilts.prediction import mining, retrieval
from xstilts.prediction.corpora import CorpusSide
from xstilts.prediction.embed import embed
from xstilts.prediction.mining import mine, recall_ceiling, tune_threshold
from xstilts.prediction.retrieval import retrieve
from xstilts.prediction.search import normalised
from xstilts.scoring.scores import score_predictions

BUCC, TATOEBA = TASKS["bucc2018"], TASKS["tatoeba"]

# 15 unit vectors whose products are 0.5, 0.75 or 1 without rounding: ties are exact and many.
EXACT = np.zeros((15, 6), np.float32)
for number, chosen in enumerate(combinations(range(6), 4)):
    EXACT[number, list(chosen)] = 0.5


def exact(most: int):
    picks = st.lists(st.integers(0, 14), min_size=1, max_size=most)
    return picks.map(lambda picked: EXACT[picked])


def gaussian(rows: int, seed: int, width: int = 33) -> np.ndarray:
    """Unit vectors without ties."""
    return normalised(np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32))


# ---- mining


def test_vectors_that_are_no_numbers_are_refused():
    sound = gaussian(4, 1)
    broken = sound.copy()
    broken[2, 5] = np.nan
    with pytest.raises(XstiltsError, match="searched in 3 of 4 is not a finite number"):
        mine(sound, broken, Mining())


def slow_mining(x: np.ndarray, y: np.ndarray, k: int, margin: str) -> list[tuple]:
    """Margin mining from its description, in plain loops.

    Each sentence has its k most similar sentences on the other side. A pair's margin compares
    its similarity with half the sum of the two mean similarities to those neighbours. Each
    sentence, of either side, proposes the neighbour with its best margin; the proposals are
    taken best first, and one whose sentence on either side is already taken is left out.
    """
    cosine = [[float(np.dot(a, b)) for b in y.astype(float)] for a in x.astype(float)]

    def neighbours(similarities: list[float]) -> list[int]:
        return sorted(range(len(similarities)), key=lambda j: (-similarities[j], j))[:k]

    columns = [[row[j] for row in cosine] for j in range(len(y))]
    near_x, near_y = [neighbours(row) for row in cosine], [neighbours(row) for row in columns]
    mean_x = [np.mean([cosine[i][j] for j in near]) for i, near in enumerate(near_x)]
    mean_y = [np.mean([cosine[i][j] for i in near]) for j, near in enumerate(near_y)]

    def score(i: int, j: int) -> float:
        around = (mean_x[i] + mean_y[j]) / 2
        ways = {
            "ratio": lambda: cosine[i][j] / around,
            "distance": lambda: cosine[i][j] - around,
            "absolute": lambda: cosine[i][j],
        }
        return ways[margin]()

    # max() and sorted() keep the first of equals, as the rule for ties says.
    proposals = [(i, max(near, key=lambda j, i=i: score(i, j))) for i, near in enumerate(near_x)]
    proposals += [(max(near, key=lambda i, j=j: score(i, j)), j) for j, near in enumerate(near_y)]
    taken_x, taken_y, pairs = set(), set(), []
    for i, j in sorted(proposals, key=lambda pair: -score(*pair)):
        if i not in taken_x and j not in taken_y:
            taken_x.add(i)
            taken_y.add(j)
            pairs.append((i, j, score(i, j)))
    return pairs


def assert_same_pairs(found: list[tuple], expected: list[tuple]) -> None:
    assert [pair[:2] for pair in found] == [pair[:2] for pair in expected]
    assert [pair[2] for pair in found] == pytest.approx([pair[2] for pair in expected], abs=1e-5)


@pytest.mark.parametrize("margin", ["ratio", "distance", "absolute"])
@pytest.mark.parametrize(("left", "right", "k"), [(40, 60, 4), (60, 25, 1), (3, 30, 4), (30, 3, 7)])
def test_mining_is_margin_mining_with_the_max_strategy(margin, left, right, k):
    shared = gaussian(right, 9)
    x = normalised(0.3 * gaussian(left, 1) + np.resize(shared, (left, 33)))
    found = mine(x, shared, Mining(neighbours=k, margin=margin))
    assert_same_pairs(found, slow_mining(x, shared, k, margin))
    assert len({i for i, _, _ in found}) == len({j for _, j, _ in found}) == len(found)


@pytest.mark.parametrize("alike", [0.0, 2.0])
def test_mining_finds_what_it_finds_with_neighbours_by_faiss(alike):
    """Of sizes as the demo's: only the rounding of float32 sums is another."""

    def by_faiss(x: np.ndarray, y: np.ndarray, k: int) -> list[tuple[np.ndarray, np.ndarray]]:
        found = []
        for queries, searched in ((x, y), (y, x)):
            index = faiss.IndexFlatIP(searched.shape[1])
            index.add(searched)
            found.append(index.search(queries, k))
        return found

    meanings = gaussian(500, 1, 128) + alike * gaussian(1, 2, 128)
    x, y = (normalised(meanings + 0.7 * gaussian(500, seed, 128)) for seed in (3, 4))
    with mock.patch.object(mining, "nearest_both", wraps=mining.nearest_both) as searched:
        found = mine(x, y, Mining())
    assert searched.call_count == 1
    with mock.patch.object(mining, "nearest_both", by_faiss):
        expected = mine(x, y, Mining())
    assert {pair[:2] for pair in found} == {pair[:2] for pair in expected}
    scores = {pair[:2]: pair[2] for pair in expected}
    assert all(abs(score - scores[i, j]) < 1e-6 for i, j, score in found)
    assert len(found) > 400


@settings(deadline=None, max_examples=60)
@given(exact(20), exact(20), st.sampled_from([1, 2, 4]))
def test_mining_with_many_ties(x, y, k):
    # Scores without division are exact; means of 1, 2 or 4 numbers are too.
    if k > min(len(x), len(y)):
        k = 1
    for margin in ("distance", "absolute"):
        found = mine(x, y, Mining(neighbours=k, margin=margin))
        assert found == slow_mining(x, y, k, margin)


def test_a_worked_example_of_the_ratio_margin():
    """Two pairs; k is 1, so a margin compares with the best similarity on either side."""
    x = np.array([[1.0, 0.0], [0.6, 0.8]], np.float32)
    y = np.array([[0.8, 0.6], [0.0, 1.0]], np.float32)
    # Cosines: x0 with y0 0.8, y1 0; x1 with y0 0.96, y1 0.8. Forward: x0→y0 with
    # 0.8/((0.8+0.96)/2), x1→y0 with 1. Backward: y0→x1 with 1, y1→x1 with 0.8/((0.8+0.96)/2).
    # (x1, y0) is taken first; both others then hold a sentence that is taken.
    assert_same_pairs(mine(x, y, Mining(neighbours=1)), [(1, 0, 1.0)])
    # With k = 2 the means are x: 0.4, 0.88; y: 0.88, 0.4.
    found = mine(x, y, Mining(neighbours=2))
    assert_same_pairs(found, [(0, 0, 0.8 / 0.64), (1, 1, 0.8 / 0.64)])


# ---- the threshold


@st.composite
def ranked(draw):
    """Candidates in falling order of few distinct scores, and gold that they partly hit."""
    scores = draw(st.lists(st.integers(-8, 8), max_size=25))
    scores = [float(np.float32(score / 7)) for score in sorted(scores, reverse=True)]
    hits = draw(st.lists(st.booleans(), min_size=len(scores), max_size=len(scores)))
    candidates = [(f"f{i}", f"e{i}", score) for i, score in enumerate(scores)]
    gold = {(f, e) for (f, e, _), hit in zip(candidates, hits, strict=True) if hit}
    return candidates, gold | {(f"x{i}", "y") for i in range(draw(st.integers(0, 4)))}


def f1_at(threshold: float, candidates: list[tuple], gold: set[tuple[str, str]]) -> float:
    kept = {(f, e) for f, e, score in candidates if score >= threshold}
    correct = len(kept & gold)
    if not correct:
        return 0.0
    precision, recall = correct / len(kept), correct / len(gold)
    return 2 * precision * recall / (precision + recall)


@given(ranked())
def test_the_threshold_is_the_best_of_all(case):
    candidates, gold = case
    threshold, best = tune_threshold(candidates, gold)
    scores = sorted({score for _, _, score in candidates})
    possible = {score: f1_at(score, candidates, gold) for score in scores}
    assert best == pytest.approx(max(possible.values(), default=0.0))
    if best:
        assert f1_at(threshold, candidates, gold) == pytest.approx(best)
        # Of several best ones the strictest, halfway to the next score below.
        strictest = max(s for s, f1 in possible.items() if f1 == pytest.approx(best))
        below = [score for score in scores if score < strictest]
        assert threshold == pytest.approx((strictest + (below[-1] if below else strictest)) / 2)
    else:
        assert threshold == min(scores, default=0.0)


def test_a_worked_threshold():
    candidates = [("a", "A", 1.5), ("b", "B", 1.25), ("c", "X", 1.0), ("d", "D", 0.75)]
    gold = {("a", "A"), ("b", "B"), ("d", "D"), ("e", "E")}
    # F1 after each: 2/5, 4/6, 4/7, 6/8.
    assert tune_threshold(candidates, gold) == (0.75, 0.75)
    assert tune_threshold(candidates[:3], gold) == (1.125, pytest.approx(4 / 6))
    assert tune_threshold([], gold) == (0.0, 0.0)


# ---- corpora


def row(language: str, split: str, side: str, name: str, text: str, gold=()) -> dict:
    return {
        "id": name,
        "language": language,
        "split": split,
        "side": side,
        "text": text,
        "gold": list(gold) if side == "en" else None,
        "cluster": f"{text} document",
    }


def bitext(language: str, split: str, foreign: list[str], english: list[str], gold: dict) -> list:
    """Rows of one corpus; sentence i has the id f<i> or e<i>, `gold` maps English to foreign."""
    rows = [row(language, split, "foreign", f"f{i}", text) for i, text in enumerate(foreign)]
    return rows + [
        row(language, split, "en", f"e{i}", text, [gold[f"e{i}"]] if f"e{i}" in gold else [])
        for i, text in enumerate(english)
    ]


def run_retrieval(task, rows: list[dict], vector_of: dict[str, np.ndarray], mining=None):
    """`retrieve` with one feature for each distinct text."""
    texts = list(dict.fromkeys(item["text"] for item in rows))
    features = pa.table(
        {
            "item": range(len(texts)),
            "input_ids": [[1]] * len(texts),
            "rows": [[i for i, item in enumerate(rows) if item["text"] == t] for t in texts],
        }
    )
    vectors = np.stack([vector_of[text] for text in texts]).astype(np.float32)
    data = pa.Table.from_pylist(rows, schema=DATA["retrieval"])
    return retrieve(task, data, Features(features), vectors, mining or Mining())


def side(*texts: str) -> CorpusSide:
    names = [str(i) for i in range(len(texts))]
    return CorpusSide(names, list(texts), names, np.arange(len(texts)))


def test_the_recall_ceiling_counts_gold_pairs_of_unambiguous_sentences():
    sides = {"foreign": side("un", "deux", "un ", "trois"), "en": side("one", "two", "6", "three")}
    gold = [("0", "0"), ("1", "1"), ("2", "2"), ("3", "3")]
    # "un" stands under two ids, so two of the four pairs are out of reach.
    assert recall_ceiling(sides, gold) == 0.5
    sides["en"] = side("one", "two", "6", "two")
    assert recall_ceiling(sides, gold) == 0.0
    assert recall_ceiling(sides, gold[:1]) == 0.0


def noisy_corpus(split: str, seed: int, pairs: int = 12) -> tuple[list[dict], dict]:
    """True pairs lie close together, a third of each side has no partner."""
    random = np.random.default_rng(seed)
    foreign = [f"{split} foreign {i}" for i in range(pairs + 6)]
    english = [f"{split} english {i}" for i in range(pairs + 6)]
    vectors = dict(zip(foreign + english, random.normal(size=(2 * len(foreign), 8)), strict=True))
    gold = {}
    for i in range(pairs):
        noise = random.normal(size=8) * (0.2 + i / 10)
        vectors[english[i]] = vectors[foreign[i]] + noise
        gold[f"e{i}"] = f"f{i}"
    return bitext("de", split, foreign, english, gold), vectors


def mined(table: pa.Table, split: str) -> list[tuple]:
    return [
        (item["prediction"], item["score"])
        for item in table.to_pylist()
        if item["split"] == split and item["predicted"]
    ]


def test_the_threshold_is_tuned_on_dev_and_frozen_for_test():
    dev, dev_vectors = noisy_corpus("dev", 1)
    test, test_vectors = noisy_corpus("test", 2)
    vectors = dev_vectors | test_vectors
    table, decided = run_retrieval(BUCC, dev + test, vectors)
    threshold = decided["mining"]["de"]["threshold"]
    assert mined(table, "test")
    assert all(score >= threshold for _, score in mined(table, "test") + mined(table, "dev"))
    assert all(row["id"].startswith(f"{row['cluster']}\t") for row in table.to_pylist())
    # Other gold pairs in the test corpus change what is correct, not what is mined.
    spoilt = [
        {**item, "gold": ["f17"] if item["gold"] else item["gold"]}
        if item["side"] == "en"
        else item
        for item in test
    ]
    again, decided_again = run_retrieval(BUCC, dev + spoilt, vectors)
    assert mined(again, "test") == mined(table, "test")
    assert decided_again["mining"]["de"]["threshold"] == threshold
    assert not again.equals(table)
    # Other development gold does move the threshold.
    few = [{**item, "gold": []} if item["id"] != "e0" else item for item in dev]
    _, moved = run_retrieval(BUCC, few + test, vectors)
    assert moved["mining"]["de"]["threshold"] != threshold


def test_scores_of_dev_are_what_tuning_promised():
    dev, vectors = noisy_corpus("dev", 3)
    table, decided = run_retrieval(BUCC, dev, vectors)
    scores = score_predictions(table, BUCC).to_pylist()
    f1 = next(item["value"] for item in scores if item["metric"] == "f1")
    assert f1 == pytest.approx(decided["mining"]["de"]["dev_f1"])
    assert 0 < f1 < 100


def test_all_candidates_come_from_an_independent_run_of_mining():
    dev, vectors = noisy_corpus("dev", 4)
    table, decided = run_retrieval(BUCC, dev, vectors)
    x, y = (
        normalised(np.stack([vectors[item["text"]] for item in dev if item["side"] == name]))
        for name in ("foreign", "en")
    )
    slow = [(f"f{i}\te{j}", score) for i, j, score in slow_mining(x, y, 4, "ratio")]
    expected = [pair for pair in slow if pair[1] >= decided["mining"]["de"]["threshold"]]
    found = mined(table, "dev")
    assert [pair for pair, _ in found] == [pair for pair, _ in expected]
    assert [score for _, score in found] == pytest.approx([score for _, score in expected])


def test_sentences_under_several_ids_are_one_in_the_search_and_never_mined():
    foreign = ["eins", "zwei", "eins ", "drei"]
    english = ["one", "two", "three"]
    vectors = {text: np.eye(4)[i % 4] + 0.1 for i, text in enumerate(["eins", "zwei", "drei"])}
    vectors |= {"eins ": vectors["eins"], "one": vectors["eins"]}
    vectors |= {"two": vectors["zwei"], "three": vectors["drei"]}
    rows = bitext("de", "dev", foreign, english, {"e0": "f0", "e1": "f1", "e2": "f3"})
    table, decided = run_retrieval(BUCC, rows, vectors)
    assert {pair for pair, _ in mined(table, "dev")} == {"f1\te1", "f3\te2"}
    assert decided["mining"]["de"]["dev_recall_ceiling"] == pytest.approx(100 * 2 / 3)
    # The gold pair that cannot be found still counts against recall.
    assert decided["mining"]["de"]["dev_f1"] == pytest.approx(100 * 2 * 2 / (2 + 3))


def test_mining_without_development_pairs_is_refused():
    test, vectors = noisy_corpus("test", 2)
    with pytest.raises(XstiltsError, match="no development pairs in 'de'"):
        run_retrieval(BUCC, test, vectors)


def test_languages_have_their_own_thresholds():
    dev, vectors = noisy_corpus("dev", 1)
    other, more = noisy_corpus("dev", 5)
    other = [{**item, "language": "fr", "text": f"fr {item['text']}"} for item in other]
    vectors = vectors | {f"fr {text}": vector for text, vector in more.items()}
    both, decided = run_retrieval(BUCC, dev + other, vectors)
    alone, decided_alone = run_retrieval(BUCC, dev, vectors)
    assert decided["mining"]["de"] == decided_alone["mining"]["de"]
    assert decided["mining"]["fr"]["threshold"] != decided["mining"]["de"]["threshold"]
    assert mined(both, "dev")[: len(mined(alone, "dev"))] == mined(alone, "dev")


# ---- Tatoeba


def tatoeba_by_hand(rows: list[dict], vectors: dict, query: str, index: str) -> dict[str, str]:
    """Query id to the id of the most similar sentence, the lowest row of equals."""
    result = {}
    for item in (item for item in rows if item["side"] == query):
        best, answer = -np.inf, ""
        for other in (other for other in rows if other["side"] == index):
            a, b = vectors[item["text"]], vectors[other["text"]]
            cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
            if cosine > best + 1e-9:
                best, answer = cosine, other["id"]
        result[item["id"]] = answer
    return result


def test_both_directions_are_exact_search_with_aligned_gold():
    random = np.random.default_rng(0)
    foreign, english = [f"foreign {i}" for i in range(30)], [f"english {i}" for i in range(30)]
    vectors = dict(zip(foreign + english, random.normal(size=(60, 6)) * 5, strict=True))
    # The English side in another order than the foreign one, as XTREME has it.
    gold = {f"e{i}": f"f{(7 * i + 3) % 30}" for i in range(30)}
    for i in range(0, 30, 2):
        partner = vectors[f"foreign {(7 * i + 3) % 30}"]
        vectors[f"english {i}"] = partner + 0.1 * random.normal(size=6)
    rows = bitext("de", "test", foreign, english, gold)
    table, decided = run_retrieval(TATOEBA, rows, vectors)
    assert decided == {}
    found = {
        direction: {r["id"]: r for r in table.to_pylist() if r["direction"] == direction}
        for direction in ("from_en", "to_en")
    }
    assert {name: r["prediction"] for name, r in found["from_en"].items()} == (
        tatoeba_by_hand(rows, vectors, "en", "foreign")
    )
    assert {name: r["prediction"] for name, r in found["to_en"].items()} == (
        tatoeba_by_hand(rows, vectors, "foreign", "en")
    )
    assert {name: r["gold"] for name, r in found["from_en"].items()} == gold
    assert {name: r["gold"] for name, r in found["to_en"].items()} == {
        f: e for e, f in gold.items()
    }
    for direction in found.values():
        assert all(r["correct"] == (r["prediction"] == r["gold"]) for r in direction.values())
        assert 15 <= sum(r["correct"] for r in direction.values()) < 30


def test_equal_sentences_resolve_to_the_lowest_row():
    vectors = {"a": np.array([1.0, 0.0]), "b": np.array([0.0, 1.0])}
    gold = {f"e{i}": f"f{i}" for i in range(4)}
    # "a" stands in rows 1 and 2 of the foreign side, "b" in rows 0 and 3.
    rows = bitext("de", "test", ["b", "a", "a", "b"], ["b", "a", "a", "b"], gold)
    table, _ = run_retrieval(TATOEBA, rows, vectors)
    by_direction = {
        name: [r["prediction"] for r in table.to_pylist() if r["direction"] == name]
        for name in ("from_en", "to_en")
    }
    assert by_direction["from_en"] == ["f0", "f1", "f1", "f0"]
    assert by_direction["to_en"] == ["e0", "e1", "e1", "e0"]


def test_other_sentences_with_equal_vectors_resolve_to_the_lowest_row_too():
    vectors = {name: np.array([1.0, 2.0]) for name in ("x", "y", "z", "one", "two", "three")}
    gold = {f"e{i}": f"f{i}" for i in range(3)}
    # An earlier corpus holds the same sentences in another order.
    rows = bitext("fr", "test", ["z", "y", "x"], ["three", "two", "one"], gold)
    rows += bitext("de", "test", ["x", "y", "z"], ["one", "two", "three"], gold)
    table, _ = run_retrieval(TATOEBA, rows, vectors)
    assert {r["prediction"] for r in table.to_pylist()} == {"f0", "e0"}


def test_an_encoder_that_sees_through_the_translation_scores_100(tmp_path):
    """From text to score: the foreign side is the English one in another order."""
    folder = write_tiny_bert(tmp_path / "encoder", TEXTS)
    order = np.random.default_rng(0).permutation(len(TEXTS))
    gold = {f"e{place}": f"f{i}" for i, place in enumerate(order)}
    rows = bitext("de", "test", [TEXTS[place] for place in order], list(TEXTS), gold)
    data = pa.Table.from_pylist(rows, schema=DATA["retrieval"])
    features = Features(text_features(data, load_tokenizer(folder), 64))
    assert len(features) == len(TEXTS)
    embed(folder, [features], RetrievalSettings(), "cpu", tmp_path / "vectors.npy")
    vectors = np.load(tmp_path / "vectors.npy")
    table, _ = retrieve(TATOEBA, data, features, vectors, Mining())
    assert table["correct"].to_pylist() == [1] * (2 * len(TEXTS))
    values = {r["metric"]: r["value"] for r in score_predictions(table, TATOEBA).to_pylist()}
    assert values["accuracy"] == 100


def test_perturbed_sentences_take_the_place_of_clean_ones_in_the_same_pool():
    rows = bitext(
        "de", "test", ["a", "b", "c"], ["x", "y", "z"], {"e0": "f0", "e1": "f1", "e2": "f2"}
    )
    data = pa.Table.from_pylist(rows, schema=DATA["retrieval"])
    # Of three foreign sentences two are perturbed; the second becomes like the third English one.
    changed = pa.Table.from_pylist(
        [row | {"text": row["text"] + "!"} for row in rows if row["id"] in ("f0", "f1")],
        schema=DATA["retrieval"],
    )
    clean = one_feature_a_row(data)
    noisy = Perturbed(changed, ["typos@0.2"] * 2, one_feature_a_row(changed))
    e = np.eye(3, dtype=np.float32)
    where = {"f0": e[0], "f1": e[1], "f2": 0.9 * e[2] + 0.1 * e[0]}
    where |= {"e0": e[0], "e1": e[1], "e2": e[2]}
    vectors = np.stack([*(where[row["id"]] for row in rows), e[0], e[2]])
    table, _ = retrieve(TATOEBA, data, clean, vectors, Mining(), noisy)
    clusters = {row["id"]: row["cluster"] for row in rows}
    assert [row["cluster"] for row in table.to_pylist()] == [
        clusters[name] for name in table["id"].to_pylist()
    ]
    found = {
        (row["condition"], row["direction"], row["id"]): row["prediction"]
        for row in table.to_pylist()
    }
    assert {key: value for key, value in found.items() if key[0] == "clean"} == {
        ("clean", direction, f"{query}{i}"): f"{answer}{i}"
        for direction, query, answer in (("from_en", "e", "f"), ("to_en", "f", "e"))
        for i in range(3)
    }
    # What is asked for are the perturbed pairs, what is searched in is everything.
    assert {key: value for key, value in found.items() if key[0] != "clean"} == {
        ("typos@0.2", "from_en", "e0"): "f0",
        ("typos@0.2", "from_en", "e1"): "f0",
        ("typos@0.2", "to_en", "f0"): "e0",
        ("typos@0.2", "to_en", "f1"): "e2",
    }


def test_pairs_are_asked_for_by_side_since_both_sides_may_share_their_ids():
    rows = [row("de", "test", "foreign", str(i), f"f{i}") for i in range(3)]
    # English sentence i is the translation of foreign sentence i + 1.
    rows += [row("de", "test", "en", str(i), f"e{i}", [str((i + 1) % 3)]) for i in range(3)]
    data = pa.Table.from_pylist(rows, schema=DATA["retrieval"])
    changed = pa.Table.from_pylist(rows[:1], schema=DATA["retrieval"])
    noisy = Perturbed(changed, ["typos@0.2"], one_feature_a_row(changed))
    vectors = np.eye(3, dtype=np.float32)[[0, 1, 2, 1, 2, 0, 0]]
    table, _ = retrieve(TATOEBA, data, one_feature_a_row(data), vectors, Mining(), noisy)
    asked = {
        (found["direction"], found["id"])
        for found in table.to_pylist()
        if found["condition"] == "typos@0.2"
    }
    assert asked == {("from_en", "2"), ("to_en", "0")}


def test_few_perturbed_sentences_are_searched_for_alone_and_find_the_same():
    random = np.random.default_rng(6)
    names = [f"{side}{i}" for side in "fe" for i in range(20)]
    rows = bitext("de", "test", names[:20], names[20:], {f"e{i}": f"f{i}" for i in range(20)})
    data = pa.Table.from_pylist(rows, schema=DATA["retrieval"])
    changed = pa.Table.from_pylist(rows[3:6], schema=DATA["retrieval"])
    noisy = Perturbed(changed, ["typos@0.2"] * 3, one_feature_a_row(changed))
    vectors = random.normal(size=(43, 8)).astype(np.float32)

    def found() -> pa.Table:
        return retrieve(TATOEBA, data, one_feature_a_row(data), vectors, Mining(), noisy)[0]

    with mock.patch.object(retrieval, "nearest", wraps=retrieval.nearest) as alone:
        few = found()
    assert [len(call.args[0]) for call in alone.call_args_list] == [3, 3]
    with mock.patch.multiple(retrieval, nearest=None, _FEW=40):
        assert found().equals(few)


def one_feature_a_row(data: pa.Table) -> Features:
    return Features(
        pa.table(
            {
                "item": pa.array(range(data.num_rows), pa.int32()),
                "input_ids": [[1, 2]] * data.num_rows,
                "rows": [[row] for row in range(data.num_rows)],
            }
        )
    )
