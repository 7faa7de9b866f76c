"""X-MOD: each input passes the adapter of its own language, in every kind of batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from tiny_encoders import TEXTS, write_tiny_xlmr
from transformers import AutoTokenizer

from xstilts.config.encoders import EncoderSource, RetrievalSettings
from xstilts.config.tasks import TASKS
from xstilts.data.schemas import DATA
from xstilts.errors import XstiltsError
from xstilts.features.batches import Features
from xstilts.features.build import tokenise
from xstilts.features.encoder_config import adapter_ids
from xstilts.features.kinds import kind_of
from xstilts.prediction.embed import embed
from xstilts.training.encoder import fetch_encoder, load_encoder
from xstilts.training.model import build_model, run
from xstilts.training.tiny_encoders import ARCHITECTURES

LANGUAGES = ("en", "de", "zh")
NUMBERS = {"en": 0, "de": 1, "ru": 2, "zh": 3}
ROWS = {
    "xnli": {"text_a": TEXTS[0], "text_b": TEXTS[1], "label": "neutral"},
    "xcopa": {"prompt": TEXTS[0], "choices": [TEXTS[1], "fox"], "label": 0},
    "udpos": {"tokens": TEXTS[0].split(), "tags": ["NOUN"] * len(TEXTS[0].split())},
    "xquad": {
        "question": TEXTS[1],
        "context": " ".join(TEXTS[:4]),
        "answers": [{"text": "fox", "start": 16}],
    },
}


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("xmod")
    tokenizer = AutoTokenizer.from_pretrained(write_tiny_xlmr(root / "tokenizer", TEXTS))
    model = ARCHITECTURES["xmod"](tokenizer)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "adapter" in name:
                # As small as they are drawn, they would hardly differ.
                parameter.mul_(30)
    model.save_pretrained(root / "published")
    tokenizer.save_pretrained(root / "published")
    return root / "published"


@pytest.fixture(scope="module")
def folder(published, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("fetched") / "xmod"
    fetch_encoder(EncoderSource(folder=str(published)), output)
    return output


def data_of(task: str, rows: list[dict]) -> pa.Table:
    schema = DATA[TASKS[task].kind]
    known = {"split": "test", "group": "g", "cluster": "c", "side": "foreign"}
    full = [{**known, "id": str(i), **row} for i, row in enumerate(rows)]
    return pa.Table.from_pylist(full, schema=schema)


def features_of(folder: Path, task: str, rows: list[dict], length: int = 48) -> Features:
    lengths = {"max_length": length, "doc_stride": 8, "max_query_length": 16}
    return Features(tokenise(TASKS[task], data_of(task, rows), folder, lengths)[0])


@pytest.mark.parametrize("task", ROWS)
def test_each_input_passes_the_adapter_of_its_language(folder, task):
    features = features_of(folder, task, [{**ROWS[task], "language": code} for code in LANGUAGES])
    kind = kind_of(TASKS[task])
    key = kind.task.key
    model = build_model(folder, [kind], 0.0, {key: 1}).eval()
    options = {"pad_id": 1, "device": torch.device("cpu")}
    outputs = run(model, kind, features, batch_tokens=4096, **options)
    each = len(features) // len(LANGUAGES)
    for row, found in enumerate(outputs):
        rows = np.asarray([row])
        inputs = kind.inputs(features, rows, 1)
        language = LANGUAGES[features.items[row]]
        del inputs["lang_ids"]
        # By the library's own way of choosing one language.
        model.encoder.set_default_language(model.encoder.config.languages[NUMBERS[language]])
        with torch.no_grad():
            alone = kind.arrange(model(inputs, key), features, rows)[0].numpy()
        assert np.allclose(found, alone[: len(found)], atol=1e-5)
        # The same text in another language gives something else.
        assert not np.allclose(found, outputs[(row + each) % len(outputs)], atol=1e-4)


def test_adapters_work_in_mixed_precision(folder):
    model = load_encoder(folder)
    inputs = AutoTokenizer.from_pretrained(folder)(
        list(TEXTS[:2]), padding=True, return_tensors="pt"
    )
    known = {name: inputs[name] for name in ("input_ids", "attention_mask")}
    known["lang_ids"] = torch.tensor([1, 3])
    expected = model(**known).last_hidden_state
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = model(**known).last_hidden_state
    assert not torch.equal(found, expected)
    real = known["attention_mask"].bool()
    assert torch.allclose(found[real], expected[real], atol=0.1)
    found.square().sum().backward()
    used = model.encoder.layer[0].output.adapter_modules["zh_CN"].dense1.weight
    assert used.grad.abs().max() > 0


def test_masked_text_passes_the_adapter_of_its_language(folder):
    rows = [{"text": text, "language": code} for text, code in zip(TEXTS, LANGUAGES, strict=False)]
    features, kind = features_of(folder, "text", rows), kind_of(TASKS["text"])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    order = np.asarray([2, 0, 1])
    drawn, chosen = kind.draw(features, order, tokenizer, mask_ratio=0.15, seed=1)
    assert kind.inputs(drawn, chosen, 1)["lang_ids"].tolist() == [3, 0, 1]


def test_a_sentence_in_two_languages_has_two_vectors(folder, tmp_path):
    rows = [{"text": TEXTS[0], "language": code} for code in ("en", "de", "en")]
    features = features_of(folder, "tatoeba", rows)
    rows_of = features.ragged("rows")
    assert [rows_of.row(feature).tolist() for feature in range(2)] == [[0, 2], [1]]
    embed(folder, [features], RetrievalSettings(), "cpu", tmp_path / "vectors.npy")
    vectors = np.load(tmp_path / "vectors.npy")
    model = load_encoder(folder)
    inputs = AutoTokenizer.from_pretrained(folder)(TEXTS[0], return_tensors="pt")
    for number, vector in enumerate(vectors):
        with torch.no_grad():
            states = model(**inputs, lang_ids=torch.tensor([number])).last_hidden_state
        assert np.allclose(vector, states[0].mean(0), atol=1e-5)
    assert not np.allclose(*vectors, atol=1e-4)


def test_the_english_side_of_retrieval_passes_the_english_adapter(folder):
    rows = [
        {"text": text, "language": code, "side": side}
        for code in ("de", "zh")
        for side, text in (("foreign", TEXTS[1]), ("en", TEXTS[0]))
    ]
    features = features_of(folder, "tatoeba", rows)
    rows_of = features.ragged("rows")
    # The English sentence is embedded once for both languages.
    assert [rows_of.row(feature).tolist() for feature in range(3)] == [[0], [1, 3], [2]]
    assert features.column("lang_ids").tolist() == [NUMBERS[code] for code in ("de", "en", "zh")]


def test_a_language_without_adapter_is_refused_and_can_be_given_one(published, folder, tmp_path):
    rows = [{**ROWS["xnli"], "language": "sw"}]
    with pytest.raises(
        XstiltsError,
        match=r"no adapter for the language 'sw'.*adapters: \{sw: <one of en_XX, de_DE",
    ):
        features_of(folder, "xnli", rows)
    source = EncoderSource(folder=str(published), adapters={"sw": "de_DE", "de": "ru_RU"})
    fetch_encoder(source, tmp_path / "xmod")
    found = features_of(tmp_path / "xmod", "xnli", [*rows, {**ROWS["xnli"], "language": "de"}])
    assert found.column("lang_ids").tolist() == [1, 2]


def test_the_adapter_of_a_language_is_named_by_its_code_alone_or_with_one_region(folder):
    config = load_encoder(folder).config
    config.languages = ["zh_CN", "zh_TW", "de", "de_DE", "deu_DE"]
    assert adapter_ids(config, ["de", "deu", "de"]).tolist() == [2, 4, 2]
    with pytest.raises(XstiltsError, match=r"several adapters \(zh_CN, zh_TW\) for the language"):
        adapter_ids(config, ["zh"])


def test_an_adapter_that_the_encoder_does_not_have_is_refused(published, tmp_path):
    source = EncoderSource(folder=str(published), adapters={"sw": "sw_KE"})
    with pytest.raises(XstiltsError, match="no adapter sw_KE"):
        fetch_encoder(source, tmp_path / "xmod")


def test_adapters_of_an_encoder_that_has_none_are_refused(tmp_path):
    folder = write_tiny_xlmr(tmp_path / "xlmr", TEXTS)
    source = EncoderSource(folder=str(folder), adapters={"en": "en_XX"})
    with pytest.raises(XstiltsError, match="no adapter en_XX"):
        fetch_encoder(source, tmp_path / "out")
