"""Comparisons and rankings of sides as lines of text and as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xstilts.analysis.comparable import KNOWN, Common
from xstilts.analysis.compare import Comparison
from xstilts.analysis.inference.adjust import NOT_ENOUGH
from xstilts.analysis.ranking import Order, Ranking
from xstilts.analysis.side_scores import PAIRED, Seeds
from xstilts.analysis.sides import Side, data_of
from xstilts.analysis.tables import (
    ALL,
    ALL_FAMILIES,
    ALL_LANGUAGES,
    EVERY,
    FAMILY,
    LANGUAGE,
    WITH_ENGLISH,
)
from xstilts.config.tasks import SOURCE_LANGUAGE, averaged
from xstilts.execution.provenance import versions
from xstilts.report.wording import title
from xstilts.rounding import fixed, signed

# What the keys of `rows` and `pairs` mean; stands in the JSON too.
COLUMNS = {
    "target": "a target; empty for the mean over those targets of XTREME that are compared",
    "grouping": "language, family, or all",
    "group": "a language by its code, a family, or: all languages (English left out), all families"
    " (their mean), with English (XTREME's task score)",
    "a": "points of the first side, over the seeds that are compared; of a pair the better side",
    "b": "points of the second side; of a pair the other side",
    "value": "a minus b in points",
    "low": "lower end of its 95 % interval",
    "high": "upper end of its 95 % interval",
    "error": "its standard error",
    "seeds_share": "of the square of the error, what seeds give",
    "p": "two-sided p of this difference alone",
    "p_adjusted": "p adjusted by Holm for all tests of one target and grouping, or for all pairs",
    "tests": "how many tests p is adjusted for",
    "verdict": "which side is better, taken from the adjusted p at 5 %; 'in this run' where one"
    " seed says nothing of others",
    "detectable": "the smallest difference that such data show with a probability of 80 %",
    "basis": "what the interval is over",
    "pairing": "paired by seed, or independent seeds",
    "languages": "the languages of the group",
    "items": "test items of these languages and targets",
    "clusters": "passages, premises or documents that these items have",
    "design_effect": "by how much dependent items widen the variance over items",
    "seeds": "how many seeds each side has in the comparison; the fewer",
    "targets": "how many targets the row is the mean of",
    "single": "a family of one language",
    "with_collapsed": "the value over all seeds, where some learnt nothing and are left out",
    "collapsed_seeds": "how many runs are left out because they learnt nothing",
    "letters": "two sides that share a letter cannot be told apart",
}


def group_name(row: Mapping[str, Any]) -> str:
    """A group as a reader knows it."""
    name = row["group"]
    if row["grouping"] == LANGUAGE:
        return f"{KNOWN[name].name} ({name})"
    if row["grouping"] == FAMILY and row["single"]:
        return f"{name} ({row['languages'][0]})"
    return name


def comparison_lines(found: Comparison) -> list[str]:
    """The answer in a sentence; then what differs, what could have been seen, and notes."""
    one, other = found.names
    every = [row for row in found.rows if row["target"] == EVERY]
    scores = [
        row
        for row in found.rows
        if row["grouping"] == ALL
        and (row["group"] == ALL_LANGUAGES or _has_english(row))
        and (row["target"] != EVERY or row["targets"] > 1)
    ]
    heading = ("Target", "", one, other, "difference", "95 %", "p", "verdict")
    lines = [answer(found), "", what(found), ""]
    lines += _aligned(
        [
            heading,
            *(
                (_target(row["target"]), row["group"], *_levels(row), *_judged(row))
                for row in sorted(scores, key=lambda row: row["target"] != EVERY)
            ),
        ],
        left=2,
    )
    for grouping, one_of, plural in (
        (FAMILY, "family", "families"),
        (LANGUAGE, "language", "languages"),
    ):
        rows = [row for row in every if row["grouping"] == grouping]
        clear = [row for row in rows if row["verdict"] != NOT_ENOUGH]
        if not rows:
            continue
        counted = f"Of {len(rows)} {plural if len(rows) > 1 else one_of}"
        verb = f"clearly differ{'s' if len(clear) == 1 else ''}"
        end = ":" if clear else "."
        lines += ["", f"{counted}, {len(clear) or 'none'} {verb} (mean over targets){end}"]
        lines += _aligned(
            [
                (f"  {group_name(row)}", *_levels(row), *_judged(row))
                for row in sorted(clear, key=lambda row: -row["value"])
            ]
        )
    return [*lines, "", *seen(found), *_notes(found.notes, found.common)]


def answer(found: Comparison) -> str:
    """What was found, in a sentence with its interval."""
    row = overall(found)
    one, other = found.names
    where = (
        f"On average over {row['targets']} targets"
        if row["target"] == EVERY and row["targets"] > 1
        else f"On {title(next(iter(found.common.languages)))}"
    )
    few = len(row["languages"])
    spoken = f"in {few} languages other than English" if few > 1 else f"in {row['languages'][0]}"
    level = "more" if row["value"] >= 0 else "less"
    said = (
        f"{where}, {spoken}, {one} scores {fixed(abs(row['value']))} points {level} than {other}"
        f" (95 % {_interval(row)}, p {_p(row['p_adjusted'])}): {row['verdict']}"
    )
    if row["verdict"] == NOT_ENOUGH and row["detectable"] is not None:
        return (
            f"{said}; a difference of {fixed(row['detectable'])} would have been seen with a"
            " probability of 80 %."
        )
    return f"{said}."


def overall(found: Comparison) -> Mapping[str, Any]:
    """The row of all languages over all of XTREME's targets, or of the first target without."""
    rows = [row for row in found.rows if row["group"] == ALL_LANGUAGES and row["grouping"] == ALL]
    return min(rows, key=lambda row: row["target"] != EVERY)


def what(found: Comparison) -> str:
    """What is compared with what."""
    kinds: dict[Seeds, list[str]] = {}
    for target, held in found.seeds.items():
        kinds.setdefault(held, []).append(title(target))
    how = "; ".join(
        _seeds(held) + (f" on {', '.join(titles)}" if len(kinds) > 1 else "")
        for held, titles in kinds.items()
    )
    return f"{found.sides[0].name} minus {found.sides[1].name}; {_scope(found.common)}; {how}."


def _seeds(held: Seeds) -> str:
    one, other = (", ".join(map(str, seeds)) for seeds in (held.one, held.other))
    several = "s" if len(held.one) > 1 else ""
    return f"seed{several} {one}" + (" (paired)" if held.how == PAIRED else f" against {other}")


def seen(found: Comparison) -> list[str]:
    """What the data could have shown."""
    lines = []
    for grouping, label in ((ALL, ""), (FAMILY, "a family"), (LANGUAGE, "a language")):
        for each, place in ((EVERY, "the mean over targets"), (None, "single targets")):
            sizes = [
                row["detectable"]
                for row in found.rows
                if row["grouping"] == grouping
                and (row["target"] == EVERY) == (each == EVERY)
                and row["group"] not in (ALL_FAMILIES, WITH_ENGLISH)
                and row["detectable"] is not None
            ]
            if sizes:
                lines.append((f"  {f'{label}, ' if label else ''}{place}", _range(sizes)))
    if not lines:
        return []
    head = "Differences in points that would be seen with a probability of 80 %:"
    return [head, *_aligned(lines)]


def ranking_lines(found: Ranking) -> list[str]:
    """Which sides are best, in a sentence; then all in order, with letters."""
    first = found.orders[0]
    ordered = [placed.name for placed in first.placed]
    heading = ("", *(_target(order.target) for order in found.orders))
    table = [heading]
    for name in ordered:
        cells = [
            next(
                f"{fixed(each.mean.value)} {''.join(each.letters)}"
                for each in order.placed
                if each.name == name
            )
            for order in found.orders
        ]
        table.append((name, *cells))
    sizes = [row["detectable"] for row in first.pairs]
    return [
        best(first, found.common),
        "",
        f"{len(found.sides)} sides; {_scope(found.common)}; points in languages other than"
        " English.",
        "Two sides that share a letter in a column cannot be told apart.",
        "",
        *_aligned(table, left=1 + len(found.orders)),
        "",
        f"Differences in points that would be seen with a probability of 80 %: {_range(sizes)}"
        f" ({_target(first.target).lower()}).",
        *_notes(found.notes, found.common),
    ]


def best(order: Order, shared: Common) -> str:
    """The best side, and those that cannot be told from it."""
    first, *others = order.placed
    close = [each.name for each in others if set(each.letters) & set(first.letters)]
    where = (
        f"On average over {len(averaged(shared.languages))} targets"
        if order.target == EVERY
        else f"On {title(order.target)}"
    )
    seeds = min(row["seeds"] for row in order.pairs)
    run = " (in this run: one seed says nothing of others)" if seeds == 1 else ""
    said = f"{where}, {first.name} is first with {fixed(first.mean.value)} points{run}"
    if not close:
        return f"{said}, clearly above all others."
    rest = len(others) - len(close)
    below = f"; clearly below: {rest}" if rest else ""
    return f"{said}; not enough data to tell it from {', '.join(close)}{below}."


def comparison_document(found: Comparison) -> dict[str, Any]:
    """A comparison as plain data; `columns` says what the keys of `rows` mean.

    `answer` is the sentence, `a` and `b` the sides, `targets` what they were compared on with the
    seeds of each, `left_out` what a restriction leaves out, and `versions` what made this.
    """
    targets = {
        target: {
            "languages": list(codes),
            "seeds_a": list(found.seeds[target].one),
            "seeds_b": list(found.seeds[target].other),
            "pairing": found.seeds[target].how,
        }
        for target, codes in found.common.languages.items()
    }
    sides = dict(zip(("a", "b"), _sides(found.sides, found.names, found.common), strict=True))
    rows = [dict(row) for row in found.rows]
    return {
        "comparison": answer(found),
        **sides,
        **_shared(found.common, found.notes, found.draws, rows),
        "targets": targets,
        "rows": rows,
    }


def ranking_document(found: Ranking) -> dict[str, Any]:
    """A ranking as plain data; `columns` says what the keys of `pairs` mean.

    `orders` has one entry a target, the mean over XTREME's targets first: the sides in order with
    their means and letters (`placed`), and each pair of them (`pairs`).
    """
    orders: list[dict[str, Any]] = [
        {
            "target": order.target,
            "placed": [
                {
                    "name": each.name,
                    "value": each.mean.value,
                    "low": each.mean.low,
                    "high": each.mean.high,
                    "letters": "".join(each.letters),
                }
                for each in order.placed
            ],
            "pairs": [dict(row) for row in order.pairs],
        }
        for order in found.orders
    ]
    rows = [row for order in orders for row in (*order["placed"], *order["pairs"])]
    return {
        "ranking": best(found.orders[0], found.common),
        "sides": _sides(found.sides, found.names, found.common),
        **_shared(found.common, found.notes, found.draws, rows),
        "targets": {target: list(codes) for target, codes in found.common.languages.items()},
        "orders": orders,
    }


def _sides(sides: Sequence[Side], names: Sequence[str], shared: Common) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "experiment": side.experiment,
            "folder": str(side.folder),
            "encoder": side.encoder,
            "recipe": side.recipe,
            "data": data_of(side, list(shared.languages)),
        }
        for name, side in zip(names, sides, strict=True)
    ]


def _shared(
    shared: Common, notes: Sequence[str], draws: int, rows: Sequence[Mapping]
) -> dict[str, Any]:
    used = {name for row in rows for name in row}
    return {
        "versions": versions(),
        "split": shared.split,
        "draws": draws,
        "notes": list(notes),
        "left_out": {target: list(codes) for target, codes in shared.left_out.items()},
        "columns": {name: meaning for name, meaning in COLUMNS.items() if name in used},
    }


def left_out(shared: Common) -> list[str]:
    """What a restriction leaves out, in a sentence each."""
    whole = [title(target) for target in shared.left_out if target not in shared.languages]
    parts = [
        f"{title(target)} in {', '.join(codes)}"
        for target, codes in shared.left_out.items()
        if target in shared.languages
    ]
    return [f"Left out as asked: {', '.join([*whole, *parts])}."] if whole or parts else []


def _notes(notes: Sequence[str], shared: Common) -> list[str]:
    held = [*left_out(shared), *notes]
    return ["", *held] if held else []


def _scope(shared: Common) -> str:
    targets = ", ".join(title(target) for target in shared.languages)
    codes = {code for held in shared.languages.values() for code in held}
    return f"{shared.split} items of {targets}; {len(codes)} languages"


def _target(target: str) -> str:
    return title(target) if target != EVERY else "Mean over targets"


def _has_english(row: Mapping[str, Any]) -> bool:
    return row["group"] == WITH_ENGLISH and SOURCE_LANGUAGE in row["languages"]


def _levels(row: Mapping[str, Any]) -> tuple[str, str]:
    return fixed(row["a"]), fixed(row["b"])


def _judged(row: Mapping[str, Any]) -> tuple[str, ...]:
    return signed(row["value"]), _interval(row), _p(row["p_adjusted"]), row["verdict"]


def _interval(row: Mapping[str, Any]) -> str:
    return f"{signed(row['low'])} to {signed(row['high'])}"


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.2g}"


def _range(sizes: Sequence[float]) -> str:
    low, high = fixed(min(sizes)), fixed(max(sizes))
    return low if low == high else f"{low} to {high}"


def _aligned(rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Rows as lines; the first columns and the last one flush left, numbers flush right."""
    if not rows:
        return []
    last = len(rows[0]) - 1
    widths = [max(len(row[place]) for row in rows) for place in range(last + 1)]
    return [
        "  ".join(
            text.ljust(width) if place < left or place == last else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
