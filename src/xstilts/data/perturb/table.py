"""The evaluation data of one task under several conditions, in one table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from xstilts.config.languages import Language
from xstilts.config.perturbations.conditions import parse_condition
from xstilts.config.perturbations.kinds import KINDS
from xstilts.config.tasks import Kind, Task
from xstilts.data.kinds import ITEMS
from xstilts.data.perturb.letters import Alphabet
from xstilts.data.perturb.noise import ItemNoise
from xstilts.data.rows import item_name
from xstilts.data.sampling import rank
from xstilts.data.schemas import DATA
from xstilts.errors import XstiltsError, did_you_mean
from xstilts.execution.parquet import expect_columns

# A language's letters are counted in at most so many of its items, which is plenty.
_ALPHABET_ITEMS = 1000


def perturbed_schema(kind: Kind) -> pa.Schema:
    """The columns of `schemas.DATA` and, last, the condition."""
    return DATA[kind].append(pa.field("condition", pa.string()))


def perturb_table(
    task: Task,
    table: pa.Table,
    conditions: Sequence[str],
    languages: Mapping[str, Language],
    *,
    split: str = "test",
    items: int | None = None,
) -> pa.Table:
    """Perturbed versions of the items of one split.

    The rows of one condition follow those of another; within one they keep their order. A
    language that a condition does not apply to has no rows there. Of retrieval data, the foreign
    sentences are perturbed and the English ones left out: they are what they were.

    An item is perturbed in the same way whatever other items, languages and conditions there are,
    but that new letters are drawn from those of all items of its split and language.

    Args:
        table: normalised data (`schemas.DATA`) of the task.
        conditions: names such as `typos@0.1` (`xstilts.config.perturbations.condition_name`).
        languages: what is known of the languages of the table, by code.
        items: at most so many items in each language, the same in every condition, and on a
            parallel task the same in every language that has them.

    Returns:
        A table in `perturbed_schema(task.kind)`.

    Raises:
        XstiltsError: the task's items have no texts to perturb, the table has other columns, a
            condition is unknown or repeats, or nothing is known of a language.
    """
    where = f"perturbing {task.key}"
    own = ITEMS[task.kind]
    if not own.texts:
        raise XstiltsError(f"a task of kind {task.kind} has no items to perturb", where=where)
    expect_columns(table, DATA[task.kind], where)
    asked = {name: parse_condition(name) for name in conditions}
    if len(asked) < len(conditions):
        raise XstiltsError(f"a condition repeats: {', '.join(conditions)}", where=where)
    here = _of_split(task, table, split)
    ranked = _ranked(here)
    for code in ranked:
        if code not in languages:
            raise XstiltsError(
                f"unknown language {code!r}", where=where, hint=did_you_mean(code, languages)
            )
    draws_letters = any(KINDS[kind].unit is None for kind, _ in asked.values())
    counted = _ALPHABET_ITEMS if draws_letters else 0
    alphabets = {
        code: _alphabet(here, places[:counted], task.kind) for code, places in ranked.items()
    }
    kept = sorted(place for places in ranked.values() for place in places[:items])
    rows = here.take(pa.array(kept, pa.int64())).to_pylist()
    schema = perturbed_schema(task.kind)
    parts = [schema.empty_table()]
    for name, (kind, strength) in asked.items():
        changed = []
        for row in rows:
            code = row["language"]
            if KINDS[kind].applies_to(languages[code]):
                noise = ItemNoise(
                    kind, strength, task.key, languages[code], item_name(row), alphabets[code]
                )
                changed.append({**row, **own.perturb(row, noise), "condition": name})
        parts.append(pa.Table.from_pylist(changed, schema=schema))
    return pa.concat_tables(parts)


def _of_split(task: Task, table: pa.Table, split: str) -> pa.Table:
    chosen = pc.equal(table["split"], split)
    if task.facts.embedded:
        chosen = pc.and_(chosen, pc.equal(table["side"], "foreign"))
    return table.filter(chosen)


def _ranked(table: pa.Table) -> dict[str, list[int]]:
    """The rows of each language in an order that is as good as random and depends on no other."""
    keys = [name for name in ("id", "language", "group") if name in table.column_names]
    ranked: dict[str, list[tuple[bytes, str, int]]] = defaultdict(list)
    for place, row in enumerate(table.select(keys).to_pylist()):
        ranked[row["language"]].append((rank(item_name(row)), row["id"], place))
    return {code: [place for *_, place in sorted(rows)] for code, rows in ranked.items()}


def _alphabet(table: pa.Table, places: list[int], kind: Kind) -> Alphabet:
    rows = table.take(pa.array(places, pa.int64())).to_pylist()
    return Alphabet(text for row in rows for text in ITEMS[kind].text_of(row))
