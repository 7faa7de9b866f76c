"""The rooms of the package lie along the flow of data, and imports run against it alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import xstilts

PACKAGE = Path(xstilts.__file__).parent
# In the order in which a room may know others: those before it. Metrics come before training, since
# they choose its checkpoints.
FLOW = (
    *("config", "graph", "data", "features", "scoring"),
    *("training", "prediction", "analysis", "report"),
)
# Runs and records all of it, and knows what is planned and what is read.
EXECUTION, KNOWN_TO_EXECUTION = "execution", ("config", "graph", "data")
# What any room may use of it: files, log, errors, what the machine has, and what a job says of
# itself.
FOR_ALL = {
    f"execution.{name}"
    for name in (
        *("cost.tally", "devices", "files", "log", "locks", "parquet", "provenance", "signals"),
    )
}
# Before all rooms, and after them.
BASICS, COMMANDS = ("errors", "rounding"), "cli"
HEAVY = {"torch", "transformers", "datasets", "polars", "faiss"}


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts).removesuffix("__init__").rstrip(".")


TREES = {
    module_name(path): ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(PACKAGE.rglob("*.py"))
}


def ours(module: str) -> set[str]:
    """The modules of the package that a module imports, wherever, for types alone too."""
    found = set()
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "xstilts":
            base = node.module.removeprefix("xstilts").lstrip(".")
            for alias in node.names:
                inner = f"{base}.{alias.name}".lstrip(".")
                found.add(inner if inner in TREES else base)
        elif isinstance(node, ast.Import):
            found |= {
                alias.name.removeprefix("xstilts").lstrip(".")
                for alias in node.names
                if alias.name.split(".")[0] == "xstilts"
            }
    return found - {module, ""}


def others(module: str) -> Iterator[str]:
    """The packages that a module imports when it is imported itself."""
    nodes = list(TREES[module].body)
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]
        elif isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.dump(node.test):
            nodes += node.body + node.orelse


def may_know(module: str, other: str) -> bool:
    room, known = module.split(".")[0], other.split(".")[0]
    if room in (known, COMMANDS) or known in BASICS or other in FOR_ALL:
        return True
    if room == EXECUTION:
        return known in KNOWN_TO_EXECUTION
    return known in FLOW and room in FLOW and FLOW.index(known) < FLOW.index(room)


def test_every_module_is_in_a_room() -> None:
    rooms = {module.split(".")[0] for module in TREES} - {""}
    assert rooms == {*FLOW, EXECUTION, *BASICS, COMMANDS}
    assert all((PACKAGE / room / "__init__.py").is_file() for room in (*FLOW, EXECUTION))


def test_imports_run_along_the_flow() -> None:
    backward = [
        f"{module} imports {other}"
        for module in TREES
        for other in sorted(ours(module))
        if not may_know(module, other)
    ]
    assert not backward


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter({module: ours(module) for module in TREES}).prepare()
    except CycleError as error:
        raise AssertionError(" → ".join(error.args[1])) from None


def test_nothing_that_plans_imports_what_takes_long() -> None:
    reached = {module for module in TREES if module.split(".")[0] in ("config", "graph")}
    waiting = list(reached)
    while waiting:
        new = ours(waiting.pop()) - reached
        reached |= new
        waiting += new
    heavy = {module: HEAVY & set(others(module)) for module in sorted(reached)}
    assert not {module: found for module, found in heavy.items() if found}
