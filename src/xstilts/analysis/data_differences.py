"""What is known of the data behind two sides, and where it differs though items agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xstilts.analysis.sides import Side
from xstilts.execution.parquet import read_meta
from xstilts.execution.provenance import joined


def data_of(side: Side, targets: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Data (such as "xnli eval", "mnli train") to its source, revisions, digest and limits.

    From what the predictions of these targets say of all steps before, and, where they lie there
    still, from the experiment's data files.
    """
    lineages = [
        read_meta(file.path).get("lineage", {}) for file in side.files if file.target in targets
    ]
    found = {name: dict(held) for name, held in joined(lineages).get("data", {}).items()}
    for name, held in found.items():
        task, _, part = name.rpartition(" ")
        path = side.folder / "data" / task / f"{part}.parquet"
        if path.is_file():
            settings = read_meta(path).get("params", {}).get("data", {})
            held |= {key: settings[key] for key in ("limits", "sizes") if settings.get(key)}
    return found


def data_notes(
    sides: Sequence[Side], names: Sequence[str], targets: Sequence[str]
) -> Iterator[str]:
    """A sentence for each kind of difference between the data of the first side and another."""
    first, *others = [data_of(side, targets) for side in sides]
    for name, held in zip(names[1:], others, strict=True):
        differing: dict[str, list[str]] = {}
        for data in sorted(first.keys() & held.keys()):
            for key in _differing(first[data], held[data]):
                differing.setdefault(key, []).append(data)
        for key, where in differing.items():
            yield f"The data of {names[0]} and {name} differ in {_WORDS[key]}: {', '.join(where)}."


_WORDS = {
    "source": "their source",
    "revisions": "their revisions",
    "sha256": "their digests",
    "seed": "the seed that generated them",
    "limits": "their limits",
    "sizes": "their sizes",
}


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    yield from (key for key in _WORDS if one.get(key) != other.get(key))
