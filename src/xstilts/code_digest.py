"""Digest of the code that a job runs, and of no other code.

A digest covers the script and those top-level definitions of this package that it can reach by
name, as syntax trees without comments, docstrings and layout. A cosmetic edit changes nothing; an
edit of what a stage computes changes the digests of the stages that use it, and of no others. Of a
dispatch table only the entries that a job uses count, so that a new reader or kind of task re-runs
nothing that was made without it.

What cannot be told apart counts: a module that is used as an object counts as a whole, and so does
every statement at the top of a module that does more than define something.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from xstilts import code_modules
from xstilts.code_cache import CodeCache
from xstilts.code_modules import (
    Entries,
    Module,
    Reference,
    Statement,
    module_of,
    read_module,
    source,
)

# What the tables say reaches a job through its parameters, so that a new task retrains nothing;
# the others decide how a job is run and written down, never what it computes.
_UNTRACKED = {
    "xstilts",
    *(
        f"xstilts.{name}"
        for name in (
            *("config", "grid", "inventory", "languages", "needs", "paths", "slices"),
            *("encoder_settings", "experiment_checks", "recipes", "settings"),
            *("task_types", "tasks"),
            *(
                "code_cache",
                "code_digest",
                "code_modules",
                "devices",
                "errors",
                "files",
                "hardware",
            ),
            *("cost.tally", "joblog", "jobs", "locks", "mishaps", "provenance"),
            *("reasons", "secrets", "warm"),
        )
    ),
}
_SCRIPT = "script"


def code_digest(start: str | Path, only: Entries | None = None) -> str:
    """Hexadecimal digest of the code that a script (by path) or a module (by name) runs.

    Args:
        start: a script, which counts as a whole, or a module of this package.
        only: which entries count of tables at the top of a module, by the table's name
            (`{"READERS": ["squad_json"]}`) or by the enumeration of its keys, whose members are
            named in small letters (`{"Kind": ["pair"]}`). All of the others' count.

    Raises:
        ValueError: there is no such module.
    """
    return _digest(start, tuple((key, tuple(sorted(names))) for key, names in (only or {}).items()))


@cache
def _digest(start: str | Path, only: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
    def found() -> str:
        modules = sorted(reached(start, dict(only)).items())
        text = "\n".join(f"{module} {digest}" for module, digest in modules)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    return _answers().get(f"digest {_identity(start)} {only}", found)


def reached(start: str | Path, only: Entries | None = None) -> dict[str, str]:
    """Each module of which something is reached, with a digest of what is reached of it."""
    found = _Reach(only or {})
    if isinstance(start, Path):
        found.everything(read_module(start, _SCRIPT))
    else:
        found.everything(module_of(start))
    found.follow()
    return {
        module: hashlib.sha256("\n".join(sorted(texts)).encode()).hexdigest()
        for module, texts in found.texts.items()
    }


def libraries(start: Path) -> list[str]:
    """Modules outside of this package and of Python's own that the code of a script uses."""

    def found() -> list[str]:
        reach = _Reach({})
        reach.everything(read_module(start, _SCRIPT))
        reach.follow()
        return sorted(reach.foreign - sys.stdlib_module_names)

    return _answers().get(f"libraries {_identity(start)}", found)


@cache
def _answers() -> CodeCache:
    return CodeCache(code_modules.PACKAGE)


def _identity(start: str | Path) -> str:
    """A module by its name, a script by what it says."""
    return start if isinstance(start, str) else hashlib.sha256(start.read_bytes()).hexdigest()


@dataclass
class _Reach:
    """What is reached so far: the texts that count, by module, and foreign modules."""

    only: Entries
    texts: dict[str, set[str]] = field(default_factory=dict)
    foreign: set[str] = field(default_factory=set)
    _waiting: list[Reference] = field(default_factory=list)
    _seen: set[Reference] = field(default_factory=set)
    _loaded: set[str] = field(default_factory=set)

    def follow(self) -> None:
        """Count what is waiting, and what that mentions, until nothing is new."""
        while self._waiting:
            name, wanted = self._waiting.pop()
            if (name, wanted) in self._seen or not _is_tracked(name):
                continue
            self._seen.add((name, wanted))
            module = module_of(name)
            if wanted is None:
                self.everything(module)
                self._waiting.extend(module.imports.ours.values())
                continue
            self._load(module)
            if wanted in module.imports.ours:
                self._waiting.append(module.imports.ours[wanted])
            if wanted in module.imports.foreign:
                self._use(name, module.imports.foreign[wanted])
            for statement in module.statements:
                if wanted in statement.names:
                    self._count(module, statement)

    def everything(self, module: Module) -> None:
        """Count all statements of a module, with what they mention."""
        self._load(module)
        for statement in module.statements:
            self._count(module, statement)
        for text in module.imports.foreign.values():
            self._use(module.name, text)

    def _load(self, module: Module) -> None:
        """Count what importing a module does by itself, and what importing its imports does."""
        if module.name in self._loaded:
            return
        self._loaded.add(module.name)
        for statement in module.statements:
            if statement.acts:
                self._count(module, statement)
        if "*" in module.imports.ours:
            self._waiting.append(module.imports.ours["*"])
        self._load_all(module.imports.loads)

    def _load_all(self, names: Iterable[str]) -> None:
        for name in names:
            if _is_tracked(name):
                self._load(module_of(name))

    def _count(self, module: Module, statement: Statement) -> None:
        statement = statement.with_entries(self.only)
        if statement.text in self.texts.get(module.name, ()):
            return
        self._add(module.name, statement.text)
        for path in module.files:
            self._add(module.name, hashlib.sha256(path.read_bytes()).hexdigest())
        here = statement.imports
        self._load_all(here.loads)
        for name, attribute in statement.mentions:
            ours = here.ours.get(name) or module.imports.ours.get(name)
            foreign = here.foreign.get(name) or module.imports.foreign.get(name)
            if ours is not None:
                name_of_module, wanted = ours
                # An attribute of a module is a name in it; of anything else it comes with it.
                self._waiting.append((name_of_module, attribute if wanted is None else wanted))
            if foreign is not None:
                self._use(module.name, foreign)
            if name in module.bound:
                self._waiting.append((module.name, name))

    def _use(self, name: str, import_: str) -> None:
        self._add(name, import_)
        self.foreign.add(import_.split()[1].partition(".")[0])

    def _add(self, name: str, text: str) -> None:
        self.texts.setdefault(name, set()).add(text)


def _is_tracked(name: str) -> bool:
    return name not in _UNTRACKED and source(name) is not None
