"""An encoder of one's own: its tokenizer, its first weights, its pretraining, from start to end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
import sentencepiece
import torch
from safetensors.torch import load_file
from tiny_encoders import TEXTS, write_tiny_bert, write_tiny_xlmr
from tiny_grid import make_folder
from training_runs import history, prepare_text, run_once, same, weights
from transformers import AutoModel, AutoTokenizer
from workflow_runs import planned, snakemake

from xstilts.config.encoders import Architecture, TokenizerSettings
from xstilts.config.tasks import TASKS
from xstilts.data.schemas import CURVES
from xstilts.errors import XstiltsError
from xstilts.execution.parquet import read_table
from xstilts.features.encoder_config import Usage
from xstilts.features.kinds import kind_of
from xstilts.features.layout import layout_of
from xstilts.features.tokenizer import load_tokenizer
from xstilts.training.encoder import load_encoder
from xstilts.training.mlm_head import HEADS
from xstilts.training.model import load_model
from xstilts.training.new_encoder import learn_tokenizer, new_encoder, reinitialise

SMALL = Architecture(
    hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, max_length=32
)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("text")
    prepare_text(folder)
    return folder


@pytest.fixture(scope="module", params=["unigram", "bpe"])
def tokenizer(request, tmp_path_factory):
    """Learned, saved, and loaded again as anybody would."""
    folder = tmp_path_factory.mktemp(request.param)
    settings = TokenizerSettings(algorithm=request.param, vocab_size=300)
    learn_tokenizer(TEXTS, settings).save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


def test_a_learned_tokenizer_has_xlmrs_layout(tokenizer):
    assert len(tokenizer) <= 300
    names = ("<s>", "<pad>", "</s>", "<unk>")
    assert tokenizer.convert_tokens_to_ids(names) == [0, 1, 2, 3]
    assert tokenizer.mask_token_id == len(tokenizer) - 1
    first, second = ["river"], ["brown"]
    encoded = tokenizer(*first, *second)
    tokens = encoded.tokens()
    middle = tokens.index("</s>")
    assert tokens[0] == "<s>"
    assert tokens[middle : middle + 2] == ["</s>", "</s>"]
    assert tokens[-1] == "</s>"
    assert "token_type_ids" not in encoded
    layout = layout_of(tokenizer, pair=True)
    assert (layout.prefix, layout.middle, layout.suffix) == ((0,), (2, 2), (2,))


def test_a_learned_tokenizer_gives_offsets_and_words_and_loses_nothing(tokenizer):
    assert tokenizer.is_fast
    for text in TEXTS[:4]:
        encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        assert tokenizer.unk_token_id not in encoded["input_ids"]
        covered = {at for begin, end in encoded["offset_mapping"] for at in range(begin, end)}
        assert covered == {at for at, character in enumerate(text) if character != " "}
        assert tokenizer.decode(encoded["input_ids"]) == text
    assert tokenizer("漢", add_special_tokens=False)["input_ids"][-1] == tokenizer.unk_token_id
    words = tokenizer([["quick", "fox."]], is_split_into_words=True, add_special_tokens=False)
    assert set(words.word_ids(0)) == {0, 1}
    assert words.tokens(0)[0].startswith("▁")


def test_a_tokenizer_is_the_same_in_every_process():
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import random\n"
        "from tiny_encoders import TEXTS\n"
        "from xstilts.config.encoders import TokenizerSettings\n"
        "from xstilts.training.new_encoder import learn_tokenizer\n"
        # Many words of equal frequency, and so many pieces that are equally good; and more
        # characters than a trainer keeps by itself.
        "rng = random.Random(0)\n"
        "words = [''.join(rng.choices(text, k=rng.randint(2, 9))) for text in TEXTS * 150]\n"
        "texts = [f'{a}{b}{a}' for a in ''.join(TEXTS) for b in 'xyz'] + list(TEXTS) + words\n"
        "for algorithm in ('unigram', 'bpe'):\n"
        "    for size in (260, 700):\n"
        "        settings = TokenizerSettings(algorithm=algorithm, vocab_size=size)\n"
        "        print(learn_tokenizer(texts, settings).backend_tokenizer.to_str())"
    )
    command = [sys.executable, "-c", program, str(Path(__file__).parents[1])]
    learned = {
        subprocess.run(
            command,
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
        ).stdout
        for seed in range(3)
    }
    assert len(learned) == 1


def test_a_unigram_vocabulary_is_sentencepieces(tmp_path):
    """Learned from a file of whole lines by its own command's settings for XLM-R."""
    lines = tmp_path / "lines.txt"
    lines.write_text("\n".join(TEXTS), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(lines), model_prefix=str(tmp_path / "plain"), vocab_size=300 - 1,
        character_coverage=1.0, pad_id=3, hard_vocab_limit=False, minloglevel=1,
        normalization_rule_name="nfkc",
    )  # fmt: skip
    plain = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "plain.model"))
    expected = {plain.id_to_piece(each): plain.get_score(each) for each in range(4, len(plain))}
    learned = learn_tokenizer(TEXTS, TokenizerSettings(vocab_size=300))
    pieces = json.loads(learned.backend_tokenizer.to_str())["model"]["vocab"]
    assert dict(pieces[4:]) == pytest.approx(expected)
    for text in TEXTS:
        assert learned.tokenize(text) == plain.encode(text, out_type=str)


def test_what_sentencepiece_keeps_for_itself_costs_no_other_piece():
    texts = [*TEXTS, "un\0heard ▅of <unk>ing <mask>ed <s> things", "漢" * 3000]
    tokenizer = learn_tokenizer(texts, TokenizerSettings(vocab_size=400))
    vocabulary = tokenizer.get_vocab()
    assert {"漢", *"unheard", "<", ">"} <= vocabulary.keys()
    assert tokenizer.mask_token_id == len(tokenizer) - 1 == max(vocabulary.values())
    assert [tokenizer.convert_ids_to_tokens(each) for each in range(4)] == [
        "<s>", "<pad>", "</s>", "<unk>",
    ]  # fmt: skip


@pytest.mark.parametrize("algorithm", ["unigram", "bpe"])
def test_the_smallest_vocabulary_holds_every_character(algorithm):
    characters = len(set("▁abc"))
    # With four special tokens and the mask.
    settings = TokenizerSettings(algorithm=algorithm, vocab_size=characters + 5)
    tokenizer = learn_tokenizer(["abc cab", "bca"], settings)
    assert len(tokenizer) == characters + 5
    assert set("▁abc") < tokenizer.get_vocab().keys()
    smaller = settings.model_copy(update={"vocab_size": characters + 4})
    with pytest.raises(XstiltsError, match="has 4 different characters"):
        learn_tokenizer(["abc cab", "bca"], smaller)


def test_a_vocabulary_smaller_than_the_alphabet_is_refused():
    for algorithm in ("unigram", "bpe"):
        settings = TokenizerSettings(algorithm=algorithm, vocab_size=40)
        with pytest.raises(XstiltsError, match=r"too many for a vocabulary of 40.*vocab_size"):
            learn_tokenizer(TEXTS, settings)


def new(output: Path, seed: int = 1, **options: str) -> dict[str, torch.Tensor]:
    settings = TokenizerSettings(vocab_size=300)
    new_encoder(
        TEXTS, seed=seed, architecture=SMALL, tokenizer=settings, provenance={},
        output=output, **options,
    )  # fmt: skip
    return load_file(output / "model.safetensors")


def test_a_new_encoder_has_the_pooling_of_its_heads(tmp_path):
    plain, other = new(tmp_path / "a"), new(tmp_path / "b", pooling="mean")
    assert all(torch.equal(plain[name], other[name]) for name in plain)
    assert "xstilts" not in json.loads((tmp_path / "a" / "config.json").read_text())
    reinitialise(tmp_path / "b", seed=1, output=tmp_path / "untrained")
    for name, pooling in (("a", "first"), ("b", "mean"), ("untrained", "mean")):
        assert Usage.of(load_encoder(tmp_path / name).config).pooling == pooling


def test_a_new_encoder_is_an_xlmr_of_the_given_size(tmp_path):
    first = new(tmp_path / "a")
    model, tokenizer = load_encoder(tmp_path / "a"), load_tokenizer(tmp_path / "a")
    assert AutoModel.from_pretrained(tmp_path / "a").config.model_type == "xlm-roberta"
    assert model.config.hidden_size == 32
    assert model.config.vocab_size == len(tokenizer)
    assert tokenizer.model_max_length == 32
    longest = torch.full((1, 32), 5)
    assert torch.isfinite(model(longest).last_hidden_state).all()
    with pytest.raises((IndexError, RuntimeError)):
        model(torch.full((1, 33), 5))
    assert same(first, new(tmp_path / "again"))
    assert not same(first, new(tmp_path / "seed", seed=2))


@pytest.mark.parametrize("write", [write_tiny_xlmr, write_tiny_bert])
def test_an_encoder_with_random_weights_keeps_all_but_its_weights(tmp_path, write):
    folder = write(tmp_path / "known", TEXTS)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        reinitialise(folder, seed=seed, output=tmp_path / name)
    known, a, b, c = (load_encoder(tmp_path / name).state_dict() for name in ("known", *"abc"))
    assert {k: v.shape for k, v in a.items()} == {k: v.shape for k, v in known.items()}
    assert same(a, b)
    table = "embeddings.word_embeddings.weight"
    assert not torch.equal(a[table], known[table])
    assert not torch.equal(a[table], c[table])
    texts = list(TEXTS)
    encoded = (load_tokenizer(tmp_path / name)(texts)["input_ids"] for name in ("known", "a"))
    assert next(encoded) == next(encoded)


def test_pretraining_learns_and_ends_as_an_ordinary_folder(data, tmp_path):
    run_once(data, tmp_path, "text", epochs=12, patience=100)
    entries = history(tmp_path)
    losses = [entry["loss"] for entry in entries]
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])
    scores = [entry for entry in entries if "dev" in entry]
    assert len(scores) == 12
    assert scores[-1]["dev"] > scores[0]["dev"] + 15
    assert scores[-1]["dev_loss"] < 0.7 * scores[0]["dev_loss"]
    assert all(0 <= entry["dev"] <= 100 for entry in scores)
    folder = tmp_path / "model"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    inputs = tokenizer("bade debade", return_tensors="pt")
    states = AutoModel.from_pretrained(folder)(**inputs).last_hidden_state
    assert states.shape[-1] == 32
    model = load_model(folder, kind_of(TASKS["text"]))
    with torch.no_grad():
        whole = model(dict(inputs), "text")
    assert whole.shape == (*inputs["input_ids"].shape, len(tokenizer))
    assert not any("word_embeddings" in name for name in load_file(folder / HEADS))


def test_development_masks_depend_on_the_seed_alone(data, tmp_path):
    # Without learning every evaluation measures the same.
    run_once(data, tmp_path, "text", epochs=2, learning_rate=1e-30)
    first, second = (entry for entry in history(tmp_path) if "dev" in entry)
    assert (first["dev"], first["dev_loss"]) == (second["dev"], second["dev_loss"])


def test_masks_do_not_depend_on_how_a_batch_is_split(data, tmp_path):
    config = json.loads((data / "encoder/config.json").read_text())
    still = {**config, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (data / "encoder/config.json").write_text(json.dumps(still))
    try:
        run_once(data, tmp_path / "whole", "text", epochs=1)
        run_once(data, tmp_path / "split", "text", epochs=1, micro_batch_tokens=40)
    finally:
        (data / "encoder/config.json").write_text(json.dumps(config))
    first, second = (
        [entry["loss"] for entry in history(tmp_path / name)] for name in ("whole", "split")
    )
    assert first == pytest.approx(second, rel=1e-3)


def test_killed_and_started_again_it_ends_with_the_same_weights(data, tmp_path):
    settings = {"epochs": 4, "evaluate_every": 7, "patience": 100, "save_every_seconds": 0}
    run_once(data, tmp_path / "whole", "text", **settings)
    script = Path(__file__).parents[1] / "training_runs.py"
    command = [sys.executable, str(script), str(data), str(tmp_path / "killed"), "text"]
    resume = tmp_path / "killed/resume"
    for number in (signal.SIGKILL, signal.SIGTERM):
        known = set(resume.glob("best-*"))
        process = subprocess.Popen([*command, json.dumps(settings)], stderr=subprocess.PIPE)
        # Past an evaluation, and so in the middle of the run.
        while process.poll() is None and not set(resume.glob("best-*")) - known:
            time.sleep(0.001)
        process.send_signal(number)
        process.communicate(timeout=120)
        assert process.returncode != 0
    run_once(data, tmp_path / "killed", "text", **settings)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "killed"))
    assert history(tmp_path / "whole") == history(tmp_path / "killed")


PRETRAINED = {
    "experiment": "own",
    "text": {"root": "text"},
    "encoders": {
        "own": {
            "pretrain": {
                "architecture": SMALL.model_dump() | {"max_length": 64},
                "tokenizer": {"vocab_size": 200},
                "training": {"epochs": 2, "learning_rate": 1e-3, "batch_size": 8},
            },
            "retrieval": {"max_length": 64},
        }
    },
    "recipes": ["none"],
    "targets": {"xnli": {"languages": ["en", "de"]}},
    "baselines": [],
}


@pytest.mark.workflow
def test_the_workflow_pretrains_and_goes_on_to_a_target(tmp_path):
    folder = make_folder(tmp_path, **PRETRAINED)
    (folder / "text").mkdir()
    for language in ("en", "de"):
        pairs = (folder / f"xtreme/xnli/test-{language}.tsv").read_text().split("\n")
        lines = [part for pair in pairs for part in pair.split("\t")[:2]]
        (folder / f"text/{language}.txt").write_text("\n\n".join(lines))
    (folder / "text/README.txt").write_text("No language.")
    jobs = planned(snakemake(folder, "scores", "--dry-run"))
    assert jobs["new_encoder"] == jobs["pretrain"] == 1
    assert not {"fetch_encoder", "reinitialise"} & set(jobs)
    snakemake(folder, "scores")
    results = folder / "results/own"
    scores = pl.read_parquet(results / "scores.parquet")
    assert set(scores["language"]) == {"en", "de"}
    AutoModel.from_pretrained(results / "encoders/own")
    *_, last = read_table(results / "curves/own/pretraining.parquet", CURVES).to_pylist()
    assert last["dev"] > 0
    assert last["dev_loss"] > 0
    provenance = json.loads((results / "encoders/own/provenance.json").read_text())
    counts = [unit["counts"] for unit in provenance["data"]["text"]["units"]]
    assert [unit["language"] for unit in provenance["data"]["text"]["units"]] == ["de", "en"]
    assert all(count["blank_lines"] > 20 for count in counts)
    assert not (results / "resume").exists() or not any((results / "resume").rglob("*.safe*"))
    # A longer pretraining leaves the vocabulary and every feature as they are.
    encoders = json.loads(json.dumps(PRETRAINED["encoders"]))
    encoders["own"]["pretrain"]["training"]["epochs"] = 3
    make_folder(folder, **{**PRETRAINED, "encoders": encoders})
    jobs = planned(snakemake(folder, "scores", "--dry-run", "--rerun-triggers", "params"))
    assert jobs["pretrain"] == jobs["train_target"] == 1
    assert not {"ingest", "new_encoder", "tokenise"} & set(jobs)


@pytest.mark.workflow
def test_a_control_with_random_weights_is_made_on_demand(tmp_path):
    folder = make_folder(tmp_path, targets={"tatoeba": {"languages": ["de"]}}, baselines=[])
    assert "reinitialise" not in planned(snakemake(folder, "scores", "--dry-run"))
    snakemake(folder, "results/tiny/untrained/tiny")
    AutoModel.from_pretrained(folder / "results/tiny/untrained/tiny")


@pytest.mark.workflow
def test_text_that_is_no_utf8_stops_with_file_and_row(tmp_path):
    folder = make_folder(tmp_path, **PRETRAINED)
    (folder / "text").mkdir()
    (folder / "text/en.txt").write_bytes(b"good\nbad \xff\n")
    output = snakemake(folder, "scores", "--until", "ingest", check=False)
    assert "en.txt, row 2" in output
    assert "not UTF-8" in output
