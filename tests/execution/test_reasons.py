"""Why jobs run, in the words of the experiment; and that nothing ends a run that is only words."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from snakemake.jobs import Reason
from snakemake.persistence import ParamsChange

from xstilts.execution.reasons import Reasons, in_words


def reason_of(before: list, now: list, **others) -> str:
    """Snakemake's own text for a job whose parameters changed."""
    reason = Reason()
    reason.params_changed = ParamsChange(
        only_old={repr(value) for value in before}, only_new={repr(value) for value in now}
    )
    for name, value in others.items():
        setattr(reason, name, value)
    return str(reason)


RUN = {"name": "tiny/mnli", "seed": 1, "settings": {"learning_rate": 1e-5, "epochs": 3}}
UNITS = [{"split": "test", "language": "en", "files": ("a.tsv",), "reader": "pairs_tsv"}]
SWAHILI = {"split": "test", "language": "sw", "files": ("b.tsv",), "reader": "pairs_tsv"}


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (
            [RUN],
            [{**RUN, "settings": {"learning_rate": 3e-4, "epochs": 3}}],
            "Changed settings: learning_rate: 1e-05 → 0.0003",
        ),
        (
            [RUN],
            [{**RUN, "seed": 2, "settings": {"learning_rate": 1e-5, "epochs": 4}}],
            "Changed settings: seed: 1 → 2, epochs: 3 → 4",
        ),
        (["0123456789abcdef"], ["fedcba9876543210"], "Changed code of train"),
        (
            ["0123456789abcdef", RUN],
            [{**RUN, "seed": 2}, "fedcba9876543210"],
            "Changed settings: seed: 1 → 2; Changed code of train",
        ),
        (
            [{"units": UNITS, "source": "folder"}],
            [{"units": [*UNITS, SWAHILI], "source": "folder"}],
            "Changed settings: test data in language sw added",
        ),
        (
            [{"limits": {"test": None}}],
            [{"limits": {"test": 5}}],
            "Changed settings: limits.test: null → 5",
        ),
        (
            [{"conditions": ["typos@0.1"]}],
            [{"conditions": ["upper@1"]}],
            "Changed settings: conditions: upper@1 added, typos@0.1 removed",
        ),
        ([], [{"kept": True}], "Changed settings: {'kept': True} added"),
        (["a now: b"], ["a now: c"], "Changed settings: a now: b → a now: c"),
        (
            [{"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1}],
            [{"a": 2, "b": 2, "c": 2, "d": 2, "e": 2, "f": 2}],
            "Changed settings: a: 1 → 2, b: 1 → 2, c: 1 → 2, d: 1 → 2 and 2 more",
        ),
    ],
)
def test_changed_parameters_are_told_by_name(before, now, told):
    assert in_words(reason_of(before, now), "train") == told


def test_other_reasons_stay_beside_the_parameters():
    text = reason_of([RUN], [{**RUN, "seed": 2}], software_stack_changed=True, input_changed=True)
    told = in_words(text, "train")
    assert told.startswith("Set of input files has changed since last execution; ")
    assert "; Changed settings: seed: 1 → 2; " in told
    assert told.endswith("Other versions of libraries that train uses")


def test_many_files_are_counted():
    files = ", ".join(f"scores/{number}.parquet" for number in range(100))
    told = in_words(f"Input files updated by another job: {files}; Set of input", "collect")
    assert told == (
        "Input files updated by another job: scores/0.parquet, scores/1.parquet, "
        "scores/2.parquet, scores/3.parquet and 96 more; Set of input"
    )


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(PLAIN, max_size=3), st.lists(PLAIN, max_size=3))
def test_whatever_the_parameters_are_something_is_told(before, now):
    text = reason_of(before, now)
    told = in_words(text, "train")
    changed = {repr(value) for value in before} ^ {repr(value) for value in now}
    assert bool(told) == bool(text)
    assert not changed or told


@given(st.text())
def test_a_text_that_is_no_reason_is_left_as_it_is(text):
    if "Params have" not in text and "input files" not in text.lower():
        assert in_words(text, "train") == text


class Raises:
    def __call__(self, jobid):
        raise RuntimeError("nothing is known")


def record(reason, **others):
    made = logging.LogRecord("snakemake", logging.INFO, "", 0, "Rule: train", None, None)
    made.__dict__.update(
        {"reason": reason, "rule_name": "train", "jobid": 1, "input": ["a", "c"], **others}
    )
    return made


def test_other_input_files_are_named():
    given_ = record("Set of input files has changed since last execution")
    assert Reasons(lambda jobid: ["a", "b"] if jobid == 1 else None).filter(given_)
    assert given_.reason == "Other input files: c added, b removed"


def test_what_cannot_be_told_better_stands_and_ends_nothing():
    text = "Set of input files has changed since last execution"
    for inputs_before in (Raises(), lambda jobid: None):
        given_ = record(text)
        assert Reasons(inputs_before).filter(given_)
        assert given_.reason == text
    unknown = "Params have changed since last execution: in other words than today's"
    for made in (
        record(unknown),
        record(reason_of([RUN], [{**RUN, "seed": 2}]).replace("{", "object(", 1)),
        record(None),
    ):
        before = made.reason
        assert Reasons(Raises()).filter(made)
        assert made.reason == before
    plain = logging.LogRecord("snakemake", logging.INFO, "", 0, "a message", None, None)
    assert Reasons(Raises()).filter(plain)
    assert plain.getMessage() == "a message"
