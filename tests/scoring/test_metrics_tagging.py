import warnings

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.scheme import IOB2

from xstilts.config.tasks import NER_TAGS, UPOS_TAGS
from xstilts.scoring.metrics.counts import f1_from_counts
from xstilts.scoring.metrics.tagging import (
    ChunkCounts,
    corpus_chunk_counts,
    is_iob2,
    strict_chunk_counts,
)


def corpora(tags):
    sentence = st.lists(st.tuples(st.sampled_from(tags), st.sampled_from(tags)), max_size=7)
    return st.lists(sentence, min_size=1, max_size=6).map(
        lambda corpus: (
            [[gold for gold, _ in pairs] for pairs in corpus],
            [[guess for _, guess in pairs] for pairs in corpus],
        )
    )


def shares(counts):
    return f1_from_counts(*(sum(part) for part in zip(*counts, strict=True)))


def seqeval_shares(gold, predicted, **mode):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tuple(
            metric(gold, predicted, **mode) for metric in (precision_score, recall_score, f1_score)
        )


def chunk_counts(gold, predicted):
    """Counts of one sentence that stands alone."""
    return corpus_chunk_counts([gold], [predicted])[0]


def test_worked_example_of_seqeval():
    # seqeval 1.2.2, docstring of f1_score: two of three chunks agree.
    gold = [["O", "O", "B-MISC", "I-MISC", "B-MISC", "O", "O"], ["B-PER", "I-PER", "O"]]
    guess = [["O", "O", "B-MISC", "I-MISC", "B-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]
    assert corpus_chunk_counts(gold, guess) == [ChunkCounts(1, 2, 2), ChunkCounts(1, 1, 1)]
    assert shares(corpus_chunk_counts(gold, guess)) == pytest.approx((2 / 3, 2 / 3, 2 / 3))


@settings(max_examples=150, deadline=None)
@given(corpora(NER_TAGS))
def test_lenient_sums_are_seqevals_and_sentences_stand_alone(corpus):
    gold, predicted = corpus
    counts = corpus_chunk_counts(gold, predicted)
    assert shares(counts) == pytest.approx(seqeval_shares(gold, predicted), abs=1e-12)
    assert counts == [chunk_counts(a, b) for a, b in zip(gold, predicted, strict=True)]


@settings(max_examples=150, deadline=None)
@given(corpora(UPOS_TAGS))
@example(([["NOUN"], ["X", "NOUN"]], [["NOUN"], ["X", "NOUN"]]))
@example(([["NOUN", "VERB"], ["X", "NOUN"]], [["NOUN", "NOUN"], ["X", "NOUN"]]))
@example(([["X"], ["X"]], [["X"], ["X"]]))
def test_lenient_sums_are_seqevals_for_bare_tags(corpus):
    gold, predicted = corpus
    counts = corpus_chunk_counts(gold, predicted)
    assert shares(counts) == pytest.approx(seqeval_shares(gold, predicted), abs=1e-12)


@settings(max_examples=150, deadline=None)
@given(corpora(NER_TAGS))
def test_strict_sums_are_seqevals(corpus):
    gold, predicted = corpus
    counts = [strict_chunk_counts(a, b) for a, b in zip(gold, predicted, strict=True)]
    expected = seqeval_shares(gold, predicted, mode="strict", scheme=IOB2)
    assert shares(counts) == pytest.approx(expected, abs=1e-12)


def test_readings_differ_on_a_chunk_without_a_beginning():
    gold, predicted = ["B-PER", "I-PER", "O"], ["I-PER", "I-PER", "O"]
    assert chunk_counts(gold, predicted) == (1, 1, 1)
    assert strict_chunk_counts(gold, predicted) == (0, 0, 1)


def test_bare_tags_are_read_as_prefix_and_type():
    # Equal neighbours merge, and the C and S of the conjunctions count as prefixes.
    assert chunk_counts(["NOUN", "NOUN", "VERB"], ["NOUN", "NOUN", "VERB"]) == (2, 2, 2)
    assert chunk_counts(["VERB", "CCONJ"], ["VERB", "SCONJ"]) == (2, 2, 2)


def test_bare_tags_raise_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chunk_counts(["NOUN"], ["VERB"])


def test_different_lengths_are_refused():
    for count in (chunk_counts, strict_chunk_counts):
        with pytest.raises(ValueError, match="differ in number"):
            count(["O", "O"], ["O"])


def test_is_iob2():
    assert is_iob2(NER_TAGS)
    assert not is_iob2(UPOS_TAGS)
    assert not is_iob2(())
