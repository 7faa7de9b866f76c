"""All benchmarks of a CPU in one table, in some ten minutes: what `make bench` runs.

    python benchmarks/bench.py [--data-root XTREME] [--threads 1]

Each script has more to say when it is run by itself. Those that are not here take longer or have no
peer: `growth.py`, `curves.py`, `gpu.py`, `calibration.py` and the verdicts that it calibrates.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from pathlib import Path

import encoding
import faiss
import planning
import search
import starting
import torch
import training
from measure import Row, machine, table


def rows(root: Path | None) -> Iterator[Row]:
    """All rows, of few rounds each."""
    yield from training.rows(root, items=320, rounds=2)
    yield from encoding.rows(root, items=120, rounds=3)
    yield from search.rows(search.SIZES[-1:], rounds=3)
    yield from starting.rows(jobs=5, rounds=2)
    yield from planning.rows(jobs=10_000, repeats=1)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data-root", type=Path, help="XTREME's folder; generated data without it")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    faiss.omp_set_num_threads(options.threads)
    warnings.simplefilter("ignore")
    root = options.data_root and options.data_root.resolve()
    found = table(rows(root))
    print(f"{machine()}; {options.threads} threads")
    print(found)


if __name__ == "__main__":
    main()
