"""Which definitions the digest of a script's code counts, by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from xstilts.execution import code_digest
from xstilts.execution.code_modules import CodeStatement, Module, read_module


@dataclass
class Counted(code_digest._Reach):
    """What is reached, with the names of what counts: of classes of rows also the members."""

    names: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    def of(cls, script: Path) -> Counted:
        module = read_module(script, "script")
        found = cls({}, around=code_digest._around(module))
        found.everything(module)
        found.follow()
        return found

    def _count(self, module: Module, statement: CodeStatement) -> None:
        self.names |= {(module.name, name) for name in statement.names}
        super()._count(module, statement)

    @property
    def attributes(self) -> set[str]:
        """The names of fields of rows that may be read."""
        return self.fields()

    def has(self, file: str, function: str) -> bool:
        """Whether a function counts that is called, by its file in the package and its name."""
        path = Path(file).with_suffix("")
        parts = path.parent.parts if path.name == "__init__" else path.parts
        module = ".".join(["xstilts", *parts])
        first, *others = function.split(".")
        if first.startswith("<"):
            return True  # It has no name, and belongs to a statement at the top of its module.
        held = {(module, first), *((module, other) for other in others[:1])}
        return not held.isdisjoint(self.names)
