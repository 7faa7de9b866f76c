"""Tokenizers of encoders, with character offsets, and how long an input may be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast
from transformers.utils import logging as transformers_logging

from xstilts.errors import XstiltsError
from xstilts.features.encoder_config import text_config
from xstilts.features.published_files import place_of, published_file
from xstilts.features.sentencepiece_models import match_sentencepiece

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()

_FILE = "tokenizer.json"
# Model types, beside those named after RoBERTa, that number positions from padding_idx + 1.
_LIKE_ROBERTA = {
    "camembert",
    "data2vec-text",
    "esm",
    "ibert",
    "longformer",
    "luke",
    "markuplm",
    "mpnet",
    "xmod",
}


def load_tokenizer(name: str | Path, revision: str | None = None) -> PreTrainedTokenizerBase:
    """Load a tokenizer that can give character offsets, and that neither cuts nor pads.

    Where there is a `tokenizer.json`, that file decides. Of many classes transformers takes the
    vocabulary alone from it and builds the rest anew, with another normaliser or template where
    the publisher had changed them; so a class has a say in the names of special tokens only.

    Args:
        name: a local folder, or a hub id together with `revision`.

    Raises:
        XstiltsError: there is no tokenizer, or only one without offsets or padding token.
    """
    where = place_of(name, revision)
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            name, revision=revision, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError) as error:
        problem = f"a file of it has no {error}" if isinstance(error, KeyError) else error
        raise XstiltsError(f"cannot load the tokenizer: {problem}", where=where) from None
    # Of a folder without files of a tokenizer transformers makes one of special tokens alone, of
    # some classes with the space as well.
    if len(tokenizer.get_vocab().keys() - set(tokenizer.all_special_tokens)) < 2:
        raise XstiltsError(
            "the tokenizer has no vocabulary",
            where=where,
            hint="tokenizer.json, or the vocabulary that its class reads, must lie beside the"
            " weights",
        )
    if not tokenizer.is_fast:
        raise XstiltsError(
            "the tokenizer cannot give character offsets",
            where=where,
            hint="provide tokenizer.json (a fast tokenizer)",
        )
    if not _is_as_published(tokenizer):
        vocabulary = getattr(tokenizer, "vocab_file", None) or ""
        if file := published_file(name, revision, _FILE):
            tokenizer = _like(tokenizer, Tokenizer.from_file(str(file)))
        elif vocabulary.endswith(".model"):
            match_sentencepiece(tokenizer, vocabulary)
            tokenizer = _like(tokenizer, tokenizer.backend_tokenizer)
    if tokenizer.pad_token_id is None:
        raise XstiltsError(
            "the tokenizer has no padding token",
            where=where,
            hint="name one of its entries as pad_token in tokenizer_config.json",
        )
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    return tokenizer


def _is_as_published(tokenizer: PreTrainedTokenizerBase) -> bool:
    # These two settings replace the template.
    replaced = {"add_bos_token", "add_eos_token"} & tokenizer.init_kwargs.keys()
    return type(tokenizer) is PreTrainedTokenizerFast and not replaced


def fit(tokenizer: PreTrainedTokenizerBase, embeddings: int) -> PreTrainedTokenizerBase:
    """The tokenizer without special tokens that have no embedding and no part in texts.

    Gemma 3's has one for images, of which the models for text alone have no embedding.

    Args:
        embeddings: how many the encoder has.

    Raises:
        XstiltsError: a word, or a special token that stands around texts, has no embedding.
    """
    beyond = {
        entry: number for entry, number in tokenizer.get_vocab().items() if number >= embeddings
    }
    if not beyond:
        return tokenizer
    content = json.loads(tokenizer.backend_tokenizer.to_str())
    special = {token["content"] for token in content["added_tokens"] if token["special"]}
    if lost := sorted(beyond.keys() - (special - set(tokenizer.special_tokens_map.values()))):
        raise XstiltsError(
            f"the tokenizer has an entry {lost[0]!r} with number {beyond[lost[0]]}, the encoder has"
            f" {embeddings} embeddings",
            where=tokenizer.name_or_path,
            hint="add the missing embeddings with resize_token_embeddings and train them, or take"
            " the tokenizer that the encoder was trained with",
        )
    content["added_tokens"] = [
        token for token in content["added_tokens"] if token["content"] not in beyond
    ]
    return _like(tokenizer, Tokenizer.from_str(json.dumps(content)))


def _like(tokenizer: PreTrainedTokenizerBase, backend: Tokenizer) -> PreTrainedTokenizerBase:
    """A tokenizer with this backend and, as far as it has them, another's names of tokens."""
    names = tokenizer.special_tokens_map
    like = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        # A class has default names, which would be added as new entries.
        **{name: token for name, token in names.items() if _has(backend, token)},
        extra_special_tokens=[t for t in tokenizer.extra_special_tokens if _has(backend, t)],
        model_input_names=tokenizer.model_input_names,
        model_max_length=tokenizer.model_max_length,
    )
    # Not before: transformers asks the hub whether a large vocabulary with a name is Mistral's.
    like.name_or_path = tokenizer.name_or_path
    return like


def _has(backend: Tokenizer, token: str) -> bool:
    return backend.token_to_id(token) is not None


def max_positions(config: Any) -> int | None:
    """The longest input in tokens that the position embeddings allow, None if unbounded."""
    length = getattr(text_config(config), "max_position_embeddings", None)
    if length is None or length <= 0:
        return None
    shifted = "roberta" in config.model_type or config.model_type in _LIKE_ROBERTA
    offset = config.pad_token_id + 1 if shifted else 0
    return int(length) - offset
