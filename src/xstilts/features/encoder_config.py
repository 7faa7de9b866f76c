"""What an encoder's configuration says: its sizes, and how the experiment uses it.

The latter is written into `config.json` when the encoder is fetched, under the key `xstilts`, and
so lies beside every checkpoint that is trained from it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field
from transformers import PreTrainedConfig

from xstilts.config.encoders import EncoderSource, Pooling
from xstilts.config.settings import Strict
from xstilts.errors import XstiltsError


class Usage(Strict):
    """How the heads of pairs and choices pool, and what of an encoder restricts its use.

    `causal`: each token sees only those before it. `adapters`: the adapter of a language's code,
    where the adapter's name does not begin with it.
    """

    pooling: Pooling = "first"
    causal: bool = False
    adapters: dict[str, str] = Field(default_factory=dict)

    @classmethod
    def of(cls, config: PreTrainedConfig) -> Usage:
        """What `write` has written, defaults otherwise."""
        return cls(**getattr(config, "xstilts", {}))

    def write(self, config: PreTrainedConfig) -> None:
        """Write it into a configuration, in the place of what an earlier run has written there."""
        vars(config).pop("xstilts", None)
        if found := self.model_dump(exclude_defaults=True):
            config.xstilts = found


def usage_of_source(source: EncoderSource, *, causal: bool) -> Usage:
    """How an experiment uses an encoder that turned out to be causal or not."""
    return Usage(causal=causal, **source.model_dump(include={"pooling", "adapters"}))


def text_config(config: PreTrainedConfig) -> PreTrainedConfig:
    """The part of a configuration that has the encoder's sizes: composite ones hold it inside."""
    inner = getattr(config, "encoder", None)
    found = inner if isinstance(inner, PreTrainedConfig) else config
    return found.get_text_config()


def hidden_size(config: PreTrainedConfig) -> int:
    """Dimensions of an encoder's token states."""
    return int(text_config(config).hidden_size)


def adapter_names(config: PreTrainedConfig) -> list[str]:
    """Names of an encoder's adapters for single languages, in the order of their numbers."""
    return list(config.languages) if config.model_type == "xmod" else []


def adapter_ids(config: PreTrainedConfig, languages: Sequence[str]) -> np.ndarray:
    """Number of each language's adapter (int16), of an encoder that has some (X-MOD).

    A language's adapter is the one named in `adapters`, or that with its code for a name, or the
    only one whose name begins with its code (`de_DE`).

    Raises:
        XstiltsError: a language has no adapter, or several.
    """
    names = adapter_names(config)
    chosen = Usage.of(config).adapters
    numbers = {}
    for language in dict.fromkeys(languages):
        named = [chosen.get(language, language)]
        begin = [name for name in names if name.startswith(f"{language}_")]
        found = [name for name in named if name in names] or ([] if language in chosen else begin)
        if len(found) != 1:
            what = f"several adapters ({', '.join(found)})" if found else "no adapter"
            raise XstiltsError(
                f"the encoder has {what} for the language {language!r}",
                where=config.name_or_path,
                hint=f"set encoders.<name>.adapters: {{{language}: <one of {', '.join(names)}>}},"
                " or leave the language out",
            )
        numbers[language] = names.index(found[0])
    return np.asarray([numbers[language] for language in languages], dtype=np.int16)
