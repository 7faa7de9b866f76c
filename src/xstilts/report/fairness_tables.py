"""Which tables the page of findings holds, and of which columns."""

from __future__ import annotations

import polars as pl

from xstilts.analysis.fairness.formulas import error_reduction
from xstilts.analysis.findings import Findings
from xstilts.analysis.tables import ALL, CORRECTED, EVERY, FAMILY, GAIN, LANGUAGE, POINTS, SCORE
from xstilts.report.kinship import perturbation
from xstilts.report.plots import Names
from xstilts.report.table import (
    CHANGE,
    COUNT,
    NUMBER,
    RATIO,
    RATIO_CHANGE,
    SHARE,
    SHARE_CHANGE,
    SHORT,
    TEXT,
    Column,
    P,
    Table,
    of_frame,
)

# Of items that went wrong, so many are on the page.
_MOST_ITEMS = 6_000
_STABILITY = {
    "kendall_tau": "Agreement of two seeds (Kendall's tau)",
    "kendall_w": "Agreement of all seeds (Kendall's W)",
    "below_best": "Points below the best recipe",
    "spread_over_seeds": "Spread over seeds, points",
}
_CELL = (Column("encoder", "Encoder"), Column("target", "Target"), Column("recipe", "Recipe"))
_ENDS, _CHANGE_ENDS = ("low", "high"), ("change_low", "change_high")


def _judged(kind: str) -> tuple[Column, ...]:
    """The verdict, and the smallest true change that would be seen, in numbers of a kind."""
    return (
        Column("p_adjusted", "p, adjusted", P),
        Column("tests", "Of how many", COUNT),
        Column("verdict", "Verdict"),
        Column("detectable", "Would be seen", kind),
    )


def _adjusted(caption: str, how: str, over: str) -> str:
    """A caption that tells in which family of statements p is adjusted."""
    return f"{caption}. p is adjusted over {over} ({how})."


def _named(frame: pl.DataFrame, names: Names) -> pl.DataFrame:
    """The groups as they are called on the page, and the number of languages of each."""
    called = [
        names.language(row["group"])
        if row["grouping"] == LANGUAGE and row["group"] != ALL
        else names.group(row)
        for row in frame.to_dicts()
    ]
    frame = frame.with_columns(group=pl.Series(called, dtype=pl.String))
    if "languages" in frame.columns:
        return frame.with_columns(members=pl.col("languages").list.len())
    return frame


def fairness_table(findings: Findings, names: Names) -> Table | None:
    """Measures of how evenly languages are served, and what a recipe changes in them."""
    frame = findings["fairness"]
    order = {name: place for place, name in enumerate(frame["measure"].unique(maintain_order=True))}
    return of_frame(
        "fairness",
        _adjusted(
            "How evenly languages are served, and what each recipe changes",
            "Benjamini-Hochberg",
            "the measures of one encoder, recipe, target and scale",
        ),
        frame.sort(
            pl.col("target").ne(EVERY),
            pl.col("scale").ne(CORRECTED),
            pl.col("measure").replace_strict(order, return_dtype=pl.Int64),
            maintain_order=True,
        ),
        (
            *_CELL[:2],
            Column("title", "Measure"),
            Column("better", "Better"),
            _CELL[2],
            Column("scale", "Scale"),
            Column("value", "Value", RATIO, _ENDS),
            Column("change", "Change", RATIO_CHANGE, _CHANGE_ENDS),
            *_judged(RATIO),
            Column("who", "Who"),
            Column("basis", "Interval over"),
        ),
        names,
    )


def harm_table(findings: Findings, names: Names) -> Table | None:
    """Who is harmed: negative transfer over all and within families."""
    frame = findings["harm"]
    return of_frame(
        "harm",
        "Negative transfer: languages and families that are harmed. “For certain” is adjusted over"
        " all that a row counts, the verdict on a family over the families of one encoder, recipe"
        " and target (Holm).",
        _named(frame, names).sort(
            pl.col("target").ne(EVERY), frame["group"].ne("all"), maintain_order=True
        ),
        (
            *_CELL,
            Column("grouping", "Counted"),
            Column("group", "Among"),
            Column("harmed", "Harmed", COUNT),
            Column("strictly", "Harmed for certain", COUNT),
            Column("count", "Of", COUNT),
            Column("rate", "Share harmed", SHARE),
            Column("strict", "Share harmed for certain", SHARE),
            Column("ratio", "Over the rate of all", RATIO),
            Column("share_of_losses", "Share of all losses", SHARE),
            *_judged(NUMBER)[:3],
        ),
        names,
    )


def association_table(findings: Findings, names: Names) -> Table | None:
    """What scores and gains go with."""
    return of_frame(
        "association",
        "What scores and gains of languages, and changes of what perturbed inputs take away from"
        " them, go with",
        findings["association"].with_columns(perturbation()),
        (
            _CELL[0],
            _CELL[2],
            Column("outcome", "Outcome"),
            Column("condition", "Perturbed by"),
            Column("predictor", "Goes with"),
            Column("method", "Method"),
            Column("value", "Value", RATIO, _ENDS),
            Column("p", "p", P),
            Column("languages", "Languages", COUNT),
            Column("note", "Note", TEXT),
        ),
        names,
    )


def perturbed_table(findings: Findings, names: Names) -> Table | None:
    """Relative drops of families, with the loss in points beside them."""
    frame = findings["perturbed"].filter(pl.col("grouping").is_in([ALL, FAMILY]))
    keys = ["encoder", "recipe", "target", "kind", "strength", "grouping", "group"]
    losses = frame.filter(quantity="loss").select(*keys, loss="value", loss_verdict="verdict")
    drops = frame.filter(quantity="drop")
    # A loss can be known where the relative drop is not.
    frame = pl.concat([drops, frame.filter(quantity="loss").join(drops, on=keys, how="anti")])
    frame = frame.with_columns(
        pl.when(quantity="drop").then(name).name.keep()
        for name in (
            *("value", "low", "high", "change", "change_low", "change_high"),
            *("p_adjusted", "tests", "verdict", "detectable"),
        )
    ).join(losses, on=keys, how="left", maintain_order="left")
    kind = pl.col("kind").str.replace_all("_", " ", literal=True)
    single = pl.col("languages").list.len().eq(1)
    return of_frame(
        "perturbed",
        _adjusted(
            "What perturbed texts cost, by family. The verdict on the loss is on its change, of the"
            " baseline on the loss itself",
            "Benjamini-Hochberg",
            "all conditions, targets and groups of one encoder and recipe",
        ),
        _named(
            frame.with_columns(kind, single=single),
            names,
        ),
        (
            *_CELL,
            Column("kind", "Perturbation"),
            Column("strength", "Strength", RATIO),
            Column("group", "Languages"),
            Column("clean", "Without", NUMBER),
            Column("perturbed", "With", NUMBER),
            Column("value", "Relative drop, %", NUMBER, _ENDS),
            Column("loss", "Loss, points", NUMBER),
            Column("loss_verdict", "On the loss"),
            Column("change", "Change of the drop", CHANGE, _CHANGE_ENDS),
            *_judged(NUMBER),
            Column("why", "Why not", SHORT),
            Column("items", "Items", COUNT),
        ),
        names,
    )


def pitfalls_table(findings: Findings, names: Names) -> Table | None:
    """Rates of pitfalls by family and language."""
    return of_frame(
        "pitfalls",
        _adjusted(
            "Pitfalls: wrong in another language, of what is right in English",
            "Holm",
            "the groups of one encoder, recipe, target and grouping",
        ),
        _named(findings["pitfalls"], names),
        (
            *_CELL,
            Column("grouping", "Grouping"),
            Column("group", "Languages"),
            Column("rate", "Rate", SHARE, _ENDS),
            Column("expected", "If independent", SHARE),
            Column("reverse", "English alone", SHARE),
            Column("kappa", "Kappa", RATIO),
            Column("change", "Change, % points", SHARE_CHANGE, _CHANGE_ENDS),
            *_judged(SHARE),
            Column("pairs", "Pairs", COUNT),
        ),
        names,
    )


def pitfall_items_table(findings: Findings, names: Names) -> Table | None:
    """The items themselves; of too many, the worst of each recipe, target and language."""
    frame = findings["pitfall_items"]
    cell = ["encoder", "recipe", "target", "language"]
    suspects = findings["suspect_items"].select("target", "language", "item", suspect=pl.lit("yes"))
    ranked = (
        frame.join(suspects, on=["target", "language", "item"], how="left", maintain_order="left")
        .with_columns(
            rank=pl.col("share").rank("ordinal", descending=True).over(cell),
            language=pl.Series(
                [names.language(code) for code in frame["language"]], dtype=pl.String
            ),
            before=pl.col("before").replace("", "not known"),
        )
        .sort("rank", maintain_order=True)
    )
    kept = ranked.head(_MOST_ITEMS)
    cut = f"; the worst {len(kept):,} of {len(frame):,}" if len(kept) < len(frame) else ""
    return of_frame(
        "pitfall-items",
        f"Right in English, wrong in another language{cut}",
        kept,
        (
            *_CELL,
            Column("language", "Language"),
            Column("family", "Family"),
            Column("before", "Baseline"),
            Column("suspect", "Suspect"),
            Column("share", "Languages that fail", SHARE),
            Column("english", "In English", TEXT),
            Column("text", "In the language", TEXT),
            Column("gold", "Right answer", SHORT),
            Column("prediction", "Prediction", SHORT),
            Column("item", "Item", SHORT),
        ),
        names,
    )


def stability_table(findings: Findings, names: Names) -> Table | None:
    """How far recipes keep their order between seeds."""
    frame = findings["stability"].with_columns(
        pl.col("measure").replace(_STABILITY), name=pl.col("name").replace({"": None})
    )
    return of_frame(
        "stability",
        _adjusted(
            "How far recipes keep their order, and which may be the best by mean over languages",
            "Holm",
            "all pairs of recipes of one encoder and target",
        ),
        frame,
        (
            *_CELL[:2],
            Column("measure", "Measure"),
            Column("name", "Recipe"),
            Column("value", "Value", RATIO, _ENDS),
            *_judged(RATIO),
            Column("recipes", "Recipes", COUNT),
            Column("seeds", "Seeds", COUNT),
        ),
        names,
    )


def groups_table(findings: Findings, names: Names) -> Table | None:
    """Scores, gains and gaps of all languages and families, in points."""
    frame = findings["groups"].filter(
        pl.col("grouping").is_in([ALL, FAMILY, LANGUAGE]), scale=POINTS
    )
    return of_frame(
        "groups",
        _adjusted(
            "Scores, gains and gaps of languages and families, in points",
            "Holm",
            "the groups of one encoder, recipe, target and grouping",
        ),
        _named(with_error_reduction(frame), names),
        (
            *_CELL,
            Column("grouping", "Grouping"),
            Column("group", "Languages"),
            Column("quantity", "Quantity"),
            Column("value", "Value", NUMBER, _ENDS),
            Column("with_collapsed", "With collapsed seeds", NUMBER),
            *_judged(NUMBER),
            Column("error_reduction", "Of a gain: share of errors gone", SHARE_CHANGE),
            Column("low_languages", "Other languages, 95 % from", NUMBER),
            Column("high_languages", "Other languages, to", NUMBER),
            Column("members", "How many", COUNT),
            Column("best", "Best"),
            Column("worst", "Worst"),
            Column("items", "Items", COUNT),
            Column("clusters", "Clusters", COUNT),
            Column("design_effect", "Design effect", RATIO),
            Column("seeds", "Seeds", COUNT),
            Column("collapsed_seeds", "Collapsed seeds", COUNT),
        ),
        names,
    )


def with_error_reduction(frame: pl.DataFrame) -> pl.DataFrame:
    """Gains as shares of the errors before: points shrink near the top, these do not."""
    place = ("encoder", "recipe", "target", "grouping", "group", "scale")
    scores = frame.filter(quantity=SCORE).select(*place, score="value")
    gains = frame.filter(quantity=GAIN).join(scores, on=place, how="left")
    reduction = error_reduction(
        gains["value"].to_numpy(), (gains["score"] - gains["value"]).to_numpy()
    )
    found = gains.select(*place, "quantity", error_reduction=pl.Series(reduction).fill_nan(None))
    return frame.join(found, on=[*place, "quantity"], how="left", maintain_order="left")


def languages_table(findings: Findings, names: Names) -> Table | None:
    """What is known of each language."""
    return of_frame(
        "languages",
        "Languages",
        findings["languages"],
        (
            Column("language", "Code"),
            Column("name", "Name"),
            Column("family", "Family"),
            Column("branch", "Branch"),
            Column("script", "Script"),
            Column("macroarea", "Macroarea"),
            Column("unseen", "Not in pretraining"),
            Column("distance", "Distance from English", RATIO),
            Column("pretraining_gib", "Pretraining text, GiB", RATIO),
            Column("speakers", "Speakers, millions", NUMBER),
        ),
        names,
    )


def diversity_table(findings: Findings, names: Names) -> Table | None:
    """How diverse the languages are that each mean is over."""
    return of_frame(
        "diversity",
        "How diverse the languages are that means are over",
        findings["diversity"],
        (
            Column("target", "Target"),
            Column("group", "Mean over"),
            Column("languages", "Languages", COUNT),
            Column("families", "Families", COUNT),
            Column("with_features", "With features", COUNT),
            Column("distance", "Mean distance of two", RATIO),
            Column("entropy", "Entropy of features, bits", RATIO),
        ),
        names,
    )
