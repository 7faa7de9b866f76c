"""Perturbed versions of evaluation items: how robust a trained model is, without retraining it.

A condition is a kind of perturbation at a strength. What is changed depends only on the kind, the
task, the language, the item and the field, and a stronger condition changes what a weaker one of
its kind changes and more.

What names and describes conditions is here and takes no time to import;
`xstilts.data.perturb.table` makes the perturbed data.
"""

from __future__ import annotations

from xstilts.config.perturbations.conditions import condition_name, parse_condition
from xstilts.config.perturbations.kinds import KINDS, PerturbationKind

__all__ = ["KINDS", "PerturbationKind", "condition_name", "parse_condition"]
