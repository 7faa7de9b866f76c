"""Items that depend on each other: their design effect, and what is resampled of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prediction_files import Item, rows_of, write_cell

from xstilts.analysis.inference.bootstrap import Sample, sample_of
from xstilts.analysis.inputs.items import (
    CLEAN,
    cell_files,
    design_effects,
    items_of,
    read_conditions,
    read_items,
)
from xstilts.config.tasks import TARGETS, Kind
from xstilts.data.schemas import PREDICTIONS
from xstilts.execution.parquet import write_table

# Clusters of items, each with what it adds to the numerator and to the denominator.
CLUSTERS = st.lists(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=4),
    min_size=1,
    max_size=6,
)


def correlated(
    rng: np.random.Generator, clusters: int, size: int, correlation: float, rate: float = 0.7
) -> np.ndarray:
    """(clusters, size): right or wrong, with this intraclass correlation (beta-binomial)."""
    ease = np.full(clusters, rate)
    if correlation:
        spread = 1 / correlation - 1
        ease = rng.beta(rate * spread, (1 - rate) * spread, clusters)
    return (rng.random((clusters, size)) < ease[:, None]).astype(float)


def effect_of(clusters: Sequence[Sequence[tuple[float, float]]]) -> float:
    """The design effect of one language."""
    items = np.array([item for held in clusters for item in held], dtype=float)
    place = np.repeat(np.arange(len(clusters)), [len(held) for held in clusters])
    one = np.zeros(len(clusters), dtype=int)
    (found,) = design_effects(*items.T, cluster=place, language=one, languages=1)
    return float(found)


@given(CLUSTERS)
def test_the_design_effect_is_that_of_plain_loops(
    clusters: list[list[tuple[int, int]]],
) -> None:
    above, below = (sum(item[side] for held in clusters for item in held) for side in (0, 1))
    score = above / below if below else 0
    residuals = [[one - score * other for one, other in held] for held in clusters]
    squares = sum(e * e for held in residuals for e in held)
    if squares < 1e-9:
        assert np.isnan(effect_of(clusters))
        return
    expected = sum(sum(held) ** 2 for held in residuals) / squares
    assert effect_of(clusters) == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 9)), min_size=2, max_size=40))
def test_the_design_effect_of_single_items_is_exactly_1(items: list[tuple[float, int]]) -> None:
    found = effect_of([[item] for item in items])
    assert found == 1 or np.isnan(found)


def test_nothing_is_known_where_nothing_varies() -> None:
    assert np.isnan(effect_of([[(1, 1)] * 3, [(1, 1)] * 2]))
    assert np.isnan(effect_of([[(0.1, 1)] * 3, [(0.1, 1)] * 7]))
    assert np.isnan(effect_of([[(0, 0)] * 3]))


def test_languages_do_not_mix() -> None:
    """Two clusters of the first language are all right or all wrong, those of the last mixed."""
    right = np.array([1, 1, 0, 0, 1, 0, 1, 0], dtype=float)
    found = design_effects(
        right,
        np.ones(8),
        cluster=np.repeat(np.arange(4), 2),
        language=np.array([0, 0, 2, 2]),
        languages=4,
    )
    assert found[[0, 2]].tolist() == [2, 0]
    assert np.isnan(found[[1, 3]]).all()


@pytest.mark.parametrize("size", [2, 5, 10])
@pytest.mark.parametrize("correlation", [0, 0.1, 0.2])
def test_the_design_effect_of_correlated_items(size: int, correlation: float) -> None:
    """1 + (m - 1) rho (Kish 1965)."""
    right = correlated(np.random.default_rng(1), 40_000, size, correlation)
    found = effect_of([[(hit, 1) for hit in held] for held in right.tolist()])
    assert found == pytest.approx(1 + (size - 1) * correlation, rel=0.03)


def sample(folder: Path, right: np.ndarray, clustered: bool) -> Sample:
    """TyDi QA with answers (languages, clusters, size) that are right or wrong."""
    codes = TARGETS["tydiqa"].languages[: len(right)]
    names = [[f"q{c:04d}-{n}" for n in range(right.shape[2])] for c in range(right.shape[1])]
    items: dict[str, list[Item]] = {
        code: [
            (name, hit, hit)
            for own, hits in zip(names, held.tolist(), strict=True)
            for name, hit in zip(own, hits, strict=True)
        ]
        for code, held in zip(codes, right, strict=True)
    }
    clusters = {name: f"c{number:04d}" for number, own in enumerate(names) for name in own}
    path = write_cell(
        folder, ("enc", "none", "tydiqa", 1), items, clusters=clusters if clustered else None
    )
    return sample_of(cell_files([path], ["none"]), codes, split="test", draws=2000)


def test_standard_errors_are_right_with_clusters_and_far_too_small_without(tmp_path: Path) -> None:
    """Nine languages of 400 passages with 5 questions each, whose correlation is 0.2."""
    right = np.stack([correlated(np.random.default_rng(n), 400, 5, 0.2) for n in range(9)])
    truth = 100 * np.sqrt(0.7 * 0.3 / 2000 * (1 + 4 * 0.2))
    ours, without = (sample(tmp_path / f"{way}", right, way) for way in (True, False))
    found, naive = (np.sqrt(s.scores[1:].var(axis=0).mean()) for s in (ours, without))
    assert found == pytest.approx(truth, rel=0.04)
    assert naive < 0.8 * truth
    assert ours.scores[0] == pytest.approx(without.scores[0], abs=1e-4)
    assert set(ours.clusters.values()) == {400}
    assert set(ours.counts.values()) == set(without.clusters.values()) == {2000}
    assert np.mean(list(ours.design_effects.values())) == pytest.approx(1.8, rel=0.04)
    assert set(without.design_effects.values()) == {1.0}
    # What the design effect says of the variance is what resampling finds.
    effects = np.array(list(ours.design_effects.values()))
    wider = ours.scores[1:].var(axis=0)[0] / without.scores[1:].var(axis=0)[0]
    assert wider == pytest.approx(effects, rel=0.15)


def write_rows(folder: Path, rows: Sequence[dict]) -> Path:
    table = pa.Table.from_pylist(list(rows), schema=PREDICTIONS[Kind.PAIR])
    path = folder / "xnli.parquet"
    wildcards = {"encoder": "enc", "recipe": "none", "target": "xnli", "seed": "1"}
    write_table(path, table, {"wildcards": wildcards})
    return path


def test_clusters_stand_beside_each_other_in_parallel_languages(tmp_path: Path) -> None:
    """Three premises; Arabic lacks the last, and one of its hypotheses left the pairing."""
    clusters = {"h1": "p1", "h2": "p1", "h3": "p2", "h4": "p3", "h5": "p3"}
    german = rows_of(
        "xnli", "de", [(name, int(name != "h4")) for name in clusters], "test", clusters
    )
    arabic = rows_of("xnli", "ar", [("h1", 1), ("h2", 1), ("h3", 0)], "test", clusters)
    arabic[1] |= {"group": "ar:h2"}
    (file,) = cell_files([write_rows(tmp_path, [*german, *arabic])], ["none"])
    items = read_items([file], ("ar", "de"), "test")
    assert items["de"].numerator[:, 0].tolist() == [2, 1, 1]
    assert items["de"].denominator[:, 0].tolist() == [2, 1, 2]
    assert items["ar"].numerator[:, 0].tolist() == [2, 0, 0]
    assert items["ar"].denominator[:, 0].tolist() == [2, 1, 0]
    assert [(items[code].count, items[code].clusters) for code in ("ar", "de")] == [(3, 2), (5, 3)]
    # Residuals of Arabic are 1/3, 1/3 and -2/3: (4/9 + 4/9) / (1/9 + 1/9 + 4/9).
    assert items["ar"].design_effect == pytest.approx(8 / 6)


def test_items_not_clusters_are_confined_to_what_was_perturbed(tmp_path: Path) -> None:
    clusters = dict.fromkeys(("h1", "h2", "h3"), "p1")
    clean = rows_of("xnli", "de", [("h1", 1), ("h2", 1), ("h3", 0)], "test", clusters)
    noisy = rows_of("xnli", "de", [("h1", 0), ("h3", 0)], "test", clusters)
    noisy = [{**row, "condition": "typos@0.1"} for row in noisy]
    (file,) = cell_files([write_rows(tmp_path, [*clean, *noisy])], ["none"])
    rows = read_conditions(file, "test")
    (held,) = items_of([rows], "xnli", ("de",), condition=CLEAN, within="typos@0.1").values()
    assert held.numerator.tolist() == [[1]]
    assert held.denominator.tolist() == [[2]]
    assert (held.count, held.clusters) == (2, 1)
