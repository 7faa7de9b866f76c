"""Tokenizers that transformers makes of a SentencePiece model, held against SentencePiece.

Not every class takes all of the model: DeBERTa-v3's leaves out the characters that the model
normalises, so that a full-width letter becomes unknown.
"""

from __future__ import annotations

from typing import Any

from sentencepiece import SentencePieceProcessor
from tokenizers import normalizers
from transformers.convert_slow_tokenizer import SentencePieceExtractor

from xstilts.errors import XstiltsError

_TEXTS = (
    "The old  harbour, 3.50 (yes)…",
    "Ｆｕｌｌ ｗｉｄｔｈ ½ ㎏ ﬁne",
    "cafe\u0301\tnaïve\nline",
    "Корабль пришёл",
    "سفينة قديمة",
    "यह जहाज सुबह आया",
    "ท่าเรือเก่า",
    "船在黎明到达港口。",
    "この船はﾃﾚﾋﾞ",
    "대한민국 서울",
)


def match_sentencepiece(tokenizer: Any, file: str) -> None:
    """Make the tokenizer cut texts as the SentencePiece model in `file` does.

    Raises:
        XstiltsError: it cuts them otherwise.
    """
    model = SentencePieceProcessor(model_file=file)
    if not _differences(tokenizer, model):
        return
    backend = tokenizer.backend_tokenizer
    characters = SentencePieceExtractor(file).proto.normalizer_spec.precompiled_charsmap
    if characters:
        rest = [] if backend.normalizer is None else [backend.normalizer]
        backend.normalizer = normalizers.Sequence([normalizers.Precompiled(characters), *rest])
    for text, found, pieces in _differences(tokenizer, model):
        raise XstiltsError(
            f"{text!r} becomes {found} and not, as SentencePiece has it, {pieces}",
            where=file,
            hint="provide tokenizer.json (a fast tokenizer)",
        )


def _differences(
    tokenizer: Any, model: SentencePieceProcessor
) -> list[tuple[str, list[str], list[str]]]:
    """Texts that the two cut otherwise, with the pieces of either."""
    different = []
    for text in _TEXTS:
        ids = model.encode(text)
        pieces = [tokenizer.unk_token if model.is_unknown(i) else model.id_to_piece(i) for i in ids]
        found = tokenizer.convert_ids_to_tokens(tokenizer.encode(text, add_special_tokens=False))
        if found != pieces:
            different.append((text, found, pieces))
    return different
