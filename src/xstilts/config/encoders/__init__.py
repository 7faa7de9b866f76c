"""Encoders: where they come from, how they are made, how they embed sentences."""

from xstilts.config.encoders.pretraining import (
    Architecture,
    Pretraining,
    PretrainingSettings,
    TokenizerSettings,
)
from xstilts.config.encoders.source import EncoderSource, Pooling, RetrievalSettings

__all__ = [
    "Architecture",
    "EncoderSource",
    "Pooling",
    "Pretraining",
    "PretrainingSettings",
    "RetrievalSettings",
    "TokenizerSettings",
]
