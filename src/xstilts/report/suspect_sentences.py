"""What is said of items that may be wrong, in plain sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from xstilts.analysis.findings import Findings
from xstilts.analysis.tables import POINTS
from xstilts.report.summary import Certain, Said, unclear
from xstilts.report.wording import counted, listed, title
from xstilts.rounding import fixed

_MOST_NAMES = 4


def suspect_sentences(findings: Findings) -> Iterator[Said]:
    """A sentence for each parallel target."""
    for row in findings["item_checks"].to_dicts():
        place = title(row["target"])
        runs = f"{counted(row['respondents'], 'run')} of {counted(row['encoders'], 'encoder')}"
        if row["why"] is not None:
            yield unclear(
                f"Whether items of {place} are wrong in single languages cannot be told:"
                f" {row['why']} ({runs})."
            )
        elif not row["listed"]:
            seen = fixed(100 * row["seen"])
            yield unclear(
                f"No item of {place} is clearly harder in one language than elsewhere ({runs}); of"
                f" the items of a language {seen} % would be listed if no run had them right."
            )
        else:
            yield Said((_listed(row, findings, runs),), Certain.LEVEL)


def _listed(row: Mapping[str, Any], findings: Findings, runs: str) -> str:
    held = findings["suspect_items"].filter(target=row["target"])
    names = dict(findings["languages"].select("language", "name").iter_rows())
    counts = Counter(held["language"]).most_common()
    where = listed((f"{names.get(code, code)} {count}" for code, count in counts), most=_MOST_NAMES)
    are = "item is" if row["listed"] == 1 else "items are"
    return (
        f"{row['listed']} {are} suspect in {title(row['target'])}, harder in one language than"
        f" elsewhere ({where}; {runs}; whether a translation is wrong a reader has to judge, and on"
        f" average a tenth of a list departs by chance){_worst(row['target'], findings)}."
    )


def _worst(target: str, findings: Findings) -> str:
    """The worst language of the first encoder and recipe, with and without."""
    place = {"target": target, "measure": "worst_language", "scale": POINTS}
    without = findings["fairness_without"].filter(**place).head(1).to_dicts()
    if not without:
        return ""
    (after,) = without
    cell = {name: after[name] for name in ("encoder", "recipe")}
    before = findings["fairness"].filter(**place, **cell).row(0, named=True)
    return (
        f"; without them the worst language of {after['encoder']} after `{after['recipe']}` is"
        f" {after['who']} at {fixed(after['value'])} points, with them {before['who']} at"
        f" {fixed(before['value'])}"
    )
