"""Weights come from safetensors, or from a pickle that is converted once, or are refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hub_cache import hub_cache
from safetensors.torch import load_file, save_file
from tiny_encoders import TEXTS, write_tiny_bert, write_tiny_xlmr
from transformers import AutoModel, BertForMaskedLM

from xstilts.config.encoders import EncoderSource
from xstilts.config.encoders.hub_names import known_commit, refusal_of
from xstilts.errors import XstiltsError
from xstilts.execution.files import sha256_file
from xstilts.training.encoder import HEADS, PROVENANCE, fetch_encoder, load_encoder
from xstilts.training.weights import convert_pickle, has_pickle_alone

WEIGHTS, PICKLE = "model.safetensors", "pytorch_model.bin"
SHARD = "pytorch_model-0000{}-of-00002.bin"


@pytest.fixture
def bert(tmp_path) -> Path:
    return write_tiny_bert(tmp_path / "bert", TEXTS)


def pickled(folder: Path, shards: int = 1) -> dict[str, torch.Tensor]:
    """Put a pickle into the place of the safetensors."""
    weights = load_file(folder / WEIGHTS)
    (folder / WEIGHTS).unlink()
    if shards == 1:
        torch.save(weights, folder / PICKLE)
        return weights
    names = sorted(weights)
    where = {name: SHARD.format(1 + i % 2) for i, name in enumerate(names)}
    for file in set(where.values()):
        torch.save({name: weights[name] for name in names if where[name] == file}, folder / file)
    (folder / f"{PICKLE}.index.json").write_text(json.dumps({"weight_map": where}))
    return weights


def fetch(folder: Path, output: Path, **settings) -> dict[str, torch.Tensor]:
    fetch_encoder(EncoderSource(folder=str(folder), **settings), output)
    return load_encoder(output).state_dict()


def equal(found: dict[str, torch.Tensor], published: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, published[name]) for name, value in found.items())


def test_a_pickle_alone_is_refused_with_the_setting_that_converts_it(bert, tmp_path):
    pickled(bert)
    with pytest.raises(XstiltsError, match=r"as a pickle alone.*convert_pickle: true"):
        fetch(bert, tmp_path / "out")


@pytest.mark.parametrize("shards", [1, 2])
def test_a_pickle_is_converted_once_and_both_digests_are_recorded(bert, tmp_path, shards):
    published = pickled(bert, shards)
    found = fetch(bert, tmp_path / "out", convert_pickle=True)
    assert equal(found, published)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bert", "out"]
    assert not list((tmp_path / "out").glob("*.bin"))
    record = json.loads((tmp_path / "out" / PROVENANCE).read_text())["converted"]
    files = [PICKLE] if shards == 1 else [SHARD.format(1), SHARD.format(2)]
    assert record["from"] == {file: sha256_file(bert / file) for file in files}
    # What transformers' own conversion writes holds the same tensors, and so does this digest's.
    assert list(record["to"]) == [WEIGHTS]
    assert len(record["to"][WEIGHTS]) == 64


def test_a_pickle_with_its_head_is_converted_with_it(tmp_path):
    folder = write_tiny_bert(tmp_path / "bert", TEXTS)
    published = BertForMaskedLM.from_pretrained(folder)
    published.save_pretrained(folder)
    (folder / WEIGHTS).unlink()
    # With the tied matrix under both of its names, as old checkpoints have it.
    torch.save(published.state_dict(), folder / PICKLE)
    fetch(folder, tmp_path / "out", convert_pickle=True)
    head = load_file(tmp_path / "out" / HEADS)
    bias = published.cls.predictions.bias
    assert any(torch.equal(value, bias) for value in head.values())


def test_safetensors_are_taken_before_a_pickle(bert, tmp_path):
    published = load_file(bert / WEIGHTS)
    torch.save({name: value + 1 for name, value in published.items()}, bert / PICKLE)
    assert equal(fetch(bert, tmp_path / "out", convert_pickle=True), published)
    assert "converted" not in json.loads((tmp_path / "out" / PROVENANCE).read_text())


class Runs:
    """An object whose loading by pickle writes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = str(marker)

    def __reduce__(self) -> tuple:
        return open, (self.marker, "w")


def test_nothing_in_a_pickle_is_run(bert, tmp_path):
    weights = pickled(bert)
    torch.save({**weights, "more": Runs(tmp_path / "was-run")}, bert / PICKLE)
    with pytest.raises(XstiltsError, match="cannot convert the pickle"):
        fetch(bert, tmp_path / "out", convert_pickle=True)
    assert not (tmp_path / "was-run").exists()
    torch.load(bert / PICKLE, weights_only=False)
    assert (tmp_path / "was-run").exists()


@pytest.mark.parametrize(
    "what",
    [
        {"state_dict": {"a": torch.zeros(1)}},
        [torch.zeros(1)],
        {1: torch.zeros(1)},
        {"a": torch.eye(2).to_sparse()},
    ],
)
def test_a_pickle_of_something_else_than_weights_is_refused(bert, tmp_path, what):
    pickled(bert)
    torch.save(what, bert / PICKLE)
    with pytest.raises(XstiltsError, match="something else than weights by their names"):
        fetch(bert, tmp_path / "out", convert_pickle=True)


def test_a_damaged_pickle_and_a_missing_shard_are_refused(bert, tmp_path):
    pickled(bert, 2)
    whole = (bert / SHARD.format(2)).read_bytes()
    (bert / SHARD.format(2)).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(XstiltsError, match="cannot convert the pickle"):
        fetch(bert, tmp_path / "out", convert_pickle=True)
    (bert / SHARD.format(2)).unlink()
    with pytest.raises(
        XstiltsError, match=r"cannot read the file .*-00002-of-00002\.bin: .*No such file"
    ):
        fetch(bert, tmp_path / "out", convert_pickle=True)


@pytest.mark.parametrize("content", [b"", b"hello world", b"version https://git-lfs.github.com"])
def test_of_what_is_no_pickle_the_advice_to_run_it_is_not_repeated(bert, tmp_path, content):
    pickled(bert)
    (bert / PICKLE).write_bytes(content)
    with pytest.raises(
        XstiltsError, match=r"it is damaged.*\((\w+Error|\w+Error: [^()]+)\)"
    ) as info:
        fetch(bert, tmp_path / "out", convert_pickle=True)
    assert "weights_only" not in str(info.value)


@pytest.mark.parametrize("content", ["{", '{"metadata": {}}'])
def test_an_index_without_a_map_is_refused(bert, tmp_path, content):
    pickled(bert, 2)
    index = bert / f"{PICKLE}.index.json"
    index.write_text(content)
    with pytest.raises(XstiltsError, match=r"index\.json: .*this is no index of its weights"):
        fetch(bert, tmp_path / "out", convert_pickle=True)
    index.rename(bert / f"{WEIGHTS}.index.json")
    with pytest.raises(XstiltsError, match="cannot load the encoder"):
        fetch(bert, tmp_path / "out")


def test_errors_name_the_encoder_and_not_where_it_is_converted(bert, tmp_path):
    weights = pickled(bert)
    torch.save(dict(list(weights.items())[1:]), bert / PICKLE)
    with pytest.raises(XstiltsError, match=f"^{bert}: 1 weights of the encoder are missing"):
        fetch(bert, tmp_path / "out", convert_pickle=True)
    (bert / "config.json").write_text("[]")
    with pytest.raises(XstiltsError, match=f"^{bert}: cannot load the encoder"):
        fetch(bert, tmp_path / "out", convert_pickle=True)


def test_safetensors_in_shards_are_one_encoder(bert, tmp_path):
    published = load_file(bert / WEIGHTS)
    AutoModel.from_pretrained(bert).save_pretrained(bert, max_shard_size="20KB")
    shards = sorted(bert.glob("model-*.safetensors"))
    assert len(shards) > 1
    (bert / WEIGHTS).unlink()
    assert equal(fetch(bert, tmp_path / "out"), published)
    shards[0].unlink()
    with pytest.raises(XstiltsError, match=shards[0].name):
        fetch(bert, tmp_path / "other")


@pytest.mark.parametrize("convert", [False, True])
def test_old_names_and_a_prefix_are_read(bert, tmp_path, convert):
    published = load_file(bert / WEIGHTS)
    old = {
        "bert." + name.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta"): value
        for name, value in published.items()
    }
    assert "bert.embeddings.LayerNorm.gamma" in old
    save_file(old, bert / WEIGHTS, metadata={"format": "pt"})
    if convert:
        pickled(bert)
    assert equal(fetch(bert, tmp_path / "out", convert_pickle=convert), published)


def test_a_foreign_prefix_is_refused_by_the_names_that_are_missing(bert, tmp_path):
    published = load_file(bert / WEIGHTS)
    save_file(
        {f"module.{name}": value for name, value in published.items()},
        bert / WEIGHTS,
        metadata={"format": "pt"},
    )
    with pytest.raises(XstiltsError, match=r"weights of the encoder are missing.*embeddings"):
        fetch(bert, tmp_path / "out")


def test_more_embeddings_than_tokens_are_right_and_fewer_are_refused(tmp_path):
    folder = write_tiny_xlmr(tmp_path / "xlmr", TEXTS)
    model = AutoModel.from_pretrained(folder)
    pieces = model.config.vocab_size
    model.resize_token_embeddings(pieces + 5)
    model.save_pretrained(folder)
    found = fetch(folder, tmp_path / "more")
    assert len(found["embeddings.word_embeddings.weight"]) == pieces + 5
    model.resize_token_embeddings(pieces - 1)
    model.save_pretrained(folder)
    with pytest.raises(
        XstiltsError,
        match=f"an entry .<mask>. with number {pieces - 1}, .* {pieces - 1} emb",
    ):
        fetch(folder, tmp_path / "fewer")


# The cache's place is read when huggingface_hub is imported, so this needs its own process.
_FETCH = """
import sys
from pathlib import Path
from xstilts.config.encoders import EncoderSource
from xstilts.errors import XstiltsError
from xstilts.training.encoder import fetch_encoder
output, hub, revision, convert = sys.argv[1:]
source = EncoderSource(hub=hub, revision=revision, convert_pickle=convert == "True")
try:
    fetch_encoder(source, Path(output))
except XstiltsError as error:
    print("refused:", error)
"""


def fetch_hub(tmp_path: Path, hub: str, revision: str, *, convert: bool = False) -> str:
    places = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", _FETCH, str(tmp_path / "out"), hub, revision, str(convert)],
        env={**os.environ, **places, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_of_a_pickle_on_the_hub_the_commit_with_safetensors_is_named(bert, tmp_path):
    main, hub = "a" * 40, "jhu-clsp/mmBERT-base"
    converted = shutil.copytree(bert, tmp_path / "converted")
    published = pickled(bert)
    known = known_commit(hub)
    hub_cache(tmp_path / "cache", hub, {main: bert, known: converted})
    hub_cache(tmp_path / "cache", "BAAI/bge-m3", {known_commit("BAAI/bge-m3"): bert})
    said = fetch_hub(tmp_path, hub, main)
    assert f"{hub} at {main}: its weights are published as a pickle alone" in said
    assert f"`revision: {known}`" in said
    # Where the very commit that is known has none, it is no remedy.
    wrong = fetch_hub(tmp_path, "BAAI/bge-m3", known_commit("BAAI/bge-m3"))
    assert "`convert_pickle: true`" in wrong
    assert "adds safetensors" not in wrong
    assert fetch_hub(tmp_path, hub, known) == ""
    assert equal(load_encoder(tmp_path / "out").state_dict(), published)
    shutil.rmtree(tmp_path / "out")
    assert fetch_hub(tmp_path, hub, main, convert=True) == ""
    assert equal(load_encoder(tmp_path / "out").state_dict(), published)


def test_that_there_is_a_pickle_is_known_without_downloading_it(monkeypatch):
    def published(name, file, *, revision, dry_run=False):
        assert dry_run
        if file != PICKLE:
            raise FileNotFoundError(file)

    monkeypatch.setattr("xstilts.features.published_files.hf_hub_download", published)
    assert has_pickle_alone("some/encoder", "a" * 40)


def test_what_ends_the_download_of_a_pickle_is_said(monkeypatch, tmp_path):
    def published(name, file, *, revision):
        raise ConnectionError("the connection broke" if file == PICKLE else "no such entry")

    monkeypatch.setattr("xstilts.features.published_files.hf_hub_download", published)
    said = f"some/encoder at {'a' * 40}: cannot read the file {PICKLE}: the connection broke"
    with pytest.raises(XstiltsError, match=said):
        convert_pickle("some/encoder", "a" * 40, tmp_path / "out")


def test_of_remote_code_the_native_copy_is_named(bert, tmp_path):
    config = json.loads((bert / "config.json").read_text())
    config |= {"model_type": "new", "auto_map": {"AutoModel": "modeling.NewModel"}}
    (bert / "config.json").write_text(json.dumps(config))
    hub = "Alibaba-NLP/gte-multilingual-base"
    hub_cache(tmp_path / "cache", hub, {"a" * 40: bert})
    said = fetch_hub(tmp_path, hub, "a" * 40)
    assert "its architecture (new) is code that comes with the weights" in said
    assert refusal_of(hub).remedy in said
