"""Why jobs run, in the words of the experiment; and that nothing ends a run that is only words."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from snakemake_interface_logger_plugins.common import LogEvent

from xstilts.execution.provenance import write_provenance
from xstilts.execution.reasons import Reasons, params_in_words

RUN = {"name": "tiny/mnli", "seed": 1, "settings": {"learning_rate": 1e-5, "epochs": 3}}
UNITS = [{"split": "test", "language": "en", "files": ("a.tsv",), "reader": "pairs_tsv"}]
SWAHILI = {"split": "test", "language": "sw", "files": ("b.tsv",), "reader": "pairs_tsv"}


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (
            {"run": RUN},
            {"run": {**RUN, "settings": {"learning_rate": 3e-4, "epochs": 3}}},
            ["Changed settings: learning_rate: 1e-05 → 0.0003"],
        ),
        (
            {"run": RUN},
            {"run": {**RUN, "seed": 2, "settings": {"learning_rate": 1e-5, "epochs": 4}}},
            ["Changed settings: seed: 1 → 2, epochs: 3 → 4"],
        ),
        ({"code": "c1"}, {"code": "c2"}, ["Changed code of train"]),
        (
            {"code": "c1", "run": RUN},
            {"run": {**RUN, "seed": 2}, "code": "c2"},
            ["Changed settings: seed: 1 → 2", "Changed code of train"],
        ),
        (
            {"data": {"units": UNITS, "source": "folder"}},
            {"data": {"units": [*UNITS, SWAHILI], "source": "folder"}},
            ["Changed settings: test data in language sw added"],
        ),
        (
            {"data": {"limits": {"test": None}}},
            {"data": {"limits": {"test": 5}}},
            ["Changed settings: limits.test: null → 5"],
        ),
        (
            {"perturbation": {"conditions": ["typos@0.1"]}},
            {"perturbation": {"conditions": ["upper@1"]}},
            ["Changed settings: conditions: upper@1 added, typos@0.1 removed"],
        ),
        (
            {"targets": ["xnli"], "left_out": []},
            {"targets": ["xnli", "panx"], "unseen": True},
            ["Changed settings: targets: panx added, left_out: [] removed, unseen: true added"],
        ),
        ({"resume": "a"}, {"resume": "b"}, ["Changed settings: resume: a → b"]),
        # As it is after it was written and read.
        ({"data": {"files": ["a", 1]}}, {"data": {"files": ("a", 1)}}, []),
        (
            {"run": {"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1}},
            {"run": {"a": 2, "b": 2, "c": 2, "d": 2, "e": 2, "f": 2}},
            ["Changed settings: a: 1 → 2, b: 1 → 2, c: 1 → 2, d: 1 → 2 and 2 more"],
        ),
    ],
)
def test_changed_parameters_are_told_by_name(before, now, told):
    assert list(params_in_words(before, now, "train")) == told


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
PARAMS = st.dictionaries(st.text(max_size=5), PLAIN, max_size=3)


@given(PARAMS, PARAMS)
def test_whatever_the_parameters_are_something_is_told_if_they_differ(before, now):
    assert bool(list(params_in_words(before, now, "train"))) == (before != now)


def announced(reason: str = "as Snakemake says", **others) -> logging.LogRecord:
    made = logging.LogRecord("snakemake", logging.INFO, "", 0, "Rule: train", None, None)
    made.__dict__.update(
        {
            "event": LogEvent.JOB_INFO, "reason": reason, "rule_name": "train",
            "wildcards": {"seed": "1"}, "input": ["a", "c"], "output": [PAGE], **others,
        }
    )  # fmt: skip
    return made


PAGE = "results/x/index.html"


@pytest.fixture
def page(tmp_path, monkeypatch) -> None:
    """A page that was made of two files."""
    monkeypatch.chdir(tmp_path)
    Path("results/x").mkdir(parents=True)
    Path(PAGE).write_text("a page")
    write_provenance([PAGE], {"params": {"run": RUN}, "inputs": {"a": "0", "b": "1"}})


def reason_of(record: logging.LogRecord, now=None, reasons: Reasons | None = None) -> str:
    reasons = reasons or Reasons(lambda rule, wildcards: now or {"run": RUN})
    assert reasons.filter(record)
    return record.reason


def test_other_input_files_are_named(page):
    assert reason_of(announced()) == "Other input files: c added, b removed"
    changed = reason_of(announced(), {"run": {**RUN, "seed": 2}})
    assert changed == "Changed settings: seed: 1 → 2; Other input files: c added, b removed"


def test_input_files_that_the_run_makes_anew_are_counted(page):
    several = [f"scores/{number}.parquet" for number in range(100)]
    write_provenance([PAGE], {"params": {"run": RUN}, "inputs": dict.fromkeys(several, "0")})
    reasons = Reasons(lambda rule, wildcards: {"run": RUN})
    for path in several:
        # It says nothing of itself.
        assert reason_of(announced(output=[path]), reasons=reasons) == "as Snakemake says"
    assert reason_of(announced(input=several), reasons=reasons) == (
        "Input files made anew: scores/0.parquet, scores/1.parquet, scores/2.parquet,"
        " scores/3.parquet and 96 more"
    )


def test_what_cannot_be_told_better_stands_and_ends_nothing(page):
    def raises(rule, wildcards):
        raise RuntimeError("nothing is known")

    assert reason_of(announced(), reasons=Reasons(raises)) == "as Snakemake says"
    assert reason_of(announced(input=["b", "a"])) == "as Snakemake says"
    assert reason_of(announced(output=["results/x/none.parquet"])) == "as Snakemake says"
    for lacking in ({"event": LogEvent.JOB_ERROR}, {"output": None}):
        assert reason_of(announced(**lacking)) == "as Snakemake says"
    plain = logging.LogRecord("snakemake", logging.INFO, "", 0, "a message", None, None)
    assert Reasons(raises).filter(plain)
    assert plain.getMessage() == "a message"
