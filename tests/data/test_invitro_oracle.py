"""Gold labels of the generated data against an independent reader (`invitro_oracle`)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from invitro_oracle import (
    Meaning,
    Name,
    Noun,
    Unreadable,
    affirmed_entails,
    ambiguous_forms,
    answers_of,
    clauses,
    dictionary,
    inference,
    is_a,
    meaning,
    question_meanings,
    read,
    read_tagged,
    sentences_of,
    tokens_of,
    without_articles,
)

from xstilts.config.invitro import lexicon
from xstilts.config.invitro.tongues import GRAMMARS
from xstilts.data.invitro.events import Spot
from xstilts.data.invitro.generate import BITEXTS, MAKERS
from xstilts.data.invitro.sequences import CATEGORIES

LANGUAGES = tuple(GRAMMARS)
SEED = 1
every_language = pytest.mark.parametrize("code", LANGUAGES)


@cache
def items(task: str, split: str, code: str, number: int) -> list[dict[str, Any]]:
    return [MAKERS[task](Spot(SEED, task, split, code, i)) for i in range(number)]


def wrong(rows: list[dict[str, Any]], label_of: Any) -> list[tuple[dict[str, Any], Any]]:
    """Rows whose label is another than `label_of` them, with what it is."""
    found = [(row, label_of(row)) for row in rows]
    return [(row, label) for row, label in found if label != row["label"]]


# --- the reader itself ------------------------------------------------------------------------


def test_a_sentence_reads_as_it_would_by_hand():
    said = meaning("in 1940 the old judge has not bought two big plums often with Anna Lund.", "en")
    assert said == Meaning(
        verb="bought",
        tense="has",
        subject=Noun("judge", "old", None, True),
        object=Noun("plum", "big", "two"),
        adverb="often",
        companion=Name("PER", ("Anna", "Lund")),
        time="1940",
        negated=True,
    )


def test_a_word_for_word_gloss_reads_the_same_in_every_order_and_script():
    def word(code: str, concept: str, *relations: str) -> str:
        marks = tuple(relation for relation in relations if relation in GRAMMARS[code].suffixes)
        [form] = [form for form, found in dictionary(code).items() if (concept, marks) in found]
        return form

    def gloss(code: str, order: str) -> str:
        words = {
            "S": word(code, "Anna"),
            "A": word(code, "had") if "had" not in GRAMMARS[code].suffixes else "",
            "V": word(code, "lost", "had"),
            "3": word(code, "three"),
            "O": word(code, "dog", "plural", "accusative"),
            "M": word(code, "often"),
        }
        return " ".join(words[letter] for letter in order if words[letter]) + "."

    assert gloss("en", "SAV3OM") == "Anna had lost three dogs often."
    said = meaning("Anna had lost three dogs often.", "en")
    for code, order in (("qce", "S3OMVA"), ("qdo", "AVS3OM"), ("qbi", "SAV3OM")):
        assert meaning(gloss(code, order), code) == said


@pytest.mark.parametrize(
    "text",
    [
        "Anna has bought.",
        "has Anna bought the dog.",
        "Anna has bought dog.",
        "Anna has bought the two dogs.",
        "Anna has bought two dog.",
        "Anna has bought the dog in monday.",
        "the dog has bought Anna.",
        "Anna has bought dog the.",
        "Anna has bought the dog in in Oslo.",
        "Anna has bought the dog near Oslo near Fargo.",
    ],
)
def test_what_the_grammar_does_not_allow_is_not_read(text):
    with pytest.raises(Unreadable):
        meaning(text, "en")


@pytest.mark.parametrize(
    ("premise", "hypothesis", "label"),
    [
        ("Anna has bought two dogs in Oslo.", "Anna has bought two dogs.", "entailment"),
        ("Anna has bought two dogs.", "Anna has bought two animals.", "entailment"),
        ("Anna has bought two animals.", "Anna has bought two dogs.", "neutral"),
        ("Anna has bought two dogs.", "Anna has bought two dogs in Oslo.", "neutral"),
        ("Anna has bought two dogs.", "Anna has bought three dogs.", "contradiction"),
        ("Anna has bought the big dog.", "Anna has bought the small dog.", "contradiction"),
        ("Anna has bought the big dog.", "Anna has bought the old dog.", "neutral"),
        ("Anna has bought the dog.", "Anna has sold the dog.", "contradiction"),
        ("Anna has bought the dog.", "Anna has found the dog.", "neutral"),
        ("Anna has bought the dog.", "Anna had bought the dog.", "neutral"),
        ("Anna has loved Boris.", "Boris has loved Anna.", "neutral"),
        ("Anna has not bought the dog.", "Anna has bought the dog.", "contradiction"),
        ("Anna has not bought the animal.", "Anna has bought the dog.", "contradiction"),
        ("Anna has not bought the dog.", "Anna has bought the animal.", "neutral"),
        ("Anna has not bought the animal.", "Anna has not bought the dog.", "entailment"),
        ("Anna has not bought the dog.", "Anna has not bought the cat.", "neutral"),
        ("Anna has not bought the dog.", "Anna has sold the dog.", "neutral"),
    ],
)
def test_inference_by_hand(premise, hypothesis, label):
    assert inference(meaning(premise, "en"), meaning(hypothesis, "en")) == label


def test_answers_by_hand():
    context = "Anna has lost the old dog in Oslo. Boris had sold a cat on monday."
    assert answers_of(context, "who has lost the old dog?", "en") == [("Anna", 0)]
    assert answers_of(context, "what Anna has lost?", "en") == [("old dog", 18)]
    assert answers_of(context, "when Boris had sold a cat?", "en") == [("monday", 59)]
    assert answers_of(context, "where Boris had sold a cat?", "en") == []
    assert answers_of(context, "who has lost the new dog?", "en") == []


@every_language
def test_no_two_inflected_forms_coincide(code):
    assert not ambiguous_forms(code)


@settings(max_examples=80)
@given(
    seed=st.integers(0, 2**40),
    code=st.sampled_from(LANGUAGES),
    task=st.sampled_from(["mnli", "pawsx", "squad_v1", "hellaswag"]),
    number=st.integers(0, 10**6),
)
def test_every_statement_in_any_world_has_one_reading(seed, code, task, number):
    row = MAKERS[task](Spot(seed, task, "train", code, number))
    texts = [row.get(key, "") for key in ("text_a", "text_b", "context", "prompt")]
    for text in (*texts, *row.get("choices", ())):
        for sentence in sentences_of(text):
            read(sentence, code)


# --- sentence pairs ---------------------------------------------------------------------------


def inferred(row: dict[str, Any], code: str) -> str:
    """The label by the one sentence of the premise that says something about the hypothesis."""
    hypothesis = meaning(row["text_b"], code)
    said = [inference(meaning(text, code), hypothesis) for text in sentences_of(row["text_a"])]
    decided = [label for label in said if label != "neutral"]
    return "neutral" if not decided else "/".join(sorted(set(decided)))


@every_language
@pytest.mark.parametrize(
    ("task", "split", "number"), [("xnli", "test", 40), ("mnli", "train", 120), ("anli", "dev", 25)]
)
def test_inference_labels_follow_from_the_texts(task, split, number, code):
    rows = items(task, split, code, number)
    assert not wrong(rows, lambda row: inferred(row, code))
    assert len(Counter(row["label"] for row in rows)) == 3


def test_rare_inference_labels_are_right_too():
    # Some constructions come up once in thousands, e.g. someone who did it to themselves.
    assert not wrong(items("mnli", "train", "en", 4000), lambda row: inferred(row, "en"))


@every_language
@pytest.mark.parametrize(("split", "number"), [("train", 100), ("test", 20)])
def test_paraphrases_mean_the_same_and_others_do_not(split, number, code):
    def label_of(row: dict[str, Any]) -> str:
        return str(int(meaning(row["text_a"], code) == meaning(row["text_b"], code)))

    rows = items("pawsx", split, code, number)
    assert not wrong(rows, label_of)
    assert all(row["text_a"] != row["text_b"] for row in rows)


@every_language
def test_repeated_questions_ask_the_same_and_others_do_not(code):
    def label_of(row: dict[str, Any]) -> str:
        one, other = (question_meanings(row[key], code) for key in ("text_a", "text_b"))
        if one == other:
            return "duplicate"
        return "unclear" if any(asked in other for asked in one) else "not_duplicate"

    assert not wrong(items("qqp", "train", code, 100), label_of)


@every_language
def test_repeated_questions_are_asked_in_another_way(code):
    rows = [row for row in items("qqp", "train", code, 100) if row["label"] == "duplicate"]
    assert not [row for row in rows if row["text_a"] == row["text_b"]]


@every_language
@pytest.mark.parametrize("task", ["qqp", "xquad", "tydiqa"])
def test_questions_can_be_read_in_one_way(task, code):
    # Without case, "who has helped Anna" must not also ask whom Anna has helped.
    split = "test" if task == "xquad" else "train"
    key = "text_a" if task == "qqp" else "question"
    asked = [row[key] for row in items(task, split, code, 40)]
    assert not [text for text in asked if len(question_meanings(text, code)) > 1]


# --- tags -------------------------------------------------------------------------------------


@every_language
@pytest.mark.parametrize(("task", "column"), [("udpos", 0), ("panx", 1)])
@pytest.mark.parametrize(("split", "number"), [("train", 60), ("test", 25)])
def test_tags_are_those_of_dictionary_and_context(task, column, split, number, code):
    rows = items(task, split, code, number)
    bad = [row for row in rows if read_tagged(row["tokens"], code)[column] != row["tags"]]
    assert not bad


def test_names_have_several_kinds_so_that_context_decides():
    # "Berna" is a family or a place: no table of names could tag these texts.
    kinds: dict[str, set[str]] = {}
    for row in items("panx", "train", "en", 1500):
        for word, tag in zip(row["tokens"], row["tags"], strict=True):
            kinds.setdefault(word, set()).add(tag)
    assert len(kinds["Berna"]) > 1
    assert len(kinds["Malmo"]) > 1


@every_language
def test_supertags_are_one_a_word_from_the_known_ones(code):
    for row in items("ccg", "train", code, 60):
        assert len(row["tags"]) == len(row["tokens"])
        assert set(row["tags"]) <= set(CATEGORIES)


def test_supertags_differ_with_the_place_of_a_word():
    # A fronted "in" modifies the clause, one after the verb modifies the verb.
    tags = {
        tag
        for row in items("ccg", "train", "en", 100)
        for word, tag in zip(row["tokens"], row["tags"], strict=True)
        if word == "in"
    }
    assert tags == {"(S/S)/NP", "((S\\NP)\\(S\\NP))/NP"}


# --- questions --------------------------------------------------------------------------------


@every_language
@pytest.mark.parametrize(
    ("task", "split", "number"),
    [
        ("xquad", "test", 25),
        ("mlqa", "test", 25),
        ("tydiqa", "test", 25),
        ("squad_v1", "train", 60),
        ("squad_v2", "train", 80),
    ],
)
def test_the_answer_is_what_the_one_fitting_sentence_says(task, split, number, code):
    """The answer, its offset, and that no other sentence answers; none where it is unanswerable."""
    rows = items(task, split, code, number)
    for row in rows:
        gold = [(answer["text"], answer["start"]) for answer in row["answers"]]
        assert answers_of(row["context"], row["question"], code) == gold, row
        assert all(row["context"][start:].startswith(text) for text, start in gold)
    without = sum(not row["answers"] for row in rows)
    assert (task == "squad_v2") == bool(without)


# --- multiple choice --------------------------------------------------------------------------


def undone(said: Meaning) -> Meaning:
    """What happens next in this world."""
    return replace(said, verb=lexicon.OPPOSITE[said.verb], place=None, time=None)


@every_language
def test_one_continuation_undoes_what_was_done(code):
    for row in items("hellaswag", "train", code, 150):
        expected = undone(meaning(row["prompt"], code))
        choices = [meaning(choice, code) for choice in row["choices"]]
        assert [choice == expected for choice in choices].count(True) == 1, row
        assert choices[row["label"]] == expected, row


@pytest.mark.parametrize("code", ["en", "qce"])
def test_no_other_continuation_follows_from_the_right_one(code):
    # Whoever has found the cat has found the animal: that would be a second right choice.
    for row in items("hellaswag", "train", code, 300):
        expected = undone(meaning(row["prompt"], code))
        choices = [meaning(choice, code) for choice in row["choices"]]
        assert sum(affirmed_entails(expected, choice) for choice in choices) == 1, row


@pytest.mark.parametrize("code", ["en", "qan", "qce", "qdo", "qeu"])
def test_one_choice_answers_the_question_about_the_passage(code):
    for row in items("cosmosqa", "train", code, 40):
        *passage, question = sentences_of(row["prompt"])
        [(answer, _)] = answers_of(" ".join(passage), question, code)
        assert [place for place, text in enumerate(row["choices"]) if text == answer] == [
            row["label"]
        ]


def test_no_other_choice_names_what_the_answer_is():
    # Who has sold a big dog has sold a dog: that would be a second right choice.
    for row in items("cosmosqa", "train", "en", 250):
        right = as_noun(row["choices"][row["label"]])
        others = [choice for place, choice in enumerate(row["choices"]) if place != row["label"]]
        assert not [choice for choice in others if right and covers(as_noun(choice), right)], row


def covers(other: Noun | None, one: Noun) -> bool:
    """Whether the other phrase is true of what the one is true of."""
    return (
        other is not None
        and is_a(one.head, other.head)
        and other.adjective in (None, one.adjective)
        and other.number in (None, one.number)
    )


def as_noun(choice: str) -> Noun | None:
    """The object that a bare choice in English names, None if it names something else."""
    article = "" if choice.split()[0] in lexicon.NUMBERS else "the "
    found = clauses(tokens_of(f"Anna has found {article}{choice}"), "en")
    head = found[0].meaning.object if found else None
    return head if isinstance(head, Noun) else None


@every_language
def test_one_choice_is_a_member_of_the_class(code):
    def concept(form: str) -> str:
        [(found, _)] = dictionary(code)[form]
        return found

    for row in items("csqa", "train", code, 60):
        asked = concept(tokens_of(row["prompt"])[-2])
        right = [is_a(concept(choice), asked) for choice in row["choices"]]
        assert right.count(True) == 1
        assert right.index(True) == row["label"]


# --- retrieval and parallel texts -------------------------------------------------------------


@pytest.mark.parametrize("code", LANGUAGES[1:])
@pytest.mark.parametrize("task", BITEXTS)
def test_gold_pairs_mean_the_same_and_nothing_else_does(task, code):
    foreign, english, gold = BITEXTS[task](SEED, task, "test", code, 30)
    left = {name: without_articles(meaning(text, code)) for name, text in foreign}
    right = {name: without_articles(meaning(text, "en")) for name, text in english}
    same = {(a, b) for a, one in left.items() for b, other in right.items() if one == other}
    assert same == set(gold)
    assert len(gold) == 30
    # BUCC hides its pairs among sentences without a translation; Tatoeba has none.
    assert (len(left) == len(right) == 30) == (task == "tatoeba")


@pytest.mark.parametrize(("task", "number"), [("xnli", 40), ("pawsx", 20)])
def test_parallel_pairs_mean_the_same_in_every_language(task, number):
    for key in ("text_a", "text_b"):
        read_back = {
            tuple(without_articles(meaning(row[key], code)) for row in items(task, "test", code, n))
            for code in LANGUAGES
            for n in [number]
        }
        assert len(read_back) == 1
    labels = {tuple(row["label"] for row in items(task, "test", c, number)) for c in LANGUAGES}
    assert len(labels) == 1


def test_parallel_passages_mean_the_same_in_every_language():
    assert len({passages(code) for code in LANGUAGES}) == 1


def passages(code: str) -> tuple[Any, ...]:
    rows = items("xquad", "test", code, 25)
    given = [
        tuple(without_articles(meaning(text, code)) for text in sentences_of(row["context"]))
        for row in rows
    ]
    asked = [without_articles(question_meanings(row["question"], code)[0]) for row in rows]
    return (*given, *asked)


def test_mlqa_asks_in_parallel_about_other_surroundings():
    questions, asked, contexts = set(), set(), set()
    for code in LANGUAGES:
        rows = items("mlqa", "test", code, 25)
        questions.add(
            tuple(without_articles(question_meanings(row["question"], code)[0]) for row in rows)
        )
        asked.add(tuple(without_articles(fitting(row, code)) for row in rows))
        contexts.add(
            frozenset(
                without_articles(meaning(text, code))
                for row in rows
                for text in sentences_of(row["context"])
            )
        )
    assert len(questions) == len(asked) == 1
    assert len(contexts) == len(LANGUAGES)


def fitting(row: dict[str, Any], code: str) -> Meaning:
    """The sentence of the passage that holds the answer."""
    start, at = row["answers"][0]["start"], 0
    for text in sentences_of(row["context"]):
        at = row["context"].index(text, at)
        if at <= start < at + len(text):
            return meaning(text, code)
    raise AssertionError(row)
