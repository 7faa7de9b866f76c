"""What made the scores of a page, as pairs of a name and a text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# Shown first, in this order; the other versions after them.
_FIRST = ("xstilts", "python", "torch", "transformers")


def origins(provenance: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Code, versions, machines, data and encoders behind a table of scores.

    Args:
        provenance: what the table says of what made it
        (`xstilts.execution.provenance.read_provenance`); what
            it does not say is left out.
    """
    lineage = provenance.get("lineage", {})
    versions = lineage.get("versions", {})
    names = [*(name for name in _FIRST if name in versions), *sorted(versions)]
    shown = {
        "Experiment": str(provenance.get("experiment", "")),
        "Versions": ", ".join(
            f"{name} {' and '.join(versions[name])}" for name in dict.fromkeys(names)
        ),
        "Code": "; ".join(
            f"{rule} {' and '.join(digests)}" for rule, digests in lineage.get("code", {}).items()
        ),
        "Machines": "; ".join(lineage.get("hardware", [])),
        "Seeds": ", ".join(map(str, lineage.get("seeds", []))),
        "Encoders": "; ".join(
            f"{name}: {_settings(source)}" for name, source in lineage.get("encoders", {}).items()
        ),
        "Data": "; ".join(
            f"{name}: {_settings(source)}" for name, source in lineage.get("data", {}).items()
        ),
    }
    return [(name, text) for name, text in shown.items() if text]


def _settings(source: Mapping[str, Any]) -> str:
    return ", ".join(
        _listed(key, value) for key, value in source.items() if value not in (None, {})
    )


def _listed(key: str, value: Any) -> str:
    if key == "revisions":
        return ", ".join(f"{repo}@{commit}" for repo, commit in value.items())
    if isinstance(value, Mapping):
        return f"{key} ({_settings(value)})"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return f"{key} {', '.join(map(str, value))}"
    return str(value) if key == "source" else f"{key} {value}"
