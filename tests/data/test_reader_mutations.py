"""Broken files: every reader refuses them by name, or counts what is odd, or reads the same rows.

Each sound sample (`reader_samples`) is broken in twenty ways or more: in ways that any file can be,
in ways of its format, and in what it says. None may be accepted in silence.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from reader_samples import MARKED, SAMPLES, Sample

from xstilts.config.tasks import TASKS
from xstilts.data.build import build_part
from xstilts.data.readers.folder import READERS
from xstilts.errors import XstiltsError
from xstilts.graph.locate import Unit

SAME, TOLD, REFUSED = "same", "told", "refused"
# What an error says of where in its file it is.
_PLACE = re.compile(
    r"row \d+|items? \d+|question |sentence \d+|paragraph \d+|\bids?\b|lines\b|labels"
)

Change = Callable[[str, Sample], str]


def _row(text: str) -> str:
    return next(line for line in text.split("\n") if MARKED in line)


def _block(text: str, sample: Sample) -> str:
    """The marked row, or the rows of the marked sentence with the blank line behind it."""
    if not sample.block:
        return _row(text) + "\n"
    start = text.index(sample.block)
    return text[start : text.index("\n\n", start) + 2]


def _cut(text: str, sample: Sample) -> str:
    last = text.rstrip("\n").rpartition("\n")[2]
    return text.rstrip("\n")[: -max(1, len(last) // 2)]


def _joined(text: str, sample: Sample) -> str:
    row = _row(text)
    return text.replace(f"{row}\n", row, 1)


def _half(text: str, sample: Sample) -> str:
    row = _row(text)
    return text.replace(row, row[: row.index(MARKED) + 4], 1)


def _separators(text: str, sample: Sample) -> str:
    return text.replace(sample.separator, ";" if sample.separator != ";" else ",")


def _removed(text: str, sample: Sample) -> str:
    return text.replace(_block(text, sample), "", 1)


def _twice(text: str, sample: Sample) -> str:
    block = _block(text, sample)
    return text.replace(block, block * 2, 1)


def _blank_line(text: str, sample: Sample) -> str:
    block = _block(text, sample)
    return text.replace(block, f"{block}\n", 1)


# In ways that any file can be broken, and what may come of it.
ANY_BYTES: dict[str, tuple[Callable[[bytes], bytes | None], set[str]]] = {
    "byte order mark": (lambda raw: b"\xef\xbb\xbf" + raw, {SAME}),
    "lines that end as on Windows": (lambda raw: raw.replace(b"\n", b"\r\n"), {SAME}),
    "no end of the last line": (lambda raw: raw.rstrip(b"\n"), {SAME, TOLD}),
    "no such file": (lambda raw: None, {REFUSED}),
    "empty": (lambda raw: b"", {REFUSED}),
    "white space alone": (lambda raw: b" \n\n", {REFUSED}),
    "Latin-1": (lambda raw: raw.replace(b"Xylophon", b"Xyl\xf6phon"), {REFUSED}),
    "UTF-16": (lambda raw: raw.decode().encode("utf-16"), {REFUSED}),
    "zero byte": (lambda raw: raw.replace(b"Xylophon", b"Xyl\0phon"), {REFUSED}),
    "UTF-16 without its mark": (lambda raw: raw.decode().encode("utf-16-le"), {REFUSED}),
    "cut within a character": (lambda raw: raw.rstrip(b"\n") + b"\xe4\xb8", {REFUSED}),
    "lines that end as on old Macs": (lambda raw: raw.replace(b"\n", b"\r"), {REFUSED, TOLD, SAME}),
    "still packed": (lambda raw: gzip.compress(raw), {REFUSED}),
    "a web page": (lambda raw: b"<!DOCTYPE html>\n<html><p>Not found</p>\n</html>\n", {REFUSED}),
    "a storage's error": (
        lambda raw: b'<?xml version="1.0"?>\n<Error>AccessDenied</Error>\n',
        {REFUSED},
    ),
    "a pointer of Git LFS": (
        lambda raw: b"version https://git-lfs\noid sha256:0\nsize 1\n",
        {REFUSED},
    ),
}
ANY_TEXT: dict[str, tuple[Change, set[str]]] = {
    "cut in its last row": (_cut, {REFUSED, TOLD}),
    "two rows joined": (_joined, {REFUSED, TOLD, SAME}),
    "half of a row": (_half, {REFUSED, TOLD}),
    "wrong separator": (_separators, {REFUSED}),
    "a row twice": (_twice, {REFUSED, TOLD, SAME}),
    "a blank line": (_blank_line, {REFUSED, TOLD, SAME}),
    "lost characters": (lambda text, _: text.replace(MARKED, "Xyl\ufffdphon"), {REFUSED, TOLD}),
    "a text emptied": (lambda text, _: text.replace(MARKED, ""), {REFUSED, TOLD}),
}
# Of parallel targets alone, and of what has a number of rows by itself.
A_ROW_MISSING = "a row missing"
# Where JSON has no rows, its lines may be joined or repeated and it stays the same or is broken.


def _mutations(sample: Sample) -> dict[str, tuple[int, Callable[[bytes], bytes | None], set[str]]]:
    """By name: the number of the file, what it becomes, and what may come of it."""
    first = next(iter(sample.files))

    def of_text(change: Change) -> Callable[[bytes], bytes]:
        def changed(raw: bytes) -> bytes:
            after = change(raw.decode(), sample)
            assert after != raw.decode(), "the mutation changes nothing"
            return after.encode()

        return changed

    def put(old: str, new: str) -> Change:
        def change(text: str, _: Sample) -> str:
            assert old in text, f"{old!r} is not there"
            return text.replace(old, new, 1)

        return change

    found = {name: (0, change, may) for name, (change, may) in ANY_BYTES.items()}
    for name, (change, may) in ANY_TEXT.items():
        if name not in sample.unseen and (name != "wrong separator" or sample.separator):
            found[name] = 0, of_text(change), may
    if (sample.partner or len(sample.files) > 1) and not first.endswith(".json"):
        found[A_ROW_MISSING] = 0, of_text(_removed), {REFUSED}
    for name, (old, new) in sample.edits.items():
        found[name] = 0, of_text(put(old, new)), {REFUSED, TOLD}
    for name, (number, change_other) in sample.elsewhere.items():
        found[name] = number, of_text(lambda text, _, to=change_other: to(text)), {REFUSED}
    if sample.alike:
        pattern, gold = sample.alike
        found["all gold alike"] = (
            0,
            of_text(lambda text, _: re.sub(pattern, gold, text, flags=re.MULTILINE)),
            {REFUSED} if sample.split != "train" else {TOLD},
        )
    return found


CASES = [
    pytest.param(key, name, id=f"{key}-{name}")
    for key, sample in SAMPLES.items()
    for name in _mutations(sample)
]


def _write(folder: Path, files: Mapping[str, str]) -> tuple[str, ...]:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_bytes(text.encode())
    return tuple(str(folder / name) for name in files)


def _built(sample: Sample, folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows, and what is told of each unit."""
    task = TASKS[sample.task]
    units = [
        Unit(
            sample.split,
            sample.language,
            tuple(str(folder / "own" / name) for name in sample.files),
            sample.reader,
        )
    ]
    if sample.partner:
        language, files = sample.partner
        paths = tuple(str(folder / "partner" / name) for name in files)
        units.append(Unit(sample.split, language, paths, sample.reader))
    part = {"train": "train", "dev": "dev", "test": "eval"}[sample.split]
    table, meta = build_part(task, part, units, source="folder", limits={}, dev_share=0.0)
    told = [
        {key: unit.get(key) for key in ("rows_read", "counts", "odd_texts")}
        for unit in meta["units"]
    ]
    return table.to_pylist(), told


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    sample = SAMPLES[request.node.callspec.params["key"]]
    _write(tmp_path / "own", sample.files)
    if sample.partner:
        _write(tmp_path / "partner", sample.partner[1])
    return tmp_path


@pytest.mark.parametrize(("key", "name"), CASES)
def test_nothing_broken_is_accepted_in_silence(key: str, name: str, folder: Path) -> None:
    sample = SAMPLES[key]
    rows, told = _built(sample, folder)
    number, change, may = _mutations(sample)[name]
    path = folder / "own" / list(sample.files)[number]
    changed = change(path.read_bytes())
    if changed is None:
        path.unlink()
    else:
        path.write_bytes(changed)
    try:
        after, told_after = _built(sample, folder)
    except XstiltsError as error:
        found, message = REFUSED, str(error)
        names = [path.name, *([*sample.partner[1]][:1] if sample.partner else [])]
        if len(sample.files) > 1:
            names += list(sample.files)
        assert any(each in message for each in names), message
        whole = {"no such file", "empty", "white space alone", "a web page", "a storage's error"}
        whole |= {"a pointer of Git LFS", "still packed", "UTF-16", "all gold alike"}
        whole |= {"lines that end as on old Macs"}
        whole |= {"the English side sorted", "the English side empty", "no data"}
        assert name in whole or _PLACE.search(message), message
    else:
        odd = [{**each, "rows_read": None} for each in told_after]
        before = [{**each, "rows_read": None} for each in told]
        found = SAME if odd == before else TOLD
        assert found is TOLD or after == rows, "accepted in silence"
    assert found in may


@pytest.mark.parametrize("key", SAMPLES)
def test_every_reader_is_broken_in_twenty_ways(key: str) -> None:
    assert len(_mutations(SAMPLES[key])) >= 20


def test_every_reader_has_a_sample() -> None:
    assert {sample.reader for sample in SAMPLES.values()} == set(READERS)


@pytest.mark.parametrize("key", SAMPLES)
def test_the_samples_are_sound(key: str, folder: Path) -> None:
    rows, told = _built(SAMPLES[key], folder)
    assert len(rows) >= 24
    fused = {"fused_words": 24} if key.startswith("conllu") else {}
    cut = {"quotation_marks_cut": 96} if key.startswith("pitfalls") else {}
    assert [unit["counts"] for unit in told] == [{**fused, **cut}] * len(told)
