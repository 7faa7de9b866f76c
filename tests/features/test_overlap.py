"""How alike subwords are, against counts by Python's own means."""

from __future__ import annotations

from collections import Counter
from math import log2

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xstilts.features.kinds.text import text_features
from xstilts.features.overlap import TargetFiles, subword_overlap, text_starts
from xstilts.features.tiny_tokenizers import mbert, xlm_roberta

BEGIN, END = 0, 9
SPECIAL = frozenset({BEGIN, END, 50})
SUBWORDS = st.lists(st.integers(1, 8), min_size=1, max_size=6)


def write(path, **columns):
    pq.write_table(pa.table(columns), path)
    return path


def ids(texts):
    return pa.array([[BEGIN, *text, END] for text in texts], pa.list_(pa.int32()))


def trained(folder, items, english):
    """A target with (language, subwords) items that trains on these texts."""
    numbers = pa.array(range(len(items)), pa.int32())
    return TargetFiles(
        data=write(folder / "data.parquet", language=[code for code, _ in items]),
        features=write(
            folder / "eval.parquet", item=numbers, input_ids=ids(text for _, text in items)
        ),
        english=write(folder / "train.parquet", input_ids=ids(english)),
    )


def alike(own, english):
    """1 - JSD of two lists of texts, by its definition."""
    counts = [Counter(each for text in texts for each in text) for texts in (own, english)]
    p, q = ({key: n / held.total() for key, n in held.items()} for held in counts)
    bits = 0.0
    for one in (p, q):
        for key, share in one.items():
            bits += share / 2 * log2(share / ((p.get(key, 0) + q.get(key, 0)) / 2))
    return 1 - bits


def found(targets):
    return {
        (row["target"], row["language"]): row["overlap"]
        for row in subword_overlap(targets, SPECIAL).to_pylist()
    }


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["de", "sw", "en"]), SUBWORDS), min_size=1, max_size=9),
    st.lists(SUBWORDS, min_size=1, max_size=9),
)
def test_trained_targets_are_compared_with_what_they_train_on(tmp_path_factory, items, english):
    folder = tmp_path_factory.mktemp("overlap")
    expected = {
        ("xnli", code): alike([text for other, text in items if other == code], english)
        for code in {code for code, _ in items}
    }
    assert found({"xnli": trained(folder, items, english)}) == pytest.approx(expected, abs=1e-9)


def test_the_same_texts_are_wholly_alike_and_others_not_at_all(tmp_path):
    items = [("de", [1, 2]), ("de", [2]), ("sw", [3, 4, 4])]
    target = trained(tmp_path, items, [[2, 1], [2]])
    assert found({"xnli": target}) == pytest.approx({("xnli", "de"): 1, ("xnli", "sw"): 0})


def test_a_language_without_any_subword_has_no_overlap(tmp_path):
    target = trained(tmp_path, [("de", []), ("sw", [1])], [[1]])
    assert found({"xnli": target}) == pytest.approx({("xnli", "sw"): 1})


def test_pairs_are_compared_with_their_own_english_side(tmp_path):
    # The English sentence [1, 2] stands in rows of both languages, as does a name, [5], which is
    # the same in German and in English.
    rows = [
        ("de", "foreign", [5]), ("de", "en", [5]), ("de", "foreign", [3]), ("de", "en", [1, 2]),
        ("sw", "foreign", [1, 7]), ("sw", "en", [1, 2]),
    ]  # fmt: skip
    texts = [[5], [3], [1, 2], [1, 7]]
    target = TargetFiles(
        data=write(
            tmp_path / "data.parquet",
            language=[code for code, _, _ in rows],
            side=[side for _, side, _ in rows],
        ),
        features=write(
            tmp_path / "eval.parquet",
            item=pa.array(range(len(texts)), pa.int32()),
            input_ids=ids(texts),
            rows=pa.array(
                [[i for i, row in enumerate(rows) if row[2] == text] for text in texts],
                pa.list_(pa.int32()),
            ),
        ),
        english=None,
    )
    assert found({"tatoeba": target}) == pytest.approx(
        {
            ("tatoeba", "de"): alike([[5], [3]], [[5], [1, 2]]),
            ("tatoeba", "sw"): alike([[1, 7]], [[1, 2]]),
        }
    )


@pytest.mark.parametrize("make", [mbert, xlm_roberta])
@pytest.mark.parametrize("prefix", ["query: ", "query:  passage: ", ""])
def test_what_stands_before_each_text_is_no_part_of_it(tmp_path, make, prefix):
    """Embedders that were trained with a prefix read it in every language, in English too."""
    sides = {"foreign": ["ein Haus", "query ein", "das Tor"], "en": ["a house", "a query", "gate"]}
    texts = [text for held in sides.values() for text in held]
    tokenizer = make([*texts, "query: passage: "])
    special = {*tokenizer.all_special_ids} - {tokenizer.unk_token_id}
    data = pa.table({"text": texts})
    target = TargetFiles(
        data=write(
            tmp_path / "data.parquet",
            language=["de"] * len(texts),
            side=[side for side, held in sides.items() for _ in held],
        ),
        features=tmp_path / "eval.parquet",
        english=None,
        before=text_starts(tokenizer, prefix),
    )
    pq.write_table(text_features(data, tokenizer, 64, prefix), target.features)
    own, english = (
        tokenizer(held, add_special_tokens=False)["input_ids"] for held in sides.values()
    )
    found = subword_overlap({"tatoeba": target}, special).to_pylist()
    assert [row["overlap"] for row in found] == pytest.approx([alike(own, english)])


def test_files_are_counted_whole_however_they_are_read(tmp_path, monkeypatch):
    items = [(("de", "sw")[n % 2], [1 + n % 7, 1 + n % 3]) for n in range(40)]
    english = [[1 + n % 5] for n in range(23)]
    target = trained(tmp_path, items, english)
    whole = found({"xnli": target})
    monkeypatch.setattr("xstilts.features.overlap._BATCH", 3)
    assert found({"xnli": target}) == pytest.approx(whole, abs=1e-12)
