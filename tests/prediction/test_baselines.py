"""Tables of baselines, and what it takes to be clearly above the best of them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from few_scores import baselines
from small_items import pair_items, tag_items

from xstilts.config.tasks import TASKS
from xstilts.data.schemas import BASELINES
from xstilts.errors import XstiltsError
from xstilts.execution.parquet import write_table
from xstilts.prediction.shortcuts.scores import collect_baselines, shortcut_scores
from xstilts.scoring.best_baseline import BestBaseline, best_baseline, main_scores
from xstilts.scoring.item_counts import prediction_table
from xstilts.scoring.scores import cell_scores

PAWSX, UDPOS = TASKS["pawsx"], TASKS["udpos"]
NAMES = ("majority", "type_only", "shared_names")


def test_scores_of_the_shortcuts_that_a_target_has() -> None:
    """Two of three training labels are 1; of the English items one in four, of the German all."""
    items = pa.concat_tables([pair_items("0001"), pair_items("11", language="de")])
    table = shortcut_scores(PAWSX, pair_items("011", split="train"), items, ("majority",))
    assert table.schema.equals(BASELINES)
    rows = [row for row in table.to_pylist() if row["metric"] == "accuracy"]
    assert [(row["language"], row["value"], row["n"]) for row in rows] == [
        ("de", 100, 2),
        ("en", 25, 4),
    ]
    assert {(row["baseline"], row["encoder"], row["seed"]) for row in rows} == {("majority", "", 0)}
    tags = tag_items([["NOUN", "VERB"]])
    found = shortcut_scores(UDPOS, tags, tags, reversed(NAMES))["baseline"].unique().to_pylist()
    assert found == ["type_only", "majority"]


def test_shortcuts_and_untrained_encoders_are_collected_in_one_order(tmp_path: Path) -> None:
    items = pair_items("01")
    shortcuts, cells = tmp_path / "shortcuts.parquet", tmp_path / "cells.parquet"
    write_table(shortcuts, shortcut_scores(PAWSX, items, items, NAMES), {})
    table = prediction_table(PAWSX, items, list("00"))
    write_table(cells, cell_scores(table, PAWSX, "tiny", "untrained", 3), {})
    names = ("shared_names", "untrained", "majority", "type_only")
    found = collect_baselines([shortcuts], [cells], names)
    assert found.schema.equals(BASELINES)
    assert tuple(dict.fromkeys(found["baseline"].to_pylist())) == names
    untrained = [row for row in found.to_pylist() if row["encoder"] == "tiny"]
    assert {(row["baseline"], row["seed"], row["value"]) for row in untrained} == {
        ("untrained", 3, 50)
    }
    assert collect_baselines([], [], names).schema.equals(BASELINES)
    with pytest.raises(XstiltsError, match="unexpected untrained"):
        collect_baselines([shortcuts], [cells], NAMES)
    with pytest.raises(XstiltsError, match="expected the columns"):
        collect_baselines([cells], [], names)


def test_the_rival_is_the_best_in_english_of_this_encoder_and_of_none() -> None:
    table = baselines(
        ("majority", "", "xnli", "en", 33),
        ("majority", "", "xnli", "de", 99),
        ("type_only", "", "xnli", "en", 44),
        ("untrained", "small", "xnli", "en", 50),
        ("untrained", "large", "xnli", "en", 60),
        ("majority", "", "pawsx", "de", 55),
    )
    found = main_scores(table, "small", "test")
    assert found["majority", "xnli"] == {"en": 33, "de": 99}
    assert best_baseline(found, "xnli") == BestBaseline(name="untrained", value=50)
    assert best_baseline(main_scores(table, "other", "test"), "xnli") == BestBaseline(
        name="type_only", value=44
    )
    assert best_baseline(found, "pawsx") is None
    assert main_scores(table, "small", "dev") == {}


@pytest.mark.parametrize(
    ("score", "value", "beaten"),
    [(45.0, 40.0, True), (44.96, 40.0, True), (44.94, 40.0, False), (45.0, 40.06, False)],
)
def test_clearly_above_is_five_points_as_they_are_shown(
    score: float, value: float, beaten: bool
) -> None:
    assert BestBaseline(name="majority", value=value).is_beaten_by(score) is beaten
