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
    "sib200": {"train": 701, "dev": 99, "test": 204},
    "americasnli": {"dev": 644, "test": 749},
    "afrixnli": {"dev": 450, "test": 600},
    "masakhapos": {"dev": 150, "test": 611},
    "masakhaner2": {"dev": 800, "test": 1_600},
    "ud": {"dev": 900, "test": 1_100},
    "belebele": {"test": 900},
    "pitfalls": {"test": 790},
    "tatoeba112": {"test": 1_600},
    "ntrex": {"test": 3_994},
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
_SENTENCES_PER_PAIR = {"bucc2018": 6, "tatoeba": 2, "tatoeba112": 2, "ntrex": 2}
# Pairs of sentences that are scored, of each language: of BUCC the middle of XTREME's range (table
# 1: 1,896 to 14,330), of its development set as many to a sentence.
_PAIRS: dict[str, dict[str, int]] = {
    "bucc2018": {"dev": 930, "test": 8_800},
    "tatoeba": {"test": 1_000},
    "tatoeba112": {"test": 800},
    "ntrex": {"test": 1_997},
}
# Items that share a passage or a premise, as a mean: XQuAD has 240 passages (Artetxe et al. 2020),
# XNLI three hypotheses to a premise (Conneau et al. 2018), in a sample of MLQA 885 passages have
# 1,051 questions. TyDiQA's have 1.02 there: like all others one. Belebele has 488 passages, NTREX
# 123 documents (newstest2019), and a sample of the pitfalls asks 68 questions in 600 items.
_SHARE_A_CLUSTER = {
    "xquad": 1_190 / 240,
    "xnli": 3.0,
    "mlqa": 1_051 / 885,
    "americasnli": 3.0,
    "afrixnli": 3.0,
    "belebele": 900 / 488,
    "pitfalls": 600 / 68,
    "ntrex": 1_997 / 123,
}


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


# Compressed bytes an item takes in data, features and predictions, measured on real XTREME data; of
# multiple choice reckoned from the lengths of its texts.
_BYTES = {
    Kind.PAIR: (110, 90, 10),
    Kind.SENTENCE: (80, 60, 10),
    Kind.CHOICE: (350, 700, 15),
    Kind.TAGGING: (90, 90, 40),
    Kind.SPAN: (500, 1000, 60),
    Kind.RETRIEVAL: (50, 40, 25),
    Kind.MLM: (40, 30, 0),
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
        return self._bytes(source, part, 0)

    def feature_bytes(self, source: str, part: str) -> float:
        """Bytes of one feature file."""
        return self._bytes(source, part, 1)

    def prediction_bytes(self, target: str) -> float:
        """Bytes of one cell's predictions."""
        predicted = self.items(target, "eval") * _PREDICTED.get(target, 1.0)
        return (predicted + self.perturbed_items(target)) * _BYTES[TARGETS[target].kind][2]

    def embedding_bytes(self, target: str, hidden: int) -> float:
        """Bytes of one cell's sentence vectors in float32, while it is retrieved."""
        return 4.0 * hidden * (self.items(target, "eval") + self.perturbed_items(target))

    def perturbed_items(self, target: str) -> int:
        """Items of a target under all conditions, none where it is not perturbed."""
        return self.items(target, PERTURBED) if target in self._grid.perturbed else 0

    def unknown(self) -> list[str]:
        """Sources of which nothing is known here."""
        if self._experiment.data_source == "invitro":
            return []
        return [
            source
            for source in self._grid.tasks
            if source != TEXT and Source.of(source).task not in _ITEMS
        ]

    def _bytes(self, source: str, part: str, column: int) -> float:
        """Bytes of a file; of plain text by the sizes of what it is made of."""
        if source != TEXT:
            return self.items(source, part) * _BYTES[TASKS[Source.of(source).task].kind][column]
        files = [Path(name) for name in self._grid.input_files(source, part)]
        share = self._experiment.text.dev_share if part == "dev" else 1.0
        found = _OF_TEXT * share * sum(path.stat().st_size for path in files)
        # Generated text lies in no file.
        return found or self.items(source, part) * _BYTES[Kind.MLM][column]
