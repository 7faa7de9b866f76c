"""Encoders with random weights: new ones for one's own text, and those of known architecture.

A new encoder is an XLM-R (Conneau et al. 2020) of any size with a vocabulary learned from the
text. The training loop makes a pretrained one of it. The same with weights that were drawn
without any design is a control.
"""

from __future__ import annotations

import io
import logging
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import sentencepiece
import torch
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    AutoConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
)

from xstilts.config.encoders import Architecture, Pooling, TokenizerSettings
from xstilts.config.seeds import derive_seed
from xstilts.errors import XstiltsError
from xstilts.execution.files import atomic_path
from xstilts.features.encoder_config import Usage
from xstilts.features.tokenizer import load_tokenizer
from xstilts.training.architecture import encoder_class
from xstilts.training.encoder import save_encoder

log = logging.getLogger(__name__)

# XLM-R's special tokens with its ids; the mask is its last piece.
_FIRST = ("<s>", "<pad>", "</s>", "<unk>")
_MASK = "<mask>"
_UNKNOWN = "<unk>"
# What begins a word.
_SPACE = "▁"
# Of mimetic initialisation, found by trial on encoders of 128 dimensions and 2 layers.
_POSITION_SCALE, _QUERY_SCALE, _VALUE_SCALE = 0.025, 0.11, 0.7
_LONGEST_WAVE = 200.0
# SentencePiece leaves out words that hold its own marks, NUL and U+2585.
_RESERVED = {0x0000: " ", 0x2585: " "}
# Of words without spaces some are whole paragraphs. In bytes.
_LONGEST_WORD = 2**20
# Last bits depend on this number, so it is not the machine's.
_TRAINER_THREADS = 16


def new_encoder(
    texts: Sequence[str],
    *,
    seed: int,
    architecture: Architecture,
    tokenizer: TokenizerSettings,
    provenance: Mapping[str, Any],
    output: Path,
    pooling: Pooling = "first",
) -> None:
    """Write an encoder with random weights, and a tokenizer learned from `texts`.

    Args:
        pooling: what its heads of pairs and choices will read.

    Raises:
        XstiltsError: the vocabulary is too small for the characters of the texts.
    """
    learned = learn_tokenizer(texts, tokenizer)
    learned.model_max_length = architecture.max_length
    sizes = architecture.model_dump(exclude={"max_length", "dropout", "initialisation"})
    config = XLMRobertaConfig(
        vocab_size=len(learned),
        # XLM-R numbers positions from 2, so its table has two rows that no token uses.
        max_position_embeddings=architecture.max_length + 2,
        hidden_dropout_prob=architecture.dropout,
        attention_probs_dropout_prob=architecture.dropout,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        pad_token_id=learned.pad_token_id,
        bos_token_id=learned.bos_token_id,
        eos_token_id=learned.eos_token_id,
        **sizes,
    )
    Usage(pooling=pooling).write(config)
    settings = {
        "seed": seed,
        "architecture": architecture.model_dump(),
        "tokenizer": tokenizer.model_dump(),
    }
    model = _random(config, seed, "first weights")
    if architecture.initialisation == "mimetic":
        _mimetic(model)
    _write(model, learned, output, {**settings, **provenance})


def reinitialise(folder: Path, *, seed: int, output: Path) -> None:
    """Write an encoder's architecture and tokenizer with random weights."""
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    provenance = {"seed": seed, "architecture_of": str(folder)}
    _write(_random(config, seed, "untrained"), load_tokenizer(folder), output, provenance)


def _random(config: Any, seed: int, purpose: str) -> PreTrainedModel:
    torch.manual_seed(derive_seed(seed, purpose))
    factory, options = encoder_class(config)
    return factory.from_config(config, dtype=torch.float32, trust_remote_code=False, **options)


@torch.no_grad()
def _mimetic(model: PreTrainedModel) -> None:
    """Weights with which a token attends to tokens like it and passes them on, from the start.

    The query and key weights of a layer are equal, the output weights undo the value weights
    (mimetic initialisation, Trockman and Kolter 2023, arXiv 2305.09828), and positions are
    sinusoids (Vaswani et al. 2017, section 3.5), so that neighbours are alike. A small encoder
    then finds out in minutes that what is masked may stand elsewhere in the text.
    """
    positions = model.get_parameter("embeddings.position_embeddings.weight")
    length, size = positions.shape
    rates = torch.exp(torch.arange(0, size, 2) * (-math.log(_LONGEST_WAVE) / size))
    angles = torch.arange(length)[:, None] * rates
    positions[:, 0::2] = _POSITION_SCALE * angles.sin()
    positions[:, 1::2] = _POSITION_SCALE * angles.cos()
    for number in range(model.config.num_hidden_layers):
        attention = model.get_submodule(f"encoder.layer.{number}.attention")
        query, key, value, output = (
            attention.get_parameter(f"{name}.weight")
            for name in ("self.query", "self.key", "self.value", "output.dense")
        )
        # Dot products of about the size that they have in a trained encoder of 128 dimensions.
        query.normal_(0.0, _QUERY_SCALE * (128 / size) ** 0.5)
        key.copy_(query)
        rotation = torch.linalg.qr(torch.randn(size, size)).Q
        value.copy_(_VALUE_SCALE * rotation)
        output.copy_(_VALUE_SCALE * rotation.T)


def _write(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    output: Path,
    provenance: dict[str, Any],
) -> None:
    with atomic_path(output) as part:
        save_encoder(model, tokenizer, part, provenance)
    count = sum(parameter.numel() for parameter in model.parameters())
    log.info("%s: %.2f M random parameters, %d pieces", output, count / 1e6, len(tokenizer))


def learn_tokenizer(texts: Sequence[str], settings: TokenizerSettings) -> PreTrainedTokenizerFast:
    """A fast tokenizer in XLM-R's layout, its vocabulary learned from `texts`: always the same.

    Raises:
        XstiltsError: the vocabulary is too small for the characters of the texts.
    """
    words = _words(texts)
    characters = {_SPACE}.union(*words)
    # The mask comes last and is no piece of the trainer's.
    size = settings.vocab_size - 1
    if len(characters) + len(_FIRST) > size:
        raise XstiltsError(
            f"the text has {len(characters):,} different characters, too many for a vocabulary of"
            f" {settings.vocab_size:,} pieces",
            hint="raise encoders.<name>.pretrain.tokenizer.vocab_size, or clean the text",
        )
    if settings.algorithm == "unigram":
        tokenizer = _splitting(_unigram(words, size))
    else:
        tokenizer = _splitting(models.BPE(unk_token=_UNKNOWN, fuse_unk=True))
        trainer = trainers.BpeTrainer(
            vocab_size=size, special_tokens=list(_FIRST), show_progress=False
        )
        tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([*_FIRST, _MASK])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("<s>", "</s>")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        unk_token=_UNKNOWN,
        pad_token="<pad>",
        mask_token=_MASK,
        model_input_names=["input_ids", "attention_mask"],
    )


def _splitting(model: models.Model) -> Tokenizer:
    """Words begin at spaces, as in XLM-R; byte-pair merges do not cross punctuation either.

    A unigram model weighs every split, but merges are greedy: the most frequent words would
    take the full stop behind them into a piece of its own.
    """
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.NFKC()
    steps = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    if isinstance(model, models.BPE):
        steps.append(pre_tokenizers.Punctuation())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def _words(texts: Iterable[str]) -> Counter[str]:
    """How often each word occurs, as `_splitting` makes words of a text."""
    normalise = normalizers.NFKC().normalize_str
    split = pre_tokenizers.WhitespaceSplit().pre_tokenize_str
    return Counter(word for text in texts for word, _ in split(normalise(text)))


def _unigram(words: Mapping[str, int], size: int) -> models.Unigram:
    """A unigram model (Kudo 2018) with every character of `words`, of at most `size` pieces.

    From SentencePiece, as XLM-R's. The trainer in `tokenizers` adds numbers up in the order of a
    hash table that is another one in each process, and where pieces are equally good the last
    bits of the sums choose. SentencePiece sorts the words, and breaks ties by the piece.
    """
    learned = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(
            f"{word.translate(_RESERVED)}\t{count}" for word, count in words.items()
        ),
        input_format="tsv",
        model_writer=learned,
        model_type="unigram",
        # It has an unknown piece of its own.
        vocab_size=size - len(_FIRST) + 1,
        hard_vocab_limit=False,
        character_coverage=1.0,
        normalization_rule_name="identity",
        max_sentence_length=_LONGEST_WORD,
        bos_id=-1,
        eos_id=-1,
        num_threads=_TRAINER_THREADS,
        minloglevel=1,
    )
    found = sentencepiece.SentencePieceProcessor(model_proto=learned.getvalue())
    pieces = [(found.id_to_piece(each), found.get_score(each)) for each in range(len(found))]
    kept = [(piece, score) for piece, score in pieces if piece not in (*_FIRST, _MASK)]
    return models.Unigram([*((name, 0.0) for name in _FIRST), *kept], _FIRST.index(_UNKNOWN))
