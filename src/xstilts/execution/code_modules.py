"""The modules of this package as syntax trees: what they define, import and mention.

Comments, docstrings and layout are not in them, nor is what stands under `if TYPE_CHECKING`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

import xstilts

PACKAGE = Path(xstilts.__file__).parent

# A definition elsewhere: the module, and the name in it (None: the whole module).
Reference = tuple[str, str | None]
# Of a dispatch table, the entries that count: by the table's name, or by the enumeration of which
# its keys are members.
Entries = Mapping[str, Collection[str]]

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_NONE: tuple[object, ...] = (None, [])
# By these a module finds files of its package.
_FINDERS = re.compile(r"\b(importlib[ .](import )?resources|pkgutil|__file__|__path__)\b")


@dataclass(frozen=True, kw_only=True, eq=False)
class CodeStatement:
    """One statement at the top of a module.

    `names` are those that it binds. One that `acts` does so whenever the module is imported.
    """

    tree: ast.stmt
    names: frozenset[str]
    acts: bool

    @cached_property
    def _nodes(self) -> tuple[ast.AST, ...]:
        # To walk takes most of the time, and much is asked of each statement.
        return tuple(ast.walk(self.tree))

    @cached_property
    def text(self) -> str:
        """Its syntax tree as text."""
        return _text(self.tree)

    @cached_property
    def attributes(self) -> frozenset[str]:
        """The names of attributes that it takes, of whatever may be a row."""
        return frozenset(_attributes(self.tree, self._nodes))

    @cached_property
    def words(self) -> frozenset[str]:
        """The texts in it that could be names of attributes."""
        texts = (getattr(node, "value", "") for node in self._nodes)
        return frozenset(each for each in texts if isinstance(each, str) and each.isidentifier())

    @cached_property
    def is_dynamic(self) -> bool:
        """Whether it takes an attribute whose name it does not say."""
        return any(
            "attrgetter" in (getattr(node, "id", ""), getattr(node, "attr", ""))
            or (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", "") == "getattr"
                and not isinstance(node.args[1], ast.Constant)
            )
            for node in self._nodes
        )

    @property
    def table_of(self) -> str | None:
        """The class of the rows where this is a table (`xstilts.config.rows`), else None."""
        annotation = self.tree.annotation if isinstance(self.tree, ast.AnnAssign) else None
        if isinstance(annotation, ast.Subscript) and getattr(annotation.value, "id", "") == "Rows":
            return getattr(annotation.slice, "id", None)
        return None

    @cached_property
    def members(self) -> tuple[CodeStatement, ...]:
        """The fields and methods of a class of rows; nothing where this is something else."""
        if not isinstance(self.tree, ast.ClassDef) or not _has_base(self.tree, "Row"):
            return ()
        return tuple(
            CodeStatement(tree=each, names=frozenset({name}), acts=False)
            for each in self.tree.body
            if (name := _name_of(each)) is not None
        )

    @property
    def is_field(self) -> bool:
        """Whether this member of a class makes a field, where the class is a dataclass."""
        return isinstance(self.tree, ast.AnnAssign) and "ClassVar" not in _text(
            self.tree.annotation
        )

    @cached_property
    def without_members(self) -> CodeStatement:
        """A class of rows without its members: what holds for it whatever is read of a row."""
        held = {each.tree for each in self.members}
        if not held:
            return self
        assert isinstance(self.tree, ast.ClassDef)
        body = [each for each in self.tree.body if each not in held]
        parts = {name: getattr(self.tree, name) for name in self.tree._fields}
        return CodeStatement(
            tree=type(self.tree)(**{**parts, "body": body}), names=self.names, acts=False
        )

    @cached_property
    def imports(self) -> Imports:
        """What import statements inside of it bind."""
        return Imports.of(self._nodes)

    @cached_property
    def mentions(self) -> tuple[tuple[str, str | None], ...]:
        """Each name in it, with the attribute that is taken of it (None: the name itself)."""
        return tuple(dict.fromkeys(_mentions(self._nodes)))

    def with_entries(self, only: Entries) -> CodeStatement:
        """A dispatch table or enumeration with the entries that count; anything else as it is."""
        if isinstance(self.tree, ast.ClassDef) and self.tree.name in only:
            kept = set(only[self.tree.name])
            parts = {name: getattr(self.tree, name) for name in self.tree._fields}
            parts["body"] = [
                each
                for each in self.tree.body
                if not isinstance(each, ast.Assign) or str(_name_of(each)).lower() in kept
            ]
            return CodeStatement(tree=ast.ClassDef(**parts), names=self.names, acts=False)
        if not isinstance(self.tree, ast.Assign | ast.AnnAssign):
            return self
        table = self.tree.value
        if not isinstance(table, ast.Dict) or len(self.names) != 1:
            return self
        (name,) = self.names
        known = [_counts(key, name, only) for key in table.keys]
        if all(each is None for each in known):
            return self
        entries = [
            entry
            for entry, counts in zip(zip(table.keys, table.values, strict=True), known, strict=True)
            if counts is not False
        ]
        value = ast.Dict(keys=[key for key, _ in entries], values=[each for _, each in entries])
        tree = ast.Assign(targets=[ast.Name(id=name, ctx=ast.Store())], value=value)
        return CodeStatement(tree=tree, names=self.names, acts=False)


@dataclass(frozen=True, kw_only=True)
class Module:
    """A parsed module: its statements, and what the names mean that it imports."""

    name: str
    statements: tuple[CodeStatement, ...]
    imports: Imports
    files: tuple[Path, ...]

    @cached_property
    def bound(self) -> frozenset[str]:
        """Names that its own statements bind."""
        return frozenset().union(*(each.names for each in self.statements))


def _mentions(nodes: Collection[ast.AST]) -> Iterator[tuple[str, str | None]]:
    """Every name in a statement, with the attribute that is taken of it, if one is."""
    bases = set()
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            bases.add(node.value)
            yield node.value.id, node.attr
    for node in nodes:
        if isinstance(node, ast.Name) and node not in bases:
            yield node.id, None


def _attributes(tree: ast.AST, nodes: Iterable[ast.AST]) -> Iterator[str]:
    # Classes of rows are not looked at as a whole, so that `self` in a class is no row.
    own = "self" if isinstance(tree, ast.ClassDef) else ""
    for node in nodes:
        if isinstance(node, ast.Attribute):
            if getattr(node.value, "id", None) != own:
                yield node.attr
        elif isinstance(node, ast.MatchClass):
            yield from node.kwd_attrs
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "getattr":
            yield from (
                str(each.value) for each in node.args[1:2] if isinstance(each, ast.Constant)
            )


def _has_base(tree: ast.ClassDef, name: str) -> bool:
    return any(getattr(base, "id", getattr(base, "attr", "")) == name for base in tree.bases)


def _name_of(tree: ast.stmt) -> str | None:
    """The one name that a statement in a class binds."""
    if isinstance(tree, _DEFINITIONS):
        return tree.name
    if isinstance(tree, ast.AnnAssign):
        return getattr(tree.target, "id", None)
    if isinstance(tree, ast.Assign) and len(tree.targets) == 1:
        return getattr(tree.targets[0], "id", None)
    return None


def _counts(key: ast.expr | None, table: str, only: Entries) -> bool | None:
    """Whether the entry of a table counts; None where nothing is said about it."""
    if isinstance(key, ast.Constant) and table in only:
        return key.value in only[table]
    if isinstance(key, ast.Attribute) and isinstance(key.value, ast.Name) and key.value.id in only:
        return key.attr.lower() in only[key.value.id]
    return None


def _text(node: object) -> str:
    """A syntax tree as text that is the same under all versions of Python."""
    if isinstance(node, list):
        return f"[{', '.join(map(_text, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = (f"{key}={_text(value)}" for key, value in ast.iter_fields(node) if value not in _NONE)
    return f"{type(node).__name__}({', '.join(fields)})"


@dataclass
class Imports:
    """What import statements bind: our definitions, foreign ones; and our modules they load."""

    ours: dict[str, Reference] = field(default_factory=dict)
    foreign: dict[str, str] = field(default_factory=dict)
    loads: dict[str, None] = field(default_factory=dict)

    @classmethod
    def of(cls, nodes: Iterable[ast.AST]) -> Imports:
        """Those of all import statements among these.

        Raises:
            ValueError: one is relative.
        """
        found = cls()
        for node in nodes:
            if isinstance(node, ast.ImportFrom):
                found._from(node)
            elif isinstance(node, ast.Import):
                found._plain(node)
        return found

    def _from(self, node: ast.ImportFrom) -> None:
        if node.level:
            raise ValueError(f"a relative import, line {node.lineno}: write the whole name")
        parent = str(node.module)
        ours = parent.split(".")[0] == "xstilts"
        for alias in node.names:
            bound = alias.asname or alias.name
            if not ours:
                self.foreign[bound] = f"from {parent} import {alias.name} as {bound}"
            elif source(f"{parent}.{alias.name}") is not None:
                self._load(f"{parent}.{alias.name}")
                self.ours[bound] = (f"{parent}.{alias.name}", None)
            else:
                self._load(parent)
                self.ours[bound] = (parent, None if alias.name == "*" else alias.name)

    def _plain(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name.split(".")[0] == "xstilts":
                self._load(alias.name)
                self.ours[alias.asname or alias.name] = (alias.name, None)
            else:
                bound = alias.asname or alias.name.split(".")[0]
                self.foreign[bound] = f"import {alias.name} as {alias.asname}"

    def _load(self, name: str) -> None:
        parts = name.split(".")
        self.loads |= {".".join(parts[:end]): None for end in range(2, len(parts) + 1)}


@cache
def module_of(name: str) -> Module:
    """A module of this package.

    Raises:
        ValueError: there is no such module.
    """
    path = source(name)
    if path is None:
        raise ValueError(f"no module {name} in the package")
    return read_module(path, name)


def read_module(path: Path, name: str) -> Module:
    """A module from a file; files of other kinds beside it belong to the module that reads them."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    for node in ast.walk(tree):
        _drop_docstring(node)
    body = [each for each in tree.body if not _is_for_types(each)]
    # Definitions bind what they import for themselves; a condition or a block does for all.
    imports = Imports.of(
        node for each in body if not isinstance(each, _DEFINITIONS) for node in ast.walk(each)
    )
    return Module(
        name=name,
        statements=tuple(
            _statement(each) for each in body if not isinstance(each, ast.Import | ast.ImportFrom)
        ),
        imports=imports,
        files=tuple(_files_beside(path)) if _reads_files(tree, text) else (),
    )


def _reads_files(tree: ast.Module, text: str) -> bool:
    """Whether a module finds files of its package: there is no other way from code to them."""
    # Most name none of these, not even in comments; to unparse them takes long.
    may = any(name in text for name in ("importlib", "pkgutil", "__file__", "__path__"))
    return may and _FINDERS.search(ast.unparse(tree)) is not None


def _files_beside(path: Path) -> list[Path]:
    return sorted(
        file
        for file in path.parent.rglob("*")
        if file.is_file() and file.suffix != ".py" and "__pycache__" not in file.parts
    )


def _statement(tree: ast.stmt) -> CodeStatement:
    if isinstance(tree, _DEFINITIONS):
        return CodeStatement(tree=tree, names=frozenset({tree.name}), acts=False)
    targets = tree.targets if isinstance(tree, ast.Assign) else [getattr(tree, "target", None)]
    if isinstance(tree, ast.Assign | ast.AnnAssign):
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        if len(names) == len(targets):
            return CodeStatement(tree=tree, names=frozenset(names), acts=False)
    bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return CodeStatement(tree=tree, names=frozenset(bound), acts=True)


def _is_for_types(tree: ast.stmt) -> bool:
    """Whether it is `if TYPE_CHECKING:`, which never runs."""
    return isinstance(tree, ast.If) and getattr(tree.test, "id", "") == "TYPE_CHECKING"


@cache
def source(name: str) -> Path | None:
    """The file of a module of this package; None if there is no such module."""
    package, *parts = name.split(".")
    if package != "xstilts":
        return None
    base = PACKAGE.joinpath(*parts)
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        # By the listing, because not every file system tells `KINDS.py` from `kinds.py`.
        if path.is_file() and path in path.parent.iterdir():
            return path
    return None


def _drop_docstring(node: ast.AST) -> None:
    if not isinstance(node, (ast.Module, *_DEFINITIONS)):
        return
    first = node.body[0] if node.body else None
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        node.body = node.body[1:]
