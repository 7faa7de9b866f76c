"""What was found out about code, kept from one process to the next.

Following what every script reaches takes seconds of each call of Snakemake, and its answer changes
only when code does. So answers are kept as Python keeps compiled modules: in `__pycache__` beside
the code, under a digest of all of it, and where that cannot be written they are found anew.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

_CACHE = "__pycache__"
_PREFIX = "xstilts-code-"


class CodeCache:
    """Answers about the code below a folder.

    Args:
        package: the folder; all of its files count, and the version of Python.
    """

    def __init__(self, package: Path) -> None:
        self._folder = package / _CACHE
        self._path = self._folder / f"{_PREFIX}{_digest_of(package)}.json"
        self._known: dict[str, Any] = self._read()
        self._new: dict[str, Any] = {}

    def get(self, question: str, answer: Callable[[], Any]) -> Any:
        """The answer to a question about this code, as plain data; found at most once."""
        if question not in self._known:
            if not self._new:
                atexit.register(self.write)
            self._known[question] = self._new[question] = answer()
        return self._known[question]

    def write(self) -> None:
        """Keep what is new, and drop what is known of earlier code."""
        kept, self._new = self._read() | self._new, {}
        try:
            for path in self._folder.glob(f"{_PREFIX}*.json"):
                if path != self._path:
                    path.unlink(missing_ok=True)
            part = self._path.with_suffix(f".{uuid4().hex}")
            self._folder.mkdir(exist_ok=True)
            part.write_text(json.dumps(kept), encoding="utf-8")
            part.replace(self._path)
        except OSError:
            # It is not ours to write in; the next process finds its answers as this one did.
            return

    def _read(self) -> dict[str, Any]:
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return kept if isinstance(kept, dict) else {}


def _digest_of(package: Path) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(package.rglob("*")):
        if path.is_file() and _CACHE not in path.parts:
            digest.update(f"{path.relative_to(package)} {path.stat().st_size}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
