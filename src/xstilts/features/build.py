"""Tokenised features of one part of one task's data, made once per encoder."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from transformers import AutoConfig

from xstilts.config.settings import Tokenisation
from xstilts.config.tasks import SOURCE_LANGUAGE, Task
from xstilts.errors import XstiltsError
from xstilts.features.encoder_config import adapter_ids, adapter_names
from xstilts.features.kinds import kind_of
from xstilts.features.kinds.base import language_column
from xstilts.features.kinds.text import text_features
from xstilts.features.tokenizer import load_tokenizer, max_positions

log = logging.getLogger(__name__)


def tokenise(
    task: Task, data: pa.Table, encoder: Path, lengths: Mapping[str, Any]
) -> tuple[pa.Table, dict[str, Any]]:
    """Features of `data` and how they were made.

    Args:
        lengths: `config.Tokenisation` as plain data; for retrieval only `max_length`, and `prefix`
            where there is one.

    Raises:
        XstiltsError: inputs would be longer than the encoder's positions, or it has an adapter a
            language and none for one of these.
    """
    kind = None if task.facts.embedded else kind_of(task)
    tokenizer = load_tokenizer(encoder)
    config = AutoConfig.from_pretrained(encoder, trust_remote_code=False)
    adapters = adapter_ids(config, _languages(data)) if adapter_names(config) else None
    limit = max_positions(config)
    if limit is not None and lengths["max_length"] > limit:
        raise XstiltsError(
            f"max_length {lengths['max_length']} is more than the encoder's {limit} positions",
            where=f"tokenising {task.key} for {encoder}",
            hint="lower tokenisation.…max_length, or encoders.<name>.retrieval.max_length",
        )
    if kind is None:
        table = text_features(
            data, tokenizer, lengths["max_length"], lengths.get("prefix", ""), adapters
        )
    else:
        table = kind.featurise(data, tokenizer, Tokenisation.model_validate(lengths))
        if adapters is not None:
            table = table.append_column(*language_column(adapters[table["item"]]))
    tokens = len(table["input_ids"].combine_chunks().flatten())
    log.info("%d items, %d features, %d tokens", data.num_rows, table.num_rows, tokens)
    return table, {"task": task.key, "lengths": dict(lengths), "tokens": tokens}


def _languages(data: pa.Table) -> list[str]:
    """The language of each row's texts, where that of retrieval says what English stands beside."""
    languages = data["language"]
    if "side" in data.column_names:
        languages = pc.if_else(pc.equal(data["side"], "en"), SOURCE_LANGUAGE, languages)
    return languages.to_pylist()
