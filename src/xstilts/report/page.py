"""One self-contained HTML page of an experiment's scores."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars as pl
import yaml
from plotly.offline import get_plotlyjs

from xstilts.analysis.collapsed_cells import Cell, collapsed_scores, drop
from xstilts.analysis.findings import Findings
from xstilts.config.experiment import BASELINE
from xstilts.config.languages import language_table
from xstilts.config.tasks import SPLITS, TARGETS
from xstilts.errors import XstiltsError
from xstilts.execution.files import write_text
from xstilts.report.coverage import coverage_table
from xstilts.report.figures_gains import gains_figure
from xstilts.report.glossary import GLOSSARY_LINK
from xstilts.report.incomplete import Incomplete
from xstilts.report.notes import precision_notes
from xstilts.report.plots import Names
from xstilts.report.render import UNFOLDED, templates
from xstilts.report.shortcuts import Shortcuts
from xstilts.report.table import Table
from xstilts.report.tables import PARTIAL_MARK, UNSEEN_MARK, ScoreTables, members_of
from xstilts.report.wording import title
from xstilts.scoring.averages import SEEDS_FOR_SD, Summary, check_scores, summarise
from xstilts.scoring.item_counts import CLEAN
from xstilts.scoring.metrics import METRICS


@dataclass(frozen=True, kw_only=True)
class TaskSection:
    """The per-language tables of one task: the main score, and those that fold away."""

    name: str
    covered: str
    main: tuple[Table, ...]
    extra: tuple[Table, ...]


@dataclass(frozen=True, kw_only=True)
class SplitSection:
    """Everything that is shown of one split; `anchor` is unique on the page."""

    split: str
    anchor: str
    scores: tuple[Table, ...]
    english: tuple[Table, ...]
    gap: tuple[Table, ...]
    shortcuts: tuple[Table, ...]
    spread: tuple[Table, ...]
    tasks: tuple[TaskSection, ...]
    coverage: Table


def write_page(
    scores: Path | pl.DataFrame,
    output: Path,
    *,
    title: str,
    experiment: dict[str, Any],
    notes: Sequence[str],
    table: Mapping[str, Mapping[str, Any]] | None = None,
    baselines: pl.DataFrame | None = None,
    headline: Sequence[str] = (),
    findings: Findings | None = None,
    thresholds: Sequence[str] = (),
    runs: pl.DataFrame | None = None,
    links: Sequence[tuple[str, str]] = (),
    origins: Sequence[tuple[str, str]] = (),
    incomplete: Incomplete = Incomplete(),  # noqa: B008 - it is immutable
    unseen: Mapping[str, Collection[str]] = MappingProxyType({}),
    encoders: Sequence[Table] = (),
) -> None:
    """Write the score page atomically; it needs no network and no other file.

    Args:
        scores: the long table (columns of `schemas.SCORES`, values in points) or its Parquet
            file. Any subset of a grid will do. Only the condition "clean" is shown.
        output: the HTML file.
        title: heading of the page.
        experiment: the validated experiment as a plain dict; shown as it is. Its recipes and
            targets are rows and columns even where no score exists yet. May be empty.
        notes: further caveats, plain text.
        table: target to its `languages` in the experiment's data source
            (`job_params.JobParams.table`); XTREME's lists without it.
        baselines: columns of `schemas.BASELINES`.
        headline: sentences for the top of the page, plain text.
        findings: of the same scores; their gains are the figure below the headline.
        thresholds: how BUCC was mined, plain text, folded away.
        runs: columns of `schemas.RUNS`; collapsed ones are left out where another seed is sound,
            and marked where none is.
        links: names and addresses of the experiment's other pages.
        origins: what made the scores (`report.origins`).
        incomplete: what the grid still lacks.
        unseen: encoder to the languages that it was not pretrained on, where that is known.
        encoders: of several, who is ahead of whom (`report.encoder_tables`).

    Raises:
        XstiltsError: the table is not a table of scores (see `averages.summarise`), or nothing
            in it is clean.
    """
    if not isinstance(scores, pl.DataFrame):
        scores = pl.read_parquet(scores)
    scores = check_scores(scores)
    clean = scores.filter(condition=CLEAN)
    if clean.is_empty():
        raise XstiltsError(f"no score has the condition {CLEAN!r}", where="table of scores")
    # BUCC's development pairs are scored in every run; they are shown if they were asked for.
    wanted = clean.filter(pl.col("split").is_in(experiment.get("splits") or list(SPLITS)))
    clean = clean if wanted.is_empty() else wanted
    expected = {key: list(entry["languages"]) for key, entry in (table or {}).items()}
    collapsed = collapsed_scores(clean, runs)
    every = clean
    clean = drop(clean, collapsed.left_out)
    summary = summarise(clean, expected=expected)
    views = [
        replace(
            _view(summary, split, clean, experiment, collapsed.hopeless),
            incomplete=incomplete.cells,
            all_seeds=_all_seeds(every, split, collapsed.left_out),
            unseen=unseen,
        )
        for split in _splits(clean)
    ]
    shortcuts = _shortcuts(views, baselines)
    marked = {code for codes in unseen.values() for code in codes}
    figure = None
    if findings is not None:
        names = Names.of(findings, list(experiment.get("recipes", ())))
        figure = gains_figure(findings["groups"], names)
    html = (
        templates()
        .get_template("page.html.j2")
        .render(
            title=title,
            unfinished=incomplete.messages,
            facts=_facts(clean),
            headline=headline,
            figure=figure,
            plotly=get_plotlyjs() if figure else "",
            thresholds=thresholds,
            unfolded=UNFOLDED,
            generated=_is_generated(experiment),
            translated_share=(experiment.get("invitro") or {}).get("translated_share"),
            caveats=[
                *_caveats(scores, views, experiment),
                *collapsed.notes,
                *precision_notes(runs),
                *(caveat for each in shortcuts.values() for caveat in each.caveats()),
                *summary.notes,
                *notes,
            ],
            sections=[
                _section(view, number, shortcuts.get(view.split))
                for number, view in enumerate(views, start=1)
            ],
            metrics=_definitions(target for view in views for target in view.targets),
            experiment=_as_yaml(experiment),
            links=[*links, GLOSSARY_LINK],
            origins=origins,
            collapsed=bool(collapsed.hopeless),
            left_out=bool(collapsed.left_out),
            baseline=BASELINE if BASELINE in clean["recipe"] else None,
            unseen_mark=UNSEEN_MARK if set(clean["language"]) & marked else None,
            encoders=encoders,
            partial_mark=PARTIAL_MARK if any(_partial(view) for view in views) else None,
        )
    )
    write_text(output, html)


def _all_seeds(
    every: pl.DataFrame, split: str, left_out: Collection[Cell]
) -> dict[tuple[str, ...], float]:
    """The means that collapsed cells would have a part in, over all seeds.

    Returns:
        (encoder, recipe, quantity, name) of averages and (encoder, recipe, target, language) to
        points.
    """
    if not left_out:
        return {}
    lost = {(encoder, recipe, target) for encoder, recipe, target, _ in left_out}
    summary = summarise(every)
    found: dict[tuple[str, ...], float] = {}
    for row in summary.averages.filter(split=split, condition=CLEAN).iter_rows(named=True):
        members = members_of(row["quantity"], row["name"])
        if any((row["encoder"], row["recipe"], target) in lost for target in members):
            found[row["encoder"], row["recipe"], row["quantity"], row["name"]] = row["mean"]
    for row in summary.languages.filter(split=split, condition=CLEAN).iter_rows(named=True):
        place = (row["encoder"], row["recipe"], row["target"])
        if place in lost:
            found[*place, row["language"]] = row["mean"]
    return found


def _splits(clean: pl.DataFrame) -> list[str]:
    """The splits that have scores: test before dev."""
    found = clean["split"].unique(maintain_order=True)
    rank = {split: -place for place, split in enumerate(SPLITS)}
    return sorted(found, key=lambda split: rank.get(split, 1))


def _view(
    summary: Summary,
    split: str,
    clean: pl.DataFrame,
    experiment: dict[str, Any],
    collapsed: frozenset[tuple[str, str, str]],
) -> ScoreTables:
    ran = clean["recipe"].unique(maintain_order=True)
    recipes = dict.fromkeys([*experiment.get("recipes", ()), *ran])
    targets = {*experiment.get("targets", ()), *clean["target"]}
    return ScoreTables(
        summary=summary,
        split=split,
        condition=CLEAN,
        recipes=sorted(recipes, key=lambda recipe: recipe != BASELINE),
        targets=[key for key in TARGETS if key in targets],
        benchmark=None if _is_generated(experiment) else "XTREME",
        names=language_table(experiment.get("data_source", ""), experiment.get("own_languages")),
        collapsed=collapsed,
    )


def _is_generated(experiment: dict[str, Any]) -> bool:
    return experiment.get("data_source") == "invitro"


def _shortcuts(
    views: Sequence[ScoreTables], baselines: pl.DataFrame | None
) -> dict[str, Shortcuts]:
    """The baselines by split, where there are any."""
    if baselines is None:
        return {}
    names = baselines["baseline"].unique(maintain_order=True).to_list()
    return {
        view.split: Shortcuts(view=view, baselines=baselines, names=names)
        for view in views
        if view.split in baselines["split"]
    }


def _section(view: ScoreTables, number: int, shortcuts: Shortcuts | None) -> SplitSection:
    def each(make: Any) -> tuple[Table, ...]:
        return tuple(table for encoder in view.encoders if (table := make(encoder)) is not None)

    return SplitSection(
        split=view.split,
        anchor=f"split-{number}",
        scores=each(view.xtreme),
        english=each(view.english),
        gap=each(view.gap),
        shortcuts=tuple(
            table for encoder in view.encoders if shortcuts for table in shortcuts.tables(encoder)
        ),
        spread=each(view.spread),
        tasks=tuple(_task_sections(view)),
        coverage=coverage_table(view),
    )


def _task_sections(view: ScoreTables) -> Iterator[TaskSection]:
    for target in view.targets:
        if target not in view.coverage:
            continue
        held = view.coverage[target]
        ran = [encoder for encoder in view.encoders if view.has(encoder, target)]
        yield TaskSection(
            name=title(target),
            covered=f"{held['count']} of {held['full_count']} languages",
            main=tuple(view.languages(encoder, target) for encoder in ran),
            extra=tuple(table for encoder in ran for table in view.metrics(encoder, target)),
        )


def _definitions(targets: Iterable[str]) -> list[tuple[str, str]]:
    """How the metrics of these targets are defined, each with the targets that it judges."""
    judged: dict[str, list[str]] = {}
    for target in dict.fromkeys(targets):
        judged.setdefault(TARGETS[target].metric, []).append(title(target))
    return [(", ".join(judged[key]), METRICS[key].definition) for key in METRICS if key in judged]


def _facts(clean: pl.DataFrame) -> list[tuple[str, str]]:
    """What was run, as pairs of a name and a text."""

    def listed(column: str) -> str:
        return ", ".join(str(value) for value in clean[column].unique(maintain_order=True))

    targets = [title(key) for key in TARGETS if key in set(clean["target"])]
    cells = clean.select("encoder", "recipe", "target", "seed").n_unique()
    return [
        ("Encoders", listed("encoder")),
        ("Recipes", listed("recipe")),
        ("Targets", ", ".join(targets)),
        ("Seeds", ", ".join(str(seed) for seed in sorted(clean["seed"].unique()))),
        ("Split", listed("split")),
        ("Cells", f"{cells:,} (encoder, recipe, target, seed)"),
        ("Languages", str(clean["language"].n_unique())),
    ]


def _partial(view: ScoreTables) -> bool:
    return any(held["partial"] for held in view.coverage.values())


def _caveats(
    scores: pl.DataFrame, views: Sequence[ScoreTables], experiment: dict[str, Any]
) -> list[str]:
    caveats = []
    limits = list(_leaves(experiment.get("limits") or {}, "limits"))
    short = {
        view.split: [
            f"{title(key)} {held['count']} of {held['full_count']}"
            for key, held in view.coverage.items()
            if not held["complete"]
        ]
        for view in views
    }
    generated = _is_generated(experiment)
    if (limits or any(short.values())) and not generated:
        caveats.append(
            "Averages over the languages covered here; not comparable with published XTREME"
            " averages."
        )
    origin = "the data source's" if generated else "each target's"
    caveats += [
        f"Languages covered, of {origin} ({split}): {', '.join(tasks)}."
        for split, tasks in short.items()
        if tasks
    ]
    if limits:
        caveats.append(f"A slice of the data: the experiment limits items ({', '.join(limits)}).")
    if any(view.split == "dev" for view in views):
        caveats.append("English development data also chose the checkpoint of every run.")
    seeds = max(view.most_seeds for view in views)
    if seeds == 1:
        caveats.append("One seed: small differences may be chance.")
    elif seeds < SEEDS_FOR_SD:
        caveats.append("Two seeds: ranges say little, and no standard deviation is given.")
    if not scores.filter(condition=CLEAN, recipe=BASELINE).height:
        caveats.append(f"The baseline recipe {BASELINE!r} was not run, so no gains are shown.")
    others = [name for name in scores["condition"].unique(maintain_order=True) if name != CLEAN]
    if others:
        caveats.append(f"Scores of perturbed inputs are not on this page: {', '.join(others)}.")
    return caveats


def _leaves(value: Any, path: str) -> Iterator[str]:
    """`path.to.key = value` of everything in nested mappings that is set."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}")
    elif value is not None:
        yield f"{path} = {value}"


def _as_yaml(experiment: dict[str, Any]) -> str:
    plain = json.loads(json.dumps(experiment, default=str))
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
