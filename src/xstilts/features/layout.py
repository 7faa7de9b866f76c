"""Where an encoder's special tokens go, learned from its own tokenizer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xstilts.errors import XstiltsError

# Texts tokenised at a time: a tokenizer's own output takes kilobytes a sentence.
CHUNK = 2048
_NOTHING = np.empty(0, dtype=np.int32)


@dataclass(frozen=True)
class Layout:
    """Special tokens around one text or a pair, e.g. `<s> a </s></s> b </s>`.

    `types` are the token type ids of (prefix, first text, middle, second text, suffix), None
    for an encoder that has none.
    """

    prefix: tuple[int, ...]
    middle: tuple[int, ...]
    suffix: tuple[int, ...]
    types: tuple[int, ...] | None

    @property
    def specials(self) -> int:
        """Number of special tokens in one input."""
        return len(self.prefix) + len(self.middle) + len(self.suffix)

    def join(self, first: np.ndarray, second: np.ndarray = _NOTHING) -> np.ndarray:
        """Input ids (int32) of one text or a pair."""
        parts = (self.prefix, first, self.middle, second, self.suffix)
        return np.concatenate([np.asarray(part, dtype=np.int32) for part in parts])

    def type_ids(self, first: int, second: int = 0) -> np.ndarray | None:
        """Token type ids (int8) for texts of these lengths."""
        if self.types is None:
            return None
        lengths = (len(self.prefix), first, len(self.middle), second, len(self.suffix))
        return np.repeat(np.asarray(self.types, dtype=np.int8), lengths)


def layout_of(tokenizer: Any, *, pair: bool) -> Layout:
    """Read the layout off an encoded probe, which works for every fast tokenizer.

    Raises:
        XstiltsError: the tokenizer puts special tokens where this reading does not expect them.
    """
    probe = tokenizer("a", "b") if pair else tokenizer("a")
    ids, owners = probe["input_ids"], probe.sequence_ids(0)
    types = probe.get("token_type_ids")
    texts = [i for i, owner in enumerate(owners) if owner is not None]
    if not texts or (pair and {0, 1} - set(owners)):
        raise XstiltsError(
            "the tokenizer does not mark which tokens belong to which text",
            where=tokenizer.name_or_path,
        )
    last_first = max(i for i, owner in enumerate(owners) if owner == 0)
    first_second = min((i for i, owner in enumerate(owners) if owner == 1), default=len(ids))
    end = texts[-1] + 1
    middle = tuple(ids[last_first + 1 : first_second]) if pair else ()
    kinds = None
    if types is not None:
        at = (0, texts[0], last_first + 1 if pair else texts[0], texts[-1], len(ids) - 1)
        kinds = tuple(int(types[i]) for i in at)
    return Layout(tuple(ids[: texts[0]]), middle, tuple(ids[end:]), kinds)


def subwords(tokenizer: Any, texts: Sequence[str]) -> Iterator[np.ndarray]:
    """Subword ids (int32) of each text, without special tokens and without truncation."""
    for start in range(0, len(texts), CHUNK):
        encoded = tokenizer(
            texts[start : start + CHUNK],
            add_special_tokens=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )
        for ids in encoded["input_ids"]:
            yield np.asarray(ids, dtype=np.int32)
