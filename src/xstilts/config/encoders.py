"""Settings of encoders: where they come from, how they are made, how they embed sentences.

As in `xstilts.config.settings`, unknown keys are refused and nothing imports torch.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from xstilts.config.settings import Strict, TrainingSettings
from xstilts.config.user_paths import from_here
from xstilts.errors import XstiltsError

_COMMIT = r"[0-9a-f]{40}"


class RetrievalSettings(Strict):
    """How an encoder turns a sentence into a vector.

    `layer` indexes `hidden_states` (0 is the embedding output, negative counts from the last
    layer). The study reads layer 14 of XLM-R Large's 24 (facts of Phang et al. 2020 and of
    jiant's XTREME guide). `batch_tokens` bounds the padded tokens of a batch.
    """

    layer: int = -1
    pooling: Literal["mean", "first"] = "mean"
    max_length: int = Field(default=512, gt=2)
    batch_tokens: int = Field(default=16384, gt=0)


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


class EncoderSource(Strict):
    """Where an encoder comes from: the hub at a pinned commit, a folder, or pretraining.

    `folder` may be `package:<python package>/<folder in it>` for weights that come inside an
    installed package. `pretrain` makes one of the experiment's `text`. `languages` are those of
    its pretraining, which the reports tell apart from others; null if they are XLM-R's.
    """

    hub: str | None = None
    revision: str | None = None
    folder: str | None = None
    pretrain: Pretraining | None = None
    languages: tuple[str, ...] | None = None
    retrieval: RetrievalSettings = RetrievalSettings()

    @model_validator(mode="after")
    def _one_source(self) -> EncoderSource:
        if [self.hub, self.folder, self.pretrain].count(None) != 2:
            raise ValueError(
                "an encoder has either `hub` (with `revision`), `folder` or `pretrain`"
            )
        if self.hub is not None and not re.fullmatch(_COMMIT, self.revision or ""):
            raise ValueError(
                f"hub encoder {self.hub!r} needs `revision`: the full 40-digit commit to load"
            )
        return self

    @property
    def package(self) -> str | None:
        """The Python package that holds the weights, if one does."""
        if self.folder is None or not self.folder.startswith("package:"):
            return None
        return self.folder.removeprefix("package:").partition("/")[0]

    def package_version(self) -> str | None:
        """The installed version of that package, None if it is unknown."""
        if self.package is None:
            return None
        try:
            return importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            return None

    def local_folder(self) -> Path | None:
        """The folder on this machine, or None for an encoder that comes from elsewhere.

        Raises:
            XstiltsError: the folder or the package is not there.
        """
        if self.folder is None:
            return None
        if package := self.package:
            inside = self.folder.removeprefix(f"package:{package}").lstrip("/")
            spec = importlib.util.find_spec(package)
            if spec is None or not spec.submodule_search_locations:
                raise XstiltsError(
                    f"the Python package {package!r} is not installed",
                    where=f"encoder folder {self.folder!r}",
                    hint=f"pip install {package.replace('_', '-')}",
                )
            path = Path(spec.submodule_search_locations[0]) / inside
        else:
            path = from_here(self.folder)
        if not (path / "config.json").is_file():
            raise XstiltsError(
                "no config.json there, so it is not a Hugging Face model folder",
                where=f"encoder folder {path}",
            )
        return path
