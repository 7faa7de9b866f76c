"""How long the findings take at the size of the paper's grid, and the bootstrap beside scipy's.

    python benchmarks/findings.py [--draws 10000] [--recipes 12] [--seeds 3] [--wide]

Answers are made up (right with a probability a language has); sizes are XTREME's, and --wide adds
SIB-200, Tatoeba in 112 languages, NTREX and AmericasNLI, some 250 languages. The limit that the
bootstrap is against is memory traffic: counts of (draws x items) are drawn and multiplied with
(items x cells), in pieces that stay in the cache, so that every drawn count serves all cells.
scipy.stats.bootstrap resamples one language of one recipe at a time; a few of them are timed in the
same run and the time is scaled to as many as there are.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
from scipy import stats

from xstilts.analysis.association.rows import association_rows
from xstilts.analysis.fairness.harm import harm_rows
from xstilts.analysis.fairness.rows import fairness_rows, pareto_rows
from xstilts.analysis.groups import group_rows
from xstilts.analysis.inference.bootstrap import Sample, resample
from xstilts.analysis.inputs.evidence import Evidence
from xstilts.analysis.inputs.items import Items
from xstilts.analysis.inputs.known_languages import KnownLanguages
from xstilts.analysis.inputs.panel import Panel
from xstilts.analysis.relatedness.rows import kinship_rows
from xstilts.analysis.stability import stability_rows
from xstilts.config.language_facts import FACTS
from xstilts.config.languages import LANGUAGES
from xstilts.config.tasks import TARGETS, XTREME

# Test items a language, rounded means over languages (Hu et al. 2020, table 1).
ITEMS = {
    "xnli": 5010, "pawsx": 2000, "udpos": 900, "panx": 5000, "xquad": 1190, "mlqa": 4500,
    "tydiqa": 560, "bucc2018": 9000, "tatoeba": 950, "sib200": 204, "tatoeba112": 950,
    "ntrex": 1997, "americasnli": 750,
}  # fmt: skip
PEER_SAMPLES = 3


WIDE = ("sib200", "tatoeba112", "ntrex", "americasnli")


def samples(
    recipes: list[str], seeds: int, draws: int, targets: Sequence[str]
) -> dict[str, Sample]:
    """The draws of every target."""
    rng = np.random.default_rng(1)
    cells = tuple((recipe, seed) for recipe in recipes for seed in range(seeds))
    found = {}
    for target in targets:
        languages, units = TARGETS[target].languages, ITEMS[target]
        items = {
            code: Items(
                numerator=(rng.random((units, len(cells))) < rng.uniform(0.4, 0.9)).astype("f4"),
                denominator=np.ones((units, 1), dtype=np.float32),
                count=units,
            )
            for code in languages
        }
        scores = resample(items, name=target, parallel=TARGETS[target].parallel, draws=draws)
        found[target] = Sample(
            cells=cells,
            languages=languages,
            scores=scores,
            counts=dict.fromkeys(languages, units),
        )
    return found


def timed(name: str, compute: Callable[[], object]) -> tuple[float, object]:
    """CPU seconds of one call, printed beside wall seconds, and what it gave."""
    start, began = time.process_time(), time.perf_counter()
    result = compute()
    seconds, wall = time.process_time() - start, time.perf_counter() - began
    print(f"{name:<40}{seconds:>8.1f} CPU s{wall:>8.1f} s", flush=True)
    return seconds, result


def peer_seconds(draws: int, recipes: int, seeds: int, targets: Sequence[str]) -> float:
    """CPU seconds of scipy's bootstrap of the mean for all cells, from a few of them."""
    rng = np.random.default_rng(2)
    total = 0.0
    for target in targets:
        right = (rng.random(ITEMS[target]) < 0.7).astype(float)
        times = []
        for _ in range(PEER_SAMPLES):
            start = time.process_time()
            stats.bootstrap(
                (right,), np.mean, n_resamples=draws, method="percentile", batch=100, rng=rng
            )
            times.append(time.process_time() - start)
        total += statistics.median(times) * len(TARGETS[target].languages) * recipes * seeds
    return total


def main() -> None:
    """Time each step and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("--recipes", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--wide", action="store_true", help="targets beyond XTREME too")
    options = parser.parse_args()
    targets = [*XTREME, *WIDE] if options.wide else list(XTREME)
    recipes = ["none", *(f"r{number}" for number in range(1, options.recipes))]
    ours, drawn = timed(
        "resample all items", lambda: samples(recipes, options.seeds, options.draws, targets)
    )
    panel = Panel(evidence=Evidence("e", drawn), recipes=tuple(recipes), languages=LANGUAGES)
    _, groups = timed("families, branches, languages", lambda: group_rows(panel))
    timed("fairness", lambda: fairness_rows(panel, FACTS, groups))
    timed("mean against worst family", lambda: pareto_rows(panel))
    timed("negative transfer", lambda: harm_rows(panel, groups))
    timed("stability", lambda: stability_rows(panel))
    world = KnownLanguages(languages=LANGUAGES, facts=FACTS)
    timed("correlations", lambda: association_rows(panel, world))
    timed("kinship", lambda: kinship_rows(panel, world))
    theirs = peer_seconds(options.draws, options.recipes, options.seeds, targets)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{'scipy.stats.bootstrap, scaled':<40}{theirs:>8.1f} CPU s")
    print(f"resampling is {theirs / ours:.1f} times as fast; {memory:.1f} GB at most")


if __name__ == "__main__":
    main()
