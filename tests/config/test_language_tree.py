"""The tree of languages: where they stand in it, and where others are placed."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from xstilts.config.languages import INVITRO_LANGUAGES, LANGUAGES, tables
from xstilts.config.languages.make import Glottolog, languages
from xstilts.config.languages.make_tree import tree_rows
from xstilts.config.languages.names import find
from xstilts.config.languages.tree import ROOT, Tree, tree_of


def shared(tree: Tree, one: str, other: str) -> float:
    """The length of the branches that two tips share."""
    common = set(tree.above(one)) & set(tree.above(other))
    return sum(tree.lengths[node] for node in common)


@pytest.fixture
def small() -> Tree:
    """One family: a and b under node x, which Glottolog has at level 3; c beside it."""
    tree = Tree()
    tree.parents = {"top": ROOT, "x": "top"}
    tree.lengths = {"top": 1.0, "x": 4.0}
    tree.add("a", "x", 5.0, ("fam", "m", "n", "a"))
    tree.add("b", "x", 3.0, ("fam", "m", "n", "b"))
    tree.add("c", "top", 7.0, ("fam", "c"))
    return tree


def test_what_shares_all_nodes_of_several_hangs_from_their_node(small: Tree) -> None:
    small.place("new", ("fam", "m", "n", "new"))
    assert small.parents["new"] == "x"
    # As far from the root as a (10) and b (8) on average.
    assert small.depth("new") == 9
    small.place("other", ("fam", "other"))
    assert small.parents["other"] == "top"


def test_what_shares_fewer_hangs_from_the_branch_above_by_glottolog_s_levels(small: Tree) -> None:
    # Between `top`, of which all share 1 node, and `x`, of which all share 3: half way.
    small.place("new", ("fam", "m", "o", "new"))
    assert small.depth(small.parents["new"]) == pytest.approx(1 + 4 / 2)
    assert small.depth("x") == 5
    assert shared(small, "new", "a") == shared(small, "new", "b") == pytest.approx(3)


def test_what_is_nearest_to_one_language_hangs_from_its_own_branch(small: Tree) -> None:
    # c has level 3 now; below `top` its own branch begins at level 1.
    small.paths["c"] = ("fam", "p", "c")
    small.place("new", ("fam", "p", "new"))
    assert shared(small, "new", "c") == pytest.approx(1 + 7 / 2)
    assert small.depth("new") == small.depth("c") == 8


def test_a_dialect_leaves_its_language_on_the_last_tenth(small: Tree) -> None:
    small.place("dialect", ("fam", "m", "n", "a", "dialect"))
    assert shared(small, "dialect", "a") == pytest.approx(5 + 0.9 * 5)


def test_another_family_shares_nothing(small: Tree) -> None:
    small.place("new", ("else", "new"))
    assert small.parents["new"] == ROOT
    assert small.depth("new") == 8  # the median of 8, 8 and 10
    small.place("kin", ("else", "kin"))
    # One of two nodes is shared: half of the branch.
    assert shared(small, "new", "kin") == pytest.approx(4)


def test_a_node_is_placed_once(small: Tree) -> None:
    with pytest.raises(ValueError, match="has a already"):
        small.place("a", ("fam", "a"))


def test_fewer_tips_keep_the_lengths_that_they_share(small: Tree) -> None:
    few = small.only(["a", "c"])
    assert set(few.parents) == {"top", "a", "c"}
    assert (few.depth("a"), few.depth("c"), shared(few, "a", "c")) == (10, 8, 1)
    assert few.newick() == "((a:9,c:7):1);"


def test_all_languages_of_the_table_are_tips() -> None:
    tree = tree_of(LANGUAGES)
    assert set(tree.paths) == set(LANGUAGES)
    assert min(tree.lengths.values()) >= 0
    assert all(tree.depth(code) > 0 for code in LANGUAGES)
    families = {code: tree.above(code)[0] for code in LANGUAGES}
    several = {code: LANGUAGES[code].path[0] for code in LANGUAGES}
    assert len(set(families.values())) == len(set(several.values()))


def test_where_a_language_stands_does_not_depend_on_the_others() -> None:
    few = tree_of({code: LANGUAGES[code] for code in ("en", "de", "hi", "ace", "ace_Arab")})
    every = tree_of(LANGUAGES)
    for one, other in (("en", "de"), ("en", "hi"), ("ace", "ace_Arab"), ("en", "ace")):
        assert shared(few, one, other) == pytest.approx(shared(every, one, other))


def test_languages_that_no_table_here_holds_are_placed_by_glottolog() -> None:
    # Yiddish is in no data set here; it is West Germanic, nearer to German than to English.
    yiddish = find("ydd")
    tree = tree_of({"ydd": yiddish, **{code: LANGUAGES[code] for code in ("de", "en", "hi")}})
    assert shared(tree, "ydd", "de") > shared(tree, "ydd", "en") > shared(tree, "ydd", "hi") > 0


def test_generated_languages_are_classified_by_family_and_branch() -> None:
    tree = tree_of(INVITRO_LANGUAGES)
    assert shared(tree, "en", "qal") > shared(tree, "en", "qan") > 0
    assert shared(tree, "en", "qbo") == 0


def test_the_table_is_what_its_sources_make(wide: Path) -> None:
    glottolog = Glottolog(wide / "sources")
    rows = tree_rows(wide / "sources", languages(glottolog), glottolog.path)
    assert rows == list(tables.read("tree.csv"))


def test_a_branch_of_the_table_is_that_of_its_source(wide: Path) -> None:
    """English and German part where Jäger's file has them: summed by hand from its text."""
    with (wide / "sources/jaeger-2018-taxa.csv").open(encoding="utf-8") as file:
        lists = [row["taxon"] for row in csv.DictReader(file) if row["glottocode"] == "stan1293"]
    text = (wide / "sources/jaeger-2018-world.tre").read_text("utf-8")
    assert lists == ["ENGLISH"]
    start = text.index(".ENGLISH:") + len(".ENGLISH:")
    lengths = [float(text[start:].split(",")[0].split(")")[0])]
    level = 0
    for place in range(start, len(text) - 1):
        level += {"(": 1, ")": -1}.get(text[place], 0)
        if text[place] == ")" and level < 0:
            level = 0
            after = text[place + 1 :]
            if after.startswith(":"):
                lengths.append(float(after[1:].split(",")[0].split(")")[0]))
    assert tree_of(LANGUAGES).depth("en") == pytest.approx(sum(lengths), abs=1e-5)
