"""Shortcuts against answers worked out by hand, and a slow naive Bayes."""

from __future__ import annotations

import math
import subprocess
import sys
from collections import Counter
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.config.tasks import TARGETS, TASKS, Kind
from xstilts.data.schemas import DATA, PREDICTIONS
from xstilts.errors import XstiltsError
from xstilts.prediction.shortcuts import shortcut_predictions, shortcuts_of
from xstilts.prediction.shortcuts.pairs import NaiveBayes, overlap
from xstilts.prediction.shortcuts.search import cosines
from xstilts.prediction.shortcuts.tags import entities
from xstilts.prediction.shortcuts.words import choose, folded, most_frequent, sentences
from xstilts.scoring.scores import score_predictions

XNLI, PAWSX, UDPOS, PANX = (TASKS[key] for key in ("xnli", "pawsx", "udpos", "panx"))
XQUAD, TATOEBA, BUCC = (TASKS[key] for key in ("xquad", "tatoeba", "bucc2018"))
XCOPA, SIB200 = TASKS["xcopa"], TASKS["sib200"]


def table(kind: Kind, rows: list[dict], language: str = "en", split: str = "test") -> pa.Table:
    """Rows with ids, groups, clusters, language and split filled in where they are not given."""
    columns = set(DATA[kind].names)
    return pa.Table.from_pylist(
        [
            {
                "id": str(number),
                "language": language,
                "split": split,
                **({"group": str(number)} if "group" in columns else {}),
                **({"cluster": str(number)} if "cluster" in columns else {}),
                **row,
            }
            for number, row in enumerate(rows)
        ],
        schema=DATA[kind],
    )


def pair_table(*rows: tuple[str, str, str], **place: str) -> pa.Table:
    keys = ("text_a", "text_b", "label")
    return table(Kind.PAIR, [dict(zip(keys, row, strict=True)) for row in rows], **place)


def choice_table(*rows: tuple[int, int], **place: str) -> pa.Table:
    """Items by how many choices they have and which is right."""
    return table(
        Kind.CHOICE,
        [{"prompt": "", "choices": ["x"] * n, "label": label} for n, label in rows],
        **place,
    )


def tag_table(*sentences: str, **place: str) -> pa.Table:
    """Sentences as "word/TAG word/TAG"."""
    pairs = [[word.split("/") for word in sentence.split(" ")] for sentence in sentences]
    return table(
        Kind.TAGGING,
        [{"tokens": [p[0] for p in pair], "tags": [p[1] for p in pair]} for pair in pairs],
        **place,
    )


def span_table(*rows: tuple[str, str, str], **place: str) -> pa.Table:
    return table(
        Kind.SPAN,
        [
            {
                "context": context,
                "question": question,
                "answers": [{"text": answer, "start": context.index(answer)}],
            }
            for context, question, answer in rows
        ],
        **place,
    )


def bitext(foreign: list[str], english: list[str], gold: dict[int, int], **place: str) -> pa.Table:
    """`gold` maps rows of `english` to rows of `foreign`."""
    rows = [
        {"id": f"f{n}", "side": "foreign", "text": t, "gold": []} for n, t in enumerate(foreign)
    ]
    rows += [
        {"id": f"e{n}", "side": "en", "text": t, "gold": [f"f{gold[n]}"] if n in gold else []}
        for n, t in enumerate(english)
    ]
    return table(Kind.RETRIEVAL, rows, **{"language": "de", **place})


def guesses(name: str, task, train: pa.Table | None, items: pa.Table) -> list:
    return shortcut_predictions(name, task, train, items)["prediction"].to_pylist()


# ---- pairs

PAIRS = pair_table(
    ("a dog runs", "no dog runs", "contradiction"),
    ("a cat sits", "no cat runs", "contradiction"),
    ("a man eats", "someone eats", "entailment"),
    ("a girl sings", "someone sings", "entailment"),
    ("a boy sleeps", "someone is tall", "neutral"),
    split="train",
)


def test_pairs_by_majority() -> None:
    """Contradiction and entailment are equally frequent; the one that comes first wins."""
    assert guesses("majority", XNLI, PAIRS, pair_table(("x", "y", "neutral"))) == ["contradiction"]


def test_pairs_by_the_second_text_alone() -> None:
    items = pair_table(
        ("no", "someone sings", "neutral"),
        ("someone", "no bird flies", "neutral"),
        ("no no no", "tall", "neutral"),
        ("", "unknown", "neutral"),
    )
    found = guesses("type_only", XNLI, PAIRS, items)
    assert found == ["entailment", "contradiction", "neutral", "entailment"]


def test_pairs_by_words_in_common() -> None:
    """Full overlap meant 1, none meant 0; other shares get the majority, which is 0."""
    train = pair_table(
        ("A b c.", "c B a", "1"),
        ("a b", "b a", "1"),
        ("a b", "c d", "0"),
        ("x", "y", "0"),
        ("x", "z", "0"),
        split="train",
    )
    items = pair_table(("K l!", "L k", "1"), ("k", "m", "1"), ("k l m", "k n o", "1"))
    assert guesses("shared_names", PAWSX, train, items) == ["1", "0", "0"]
    assert overlap("a b c d e", "a b x") == (2, 3)
    assert overlap("", "a") == (0, 0)


DOCUMENTS = st.lists(
    st.tuples(st.lists(st.sampled_from("abcde"), max_size=6), st.sampled_from("xyz")),
    min_size=1,
    max_size=12,
)


@given(DOCUMENTS, st.lists(st.sampled_from("abcdefg"), max_size=8))
def test_naive_bayes_against_its_formula_in_exact_fractions(
    train: list[tuple[list[str], str]], document: list[str]
) -> None:
    """P(c) times the product of (count of w in c + 1) / (words in c + vocabulary)."""
    vocabulary = {word for words, _ in train for word in words}
    exact = {}
    for label in sorted({label for _, label in train}):
        counts = Counter(word for words, of in train if of == label for word in words)
        value = Fraction(sum(of == label for _, of in train), len(train))
        for word in document:
            if word in vocabulary:
                value *= Fraction(counts[word] + 1, counts.total() + len(vocabulary))
        exact[label] = value
    model = NaiveBayes(*zip(*train, strict=True), "xyz")
    scores = model.scores(document)
    assert scores == pytest.approx({c: math.log(value) for c, value in exact.items()}, abs=1e-8)
    assert model.predict(document) == max(exact, key=lambda label: exact[label])


# ---- choices


def test_choices_by_the_place_that_is_most_often_right() -> None:
    """Where an item has no such place, by the next frequent one; of equals by the first."""
    train = choice_table((4, 3), (4, 3), (4, 3), (4, 1), (2, 1), (4, 2), (4, 2), split="train")
    items = choice_table((4, 0), (3, 0), (2, 0), (1, 0), (5, 0))
    assert guesses("majority", XCOPA, train, items) == [3, 1, 1, 0, 3]
    assert shortcuts_of(XCOPA) == ("majority",)


# ---- tagging


def test_tags_by_majority_and_by_word_form() -> None:
    """Two tags of DET, NOUN and VERB each. "fast" and "dogs" stand once, "fast" first."""
    train = tag_table("the/DET run/NOUN", "the/DET run/VERB fast/ADV", "dogs/NOUN run/VERB")
    items = tag_table("the/X run/X cats/X The/X")
    assert guesses("majority", UDPOS, train, items) == [["DET"] * 4]
    assert guesses("type_only", UDPOS, train, items) == [["DET", "VERB", "ADV", "ADV"]]


def test_names_of_training_keep_their_type_and_the_longest_wins() -> None:
    train = tag_table(
        "New/B-LOC York/I-LOC is/O big/O",
        "New/B-ORG York/I-ORG Times/I-ORG",
        "York/B-PER said/O",
        "York/B-PER and/O York/B-LOC",
        split="train",
    )
    items = tag_table(
        "the/O New/B-ORG York/I-ORG Times/I-ORG of/O New/B-LOC York/I-LOC New/O",
        "York/B-PER york/O",
    )
    assert guesses("shared_names", PANX, train, items) == [
        ["O", "B-ORG", "I-ORG", "I-ORG", "O", "B-LOC", "I-LOC", "O"],
        ["B-PER", "O"],
    ]
    assert guesses("majority", PANX, train, items) == [["O"] * 8, ["O"] * 2]


def test_entities_of_well_and_ill_formed_tags() -> None:
    tags = ["B-PER", "I-PER", "I-LOC", "O", "I-ORG", "B-ORG"]
    assert list(entities(tags)) == [(0, 2, "PER"), (2, 3, "LOC"), (4, 5, "ORG"), (5, 6, "ORG")]
    assert list(entities(["O"])) == []


def test_parts_of_speech_have_no_names() -> None:
    assert shortcuts_of(UDPOS) == ("majority", "type_only")
    with pytest.raises(XstiltsError, match=r"shared_names of udpos.*known: majority, type_only"):
        shortcut_predictions("shared_names", UDPOS, None, tag_table("a/X"))
    with pytest.raises(XstiltsError, match="no training data"):
        shortcut_predictions("majority", UDPOS, None, tag_table("a/X"))


# ---- questions

QUESTIONS = span_table(
    ("Ann Lee met Bob.", "Who met Bob?", "Ann Lee"),
    ("Ann Lee left.", "Who left?", "Ann Lee"),
    ("Eve met Bob.", "Who met Bob?", "Eve"),
    ("Ann came in May.", "When did Ann come?", "May"),
    ("Bob came in June.", "When did Bob come?", "June"),
    ("It is in Oslo.", "Where is it?", "Oslo"),
    split="train",
)


def test_questions_by_majority() -> None:
    items = span_table(("So Ann Lee sat.", "Who?", "Ann Lee"), ("“So it is", "Who?", "it"))
    assert guesses("majority", XQUAD, QUESTIONS, items) == ["Ann Lee", "So"]


def test_questions_by_their_type() -> None:
    """One fitting answer each; then a capitalised word; then the only word."""
    items = span_table(
        ("In june, ann lee went.", "When did Zoe go?", "june"),
        ("In June, ANN LEE went.", "Who met Zoe?", "ANN LEE"),
        ("in june Kim went to oslo", "Which?", "Kim"),
        ("in june Kim went to oslo", "When will it be?", "june"),
        ("oslo!", "Which?", "oslo"),
        ("...", "Which?", "..."),
    )
    found = guesses("type_only", XQUAD, QUESTIONS, items)
    assert found == ["june", "ANN LEE", "Kim", "june", "oslo", "..."]


def test_chance_is_even_and_does_not_depend_on_how_often_a_word_occurs() -> None:
    context = "May, May, May, May or June."
    rows = [(context, "When did it end?", gold) for gold in ("May", "June")] * 200
    found = Counter(guesses("type_only", XQUAD, QUESTIONS, span_table(*rows)))
    assert found.keys() == {"May", "June"}
    assert 160 < found["June"] < 240


def test_questions_by_words_in_common() -> None:
    """Sentence 2 shares most; of it the question lacks "Then Eve", or "Eve", or nothing."""
    context = "Ann Lee slept. Then Eve met old Bob. Ann Lee left."
    items = span_table(
        (context, "Who met Bob?", "Eve"),
        (context, "Who then met Bob?", "Eve"),
        (context, "Who met Bob, Eve then, old?", "Eve"),
        ("...", "Who?", "..."),
    )
    assert guesses("shared_names", XQUAD, QUESTIONS, items) == ["Then Eve", "Eve", "Then", "..."]


# ---- retrieval

GERMAN = ["Anna Lee kam", "der Hund schläft", "12 Uhr"]
ENGLISH = ["12 o'clock it is", "Anna Lee came", "a dog sleeps"]
GOLD = {0: 2, 1: 0, 2: 1}


def test_tatoeba_by_each_shortcut() -> None:
    """Shared words: 12; anna and lee; none, hence the first row. Lengths: 12, 16, 6."""
    items = bitext(GERMAN, ENGLISH, GOLD)
    by_direction = {
        name: shortcut_predictions(name, TATOEBA, None, items)
        for name in ("majority", "type_only", "shared_names")
    }
    found = {name: rows["prediction"].to_pylist() for name, rows in by_direction.items()}
    assert found["majority"] == ["f0"] * 3 + ["e0"] * 3
    # English lengths 16, 13, 12.
    assert found["type_only"] == ["f1", "f0", "f0", "e2", "e0", "e2"]
    assert found["shared_names"] == ["f2", "f0", "f0", "e1", "e0", "e0"]
    # English sentences follow the German ones.
    clusters = by_direction["type_only"]["cluster"].to_pylist()
    assert clusters == ["3", "4", "5", "0", "1", "2"]
    similarity = by_direction["shared_names"]["score"].to_pylist()
    # "12 o clock it is" has five words, "12 Uhr" two.
    assert similarity[:3] == pytest.approx([1 / math.sqrt(10), 2 / 3, 0], abs=1e-6)


def test_bucc_is_mined_by_shared_words_with_the_threshold_of_dev() -> None:
    """Dev: the gold pair has cosine 1, a wrong pair 0.5, so only what is above 0.75 is kept."""
    dev = bitext(["A B", "C D x"], ["a b", "c y z"], {0: 0}, split="dev")
    test = bitext(
        ["E F", "same", "same", "G h"], ["g i", "e f", "same"], {1: 0, 2: 1}, split="test"
    )
    items = pa.concat_tables([dev, test])
    rows = shortcut_predictions("shared_names", BUCC, None, items).to_pylist()
    mined = [(row["split"], row["prediction"]) for row in rows if row["predicted"]]
    # "same" stands under two ids, so its id is ambiguous.
    assert mined == [("dev", "f0\te0"), ("test", "f0\te1")]
    scores = {
        row["split"]: row["value"]
        for row in score_predictions(
            shortcut_predictions("majority", BUCC, None, items), BUCC
        ).to_pylist()
        if row["metric"] == "f1"
    }
    assert scores == {"dev": 0, "test": 0}
    assert shortcuts_of(BUCC) == ("majority", "shared_names")


TEXTS = st.lists(st.lists(st.sampled_from("abcd"), max_size=5).map(" ".join), max_size=6)


@given(TEXTS, TEXTS, st.none() | st.integers(1, 3))
def test_cosines_against_plain_python(x: list[str], y: list[str], common: int | None) -> None:
    def bags(texts: list[str]) -> list[Counter]:
        counts = [Counter(text.split()) for text in texts]
        spread = Counter(word for bag in counts for word in bag)
        return [
            Counter({w: n for w, n in bag.items() if common is None or spread[w] <= common})
            for bag in counts
        ]

    expected = {}
    for i, a in enumerate(bags(x)):
        for j, b in enumerate(bags(y)):
            if dot := sum(a[word] * b[word] for word in a):
                square = sum(n * n for n in a.values()) * sum(n * n for n in b.values())
                expected[i, j] = dot / math.sqrt(square)
    found = {(i, j): cosine for i, j, cosine in cosines(x, y, common).iter_rows()}
    assert found == pytest.approx(expected, abs=1e-8)


# ---- words


def test_words_in_several_scripts() -> None:
    assert folded("It's STRASSE, नमस्ते दुनिया! 北京。") == [
        "it", "s", "strasse", "नमस्ते", "दुनिया", "北京",
    ]  # fmt: skip
    # Adlam is beyond the first plane, and so are the selectors of variants of Han characters.
    assert folded("𞤤\U0001e945 葛\U000e0100") == ["𞤤\U0001e945", "葛\U000e0100"]
    text = "A b. C? 好。不。 d"
    assert [[text[w.start : w.end] for w in found] for found in sentences(text)] == [
        ["A", "b"], ["C"], ["好"], ["不"], ["d"],
    ]  # fmt: skip
    assert sentences(" . ") == []


def test_of_equally_frequent_values_the_first_wins() -> None:
    assert most_frequent("abba") == "a"
    assert most_frequent(Counter({"b": 1, "a": 2})) == "a"
    with pytest.raises(ValueError, match="nothing"):
        most_frequent([])


# ---- single sentences


def test_words_that_training_has_too_give_a_topic_away() -> None:
    """In another language names and numbers alone do."""
    train = table(
        Kind.SENTENCE,
        [
            {"text": "Messi scored a goal", "label": "sports"},
            {"text": "the minister of Berlin spoke", "label": "politics"},
            {"text": "the minister voted", "label": "politics"},
        ],
    )
    rows = [{"text": "Messi alifunga bao", "label": "sports"}, {"text": "bao", "label": "sports"}]
    items = table(Kind.SENTENCE, rows, language="sw")
    assert shortcuts_of(SIB200) == ("majority", "shared_names")
    assert guesses("shared_names", SIB200, train, items) == ["sports", "politics"]
    assert guesses("majority", SIB200, train, items) == ["politics", "politics"]


# ---- all of them

WORDS = st.sampled_from(["Ann", "bob", "in", "May", "?", ".", "नमस्ते", "北京", ""])
TEXT = st.lists(WORDS, max_size=7).map(" ".join)
ROWS = {
    Kind.CHOICE: st.lists(TEXT, min_size=1, max_size=4).map(
        lambda choices: {"prompt": "", "choices": choices, "label": len(choices) - 1}
    ),
    Kind.PAIR: st.fixed_dictionaries(
        {"text_a": TEXT, "text_b": TEXT, "label": st.sampled_from(["0", "1"])}
    ),
    Kind.SENTENCE: st.fixed_dictionaries({"text": TEXT, "label": st.sampled_from(SIB200.labels)}),
    Kind.TAGGING: st.lists(
        st.tuples(WORDS, st.sampled_from(PANX.labels)), min_size=1, max_size=5
    ).map(lambda pairs: {"tokens": [w for w, _ in pairs], "tags": [t for _, t in pairs]}),
    Kind.SPAN: st.tuples(TEXT, TEXT).map(
        lambda texts: {
            "context": f"{texts[0]} end",
            "question": texts[1],
            "answers": [{"text": "end", "start": len(texts[0]) + 1}],
        }
    ),
}


@pytest.mark.parametrize("task", [PAWSX, XCOPA, PANX, XQUAD, SIB200], ids=lambda task: task.key)
@given(st.data())
def test_predictions_are_complete_and_the_same_again(task, data) -> None:
    """One prediction an item, whatever the text; the order of the items changes none of them."""
    rows = data.draw(st.lists(ROWS[task.kind], min_size=1, max_size=6))
    train = table(task.kind, data.draw(st.lists(ROWS[task.kind], min_size=1, max_size=6)))
    items = table(task.kind, rows, language="sw")
    for name in shortcuts_of(task):
        found = shortcut_predictions(name, task, train, items)
        assert found.schema.equals(PREDICTIONS[task.kind])
        assert found["id"].to_pylist() == items["id"].to_pylist()
        assert found.equals(shortcut_predictions(name, task, train, items))
        backwards = items.take(list(range(items.num_rows))[::-1])
        assert guesses(name, task, train, backwards) == guesses(name, task, train, items)[::-1]
        if task.kind is Kind.SPAN:
            predictions, contexts = found["prediction"].to_pylist(), items["context"].to_pylist()
            assert all(p and p in c for p, c in zip(predictions, contexts, strict=True))


def test_chance_is_the_same_in_every_process() -> None:
    """Python's own hash of a text differs from process to process."""
    code = (
        "from xstilts.prediction.shortcuts.words import choose\n"
        "print(choose(range(10**6), 'en test 7'))"
    )
    found = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip()
        for _ in range(2)
    }
    assert found == {str(choose(range(10**6), "en test 7"))}


@pytest.mark.parametrize("key", list(TARGETS))
def test_every_target_has_shortcuts(key: str) -> None:
    assert shortcuts_of(TARGETS[key])[0] == "majority"
