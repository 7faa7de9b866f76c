"""About how many items each part of the data has, and how many bytes an item takes on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xstilts.config.recipes import Source
from xstilts.config.tasks import PERTURBED, TARGETS, TASKS, TEXT, Kind
from xstilts.graph.cells import Grid
from xstilts.graph.job_params import JobParams

# Items of a split in one language, rounded and as a mean over languages, as XTREME (Hu et al.
# 2020, table 1) and the data sets' own cards give them; sentences of both sides for retrieval.
_ITEMS: dict[str, dict[str, int]] = {
    "xnli": {"train": 392_702, "dev": 2_490, "test": 5_010},
    "pawsx": {"train": 49_401, "dev": 2_000, "test": 2_000},
    "udpos": {"train": 21_253, "dev": 2_000, "test": 3_000},
    "panx": {"train": 20_000, "dev": 5_000, "test": 5_000},
    "xquad": {"test": 1_190},
    "mlqa": {"dev": 800, "test": 6_800},
    "tydiqa": {"train": 3_696, "dev": 370, "test": 560},
    "bucc2018": {"dev": 70_000, "test": 660_000},
    "tatoeba": {"test": 2_000},
    "xcopa": {"train": 400, "dev": 100, "test": 500},
    "mnli": {"train": 392_702, "dev": 9_815},
    "anli": {"train": 1_104_934, "dev": 22_857},
    "qqp": {"train": 363_846, "dev": 40_430},
    "squad_v1": {"train": 87_599, "dev": 10_570},
    "squad_v2": {"train": 130_319, "dev": 11_873},
    "hellaswag": {"train": 39_905, "dev": 10_042},
    "ccg": {"train": 39_600, "dev": 1_900},
    "cosmosqa": {"train": 25_262, "dev": 2_985},
    "csqa": {"train": 9_741, "dev": 1_221},
}
# Sentences in the corpora for each pair that is asked for, where pairs are limited or generated.
_SENTENCES_PER_PAIR = {"bucc2018": 6, "tatoeba": 2}
# Pairs of sentences that are scored, of each language: of BUCC the middle of XTREME's range (table
# 1: 1,896 to 14,330), of its development set as many to a sentence.
_PAIRS: dict[str, dict[str, int]] = {
    "bucc2018": {"dev": 930, "test": 8_800},
    "tatoeba": {"test": 1_000},
}
# Items that share a passage or a premise, as a mean: XQuAD has 240 passages (Artetxe et al. 2020),
# XNLI three hypotheses to a premise (Conneau et al. 2018), in a sample of MLQA 885 passages have
# 1,051 questions. TyDiQA's have 1.02 there: like all others one.
_SHARE_A_CLUSTER = {"xquad": 1_190 / 240, "xnli": 3.0, "mlqa": 1_051 / 885}


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What one language of a split is scored on, about.

    Attributes:
        items: of retrieval, pairs of sentences.
        clusters: passages, premises or, where items share none, items.
        together: items in the cluster of an item, itself among them, as a mean over items.
    """

    items: int
    clusters: float
    together: float


@dataclass(frozen=True, kw_only=True)
class _Bytes:
    """Compressed bytes an item takes in data, features and predictions."""

    data: int
    features: int
    predictions: int


# Measured on real XTREME data; of multiple choice reckoned from the lengths of its texts.
_BYTES = {
    Kind.PAIR: _Bytes(data=110, features=90, predictions=10),
    Kind.CHOICE: _Bytes(data=350, features=700, predictions=15),
    Kind.TAGGING: _Bytes(data=90, features=90, predictions=40),
    Kind.SPAN: _Bytes(data=500, features=1000, predictions=60),
    Kind.RETRIEVAL: _Bytes(data=50, features=40, predictions=25),
    Kind.MLM: _Bytes(data=40, features=30, predictions=0),
}
# Mined pairs for each sentence of the corpora; other predictions are one an item.
_PREDICTED = {"bucc2018": 0.03}
# Compressed bytes for a byte of plain text, in data and again in features.
_OF_TEXT = 0.45


class Amounts:
    """Numbers of items of an experiment's data, and the bytes of what is made of them."""

    def __init__(self, grid: Grid) -> None:
        self._grid, self._experiment = grid, grid.experiment
        self._params = JobParams(grid)
        self._known: dict[tuple[str, str], tuple[int, ...]] = {}

    def items(self, source: str, part: str) -> int:
        """Items in one part of a source's data."""
        return sum(self.by_unit(source, part))

    def by_unit(self, source: str, part: str) -> tuple[int, ...]:
        """Items of every split and language in one part of a source's data."""
        key = (source, part)
        if key not in self._known:
            self._known[key] = (
                self._perturbed(source)
                if part == PERTURBED
                else tuple(
                    self._in_unit(source, unit.split) for unit in self._grid.units(source, part)
                )
            )
        return self._known[key]

    def _perturbed(self, target: str) -> tuple[int, ...]:
        """Items under all conditions, as if each applied to every language."""
        settings = self._experiment.perturbations
        split = self._params.perturbation(target)["split"]
        return tuple(
            len(settings.conditions) * min(settings.items or items, items)
            for unit in self._grid.units(target, "eval")
            if unit.split == split and (items := self._in_unit(target, split))
        )

    def _in_unit(self, source: str, split: str) -> int:
        task = Source.of(source).task
        sentences = _SENTENCES_PER_PAIR.get(task, 1)
        if self._experiment.data_source == "invitro":
            return getattr(self._experiment.invitro.sizes.of(task), split) * sentences
        known = _ITEMS.get(task, {}).get(split, 0)
        limit = getattr(self._experiment.limits_for(task), split)
        return known if limit is None else min(known, limit * sentences)

    def scored(self, target: str, split: str) -> Scored | None:
        """What a language is scored on; None where nothing is known of the target.

        Of a part of the items, chosen at random, few share a cluster.
        """
        experiment = self._experiment
        if experiment.data_source == "invitro":
            items = getattr(experiment.invitro.sizes.of(target), split)
            return Scored(items=items, clusters=items, together=1.0)
        whole = _PAIRS.get(target, _ITEMS.get(target, {})).get(split, 0)
        if not whole:
            return None
        limit = getattr(experiment.limits_for(target), split)
        items = whole if limit is None else min(whole, limit)
        size, kept = _SHARE_A_CLUSTER.get(target, 1.0), items / whole
        return Scored(
            items=items,
            clusters=whole / size * (1 - (1 - kept) ** size),
            together=1 + kept * (size - 1),
        )

    def data_bytes(self, source: str, part: str) -> float:
        """Bytes of one data file."""
        return self._text_bytes(source, part) or self.items(source, part) * self._of(source).data

    def feature_bytes(self, source: str, part: str) -> float:
        """Bytes of one feature file."""
        return (
            self._text_bytes(source, part) or self.items(source, part) * self._of(source).features
        )

    def prediction_bytes(self, target: str) -> float:
        """Bytes of one cell's predictions."""
        predicted = self.items(target, "eval") * _PREDICTED.get(target, 1.0)
        if target in self._grid.perturbed:
            predicted += self.items(target, PERTURBED)
        return predicted * self._of(target).predictions

    def embedding_bytes(self, target: str, hidden: int) -> float:
        """Bytes of one cell's sentence vectors in float32, while it is retrieved."""
        if not _is_retrieved(target):
            return 0.0
        noisy = self.items(target, PERTURBED) if target in self._grid.perturbed else 0
        return 4.0 * hidden * (self.items(target, "eval") + noisy)

    def unknown(self) -> list[str]:
        """Sources of which nothing is known here."""
        if self._experiment.data_source == "invitro":
            return []
        return [
            source
            for source in self._grid.tasks
            if source != TEXT and Source.of(source).task not in _ITEMS
        ]

    def _text_bytes(self, source: str, part: str) -> float:
        """Bytes of plain text by the sizes of its files; of the development part a share."""
        if source != TEXT:
            return 0.0
        files = [Path(name) for name in self._grid.input_files(source, part)]
        share = self._experiment.text.dev_share if part == "dev" else 1.0
        return _OF_TEXT * share * sum(path.stat().st_size for path in files)

    @staticmethod
    def _of(source: str) -> _Bytes:
        return _BYTES[TASKS[Source.of(source).task].kind]


def _is_retrieved(target: str) -> bool:
    return TARGETS[target].facts.embedded
