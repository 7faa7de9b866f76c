"""The experiment file: what is accepted, and that every typo is refused with a suggestion."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from snakemake.cli import parse_config

from xstilts.config.languages import INVITRO_LANGUAGES, LANGUAGES
from xstilts.config.parse import parse_experiment
from xstilts.config.tasks import TARGETS, XTREME
from xstilts.errors import XstiltsError

ROOT = Path(__file__).parents[2]
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
    given = yaml.safe_load(path.read_text())
    # That of a folder is given on the command line.
    parse_experiment(given | ({"data_root": "x"} if given["data_source"] == "folder" else {}))


def test_null_can_be_given_on_the_command_line():
    """Snakemake reads a value of its own kind, and all values within another as texts."""
    given = parse_config(["training={default: {evaluate_every: null, dev_items: 40}}", "seeds=[3]"])
    assert given["training"]["default"]["evaluate_every"] == "null"
    found = parse_experiment(values(**given, targets={"xnli": "null"}))
    assert found.training_for("xnli").evaluate_every is None
    assert list(found.targets) == ["xnli"]
    assert list(found.seeds) == [3]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"sedes": [1]}, "did you mean 'seeds'"),
        ({"perturbations": {"typo": [0.1]}}, "did you mean 'typos'"),
        ({"perturbations": {"typos": [1.1]}}, "less than or equal to 1"),
        ({"perturbations": {"typos": [0.1], "targets": ["xquat"]}}, "no target of this"),
        ({"perturbations": {"targets": ["xnli"]}}, "no perturbation is named"),
        ({"assumptions": {"acuracy": 0.5}}, "did you mean 'accuracy'"),
        ({"assumptions": {"item_correlation": 1.0}}, "less than 1"),
        ({"assumptions": {"seed_correlation_targets": 0.6}}, "is above seed_correlation_languages"),
        ({"recipes": ["none", "mlni"]}, "did you mean 'mnli'"),
        ({"targets": ["xnlii"]}, "did you mean 'xnli'"),
        ({"targets": {"xnli": {"langauges": ["de"]}}}, "did you mean 'languages'"),
        ({"targets": {"xnli": {"languages": ["ja"]}}}, "'ja' is not among its languages"),
        ({"encoders": {"a": {"folder": "x", "poolin": "mean"}}}, "did you mean 'pooling'"),
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
        ({"intermediate_training": {"tasks": {"tatoeba": {}}}}, "has no effect"),
        ({"tokenisation": {"tasks": {"tatoeba": {}}}}, "retrieval.max_length"),
        ({"limits": {"tasks": {"xquad": {"train": 3}}}}, "nothing trains on xquad"),
        ({"recipes": ["none", "untrained"]}, "no recipe but a baseline: list it in `baselines`"),
        ({"baselines": ["majorty"]}, "'majority', 'type_only', 'shared_names' or 'untrained'"),
        ({"baselines": ["majority", "majority"]}, "names something twice"),
        ({"data_source": "invitro"}, "data_root has no effect (data_source is invitro)"),
        ({"recipes": ["none", "none"]}, "names something twice"),
        ({"recipes": ["none", "mnli@xx"]}, "unknown language 'xx'"),
        ({"recipes": {"own": {"sources": ["mnli", "tatoeba"]}}}, "nothing is trained on 'tatoeba'"),
        ({"recipes": {"own": {"sources": ["mnli", "mnli@en"]}}}, "different sources are needed"),
        ({"recipes": {"none": {"sources": ["mnli"]}}}, "'none' says itself what it trains on"),
        ({"recipes": {"mnli": {"sources": ["csqa"]}}}, "'mnli' says itself what it trains on"),
        ({"recipes": {"far+mlm": {"sources": ["csqa"]}}}, "set `mlm: true`"),
        ({"recipes": {"own": {"sources": ["mnli@"]}}}, "unknown language ''"),
        ({"recipes": ["none", {"multi": {}}]}, "write all of it as a mapping"),
        ({"targets": ["xnli", {"panx": {}}]}, "write all of it as a mapping"),
        ({"recipes": ["none", "mnli", "mnli@en"]}, "'mnli' and 'mnli@en' train on the same"),
        ({"recipes": ["none", "MNLI"]}, "did you mean 'mnli'"),
        (
            {
                "data_source": "invitro",
                "data_root": None,
                "own_languages": {"qqq": {"name": "Q", "script": "Latn", "family": "F"}},
            },
            "own_languages has no effect",
        ),
        ({"recipes": ["none", "mnli@divers"]}, "did you mean 'diverse'"),
        ({"mixing": {"weights": {"mnli": float("inf")}}}, "no weight"),
        (
            {
                "recipes": ["none", "squad_v1"],
                "tokenisation": {"default": {"max_length": 128, "max_query_length": 126}},
            },
            "leaves no room for a passage",
        ),
        ({"recipes": {"own": {"sources": []}}}, "one or more different sources"),
        ({"recipes": {"mnli": {"mlm": True}}}, "write +mlm behind the name"),
        ({"recipes": {"own": None}}, "unknown recipe 'own'"),
        (
            {"recipes": {"mnli@en-sw": {"mixing": {"weights": {"mnli": 1}}}}},
            "must name every source and nothing else: mnli, mnli@sw",
        ),
        ({"recipes": {"multi": {"mixing": {"temprature": 2}}}}, "did you mean 'temperature'"),
        ({"mixing": {"weights": {"mnli": 0}}}, "no weight"),
        ({"language_sets": {"sw": ["de"]}}, "is a language itself"),
        ({"language_sets": {"far": []}}, "one or more different languages"),
        ({"intermediate_training": {"recipes": {"mlni": {}}}}, "did you mean 'mnli'"),
        ({"intermediate_training": {"recipes": {"mnli": {"epoch": 1}}}}, "did you mean 'epochs'"),
        ({"hub_revisions": {"org/data": "x"}}, "hub_revisions has no effect"),
        ({"hub_revisions": {"nyu-mll/glu": "x"}}, "did you mean 'nyu-mll/glue'"),
        ({"hub_revisions": {"nyu-mll/glue": "main"}}, "is not a full 40-digit commit"),
        ({"invitro": {"seed": 2}}, "invitro has no effect (data_source is folder)"),
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
    assert list(parse_experiment(given).targets) == list(XTREME)


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
            recipes=["none", "mnli", "mnli@sw+mlm", "multi"],
            intermediate_training={
                "tasks": {"mnli": {"epochs": 9}},
                "recipes": {"mnli@sw+mlm": {"batch_size": 4}, "multi": {"epochs": 1}},
            },
        )
    )

    def sizes(settings):
        return settings.epochs, settings.batch_size

    assert sizes(experiment.training_for("xnli")) == (5, 8)
    assert experiment.training_for("panx").epochs == 2
    expected = {"mnli": (9, 32), "mnli@sw+mlm": (9, 4), "multi": (1, 8)}
    for name, found in expected.items():
        recipe = experiment.recipe(name)
        assert sizes(experiment.intermediate_training_for(recipe)) == found


def test_recipes_may_be_mixed_by_hand():
    experiment = parse_experiment(
        values(
            recipes={
                "none": None,
                "multi": {"mixing": {"temperature": 2}},
                "far": {"sources": ["mnli", "panx@sw"], "mlm": True, "mixing": {"mlm_share": 0.2}},
                "mnli@near": None,
            },
            language_sets={"near": ["de", "nl"]},
            mixing={"cap": 1000},
        )
    )
    far = experiment.recipe("far")
    assert [source.key for source in far.sources] == ["mnli", "panx@sw"]
    assert far.mlm
    assert experiment.mixing_for("far").model_dump() == {
        "temperature": 1.0, "cap": 1000, "weights": None, "mlm_share": 0.2
    }  # fmt: skip
    assert experiment.mixing_for("multi").temperature == 2
    assert experiment.recipe("mnli@near").languages == ("de", "nl")


def test_diverse_is_one_language_of_each_family_unless_the_experiment_says_otherwise():
    chosen = parse_experiment(values(recipes=["mnli@diverse"])).recipe("mnli@diverse").languages
    assert len({LANGUAGES[code].family for code in chosen}) == len(chosen) >= 5


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


def test_there_may_be_no_baselines():
    assert parse_experiment(values(baselines=[])).baselines == ()
    assert "untrained" not in parse_experiment(values()).baselines


def pretraining(text=None, **pretrain):
    """An encoder of one's own, with inputs as long as those of the tasks."""
    return values(
        encoders={"own": {"pretrain": pretrain, "retrieval": {"max_length": 128}}},
        text={"root": "texts"} if text is None else text,
    )


def test_an_encoder_of_ones_own_needs_its_text_alone():
    experiment = parse_experiment(pretraining())
    assert experiment.pretrained == ("own",)
    assert experiment.needs_text
    pretrain = experiment.encoders["own"].pretrain
    assert (pretrain.mask_ratio, pretrain.tokenizer.algorithm) == (0.15, "unigram")
    # Defaults of RoBERTa rather than of fine-tuning.
    assert (pretrain.training.learning_rate, pretrain.training.weight_decay) == (6e-4, 0.01)
    assert experiment.encoders["own"].local_folder() is None
    assert not parse_experiment(values()).needs_text
    generated = {**pretraining(text={}), "data_source": "invitro", "data_root": None}
    assert parse_experiment(generated).text.root is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (pretraining(text={}), "text.root: the folder with <language>.txt files is needed"),
        (pretraining(text={"rot": "x"}), "did you mean 'root'"),
        (pretraining(text={"root": "x", "languages": []}), "text.languages: at least one"),
        (pretraining(text={"root": "x", "languages": ["a", "a"]}), "names something twice"),
        (pretraining(text={"root": "x", "dev_share": 1}), "less than 1"),
        (
            {**pretraining(), "data_source": "invitro"},
            "text.root has no effect (data_source invitro",
        ),
        (pretraining(mask_ratio=1.5), "less than 1"),
        (pretraining(tokenizer={"algorithm": "wordpiece"}), "'unigram' or 'bpe'"),
        (pretraining(architecture={"hidden_size": 30}), "not a multiple of num_attention_heads"),
        (pretraining(architecture={"layers": 2}), "unknown key 'layers'"),
        (pretraining(training={"epoch": 2}), "did you mean 'epochs'"),
        (pretraining(architecture={"max_length": 64}), "max_length 128 of panx is more than"),
        (pretraining(architecture={"max_length": 64}), "max_length 128 of mnli is more than"),
        (
            {
                **pretraining(architecture={"max_length": 127}),
                "targets": ["tatoeba"],
                "recipes": ["none"],
            },
            "encoders.own.retrieval.max_length 128 is more than",
        ),
        (
            values(encoders={"a": {"folder": "x", "pretrain": {}}}, text={"root": "x"}),
            "either `hub` (with `revision`), `folder` or `pretrain`",
        ),
        (
            values(encoders={"a": {"pretrain": {}, "bidirectional": True}}, text={"root": "x"}),
            "for encoders that were pretrained elsewhere",
        ),
        (
            {**pretraining(), "training": {"tasks": {"text": {"epochs": 2}}}},
            "training.tasks.text has no effect (set encoders.<name>.pretrain.training)",
        ),
        (
            {**pretraining(), "intermediate_training": {"kinds": {"mlm": {"epochs": 2}}}},
            "intermediate_training.kinds.mlm has no effect",
        ),
        (
            {**pretraining(), "tokenisation": {"tasks": {"text": {"max_length": 64}}}},
            "tokenisation.tasks.text has no effect (set encoders.<name>.pretrain.architecture",
        ),
        (values(recipes=["none", "text"]), "unknown recipe 'text'"),
        (values(targets=["text"]), "unknown target 'text'"),
    ],
)
def test_mistakes_about_pretraining_are_refused_with_their_key(given, expected):
    with pytest.raises(XstiltsError) as error:
        parse_experiment(given)
    assert expected in str(error.value)


def test_the_text_of_an_encoder_can_be_limited():
    given = {**pretraining(), "limits": {"tasks": {"text": {"train": 3}}}}
    assert parse_experiment(given).limits_for("text").train == 3


def generated(encoder=None, **changes):
    """An experiment on generated data with an encoder of one's own."""
    own = {"pretrain": {}, "retrieval": {"max_length": 128}}
    return {
        **values(encoders={"own": own if encoder is None else encoder}),
        "data_source": "invitro",
        "data_root": None,
        **changes,
    }


def test_generated_languages_are_those_of_every_target():
    experiment = parse_experiment(generated(targets=["panx", "tatoeba"]))
    assert experiment.languages("panx") == tuple(INVITRO_LANGUAGES)
    # English is the other side of each of these.
    assert experiment.languages("tatoeba") == tuple(INVITRO_LANGUAGES)[1:]
    few = {"languages": ["en", "qeu", "qal"]}
    narrowed = parse_experiment(
        generated(invitro=few, targets={"panx": {"exclude": ["qal"]}, "tatoeba": None})
    )
    assert narrowed.languages("panx") == ("en", "qeu")
    assert narrowed.languages("tatoeba") == ("qeu", "qal")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"data_root": "x"}, "data_root has no effect (data_source is invitro)"),
        ({"limits": {"default": {"test": 3}}}, "limits has no effect (set invitro.sizes)"),
        ({"hub_revisions": {"org/data": "x"}}, "hub_revisions has no effect"),
        ({"text": {"root": "x"}}, "text.root has no effect"),
        ({"text": {"languages": ["en"]}}, "text.languages has no effect (set invitro.languages)"),
        ({"text": {"dev_share": 0.2}}, "text.dev_share has no effect (set invitro.sizes.tasks"),
        ({"invitro": {"languages": ["en", "qall"]}}, "did you mean 'qal'?"),
        ({"invitro": {"languages": ["en", "de"]}}, "no generated language 'de'"),
        ({"invitro": {"languages": ["en"]}}, "two or more different languages"),
        ({"invitro": {"languages": ["qal", "qbo"]}}, "'en' too"),
        ({"invitro": {"languages": ["en", "qal", "qal"]}}, "two or more different languages"),
        ({"invitro": {"translated_share": 1.1}}, "less than or equal to 1"),
        ({"invitro": {"sizes": {"default": {"tran": 3}}}}, "did you mean 'train'"),
        ({"invitro": {"sizes": {"tasks": {"xnly": {}}}}}, "did you mean 'xnli'"),
        ({"invitro": {"sizes": {"default": {"test": 0}}}}, "greater than 0"),
        (
            {"invitro": {"sizes": {"tasks": {"xquad": {"train": 3}}}}},
            "invitro.sizes.tasks.xquad.train has no effect (nothing trains on xquad)",
        ),
        (
            {"invitro": {"sizes": {"tasks": {"tatoeba": {"dev": 3}}}}},
            "invitro.sizes.tasks.tatoeba.dev has no effect (there is no such split)",
        ),
        ({"targets": {"xnli": {"languages": ["de"]}}}, "'de' is not among its languages (en, qal"),
        ({"targets": {"tatoeba": {"languages": ["en"]}}}, "'en' is not among its languages (qal"),
        (
            {"encoder": {"folder": "x"}, "invitro": {"translated_share": 0.1}},
            "invitro.translated_share has no effect (nothing trains on text)",
        ),
    ],
)
def test_mistakes_about_generated_data_are_refused_with_their_key(changes, expected):
    with pytest.raises(XstiltsError) as error:
        parse_experiment(generated(**changes))
    assert expected in str(error.value)


class TestForeignData:
    """The hub's data that hold other languages too."""

    def hub(self, **changes):
        targets = {"udpos": {"languages": ["en", "de", "el"]}, "xnli": None}
        own = {"data_source": "hub", "data_root": None, "targets": targets}
        return parse_experiment(values(**{**own, **changes}))

    def test_they_are_refused_with_their_share_and_what_to_do(self):
        with pytest.raises(XstiltsError) as error:
            self.hub()
        text = str(error.value)
        assert "targets.udpos: on the hub these data hold another language too" in text
        assert "udpos@el: 83.8 % of test is Ancient Greek" in text
        assert "udpos@de: 0.4 % of test is Swiss German" in text
        assert "exclude: [de, el]" in text
        assert "accept_foreign: [udpos@de, udpos@el]" in text
        with pytest.raises(XstiltsError, match=r"84\.3 % of dev and 83\.8 % of test is Ancient"):
            self.hub(splits=["dev", "test"])

    @pytest.mark.parametrize("code", ["zh", "fr", "ru", "el", "de"])
    def test_each_of_them_by_default(self, code):
        with pytest.raises(XstiltsError, match=f"accept_foreign: .*udpos@{code}"):
            self.hub(targets=["udpos"])

    def test_they_are_read_where_they_are_asked_for_or_left_out(self):
        assert self.hub(accept_foreign=["udpos@de", "udpos@el"]).languages("udpos") == (
            "de",
            "el",
            "en",
        )
        targets = {"udpos": {"exclude": ["de", "el", "fr", "ru", "zh"]}}
        assert len(self.hub(targets=targets).languages("udpos")) == 28
        with pytest.raises(XstiltsError, match=r"exclude: \[el\]"):
            self.hub(accept_foreign=["udpos@de"])
        # German development and training data hold nothing else.
        own = {"targets": {"udpos": {"languages": ["de"]}}, "splits": ["dev"]}
        assert self.hub(**own, recipes=["none", "udpos@de"])

    def test_recipes_are_not_trained_on_them_unasked(self):
        own = {"targets": ["xnli"], "recipes": ["none", "udpos@el"]}
        with pytest.raises(XstiltsError, match=r"recipes\.udpos@el: .*94\.1 % of train is Ancient"):
            self.hub(**own)
        assert self.hub(**own, accept_foreign=["udpos@el"])

    def test_other_sources_have_none(self):
        targets = {"udpos": {"languages": ["el"]}}
        assert parse_experiment(values(targets=targets))
        with pytest.raises(XstiltsError, match="accept_foreign has no effect"):
            parse_experiment(values(targets=targets, accept_foreign=["udpos@el"]))

    def test_a_name_of_which_nothing_is_known_is_refused(self):
        with pytest.raises(XstiltsError, match=r"accept_foreign: .*'udpos@ell'.*'udpos@el'"):
            self.hub(accept_foreign=["udpos@ell"])


def test_generated_data_have_no_passages_of_xquad_to_keep():
    with pytest.raises(XstiltsError, match="keep_xquad_passages has no effect"):
        parse_experiment(values(data_source="invitro", data_root=None, keep_xquad_passages=True))
