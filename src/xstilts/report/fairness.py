"""One self-contained HTML page of what was found: figures and tables that a reader can turn over.

Figures are drawn by plotly.js, tables by DataTables; both are in the page, which asks for nothing
else and opens from a file as well as inside another page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from xstilts.analysis.findings import Findings
from xstilts.config.recipes import NONE
from xstilts.execution.files import write_text
from xstilts.report import fairness_tables
from xstilts.report.figures_distance import distance_plot
from xstilts.report.figures_dots import dot_plot
from xstilts.report.figures_heat_map import heat_map
from xstilts.report.figures_map import world_map
from xstilts.report.figures_pareto import pareto_plot
from xstilts.report.figures_perturbed import perturbation_curves
from xstilts.report.figures_pitfalls import pitfall_rates
from xstilts.report.folds import MOST_UNFOLDED
from xstilts.report.glossary import GLOSSARY_LINK
from xstilts.report.kinship import kinship_table, lambda_profile, new_languages_table
from xstilts.report.plots import SIGNIFICANT, UNSEEN, Names
from xstilts.report.render import UNFOLDED, templates
from xstilts.report.sections import Section, SectionPart
from xstilts.report.summary import ReportSummary
from xstilts.report.suspect_tables import suspects_section
from xstilts.report.tree import gain_tree


def write_fairness(
    path: Path,
    findings: Findings,
    *,
    title: str,
    summary: ReportSummary,
    notes: Sequence[str] = (),
    experiment: Mapping[str, Any] | None = None,
    recipes: Sequence[str] = (),
    links: Sequence[tuple[str, str]] = (),
    unfinished: Sequence[str] = (),
) -> None:
    """Write the page.

    Args:
        title: of the experiment.
        summary: what was found, in sentences.
        notes: caveats, plain text; those of the findings stand after them.
        experiment: the validated experiment as plain data, shown at the end.
        recipes: in the order in which they are shown, the baseline first of all; recipes that are
            not named come after them.
        links: names and addresses of the experiment's other pages.
        unfinished: what the grid still lacks (`incomplete.Incomplete.messages`).
    """
    # A number that could not be computed is no number.
    held = {name: frame.fill_nan(None) for name, frame in findings.tables.items()}
    findings = Findings.of(findings.notes, (), **held)
    names = Names.of(findings, recipes)
    caveats = [note for note in dict.fromkeys([*notes, *findings.notes]) if note not in unfinished]
    html = (
        templates()
        .get_template("fairness.html.j2")
        .render(
            title=title,
            unfinished=unfinished,
            summary=summary,
            notes=caveats,
            unfolded=UNFOLDED,
            sections=_sections(findings, names),
            experiment=None
            if experiment is None
            else json.dumps(experiment, indent=2, ensure_ascii=False, default=str),
            links=[*links, GLOSSARY_LINK],
            plotly=get_plotlyjs(),
        )
    )
    write_text(path, html)


def _sections(findings: Findings, names: Names) -> tuple[Section, ...]:
    return (
        Section(
            anchor="families",
            heading="Which families gain",
            reading=(
                f"A gain is the score after a recipe minus that of {NONE}, on the same items and"
                " seeds; above 0 is better. A family is the mean over its languages, English left"
                " out; one with a single language here is shown with its code, and tells of that"
                " language alone."
            ),
            parts=(
                SectionPart(
                    figure=heat_map(findings["groups"], names),
                    missing=(
                        f"No family has a gain: that needs scores of {NONE} and of another recipe,"
                        " in languages beside English."
                    ),
                ),
            ),
        ),
        *(_wide_sections(findings, names) if len(names.languages) > MOST_UNFOLDED else ()),
        Section(
            anchor="by-language",
            heading="Every language",
            reading=(
                "The score of each language, or its gain, in points; further to the right is"
                " better. Intervals that overlap do not mean that recipes are alike: recipes are"
                " compared on the same items, which gains take into account and scores do not."
            ),
            parts=(
                SectionPart(
                    figure=dot_plot(findings["groups"], names),
                    missing="No language has a score.",
                ),
            ),
        ),
        Section(
            anchor="fairness",
            heading="Mean and worst family",
            reading=(
                "A recipe can raise the mean and leave a family behind, or even languages out by"
                " making the best ones worse. So the mean stands beside the worst family, and each"
                " measure below says whether greater or less is better."
            ),
            parts=(
                SectionPart(
                    figure=pareto_plot(findings["pareto"], names),
                    missing=(
                        "The mean and the worst family cannot be compared: that needs targets that"
                        " all recipes have, and two families with several languages."
                    ),
                ),
                SectionPart(
                    table=fairness_tables.fairness_table(findings, names),
                    missing="No measure of fairness: too few languages have a score.",
                ),
                SectionPart(
                    table=fairness_tables.harm_table(findings, names),
                    missing=f"Nobody can be said to be harmed: no recipe stands beside {NONE}.",
                ),
            ),
        ),
        Section(
            anchor="distance",
            heading="Gain and distance from English",
            reading=(
                "If gains fall from left to right, a recipe helps most where transfer is easy"
                " already. Correlations run from −1 to 1, 0 is none; languages are few and kin to"
                " each other, so these numbers hint and do not prove."
            ),
            warnings=_association_notes(findings),
            parts=(
                SectionPart(
                    figure=distance_plot(findings["groups"], names),
                    missing="No language has both a gain and a known distance from English.",
                ),
                SectionPart(
                    table=fairness_tables.association_table(findings, names),
                    missing="No correlation: too few languages have a score.",
                ),
            ),
        ),
        Section(
            anchor="kinship",
            heading="Languages are kin",
            reading=(
                "Kin are alike, so that many of them tell less than as many strangers. Here"
                " languages are expected to be as alike as the tree of languages has them"
                " (Glottolog's families, branches by Jäger 2018), as far as their scores bear it"
                " out: the share that follows the tree is estimated, and what it leaves open widens"
                " every interval. Those of a new language are wider than those of the mean."
            ),
            parts=(
                SectionPart(
                    figure=lambda_profile(findings["kinship_profile"], names),
                    missing="No profile: it needs gains in ten languages of a target.",
                ),
                SectionPart(
                    table=kinship_table(findings, names),
                    missing="No model over languages: it needs ten of them in a target.",
                ),
                SectionPart(
                    table=new_languages_table(findings, names),
                    missing="Nothing can be said of a new language, for the same reason.",
                ),
            ),
        ),
        Section(
            anchor="robustness",
            heading="Perturbed texts",
            reading=(
                "How much of the score above chance is lost when texts are written carelessly; less"
                " is better. Near chance there is nothing to lose, so no relative drop is given and"
                " the loss in points is all there is; but who scores less has fewer points to lose."
                " A relative drop that falls means that the recipe made the model more robust."
            ),
            parts=(
                SectionPart(
                    figure=perturbation_curves(findings["perturbed"], names),
                    missing=(
                        "No relative drop: no perturbed items were scored, or all scores are near"
                        " chance."
                    ),
                ),
                SectionPart(
                    table=fairness_tables.perturbed_table(findings, names),
                    missing="No perturbed items were scored.",
                ),
            ),
        ),
        Section(
            anchor="pitfalls",
            heading="Right in English, wrong elsewhere",
            reading=(
                "On tasks with the same items in all languages: of what is right in English, how"
                " much is wrong in another language. Less is better. Far below what independence"
                " would give, English and the language succeed and fail on the same items."
            ),
            parts=(
                SectionPart(
                    figure=pitfall_rates(findings["pitfalls"], names),
                    missing=(
                        f"No rates: they need predictions of {NONE} and of another recipe on a"
                        " task with the same items in English and another language."
                    ),
                ),
                SectionPart(
                    table=fairness_tables.pitfalls_table(findings, names),
                    missing="No table of rates, for the same reason.",
                ),
                SectionPart(
                    table=fairness_tables.pitfall_items_table(findings, names),
                    missing="No items to show: none was right in English and wrong elsewhere.",
                ),
            ),
        ),
        suspects_section(findings, names),
        Section(
            anchor="stability",
            heading="Seeds",
            reading=(
                "Whether another seed would name another winner. Agreement is 1 where all seeds put"
                " the recipes in the same order, and about 0 where seeds decide. A recipe that is"
                " not below the best with an adjusted p under 0.05 may be the best."
            ),
            parts=(
                SectionPart(
                    table=fairness_tables.stability_table(findings, names),
                    missing="Nothing to say: that needs two recipes or two seeds.",
                ),
            ),
        ),
        Section(
            anchor="tables",
            heading="All numbers",
            reading=(
                f"{SIGNIFICANT} marks a verdict, taken from the adjusted p; without one there is"
                " not enough data to tell, and “would be seen” is the smallest true change that"
                " this design calls in four of five runs. A verdict “in this run” rests on one"
                f" seed. {UNSEEN} marks languages that are not in the encoder's pretraining data. A"
                f" dash is a number that does not exist, never 0.{_on_collapsed(findings)}"
            ),
            parts=(
                SectionPart(
                    table=fairness_tables.groups_table(findings, names),
                    missing="Nothing is scored.",
                ),
                SectionPart(
                    table=fairness_tables.diversity_table(findings, names),
                    missing="No mean is over languages.",
                ),
                SectionPart(
                    table=fairness_tables.languages_table(findings, names),
                    missing="No language is known.",
                ),
            ),
        ),
    )


def _wide_sections(findings: Findings, names: Names) -> tuple[Section, ...]:
    """What tells of very many languages."""
    return (
        Section(
            anchor="world",
            heading="Where languages gain",
            reading=(
                "Languages of one part of the world share scripts, words and readers, beside kin."
                " A point is a language, not its speakers, and stands for all of them."
            ),
            parts=(
                SectionPart(
                    figure=world_map(findings["groups"], names),
                    missing="No language has both a gain and a known place.",
                ),
            ),
        ),
        Section(
            anchor="tree",
            heading="Family, branch, language",
            reading=(
                "A family can gain because all of its languages do, or because one branch does."
                " Every line that has a mark before it unfolds; a family of a single language is"
                " that language. A new language is one that was not measured: of it less is known"
                " than of the mean of its family."
            ),
            parts=(
                SectionPart(
                    tree=gain_tree(findings["groups"], findings["kinship_new"], names),
                    missing="No language has a gain.",
                ),
            ),
        ),
    )


def _on_collapsed(findings: Findings) -> str:
    """Which of two means a verdict rests on, where there are two."""
    if findings["groups"]["with_collapsed"].null_count() == len(findings["groups"]):
        return ""
    return (
        " Where seeds collapsed, the value, its interval and the verdict are of the sound seeds;"
        " the mean with the collapsed ones stands beside them."
    )


def _association_notes(findings: Findings) -> tuple[str, ...]:
    """What is said against the correlations, once each."""
    held = findings["association"]["note"].unique(maintain_order=True)
    return tuple(f"Correlations: {note}." for note in held if note)
