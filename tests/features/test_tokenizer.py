"""Tokenizers of every family load from the files that they are published as, and nothing is lost.

The reference is the `tokenizers` library reading tokenizer.json by itself, and SentencePiece.
"""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from unicodedata import category, normalize

import numpy as np
import pyarrow as pa
import pytest
import sentencepiece
from test_words import SENTENCES
from tokenizers import AddedToken, Tokenizer
from transformers import XLMRobertaConfig, XLMRobertaModel

from xstilts.config.encoders import EncoderSource
from xstilts.config.settings import Tokenisation
from xstilts.config.tasks import TASKS
from xstilts.data.schemas import DATA
from xstilts.errors import XstiltsError
from xstilts.features.batches import Features
from xstilts.features.kinds import kind_of
from xstilts.features.layout import layout_of, subwords
from xstilts.features.tiny_tokenizers import FAMILIES, sentencepiece_model
from xstilts.features.tokenizer import fit, load_tokenizer
from xstilts.training.encoder import fetch_encoder

TEXTS = [*SENTENCES.values()]
ODD = [
    *TEXTS, "Ｆｕｌｌ ｗｉｄｔｈ ½", "double  spaces   here ", " lead", "cafe\u0301 naïve",
    "tab\there", "line\nbreak", "a\u00a0b", "a\u200bb", "<mask> x </s>", "",
]  # fmt: skip
# By family: the model type that it is published with, and the class.
PUBLISHED = {
    "xlm-roberta": ("xlm-roberta", "XLMRobertaTokenizerFast"),
    "mt5": ("mt5", "T5TokenizerFast"),
    "mdeberta": ("deberta-v2", "DebertaV2TokenizerFast"),
    "mbert": ("bert", "BertTokenizer"),
    "minilm": ("bert", "BertTokenizerFast"),
    "gemma": ("gemma2", "GemmaTokenizerFast"),
    "mmbert": ("modernbert", "PreTrainedTokenizerFast"),
    "llama2": ("llama", "LlamaTokenizerFast"),
    "llama2-legacy": ("llama", "LlamaTokenizer"),
    "llama3": ("eurobert", "PreTrainedTokenizerFast"),
    "qwen": ("qwen3", "Qwen2TokenizerFast"),
    "gpt2": ("gpt2", "GPT2TokenizerFast"),
    "roberta": ("roberta", "RobertaTokenizerFast"),
    "modernbert": ("modernbert", "PreTrainedTokenizerFast"),
}
# Special tokens before, between and after two texts.
LAYOUTS = {
    "xlm-roberta": ("<s>", "</s> </s>", "</s>"),
    "mt5": ("", "</s>", "</s>"),
    "mdeberta": ("[CLS]", "[SEP]", "[SEP]"),
    "mbert": ("[CLS]", "[SEP]", "[SEP]"),
    "minilm": ("[CLS]", "[SEP]", "[SEP]"),
    "gemma": ("<bos>", "<bos>", ""),
    "mmbert": ("<bos>", "<eos>", "<eos>"),
    "llama2": ("<s>", "<s>", ""),
    "llama2-legacy": ("<s>", "<s>", ""),
    "llama3": ("<|begin_of_text|>", "<|begin_of_text|>", ""),
    "qwen": ("", "", "<|endoftext|>"),
    "gpt2": ("", "", ""),
    "roberta": ("<s>", "</s> </s>", "</s>"),
    "modernbert": ("[CLS]", "[SEP]", "[SEP]"),
}


def published(folder: Path, name: str, **config: object) -> Path:
    """A folder with this family's tokenizer as its publisher wrote it."""
    FAMILIES[name](TEXTS).save_pretrained(folder)
    architecture, chosen = PUBLISHED[name]
    (folder / "config.json").write_text(json.dumps({"model_type": architecture}))
    path = folder / "tokenizer_config.json"
    written = {**json.loads(path.read_text()), "tokenizer_class": chosen, **config}
    path.write_text(json.dumps({key: each for key, each in written.items() if each is not None}))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("published")
    return {name: published(root / name, name) for name in FAMILIES}


def read_alone(folder: Path) -> Tokenizer:
    backend = Tokenizer.from_file(str(folder / "tokenizer.json"))
    backend.no_truncation()
    backend.no_padding()
    return backend


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"tokenizer_class": None},
        {"tokenizer_class": "PreTrainedTokenizerFast"},
        # By these two settings transformers writes another template.
        {"add_bos_token": True, "add_eos_token": False},
        {"add_bos_token": False, "add_eos_token": True},
    ],
)
@pytest.mark.parametrize("name", FAMILIES)
def test_the_file_decides_whatever_class_is_named(tmp_path, name, config):
    tokenizer = load_tokenizer(published(tmp_path, name, **config))
    backend = read_alone(tmp_path)
    assert len(tokenizer) == backend.get_vocab_size()
    for text in ODD:
        for pair in ((text,), (text, TEXTS[0])):
            found, expected = tokenizer(*pair, return_offsets_mapping=True), backend.encode(*pair)
            assert found["input_ids"] == expected.ids
            assert found["offset_mapping"] == expected.offsets
    again = tmp_path / "again"
    tokenizer.save_pretrained(again)
    (again / "config.json").write_bytes((tmp_path / "config.json").read_bytes())
    assert [*map(list, subwords(load_tokenizer(again), ODD))] == [
        backend.encode(text, add_special_tokens=False).ids for text in ODD
    ]


@pytest.mark.parametrize("name", FAMILIES)
def test_special_tokens_lie_around_texts_as_published(folders, name):
    tokenizer, backend = load_tokenizer(folders[name]), read_alone(folders[name])
    layout = layout_of(tokenizer, pair=True)
    parts = (layout.prefix, layout.middle, layout.suffix)
    named = tuple(" ".join(tokenizer.convert_ids_to_tokens(list(part))) for part in parts)
    assert named == LAYOUTS[name]
    first, second = subwords(tokenizer, TEXTS[:2])
    expected = backend.encode(TEXTS[0], TEXTS[1])
    assert layout.join(first, second).tolist() == expected.ids
    single = layout_of(tokenizer, pair=False)
    assert single.join(first).tolist() == backend.encode(TEXTS[0]).ids
    has_types = PUBLISHED[name][0] in {"bert", "deberta-v2"}
    assert (layout.types is not None) == has_types
    if has_types:
        assert layout.type_ids(len(first), len(second)).tolist() == expected.type_ids


@pytest.mark.parametrize("name", FAMILIES)
def test_offsets_are_those_of_what_a_subword_spells(folders, name):
    """A piece spells the characters that it covers; no visible character is without a piece."""
    tokenizer = load_tokenizer(folders[name])
    for text in TEXTS:
        encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        covered = set()
        for number, (start, end) in zip(
            encoded["input_ids"], encoded["offset_mapping"], strict=True
        ):
            covered |= set(range(start, end))
            spelled = tokenizer.decode([number]).removeprefix("##").strip(" ▁")
            if number in tokenizer.all_special_ids or "\ufffd" in spelled:
                continue  # unknown, or a part of the bytes of a character
            expected = text[start:end].strip()
            if name == "minilm":
                expected = without_marks(expected.lower())
                assert spelled in expected
            elif spelled:
                # A compatibility character may become several pieces, each a part of it.
                assert normalize("NFKC", spelled) in normalize("NFKC", expected), (text, number)
        missing = {at for at, c in enumerate(text) if not c.isspace()} - covered
        # Marks that MiniLM's normaliser takes away have no piece of their own.
        assert not without_marks("".join(text[at] for at in missing)), text
        assert not missing or name == "minilm"


def without_marks(text: str) -> str:
    return "".join(c for c in normalize("NFD", text) if category(c) != "Mn")


def test_inputs_are_neither_cut_nor_padded_as_the_file_asks(folders):
    stored = json.loads((folders["minilm"] / "tokenizer.json").read_text())
    assert stored["truncation"]["max_length"] == 16
    tokenizer = load_tokenizer(folders["minilm"])
    long = " ".join(TEXTS)
    assert len(tokenizer(long)["input_ids"]) > 100
    assert len(tokenizer("fox")["input_ids"]) < 16
    assert tokenizer.backend_tokenizer.encode("fox").ids == tokenizer("fox")["input_ids"]


@pytest.mark.parametrize("name", ["llama2", "llama3", "qwen", "gpt2"])
def test_padding_that_is_a_token_of_the_text_hides_none(folders, name):
    """Where padding equals EOS, the mask is of lengths, and a text may hold that token."""
    tokenizer = load_tokenizer(folders[name])
    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    task = TASKS["udpos"]
    words = [["fox", tokenizer.eos_token, "", "dog"], ["fox"]]
    rows = [
        {"id": str(i), "tokens": each, "tags": [task.labels[0]] * len(each)}
        for i, each in enumerate(words)
    ]
    data = pa.Table.from_pylist(rows, schema=DATA["tagging"])
    kind = kind_of(task)
    features = Features(kind.featurise(data, tokenizer, Tokenisation(max_length=32)))
    inputs = kind.inputs(features, np.arange(2), tokenizer.pad_token_id)
    assert inputs["attention_mask"].sum(1).tolist() == features.lengths.tolist()
    held = (inputs["input_ids"] == tokenizer.eos_token_id) & (inputs["attention_mask"] == 1)
    assert held[0].sum() >= 1
    assert kind.decisions(features, np.arange(2)) == 5


def model(kind: str = "unigram", **options: object) -> bytes:
    """A SentencePiece model with special pieces of one's own."""
    learned = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS), model_writer=learned, model_type=kind, vocab_size=400,
        hard_vocab_limit=False, character_coverage=1.0, normalization_rule_name="nmt_nfkc",
        minloglevel=2, **options,
    )  # fmt: skip
    return learned.getvalue()


BERTS = {
    "pad_id": 0, "pad_piece": "[PAD]", "bos_id": 1, "bos_piece": "[CLS]", "eos_id": 2,
    "eos_piece": "[SEP]", "unk_id": 3, "unk_piece": "[UNK]", "user_defined_symbols": ["[MASK]"],
}  # fmt: skip
# By model type: the file's name, the model, and by how much ids are shifted.
MODELS = {
    "xlm-roberta": ("sentencepiece.bpe.model", lambda: sentencepiece_model(TEXTS), 1),
    "camembert": ("sentencepiece.bpe.model", lambda: sentencepiece_model(TEXTS), 4),
    "mt5": ("spiece.model", lambda: model(pad_id=0, eos_id=1, unk_id=2, bos_id=-1), 0),
    "deberta-v2": ("spm.model", lambda: model(**BERTS), 0),
}


@pytest.mark.parametrize("architecture", MODELS)
def test_a_sentencepiece_model_alone_gives_its_ids_and_offsets(tmp_path, architecture):
    file, make, shift = MODELS[architecture]
    content = make()
    (tmp_path / file).write_bytes(content)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": architecture}))
    processor = sentencepiece.SentencePieceProcessor(model_proto=content)
    tokenizer = load_tokenizer(tmp_path)
    texts = [text for text in ODD if "<" not in text]
    for text in texts:
        expected = [
            tokenizer.unk_token_id if processor.is_unknown(each) else each + shift
            for each in processor.encode(text)
        ]
        found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        assert found["input_ids"] == expected, text
        for number, (start, end) in zip(found["input_ids"], found["offset_mapping"], strict=True):
            piece = tokenizer.convert_ids_to_tokens(number).strip("▁")
            if number != tokenizer.unk_token_id:
                assert piece in processor.normalize(text[start:end])
    # What was made of it is saved as a file that decides.
    tokenizer.save_pretrained(tmp_path / "again")
    again = Tokenizer.from_file(str(tmp_path / "again/tokenizer.json"))
    for text in texts:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert again.encode(text, add_special_tokens=False).ids == ids


def test_a_sentencepiece_model_that_transformers_reads_otherwise_is_refused(tmp_path):
    (tmp_path / "sentencepiece.model").write_bytes(model(**BERTS))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "rembert"}))
    with pytest.raises(XstiltsError, match=r"sentencepiece\.model: .* and not, as SentencePiece"):
        load_tokenizer(tmp_path)


def test_a_tokenizer_without_padding_is_refused(folders, tmp_path):
    published(tmp_path, "gpt2", pad_token=None)
    with pytest.raises(XstiltsError, match=r"no padding token.*pad_token"):
        load_tokenizer(tmp_path)


def encoder(folder: Path, tokenizer, embeddings: int) -> Path:
    tokenizer.save_pretrained(folder)
    config = XLMRobertaConfig(
        vocab_size=embeddings, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8, max_position_embeddings=130, type_vocab_size=1, pad_token_id=1,
        bos_token_id=0, eos_token_id=2,
    )  # fmt: skip
    XLMRobertaModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta", "mt5", "qwen3"])
def test_a_folder_without_a_vocabulary_is_refused(tmp_path, kind):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    with pytest.raises(XstiltsError, match=r"the tokenizer has no vocabulary .*tokenizer\.json"):
        load_tokenizer(tmp_path)


def test_a_file_that_is_no_tokenizer_is_refused(folders, tmp_path):
    shutil.copytree(folders["mbert"], tmp_path, dirs_exist_ok=True)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(XstiltsError, match="cannot load the tokenizer: a file of it has no"):
        load_tokenizer(tmp_path)


def test_entries_without_an_embedding_are_refused_when_the_encoder_is_fetched(tmp_path):
    tokenizer = FAMILIES["xlm-roberta"](TEXTS)
    known = len(tokenizer)
    tokenizer.add_tokens(["brown fox"])
    folder = encoder(tmp_path / "encoder", tokenizer, known)
    with pytest.raises(XstiltsError, match=rf"'brown fox' with number {known}, .*{known} embedd"):
        fetch_encoder(EncoderSource(folder=str(folder)), tmp_path / "out")
    # One more embedding, or many more, are enough.
    for count in (known + 1, known + 50):
        fetch_encoder(
            EncoderSource(folder=str(encoder(folder, tokenizer, count))), tmp_path / f"{count}"
        )
        assert len(load_tokenizer(tmp_path / f"{count}")) == known + 1


def test_a_special_token_without_embedding_is_taken_out_unless_it_stands_around_texts(tmp_path):
    tokenizer = FAMILIES["gemma"](TEXTS)
    known = len(tokenizer)
    tokenizer.add_tokens([AddedToken("<image>", special=True)])
    assert tokenizer("an <image>")["input_ids"][-1] == known
    fitted = fit(tokenizer, known)
    assert len(fitted) == known
    assert max(fitted("an <image>")["input_ids"]) < known
    assert fitted("the fox")["input_ids"] == tokenizer("the fox")["input_ids"]
    assert fitted.special_tokens_map == tokenizer.special_tokens_map
    # As such it is needed.
    tokenizer.add_special_tokens({"sep_token": "<image>"})
    with pytest.raises(XstiltsError, match=f"'<image>' with number {known}"):
        fit(tokenizer, known)
    assert fit(fitted, known + 100) is fitted
