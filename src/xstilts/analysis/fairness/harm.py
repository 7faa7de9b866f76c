"""Negative transfer, and which families bear it: the table `tables.HARM`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from xstilts.analysis.fairness import formulas as measures
from xstilts.analysis.inference.adjust import NOT_ENOUGH, Statement, holm, judge
from xstilts.analysis.inference.bootstrap import DRAWS
from xstilts.analysis.inference.estimates import LEVEL, Estimate
from xstilts.analysis.inputs.panel import Panel
from xstilts.analysis.tables import ALL, EVERY, FAMILY, GAIN, LANGUAGE, POINTS, Row, or_null
from xstilts.config.seeds import derive_seed

BEARS_MORE = "bears more than its share"


def harm_rows(panel: Panel, groups: Iterable[Row]) -> list[Row]:
    """The rows of `tables.HARM`; in `EVERY` the pairs of averaged targets and languages count.

    Args:
        groups: rows of `tables.GROUPS`.
    """
    gains: dict[tuple[str, str, str], list[Row]] = {}
    for row in groups:
        if (row["scale"], row["quantity"]) == (POINTS, GAIN):
            gains.setdefault((row["recipe"], row["target"], row["grouping"]), []).append(row)
    rows = []
    for recipe in dict.fromkeys(recipe for recipe, *_ in gains):
        have = [target for target in panel.targets if (recipe, target, LANGUAGE) in gains]
        averaged = [target for target in have if target in panel.averaged]
        scopes = {**{target: [target] for target in have}, EVERY: averaged}
        for target, scope in scopes.items():
            if not scope:
                continue
            languages, families = (
                [gains[recipe, each, grouping] for each in scope] for grouping in (LANGUAGE, FAMILY)
            )
            head = {"encoder": panel.evidence.encoder, "recipe": recipe, "target": target}
            seed = derive_seed("harm", target)
            own = list(_rows(panel, languages, families, seed))
            _judge([row for row in own if row.get("p") is not None], languages)
            rows += [{**head, **row} for row in own]
    return rows


def _rows(
    panel: Panel,
    languages: Sequence[Sequence[Row]],
    families: Sequence[Sequence[Row]],
    seed: int,
) -> Iterator[Row]:
    """Of one scope: per target, the gains of languages and of families."""
    pairs = [row for held in languages for row in held]
    yield {"grouping": LANGUAGE, "group": ALL, **_rates(pairs), "single": False}
    # Families of one language are counted too; each family's own row says which they are.
    every = [row for held in families for row in held]
    yield {"grouping": FAMILY, "group": ALL, **_rates(every), "single": False}

    changes = [np.array([row["value"] for row in held]) for held in languages]
    codes = [[row["group"] for row in held] for held in languages]
    family_of = {code: panel.languages[code].family for held in codes for code in held}
    flat = [family_of[code] for held in codes for code in held]
    p_values = measures.harm_concentration_p(changes, codes, family_of, draws=DRAWS, seed=seed)
    found = measures.harm_concentration(np.concatenate(changes), flat)
    for family, harm in found.items():
        own = [row for row, name in zip(pairs, flat, strict=True) if name == family]
        yield {
            "grouping": FAMILY,
            "group": family,
            **_rates(own),
            "ratio": or_null(harm.concentration),
            "share_of_losses": or_null(harm.loss_share),
            "p": p_values[family],
            "single": family in panel.single,
        }


def _judge(rows: Sequence[Row], languages: Sequence[Sequence[Row]]) -> None:
    """Fill in which families bear more than their share, for all of them together."""
    seeds = min(row["seeds"] for held in languages for row in held)
    judge(
        (
            Statement(
                row=row,
                estimate=Estimate(value=1.0, p=row["p"]),
                words=(NOT_ENOUGH, BEARS_MORE),
                seeds=seeds,
            )
            for row in rows
        ),
        holm,
    )


def _rates(rows: Sequence[Row]) -> dict[str, float | int | None]:
    """How many lose, and how many for certain: null where a row has no interval.

    For certain is what loses with a p that holds for all of these rows together.
    """
    harmed = sum(row["value"] < 0 for row in rows)
    strictly = None
    if all(row["p"] is not None for row in rows):
        adjusted = holm([row["p"] for row in rows])
        strictly = sum(
            row["value"] < 0 and p < LEVEL for row, p in zip(rows, adjusted, strict=True)
        )
    return {
        "harmed": harmed,
        "strictly": strictly,
        "count": len(rows),
        "rate": harmed / len(rows),
        "strict": None if strictly is None else strictly / len(rows),
    }
