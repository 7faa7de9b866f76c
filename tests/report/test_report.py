"""The score page: valid, self-contained, escaped, and with the right numbers in it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from few_scores import baselines
from findings_tables import empty_findings, example_findings
from test_encoder_tables import FINDINGS, costs

from xstilts.config.languages import INVITRO_LANGUAGES
from xstilts.config.tasks import TARGETS, TASKS, TEXT, XTREME
from xstilts.data.schemas import SCORES
from xstilts.errors import XstiltsError
from xstilts.report.encoder_tables import encoder_tables
from xstilts.report.notes import notes as report_notes
from xstilts.report.page import write_page
from xstilts.rounding import fixed, signed
from xstilts.scoring.averages import main_metrics
from xstilts.scoring.metrics import METRICS

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """Checks that tags balance; collects the tables as rows of texts, ids and links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.heads: list[dict[str, str | None]] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self._caption = ""
        self.feed(text)
        self.close()
        assert self.open == []
        self.tables = {
            caption: [[" ".join(text.split()) for text in row] for row in rows]
            for caption, rows in self.tables.items()
        }

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in given:
            self.ids.append(given["id"] or "")
        if tag == "a":
            self.links.append(given["href"] or "")
        if tag == "th":
            self.heads.append(given)
        if tag == "caption":
            self._caption = ""
        if tag == "tr":
            self.tables[self._caption].append([])
        if tag in ("td", "th"):
            self.tables[self._caption][-1].append("")
        assert not {"src", "href"} & set(given) or tag == "a"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "caption":
            assert self._caption not in self.tables
            self.tables[self._caption] = []

    def handle_data(self, data: str) -> None:
        if "style" in self.open or "script" in self.open:
            return
        self.text += data
        if "caption" in self.open:
            self._caption += data
        elif "td" in self.open or "th" in self.open:
            self.tables[self._caption][-1][-1] += data


def scores_of(
    recipes: tuple[str, ...] = ("none", "mnli"),
    targets: tuple[str, ...] = tuple(XTREME),
    seeds: tuple[int, ...] = (1, 2, 3),
    languages: int = 99,
    encoder: str = "enc",
    split: str = "test",
) -> pl.DataFrame:
    """50 points for the baseline and 52 for others, plus the seed; English has 6 more."""
    rows = []
    for recipe in recipes:
        for target in targets:
            for seed in seeds[:1] if recipe == "none" and not TARGETS[target].train_set else seeds:
                for language in TARGETS[target].languages[:languages]:
                    value = (50.0 if recipe == "none" else 52.0) + seed + 6 * (language == "en")
                    place = (encoder, recipe, target, seed, split, language, "clean")
                    rows += [(*place, metric, value, 1234) for metric in main_metrics(target)]
    return pl.DataFrame(rows, schema=SCORES.names, orient="row")


@pytest.fixture
def render(tmp_path: Path):
    def run(
        scores: pl.DataFrame | Path,
        title: str = "Title",
        experiment: dict | None = None,
        notes: list[str] | None = None,
        **more: object,
    ) -> str:
        output = tmp_path / "pages" / "index.html"
        write_page(
            scores, output, title=title, experiment=experiment or {}, notes=notes or [], **more
        )
        assert list(output.parent.iterdir()) == [output]
        return output.read_text(encoding="utf-8")

    return run


def row(page: Page, caption: str, label: str) -> list[str]:
    return next(row for row in page.tables[caption] if row[0] == label)


def test_the_xtreme_table_holds_the_worked_example(render) -> None:
    """PAWS-X: six languages at 54 and English at 60 make 54 + 6 / 7 = 54.86 for the mean seed."""
    page = Page(render(scores_of()))
    caption = "enc, test: XTREME scores in points"
    head = page.tables[caption][1]
    tasks = ["XNLI", "PAWS-X", "Mean", "UD-POS", "PAN-X", "Mean", "XQuAD", "MLQA", "TyDiQA"]
    assert head == [*tasks, "Mean", "BUCC 2018", "Tatoeba", "Mean"]
    none, mnli = row(page, caption, "none"), row(page, caption, "mnli")
    assert none[2] == "52.9 51.9–53.9"
    assert mnli[2] == "54.9 best +2.0 53.9–55.9"
    assert none[11] == "51.0 1 seed"
    assert mnli[11] == "54.0 best +3.0 53.0–55.0"
    extra = [6 / 15, 6 / 7, 6 / 33, 6 / 40, 6 / 11, 6 / 7, 6 / 9, 0, 0]
    overall = sum(54 + more for more in extra) / 9
    gain = (7 * 2 + 2 * 3) / 9
    assert mnli[-1].startswith(f"{overall:.1f} best +{gain:.1f}")


def test_a_target_beyond_xtreme_stands_behind_the_means(render) -> None:
    page = Page(render(scores_of(targets=tuple(TARGETS))))
    caption = "enc, test: XTREME scores in points"
    nine = Page(render(scores_of())).tables[caption]
    beyond = [task.title for task in TARGETS.values() if not task.xtreme]
    assert [line[: -len(beyond)] for line in page.tables[caption][1:]] == nine[1:]
    assert page.tables[caption][1][-len(beyond) :] == beyond
    groups = ["Reasoning", "Topics", "Inference", "Words", "Reading", "Translations"]
    assert page.tables[caption][0][-len(groups) :] == groups


def test_english_gap_languages_spread_and_coverage(render) -> None:
    page = Page(render(scores_of()))
    assert row(page, "enc, test: English scores in points", "mnli")[1] == "60.0 best +2.0 59.0–61.0"
    assert row(page, "enc, test: transfer gap in points", "mnli")[1] == "6.0 ±0.0 6.0–6.0"
    caption = "enc, XQuAD, test: mean of Exact match and F1"
    german = row(page, caption, "de")
    assert german == ["de", "German", "1,234", "52.0 51.0–53.0", "54.0 best +2.0 53.0–55.0"]
    assert page.tables[caption][-1][0] == "Mean of 11 languages"
    assert row(page, "enc, XQuAD, test: Exact match", "de")[-1] == "54.0 best 53.0–55.0"
    assert "enc, XNLI, test: Accuracy" in page.tables
    spread = page.tables["enc, test: spread over seeds, in points"]
    assert ["mnli", "XNLI", "3", "54.4", "53.4", "55.4", "1.00"] in [line[:7] for line in spread]
    coverage = row(page, "test: languages covered, of those in XTREME", "PAWS-X")
    assert coverage == ["PAWS-X", "7 of 7", "de en es fr ja ko zh", "none", "none", "none"]
    assert "not comparable with published XTREME averages" not in page.text


def test_the_page_is_self_contained_accessible_and_balanced(render) -> None:
    text = render(pl.concat([scores_of(encoder="a"), scores_of(encoder="b", languages=5)]))
    assert not re.search(r"https?:|//[a-z]|@import|url\(", re.sub(r"(?m)^// .*$", "", text))
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    assert page.links.pop() == "glossary.html"
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    assert all(head.get("scope") in ("col", "row", "colgroup") for head in page.heads)
    assert text.startswith("<!DOCTYPE html>")
    assert '<html lang="en">' in text


def test_markup_in_names_is_escaped(render) -> None:
    evil = "<b>x</b><script>alert(1)</script>"
    text = render(
        scores_of(targets=("xnli",), encoder=evil)
        .with_columns(recipe=pl.lit('"><i>'), language=pl.col("language").replace("de", "<u>"))
        .unique(["seed", "language"]),
        title=evil,
        experiment={"experiment": evil, "recipes": ["<em>"]},
        notes=[evil],
    )
    assert "alert(1)" in text
    for markup in ("<b>", "<script>alert", "<i>", "<u>", "<em>"):
        assert markup not in text
    assert evil in Page(text).text


@pytest.mark.parametrize(
    "scores",
    [
        scores_of(recipes=("mnli",), targets=("xnli",), seeds=(7,), languages=2),
        scores_of(recipes=("none",), targets=("tatoeba",), languages=9),
        scores_of(targets=("bucc2018", "panx"), seeds=(1, 2), languages=1),
        pl.concat([scores_of(encoder=name, languages=3) for name in ("one", "two")]),
        pl.concat([scores_of(split=name, languages=3) for name in ("dev", "test")]),
    ],
)
def test_any_subset_of_a_grid_has_a_page(render, scores: pl.DataFrame) -> None:
    page = Page(render(scores))
    for encoder in scores["encoder"].unique():
        for split in scores["split"].unique():
            assert f"{encoder}, {split}: XTREME scores in points" in page.tables
    assert "not comparable with published XTREME averages" in page.text
    assert "None" not in page.text


def test_missing_values_are_a_dash_with_a_reason(render) -> None:
    scores = scores_of(targets=("xnli", "pawsx"), languages=3).filter(
        ~((pl.col("recipe") == "mnli") & (pl.col("target") == "pawsx")),
        ~((pl.col("recipe") == "mnli") & (pl.col("language") == "de")),
    )
    text = render(scores, experiment={"recipes": ["none", "mnli", "squad_v1"], "targets": ["panx"]})
    page = Page(text)
    caption = "enc, test: XTREME scores in points"
    assert page.tables[caption][1][:4] == ["XNLI", "PAWS-X", "Mean", "PAN-X"]
    mnli = row(page, caption, "mnli")
    assert mnli[2] == "– not run"
    assert mnli[3] == "– needs all its tasks; no score for PAWS-X"
    assert row(page, caption, "squad_v1")[1] == "– not run"
    assert '<abbr title="not run">–</abbr>' in text
    english = row(page, "enc, test: English scores in points", "none")
    assert english[1] == "– English is not covered"
    assert not re.search(r">0\.0<", text)


def test_a_language_that_some_run_lacks_is_shown_but_not_averaged(render) -> None:
    scores = scores_of(targets=("xnli",), seeds=(1,)).filter(
        ~((pl.col("recipe") == "mnli") & (pl.col("language") == "sw"))
    )
    page = Page(render(scores))
    swahili = row(page, "enc, XNLI, test: Accuracy", "sw‡")
    assert swahili[3:] == ["51.0", "– language not covered"]
    assert page.tables["enc, XNLI, test: Accuracy"][-1][0] == "Mean of 14 languages"
    assert "not every run has sw" in page.text


def test_several_encoders_stand_in_order_before_the_scores(render) -> None:
    shown = list(encoder_tables(FINDINGS, costs(("a", 7200.0, 2e15)), {"a": 277_453_056}, {}, ()))
    text = render(scores_of(), encoders=shown)
    page = Page(text)
    assert row(page, "Encoders after none", "a")[1:5] == [
        "80.0 a 79.0–81.0", "70.0 a 69.0–71.0", "277.5", "2 h 0 min",
    ]  # fmt: skip
    assert row(page, "Encoders after none", "b")[3:] == [
        "– size not known", "– no record of its cost", "– not counted", "– not known",
    ]  # fmt: skip
    assert "#encoders" in page.links
    assert text.index("Encoders in order</h2>") < text.index("Scores, test</h2>")
    assert "Encoders in order" not in render(scores_of())


def test_fewer_seeds_than_elsewhere_are_shown(render) -> None:
    scores = scores_of(targets=("xnli", "panx")).filter(
        ~((pl.col("target") == "panx") & (pl.col("seed") == 3))
    )
    page = Page(render(scores))
    mnli = row(page, "enc, test: XTREME scores in points", "mnli")
    assert mnli[1] == "54.4 best +2.0 53.4–55.4"
    assert mnli[3].endswith(" 2 seeds")


def test_caveats_and_facts(render) -> None:
    scores = pl.concat(
        [
            scores_of(recipes=("mnli",), targets=("panx",), seeds=(4,)),
            scores_of(recipes=("mnli",), targets=("panx",), seeds=(4,)).with_columns(
                condition=pl.lit("typos")
            ),
        ]
    )
    limits = {"default": {"train": None}, "kinds": {}, "tasks": {"panx": {"test": 100}}}
    page = Page(
        render(
            scores,
            experiment={"limits": limits},
            notes=["Mind the gap."],
            unseen={"enc": ["yo", "qu"], "other": ["de"]},
        )
    )
    assert "limits items (limits.tasks.panx.test = 100)" in page.text
    assert "not comparable with published XTREME averages" in page.text
    assert "One seed" in page.text
    assert "'none' was not run" in page.text
    assert "perturbed inputs are not on this page: typos" in page.text
    assert "Mind the gap." in page.text
    assert "1 (encoder, recipe, target, seed)" in page.text
    # Marked by what this encoder has not seen, whatever others have.
    assert row(page, "enc, PAN-X, test: F1", "yo†")[1] == "Yoruba"
    assert row(page, "enc, PAN-X, test: F1", "de")[1] == "German"
    assert "† Not among the languages" in page.text
    assert "†" not in Page(render(scores)).text


SHORTCUTS = baselines(
    ("majority", "", "xnli", "en", 33.3),
    ("majority", "", "xnli", "ar", 34),
    ("majority", "", "xnli", "bg", 36),
    ("majority", "", "tatoeba", "ar", 1),
    ("majority", "", "tatoeba", "he", 2),
    ("type_only", "", "xnli", "en", 54),
    ("type_only", "", "xnli", "ar", 40),
    ("untrained", "enc", "tatoeba", "ar", 8),
    ("untrained", "enc", "tatoeba", "he", 10),
    ("untrained", "enc", "tatoeba", "vi", 90),
    ("untrained", "other", "tatoeba", "ar", 99),
)


def shortcut_page(render, recipes: tuple[str, ...] = ("none", "mnli")) -> Page:
    """XNLI in Arabic, Bulgarian and English, Tatoeba in Arabic and Hebrew."""
    scores = scores_of(recipes=recipes, targets=("xnli", "tatoeba"), seeds=(1,)).filter(
        pl.col("language").is_in(["ar", "he"])
        | (pl.col("language").is_in(["bg", "en"]) & (pl.col("target") == "xnli"))
    )
    return Page(render(scores, baselines=SHORTCUTS))


def test_shortcuts_stand_beside_the_recipe_without_intermediate_training(render) -> None:
    """The recipe has 51, in English 57; untrained on Tatoeba (8 + 10) / 2, not the 90."""
    page = shortcut_page(render)
    table = page.tables[
        "enc, test: shortcuts in English, in points (retrieval: mean over languages)"
    ]
    assert table[1] == ["XNLI", "Tatoeba"]
    assert table[2:] == [
        ["majority", "33.3", "1.5"],
        ["type_only", "54.0", "– not defined for this target"],
        ["untrained", "– not run", "9.0"],
        ["recipe none", "57.0", "51.0"],
    ]
    others = page.tables["enc, test: shortcuts in the other languages, means in points"]
    assert others[2:] == [
        ["majority", "35.0"],
        ["type_only", "– not every averaged language has a score"],
        ["untrained", "– not run"],
        ["recipe none", "51.0"],
    ]
    assert page.text.count("Shortcut type_only") == 1


def test_a_score_that_is_not_clearly_above_a_shortcut_is_told(render) -> None:
    page = shortcut_page(render)
    assert (
        "XNLI (enc, none, test): English 57.0 is not clearly above the shortcut type_only (54.0):"
        " the score does not show understanding of the pair." in page.text
    )
    # After mnli it is 59.0, which is 5.0 above.
    page = shortcut_page(render, recipes=("mnli",))
    assert "is not clearly above" not in page.text
    caption = "enc, test: shortcuts in English, in points (retrieval: mean over languages)"
    assert page.tables[caption][-1][:2] == ["recipe mnli", "59.0"]


def test_without_baselines_there_is_no_section_of_shortcuts(render) -> None:
    scores = scores_of(targets=("xnli",), seeds=(1,))
    other_split = SHORTCUTS.with_columns(split=pl.lit("dev"))
    for given in (None, SHORTCUTS.clear(), other_split):
        page = Page(render(scores, baselines=given))
        assert not any("shortcuts" in caption for caption in page.tables)
        assert not any("shortcuts" in link for link in page.links)


def test_the_headline_stands_at_the_top(render) -> None:
    scores = scores_of(targets=("xnli",), seeds=(1,))
    page = Page(render(scores, headline=["One & two.", "Three."]))
    assert page.text.index("One & two.") < page.text.index("Three.")
    assert page.text.index("Three.") < page.text.index("Read with care")
    assert "In short" not in Page(render(scores_of(targets=("xnli",)))).text


def test_after_the_headline_comes_one_figure_and_then_the_tables(render) -> None:
    text = render(
        scores_of(targets=("xnli",)),
        headline=["What was found."],
        findings=example_findings(),
        thresholds=["BUCC, tiny: 1.02."],
        origins=[("Code", "abc")],
    )
    order = ("What was found.", "<figure", "A recipe says", "<table")
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert text.count("<figure") == 1
    # What most readers need not know is folded.
    folded = re.findall(r"<details.*?</details>", text, re.DOTALL)
    for part in ("BUCC, tiny: 1.02.", "<dd>abc</dd>", "<pre"):
        assert [part in fold for fold in folded].count(True) == 1
    assert "<figure" not in render(scores_of(targets=("xnli",)), findings=empty_findings())


def generated(render, **experiment: object) -> Page:
    codes = list(INVITRO_LANGUAGES)
    scores = scores_of(languages=2, seeds=(1,)).with_columns(
        language=pl.when(pl.col("language") == pl.col("language").first().over("target"))
        .then(pl.lit("en"))
        .otherwise(pl.lit("qci"))
    )
    keys = {"data_source": "invitro", "targets": list(XTREME), "encoders": {}, **experiment}
    table = {key: {"languages": codes} for key in TARGETS}
    return Page(render(scores, experiment=keys, table=table, notes=report_notes(keys, [])))


def test_generated_languages_are_told_to_be_generated(render) -> None:
    page = generated(render, invitro={"translated_share": 0.6})
    box = page.text.index("Nothing here was said by anyone")
    assert box < page.text.index("Read with care")
    assert "They say nothing about real languages" in page.text
    assert "60 % of its pretraining documents" in page.text
    assert "Some of its pretraining documents" in generated(render).text
    assert row(page, "enc, XNLI, test: Accuracy", "qci")[1] == "Cimric"
    coverage = row(page, "test: languages covered, of those in the data source", "XNLI")
    assert coverage[1:3] == ["2 of 9", "en qci"]
    assert "Nothing here was said" not in Page(render(scores_of(targets=("xnli",)))).text


def test_generated_languages_are_not_compared_with_real_ones(render) -> None:
    limits = {"default": {"test": 5}}
    for page in (generated(render), generated(render, limits=limits)):
        text = page.text[: page.text.index("How each number is defined")]
        for claim in ("XTREME", "published", "drawn from SQuAD", "Conneau", "of 15"):
            assert claim not in text
    assert "A slice of the data" in generated(render, limits=limits).text


def test_scores_are_read_from_parquet(render, tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    scores_of(targets=("xnli",)).write_parquet(path)
    assert render(path) == render(scores_of(targets=("xnli",)))


def test_a_table_without_clean_scores_is_refused(render, tmp_path: Path) -> None:
    scores = scores_of(targets=("xnli",)).with_columns(condition=pl.lit("typos"))
    with pytest.raises(XstiltsError, match="no score has the condition 'clean'"):
        render(scores)
    assert not (tmp_path / "pages").exists()


@pytest.mark.parametrize(
    ("value", "plain", "with_sign"),
    [
        (1.26, "1.3", "+1.3"),
        (-1.26, "−1.3", "−1.3"),
        (-0.01, "0.0", "±0.0"),
        (100, "100.0", "+100.0"),
    ],
)
def test_number_formats(value: float, plain: str, with_sign: str) -> None:
    assert (fixed(value), signed(value)) == (plain, with_sign)


def test_tables_sort_in_a_browser_and_are_saved_as_numbers(browser, render, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    scores = scores_of(recipes=("none", "mnli", "qqp"), targets=("xnli", "tatoeba"), languages=20)
    scores = scores.with_columns(value=pl.col("value") + 3 * (pl.col("recipe") == "qqp")).filter(
        ~((pl.col("recipe") == "mnli") & (pl.col("target") == "xnli"))
    )
    render(scores)
    page = browser.new_page()
    page.set_default_timeout(15_000)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    address = (tmp_path / "pages" / "index.html").as_uri()
    page.goto(address)
    table = page.locator(".table", has=page.locator("caption", has_text="XTREME scores"))
    head = table.locator("thead th", has_text="XNLI")
    recipes = table.locator("tbody th")
    head.click()
    expect(recipes).to_have_text(["qqp", "none", "mnli"])
    head.click()
    # What has no number stays last.
    expect(recipes).to_have_text(["none", "qqp", "mnli"])
    with page.expect_download() as download:
        table.locator("button", has_text="Data (CSV)").click()
    saved = pl.read_csv(Path(download.value.path()))
    assert saved["Recipe"].to_list() == ["none", "qqp", "mnli"]
    none, qqp = map(float, saved["Classification, XNLI"].to_list()[:2])
    assert qqp - none == pytest.approx(5)
    # A folded table is made when it is opened; a long one can be searched.
    fold = page.locator("details.task", has_text="Tatoeba").first
    assert fold.locator(".dt-container").count() == 0
    fold.locator("summary").first.click()
    fold.get_by_label("Search this table").first.fill("German")
    expect(fold.locator("table").first.locator("tbody th")).to_have_text(["de"])
    assert [url for url in asked if not url.startswith(("blob:", "data:"))] == [address]
    page.close()


def test_metrics_are_defined_with_the_targets_that_they_judge(render) -> None:
    targets = ("xquad", "mlqa", "tydiqa")
    text = render(scores_of(targets=targets), experiment={"targets": list(targets)})
    found = re.findall(r"<dt>([^<]*)</dt>\s*<dd>([^<]*)</dd>", text)
    assert ("XQuAD, TyDiQA", METRICS["squad"].definition) in found
    assert ("MLQA", METRICS["mlqa"].definition) in found
    assert not any(name.startswith("XNLI") for name, _ in found)


def test_every_metric_says_how_it_is_defined() -> None:
    assert all(metric.definition.endswith(".") for metric in METRICS.values())
    assert {task.metric for task in TASKS.values() if task.key != TEXT} <= set(METRICS)
