"""Perturbed items: what may change, what must not, and what it may depend on."""

from __future__ import annotations

import random
import unicodedata
from collections import Counter
from itertools import pairwise

import pyarrow as pa
import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from xstilts.config.languages import INVITRO_LANGUAGES, LANGUAGES
from xstilts.config.perturbations import KINDS, condition_name, parse_condition
from xstilts.config.perturbations.kinds import PerturbationKind
from xstilts.config.tasks import TASKS, Kind
from xstilts.data.build import Unit, build_part
from xstilts.data.graphemes import graphemes
from xstilts.data.perturb.letters import Alphabet, script_and_case
from xstilts.data.perturb.passage import Edit, Passage, apply_edits, moved
from xstilts.data.perturb.table import perturb_table, perturbed_schema
from xstilts.data.perturb.typos import typos
from xstilts.data.perturb.words import some_words
from xstilts.data.schemas import DATA
from xstilts.errors import XstiltsError
from xstilts.graph.locate import find_files

XNLI, XQUAD, XCOPA, UDPOS = (TASKS[key] for key in ("xnli", "xquad", "xcopa", "udpos"))
TATOEBA, TYDIQA = TASKS["tatoeba"], TASKS["tydiqa"]

WHOLE = [f"{kind}@1" for kind in KINDS]
SOME = [f"{kind}@0.4" for kind in KINDS]

# What is easily broken: marks, joiners, letters of several characters, signs that are no text.
FRAGILE = """
Köln STRASSE straße ﬁn İstanbul ışık don't e\u0301te\u0301 (1) Việt đường Yorùbá ọ̀rẹ́ Ὀδυσσεύς ΟΔΟΣ
ёлка йод Київ Հայ ქართული كِتَاب أَنْتَ می\u200cخواهم שָׁלוֹם \ufb2a हिन्दी क्षत्रिय বাংলা தமிழ் മലയാളം น้ำท่วม
ประเทศ မြန်မာ 日本語。 「東京」 カタカナー 한국어 \u1100\u1161\u11a8
中文，！ 👩\u200d👩\u200d👧 🇩🇪 #\ufe0f\u20e3 12.5 ٣ १ – … । ؟ ¿ \u0301 \u200d
"""
PIECES = [*FRAGILE.split(), "\r\n", "\n", "\t", "\u3000", "\u00a0"]
TEXTS = st.lists(st.sampled_from([*PIECES, " ", " ", " "]) | st.text(max_size=4), min_size=1).map(
    "".join
)
CODES = st.sampled_from(sorted(LANGUAGES))
STRENGTHS = st.floats(0.01, 1)
LETTERS = Alphabet(PIECES)


def table(kind: Kind, rows: list[dict], language: str = "en", split: str = "test") -> pa.Table:
    """Rows with what is not given filled in."""
    filled = {"language": language, "split": split, "side": "foreign", "gold": []}
    whole = [
        {**filled, "id": f"{language}:{number}", "group": str(number), **row}
        for number, row in enumerate(rows)
    ]
    return pa.Table.from_pylist(whole, schema=DATA[kind])


def perturbed(text: str, condition: str, language: str = "en") -> str:
    """One sentence under a condition."""
    rows = table(Kind.RETRIEVAL, [{"text": text}], language)
    return perturb_table(TATOEBA, rows, [condition], LANGUAGES)["text"][0].as_py()


def pairs(number: int, languages: str, text: str = "the quick brown Fox of {language} {n}."):
    """Parallel sentence pairs in some languages."""
    return pa.concat_tables(
        table(
            Kind.PAIR,
            [
                {"text_a": text.format(language=language, n=n), "text_b": f"Ünder {n}, Über"}
                for n in range(number)
            ],
            language,
        )
        for language in languages.split()
    )


def passage(text: str, language: str = "en", seed: int = 0) -> Passage:
    return Passage(text, LANGUAGES[language], LETTERS, seed)


def edits_of(kind: str, place: Passage, strength: float) -> list[Edit]:
    if kind == "typos":
        return typos(place, strength)
    return some_words(place, KINDS[kind], strength)


# --- kinds and their names ---------------------------------------------------------------------


@given(st.sampled_from(sorted(KINDS)), st.floats(0, 1, exclude_min=True))
def test_names_of_conditions_say_what_they_are(kind, strength):
    assert parse_condition(condition_name(kind, strength)) == (kind, strength)


@pytest.mark.parametrize(
    ("kind", "strength", "name"),
    [("typos", 0.1, "typos@0.1"), ("lower", 1, "lower@1"), ("upper", 0.05, "upper@0.05")],
)
def test_names_are_short(kind, strength, name):
    assert condition_name(kind, strength) == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("clean", "write a kind and a strength"),
        ("typos", "write a kind and a strength"),
        ("typo@0.1", "did you mean 'typos'"),
        ("typos@0", "above 0"),
        ("typos@1.5", "at most 1"),
        ("typos@nan", "at most 1"),
        ("typos@0.10", "write typos@0.1"),
    ],
)
def test_what_names_no_condition_is_refused(name, message):
    with pytest.raises(XstiltsError, match=message):
        parse_condition(name)


def test_every_kind_is_described():
    assert all(kind.wording.title for kind in KINDS.values())
    assert all(kind.wording.definition.endswith(".") for kind in KINDS.values())


def test_every_kind_but_typing_errors_edits_units():
    assert [key for key, kind in KINDS.items() if kind.unit is None] == ["typos"]
    assert all(
        type(kind).edited is not PerturbationKind.edited
        for key, kind in KINDS.items()
        if key != "typos"
    )


@pytest.mark.parametrize(
    ("kind", "languages"),
    [
        ("lower", "en tr ru el uk kk bg vi yo"),
        ("no_diacritics", "en vi yo el ar ur fa he"),
    ],
)
def test_kinds_apply_by_script(kind, languages):
    others = {"ka", "ja", "zh", "th", "hi", "my", "ko", "ta"}
    applies = KINDS[kind].applies_to
    assert all(applies(LANGUAGES[language]) for language in languages.split())
    assert not any(applies(LANGUAGES[language]) for language in others)


def test_case_and_diacritics_differ_where_they_should():
    assert KINDS["upper"].applies_to(INVITRO_LANGUAGES["qeu"])
    assert not KINDS["upper"].applies_to(INVITRO_LANGUAGES["qci"])
    assert not KINDS["upper"].applies_to(LANGUAGES["ar"])
    assert not KINDS["no_diacritics"].applies_to(LANGUAGES["ru"])
    for kind in ("typos", "no_punctuation"):
        assert all(KINDS[kind].applies_to(language) for language in LANGUAGES.values())


# --- examples by hand --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "language", "text", "expected"),
    [
        ("lower@1", "en", "The CAT sat.", "the cat sat."),
        ("lower@1", "el", "ΟΔΟΣ ΣΟΦΙΑΣ", "οδος σοφιας"),
        ("lower@1", "tr", "İstanbul ISI I\u0307zmir", "istanbul ısı izmir"),
        ("lower@1", "de", "İ", "i\u0307"),
        ("upper@1", "de", "große Straße", "GROSSE STRASSE"),
        ("upper@1", "tr", "istanbul ışık", "İSTANBUL IŞIK"),
        ("upper@1", "az", "bir", "BİR"),
        ("upper@1", "ru", "ёлка и ქართული", "ЁЛКА И ქართული"),
        ("no_diacritics@1", "vi", "Tôi sống ở đường Nguyễn Huệ", "Toi song o duong Nguyen Hue"),
        ("no_diacritics@1", "vi", unicodedata.normalize("NFD", "Huệ đỏ"), "Hue do"),
        ("no_diacritics@1", "yo", "ọ̀rẹ́ mi, ẹ ṣé", "ore mi, e se"),
        ("no_diacritics@1", "pl", "Łódź", "Lodz"),
        ("no_diacritics@1", "el", "Ἑλλάδα, ϊ", "Ελλαδα, ι"),
        ("no_diacritics@1", "ar", "أَنْتَ كِتَابٌ آخر", "أنت كتاب آخر"),
        ("no_diacritics@1", "ar", "ا\u0653ن ا\u0654\u064eن", "ا\u0653ن ا\u0654ن"),
        ("no_diacritics@1", "he", "שָׁלוֹם \ufb2a", "שלום ש"),
        ("no_diacritics@1", "en", "हिन्दी, น้ำ, й and ё stay", "हिन्दी, น้ำ, й and ё stay"),
        ("no_diacritics@1", "en", "10 K\u212a e\u0915\u093c", "10 K\u212a e\u0915\u093c"),
        ("no_punctuation@1", "en", "“Don't” – (he) said… #1!", "Dont  he said 1"),
        ("no_punctuation@1", "zh", "「你好」，世界。ＡＢＣ！", "你好世界ＡＢＣ"),
        ("no_punctuation@1", "hi", "यह है।", "यह है"),
        ("no_punctuation@1", "en", "#\ufe0f\u20e3 $5 + 3", "#\ufe0f\u20e3 $5 + 3"),
    ],
)
def test_examples(condition, language, text, expected):
    assert perturbed(text, condition, language) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        (
            "en",
            "What a fine day for a walk in the park.",
            "What a fkian day ofa a wkalk in th partk.",
        ),
        ("th", "ฉันไม่รู้ว่าเขาจะไปที่ไหน", "ฉันไเรู้ว่าเขาจะปไที่ไหน"),
    ],
)
def test_the_same_on_every_platform(language, text, expected):
    assert perturbed(text, "typos@0.2", language) == expected


# --- what is random ----------------------------------------------------------------------------


@given(TEXTS, CODES, st.sampled_from(sorted(KINDS)), STRENGTHS, STRENGTHS, st.integers(0, 99))
def test_a_stronger_condition_changes_all_that_a_weaker_one_does(
    text, code, kind, one, other, seed
):
    weak, strong = (
        edits_of(kind, passage(text, code, seed), strength) for strength in sorted((one, other))
    )
    if kind == "typos":
        # What stands in a place can differ: its neighbour may be swapped with it as well.
        assert {edit[:2] for edit in weak} <= {edit[:2] for edit in strong}
    else:
        assert set(weak) <= set(strong)


def test_words_that_are_changed_nest():
    text = " ".join(f"Word{number}" for number in range(400))
    changed = [
        {
            place
            for place, word in enumerate(perturbed(text, f"upper@{strength}").split())
            if word.isupper()
        }
        for strength in (0.05, 0.1, 0.5, 1)
    ]
    assert all(weak < strong for weak, strong in pairwise(changed))
    assert [round(len(found) / 400, 1) for found in changed[1:]] == [0.1, 0.5, 1]


def distance(one: list[str], other: list[str]) -> int:
    """Substitutions, deletions, insertions and swaps of neighbours between two rows of letters."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        row = [i]
        for j, b in enumerate(other, start=1):
            best = min(last[j] + 1, row[-1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, last = last, row
    return last[-1]


@pytest.mark.parametrize("strength", [0.03, 0.1])
@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "The quick brown fox jumps over the lazy dog while vexing zebras quip joyfully"),
        ("vi", "Tôi không biết ngày mai anh ấy sẽ đi đâu vì đường phố ngập nước khắp nơi"),
        ("th", "ฉันไม่รู้ว่าพรุ่งนี้เขาจะไปที่ไหนเพราะน้ำท่วมถนนทั้งเมืองและฝนตกหนักมาก"),
        ("hi", "मुझे नहीं पता कि कल वह कहाँ जाएगा क्योंकि सड़कों पर हर जगह पानी भरा है"),
        ("zh", "我不知道他明天会去哪里因为街上到处都是水而且雨下得很大所有商店关门"),
    ],
)
def test_as_many_letters_are_mistyped_as_the_strength_says(language, sentence, strength):
    rows = table(Kind.RETRIEVAL, [{"text": sentence}] * 200, language)
    found = perturb_table(TATOEBA, rows, [f"typos@{strength}"], LANGUAGES)["text"].to_pylist()
    before = graphemes(sentence)
    letters = 200 * sum(script_and_case(grapheme) is not None for grapheme in before)
    edited = sum(distance(before, graphemes(text)) for text in found)
    assert edited / letters == pytest.approx(strength, rel=0.2)
    assert len(set(found)) > 100


def test_letters_are_mistyped_in_four_ways():
    ways: Counter[str] = Counter()
    for seed in range(4000):
        found = typos(passage("qwzuptj", seed=seed), 0.02)
        if len(found) == 1:
            ways[("delete", "substitute", "insert")[len(graphemes(found[0].text))]] += 1
        elif len(found) == 2 and found[0].end == found[1].start:
            ways["swap"] += 1
    # The last letter is substituted where it would have been swapped.
    assert all(0.18 < ways[way] / ways.total() < 0.32 for way in ways)
    assert len(ways) == 4


@given(TEXTS, CODES, STRENGTHS, st.integers(0, 99))
def test_typos_are_whole_letters_in_the_place_of_letters(text, code, strength, seed):
    before = graphemes(text)
    starts = {}
    at = 0
    for grapheme in before:
        starts[at] = grapheme
        at += len(grapheme)
    known = {letter for word in [*PIECES, text] for letter in graphemes(word)}
    for edit in typos(passage(text, code, seed), strength):
        assert starts[edit.start] == text[edit.start : edit.end]
        assert script_and_case(text[edit.start : edit.end])
        typed = {
            (edit.text[:cut], edit.text[cut:])
            for cut in range(len(edit.text) + 1)
            if {edit.text[:cut], edit.text[cut:]} <= {"", *known}
        }
        assert typed, edit
        assert not edit.text or script_and_case(edit.text)


@pytest.mark.parametrize("language", ["th", "ru", "ja", "el"])
def test_new_letters_are_of_the_same_script_and_case(language):
    texts = {
        "th": "ประเทศไทย abc",
        "ru": "Вчера шёл снег abc",
        "ja": "東京タワーは高い",
        "el": "Ἀθῆναι ΕΛΛΑΣ",
    }
    found = perturbed(texts[language], "typos@1", language)
    assert found != texts[language]
    assert {script_and_case(letter) for letter in graphemes(found)} <= {
        script_and_case(letter) for letter in graphemes(texts[language])
    }


def test_letters_are_drawn_as_often_as_they_occur():
    letters = Alphabet(["aaaabb", "c A 1", "ж"])
    drawn = Counter(letters.another("c", number / 600) for number in range(600))
    assert drawn == {"a": 400, "b": 200}
    assert [letters.another("a", number / 3) for number in range(3)] == ["b", "b", "c"]
    assert [letters.another("y", number / 7) for number in range(7)] == [*"aaaabbc"]
    assert letters.another("ж", 0.5) is None
    assert letters.another("A", 0.5) is None
    assert letters.another("ა", 0.5) is None


def test_every_typo_shows():
    for seed in range(300):
        found = typos(passage("aaaa", seed=seed), 0.1)
        assert len(found) != 1 or apply_edits("aaaa", found) != "aaaa"
        assert [edit.text for edit in found] != ["a", "a"]


@pytest.mark.parametrize("language", ["zh", "ja", "th", "my"])
def test_without_spaces_every_punctuation_mark_is_chosen_by_itself(language):
    assert 40 < len(perturbed("、字" * 100, "no_punctuation@0.5", language)) - 100 < 60
    assert perturbed("、字" * 100, "no_punctuation@0.5", "ko") in ("、字" * 100, "字" * 100)


def test_a_word_of_one_letter_is_not_lost():
    for n in range(50):
        rows = table(Kind.RETRIEVAL, [{"id": str(n), "text": "a b, c"}])
        found = perturb_table(TATOEBA, rows, ["typos@1"], LANGUAGES)["text"][0].as_py()
        assert regex.fullmatch(r"[abc]+ [abc]+, [abc]+", found)


# --- what must not change ----------------------------------------------------------------------


@given(TEXTS, CODES, st.sampled_from(sorted(KINDS)), STRENGTHS)
def test_nothing_else_changes(text, code, kind, strength):
    changed = apply_edits(text, edits_of(kind, passage(text, code), strength))
    if kind == "no_punctuation":
        kept = [char for char in text if not unicodedata.category(char).startswith("P")]
        assert kept == [char for char in changed if not unicodedata.category(char).startswith("P")]
    elif kind == "no_diacritics":
        assert bare(text) == bare(changed)
        assert outside(text, r"[\p{Latin}\p{Greek}\p{Arabic}\p{Hebrew}\p{Inherited}]") == outside(
            changed, r"[\p{Latin}\p{Greek}\p{Arabic}\p{Hebrew}\p{Inherited}]"
        )
    elif kind == "typos":
        assert outside(text, r"[\p{L}\p{M}\p{Cf}]") == outside(changed, r"[\p{L}\p{M}\p{Cf}]")
    else:
        assert outside(text, r"[\p{Changes_When_Casemapped}\p{M}]") == outside(
            changed, r"[\p{Changes_When_Casemapped}\p{M}]"
        )


def bare(text: str) -> str:
    """Without any mark."""
    strokes = str.maketrans("đĐøØłŁħĦŧŦ", "dDoOlLhHtT")
    decomposed = unicodedata.normalize("NFD", text).translate(strokes)
    return regex.sub(r"\p{Mn}", "", decomposed)


def outside(text: str, pattern: str) -> str:
    return regex.sub(pattern, "", text)


def test_emoji_and_numbers_stay_whole():
    text = "👩\u200d👩\u200d👧 12.5 🇩🇪 abc #\ufe0f\u20e3 ٣ १ 2nd"
    for n in range(20):
        rows = table(Kind.RETRIEVAL, [{"id": str(n), "text": text}])
        found = perturb_table(TATOEBA, rows, WHOLE, LANGUAGES)
        typed = found["text"][0].as_py()
        for sign in ("👩\u200d👩\u200d👧", " 12.5 ", "🇩🇪", "#\ufe0f\u20e3", "٣ १ 2"):
            assert sign in typed
        assert all("👩\u200d👩\u200d👧" in text for text in found["text"].to_pylist())


@st.composite
def questions(draw) -> dict:
    """A passage with answers that stand in it, in letters or across them."""
    context = draw(TEXTS)
    answers = []
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(context) - 1)) if context else 0
        end = draw(st.integers(start, min(len(context), start + 12)))
        answers.append({"text": context[start:end], "start": start})
    return {"context": context, "question": draw(TEXTS), "answers": answers}


@given(questions(), CODES)
def test_answers_stay_and_are_found(question, code):
    rows = table(Kind.SPAN, [question], code)
    for row in perturb_table(XQUAD, rows, [*WHOLE, *SOME], LANGUAGES).to_pylist():
        assert len(row["answers"]) == len(question["answers"])
        for before, after in zip(question["answers"], row["answers"], strict=True):
            end = after["start"] + len(after["text"])
            assert after["text"] == before["text"]
            assert row["context"][after["start"] : end] == after["text"]
            if after["text"]:
                assert len(occurrences(row["context"], after["text"])) >= len(
                    occurrences(question["context"], after["text"])
                )


def occurrences(text: str, name: str) -> list[int]:
    return [place for place in range(len(text)) if text.startswith(name, place)]


def test_every_occurrence_of_an_answer_is_kept():
    context = "Berlin is large, Berlin is old. " * 5 + "nordberlin"
    answers = [{"text": "Berlin", "start": 17}, {"text": "berlin", "start": 164}]
    rows = table(Kind.SPAN, [{"context": context, "question": "Berlin?", "answers": answers}])
    for row in perturb_table(XQUAD, rows, ["typos@1", "upper@1"], LANGUAGES).to_pylist():
        assert row["context"].count("Berlin") == 10
        assert row["context"].count("berlin") == 1
        assert " is large" not in row["context"]
        assert row["question"] != "Berlin?"
        assert row["answers"][0]["start"] == occurrences(row["context"], "Berlin")[1]


@pytest.mark.parametrize(
    ("language", "condition", "context", "answer", "expected"),
    [
        ("ar", "no_diacritics@1", "هذا كتابٌ جديدٌ", "كتاب", "هذا كتابٌ جديد"),
        # The iota below has a capital that is a letter of its own.
        ("el", "upper@1", "τῃ \u03b1\u0345 βγ", "\u03b1", "ΤΗΙ \u03b1\u0345 ΒΓ"),
        ("tr", "lower@1", "I\u0307ZMI\u0307R VAN", "I", "I\u0307zmI\u0307r van"),
        ("vi", "no_diacritics@1", "tie\u0302\u0301ng Vie\u0323t", "tie", "tie\u0302\u0301ng Viet"),
    ],
)  # fmt: skip
def test_no_edit_reaches_into_a_letter_of_an_answer(language, condition, context, answer, expected):
    answers = [{"text": answer, "start": context.index(answer)}]
    rows = [{"context": context, "question": "?", "answers": answers}]
    data = table(Kind.SPAN, rows, language)
    (row,) = perturb_table(XQUAD, data, [condition], LANGUAGES).to_pylist()
    assert row["context"] == expected
    (found,) = row["answers"]
    assert expected.startswith(answer, found["start"])


@pytest.mark.parametrize(("text", "start"), [("dog", -1), ("dog", 3), ("dog", 99), ("", 5)])
def test_an_answer_whose_place_is_not_known_keeps_its_passage(text, start):
    answers = [{"text": "fox", "start": 4}, {"text": text, "start": start}]
    rows = table(
        Kind.SPAN, [{"context": "The fox, a dog.", "question": "Who, then?", "answers": answers}]
    )
    for row in perturb_table(XQUAD, rows, WHOLE, LANGUAGES).to_pylist():
        assert row["context"] == "The fox, a dog."
        assert row["answers"] == answers
        assert row["question"] != "Who, then?" or row["condition"] == "no_diacritics@1"


def test_a_passage_without_an_answer_is_perturbed():
    rows = table(Kind.SPAN, [{"context": "The fox.", "question": "Who?", "answers": []}])
    row = perturb_table(XQUAD, rows, ["upper@1"], LANGUAGES).to_pylist()[0]
    assert (row["context"], row["question"], row["answers"]) == ("THE FOX.", "WHO?", [])


@given(st.lists(TEXTS | st.sampled_from(["", ".", "a", "«", " ", "क"]), max_size=8), CODES)
def test_tokens_keep_their_number_and_tags(tokens, code):
    rows = table(Kind.TAGGING, [{"tokens": tokens, "tags": ["X"] * len(tokens)}], code)
    for row in perturb_table(UDPOS, rows, [*WHOLE, *SOME], LANGUAGES).to_pylist():
        assert row["tags"] == ["X"] * len(tokens)
        assert len(row["tokens"]) == len(tokens)
        for before, after in zip(tokens, row["tokens"], strict=True):
            assert after.strip() or after == before


def test_tokens_change_one_by_one():
    tokens = ["Das", "ist", "Österreich", ",", "z.B.", "!"]
    rows = table(Kind.TAGGING, [{"tokens": tokens, "tags": ["X"] * 6}], "de")
    conditions = ["upper@1", "lower@1", "no_diacritics@1", "no_punctuation@1"]
    assert perturb_table(UDPOS, rows, conditions, LANGUAGES)["tokens"].to_pylist() == [
        ["DAS", "IST", "ÖSTERREICH", ",", "Z.B.", "!"],
        ["das", "ist", "österreich", ",", "z.b.", "!"],
        ["Das", "ist", "Osterreich", ",", "z.B.", "!"],
        ["Das", "ist", "Österreich", ",", "zB", "!"],
    ]


@given(st.lists(st.sampled_from(["US", "us", "Us!", "us.", "é", "e", "...", "?"]), max_size=5))
def test_choices_stay_distinct(choices):
    rows = table(Kind.CHOICE, [{"prompt": "Who?", "choices": choices, "label": 0}], "de")
    for row in perturb_table(XCOPA, rows, [*WHOLE, *SOME], LANGUAGES).to_pylist():
        assert all(row["choices"])
        assert len(row["choices"]) == len(choices)
        assert len(set(row["choices"])) >= len(set(choices))


def test_choices_are_perturbed():
    rows = table(Kind.CHOICE, [{"prompt": "Who?", "choices": ["Me.", "you", "YOU"], "label": 0}])
    row = perturb_table(XCOPA, rows, ["upper@1"], LANGUAGES).to_pylist()[0]
    assert (row["prompt"], row["choices"]) == ("WHO?", ["ME.", "you", "YOU"])


@pytest.mark.parametrize("text", ["...", " ", "", "?!\u3000"])
def test_a_text_of_which_nothing_would_be_left_stays(text):
    assert perturbed(text, "no_punctuation@1") == text


def test_a_pair_is_perturbed_on_both_sides():
    rows = table(Kind.PAIR, [{"text_a": "One.", "text_b": "Two!", "label": "neutral"}])
    found = perturb_table(XNLI, rows, WHOLE, LANGUAGES)
    assert found.schema.equals(perturbed_schema(Kind.PAIR))
    assert found["condition"].to_pylist() == WHOLE
    row = found.to_pylist()[-1]
    assert (row["text_a"], row["text_b"], row["label"]) == ("One", "Two", "neutral")


def test_english_sentences_of_retrieval_are_left_out():
    rows = table(
        Kind.RETRIEVAL,
        [
            {"id": "1", "text": "Hallo!"},
            {"id": "1", "text": "Hello!", "side": "en", "gold": ["1"]},
        ],
        "de",
    )
    found = perturb_table(TATOEBA, rows, ["no_punctuation@1"], LANGUAGES)
    assert found["text"].to_pylist() == ["Hallo"]


# --- which rows, and what they depend on -------------------------------------------------------


def keyed(found: pa.Table) -> dict[tuple, dict]:
    return {(row["condition"], row["language"], row["id"]): row for row in found.to_pylist()}


@given(st.randoms(use_true_random=False))
def test_no_row_depends_on_order_or_on_what_else_there_is(shuffle: random.Random):
    data = pairs(20, "en de hi")
    whole = keyed(perturb_table(XNLI, data, SOME, LANGUAGES, items=7))
    order = list(range(data.num_rows))
    shuffle.shuffle(order)
    assert keyed(perturb_table(XNLI, data.take(order), SOME, LANGUAGES, items=7)) == whole
    one = shuffle.choice(SOME)
    german = data.filter(pa.compute.equal(data["language"], "de"))
    alone = keyed(perturb_table(XNLI, german, [one], LANGUAGES, items=7))
    assert alone == {key: row for key, row in whole.items() if key[:2] == (one, "de")}


def test_rows_stand_by_condition_and_in_file_order():
    data = pairs(30, "en hi de")
    found = perturb_table(XNLI, data, ["upper@0.5", "typos@0.1"], LANGUAGES, items=9)
    kept = [row for row in found.to_pylist() if row["condition"] == "typos@0.1"]
    file_order = data["id"].to_pylist()
    assert [row["condition"] for row in found.to_pylist()] == ["upper@0.5"] * 18 + [
        "typos@0.1"
    ] * 27
    assert [row["id"] for row in kept] == sorted((row["id"] for row in kept), key=file_order.index)
    assert "hi" not in {row["language"] for row in found.to_pylist()[:18]}


def test_the_same_groups_are_chosen_in_every_language_and_condition():
    found = perturb_table(XNLI, pairs(40, "en de el"), SOME, LANGUAGES, items=5).to_pylist()
    groups = {
        (row["condition"], row["language"]): tuple(
            other["group"]
            for other in found
            if (other["condition"], other["language"]) == (row["condition"], row["language"])
        )
        for row in found
    }
    assert len(groups) == 3 * len(SOME)
    assert len(set(groups.values())) == 1
    chosen = set(next(iter(groups.values())))
    assert len(chosen) == 5
    assert chosen not in ({"0", "1", "2", "3", "4"}, set(sorted(map(str, range(40)))[:5]))


def test_fewer_items_are_those_of_more_and_perturbed_alike():
    data = pairs(40, "en de")
    some = keyed(perturb_table(XNLI, data, SOME, LANGUAGES, items=5))
    all_of_them = keyed(perturb_table(XNLI, data, SOME, LANGUAGES))
    assert len(all_of_them) == 80 * len(SOME)
    assert some.items() <= all_of_them.items()


def test_only_one_split_is_perturbed():
    one = {"text_a": "One.", "text_b": "Two."}
    data = pa.concat_tables([table(Kind.PAIR, [one], split=split) for split in ("dev", "test")])
    for split in ("dev", "test"):
        found = perturb_table(XNLI, data, ["lower@1"], LANGUAGES, split=split)
        assert found["split"].to_pylist() == [split]


@pytest.mark.parametrize("kind", [Kind.PAIR, Kind.SPAN, Kind.RETRIEVAL])
def test_nothing_gives_an_empty_table(kind):
    task = next(task for task in TASKS.values() if task.kind is kind)
    for rows, conditions in ((table(kind, []), WHOLE), (table(kind, []), [])):
        found = perturb_table(task, rows, conditions, LANGUAGES)
        assert found.num_rows == 0
        assert found.schema.equals(perturbed_schema(kind))
    assert perturbed_schema(kind).names == [*DATA[kind].names, "condition"]


def test_a_language_that_nothing_applies_to_is_absent():
    found = perturb_table(XNLI, pairs(3, "hi th"), ["upper@1"], LANGUAGES)
    assert found.num_rows == 0


@pytest.mark.parametrize(
    ("task", "rows", "conditions", "message"),
    [
        (XNLI, pairs(2, "en xx"), ["lower@1"], "unknown language 'xx'"),
        (XNLI, pairs(2, "en"), ["lower@1", "lower@1"], "repeats"),
        (XNLI, pairs(2, "en"), ["clean"], "is no perturbation"),
        (XQUAD, pairs(2, "en"), ["lower@1"], "expected the columns"),
        (
            next(task for task in TASKS.values() if task.kind is Kind.MLM),
            table(Kind.MLM, []),
            ["lower@1"],
            "no items to perturb",
        ),
    ],
)
def test_what_cannot_be_perturbed_is_refused(task, rows, conditions, message):
    with pytest.raises(XstiltsError, match=message):
        perturb_table(task, rows, conditions, LANGUAGES)


def test_places_after_edits():
    edits = [Edit(0, 1, ""), Edit(3, 4, "xyz")]
    assert apply_edits("abcdef", edits) == "bcxyzef"
    assert [moved(place, edits) for place in (1, 2, 4, 5)] == [0, 1, 5, 6]


# --- real data ---------------------------------------------------------------------------------


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("task", "languages"),
    [
        (XNLI, "en ar vi zh"),
        (XQUAD, "en de th ar zh"),
        (TYDIQA, "en ko sw"),
        (UDPOS, "hi yo tr ja"),
        (TATOEBA, "de ka ja"),
    ],
    ids=lambda value: getattr(value, "key", ""),
)
def test_real_items(xtreme_mini, task, languages):
    units = []
    for language in languages.split():
        source, files = find_files(task, "test", language, xtreme_mini)
        units.append(Unit("test", language, tuple(map(str, files)), source.reader))
    data, _ = build_part(task, "eval", units, source="folder", limits={})
    found = perturb_table(task, data, ["typos@0.1", *WHOLE[1:]], LANGUAGES, items=50)
    clean = {
        (row["language"], row["id"]): row for row in data.to_pylist() if row.get("side") != "en"
    }
    changed = 0
    for row in found.to_pylist():
        before = clean[row["language"], row["id"]]
        assert KINDS[parse_condition(row["condition"])[0]].applies_to(LANGUAGES[row["language"]])
        changed += {**before, "condition": row["condition"]} != row
        if task.kind is Kind.SPAN:
            for answer in row["answers"]:
                assert row["context"].startswith(answer["text"], answer["start"])
    counts = Counter((row["condition"], row["language"]) for row in found.to_pylist())
    assert set(counts.values()) == {50}
    assert {language for _, language in counts} == set(languages.split())
    assert changed > 0.6 * found.num_rows
