"""Whether sides were tested on the same: same split, targets, languages, items and gold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow.parquet as pq

from xstilts.analysis.inputs.items import CLEAN, CellFile, shared_languages
from xstilts.analysis.sides import Side
from xstilts.config.languages import INVITRO_LANGUAGES, LANGUAGES
from xstilts.config.tasks import SOURCE_LANGUAGE, TARGETS
from xstilts.errors import XstiltsError, did_you_mean
from xstilts.scoring.metrics import METRICS, prediction_schema

# The languages of all data sources. They share the code of English alone, which is in no family
# that is compared.
KNOWN = {**INVITRO_LANGUAGES, **LANGUAGES}

_KEY = ["language", "id"]
# Between the tags of a sentence, or the answers to a question.
_BETWEEN = "\x1f"
# Gold that is longer is cut in a message.
_LONGEST = 60


@dataclass(frozen=True, kw_only=True)
class Common:
    """What all sides were tested on.

    Attributes:
        split: of the items.
        languages: target to its languages, in the order of the tables.
        files: for each side, the files of these targets.
        left_out: target to the languages that some side has and that a restriction leaves out.
    """

    split: str
    languages: Mapping[str, tuple[str, ...]]
    files: tuple[tuple[CellFile, ...], ...]
    left_out: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class _Problem:
    target: str
    language: str | None
    text: str


def common(
    sides: Sequence[Side],
    names: Sequence[str],
    *,
    split: str | None = None,
    targets: Sequence[str] | None = None,
    languages: Sequence[str] | None = None,
) -> Common:
    """What these sides can be compared on, where they have the same items.

    Args:
        sides: at least two.
        names: what they are called in errors.
        split: of which items; test unless a side has none, then development.
        targets, languages: to which a comparison is restricted; others are left out.

    Raises:
        XstiltsError: sides differ in split, targets, languages, items, clusters or gold, or
            nothing is left.
    """
    held = [{file: _clean(file) for file in side.files} for side in sides]
    split = _split(held, names, split)
    spoken = [
        {
            file: {code for part, code in found if part == split and code in KNOWN}
            for file, found in each.items()
        }
        for each in held
    ]
    spoken = [{file: codes for file, codes in each.items() if codes} for each in spoken]
    every: dict[str, set[str]] = {}
    for each in spoken:
        for file, codes in each.items():
            every.setdefault(file.target, set()).update(codes)
    _refuse_unknown("target", targets, every)
    _refuse_unknown("language", languages, set().union(*every.values()))
    kept = {
        target: codes
        for target in TARGETS
        if target in every and (targets is None or target in targets)
        if (codes := every[target] & set(every[target] if languages is None else languages))
    }
    cells = [
        (name, file, codes)
        for name, each in zip(names, spoken, strict=True)
        for file, codes in each.items()
    ]
    problems = [
        problem
        for target, codes in kept.items()
        for problem in _problems(target, codes, names, cells, split)
    ]
    if problems:
        _refuse(problems, kept)
    if not any(set(codes) - {SOURCE_LANGUAGE} for codes in kept.values()):
        raise XstiltsError(
            "nothing to compare: no target has a language other than English",
            hint="other --targets or --languages",
        )
    return Common(
        split=split,
        languages={target: shared_languages(target, [codes]) for target, codes in kept.items()},
        files=tuple(tuple(file for file in each if file.target in kept) for each in spoken),
        left_out={
            target: shared_languages(target, [gone])
            for target in TARGETS
            if target in every and (gone := every[target] - kept.get(target, set()))
        },
    )


def _clean(file: CellFile) -> set[tuple[str, str]]:
    """(split, language) of the clean items of a file."""
    if not pq.read_schema(file.path).equals(prediction_schema(TARGETS[file.target])):
        raise XstiltsError(
            f"no predictions of {file.target}, or those of an earlier version",
            where=file.path,
            hint="run the workflow again",
        )
    rows = pl.scan_parquet(file.path).filter(condition=CLEAN).select("split", "language")
    return set(rows.unique().collect().iter_rows())


def _split(
    held: Sequence[Mapping[CellFile, set[tuple[str, str]]]], names: Sequence[str], split: str | None
) -> str:
    """The split that is compared, which all sides must have."""
    theirs = [{part for found in each.values() for part, _ in found} for each in held]
    if split is not None:
        for name, parts in zip(names, theirs, strict=True):
            if split not in parts:
                raise XstiltsError(
                    f"{name} has no predictions of the {split} split, but of: "
                    f"{', '.join(sorted(parts))}"
                )
        return split
    found = [next((part for part in ("test", "dev") if part in parts), None) for parts in theirs]
    if None in found:
        raise XstiltsError(f"{names[found.index(None)]} has no predictions of clean items")
    first, *_ = (part for part in found if part is not None)
    if len(set(found)) > 1:
        other = next(place for place, part in enumerate(found) if part != first)
        shared = set.intersection(*theirs)
        raise XstiltsError(
            f"splits differ: {names[0]} has predictions of the {first} split, {names[other]}"
            f" of the {found[other]} split",
            hint=f"compare on --split {min(shared)}"
            if shared
            else "predict the same split on both sides (`splits` of the experiment)",
        )
    return first


def _refuse_unknown(what: str, asked: Sequence[str] | None, known: set[str] | dict) -> None:
    for name in asked or ():
        if name not in known:
            raise XstiltsError(
                f"no side has the {what} {name!r} ({did_you_mean(name, sorted(known))})"
            )


def _problems(
    target: str,
    codes: set[str],
    names: Sequence[str],
    cells: Sequence[tuple[str, CellFile, set[str]]],
    split: str,
) -> Iterator[_Problem]:
    """What keeps a target from being compared."""
    ours = [cell for cell in cells if cell[1].target == target]
    lacking = [name for name in names if all(name != owner for owner, _, _ in ours)]
    if lacking:
        yield _Problem(
            target=target,
            language=None,
            text=f"{_lacks(lacking)} this target, {ours[0][0]} has it",
        )
        return
    missing = set()
    for code in shared_languages(target, [codes]):
        without = [_cell(owner, file) for owner, file, spoken in ours if code not in spoken]
        if without:
            missing.add(code)
            having = next(owner for owner, _, spoken in ours if code in spoken)
            yield _Problem(
                target=target,
                language=code,
                text=f"{_lacks(without)} this language, {having} has it",
            )
    (first, file, _), *others = ours
    reference = _items(file, split, codes - missing)
    for owner, other, _ in others:
        found = _items(other, split, codes - missing)
        if not found.equals(reference):
            yield from _differences(
                target, _cell(first, file), reference, _cell(owner, other), found
            )


def _items(file: CellFile, split: str, codes: set[str]) -> pl.DataFrame:
    """language, id, cluster, gold of each clean item, sorted; of mined pairs the true ones."""
    rows = pl.scan_parquet(file.path).filter(
        pl.col("language").is_in(sorted(codes)), split=split, condition=CLEAN
    )
    task = TARGETS[file.target]
    if task.mined:
        rows = rows.filter(is_gold=1)
    if (direction := METRICS[task.metric].direction) is not None:
        rows = rows.filter(direction=direction)
    gold = pl.col("gold")
    listed = isinstance(rows.collect_schema()["gold"], pl.List)
    return (
        rows.select(*_KEY, "cluster", gold.list.join(_BETWEEN) if listed else gold.cast(pl.String))
        .sort(_KEY)
        .collect()
    )


def _differences(
    target: str, one: str, reference: pl.DataFrame, other: str, found: pl.DataFrame
) -> Iterator[_Problem]:
    """In which languages two cells have other items, and the first item in which they differ."""
    for code in reference["language"].unique(maintain_order=True):
        ours, theirs = reference.filter(language=code), found.filter(language=code)
        if ours.equals(theirs):
            continue
        gone = ours.join(theirs, on="id", how="anti")["id"]
        more = theirs.join(ours, on="id", how="anti")["id"]
        both = ours.join(theirs, on="id", suffix="_there", maintain_order="left")
        if len(gone) or len(more):
            first = f"{other} lacks {gone[0]!r}" if len(gone) else f"{one} lacks {more[0]!r}"
            text = (
                f"other test items: {one} has {len(ours):,}, {other} {len(theirs):,},"
                f" in common {len(both):,}; {first}"
            )
        else:
            golden = both.filter(pl.col("gold").ne_missing(pl.col("gold_there")))
            clustered = both.filter(pl.col("cluster").ne_missing(pl.col("cluster_there")))
            text = (
                f"other gold in {len(golden):,} of {len(both):,} items, first {golden['id'][0]!r}:"
                f" {_shown(golden['gold'][0])} ({one}), {_shown(golden['gold_there'][0])} ({other})"
                if len(golden)
                else f"other clusters of {len(clustered):,} items, first"
                f" {clustered['id'][0]!r}: {clustered['cluster'][0]!r} ({one}),"
                f" {clustered['cluster_there'][0]!r} ({other})"
            )
        yield _Problem(target=target, language=code, text=text)


def _shown(gold: str | None) -> str:
    text = "none" if gold is None else repr(gold.replace(_BETWEEN, " "))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _refuse(problems: Sequence[_Problem], kept: Mapping[str, set[str]]) -> None:
    first = problems[0]
    where = first.target if first.language is None else f"{first.target} in {first.language}"
    places = dict.fromkeys((problem.target, problem.language) for problem in problems)
    more = f"; {len(places) - 1} more like that" if len(places) > 1 else ""
    raise XstiltsError(
        f"not comparable: {first.text}{more}", where=where, hint=_restriction(problems, kept)
    )


def _restriction(problems: Sequence[_Problem], kept: Mapping[str, set[str]]) -> str:
    """How to compare the rest."""
    bad = {problem.target for problem in problems}
    good = [target for target in kept if target not in bad]
    ways = [f"--targets {' '.join(good)}"] if good else []
    lost = {problem.target for problem in problems if problem.language is None}
    codes = {problem.language for problem in problems if problem.language is not None}
    rest = {target: held - codes for target, held in kept.items() if target not in lost}
    rest = {target: held for target, held in rest.items() if held - {SOURCE_LANGUAGE}}
    if codes and rest:
        listed = sorted(set().union(*rest.values()))
        only = f"--targets {' '.join(rest)} " if lost else ""
        ways.append(f"{only}--languages {' '.join(listed)}")
    if not ways:
        return "nothing else is comparable; test both on the same data"
    return f"to compare the rest: {' or '.join(ways)}"


def _cell(owner: str, file: CellFile) -> str:
    return f"{owner} (seed {file.seed})"


def _lacks(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'lacks' if len(names) == 1 else 'lack'}"
