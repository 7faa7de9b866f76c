import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.scoring.metrics.bitext import bitext_f1
from xstilts.scoring.metrics.counts import accuracy, f1_from_counts

pairs = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), max_size=8)


def test_f1_of_the_textbook():
    # Manning, Raghavan and Schütze 2008, exercise 8.1: 8 relevant and 10 other documents are
    # returned, 20 are relevant.
    assert f1_from_counts(8, 18, 20) == pytest.approx((8 / 18, 8 / 20, 16 / 38))


def test_empty_denominators_count_as_zero():
    assert f1_from_counts(0, 0, 0) == (0, 0, 0)
    assert f1_from_counts(0, 3, 0) == (0, 0, 0)


@given(pairs, pairs)
def test_bitext_f1_counts_each_pair_once(gold, predicted):
    hits = 0
    for number, pair in enumerate(predicted):
        hits += pair not in predicted[:number] and pair in gold
    sizes = [len({*side}) for side in (predicted, gold)]
    result = bitext_f1(gold, predicted)
    assert result.precision == pytest.approx(hits / sizes[0] if sizes[0] else 0)
    assert result.recall == pytest.approx(hits / sizes[1] if sizes[1] else 0)
    assert result.f1 == pytest.approx(2 * hits / sum(sizes) if hits else 0)


def test_accuracy():
    assert accuracy(["a", "b", "c", "d"], ["a", "b", "d", "d"]) == 0.75
    with pytest.raises(ValueError, match="no items"):
        accuracy([], [])
    with pytest.raises(ValueError, match="shorter"):
        accuracy(["a", "b"], ["a"])
