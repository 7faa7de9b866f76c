"""How tasks and metrics are called, and numbers and lists within a sentence."""

from __future__ import annotations

import html
from collections.abc import Iterable

from xstilts.analysis.tables import EVERY
from xstilts.config.perturbations import KINDS, parse_condition
from xstilts.config.tasks import TASKS
from xstilts.scoring.averages import OVERALL
from xstilts.scoring.metrics import METRICS

TITLES = {**{key: task.title for key, task in TASKS.items()}, "qa": "QA"}
_CAPITALISED = {OVERALL, *(task.group for task in TASKS.values())}


def counted(number: int, name: str) -> str:
    """A number of something, in the plural where it is not 1."""
    return f"{number} {name}{'' if number == 1 else 's'}"


def within(title: str) -> str:
    """A title in the middle of a sentence."""
    return title if title.startswith("Gini") else f"{title[0].lower()}{title[1:]}"


def perturbation(condition: str) -> str:
    """A perturbation and its strength, within a sentence."""
    kind, strength = parse_condition(condition)
    return f"{within(KINDS[kind].wording.title)} at strength {strength:g}"


def listed(parts: Iterable[str], word: str = "and", *, most: int | None = None) -> str:
    """Parts as one enumeration; the last ones are counted where there are more than `most`."""
    parts = list(parts)
    if most is not None and len(parts) > most:
        parts = [*parts[: most - 1], f"{len(parts) - most + 1} more"]
    *before, last = parts
    return f"{', '.join(before)} {word} {last}" if before else last


def title(name: str) -> str:
    """How a task, group or average is called on the page."""
    return TITLES.get(name, name.capitalize() if name in _CAPITALISED else name)


def metric_title(metric: str) -> str:
    """How a metric is called on the page."""
    titles = {name: title for held in METRICS.values() for name, title in held.titles.items()}
    return titles.get(metric, metric.replace("_", " ").capitalize())


def target_name(target: str) -> str:
    """A target, or the mean over them."""
    return title(target) if target != EVERY else "Mean over targets"


def label(text: str) -> str:
    """A name in a figure, where plotly would read HTML."""
    return html.escape(text, quote=False)


def readable(value: str) -> str:
    """A name that a table uses, as words."""
    return value.replace("_", " ")
