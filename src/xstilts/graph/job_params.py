"""What each rule depends on of an experiment, and nothing else: the `params` of its jobs.

A rule whose slice does not change is not run again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from xstilts.config.encoders import Pretraining
from xstilts.config.languages import ALL_LANGUAGES, INVITRO_LANGUAGES
from xstilts.config.perturbations import condition_name
from xstilts.config.recipes import Recipe, Source
from xstilts.config.settings import Mixing, Strict, TrainingSettings
from xstilts.config.tasks import PERTURBED, SOURCE_LANGUAGE, TARGETS, TASKS, TEXT, HubSource
from xstilts.config.user_paths import from_here
from xstilts.graph.language_params import LanguageParams, plain


class JobParams(LanguageParams):
    """Data by which jobs of one grid are told apart, the same once written as JSON and read."""

    def task(self, task: str) -> dict[str, Any]:
        """What the table of tasks says about how a source's task is computed."""
        entry = TASKS[Source.of(task).task]
        return {
            "key": entry.key,
            "kind": str(entry.kind),
            "metric": entry.metric,
            "labels": list(entry.labels),
            "unanswerable": entry.unanswerable,
            "open_labels": entry.open_labels,
        }

    def about(self, sources: Iterable[str], parts: Iterable[str]) -> dict[str, Any]:
        """What code uses of tables that works on these parts of sources.

        Returns:
            Arguments of `xstilts.execution.code_digest.code_digest`: entries by kind of task and
            metric, and the rows of tasks and languages.
        """
        sources, parts = list(sources), list(parts)
        tasks = [TASKS[Source.of(key).task] for key in sources]
        kinds = sorted({str(task.kind) for task in tasks})
        languages = {code for key in sources for part in parts for code in self._codes(key, part)}
        return {
            "only": {
                "Kind": kinds,
                "METRICS": sorted({task.metric for task in tasks}),
            },
            "rows": {
                "Task": sorted({task.key for task in tasks}),
                "KindFacts": kinds,
                "Language": sorted({SOURCE_LANGUAGE, *languages}),
            },
        }

    def _codes(self, source: str, part: str) -> Iterable[str]:
        """The languages that a part of a source is in."""
        made_of = "eval" if part == PERTURBED else part
        if made_of not in self._grid.parts(source):
            return ()
        found = [unit.language for unit in self._grid.units(source, made_of)]
        return self._experiment.invitro.languages if ALL_LANGUAGES in found else found

    def reading(self, task: str, part: str) -> dict[str, Any]:
        """The same of code that reads one data file, with its readers."""
        entry = TASKS[Source.of(task).task]
        readers = {unit.reader for unit in self._grid.units(task, part)}
        for unit in self._grid.units(task, part):
            readers |= {each.reader for each in entry.hub_sources(unit.split, unit.language)}
        found = self.about([task], [part])
        return {**found, "only": {**found["only"], "READERS": sorted(readers - {""})}}

    def data(self, task: str, part: str) -> dict[str, Any]:
        """What decides the content of one data file."""
        source = self._grid.inventory.source_of(task)
        if source == "invitro":
            return self._generated(task, part)
        units = self._grid.units(task, part)
        entry = TASKS[Source.of(task).task]
        limits = self._experiment.limits_for(entry.key).model_dump()
        splits = {"train": ["train"], "dev": ["dev"], "eval": ["dev", "test"]}[part]
        hub = [
            (unit, each)
            for unit in units
            for each in (entry.hub_sources(unit.split, unit.language) if source == "hub" else ())
        ]
        foreign = [(unit, entry.foreign(unit.split, unit.language)) for unit in units]
        found = {
            "source": source,
            "units": [asdict(unit) for unit in units],
            "limits": {split: limits[split] for split in splits},
            "hub": [[unit.split, unit.language, asdict(each)] for unit, each in hub],
            "revisions": self._revisions(each for _, each in hub),
            "dev_from_train": self._grid.inventory.dev_share(task),
            "parallel": entry.parallel,
            "subset": entry.subset,
            "placeholder_texts": list(entry.placeholder_texts),
            "mispaired": [asdict(each) for each in entry.mispaired],
            "foreign": [
                [unit.split, unit.language, each.other, each.share(unit.split)]
                for unit, each in foreign
                if each and source == "hub"
            ],
            "tested_passages": self._tested_passages(task, part, source),
        }
        # Where a target has none of these, what it was made from is told as before.
        own = {split: entry.own_items[split] for split in splits if split in entry.own_items}
        found |= {"own_items": own} if own else {}
        found |= {"unlearnt": entry.unlearnt} if entry.unlearnt else {}
        return plain(found)

    def _tested_passages(self, task: str, part: str, source: str) -> dict[str, Any] | None:
        """What decides which passages a part must not hold; None if it may hold any."""
        tested = self._grid.inventory.tested_passages(task, part)
        if tested is None:
            return None
        target, unit = tested
        hub = TASKS[target].hub_sources(unit.split, unit.language) if source == "hub" else ()
        return {
            "task": target,
            "unit": asdict(unit),
            "hub": [asdict(each) for each in hub],
            "revisions": self._revisions(hub),
        }

    def _revisions(self, sources: Iterable[HubSource]) -> dict[str, str]:
        """The commit of each repository."""
        pinned = self._experiment.hub_revisions
        return {each.repo: pinned.get(each.repo, each.revision) for each in sources}

    def _generated(self, task: str, part: str) -> dict[str, Any]:
        """What decides generated data: of all languages only those that the part is in."""
        invitro = self._experiment.invitro
        units = self._grid.units(task, part)
        sizes = invitro.sizes.of(Source.of(task).task).model_dump()
        if task == TEXT:
            languages = invitro.languages
            translated = {"translated_share": invitro.translated_share}
        else:
            # Retrieval is from or into the source language.
            languages = tuple(dict.fromkeys([SOURCE_LANGUAGE, *(unit.language for unit in units)]))
            translated = {}
        found = {
            "units": [asdict(unit) for unit in units],
            "sizes": {unit.split: sizes[unit.split] for unit in units},
            "world": {
                "seed": invitro.seed,
                # Rows of the table, because a language's words come from its family's roots.
                "languages": {code: asdict(INVITRO_LANGUAGES[code]) for code in languages},
                **translated,
            },
        }
        return plain(found)

    def perturbation(self, target: str) -> dict[str, Any]:
        """What decides the perturbed inputs of a target, besides its data."""
        settings = self._experiment.perturbations
        splits = self._experiment.splits
        spoken = list(dict.fromkeys(u.language for u in self._grid.units(target, "eval")))
        # Of a user's row what statistics need is none of it.
        own = {
            code: {"language": row["language"]}
            for code, row in self.own_languages().items()
            if code in spoken
        }
        return {
            "conditions": [condition_name(*each) for each in settings.conditions],
            "items": settings.items,
            "split": "test" if "test" in splits else splits[0],
            "parallel": TARGETS[target].parallel,
            "scripts": {code: self._known[code].script for code in spoken},
            "generated": self._experiment.data_source == "invitro",
            **({"own_languages": own} if own else {}),
        }

    def encoder(self, encoder: str) -> dict[str, Any]:
        """Where an encoder comes from; a package by its version, since its files move."""
        source = self._experiment.encoders[encoder]
        known = source.model_dump(include={"hub", "revision", "folder"})
        known |= _changed(source, {"pooling", "bidirectional", "adapters", "convert_pickle"})
        if source.folder is not None and source.package is None:
            known["folder"] = str(from_here(source.folder))
        return {**known, "package_version": source.package_version()}

    def length(self, encoder: str, task: str) -> dict[str, Any]:
        """Lengths at which a source is tokenised, and what stands before each text."""
        key = Source.of(task).task
        if TASKS[key].facts.embedded:
            retrieval = self._experiment.encoders[encoder].retrieval
            return {"max_length": retrieval.max_length, **_changed(retrieval, {"prefix"})}
        if key == TEXT:
            pretraining = self._experiment.encoders[encoder].pretrain
            made_here = pretraining and pretraining.architecture.max_length
            return {"max_length": made_here or self._experiment.continued_mlm.max_length}
        return self._experiment.tokenisation_for(key).model_dump()

    def intermediate(self, wildcards: Mapping[str, str]) -> dict[str, Any]:
        """What decides the outcome of intermediate training, besides its input files."""
        recipe = self._grid.recipes[wildcards["recipe"]]
        keys = self._grid.sources(recipe.name)
        mixing = self._experiment.mixing_for(recipe.name)
        if mixing.weights is not None:
            # Sources that are missing from a recipe have no weight either.
            known = {key: mixing.weights[key] for key in keys if key != TEXT}
            mixing = mixing.model_copy(update={"weights": known})
        return {
            "name": f"{wildcards['encoder']}/{recipe.name}/intermediate",
            "phase": "intermediate",
            "sources": {key: self.task(key) for key in keys},
            "dev": {task: self.task(task) for task in recipe.tasks},
            "seed": int(wildcards["seed"]),
            "settings": _deciding(self._experiment.intermediate_training_for(recipe)),
            "mixing": mixing.model_dump(include=_effective(recipe, mixing)),
            **({"mask_ratio": self._experiment.continued_mlm.mask_ratio} if recipe.mlm else {}),
            **self._precision(),
        }

    def target(self, wildcards: Mapping[str, str]) -> dict[str, Any]:
        """What decides the outcome of target training, besides its input files."""
        task = wildcards["train_set"]
        return {
            "name": f"{wildcards['encoder']}/{wildcards['recipe']}/target/{task}",
            "phase": "target",
            "sources": {task: self.task(task)},
            "dev": {task: self.task(task)},
            "seed": int(wildcards["seed"]),
            "settings": _deciding(self._experiment.training_for(task)),
            **self._precision(),
        }

    def new_encoder(self, encoder: str) -> dict[str, Any]:
        """What decides a new encoder's tokenizer and first weights, besides the text."""
        pretraining = self._pretraining(encoder)
        return {
            "seed": pretraining.seed,
            "architecture": pretraining.architecture.model_dump(),
            "tokenizer": pretraining.tokenizer.model_dump(),
            **_changed(self._experiment.encoders[encoder], {"pooling"}),
        }

    def reinitialised(self, encoder: str) -> dict[str, Any]:
        """What decides the random weights of an encoder's untrained counterpart."""
        return {"seed": self._experiment.seeds[0]}

    def pretraining(self, encoder: str) -> dict[str, Any]:
        """What decides the outcome of pretraining, besides its input files."""
        pretraining = self._pretraining(encoder)
        return {
            "name": f"{encoder}/pretraining/{TEXT}",
            "phase": "pretraining",
            "sources": {TEXT: self.task(TEXT)},
            "dev": {TEXT: self.task(TEXT)},
            "seed": pretraining.seed,
            "settings": _deciding(pretraining.training),
            "mask_ratio": pretraining.mask_ratio,
            **self._precision(),
        }

    def _pretraining(self, encoder: str) -> Pretraining:
        pretraining = self._experiment.encoders[encoder].pretrain
        if pretraining is None:
            raise ValueError(f"{encoder} is not pretrained")
        return pretraining

    def decoding(self, target: str) -> dict[str, Any]:
        """What decides the predictions of a target, besides its input files."""
        training = self._experiment.training_for(str(TARGETS[target].train_set))
        return {"max_answer_length": training.max_answer_length, **self._precision()}

    def embedding(self, encoder: str) -> dict[str, Any]:
        """What decides the sentence vectors of an encoder."""
        settings = self._experiment.encoders[encoder].retrieval
        known = settings.model_dump(include={"layer", "pooling"})
        return {**known, **_changed(settings, {"final_norm"}), **self._precision()}

    def _precision(self) -> dict[str, Any]:
        """What encoders compute in, where that is not left to the device."""
        return _changed(self._experiment, {"precision"})

    def table(self) -> dict[str, Any]:
        """What the table of tasks says about averages: languages and groups."""
        return {
            key: {
                "languages": list(self._experiment.all_languages(key)),
                "group": task.group,
                "title": task.title,
            }
            for key, task in TARGETS.items()
        }

    def facts(self) -> dict[str, Any]:
        """What is known of languages and targets by which findings are grouped and corrected."""
        found = {
            "languages": {
                code: asdict(language) for code, language in self._evaluated_languages().items()
            },
            "targets": {
                key: {**self.task(key), "choices": task.choices, "parallel": task.parallel}
                for key in self._experiment.targets
                for task in [TARGETS[key]]
            },
        }
        return plain(found)

    def everything(self) -> dict[str, Any]:
        """The validated experiment as plain data, the same in whatever order it was written.

        Recipes and encoders keep the order in which they were named: it is that of the reports.
        What planning assumes is left out: it is no part of what is run.
        """
        found = self._experiment.model_dump(mode="json", exclude={"assumptions"})
        found["own_languages"] = self.own_languages()
        named = ("encoders", "recipes", "targets")
        return {
            key: {name: _ordered(each) for name, each in value.items()}
            if key in named
            else _ordered(value)
            for key, value in found.items()
        }

    def recipes(self) -> dict[str, Any]:
        """What each recipe is, for the reports."""
        return {
            name: {
                "sources": [source.key for source in recipe.sources],
                "tasks": list(recipe.tasks),
                "languages": list(recipe.languages),
                "mlm": recipe.mlm,
            }
            for name, recipe in self._grid.recipes.items()
        }


def _changed(settings: Strict, names: set[str]) -> dict[str, Any]:
    """Those that are not at their defaults, so that a new setting runs nothing again."""
    return settings.model_dump(include=names, exclude_defaults=True)


def _ordered(value: Any) -> Any:
    """Plain data with the keys of mappings in the order of the alphabet."""
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value)}
    return [_ordered(each) for each in value] if isinstance(value, list) else value


def _deciding(settings: TrainingSettings) -> dict[str, Any]:
    """The settings on which a result depends."""
    return settings.model_dump(exclude={"save_every_seconds"})


def _effective(recipe: Recipe, mixing: Mixing) -> set[str]:
    """Which settings of a mixture have an effect on this recipe."""
    found = {"mlm_share"} if recipe.mlm else set()
    if len(recipe.sources) > 1 and mixing.weights is not None:
        found.add("weights")
    if len(recipe.tasks) > 1:
        # With weights the sizes decide nothing but the number of steps.
        found |= {"cap"} if mixing.weights is not None else {"cap", "temperature"}
    return found
