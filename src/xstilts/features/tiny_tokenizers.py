"""Tiny tokenizers of every family that encoders have, each learned in a moment from a few texts.

Normaliser, splitting, special tokens and their template are those of the family's published
members; vocabularies are small. What is learned depends on the texts alone.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import sentencepiece
from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    BertTokenizer,
    DebertaV2Tokenizer,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

VOCABULARY = 1000

_SPACE = "▁"
_BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
# Llama 3 takes up to three digits at a time, Qwen one.
_LLAMA3 = rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}{_REST}"
_QWEN = rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{_REST}"

_ROBERTA_NAMES = {
    "bos_token": "<s>",
    "cls_token": "<s>",
    "eos_token": "</s>",
    "sep_token": "</s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "mask_token": "<mask>",
}

Template = tuple[str, str]
Merges = list[tuple[str, str]]


def xlm_roberta(texts: Sequence[str], size: int = VOCABULARY) -> PreTrainedTokenizerBase:
    """XLM-R's: unigram, a space before every word, `</s> </s>` between two texts."""
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer = _unigram(texts, special, size - 1)
    tokenizer.add_special_tokens(["<mask>"])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    return _fast(
        tokenizer,
        ("<s> $A </s>", "<s> $A </s> </s> $B </s>"),
        **_ROBERTA_NAMES,
    )


def mt5(texts: Sequence[str], size: int = VOCABULARY) -> PreTrainedTokenizerBase:
    """mT5's: unigram, nothing before a text and `</s>` behind it, no mask."""
    tokenizer = _unigram(texts, ["<pad>", "</s>", "<unk>"], size)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return _fast(
        tokenizer,
        ("$A </s>", "$A </s> $B </s>"),
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
    )


def mdeberta(texts: Sequence[str], size: int = VOCABULARY) -> PreTrainedTokenizerBase:
    """mDeBERTa-v3's: unigram, subwords whose offsets include the space before them."""
    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    vocab = [*((name, 0.0) for name in special), *_pieces(texts, size - 5), ("[MASK]", 0.0)]
    tokenizer = DebertaV2Tokenizer(vocab=vocab, unk_id=3)
    # Its class has NFC, the published SentencePiece model NFKC.
    tokenizer.backend_tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), tokenizer.backend_tokenizer.normalizer]
    )
    return tokenizer


def mbert(texts: Sequence[str], size: int = VOCABULARY) -> PreTrainedTokenizerBase:
    """Multilingual BERT's: cased WordPiece."""
    return _wordpiece(texts, size, lowercase=False)


def minilm(texts: Sequence[str], size: int = VOCABULARY) -> PreTrainedTokenizerBase:
    """MiniLM's: WordPiece without case and accents; its file asks to cut and to pad inputs."""
    tokenizer = _wordpiece(texts, size, lowercase=True)
    tokenizer.backend_tokenizer.enable_truncation(max_length=16)
    tokenizer.backend_tokenizer.enable_padding(length=16, pad_id=tokenizer.pad_token_id)
    return tokenizer


def gemma(texts: Sequence[str], size: int = VOCABULARY) -> PreTrainedTokenizerBase:
    """Gemma's: BPE over texts whose spaces are a letter, `<bos>` before a text, nothing behind."""
    return _gemma(texts, size, ("<bos> $A", "<bos> $A <bos> $B"))


def mmbert(texts: Sequence[str], size: int = VOCABULARY) -> PreTrainedTokenizerBase:
    """mmBERT's: Gemma's with `<eos>` behind each text."""
    return _gemma(texts, size, ("<bos> $A <eos>", "<bos> $A <eos> $B <eos>"))


def llama2(texts: Sequence[str], size: int = VOCABULARY) -> PreTrainedTokenizerBase:
    """Llama 2's: BPE with a space written before the first word of a text, `<s>` before it."""
    tokenizer = _byte_fallback(texts, ["<unk>", "<s>", "</s>"], size)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    return _llama2(tokenizer)


def llama2_legacy(texts: Sequence[str], size: int = VOCABULARY) -> PreTrainedTokenizerBase:
    """Llama 2's as first published: the normaliser writes that space."""
    tokenizer = _byte_fallback(texts, ["<unk>", "<s>", "</s>"], size)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend(_SPACE), normalizers.Replace(" ", _SPACE)]
    )
    return _llama2(tokenizer)


def llama3(texts: Sequence[str], size: int = VOCABULARY) -> PreTrainedTokenizerBase:
    """Llama 3's and EuroBERT's: bytes, split by a pattern; no unknown token, padding is EOS."""
    begin, end, mask = special = ["<|begin_of_text|>", "<|end_of_text|>", "<|mask|>"]
    tokenizer = _byte_level(texts, special, size, pattern=_LLAMA3)
    return _fast(
        tokenizer,
        (f"{begin} $A", f"{begin} $A {begin} $B"),
        bos_token=begin,
        eos_token=end,
        pad_token=end,
        mask_token=mask,
    )


def qwen(texts: Sequence[str], size: int = VOCABULARY) -> PreTrainedTokenizerBase:
    """Qwen3-Embedding's: composed bytes, nothing before a text and the padding token behind it."""
    end = "<|endoftext|>"
    tokenizer = _byte_level(texts, [end], size, pattern=_QWEN)
    tokenizer.normalizer = normalizers.NFC()
    return _fast(
        tokenizer, (f"$A {end}", f"$A $B {end}"), eos_token=end, pad_token=end, padding_side="left"
    )


def gpt2(texts: Sequence[str], size: int = VOCABULARY) -> PreTrainedTokenizerBase:
    """GPT-2's: bytes, no special token around a text."""
    end = "<|endoftext|>"
    tokenizer = _byte_level(texts, [end], size)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return _fast(tokenizer, None, bos_token=end, eos_token=end, unk_token=end, pad_token=end)


def roberta(texts: Sequence[str], size: int = VOCABULARY) -> PreTrainedTokenizerBase:
    """RoBERTa's: GPT-2's bytes with XLM-R's special tokens, offsets without the space before."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = _byte_level(texts, special, size)
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False
    )
    return _fast(tokenizer, None, **_ROBERTA_NAMES)


def modernbert(texts: Sequence[str], size: int = VOCABULARY) -> PreTrainedTokenizerBase:
    """ModernBERT's: GPT-2's bytes, composed, with BERT's special tokens."""
    names = {
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "mask_token": "[MASK]",
    }
    tokenizer = _byte_level(texts, list(names.values()), size)
    tokenizer.normalizer = normalizers.NFC()
    return _fast(tokenizer, ("[CLS] $A [SEP]", "[CLS] $A [SEP] $B [SEP]"), **names)


# By an encoder that has such a tokenizer.
FAMILIES: dict[str, Callable[[Sequence[str]], PreTrainedTokenizerBase]] = {
    "xlm-roberta": xlm_roberta,
    "mt5": mt5,
    "mdeberta": mdeberta,
    "mbert": mbert,
    "minilm": minilm,
    "gemma": gemma,
    "mmbert": mmbert,
    "llama2": llama2,
    "llama2-legacy": llama2_legacy,
    "llama3": llama3,
    "qwen": qwen,
    "gpt2": gpt2,
    "roberta": roberta,
    "modernbert": modernbert,
}


def sentencepiece_model(
    texts: Sequence[str], size: int = VOCABULARY, normalisation: str = "nmt_nfkc"
) -> bytes:
    """A unigram model as SentencePiece writes it, such as XLM-R's `sentencepiece.bpe.model`.

    Of `size` pieces, or twice as many as the texts have characters: each is a piece.
    """
    characters = len(set().union(*texts))
    learned = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=learned,
        model_type="unigram",
        vocab_size=max(size, 2 * characters),
        hard_vocab_limit=False,
        character_coverage=1.0,
        normalization_rule_name=normalisation,
        num_threads=1,
        minloglevel=2,
    )
    return learned.getvalue()


def _pieces(texts: Sequence[str], size: int) -> list[tuple[str, float]]:
    """Pieces of a unigram model, and how probable each is (log)."""
    composed = [normalizers.NFKC().normalize_str(text) for text in texts]
    found = sentencepiece.SentencePieceProcessor(
        model_proto=sentencepiece_model(composed, size + 3, "identity")
    )
    # Its first three are the unknown piece, `<s>` and `</s>`.
    return [(found.id_to_piece(each), found.get_score(each)) for each in range(3, len(found))]


def _unigram(texts: Sequence[str], special: list[str], size: int) -> Tokenizer:
    pieces = [*((name, 0.0) for name in special), *_pieces(texts, size - len(special))]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=special.index("<unk>")))
    tokenizer.add_special_tokens(special)
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def _wordpiece(texts: Sequence[str], size: int, *, lowercase: bool) -> PreTrainedTokenizerBase:
    normaliser = normalizers.BertNormalizer(lowercase=lowercase)
    cleaned = [normaliser.normalize_str(text) for text in texts]
    # A trainer for WordPiece exists, but what it learns varies from one process to the next.
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces, _ = _bpe(cleaned, pre_tokenizers.BertPreTokenizer(), [], (size - len(special)) // 2)
    vocabulary = [*special, *(f"{mark}{piece}" for piece in pieces for mark in ("", "##"))]
    return BertTokenizer(
        vocab={piece: number for number, piece in enumerate(vocabulary)}, do_lower_case=lowercase
    )


def _gemma(texts: Sequence[str], size: int, template: Template) -> PreTrainedTokenizerBase:
    tokenizer = _byte_fallback(texts, ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"], size)
    tokenizer.normalizer = normalizers.Replace(" ", _SPACE)
    # As published: after the normaliser there is no space to split at.
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", behavior="merged_with_previous")
    return _fast(
        tokenizer,
        template,
        pad_token="<pad>",
        eos_token="<eos>",
        bos_token="<bos>",
        unk_token="<unk>",
        mask_token="<mask>",
    )


def _llama2(tokenizer: Tokenizer) -> PreTrainedTokenizerBase:
    return _fast(
        tokenizer,
        ("<s> $A", "<s> $A <s> $B"),
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        # It has no padding token of its own.
        pad_token="</s>",
    )


def _byte_fallback(texts: Sequence[str], special: list[str], size: int) -> Tokenizer:
    """BPE of letters, of which a rare one falls apart into bytes; splitting is left to do."""
    first = [*special, *_BYTES]
    # SentencePiece, which learned the published ones, has no piece of letters and punctuation.
    splitter = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(prepend_scheme="never"), pre_tokenizers.Punctuation()]
    )
    vocabulary, merges = _bpe(texts, splitter, first, size, limit_alphabet=size // 3)
    model = models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(model)
    tokenizer.add_special_tokens(special)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return tokenizer


def _byte_level(
    texts: Sequence[str], special: list[str], size: int, pattern: str | None = None
) -> Tokenizer:
    """BPE of bytes; words are split by GPT-2's pattern unless another is given."""
    splitter: Any = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern is None)
    if pattern is not None:
        words = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
        splitter = pre_tokenizers.Sequence([words, splitter])
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary, merges = _bpe(texts, splitter, special, size, initial_alphabet=alphabet)
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.add_special_tokens(special)
    tokenizer.pre_tokenizer = splitter
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _bpe(
    texts: Sequence[str], splitter: Any, first: list[str], size: int, **options: Any
) -> tuple[dict[str, int], Merges]:
    """Ids of the pieces, those of `first` before all others, and the merges."""
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = splitter
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=first, show_progress=False, **options
    )
    learner.train_from_iterator(texts, trainer)
    learned = json.loads(learner.to_str())["model"]
    vocabulary = dict(sorted(learned["vocab"].items(), key=lambda item: item[1]))
    return vocabulary, [(left, right) for left, right in learned["merges"]]


def _fast(tokenizer: Tokenizer, template: Template | None, **names: str) -> PreTrainedTokenizerBase:
    if template is not None:
        single, pair = template
        around = sorted({part for part in pair.split() if not part.startswith("$")})
        tokenizer.post_processor = processors.TemplateProcessing(
            single=single,
            pair=pair,
            special_tokens=[(name, tokenizer.token_to_id(name)) for name in around],
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_input_names=["input_ids", "attention_mask"],
        **names,
    )
