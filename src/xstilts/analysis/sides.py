"""What is compared: an (encoder, recipe) of an experiment, how a user names it, and its data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from xstilts.analysis.inputs.items import CellFile, cell_files
from xstilts.config.recipes import UNTRAINED
from xstilts.errors import XstiltsError, did_you_mean
from xstilts.execution.parquet import read_meta
from xstilts.execution.provenance import joined
from xstilts.graph.paths import Paths

_MARK = ":"
_PREDICTIONS = "predictions"
# What may differ between data: the key of their metadata, and how it is called.
_WORDS = {
    "source": "their source",
    "revisions": "their revisions",
    "sha256": "their digests",
    "seed": "the seed that generated them",
    "limits": "their limits",
    "sizes": "their sizes",
}


@dataclass(frozen=True, kw_only=True)
class Side:
    """One encoder after one recipe, in one experiment.

    Attributes:
        folder: the results of the experiment.
        encoder, recipe: by name.
        files: its prediction files, one a (target, seed).
    """

    folder: Path
    encoder: str
    recipe: str
    files: tuple[CellFile, ...]

    @property
    def experiment(self) -> str:
        """The experiment by name."""
        return self.folder.resolve().name

    @property
    def name(self) -> str:
        """As a user names it in full."""
        return _MARK.join((str(self.folder), self.encoder, self.recipe))

    @cached_property
    def runs(self) -> pl.DataFrame | None:
        """What became of the experiment's training runs, if that is known (`schemas.RUNS`)."""
        path = self.folder / Path(Paths(self.experiment).runs).name
        return pl.read_parquet(path) if path.is_file() else None


def find_side(text: str, recipe: str | None = None) -> Side:
    """The one side that `EXPERIMENT[:ENCODER[:RECIPE]]` names.

    Args:
        text: the experiment as a folder of results, or by its name.
        recipe: where the text names none.

    Raises:
        XstiltsError: there is no such side, or there are several.
    """
    found = find_sides(text, recipe)
    if len(found) > 1:
        raise XstiltsError(
            f"{text!r} may be any of {len(found)}: {', '.join(side.name for side in found)}",
            hint="name encoder and recipe, as these do",
        )
    return found[0]


def find_sides(text: str, recipe: str | None = None) -> list[Side]:
    """All sides that `EXPERIMENT[:[ENCODER][:RECIPE]]` leaves open, sorted by name.

    The control with random weights is among them only if it is named.

    Args:
        text, recipe: as for `find_side`.

    Raises:
        XstiltsError: there is no such experiment, encoder or recipe.
    """
    folder, encoder, named = _take_apart(text)
    recipe = named or recipe
    root = folder / _PREDICTIONS
    places = sorted(path for path in root.glob("*/*") if path.is_dir())
    if not places:
        raise XstiltsError("no predictions", where=root, hint="run the experiment, or name another")
    _refuse_unknown("encoder", encoder, [place.parent.name for place in places], folder)
    kept = [place for place in places if encoder in (None, place.parent.name)]
    _refuse_unknown("recipe", recipe, [place.name for place in kept], folder)
    if recipe is None:
        kept = [place for place in kept if place.name != UNTRAINED] or kept
    return [_side(folder, place) for place in kept if recipe in (None, place.name)]


def _take_apart(text: str) -> tuple[Path, str | None, str | None]:
    """Folder, encoder and recipe; a folder may have the mark in its own name."""
    parts = text.split(_MARK)
    for names in range(min(3, len(parts))):
        start = _MARK.join(parts[: len(parts) - names])
        encoder, recipe, *_ = (*parts[len(parts) - names :], "", "")
        for folder in (Path(start), Path(Paths(start).root)):
            if start and (folder / _PREDICTIONS).is_dir():
                return folder, encoder or None, recipe or None
    near = [path.parent.name for path in Path(Paths("").root).glob(f"*/{_PREDICTIONS}")]
    raise XstiltsError(
        f"{parts[0]!r} is no folder of results with predictions, and no experiment"
        f" ({did_you_mean(parts[0], near)})",
        hint="EXPERIMENT[:ENCODER[:RECIPE]], for instance results/demo:tiny:mnli",
    )


def _refuse_unknown(what: str, name: str | None, known: Sequence[str], folder: Path) -> None:
    if name is not None and name not in known:
        raise XstiltsError(
            f"no predictions of the {what} {name!r} ({did_you_mean(name, dict.fromkeys(known))})",
            where=folder,
        )


def _side(folder: Path, place: Path) -> Side:
    files = cell_files(sorted(place.rglob("*.parquet")), {place.name})
    if not files:
        raise XstiltsError(f"no predictions of the recipe {place.name!r}", where=place)
    return Side(folder=folder, encoder=place.parent.name, recipe=place.name, files=tuple(files))


def short_names(sides: Sequence[Side]) -> list[str]:
    """What tells sides apart, and no more: recipes, encoders, experiments or several of these.

    Raises:
        XstiltsError: two sides are the same.
    """
    experiments = [side.experiment for side in sides]
    folders = [side.folder.resolve() for side in sides]
    if len(set(experiments)) < len(set(folders)):
        experiments = [str(side.folder) for side in sides]
    parts = [
        (experiment, side.encoder, side.recipe)
        for experiment, side in zip(experiments, sides, strict=True)
    ]
    if len(set(parts)) < len(parts):
        twice = next(part for part in parts if parts.count(part) > 1)
        raise XstiltsError(f"{_MARK.join(twice)} is to be compared with itself")
    kept = [place for place in range(3) if len({part[place] for part in parts}) > 1] or [2]
    return [_MARK.join(part[place] for place in kept) for part in parts]


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
            for key in _WORDS:
                if first[data].get(key) != held[data].get(key):
                    differing.setdefault(key, []).append(data)
        for key, where in differing.items():
            yield f"The data of {names[0]} and {name} differ in {_WORDS[key]}: {', '.join(where)}."
