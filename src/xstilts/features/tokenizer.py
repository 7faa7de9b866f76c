"""Tokenizers of encoders, with character offsets, and how long an input may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from xstilts.errors import XstiltsError
from xstilts.features.encoder_config import text_config

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()

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


def load_tokenizer(
    name: str | Path, revision: str | None = None, *, words: bool = False
) -> PreTrainedTokenizerBase:
    """Load a tokenizer that can give character offsets.

    Args:
        words: the input is split into words (byte-level BPE then needs a space before each).

    Raises:
        XstiltsError: there is no tokenizer, or only one without offsets.
    """
    options = {"revision": revision, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, **options)
        if words and hasattr(tokenizer, "add_prefix_space"):
            tokenizer = AutoTokenizer.from_pretrained(name, add_prefix_space=True, **options)
    except (OSError, ValueError) as error:
        raise XstiltsError(f"cannot load the tokenizer: {error}", where=name) from None
    if not tokenizer.is_fast:
        raise XstiltsError(
            "the tokenizer cannot give character offsets",
            where=name,
            hint="provide tokenizer.json (a fast tokenizer)",
        )
    if tokenizer.pad_token_id is None:
        raise XstiltsError("the tokenizer has no padding token", where=name)
    if words:
        _space_before_words(tokenizer)
    return tokenizer


def _space_before_words(tokenizer: PreTrainedTokenizerBase) -> None:
    # Where tokenizer.json is loaded as it is (ModernBERT), add_prefix_space changes nothing.
    splitter = tokenizer.backend_tokenizer.pre_tokenizer
    if isinstance(splitter, pre_tokenizers.ByteLevel):
        splitter.add_prefix_space = True


def max_positions(config: Any) -> int | None:
    """The longest input in tokens that the position embeddings allow, None if unbounded."""
    length = getattr(text_config(config), "max_position_embeddings", None)
    if length is None or length <= 0:
        return None
    shifted = "roberta" in config.model_type or config.model_type in _LIKE_ROBERTA
    offset = config.pad_token_id + 1 if shifted else 0
    return int(length) - offset
