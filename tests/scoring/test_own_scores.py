"""Scores that somebody else made: as much as their columns allow, and a word on the rest."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xstilts.analysis.findings import Findings
from xstilts.analysis.tables import EVERY, GAIN, SCORE
from xstilts.cli import main
from xstilts.errors import XstiltsError
from xstilts.scoring.own_scores import read_own_scores

# XQuAD F1 as published at google-deepmind/xquad.
LANGUAGES = ["en", "ar", "de", "el", "es", "hi", "ru", "th", "tr", "vi", "zh"]
XLMR = [86.5, 68.6, 80.4, 79.8, 82.0, 76.7, 80.1, 74.2, 75.9, 79.1, 59.3]
MBERT = [83.5, 61.5, 70.6, 62.6, 75.5, 59.2, 71.3, 42.7, 55.4, 69.5, 58.0]


def published(path):
    rows = [
        {"recipe": recipe, "target": "xquad", "language": language, "metric": "f1", "value": value}
        for recipe, values in (("mBERT", MBERT), ("XLM-R", XLMR))
        for language, value in zip(LANGUAGES, values, strict=True)
    ]
    pl.DataFrame(rows).write_csv(path)
    return path


def test_a_table_typed_from_a_paper_gives_all_that_its_columns_allow(tmp_path, capsys):
    file = published(tmp_path / "xquad.csv")
    assert main(["report", "--scores", str(file), "--baseline", "mBERT"]) == 0
    printed = capsys.readouterr().out
    for absent in ("encoder", "seed", "split", "condition", "n"):
        assert f"The table has no column {absent}:" in printed
    assert "The score of XQuAD is f1 alone." in printed
    findings = Findings.read(tmp_path / "xquad/findings")
    groups = findings["groups"].filter(target="xquad", scale="points")
    others = groups.filter(recipe="none", quantity=SCORE, grouping="language")
    assert dict(others.select("group", "value").iter_rows()) == pytest.approx(
        dict(zip(LANGUAGES[1:], MBERT[1:], strict=True)), abs=1e-4
    )
    gain = groups.filter(quantity=GAIN, group="all languages", recipe="XLM-R").row(0, named=True)
    differences = [a - b for a, b in zip(XLMR[1:], MBERT[1:], strict=True)]
    assert gain["value"] == pytest.approx(sum(differences) / 10, abs=1e-4)
    # One seed and no items: the interval is Student's over ten languages.
    assert gain["basis"] == "languages"
    assert gain["low"] < gain["value"] < gain["high"]
    gap = groups.filter(quantity="gap", group="all languages", recipe="none")["value"].item()
    assert gap == pytest.approx(83.5 - sum(MBERT[1:]) / 10, abs=1e-4)
    assert findings["pitfalls"].is_empty()
    assert findings["perturbed"].is_empty()
    assert EVERY in findings["groups"]["target"]
    page = (tmp_path / "xquad/fairness.html").read_text()
    assert "XLM-R" in page
    summary = (tmp_path / "xquad/findings.txt").read_text()
    raised = (
        "`XLM-R` raises the mean over 10 languages (by descent as good as 7.1 independent ones)"
    )
    assert f"{raised} by 13.0 points (95 % 6.7 to 19.2)" in summary
    assert "All intervals are over languages" in summary


def test_seeds_are_resampled_where_there_are_several(tmp_path):
    rows = [
        {
            "recipe": recipe, "target": "xnli", "language": language, "seed": seed,
            "value": 60 + seed + bonus + place,
        }
        for recipe, bonus in (("none", 0), ("mnli", 5))
        for seed in (1, 2, 3, 4, 5)
        for place, language in enumerate(("en", "de", "sw", "zh"))
    ]  # fmt: skip
    rows = [row | {"value": row["value"] + (row["seed"] % 2 if row["recipe"] == "mnli" else 0)}
            for row in rows]  # fmt: skip
    file = tmp_path / "seeds.parquet"
    pl.DataFrame(rows).write_parquet(file)
    assert main(["report", "--scores", str(file), "--output", str(tmp_path / "out")]) == 0
    groups = Findings.read(tmp_path / "out/findings")["groups"]
    gain = groups.filter(quantity=GAIN, group="all languages", target="xnli", scale="points").row(
        0, named=True
    )
    assert gain["basis"] == "seeds"
    assert gain["value"] == pytest.approx(5.6)
    assert 4 < gain["low"] < 5.6 < gain["high"] < 7.2


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"target": ["xnli"], "value": [50.0]}, "no column language"),
        ({"target": ["xnli"], "language": ["de"], "value": [50.0], "sead": [1]}, "did you mean"),
        ({"target": ["xnly"], "language": ["de"], "value": [50.0]}, "unknown target 'xnly'"),
        ({"target": ["xnli"], "language": ["de"], "value": [0.5e3]}, "not points from 0 to 100"),
        ({"target": ["xnli"], "language": ["de"], "value": ["high"]}, "row 1: value is 'high'"),
        (
            {"target": ["xnli"], "language": ["de"], "value": [5.0], "seed": [1.5]},
            "seed is 1.5, which is no whole number",
        ),
        ({"target": ["xnli"], "language": ["de"], "value": ["60%"]}, "value is '60%'"),
        (
            {"target": ["xquad"], "language": ["de"], "value": [5.0], "metric": ["accuracy"]},
            "none of the metrics that score it",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(tmp_path, capsys, columns, message):
    file = tmp_path / "wrong.csv"
    pl.DataFrame(columns).write_csv(file)
    assert main(["report", "--scores", str(file)]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "wrong").exists()


def test_a_file_of_another_kind_and_an_unknown_baseline_are_refused(tmp_path):
    with pytest.raises(XstiltsError, match="neither"):
        read_own_scores(tmp_path / "scores.xlsx")
    with pytest.raises(XstiltsError, match="no recipe 'mBART'"):
        read_own_scores(published(tmp_path / "xquad.csv"), baseline="mBART")


def test_without_recipes_scores_alone_are_reported(tmp_path, capsys):
    file = tmp_path / "alone.csv"
    rows = [{"target": "xnli", "language": code, "value": 60.0} for code in ("en", "de", "sw")]
    pl.DataFrame(rows).write_csv(file)
    assert main(["report", "--scores", str(file)]) == 0
    assert "no column recipe: there is nothing to compare" in capsys.readouterr().out
    assert (tmp_path / "alone/fairness.html").is_file()


def test_numbers_of_any_kind_are_read(tmp_path):
    rows = [f"{recipe},xnli,de,{seed},60" for recipe in (1, 2) for seed in range(80)]
    file = tmp_path / "numbers.csv"
    file.write_text("\n".join(["recipe,target,language,seed,value", *rows, "2,xnli,de,80,60.5"]))
    own = read_own_scores(file, baseline="1")
    assert own.recipes == ("none", "2")
    assert own.scores["value"].max() == 60.5


def scores_of(values, targets=("xnli",)):
    return pl.DataFrame(
        [
            {"target": target, "language": code, "value": value}
            for target in targets
            for code, value in zip(("en", "de"), values, strict=True)
        ]
    )


@pytest.mark.parametrize(
    "kinds",
    [
        {"target": pl.Categorical, "recipe": pl.Categorical},
        {"language": pl.Enum(["en", "de"]), "recipe": pl.Enum(["none", "mnli"])},
        {"value": pl.Decimal(6, 3), "seed": pl.UInt8, "n": pl.Int16},
        {"value": pl.Float32, "seed": pl.Float64},
        {"value": pl.Int8, "n": pl.Null},
        {"value": pl.String, "seed": pl.String},
    ],
)
def test_columns_of_any_type_are_read(tmp_path, kinds):
    table = pl.concat(
        scores_of((60, 50)).with_columns(recipe=pl.lit(recipe), seed=pl.lit(1), n=pl.lit(None))
        for recipe in ("none", "mnli")
    )
    plain, odd = tmp_path / "plain.parquet", tmp_path / "odd.parquet"
    table.write_parquet(plain)
    table.with_columns(pl.col(name).cast(kind) for name, kind in kinds.items()).write_parquet(odd)
    assert read_own_scores(odd).scores.equals(read_own_scores(plain).scores)


@pytest.mark.parametrize(
    "kind",
    [pa.dictionary(pa.int8(), pa.string()), pa.large_string(), pa.string_view()],
    ids=str,
)
def test_texts_of_any_arrow_type_are_read(tmp_path, kind):
    table = scores_of((60, 50)).to_arrow()
    texts = pa.array(["en", "de"]).cast(kind)
    pq.write_table(table.set_column(1, "language", texts), tmp_path / "odd.parquet")
    assert read_own_scores(tmp_path / "odd.parquet").scores["language"].to_list() == ["en", "de"]


def test_columns_that_hold_no_values_are_refused(tmp_path):
    scores_of((60, 50)).with_columns(value=pl.concat_list("value")).write_parquet(
        tmp_path / "lists.parquet"
    )
    with pytest.raises(XstiltsError, match="column value holds List"):
        read_own_scores(tmp_path / "lists.parquet")


def test_shares_are_asked_about_and_never_taken_for_points(tmp_path, capsys):
    file = tmp_path / "shares.csv"
    scores_of((0.75, 0.5)).write_csv(file)
    assert main(["report", "--scores", str(file)]) == 1
    assert "no value of xnli is above 1" in capsys.readouterr().err
    assert main(["report", "--scores", str(file), "--scale", "shares"]) == 0
    assert read_own_scores(file, scale="shares").scores["value"].to_list() == [75, 50]
    assert read_own_scores(file, scale="points").scores["value"].to_list() == [0.75, 0.5]
    # One target in shares beside one in points.
    pl.concat([scores_of((0.75, 0.5)), scores_of((60.0, 50.0), ["pawsx"])]).write_csv(file)
    with pytest.raises(XstiltsError, match="no value of xnli is above 1"):
        read_own_scores(file)
    with pytest.raises(XstiltsError, match="60 is above 1, so values are no shares"):
        read_own_scores(file, scale="shares")
    scores_of((0.0, 0.0)).write_csv(file)
    assert read_own_scores(file).scores["value"].to_list() == [0, 0]


def test_languages_that_not_every_recipe_has_are_named(tmp_path, capsys):
    rows = [("none", "de"), ("none", "sw"), ("mnli", "de")]
    pl.DataFrame(
        [
            {"recipe": recipe, "target": "xnli", "language": code, "value": 60}
            for recipe, code in rows
        ]
    ).write_csv(tmp_path / "short.csv")
    assert main(["report", "--scores", str(tmp_path / "short.csv")]) == 0
    page = (tmp_path / "short/fairness.html").read_text()
    assert "XNLI in sw is left out: not every cell has it." in page
