"""Which data an experiment needs, where they lie, what is missing, and what runs without it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from xstilts.config.experiment import Experiment
from xstilts.config.languages import ALL_LANGUAGES
from xstilts.config.recipes import Recipe, Source
from xstilts.config.tasks import SOURCE_LANGUAGE, TARGETS, TASKS, TEXT, Task
from xstilts.config.user_paths import from_here
from xstilts.errors import XstiltsError
from xstilts.graph.locate import Unit, explain_missing, find_files, text_languages

PARTS = ("train", "dev", "eval")
# A source by its key, and a part of its data.
Need = tuple[str, str]


class Inventory:
    """The data of an experiment.

    Args:
        parts: source (`recipes.Source.key`) -> the parts of its data that are read (train, dev,
            eval).
        optional: pairs of source and part that may be missing (`absent` says which are).

    Raises:
        XstiltsError: data that the experiment names are missing, or the data source has no such
            split (all are listed at once).
    """

    def __init__(
        self,
        experiment: Experiment,
        parts: Mapping[str, tuple[str, ...]],
        optional: Collection[tuple[str, str]] = (),
    ) -> None:
        self._experiment = experiment
        self._missing: list[tuple[str, str, str]] = []
        self.absent: dict[tuple[str, str], str] = {}
        self._data_roots = tuple(
            _existing_folder(each, "data_root") for each in experiment.data_roots
        )
        self._text_root = self._existing_text_root()
        self._refuse_targets_without_split()
        named = [(source, part) for source, several in parts.items() for part in several]
        self._refuse_training_without_data([each for each in named if each not in optional])
        self._units = {
            (source, part): self._find_units(source, part)
            for source, part in named
            if (source, part) not in optional or self._is_there(source, part)
        }
        self._check_missing()

    def units(self, source: str, part: str) -> list[Unit]:
        """What is read to make one part of a source's data."""
        return self._units[source, part]

    @property
    def left_out(self) -> tuple[str, ...]:
        """Data that were looked for, are missing, and were left out as configured."""
        languages: dict[tuple[str, str], list[str]] = {}
        for task, split, language in self._missing:
            languages.setdefault((task, split), []).append(language)
        return tuple(
            f"{task} {split} {' '.join(dict.fromkeys(found))}: "
            + explain_missing(TASKS[task], split, found[0], *self._roots_of(task))
            for (task, split), found in languages.items()
        )

    def source_of(self, source: str) -> str:
        """Where a source's data come from: folder, hub or invitro."""
        # Plain text lies in a folder, unless it is generated with all the rest.
        return "folder" if self._roots_of(source) else self._experiment.data_source

    def dev_share(self, source: str) -> float:
        """The share of a source's training texts that is held out for model selection."""
        if self.source_of(source) == "invitro":
            return 0.0
        task = Source.of(source).task
        return self._experiment.text.dev_share if task == TEXT else TASKS[task].dev_from_train

    def _existing_text_root(self) -> Path | None:
        root = self._experiment.text.root
        return None if root is None else _existing_folder(root, "text.root")

    def _roots_of(self, source: str) -> tuple[Path, ...]:
        """The folders that a source's data lie in, none for data of the hub and generated ones."""
        if source == TEXT:
            return () if self._text_root is None else (self._text_root,)
        if self._experiment.data_source == "hub" and self._is_on_hub(Source.of(source)):
            return self._data_roots if self._has_own_copy(Source.of(source)) else ()
        # What the hub has not, its licence forbidding it, may lie in a folder of the user's.
        return self._data_roots

    def _has_own_copy(self, source: Source) -> bool:
        """Whether all of a source that the hub may lose lies in a folder of the user's."""
        task = TASKS[source.task]
        fragile = any(each.fragile for several in task.hub.values() for each in several)
        return fragile and all(
            find_files(task, split, source.language, *self._data_roots) for split in task.hub
        )

    def tested_passages(self, source: str, part: str) -> tuple[str, Unit] | None:
        """The target and the data whose passages a part must not hold; None if it may hold any.

        Those are the English passages of a target that were drawn from the development set of
        `source`; None too where they are not in the folder that it is read from.
        """
        experiment = self._experiment
        target = TASKS[Source.of(source).task].tested_passages
        if (
            part != "dev"
            or target is None
            or experiment.keep_xquad_passages
            or experiment.data_source == "invitro"
        ):
            return None
        roots = self._roots_of(source)
        if not roots:
            return target, Unit("test", SOURCE_LANGUAGE)
        found = find_files(TASKS[target], "test", SOURCE_LANGUAGE, *roots)
        if found is None:
            return None
        return target, Unit("test", SOURCE_LANGUAGE, tuple(map(str, found[1])), found[0].reader)

    def _is_on_hub(self, source: Source) -> bool:
        task = TASKS[source.task]
        if source.language == SOURCE_LANGUAGE:
            return bool(task.hub)
        return any(task.hub_sources(split, source.language) for split in task.hub)

    def _splits_of(self, task: Task) -> set[str]:
        """The splits that the data source has of a task."""
        match self.source_of(task.key):
            case "folder":
                return set(task.folder)
            case "hub":
                return set(task.hub)
            case _:
                return set(task.generated)

    def _refuse_targets_without_split(self) -> None:
        for key in self._experiment.targets:
            if not set(self._experiment.splits) & self._splits_of(TASKS[key]):
                raise XstiltsError(
                    f"{key} has no {' or '.join(self._experiment.splits)} split",
                    where=f"targets.{key}",
                    hint="add `test` to `splits` or leave the target out",
                )

    def _is_there(self, source: str, part: str) -> bool:
        """Whether one part of an optional source can be read; notes why if it cannot."""
        if source == TEXT and self.source_of(TEXT) != "invitro" and self._text_root is None:
            self.absent[source, part] = "no plain text: `text.root` is not set"
            return False
        task = TASKS[Source.of(source).task]
        roots = self._roots_of(source)
        for split, language in self._wanted(source, part):
            if roots:
                if find_files(task, split, language, *roots) is None:
                    self.absent[source, part] = explain_missing(task, split, language, *roots)
                    return False
            elif not self._has(source, split, language):
                self.absent[source, part] = (
                    f"{task.key}: no {split} data in {language!r} from {self.source_of(source)}"
                )
                return False
        return True

    def _has(self, source: str, split: str, language: str) -> bool:
        """Whether the hub, or the generator, has such data."""
        task = TASKS[Source.of(source).task]
        if self.source_of(source) == "invitro":
            return split in task.generated
        return bool(task.hub_sources(split, language))

    def _refuse_training_without_data(self, parts: Iterable[tuple[str, str]]) -> None:
        """Train sets of which the data source, as a whole, has no such split."""
        lacking = {
            f"{key} has no {split} split"
            for key, part in parts
            if part != "eval"
            for split, _ in self._wanted(key, part)
            if split not in self._splits_of(TASKS[Source.of(key).task])
        }
        if lacking:
            raise XstiltsError(
                f"the data source {self._experiment.data_source} cannot train what the experiment"
                f" names: {', '.join(sorted(lacking))} there",
                where="recipes and targets",
                hint="drop the recipe or target, or choose another `data_source`",
            )

    def _text_languages(self) -> tuple[str, ...]:
        """Languages of the plain text, which are all of its folder unless the experiment says."""
        chosen = self._experiment.text.languages
        if chosen is not None or self._text_root is None:
            return chosen or ()
        found = text_languages(self._text_root)
        if not found:
            raise XstiltsError(
                "no text there",
                where=f"text.root {self._text_root}",
                hint="one file a language, named by its code: en.txt, sw.txt, …",
            )
        return found

    def _wanted(self, source: str, part: str) -> list[tuple[str, str]]:
        """Pairs of split and language that make a part."""
        language = Source.of(source).language
        task = TASKS[Source.of(source).task]
        if part != "eval":
            split = "train" if part == "train" or self.dev_share(source) else "dev"
            if task.key != TEXT:
                return [(split, language)]
            if self.source_of(TEXT) == "invitro":
                return [(split, ALL_LANGUAGES)]
            return [(split, language) for language in self._text_languages()]
        splits = set(self._experiment.splits)
        if task.mined:
            splits.add("dev")  # the mining threshold is tuned there
        return [
            (split, language)
            for split in ("dev", "test")
            if split in splits and split in self._splits_of(task)
            for language in self._experiment.languages(task.key)
            if not (split == "dev" and language in task.no_dev)
        ]

    def _find_units(self, key: str, part: str) -> list[Unit]:
        task = TASKS[Source.of(key).task]
        wanted = self._wanted(key, part)
        roots = self._roots_of(key)
        if not roots:
            return [Unit(split, language) for split, language in wanted]
        units, absent = [], set()
        for split, language in wanted:
            found = find_files(task, split, language, *roots)
            if found is None:
                self._missing.append((task.key, split, language))
                absent.add(language)
            else:
                source, files = found
                units.append(Unit(split, language, tuple(map(str, files)), source.reader))
        if task.mined:
            # Without development pairs there is no threshold, so the test pairs are of no use.
            units = [unit for unit in units if unit.language not in absent]
        return units

    def _check_missing(self) -> None:
        empty = not all(self._units.values())
        if self._missing and (self._experiment.missing_data == "error" or empty):
            raise XstiltsError(
                "data that the experiment names are missing:\n  " + "\n  ".join(self.left_out),
                where=" and ".join(
                    dict.fromkeys(
                        str(root) for task, _, _ in self._missing for root in self._roots_of(task)
                    )
                ),
                hint="narrow `targets.<task>.languages`, `exclude` or `text.languages`, drop the"
                " target or recipe" + ("" if empty else ", or set `missing_data: leave_out`"),
            )


def _existing_folder(name: str, key: str) -> Path:
    # Inputs are compared by name.
    root = from_here(name)
    if not root.is_dir():
        raise XstiltsError("no such folder", where=f"{key} {root}")
    return root


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
            left_out.append(f"recipe {name}: {_joined(lost.values())}")
        else:
            kept[name] = rest
            if lost:
                without = ", ".join(source.key for source in lost)
                left_out.append(f"{without} of recipe {name}: {_joined(lost.values())}")
    return Available(kept, tuple(left_out))


def _is_still(whole: Recipe, rest: Recipe) -> bool:
    """Whether a mixture without some of its sources is still several tasks in its languages."""
    return len(rest.tasks) > 1 and set(rest.languages) == set(whole.languages)


def _joined(reasons: Iterable[str]) -> str:
    first, *others = dict.fromkeys(reasons)
    return f"{first}; and {len(others)} more" if others else first


def _reason(source: Source, absent: Mapping[Need, str]) -> str:
    alone = needed_by([Recipe("", (source,))])
    return next((absent[need] for need in sorted(alone) if need in absent), "")
