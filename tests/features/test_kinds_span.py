"""Windows cover every passage, and gold scores decode to the gold answer in any script."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from learning import learn_and_predict
from tiny_encoders import TEXTS, WRITERS, write_all, write_tiny_bert

from xstilts.config.settings import Tokenisation
from xstilts.config.tasks import TASKS
from xstilts.data.graphemes import whole_graphemes
from xstilts.data.schemas import DATA
from xstilts.errors import XstiltsError
from xstilts.features.batches import Features
from xstilts.features.kinds import kind_of
from xstilts.features.kinds.span import best_span, window_starts
from xstilts.features.layout import layout_of
from xstilts.features.tokenizer import load_tokenizer

KIND = kind_of(TASKS["xquad"])
V2 = kind_of(TASKS["squad_v2"])
QUESTION = "Who jumps over the lazy dog?"
WORDS = sorted({word for text in TEXTS for word in text.split()})
CONTEXT = st.lists(
    st.sampled_from([*WORDS, *TEXTS, "", "e\u0301\u0323", "👩‍👩‍👧", "\u200b", "ﬁn", "\n"]),
    min_size=1,
    max_size=12,
).map(" ".join)


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory) -> dict:
    folders = write_all(tmp_path_factory.mktemp("encoders"))
    return {name: load_tokenizer(folder) for name, folder in folders.items()}


def plain_ids(tokenizer, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def encoded(tokenizer, context: str) -> tuple[list[int], list[tuple[int, int]]]:
    """The tokens of a passage, and the characters that each stands for."""
    found = tokenizer(context, add_special_tokens=False, return_offsets_mapping=True)
    places = np.array(found["offset_mapping"], int).reshape(-1, 2)
    return found["input_ids"], [tuple(span) for span in whole_graphemes(context, places).tolist()]


def passages(*rows: tuple[str, str, int], question: str = QUESTION) -> pa.Table:
    """Rows of context, answer and where the answer starts."""
    return pa.Table.from_pylist(
        [
            {
                "id": str(i),
                "context": context,
                "question": question,
                "answers": [{"text": answer, "start": start}],
            }
            for i, (context, answer, start) in enumerate(rows)
        ],
        schema=DATA["span"],
    )


def oracle(features: Features, seed: int = 0) -> list[np.ndarray]:
    """High scores at the training targets, noise below them elsewhere."""
    random = np.random.default_rng(seed)
    outputs = []
    for row, length in enumerate(features.lengths):
        scores = random.uniform(0, 1, size=(length, 2)).astype(np.float32)
        scores[features.column("start")[row], 0] += 10
        scores[features.column("end")[row], 1] += 10
        outputs.append(scores)
    return outputs


@given(st.integers(0, 500), st.integers(1, 120), st.integers(1, 150))
def test_windows_cover_every_token_and_none_is_superfluous(tokens, capacity, stride):
    starts = window_starts(tokens, capacity, stride)
    covered = {i for start in starts for i in range(start, min(start + capacity, tokens))}
    assert covered == set(range(tokens))
    assert starts[0] == 0
    assert set(np.diff(starts)) <= {min(stride, capacity)}
    assert all(start + capacity < tokens for start in starts[:-1])


@given(st.data(), st.integers(1, 12), st.integers(1, 15))
def test_best_span_is_the_first_of_the_best_by_brute_force(data, tokens, longest):
    # Few values, so that ties are common.
    scores = np.array(
        data.draw(st.lists(st.tuples(*[st.integers(-2, 2)] * 2), min_size=tokens, max_size=tokens)),
        dtype=np.float32,
    )
    best = None
    for first in range(tokens):
        for last in range(first, min(first + longest, tokens)):
            score = scores[first, 0] + scores[last, 1]
            if best is None or score > best[0]:
                best = (score, first, last)
    assert best_span(scores, longest) == best


@pytest.mark.parametrize("name", WRITERS)
@settings(deadline=None, max_examples=40)
@given(
    context=CONTEXT,
    max_length=st.integers(16, 60),
    stride=st.integers(1, 40),
    query=st.integers(1, 9),
)
def test_windows_hold_the_question_and_stretches_of_the_passage(
    tokenizers, name, context, max_length, stride, query
):
    tokenizer = tokenizers[name]
    lengths = Tokenisation(max_length=max_length, doc_stride=stride, max_query_length=query)
    table = KIND.featurise(passages((context, "", -1)), tokenizer, lengths)
    layout = layout_of(tokenizer, pair=True)
    question = plain_ids(tokenizer, QUESTION)[:query]
    ids, places = encoded(tokenizer, context)
    seen = set()
    for row in table.to_pylist():
        length = len(row["input_ids"])
        assert length <= max_length
        assert length == len(row["char_start"]) == len(row["char_end"])
        inside = [at for at, char in enumerate(row["char_start"]) if char >= 0]
        piece = [row["input_ids"][at] for at in inside]
        assert row["input_ids"] == [
            *(*layout.prefix, *question, *layout.middle),
            *(*piece, *layout.suffix),
        ]
        if "token_type_ids" in row:
            assert row["token_type_ids"] == layout.type_ids(len(question), len(piece)).tolist()
        before = len(layout.prefix) + len(question) + len(layout.middle)
        assert inside == list(range(before, before + len(piece)))
        offsets = [(row["char_start"][at], row["char_end"][at]) for at in inside]
        step = min(stride, max_length - layout.specials - len(question))
        (place,) = [
            start
            for start in range(0, max(1, len(ids)), step)
            if (ids[start:][: len(piece)], places[start:][: len(piece)]) == (piece, offsets)
        ]
        seen.update(range(place, place + len(piece)))
        assert (row["start"], row["end"]) == (0, 0)
    assert seen == set(range(len(ids)))


@pytest.mark.parametrize("name", WRITERS)
@settings(deadline=None, max_examples=60)
@given(context=CONTEXT, at=st.integers(0, 10**6), length=st.integers(1, 8))
def test_gold_scores_decode_to_the_gold_answer(tokenizers, name, context, at, length):
    tokenizer = tokenizers[name]
    _, offsets = encoded(tokenizer, context)
    assume(offsets)
    first = at % len(offsets)
    last = min(first + length, len(offsets)) - 1
    begin, end = offsets[first][0], offsets[last][1]
    # A token of byte-level BPE may hold parts of two characters: no answer ends there.
    assume(all(begin <= a and b <= end for a, b in offsets if a < end and b > begin))
    gold = context[begin:end].strip()
    assume(gold)
    begin = context.index(gold, begin)
    # Any answer of at most 8 tokens lies whole in some window.
    layout = layout_of(tokenizer, pair=True)
    before = layout.specials + len(plain_ids(tokenizer, QUESTION))
    lengths = Tokenisation(max_length=before + 24, doc_stride=12)
    data = passages((context, gold, begin))
    features = Features(KIND.featurise(data, tokenizer, lengths))
    assert features.column("start").any()
    assert KIND.decode(oracle(features), features, data, 30) == [gold]


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("text", TEXTS[3:])
def test_an_answer_in_a_later_window_of_a_long_passage(tokenizers, name, text):
    """The answer is the last word; the same passage also answers with its first one."""
    context = " ".join(TEXTS[:3] * 3) + " " + text
    final, first = text.split()[-1], context.split()[0]
    data = passages((context, final, len(context) - len(final)), (context, first, 0))
    tokenizer = tokenizers[name]
    features = Features(KIND.featurise(data, tokenizer, Tokenisation(max_length=70, doc_stride=20)))
    windows_of_first = int((features.items == 0).sum())
    assert windows_of_first > 2
    targets = features.column("start")[features.items == 0]
    assert targets[0] == 0
    assert targets[-1] > 0
    predicted = KIND.decode(oracle(features), features, data, 60)
    # A token may reach beyond the word, never less far.
    assert predicted[0].endswith(final)
    assert predicted[1] == first


@pytest.mark.parametrize("name", WRITERS)
@settings(deadline=None, max_examples=25)
@given(
    contexts=st.lists(CONTEXT, min_size=1, max_size=3),
    longest=st.integers(1, 6),
    seed=st.integers(0, 99),
)
def test_decoding_is_the_best_allowed_span_by_brute_force(
    tokenizers, name, contexts, longest, seed
):
    """Never outside the passage, never longer than allowed, earlier windows win ties."""
    data = passages(*((context, "", -1) for context in contexts))
    lengths = Tokenisation(max_length=40, doc_stride=9, max_query_length=12)
    features = Features(KIND.featurise(data, tokenizers[name], lengths))
    random = np.random.default_rng(seed)
    outputs = [random.integers(-3, 4, (size, 2)).astype(np.float32) for size in features.lengths]
    expected = []
    for item, context in enumerate(contexts):
        best, answer = -np.inf, ""
        for row in np.flatnonzero(features.items == item):
            left, right = (features.ragged(f"char_{side}").row(row) for side in ("start", "end"))
            tokens = [at for at, char in enumerate(left) if char >= 0]
            for i in tokens:
                for j in [at for at in tokens if i <= at < i + longest]:
                    score = outputs[row][i, 0] + outputs[row][j, 1]
                    if score > best:
                        best, answer = score, context[left[i] : right[j]].strip()
        expected.append(answer)
    assert KIND.decode(outputs, features, data, longest) == expected


def test_the_highest_scores_outside_the_passage_are_not_answers(tokenizers):
    data = passages(("the river bank", "river", 4))
    features = Features(KIND.featurise(data, tokenizers["bert"], Tokenisation()))
    (scores,) = oracle(features)
    outside = features.ragged("char_start").row(0) < 0
    scores[outside] = 1000
    assert KIND.decode([scores], features, data, 30) == ["river"]


def test_an_answer_that_no_window_holds_whole_trains_towards_the_first_token(tokenizers):
    context = " ".join(TEXTS[:2] * 2)
    data = passages((context, context, 0))
    lengths = Tokenisation(max_length=32, doc_stride=8)
    features = Features(KIND.featurise(data, tokenizers["bert"], lengths))
    assert len(features) > 1
    assert not KIND.targets(features, range(len(features)), 32).any()


@pytest.mark.parametrize("answers", [[], [{"text": "fox", "start": -1}]])
def test_answers_without_a_place_have_no_target(tokenizers, answers):
    row = {"id": "0", "context": "a quick fox", "question": "who?", "answers": answers}
    data = pa.Table.from_pylist([row], schema=DATA["span"])
    features = Features(KIND.featurise(data, tokenizers["xlmr"], Tokenisation()))
    assert (features.column("start")[0], features.column("end")[0]) == (0, 0)


def test_an_answer_inside_a_word_takes_the_whole_subwords(tokenizers):
    context = "He was born in 1984, near Kabul."
    data = passages((context, "1984", context.index("1984")))
    features = Features(KIND.featurise(data, tokenizers["xlmr"], Tokenisation()))
    (predicted,) = KIND.decode(oracle(features), features, data, 30)
    assert "1984" in predicted
    assert predicted in context


def test_an_empty_passage_gets_an_empty_answer(tokenizers):
    data = passages(("", "", -1), ("a fox", "fox", 2))
    features = Features(KIND.featurise(data, tokenizers["bert"], Tokenisation()))
    assert KIND.decode(oracle(features), features, data, 30) == ["", "fox"]


def test_items_keep_their_order_over_many_passages(tokenizers):
    """More rows than are tokenised at a time, and questions that share passages."""
    rows = [(f"{WORDS[i % 7]} fox {WORDS[i % 11]} {i % 3}", "fox", 0) for i in range(600)]
    rows = [(context, "fox", context.index("fox")) for context, _, _ in rows]
    data = passages(*rows)
    features = Features(KIND.featurise(data, tokenizers["bert"], Tokenisation()))
    assert features.items.tolist() == list(range(600))
    assert KIND.decode(oracle(features), features, data, 30) == ["fox"] * 600


def test_no_room_for_the_passage_is_an_error(tokenizers):
    lengths = Tokenisation(max_length=8, max_query_length=64)
    data = passages(("a fox", "fox", 2), question=" ".join(TEXTS))
    with pytest.raises(XstiltsError, match="leaves no room"):
        KIND.featurise(data, tokenizers["bert"], lengths)


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=25)
@given(
    contexts=st.lists(CONTEXT | st.just(""), min_size=1, max_size=3),
    longest=st.integers(1, 6),
    seed=st.integers(0, 99),
)
def test_no_answer_where_the_lowest_null_score_beats_the_best_span(
    tokenizers, name, contexts, longest, seed
):
    """By brute force, a window at a time; ties and tasks without such questions keep the span."""
    data = passages(*((context, "", -1) for context in contexts))
    lengths = Tokenisation(max_length=40, doc_stride=9, max_query_length=12)
    features = Features(V2.featurise(data, tokenizers[name], lengths))
    random = np.random.default_rng(seed)
    outputs = [random.integers(-2, 3, (size, 2)).astype(np.float32) for size in features.lengths]
    spans = KIND.decode(outputs, features, data, longest)
    expected = []
    for item, answer in enumerate(spans):
        rows = np.flatnonzero(features.items == item)
        null = min(float(outputs[row][0].sum()) for row in rows)
        inside = [features.ragged("char_start").row(row) >= 0 for row in rows]
        best = max(
            (
                best_span(outputs[row][where], longest)[0]
                for row, where in zip(rows, inside, strict=True)
                if where.any()
            ),
            default=-np.inf,
        )
        expected.append("" if null > best else answer)
    assert V2.decode(outputs, features, data, longest) == expected


def test_one_window_that_is_sure_of_an_answer_is_enough(tokenizers):
    context = " ".join(TEXTS[:3] * 3)
    data = passages((context, context.split()[0], 0))
    lengths = Tokenisation(max_length=40, doc_stride=20, max_query_length=12)
    features = Features(V2.featurise(data, tokenizers["bert"], lengths))
    # The windows without the answer train towards the first token, and say so here.
    targets = features.column("start")
    assert (targets > 0).sum() == 1
    assert len(targets) > 2
    assert V2.decode(oracle(features), features, data, 30) == [context.split()[0]]
    unsure = oracle(features)
    for scores in unsure:
        scores[0] += 30
    assert V2.decode(unsure, features, data, 30) == [""]
    assert KIND.decode(unsure, features, data, 30) == [context.split()[0]]


def test_a_question_without_answers_trains_all_its_windows_to_the_first_token(tokenizers):
    row = {"id": "0", "context": " ".join(TEXTS), "question": QUESTION, "answers": []}
    data = pa.Table.from_pylist([row], schema=DATA["span"])
    features = Features(V2.featurise(data, tokenizers["xlmr"], Tokenisation(max_length=48)))
    assert len(features) > 1
    assert not V2.targets(features, range(len(features)), 48).any()


def test_it_learns_which_questions_have_no_answer(tmp_path):
    random = np.random.default_rng(0)
    places = ["rome", "oslo", "lima", "cairo", "delhi"]
    rows = []
    for i in range(200):
        words = [str(word) for word in random.choice(["it", "was", "a", "day", "and"], 8)]
        place = str(random.choice(places)) if random.random() < 0.5 else None
        if place:
            words[random.integers(8)] = place
        context = " ".join(words)
        answers = [{"text": place, "start": context.index(place)}] if place else []
        rows.append({"id": str(i), "context": context, "question": "where", "answers": answers})
    data = pa.Table.from_pylist(rows, schema=DATA["span"])
    write_tiny_bert(tmp_path, [row["context"] + " where" for row in rows])
    losses, predicted = learn_and_predict(
        tmp_path, V2, data.slice(0, 150), data.slice(150), steps=80
    )
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    gold = [row["answers"][0]["text"] if row["answers"] else "" for row in rows[150:]]
    assert 15 < gold.count("") < 35
    assert np.mean([a == b for a, b in zip(predicted, gold, strict=True)]) > 0.9
