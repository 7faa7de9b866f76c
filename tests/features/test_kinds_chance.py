"""What shows a collapse: the loss of a model that sees no input, and answers all the same."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
import torch

from xstilts.config.tasks import TASKS, TEXT
from xstilts.features.batches import Features
from xstilts.features.kinds import kind_of
from xstilts.features.kinds.base import IGNORED, entropy

PAIR, CHOICE, TAGGING, SPAN, MLM = (
    kind_of(TASKS[key]) for key in ("xnli", "csqa", "panx", "squad_v1", TEXT)
)


def features(inputs: list[list[int]], **columns: list) -> Features:
    return Features(pa.table({"item": list(range(len(inputs))), "input_ids": inputs, **columns}))


def test_entropy_of_worked_examples():
    assert entropy(np.array([3, 3, 3])) == 0
    assert entropy(np.array([], dtype=np.int32)) == 0
    assert entropy(np.array([0, 1, 0, 1])) == pytest.approx(math.log(2))
    by_hand = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert entropy(np.array([7, 2, 7, 7])) == pytest.approx(by_hand)


def test_pairs_know_how_often_each_label_occurs():
    labels = [0, 0, 1, 2]
    found = PAIR.chance_loss(features([[1]] * 4, label=labels))
    assert found == pytest.approx(1.5 * math.log(2))
    # It is the loss of that very model.
    scores = torch.tensor([[0.5, 0.25, 0.25]]).log().expand(4, 3)
    assert PAIR.loss(scores, torch.tensor(labels), None).item() / 4 == pytest.approx(found)


def test_choices_are_equally_likely():
    found = CHOICE.chance_loss(
        features([[1] * 5, [1] * 2], choice_lengths=[[1] * 5, [1] * 2], label=[0, 1])
    )
    assert found == pytest.approx((math.log(5) + math.log(2)) / 2)
    scores = torch.tensor([[0.0] * 5, [0.0] * 2 + [-math.inf] * 3])
    loss = CHOICE.loss(scores, torch.tensor([0, 1]), None).item()
    assert loss / 2 == pytest.approx(found)


def test_tags_count_where_they_are_decided():
    table = features(
        [[1] * 4, [1] * 3], labels=[[IGNORED, 0, 4, IGNORED], [0, IGNORED, 0]], words=[[0] * 4] * 2
    )
    found = TAGGING.chance_loss(table)
    assert found == pytest.approx(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    scores = torch.full((2, 4, 7), -math.inf)
    scores[:, :, 0], scores[:, :, 4] = math.log(0.75), math.log(0.25)
    loss = TAGGING.loss(scores, TAGGING.targets(table, [0, 1], 4), None).item()
    assert loss / TAGGING.decisions(table, [0, 1]) == pytest.approx(found)


def test_spans_know_how_often_there_is_an_answer_and_not_where():
    # Two windows without the answer, two with it in passages of 5 and of 2 tokens.
    inputs = [[1] * 8, [1] * 4, [1] * 8, [1] * 5]
    inside = [5, 1, 5, 2]
    chars = [[-1] * (len(ids) - n) + [0] * n for ids, n in zip(inputs, inside, strict=True)]
    table = features(inputs, start=[0, 0, 4, 3], end=[0, 0, 6, 4], char_start=chars)
    found = SPAN.chance_loss(table)
    assert found == pytest.approx(math.log(2) + (math.log(5) + math.log(2)) / 4)
    # It is the loss of that very model.
    scores = torch.full((4, 8, 2), -math.inf)
    for row, n in enumerate(inside):
        scores[row, 0] = math.log(0.5)
        scores[row, len(inputs[row]) - n : len(inputs[row])] = math.log(0.5 / n)
    mask = torch.tensor([[1] * len(ids) + [0] * (8 - len(ids)) for ids in inputs])
    loss = SPAN.loss(scores, SPAN.targets(table, range(4), 8), mask).item()
    assert loss / SPAN.decisions(table, range(4)) == pytest.approx(found)


def test_masked_pieces_have_no_such_loss():
    assert MLM.chance_loss(features([[1, 2]])) is None


@pytest.mark.parametrize(
    ("kind", "alike", "different"),
    [
        (PAIR, ["neutral"] * 3, ["neutral", "entailment"]),
        (CHOICE, [2, 2], [2, 0, 2]),
        (TAGGING, [["O", "O"], [], ["O"]], [["O"], ["O", "B-PER"]]),
        (SPAN, ["", "", ""], ["", "Rouen", ""]),
        (SPAN, ["the", "the"], ["the", "The"]),
    ],
)
def test_predictions_that_are_all_the_same_are_constant(kind, alike, different):
    assert kind.is_constant(alike)
    assert not kind.is_constant(different)
    assert kind.is_constant(alike[:1])
    assert not kind.is_constant([])
