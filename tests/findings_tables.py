"""Made-up findings of every kind, for tests of pages that show them.

The numbers follow no experiment; the tables are as `xstilts.analysis.tables` says, and some of
their texts are written from right to left or try to break out of the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl

from xstilts.analysis.findings import Findings
from xstilts.analysis.inference.adjust import NOT_ENOUGH
from xstilts.analysis.inference.draws import ITEMS_AND_SEEDS
from xstilts.analysis.stability import BELOW_BEST, CLEARLY_BELOW, MAY_BE_BEST
from xstilts.analysis.tables import (
    ALL,
    ALL_FAMILIES,
    ALL_LANGUAGES,
    BRANCH,
    CORRECTED,
    EVERY,
    FAIRER,
    FAMILY,
    GAIN,
    GAINS,
    GAP,
    GREATER,
    LANGUAGE,
    LESS,
    LESS_FAIR,
    LOSES,
    LOSS_CHANGE,
    POINTS,
    SCORE,
    TABLES,
    WITH_ENGLISH,
    table,
)
from xstilts.config.languages import LANGUAGES, Language

RECIPES = ("none", "mnli", "squad_v1", "mnli+mlm")
TARGETS = ("xnli", "xquad")
CODES = ("en", "de", "ru", "hi", "fa", "ar", "he", "tr", "kk", "ja")
ENCODER = "xlmr"
# What a text must not do: end the script or table that it is in, or be read as HTML.
HOSTILE = '</script><script>document.title = "broken"</script><img src=x onerror="broken()">'
HOSTILE_TEMPLATE = "let dt_args = {}; </td></table> {{ title }} &lt;b&gt;"
ARABIC = "ذهبت الطالبة إلى المكتبة يوم الخميس، وعادت قبل المساء بثلاثة كتب."
HEBREW = "הספר הונח על השולחן, ואיש לא קרא בו."

Row = dict[str, Any]


def example_findings(
    *,
    encoders: Sequence[str] = (ENCODER,),
    recipes: Sequence[str] = RECIPES,
    targets: Sequence[str] = TARGETS,
    codes: Sequence[str] = CODES,
    pitfall_items: int = 4,
    languages: Mapping[str, Language] = LANGUAGES,
    covered: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Findings:
    """Findings with rows in every table; `recipes` starts with the baseline.

    Args:
        codes: languages; the first is English.
        pitfall_items: for each recipe, target and language.
        languages: what is known of the languages.
        covered: target to its languages, English first, where these are not all of `codes`.
    """
    maker = _Maker(encoders, recipes, targets, codes, pitfall_items, languages, covered)
    return maker.findings()


class _Maker:
    """Draws every number from one stream, so that the same arguments give the same tables."""

    def __init__(
        self,
        encoders: Sequence[str],
        recipes: Sequence[str],
        targets: Sequence[str],
        codes: Sequence[str],
        pitfall_items: int,
        languages: Mapping[str, Language],
        covered: Mapping[str, Sequence[str]],
    ) -> None:
        self.random = np.random.default_rng(20_13)
        self.encoders, self.recipes, self.targets = encoders, recipes, targets
        self.codes, self.pitfall_items = codes, pitfall_items
        self.known, self.covered = languages, covered
        self.families = self.grouped(FAMILY, codes)
        self.unseen = {"kk", "qu"}
        # Anywhere from near to far, and English nowhere but at 0.
        self.distance = {code: 0.2 + 0.7 * (0.618 * n % 1) for n, code in enumerate(codes)}
        self.distance[codes[0]] = 0.0

    def findings(self) -> Findings:
        """All tables."""
        makers = {
            "groups": self.groups(),
            "fairness": self.fairness(),
            "harm": self.harm(),
            "pareto": self.pareto(),
            "stability": self.stability(),
            "perturbed": self.perturbed(),
            "pitfalls": self.pitfalls(),
            "pitfall_items": self.items(),
            "association": self.association(),
            "kinship": self.kinship(),
            "kinship_profile": self.kinship_profile(),
            "kinship_new": self.kinship_new(),
            "languages": self.languages(),
        }
        tables = {name: table(list(rows), TABLES[name]) for name, rows in makers.items()}
        return Findings.of(["Generated numbers: they say nothing about languages."], **tables)

    def cells(self) -> Iterator[Row]:
        for encoder in self.encoders:
            for recipe in self.recipes:
                for target in (EVERY, *self.targets):
                    yield {"encoder": encoder, "recipe": recipe, "target": target}

    def grouped(self, grouping: str, codes: Sequence[str]) -> dict[str, list[str]]:
        """Families or branches with their languages."""
        held: dict[str, list[str]] = {}
        for code in codes[1:]:
            held.setdefault(getattr(self.known[code], grouping), []).append(code)
        return held

    def members(self, target: str) -> Iterator[tuple[str, str, list[str]]]:
        """Grouping, group and its languages in a target."""
        codes = self.covered.get(target, self.codes)
        yield ALL, ALL_LANGUAGES, list(codes[1:])
        yield ALL, ALL_FAMILIES, list(codes[1:])
        yield ALL, WITH_ENGLISH, list(codes)
        for grouping in (FAMILY, BRANCH):
            for name, held in self.grouped(grouping, codes).items():
                yield grouping, name, held
        for code in codes:
            yield LANGUAGE, code, [code]

    def around(self, centre: float, spread: float, half: float) -> Row:
        value = float(self.random.normal(centre, spread))
        return {"value": value, "low": value - half, "high": value + half}

    @staticmethod
    def judged(estimate: Mapping[str, float], words: tuple[str, str] = (GAINS, LOSES)) -> Row:
        low, high = estimate["low"], estimate["high"]
        clear = low > 0 or high < 0
        p = 0.004 if clear else 0.31
        verdict = (words[0] if low > 0 else words[1]) if clear else NOT_ENOUGH
        return {
            "p": p / 3,
            "p_adjusted": p,
            "tests": 3,
            "verdict": verdict,
            "basis": ITEMS_AND_SEEDS,
            "detectable": 2.34,
        }

    def groups(self) -> Iterator[Row]:
        for cell in self.cells():
            step = 0.9 * self.recipes.index(cell["recipe"])
            for grouping, group, codes in self.members(cell["target"]):
                far = float(np.mean([self.distance[code] for code in codes]))
                common = {
                    "grouping": grouping,
                    "group": group,
                    "best": codes[0],
                    "worst": codes[-1],
                    "spread": 3.0 * (len(codes) > 1) or None,
                    "languages": codes,
                    "unseen": sorted(self.unseen & set(codes)),
                    "items": 500 * len(codes),
                    "clusters": 100 * len(codes),
                    "design_effect": 1.25,
                    "seeds": 3,
                    "targets": len(self.targets) if cell["target"] == EVERY else 1,
                    "single": len(codes) == 1,
                }
                for scale, factor in ((POINTS, 1.0), (CORRECTED, 1.4)):
                    score = self.around((82 + step - 30 * far) / factor, 1.0, 1.5)
                    yield {
                        **cell,
                        **common,
                        "scale": scale,
                        "quantity": SCORE,
                        **score,
                        **self.collapsed(cell, score["value"]),
                        "basis": ITEMS_AND_SEEDS,
                    }
                    if group not in ("en", WITH_ENGLISH):
                        gap = self.around(30 * far, 1.0, 1.2)
                        yield {**cell, **common, "scale": scale, "quantity": GAP, **gap}
                    if cell["recipe"] != self.recipes[0]:
                        gain = self.around((step - 3 * far) * factor, 0.7, 1.1 * factor)
                        yield {
                            **cell,
                            **common,
                            "scale": scale,
                            "quantity": GAIN,
                            **gain,
                            **self.judged(gain),
                        }

    def collapsed(self, cell: Row, value: float) -> Row:
        """Of the last recipe one seed learnt nothing."""
        if cell["recipe"] != self.recipes[-1] or len(self.recipes) == 1:
            return {}
        return {"with_collapsed": value - 9, "collapsed_seeds": 1}

    def fairness(self) -> Iterator[Row]:
        measures = (
            ("mean", "Mean over languages", GREATER, 60.0),
            ("worst_family", "Worst family", GREATER, 44.0),
            ("spread", "Spread over families (SD)", LESS, 9.0),
            ("gini", "Gini", LESS, 11.0),
        )
        for cell in self.cells():
            for measure, title, better, centre in measures:
                row = {"measure": measure, "title": title, "better": better, "scale": CORRECTED}
                row |= {"who": next(iter(self.families)) if measure == "worst_family" else None}
                estimate = self.around(centre, 1.5, 1.2)
                if cell["recipe"] != self.recipes[0]:
                    change = self.around(0.2, 1.2, 0.9)
                    row |= {
                        "change": change["value"],
                        "change_low": change["low"],
                        "change_high": change["high"],
                        **self.judged(change, (FAIRER, LESS_FAIR)),
                    }
                yield {**cell, **row, **estimate}

    def harm(self) -> Iterator[Row]:
        for cell in self.cells():
            if cell["recipe"] == self.recipes[0]:
                continue
            for grouping, count in ((LANGUAGE, len(self.codes) - 1), (FAMILY, len(self.families))):
                lost = int(self.random.integers(0, count))
                yield {
                    **cell,
                    "grouping": grouping,
                    "group": "all",
                    "harmed": lost,
                    "strictly": lost // 2,
                    "count": count,
                    "rate": lost / count,
                    "strict": lost // 2 / count,
                    "single": False,
                }
            for family, codes in self.families.items():
                lost = int(self.random.integers(0, len(codes) + 1))
                yield {
                    **cell,
                    "grouping": FAMILY,
                    "group": family,
                    "harmed": lost,
                    "strictly": lost // 2,
                    "count": len(codes),
                    "rate": lost / len(codes),
                    "ratio": 1.1,
                    "share_of_losses": 0.25,
                    "p": 0.4,
                    "p_adjusted": 0.8,
                    "tests": len(self.families),
                    "verdict": NOT_ENOUGH,
                    "single": len(codes) == 1,
                }

    def pareto(self) -> Iterator[Row]:
        levels = {
            recipe: (58 + 1.1 * place, 40 + 2.5 * (place % 3) - 0.4 * place)
            for place, recipe in enumerate(self.recipes)
        }
        for encoder in self.encoders:
            for recipe, (mean, worst) in levels.items():
                betters = [
                    name
                    for name, held in levels.items()
                    if min(held[0] - mean, held[1] - worst) > 0
                ]
                yield {
                    "encoder": encoder,
                    "recipe": recipe,
                    "mean": mean,
                    "mean_low": mean - 0.8,
                    "mean_high": mean + 0.8,
                    "worst": worst,
                    "worst_low": worst - 1.6,
                    "worst_high": worst + 1.6,
                    "worst_family": next(iter(self.families)),
                    "front": not betters,
                    "dominated_by": betters,
                }

    def stability(self) -> Iterator[Row]:
        for encoder in self.encoders:
            for target in (EVERY, *self.targets):
                common = {"encoder": encoder, "target": target, "seeds": 3}
                common |= {"recipes": len(self.recipes)}
                yield {**common, "measure": "kendall_tau", "value": 0.67}
                yield {**common, "measure": "kendall_w", "value": 0.81}
                for place, recipe in enumerate(self.recipes[:-1]):
                    below = {"value": 2.0 - place, "low": 1.1 - place, "high": 2.9 - place}
                    words = (CLEARLY_BELOW, CLEARLY_BELOW)
                    judged = self.judged(below, words)
                    if judged["verdict"] == NOT_ENOUGH:
                        judged["verdict"] = MAY_BE_BEST
                    yield {**common, "measure": BELOW_BEST, "name": recipe, **below, **judged}
                for recipe in self.recipes:
                    yield {**common, "measure": "spread_over_seeds", "name": recipe, "value": 0.6}

    def perturbed(self) -> Iterator[Row]:
        conditions = (
            ("typos", (0.05, 0.1, 0.2)),
            ("lower", (0.5, 1.0)),
            ("no_diacritics", (0.5, 1.0)),
            ("no_punctuation", (1.0,)),
        )
        for cell in self.cells():
            groups = [
                held
                for held in self.members(cell["target"])
                if held[0] in (ALL, FAMILY) and held[1] != WITH_ENGLISH
            ]
            place = self.recipes.index(cell["recipe"])
            for kind, strengths in conditions:
                for strength in strengths:
                    for grouping, group, codes in groups:
                        common = {
                            **cell,
                            "kind": kind,
                            "strength": strength,
                            "grouping": grouping,
                            "group": group,
                            "languages": codes,
                            "items": 400,
                            "seeds": 3,
                            "clean": 61.0,
                            "basis": ITEMS_AND_SEEDS,
                        }
                        if kind == "lower" and group == "Japonic":
                            yield {**common, "quantity": "drop", "why": "score near chance"}
                            continue
                        for quantity, factor in (("drop", 1.0), ("loss", 0.6)):
                            drop = self.around((60 * strength - place) * factor, 0.5, 1.4)
                            change = self.around(-0.8 * place, 0.6, 0.9)
                            lost = {
                                "change": change["value"],
                                "change_low": change["low"],
                                "change_high": change["high"],
                                **self.judged(change, ("more robust", "less robust")),
                            }
                            yield {
                                **common,
                                "quantity": quantity,
                                "perturbed": 61.0 - drop["value"] / 2,
                                **drop,
                                **(lost if place else {}),
                            }

    def pitfalls(self) -> Iterator[Row]:
        for cell in self.cells():
            place = self.recipes.index(cell["recipe"])
            for grouping, group, codes in self.members(cell["target"]):
                if group in ("en", WITH_ENGLISH) or grouping == BRANCH:
                    continue
                rate = float(self.random.uniform(0.12, 0.3)) - 0.01 * place
                row = {
                    **cell,
                    "grouping": grouping,
                    "group": group,
                    "rate": rate,
                    "low": rate - 0.02,
                    "high": rate + 0.02,
                    "expected": rate + 0.09,
                    "reverse": 0.06,
                    "kappa": 0.41,
                    "mcnemar_p": 0.0002,
                    "basis": ITEMS_AND_SEEDS,
                    "languages": codes,
                    "pairs": 1200,
                    "single": len(codes) == 1,
                }
                if place:
                    change = self.around(-0.01 * place, 0.01, 0.015)
                    row |= {
                        "change": change["value"],
                        "change_low": change["low"],
                        "change_high": change["high"],
                        **self.judged(change, ("more pitfalls", "fewer pitfalls")),
                    }
                yield row

    def items(self) -> Iterator[Row]:
        english = (
            "The student went to the library on Thursday and came back with three books.",
            "Nobody read the book that had been put on the table.",
            HOSTILE,
            HOSTILE_TEMPLATE,
        )
        own = {"ar": ARABIC, "fa": ARABIC, "he": HEBREW, "ja": "学生は木曜日に図書館へ行った。"}
        for encoder in self.encoders:
            for recipe in self.recipes:
                for target in self.targets:
                    for code in self.covered.get(target, self.codes)[1:]:
                        for number in range(self.pitfall_items):
                            text = english[number % len(english)]
                            yield {
                                "encoder": encoder,
                                "recipe": recipe,
                                "target": target,
                                "language": code,
                                "family": self.known[code].family,
                                "item": f"{target}-{number}",
                                "before": ("right", "wrong", "")[number % 3],
                                "share": 0.9 - 0.1 * (number % 5),
                                "english": text,
                                "text": own.get(code, f"{text} [{code}]"),
                                "gold": "entailment",
                                "prediction": "contradiction" if number % 2 else "neutral",
                            }

    def association(self) -> Iterator[Row]:
        few = f"too few languages to tell: {len(self.codes) - 1}, and 10 are needed"
        for encoder in self.encoders:
            for recipe in self.recipes:
                for outcome in ("score", *(["gain"] if recipe != self.recipes[0] else [])):
                    for predictor in ("distance", "pretraining text"):
                        estimate = self.around(-0.45, 0.2, 0.3)
                        yield {
                            "encoder": encoder,
                            "recipe": recipe,
                            "outcome": outcome,
                            "condition": "",
                            "method": "Spearman",
                            "predictor": predictor,
                            **estimate,
                            "p": 0.03,
                            "languages": len(self.codes) - 1,
                            "note": few if len(self.codes) < 11 else None,
                        }

    def kin_cells(self) -> Iterator[Row]:
        for cell in self.cells():
            if cell["target"] == EVERY or cell["target"] == self.targets[0]:
                outcome = SCORE if cell["recipe"] == self.recipes[0] else GAIN
                yield {**cell, "outcome": outcome, "condition": ""}
                if outcome == GAIN and cell["target"] == EVERY:
                    yield {**cell, "outcome": LOSS_CHANGE, "condition": "typos@0.2"}

    def kinship(self) -> Iterator[Row]:
        for cell in self.kin_cells():
            for model in ("tree", "tree, places and predictors"):
                yield {
                    **cell,
                    "model": model,
                    "languages": len(self.codes) - 1,
                    "families": len(self.families),
                    "independent_tree": 6.5,
                    "independent": 7.25,
                    "lambda_": 0.6,
                    "lambda_low": 0.0,
                    "lambda_high": 1.0,
                    **self.around(1.0, 0.5, 1.5),
                    "new_low": -4.0,
                    "new_high": 6.0,
                    "p": 0.2,
                    "p_adjusted": 0.6,
                    "tests": 3,
                    "verdict": NOT_ENOUGH,
                    "detectable": 5.5,
                    "note": "" if model == "tree" else "beside distance from English, Latin script",
                }

    def kinship_profile(self) -> Iterator[Row]:
        for cell in self.kin_cells():
            for share in (0.0, 0.5, 0.6, 1.0):
                relative = -4 * (share - 0.6) ** 2
                at = {"lambda_": share, "relative": relative, "weight": 0.25}
                yield {**cell, "model": "tree", **at}

    def kinship_new(self) -> Iterator[Row]:
        for cell in self.kin_cells():
            for family, codes in (("", ()), *self.families.items()):
                told = self.around(1.0, 0.5, 4.0)
                yield {**cell, "family": family, "languages": len(codes), **told}

    def languages(self) -> Iterator[Row]:
        for code in self.codes:
            language = self.known[code]
            yield {
                "language": code,
                "name": f"{language.name} <b>bold</b>" if code == "tr" else language.name,
                "family": language.family,
                "branch": language.branch,
                "script": language.script,
                "glottolog_family": language.family,
                "macroarea": language.macroarea or None,
                "latitude": language.latitude,
                "longitude": language.longitude,
                "unseen": code in self.unseen,
                "distance": None if code == "fa" else self.distance[code],
                "pretraining_gib": 12.5,
                "speakers": 40.0,
            }


def empty_findings() -> Findings:
    """Findings without a row, as before anything is scored."""
    empty: Mapping[str, pl.DataFrame] = {}
    return Findings.of(["Nothing is scored yet."], **empty)
