"""The experiment file: what is accepted, and that every typo is refused with a suggestion."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from xstilts.config import parse_experiment
from xstilts.errors import XstiltsError
from xstilts.tasks import TARGETS

ROOT = Path(__file__).parents[1]
SHIPPED = [ROOT / "config.yaml", *sorted((ROOT / "workflow/experiments").glob("*.yaml"))]


def values(**changes):
    return {
        "experiment": "try",
        "data_source": "folder",
        "data_root": "somewhere",
        "encoders": {"tiny": {"folder": "models/tiny"}},
        "recipes": ["none", "mnli"],
        "targets": ["xnli", "panx"],
        **changes,
    }


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_experiments_are_valid(path):
    parse_experiment({**yaml.safe_load(path.read_text()), "data_root": "somewhere"})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"sedes": [1]}, "did you mean 'seeds'"),
        ({"recipes": ["none", "mlni"]}, "did you mean 'mnli'"),
        ({"targets": ["xnlii"]}, "did you mean 'xnli'"),
        ({"targets": {"xnli": {"langauges": ["de"]}}}, "did you mean 'languages'"),
        ({"targets": {"xnli": {"languages": ["ja"]}}}, "'ja' is not among its languages"),
        ({"encoders": {"a": {"folder": "x", "pooling": "mean"}}}, "unknown key 'pooling'"),
        ({"encoders": {"a": {"hub": "org/model"}}}, "needs `revision`"),
        ({"encoders": {"a": {}}}, "either `hub`"),
        ({"encoders": {"a b": {"folder": "x"}}}, "letters, digits"),
        ({"training": {"default": {"learning_rat": 1}}}, "did you mean 'learning_rate'"),
        ({"training": {"kinds": {"pairs": {}}}}, "did you mean 'pair'"),
        ({"training": {"tasks": {"xnly": {}}}}, "did you mean 'xnli'"),
        ({"limits": {"tasks": {"xnli": {"tets": 3}}}}, "did you mean 'test'"),
        ({"limits": {"default": {"test": 0}}}, "greater than 0"),
        ({"seeds": []}, "seeds: at least one"),
        ({"seeds": [1, 1]}, "names something twice"),
        ({"data_root": None}, "data_root"),
        ({"targets": {"xnli": {"languages": ["de"], "exclude": ["de"]}}}, "no language is left"),
        ({"splits": ["train"]}, "splits"),
        ({"encoders": {"a": {"hub": "org/model", "revision": "main"}}}, "40-digit commit"),
        ({"training": {"tasks": {"xquad": {"epochs": 1}}}}, "it trains as squad_v1"),
        ({"training": {"kinds": {"retrieval": {"epochs": 1}}}}, "not trained"),
        ({"intermediate_training": {"tasks": {"udpos": {}}}}, "has no effect"),
        ({"tokenisation": {"tasks": {"tatoeba": {}}}}, "retrieval.max_length"),
        ({"limits": {"tasks": {"xquad": {"train": 3}}}}, "nothing trains on xquad"),
    ],
)
def test_mistakes_are_refused_with_their_key(changes, expected):
    with pytest.raises(XstiltsError, match=r"(?s)try\.yaml: .*") as error:
        parse_experiment(values(**changes), where="try.yaml")
    assert expected in str(error.value)


def test_all_wrong_names_are_told_at_once():
    with pytest.raises(XstiltsError) as error:
        parse_experiment(values(recipes=["mnl"], targets=["xnl"], data_root=None))
    assert all(word in str(error.value) for word in ("'mnl'", "'xnl'", "data_root"))


def test_all_nine_targets_are_the_default():
    given = values()
    del given["targets"]
    assert list(parse_experiment(given).targets) == list(TARGETS)


def test_targets_default_to_xtremes_languages_in_its_order():
    experiment = parse_experiment(values(targets={"xnli": None, "panx": {"exclude": ["th"]}}))
    assert experiment.languages("xnli") == TARGETS["xnli"].languages
    assert experiment.languages("panx") == tuple(
        language for language in TARGETS["panx"].languages if language != "th"
    )


def test_the_more_special_setting_wins():
    experiment = parse_experiment(
        values(
            training={
                "default": {"epochs": 2, "batch_size": 8},
                "kinds": {"pair": {"epochs": 5}},
                "tasks": {"mnli": {"batch_size": 32}},
            },
            intermediate_training={"tasks": {"mnli": {"epochs": 9}}},
        )
    )
    target = experiment.training_for("xnli", intermediate=False)
    assert (target.epochs, target.batch_size) == (5, 8)
    intermediate = experiment.training_for("mnli", intermediate=True)
    assert (intermediate.epochs, intermediate.batch_size) == (9, 32)
    assert experiment.training_for("panx", intermediate=False).epochs == 2


def test_questions_have_xtremes_lengths_unless_set():
    experiment = parse_experiment(values())
    assert experiment.tokenisation_for("xnli").max_length == 128
    assert experiment.tokenisation_for("xquad").max_length == 384
    shorter = parse_experiment(values(tokenisation={"kinds": {"span": {"max_length": 256}}}))
    assert shorter.tokenisation_for("xquad").max_length == 256


def test_encoder_in_a_package_and_what_is_said_without_it():
    experiment = parse_experiment(values(encoders={"a": {"folder": "package:no_such_pkg/model"}}))
    with pytest.raises(XstiltsError, match="pip install no-such-pkg"):
        experiment.encoders["a"].local_folder()
