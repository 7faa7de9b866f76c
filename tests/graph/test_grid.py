"""The grid: which cells there are, what they depend on, and what is missing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_xtreme import write_tiny_xtreme

from xstilts.config.language_facts import FACTS
from xstilts.config.languages import INVITRO_LANGUAGES
from xstilts.config.parse import parse_experiment
from xstilts.config.tasks import TASKS
from xstilts.errors import XstiltsError
from xstilts.graph.cells import Grid
from xstilts.graph.job_params import JobParams
from xstilts.graph.jobs import Jobs

TARGETS = {
    "xnli": {"languages": ["en", "de"]},
    "udpos": {"languages": ["en", "de"]},
    "xquad": {"languages": ["en", "de"]},
    "mlqa": {"languages": ["en", "de"]},
    "bucc2018": {"languages": ["zh"]},
    "tatoeba": {"languages": ["de"]},
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("xtreme")
    write_tiny_xtreme(folder, train=8, test=6)
    return folder


def grid(root, **changes):
    return Grid(
        parse_experiment(
            {
                "experiment": "try",
                "data_source": "folder",
                "data_root": str(root),
                "encoders": {"a": {"folder": "models/a"}, "b": {"folder": "models/b"}},
                "recipes": ["none", "mnli", "squad_v1"],
                "targets": TARGETS,
                "seeds": [1, 2],
                **changes,
            }
        )
    )


def test_data_may_lie_in_several_folders(root, tmp_path):
    shutil.copytree(root / "tatoeba", tmp_path / "tatoeba")
    roots = [str(tmp_path), str(root)]
    expanded = grid(root, data_root=roots)
    for source, folder in (("tatoeba", tmp_path), ("xnli", root)):
        files = [Path(file) for unit in expanded.units(source, "eval") for file in unit.files]
        assert files
        assert all(file.is_relative_to(folder / source) for file in files)
    absent = {"targets": {"xnli": {"languages": ["en", "fr"]}}, "recipes": ["none"]}
    with pytest.raises(XstiltsError, match=f"(?s)^{tmp_path} and {root}: .* in 'fr' under"):
        grid(root, data_root=roots, **absent)
    with pytest.raises(XstiltsError, match="no such folder"):
        grid(root, data_root=[*roots, str(tmp_path / "none")])


def test_cells_of_the_whole_grid(root):
    cells = grid(root).cells
    # 4 trained targets × 3 recipes × 2 seeds; retrieval: 1 cell for none, 2 for the others.
    assert len(cells) == len(set(cells)) == 2 * (4 * 3 * 2 + 2 * (1 + 2 * 2))
    assert sum(c.recipe == "none" and c.target == "tatoeba" for c in cells) == 2


def test_xquad_and_mlqa_share_one_training(root):
    expanded = grid(root)
    assert expanded.train_sets == ("xnli", "udpos", "squad_v1")
    cell = {"encoder": "a", "recipe": "mnli", "seed": "2"}
    assert expanded.trained({**cell, "target": "xquad"}) == expanded.trained(
        {**cell, "target": "mlqa"}
    )


def test_every_seed_of_the_baseline_has_its_retrieval(root):
    expanded = grid(root)
    seeds = {cell.target: cell.seed for cell in expanded.cells_of("a", "none", "2")}
    assert seeds == {
        "xnli": 2, "udpos": 2, "xquad": 2, "mlqa": 2, "bucc2018": 1, "tatoeba": 1
    }  # fmt: skip


def test_untrained_encoders_are_cells_beside_the_grid_for_the_first_seed(root):
    targets = {"xnli": {"languages": ["en", "de"]}, "tatoeba": {"languages": ["de"]}}
    changes = {"seeds": [3, 4], "targets": targets}
    assert grid(root, **changes).baseline_cells == ()
    expanded = grid(root, baselines=["untrained", "type_only"], **changes)
    assert {(cell.recipe, cell.seed) for cell in expanded.baseline_cells} == {("untrained", 3)}
    assert {cell.target for cell in expanded.baseline_cells} == {"xnli", "tatoeba"}
    assert "untrained" not in {cell.recipe for cell in expanded.cells}
    assert expanded.shortcuts == ("type_only",)
    assert expanded.training_data("xquad") == ["results/try/data/squad_v1/train.parquet"]
    assert expanded.training_data("tatoeba") == []


def test_slices_hold_what_a_job_depends_on_and_nothing_else(root):
    base, more = grid(root), grid(root, seeds=[1, 2, 3], targets={**TARGETS, "panx": None},
                                  missing_data="leave_out")  # fmt: skip
    job = {"encoder": "a", "recipe": "none", "train_set": "xnli", "seed": "1"}
    assert JobParams(base).target(job) == JobParams(more).target(job)
    assert JobParams(base).data("xnli", "train") == JobParams(more).data("xnli", "train")
    faster = grid(root, training={"tasks": {"xnli": {"learning_rate": 0.1}}})
    assert JobParams(base).target(job) != JobParams(faster).target(job)
    job["train_set"] = "udpos"
    assert JobParams(base).target(job) == JobParams(faster).target(job)


def test_how_an_encoder_is_used_is_in_the_slices_of_the_jobs_that_it_decides(root):
    def slices(**settings):
        return JobParams(grid(root, encoders={"a": {"folder": str(root), **settings}}))

    plain, other = slices(), slices(retrieval={"prefix": "query: ", "final_norm": True})
    # As they were before there were these settings, so that nothing runs again.
    assert set(plain.encoder("a")) == {"hub", "revision", "folder", "package_version"}
    assert plain.encoder("a") == other.encoder("a")
    assert set(plain.embedding("a")) == {"layer", "pooling"}
    assert other.embedding("a") == {**plain.embedding("a"), "final_norm": True}
    assert plain.length("a", "xnli") == other.length("a", "xnli")
    assert other.length("a", "tatoeba") == {**plain.length("a", "tatoeba"), "prefix": "query: "}
    used = {"pooling": "last", "bidirectional": True, "adapters": {"sw": "sw_KE"}}
    used["convert_pickle"] = True
    assert slices(**used).encoder("a") == {**plain.encoder("a"), **used}


def test_slices_are_the_same_once_written_and_read(root, texts):
    own = pretraining_grid(root, texts, recipes=["none", "mnli+mlm"], targets=TARGETS)
    hub = grid(root, data_source="hub", accept_foreign=["udpos@de"])
    for expanded in (grid(root), own, generated_grid(), hub):
        slices, job = JobParams(expanded), {"seed": "1", "train_set": "xnli"}
        held = [slices.everything(), slices.recipes(), slices.table(), slices.facts()]
        held += [slices.unseen(), slices.corpora(), expanded.experiment.mining.model_dump()]
        for task in expanded.tasks:
            held += [slices.task(task), *(slices.data(task, p) for p in expanded.parts(task))]
        for encoder in expanded.experiment.encoders:
            held += [slices.embedding(encoder), slices.length(encoder, "xnli")]
            if encoder in expanded.experiment.pretrained:
                held += [slices.new_encoder(encoder), slices.pretraining(encoder)]
            for recipe in expanded.recipes:
                at = {**job, "encoder": encoder, "recipe": recipe}
                held.append(slices.target(at))
                held += [slices.intermediate(at)] if recipe != "none" else []
        held += [slices.perturbation(target) for target in expanded.experiment.targets]
        for each in held:
            assert repr(json.loads(json.dumps(each))) == repr(each)


def test_mixing_concerns_mixtures_alone(root):
    recipes = ["none", "mnli", "multi", "mnli+mlm"]
    text = root / "text"
    text.mkdir(exist_ok=True)
    (text / "en.txt").write_text("one\ntwo\n", encoding="utf-8")
    changes = {"recipes": recipes, "text": {"root": str(text)}}
    base = grid(root, **changes)
    job = {"encoder": "a", "seed": "1"}
    changed = {
        "cap": (10, {"multi"}),
        "temperature": (2, {"multi"}),
        "mlm_share": (0.1, {"mnli+mlm"}),
    }
    for key, (value, affected) in changed.items():
        other = grid(root, **changes, mixing={key: value})
        for recipe in recipes[1:]:
            slices = [
                JobParams(each).intermediate({**job, "recipe": recipe}) for each in (base, other)
            ]
            assert (slices[0] != slices[1]) == (recipe in affected)
    assert base.sources("mnli+mlm") == ["mnli", "text"]
    assert base.parts("text") == ("train",)


def test_recipes_without_data_are_left_out_and_never_block_the_rest(root):
    recipes = ["none", "mnli", "mnli@th", "mnli+mlm", "multi"]
    expanded = grid(root, recipes=recipes)
    assert list(expanded.recipes) == ["none", "mnli", "multi"]
    lines = "\n".join(expanded.left_out)
    assert "recipe mnli@th: " in lines
    assert "recipe mnli+mlm: no plain text: `text.root` is not set" in lines
    assert {cell.recipe for cell in expanded.cells} == {"none", "mnli", "multi"}
    assert "mnli@th" not in expanded.tasks
    with pytest.raises(XstiltsError, match=r"every recipe are missing(.|\n)*mnli@th"):
        grid(root, recipes=["mnli@th"])
    with pytest.raises(XstiltsError, match=r"every recipe are missing(.|\n)*mnli@th"):
        grid(root, recipes=["none", "mnli@th"])


def test_a_text_folder_that_is_named_must_hold_the_text(root, tmp_path):
    changes = {"recipes": ["none", "mnli", "mnli+mlm"]}
    with pytest.raises(XstiltsError, match="no text there"):
        grid(root, **changes, text={"root": str(tmp_path)})
    (tmp_path / "en.txt").write_text("one", encoding="utf-8")
    with pytest.raises(XstiltsError, match=r"dee\.txt"):
        grid(root, **changes, text={"root": str(tmp_path), "languages": ["en", "dee"]})


def test_what_is_narrowed_on_the_command_line_leaves_its_settings_behind(root, tmp_path):
    (tmp_path / "en.txt").write_text("one", encoding="utf-8")
    expanded = grid(
        root,
        recipes=["none", "mnli"],
        text={"root": str(tmp_path)},
        limits={"tasks": {"text": {"train": 5}}},
        continued_mlm={"max_length": 64},
        intermediate_training={"recipes": {"multi": {"epochs": 1}}},
    )
    assert "text" not in expanded.tasks


def test_languages_that_the_hub_has_not_are_left_out(root):
    recipes = ["none", "mnli@sw", "pawsx@sw", "panx@qu", "panx@sw", "udpos@th", "udpos@de"]
    own = {"data_source": "hub", "data_root": None, "accept_foreign": ["udpos@de"]}
    expanded = grid(root, recipes=recipes, **own)
    assert list(expanded.recipes) == ["none", "mnli@sw", "panx@sw", "udpos@de"]


def test_data_that_are_only_needed_in_english_for_choosing_are_not_trained_on(root):
    expanded = grid(root, recipes=["none", "mnli@sw"])
    assert expanded.parts("mnli@sw") == ("train",)
    assert expanded.parts("mnli") == ("dev",)
    (unit,) = expanded.units("mnli@sw", "train")
    assert unit.language == "sw"
    assert len(expanded.runs) == len({path for _, path in expanded.runs}) == 2 * 2 * (2 * 3 + 1)


def test_bucc_always_reads_the_development_pairs(root):
    splits = [unit.split for unit in grid(root, splits=["test"]).units("bucc2018", "eval")]
    assert splits == ["dev", "test"]


def test_missing_data_are_all_named(root):
    targets = {"panx": {"languages": ["en", "th", "sw"]}, "tydiqa": {"languages": ["en", "fi"]}}
    with pytest.raises(XstiltsError) as error:
        grid(root, targets=targets)
    message = str(error.value)
    assert "panx test th:" in message
    assert "tydiqa test fi" in message
    assert "sw" not in message.split("panx test")[1].split(":")[0]
    assert "leave_out" in message


def test_missing_data_can_be_left_out_but_not_all_of_it(root):
    targets = {"panx": {"languages": ["en", "th", "sw"]}}
    expanded = grid(root, targets=targets, missing_data="leave_out")
    assert [unit.language for unit in expanded.units("panx", "eval")] == ["en", "sw"]
    assert any("panx test th" in line for line in expanded.left_out)
    with pytest.raises(XstiltsError, match="panx test th"):
        grid(root, targets={"panx": {"languages": ["th"]}}, missing_data="leave_out")


def test_a_target_without_the_wanted_split_is_refused(root):
    with pytest.raises(XstiltsError, match=r"xquad has no dev split.*add `test`"):
        grid(root, splits=["dev"])
    targets = {name: TARGETS[name] for name in ("xnli", "udpos", "mlqa", "bucc2018")}
    splits = {
        unit.split for unit in grid(root, splits=["dev"], targets=targets).units("xnli", "eval")
    }
    assert splits == {"dev"}


def test_bucc_without_development_pairs_is_left_out_as_a_language(root, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    for path in list((copy / "bucc2018").glob("zh-en.*")):
        shutil.copy(path, path.with_name(path.name.replace("zh", "de")))
    (copy / "bucc2018/de-en.dev.gold").unlink()
    targets = {"bucc2018": {"languages": ["de", "zh"]}}
    expanded = grid(copy, targets=targets, missing_data="leave_out")
    assert {unit.language for unit in expanded.units("bucc2018", "eval")} == {"zh"}


def test_the_data_folder_is_the_same_however_it_is_spelt(root, monkeypatch):
    monkeypatch.chdir(root.parent)
    assert JobParams(grid(root.name)).data("xnli", "train") == JobParams(grid(root)).data(
        "xnli", "train"
    )
    with pytest.raises(XstiltsError, match="no such folder"):
        grid(root / "absent")


def test_execution_settings_are_no_parameters(root):
    base = grid(root)
    other = grid(
        root,
        device="cpu",
        prediction={"batch_tokens": 5},
        training={"default": {"save_every_seconds": 7}},
    )
    job = {"encoder": "a", "recipe": "none", "train_set": "xnli", "seed": "1"}
    for make in (
        lambda g: JobParams(g).target(job),
        lambda g: JobParams(g).decoding("xnli"),
        lambda g: JobParams(g).embedding("a"),
    ):
        assert make(base) == make(other)


def test_planning_imports_nothing_heavy():
    code = (
        "import sys, xstilts.config.parse, xstilts.graph.job_params, xstilts.cli\n"
        "import xstilts.execution.provenance\n"
        "heavy = {'torch', 'transformers', 'datasets', 'pyarrow', 'polars', 'faiss'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr


OWN = {
    "pretrain": {"architecture": {"max_length": 384}, "seed": 5},
    "retrieval": {"max_length": 128},
}


@pytest.fixture
def texts(tmp_path):
    for name in ("de", "sw", "README"):
        (tmp_path / f"{name}.txt").write_text("some text\n")
    return tmp_path


def pretraining_grid(root, texts, own=OWN, text=None, **changes):
    return grid(
        root,
        encoders={"a": {"folder": "models/a"}, "own": own},
        text={"root": str(texts), **(text or {})},
        **changes,
    )


def test_text_is_read_for_pretraining_alone(root, texts):
    assert "text" not in grid(root).tasks
    expanded = pretraining_grid(root, texts)
    assert expanded.parts("text") == ("train", "dev")
    assert expanded.fetched == ("a",)
    # Both parts are made of the same files; which document goes where its content says.
    for part in ("train", "dev"):
        assert expanded.input_files("text", part) == [
            str((texts / f"{name}.txt").resolve()) for name in ("de", "sw")
        ]
        assert JobParams(expanded).data("text", part)["dev_from_train"] == 0.01
    narrowed = pretraining_grid(root, texts, text={"languages": ["sw"], "dev_share": 0.2})
    assert [unit.language for unit in narrowed.units("text", "train")] == ["sw"]
    assert JobParams(narrowed).data("text", "dev")["dev_from_train"] == 0.2


def test_text_lies_in_a_folder_whatever_the_other_data_are(root, texts):
    own = {"data_source": "hub", "data_root": None, "accept_foreign": ["udpos@de"]}
    expanded = pretraining_grid(root, texts, **own)
    assert JobParams(expanded).data("text", "train")["source"] == "folder"
    assert JobParams(expanded).data("text", "train")["hub"] == []
    assert JobParams(expanded).data("xnli", "train")["source"] == "hub"


def test_every_missing_text_is_named_at_once(root, texts, tmp_path):
    with pytest.raises(XstiltsError) as error:
        pretraining_grid(root, texts, text={"languages": ["de", "xx", "yo"]})
    assert "text train xx yo:" in str(error.value)
    assert str(texts / "xx.txt") in str(error.value)
    assert "text.languages" in str(error.value)
    with pytest.raises(
        XstiltsError, match=r"no such folder.*text\.root|text\.root.*no such folder"
    ):
        pretraining_grid(root, texts / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(XstiltsError, match="one file a language"):
        pretraining_grid(root, tmp_path / "empty")


def test_states_of_an_encoder(root, texts):
    expanded = pretraining_grid(root, texts)
    for encoder in ("a", "own"):
        assert expanded.state(encoder, "none", 1) == f"results/try/encoders/{encoder}"
        assert expanded.state(encoder, "untrained", 1) == f"results/try/untrained/{encoder}"
    # So that target data are tokenised while the encoder is still being pretrained.
    assert expanded.tokenizer_folder("own") == "results/try/initial/own"
    assert expanded.tokenizer_folder("a") == "results/try/encoders/a"
    assert expanded.encoder_files("own") == []


def test_every_training_job_leaves_a_curve_that_is_shown(root, texts):
    several = {"recipes": ["none", "mnli"], "targets": TARGETS, "seeds": [1, 2]}
    expanded = pretraining_grid(root, texts, baselines=["untrained"], **several)
    trained = {
        path
        for job in Jobs(expanded).jobs
        if job.rule in ("pretrain", "train_intermediate", "train_target")
        for path in job.outputs
        if path.endswith(".parquet")
    }
    places = [tuple(place.items()) for place, _ in expanded.curves]
    assert len(set(places)) == len(places)
    assert {path for _, path in expanded.curves} == trained
    assert [place["seed"] for place, _ in expanded.curves if place["phase"] == "pretraining"] == [5]


def test_slices_of_pretraining_hold_what_decides_it(root, texts):
    base = pretraining_grid(root, texts)
    settings = {**OWN["pretrain"], "training": {"epochs": 3, "save_every_seconds": 9}}
    longer = pretraining_grid(root, texts, own={**OWN, "pretrain": settings})
    assert JobParams(base).new_encoder("own") == JobParams(longer).new_encoder("own")
    assert JobParams(base).length("own", "text") == {"max_length": 384}
    first, second = (JobParams(expanded).pretraining("own") for expanded in (base, longer))
    assert (first["seed"], first["mask_ratio"]) == (5, 0.15)
    assert {key for key in first if first[key] != second[key]} == {"settings"}
    assert second["settings"]["epochs"] == 3
    assert "save_every_seconds" not in second["settings"]
    with pytest.raises(ValueError, match="a is not pretrained"):
        JobParams(base).pretraining("a")


def generated_grid(invitro=None, **changes):
    """Three targets and one recipe on generated data, with an encoder of one's own."""
    return Grid(
        parse_experiment(
            {
                "experiment": "try",
                "data_source": "invitro",
                "invitro": {"languages": ["en", "qal", "qbo"], **(invitro or {})},
                "encoders": {"own": OWN},
                "recipes": ["none", "mnli"],
                "targets": ["xnli", "xquad", "tatoeba"],
                **changes,
            }
        )
    )


def changed_slices(one, other):
    """The parts of the data of `one` that other settings would make anew."""
    parts = [(task, part) for task in one.tasks for part in one.parts(task)]
    assert parts == [(task, part) for task in other.tasks for part in other.parts(task)]
    return {part for part in parts if JobParams(one).data(*part) != JobParams(other).data(*part)}


TEXT_PARTS = {("text", "train"), ("text", "dev")}
EVAL_PARTS = {("xnli", "eval"), ("xquad", "eval"), ("tatoeba", "eval")}


def test_generated_data_have_no_files_and_sizes_of_their_own():
    sizes = {"default": {"train": 30, "dev": 7}, "tasks": {"text": {"train": 90}}}
    expanded = generated_grid({"sizes": sizes}, splits=["dev", "test"])
    assert all(
        not expanded.input_files(task, part)
        for task in expanded.tasks
        for part in expanded.parts(task)
    )
    found = {
        (task, part): JobParams(expanded).data(task, part)["sizes"]
        for task in ("text", "xnli", "xquad", "squad_v1")
        for part in expanded.parts(task)
    }
    assert found == {
        ("text", "train"): {"train": 90},
        ("text", "dev"): {"dev": 7},
        ("xnli", "train"): {"train": 30},
        ("xnli", "dev"): {"dev": 7},
        ("xnli", "eval"): {"dev": 7, "test": 200},
        ("xquad", "eval"): {"test": 200},
        ("squad_v1", "train"): {"train": 30},
        ("squad_v1", "dev"): {"dev": 7},
    }


def test_generated_units_are_languages_and_for_the_text_all_at_once():
    expanded = generated_grid()

    def languages(task, part):
        return [unit.language for unit in expanded.units(task, part)]

    assert languages("xnli", "train") == languages("squad_v1", "dev") == ["en"]
    assert languages("xnli", "eval") == ["en", "qal", "qbo"]
    assert languages("tatoeba", "eval") == ["qal", "qbo"]
    assert languages("text", "train") == ["mul"]
    assert list(JobParams(expanded).data("text", "train")["world"]["languages"]) == [
        "en",
        "qal",
        "qbo",
    ]
    assert list(JobParams(expanded).data("tatoeba", "eval")["world"]["languages"]) == [
        "en", "qal", "qbo"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("invitro", "expected"),
    [
        ({"translated_share": 0.1}, TEXT_PARTS),
        ({"sizes": {"tasks": {"text": {"train": 9}}}}, {("text", "train")}),
        ({"sizes": {"default": {"test": 9}}}, EVAL_PARTS),
        ({"sizes": {"tasks": {"xnli": {"dev": 9}}}}, {("xnli", "dev")}),
        ({"sizes": {"tasks": {"squad_v1": {"train": 9}}}}, {("squad_v1", "train")}),
        # English training and development data are what they were.
        ({"languages": ["en", "qal", "qbo", "qeu"]}, TEXT_PARTS | EVAL_PARTS),
        ({"languages": ["en", "qal"]}, TEXT_PARTS | EVAL_PARTS),
    ],
    ids=["translated", "documents", "test", "dev", "train", "more languages", "fewer languages"],
)
def test_a_setting_of_the_generated_world_makes_anew_what_it_decides(invitro, expected):
    assert changed_slices(generated_grid(), generated_grid(invitro)) == expected


def test_the_worlds_seed_decides_all_data_and_the_runs_seeds_none():
    base = generated_grid()
    everything = {(task, part) for task in base.tasks for part in base.parts(task)}
    assert changed_slices(base, generated_grid({"seed": 2})) == everything
    assert changed_slices(base, generated_grid(seeds=[1, 2])) == set()


def test_a_changed_row_of_the_table_of_languages_reaches_what_is_in_it(monkeypatch):
    base = generated_grid()
    before = {
        part: JobParams(base).data(*part) for part in TEXT_PARTS | EVAL_PARTS | {("xnli", "dev")}
    }
    moved = replace(INVITRO_LANGUAGES["qbo"], family="Albic")
    monkeypatch.setitem(INVITRO_LANGUAGES, "qbo", moved)
    changed = {part for part in before if JobParams(base).data(*part) != before[part]}
    assert changed == TEXT_PARTS | EVAL_PARTS


@pytest.mark.parametrize("source", ["hub", "invitro"])
def test_what_the_source_cannot_train_is_one_error(source, root, monkeypatch):
    for key in ("xnli", "squad_v1"):
        hub = {split: found for split, found in TASKS[key].hub.items() if split != "train"}
        kept = replace(TASKS[key], hub=hub, generated=("dev", "test"))
        monkeypatch.setitem(TASKS, key, kept)
    own = {"encoders": {"own": OWN}} if source == "invitro" else {}
    with pytest.raises(XstiltsError) as error:
        grid(root, data_source=source, data_root=None, targets=["xnli", "xquad"], **own)
    message = str(error.value)
    assert f"the data source {source} cannot train" in message
    assert "squad_v1 has no train split, xnli has no train split there" in message
    assert "choose another `data_source`" in message


def test_perturbations_reach_the_cells_that_they_are_for_and_no_training(root):
    plain = grid(root)
    noisy = grid(root, perturbations={"typos": [0.2, 0.1], "upper": [1], "items": 5})
    assert plain.perturbed == ()
    assert noisy.perturbed == ("xnli", "udpos", "xquad", "mlqa", "tatoeba")
    assert JobParams(noisy).perturbation("xquad") == {
        "conditions": ["typos@0.1", "typos@0.2", "upper@1"],
        "items": 5,
        "split": "test",
        "parallel": True,
        "scripts": {"en": "Latn", "de": "Latn"},
        "generated": False,
    }
    cell = {"encoder": "a", "recipe": "mnli", "target": "xnli", "seed": "1", "train_set": "xnli"}
    assert plain.perturbed_data(cell) == []
    assert noisy.perturbed_data(cell) == ["results/try/data/xnli/perturbed.parquet"]
    assert noisy.perturbed_features(cell) == ["results/try/features/a/xnli/perturbed.parquet"]
    # What an untrained encoder makes of noise is not asked.
    assert noisy.perturbed_data({**cell, "recipe": "untrained"}) == []
    assert JobParams(plain).target(cell) == JobParams(noisy).target(cell)
    few = grid(
        root,
        targets={"udpos": {"languages": ["en", "de"]}},
        perturbations={"typos": [0.1], "targets": ["udpos"]},
        splits=["dev"],
    )
    assert few.perturbed == ("udpos",)
    assert JobParams(few).perturbation("udpos")["split"] == "dev"


def test_languages_of_pretraining_are_told_from_others(root):
    encoders = {
        "a": {"catalogue": "xlmr-base", "folder": "models/a"},
        "b": {"folder": "models/b", "languages": ["en", "de"]},
        "c": {"folder": "models/c"},
        "d": {"hub": "facebookai/XLM-RoBERTa-base", "revision": "a" * 40},
        "mmbert-small": None,
        "eurobert-210m": None,
    }
    targets = {"panx": {"languages": ["en", "de", "sw", "yo", "fi", "zh"]}}
    settings = {"targets": targets, "missing_data": "leave_out"}
    slices = JobParams(grid(root, encoders=encoders, **settings))
    unseen, corpora = slices.unseen(), slices.corpora()
    # Of the languages that are evaluated: others change no job.
    assert unseen["a"] == unseen["d"] == ["yo"]
    assert {"sw", "zh"} <= set(unseen["b"])
    assert not {"en", "de"} & set(unseen["b"])
    assert unseen["mmbert-small"] == []
    assert {"sw", "fi"} <= set(unseen["eurobert-210m"])
    # Of a folder that says nothing nothing is known: it need not be an XLM-R.
    assert "c" not in unseen
    # Nobody's amounts stand for another encoder's.
    assert set(corpora) == {"a", "d", "mmbert-small"}
    assert corpora["a"] == corpora["d"]
    assert corpora["a"]["unit"] == "GiB of text"
    assert corpora["a"]["amounts"]["sw"] == FACTS["sw"].cc100_gib
    assert corpora["mmbert-small"]["unit"] == "billion tokens"


class TestPassagesOfXquad:
    """SQuAD's development data, without what XQuAD tests."""

    def test_they_are_looked_for_in_the_same_folder(self, root):
        xquad, squad = f"{root}/xquad/xquad.en.json", f"{root}/squad/dev-v1.1.json"
        for targets in (TARGETS, ["mlqa"]):
            # Of the targets nothing depends: to add XQuAD trains nothing again.
            targets = {name: TARGETS[name] for name in targets}
            expanded = grid(root, targets=targets)
            assert expanded.input_files("squad_v1", "dev") == [squad, xquad]
            assert xquad not in expanded.input_files("squad_v1", "train")
            shown = JobParams(expanded).data("squad_v1", "dev")["tested_passages"]
            assert (shown["task"], shown["unit"]["files"]) == ("xquad", [xquad])
        assert JobParams(expanded).data("mlqa", "eval")["tested_passages"] is None

    @pytest.mark.parametrize("there", [True, False])
    def test_they_stay_where_they_cannot_be_known_or_are_kept(self, root, tmp_path, there):
        folder = shutil.copytree(root, tmp_path / "copy")
        if not there:
            (folder / "xquad/xquad.en.json").unlink()
        targets = {"mlqa": TARGETS["mlqa"]}
        expanded = grid(folder, targets=targets, keep_xquad_passages=there)
        assert expanded.input_files("squad_v1", "dev") == [f"{folder}/squad/dev-v1.1.json"]
        assert JobParams(expanded).data("squad_v1", "dev")["tested_passages"] is None

    def test_on_the_hub_they_are_those_of_its_xquad(self, root):
        expanded = grid(
            root,
            data_source="hub",
            data_root=None,
            recipes=["none", "squad_v2"],
            targets={"mlqa": TARGETS["mlqa"]},
            hub_revisions={"google/xtreme": "1" * 40},
        )
        for key in ("squad_v1", "squad_v2"):
            shown = JobParams(expanded).data(key, "dev")["tested_passages"]
            assert [source["config"] for source in shown["hub"]] == ["XQuAD.{lang}"]
            assert shown["revisions"] == {"google/xtreme": "1" * 40}
            assert JobParams(expanded).data(key, "train")["tested_passages"] is None


def test_what_the_hub_may_lose_is_read_from_the_folder_where_it_is(root, tmp_path):
    folder = shutil.copytree(root, tmp_path / "copy")
    own = {"data_source": "hub", "recipes": ["none", "cosmosqa", "csqa"], "targets": ["xnli"]}
    for changes in ({"data_root": None}, {"data_root": str(folder)}):
        expanded = grid(root, **own, **changes)
        copied = bool(changes["data_root"])
        sources = [JobParams(expanded).data(key, "dev")["source"] for key in ("cosmosqa", "csqa")]
        assert sources == ["folder" if copied else "hub", "hub"]
    assert expanded.input_files("cosmosqa", "dev") == [f"{folder}/intermediate/cosmosqa/valid.csv"]
    # Half of it is no copy.
    (folder / "intermediate/cosmosqa/train.csv").unlink()
    expanded = grid(root, **own, data_root=str(folder))
    assert JobParams(expanded).data("cosmosqa", "dev")["source"] == "hub"
