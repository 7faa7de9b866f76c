"""Claims 1 to 6 of the study: what gains most, choice for each target, more complex recipes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from xstilts.analysis.claims.parts import (
    NO_GAIN,
    STUDY_TASKS,
    ClaimPart,
    EncoderEvidence,
    SupportingNumber,
    missing_recipes,
    missing_targets,
)
from xstilts.analysis.claims.selection import selected_gain
from xstilts.analysis.inference.draws import Draws, combine, mean_of, stack
from xstilts.analysis.inference.estimates import Estimate, estimate, greatest, least
from xstilts.config.recipes import NONE
from xstilts.config.tasks import TARGETS, XTREME

_SQUAD = ("squad_v1", "squad_v2")
# Number, what the study calls the task, its keys, and its mean gain over the baseline there.
_BEST = (
    ("1a", "SQuAD", _SQUAD, "+8.2"),
    ("1b", "MNLI", ("mnli",), "+7.5"),
    ("1c", "HellaSwag", ("hellaswag",), "+7.0"),
)
_BEST_TASKS = {task for _, _, tasks, _ in _BEST for task in tasks}
# Fewer recipes than this are not "many".
_MANY = 3
_DEVELOPMENT = "The study, on development sets"


def best_single_tasks(run: EncoderEvidence) -> Iterator[ClaimPart]:
    """Claim 1: three tasks give the largest mean improvements, one part a task."""
    others = {task: name for task, name in run.singles.items() if task not in _BEST_TASKS}
    for number, name, tasks, gain in _BEST:
        recipe = next((run.singles[task] for task in tasks if task in run.singles), None)
        part = ClaimPart(
            number=number,
            statement=(
                f"{name} is one of the three intermediate tasks, with"
                f" {' and '.join(other for _, other, *_ in _BEST if other != name)}, that give the"
                " largest mean improvements."
            ),
            quantity=(
                f"Mean gain after {name}, minus that after each intermediate task outside the"
                " three, over the targets that both have; the least of these differences."
            ),
            reference=f"{_DEVELOPMENT}: mean gain {gain} points over the baseline.",
        )
        if recipe is None:
            yield replace(part, missing=f"an English recipe of {' or '.join(tasks)} alone")
            continue
        absent = [task for task in STUDY_TASKS if task not in (*_BEST_TASKS, *others)]
        compared = _differences(run, recipe, others.values())
        if not compared:
            yield replace(part, missing=f"an English recipe of another task: {', '.join(absent)}")
            continue
        yield run.with_estimate(
            part,
            least(stack(list(compared.values()))),
            run.beside_baseline([recipe, *compared]),
            missing_recipes(absent),
            missing_targets(run.gains(recipe)),
            measures=[run.mean_gain(name) for name in (recipe, *compared)],
        )


def multi_task(run: EncoderEvidence) -> ClaimPart:
    """Claim 2: the multi-task recipe is best on average."""
    part = ClaimPart(
        number="2",
        statement="Multi-task training on all intermediate tasks is best on average.",
        quantity=(
            "Mean gain after the multi-task recipe, minus that after each single intermediate"
            " task, over the targets that both have; the least of these differences."
        ),
        reference=f"{_DEVELOPMENT}: mean gain +8.7 points over the baseline.",
    )
    if run.multi is None:
        return replace(part, missing="an English recipe of several tasks")
    absent = [task for task in STUDY_TASKS if task not in run.singles]
    compared = _differences(run, run.multi, run.singles.values())
    if not compared:
        return replace(part, missing=f"an English recipe of one task: {', '.join(absent)}")
    within = [task for task in STUDY_TASKS if task not in run.recipes[run.multi].tasks]
    return run.with_estimate(
        part,
        least(stack(list(compared.values()))),
        run.beside_baseline([run.multi, *compared]),
        f"tasks in {run.multi}: {', '.join(within)}" if within else "",
        missing_recipes(absent),
        missing_targets(run.gains(run.multi)),
        measures=[run.mean_gain(name) for name in (run.multi, *compared)],
    )


def untrained_targets(run: EncoderEvidence) -> Iterator[ClaimPart]:
    """Claim 3: the targets without training data gain most, one part each."""
    untrained = [target for target in XTREME if TARGETS[target].train_set is None]
    trained = [target for target in XTREME if target not in untrained]
    gains = {recipe: run.gains(recipe) for recipe in run.english}
    for letter, target in zip("ab", untrained, strict=True):
        title = TARGETS[target].title
        part = ClaimPart(
            number=f"3{letter}",
            statement=f"{title}, which has no training data, gains more than any trained target.",
            quantity=(
                f"Gain of {title}, minus that of each trained target, mean over the English"
                " recipes that have both; the least of these differences."
            ),
            reference=f"{_DEVELOPMENT}: BUCC and Tatoeba gain most.",
        )
        compared = {
            other: differences
            for other in trained
            if (
                differences := {
                    recipe: held[target].minus(held[other])
                    for recipe, held in gains.items()
                    if target in held and other in held
                }
            )
        }
        if not compared:
            yield replace(
                part, missing=f"an English recipe beside {NONE} on {title} and a trained target"
            )
            continue
        used = list(dict.fromkeys(name for held in compared.values() for name in held))
        measures = [
            SupportingNumber.of(
                f"Gain of {TARGETS[key].title}, mean over recipes",
                mean_of([gains[name][key] for name in used if key in gains[name]]),
            )
            for key in (target, *compared)
        ]
        yield run.with_estimate(
            part,
            least(stack([mean_of(list(held.values())) for held in compared.values()])),
            [
                (key, name, NONE)
                for other, held in compared.items()
                for name in held
                for key in (target, other)
            ],
            missing_targets([target, *compared, *untrained]),
            run.not_run,
            measures=measures,
        )


def tydiqa(run: EncoderEvidence) -> ClaimPart:
    """Claim 4, first half: consistent gains."""
    part = ClaimPart(
        number="4a",
        statement="TyDiQA gains consistently, with many intermediate tasks.",
        quantity="The median of TyDiQA's gains over the English recipes.",
        reference=f"{_DEVELOPMENT}: gains with many intermediate tasks.",
    )
    gains = _on_target(run, "tydiqa")
    if len(gains) < _MANY:
        lacking = f"at least {_MANY} English recipes with TyDiQA beside {NONE}; here {len(gains)}"
        return replace(part, missing=lacking)
    return run.with_estimate(
        part,
        estimate(combine(list(gains.values()), lambda arrays: np.median(arrays, axis=0))),
        [("tydiqa", recipe, NONE) for recipe in gains],
        run.not_run,
        measures=_each(gains),
    )


def xnli(run: EncoderEvidence) -> ClaimPart:
    """Claim 4, second half: no gain at all."""
    part = ClaimPart(
        number=NO_GAIN,
        statement="XNLI does not gain from any intermediate task.",
        quantity="The greatest of XNLI's gains over the English recipes: the claim is that it is"
        " not above 0.",
        reference=f"{_DEVELOPMENT}: no gain from any intermediate task.",
    )
    gains = _on_target(run, "xnli")
    if not gains:
        return replace(part, missing=f"an English recipe with XNLI beside {NONE}")
    return run.with_estimate(
        part,
        greatest(stack(list(gains.values()))),
        [("xnli", recipe, NONE) for recipe in gains],
        run.not_run,
        measures=_each(gains),
    )


def _differences(run: EncoderEvidence, recipe: str, others: Iterable[str]) -> dict[str, Draws]:
    """Mean gain of a recipe minus that of each other, over the targets that both have."""
    ours = run.gains(recipe)
    found = {}
    for other in others:
        theirs = run.gains(other)
        shared = [ours[target].minus(theirs[target]) for target in ours if target in theirs]
        if shared:
            found[other] = mean_of(shared)
    return found


def _on_target(run: EncoderEvidence, target: str) -> dict[str, Draws]:
    found = {recipe: run.evidence.gain(target, recipe) for recipe in run.english}
    return {recipe: gain for recipe, gain in found.items() if gain is not None}


def _each(gains: Mapping[str, Draws]) -> list[SupportingNumber]:
    return [SupportingNumber.of(f"Gain with {recipe}", gain) for recipe, gain in gains.items()]


def best_per_target(run: EncoderEvidence) -> ClaimPart:
    """Claim 5: choosing per target on development data."""
    part = ClaimPart(
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


def _chosen(run: EncoderEvidence, targets: Sequence[str]) -> Iterator[SupportingNumber]:
    """The gain of what was chosen for each target, as if nothing else could have been."""
    for key in targets:
        recipe = run.development[key].chosen
        gain = run.evidence.gain(key, recipe) if recipe != NONE else None
        found = Estimate(value=0.0) if gain is None else estimate(gain)
        yield SupportingNumber.of(f"{TARGETS[key].title}: {recipe}", found)


def _without_choice(targets: Sequence[str]) -> str:
    names = ", ".join(TARGETS[key].title for key in targets)
    return f"development scores: {names}" if targets else ""


def alternatives(run: EncoderEvidence) -> Iterator[ClaimPart]:
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
        ClaimPart(
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
        ClaimPart(
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


def _alternative(
    run: EncoderEvidence, part: ClaimPart, pairs: Mapping[str, str], lacking: str
) -> ClaimPart:
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
            SupportingNumber.of(f"{plain} minus {other}", mean_of(gains))
            for (plain, other), gains in compared.items()
        ],
    )
