"""What a grid lacks in words, and the part of it on which recipes can be compared all the same.

Recipes are compared on a rectangle of the grid without a hole: every recipe of it has every target
of it with every seed, so that no two means rest on different targets or seeds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from xstilts.config.experiment import BASELINE
from xstilts.config.tasks import TARGETS
from xstilts.graph.cells import Cell, Grid


@dataclass(frozen=True)
class Block:
    """Recipes and targets of one encoder that have all cells in common; both may be empty."""

    recipes: tuple[str, ...]
    targets: tuple[str, ...]

    def holds(self, cell: Cell) -> bool:
        """Whether a cell of the encoder is in it."""
        return cell.recipe in self.recipes and cell.target in self.targets


def comparable(grid: Grid, cells: Collection[Cell], targets: Collection[str]) -> dict[str, Block]:
    """Encoder to the block on which its recipes are compared.

    Of the targets that the baseline has with all seeds (or, where it has none, of all) those that
    one other recipe has as well: of the recipe that has most of them. Recipes that lack one of
    these are not compared: averages of as many targets as can be go before averages of more
    recipes.

    Args:
        cells: those that are there.
        targets: those that may be compared.
    """
    there = set(cells)
    expected: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in grid.cells:
        expected.setdefault((cell.encoder, cell.recipe, cell.target), []).append(cell)
    blocks = {}
    for encoder in grid.experiment.encoders:
        whole = {
            recipe: tuple(
                target
                for target in grid.experiment.targets
                if target in targets and there.issuperset(expected[encoder, recipe, target])
            )
            for recipe in grid.recipes
        }
        blocks[encoder] = _block({recipe: held for recipe, held in whole.items() if held})
    return blocks


def _block(whole: Mapping[str, tuple[str, ...]]) -> Block:
    base = whole.get(BASELINE)
    beside = {
        recipe: tuple(target for target in held if base is None or target in base)
        for recipe, held in whole.items()
        if recipe != BASELINE
    }

    def recipes_with(targets: Sequence[str]) -> tuple[str, ...]:
        return tuple(recipe for recipe, held in whole.items() if set(targets) <= set(held))

    chosen = max(
        (held for held in beside.values() if held),
        key=lambda held: (len(held), len(recipes_with(held))),
        default=base or (),
    )
    return Block(recipes=recipes_with(chosen) if chosen else (), targets=chosen)


def messages(
    grid: Grid,
    cells: Collection[Cell],
    baseline_cells: Collection[Cell],
    without_shortcuts: Sequence[str],
    blocks: Mapping[str, Block],
) -> Iterator[str]:
    """Sentences for the top of every page: how many cells are missing, which, and what follows.

    Args:
        cells, baseline_cells: those that are there.
        without_shortcuts: targets that lack the baselines that need no encoder.
        blocks: as from `comparable`.
    """
    there = set(cells)
    missing = [cell for cell in grid.cells if cell not in there]
    several = len(grid.experiment.encoders) > 1
    yield (
        f"Unfinished: {len(missing):,} of {len(grid.cells):,} cells (encoder, recipe, target, seed)"
        f" {'is' if len(missing) == 1 else 'are'} missing"
        f"{'' if missing else ', but baselines are'}."
    )
    for encoder in grid.experiment.encoders:
        place = f"{encoder}, " if several else ""
        own = [cell for cell in missing if cell.encoder == encoder]
        for recipes, cells_of in _alike(grid, own):
            yield f"{place}{', '.join(recipes)}: {cells_of}"
    trained = set(baseline_cells)
    absent = [cell for cell in grid.baseline_cells if cell not in trained]
    if absent:
        yield f"baseline {absent[0].recipe}: {_titles(cell.target for cell in absent)}"
    if without_shortcuts:
        yield f"baselines {', '.join(grid.shortcuts)}: {_titles(without_shortcuts)}"
    for encoder, block in blocks.items():
        place = f" with {encoder}" if several else ""
        yield _compared(grid, block, place)


def _compared(grid: Grid, block: Block, place: str) -> str:
    if len(block.recipes) < 2:
        return (
            f"No recipes can be compared{place} yet: none has all seeds of a target that"
            f" {BASELINE} has too, so there are no gains, means and verdicts."
        )
    short = len(block.targets) < len(grid.experiment.targets)
    over = f"{_titles(block.targets)} alone" if short else "all targets"
    left = [recipe for recipe in grid.recipes if recipe not in block.recipes]
    without = f"; {', '.join(left)} cannot be compared yet" if left else ""
    return (
        f"Recipes are compared{place} with all seeds over {over}:"
        f" {', '.join(block.recipes)}{without}."
    )


def _alike(grid: Grid, missing: Iterable[Cell]) -> Iterator[tuple[list[str], str]]:
    """Recipes that lack the same, with what they lack."""
    # Where the seed makes no difference there is one cell.
    every = Counter((cell.encoder, cell.recipe, cell.target) for cell in grid.cells)
    lacking: dict[str, dict[str, list[int]]] = {}
    for cell in missing:
        lacking.setdefault(cell.recipe, {}).setdefault(cell.target, []).append(cell.seed)
    for cell in missing:
        if len(lacking[cell.recipe][cell.target]) == every[cell.encoder, cell.recipe, cell.target]:
            lacking[cell.recipe][cell.target] = []
    alike: dict[str, list[str]] = {}
    for recipe, seeds in lacking.items():
        alike.setdefault(_targets(grid, seeds), []).append(recipe)
    yield from ((recipes, text) for text, recipes in alike.items())


def _targets(grid: Grid, lacking: Mapping[str, Sequence[int]]) -> str:
    """For instance «XNLI, PAWS-X (seed 2); BUCC (all seeds)»; no seeds stand for all of them."""
    several = len(grid.experiment.seeds) > 1
    by_seeds: dict[str, list[str]] = {}
    for target, seeds in lacking.items():
        listed = ", ".join(map(str, seeds))
        words = f"{'seed' if len(seeds) == 1 else 'seeds'} {listed}" if seeds else "all seeds"
        by_seeds.setdefault(f" ({words})" if several else "", []).append(target)
    whole = len(grid.experiment.targets)
    return "; ".join(
        f"{'all targets' if len(targets) == whole else _titles(targets)}{words}"
        for words, targets in by_seeds.items()
    )


def _titles(targets: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(TARGETS[target].title for target in targets))
