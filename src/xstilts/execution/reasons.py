"""Why a job runs, in the words of the experiment: a filter on Snakemake's log.

Snakemake keeps the parameters of a job as they were and prints all that differ, whole; the code is
among them as a digest. Here that becomes `learning_rate: 1e-05 → 0.0003`, `language sw added`,
`the code of train_target`. What cannot be told in this way is left as Snakemake says it.
"""

from __future__ import annotations

import ast
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

_log = logging.getLogger(__name__)

# What comes before the values, and between and behind them: snakemake.persistence.ParamsChange.
_PARAMS = re.compile(
    r"Params have changed since last execution: "
    r"Union of exclusive params before and now across all output: "
    r"(?P<change>before: .*? now: .*?) (?=; |$)",
    re.DOTALL,
)
_NOTHING = "<nothing exclusive>"
_INPUT_SET = "Set of input files has changed since last execution"
_SOFTWARE = "Software environment definition has changed since last execution"
_FILES = re.compile(r"((?:Updated input files|Input files updated by another job): )([^;]+)")
_DIGEST = re.compile(r"[0-9a-f]{16}")
# Levels that the reader of an experiment file does not know.
_UNSPOKEN = ("settings", "world")
_MOST = 4
# As an experiment file has them.
_AS_WRITTEN = {"None": "null", "True": "true", "False": "false"}
_LONGEST = 60


class Reasons(logging.Filter):
    """Rewrites the reason of each job that is announced; no record is ever held back.

    Args:
        inputs_before: the number of a job to the input files of its last run, None if they are
            not known.
    """

    def __init__(self, inputs_before: Callable[[int], Sequence[str] | None]) -> None:
        super().__init__()
        self._inputs_before = inputs_before

    def filter(self, record: logging.LogRecord) -> bool:
        """Let the record pass, with what can be told better."""
        if isinstance(getattr(record, "reason", None), str) and hasattr(record, "rule_name"):
            for rewritten in (self._in_words, self._with_inputs):
                try:
                    record.reason = rewritten(record)
                except Exception as error:
                    _log.debug("the reason stands as it is: %r", error)
        return True

    def _in_words(self, record: Any) -> str:
        return in_words(record.reason, record.rule_name)

    def _with_inputs(self, record: Any) -> str:
        if _INPUT_SET not in record.reason:
            return record.reason
        before = self._inputs_before(record.jobid)
        if before is None:
            return record.reason
        changes = _members(set(map(str, before)), set(map(str, record.input)))
        return record.reason.replace(_INPUT_SET, f"Other input files: {changes}")


def inputs_before(workflow: Any, jobid: int) -> Sequence[str] | None:
    """The input files of a job's last run, as Snakemake has noted them."""
    job = next(job for job in workflow.dag.jobs if workflow.dag.jobid(job) == jobid)
    return workflow.persistence.input(job.output[0])


def in_words(reason: str, rule: str) -> str:
    """Snakemake's reason with changed parameters by name, and with no more than a few files."""
    reason = _PARAMS.sub(lambda found: _params_in_words(found, rule), reason)
    reason = reason.replace(_SOFTWARE, f"Other versions of libraries that {rule} uses")
    return _FILES.sub(lambda found: found[1] + _some(found[2].split(", ")), reason)


def _params_in_words(found: re.Match[str], rule: str) -> str:
    values = _values(found["change"])
    if values is None:
        return found[0]
    changes, code = [], False
    for old, new in _pairs(*values):
        if all(isinstance(each, str) and _DIGEST.fullmatch(each) for each in (old, new)):
            code = True
        else:
            changes += list(_changes(old, new))
    told = [f"Changed settings: {_some(changes)}"] if changes else []
    told += [f"Changed code of {rule}"] if code else []
    return "; ".join(told) or found[0]


def _values(change: str) -> tuple[list[Any], list[Any]] | None:
    """The values that only were and that only are, from `before: … now: …`."""
    listed = change.removeprefix("before: ")
    for cut in re.finditer(re.escape(" now: "), listed):
        try:
            return _literal(listed[: cut.start()]), _literal(listed[cut.end() :])
        except (ValueError, SyntaxError):
            continue  # These words stand in a value.
    return None


def _literal(listed: str) -> list[Any]:
    return [] if listed == _NOTHING else list(ast.literal_eval(f"[{listed}]"))


_ABSENT = object()


def _pairs(before: list[Any], now: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Each value with the one that it most likely was; names are not kept."""
    left = list(now)
    for old in before:
        like = max(left, key=lambda new: _likeness(old, new), default=_ABSENT)
        if like is _ABSENT or not _likeness(old, like):
            yield old, _ABSENT
        else:
            left.remove(like)
            yield old, like
    yield from ((_ABSENT, new) for new in left)


def _likeness(old: Any, new: Any) -> float:
    if type(old) is not type(new):
        return 0
    if isinstance(old, dict):
        return len(old.keys() & new.keys()) / max(len(old.keys() | new.keys()), 1)
    digests = [isinstance(each, str) and bool(_DIGEST.fullmatch(each)) for each in (old, new)]
    return 0 if digests[0] != digests[1] else 1


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
    told = [f"{_some(added)} added"] if added else []
    told += [f"{_some(removed)} removed"] if removed else []
    return ", ".join(told) or "another order or content"


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST])
    return shown if len(names) <= _MOST else f"{shown} and {len(names) - _MOST} more"


def _short(value: Any) -> str:
    text = _AS_WRITTEN.get(str(value), str(value))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
