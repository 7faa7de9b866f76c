"""From an experiment's tables to its findings: everything that is said of robustness and fairness.

Nothing here knows of models: it reads scores, predictions and what is known of languages, whoever
made them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import polars as pl

from xstilts.analysis.association.rows import association_rows
from xstilts.analysis.claims.claims import claim_parts
from xstilts.analysis.claims.selection import ENGLISH, NOTHING, select
from xstilts.analysis.collapsed_cells import collapsed_scores
from xstilts.analysis.diversity import diversity_rows
from xstilts.analysis.fairness.harm import harm_rows
from xstilts.analysis.fairness.rows import fairness_rows, pareto_rows
from xstilts.analysis.findings import Findings
from xstilts.analysis.groups import group_rows
from xstilts.analysis.inference.bootstrap import DRAWS
from xstilts.analysis.inputs.evidence import Evidence, evidence, evidence_of_scores
from xstilts.analysis.inputs.items import CLEAN, CellFile, cell_files
from xstilts.analysis.inputs.known_languages import KnownLanguages
from xstilts.analysis.inputs.panel import Panel, majority_levels
from xstilts.analysis.pitfall_items import pitfall_items
from xstilts.analysis.pitfalls import pitfall_rows
from xstilts.analysis.ranking import encoder_rows
from xstilts.analysis.relatedness.rows import kinship_rows
from xstilts.analysis.robustness import LossChange, perturbed_rows
from xstilts.analysis.stability import stability_rows
from xstilts.analysis.suspects.suspect_rows import Suspects, fairness_without, find_suspects
from xstilts.analysis.tables import COLLAPSED, TABLES, Row, table
from xstilts.config.encoders.catalogue import Corpus
from xstilts.config.recipes import NONE
from xstilts.config.tasks import SOURCE_LANGUAGE, TARGETS
from xstilts.scoring.averages import check_scores

log = logging.getLogger(__name__)

Rows = dict[str, list[Row]]


def investigate(
    scores: pl.DataFrame,
    world: KnownLanguages,
    *,
    recipes: Sequence[str] | Mapping[str, Mapping[str, object]],
    runs: pl.DataFrame | None = None,
    predictions: Iterable[str | Path] = (),
    data: Mapping[str, str | Path] | None = None,
    baselines: pl.DataFrame | None = None,
    draws: int = DRAWS,
) -> Findings:
    """All findings that the data allow; notes say what they do not.

    The test split is judged, or the development split where no test split was scored. Without
    predictions nothing is said of items; seeds are resampled, or languages where there are enough.

    Args:
        scores: columns of `schemas.SCORES`; of none nothing is found.
        recipes: in the experiment's order; cells of others are left out. Where `tasks`,
            `languages` and `mlm` of each are given, the study's claims are judged.
        runs: columns of `schemas.RUNS`; cells of collapsed runs are left out where another seed
            is sound.
        predictions: prediction files of all cells, in any order.
        data: target to its evaluation data, whose texts are shown among the pitfalls.
        baselines: columns of `schemas.BASELINES`.
        draws: of the bootstrap.

    Raises:
        XstiltsError: the table is not a table of scores, or a file holds no predictions.
    """
    if scores.is_empty():
        return Findings.of(["There is nothing to compare yet."])
    clean = check_scores(scores).filter(pl.col("recipe").is_in(list(recipes)), condition=CLEAN)
    split = "test" if "test" in clean["split"] or clean.is_empty() else "dev"
    collapsed = collapsed_scores(clean, runs)
    paths = list(predictions)
    left_out = collapsed.left_out
    held: Iterable[Evidence]
    if paths:
        held = evidence(paths, recipes=recipes, split=split, draws=draws, left_out=left_out)
    else:
        held = evidence_of_scores(
            clean, recipes=recipes, split=split, draws=draws, left_out=left_out
        )
    files = cell_files(paths, set(recipes))
    known = recipes if isinstance(recipes, Mapping) else None
    chosen = select(clean, runs, known, split=split) if known is not None else NOTHING
    suspects = find_suspects(files, world.languages, data or {}, split=split, left_out=left_out)
    claims: list[Row] = []
    rows: Rows = {name: [] for name in TABLES}
    for each in held:
        ran = {recipe for sample in each.samples.values() for recipe, _ in sample.cells}
        panel = Panel(
            evidence=each,
            recipes=tuple(sorted((r for r in recipes if r in ran), key=lambda r: r != NONE)),
            languages=world.languages,
            unseen=world.unseen.get(each.encoder, frozenset()),
            majority=majority_levels(baselines, split),
        )
        ours = [file for file in files if file.encoder == each.encoder]
        own: Rows = {}
        for name, found in _tables(panel, world, ours, split, data or {}, draws, suspects):
            log.info("%s: %d rows of %s", each.encoder, len(found), name)
            rows[name] += found
            own[name] = own.get(name, []) + found
        if known is not None:
            parts = claim_parts(
                each,
                recipes=known,
                development=chosen.of(ENGLISH, each.encoder),
                groups=own["groups"],
                fairness=own["fairness"],
            )
            claims += [{"encoder": each.encoder, **asdict(part)} for part in parts]
    rows["encoders"] = list(encoder_rows(files, recipes, split, draws, left_out))
    rows["item_checks"], rows["suspect_items"] = [*suspects.checks], [*suspects.items]
    rows["collapsed"] = [
        dict(zip(COLLAPSED, cell, strict=True)) for cell in sorted(collapsed.hopeless)
    ]
    rows["languages"] = _languages(rows["groups"], world)
    rows["diversity"] = list(diversity_rows(rows["groups"], world.languages, world.facts))
    tables = {name: table(found, TABLES[name]) for name, found in rows.items()}
    return Findings.of(
        [*_notes(clean, world, split, items=bool(paths)), *collapsed.notes], claims, **tables
    )


def _tables(
    panel: Panel,
    world: KnownLanguages,
    files: Sequence[CellFile],
    split: str,
    data: Mapping[str, str | Path],
    draws: int,
    suspects: Suspects,
) -> Iterator[tuple[str, list[Row]]]:
    groups = group_rows(panel)
    yield "groups", groups
    yield "fairness", fairness_rows(panel, world.facts, groups)
    yield "harm", harm_rows(panel, groups)
    yield "pareto", pareto_rows(panel, groups)
    yield "stability", stability_rows(panel)
    yield "association", association_rows(panel, world)
    changes: list[LossChange] = []
    if files:
        perturbed, changes = perturbed_rows(files, panel, split=split, draws=draws)
        yield "perturbed", perturbed
        yield "pitfalls", pitfall_rows(files, panel, split=split, draws=draws)
        yield "pitfall_items", pitfall_items(files, panel, data, split=split)
        without = fairness_without(suspects, files, panel, world.facts, split=split)
        yield "fairness_without", without
    yield from kinship_rows(panel, world, changes).items()


def _languages(groups: Sequence[Row], world: KnownLanguages) -> list[Row]:
    """What is known of every language that some group holds."""
    codes = dict.fromkeys(code for row in groups for code in row["languages"])
    # Marked where no encoder has seen it: what each has seen is in the groups.
    unseen = set.intersection(*map(set, world.unseen.values())) if world.unseen else set()
    # Amounts of several encoders are not one column, nor are tokens gibibytes.
    corpora = {each.title: each.amounts or {} for each in world.corpora.values() if _in_gib(each)}
    amounts = next(iter(corpora.values())) if len(corpora) == 1 else {}
    rows = []
    for code in codes:
        language, facts = world.languages[code], world.facts.get(code)
        rows.append(
            {
                "language": code,
                "name": language.name,
                "family": language.family,
                "branch": language.branch,
                "script": language.script,
                "glottolog_family": facts and facts.glottolog_family,
                "macroarea": language.macroarea or None,
                "latitude": language.latitude,
                "longitude": language.longitude,
                "unseen": code in unseen,
                "distance": facts and facts.syntactic_distance,
                "pretraining_gib": amounts.get(code),
                "speakers": facts and facts.speakers,
            }
        )
    return rows


def _in_gib(corpus: Corpus) -> bool:
    return corpus.unit == "GiB of text"


def _dropped(judged: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Languages that some cells of a target lack, so that no comparison is over them."""
    cells = pl.struct("encoder", "recipe", "seed").n_unique()
    held = judged.group_by("target", "language", maintain_order=True).agg(there=cells)
    every = judged.group_by("target").agg(all=cells)
    short = held.join(every, on="target", maintain_order="left").filter(
        pl.col("there") < pl.col("all")
    )
    yield from short.select("target", "language").iter_rows()


def _pretraining_notes(encoders: Iterable[str], world: KnownLanguages) -> Iterator[str]:
    """Whose amounts of text stand behind the associations, and what is not known."""
    titles: dict[str, list[str]] = {}
    unknown: list[str] = []
    for encoder in encoders:
        corpus = world.corpora.get(encoder)
        (unknown if corpus is None else titles.setdefault(corpus.title, [])).append(encoder)
    for title, names in titles.items():
        yield f"Amounts of pretraining text of {', '.join(names)} are those of {title}."
    if unknown:
        yield (
            f"How much text of each language {', '.join(unknown)} had in pretraining is not known:"
            " no association with it."
        )


def _notes(clean: pl.DataFrame, world: KnownLanguages, split: str, *, items: bool) -> Iterator[str]:
    judged = clean.filter(split=split)
    if split == "dev":
        yield "These are scores of development data, on which checkpoints were chosen."
    if NONE not in judged["recipe"]:
        yield f"No scores of the baseline recipe {NONE}: no gains, and no verdict on any recipe."
    for target, code in _dropped(judged):
        yield f"{TARGETS[target].title} in {code} is left out: not every cell has it."
    unknown = sorted(set(judged["language"]) - set(world.languages))
    if unknown:
        yield f"Nothing is known of these languages, which are left out: {', '.join(unknown)}."
    if SOURCE_LANGUAGE not in judged["language"]:
        yield "No English scores: no transfer gaps, and no pitfalls."
    yield from _pretraining_notes(judged["encoder"].unique(maintain_order=True), world)
    seeds = judged["seed"].n_unique()
    if items and seeds == 1:
        yield (
            "One seed: intervals are over items alone, so that verdicts are on these runs, not on"
            " what another seed would give."
        )
    if not items:
        over = "seeds alone" if seeds > 1 else "the languages of a group, where it has enough"
        yield (
            "No item-level predictions: intervals are over"
            f" {over}; nothing is said of perturbations and pitfalls."
        )
