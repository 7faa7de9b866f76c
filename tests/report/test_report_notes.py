"""What the report says of retrieval, from the metadata of prediction files."""

from __future__ import annotations

import pyarrow as pa

from xstilts.execution.parquet import write_table
from xstilts.report.notes import mining_notes, notes

ENCODER = {"retrieval": {"layer": -1, "pooling": "mean"}, "pretrain": {"mask_ratio": 0.2}}


def experiment(source: str) -> dict:
    return {"targets": ["bucc2018"], "data_source": source, "encoders": {"tiny": ENCODER}}


def test_translations_in_the_pretraining_text_are_owned_up_to():
    assert any("but the translated documents" in note for note in notes(experiment("invitro"), []))
    assert not any("translated" in note for note in notes(experiment("folder"), []))


def test_how_sentences_are_embedded_is_said():
    of = {"layer": 1, "pooling": "last", "final_norm": True, "prefix": "query: "}
    encoders = {"tiny": {**ENCODER, "retrieval": of}}
    (said,) = notes({**experiment("folder"), "encoders": encoders}, [])
    assert "hidden_states[1] after the final norm, last pooling, 'query: ' before each" in said


def test_a_cell_has_one_note_with_the_threshold_of_every_language(tmp_path):
    mining = {
        "de": {"threshold": 1.05, "dev_f1": 62.14, "dev_recall_ceiling": 100.0},
        "fr": {
            "threshold": 0.98,
            "dev_f1": 50.0,
            "dev_recall_ceiling": 100.0,
            "test_recall_ceiling": 97.5,
        },
    }
    cell = {"encoder": "tiny", "recipe": "none", "seed": "1"}
    path = tmp_path / "cell.parquet"
    write_table(path, pa.table({"id": ["a"]}), {"wildcards": cell, "mining": mining})
    found = list(mining_notes([path]))
    assert found == [
        "BUCC, tiny after none, seed 1: thresholds tuned on development pairs (F1 there) and"
        " frozen: de 1.0500 (62.1), fr 0.9800 (50.0). Recall can reach fr 97.5 at most, because"
        " pairs with an ambiguous sentence are dropped."
    ]


def test_scores_that_are_no_zero_shot_scores_are_named():
    recipes = {
        "none": {"sources": []},
        "mnli": {"sources": ["mnli"]},
        "far": {"sources": ["panx@sw", "squad_v1@de", "mnli@ru"]},
    }
    targets = ["xnli", "panx", "xquad", "mlqa", "udpos", "tatoeba"]
    experiment = {"targets": targets, "data_source": "invitro", "encoders": {}}
    lines = [line for line in notes(experiment, [], recipes=recipes) if "zero-shot" in line]
    assert lines == [
        "Not zero-shot after far, which is trained on such data: PAN-X in sw; XQuAD in de;"
        " MLQA in de; XNLI in ru."
    ]


def test_items_that_are_not_paired_are_told_by_split_and_language(tmp_path):
    counts = {
        ("dev", "de"): {"unlabelled_dropped": 2},
        ("test", "en"): {},
        ("test", "de"): {"gold_differs": 3, "placeholder_text": 1200},
        ("test", "fr"): {"gold_differs": 1},
        ("test", "ja"): {"gold_differs": 2},
        ("dev", "ru"): {"known_mispaired": 2},
    }
    units = [
        {"split": split, "language": language, "counts": found}
        for (split, language), found in counts.items()
    ]
    path = tmp_path / "pawsx.parquet"
    write_table(path, pa.table({"id": ["a"]}), {"task": "pawsx", "part": "eval", "units": units})
    scored = "Such items are scored, but not paired with those of other languages."
    found = [note for note in notes(experiment("folder"), [], data=[path]) if "PAWS-X" in note]
    assert found == [
        "PAWS-X eval data: 2 unlabelled dropped.",
        f"PAWS-X, dev: 2 in ru are known not to be translations of their namesakes. {scored}",
        "PAWS-X, test: 3 in de, 1 in fr and 2 in ja have another gold label than in English; 1,200"
        f" in de have no text, or a placeholder for it. {scored}",
    ]
    units[1]["language"] = "es"
    write_table(path, pa.table({"id": ["a"]}), {"task": "pawsx", "part": "eval", "units": units})
    assert any(
        "than in most languages" in note for note in notes(experiment("folder"), [], data=[path])
    )


def test_other_languages_in_the_data_of_the_hub_are_told(tmp_path):
    greek = {"other": "Ancient Greek", "percent": 83.766}
    units = [
        {"split": "test", "language": "de", "counts": {}},
        {"split": "test", "language": "el", "counts": {}, "foreign": greek},
        {"split": "dev", "language": "el", "counts": {}, "foreign": {**greek, "percent": 84.25}},
    ]
    path = tmp_path / "udpos.parquet"
    write_table(path, pa.table({"id": ["a"]}), {"task": "udpos", "part": "eval", "units": units})
    shown = "the hub's data hold other languages: of el"
    rest = "% is Ancient Greek. Scores there are not those of XTREME's languages."
    assert [note for note in notes(experiment("hub"), [], data=[path]) if "UD-POS" in note] == [
        f"UD-POS, test: {shown} 83.8 {rest}",
        f"UD-POS, dev: {shown} 84.3 {rest}",
    ]


def test_what_is_doubtful_about_a_source_on_the_hub_is_told(tmp_path):
    source = {"repo": "a/b", "config": "c", "hub_split": "train"}
    units = [
        {
            "split": "train",
            "language": "en",
            "counts": {},
            "sources": [
                source,
                source | {"rows": 9999, "rows_expected": 10000},
                source | {"fragile": "data_root/x.csv"},
            ],
        }
    ]
    path = tmp_path / "mnli.parquet"
    write_table(path, pa.table({"id": ["a"]}), {"task": "mnli", "part": "train", "units": units})
    assert [note for note in notes(experiment("hub"), [], data=[path]) if "a/b" in note] == [
        "a/b, config c, split train has 9,999 rows at its pinned commit, where 10,000 were"
        " expected.",
        "a/b, config c, split train is read at a commit that the hub can remove: keep a copy of its"
        " data (data_root/x.csv is read instead where it is there).",
    ]


def test_whether_selection_saw_passages_of_xquad_is_told(tmp_path):
    out = {"of": "xquad", "known": 240, "passages": 240, "items": 1190}
    unit = {"split": "dev", "language": "en", "counts": {}}
    path = tmp_path / "squad_v1.parquet"

    def told(units: list, source: str = "folder", **changes) -> list[str]:
        meta = {"task": "squad_v1", "part": "dev", "source": source, "units": units}
        write_table(path, pa.table({"id": ["a"]}), meta)
        keys = {**experiment(source), "targets": ["xquad", "bucc2018"], **changes}
        return [note for note in notes(keys, [], data=[path]) if "XQuAD" in note]

    drawn = "XQuAD was drawn from SQuAD's development set, on which checkpoints are chosen:"
    for changes in ({}, {"targets": ["bucc2018"]}):
        assert told([unit | {"tested_passages": out}], **changes) == [
            f"{drawn} of its 240 English passages 240 stood in the development data of SQuAD 1.1"
            " and were taken out, with 1,190 questions."
        ]
    (kept,) = told([unit], keep_xquad_passages=True)
    assert "were not taken out" in kept
    assert "as configured (keep_xquad_passages)" in kept
    (absent,) = told([unit])
    assert "since its English file is not there" in absent
    assert told([unit], targets=["bucc2018"]) == told([unit], source="invitro") == []
