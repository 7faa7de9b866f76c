"""A stand-in for `conda`, which is not part of the test environment and needs a channel.

It answers what Snakemake asks of conda, and "downloads" by linking: an environment is a venv whose
libraries are those that the tests run with, except this package. So it shows what Snakemake and
the workflow do with an environment, and nothing about whether conda can solve and install
envs/xstilts.yaml.

Two things tell such an environment from the one it was made of: a library whose version is marked,
and a note of every Python process that used this package, with where its modules came from.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any

import yaml

MARKED, MARK = "seqeval", "+environment"
_NOTES = "notes.jsonl"
_NOTE = f"""
import atexit, json, sys

def note():
    if "xstilts" in sys.modules:
        names = {{"xstilts", "pyarrow", "torch"}} & set(sys.modules)
        modules = {{name: sys.modules[name].__file__ for name in names}}
        with open(sys.prefix + "/{_NOTES}", "a") as notes:
            notes.write(json.dumps({{"python": sys.executable, **modules}}) + "\\n")

atexit.register(note)
"""
# As conda's: `source activate PREFIX`.
_ACTIVATE = 'export CONDA_PREFIX="$1" PATH="$1/bin:$PATH"\n'


def install(base: Path) -> None:
    """Put the stand-in under `base`."""
    command = base / "bin/conda"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" "{base}" "$@"\n')
    command.chmod(0o755)
    (base / "bin/activate").write_text(_ACTIVATE)


def environment(base: Path) -> dict[str, str]:
    """The environment variables with which the stand-in under `base` is found."""
    return {**os.environ, "PATH": f"{base / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def notes(environment: Path) -> list[dict[str, str]]:
    """Interpreter and the files of modules, of each process that used this package in there."""
    path = environment / _NOTES
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _create(prefix: Path) -> None:
    venv.create(prefix, symlinks=True)
    (libraries,) = prefix.glob("lib/python*/site-packages")
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        # What a .pth file names would be found without the help of Snakemake.
        if "xstilts" not in entry.name and entry.suffix != ".pth":
            (libraries / entry.name).symlink_to(entry)
    (link,) = libraries.glob(f"{MARKED}-*.dist-info")
    original = link.resolve()
    link.unlink()
    shutil.copytree(original, link)
    metadata = link / "METADATA"
    lines = metadata.read_text().splitlines()
    marked = [line + MARK if line.startswith("Version: ") else line for line in lines]
    metadata.write_text("\n".join(marked))
    (libraries / "sitecustomize.py").write_text(_NOTE)


def _answer(base: str, arguments: list[str]) -> Any:
    match arguments:
        case ["--version"]:
            return "conda 26.9.0"
        case ["info", "--json"]:
            return json.dumps({"conda_prefix": base, "platform": "linux-64"})
        case ["config", "--get", "channel_priority", "--json"]:
            return json.dumps({"get": {"channel_priority": "strict"}})
        case ["clean", "-y", "--tarballs"]:
            return "nothing was downloaded"
        case ["env", "create", *options]:
            parser = argparse.ArgumentParser()
            parser.add_argument("--file", type=Path)
            parser.add_argument("--prefix", type=Path)
            chosen, _ = parser.parse_known_args(options)
            assert yaml.safe_load(chosen.file.read_text())["name"] == "xstilts"
            _create(chosen.prefix)
            return f"created {chosen.prefix}"
    sys.exit(f"the stand-in knows no `conda {' '.join(arguments)}`")


if __name__ == "__main__":
    print(_answer(sys.argv[1], sys.argv[2:]))
