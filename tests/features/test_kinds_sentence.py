"""Single sentences are what the tokenizer makes of one text, and learn as pairs do."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from tiny_encoders import TEXTS, WRITERS, write_all

from xstilts.config.settings import Tokenisation
from xstilts.config.tasks import TASKS
from xstilts.data.schemas import DATA
from xstilts.features.batches import Features
from xstilts.features.kinds import kind_of
from xstilts.features.tokenizer import load_tokenizer

SIB200 = TASKS["sib200"]


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory) -> dict:
    folders = write_all(tmp_path_factory.mktemp("encoders"))
    return {name: load_tokenizer(folder) for name, folder in folders.items()}


def sentences(*texts: str) -> pa.Table:
    rows = [
        {"id": str(n), "text": text, "label": SIB200.labels[n % 7]} for n, text in enumerate(texts)
    ]
    return pa.Table.from_pylist(rows, schema=DATA[SIB200.kind])


@pytest.mark.parametrize("name", WRITERS)
def test_inputs_are_those_of_one_text_and_not_of_a_pair(tokenizers, name):
    tokenizer = tokenizers[name]
    texts = [" ".join(TEXTS), TEXTS[0], ""]
    found = kind_of(SIB200).featurise(sentences(*texts), tokenizer, Tokenisation(max_length=12))
    expected = tokenizer(texts, truncation=True, max_length=12)
    assert found["input_ids"].to_pylist() == expected["input_ids"]
    assert ("token_type_ids" in found.column_names) == ("token_type_ids" in expected)
    if "token_type_ids" in expected:
        assert found["token_type_ids"].to_pylist() == expected["token_type_ids"]
    assert found["label"].to_pylist() == [0, 1, 2]


def test_the_label_with_the_highest_score_is_decoded(tokenizers):
    kind = kind_of(SIB200)
    data = sentences(*TEXTS[:2])
    table = kind.featurise(data, tokenizers["bert"], Tokenisation(max_length=12))
    scores = [np.eye(7)[3], np.eye(7)[6]]
    decoded = kind.decode(scores, Features(table), data, max_answer_length=1)
    assert decoded == [SIB200.labels[3], SIB200.labels[6]]
