"""Encoders load strictly, from folders and from a hub cache, and save as ordinary folders."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hub_cache import hub_cache
from safetensors.torch import load_file, save_file
from tiny_encoders import TEXTS, WRITERS, write_all, write_tiny_bert, write_tiny_xlmr
from transformers import (
    AutoModel,
    AutoTokenizer,
    BertModel,
    CamembertConfig,
    CamembertModel,
    CanineTokenizer,
    MPNetConfig,
    MPNetModel,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
    XLMRobertaModel,
    XmodConfig,
    XmodModel,
)

from xstilts.config.encoders import EncoderSource
from xstilts.config.settings import (
    Tokenisation,
)
from xstilts.config.tasks import TASKS
from xstilts.data.schemas import DATA
from xstilts.errors import XstiltsError
from xstilts.execution.files import sha256_file
from xstilts.execution.provenance import digest
from xstilts.features.build import tokenise
from xstilts.features.tokenizer import load_tokenizer, max_positions
from xstilts.training.encoder import PROVENANCE, fetch_encoder, load_encoder, save_encoder


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    return write_all(tmp_path_factory.mktemp("encoders"))


@pytest.fixture
def bert(folders, tmp_path) -> Path:
    """A copy to damage."""
    return shutil.copytree(folders["bert"], tmp_path / "bert")


@torch.no_grad()
def states(model: torch.nn.Module, folder: Path) -> torch.Tensor:
    inputs = AutoTokenizer.from_pretrained(folder)(TEXTS[0], return_tensors="pt")
    return model.eval()(**inputs).last_hidden_state


@pytest.mark.parametrize("name", WRITERS)
def test_an_encoder_loads_in_float32_and_equals_plain_transformers(folders, name):
    model = load_encoder(folders[name])
    assert not model.training
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    plain = AutoModel.from_pretrained(folders[name])
    assert torch.equal(states(model, folders[name]), states(plain, folders[name]))


@pytest.mark.parametrize("name", WRITERS)
def test_a_saved_encoder_loads_again_with_plain_transformers(folders, tmp_path, name):
    model, tokenizer = load_encoder(folders[name]), load_tokenizer(folders[name])
    save_encoder(model, tokenizer, tmp_path, {"run": "a/b"})
    plain = AutoModel.from_pretrained(tmp_path)
    assert torch.equal(states(plain, tmp_path), states(model, folders[name]))
    assert (
        AutoTokenizer.from_pretrained(tmp_path)(TEXTS[5])["input_ids"]
        == (tokenizer(TEXTS[5])["input_ids"])
    )
    assert json.loads((tmp_path / PROVENANCE).read_text())["run"] == "a/b"
    # The provenance stands for all of the folder, weights and heads included.
    digests = {digest(tmp_path)}
    for heads in (1.0, 2.0):
        save_encoder(model, tokenizer, tmp_path, {"run": "a/b"}, {"a": torch.tensor(heads)})
        digests.add(digest(tmp_path))
    with torch.no_grad():
        next(model.parameters()).view(-1)[0] += 1
    save_encoder(model, tokenizer, tmp_path, {"run": "a/b"}, {"a": torch.tensor(2.0)})
    assert len({*digests, digest(tmp_path)}) == 4
    assert not [path for path in tmp_path.iterdir() if path.suffix in {".bin", ".pt", ".pkl"}]


@pytest.mark.parametrize("name", WRITERS)
def test_the_tiny_encoders_are_the_same_every_time(folders, tmp_path, name):
    again = WRITERS[name](tmp_path, TEXTS)
    for path in folders[name].iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name


def test_half_precision_weights_are_loaded_in_float32(bert):
    AutoModel.from_pretrained(bert, dtype=torch.bfloat16).save_pretrained(bert)
    assert next(iter(load_file(bert / "model.safetensors").values())).dtype == torch.bfloat16
    assert {parameter.dtype for parameter in load_encoder(bert).parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("encoder.layer.0.output.dense.bias", math.nan, "layer.0.output.dense.bias holds what is"),
        ("embeddings.word_embeddings.weight", -math.inf, "word_embeddings.weight holds what is"),
        # Finite weights that overflow.
        ("encoder.layer.1.output.LayerNorm.weight", 3e38, "encodes 'One sentence.*is not a finite"),
    ],
)
def test_an_encoder_that_gives_no_numbers_is_not_fetched(bert, tmp_path, name, value, message):
    weights = load_file(bert / "model.safetensors")
    weights[name].fill_(value)
    save_file(weights, bert / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(XstiltsError, match=message):
        fetch_encoder(EncoderSource(folder=str(bert)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_weight_is_refused_by_name(bert):
    weights = load_file(bert / "model.safetensors")
    del weights["encoder.layer.1.output.dense.weight"]
    save_file(weights, bert / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(XstiltsError, match=r"1 weights.*encoder\.layer\.1\.output\.dense\.weight"):
        load_encoder(bert)


def test_a_weight_of_another_shape_is_refused_by_name(bert):
    weights = load_file(bert / "model.safetensors")
    weights["encoder.layer.0.output.dense.weight"] = torch.zeros(3, 3)
    save_file(weights, bert / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(XstiltsError, match=r"encoder\.layer\.0\.output\.dense\.weight"):
        load_encoder(bert)


def test_a_truncated_file_is_refused_with_its_folder(bert):
    whole = (bert / "model.safetensors").read_bytes()
    (bert / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(XstiltsError, match=str(bert)):
        load_encoder(bert)


def test_code_that_comes_with_a_model_is_never_run(bert):
    config = json.loads((bert / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "mine.C", "AutoModel": "mine.M"}}
    (bert / "config.json").write_text(json.dumps(config))
    marker = bert / "was-run"
    (bert / "mine.py").write_text(f"open({str(marker)!r}, 'w')\n")
    with pytest.raises(XstiltsError, match="code that comes with the weights, which is never run"):
        load_encoder(bert)
    assert not marker.exists()


def test_the_pooler_is_not_needed_and_not_kept(bert):
    assert any("pooler" in key for key in load_file(bert / "model.safetensors"))
    with_pooler = states(load_encoder(bert), bert)
    BertModel.from_pretrained(bert, add_pooling_layer=False).save_pretrained(bert)
    assert not any("pooler" in key for key in load_file(bert / "model.safetensors"))
    assert torch.equal(states(load_encoder(bert), bert), with_pooler)


def test_a_masked_language_model_loads_without_its_head(tmp_path):
    write_tiny_xlmr(tmp_path, TEXTS)
    torch.manual_seed(3)
    published = XLMRobertaForMaskedLM(XLMRobertaConfig.from_pretrained(tmp_path))
    published.save_pretrained(tmp_path)
    names = load_file(tmp_path / "model.safetensors")
    assert any(name.startswith("lm_head.") for name in names)
    assert all(name.startswith(("lm_head.", "roberta.")) for name in names)
    assert torch.equal(
        states(load_encoder(tmp_path), tmp_path), states(published.roberta, tmp_path)
    )


def test_a_tokenizer_without_offsets_is_refused(tmp_path):
    CanineTokenizer().save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "canine"}')
    with pytest.raises(XstiltsError, match="character offsets"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("name", WRITERS)
def test_max_positions_of_each_architecture(tmp_path, name):
    folder = WRITERS[name](tmp_path, TEXTS, positions=24)
    assert max_positions(load_encoder(folder).config) == 24


@pytest.mark.parametrize(
    ("config", "model", "extra"),
    [
        (XLMRobertaConfig, XLMRobertaModel, {}),
        (XmodConfig, XmodModel, {"languages": ["en_XX"], "default_language": "en_XX"}),
        (CamembertConfig, CamembertModel, {}),
        (MPNetConfig, MPNetModel, {}),
    ],
)
def test_max_positions_is_what_a_forward_pass_allows(config, model, extra):
    small = {
        "vocab_size": 20,
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 8,
        "max_position_embeddings": 20,
    }
    config = config(**small, pad_token_id=1, bos_token_id=0, eos_token_id=2, **extra)
    encoder, longest = model(config).eval(), max_positions(config)
    ids = torch.full((1, longest + 1), 5)
    with torch.no_grad():
        encoder(input_ids=ids[:, 1:], attention_mask=torch.ones_like(ids[:, 1:]))
        with pytest.raises((IndexError, RuntimeError)):
            encoder(input_ids=ids, attention_mask=torch.ones_like(ids))


def test_inputs_longer_than_the_positions_are_refused(folders):
    task = TASKS["xnli"]
    data = DATA[task.kind].empty_table()
    tokenise(task, data, folders["xlmr"], Tokenisation(max_length=512).model_dump())
    with pytest.raises(XstiltsError, match="max_length 513 is more than the encoder's 512"):
        tokenise(task, data, folders["xlmr"], Tokenisation(max_length=513).model_dump())


def test_fetching_a_folder_records_where_it_came_from(folders, tmp_path):
    source = EncoderSource(folder=str(folders["xlmr"]))
    fetch_encoder(source, tmp_path / "encoder")
    written = json.loads((tmp_path / "encoder" / PROVENANCE).read_text())
    assert written["source"]["folder"] == str(folders["xlmr"])
    digest = sha256_file(folders["xlmr"] / "model.safetensors")
    assert written["sha256"] == {"model.safetensors": digest}
    assert torch.equal(
        states(AutoModel.from_pretrained(tmp_path / "encoder"), tmp_path / "encoder"),
        states(load_encoder(folders["xlmr"]), folders["xlmr"]),
    )


# The cache's place is read when huggingface_hub is imported, so this needs its own process.
_FETCH = """
import sys
from pathlib import Path
from xstilts.config.encoders import EncoderSource
from xstilts.training.encoder import fetch_encoder
from xstilts.errors import XstiltsError
output, known, unknown = sys.argv[1:]
fetch_encoder(EncoderSource(hub="some-group/tiny-bert", revision=known), Path(output))
try:
    fetch_encoder(EncoderSource(hub="some-group/tiny-bert", revision=unknown), Path(output))
except XstiltsError as error:
    print("refused:", error)
"""


def test_a_hub_encoder_comes_offline_from_the_cache_at_its_pinned_commit(tmp_path):
    pinned, later = "a" * 40, "b" * 40
    first = write_tiny_bert(tmp_path / "first", TEXTS, seed=1)
    second = write_tiny_bert(tmp_path / "second", TEXTS, seed=2)
    hub_cache(tmp_path / "cache", "some-group/tiny-bert", {pinned: first, later: second})
    places = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", _FETCH, str(tmp_path / "encoder"), pinned, "c" * 40],
        env={**os.environ, **places, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"refused: some-group/tiny-bert at {'c' * 40}: cannot load the encoder" in done.stdout
    fetched = tmp_path / "encoder"
    assert torch.equal(states(load_encoder(fetched), fetched), states(load_encoder(first), first))
    assert not torch.equal(
        states(load_encoder(fetched), fetched), states(load_encoder(second), second)
    )
    source = json.loads((fetched / PROVENANCE).read_text())["source"]
    assert (source["hub"], source["revision"]) == ("some-group/tiny-bert", pinned)
