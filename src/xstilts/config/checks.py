"""What is wrong with an experiment as a whole, where its parts meet: all of it at once."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xstilts.config.encoders.catalogue import entry_of
from xstilts.config.encoders.hub_names import refusal_of
from xstilts.config.experiment import Experiment
from xstilts.config.language_choice import LanguageChoice
from xstilts.config.languages.names import find
from xstilts.config.recipes import NAME, TRAINABLE, UNTRAINED, Recipe, parse_recipe
from xstilts.config.settings import Invitro, LimitLevels, Text
from xstilts.config.tasks import KINDS, TARGETS, TASKS, TEXT
from xstilts.errors import did_you_mean
from xstilts.rounding import fixed

# Of a long list of languages so many are shown.
_SHOWN = 60


def problems_of(experiment: Experiment) -> Iterator[str]:
    """Everything that is wrong, a sentence each that names the key."""
    found = [
        *_targets_are_known(experiment),
        *_recipes_are_sound(experiment),
        *_names_are_sound(experiment),
        *_encoders_can_be_used(experiment),
        *_settings_without_effect(experiment),
        *_belongs_to_another_source(experiment),
        *_foreign_data(experiment),
        *_text_does_not_fit(experiment),
        *_perturbed_targets_are_known(experiment),
        *_questions_too_long(experiment),
        *_inputs_too_long(experiment),
        *_layers_that_are_not_there(experiment),
    ]
    if experiment.data_source == "folder" and not experiment.data_root:
        found.append(
            "data_root: the folder with XTREME's data is needed for data_source: folder"
            " (snakemake … --config data_root=PATH)"
        )
    yield from found
    for name, target in experiment.targets.items():
        if found:
            continue
        left = len(experiment.languages(name))
        chosen = target.languages if isinstance(target.languages, LanguageChoice) else None
        if not left:
            why = f": none of its languages is of {chosen}" if chosen else ""
            yield f"targets.{name}: no language is left{why}"
        elif chosen and left < (chosen.diverse or 0):
            yield (
                f"targets.{name}: {chosen} asks for more languages than the {left} that there are"
                " (those whose typology is known); ask for as many at most"
            )


def _targets_are_known(experiment: Experiment) -> Iterator[str]:
    for name, target in experiment.targets.items():
        if name not in TARGETS:
            yield f"targets: unknown target {name!r} ({did_you_mean(name, TARGETS)})"
            continue
        known = experiment.all_languages(name)
        named = target.languages if isinstance(target.languages, tuple) else ()
        for language in named + target.exclude:
            if language not in known:
                more = f", and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
                shown = ", ".join(known[:_SHOWN]) + more
                yield f"targets.{name}: {language!r} is not among its languages ({shown})"


def _perturbed_targets_are_known(experiment: Experiment) -> Iterator[str]:
    chosen = experiment.perturbations
    for name in chosen.targets or ():
        if name not in experiment.targets:
            yield (
                f"perturbations.targets: {name!r} is no target of this experiment"
                f" ({', '.join(experiment.targets)})"
            )
        elif TARGETS[name].mined:
            yield f"perturbations.targets: {name} is not perturbed, only mined as it is"
    if chosen.targets is not None and not chosen.conditions:
        yield "perturbations.targets: no perturbation is named beside it (typos: [0.1], …)"


def _encoders_can_be_used(experiment: Experiment) -> Iterator[str]:
    for name, source in experiment.encoders.items():
        if source.hub is not None and (refusal := refusal_of(source.hub)) is not None:
            yield (
                f"encoders.{name}: {source.hub} cannot be used: {refusal.why} ({refusal.remedy})"
            )


def _names_are_sound(experiment: Experiment) -> Iterator[str]:
    for name in experiment.encoders:
        if not re.match(NAME, name):
            yield f"encoders: {name!r} must be letters, digits and . _ + - only"
    for key in ("encoders", "recipes", "targets", "seeds", "splits", "baselines"):
        values = list(getattr(experiment, key))
        if not values and key != "baselines":
            yield f"{key}: at least one is needed"
        if len(set(values)) != len(values):
            yield f"{key}: {values} names something twice"


def _recipes_are_sound(experiment: Experiment) -> Iterator[str]:
    known = experiment.known_languages
    if experiment.data_source == "invitro":
        known = {code: known[code] for code in experiment.invitro.languages}
    sets = experiment.known_language_sets if experiment.language_sets else {}
    for name, codes in sets.items():
        if not codes or len(set(codes)) != len(codes):
            yield f"language_sets.{name}: one or more different languages are needed"
        if name in known:
            yield f"language_sets.{name}: {name!r} is a language itself; choose another name"
    for name in experiment.recipes:
        if name == UNTRAINED:
            yield f"recipes: {UNTRAINED!r} is no recipe but a baseline: list it in `baselines`"
            continue
        if not re.match(NAME, name):
            yield f"recipes: {name!r} must be letters, digits and . _ + @ - only"
            continue
        try:
            recipe = experiment.recipe(name)
        except ValueError as error:
            yield f"recipes: {error}"
            continue
        for source in recipe.sources:
            if source.task not in TRAINABLE:
                hint = did_you_mean(source.task, TRAINABLE)
                yield f"recipes.{name}: nothing is trained on {source.task!r} ({hint})"
            if source.language not in known:
                yield f"recipes.{name}: {_unknown_language(experiment, source.language)}"
        yield from _twins(experiment, recipe)
        weights = experiment.mixing_for(name).weights
        keys = [source.key for source in recipe.sources]
        if weights is not None and set(weights) != set(keys):
            yield (
                f"recipes.{name}: weights must name every source and nothing else:"
                f" {', '.join(keys) or 'it has no source'}"
            )


def _unknown_language(experiment: Experiment, name: str) -> str:
    sets = experiment.known_language_sets
    if experiment.data_source == "invitro":
        hint = did_you_mean(name, [*experiment.invitro.languages, *sets])
        return f"unknown language {name!r} ({hint})"
    try:
        found = find(name, experiment.known_languages)
    except ValueError as error:
        return f"{error}; of the language_sets: {did_you_mean(name, sets)}"
    return f"no data are known in {found.name} ({found.code})"


def _twins(experiment: Experiment, recipe: Recipe) -> Iterator[str]:
    """Earlier recipes that train on the same with the same mixing."""
    for name, other in experiment.parsed_recipes.items():
        if name == recipe.name:
            return
        same = set(other.sources) == set(recipe.sources) and other.mlm == recipe.mlm
        if same and experiment.mixing_for(name) == experiment.mixing_for(recipe.name):
            yield f"recipes: {name!r} and {recipe.name!r} train on the same: drop one"


def _settings_without_effect(experiment: Experiment) -> Iterator[str]:
    """Settings that no job would read, which is always a mistake."""
    for key, levels in (
        ("training", experiment.training),
        ("intermediate_training", experiment.intermediate_training),
    ):
        for task in levels.tasks:
            if task not in TRAINABLE:
                train_set = TASKS[task].train_set
                hint = f"it trains as {train_set}" if train_set else "it is not trained on"
                if task == TEXT:
                    hint = TASKS[task].facts.no_training
                yield f"{key}.tasks.{task} has no effect ({hint})"
        for kind, facts in KINDS.items():
            if kind in levels.kinds and facts.no_training:
                yield f"{key}.kinds.{kind} has no effect ({facts.no_training})"
    for kind, facts in KINDS.items():
        if kind in experiment.tokenisation.kinds and facts.length_key:
            yield f"tokenisation.kinds.{kind} has no effect ({facts.length_key})"
    for task in experiment.tokenisation.tasks:
        if instead := TASKS[task].facts.length_key:
            yield f"tokenisation.tasks.{task} has no effect ({instead})"
    for name in experiment.intermediate_training.recipes:
        # A recipe that is not run this time may have its settings, a wrong name may not.
        if name not in experiment.recipes:
            try:
                parse_recipe(name, experiment.known_language_sets)
            except ValueError as error:
                yield f"intermediate_training.recipes: {error}"
    # Not only what is run: recipes and targets are narrowed on the command line.
    trained = {*TRAINABLE, TEXT}
    for key, amounts in (
        ("limits", experiment.limits),
        ("invitro.sizes", experiment.invitro.sizes),
    ):
        for task, values in amounts.tasks.items():
            if "train" in values and task not in trained:
                yield f"{key}.tasks.{task}.train has no effect (nothing trains on {task})"


def _belongs_to_another_source(experiment: Experiment) -> Iterator[str]:
    """Settings of another data source than the experiment's."""
    if experiment.data_source == "invitro" and experiment.data_root:
        yield f"data_root has no effect (data_source is {experiment.data_source})"
    repos = {
        source.repo
        for task in TASKS.values()
        for several in (*task.hub.values(), *task.hub_translated.values())
        for source in several
    }
    for repo, revision in experiment.hub_revisions.items():
        if repo not in repos:
            yield f"hub_revisions: no task is read from {repo!r} ({did_you_mean(repo, repos)})"
        elif not re.fullmatch(r"[0-9a-f]{40}", revision):
            yield f"hub_revisions.{repo}: {revision!r} is not a full 40-digit commit"
    for key in ("hub_revisions", "accept_foreign"):
        if experiment.data_source != "hub" and getattr(experiment, key):
            yield f"{key} has no effect (data_source is {experiment.data_source})"
    if experiment.data_source == "invitro" and experiment.keep_xquad_passages:
        yield "keep_xquad_passages has no effect (data_source is invitro)"
    if experiment.data_source != "invitro":
        if experiment.invitro != Invitro():
            yield f"invitro has no effect (data_source is {experiment.data_source})"
        return
    if experiment.own_languages:
        yield "own_languages has no effect (the generated languages are invitro.languages)"
    if experiment.limits != LimitLevels():
        yield "limits has no effect (set invitro.sizes)"
    for task, values in experiment.invitro.sizes.tasks.items():
        for split in sorted({"dev", "test"}.intersection(values).difference(TASKS[task].generated)):
            yield f"invitro.sizes.tasks.{task}.{split} has no effect (there is no such split)"
    share = experiment.invitro.translated_share
    if not experiment.needs_text and share != Invitro().translated_share:
        yield "invitro.translated_share has no effect (nothing trains on text)"


def _foreign_data(experiment: Experiment) -> Iterator[str]:
    """Data of the hub that hold another language too, and were not asked for by name."""
    known = [f"{key}@{each.language}" for key, task in TASKS.items() for each in task.hub_foreign]
    for name in experiment.accept_foreign:
        if name not in known:
            yield (
                f"accept_foreign: no other language is known in {name!r}"
                f" ({did_you_mean(name, known)})"
            )
    if experiment.data_source != "hub":
        return
    used = [
        (f"targets.{key}", "exclude: [{}]", (key, split, language))
        for key in experiment.targets
        if key in TARGETS
        for language in experiment.languages(key)
        for split in experiment.splits
    ] + [
        (f"recipes.{name}", "drop {}", (source.task, "train", source.language))
        for name, recipe in experiment.parsed_recipes.items()
        for source in recipe.sources
        if source.task in TASKS
    ]
    refused: dict[tuple[str, str], dict[tuple[str, str], list[str]]] = {}
    for where, remedy, (key, split, language) in used:
        foreign = TASKS[key].foreign(split, language)
        if foreign and f"{key}@{language}" not in experiment.accept_foreign:
            held = refused.setdefault((where, remedy), {})
            shares = held.setdefault((f"{key}@{language}", foreign.other), [])
            shares.append(f"{fixed(foreign.share(split))} % of {split}")
    for (where, remedy), held in refused.items():
        shown = "; ".join(
            f"{name}: {' and '.join(shares)} is {other}" for (name, other), shares in held.items()
        )
        names = [name for name, _ in held]
        codes = ", ".join(name.partition("@")[2] for name in names)
        yield (
            f"{where}: on the hub these data hold another language too: {shown}"
            f" ({remedy.format(codes)}, take data_source: folder, or ask for them by name,"
            f" accept_foreign: [{', '.join(names)}])"
        )


def _text_does_not_fit(experiment: Experiment) -> Iterator[str]:
    generated = experiment.data_source == "invitro"
    if generated:
        for key, hint in (
            ("root", "data_source invitro generates the text"),
            ("languages", "set invitro.languages"),
            ("dev_share", "set invitro.sizes.tasks.text.dev"),
        ):
            if getattr(experiment.text, key) != getattr(Text(), key):
                yield f"text.{key} has no effect ({hint})"
    elif experiment.pretrained and not experiment.text.root:
        names = ", ".join(experiment.pretrained)
        yield f"text.root: the folder with <language>.txt files is needed to pretrain {names}"
    if experiment.text.languages is not None:
        if not experiment.text.languages:
            yield "text.languages: at least one is needed"
        if len(set(experiment.text.languages)) != len(experiment.text.languages):
            yield f"text.languages: {list(experiment.text.languages)} names something twice"


def _used_tasks(experiment: Experiment) -> set[str]:
    targets = {name for name in experiment.targets if name in TARGETS}
    used = targets | {train_set for name in targets if (train_set := TARGETS[name].train_set)}
    for recipe in experiment.parsed_recipes.values():
        used |= TASKS.keys() & recipe.tasks
    return used


def _questions_too_long(experiment: Experiment) -> Iterator[str]:
    """Questions that leave no room for a passage beside them."""
    for task in sorted(_used_tasks(experiment)):
        lengths = experiment.tokenisation_for(task)
        if TASKS[task].facts.has_questions and lengths.max_query_length > lengths.max_length - 16:
            yield (
                f"tokenisation: max_query_length {lengths.max_query_length} of {task} leaves no"
                f" room for a passage in max_length {lengths.max_length}"
            )


def _inputs_too_long(experiment: Experiment) -> Iterator[str]:
    """Lengths beyond the positions of an encoder that is yet to be made."""
    used = _used_tasks(experiment)
    for name, source in experiment.encoders.items():
        if source.pretrain is None:
            continue
        architecture = source.pretrain.architecture
        limit = architecture.max_length
        where = f"encoders.{name}.pretrain.architecture.max_length {limit}"
        retrieved = [task for task in used if TASKS[task].facts.embedded]
        if retrieved and source.retrieval.max_length > limit:
            yield (
                f"encoders.{name}.retrieval.max_length {source.retrieval.max_length} is more"
                f" than {where}"
            )
        for task in sorted(used.difference(retrieved)):
            length = experiment.tokenisation_for(task).max_length
            if length > limit:
                yield f"tokenisation: max_length {length} of {task} is more than {where}"


def _layers_that_are_not_there(experiment: Experiment) -> Iterator[str]:
    """Layers of retrieval beyond those of encoders whose number of layers is known."""
    if not any(TASKS[task].facts.embedded for task in _used_tasks(experiment)):
        return
    for name, source in experiment.encoders.items():
        entry, layers = entry_of(source), None
        if source.pretrain is not None:
            layers = source.pretrain.architecture.num_hidden_layers
        elif entry is not None and entry.hub == source.hub:
            layers = entry.layers
        if layers is not None and not -layers - 1 <= source.retrieval.layer <= layers:
            yield (
                f"encoders.{name}.retrieval.layer {source.retrieval.layer} is not among its"
                f" {layers} layers and the embedding output"
            )
