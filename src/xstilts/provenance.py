"""Which code and which versions made a result.

The digest of a module covers the module and everything that it imports from this package, as
syntax trees without comments, docstrings and layout: a cosmetic edit changes nothing, an edit
of what a stage computes changes the digests of the stages that use it, and of no others.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import platform
from functools import cache
from pathlib import Path

import xstilts

_PACKAGE = Path(xstilts.__file__).parent
# What the tables say reaches a job through its parameters, so that a new task retrains nothing;
# the others decide how a job is run and written down, never what it computes.
_UNTRACKED = {
    f"xstilts.{name}"
    for name in (
        *("config", "grid", "inventory", "languages", "needs", "paths", "slices"),
        *("encoder_settings", "experiment_checks", "recipes", "settings"),
        *("task_types", "tasks"),
        *("errors", "files", "hardware", "jobs", "provenance"),
    )
}
_LIBRARIES = ("torch", "transformers", "tokenizers", "datasets", "pyarrow", "faiss-cpu", "seqeval")


def code_digest(start: str | Path) -> str:
    """Hexadecimal digest of the code that a script (by path) or a module (by name) runs."""
    if isinstance(start, Path):
        digest, waiting = _read(start)
        reached = {start.name: digest}
    else:
        reached, waiting = {}, [start]
    waiting = list(waiting)
    while waiting:
        name = waiting.pop()
        if name not in reached and name not in _UNTRACKED:
            reached[name], imported = _module(name)
            waiting.extend(imported)
    text = "\n".join(f"{name} {reached[name]}" for name in sorted(reached))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def _module(name: str) -> tuple[str, tuple[str, ...]]:
    path = _source(name)
    if path is None:
        raise ValueError(f"no module {name} in the package")
    return _read(path)


def _read(path: Path) -> tuple[str, tuple[str, ...]]:
    """Digest of one file, and the modules of this package that it imports anywhere."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            imported.add(node.module)
            imported.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
        _drop_docstring(node)
    ours = {found for found in imported if found.startswith("xstilts.") and _source(found)}
    templates = sorted((path.parent / "templates").glob("*")) if path.name == "render.py" else []
    content = ast.dump(tree).encode() + b"".join(file.read_bytes() for file in templates)
    return hashlib.sha256(content).hexdigest(), tuple(sorted(ours))


def _source(name: str) -> Path | None:
    base = _PACKAGE.joinpath(*name.split(".")[1:])
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def _drop_docstring(node: ast.AST) -> None:
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return
    first = node.body[0] if node.body else None
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        node.body = node.body[1:]


def versions() -> dict[str, str]:
    """Versions of this package, Python and the libraries that shape a result."""
    found = {"xstilts": xstilts.__version__, "python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
