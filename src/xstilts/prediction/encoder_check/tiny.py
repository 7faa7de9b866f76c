"""The catalogue in miniature: its architectures with random weights and small vocabularies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from xstilts.config.encoders import EncoderSource
from xstilts.config.encoders.catalogue import CatalogueEntry, catalogue
from xstilts.execution.files import write_json
from xstilts.features.tiny_tokenizers import FAMILIES, sentencepiece_model
from xstilts.features.tokenizer import load_tokenizer
from xstilts.prediction.encoder_check.check import EncoderReport, check_encoder
from xstilts.prediction.encoder_check.sentences import SENTENCES
from xstilts.training.tiny_encoders import ARCHITECTURES, MASKED

# In place of a family: the SentencePiece model alone, as XLM-R's class reads it.
SENTENCEPIECE = "sentencepiece"
# What has the architecture (of `ARCHITECTURES`) and the family of tokenizer (of `FAMILIES`) of each
# encoder of the catalogue.
TINY = {
    **dict.fromkeys(("xlmr-base", "xlmr-large"), ("xlm-roberta", "xlm-roberta")),
    "xlmr-xl": ("xlm-roberta-xl", "xlm-roberta"),
    "mbert": ("bert", "mbert"),
    "multilingual-minilm": ("bert", "xlm-roberta"),
    "mdeberta-v3-base": ("deberta-v2", "mdeberta"),
    **dict.fromkeys(("mmbert-small", "mmbert-base"), ("modernbert", "mmbert")),
    **dict.fromkeys(("eurobert-210m", "eurobert-610m", "eurobert-2.1b"), ("eurobert", "llama3")),
    "xlm-v-base": ("xlm-roberta", "xlm-roberta"),
    "glot500-base": ("xlm-roberta", SENTENCEPIECE),
    "rembert": ("rembert", "mdeberta"),
    "labse": ("bert", "mbert"),
    "multilingual-e5-small": ("bert", "xlm-roberta"),
    "multilingual-e5-base": ("xlm-roberta", "xlm-roberta"),
    "multilingual-e5-large": ("xlm-roberta", "xlm-roberta"),
    "multilingual-e5-large-instruct": ("xlm-roberta", "xlm-roberta"),
    **dict.fromkeys(("bge-m3", "arctic-embed-l-v2"), ("xlm-roberta", "xlm-roberta")),
    "gte-multilingual-base": ("gte", "xlm-roberta"),
    "granite-embedding-107m": ("xlm-roberta", "xlm-roberta"),
    "granite-embedding-278m": ("xlm-roberta", "xlm-roberta"),
    "granite-embedding-97m-r2": ("modernbert", "modernbert"),
    "granite-embedding-311m-r2": ("modernbert", "mmbert"),
    "embeddinggemma-300m": ("gemma3_text", "gemma"),
    "mt5-base": ("mt5", "mt5"),
    "qwen3-embedding-0.6b": ("qwen3", "qwen"),
    "xmod-base": ("xmod", "xlm-roberta"),
}
# The tiny X-MOD has other adapters than the published one, which has one for each language here.
_ADAPTERS = {"xmod": {sentence.language: "de_DE" for sentence in SENTENCES}}


def write_tiny(folder: Path, architecture: str, family: str) -> Path:
    """Write an encoder of `ARCHITECTURES` with a tokenizer of `FAMILIES`, learned from SENTENCES.

    With its head for masked language modelling, where the architecture has one. With
    `SENTENCEPIECE` for a family there is no `tokenizer.json`.
    """
    folder.mkdir(parents=True)
    texts = [sentence.text for sentence in SENTENCES]
    texts += [" ".join(sentence.words) for sentence in SENTENCES if not sentence.has_spaces]
    if family == SENTENCEPIECE:
        (folder / "sentencepiece.bpe.model").write_bytes(sentencepiece_model(texts))
        write_json(folder / "config.json", {"model_type": architecture})
        tokenizer = load_tokenizer(folder)
    else:
        tokenizer = FAMILIES[family](texts)
        tokenizer.save_pretrained(folder)
    model = MASKED.get(architecture, ARCHITECTURES[architecture])(tokenizer)
    model.save_pretrained(folder)
    return folder


def check_catalogue(memory: Callable[[Path], Mapping[str, Any]]) -> Iterator[EncoderReport]:
    """Check one tiny encoder for all entries that have architecture, tokenizer and use in common.

    Args:
        memory: as of `check_encoder`.
    """
    alike: dict[str, list[str]] = {}
    for name, entry in catalogue().encoders.items():
        alike.setdefault(repr((TINY[name], _use_of(name, entry))), []).append(name)
    for names in alike.values():
        first = names[0]
        settings = _use_of(first, catalogue().encoders[first])
        with TemporaryDirectory(prefix="xstilts-") as place:
            folder = write_tiny(Path(place, "tiny"), *TINY[first])
            source = EncoderSource.model_validate({"folder": str(folder), **settings})
            yield check_encoder(", ".join(names), source, memory)


def _use_of(name: str, entry: CatalogueEntry) -> dict[str, Any]:
    """How the catalogue uses an encoder, with a layer that the tiny one has."""
    architecture, _ = TINY[name]
    settings = {key: each for key, each in entry.settings.items() if key not in ("hub", "revision")}
    retrieval = {**entry.retrieval}
    if retrieval.get("layer", -1) > 0:
        retrieval["layer"] = 1
    return {**settings, "retrieval": retrieval, "adapters": _ADAPTERS.get(architecture, {})}
