"""How many features and tokens each part of an experiment's data has, counted or reckoned."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from xstilts.config.recipes import Source
from xstilts.config.tasks import PERTURBED, SOURCE_LANGUAGE, TASKS, TEXT
from xstilts.execution.cost.records import last_run, read_attempts
from xstilts.execution.plan.items import Amounts
from xstilts.execution.plan.lengths import (
    ENGLISH,
    MULTILINGUAL,
    TEXT_SPECIALS,
    Inputs,
    Vocabulary,
    generated_inputs,
    inputs_of,
    noise_factor,
    text_inputs,
)
from xstilts.graph.cells import Grid
from xstilts.graph.job_params import JobParams
from xstilts.graph.paths import Paths

# Bytes of a text file that are read to see how long its documents are.
_SAMPLE = 1 << 16


@dataclass(frozen=True)
class Size:
    """What one part of a source's data is for an encoder.

    Numbers of items and features, and the sums of the lengths (`tokens`) and of the squared lengths
    (`squares`) of their model inputs.
    """

    items: float
    features: float
    tokens: float
    squares: float

    def scaled(self, factor: float) -> Size:
        """So many times as much of the same."""
        return Size(
            self.items * factor, self.features * factor, self.tokens * factor, self.squares * factor
        )

    def predicted(self, mask_ratio: float) -> float:
        """Positions that masked language modelling predicts.

        That share of the tokens of each feature, special ones aside, and at least one.
        """
        return max(self.features, mask_ratio * (self.tokens - TEXT_SPECIALS * self.features))

    def plus(self, other: Size) -> Size:
        """Both together."""
        return Size(
            self.items + other.items,
            self.features + other.features,
            self.tokens + other.tokens,
            self.squares + other.squares,
        )


NOTHING = Size(0, 0, 0, 0)


class Sizes:
    """Sizes of an experiment's parts; each is looked up once."""

    def __init__(self, grid: Grid) -> None:
        self._grid, self._experiment = grid, grid.experiment
        self._params = JobParams(grid)
        self._amounts = Amounts(grid)
        self._known: dict[tuple[str, str, str], Size | None] = {}

    @property
    def amounts(self) -> Amounts:
        """Items and bytes of the data."""
        return self._amounts

    def of(self, encoder: str, source: str, part: str) -> Size | None:
        """The size of one part; None where nothing is known of the task."""
        key = (encoder, source, part)
        if key not in self._known:
            self._known[key] = self._of(*key)
        return self._known[key]

    def _of(self, encoder: str, source: str, part: str) -> Size | None:
        inputs = self._inputs(encoder, source, part)
        if inputs is None:
            return None
        if self._is_begun and (found := _counts(self._grid.paths, encoder, source, part)):
            features, tokens = found
            squares = features * inputs.squares * (tokens / features / inputs.tokens) ** 2
            return Size(features / inputs.features, features, tokens, squares)
        items = self._items(source, part)
        features = items * inputs.features
        return Size(items, features, features * inputs.tokens, features * inputs.squares)

    @cached_property
    def _is_begun(self) -> bool:
        return Path(self._grid.paths.root, "features").is_dir()

    def _items(self, source: str, part: str) -> float:
        if source == TEXT and not self._generated:
            return self._documents(part)[0]
        return self._amounts.items(source, part)

    @property
    def _generated(self) -> bool:
        return self._experiment.data_source == "invitro"

    def _inputs(self, encoder: str, source: str, part: str) -> Inputs | None:
        task = Source.of(source).task
        lengths = self._params.length(encoder, source)
        noise = noise_factor(generated=self._generated) if part == PERTURBED else 1.0
        try:
            if self._generated:
                found = generated_inputs(task, lengths["max_length"])
            elif task == TEXT:
                found = text_inputs(
                    self._documents(part)[1] / self._vocabulary(encoder).other,
                    lengths["max_length"],
                )
            else:
                found = inputs_of(
                    task, self._english_share(source, part), self._vocabulary(encoder), **lengths
                )
        except KeyError:
            return None
        return found.stretched(noise)

    def _english_share(self, source: str, part: str) -> float:
        """How much of a part is English; of retrieval one side of every language."""
        if part not in ("eval", PERTURBED):
            return float(Source.of(source).language == SOURCE_LANGUAGE)
        if TASKS[source].facts.embedded:
            return 0.5
        languages = [unit.language for unit in self._grid.units(source, "eval")]
        return languages.count(SOURCE_LANGUAGE) / max(len(languages), 1)

    def _vocabulary(self, encoder: str) -> Vocabulary:
        """That of an English encoder, if the experiment says so, or of a multilingual one."""
        languages = self._experiment.encoders[encoder].languages
        return ENGLISH if languages == (SOURCE_LANGUAGE,) else MULTILINGUAL

    def _documents(self, part: str) -> tuple[float, float]:
        """Documents of the plain text, and characters of one, from the beginning of its files."""
        share = self._experiment.text.dev_share
        share = share if part == "dev" else 1 - share
        limit = getattr(self._experiment.limits_for(TEXT), part)
        documents = characters = 0.0
        for name in self._grid.input_files(TEXT, part):
            number, length = _lines(Path(name))
            kept = number * share if limit is None else min(number * share, limit)
            documents, characters = documents + kept, characters + kept * length
        return documents, characters / max(documents, 1.0)


def _lines(path: Path) -> tuple[float, float]:
    """About how many lines a text file has, and how many characters one of them has."""
    with path.open("rb") as handle:
        sample = handle.read(_SAMPLE)
    lines = [line for line in sample.split(b"\n") if line.strip()]
    if not lines:
        return 0.0, 0.0
    characters = len(sample.decode("utf-8", errors="ignore")) / len(lines)
    number = path.stat().st_size / (len(sample) / len(lines))
    return max(1.0, number), characters


def _counts(paths: Paths, encoder: str, task: str, part: str) -> tuple[int, int] | None:
    """Features of a part that is tokenised, and the tokens of their inputs.

    As the job that made them noted; None if they are not there, or none.
    """
    if not Path(paths.features.format(encoder=encoder, task=task, part=part)).is_file():
        return None
    record = Path(paths.record("tokenise", encoder=encoder, task=task, part=part))
    attempts = last_run(read_attempts(record)) if record.is_file() else []
    amounts = attempts[-1].get("amounts", {}) if attempts else {}
    return (amounts["features"], amounts["tokens"]) if amounts.get("features") else None
