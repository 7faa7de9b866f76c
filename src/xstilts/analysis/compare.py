"""One side against another on the same items: an encoder after a recipe, against another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from xstilts.analysis.comparable import KNOWN, Common, common
from xstilts.analysis.groups import group_rows
from xstilts.analysis.inference.bootstrap import DRAWS, sample_of
from xstilts.analysis.inputs.panel import Panel
from xstilts.analysis.side_scores import INDEPENDENT, Seeds, Sides, cells_of, collapsed_of
from xstilts.analysis.sides import Side, data_notes, short_names
from xstilts.analysis.tables import BRANCH, GAIN, GAINS, LOSES, POINTS, SCORE, Row
from xstilts.config.recipes import NONE
from xstilts.config.tasks import TARGETS

# The columns of a row of a comparison that are those of `tables.GROUPS`.
_TAKEN = (
    *("target", "grouping", "group", "value", "low", "high", "error", "seeds_share", "p"),
    *("p_adjusted", "tests", "verdict", "detectable", "basis", "languages", "items", "clusters"),
    *("design_effect", "seeds", "targets", "single", "with_collapsed", "collapsed_seeds"),
)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One side minus another.

    Attributes:
        sides, names: both, and what tells them apart.
        common: what they are compared on.
        seeds: target to the seeds of the two sides that are compared.
        rows: one a (target, grouping, group); see `report.compare.COLUMNS`.
        notes: sentences on collapsed runs and seeds that are left out.
    """

    sides: tuple[Side, Side]
    names: tuple[str, str]
    common: Common
    seeds: Mapping[str, Seeds]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    draws: int


def compare(
    one: Side,
    other: Side,
    *,
    split: str | None = None,
    targets: Sequence[str] | None = None,
    languages: Sequence[str] | None = None,
    draws: int = DRAWS,
) -> Comparison:
    """One side minus another, in each language, family and target and over XTREME's targets.

    Args:
        split, targets, languages: a restriction, as in `comparable.common`.
        draws: of the bootstrap.

    Raises:
        XstiltsError: the sides are the same, or were not tested on the same.
    """
    sides = (one, other)
    first, second = names = short_names(sides)
    shared = common(sides, names, split=split, targets=targets, languages=languages)
    left_out, notes = collapsed_of(names, sides, shared)
    samples = {
        target: sample_of(cells, shared.languages[target], split=shared.split, draws=draws)
        for target, cells in cells_of(names, shared).items()
    }
    found = Sides(
        samples,
        {name for name, side in zip(names, sides, strict=True) if side.recipe == NONE},
        left_out,
        against=dict(zip(names, reversed(names), strict=True)),
    )
    seeds = {target: found.compared(target, *names) for target in samples}
    panel = Panel(evidence=found, recipes=tuple(names), languages=KNOWN, baseline=names[1])
    return Comparison(
        sides=sides,
        names=(first, second),
        common=shared,
        seeds=seeds,
        rows=tuple(_rows(panel, names)),
        notes=(
            *notes,
            *_seed_notes(names, found, seeds),
            *data_notes(sides, names, list(samples)),
        ),
        draws=draws,
    )


def _rows(panel: Panel, names: Sequence[str]) -> Iterator[Row]:
    rows = [
        row
        for row in group_rows(panel)
        if row["scale"] == POINTS and row["grouping"] != BRANCH and row["quantity"] in (SCORE, GAIN)
    ]
    levels = {
        (row["recipe"], row["target"], row["grouping"], row["group"]): row["value"]
        for row in rows
        if row["quantity"] == SCORE
    }
    words = {GAINS: f"{names[0]} is better", LOSES: f"{names[1]} is better"}
    for row in rows:
        if row["quantity"] == GAIN:
            place = (row["target"], row["grouping"], row["group"])
            taken: Row = {name: row.get(name) for name in _TAKEN}
            for word, said in words.items():
                taken["verdict"] = taken["verdict"].replace(word, said)
            yield taken | {"a": levels[names[0], *place], "b": levels[names[1], *place]}


def _seed_notes(names: Sequence[str], found: Sides, seeds: Mapping[str, Seeds]) -> Iterator[str]:
    """Which seeds are left out, and where sides are not paired by seed."""
    notes: dict[str, list[str]] = {}
    for target, held in seeds.items():
        title = TARGETS[target].title
        both = (held.one, held.other)
        if held.how == INDEPENDENT:
            listed = " and ".join(
                f"{_listed(used)} of {name}" for name, used in zip(names, both, strict=True)
            )
            note = (
                f"No seed in common, so that the seeds of each side are resampled for themselves:"
                f" {listed}"
            )
            if 1 in map(len, both):
                note += "; with one seed on a side, verdicts are on these runs"
            notes.setdefault(note, []).append(title)
        for name, used, other in zip(names, both, reversed(names), strict=True):
            gone = tuple(seed for seed in found.seeds(name, target) if seed not in used)
            if gone:
                note = f"Left out, since {other} lacks them: {_listed(gone)} of {name}"
                notes.setdefault(note, []).append(title)
    for note, titles in notes.items():
        yield f"{note} ({', '.join(titles)})."


def _listed(seeds: Sequence[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
