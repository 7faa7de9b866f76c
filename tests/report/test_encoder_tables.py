"""The tables of several encoders: order, letters, size, cost, and what each has not seen."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
import pytest

from xstilts.analysis.findings import Findings
from xstilts.analysis.tables import ENCODERS, table
from xstilts.config.encoders import EncoderSource
from xstilts.data.schemas import CELL_COSTS
from xstilts.execution.cost.shape import parameters_of
from xstilts.report.encoder_tables import encoder_tables

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def row(encoder: str, target: str, place: int, value: float, letters: str) -> dict:
    return {
        **{"encoder": encoder, "recipe": "none", "target": target, "place": place},
        **{"value": value, "low": value - 1, "high": value + 1, "letters": letters, "seeds": 2},
    }


FINDINGS = Findings.of(
    encoders=table(
        [
            # The order is that of the mean, whatever it is in a target.
            row("b", "xnli", 1, 71.0, "a"),
            row("a", "xnli", 2, 70.0, "a"),
            row("a", "", 1, 80.0, "a"),
            row("b", "", 2, 60.5, "b"),
        ],
        ENCODERS,
    )
)


def costs(*rows: tuple[str, float, float | None]) -> pl.DataFrame:
    empty = pl.DataFrame(pa.Table.from_pylist([], schema=CELL_COSTS)).schema
    held = [
        {
            **{"encoder": encoder, "recipe": "none", "target": "xnli", "seed": 1},
            **{"phase": "target", "shared_by": 1, "wall_seconds": seconds, "flops": flops},
        }
        for encoder, seconds, flops in rows
    ]
    return pl.DataFrame([{name: each.get(name) for name in empty} for each in held], schema=empty)


@pytest.fixture
def shown():
    parameters = {"a": 277_453_056, "b": None}
    cells = costs(("a", 7200.0, 2e15), ("b", 60.0, None))
    (found,) = encoder_tables(
        FINDINGS, cells, parameters, {"a": ["ht", "wo", "yo"]}, {"en", "ht", "wo"}
    )
    return found


def test_the_better_one_stands_first_with_its_letters(shown):
    assert [each.label for each in shown.rows] == ["a", "b"]
    assert [each.label for each in shown.columns[:3]] == ["Encoder", "Mean over targets", "XNLI"]
    first, second = (each.cells for each in shown.rows)
    assert [each.text for each in first[:2]] == ["80.0 a", "70.0 a"]
    assert [each.text for each in second[:2]] == ["60.5 b", "71.0 a"]
    assert second[0].small == ("59.5–61.5",)


def test_size_cost_and_languages_stand_beside(shown):
    assert [each.label for each in shown.columns[3:]] == [
        "Parameters (M)", "Wall time", "PFLOP", "Not in pretraining",
    ]  # fmt: skip
    first, second = (each.cells[2:] for each in shown.rows)
    assert [each.text for each in first] == ["277.5", "2 h 0 min", "2", "ht wo"]
    assert second[1].text == "1 min 0 s"
    assert [each.why for each in second] == ["size not known", None, "not counted", "not known"]


def test_one_encoder_alone_has_none():
    assert list(encoder_tables(Findings.of(), costs(), {}, {}, ())) == []


def test_parameters_are_known_without_a_download(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    found = parameters_of(
        {
            "known": EncoderSource(hub="FacebookAI/xlm-roberta-base", revision=COMMIT),
            "unknown": EncoderSource(hub="me/other", revision=COMMIT),
            "gone": EncoderSource(folder=str(tmp_path / "gone")),
        }
    )
    assert found == {"known": 277_453_056, "unknown": None, "gone": None}
