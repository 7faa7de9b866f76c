"""Digest of the code that a job runs, and of no other code.

A digest covers the script and those top-level definitions of this package that it can reach by
name, as syntax trees without comments, docstrings and layout. A cosmetic edit changes nothing; an
edit of what a stage computes changes the digests of the stages that use it, and of no others. Of a
dispatch table only the entries that a job uses count, so that a new reader or kind of task re-runs
nothing that was made without it; of a table of data (`xstilts.config.rows`) those rows that it is
about, with the fields that its code can name.

What cannot be told apart counts: a module that is used as an object counts as a whole, and so does
every statement at the top of a module that does more than define something. There is no list of
what does not count. Left out is what is reached from the block around a script's work alone,
`with job(snakemake):`, which decides how a job is run and written down, never what it computes.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from xstilts.config.rows import in_text
from xstilts.execution import code_modules
from xstilts.execution.code_cache import CodeCache
from xstilts.execution.code_modules import (
    CodeStatement,
    Entries,
    Module,
    Reference,
    module_of,
    read_module,
    source,
)

_SCRIPT = "script"
# They read all fields of a row without naming one.
_READ_ALL = {"asdict", "astuple", "fields"}
# What a template may call a field of a row: behind a dot, or in quotation marks.
_FIELDS = re.compile(r"""[.'"]([A-Za-z_]\w*)""")


def code_digest(start: str | Path, only: Entries | None = None, rows: Entries | None = None) -> str:
    """Hexadecimal digest of the code that a script (by path) or a module (by name) runs.

    Args:
        start: a script, which counts as a whole, or a module of this package.
        only: which entries count of tables at the top of a module, by the table's name
            (`{"READERS": ["squad_json"]}`) or by the enumeration of its keys, whose members are
            named in small letters (`{"Kind": ["pair"]}`). All of the others' count.
        rows: the keys of the rows that count of tables of data, by the class of their rows
            (`{"Task": ["xnli"]}`). All rows of the others' count.

    Raises:
        ValueError: there is no such module.
    """
    chosen = tuple(sorted((key, tuple(sorted(names))) for key, names in (only or {}).items()))
    code, tables, names = _code(start, chosen)
    texts = [code]
    for module, table, kind in tables:
        held = getattr(importlib.import_module(module), table)
        texts.append(f"{module} {table}\n{in_text(held, (rows or {}).get(kind), names)}")
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


# A digest of code; the tables of data that it reads, each as module, name and class of rows; and
# the names of fields that it can read.
_Code = tuple[str, tuple[tuple[str, str, str], ...], frozenset[str]]


@cache
def _code(start: str | Path, only: tuple[tuple[str, tuple[str, ...]], ...]) -> _Code:
    def found() -> list[Any]:
        reach = _reach(start, dict(only))
        text = "\n".join(f"{module} {digest}" for module, digest in sorted(reach.digests().items()))
        return [
            hashlib.sha256(text.encode()).hexdigest(),
            sorted(reach.tables),
            sorted(reach.fields()),
        ]

    code, tables, names = _answers().get(f"code {_identity(start)} {only}", found)
    return code, tuple(map(tuple, tables)), frozenset(names)


def reached(start: str | Path, only: Entries | None = None) -> dict[str, str]:
    """Each module of which something is reached, with a digest of what is reached of it."""
    return _reach(start, only or {}).digests()


def _reach(start: str | Path, only: Entries) -> _Reach:
    module = read_module(start, _SCRIPT) if isinstance(start, Path) else module_of(start)
    found = _Reach(only, around=_around(module))
    found.everything(module)
    found.follow()
    return found


def _around(script: Module) -> frozenset[str]:
    """The module of what opens the block of a script that is handed the job (`snakemake`)."""
    opened = {
        node.func.id
        for statement in script.statements
        if isinstance(statement.tree, ast.With)
        for node in (item.context_expr for item in statement.tree.items)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and any(getattr(each, "id", "") == "snakemake" for each in node.args)
    }
    return frozenset(script.imports.ours[name][0] for name in opened & script.imports.ours.keys())


@cache
def _answers() -> CodeCache:
    return CodeCache(code_modules.PACKAGE)


def _identity(start: str | Path) -> str:
    """A module by its name, a script by what it says."""
    return start if isinstance(start, str) else hashlib.sha256(start.read_bytes()).hexdigest()


@dataclass
class _Reach:
    """What is reached so far: the texts that count, by module."""

    only: Entries
    around: frozenset[str] = frozenset()
    texts: dict[str, set[str]] = field(default_factory=dict)
    tables: set[tuple[str, str, str]] = field(default_factory=set)
    _members: set[str] = field(default_factory=set)
    # Those of the members that are fields of dataclasses.
    _declared: set[str] = field(default_factory=set)
    _unread: list[tuple[Module, CodeStatement]] = field(default_factory=list)
    _attributes: set[str] = field(default_factory=set)
    _words: set[str] = field(default_factory=set)
    _is_dynamic: bool = False
    _reads_all: bool = False
    _waiting: list[Reference] = field(default_factory=list)
    _seen: set[Reference] = field(default_factory=set)
    _loaded: set[str] = field(default_factory=set)

    def follow(self) -> None:
        """Count what is waiting, and what that mentions, until nothing is new."""
        while self._waiting or self._read_rows():
            if not self._waiting:
                continue
            name, wanted = self._waiting.pop()
            if (name, wanted) in self._seen or not self._is_tracked(name):
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
                self._add(name, module.imports.foreign[wanted])
            for statement in module.statements:
                if wanted in statement.names:
                    self._count(module, statement)

    def _read_rows(self) -> bool:
        """Count those members of classes of rows that are named by now; whether there are any."""
        names = self.fields()
        read = [each for each in self._unread if each[1].names <= names]
        self._unread = [each for each in self._unread if each not in read]
        for module, member in read:
            self._count(module, member)
        return bool(read)

    def fields(self) -> set[str]:
        """The names of fields of rows that may be read."""
        found = self._attributes | (self._words if self._is_dynamic else set())
        # What Python itself calls has no need to be named.
        found = found | {name for name in self._members if name.startswith("__")}
        return self._members & found | (self._declared if self._reads_all else set())

    def digests(self) -> dict[str, str]:
        """What is reached of each module, as one digest."""
        return {
            module: hashlib.sha256("\n".join(sorted(texts)).encode()).hexdigest()
            for module, texts in self.texts.items()
        }

    def everything(self, module: Module) -> None:
        """Count all statements of a module, with what they mention."""
        self._load(module)
        for statement in module.statements:
            self._count(module, statement)
        for text in module.imports.foreign.values():
            self._add(module.name, text)

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
            if self._is_tracked(name):
                self._load(module_of(name))

    def _count(self, module: Module, statement: CodeStatement) -> None:
        if kind := statement.table_of:
            self.tables |= {(module.name, name, kind) for name in statement.names}
            self._waiting.append((module.name, kind))
            if kind in module.imports.ours:
                self._waiting.append(module.imports.ours[kind])
            return
        members = statement.members
        statement = statement.without_members.with_entries(self.only)
        if statement.text in self.texts.get(module.name, ()):
            return
        self._add(module.name, statement.text)
        self._attributes |= statement.attributes
        self._words |= statement.words
        self._is_dynamic |= statement.is_dynamic
        self._unread += [(module, member) for member in members]
        for member in members:
            self._members |= member.names
            if member.is_field:
                self._declared |= member.names
        for path in module.files:
            self._add(module.name, hashlib.sha256(path.read_bytes()).hexdigest())
            self._attributes |= set(
                _FIELDS.findall(path.read_text(encoding="utf-8", errors="replace"))
            )
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
                self._add(module.name, foreign)
                named = {attribute or name, *foreign.split()}
                self._reads_all |= "dataclasses" in named and not _READ_ALL.isdisjoint(named)
            if name in module.bound:
                self._waiting.append((module.name, name))

    def _add(self, name: str, text: str) -> None:
        self.texts.setdefault(name, set()).add(text)

    def _is_tracked(self, name: str) -> bool:
        return name not in self.around and source(name) is not None
