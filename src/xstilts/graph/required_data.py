"""Which data an experiment needs, and which recipes can be run with those that are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from xstilts.config.experiment import Experiment
from xstilts.config.recipes import Recipe, Source
from xstilts.config.tasks import TARGETS, TASKS, TEXT

PARTS = ("train", "dev", "eval")
# A source by its key, and a part of its data.
Need = tuple[str, str]


def required(experiment: Experiment) -> set[Need]:
    """What the targets and the encoders need, without which the experiment makes no sense."""
    targets = [TARGETS[name] for name in experiment.targets]
    trained = [TEXT] if experiment.pretrained else []
    trained += [task.train_set for task in targets if task.train_set]
    return {(key, part) for key in trained for part in ("train", "dev")} | {
        (task.key, "eval") for task in targets
    }


def needed_by(recipes: Iterable[Recipe]) -> set[Need]:
    """What recipes are trained on, and the English data that their checkpoints are chosen on."""
    needed: set[Need] = set()
    for recipe in recipes:
        needed |= {(source.key, "train") for source in recipe.sources}
        for task in recipe.tasks:
            needed.add((task, "dev"))
            if TASKS[task].open_labels:
                needed.add((task, "train"))
        if recipe.mlm:
            needed.add((TEXT, "train"))
    return needed


def by_source(needs: Iterable[Need]) -> dict[str, tuple[str, ...]]:
    """The parts of each source, plain text first, then in the order of the table of tasks."""
    needs = set(needs)
    table = list(TASKS)

    def place(key: str) -> tuple[bool, int, str]:
        return key != TEXT, table.index(Source.of(key).task), key

    return {
        key: tuple(part for part in PARTS if (key, part) in needs)
        for key in sorted({key for key, _ in needs}, key=place)
    }


@dataclass(frozen=True)
class Available:
    """The recipes that can be run, as far as they can, and a line on everything left out."""

    recipes: dict[str, Recipe]
    left_out: tuple[str, ...]


def available(recipes: Mapping[str, Recipe], absent: Mapping[Need, str]) -> Available:
    """What is left of the recipes without the data that are absent (with the reason why)."""
    kept: dict[str, Recipe] = {}
    left_out = []
    for name, recipe in recipes.items():
        lost = {source: reason for source in recipe.sources if (reason := _reason(source, absent))}
        rest = replace(recipe, sources=tuple(each for each in recipe.sources if each not in lost))
        if recipe.mlm and (TEXT, "train") in absent:
            left_out.append(f"recipe {name}: {absent[TEXT, 'train']}")
        elif lost and not (recipe.whatever_is_there and _is_still(recipe, rest)):
            left_out.append(f"recipe {name}: {_told(lost.values())}")
        else:
            kept[name] = rest
            if lost:
                without = ", ".join(source.key for source in lost)
                left_out.append(f"{without} of recipe {name}: {_told(lost.values())}")
    return Available(kept, tuple(left_out))


def _is_still(whole: Recipe, rest: Recipe) -> bool:
    """Whether a mixture without some of its sources is still several tasks in its languages."""
    return len(rest.tasks) > 1 and set(rest.languages) == set(whole.languages)


def _told(reasons: Iterable[str]) -> str:
    first, *others = dict.fromkeys(reasons)
    return f"{first}; and {len(others)} more" if others else first


def _reason(source: Source, absent: Mapping[Need, str]) -> str:
    alone = needed_by([Recipe("", (source,))])
    return next((absent[need] for need in sorted(alone) if need in absent), "")
