"""One self-contained page of all training runs: loss, development score, and what went wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
from plotly.offline import get_plotlyjs

from xstilts.analysis.training_curves import TrainingCurves
from xstilts.config.recipes import UNTRAINED
from xstilts.execution.files import write_text
from xstilts.report.figures_training import (
    ATTEMPTS,
    mixture_curves,
    seeds_in_trouble,
    training,
    training_curves,
)
from xstilts.report.glossary import GLOSSARY_LINK
from xstilts.report.plots import Names
from xstilts.report.render import UNFOLDED, templates
from xstilts.report.sections import Section, SectionPart
from xstilts.report.table import COUNT, NUMBER, TEXT, Column, Table, of_frame
from xstilts.report.wording import counted
from xstilts.training.curve import FIRST, KEPT


def write_curves(
    path: Path,
    curves: TrainingCurves,
    *,
    title: str,
    recipes: Sequence[str],
    links: Sequence[tuple[str, str]] = (),
    unfinished: Sequence[str] = (),
) -> None:
    """Write the page atomically; it needs no network and no other file.

    Args:
        title: of the experiment.
        recipes: in the order in which they are shown.
        links: names and addresses of the experiment's other pages.
        unfinished: what the grid still lacks (`incomplete.Incomplete.messages`).
    """
    # Pretraining has no recipe.
    names = Names(recipes=("", *recipes, UNTRAINED), languages={})
    html = (
        templates()
        .get_template("curves.html.j2")
        .render(
            title=title,
            unfinished=unfinished,
            outcome=_outcome(curves.attempts),
            troubles=list(_troubles(curves.attempts)),
            unfolded=UNFOLDED,
            sections=_sections(curves, names),
            links=[*links, GLOSSARY_LINK],
            plotly=get_plotlyjs(),
        )
    )
    write_text(path, html)


def _outcome(attempts: pl.DataFrame) -> str:
    kept = attempts.filter(attempt=KEPT)
    collapsed = kept.filter(pl.col("trouble") != "").height
    again = len(attempts) - len(kept)
    said = f"{counted(len(kept), 'training run')}, of which {collapsed or 'none'} collapsed"
    return (
        f"{said}; {counted(again, 'attempt')} given up and made once more." if again else f"{said}."
    )


def _troubles(attempts: pl.DataFrame) -> Iterator[str]:
    """A sentence on each run that collapsed, then on each attempt that was given up."""
    places = attempts.select(
        "encoder", "recipe", "phase", "train_set", "seed", "attempt", "trouble"
    )
    for row, seeds in seeds_in_trouble(places):
        after = f" after {row['recipe']}" if row["recipe"] else ""
        runs = f"{row['encoder']}{after}, {training(row['phase'], row['train_set'])}, {seeds}"
        if row["attempt"] == KEPT:
            yield f"{runs}: collapsed, since {row['trouble']}."
        else:
            what = "collapsed" if row["attempt"] == FIRST else "was not finite"
            given_up = f"the {ATTEMPTS[row['attempt']]} {what} and was given up"
            yield f"{runs}: {given_up} ({row['trouble']})."


def _sections(curves: TrainingCurves, names: Names) -> tuple[Section, ...]:
    return (
        Section(
            anchor="runs",
            heading="Loss and development score",
            reading=(
                "The star is the checkpoint that is kept, by the development score. A run that"
                " learnt nothing is dotted, on a red ground, with what shows it; attempts that"
                " were given up are dashed. Click a seed in the legend to hide it, click twice to"
                " see it alone."
            ),
            parts=(
                SectionPart(
                    figure=training_curves(curves, names), missing="No training run is finished."
                ),
            ),
        ),
        Section(
            anchor="mixtures",
            heading="Mixtures, source by source",
            reading=(
                "What a mixture learns of each of its sources: the losses of different tasks have"
                " different scales, and their mean can hide that one of them is not learnt."
            ),
            parts=(
                SectionPart(
                    figure=mixture_curves(curves, names),
                    missing="No run learns from several sources.",
                ),
            ),
        ),
        Section(
            anchor="all-runs",
            heading="All runs",
            reading=(
                "Every attempt at every run. Seconds are those of its steps and development scores,"
                " without what was repeated after interruptions. The steps themselves, with the"
                " numbers of each, are in the tables of the folder curves."
            ),
            parts=(
                SectionPart(table=_table(curves, names), missing="No training run is finished."),
            ),
        ),
    )


def _table(curves: TrainingCurves, names: Names) -> Table | None:
    trainings = [
        training(phase, train_set)
        for phase, train_set in curves.attempts.select("phase", "train_set").iter_rows()
    ]
    frame = curves.attempts.with_columns(
        pl.Series("training", trainings, pl.String), pl.col("attempt").replace_strict(ATTEMPTS)
    )
    return of_frame(
        "training-runs",
        "All attempts at training runs",
        frame,
        (
            Column("encoder", "Encoder"),
            Column("recipe", "Recipe"),
            Column("training", "Training"),
            Column("seed", "Seed", COUNT),
            Column("attempt", "Attempt"),
            Column("steps", "Steps", COUNT),
            Column("best_step", "Kept at step", COUNT),
            Column("dev", "Development score", NUMBER),
            Column("seconds", "Seconds", NUMBER),
            Column("trouble", "What went wrong", TEXT),
        ),
        names,
    )
