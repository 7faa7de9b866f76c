"""What `xstilts check-encoder` finds, and how it says so."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertModel

from xstilts.cli import main
from xstilts.config.encoders import EncoderSource
from xstilts.config.encoders.catalogue import catalogue
from xstilts.config.tasks import INTERMEDIATE, TARGETS, Kind
from xstilts.execution.plan.memory import training_memory
from xstilts.prediction.encoder_check import check as check_module
from xstilts.prediction.encoder_check.check import EncoderReport, check_encoder
from xstilts.prediction.encoder_check.items import TRAINED
from xstilts.prediction.encoder_check.lines import lines_of
from xstilts.prediction.encoder_check.sentences import SENTENCES
from xstilts.prediction.encoder_check.source import source_of
from xstilts.prediction.encoder_check.states import relative_difference
from xstilts.prediction.encoder_check.tiny import TINY, write_tiny
from xstilts.training.encoder import load_encoder

COMMIT = "0" * 40
PARTS = ["weights", "words", "longest input", "padding", "pooling", "bfloat16"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("encoder") / "tiny", "bert", "mbert")


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "xstilts.cli", "check-encoder", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def check(folder: Path, **settings: Any) -> EncoderReport:
    source = EncoderSource.model_validate({"folder": str(folder), **settings})
    return check_encoder("tiny", source, training_memory)


def status(report: EncoderReport, part: str) -> tuple[str, str]:
    (found,) = [each for each in report.findings if each.part == part]
    return found.status, found.text


def test_sentences_are_in_twelve_scripts_and_words_stand_where_they_say() -> None:
    assert len({sentence.script for sentence in SENTENCES}) == 12
    for sentence in SENTENCES:
        assert tuple(sentence.text[a:b] for a, b in sentence.spans) == sentence.words
        assert (" " in sentence.text) == sentence.has_spaces


def test_the_command_prints_a_table_and_writes_the_same_as_json(
    folder: Path, tmp_path: Path
) -> None:
    done = command(folder, "--json", tmp_path / "found.json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert [each["part"] for each in found["findings"]] == [
        *PARTS,
        *TRAINED,
        Kind.RETRIEVAL,
        "memory",
    ]
    assert {each["status"] for each in found["findings"]} == {"ok"}
    assert found["right"] is True
    lines = done.stdout.splitlines()
    for each in found["findings"]:
        assert any(line.startswith(f"{each['status']:<9}{each['part']}") for line in lines)
    assert [each["script"] for each in found["scripts"]] == [each.script for each in SENTENCES]
    for each in found["scripts"]:
        (line,) = [line for line in lines if line.split()[:1] == [each["script"]]]
        assert line.split()[1] == f"{each['fertility']:.1f}"
        assert line.endswith(f"{each['answers_exact']} of {each['words']}")
    assert found["uses"]["targets"] == [*TARGETS]
    assert found["uses"]["recipes"] == [*INTERMEDIATE, "+mlm"]
    for kind in TRAINED:
        (losses,) = [each["data"]["losses"] for each in found["findings"] if each["part"] == kind]
        assert losses[-1] < losses[0]


def test_what_is_no_encoder_is_one_error(tmp_path: Path) -> None:
    done = command(tmp_path)
    assert done.returncode == 1
    assert "failed   weights" in done.stdout
    assert "no config.json there" in done.stdout
    assert done.stderr == f"error: {tmp_path}: not right for this workflow, see above\n"


def test_the_whole_catalogue_is_right_in_miniature(tmp_path: Path) -> None:
    done = command("--all", "--json", tmp_path / "found.json")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    named = [name for each in found for name in each["name"].split(", ")]
    assert sorted(named) == sorted(catalogue().encoders)


def test_every_entry_of_the_catalogue_has_its_own_architecture_in_miniature() -> None:
    entries = catalogue().encoders
    assert TINY.keys() == entries.keys()
    for name, entry in entries.items():
        if entry.config is not None:
            assert TINY[name][0] == entry.config["model_type"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give one encoder, or --all"),
        (["a", "--all"], "give one encoder, or --all"),
        (["xlmr-bse"], "did you mean 'xlmr-base'"),
        (["somebody/something"], "the full 40-digit commit"),
        (["Alibaba-NLP/gte-multilingual-base"], "use the catalogue's 'gte-multilingual-base'"),
        (["somebody/something", "--config", "poling=last"], "poling"),
        (["models/that/are/not/there"], "there is no such folder"),
        (["../none"], "there is no such folder"),
        ([""], "there is no such folder"),
    ],
)
def test_what_is_asked_wrongly_is_said(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check-encoder", *arguments]) == 1
    assert said in capsys.readouterr().err


def test_names_hub_ids_and_folders_lead_to_sources(folder: Path) -> None:
    entry = catalogue().encoders["mmbert-base"]
    assert source_of("mmbert-base").revision == entry.revision
    assert source_of("mmbert-base").pooling == entry.pooling
    assert source_of("mmbert-base", COMMIT).revision == COMMIT
    assert source_of(entry.hub).revision == entry.revision
    hub = source_of("somebody/something", COMMIT, {"pooling": "last"})
    assert (hub.hub, hub.revision, hub.pooling) == ("somebody/something", COMMIT, "last")
    assert source_of(str(folder)).folder == str(folder)
    assert source_of("package:some_package/model").folder == "package:some_package/model"


def test_words_that_are_tokenised_otherwise_than_running_text_fail(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xstilts.features.kinds import tagging

    right = tagging.words_to_subwords

    def without_last_letters(tokenizer: Any, sentences: list[list[str]]) -> Any:
        return right(tokenizer, [[word[:-1] or word for word in words] for words in sentences])

    monkeypatch.setattr(tagging, "words_to_subwords", without_last_letters)
    report = check(folder)
    found, text = status(report, "words")
    assert found == "failed"
    scripts = ", ".join(each.script for each in SENTENCES)
    assert text == f"words given one by one are other subwords than in running text ({scripts})"
    assert not report.is_right


def test_weights_that_are_no_numbers_fail_and_nothing_else_is_tried(
    folder: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in folder.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    weights = load_file(broken / "model.safetensors")
    name = next(name for name in weights if "query.weight" in name)
    weights[name][0, 0] = torch.nan
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    report = check(broken)
    assert [each.part for each in report.findings] == ["weights"]
    found, text = status(report, "weights")
    assert found == "failed"
    assert re.search(r"query\.weight holds what is not a finite number", text)
    assert not report.is_right
    assert "NOT RIGHT" in "\n".join(lines_of(report))


def test_states_that_depend_on_padding_fail(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = BertModel.forward

    def without_mask(self: BertModel, *given: Any, attention_mask: Any = None, **named: Any) -> Any:
        return right(self, *given, **named)

    monkeypatch.setattr(BertModel, "forward", without_mask)
    assert status(check(folder), "padding")[0] == "failed"


def test_a_kind_that_the_workflow_refuses_is_no_failure(tmp_path: Path) -> None:
    report = check(write_tiny(tmp_path / "tiny", "mt5", "mt5"), pooling="mean")
    assert status(report, Kind.MLM)[0] == "refused"
    assert report.is_right
    document = report.document()
    assert document["uses"]["no_recipes"] == ["+mlm"]
    assert document["uses"]["no_targets"] == []


def test_scripts_of_unknown_tokens_are_named(tmp_path: Path, monkeypatch: Any) -> None:
    from xstilts.features.tiny_tokenizers import FAMILIES
    from xstilts.training.tiny_encoders import ARCHITECTURES

    tokenizer = FAMILIES["mbert"]([SENTENCES[0].text])
    for each in (ARCHITECTURES["bert"](tokenizer), tokenizer):
        each.save_pretrained(tmp_path)
    report = check(tmp_path)
    found, text = status(report, "words")
    assert found == "note"
    assert "cannot read Cyrillic, Greek" in text
    assert "Latin" not in text
    assert next(each.unknown for each in report.scripts) == 0
    assert report.is_right


def test_training_keeps_four_numbers_for_each_weight(folder: Path) -> None:
    found = training_memory(folder)
    # With the pooler, which the files hold and the workflow leaves out.
    parameters = sum(each.numel() for each in load_encoder(folder).parameters())
    assert found["weights"] == found["gradients"] == found["optimizer"] / 2 == 4 * parameters
    assert found["activations"] > 0


def test_what_is_not_finite_differs_without_bound() -> None:
    states = torch.ones(3, 4)
    assert relative_difference(states, states) == 0
    assert relative_difference(states, 2 * states) == pytest.approx(1)
    assert relative_difference(states, states * torch.inf) == float("inf")


def test_errors_that_nobody_expects_are_findings(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise KeyError("missing")

    monkeypatch.setattr(check_module, "vectors_of", broken)
    report = check(folder)
    assert status(report, Kind.RETRIEVAL) == ("failed", "KeyError: 'missing'")
    assert [each.part for each in report.findings if each.status == "failed"] == [Kind.RETRIEVAL]
    retrieved = ["bucc2018", "tatoeba", "tatoeba112", "ntrex"]
    assert report.document()["uses"]["no_targets"] == retrieved
