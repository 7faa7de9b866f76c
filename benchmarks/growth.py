"""How CPU time and memory of the stages grow with languages, items, recipes and seeds.

    python benchmarks/growth.py [--quick] [--repeats 3]

One of the four is 1, 4 and 16 times as large while the others stay as they are: two languages of
each target, and of all else what the demo has (100 items, six recipes, one seed). 32 languages are
what XTREME has of three targets, so a stage is set beside the rows that it reads and not beside
their number; generated languages are at most nine. Stages are described in `growth_stages.py`; each
runs in a process of its own, and medians are taken over its repeats, sizes in turn.

An exponent is the slope, on logarithmic scales, from the second largest size to the largest: of CPU
seconds, and of megabytes beyond those that its process held before, over rows that are read; over
the size itself where that hardly adds a row. 1 is proportional, and nothing may be noticeably above
it: what is, is marked. Below 1 a part that does not grow is still felt.

--quick measures 1 and 4 times as much, once, and marks less: with two languages some findings are
not computed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

AXES = ("languages", "items", "recipes", "seeds")
BASE = {"languages": 2, "items": 100, "recipes": 6, "seeds": 1}
DATA_AXES = AXES[:2]
# What each stage is measured along.
STAGES = {
    "generate": DATA_AXES,
    "ingest": DATA_AXES,
    "tokenise": DATA_AXES,
    "score": AXES,
    "collect": AXES,
    "analyse": AXES,
    "pages": AXES,
    "curves": AXES[2:],
    "costs": AXES[2:],
}
# Rows that are no more than so many times as many are taken not to grow.
_GROWN = 1.5
# Exponents of less than so much above 1 are within what repeats differ by; memory of fewer
# megabytes is that of allocators, and shorter times are those of clocks.
_MARGIN, _QUICK_MARGIN, _LEAST_MEGABYTES, _LEAST_SECONDS = 0.15, 0.5, 10.0, 0.05


class Took(NamedTuple):
    """What one run took, and the rows that it read."""

    cpu: float
    megabytes: float
    rows: int


# An axis and how many times the base: inputs differ by nothing else.
Size = tuple[str, int]


def run(stage: str, folder: Path, size: Size) -> Took | None:
    """Run a stage, or prepare, in a process of its own."""
    axis, times = size
    numbers = [str(number * (times if name == axis else 1)) for name, number in BASE.items()]
    command = [sys.executable, str(Path(__file__).with_name("growth_stages.py"))]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
    done = subprocess.run(
        [*command, stage, str(folder), *numbers], capture_output=True, text=True, env=environment
    )
    if done.returncode:
        sys.exit(f"{stage} with {times} times the {axis}:\n{done.stderr[-3000:]}")
    return Took(**json.loads(done.stdout.splitlines()[-1])) if done.stdout else None


def measured(multiples: tuple[int, ...], repeats: int) -> dict[tuple[str, Size], Took]:
    """Medians of every stage and size; the base stands for 1 on every axis."""
    base = (AXES[0], 1)
    sizes = [base, *((axis, times) for axis in AXES for times in multiples[1:])]
    found: dict[tuple[str, Size], list[Took]] = {}
    with tempfile.TemporaryDirectory() as name:
        folders = {size: Path(name, *map(str, size)) for size in sizes}
        for size, folder in folders.items():
            run("prepare", folder, size)
            print(f"prepared {size[1]} times the {size[0]}", file=sys.stderr, flush=True)
        for repeat in range(repeats):
            for stage, axes in STAGES.items():
                for size in sizes:
                    if size == base or size[0] in axes:
                        took = run(stage, folders[size], size)
                        found.setdefault((stage, size), []).append(took)
                print(f"round {repeat + 1}: {stage}", file=sys.stderr, flush=True)
    medians = {
        key: Took(*(statistics.median(values) for values in zip(*took, strict=True)))
        for key, took in found.items()
    }
    return medians | {
        (stage, (axis, 1)): medians[stage, base] for stage, axes in STAGES.items() for axis in axes
    }


def exponent(small: float, large: float, growth: float) -> float:
    """The slope on logarithmic scales."""
    return math.log(large / small) / math.log(growth)


def print_table(
    found: dict[tuple[str, Size], Took], multiples: tuple[int, ...], margin: float
) -> None:
    """A row for each stage and axis, in Markdown; exponents above 1 by a margin are marked."""
    times = [f"{each}×" for each in multiples]
    head = ["stage", "along", "rows", *(f"CPU s {each}" for each in times), "exponent"]
    head += [*(f"MB {each}" for each in times), "exponent"]
    print(f"| {' | '.join(head)} |")
    print(f"| --- | --- |{' ---: |' * (len(head) - 2)}")
    steep = []
    for stage, axes in STAGES.items():
        for axis in axes:
            took = [found[stage, (axis, each)] for each in multiples]
            growth = took[-1].rows / took[-2].rows
            growth = growth if growth > _GROWN else multiples[-1] / multiples[-2]
            cells = [stage, axis, f"{took[-1].rows:,.0f}"]
            for name, least, digits in (
                ("cpu", _LEAST_SECONDS, 2),
                ("megabytes", _LEAST_MEGABYTES, 0),
            ):
                values = [getattr(each, name) for each in took]
                cells += [f"{value:,.{digits}f}" for value in values]
                if values[-1] < least:
                    cells.append("")
                    continue
                slope = exponent(max(values[-2], least), values[-1], growth)
                above = slope > 1 + margin
                cells.append(f"**{slope:.2f}**" if above else f"{slope:.2f}")
                if above:
                    steep.append(f"{stage} over {axis} ({name})")
            print(f"| {' | '.join(cells)} |")
    print(f"\nFaster than what is read: {', '.join(steep) or 'nothing'}.")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1 and 4 times as much, once")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    if options.quick:
        print_table(measured((1, 4), 1), (1, 4), _QUICK_MARGIN)
    else:
        print_table(measured((1, 4, 16), options.repeats), (1, 4, 16), _MARGIN)


if __name__ == "__main__":
    main()
