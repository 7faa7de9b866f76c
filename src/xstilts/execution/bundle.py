"""One archive with what another person needs to check or repeat an experiment.

It holds the code that ran, the experiment file, the lock file, the results in tables and pages,
every prediction, the logs and the records of cost, and digests of all that and of the data and
encoders that were read. These are named and not packed, since licences seldom let them be given
away; nor are trained encoders, unless they are asked for.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

import xstilts
from xstilts.errors import XstiltsError
from xstilts.execution.files import atomic_path, sha256_file
from xstilts.execution.provenance import versions
from xstilts.graph.cells import Grid
from xstilts.graph.paths import LARGE

_NEVER = ("embeddings", "links", "resume")
_CODE = (
    *("Snakefile", "workflow", "envs", "profiles", "src", "config.yaml", "pyproject.toml"),
    *("constraints.txt", "requirements.lock", "Makefile", "README.md", "CONTRIBUTING.md"),
    *("CITATION.cff", "LICENSE", "docs"),
)
_NOT_CODE = ("__pycache__", ".pyc")
_HOW = """{name}: what was run, and what came out.

experiment.yaml   the experiment, with all that the command line changed
code/             xstilts {version} as it ran{no_code}
results/          pages, tables, predictions, logs and costs{also}
inputs.sha256     data and encoders that were read; they are not in here
SHA256SUMS        every file in here: sha256sum --check SHA256SUMS

Versions: {versions}

To run it again, with the inputs where experiment.yaml names them:

  cd code
  python -m venv .venv && . .venv/bin/activate
  pip install --require-hashes -r requirements.lock && pip install --no-deps -e .
  snakemake --configfile ../experiment.yaml
"""


def write_bundle(
    grid: Grid, values: Mapping[str, Any], output: Path, also: Sequence[str] = ()
) -> Iterator[str]:
    """Pack an experiment that was run in the working directory; yields what was done, in lines.

    Args:
        values: the experiment as it was read, before defaults.
        output: the archive, a gzipped tar file that does not exist yet.
        also: names of folders (`paths.LARGE`) to pack too.

    Raises:
        XstiltsError: the experiment has no scores here, or the archive is already there.
    """
    root = Path(grid.paths.root)
    if not Path(grid.paths.scores).is_file():
        raise XstiltsError(
            "there are no scores to pack", where=root, hint="run the experiment first"
        )
    if output.exists():
        raise XstiltsError("it is already there", where=output, hint="choose another --output")
    source = code_folder()
    code = [] if source is None else list(_code(source))
    results = list(_results(root, also))
    inputs = list(_inputs(grid))
    name = grid.experiment.experiment
    how = _HOW.format(
        name=name,
        version=xstilts.__version__,
        no_code="" if code else " (not here: it was installed as a package)",
        also=f", and {', '.join(also)}" if also else "",
        versions=", ".join(f"{library} {number}" for library, number in versions().items()),
    )
    texts = {
        "README.txt": how,
        "experiment.yaml": yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True),
        "inputs.sha256": "".join(f"{digest}  {path}\n" for path, digest in inputs),
    }
    sums = {}
    with atomic_path(output) as part, tarfile.open(part, "w:gz", dereference=True) as archive:
        for place, text in texts.items():
            sums[place] = _add_text(archive, f"{name}/{place}", text)
        for place, path in (*code, *results):
            archive.add(path, f"{name}/{place}", recursive=False)
            sums[place] = sha256_file(path)
        listed = "".join(f"{digest}  {place}\n" for place, digest in sums.items())
        _add_text(archive, f"{name}/SHA256SUMS", listed)
    yield f"{output}: {len(sums) + 1:,} files, {output.stat().st_size / 1e6:,.1f} MB"
    yield f"  {len(inputs):,} files of data and encoders are named in inputs.sha256, not packed"


def code_folder() -> Path | None:
    """The checkout that this package lies in; None where it was installed without one."""
    folder = Path(xstilts.__file__).parents[2]
    return folder if (folder / "Snakefile").is_file() else None


def _code(source: Path) -> Iterator[tuple[str, Path]]:
    for name in _CODE:
        for path in _files(source / name):
            if not any(part.endswith(_NOT_CODE) for part in path.parts):
                yield f"code/{path.relative_to(source).as_posix()}", path


def _results(root: Path, also: Sequence[str]) -> Iterator[tuple[str, Path]]:
    left_out = {*_NEVER, *LARGE} - set(also)
    for path in _files(root):
        inside = path.relative_to(root)
        temporary = any(part.startswith(".") for part in inside.parts)
        if inside.parts[0] not in left_out and not temporary:
            yield path.as_posix(), path


def _files(path: Path) -> Iterable[Path]:
    if path.is_dir():
        return (found for found in sorted(path.rglob("*")) if found.is_file())
    return [path] if path.is_file() else []


def _inputs(grid: Grid) -> Iterator[tuple[str, str]]:
    """Path and digest of every file from outside that jobs read."""
    paths = [
        path
        for task in grid.tasks
        for part in grid.parts(task)
        for path in grid.input_files(task, part)
    ]
    paths += [path for encoder in grid.fetched for path in grid.encoder_files(encoder)]
    here = Path.cwd()
    for path in sorted(set(map(Path, paths))):
        inside = path.is_relative_to(here)
        yield (path.relative_to(here) if inside else path).as_posix(), sha256_file(path)


def _add_text(archive: tarfile.TarFile, place: str, text: str) -> str:
    content = text.encode()
    entry = tarfile.TarInfo(place)
    entry.size, entry.mode = len(content), 0o644
    archive.addfile(entry, io.BytesIO(content))
    return hashlib.sha256(content).hexdigest()
