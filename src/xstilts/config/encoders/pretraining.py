"""Settings of encoders that are made from the experiment's own text.

As in `xstilts.config.settings`, unknown keys are refused and nothing imports torch.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from xstilts.config.settings import Strict, TrainingSettings


class PretrainingSettings(TrainingSettings):
    """Hyperparameters of pretraining: those of a task's training with other defaults.

    Learning rate, warm-up share, weight decay and Adam epsilon are RoBERTa's (Liu et al. 2019,
    table 9; the warm-up is that of its large model, 30,000 of 500,000 steps). The batch size
    counts features and is small because the encoders that are pretrained here are.
    """

    epochs: int = Field(default=10, gt=0)
    learning_rate: float = Field(default=6e-4, gt=0)
    batch_size: int = Field(default=32, gt=0)
    warmup_ratio: float = Field(default=0.06, ge=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0)
    adam_epsilon: float = Field(default=1e-6, gt=0)
    evaluate_every: int | None = Field(default=None, gt=0)


class Architecture(Strict):
    """Sizes of an encoder with XLM-R's architecture (Conneau et al. 2020).

    The defaults are BERT-Mini's (Turc et al. 2019), with XLM-R's longest input. `max_length` is
    in subword tokens, special tokens included; longer documents are cut into several features.
    `initialisation` mimetic (`xstilts.training.new_encoder`) helps small encoders with little text.
    """

    hidden_size: int = Field(default=256, gt=0)
    num_hidden_layers: int = Field(default=4, gt=0)
    num_attention_heads: int = Field(default=4, gt=0)
    intermediate_size: int = Field(default=1024, gt=0)
    max_length: int = Field(default=512, ge=8)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    initialisation: Literal["normal", "mimetic"] = "normal"

    @model_validator(mode="after")
    def _heads_share_the_states(self) -> Architecture:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} is not a multiple of num_attention_heads"
                f" {self.num_attention_heads}"
            )
        return self


class TokenizerSettings(Strict):
    """A subword vocabulary learned from the text: unigram as XLM-R's, or byte-pair merges.

    `vocab_size` counts the special tokens; XLM-R has 250,002, which a small text cannot fill.
    """

    algorithm: Literal["unigram", "bpe"] = "unigram"
    vocab_size: int = Field(default=8000, gt=5)


class Pretraining(Strict):
    """An encoder made from scratch by masked language modelling on the experiment's `text`.

    Of the tokens that are predicted (`mask_ratio` of all), 80 % are masked, 10 % replaced and
    10 % left (Devlin et al. 2019), afresh in every step (Liu et al. 2019). `seed` is for
    weights, order and masks alike: one encoder serves all seeds of the experiment.
    """

    architecture: Architecture = Architecture()
    tokenizer: TokenizerSettings = TokenizerSettings()
    mask_ratio: float = Field(default=0.15, gt=0, lt=1)
    seed: int = 1
    training: PretrainingSettings = PretrainingSettings()
