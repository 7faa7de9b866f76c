"""What jobs are told of languages: those of the user's, those that encoders have seen, and kin."""

from __future__ import annotations

from typing import Any

from xstilts.config.encoders.catalogue import corpus_of
from xstilts.config.languages import LANGUAGES, Language
from xstilts.config.own_languages import rows_of
from xstilts.config.tasks import SOURCE_LANGUAGE, TEXT
from xstilts.graph.cells import Grid


class LanguageParams:
    """Data on languages by which jobs of one grid are told apart."""

    def __init__(self, grid: Grid) -> None:
        self._grid, self._experiment = grid, grid.experiment

    def unseen(self) -> dict[str, list[str]]:
        """Encoder to the evaluated languages that it was not pretrained on, where that is known."""
        found: dict[str, list[str]] = {}
        for name, source in self._experiment.encoders.items():
            if source.languages is not None:
                seen = set(source.languages)
            elif source.pretrain is not None:
                seen = {unit.language for unit in self._grid.units(TEXT, "train")}
            elif (corpus := corpus_of(source)) is not None:
                # Of a corpus no more is listed than the languages of the table of real ones.
                seen = {*corpus.languages, *(self._known.keys() - LANGUAGES.keys())}
            else:
                continue
            found[name] = [code for code in self._evaluated_languages() if code not in seen]
        return found

    def corpora(self) -> dict[str, dict[str, Any]]:
        """Encoder to how much text of each language it was pretrained on, where that is published.

        Each with a title, a unit, and amounts by evaluated language.
        """
        known = self._evaluated_languages()
        found: dict[str, dict[str, Any]] = {}
        for name, source in self._experiment.encoders.items():
            corpus = corpus_of(source)
            if corpus is None or corpus.amounts is None:
                continue
            amounts = {code: each for code, each in corpus.amounts.items() if code in known}
            if amounts.keys() - {SOURCE_LANGUAGE}:
                found[name] = {"title": corpus.title, "unit": corpus.unit, "amounts": amounts}
        return found

    @property
    def _known(self) -> dict[str, Language]:
        return self._experiment.known_languages

    def _evaluated_languages(self) -> dict[str, Language]:
        """Those of the targets and the source language, in the order of the table."""
        held = {
            code for key in self._experiment.targets for code in self._experiment.languages(key)
        }
        held.add(SOURCE_LANGUAGE)
        return {code: language for code, language in self._known.items() if code in held}

    def own_languages(self) -> dict[str, Any]:
        """The user's rows of the table of languages, with what is known of each."""
        return plain(rows_of(self._experiment.own_languages))


def plain(value: Any) -> Any:
    """Data with lists in the place of tuples."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value
