"""Which source each step trains on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xstilts.config.settings import Mixing
from xstilts.graph.mixture import MixedSource, number_of_steps, plan, probabilities

SIZES = st.lists(st.integers(1, 500_000), min_size=1, max_size=9)


def mix(*sizes: int, text: bool = False) -> list[MixedSource]:
    tasks = [MixedSource(f"task{i}", f"task{i}", size, size) for i, size in enumerate(sizes)]
    return [*tasks, *([MixedSource("text", "text", 10**6, 10**6, is_text=True)] if text else [])]


@given(SIZES, st.floats(1, 100), st.one_of(st.none(), st.integers(1, 10**6)), st.booleans())
def test_probabilities_are_of_capped_sizes_with_a_temperature(sizes, temperature, cap, text):
    mixing = Mixing(temperature=temperature, cap=cap, mlm_share=0.25)
    found = probabilities(mix(*sizes, text=text), mixing)
    if len(sizes) == 1:
        cap = None
    raw = [min(size, cap or size) ** (1 / temperature) for size in sizes]
    share = 0.75 if text else 1.0
    expected = [share * each / math.fsum(raw) for each in raw] + ([0.25] if text else [])
    assert found == pytest.approx(expected)
    assert sum(found) == pytest.approx(1)


def test_explicit_weights_win_over_sizes():
    mixing = Mixing(weights={"task0": 1, "task1": 3})
    assert probabilities(mix(10_000, 10), mixing) == pytest.approx([0.25, 0.75])
    assert probabilities(mix(10_000, 10, text=True), mixing) == pytest.approx([0.125, 0.375, 0.5])


def test_text_alone_is_all_there_is():
    assert probabilities(mix(text=True), Mixing(mlm_share=0.1)) == pytest.approx([1.0])


def test_steps_are_those_of_the_tasks_and_the_text_comes_on_top():
    capped = Mixing(cap=100, mlm_share=0.75)
    assert number_of_steps(mix(1000), capped, 8, 2) == 250
    assert number_of_steps(mix(1000, 50), capped, 8, 2) == 2 * (13 + 7)
    assert number_of_steps(mix(1000, text=True), capped, 8, 2) == 1000
    assert number_of_steps([MixedSource("text", "text", 70, 80, is_text=True)], capped, 8, 3) == 30


def languages(*sizes: int) -> list[MixedSource]:
    return [MixedSource(f"mnli@{i}", "mnli", size, size) for i, size in enumerate(sizes)]


def test_a_task_in_several_languages_trains_for_as_many_steps_as_in_one():
    capped = Mixing(cap=100)
    assert number_of_steps(languages(1000), capped, 10, 2) == 200
    assert number_of_steps(languages(1000, 1000, 1000), capped, 10, 2) == 200
    assert number_of_steps(languages(900, 300), capped, 10, 2) == 120
    assert probabilities(languages(900, 300), capped) == pytest.approx([0.75, 0.25])
    several = [*languages(900, 300), MixedSource("qqp", "qqp", 50, 50)]
    assert number_of_steps(several, capped, 10, 1) == 10 + 5
    assert probabilities(several, capped) == pytest.approx([0.5, 1 / 6, 1 / 3])


def test_passages_of_several_windows_are_one_item_each():
    squad, mnli = (
        MixedSource("squad_v1", "squad_v1", 300, 900),
        MixedSource("mnli", "mnli", 300, 300),
    )
    assert probabilities([squad, mnli], Mixing()) == pytest.approx([0.5, 0.5])
    assert number_of_steps([squad, mnli], Mixing(), 10, 1) == 30 + 30
    assert number_of_steps([squad], Mixing(cap=100), 10, 1) == 90


def test_many_sources_are_all_drawn():
    sources = mix(*[10] * 300)
    drawn, _ = plan(sources, Mixing(), 20_000, seed=1)
    assert set(drawn) == set(range(300))


@settings(max_examples=30)
@given(SIZES, st.booleans(), st.integers(0, 5))
def test_the_plan_counts_what_each_source_had_before(sizes, text, seed):
    sources = mix(*sizes, text=text)
    drawn, before = plan(sources, Mixing(), 400, seed)
    seen = [0] * len(sources)
    for source, count in zip(drawn, before, strict=True):
        assert count == seen[source]
        seen[source] += 1
    again, _ = plan(sources, Mixing(), 400, seed)
    assert np.array_equal(drawn, again)


def test_sources_are_drawn_as_often_as_they_should_be():
    sources = mix(30_000, 10_000, text=True)
    drawn, _ = plan(sources, Mixing(mlm_share=0.5), 40_000, seed=3)
    shares = np.bincount(drawn, minlength=3) / len(drawn)
    assert shares == pytest.approx([0.375, 0.125, 0.5], abs=0.01)
