"""Batches that do not fit into memory are cut, and every row is computed once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xstilts.errors import XstiltsError
from xstilts.features.batches import micro_batches
from xstilts.training.memory import for_each_batch, is_out_of_memory

CPU = torch.device("cpu")


class Device:
    """Computes batches of at most so many padded tokens, and counts its failures."""

    def __init__(self, lengths: np.ndarray, tokens: int) -> None:
        self.lengths, self.tokens = lengths, tokens
        self.done: list[int] = []
        self.failures = 0

    def __call__(self, rows: np.ndarray) -> None:
        if len(rows) * self.lengths[rows].max() > self.tokens:
            self.failures += 1
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.done.extend(rows.tolist())


@given(st.lists(st.integers(1, 64), min_size=1, max_size=200), st.integers(64, 5000))
def test_every_row_is_computed_once_in_the_same_order(lengths, tokens):
    lengths = np.array(lengths)
    batches = list(micro_batches(range(len(lengths)), lengths, 4096))
    device = Device(lengths, tokens)
    for_each_batch(device, batches, lengths, CPU)
    assert device.done == np.concatenate(batches).tolist()


def test_what_was_too_much_once_is_not_tried_again():
    lengths = np.full(1000, 10)
    device = Device(lengths, 170)
    for_each_batch(device, micro_batches(range(1000), lengths, 1000), lengths, CPU)
    # 100 rows, 50, 25; 12 fit.
    assert device.failures == 3


def test_a_single_row_that_does_not_fit_and_other_errors_end_it():
    lengths = np.full(4, 10)
    with pytest.raises(XstiltsError, match=r"one input of 10 tokens \(CUDA out of memory\)"):
        for_each_batch(Device(lengths, 5), [np.arange(4)], lengths, CPU)

    def broken(_rows: np.ndarray) -> None:
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        for_each_batch(broken, [np.arange(4)], lengths, CPU)


def test_pytorch_says_in_this_way_that_memory_is_short():
    with pytest.raises(RuntimeError) as error:
        torch.empty(2**50, dtype=torch.uint8)
    assert is_out_of_memory(error.value)
    assert is_out_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"))
    assert not is_out_of_memory(RuntimeError("shapes differ"))
