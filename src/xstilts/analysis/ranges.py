"""From which language to which the values of a group reach."""

from __future__ import annotations

import polars as pl

from xstilts.analysis.tables import LANGUAGE

_CELL = ("encoder", "recipe", "target", "scale", "quantity")


def with_ranges(groups: pl.DataFrame) -> pl.DataFrame:
    """With columns `least` and `greatest`: over the languages of each row, null of one language.

    Args:
        groups: rows of `tables.GROUPS`; a language counts where it has a row of its own.
    """
    own = groups.filter(grouping=LANGUAGE).select(*_CELL, "value", language="group")
    several = groups.filter(pl.col("languages").list.len() > 1)
    place = (*_CELL, "grouping", "group")
    found = (
        several.select(*place, language="languages")
        .explode("language")
        .join(own, on=[*_CELL, "language"], how="inner")
        .group_by(place)
        .agg(least=pl.col("value").min(), greatest=pl.col("value").max())
    )
    return groups.join(found, on=place, how="left", maintain_order="left")
