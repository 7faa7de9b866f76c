"""Which data an experiment reads, where they lie, and what of it is missing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from xstilts.config import Experiment
from xstilts.data.locate import Unit, explain_missing, find_files, text_languages
from xstilts.errors import XstiltsError
from xstilts.tasks import SOURCE_LANGUAGE, TASKS, TEXT, Metric, Task

# ISO 639-3's code for several languages at once.
ALL_LANGUAGES = "mul"


class Inventory:
    """The data of an experiment.

    Args:
        parts: task -> the parts of its data that are read (train, dev, eval).

    Raises:
        XstiltsError: data that the experiment names are missing, or the data source has no such
            split (all are listed at once).
    """

    def __init__(self, experiment: Experiment, parts: Mapping[str, tuple[str, ...]]) -> None:
        self._experiment = experiment
        self._missing: list[tuple[str, str, str]] = []
        self._data_root = self._existing_data_root()
        self._text_root = self._existing_text_root()
        self._refuse_targets_without_split()
        self._refuse_training_without_data(parts)
        self._units = {
            (task, part): self._find_units(task, part)
            for task, several in parts.items()
            for part in several
        }
        self._check_missing()

    def units(self, task: str, part: str) -> list[Unit]:
        """What is read to make one part of a task's data."""
        return self._units[task, part]

    @property
    def left_out(self) -> tuple[str, ...]:
        """Data that were looked for, are missing, and were left out as configured."""
        languages: dict[tuple[str, str], list[str]] = {}
        for task, split, language in self._missing:
            languages.setdefault((task, split), []).append(language)
        return tuple(
            f"{task} {split} {' '.join(dict.fromkeys(found))}: "
            + explain_missing(TASKS[task], split, found[0], Path(str(self._root_of(task))))
            for (task, split), found in languages.items()
        )

    def source_of(self, task: str) -> str:
        """Where a task's data come from: folder, hub or invitro."""
        # Plain text lies in a folder, unless it is generated with all the rest.
        return "folder" if self._root_of(task) else self._experiment.data_source

    def dev_share(self, task: str) -> float:
        """The share of a task's training texts that is held out for model selection."""
        if self.source_of(task) == "invitro":
            return 0.0
        return self._experiment.text.dev_share if task == TEXT else TASKS[task].dev_from_train

    def _existing_data_root(self) -> Path | None:
        if self._experiment.data_source != "folder":
            return None
        return _existing_folder(str(self._experiment.data_root), "data_root")

    def _existing_text_root(self) -> Path | None:
        root = self._experiment.text.root
        return None if root is None else _existing_folder(root, "text.root")

    def _root_of(self, task: str) -> Path | None:
        return self._text_root if task == TEXT else self._data_root

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
                    mend="add `test` to `splits` or leave the target out",
                )

    def _refuse_training_without_data(self, parts: Mapping[str, tuple[str, ...]]) -> None:
        """Recipes and train sets of which the data source, as a whole, has no such split."""
        lacking = {
            f"{key} has no {split} split"
            for key, several in parts.items()
            for part in several
            if part != "eval"
            for split, _ in self._wanted(TASKS[key], part)
            if split not in self._splits_of(TASKS[key])
        }
        if lacking:
            raise XstiltsError(
                f"the data source {self._experiment.data_source} cannot train what the experiment"
                f" names: {', '.join(sorted(lacking))} there",
                where="recipes and targets",
                mend="drop the recipe or target, or choose another `data_source`",
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
                mend="one file a language, named by its code: en.txt, sw.txt, …",
            )
        return found

    def _wanted(self, task: Task, part: str) -> list[tuple[str, str]]:
        """Pairs of split and language that make a part."""
        if part != "eval":
            split = "train" if part == "train" or self.dev_share(task.key) else "dev"
            if task.key != TEXT:
                return [(split, SOURCE_LANGUAGE)]
            if self.source_of(TEXT) == "invitro":
                return [(split, ALL_LANGUAGES)]
            return [(split, language) for language in self._text_languages()]
        splits = set(self._experiment.splits)
        if task.metric is Metric.BITEXT_F1:
            splits.add("dev")  # the mining threshold is tuned there
        return [
            (split, language)
            for split in ("dev", "test")
            if split in splits and split in self._splits_of(task)
            for language in self._experiment.languages(task.key)
            if not (split == "dev" and language in task.no_dev)
        ]

    def _find_units(self, key: str, part: str) -> list[Unit]:
        task = TASKS[key]
        wanted = self._wanted(task, part)
        root = self._root_of(key)
        if root is None:
            return [Unit(split, language) for split, language in wanted]
        units, absent = [], set()
        for split, language in wanted:
            found = find_files(task, split, language, root)
            if found is None:
                self._missing.append((key, split, language))
                absent.add(language)
            else:
                source, files = found
                units.append(Unit(split, language, tuple(map(str, files)), source.reader))
        if task.metric is Metric.BITEXT_F1:
            # Without development pairs there is no threshold, so the test pairs are of no use.
            units = [unit for unit in units if unit.language not in absent]
        return units

    def _check_missing(self) -> None:
        empty = not all(self._units.values())
        if self._missing and (self._experiment.missing_data == "error" or empty):
            raise XstiltsError(
                "data that the experiment names are missing:\n  " + "\n  ".join(self.left_out),
                where=" and ".join(
                    dict.fromkeys(str(self._root_of(task)) for task, _, _ in self._missing)
                ),
                mend="narrow `targets.<task>.languages`, `exclude` or `text.languages`, drop the"
                " target or recipe" + ("" if empty else ", or set `missing_data: leave_out`"),
            )


def _existing_folder(name: str, key: str) -> Path:
    # One spelling of the path, whatever was typed: inputs are compared by name.
    root = Path(name).expanduser().resolve()
    if not root.is_dir():
        raise XstiltsError("no such folder", where=f"{key} {root}")
    return root
