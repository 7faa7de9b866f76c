"""One self-contained HTML page of the study's claims and the verdicts on them in this run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from xstilts.analysis.claims.parts import (
    NOT_SUPPORTED,
    NOT_TESTABLE,
    SUPPORTED,
    ClaimPart,
    FamilyChange,
    SupportingNumber,
)
from xstilts.analysis.claims.selection import (
    NOTHING,
    PARTIAL_MEAN,
    CandidateTable,
    select,
    write_selection,
)
from xstilts.analysis.collapsed_cells import collapsed_scores
from xstilts.analysis.findings import Findings
from xstilts.analysis.inference.adjust import NOT_ENOUGH, plain
from xstilts.analysis.inputs.items import CLEAN
from xstilts.analysis.tables import ALL, EVERY, GAINS, LOSES, POINTS, SCORE, WITH_ENGLISH
from xstilts.config.recipes import NONE
from xstilts.config.tasks import TARGETS, XTREME
from xstilts.execution.files import write_json, write_text
from xstilts.report.glossary import GLOSSARY_LINK
from xstilts.report.incomplete import Incomplete
from xstilts.report.render import templates
from xstilts.report.table import NUMBER, Column, Table, TableCell, TableRow
from xstilts.report.wording import title
from xstilts.rounding import fixed, signed
from xstilts.scoring.averages import OVERALL, check_scores

# A sign beside the words, so that no verdict shows by colour alone.
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
class ClaimSection:
    """What is shown of one encoder; `reach` is where the bars of its claims end, in points."""

    encoder: str
    anchor: str
    parts: tuple[ClaimPart, ...]
    recipes: tuple[ClaimPart, ...]
    reach: float
    recipes_reach: float
    selection: tuple[Table, ...]

    @property
    def beside_worst(self) -> list[str]:
        """What else is shown of each recipe, beside the worst family."""
        names = [[measure.name for measure in part.measures] for part in self.recipes]
        return max(names, key=len, default=[])

    @property
    def counts(self) -> list[tuple[str, int]]:
        """Verdicts that occur, and how many parts have each, without those on each recipe."""
        order = list(_BADGES)
        found = Counter(part.verdict for part in self.parts)
        return sorted(found.items(), key=lambda held: order.index(plain(held[0])))


def write_claims(
    output_html: Path,
    output_json: Path,
    output_selection: Path,
    *,
    title: str,
    findings: Findings,
    scores: pl.DataFrame,
    runs: pl.DataFrame | None,
    recipes: Iterable[str],
    experiment: Mapping[str, Any] | None = None,
    caveats: Sequence[str] = (),
    links: Sequence[tuple[str, str]] = (),
    incomplete: Incomplete = Incomplete(),  # noqa: B008 - it is immutable
) -> None:
    """Write the page, the same rows as JSON, and the recipe chosen for each target as Parquet.

    Every number and verdict is that of the findings; nothing is estimated here.

    Args:
        title: heading of the page.
        findings: of the same scores and runs; their claims are shown.
        scores: columns of `schemas.SCORES`, from which the chosen recipes are shown; only the
            condition "clean" is used.
        runs: columns of `schemas.RUNS`; None where nothing is known of the training.
        recipes: names in the experiment's order; cells of others are left out.
        experiment: the validated experiment as plain data, from which the page tells how it
            differs from the study.
        caveats: further ones, plain text.
        links: names and addresses of the experiment's other pages.
        incomplete: what the grid still lacks; only what can be compared is judged.

    Raises:
        XstiltsError: the table is not a table of scores.
    """
    recipes = list(recipes)
    clean = check_scores(scores).filter(pl.col("recipe").is_in(recipes), condition=CLEAN)
    clean = incomplete.comparable(clean)
    split = "test" if "test" in clean["split"] or clean.is_empty() else "dev"
    collapsed = collapsed_scores(clean, runs)
    chosen = NOTHING if clean.is_empty() else select(clean, runs, recipes, split=split)
    held: dict[str, list[ClaimPart]] = {}
    for claim in findings.claims:
        fields = {name: value for name, value in claim.items() if name != "encoder"}
        held.setdefault(claim["encoder"], []).append(ClaimPart.read(fields))
    sections = [
        _section(encoder, number, parts, chosen)
        for number, (encoder, parts) in enumerate(held.items(), start=1)
    ]
    flags = list(_flags(experiment or {}, split, _covered(findings)))
    over = findings["groups"]["basis"].drop_nulls().unique(maintain_order=True).to_list()
    write_json(
        output_json,
        {
            "title": title,
            **({"unfinished": list(incomplete.messages)} if incomplete.messages else {}),
            "split": split,
            "intervals_over": over,
            "not_the_studys_setting": flags,
            "caveats": list(caveats),
            "collapsed": list(collapsed.notes),
            "claims": [dict(claim) for claim in findings.claims],
            "selection": chosen.rows.to_dicts(),
        },
    )
    write_selection(output_selection, chosen)
    html = (
        templates()
        .get_template("claims.html.j2")
        .render(
            title=title,
            unfinished=incomplete.messages,
            split=split,
            over=over,
            flags=flags,
            remarks=[*flags, *caveats, *collapsed.notes],
            sections=sections,
            links=[*links, GLOSSARY_LINK],
            badges=_BADGES,
            plain=plain,
            outcomes=(GAINS, LOSES, NOT_ENOUGH),
            not_enough=NOT_ENOUGH,
            baseline=NONE,
            points=fixed,
            signed=signed,
            families=_families,
        )
    )
    write_text(output_html, html)


def _covered(findings: Findings) -> dict[str, list[str]]:
    """Target to the languages of its task score."""
    rows = findings["groups"].filter(
        pl.col("target") != EVERY, quantity=SCORE, grouping=ALL, group=WITH_ENGLISH, scale=POINTS
    )
    return dict(rows.select("target", "languages").iter_rows())


def _section(
    encoder: str, number: int, parts: Sequence[ClaimPart], chosen: CandidateTable
) -> ClaimSection:
    single = tuple(part for part in parts if not part.recipe)
    by_recipe = tuple(part for part in parts if part.recipe)
    return ClaimSection(
        encoder=encoder,
        anchor=f"encoder-{number}",
        parts=single,
        recipes=by_recipe,
        reach=_reach(single),
        recipes_reach=_reach(by_recipe),
        selection=tuple(_selection_tables(chosen.rows.filter(encoder=encoder))),
    )


def _reach(parts: Sequence[ClaimPart | SupportingNumber]) -> float:
    """The greatest distance from 0 of a value or limit; at least 1 point."""
    ends = [end for part in parts for end in (part.value, part.low, part.high) if end is not None]
    return max((abs(end) for end in ends), default=0.0) or 1.0


def _families(part: ClaimPart, outcome: str) -> list[tuple[FamilyChange, str]]:
    """The families with a plain verdict, each with the name that it is shown by."""
    return [
        (family, f"{family.family} ({', '.join(family.languages)} only)")
        if family.single
        else (family, family.family)
        for family in part.families
        if plain(family.outcome) == outcome
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


def _selection_tables(rows: pl.DataFrame) -> Iterator[Table]:
    for basis, caption in _BASES.items():
        held = rows.filter(basis=basis).to_dicts()
        if not held:
            continue
        lines = [_selection_row(row) for row in held]
        averaged = [line for line, row in zip(lines, held, strict=True) if row["target"] in TARGETS]
        yield Table(
            caption=f"{held[0]['encoder']}: best recipe per target, chosen {caption}",
            columns=(
                Column(label="Target"),
                Column(label="Chosen"),
                Column(label="Chosen", group="Development", kind=NUMBER),
                Column(label=NONE, group="Development", kind=NUMBER),
                Column(label="Chosen", group="Judged", kind=NUMBER),
                Column(label=NONE, group="Judged", kind=NUMBER),
                Column(label="Gain", group="Judged", kind=NUMBER),
                Column(label="Chosen by"),
            ),
            rows=tuple(averaged),
            foot=tuple(lines[len(averaged) :]),
        )


def _selection_row(row: Mapping[str, Any]) -> TableRow:
    by = "not for an average" if row["target"] in _AVERAGES else "no development score"

    gain = (
        None
        if row["test"] is None or row["test_baseline"] is None
        else row["test"] - row["test_baseline"]
    )
    return TableRow(
        label=_AVERAGES.get(row["target"]) or title(row["target"]),
        cells=(
            TableCell(text=row["recipe"]),
            TableCell.of(row["dev"], fixed, by),
            TableCell.of(row["dev_baseline"], fixed, by),
            TableCell.of(row["test"], fixed, "not run"),
            TableCell.of(row["test_baseline"], fixed, "not run"),
            TableCell.of(gain, signed, "not run"),
            TableCell(text=row["how"]),
        ),
    )
