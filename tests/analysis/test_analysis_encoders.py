"""Several encoders of one experiment: their order, and what each was pretrained on."""

from __future__ import annotations

import numpy as np
import pytest
from compared_experiments import write_side
from panels import only
from prediction_files import scores_of

from xstilts.analysis.association.observations import DISTANCE, LATIN, text_size
from xstilts.analysis.inputs.items import cell_files
from xstilts.analysis.inputs.known_languages import KnownLanguages
from xstilts.analysis.investigate import investigate
from xstilts.analysis.ranking import rank, rank_encoders
from xstilts.analysis.sides import find_sides
from xstilts.config.encoders.catalogue import Corpus, catalogue
from xstilts.config.language_facts import FACTS
from xstilts.config.languages import LANGUAGES
from xstilts.scoring.averages import check_scores

DRAWS = 300
SKILL = {"large": 0.85, "middle": 0.6, "twin": 0.6, "small": 0.4}
CODES = ("en", "de", "es", "fr", "ru", "sw", "tr", "vi", "zh", "ar", "hi", "th")


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("several") / "exp"
    found = []
    for encoder, skill in SKILL.items():
        held = {"targets": ("xnli", "pawsx"), "codes": ("en", "de", "zh"), "size": 400}
        found += write_side(folder, encoder, "none", skill=skill, **held)
        found += write_side(folder, encoder, "mnli", skill=skill, **held, seeds=(1,))
    return found


def test_they_are_ordered_as_sides_of_several_experiments_are(paths):
    found = rank_encoders(cell_files(paths, {"none"}), "none", split="test", draws=DRAWS)
    folder = paths[0].parents[4]
    sides = [side for side in find_sides(str(folder)) if side.recipe == "none"]
    expected = rank(sides, draws=DRAWS)
    assert found == expected.orders
    first = found[0]
    assert [each.name for each in first.placed][::3] == ["large", "small"]
    letters = {each.name: set(each.letters) for each in first.placed}
    assert letters["middle"] & letters["twin"]
    assert not letters["large"] & letters["middle"]
    assert not letters["small"] & letters["twin"]


def test_only_what_all_of_them_have_is_compared(paths):
    files = cell_files(paths, {"none"})
    fewer = [file for file in files if (file.encoder, file.target) != ("small", "pawsx")]
    found = rank_encoders(fewer, "none", split="test", draws=DRAWS)
    assert [order.target for order in found] == ["xnli"]
    # A run that collapsed is as good as none.
    gone = {("small", "none", "pawsx", seed) for seed in (1, 2, 3)}
    left = rank_encoders(files, "none", split="test", draws=DRAWS, left_out=gone)
    assert [order.target for order in left] == ["xnli"]
    alone = [file for file in files if file.encoder == "large"]
    assert rank_encoders(alone, "none", split="test", draws=DRAWS) == ()
    assert rank_encoders(files, "none", split="dev", draws=DRAWS) == ()
    assert rank_encoders(files, "mnli", split="test", draws=DRAWS) == ()


def test_the_table_has_a_row_for_each_recipe_target_and_encoder(paths):
    found = investigate(
        scores_of(paths),
        KnownLanguages(languages=LANGUAGES, facts=FACTS),
        recipes=["none", "mnli"],
        predictions=paths,
        draws=DRAWS,
    )
    rows = found["encoders"]
    assert rows.height == 2 * 3 * len(SKILL)
    best = only(rows.to_dicts(), recipe="none", target="", place=1)
    assert (best["encoder"], best["letters"], best["seeds"]) == ("large", "a", 3)
    assert best["low"] < best["value"] < best["high"]
    assert only(rows.to_dicts(), recipe="mnli", target="", place=1)["seeds"] == 1


class TestPretraining:
    """Amounts of text are a predictor where they are the encoder's own, and never another's."""

    @pytest.fixture(scope="class")
    @staticmethod
    def scores():
        import polars as pl

        random = np.random.default_rng(1)
        rows = [
            {
                "encoder": encoder, "recipe": "none", "target": "xnli", "seed": 1,
                "split": "test", "language": code, "condition": "clean", "metric": "accuracy",
                "value": 50 + 4 * np.log1p(FACTS[code].cc100_gib) + random.normal(), "n": 5010,
            }
            for encoder in ("xlmr", "mmbert", "other")
            for code in CODES
        ]  # fmt: skip
        from xstilts.data.schemas import SCORES

        return check_scores(pl.DataFrame(rows, schema=pl.DataFrame(SCORES.empty_table()).schema))

    @staticmethod
    def found(scores, **corpora: Corpus):
        known = KnownLanguages(languages=LANGUAGES, facts=FACTS, corpora=corpora)
        return investigate(scores, known, recipes=["none"])

    def test_each_encoder_has_its_own(self, scores):
        corpora = catalogue().corpora
        found = self.found(scores, xlmr=corpora["cc100"], mmbert=corpora["mmbert"])
        rows = found["association"].to_dicts()
        predictors = {
            name: {row["predictor"] for row in rows if row["encoder"] == name}
            for name in ("xlmr", "mmbert", "other")
        }
        gib, tokens = text_size("GiB of text"), text_size("billion tokens")
        assert predictors["xlmr"] == {DISTANCE, gib, LATIN}
        assert predictors["mmbert"] == {DISTANCE, tokens, LATIN}
        assert predictors["other"] == {DISTANCE, LATIN}
        # The scores were made of CC-100's sizes.
        (own,) = (
            row["value"]
            for row in rows
            if (row["encoder"], row["predictor"], row["method"]) == ("xlmr", gib, "Spearman")
        )
        assert own > 0.9
        notes = "\n".join(found.notes)
        assert "text of xlmr are those of CC-100 (Conneau et al. 2020, Table 6)" in notes
        assert "text of mmbert are those of mmBERT's token counts" in notes
        assert "How much text of each language other had in pretraining is not known" in notes

    def test_the_table_of_languages_has_the_amounts_of_one_corpus_in_gib(self, scores):
        corpora = catalogue().corpora
        one = self.found(scores, xlmr=corpora["cc100"], mmbert=corpora["mmbert"])["languages"]
        assert only(one.to_dicts(), language="sw")["pretraining_gib"] == FACTS["sw"].cc100_gib
        none = self.found(scores, mmbert=corpora["mmbert"])["languages"]
        assert none["pretraining_gib"].null_count() == none.height
