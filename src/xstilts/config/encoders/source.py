"""Settings of encoders: where they come from, and how they embed sentences.

As in `xstilts.config.settings`, unknown keys are refused and nothing imports torch.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from xstilts.config.encoders.pretraining import Pretraining
from xstilts.config.settings import Strict
from xstilts.config.user_paths import from_here
from xstilts.errors import XstiltsError

COMMIT = r"[0-9a-f]{40}"
# The state that stands for a whole input: that of its first or last token, or the mean of all.
Pooling = Literal["first", "mean", "last"]


class RetrievalSettings(Strict):
    """How an encoder turns a sentence into a vector.

    `layer` indexes `hidden_states` (0 is the embedding output, negative counts from the last
    layer). The study reads layer 14 of XLM-R Large's 24 (facts of Phang et al. 2020 and of
    jiant's XTREME guide). Encoders that normalise before each sublayer leave the states of their
    inner layers as they are; with `final_norm` these pass the norm that follows the last layer.
    `prefix` stands before each sentence, as some embedders were trained ("query: "). Pooling is
    over the real tokens, special ones included. `batch_tokens` bounds the padded tokens of a batch.
    """

    layer: int = -1
    final_norm: bool = False
    pooling: Pooling = "mean"
    prefix: str = ""
    max_length: int = Field(default=512, gt=2)
    batch_tokens: int = Field(default=16384, gt=0)


class EncoderSource(Strict):
    """Where an encoder comes from: the hub at a pinned commit, a folder, or pretraining.

    `folder` may be `package:<python package>/<folder in it>` for weights that come inside an
    installed package. `pretrain` makes one of the experiment's `text`. `catalogue` names the entry
    of the catalogue (`xstilts.config.encoders.catalogue`) from which what is not written here is
    taken. `languages` are those of its pretraining, which the reports tell apart from others; null
    if they are those of the catalogue.

    `pooling` is for the heads of pairs and choices. `bidirectional` lets every token of a causal
    model see those behind it, where its architecture can. `adapters` says which adapter of an
    encoder with one a language (X-MOD) a language uses, where its name does not begin with the
    language's code. `convert_pickle` converts weights that are published as a pickle alone, once,
    when the encoder is fetched.
    """

    hub: str | None = None
    revision: str | None = None
    folder: str | None = None
    pretrain: Pretraining | None = None
    catalogue: str | None = None
    languages: tuple[str, ...] | None = None
    pooling: Pooling = "first"
    bidirectional: bool = False
    adapters: dict[str, str] = Field(default_factory=dict)
    convert_pickle: bool = False
    retrieval: RetrievalSettings = RetrievalSettings()

    @model_validator(mode="after")
    def _one_source(self) -> EncoderSource:
        if [self.hub, self.folder, self.pretrain].count(None) != 2:
            raise ValueError(
                "an encoder has either `hub` (with `revision`), `folder` or `pretrain`"
            )
        if self.hub is not None and not re.fullmatch(COMMIT, self.revision or ""):
            raise ValueError(
                f"hub encoder {self.hub!r} needs `revision`: the full 40-digit commit to load"
            )
        if self.pretrain is not None and (
            self.bidirectional or self.adapters or self.convert_pickle
        ):
            raise ValueError(
                "`bidirectional`, `adapters` and `convert_pickle` are for encoders that were"
                " pretrained elsewhere"
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
