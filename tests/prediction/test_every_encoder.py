"""Every architecture with its family of tokenizer through every kind of task.

References are read with the `tokenizers` library and computed with transformers' own classes,
without this package.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModel, AutoModelForTextEncoding

from xstilts.config.encoders import EncoderSource, RetrievalSettings
from xstilts.config.tasks import Kind
from xstilts.errors import XstiltsError
from xstilts.execution.cost.tally import Tally
from xstilts.features.batches import Features
from xstilts.features.build import tokenise
from xstilts.features.encoder_config import text_config
from xstilts.features.tokenizer import load_tokenizer
from xstilts.prediction.embed import embed
from xstilts.prediction.encoder_check.items import TASK_OF, TRAINED, items_of
from xstilts.prediction.encoder_check.learning import losses_of
from xstilts.prediction.encoder_check.sentences import SENTENCES
from xstilts.prediction.encoder_check.states import States
from xstilts.prediction.encoder_check.tiny import SENTENCEPIECE, write_tiny
from xstilts.prediction.encoder_check.words import LENGTHS, words_by_script
from xstilts.training.encoder import fetch_encoder, load_encoder

# Such small tensors are faster on one thread.
torch.set_num_threads(1)

STEPS, RATE = 10, 1e-2
# X-MOD's adapters are those of other languages than most sentences'.
ADAPTERS = {sentence.language: "en_XX" for sentence in SENTENCES} | {"de": "de_DE", "ru": "ru_RU"}


@dataclass
class Pair:
    """An architecture with a family of tokenizer, and how an experiment uses it."""

    architecture: str
    family: str
    settings: dict[str, Any] = field(default_factory=dict)


SPACE_FAMILIES = {"roberta", "modernbert", "gpt2", "llama3", "qwen", "gemma", "mmbert"}
LAST = {"pooling": "last", "retrieval": {"pooling": "last"}}
BOTH_WAYS = {"bidirectional": True, "pooling": "mean"}
MEAN = {"pooling": "mean"}
ENCODERS = {
    "xlm-r": Pair("xlm-roberta", "xlm-roberta"),
    "glot500": Pair("xlm-roberta", SENTENCEPIECE),
    "xlm-r of bytes": Pair("xlm-roberta", "roberta"),
    "xlm-r xl": Pair("xlm-roberta-xl", "xlm-roberta"),
    "x-mod": Pair("xmod", "xlm-roberta", {"adapters": ADAPTERS}),
    "mbert": Pair("bert", "mbert"),
    "minilm": Pair("bert", "minilm"),
    "multilingual e5": Pair("bert", "xlm-roberta", MEAN | {"retrieval": {"prefix": "query: "}}),
    "distilbert": Pair("distilbert", "mbert"),
    "electra": Pair("electra", "mbert"),
    "mpnet": Pair("mpnet", "xlm-roberta"),
    "mdeberta": Pair("deberta-v2", "mdeberta"),
    "modernbert": Pair("modernbert", "modernbert"),
    "mmbert": Pair("modernbert", "mmbert", MEAN | {"retrieval": {"layer": 1, "final_norm": True}}),
    "eurobert": Pair("eurobert", "llama3", MEAN | {"retrieval": {"layer": 1, "final_norm": True}}),
    "rembert": Pair("rembert", "mdeberta"),
    "gte": Pair("gte", "xlm-roberta", {"retrieval": {"pooling": "first"}}),
    "embeddinggemma": Pair("gemma3_text", "gemma", MEAN),
    "t5gemma": Pair("t5gemma", "gemma", MEAN),
    "mt5": Pair("mt5", "mt5", MEAN),
    "umt5": Pair("umt5", "mt5", MEAN),
    "qwen3": Pair("qwen3", "qwen", LAST),
    "qwen3 both ways": Pair("qwen3", "qwen", BOTH_WAYS),
    "llama 2 both ways": Pair("llama", "llama2", BOTH_WAYS),
    "llama 2 legacy": Pair("llama", "llama2-legacy", LAST),
    "gemma 3 both ways": Pair("gemma3_text-causal", "gemma", BOTH_WAYS),
}
# Kinds that the workflow refuses on some of them, and what it says.
NO_MASK = {Kind.MLM: "the tokenizer has no mask token"}
NOT_THE_LAST = {
    kind: f"a causal model: each token sees only those before it, and {TASK_OF[kind].key} reads"
    " more than the last one"
    for kind in (Kind.TAGGING, Kind.SPAN)
}
REFUSED = {
    **dict.fromkeys(("mt5", "umt5", "qwen3 both ways", "llama 2 both ways"), NO_MASK),
    **dict.fromkeys(("qwen3", "llama 2 legacy"), NO_MASK | NOT_THE_LAST),
}
TAGGED = [name for name in ENCODERS if Kind.TAGGING not in REFUSED.get(name, {})]
# Refused as a whole when they are fetched.
REFUSED_ALTOGETHER = {
    "causal": (Pair("qwen3", "qwen"), "a causal model: each token sees only those before it"),
    "mbart": (Pair("mbart", "xlm-roberta"), "does not offer its encoder alone"),
    "m2m": (Pair("m2m_100", "xlm-roberta"), "does not offer its encoder alone"),
}


# Those whose tokenizer takes a word without a space before it for the end of the word before.
SPACE_FIRST = {name for name, pair in ENCODERS.items() if pair.family in SPACE_FAMILIES}


class Made:
    """An encoder as it is published, and as the workflow fetches it."""

    def __init__(self, place: Path, pair: Pair) -> None:
        self.published = write_tiny(place / "published", pair.architecture, pair.family)
        self.source = EncoderSource(folder=str(self.published), **pair.settings)
        self.fetched = place / "fetched"
        fetch_encoder(self.source, self.fetched)

    def tokenizer(self) -> Tokenizer:
        """The published tokenizer, read without transformers.

        What was made of a SentencePiece model alone is held against SentencePiece in
        `tests/features/test_tokenizer.py`.
        """
        file = self.published / "tokenizer.json"
        found = Tokenizer.from_file(str(file if file.is_file() else self.fetched / file.name))
        found.no_truncation()
        found.no_padding()
        return found

    def features(self, kind: Kind) -> Features:
        """What the workflow makes of the sentences."""
        lengths = LENGTHS.model_dump()
        if kind == Kind.RETRIEVAL:
            lengths["prefix"] = self.source.retrieval.prefix
        return Features(tokenise(TASK_OF[kind], items_of(kind), self.fetched, lengths)[0])

    def states(self, texts: list[str]) -> Iterator[list[torch.Tensor]]:
        """States (tokens, hidden) of every layer of the published model, read by transformers.

        Where `final_norm` is set, with those of inner layers normalised.
        """
        config = AutoConfig.from_pretrained(self.published)
        has_decoder = config.is_encoder_decoder
        if self.source.bidirectional:
            config.is_causal = False
            config.use_bidirectional_attention = True
        config.is_encoder_decoder = False
        factory = AutoModelForTextEncoding if has_decoder else AutoModel
        model = factory.from_pretrained(self.published, config=config).eval()
        if config.model_type == "xmod":
            model.set_default_language("en_XX")
        norm = torch.nn.Identity()
        if self.source.retrieval.final_norm:
            name = {"modernbert": "final_norm", "eurobert": "norm"}[config.model_type]
            norm = model.get_submodule(name)
        tokenizer = self.tokenizer()
        for text in texts:
            ids = torch.tensor([tokenizer.encode(text).ids])
            with torch.inference_mode():
                found = model(ids, attention_mask=torch.ones_like(ids), output_hidden_states=True)
                *inner, last = (each[0] for each in found.hidden_states)
                yield [*map(norm, inner), last]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    return {name: Made(tmp_path_factory.mktemp("encoder"), pair) for name, pair in ENCODERS.items()}


def test_there_are_enough_architectures_and_families() -> None:
    assert len({(pair.architecture, pair.family) for pair in ENCODERS.values()}) >= 14


@pytest.mark.parametrize("kind", TRAINED)
@pytest.mark.parametrize("name", ENCODERS)
def test_heads_learn_or_are_refused(made: dict[str, Made], name: str, kind: Kind) -> None:
    if (said := REFUSED.get(name, {}).get(kind)) is not None:
        with pytest.raises(XstiltsError, match=re.escape(said)):
            losses_of(made[name].fetched, kind)
        return
    losses = losses_of(made[name].fetched, kind, steps=STEPS, rate=RATE)
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.8 * losses[0], losses


@pytest.mark.parametrize("name", TAGGED)
def test_words_have_the_subwords_and_the_places_of_running_text(
    made: dict[str, Made], name: str
) -> None:
    tokenizer, features = made[name].tokenizer(), made[name].features(Kind.TAGGING)
    for row, sentence in enumerate(SENTENCES):
        # Where words need a space before them, the first one has it too.
        shift = int(name in SPACE_FIRST)
        expected = tokenizer.encode(" " * shift + " ".join(sentence.words))
        assert features.ragged("input_ids").row(row).tolist() == expected.ids
        # A space belongs to the word behind it: of some words the first token is a space alone.
        starts = shift + np.cumsum([0, *(len(word) + 1 for word in sentence.words)])[:-1]
        first_tokens = [
            next(
                token
                for token, ((_, end), special) in enumerate(
                    zip(expected.offsets, expected.special_tokens_mask, strict=True)
                )
                if not special and end >= start
            )
            for start in starts
        ]
        words = features.ragged("words").row(row)
        assert [
            int(np.flatnonzero(words == word)[0]) for word in range(len(starts))
        ] == first_tokens


@pytest.mark.parametrize("name", ENCODERS)
def test_answers_begin_and_end_where_they_stand(made: dict[str, Made], name: str) -> None:
    tokenizer, features = made[name].tokenizer(), made[name].features(Kind.SPAN)
    items = items_of(Kind.SPAN).to_pylist()
    for row, item in enumerate(items):
        expected = tokenizer.encode(item["question"], item["context"])
        assert features.ragged("input_ids").row(row).tolist() == expected.ids
        (answer,) = item["answers"]
        begin, end = answer["start"], answer["start"] + len(answer["text"])
        touched = [
            token
            for token, (owner, (first, past)) in enumerate(
                zip(expected.sequence_ids, expected.offsets, strict=True)
            )
            if owner == 1 and first < end and past > begin
        ]
        assert features.column("start")[row] == touched[0]
        assert features.column("end")[row] == touched[-1]


@pytest.mark.parametrize("name", TAGGED)
def test_gold_outputs_decode_to_gold(made: dict[str, Made], name: str) -> None:
    for script in words_by_script(made[name].fetched):
        assert not script.problems, script


@pytest.mark.parametrize("name", ENCODERS)
def test_vectors_pool_what_they_should(made: dict[str, Made], name: str, tmp_path: Path) -> None:
    settings = RetrievalSettings.model_validate(ENCODERS[name].settings.get("retrieval", {}))
    features = made[name].features(Kind.RETRIEVAL)
    # Those of X-MOD that have the adapter that is the reference's.
    rows = (2, 5, 8, 11)
    expected = list(made[name].states([settings.prefix + SENTENCES[row].text for row in rows]))
    for layer in (settings.layer, 0, -2):
        chosen = settings.model_copy(update={"layer": layer})
        embed(made[name].fetched, [features], chosen, "cpu", tmp_path / "vectors.npy")
        vectors = np.load(tmp_path / "vectors.npy")
        for row, states in zip(rows, expected, strict=True):
            of = states[layer]
            pooled = {"first": of[0], "last": of[-1], "mean": of.mean(0)}[settings.pooling]
            np.testing.assert_allclose(vectors[row], pooled.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ENCODERS)
def test_layers_behind_the_one_that_is_read_are_not_computed(
    made: dict[str, Made], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = made[name].features(Kind.RETRIEVAL)
    settings = RetrievalSettings.model_validate(ENCODERS[name].settings.get("retrieval", {}))
    settings = settings.model_copy(update={"layer": 1})
    computed = Tally()
    embed(made[name].fetched, [features], settings, "cpu", tmp_path / "stopped.npy", computed)
    with monkeypatch.context() as patch:
        patch.setattr("xstilts.prediction.embed.layers_of", lambda *_: [])
        embed(made[name].fetched, [features], settings, "cpu", tmp_path / "whole.npy")
    stopped, whole = (np.load(tmp_path / f"{each}.npy") for each in ("stopped", "whole"))
    assert np.array_equal(stopped, whole)
    tokens = int(features.lengths.sum())
    layers = text_config(AutoConfig.from_pretrained(made[name].fetched)).num_hidden_layers
    # All layers of ALBERT are one module.
    shared = AutoConfig.from_pretrained(made[name].fetched).model_type == "albert"
    assert computed.sums["tokens"] == (tokens if shared else round(tokens / layers))


@pytest.mark.parametrize("name", ENCODERS)
def test_bfloat16_changes_states_little(made: dict[str, Made], name: str) -> None:
    encoder = made[name].fetched
    assert States(load_encoder(encoder), load_tokenizer(encoder)).change_by_bfloat16() < 0.1


@pytest.mark.parametrize(("pair", "said"), REFUSED_ALTOGETHER.values(), ids=REFUSED_ALTOGETHER)
def test_what_cannot_work_is_refused_when_it_is_fetched(
    tmp_path: Path, pair: Pair, said: str
) -> None:
    with pytest.raises(XstiltsError, match=re.escape(said)):
        Made(tmp_path, pair)


def test_languages_without_an_adapter_are_refused_as_their_data_are_tokenised(
    tmp_path: Path,
) -> None:
    encoder = Made(tmp_path, Pair("xmod", "xlm-roberta"))
    with pytest.raises(XstiltsError, match="no adapter for the language 'el'"):
        encoder.features(Kind.TAGGING)


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("qwen3", {"pooling": "mean"}, "its sentence vectors are trained at the last one"),
        ("xlm-r", {"layer": 1, "final_norm": True}, "there is no norm behind the last layer"),
        ("xlm-r", {"layer": 3}, "layer 3 is not among the 2 layers"),
    ],
)
def test_vectors_that_would_mean_nothing_are_refused(
    made: dict[str, Made], name: str, settings: dict[str, Any], said: str, tmp_path: Path
) -> None:
    features = made[name].features(Kind.RETRIEVAL)
    with pytest.raises(XstiltsError, match=said):
        embed(
            made[name].fetched, [features], RetrievalSettings(**settings), "cpu", tmp_path / "v.npy"
        )
