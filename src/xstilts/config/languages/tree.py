"""The tree that languages descend by, with branch lengths: a tree a family, families unrelated.

Families are Glottolog's. Within one the tree is that of Jäger (2018, Scientific Data 5, 180189),
whose branch lengths are of change in basic vocabulary, cut at the family's node; the branch above
that node, which parts it from the root of his tree, is what all languages of the family share.
What he says of kinship between families is left out. `tree.csv` holds the tips that the table of
languages needs (`make_tree`).

A language that is not in it is placed by Glottolog's classification, with which his trees agree:
next to those with which it shares most nodes of that. It hangs from the node that these have in
common, or from the branch above them as far down as branches of length 1 would have it, where
Glottolog knows of nodes on that branch. A variety of a language that is in the tree (another
script or region, a dialect) leaves it on the last tenth of the language's own branch. A
language of a family that the tree lacks founds it. The new tip is as far from the root as its
neighbours are on average, or as all tips are in the median.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median

from xstilts.config.languages import LANGUAGES, Language, tables
from xstilts.config.rows import Row, Rows

ROOT = ""
# Where on a language's own branch its varieties part.
_VARIETIES = 0.9


@dataclass(frozen=True, slots=True)
class Branch(Row):
    """A branch of the table: the node above, and how long it is."""

    parent: str
    length: float


BRANCHES: Rows[Branch] = {
    row["node"]: Branch(row["parent"], float(row["length"])) for row in tables.read("tree.csv")
}


@dataclass
class Tree:
    """Nodes with a branch above each; tips are languages with their path in Glottolog.

    Attributes:
        parents, lengths: of each node but `ROOT`, the node above and the branch to it.
        paths: of each tip, glottocodes from the family's node to it.
    """

    parents: dict[str, str] = field(default_factory=dict)
    lengths: dict[str, float] = field(default_factory=dict)
    paths: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def above(self, node: str) -> list[str]:
        """The nodes from below the root to this one."""
        found = []
        while node != ROOT:
            found.append(node)
            node = self.parents[node]
        return found[::-1]

    def depth(self, node: str) -> float:
        """How far a node is from the root."""
        return sum(self.lengths[each] for each in self.above(node))

    def add(self, tip: str, parent: str, length: float, path: Sequence[str]) -> None:
        """A new tip below a node."""
        self.parents[tip], self.lengths[tip], self.paths[tip] = parent, length, tuple(path)

    def place(self, tip: str, path: Sequence[str]) -> None:
        """A new tip where Glottolog's classification has it; see the module.

        Raises:
            ValueError: there is such a node.
        """
        if tip in self.parents:
            raise ValueError(f"the tree has {tip} already")
        shared = max((_shared([path, other]) for other in self.paths.values()), default=0)
        if shared == 0:
            usual = median(map(self.depth, self.paths)) if self.paths else 1.0
            self.add(tip, ROOT, usual, path)
            return
        nearest = [name for name, other in self.paths.items() if _shared([path, other]) == shared]
        far = fmean(map(self.depth, nearest))
        node = self._common(nearest)
        level = _shared([self.paths[name] for name in nearest])
        if len(nearest) == 1 or shared < level:
            node = self._split(node, nearest, shared, level)
        self.add(tip, node, far - self.depth(node), path)

    def _split(self, node: str, nearest: Sequence[str], shared: int, level: int) -> str:
        """A new node on the branch above one, at a level between those of its ends."""
        parent = self.parents[node]
        beyond = [each for each in self._below(parent) if each not in nearest]
        start = max((_shared([self.paths[nearest[0]], self.paths[t]]) for t in beyond), default=0)
        start = 0 if parent == ROOT else start
        part = min((shared - start) / (level - start), _VARIETIES) if shared < level else _VARIETIES
        name = f"{node}/{shared}"
        whole = self.lengths[node]
        self.parents[name], self.lengths[name] = parent, part * whole
        self.parents[node], self.lengths[node] = name, (1 - part) * whole
        return name

    def _common(self, tips: Sequence[str]) -> str:
        """The last node that some tips share."""
        lines = [self.above(tip) for tip in tips]
        return lines[0][_shared(lines) - 1]

    def _below(self, node: str) -> list[str]:
        """The tips below a node."""
        return [tip for tip in self.paths if node == ROOT or node in self.above(tip)[:-1]]

    def only(self, tips: Iterable[str]) -> Tree:
        """The tree of some tips: nodes with one branch below are gone, lengths are kept."""
        tips = list(tips)
        lines = {tip: self.above(tip) for tip in tips}
        below: dict[str, set[str]] = {}
        for line in lines.values():
            for parent, node in zip([ROOT, *line], line, strict=False):
                below.setdefault(parent, set()).add(node)
        kept = Tree()
        for tip, line in lines.items():
            last, length = ROOT, 0.0
            for node in line:
                length += self.lengths[node]
                if node == tip or len(below[node]) > 1:
                    kept.parents[node], kept.lengths[node] = last, length
                    last, length = node, 0.0
            kept.paths[tip] = self.paths[tip]
        return kept

    def newick(self) -> str:
        """The tree in Newick format, tips alone named."""
        below: dict[str, list[str]] = {}
        for node, parent in self.parents.items():
            below.setdefault(parent, []).append(node)

        def text(node: str) -> str:
            if node not in below:
                return node
            return f"({','.join(f'{text(n)}:{self.lengths[n]:.10g}' for n in below[node])})"

        return f"{text(ROOT)};"


def _shared(paths: Sequence[Sequence[str]]) -> int:
    """How many nodes all paths begin with."""
    number = 0
    for nodes in zip(*paths, strict=False):
        if len(set(nodes)) > 1:
            break
        number += 1
    return number


def tree_of(languages: Mapping[str, Language]) -> Tree:
    """The tree whose tips are these languages, by code.

    A language that has no path in Glottolog is classified by its family and branch.
    """
    tree = _whole()
    codes: dict[str, str] = {}
    for code in sorted(languages):
        language = languages[code]
        path = language.path or (language.family, language.branch, code)
        tip = path[-1]
        if tip not in tree.paths or tip in codes:
            tip = code if tip in tree.parents else tip
            tree.place(tip, path)
        codes[tip] = code
    found = tree.only(codes)
    return Tree(
        parents={codes.get(node, node): parent for node, parent in found.parents.items()},
        lengths={codes.get(node, node): length for node, length in found.lengths.items()},
        paths={codes[tip]: path for tip, path in found.paths.items()},
    )


def _whole() -> Tree:
    """The tree of the table, a new one at each call."""
    languages = {row.glottocode: row.path for row in LANGUAGES.values()}
    return Tree(
        parents={node: branch.parent for node, branch in BRANCHES.items()},
        lengths={node: branch.length for node, branch in BRANCHES.items()},
        paths={node: languages[node] for node in BRANCHES if node in languages},
    )
