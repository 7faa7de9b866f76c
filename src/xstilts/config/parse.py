"""An experiment from what a user wrote in files and on the command line, checked as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from xstilts.config.checks import problems_of
from xstilts.config.experiment import Experiment
from xstilts.errors import XstiltsError


def parse_experiment(values: dict[str, Any], where: str = "experiment") -> Experiment:
    """Validate an experiment; all problems are reported in one error.

    Args:
        values: as YAML has them, or as Snakemake reads them from its command line: there every
            value within another is a text, so that the text "null" is taken for null.

    Raises:
        XstiltsError: names each key that is wrong, and what would be right.
    """
    try:
        experiment = Experiment.model_validate(_with_nulls(values))
        problems = list(problems_of(experiment))
    except ValidationError as error:
        problems = []
        for item in error.errors():
            key = ".".join(str(part) for part in item["loc"])
            text = item["msg"].removeprefix("Value error, ")
            problems.append(f"{key}: {text}" if key else text)
    if problems:
        raise XstiltsError("\n  ".join(problems), where=where)
    return experiment


def _with_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_nulls(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_with_nulls(held) for held in value]
    return None if value == "null" else value


def read_configuration(files: Iterable[Path], assignments: Iterable[str]) -> dict[str, Any]:
    """The values of YAML files, later ones over earlier ones, and of `key=value` over all.

    As Snakemake reads its own options of these names.

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
