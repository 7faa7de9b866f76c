"""How far the values of a group reach."""

from __future__ import annotations

import polars as pl
from findings_tables import example_findings

from xstilts.analysis.ranges import with_ranges
from xstilts.analysis.tables import LANGUAGE


def test_a_group_reaches_from_its_least_language_to_its_greatest() -> None:
    groups = example_findings()["groups"]
    cell = ("encoder", "recipe", "target", "scale", "quantity")
    values = {
        tuple(row[name] for name in (*cell, "group")): row["value"]
        for row in groups.filter(grouping=LANGUAGE).to_dicts()
    }
    found = with_ranges(groups)
    assert found.select(groups.columns).equals(groups)
    several = 0
    for row in found.to_dicts():
        place = tuple(row[name] for name in cell)
        own = [values[*place, code] for code in row["languages"] if (*place, code) in values]
        if len(row["languages"]) > 1:
            assert (row["least"], row["greatest"]) == (min(own), max(own))
            several += 1
        else:
            assert row["least"] is row["greatest"] is None
    assert several


def test_languages_without_a_row_do_not_count() -> None:
    groups = example_findings()["groups"]
    nothing = groups.filter(pl.col("grouping").ne(LANGUAGE))
    assert with_ranges(nothing)["least"].null_count() == nothing.height
