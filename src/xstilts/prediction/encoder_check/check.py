"""All that is tried with one encoder, as the workflow would use it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np

from xstilts.config.encoders import EncoderSource
from xstilts.config.settings import Tokenisation
from xstilts.config.tasks import INTERMEDIATE, KINDS, TARGETS, Kind
from xstilts.errors import XstiltsError
from xstilts.features.encoder_config import Usage, hidden_size, text_config
from xstilts.features.tokenizer import load_tokenizer
from xstilts.prediction.encoder_check.items import TRAINED
from xstilts.prediction.encoder_check.learning import losses_of
from xstilts.prediction.encoder_check.states import States, vectors_of
from xstilts.prediction.encoder_check.words import ScriptWords, words_by_script
from xstilts.training.encoder import fetch_encoder, load_encoder
from xstilts.training.mlm_head import HEADS

# ok; note: it works, and this should be known; refused: the workflow says no to this use and does
# all others; failed: scores would be wrong, or a job would stop.
Status = Literal["ok", "note", "refused", "failed"]
# A script of whose tokens more than this share are unknown is not read.
_MOST_UNKNOWN = 0.2
# Relative differences of states: float32 summed in another order, and bfloat16, which has 8 bits,
# through some dozen layers.
_ROUNDING, _ROUGH = 1e-3, 0.1
# What `execution.plan.memory.training_memory` counts.
_KEPT = ("weights", "gradients", "optimizer", "activations")
Tried = tuple[Status, str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one part of the check found, in words and as plain data."""

    part: str
    status: Status
    text: str
    data: dict[str, Any]


@dataclass(kw_only=True)
class EncoderReport:
    """Everything that was found of one encoder."""

    name: str
    source: dict[str, Any]
    findings: list[Finding] = field(default_factory=list)
    scripts: list[ScriptWords] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_right(self) -> bool:
        """Whether nothing failed."""
        return all(finding.status != "failed" for finding in self.findings)

    def works(self, kind: Kind) -> bool:
        """Whether tasks of a kind can be done with it."""
        return any(f.part == kind and f.status in ("ok", "note") for f in self.findings)

    def document(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {**asdict(self), "right": self.is_right, "uses": uses(self)}


def check_encoder(
    name: str, source: EncoderSource, memory: Callable[[Path], Mapping[str, Any]]
) -> EncoderReport:
    """Fetch an encoder as the workflow does, and try what its jobs would do with it.

    Args:
        name: what it is called in what is found.
        memory: what training the encoder in a folder keeps in memory
            (`xstilts.execution.plan.memory.training_memory`).
    """
    started = time.monotonic()
    report = EncoderReport(name=name, source=source.model_dump(mode="json", exclude_defaults=True))
    with TemporaryDirectory(prefix="xstilts-") as place:
        _Trial(report, source, Path(place)).run(memory)
    report.seconds = time.monotonic() - started
    return report


def uses(report: EncoderReport) -> dict[str, list[str]]:
    """Targets and intermediate tasks that can be run on the encoder, and those that cannot."""
    targets = {key: task.kind for key, task in TARGETS.items()}
    recipes = {key: task.kind for key, task in INTERMEDIATE.items()} | {"+mlm": Kind.MLM}
    found = {}
    for name, of in (("targets", targets), ("recipes", recipes)):
        found[name] = [key for key, kind in of.items() if report.works(kind)]
        found[f"no_{name}"] = [key for key in of if key not in found[name]]
    return found


class _Trial:
    """One encoder, fetched into a folder of its own, and what is tried with it."""

    def __init__(self, report: EncoderReport, source: EncoderSource, place: Path) -> None:
        self.report, self.source = report, source
        self.encoder, self._vectors = place / "encoder", place / "vectors.npy"
        self._states: States | None = None
        self._usage = Usage()

    def run(self, memory: Callable[[Path], Mapping[str, Any]]) -> None:
        """Try all, or nothing but the weights where these cannot be had."""
        if not self.tried("weights", self.weights):
            return
        self.tried("words", self.words)
        self.tried("longest input", self.longest)
        self.tried("padding", self.padding)
        self.tried("pooling", self.pooling)
        self.tried("bfloat16", self.bfloat16)
        # Others are loaded and trained now.
        self._states = None
        for kind in TRAINED:
            self.tried(kind, partial(self.learning, kind), refusable=True)
        self.tried(Kind.RETRIEVAL, self.retrieval, refusable=True)
        self.tried("memory", lambda: _memory(memory(self.encoder)))

    def tried(self, part: str, attempt: Callable[[], Tried], *, refusable: bool = False) -> bool:
        """Note what an attempt finds, or the error that it ends with; whether it did not fail."""
        try:
            status, text, data = attempt()
        except XstiltsError as error:
            status, text, data = "refused" if refusable else "failed", self._named(error), {}
        except Exception as error:
            # What no part of the workflow expects of an encoder would stop a job as well.
            status, text, data = "failed", f"{type(error).__name__}: {self._named(error)}", {}
        self.report.findings.append(Finding(part=part, status=status, text=text, data=data))
        return status != "failed"

    def _named(self, error: Exception) -> str:
        """A message with the encoder's own name in place of folders that are about to go."""
        text = str(error).replace(str(self.encoder), self.report.name)
        return text.replace(str(self.source.folder), self.report.name)

    def weights(self) -> Tried:
        fetch_encoder(self.source, self.encoder)
        model, tokenizer = load_encoder(self.encoder), load_tokenizer(self.encoder)
        self._states = States(model, tokenizer)
        config = model.config
        self._usage = Usage.of(config)
        data = {
            "model_type": config.model_type,
            "layers": text_config(config).num_hidden_layers,
            "hidden": hidden_size(config),
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "vocabulary": len(tokenizer),
        }
        text = (
            f"complete and finite: {{model_type}}, {{layers}} layers of {{hidden}},"
            f" {data['parameters'] / 1e6:,.1f} M parameters, {{vocabulary:,}} pieces"
        )
        return "ok", text.format(**data), data

    @property
    def states(self) -> States:
        assert self._states is not None
        return self._states

    def words(self) -> Tried:
        scripts = self.report.scripts = words_by_script(self.encoder)
        problems: dict[str, list[str]] = {}
        for each in scripts:
            for problem in each.problems:
                problems.setdefault(problem, []).append(each.script)
        if problems:
            text = "; ".join(f"{problem} ({', '.join(of)})" for problem, of in problems.items())
            return "failed", text, {"problems": problems}
        if unread := [each.script for each in scripts if each.unknown > _MOST_UNKNOWN]:
            text = f"cannot read {', '.join(unread)}: many of their tokens are unknown"
            return "note", text, {"unread": unread}
        return "ok", f"as in running text, and places exact, in {len(scripts)} scripts", {}

    def longest(self) -> Tried:
        found = self.states.longest()
        text = f"{found.tried:,} tokens" + (f" of {found.limit:,}" if found.limit else "")
        if not found.finite:
            return "failed", f"states of {text} are not finite numbers", asdict(found)
        too_long = [
            f"{kind} {length}"
            for kind, facts in KINDS.items()
            if (length := facts.max_length or Tokenisation().max_length) > (found.limit or length)
        ]
        if too_long:
            text += f": set a max_length that is no longer for {', '.join(too_long)}"
        return "note" if too_long else "ok", text, asdict(found)

    def padding(self) -> Tried:
        change = self.states.change_by_padding()
        status: Status = "ok" if change < _ROUNDING else "failed"
        return status, f"changes states by {change:.0e} of their length at most", {"change": change}

    def bfloat16(self) -> Tried:
        change = self.states.change_by_bfloat16()
        if not np.isfinite(change):
            return "note", "states are not finite numbers in mixed precision", {"change": None}
        status: Status = "ok" if change < _ROUGH else "note"
        text = f"changes states by {100 * change:.1f} % of their length at most"
        return status, text, {"change": change}

    def pooling(self) -> Tried:
        is_causal, retrieval = self._usage.causal, self.source.retrieval
        sees = "a token sees those before it alone" if is_causal else "tokens see those behind them"
        text = (
            f"{sees}; heads of pairs and choices read: {self.source.pooling}; retrieval:"
            f" {retrieval.pooling} of layer {retrieval.layer}"
        )
        data = {"causal": is_causal, "heads": self.source.pooling, "retrieval": retrieval.pooling}
        return "ok", text, data

    def learning(self, kind: Kind) -> Tried:
        losses = losses_of(self.encoder, kind)
        text = f"loss {losses[0]:.3f} to {losses[-1]:.3f} in {len(losses) - 1} steps"
        if kind == Kind.MLM:
            is_published = (self.encoder / HEADS).is_file()
            text += ", from its published head" if is_published else ", from a new head"
        # What is not a number is not lower either.
        status: Status = "ok" if losses[-1] < losses[0] else "failed"
        return status, text, {"losses": losses}

    def retrieval(self) -> Tried:
        found = vectors_of(self.encoder, self.source.retrieval, self._vectors)
        text = f"vectors of {found['size']}, mean cosine of two languages {found['cosine']:.2f}"
        if found["same"]:
            return "failed", "all sentences have the same vector", found
        return "ok", text, found


def _memory(found: Mapping[str, Any]) -> Tried:
    if not found:
        return "note", "its weights cannot be counted", {}
    sizes = {name: found[name] / 1e9 for name in _KEPT}
    shown = ", ".join(f"{name} {size:.2f}" for name, size in sizes.items())
    text = (
        f"training keeps {sum(sizes.values()):.2f} GB in float32: {shown} for {found['batch_size']}"
        f" inputs of {found['length']} tokens"
    )
    return "ok", text, dict(found)
