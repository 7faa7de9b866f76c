"""What the page of findings shows of suspect items."""

from __future__ import annotations

import polars as pl

from xstilts.analysis.findings import Findings
from xstilts.analysis.tables import POINTS
from xstilts.report.figures_suspects import suspect_difficulties
from xstilts.report.plots import Names
from xstilts.report.sections import Section, SectionPart
from xstilts.report.table import COUNT, NUMBER, RATIO, SHARE, SHORT, TEXT, Column, Table, of_frame

# What is told with and without suspect items.
_MEASURES = ("mean_languages", "worst_language", "lowest_tenth", "worst_family", "gini")
_KEY = ["encoder", "recipe", "target", "measure", "scale"]


def suspects_section(findings: Findings, names: Names) -> Section:
    """Items that are harder in one language than in the others, and what they change."""
    return Section(
        anchor="suspects",
        heading="Items that may be wrong",
        reading=(
            "An item that runs have right in most languages and wrong in one may be badly"
            " translated or labelled there. Listed are items that are harder in one language than"
            " the item elsewhere and the language as a whole explain, and than items of that"
            " language usually differ; on average a tenth of them are none. Whether a text is wrong"
            " its reader has to say. Leaving suspect items out raises the score of a language"
            " whether they are wrong or just hard, so both numbers stand."
        ),
        parts=(
            SectionPart(
                table=checks_table(findings, names),
                missing="No items were judged: that needs predictions on parallel targets.",
            ),
            SectionPart(
                figure=suspect_difficulties(findings["suspect_items"], names),
                missing="No item is suspect.",
            ),
            SectionPart(table=suspects_table(findings, names), missing="No suspect item to show."),
            SectionPart(
                table=without_table(findings, names),
                missing="Fairness is the same with and without suspect items: there are none.",
            ),
        ),
    )


def checks_table(findings: Findings, names: Names) -> Table | None:
    """What could be told of the items of each parallel target."""
    return of_frame(
        "item-checks",
        "Whether wrong items could be told. “Would be seen” is the share of items that would be"
        " listed in a language if no run had them right there",
        findings["item_checks"],
        (
            Column("target", "Target"),
            Column("respondents", "Runs", COUNT),
            Column("encoders", "Encoders", COUNT),
            Column("languages", "Languages", COUNT),
            Column("items", "Items", COUNT),
            Column("listed", "Suspect", COUNT),
            Column("seen", "Would be seen", SHARE),
            Column("spread", "Usual difference, logits", RATIO),
            Column("why", "Cannot be told", SHORT),
        ),
        names,
    )


def suspects_table(findings: Findings, names: Names) -> Table | None:
    """The suspect items with their texts, and their difficulty in every language."""
    frame = findings["suspect_items"]
    said = [
        ", ".join(f"{code} {value:.1f}" for code, value in zip(*held, strict=True))
        for held in frame.select("languages", "difficulties").iter_rows()
    ]
    return of_frame(
        "suspect-items",
        "Suspect items: harder in one language than elsewhere, for the runs of all encoders",
        frame.with_columns(
            language=pl.Series(
                [names.language(code) for code in frame["language"]], dtype=pl.String
            ),
            said=pl.Series(said, dtype=pl.String),
        ),
        (
            Column("target", "Target"),
            Column("language", "Language"),
            Column("family", "Family"),
            Column("probability", "Probability", RATIO),
            Column("shift", "Harder by, logits", NUMBER),
            Column("right", "Right here", SHARE),
            Column("right_elsewhere", "Right elsewhere", SHARE),
            Column("english", "In English", TEXT),
            Column("text", "In the language", TEXT),
            Column("gold", "Right answer", SHORT),
            Column("prediction", "Prediction", SHORT),
            Column("item", "Item", SHORT),
            Column("said", "Difficulty by language", SHORT),
        ),
        names,
    )


def without_table(findings: Findings, names: Names) -> Table | None:
    """Measures of fairness with and without the suspect items, in points."""
    without = findings["fairness_without"].filter(pl.col("measure").is_in(_MEASURES), scale=POINTS)
    held = ["value", "who", "change", "verdict"]
    whole = findings["fairness"].select(*_KEY, *held)
    frame = without.select(*_KEY, "title", *(pl.col(name).name.suffix("_without") for name in held))
    return of_frame(
        "fairness-without",
        "Fairness with and without the suspect items, in points; each is left out in the language"
        " in which it is suspect",
        frame.join(whole, on=_KEY, how="left", maintain_order="left"),
        (
            Column("encoder", "Encoder"),
            Column("target", "Target"),
            Column("recipe", "Recipe"),
            Column("title", "Measure"),
            Column("value", "With", NUMBER),
            Column("value_without", "Without", NUMBER),
            Column("who", "Who"),
            Column("who_without", "Who, without"),
            Column("change", "Change, with", NUMBER),
            Column("change_without", "Change, without", NUMBER),
            Column("verdict", "Verdict, with"),
            Column("verdict_without", "Verdict, without"),
        ),
        names,
    )
