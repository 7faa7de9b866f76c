"""Recipe names, and which recipes can be run with the data that are there."""

from __future__ import annotations

import pytest

from xstilts.config.recipes import TRAINABLE, Recipe, Source, parse_recipe
from xstilts.config.tasks import INTERMEDIATE, TEXT
from xstilts.graph.required_data import available, by_source, needed_by

SETS = {"diverse": ("ar", "sw", "zh")}


@pytest.mark.parametrize(
    ("name", "sources", "mlm"),
    [
        ("none", [], False),
        ("mnli", ["mnli"], False),
        ("mnli+mlm", ["mnli"], True),
        ("mnli@sw", ["mnli@sw"], False),
        ("squad_v1@en-de-sw+mlm", ["squad_v1", "squad_v1@de", "squad_v1@sw"], True),
        ("squad_v1@diverse", ["squad_v1@ar", "squad_v1@sw", "squad_v1@zh"], False),
        ("panx@sw", ["panx@sw"], False),
        ("multi", list(INTERMEDIATE), False),
    ],
)
def test_a_name_says_what_is_mixed(name, sources, mlm):
    recipe = parse_recipe(name, SETS)
    assert [source.key for source in recipe.sources] == sources
    assert recipe.mlm == mlm
    assert [Source.of(key) for key in sources] == list(recipe.sources)


def test_multi_has_one_head_a_task_whatever_the_languages():
    recipe = parse_recipe("multi@de-sw", SETS)
    assert recipe.tasks == tuple(INTERMEDIATE)
    assert recipe.languages == ("de", "sw")


def test_the_nine_tasks_of_the_study_are_all_there():
    nine = ["anli", "mnli", "qqp", "squad_v2", "squad_v1", "hellaswag", "ccg", "cosmosqa", "csqa"]
    assert list(INTERMEDIATE) == nine
    assert set(nine) < set(TRAINABLE)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("mnlli", "did you mean 'mnli'"),
        ("none+mlm", "neither languages nor MLM"),
        ("none@de", "neither languages nor MLM"),
        ("mnli@", "sw, de-sw"),
        ("mnli@de-de", "sw, de-sw"),
        ("tatoeba", "unknown recipe"),
    ],
)
def test_other_names_are_refused_with_advice(name, hint):
    with pytest.raises(ValueError, match=hint):
        parse_recipe(name, SETS)


def recipes(*names: str) -> dict[str, Recipe]:
    return {name: parse_recipe(name, SETS) for name in names}


def test_checkpoints_are_chosen_on_english_development_data_alone():
    needs = needed_by(recipes("mnli@sw", "squad_v1+mlm", "ccg@de").values())
    assert needs == {
        *(("mnli@sw", "train"), ("mnli", "dev"), (TEXT, "train")),
        *(("squad_v1", "train"), ("squad_v1", "dev")),
        *(("ccg@de", "train"), ("ccg", "dev")),
        # The English training data say which labels there are.
        ("ccg", "train"),
    }
    assert by_source(needs)["squad_v1"] == ("train", "dev")
    assert next(iter(by_source(needs))) == TEXT


def test_multi_does_without_a_task_and_no_other_recipe_does_without_a_source():
    absent = {("ccg", "train"): "no CCGbank", ("squad_v1@sw", "train"): "no Swahili"}
    wanted = recipes("none", "mnli", "ccg", "multi", "squad_v1@diverse")
    found = available(wanted, absent)
    assert list(found.recipes) == ["none", "mnli", "multi"]
    assert found.recipes["multi"].tasks == tuple(key for key in INTERMEDIATE if key != "ccg")
    assert found.left_out == (
        "recipe ccg: no CCGbank",
        "ccg of recipe multi: no CCGbank",
        "recipe squad_v1@diverse: no Swahili",
    )


def test_without_plain_text_only_what_needs_it_is_left_out():
    found = available(recipes("none", "mnli", "mnli+mlm"), {(TEXT, "train"): "no text"})
    assert list(found.recipes) == ["none", "mnli"]
    assert found.left_out == ("recipe mnli+mlm: no text",)


def test_multi_in_a_language_without_data_or_with_one_task_is_none():
    swahili = {(f"{key}@sw", "train"): f"no {key}" for key in INTERMEDIATE}
    assert not available(recipes("multi@en-sw"), swahili).recipes
    but_two = {key: why for key, why in swahili.items() if key[0] not in ("mnli@sw", "csqa@sw")}
    found = available(recipes("multi@en-sw", "multi@sw"), but_two).recipes
    assert set(found) == {"multi@en-sw", "multi@sw"}
    but_one = {key: why for key, why in swahili.items() if key[0] != "mnli@sw"}
    found = available(recipes("multi@en-sw", "multi@sw"), but_one)
    assert set(found.recipes) == {"multi@en-sw"}
    assert found.left_out[-1] == "recipe multi@sw: no anli; and 7 more"


def test_multi_with_nothing_left_is_left_out():
    absent = {(key, "train"): f"no {key}" for key in INTERMEDIATE}
    found = available(recipes("none", "multi"), absent)
    assert list(found.recipes) == ["none"]
    assert len(found.left_out) == 1
