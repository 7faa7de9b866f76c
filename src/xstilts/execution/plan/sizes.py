"""How many features and tokens each part of an experiment's data has, counted or reckoned."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from xstilts.config.recipes import Source
from xstilts.config.tasks import PERTURBED, SOURCE_LANGUAGE, TASKS, TEXT
from xstilts.execution.cost.records import last_run, read_attempts
from xstilts.execution.plan.items import Amounts
from xstilts.execution.plan.lengths import (
    ENGLISH,
    GENERATED_PERTURBED_LONGER,
    MULTILINGUAL,
    PERTURBED_LONGER,
    PartSize,
    generated_item_size,
    item_size,
    text_size,
)
from xstilts.graph.cells import Grid
from xstilts.graph.job_params import JobParams
from xstilts.graph.paths import Paths

# Bytes of a text file that are read to see how long its documents are.
_SAMPLE = 1 << 16


class Sizes:
    """Sizes of an experiment's parts; each is looked up once.

    Attributes:
        amounts: items and bytes of the data.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid, self._experiment = grid, grid.experiment
        self._params = JobParams(grid)
        self._is_generated = self._experiment.data_source == "invitro"
        self.amounts = Amounts(grid)
        self._known: dict[tuple[str, str, str], PartSize | None] = {}

    def of(self, encoder: str, source: str, part: str) -> PartSize | None:
        """The size of one part; None where nothing is known of the task."""
        key = (encoder, source, part)
        if key not in self._known:
            self._known[key] = self._of(*key)
        return self._known[key]

    def tokens(self, encoder: str, source: str, part: str) -> float:
        """Tokens of one part; 0 where nothing is known."""
        size = self.of(encoder, source, part)
        return size.tokens if size else 0.0

    def _of(self, encoder: str, source: str, part: str) -> PartSize | None:
        item = self._item(encoder, source, part)
        if item is None:
            return None
        if self._is_begun and (found := _counts(self._grid.paths, encoder, source, part)):
            features, tokens = found
            items = features / item.features
            longer = tokens / (items * item.tokens)
            return PartSize(items, features, tokens, items * item.squares * longer**2)
        if source == TEXT and not self._is_generated:
            return item.scaled(self._documents(part)[0])
        return item.scaled(self.amounts.items(source, part))

    @cached_property
    def _is_begun(self) -> bool:
        return Path(self._grid.paths.root, "features").is_dir()

    def _item(self, encoder: str, source: str, part: str) -> PartSize | None:
        """The size of a mean item."""
        task = Source.of(source).task
        lengths = {**self._params.length(encoder, source)}
        languages = self._experiment.encoders[encoder].languages
        vocabulary = ENGLISH if languages == (SOURCE_LANGUAGE,) else MULTILINGUAL
        prefix = len(lengths.pop("prefix", "")) / vocabulary.english
        longer = GENERATED_PERTURBED_LONGER if self._is_generated else PERTURBED_LONGER
        try:
            if self._is_generated:
                found = generated_item_size(task, lengths["max_length"], prefix)
            elif task == TEXT:
                tokens = self._documents(part)[1] / vocabulary.other
                found = text_size(tokens, lengths["max_length"])
            else:
                share = self._english_share(source, part)
                found = item_size(task, share, vocabulary, **lengths, prefix=prefix)
        except KeyError:
            return None
        return found.scaled(1, longer=longer) if part == PERTURBED else found

    def _english_share(self, source: str, part: str) -> float:
        """How much of a part is English; of retrieval one side of every language."""
        if part not in ("eval", PERTURBED):
            return float(Source.of(source).language == SOURCE_LANGUAGE)
        if TASKS[source].facts.embedded:
            return 0.5
        languages = [unit.language for unit in self._grid.units(source, "eval")]
        return languages.count(SOURCE_LANGUAGE) / max(len(languages), 1)

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
