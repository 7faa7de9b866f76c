"""Exact search both ways against two exact searches by FAISS (`IndexFlatIP`), one after the other.

    python benchmarks/search.py [--threads 1] [--rounds 5] [--quick]

Vectors are made up: translations lie together, and as those of real encoders all have much in
common. Checked first: the similarities are the same but for the rounding of FAISS' float32 sums,
and so are neighbours wherever similarities differ by more. Then ours and theirs take turns, and
the products that are the limit: nothing that multiplies all pairs once can be faster than one
product alone, in bfloat16 where the processor has arithmetic for it.

The aim is 4 times as fast with 8,000 x 16,000 vectors of 1,024.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Callable, Iterator, Sequence

# As jobs have it (`xstilts.execution.jobs`).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import faiss
import numpy as np
import torch
from measure import Row, compared, in_turn, machine, table

from xstilts.prediction.screen import fastest
from xstilts.prediction.search import Neighbours, nearest_both, normalised

# Sentences of both sides, dimensions, neighbours.
AIM = (8000, 16000, 1024, 4)
SIZES = ((1000, 1000, 1024, 1), (4000, 4000, 384, 4), (8000, 16000, 384, 4), AIM)
QUICK = ((300, 300, 1024, 1), (1000, 2000, 384, 4), (2000, 3000, 1024, 4))
# Of a similarity in float32: sums of 1,024 numbers are off by much less.
TOLERANCE = 2e-6
_FAISS = "two searches by FAISS"


def vectors(x: int, y: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Two sides of translations of unit length with a mean cosine of 0.5 between any two."""
    random = np.random.default_rng(0)
    meanings = random.standard_normal((max(x, y), width), dtype=np.float32)
    common = 1.2 * random.standard_normal(width, dtype=np.float32)
    left, right = (
        normalised(
            meanings[:rows] + common + 0.7 * random.standard_normal((rows, width), dtype=np.float32)
        )
        for rows in (x, y)
    )
    return left, right


def by_faiss(x: np.ndarray, y: np.ndarray, k: int) -> list[Neighbours]:
    """The peer: an index of either side, searched with the other."""
    found = []
    for queries, searched in ((x, y), (y, x)):
        index = faiss.IndexFlatIP(searched.shape[1])
        index.add(searched)
        found.append(Neighbours(*index.search(queries, k)))
    return found


def check(ours: Sequence[Neighbours], theirs: Sequence[Neighbours]) -> float:
    """The greatest difference of a similarity; raises if neighbours differ that do not tie."""
    difference = 0.0
    for one, other in zip(ours, theirs, strict=True):
        difference = max(difference, np.abs(one.similarities - other.similarities).max())
        gaps = np.abs(np.diff(one.similarities, axis=1)) <= TOLERANCE
        # The last may tie with one that is not shown.
        tied = np.pad(gaps, ((0, 0), (1, 0))) | np.pad(gaps, ((0, 0), (0, 1)), constant_values=True)
        if difference > TOLERANCE or ((one.rows != other.rows) & ~tied).any():
            raise SystemExit("the results differ")
        if (one.rows != other.rows).mean() > 0.01:
            raise SystemExit("more neighbours differ than can tie")
    return difference


def compare(size: tuple[int, int, int, int], rounds: int) -> Row:
    """Ours beside FAISS and the products that are the limit, after all are seen to be equal."""
    *shape, k = size
    x, y = vectors(*shape)
    left, right = torch.from_numpy(x), torch.from_numpy(y).T
    low = fastest(torch.device("cpu"))
    left_low, right_low = left.to(low), right.T.to(low).T
    results, results_low = torch.empty(shape[:2]), torch.empty(shape[:2], dtype=low)
    work: dict[str, Callable[[], object]] = {
        "ours": lambda: nearest_both(x, y, k),
        _FAISS: lambda: by_faiss(x, y, k),
        f"one product in {str(low).removeprefix('torch.')}": lambda: torch.mm(
            left_low, right_low, out=results_low
        ),
        "one product in float32": lambda: torch.mm(left, right, out=results),
    }
    difference = check(nearest_both(x, y, k), by_faiss(x, y, k))
    what = f"search both ways, {' x '.join(f'{each:,}' for each in shape)}, k = {k}"
    print(f"{what}: equal (similarities to {difference:.1e})")
    times = in_turn(work, rounds)
    products = [
        f"{name} is {statistics.median(each.cpu) / statistics.median(times['ours'].cpu):.2f} of it"
        for name, each in times.items()
        if "product" in name
    ]
    aim = 4.0 if size == AIM else None
    return compared(what, times["ours"], times[_FAISS], _FAISS, aim, "; ".join(products))


def rows(sizes: Sequence[tuple[int, int, int, int]], rounds: int) -> Iterator[Row]:
    """A row for each size."""
    return (compare(size, rounds) for size in sizes)


def main(argv: Sequence[str] | None = None) -> None:
    """Print the processor, and what each size takes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="small sizes, three rounds")
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    faiss.omp_set_num_threads(options.threads)
    print(f"{machine()}; {options.threads} threads")
    sizes, rounds = (QUICK, 3) if options.quick else (SIZES, options.rounds)
    print(table(rows(sizes, rounds)))


if __name__ == "__main__":
    main()
