"""Records of cost read back: which attempts belong to a result, and what they add up to."""

from __future__ import annotations

import json

import pytest

from xstilts.execution.cost.records import job_cost, last_run, read_attempts, read_records


def attempt(name, *, finished, seconds=1.0, memory=10, gpu=None, joules=5.0, source="measured"):
    return {
        "attempt": name,
        "rule": "predict",
        "wildcards": {"seed": "1"},
        "finished": finished,
        "started": "2026-01-01T00:00:00+00:00",
        "wall_seconds": seconds,
        "cpu_seconds": 2 * seconds,
        "peak_memory_bytes": memory,
        "peak_gpu_memory_bytes": gpu,
        "energy": {
            "cpu": {"joules": joules, "source": source},
            "memory": {"joules": 1.0, "source": "estimated (x)"},
            "gpu": None,
        },
        "hardware": {"cpu": "C", "cores": 2, "gpu": None},
    }


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ("", []),
        ("f", [0]),
        ("uuf", [0, 1, 2]),
        ("ff", [1]),
        ("fuufu", [1, 2, 3]),
        ("uu", []),
    ],
)
def test_the_attempts_of_the_last_run(ends, expected):
    attempts = [attempt(str(place), finished=end == "f") for place, end in enumerate(ends)]
    assert [int(one["attempt"]) for one in last_run(attempts)] == expected


def test_failed_attempts_count():
    cost = job_cost(
        [
            attempt("a", finished=False, seconds=10.0, memory=30),
            attempt("b", finished=True, seconds=2.0, memory=20, gpu=7, source="estimated (y)"),
        ]
    )
    assert (cost.wall_seconds, cost.cpu_seconds, cost.attempts) == (12.0, 24.0, 2)
    assert (cost.peak_memory_bytes, cost.peak_gpu_memory_bytes) == (30, 7)
    assert cost.energy_joules == 12.0
    assert cost.energy_source == (
        "cpu measured; memory estimated (x) / cpu estimated (y); memory estimated (x)"
    )


def test_an_unknown_part_makes_the_sum_unknown():
    known, unknown = attempt("a", finished=False), attempt("b", finished=True, joules=None)
    assert job_cost([known, unknown]).energy_joules is None


def test_the_last_line_of_an_attempt_counts_and_broken_lines_do_not(tmp_path, caplog):
    record = tmp_path / "predict/seed1.jsonl"
    record.parent.mkdir()
    texts = [
        json.dumps(attempt("a", finished=False, seconds=1.0)),
        json.dumps(attempt("b", finished=False, seconds=1.0)),
        json.dumps(attempt("a", finished=False, seconds=3.0)),
        '{"attempt": "c", "wal',
        "[]",
        json.dumps(attempt("b", finished=True, seconds=2.0)),
    ]
    record.write_text("\n".join(texts) + "\n")
    assert [one["wall_seconds"] for one in read_attempts(record)] == [3.0, 2.0]
    (cost,) = read_records(tmp_path)
    assert (cost.wall_seconds, cost.attempts) == (5.0, 2)
    assert "line 4" in caplog.text
    assert "line 5" in caplog.text
