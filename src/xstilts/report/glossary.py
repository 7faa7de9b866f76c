"""What every term on the pages means, defined once, and the table and column that it is.

Pages, sentences and tables use these words and no others for these things. The glossary is a page
beside the others, and `docs/glossary.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xstilts.execution.files import write_text
from xstilts.report.render import templates

PAGE = "glossary.html"
# Name and address, as pages link their neighbours.
GLOSSARY_LINK = ("Glossary", PAGE)


@dataclass(frozen=True, kw_only=True)
class Term:
    """A term.

    Attributes:
        name: the term; words that mean the same are separated by commas.
        meaning: its definition.
        columns: what holds it: `table.column` of the findings, or `claims.field` of the claims.
        rows: of which rows of that table, where not of all.
    """

    name: str
    meaning: str
    columns: tuple[str, ...]
    rows: str = ""

    @property
    def anchor(self) -> str:
        """Its place on the page."""
        first = self.name.partition(",")[0].strip("“”")
        return "".join(letter if letter.isalnum() else "-" for letter in first.lower())


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """Terms that belong together."""

    heading: str
    terms: tuple[Term, ...]


CHAPTERS = (
    Chapter(
        heading="Scores and gains",
        terms=(
            Term(
                name="score",
                meaning="How well a task is done in one language: its main metric in points, 0 to"
                " 100, mean over seeds. On the scale “corrected” it is 100 (s − c) / (100 − c): 0"
                " at chance c, 100 at best.",
                columns=("groups.value", "groups.scale"),
                rows="quantity score, grouping language",
            ),
            Term(
                name="task score",
                meaning="The mean of the scores in all languages of a target, English among them"
                " (XTREME). Retrieval has no English score.",
                columns=("groups.value",),
                rows="quantity score, grouping all, group with English",
            ),
            Term(
                name="overall score",
                meaning="The mean of the task scores of XTREME's nine targets.",
                columns=("groups.value",),
                rows="quantity score, group with English, no target, 9 targets",
            ),
            Term(
                name="mean over targets",
                meaning="A number is computed within each target first; then the mean is taken over"
                " those of XTREME's nine targets that have it.",
                columns=("groups.target", "groups.targets"),
                rows="no target",
            ),
            Term(
                name="gain",
                meaning="The score after a recipe minus that of the baseline recipe, on the same"
                " items and over the seeds that both have.",
                columns=("groups.value",),
                rows="quantity gain",
            ),
            Term(
                name="gap, transfer gap",
                meaning="The English score minus that of a language or group. It also shrinks when"
                " English gets worse. Retrieval has none.",
                columns=("groups.value",),
                rows="quantity gap",
            ),
            Term(
                name="family",
                meaning="The mean over the languages of a family in a target, English left out. Of"
                " a family with one language there, what is said holds for that language alone.",
                columns=("groups.value", "groups.single"),
                rows="grouping family",
            ),
            Term(
                name="mean over languages",
                meaning="The mean over the languages of a target, English left out.",
                columns=("groups.value", "fairness.value"),
                rows="group all languages; measure mean_languages",
            ),
            Term(
                name="mean over families",
                meaning="The mean over the families of a target, each of which counts once.",
                columns=("groups.value", "fairness.value"),
                rows="group all families; measure mean_families",
            ),
            Term(
                name="worst family",
                meaning="In each target the least mean of the families that have several languages"
                " there; mean over targets. Its change compares the worst after the recipe with"
                " the worst before, which may be another one.",
                columns=("fairness.value", "fairness.change", "fairness.who"),
                rows="measure worst_family",
            ),
            Term(
                name="worst language",
                meaning="In each target the least score of a language, English left out; mean over"
                " targets.",
                columns=("fairness.value", "fairness.change", "fairness.who"),
                rows="measure worst_language",
            ),
        ),
    ),
    Chapter(
        heading="Fairness",
        terms=(
            Term(
                name="fairer, less fair",
                meaning="A verdict: a measure of how evenly languages are served has changed for"
                " the better, or for the worse. The level stands beside it, since scores are also"
                " more even where all are lower.",
                columns=("fairness.verdict",),
            ),
            Term(
                name="better, worse",
                meaning="The same verdict on a measure of the level: a mean or a utility.",
                columns=("fairness.verdict",),
            ),
            Term(
                name="gains, loses",
                meaning="A verdict: a gain is above 0, or below.",
                columns=("groups.verdict",),
                rows="quantity gain",
            ),
            Term(
                name="harmed",
                meaning="A language (or family) whose observed gain in a target is below 0; the"
                " share of those that are harmed is the rate.",
                columns=("harm.harmed", "harm.rate"),
            ),
            Term(
                name="harmed for certain",
                meaning="Harmed, with an adjusted p below 0.05 (Holm over all that are counted).",
                columns=("harm.strictly", "harm.strict"),
            ),
            Term(
                name="bears more than its share",
                meaning="A verdict: the languages of a family lose more on average than they would"
                " if families were dealt out to languages at random, the same way in all tasks.",
                columns=("harm.p", "harm.verdict"),
                rows="grouping family, one family",
            ),
        ),
    ),
    Chapter(
        heading="Robustness",
        terms=(
            Term(
                name="loss",
                meaning="The score of clean texts minus that of perturbed ones, of the same items,"
                " in points. Who scores less has fewer points to lose.",
                columns=("perturbed.value",),
                rows="quantity loss",
            ),
            Term(
                name="relative drop",
                meaning="The loss as a share of the clean score above chance, in percent. Not"
                " defined near chance.",
                columns=("perturbed.value", "perturbed.why"),
                rows="quantity drop",
            ),
            Term(
                name="robust, more robust, less robust",
                meaning="Robust is what has a small relative drop. A recipe makes more robust"
                " where the relative drop falls compared with the baseline, and less where it"
                " rises.",
                columns=("perturbed.change", "perturbed.verdict"),
                rows="quantity drop",
            ),
            Term(
                name="pitfall",
                meaning="An item that is right in English and wrong in another language. The rate"
                " of pitfalls is their share of the items that are right in English.",
                columns=("pitfalls.rate", "pitfall_items.item"),
            ),
            Term(
                name="collapsed",
                meaning="A training run that learnt nothing. Its seed is left out where another"
                " seed of the same cell is sound: values, intervals and verdicts rest on the sound"
                " ones, and the mean with the collapsed seeds stands beside them.",
                columns=(
                    "groups.with_collapsed",
                    "groups.collapsed_seeds",
                    "collapsed.recipe",
                ),
            ),
        ),
    ),
    Chapter(
        heading="Evidence",
        terms=(
            Term(
                name="interval",
                meaning="Of 95 %. “Over items and seeds”: both could have been others. “Over"
                " items”: one seed was run, and another seed may lie outside. “Over seeds”: no"
                " items are known. “Over languages”: neither is known.",
                columns=("groups.low", "groups.high", "groups.basis"),
            ),
            Term(
                name="standard error",
                meaning="How far an estimate is from the truth, typically. The share of seeds is"
                " the part of its square that seeds give; the rest is given by items.",
                columns=("groups.error", "groups.seeds_share"),
            ),
            Term(
                name="p",
                meaning="Two-sided: how often a value at least as far from 0 would be seen if the"
                " true one were 0.",
                columns=("groups.p", "fairness.p", "claims.p"),
            ),
            Term(
                name="adjusted p, one of so many statements",
                meaning="p that holds for all statements of a family of statements together."
                " Gains: the groups of one encoder, recipe, target, grouping and scale (Holm)."
                " Fairness: the measures of one encoder, recipe, target and scale"
                " (Benjamini-Hochberg). Perturbed texts: all conditions, targets and groups of one"
                " encoder, recipe and quantity (Benjamini-Hochberg). Pitfalls: the groups of one"
                " encoder, recipe, target and grouping (Holm). Bearing more than its share: the"
                " families of one encoder, recipe and target (Holm). Best recipe: all pairs of"
                " recipes of one encoder and target (Holm). Claims 1 to 6: these claims of one"
                " encoder (Holm); claim 7 is one of the measures of fairness.",
                columns=("groups.p_adjusted", "groups.tests", "claims.adjusted_in"),
            ),
            Term(
                name="verdict",
                meaning="What an adjusted p below 0.05 and the sign of a value say.",
                columns=("groups.verdict", "fairness.verdict", "claims.verdict"),
            ),
            Term(
                name="“not enough data to tell”",
                meaning="A verdict: the adjusted p is 0.05 or more, or there is no interval. It"
                " does not say that there is no effect.",
                columns=("groups.verdict",),
            ),
            Term(
                name="“in this run”",
                meaning="Ends a verdict that rests on the items of one seed: it is true of these"
                " runs, and says nothing of what another seed would give.",
                columns=("groups.verdict", "groups.seeds"),
            ),
            Term(
                name="would be seen, detectable",
                meaning="The smallest true value or change that this design calls with a"
                " probability of 80 %, as one of so many statements.",
                columns=("groups.detectable", "fairness.detectable", "claims.detectable"),
            ),
            Term(
                name="cluster",
                meaning="Items that share a passage, a premise or a document. They depend on each"
                " other and are resampled together.",
                columns=("groups.clusters",),
            ),
            Term(
                name="design effect",
                meaning="By how much the variance over items is greater because items come in"
                " clusters; 1 where they are independent.",
                columns=("groups.design_effect",),
            ),
            Term(
                name="may be the best, below the best",
                meaning="Verdicts on recipes by their mean over languages: a recipe is below the"
                " best if its distance from the observed best has an adjusted p below 0.05; else it"
                " may be the best.",
                columns=("stability.value", "stability.verdict"),
                rows="measure below_best",
            ),
            Term(
                name="agreement",
                meaning="Whether seeds put recipes in the same order: Kendall's tau is the mean"
                " over pairs of seeds, Kendall's W is of all seeds.",
                columns=("stability.value",),
                rows="measures kendall_tau and kendall_w",
            ),
            Term(
                name="supported, not supported, not testable",
                meaning="Verdicts on a claim of the study: its quantity is above 0 as it says,"
                " below 0, or what would be compared was not run.",
                columns=("claims.value", "claims.verdict", "claims.missing"),
            ),
        ),
    ),
)


def write_glossary(path: Path, links: Sequence[tuple[str, str]] = ()) -> None:
    """Write the page.

    Args:
        links: names and addresses of the other pages.
    """
    template = templates().get_template("glossary.html.j2")
    write_text(path, template.render(chapters=CHAPTERS, links=links))


def glossary_markdown() -> str:
    """The text of `docs/glossary.md`."""
    lines = [
        "# Glossary",
        "",
        "<!-- Made by xstilts.report.glossary; a test asserts that it is up to date. -->",
        "",
        "What every term on the pages, in the tables of the findings and in the sentences means."
        " After each stands the table and column that it is.",
    ]
    for chapter in CHAPTERS:
        lines += ["", f"## {chapter.heading}", ""]
        for term in chapter.terms:
            columns = ", ".join(f"`{column}`" for column in term.columns)
            rows = f" ({term.rows})" if term.rows else ""
            lines.append(f"- **{term.name}**: {term.meaning} {columns}{rows}.")
    return "\n".join(lines) + "\n"
