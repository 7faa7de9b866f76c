"""Why a job runs, in the words of the experiment: a filter on Snakemake's log.

Snakemake prints parameters that differ whole, the code among them as a digest. But a result says
itself what it was made by and of (`xstilts.execution.provenance`), so a job that makes it again is
compared with that: `learning_rate: 1e-05 → 0.0003`, `data in language sw added`, `Changed code of
train_target`. Where nothing of this differs Snakemake's reason stands as it is.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from snakemake_interface_logger_plugins.common import LogEvent

from xstilts.execution.provenance import recorded_beside

_log = logging.getLogger(__name__)

_CODE = "code"
# Levels that the reader of an experiment file does not know.
_UNSPOKEN = ("settings", "world")
_MOST = 4
# As an experiment file has them.
_AS_WRITTEN = {"None": "null", "True": "true", "False": "false"}
_LONGEST = 60


class Reasons(logging.Filter):
    """Rewrites the reason of each job that is announced; no record is ever held back.

    Args:
        params_of: a rule and the wildcards of a job to the job's parameters by name.
    """

    def __init__(self, params_of: Callable[[str, Mapping[str, str]], Mapping[str, Any]]) -> None:
        super().__init__()
        self._params_of = params_of
        self._made_anew: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Let the record pass, with what can be told better."""
        if getattr(record, "event", None) == LogEvent.JOB_INFO:
            try:
                record.reason = "; ".join(self._changes(record)) or record.reason  # type: ignore[attr-defined]
            except Exception as error:
                _log.debug("the reason stands as it is: %r", error)
        return True

    def _changes(self, record: Any) -> Iterator[str]:
        anew = [path for path in record.input if path in self._made_anew]
        self._made_anew.update(record.output)
        made = next(filter(None, map(recorded_beside, record.output)), {})
        if not {"params", "inputs"} <= made.keys():
            return
        now = self._params_of(record.rule_name, record.wildcards)
        yield from params_in_words(made["params"], now, record.rule_name)
        before = set(made["inputs"])
        if before != set(record.input):
            yield f"Other input files: {_members(before, set(record.input))}"
        if kept := [path for path in anew if path in before]:
            yield f"Input files made anew: {_some(kept)}"


def params_in_words(before: Mapping[str, Any], now: Mapping[str, Any], rule: str) -> Iterator[str]:
    """What differs between the parameters that a result was made with and those of today."""
    # As they are once they have been written and read again.
    now = json.loads(json.dumps(dict(now)))
    changes = [
        change
        for name in dict.fromkeys([*before, *now])
        if name != _CODE
        for change in _changes_of(name, before.get(name, _ABSENT), now.get(name, _ABSENT))
    ]
    if changes:
        yield f"Changed settings: {_some(changes)}"
    if before.get(_CODE) != now.get(_CODE):
        yield f"Changed code of {rule}"


_ABSENT = object()


def _changes_of(name: str, old: Any, new: Any) -> Iterable[str]:
    if old == new:
        return ()
    # The keys of a mapping are the experiment's; the name of a parameter is the workflow's.
    return _changes(old, new, () if isinstance(old, dict) and isinstance(new, dict) else (name,))


def _changes(old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Each difference between two values of plain data, in words."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            if old.get(key, _ABSENT) != new.get(key, _ABSENT):
                yield from _changes(old.get(key, _ABSENT), new.get(key, _ABSENT), (*path, str(key)))
    elif isinstance(old, list | tuple) and isinstance(new, list | tuple):
        yield _said(path, _members(*({_member(each) for each in side} for side in (old, new))))
    elif old is _ABSENT or new is _ABSENT:
        yield _said(path, f"{_member(old)} removed" if new is _ABSENT else f"{_member(new)} added")
    else:
        yield _said(path, f"{_short(old)} → {_short(new)}")


def _said(path: tuple[str, ...], what: str) -> str:
    name = ".".join(key for key in path if key not in _UNSPOKEN)
    # What is told of a unit of data says already what it is.
    return what if not name or path[-1] in ("units", "hub") else f"{name}: {what}"


def _member(value: Any) -> str:
    """One of several values: of data the split and the language, of a run its place."""
    if isinstance(value, dict) and {"split", "language"} <= value.keys():
        return f"{value['split']} data in language {value['language']}"
    if isinstance(value, list | tuple) and value and all(isinstance(v, str) for v in value[:2]):
        return _short(" ".join(str(each) for each in value if isinstance(each, str)))
    if isinstance(value, dict) and "recipe" in value:
        return _short(" ".join(str(each) for each in value.values() if each != ""))
    return _short(value)


def _members(before: set[str], now: set[str]) -> str:
    added, removed = sorted(now - before), sorted(before - now)
    shown = [f"{_some(added)} added"] if added else []
    shown += [f"{_some(removed)} removed"] if removed else []
    return ", ".join(shown) or "another order or content"


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST])
    return shown if len(names) <= _MOST else f"{shown} and {len(names) - _MOST} more"


def _short(value: Any) -> str:
    text = _AS_WRITTEN.get(str(value), str(value))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
