"""An experiment's values as Snakemake would read them: files, and what the command line changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from xstilts.errors import XstiltsError


def read_configuration(files: Iterable[Path], assignments: Iterable[str]) -> dict[str, Any]:
    """The values of YAML files, later ones over earlier ones, and of `key=value` over all.

    Raises:
        XstiltsError: a file is no YAML mapping, or an assignment has no `=` or no YAML value.
        OSError: a file cannot be read.
    """
    values: dict[str, Any] = {}
    for path in files:
        read = _parse(path.read_text(encoding="utf-8"), str(path))
        if not isinstance(read, dict):
            raise XstiltsError("not a mapping of keys to values", where=path)
        _update(values, read)
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not key or not equals:
            raise XstiltsError(f"not of the form key=value: {assignment!r}", where="--config")
        _update(values, {key: _parse(text, f"--config {key}")})
    return values


def _parse(text: str, where: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise XstiltsError(f"not YAML: {error}", where=where) from None


def _update(values: dict[str, Any], new: Mapping[str, Any]) -> None:
    """Put `new` into `values`, mappings into mappings."""
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(values.get(key), dict):
            _update(values[key], value)
        else:
            values[key] = value
