"""Where a result comes from, through every step before it, and how a file says so.

Each job notes what it was made by and of: its code and settings, the digests of its input files,
versions, and the machine where that matters. Its lineage joins to that what its inputs say of
themselves, so that a table of scores names the data, encoders, code and machines behind it.

Parquet files hold this in their metadata (`xstilts.execution.parquet.write_table`). Beside any
other output `output` lies `results/<experiment>/provenance/<output>.json`, which stays when a
checkpoint goes.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any

from xstilts.errors import XstiltsError
from xstilts.execution.devices import cores, cpu_model
from xstilts.execution.files import sha256_file, write_json

_LIBRARIES = (
    "torch",
    "transformers",
    "tokenizers",
    "sentencepiece",
    "datasets",
    "pyarrow",
    "faiss-cpu",
    "seqeval",
)

_FOLDER = "provenance"
_TABLE = ".parquet"
_IN_FOLDER = "provenance.json"
# Jobs whose floating-point results can depend on the machine, besides those that take a device.
_ON_THE_MACHINE = ("retrieve",)
Lineage = dict[str, Any]


def versions() -> dict[str, str]:
    """Versions of this package, Python and the libraries that shape a result."""
    # Not by an import, since another number is no other code.
    own = sys.modules[__name__.partition(".")[0]].__version__
    found = {"xstilts": own, "python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def made_by(
    *,
    rule: str,
    params: Mapping[str, Any],
    wildcards: Mapping[str, str],
    inputs: Iterable[str],
    threads: int,
    computes: bool,
) -> dict[str, Any]:
    """What made a job's outputs, besides its parameters, as plain data.

    Args:
        rule: the job's rule.
        params: the job's parameters.
        wildcards: the job's wildcards.
        inputs: its input files and folders.
        threads: how many it computes with.
        computes: it computes on a device.

    Returns:
        `inputs` (path to digest), `repeated` (those that are inputs more than once, if any),
        `hardware` (where it matters, else absent) and `lineage`:
        `code` (rule to digests), `versions` (library to versions), `hardware`, `seeds`, `data`
        (source and part to where they are from) and `encoders`.
    """
    several = Counter(map(str, inputs))
    inputs = sorted(several)
    digests = {path: digest(path) for path in inputs}
    here = {"hardware": hardware(threads)} if computes or rule in _ON_THE_MACHINE else {}
    source = params.get("encoder") or params.get("new")
    own: Lineage = {
        "code": {rule: [params["code"]]} if "code" in params else {},
        "versions": {name: [version] for name, version in versions().items()},
        "hardware": [_in_words(here["hardware"])] if here else [],
        "seeds": [int(wildcards["seed"])] if "seed" in wildcards else [],
        "data": _data(params, wildcards, digests),
        "encoders": {wildcards["encoder"]: dict(source)} if source else {},
    }
    lineages = [read_provenance(path).get("lineage", {}) for path in inputs if _is_ours(path)]
    again = [path for path in inputs for _ in range(several[path] - 1)]
    repeated = {"repeated": again} if again else {}
    return {"inputs": digests, **repeated, **here, "lineage": joined([own, *lineages])}


def _data(
    params: Mapping[str, Any], wildcards: Mapping[str, str], digests: Mapping[str, str]
) -> Lineage:
    """Where data are from that are read or generated here."""
    if not {"task", "part"} <= wildcards.keys() or "data" not in params:
        return {}
    settings = params["data"]
    found: Lineage = {"source": settings.get("source", "invitro")}
    if "world" in settings:
        found["seed"] = settings["world"]["seed"]
    if settings.get("revisions"):
        found["revisions"] = dict(settings["revisions"])
    if digests:
        found["sha256"] = hashlib.sha256("".join(sorted(digests.values())).encode()).hexdigest()
    return {f"{wildcards['task']} {wildcards['part']}": found}


def joined(lineages: Iterable[Lineage]) -> Lineage:
    """One lineage of several: lists without repetition, in order; mappings by key."""
    found: Lineage = {}
    for lineage in lineages:
        for key, value in lineage.items():
            found[key] = _joined(found[key], value) if key in found else value
    return found


def _joined(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        shared = {key: _joined(one[key], other[key]) for key in one.keys() & other.keys()}
        return dict(sorted({**one, **other, **shared}.items()))
    if isinstance(one, list) and isinstance(other, list):
        return sorted({*one, *other})
    return other


def digest(path: str | Path) -> str:
    """SHA-256 of a file; of a folder that of its `provenance.json`, else of all its files.

    The `provenance.json` of an encoder holds the digests of its weights, so that gigabytes need
    not be read again in every job.
    """
    path = Path(path)
    if path.is_file():
        return sha256_file(path)
    if (path / _IN_FOLDER).is_file():
        return sha256_file(path / _IN_FOLDER)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    listed = "\n".join(f"{file.relative_to(path)} {sha256_file(file)}" for file in files)
    return hashlib.sha256(listed.encode()).hexdigest()


def hardware(threads: int) -> dict[str, Any]:
    """This machine: `cpu`, `cores`, `threads` that the job computes with, and `gpu` (or None)."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    gpu = None
    if cuda is not None and cuda.is_initialized():
        gpu = cuda.get_device_properties(cuda.current_device()).name
    return {"cpu": cpu_model(), "cores": cores(), "threads": threads, "gpu": gpu}


def _in_words(machine: Mapping[str, Any]) -> str:
    gpu = f", {machine['gpu']}" if machine["gpu"] else ""
    return f"{machine['cpu']}, {machine['cores']} cores{gpu}"


def read_provenance(path: str | Path) -> dict[str, Any]:
    """What a result says of what made it; empty if it was made before results did.

    Raises:
        XstiltsError: there is no such result.
    """
    if found := recorded_beside(path):
        return found
    path = Path(path)
    if not path.exists():
        raise XstiltsError("there is no such result", where=path)
    inside = path / _IN_FOLDER
    return json.loads(inside.read_text(encoding="utf-8")) if inside.is_file() else {}


def recorded_beside(path: str | Path) -> dict[str, Any]:
    """What a table, or a file beside a result, says of what made it; empty if there is none."""
    beside = _beside(path)
    if beside is not None and beside.is_file():
        return json.loads(beside.read_text(encoding="utf-8"))
    path = Path(path)
    if path.suffix != _TABLE or not path.is_file():
        return {}
    # Arrow takes its time, and who asks for versions has no use for it.
    from xstilts.execution.parquet import read_meta

    return read_meta(path)


def write_provenance(outputs: Iterable[str], made: Mapping[str, Any]) -> None:
    """Note beside those outputs that hold no metadata what made them."""
    for output in outputs:
        beside = _beside(output)
        if beside is not None:
            write_json(beside, made)


def _is_ours(path: str) -> bool:
    return PurePath(path).parts[:1] == ("results",)


def _beside(path: str | Path) -> Path | None:
    """Where the provenance of an output lies that cannot hold it; None where it holds it."""
    place = PurePath(path)
    if place.suffix == _TABLE or "results" not in place.parts:
        return None
    root = len(place.parts) - place.parts[::-1].index("results") + 1
    inside = PurePath(*place.parts[root:])
    return Path(*place.parts[:root], _FOLDER, inside.with_name(f"{inside.name}.json"))
