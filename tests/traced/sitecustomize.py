"""Notes what each job of a run of Snakemake calls and reads, for a test; found by PYTHONPATH.

Of a script of the workflow: the functions of this package that its work calls, and the fields of
rows of tables that it reads, but not what only the block around its work does
(`xstilts.execution.jobs`). One file a process, in the folder that TRACED names.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
from pathlib import Path

_SCRIPTS = ".snakemake/scripts"


def _trace(folder: Path, script: str) -> None:
    from xstilts.config import rows

    package = Path(rows.__file__).parents[1]
    around = str(package / "execution/jobs.py")
    inside = f"{package}{os.sep}"
    called: set[tuple[str, str]] = set()
    read: set[str] = set()
    seen: set[object] = set()

    def is_around(frame) -> bool:
        while frame is not None:
            if frame.f_code.co_filename == around:
                return True
            frame = frame.f_back
        return False

    def on_call(frame, event, argument):
        code = frame.f_code
        if code in seen:
            return
        if not code.co_filename.startswith(inside):
            seen.add(code)
        elif not is_around(frame) and not _is_import(frame):
            seen.add(code)
            called.add((code.co_filename.removeprefix(inside), code.co_qualname))

    def on_read(row, name):
        caller = sys._getframe(1)
        made = caller.f_code.co_name in ("replace", "_replace", "__init__")
        if not name.startswith("__") and not made and not _is_import(caller):
            read.add(name)
        return object.__getattribute__(row, name)

    def write():
        sys.settrace(None)
        found = {"script": script, "called": sorted(called), "read": sorted(read)}
        (folder / f"{os.getpid()}.json").write_text(json.dumps(found))

    rows.Row.__getattribute__ = on_read
    sys.settrace(on_call)
    atexit.register(write)


def _is_import(frame) -> bool:
    """Whether a module is being imported, which does what counts where its results are named."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


if "TRACED" in os.environ:
    # Python has not yet set its arguments.
    given = Path("/proc/self/cmdline").read_text().split("\0")
    names = [Path(each).name for each in given if _SCRIPTS in each]
    if names:
        _trace(Path(os.environ["TRACED"]), names[0].split(".", 1)[1])
