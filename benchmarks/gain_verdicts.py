"""Gains in groups of languages on simulated score tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache

import numpy as np
from score_tables import NOTHING, TABLE_TARGETS, codes
from verdicts import COVERED, FALSE, FOUND, Check, Setting, adjusted, covered, false, others, where

from xstilts.analysis.group_means import Group, layout_with_english
from xstilts.analysis.inference.adjust import holm
from xstilts.analysis.inference.bootstrap import Sample
from xstilts.analysis.inference.draws import combine
from xstilts.analysis.inference.estimates import LEVEL, estimates
from xstilts.analysis.inputs.evidence import Evidence
from xstilts.analysis.inputs.panel import Panel
from xstilts.analysis.tables import EVERY, WITH_ENGLISH
from xstilts.config.languages import LANGUAGES
from xstilts.config.recipes import NONE


@cache
def _layouts() -> dict[str, tuple[tuple[Group, ...], np.ndarray]]:
    """Target to its groups and their weights, (languages, groups)."""
    samples = {
        target: Sample(
            cells=((NONE, 1),),
            languages=codes(target),
            scores=np.zeros((1, 1, len(codes(target)))),
            counts={},
        )
        for target in TABLE_TARGETS
    }
    panel = Panel(evidence=Evidence("", samples), recipes=(NONE,), languages=LANGUAGES)
    found = {}
    for target in TABLE_TARGETS:
        units = layout_with_english(panel, target)
        found[target] = tuple(units), np.stack([each.mean for each in units.values()], axis=1)
    return found


@cache
def scope(target: str) -> tuple[tuple[Group, ...], dict[str, np.ndarray]]:
    """Groups, and by target the weights of their languages in it, (languages, groups)."""
    held = _layouts()
    if target != EVERY:
        groups, weights = held[target]
        return groups, {target: weights}
    groups = tuple(dict.fromkeys(group for names, _ in held.values() for group in names))
    count = Counter(group for names, _ in held.values() for group in names)
    return groups, {
        key: np.stack(
            [
                weights[:, names.index(group)] / count[group]
                if group in names
                else np.zeros(len(weights))
                for group in groups
            ],
            axis=1,
        )
        for key, (names, weights) in held.items()
    }


@cache
def groups_of(target: str) -> tuple[tuple[Group, ...], np.ndarray]:
    """The groups of a target without English, and their weights, (languages, groups)."""
    groups, weights = _layouts()[target]
    kept = [place for place, group in enumerate(groups) if group.name != WITH_ENGLISH]
    return tuple(groups[place] for place in kept), weights[: len(others(target)), kept]


def gains(setting: Setting, recipe: str = NOTHING[0]) -> Iterator[Check]:
    """Gains of languages, branches, families and all of them (`tables.GROUPS`, Holm)."""
    change, truth = {}, {}
    for key in TABLE_TARGETS:
        change[key] = setting.every(key, recipe).minus(setting.every(key, NONE))
        truth[key] = setting.truth_of_every(key, recipe) - setting.truth_of_every(key, NONE)
    tables = np.arange(setting.count)
    rates: dict[tuple[str, str], list[np.ndarray]] = {}
    for target in (*TABLE_TARGETS, EVERY):
        groups, weights = scope(target)
        drawn = combine(
            [change[key] for key in weights],
            lambda parts, weights=weights: sum(
                times(part, weight) for part, weight in zip(parts, weights.values(), strict=True)
            ),
        )
        known = sum(truth[key] @ weight for key, weight in weights.items())
        found = estimates(drawn)
        for grouping in dict.fromkeys(group.grouping for group in groups):
            places = [n for n, group in enumerate(groups) if group.grouping == grouping]
            label = f"gain: {grouping}, {where(target)}"
            p = adjusted(holm, found.p[:, places])
            wrong = false(p, found.value[:, places], known[:, places]).any(axis=1)
            rates.setdefault((label, FALSE), []).append(wrong)
            inside = covered(found, known)[:, places].mean(axis=1)
            rates.setdefault((label, COVERED), []).append(inside)
            turn = setting.turns(len(places))
            chosen = np.array(places)[turn]
            effect = setting.planted(
                {key: weight[:, chosen].T for key, weight in weights.items()}, len(places)
            )
            planted = estimates(drawn.map(lambda v, c=chosen, e=effect: v[:, tables, c] + e))
            p = found.p[:, places].copy()
            p[tables, turn] = planted.p
            p = adjusted(holm, p)[tables, turn]
            rates.setdefault((label, FOUND), []).append((p < LEVEL) & (planted.value > 0))
    for (label, kind), held in rates.items():
        yield Check(statement=label, kind=kind, rates=np.mean(held, axis=0))


def times(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """As one multiplication of matrices."""
    flat = values.reshape(-1, values.shape[-1]) @ weights.astype(values.dtype)
    return flat.reshape(*values.shape[:-1], -1)
