"""Claims 5 and 6: choosing a recipe for each target, and more complex recipes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from xstilts.analysis.claims.parts import Measure, Part, missing_targets
from xstilts.analysis.claims.selection import selected_gain
from xstilts.analysis.claims.study_recipes import Run
from xstilts.analysis.inference.draws import mean_of
from xstilts.analysis.inference.estimates import Estimate, estimate
from xstilts.config.recipes import NONE
from xstilts.config.tasks import TARGETS


def best_per_target(run: Run) -> Part:
    """Claim 5: choosing per target on development data."""
    part = Part(
        number="5",
        statement="Choosing the best recipe for each target on development data raises the"
        " XTREME average.",
        quantity=(
            "Mean over targets of the score of the recipe that is best on English development"
            f" data, {NONE} among them, minus that of {NONE}; chosen anew in each draw."
        ),
        reference=(
            "The study, on the benchmark's test sets: 68.1 for XLM-R Large, 73.5 when chosen per"
            " target (+5.4)."
        ),
    )
    series, targets = selected_gain(run.evidence, run.development)
    held = [key for key in targets if set(run.development[key].scores) - {NONE}]
    if series is None or not held:
        return replace(
            part, missing=f"development scores of {NONE} and another recipe on any target"
        )
    used = [
        (key, recipe, NONE)
        for key in held
        for recipe in run.development[key].scores
        if recipe != NONE and run.evidence.common_seeds(key, recipe)
    ]
    return run.with_estimate(
        part,
        estimate(series),
        used,
        missing_targets(targets),
        _without_choice([key for key in targets if key not in held]),
        measures=_chosen(run, held),
    )


def _chosen(run: Run, targets: Sequence[str]) -> Iterator[Measure]:
    """The gain of what was chosen for each target, as if nothing else could have been."""
    for key in targets:
        recipe = run.development[key].chosen
        gain = run.evidence.gain(key, recipe) if recipe != NONE else None
        found = Estimate(value=0.0) if gain is None else estimate(gain)
        yield Measure.of(f"{TARGETS[key].title}: {recipe}", found)


def _without_choice(targets: Sequence[str]) -> str:
    names = ", ".join(TARGETS[key].title for key in targets)
    return f"development scores: {names}" if targets else ""


def alternatives(run: Run) -> Iterator[Part]:
    """Claim 6: English training beats two more complex ways."""
    english = {
        tuple(sorted(recipe.tasks)): name
        for name, recipe in reversed(list(run.recipes.items()))
        if recipe.english
    }
    with_mlm, elsewhere = {}, {}
    for name, recipe in run.recipes.items():
        plain = english.get(tuple(sorted(recipe.tasks)))
        foreign = bool(recipe.tasks) and not replace(recipe, mlm=False).english
        if plain and recipe.mlm and not foreign:
            with_mlm[name] = plain
        elif plain and foreign and not recipe.mlm:
            elsewhere[name] = plain
    yield _alternative(
        run,
        Part(
            number="6i",
            statement="English intermediate training beats continuing multilingual MLM in it.",
            quantity="Mean task score after a recipe, minus that after the same with MLM, over the"
            " targets that both have; mean over such pairs of recipes.",
            reference="The study: adding MLM was not consistently better than English alone.",
        ),
        with_mlm,
        "an English recipe with and without MLM",
    )
    yield _alternative(
        run,
        Part(
            number="6ii",
            statement="English intermediate training beats machine-translated intermediate data.",
            quantity="Mean task score after a recipe in English, minus that after the same tasks in"
            " other languages (whatever the origin of those data), over the targets that both"
            " have; mean over such pairs of recipes.",
            reference="The study: translated intermediate data were not consistently better than"
            " English.",
        ),
        elsewhere,
        "a recipe in English and in other languages",
    )


def _alternative(run: Run, part: Part, pairs: Mapping[str, str], lacking: str) -> Part:
    """English minus its alternative, over `pairs` of an alternative and its English recipe."""
    compared = {
        (plain, other): list(gains.values())
        for other, plain in pairs.items()
        if (gains := run.gains(plain, other))
    }
    if not compared:
        return replace(part, missing=f"{lacking}, with a target and a seed in common")
    used = [
        (target, plain, other) for plain, other in compared for target in run.gains(plain, other)
    ]
    return run.with_estimate(
        part,
        estimate(mean_of([mean_of(gains) for gains in compared.values()])),
        used,
        missing_targets(target for target, *_ in used),
        measures=[
            Measure.of(f"{plain} minus {other}", mean_of(gains))
            for (plain, other), gains in compared.items()
        ],
    )
