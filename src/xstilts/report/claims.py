"""One self-contained HTML page of the study's claims and the verdicts on them in this run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from xstilts.analysis.claims import claim_parts
from xstilts.analysis.collapse import collapsed_scores
from xstilts.analysis.evidence import Evidence, evidence, evidence_of_scores
from xstilts.analysis.inference.bootstrap import DRAWS
from xstilts.analysis.items import CLEAN
from xstilts.analysis.parts import (
    NOT_ENOUGH,
    NOT_SUPPORTED,
    NOT_TESTABLE,
    SUPPORTED,
    FamilyChange,
    Measure,
    Part,
)
from xstilts.analysis.selection import (
    ENGLISH,
    NOTHING,
    PARTIAL_MEAN,
    Table,
    select,
    write_selection,
)
from xstilts.files import write_json, write_text
from xstilts.languages import Language
from xstilts.recipes import NONE
from xstilts.report.cells import Cell, Column, Row, points, signed, title
from xstilts.report.cells import Table as Shown
from xstilts.report.holes import Holes
from xstilts.report.render import templates
from xstilts.summary import OVERALL, check_scores
from xstilts.tasks import TARGETS, XTREME

# A sign beside the words, so that no verdict is told by colour alone.
_BADGES = {
    SUPPORTED: ("supported", "✓"),
    NOT_SUPPORTED: ("refuted", "✗"),
    NOT_ENOUGH: ("unclear", "?"),
    NOT_TESTABLE: ("untested", "–"),
}
_BASES = {
    "english_dev": "on English development data",
    "all_language_dev": "on development data of all languages, which looks at labels of target"
    " languages",
}
_AVERAGES = {OVERALL: "XTREME average", PARTIAL_MEAN: "Mean of these targets"}
_STUDY_ENCODER = "FacebookAI/xlm-roberta-large"


@dataclass(frozen=True, kw_only=True)
class Section:
    """What is shown of one encoder; `reach` is where the bars of its claims end, in points."""

    encoder: str
    anchor: str
    parts: tuple[Part, ...]
    recipes: tuple[Part, ...]
    reach: float
    recipes_reach: float
    selection: tuple[Shown, ...]

    @property
    def beside_worst(self) -> list[str]:
        """What else is told of each recipe, beside the worst family."""
        names = [[measure.name for measure in part.measures] for part in self.recipes]
        return max(names, key=len, default=[])

    @property
    def counts(self) -> list[tuple[str, int]]:
        """Verdict to the number of parts that have it, without those on each recipe."""
        return [(name, sum(part.verdict == name for part in self.parts)) for name in _BADGES]


def write_claims(
    output_html: Path,
    output_json: Path,
    output_selection: Path,
    *,
    title: str,
    scores: pl.DataFrame,
    runs: pl.DataFrame | None,
    predictions: Iterable[str | Path],
    recipes: Mapping[str, Mapping[str, Any]],
    languages: Mapping[str, Language],
    experiment: Mapping[str, Any] | None = None,
    caveats: Sequence[str] = (),
    draws: int = DRAWS,
    links: Sequence[tuple[str, str]] = (),
    holes: Holes = Holes(),  # noqa: B008 - it is immutable
) -> None:
    """Write the page, the same rows as JSON, and the recipe chosen for each target as Parquet.

    The test split is judged, or the development split where no test split was scored. Without
    predictions the quantities are computed, but no interval and hence no verdict.

    Args:
        title: heading of the page.
        scores: columns of `schemas.SCORES`; only the condition "clean" is used.
        runs: columns of `schemas.RUNS`; None where nothing is known of the training.
        predictions: the prediction files of all cells, in any order.
        recipes: name to `tasks`, `languages` and `mlm` (the fields of `recipes.Recipe`), in the
            experiment's order; cells of other recipes are left out.
        languages: of the data source, by code.
        experiment: the validated experiment as plain data, from which the page tells how it
            differs from the study.
        caveats: further ones, plain text.
        draws: of the bootstrap. With fewer than a thousand no p is small enough to stay below
            0.05 for all families together.
        links: names and addresses of the experiment's other pages.
        holes: what the grid still lacks; only what can be compared is judged.

    Raises:
        XstiltsError: the table is not a table of scores, or a file holds no predictions.
    """
    clean = check_scores(scores).filter(pl.col("recipe").is_in(list(recipes)), condition=CLEAN)
    clean = holes.comparable(clean)
    split = "test" if "test" in clean["split"] or clean.is_empty() else "dev"
    collapsed = collapsed_scores(clean, runs)
    chosen = NOTHING if clean.is_empty() else select(clean, runs, recipes, split=split)
    paths = list(predictions)
    options = {"recipes": recipes, "split": split, "left_out": collapsed.left_out}
    held: Iterable[Evidence] = ()
    if paths:
        held = evidence(paths, draws=draws, **options)
    elif not clean.is_empty():
        held = evidence_of_scores(clean, **options)
    sections, covered = [], {}
    for number, each in enumerate(held, start=1):
        parts = claim_parts(
            each,
            recipes=recipes,
            languages=languages,
            development=chosen.of(ENGLISH, each.encoder),
        )
        sections.append(_section(each.encoder, number, parts, chosen))
        covered |= {target: sample.languages for target, sample in each.samples.items()}
    flags = list(_flags(experiment or {}, split, covered))
    write_json(
        output_json,
        {
            "title": title,
            **({"unfinished": list(holes.told)} if holes.told else {}),
            "split": split,
            "draws": draws if paths else 0,
            "not_the_studys_setting": flags,
            "caveats": list(caveats),
            "collapsed": list(collapsed.notes),
            "claims": [
                {"encoder": section.encoder, **asdict(part)}
                for section in sections
                for part in (*section.parts, *section.recipes)
            ],
            "selection": chosen.rows.to_dicts(),
        },
    )
    write_selection(output_selection, chosen)
    html = (
        templates()
        .get_template("claims.html.j2")
        .render(
            title=title,
            unfinished=holes.told,
            split=split,
            draws=draws if paths else 0,
            flags=flags,
            remarks=[*flags, *caveats, *collapsed.notes],
            sections=sections,
            links=links,
            badges=_BADGES,
            baseline=NONE,
            points=points,
            signed=signed,
            families=_families,
        )
    )
    write_text(output_html, html)


def _section(encoder: str, number: int, parts: Sequence[Part], chosen: Table) -> Section:
    single = tuple(part for part in parts if not part.recipe)
    by_recipe = tuple(part for part in parts if part.recipe)
    return Section(
        encoder=encoder,
        anchor=f"encoder-{number}",
        parts=single,
        recipes=by_recipe,
        reach=_reach(single),
        recipes_reach=_reach(by_recipe),
        selection=tuple(_selection_tables(chosen.rows.filter(encoder=encoder))),
    )


def _reach(parts: Sequence[Part | Measure]) -> float:
    """The greatest distance from 0 of a value or limit; at least 1 point."""
    ends = [end for part in parts for end in (part.value, part.low, part.high) if end is not None]
    return max((abs(end) for end in ends), default=0.0) or 1.0


def _families(part: Part, outcome: str) -> list[tuple[FamilyChange, str]]:
    """The families with an outcome, each with the name that it is shown by."""
    return [
        (family, f"{family.family} ({', '.join(family.languages)} only)")
        if family.single
        else (family, family.family)
        for family in part.families
        if family.outcome == outcome
    ]


def _flags(
    experiment: Mapping[str, Any], split: str, covered: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    """In what this run is not the study."""
    if experiment.get("data_source") == "invitro":
        yield (
            "Languages and tasks are generated. The page shows how the claims are tested; its"
            " verdicts say nothing about real languages or about the study."
        )
    else:
        short = [
            f"{TARGETS[target].title} {len(set(covered[target]) & set(task.languages))} of"
            f" {len(task.languages)}"
            for target, task in XTREME.items()
            if target in covered and not set(task.languages) <= set(covered[target])
        ]
        if short:
            yield f"Fewer languages than XTREME's: {', '.join(short)}."
    if _any_limit(experiment.get("limits")):
        yield "The experiment limits the number of items of its data sets."
    others = [
        name
        for name, source in (experiment.get("encoders") or {}).items()
        if (source or {}).get("hub") != _STUDY_ENCODER
    ]
    if others:
        yield f"The study's encoder is XLM-R Large; here also or instead: {', '.join(others)}."
    if split == "dev":
        yield (
            "The development split is judged, since no test split was scored; English development"
            " data also chose the checkpoints."
        )


def _any_limit(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_any_limit(inner) for inner in value.values())
    return value is not None


def _selection_tables(rows: pl.DataFrame) -> Iterator[Shown]:
    for basis, caption in _BASES.items():
        held = rows.filter(basis=basis).to_dicts()
        if not held:
            continue
        lines = [_selection_row(row) for row in held]
        averaged = [line for line, row in zip(lines, held, strict=True) if row["target"] in TARGETS]
        yield Shown(
            caption=f"{held[0]['encoder']}: best recipe per target, chosen {caption}",
            columns=(
                Column(label="Target"),
                Column(label="Chosen"),
                Column(label="Chosen", group="Development", number=True),
                Column(label=NONE, group="Development", number=True),
                Column(label="Chosen", group="Judged", number=True),
                Column(label=NONE, group="Judged", number=True),
                Column(label="Gain", group="Judged", number=True),
                Column(label="Chosen by"),
            ),
            rows=tuple(averaged),
            foot=tuple(lines[len(averaged) :]),
        )


def _selection_row(row: Mapping[str, Any]) -> Row:
    by = "not for an average" if row["target"] in _AVERAGES else "no development score"

    def cell(value: float | None, why: str) -> Cell:
        return Cell(why=why) if value is None else Cell(text=points(value), value=value)

    gain = (
        None
        if row["test"] is None or row["test_baseline"] is None
        else row["test"] - row["test_baseline"]
    )
    return Row(
        label=_AVERAGES.get(row["target"]) or title(row["target"]),
        cells=(
            Cell(text=row["recipe"]),
            cell(row["dev"], by),
            cell(row["dev_baseline"], by),
            cell(row["test"], "not run"),
            cell(row["test_baseline"], "not run"),
            Cell(why="not run") if gain is None else Cell(text=signed(gain), value=gain),
            Cell(text=row["how"]),
        ),
    )
