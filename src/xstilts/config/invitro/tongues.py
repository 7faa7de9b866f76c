"""The generated languages: their parameters, their words, and how far apart they are.

A language is a row of `GRAMMARS`. Its words come from its own family's roots, or from the
source language (inherited or borrowed), and then pass through its regular sound changes and
into its script. All of it depends on the table and on nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property

from xstilts.config.invitro.draw import Draw, unit
from xstilts.config.invitro.lexicon import CONCEPTS, NAMES
from xstilts.config.languages import INVITRO_LANGUAGES

# Letters of each script in the order of the Latin alphabet: one for one, so that a word can
# be read back. Georgian has no capitals.
_LATIN = "abcdefghijklmnopqrstuvwxyz"
_LETTERS = {
    "Latn": _LATIN,
    "Cyrl": "абцдефгхийклмнопқрстувўҳыз",
    "Geor": "აბცდეფგჰიჯკლმნოპყრსტუვწხჸზ",
    "Armn": "աբցդեֆգհիջկլմնոպքրստւվռխյզ",
}
_CASELESS = {"Geor"}

# Syllables of each family's own roots: (onsets, vowels, codas), "-" for no coda. Those of the
# source's family are old roots that the source itself has lost.
_SOUNDS = {
    "Albic": ("br st k l m n t v gr h", "a e o u i", "- n r s k"),
    "Boric": ("b d g v z l r m n dr vl", "a o u e", "- l n z r"),
    "Cendic": ("k t q s y ch b j m", "a i o u", "- k r t sh n"),
    "Dovic": ("h l w f th n r m p", "a e i oa ei", "- n l th"),
    "Euxic": ("x zh kh g dz p n v sk", "e i u a", "- x m k s"),
}


@dataclass(frozen=True, kw_only=True)
class Grammar:
    """What decides a language's surface.

    `order` is that of subject, verb and object. `wh_first` puts the question word first; else
    it stands where the answer would. A relation in `suffixes` (an adposition, "accusative",
    "plural", or an auxiliary) is a suffix; else it is a word of its own, and accusative and
    plural are not marked. `cognates` is the share of concepts whose word comes from the source
    language, `names_kept` the share of names that sound changes leave alone.
    """

    code: str
    order: str
    adjective_first: bool
    postpositions: bool
    articles: bool
    wh_first: bool
    cognates: float
    names_kept: float
    suffixes: Mapping[str, str] = field(default_factory=dict)
    sound_changes: tuple[tuple[str, str], ...] = ()


_TABLE = (
    Grammar(
        code="en",
        order="SVO",
        adjective_first=True,
        postpositions=False,
        articles=True,
        wh_first=True,
        cognates=1.0,
        names_kept=1.0,
        suffixes={"plural": "s"},
    ),
    Grammar(
        code="qal",
        order="SVO",
        adjective_first=True,
        postpositions=False,
        articles=True,
        wh_first=True,
        cognates=0.9,
        names_kept=1.0,
        suffixes={"plural": "en"},
        sound_changes=(("sh", "sk"), ("ch", "k"), ("ou", "u"), ("w", "v"), ("th", "d"), ("y", "i")),
    ),
    Grammar(
        code="qan",
        order="SVO",
        adjective_first=False,
        postpositions=False,
        articles=False,
        wh_first=True,
        cognates=0.65,
        names_kept=0.9,
        suffixes={"plural": "ar", "has": "ir", "had": "un"},
        sound_changes=(("sh", "s"), ("p", "f"), ("d", "t"), ("g", "k"), ("o", "u"), ("er", "re")),
    ),
    Grammar(
        code="qbo",
        order="SVO",
        adjective_first=False,
        postpositions=False,
        articles=True,
        wh_first=True,
        cognates=0.35,
        names_kept=0.8,
        sound_changes=(("t", "d"), ("ck", "g"), ("c", "g"), ("w", "vo"), ("h", "")),
    ),
    Grammar(
        code="qbi",
        order="SVO",
        adjective_first=False,
        postpositions=False,
        articles=False,
        wh_first=True,
        cognates=0.3,
        names_kept=0.8,
        suffixes={"accusative": "u", "has": "al", "had": "ev", "plural": "i"},
        sound_changes=(("ck", "k"), ("w", "v"), ("l", "lo"), ("e", "ie")),
    ),
    Grammar(
        code="qce",
        order="SOV",
        adjective_first=True,
        postpositions=True,
        articles=False,
        wh_first=False,
        cognates=0.15,
        names_kept=0.6,
        suffixes={
            "plural": "lar",
            "accusative": "ni",
            "on": "da",
            "has": "gan",
            "had": "edi",
        },
        sound_changes=(("v", "b"), ("f", "p"), ("d", "t"), ("st", "ist")),
    ),
    Grammar(
        code="qci",
        order="SOV",
        adjective_first=True,
        postpositions=True,
        articles=False,
        wh_first=False,
        cognates=0.1,
        names_kept=0.6,
        suffixes={
            "plural": "ler",
            "accusative": "ne",
            "on": "de",
            "has": "ken",
            "had": "iti",
        },
        sound_changes=(("a", "e"), ("o", "u"), ("v", "b"), ("f", "h")),
    ),
    Grammar(
        code="qdo",
        order="VSO",
        adjective_first=False,
        postpositions=False,
        articles=True,
        wh_first=True,
        cognates=0.1,
        names_kept=0.5,
        suffixes={"plural": "an", "accusative": "u"},
        sound_changes=(("c", "h"), ("b", "v"), ("k", "h"), ("s", "th"), ("d", "n")),
    ),
    Grammar(
        code="qeu",
        order="SOV",
        adjective_first=False,
        postpositions=True,
        articles=False,
        wh_first=False,
        cognates=0.05,
        names_kept=0.5,
        suffixes={"accusative": "eg", "has": "ak", "had": "iv", "plural": "ez"},
        sound_changes=(("b", "p"), ("d", "dz"), ("l", "r"), ("o", "a")),
    ),
)
GRAMMARS: dict[str, Grammar] = {grammar.code: grammar for grammar in _TABLE}


class Tongue:
    """A language that can be spoken: the form of every word."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.language = INVITRO_LANGUAGES[grammar.code]

    def suffix(self, relation: str) -> str | None:
        """The suffix that marks a relation, None where a word does, or nothing."""
        return self.grammar.suffixes.get(relation)

    def write(self, word: str, suffixes: tuple[str, ...] = ()) -> str:
        """The surface of a concept or name with its suffixes.

        Anything else (digits, punctuation) stays as it is.
        """
        form = self.forms.get(word)
        return word if form is None else self._spell(form + "".join(suffixes))

    def inherits(self, concept: str) -> bool:
        """Whether the word for a concept descends from that of the source language."""
        # One draw a family, so that sister languages keep the same words for longest.
        return unit("inherits", self.language.family, concept) < self.grammar.cognates

    @cached_property
    def forms(self) -> dict[str, str]:
        """Concept or name to its form in Latin letters, no two alike."""
        forms: dict[str, str] = {}
        taken: set[str] = set()
        for word in (*CONCEPTS, *NAMES):
            form = self._name(word) if word in NAMES else self._form(word)
            while form in taken:
                form += "a" if form.endswith("e") else "e"
            taken.add(form)
            forms[word] = form
        return forms

    def _form(self, concept: str) -> str:
        inherited = self.inherits(concept)
        return self._change(concept if inherited else _root(self.language.family, concept))

    def _name(self, name: str) -> str:
        kept = unit("keeps", self.language.family, name) < self.grammar.names_kept
        return name if kept else self._change(name.lower()).capitalize()

    def _change(self, form: str) -> str:
        for before, after in self.grammar.sound_changes:
            form = form.replace(before, after)
        return form

    def _spell(self, form: str) -> str:
        letters = _LETTERS[self.language.script]
        table = str.maketrans(_LATIN, letters)
        if self.language.script in _CASELESS:
            return form.lower().translate(table)
        capitals = str.maketrans(_LATIN.upper(), letters.upper())
        return form.translate(table).translate(capitals)


@cache
def tongue(code: str) -> Tongue:
    """The language with this code."""
    return Tongue(GRAMMARS[code])


@cache
def _root(family: str, concept: str) -> str:
    """A family's own word; frequent little words are short, as in languages that were not made."""
    onsets, vowels, codas = (sounds.split() for sounds in _SOUNDS[family])
    draw = Draw("root", family, concept)
    syllables = 1 if len(concept) <= 3 else 2
    root = "".join(
        draw.one_of(onsets) + draw.one_of(vowels) + draw.one_of(codas) for _ in range(syllables)
    )
    return root.replace("-", "")


# How two languages differ, each part from 0 to 1.
PARTS = ("lexicon", "names", "order", "morphology", "script")
_ORDER = ("order", "adjective_first", "postpositions", "wh_first")
_MARKED = ("plural", "accusative", "has", "had", "on")


def distances(one: str, other: str) -> dict[str, float]:
    """How far apart two languages are by construction, part by part.

    Returns:
        lexicon: share of concepts whose words do not descend from one root.
        names: share of names that are spelt apart before the script is applied.
        order: share of `order`, `adjective_first`, `postpositions` and `wh_first` that differ.
        morphology: share of markers (and articles) that one language has and the other lacks
            or makes a word of its own.
        script: 1 for two scripts, else 0.
    """
    a, b = tongue(one), tongue(other)
    related = a.language.family == b.language.family
    apart = sum(
        a.inherits(concept) != b.inherits(concept) if related else not shared
        for concept in CONCEPTS
        for shared in [a.inherits(concept) and b.inherits(concept)]
    )
    markers = [
        (marker in a.grammar.suffixes) != (marker in b.grammar.suffixes) for marker in _MARKED
    ]
    markers.append(a.grammar.articles != b.grammar.articles)
    return {
        "lexicon": apart / len(CONCEPTS),
        "names": sum(a.forms[name] != b.forms[name] for name in NAMES) / len(NAMES),
        "order": sum(getattr(a.grammar, part) != getattr(b.grammar, part) for part in _ORDER)
        / len(_ORDER),
        "morphology": sum(markers) / len(markers),
        "script": float(a.language.script != b.language.script),
    }


def distance(one: str, other: str) -> float:
    """The mean of the parts of `distances`: 0 for a language and itself, at most 1."""
    parts = distances(one, other)
    return sum(parts.values()) / len(parts)
