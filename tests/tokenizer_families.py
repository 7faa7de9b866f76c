"""A tokenizer of every family, each with a normaliser that its best-known members have.

What is removed or composed before a text is cut differs, and with it which characters no token
covers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from unicodedata import category

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import BertTokenizer, PreTrainedTokenizerFast


def _fast(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    names = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    tokenizer.add_special_tokens(list(names.values()))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


def _pieces(texts: Iterable[str], normalizer: normalizers.Normalizer | None) -> list[str]:
    """Every character and the frequent pairs of letters and marks, in one order."""
    found: Counter[str] = Counter()
    for text in texts:
        text = normalizer.normalize_str(text) if normalizer else text
        for word in text.split():
            found.update(word)
            found.update(map("".join, pairwise(word)))
    single = sorted(piece for piece in found if len(piece) == 1)
    pairs = [p for p in found if len(p) == 2 and all(category(c)[0] in "LM" for c in p)]
    pairs.sort(key=lambda pair: (-found[pair], pair))
    return single + pairs[:2000]


def _wordpiece(texts: Sequence[str], *, uncased: bool) -> PreTrainedTokenizerFast:
    normalizer = BertTokenizer(do_lower_case=uncased).backend_tokenizer.normalizer
    pieces = _pieces(texts, normalizer)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary += [f"{mark}{piece}" for piece in pieces for mark in ("", "##")]
    return BertTokenizer(
        vocab={piece: i for i, piece in enumerate(vocabulary)}, do_lower_case=uncased
    )


def _unigram(
    texts: Sequence[str], normalizer: normalizers.Normalizer | None
) -> PreTrainedTokenizerFast:
    pieces = ["[UNK]", "▁", *(p for p in _pieces(texts, normalizer) if p != "▁")]
    tokenizer = Tokenizer(models.Unigram([(piece, -3.0) for piece in pieces], unk_id=0))
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return _fast(tokenizer)


def _bytes(
    texts: Sequence[str], normalizer: normalizers.Normalizer | None
) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(sorted(texts)[:50], trainer)
    return _fast(tokenizer)


def _byte_fallback(texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """As Gemma has it: spaces are a character, and what is unknown falls apart into bytes."""
    pieces = [f"<0x{byte:02X}>" for byte in range(256)]
    pieces += ["▁", *(p for p in _pieces(texts[:1], None) if len(p) == 1 and p != "▁")]
    model = models.BPE({piece: i for i, piece in enumerate(pieces)}, [], byte_fallback=True)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    return _fast(tokenizer)


_ALBERT = [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()]

FAMILIES: dict[str, Callable[[Sequence[str]], PreTrainedTokenizerFast]] = {
    "wordpiece": lambda texts: _wordpiece(texts, uncased=False),
    "wordpiece_uncased": lambda texts: _wordpiece(texts, uncased=True),
    "unigram": lambda texts: _unigram(texts, None),
    "unigram_nfkc": lambda texts: _unigram(texts, normalizers.NFKC()),
    "unigram_uncased": lambda texts: _unigram(texts, normalizers.Sequence(_ALBERT)),
    "bytes": lambda texts: _bytes(texts, None),
    "bytes_nfc": lambda texts: _bytes(texts, normalizers.NFC()),
    "byte_fallback": _byte_fallback,
}
