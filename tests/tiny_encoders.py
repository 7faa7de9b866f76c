"""Tiny randomly initialised encoders as ordinary Hugging Face folders, made offline.

One writer per architecture: `write_tiny_bert(folder, texts)` and so on. The weights depend on
`seed` and the texts only, so two calls give the same folder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    DebertaV2Config,
    DebertaV2Model,
    DebertaV2Tokenizer,
    ModernBertConfig,
    ModernBertModel,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaModel,
    XLMRobertaTokenizer,
)

# Such small tensors are faster on one thread, the more so with several tests side by side.
torch.set_num_threads(1)

# Several scripts, an emoji of several code points, combining marks, no spaces in Thai and
# Japanese.
TEXTS = (
    "The quick brown fox jumps over the lazy dog near the river bank.",
    "Der schnelle braune Fuchs springt über den faulen Hund.",
    "Il a mangé une crème brûlée au café hier soir, n'est-ce pas ?",
    "Быстрая коричневая лиса прыгает через ленивую собаку.",
    "मैं आज घर जा रहा हूँ और कल वापस आऊँगा।",
    "สวัสดีครับ ผมชื่อสมชาย",
    "مرحبا بالعالم، هذا نص قصير",
    "速い茶色の狐が怠け者の犬を飛び越えた。",
    "Family 👩‍👩‍👧 and café 😀 in 1984 (U.S.A.) cost $3.50!",
)

_VOCABULARY = 1000


def write_tiny_bert(
    folder: str | Path,
    texts: Iterable[str],
    hidden: int = 32,
    layers: int = 2,
    positions: int = 512,
    seed: int = 0,
) -> Path:
    """A cased BERT with a WordPiece vocabulary taken from `texts`; has token type ids."""
    splitter = BertTokenizer(do_lower_case=False).backend_tokenizer
    words: Counter[str] = Counter()
    for text in texts:
        cleaned = splitter.normalizer.normalize_str(text)
        words.update(word for word, _ in splitter.pre_tokenizer.pre_tokenize_str(cleaned))
    pieces: Counter[str] = Counter()
    for word, count in words.items():
        rest = {"##" + part for part in (word[1:3], word[-2:], *word)} - {"##"}
        for piece in {word, word[:3], *word} | rest:
            pieces[piece] += count
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = special + _kept(pieces, lambda piece: len(piece.removeprefix("##")) == 1)
    tokenizer = BertTokenizer(
        vocab={piece: number for number, piece in enumerate(vocabulary)}, do_lower_case=False
    )
    config = BertConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=positions,
        pad_token_id=tokenizer.pad_token_id,
        **_size(hidden, layers),
    )
    return _write(folder, BertModel, config, tokenizer, seed)


def write_tiny_xlmr(
    folder: str | Path,
    texts: Iterable[str],
    hidden: int = 32,
    layers: int = 2,
    positions: int = 512,
    seed: int = 0,
) -> Path:
    """An XLM-R with a unigram vocabulary; no token types, `</s></s>` between two texts."""
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer = XLMRobertaTokenizer(vocab=_pieces(texts, special, ["<mask>"]))
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer),
        # XLM-R numbers positions from 2, so its table has two rows that no token uses.
        max_position_embeddings=positions + 2,
        type_vocab_size=1,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        **_size(hidden, layers),
    )
    return _write(folder, XLMRobertaModel, config, tokenizer, seed)


def write_tiny_deberta(
    folder: str | Path,
    texts: Iterable[str],
    hidden: int = 32,
    layers: int = 2,
    positions: int = 512,
    seed: int = 0,
) -> Path:
    """A DeBERTa-v2 with relative positions; its subwords' offsets include the space before."""
    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    tokenizer = DebertaV2Tokenizer(vocab=_pieces(texts, special, ["[MASK]"]), unk_id=3)
    config = DebertaV2Config(
        vocab_size=len(tokenizer),
        max_position_embeddings=positions,
        pad_token_id=tokenizer.pad_token_id,
        relative_attention=True,
        position_buckets=32,
        pos_att_type=["p2c", "c2p"],
        share_att_key=True,
        norm_rel_ebd="layer_norm",
        position_biased_input=False,
        type_vocab_size=0,
        **_size(hidden, layers),
    )
    return _write(folder, DebertaV2Model, config, tokenizer, seed)


def write_tiny_modernbert(
    folder: str | Path,
    texts: Iterable[str],
    hidden: int = 32,
    layers: int = 2,
    positions: int = 512,
    seed: int = 0,
) -> Path:
    """A ModernBERT with byte-level BPE; rotary positions, no token types."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY,
        min_frequency=1,
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    learner.train_from_iterator(sorted(set(texts)), trainer)
    learner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[(name, learner.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=learner,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "attention_mask"],
    )
    config = ModernBertConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=positions,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
        cls_token_id=tokenizer.cls_token_id,
        sep_token_id=tokenizer.sep_token_id,
        **_size(hidden, layers),
    )
    return _write(folder, ModernBertModel, config, tokenizer, seed)


# Every architecture under test: other position embeddings, token types and offsets each.
WRITERS: dict[str, Callable[..., Path]] = {
    "bert": write_tiny_bert,
    "xlmr": write_tiny_xlmr,
    "deberta": write_tiny_deberta,
    "modernbert": write_tiny_modernbert,
}


def write_all(folder: str | Path, texts: Iterable[str] = TEXTS) -> dict[str, Path]:
    """One encoder of every architecture."""
    return {name: write(Path(folder) / name, texts) for name, write in WRITERS.items()}


def _size(hidden: int, layers: int) -> dict[str, int]:
    return {
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "intermediate_size": 2 * hidden,
    }


def _kept(pieces: Counter[str], always: Callable[[str], bool]) -> list[str]:
    """Every piece that `always` names, then the most frequent others, in a fixed order.

    Vocabularies are counted rather than trained: what the trainers return for ties varies
    from one process to the next.
    """
    ranked = sorted(pieces, key=lambda piece: (-pieces[piece], piece))
    first = sorted(piece for piece in ranked if always(piece))
    return first + [piece for piece in ranked if not always(piece)][:_VOCABULARY]


def _pieces(texts: Iterable[str], first: list[str], last: list[str]) -> list[tuple[str, float]]:
    """A unigram vocabulary: frequent words, parts of them, and every character.

    Scores grow with length, then with frequency: a text is cut into few pieces.
    """
    words = Counter(f"▁{word}" for text in texts for word in text.split())
    found: Counter[str] = Counter({"▁": 1})
    for word, count in words.items():
        for piece in {word, word[:3], word[-2:], *word}:
            found[piece] += count
    kept = _kept(found, lambda piece: len(piece) == 1)
    scored = [(piece, min(len(piece), 15) - 20 + min(found[piece], 50) / 100) for piece in kept]
    return [*((name, 0.0) for name in first), *scored, *((name, 0.0) for name in last)]


def _write(
    folder: str | Path,
    architecture: type[PreTrainedModel],
    config: PreTrainedConfig,
    tokenizer: PreTrainedTokenizerFast,
    seed: int,
) -> Path:
    folder = Path(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = architecture(config)
    model.save_pretrained(folder)
    tokenizer.model_max_length = config.max_position_embeddings
    tokenizer.save_pretrained(folder)
    return folder
