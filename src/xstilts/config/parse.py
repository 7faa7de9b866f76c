"""An experiment from what a user wrote, checked as a whole."""

from __future__ import annotations

from typing import Any

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
