"""The catalogue of encoders: sound, right about sizes, and what experiments take of it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from xstilts.config.encoders.catalogue import (
    CatalogueEntry,
    Corpus,
    catalogue,
    completed,
    corpus_of,
    entry_of,
    named_corpora,
)
from xstilts.config.encoders.hub_names import known_commit, refusal_of
from xstilts.config.encoders.source import EncoderSource
from xstilts.config.language_facts import FACTS
from xstilts.config.parse import parse_experiment
from xstilts.errors import XstiltsError
from xstilts.execution.code_digest import reached
from xstilts.execution.cost.shape import EncoderShape, shape_of_source

ENTRIES = catalogue().encoders
COMMIT = "0123456789abcdef0123456789abcdef01234567"
BASE = {
    "experiment": "try",
    "data_source": "hub",
    "recipes": ["none"],
    "targets": ["xnli", "tatoeba"],
}


def sources(**encoders) -> dict[str, EncoderSource]:
    return parse_experiment({**BASE, "encoders": encoders}).encoders


def problem(**encoders) -> str:
    with pytest.raises(XstiltsError) as caught:
        sources(**encoders)
    return str(caught.value)


@cache
def counted(config: str) -> tuple[int, int]:
    """Parameters without pooler, and weights in matrices, of a configuration as JSON."""
    import torch
    from transformers import AutoConfig, AutoModel, AutoModelForTextEncoding

    values = json.loads(config)
    kind = values.pop("model_type")
    model = AutoModelForTextEncoding if kind == "mt5" else AutoModel
    with torch.device("meta"):
        weights = dict(model.from_config(AutoConfig.for_model(kind, **values)).named_parameters())
    kept = {name: each for name, each in weights.items() if "pooler" not in name}
    tables = ("embed", "shared", "relative_attention_bias")
    matrices = sum(
        each.numel()
        for name, each in kept.items()
        if each.dim() > 1 and not any(part in name for part in tables)
    )
    if values.get("relative_attention"):
        # DeBERTa multiplies each token with the embeddings of all relative positions, both ways.
        positions = 2 * values["position_buckets"] * len(values["pos_att_type"])
        matrices += values["num_hidden_layers"] * values["hidden_size"] * positions
    return sum(each.numel() for each in kept.values()), matrices


@pytest.mark.parametrize("name", [name for name, each in ENTRIES.items() if each.config])
def test_sizes_are_those_of_transformers_own_class(name):
    entry = ENTRIES[name]
    found = counted(json.dumps(entry.config, sort_keys=True))
    assert found == (entry.parameters, entry.matrices)


def test_attention_is_as_wide_as_its_heads_together():
    def of(name: str) -> EncoderShape:
        # Never downloaded: a commit that no cache holds.
        found = shape_of_source(sources(**{name: {"revision": COMMIT}})[name])
        assert found is not None
        return found

    assert of("qwen3-embedding-0.6b").attention == 16 * 128 != of("qwen3-embedding-0.6b").hidden
    assert of("mt5-base").attention == 12 * 64
    assert of("xlmr-base").attention is None


@pytest.mark.parametrize("name", ENTRIES)
def test_layers_for_retrieval_are_as_deep_as_the_study_s(name):
    entry = ENTRIES[name]
    layer = entry.retrieval["layer"]
    if not entry.retrieval_source.startswith("by depth") or entry.config is None:
        assert layer in (-1, 7, 14)
        return
    assert layer == round(entry.layers * 14 / 24)
    # These normalise before each sublayer: their inner states are not normalised themselves.
    before = entry.config["model_type"] in ("modernbert", "eurobert", "mt5", "xlm-roberta-xl")
    assert entry.retrieval.get("final_norm", False) == before


def test_an_entry_says_what_is_not_known_of_it():
    for name, entry in ENTRIES.items():
        assert (entry.revision is None) == (entry.verified.revision == "unknown"), name
        assert (entry.config is None) == (entry.verified.config == "unknown"), name
        assert (entry.corpus is None) == (entry.verified.corpus == "unknown"), name


def test_amounts_are_each_encoder_s_own():
    xlmr, mmbert = (
        corpus_of(sources(**{name: None})[name]) for name in ("xlmr-base", "mmbert-base")
    )
    assert xlmr.amounts == {code: each.cc100_gib for code, each in FACTS.items()}
    assert set(list(FACTS)[:50]) - set(xlmr.languages) == {"ht", "qu", "wo", "yo"}
    assert {"pt_BR", "fil", "swe", "zh_Hant"} <= set(xlmr.languages)
    assert not {"nno", "ace", "zul", "arz", "ar_Latn"} & set(xlmr.languages)
    assert set(mmbert.amounts) == set(FACTS)
    assert mmbert.amounts["en"] > 1000 * mmbert.amounts["yo"] > 0
    eurobert = corpus_of(sources(**{"eurobert-210m": None})["eurobert-210m"])
    assert eurobert.amounts is None
    # Beside the fifteen the regions of four of them, which no corpus parts.
    assert len([code for code in eurobert.languages if len(code) == 2]) == 15
    assert {code[:2] for code in eurobert.languages if len(code) > 2} == {"en", "es", "fr", "pt"}
    assert corpus_of(EncoderSource(folder="models/a")) is None


def test_mmbert_s_amounts_are_those_of_its_table(wide):
    amounts = catalogue().corpora["mmbert"].amounts
    with (wide / "sources/mmbert-language-counts.csv").open(encoding="utf-8") as lines:
        rows = {
            row.pop("language"): {name: int(each) for name, each in row.items()}
            for row in csv.DictReader(lines)
        }
    for code, own in {"sw": "swh", "ar": "arb", "fa": "fas", "tl": "fil", "yo": "yor"}.items():
        row = rows[own]
        decay = sum(row[name] for name in ("decay-eng", "decay-all", "decay-mid")) / 3
        tokens = (row["pretrain"] + row["ext"] + decay) / 1e9
        assert amounts[code] == pytest.approx(tokens, rel=1e-3), code


def test_a_name_alone_is_enough():
    (source,) = sources(**{"mmbert-base": None}).values()
    entry = ENTRIES["mmbert-base"]
    assert (source.catalogue, source.hub, source.revision) == (
        "mmbert-base", entry.hub, entry.revision,
    )  # fmt: skip
    assert source.pooling == "mean"
    assert (source.retrieval.layer, source.retrieval.final_norm) == (13, True)
    # As Snakemake's command line has it, and as a list.
    assert sources(**{"mmbert-base": ""}) == sources(**{"mmbert-base": None})
    listed = parse_experiment({**BASE, "encoders": ["mmbert-base"]}).encoders
    assert listed == sources(**{"mmbert-base": None})


def test_what_is_written_overrides_the_entry_key_by_key():
    (source,) = sources(**{"mmbert-base": {"retrieval": {"layer": 14}}}).values()
    assert (source.retrieval.layer, source.retrieval.final_norm) == (14, True)
    (source,) = sources(**{"mmbert-base": {"revision": COMMIT, "pooling": "first"}}).values()
    assert (source.revision, source.pooling) == (COMMIT, "first")
    assert source.hub == ENTRIES["mmbert-base"].hub


def test_an_entry_can_have_another_name_and_another_source():
    (source,) = sources(mine={"catalogue": "xlmr-base"}).values()
    assert source == sources(**{"xlmr-base": None})["xlmr-base"]
    (copy,) = sources(mine={"catalogue": "xlmr-base", "folder": "models/x"}).values()
    assert (copy.hub, copy.revision, copy.folder) == (None, None, "models/x")
    assert (copy.retrieval, entry_of(copy)) == (source.retrieval, ENTRIES["xlmr-base"])
    (fork,) = sources(m={"catalogue": "xlmr-base", "hub": "me/x", "revision": COMMIT}).values()
    assert (fork.hub, fork.revision) == ("me/x", COMMIT)
    assert "needs `revision`" in problem(m={"catalogue": "xlmr-base", "hub": "me/x"})


def test_an_encoder_with_a_source_is_left_as_it_is_whatever_its_name():
    written = {"hub": "me/other", "revision": COMMIT}
    (source,) = sources(**{"mmbert-base": written}).values()
    assert source == EncoderSource(**written)
    assert entry_of(source) is None
    assert completed("a", written) is written


def test_what_is_resolved_is_the_same_once_written_and_read():
    encoders = {"mmbert-base": None, "x": {"catalogue": "xlmr-base", "folder": "models/x"}}
    experiment = parse_experiment({**BASE, "encoders": encoders})
    assert parse_experiment(experiment.model_dump(mode="json")) == experiment


def test_names_that_lead_nowhere_get_a_suggestion():
    misspelt = problem(**{"mmbrt-base": None})
    assert "mmbrt-base: it has neither a source" in misspelt
    assert "did you mean 'mmbert-base'?" in misspelt
    assert "did you mean 'xlmr-base'?" in problem(mine={"catalogue": "xlmr-bas"})
    assert "known: arctic" in problem(mine={"retrieval": {"layer": 3}})
    assert "the catalogue has no '3'" in problem(mine={"catalogue": 3})
    unknown = problem(rembert=None)
    assert "knows no commit of google/rembert" in unknown
    assert "write `revision`" in unknown
    (source,) = sources(rembert={"revision": COMMIT}).values()
    assert (source.hub, source.revision) == ("google/rembert", COMMIT)


def test_a_layer_that_an_encoder_of_the_catalogue_has_not_is_refused():
    beyond = "encoders.{}.retrieval.layer {} is not among its {} layers"
    for name, layer, layers in (("xlmr-base", 13, 12), ("mt5-base", -14, 12)):
        said = problem(**{name: {"retrieval": {"layer": layer}, "revision": COMMIT}})
        assert beyond.format(name, layer, layers) in said
    sources(**{"xlmr-base": {"retrieval": {"layer": 12}}})
    sources(**{"xlmr-base": {"retrieval": {"layer": -13}}})


def test_what_cannot_work_is_refused_with_what_can():
    hub = "Alibaba-NLP/gte-multilingual-base"
    assert "use the catalogue's 'gte-multilingual-base'" in problem(
        a={"hub": hub, "revision": COMMIT}
    )
    named = problem(**{"jina-embeddings-v3": None})
    assert "jina-embeddings-v3 cannot be used" in named
    assert "use the catalogue's 'multilingual-e5-large'" in named
    assert refusal_of(hub.lower()).instead == "gte-multilingual-base"
    assert refusal_of("me/other") is None


def test_a_repository_is_known_by_its_id_in_any_case():
    assert known_commit("BAAI/BGE-M3") == ENTRIES["bge-m3"].revision
    assert known_commit("xlm-roberta-base") == ENTRIES["xlmr-base"].revision
    assert known_commit("google/rembert") is None
    assert known_commit("me/bge-m3") is None


def test_of_names_alone_those_of_entries_say_what_they_were_pretrained_on():
    found = named_corpora(["xlmr-base", "rembert", "mine", "eurobert-210m"])
    assert set(found) == {"xlmr-base", "eurobert-210m"}
    assert found["xlmr-base"] is catalogue().corpora["cc100"]


def test_a_table_that_is_wrong_is_refused():
    entry = ENTRIES["xlmr-base"].model_dump()
    with pytest.raises(ValueError, match="revision"):
        CatalogueEntry.model_validate({**entry, "revision": "main"})
    with pytest.raises(ValueError, match="layers"):
        CatalogueEntry.model_validate({**entry, "retrieval": {"layers": 3}})
    with pytest.raises(ValueError, match="unknown \\['xx'\\]"):
        Corpus.model_validate({"title": "a", "languages": ["xx"]})


def test_reading_it_imports_nothing_heavy():
    code = (
        "import sys; from xstilts.config.encoders.catalogue import catalogue; catalogue();"
        "print(sorted({'torch', 'transformers', 'polars'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("script", ["fetch_encoder", "train", "predict", "embed"])
def test_what_it_says_of_sizes_and_languages_is_no_code_of_jobs_that_compute(script):
    scripts = Path(__file__).parents[2] / "workflow" / "scripts"
    found = reached(scripts / f"{script}.py")
    assert "xstilts.config.encoders.hub_names" in found
    assert not found.keys() & {"xstilts.config.encoders.catalogue", "xstilts.config.language_facts"}
