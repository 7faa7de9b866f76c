"""Distances between generated languages as the text shows them, against what was planted."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import combinations, pairwise, permutations

import pytest
from invitro_oracle import OBJECTS, PEOPLE, dictionary, tokens_of

from xstilts.config.invitro.lexicon import CONCEPTS, NAMES
from xstilts.config.invitro.tongues import GRAMMARS, PARTS, distance, distances, tongue
from xstilts.config.languages import INVITRO_LANGUAGES
from xstilts.data.invitro.events import Spot
from xstilts.data.invitro.generate import MAKERS

LANGUAGES = tuple(GRAMMARS)
PAIRS = tuple(combinations(LANGUAGES, 2))
SCRIPTS = {"Latn": "LATIN", "Cyrl": "CYRILLIC", "Geor": "GEORGIAN", "Armn": "ARMENIAN"}
every_language = pytest.mark.parametrize("code", LANGUAGES)


@cache
def rows(task: str, code: str, number: int, split: str = "train") -> list[dict]:
    return [MAKERS[task](Spot(1, task, split, code, i)) for i in range(number)]


@cache
def likeness(one: str, other: str) -> float:
    """How alike two words are: 1 less the edits from one to the other by their longer length."""
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, sign in enumerate(other, 1):
            before, row[j] = row[j], min(before + (letter != sign), row[j] + 1, row[j - 1] + 1)
    return 1 - row[-1] / max(len(one), len(other), 1)


def look_alike(one: str, other: str) -> float:
    """Share of concepts whose words in two languages, spelt in Latin letters, look related."""
    a, b = tongue(one).forms, tongue(other).forms
    return sum(likeness(a[word], b[word]) >= 0.5 for word in CONCEPTS) / len(CONCEPTS)


# --- the table --------------------------------------------------------------------------------


def test_there_are_many_languages_in_many_families():
    assert len(LANGUAGES) >= 8
    assert len({INVITRO_LANGUAGES[code].family for code in LANGUAGES}) >= 5
    assert len({INVITRO_LANGUAGES[code].script for code in LANGUAGES}) >= 3
    assert {GRAMMARS[code].order for code in LANGUAGES} == {"SVO", "SOV", "VSO"}


def test_distances_are_those_of_a_measure_on_pairs():
    for one, other in permutations(LANGUAGES, 2):
        parts = distances(one, other)
        assert tuple(parts) == PARTS
        assert parts == distances(other, one)
        assert all(0 <= part <= 1 for part in parts.values())
        assert 0 < distance(one, other) == distance(other, one) <= 1
    for code in LANGUAGES:
        assert set(distances(code, code).values()) == {0.0}
        assert distance(code, code) == 0


# --- words ------------------------------------------------------------------------------------


@every_language
def test_words_of_the_source_are_inherited_as_often_as_planted(code):
    # Words of two or three letters look like others by chance, so that some more look related.
    measured = look_alike("en", code)
    inherited = sum(map(tongue(code).inherits, CONCEPTS)) / len(CONCEPTS)
    assert abs(measured - inherited) < 0.1
    assert abs(inherited - GRAMMARS[code].cognates) < 0.1


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_related_words_are_as_many_as_the_distance_says(one, other):
    assert abs(look_alike(one, other) - (1 - distances(one, other)["lexicon"])) < 0.15


@every_language
def test_names_are_kept_as_often_as_planted(code):
    # Sound changes leave some names alone that were not meant to be kept, never fewer.
    same = sum(tongue(code).forms[name] == name for name in NAMES) / len(NAMES)
    assert same > GRAMMARS[code].names_kept - 0.15
    assert same == pytest.approx(1 - distances("en", code)["names"])


# Another script spells every name anew.
@pytest.mark.parametrize("code", [c for c in LANGUAGES if INVITRO_LANGUAGES[c].script == "Latn"])
def test_names_that_are_kept_stand_so_in_text(code):
    kept = {name for name in NAMES if tongue(code).forms[name] == name}
    tokens = Counter(word for row in rows("panx", code, 400) for word in row["tokens"])
    assert len(kept & set(tokens)) > 0.6 * len(kept)
    assert not (set(NAMES) - kept) & set(tokens)


def test_sister_languages_share_more_than_strangers():
    for one, other in PAIRS:
        if INVITRO_LANGUAGES[one].family == INVITRO_LANGUAGES[other].family:
            for stranger in LANGUAGES:
                if INVITRO_LANGUAGES[stranger].family != INVITRO_LANGUAGES[one].family:
                    assert look_alike(one, other) > look_alike(one, stranger)


# --- script -----------------------------------------------------------------------------------


def scripts_in(texts: Iterator[str]) -> set[str]:
    letters = {letter for text in texts for letter in text if letter.isalpha()}
    return {unicodedata.name(letter).split(" ")[0] for letter in letters}


@every_language
def test_text_is_in_the_script_of_the_language(code):
    expected = {SCRIPTS[INVITRO_LANGUAGES[code].script]}
    assert scripts_in(row["text_a"] for row in rows("mnli", code, 300)) == expected
    assert scripts_in(form for form in dictionary(code)) == expected


@every_language
def test_a_script_writes_every_letter_differently(code):
    # Else two words that differ in one letter could become one.
    forms = [tongue(code).write(word) for word in (*CONCEPTS, *NAMES)]
    assert len(set(forms)) == len(forms)
    assert len({form.lower() for form in forms}) == len(forms)


# --- order ------------------------------------------------------------------------------------


@cache
def simple_sentences(code: str) -> list[list[tuple[str, str]]]:
    """(concept, tag) of every word of sentences with one clause, by the dictionary alone."""
    found = []
    for row in rows("udpos", code, 500):
        if not {"CCONJ", "SCONJ"} & set(row["tags"]):
            concepts = [
                next(iter(dictionary(code).get(word, {(word, ())})))[0] for word in row["tokens"]
            ]
            found.append(list(zip(concepts, row["tags"], strict=True)))
    return found


@every_language
def test_subject_verb_and_object_stand_in_the_planted_order(code):
    orders = Counter()
    for sentence in simple_sentences(code):
        # Things are never subjects; a person by occupation beside a thing is.
        order = [
            "O" if concept in OBJECTS else "S" if concept in PEOPLE else "V"
            for concept, tag in sentence
            if tag == "VERB" or (tag == "NOUN" and concept in OBJECTS | PEOPLE)
        ]
        if sorted(order) == ["O", "S", "V"]:
            orders["".join(order)] += 1
    assert set(orders) == {GRAMMARS[code].order}
    assert orders.total() > 30


@every_language
def test_adjectives_stand_on_the_planted_side_of_their_noun(code):
    # With one noun in the sentence the adjective is that noun's.
    sides = Counter()
    for sentence in simple_sentences(code):
        tags = [tag for _, tag in sentence]
        if tags.count("NOUN") == tags.count("ADJ") == 1:
            sides[tags.index("ADJ") < tags.index("NOUN")] += 1
    assert set(sides) == {GRAMMARS[code].adjective_first}
    assert sides.total() > 30


@every_language
def test_adpositions_stand_on_the_planted_side(code):
    after = Counter()
    for sentence in simple_sentences(code):
        tags = [tag for _, tag in sentence]
        for place, (concept, _) in enumerate(sentence):
            if concept.isdigit():
                before = place > 0 and tags[place - 1] == "ADP"
                after["before" if before else "after"] += 1
                assert before or tags[place + 1] == "ADP"
    assert set(after) == {"after" if GRAMMARS[code].postpositions else "before"}


@every_language
def test_articles_are_there_or_not(code):
    tags = Counter(tag for sentence in simple_sentences(code) for _, tag in sentence)
    assert (tags["DET"] > 0) == GRAMMARS[code].articles


@every_language
def test_question_words_stand_where_planted(code):
    asked = {tongue(code).write(word) for word in ("who", "what", "where", "when")}
    questions = [tokens_of(row["question"]) for row in rows("squad_v1", code, 120)]
    assert all(len(asked & set(question)) == 1 for question in questions)
    first = sum(question[0] in asked for question in questions)
    assert (first == len(questions)) == GRAMMARS[code].wh_first


@every_language
def test_suffixes_are_seen_on_words_in_text(code):
    seen = {
        relation
        for row in rows("mnli", code, 400)
        for word in tokens_of(row["text_a"])
        for _, relations in dictionary(code).get(word, ())
        for relation in relations
    }
    assert seen == set(GRAMMARS[code].suffixes)


# --- all together -----------------------------------------------------------------------------


@cache
def pieces(code: str) -> Counter[str]:
    """Letter pairs within words of texts that say the same in every language."""
    text = " ".join(row["text_b"] for row in rows("xnli", code, 200))
    return Counter(one + other for one, other in pairwise(text) if one != " ")


def shared(one: str, other: str) -> float:
    a, b = pieces(one), pieces(other)
    return 2 * (a & b).total() / (a.total() + b.total())


def ranks(values: list[float]) -> list[int]:
    return [sorted(values).index(value) for value in values]


def test_nearer_languages_share_more_surface():
    far = ranks([distance(one, other) for one, other in PAIRS])
    alike = ranks([shared(one, other) for one, other in PAIRS])
    n = len(PAIRS)
    spearman = 1 - 6 * sum((a - b) ** 2 for a, b in zip(far, alike, strict=True)) / (n**3 - n)
    assert spearman < -0.6


def test_the_nearest_language_shares_most_and_the_farthest_least():
    others = sorted(LANGUAGES[1:], key=lambda code: distance("en", code))
    surface = {code: shared("en", code) for code in others}
    assert max(surface, key=surface.__getitem__) == others[0]
    assert surface[others[-1]] <= min(surface[code] for code in others[:3])
