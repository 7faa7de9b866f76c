"""Which pairs of vectors can be nearest neighbours: both ways, from one product (PyTorch).

The product is one of low precision, and what it leaves out cannot be a neighbour, because its error
is bounded. Let x and y be vectors of the two sides, c and e the means of the sides, u = x - c and
v = y - e. Then

    <x, y> - <c, e> = <u, v> + <u, e> + <c, v>,

which spreads around 0 even where all vectors are much alike. Computed is the product of u~ and v~,
which are u and v rounded to the low precision, with four more columns that add a = <u, e> and
b = <c, v>, each as the sum of two numbers of low precision. The result, before it is rounded
itself, is off by at most

    E = |u - u~| |v| + |u~| |v - v~|                both sides rounded (Cauchy and Schwarz)
        + what the two numbers lack of a and b      measured, as all of these norms are
        + g (|u~| |v~| + |a| + |b| + |u| |e| + |c| |v|)         sums in float32

with g = n t / (1 - n t) for sums of n numbers in any order, where t is the unit roundoff (Higham
2002, Accuracy and Stability of Numerical Algorithms, section 3.1). Products of two numbers of low
precision are exact in float32. The rounding of u and v themselves counts as a few more of the n
numbers. For one vector all those of the other side have the bound of the largest norms. A result p
that has been rounded comes from within h |p| of it, where h is half a unit in its last place.

So if k results of a vector are at least p_k, its k nearest have at least p_k - h |p_k| - E. What
is as near, or is so once exact similarities are rounded to float32 (r), has a result p with

    p + h |p| >= p_k - h |p_k| - 2 E - r.

The results that give p_k are maxima of disjoint parts of what was seen so far. Memory is that of
the rounded vectors, one block of the product and the pairs that are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

# Rows and columns of a block of the product, which is looked through while it is in the cache;
# how many results are looked at by their maximum first; vectors that are rounded at a time.
_BLOCK = (512, 4096)
_STEPS = 16
_ROUNDED_AT_ONCE = 256

# Unit roundoff of float32. Adders of GPUs cut off what does not fit (Fasi et al. 2021, Numerical
# behavior of NVIDIA tensor cores): they are given four times as much.
_UNIT = 2.0**-24
_UNIT_OF_GPUS = 4 * _UNIT
# Rounding of two similarities to float32, of the float64 sums before, with room.
_DECIDED = 4 * _UNIT
# Norms and bounds are computed in float32 themselves.
_SLACK = 1 + 2.0**-10
# Half a unit in the last place of a result, with room for computing with it.
_HALF_UNIT = {torch.bfloat16: 2.0**-8 * _SLACK, torch.float32: 4 * _UNIT}
# Integers of the same size, and how far their sign is from their last bit.
_INTEGERS = {torch.bfloat16: (torch.int16, 15), torch.float32: (torch.int32, 31)}
# More than is lost where a processor takes the smallest numbers for 0.
_TINY = 1e-30


class Screened(NamedTuple):
    """Pairs (row of x, row of y), each once, in rising order.

    All k nearest of every row are among them and whatever ties with these, but for `open_x` and
    `open_y`: rows of either side of which too many pairs are possible.
    """

    x: np.ndarray
    y: np.ndarray
    open_x: np.ndarray
    open_y: np.ndarray


def fastest(device: torch.device) -> torch.dtype:
    """bfloat16 where the device has arithmetic for it, else float32."""
    if device.type != "cpu" or torch.cpu.get_capabilities().get("avx512_bf16", False):
        return torch.bfloat16
    return torch.float32


def screen(
    x: np.ndarray,
    y: np.ndarray,
    k: int,
    *,
    device: str = "cpu",
    precision: torch.dtype | None = None,
) -> Screened:
    """The pairs that can be among the k nearest of either of their rows by inner product.

    Args:
        x: (n, d) float32, finite.
        y: (m, d) float32, finite.
        k: how many neighbours each row of either side has, at most n and m.
        device: what PyTorch calls it.
        precision: bfloat16 or float32; what is faster on the device unless given.
    """
    place = torch.device(device)
    dtype = precision or fastest(place)
    with torch.inference_mode(), _whole_sums():
        left, right = torch.from_numpy(x), torch.from_numpy(y)
        c, e = left.mean(0).to(place), right.mean(0).to(place)
        rows = Rounded(left, c, e, dtype, is_left=True)
        columns = Rounded(right, e, c, dtype, is_left=False)
        of_x = _Possible(rows.margins(columns), len(y), k, dtype)
        of_y = _Possible(columns.margins(rows), len(x), k, dtype)
        for i, j, results in _products(rows.low, columns.low):
            ordered = _ordered(results)
            of_x.see(ordered[: len(x) - i].T, i, j)
            of_y.see(ordered[:, : len(y) - j], j, i)
        x_rows, near = of_x.pairs()
        y_rows, near_y = of_y.pairs()
        both = torch.cat([x_rows * len(y) + near, near_y * len(y) + y_rows])
        pairs = np.divmod(torch.unique(both).cpu().numpy(), len(y))
        return Screened(pairs[0], pairs[1], of_x.open_rows(), of_y.open_rows())


def _products(rows: Tensor, columns: Tensor) -> Iterator[tuple[int, int, Tensor]]:
    """First row, first column and results of each block, one after the other in the same memory."""
    space = rows.new_empty(_BLOCK[0] * _BLOCK[1])
    for i in range(0, len(rows), _BLOCK[0]):
        for j in range(0, len(columns), _BLOCK[1]):
            left, right = rows[i : i + _BLOCK[0]], columns[j : j + _BLOCK[1]]
            block = space[: len(left) * len(right)].view(len(left), len(right))
            yield i, j, torch.mm(left, right.T, out=block)


class Rounded:
    """One side, centred and rounded (`low`), with the columns that add what centring took.

    Its number of rows is made up to whole steps by some whose results are minus infinity.

    Args:
        vectors: (n, d) float32.
        own: (d,) the centre of this side, on the device.
        other: (d,) the centre of the other side.
        is_left: which two of the four columns are this side's; in the others it has 1.
    """

    def __init__(
        self, vectors: Tensor, own: Tensor, other: Tensor, dtype: torch.dtype, *, is_left: bool
    ) -> None:
        count, width = vectors.shape
        shape = count + -count % _STEPS, width + 4
        self.low = torch.ones(shape, dtype=dtype, device=own.device)
        added = self.low[:, width : width + 2] if is_left else self.low[:, width + 2 :]
        self.low[count:, :width], added[count:] = 0, -torch.inf
        self._own, self._other = own.norm(), other.norm()
        self._norm, self._lost, self._added, self._lacking = own.new_empty(4, count)
        for start in range(0, count, _ROUNDED_AT_ONCE):
            at = slice(start, min(start + _ROUNDED_AT_ONCE, count))
            centred, low = vectors[at].to(own.device) - own, self.low[at, :width]
            low.copy_(centred)
            self._norm[at] = torch.linalg.vector_norm(centred, dim=1)
            self._lost[at] = torch.linalg.vector_norm(centred - low, dim=1)
            self._added[at] = rest = centred @ other
            for number in added[at].unbind(1):
                number.copy_(rest)
                rest = rest - number
            self._lacking[at] = rest.abs()

    def errors(self, facing: Rounded) -> Tensor:
        """(n,) E of each row, for all rows of the other side."""
        norm, lost = facing._norm.max(), facing._lost.max()
        rounded, facing_rounded = self._norm + self._lost, norm + lost
        unit = _UNIT if self.low.device.type == "cpu" else _UNIT_OF_GPUS
        terms = (self.low.shape[1] + 4) * unit
        summed = rounded * facing_rounded + self._added.abs() + facing._added.abs().max()
        summed = summed + self._norm * self._other + self._own * norm
        lacking = self._lacking + facing._lacking.max()
        errors = self._lost * norm + rounded * lost + lacking + terms / (1 - terms) * summed
        return _SLACK * errors + _TINY

    def margins(self, facing: Rounded) -> Tensor:
        """(n,) 2 E + r of each row."""
        lengths = (self._norm + self._own) * (facing._norm.max() + facing._own)
        return 2 * self.errors(facing) + _SLACK * _DECIDED * lengths


class _Possible:
    """Pairs of one side's rows that can be neighbours, after the blocks that were seen.

    Args:
        margins: (n,) of `Rounded.margins`.
        others: how many rows the other side has.
    """

    def __init__(self, margins: Tensor, others: int, k: int, dtype: torch.dtype) -> None:
        self._margins, self._others, self._dtype = margins, others, dtype
        self._best = _ordered(margins.new_full((k, len(margins)), -torch.inf, dtype=dtype))
        self._count = torch.zeros_like(margins, dtype=torch.int64)
        # Of more pairs of a row another search is faster.
        self._most = 64 + 16 * k
        self._found: list[tuple[Tensor, Tensor, Tensor]] = []

    def see(self, results: Tensor, start: int, first: int) -> None:
        """Take a block in.

        Args:
            results: (others, rows) of `_ordered`.
            start: number of the first row.
            first: number of the first of the others.
        """
        rows = slice(start, start + results.shape[1])
        steps = results.unflatten(0, (_STEPS, -1))
        maxima = _maxima(steps)
        self._improve(maxima, rows)
        least = self._least(rows)
        group, own = (maxima >= least).nonzero(as_tuple=True)
        values = steps[:, group, own]
        step, hit = (values >= least[own]).nonzero(as_tuple=True)
        own = own[hit]
        count = self._count[rows]
        count += torch.bincount(own, minlength=len(count))
        kept = count[own] <= self._most
        step, hit, own = step[kept], hit[kept], own[kept]
        other = step * len(maxima) + group[hit] + first
        self._found.append(((own + start).int(), other.int(), values[step, hit]))

    def _improve(self, maxima: Tensor, rows: slice) -> None:
        """Keep the k largest maxima of disjoint parts: of 2 k parts or more where there are."""
        best = self._best[:, rows]
        size = max(1, len(maxima) // (2 * len(best)))
        whole = len(maxima) - len(maxima) % size
        for new in _maxima(maxima[:whole].unflatten(0, (size, -1))):
            for level in best:
                smaller = torch.minimum(level, new)
                torch.maximum(level, new, out=level)
                new = smaller

    def _least(self, rows: slice) -> Tensor:
        """The least result of what can be a neighbour, as `_ordered` has it; none of open rows."""
        half = _HALF_UNIT[self._dtype]
        integers, sign = _INTEGERS[self._dtype]
        best = _numbers(self._best[-1, rows], self._dtype).float()
        least = best - half * best.abs() - self._margins[rows]
        least = torch.where(least >= 0, least / (1 + half), least / (1 - half))
        # In the order of the integers -0.0 comes before 0.0, which it equals.
        least.masked_fill_(least == 0, -0.0)
        # The first bits of a number are those of the next one in bfloat16 towards 0: what is at
        # least that is all that is at least the number, and of positive ones perhaps one more.
        least = (_ordered(least) >> (31 - sign)).to(integers)
        return least.masked_fill_(self._count[rows] > self._most, torch.iinfo(integers).max)

    def pairs(self) -> tuple[Tensor, Tensor]:
        """Numbers of rows, and of others that can be among their neighbours."""
        own, other, values = (torch.cat(parts) for parts in zip(*self._found, strict=True))
        kept = (values >= self._least(slice(None))[own]) & (other < self._others)
        return own[kept].long(), other[kept].long()

    def open_rows(self) -> np.ndarray:
        """Rows of which not all pairs were kept."""
        return (self._count > self._most).nonzero()[:, 0].cpu().numpy()


def _maxima(values: Tensor) -> Tensor:
    """Over the first axis. The result lies in memory as the rest does, which is much faster."""
    return torch.amax(values, 0, out=torch.empty_like(values[0]))


def _ordered(numbers: Tensor) -> Tensor:
    """Makes the numbers integers in the same order, which are compared much faster, in their place.

    Bits of a positive number are an integer in that order; those of a negative one are once all
    but its sign are flipped.
    """
    integers, sign = _INTEGERS[numbers.dtype]
    bits = numbers.view(integers)
    return bits.bitwise_xor_((bits >> sign).bitwise_and_(torch.iinfo(integers).max))


def _numbers(ordered: Tensor, dtype: torch.dtype) -> Tensor:
    """The numbers of which `_ordered` made these, which stay as they are."""
    return _ordered(ordered.clone().view(dtype)).view(dtype)


@contextmanager
def _whole_sums() -> Iterator[None]:
    """Products of bfloat16 are added up in float32; those of float32 are not rounded before."""
    matmul = torch.backends.cuda.matmul
    sums = matmul.allow_bf16_reduced_precision_reduction
    products = torch.get_float32_matmul_precision()
    matmul.allow_bf16_reduced_precision_reduction = False
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        matmul.allow_bf16_reduced_precision_reduction = sums
        torch.set_float32_matmul_precision(products)
