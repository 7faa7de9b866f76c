"""The rows of `tree.csv`: Jäger's world tree, its families as Glottolog's, of the languages here.

Of several word lists of one language the one that is nearest to the others stands for it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from xstilts.config.languages.tree import ROOT, Tree

_TOKEN = re.compile(r"[(),]|[^(),:;]+|:[^(),;]+")


def tree_rows(
    folder: Path, known: Iterable[Mapping[str, Any]], path: Callable[[str], Sequence[str]]
) -> list[dict[str, str]]:
    """The branches of the tree of languages.

    Args:
        folder: holds `jaeger-2018-world.tre` and `jaeger-2018-taxa.csv` (Jäger 2018, CC BY 4.0).
        known: rows with the `glottocode` of each language.
        path: of a glottocode, the nodes from the family's to it; a KeyError where there is none.
    """
    whole = _families(_of_languages(folder, path))
    tips = sorted({row["glottocode"] for row in known})
    for tip in tips:
        if tip not in whole.paths:
            whole.place(tip, path(tip))
    tree = whole.only(tips)
    # Nodes are numbered in the order in which they are come upon.
    names = {ROOT: ROOT} | {tip: tip for tip in tips}
    inner = (node for node in tree.parents if node not in names)
    names |= {node: str(number) for number, node in enumerate(inner, start=1)}
    return [
        {"node": names[node], "parent": names[parent], "length": f"{tree.lengths[node]:.6f}"}
        for node, parent in tree.parents.items()
    ]


def _families(tree: Tree) -> Tree:
    """The same with each family cut off above its node: the branch above it begins at the root."""
    families: dict[str, list[str]] = {}
    for tip, path in tree.paths.items():
        families.setdefault(path[0], []).append(tip)
    apart = Tree()
    for tips in families.values():
        part = tree.only(tips)
        apart.parents |= part.parents
        apart.lengths |= part.lengths
        apart.paths |= part.paths
    return apart


def _of_languages(folder: Path, path: Callable[[str], Sequence[str]]) -> Tree:
    """Jäger's tree with one word list a language, tips being glottocodes."""
    with (folder / "jaeger-2018-taxa.csv").open(encoding="utf-8", newline="") as file:
        codes = {row["taxon"]: row["glottocode"] for row in csv.DictReader(file)}
    tree = Tree()
    lists: dict[str, list[str]] = {}
    text = (folder / "jaeger-2018-world.tre").read_text(encoding="utf-8").strip()
    for node, parent, length, label in _branches(text):
        tree.parents[node], tree.lengths[node] = parent, length
        if code := codes.get(label.rpartition(".")[2]):
            lists.setdefault(code, []).append(node)
    chosen: dict[str, str] = {}
    for code, nodes in lists.items():
        try:
            nodes_of_path = path(code)
        except KeyError:
            continue  # Glottolog has retired the code.
        tree.paths |= dict.fromkeys(nodes, tuple(nodes_of_path))
        chosen[_most_central(tree, nodes)] = code
    found = tree.only(chosen)
    return Tree(
        parents={chosen.get(node, node): parent for node, parent in found.parents.items()},
        lengths={chosen.get(node, node): length for node, length in found.lengths.items()},
        paths={chosen[node]: nodes for node, nodes in found.paths.items()},
    )


def _branches(newick: str) -> Iterator[tuple[str, str, float, str]]:
    """Each node but the root: its name, the node above, the branch between, and its label."""
    line = [ROOT]
    count, label, length = 0, "", 0.0
    for token in _TOKEN.findall(newick):
        if token.startswith(":"):
            length = float(token[1:])
        elif token not in {"(", ",", ")"}:
            label = token
        else:
            if token != "(":
                yield line[-1], line[-2], length, label
                label = ""
                line.pop()
            if token != ")":
                count += 1
                line.append(f"#{count}")


def _most_central(tree: Tree, nodes: Sequence[str]) -> str:
    """The node that is nearest to all, the first of several."""
    lines = {node: tree.above(node) for node in nodes}

    def far(one: str) -> float:
        own = set(lines[one])
        apart = (own.symmetric_difference(lines[other]) for other in nodes)
        return sum(tree.lengths[node] for part in apart for node in sorted(part))

    return min(nodes, key=far)
