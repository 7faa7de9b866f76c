"""What made a result: digests of exactly the code that ran, and lineages back to data."""

from __future__ import annotations

import dataclasses
import json
import shutil
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.config.language_facts import FACTS
from xstilts.config.languages import INVITRO_LANGUAGES, LANGUAGES
from xstilts.config.rows import Row, in_text
from xstilts.config.tasks import TASKS
from xstilts.errors import XstiltsError
from xstilts.execution import code_digest, code_modules, provenance
from xstilts.execution.files import sha256_file
from xstilts.execution.jobs import record
from xstilts.execution.parquet import write_table
from xstilts.execution.provenance import digest, joined, made_by, read_provenance, write_provenance
from xstilts.report.origins import origins

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"
MODULES = {
    "loop": '''
        """Doc."""
        from xstilts import shapes
        from xstilts.loss import loss
        from xstilts.readers import READERS


        def run(x):
            return loss(x) + shapes.area(x)


        def read(name):
            return READERS[name]()
        ''',
    "loss": """
        import math


        def loss(x):
            return math.exp(x)


        def unused(x):
            return x
        """,
    "shapes": "def area(x):\n    return x\n\n\ndef volume(x):\n    return x\n",
    "readers": """
        from xstilts.table import Kind, read_one, read_two

        READERS = {"one": read_one, "two": read_two}
        BY_KIND = {Kind.PAIR: read_one, Kind.SPAN: read_two}
        """,
    "table": """
        def read_one():
            return 1


        def read_two():
            return 2
        """,
    "page": "def page():\n    return 'a page'\n",
    "tasks": "TASKS = ['one']\n",
}


class Package:
    """A package of made-up modules in the place of this one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in MODULES.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        (self.folder / f"{name}.py").write_text(textwrap.dedent(text).lstrip())

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.folder / f"{name}.py").read_text()
        assert old in text
        (self.folder / f"{name}.py").write_text(text.replace(old, new))

    def digest(self, start: str | Path = "xstilts.loop", **only: list[str]) -> str:
        clear()
        return code_digest.code_digest(start, only)


def clear() -> None:
    for cached in (
        code_modules.module_of,
        code_modules.source,
        code_digest._code,
        code_digest._answers,
    ):
        cached.cache_clear()


@pytest.fixture
def package(tmp_path, monkeypatch):
    monkeypatch.setattr(code_modules, "PACKAGE", tmp_path)
    yield Package(tmp_path)
    clear()


def test_a_later_process_need_not_follow_the_same_code_again(package, monkeypatch):
    before = package.digest()
    code_digest._answers().write()
    (kept,) = (package.folder / "__pycache__").glob("xstilts-code-*.json")
    with monkeypatch.context() as nothing_is_followed:
        nothing_is_followed.setattr(code_digest, "_reach", None)
        assert package.digest() == before
    # Other code has other answers, and what was known of the earlier code goes.
    package.edit("loss", "math.exp(x)", "math.exp(2 * x)")
    assert package.digest() != before
    code_digest._answers().write()
    assert not kept.exists()
    assert len(list((package.folder / "__pycache__").glob("xstilts-code-*.json"))) == 1


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_answers_that_cannot_be_kept_are_found_again(package, content):
    before = package.digest()
    code_digest._answers().write()
    (kept,) = (package.folder / "__pycache__").glob("xstilts-code-*.json")
    kept.write_text(content)
    assert package.digest() == before
    shutil.rmtree(kept.parent)
    kept.parent.write_text("a file")
    assert package.digest() == before
    code_digest._answers().write()
    assert kept.parent.read_text() == "a file"


def test_comments_docstrings_and_layout_do_not_count(package):
    before = package.digest()
    package.edit("loop", '"""Doc."""', '"""Another text."""\n# why')
    package.edit("loop", "def run(x):\n", 'def run(x):\n    """Says what."""\n')
    package.edit(
        "loop", "return loss(x) + shapes.area(x)", "return (\n loss(x)\n + shapes.area(x))"
    )
    assert package.digest() == before


def test_the_order_of_definitions_does_not_count(package):
    one, two = "def one():\n    return 1\n", "def two():\n    return 2\n"
    package.write("loop", f"{one}\n\n{two}")
    before = package.digest()
    package.write("loop", f"{two}\n\n{one}")
    assert package.digest() == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("loop", "+ shapes", "- shapes"),
        ("loss", "math.exp(x)", "math.exp(2 * x)"),
        ("loss", "import math", "import cmath as math"),
        ("shapes", "def area(x):\n    return x", "def area(x):\n    return 2 * x"),
        ("table", "return 2", "return 3"),
    ],
)
def test_what_is_reached_counts(package, name, old, new):
    before = package.digest()
    package.edit(name, old, new)
    assert package.digest() != before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("loss", "def unused(x):\n    return x", "def unused(x):\n    return 2 * x"),
        ("shapes", "def volume(x):\n    return x", "def volume(x):\n    return 2 * x"),
        ("readers", "Kind.SPAN: read_two", "Kind.SPAN: read_one"),
        ("page", "a page", "another page"),
    ],
)
def test_what_is_not_reached_does_not_count(package, name, old, new):
    before = package.digest()
    package.edit(name, old, new)
    assert package.digest() == before


def test_of_a_table_only_the_entries_that_are_used_count(package):
    one = package.digest(READERS=["one"])
    two = package.digest(READERS=["two"])
    assert one != two
    package.edit("table", "return 2", "return 3")
    assert package.digest(READERS=["one"]) == one
    assert package.digest(READERS=["two"]) != two
    package.edit("readers", '"two": read_two}', '"two": read_two, "three": read_two}')
    assert package.digest(READERS=["one"]) == one


def test_a_table_by_kind_of_task_is_told_by_its_keys(package):
    package.edit("loop", "READERS", "BY_KIND")
    pair = package.digest(Kind=["pair"])
    both = package.digest(Kind=["pair", "span"])
    package.edit("table", "return 2", "return 3")
    assert package.digest(Kind=["pair"]) == pair
    assert package.digest(Kind=["pair", "span"]) != both


def test_an_import_inside_a_function_counts(package):
    package.write("loop", "def run():\n    from xstilts.page import page\n    page()\n")
    before = package.digest()
    package.edit("page", "a page", "another page")
    assert package.digest() != before


@pytest.mark.parametrize(
    "text",
    [
        "from xstilts import page\n\n\ndef run(name):\n    return getattr(page, name)()\n",
        "import xstilts.page as page\n\n\ndef run(name):\n    return vars(page)[name]()\n",
        "from xstilts.page import *\n",
    ],
)
def test_a_module_that_is_used_as_an_object_counts_as_a_whole(package, text):
    package.write("loop", text)
    before = package.digest()
    package.edit("page", "a page", "another page")
    assert package.digest() != before


def test_what_an_import_does_by_itself_counts(package):
    package.edit("table", "def read_two", "print('imported')\n\n\ndef read_two")
    before = package.digest(READERS=["one"])
    package.edit("table", "imported", "loaded")
    assert package.digest(READERS=["one"]) != before


def test_a_definition_on_a_condition_counts(package):
    package.write(
        "page", "try:\n    from xstilts.loss import loss\nexcept ImportError:\n    loss = 1\n"
    )
    package.write("loop", "from xstilts.page import loss\n\n\ndef run():\n    return loss(1)\n")
    before = package.digest()
    package.edit("loss", "math.exp(x)", "math.exp(2 * x)")
    assert package.digest() != before


def test_imports_for_type_checkers_do_not_count(package):
    package.edit(
        "loop",
        "def run(x)",
        "if TYPE_CHECKING:\n    from xstilts.page import page\n\n\ndef run(x: page)",
    )
    before = package.digest()
    package.edit("page", "a page", "another page")
    assert package.digest() == before


@pytest.mark.parametrize("module", ["tasks", "config", "jobs", "errors", "__init__"])
def test_no_module_is_left_out_by_its_name(package, module):
    package.write(module, "TASKS = ['one']\n")
    name = "xstilts" if module == "__init__" else f"xstilts.{module}"
    package.write("loop", f"from {name} import TASKS\n\nFIRST = TASKS[0]\n")
    before = package.digest()
    package.edit(module, "'one'", "'one', 'two'")
    assert package.digest() != before


def test_of_an_enumeration_only_the_members_that_are_used_count(package):
    package.write("kinds", "class Kind(StrEnum):\n    PAIR = 'pair'\n    SPAN = 'span'\n")
    package.write("loop", "from xstilts.kinds import Kind\n\nFIRST = Kind.PAIR\n")
    pair, both = package.digest(Kind=["pair"]), package.digest()
    package.edit("kinds", "'span'\n", "'span'\n    NEW = 'new'\n")
    assert package.digest(Kind=["pair"]) == pair
    assert package.digest() != both
    package.edit("kinds", "'pair'", "'two'")
    assert package.digest(Kind=["pair"]) != pair


def test_what_is_around_the_work_of_a_script_does_not_count_but_by_itself(package, tmp_path):
    package.write("meter", "def measure():\n    return 1\n")
    package.write("around", "from xstilts.meter import measure\n\ndef job(_):\n    measure()\n")
    script = tmp_path / "job.py"
    script.write_text("from xstilts.around import job\n\nwith job(snakemake):\n    print()\n")
    before = package.digest(script)
    package.edit("meter", "1", "2")
    package.edit("around", "measure()\n", "measure()\n    measure()\n")
    assert package.digest(script) == before
    script.write_text(f"from xstilts.meter import measure\n{script.read_text()}    measure()\n")
    before = package.digest(script)
    package.edit("meter", "2", "3")
    assert package.digest(script) != before


@pytest.mark.parametrize("finder", ["from importlib import resources", "print(__file__)"])
def test_files_beside_the_code_that_finds_them_count(package, finder):
    (package.folder / "looks").mkdir()
    (package.folder / "looks/__init__.py").touch()
    package.write("looks/page", f"{finder}\n\n\ndef page():\n    return resources\n")
    look = package.folder / "looks/deep/page.css"
    look.parent.mkdir()
    look.write_text("one")
    package.write("loop", "from xstilts.looks.page import page\n\n\ndef run():\n    page()\n")
    before = package.digest()
    look.write_text("two")
    assert package.digest() != before


# --- tables of data

SOURCES = {"only": {"Kind": ["pair"], "METRICS": ["accuracy"]}, "rows": {"Task": ["xnli"]}}
ENGLISH = {**SOURCES, "rows": {**SOURCES["rows"], "Language": ["en", "de"]}}


def digests() -> dict[str, str]:
    """The digest of each script: of those that work on one task about XNLI in two languages."""
    found = {}
    for script in sorted(SCRIPTS.glob("*.py")):
        whole = script.stem.startswith(("write_", "collect_", "analyse", "plan"))
        found[script.stem] = code_digest.code_digest(script, **({} if whole else ENGLISH))
    return found


def changed(monkeypatch, table: dict, key: str, row: object) -> set[str]:
    """The scripts whose digest is another one with another row in a table."""
    before = digests()
    with monkeypatch.context() as other:
        other.setitem(table, key, row)
        after = digests()
    assert digests() == before
    return {name for name in before if before[name] != after[name]}


TRAINING = {"train", "tokenise", "ingest", "generate", "new_encoder", "fetch_encoder"}
CELLS = TRAINING | {"reinitialise", "perturb", "predict", "embed", "retrieve", "score"}
SHOWN = {"write_report", "analyse"}


def test_a_language_of_another_family_changes_what_shows_families_and_no_training(monkeypatch):
    for code in ("sw", "de"):
        other = dataclasses.replace(LANGUAGES[code], family="Another")
        found = changed(monkeypatch, LANGUAGES, code, other)
        assert found >= SHOWN
        assert not found & CELLS


def test_another_distance_changes_the_analysis_and_no_cell(monkeypatch):
    other = dataclasses.replace(FACTS["sw"], syntactic_distance=0.9)
    found = changed(monkeypatch, FACTS, "sw", other)
    assert "analyse" in found
    assert not found & CELLS


def test_a_new_row_trains_nothing_again(monkeypatch):
    new = dataclasses.replace(LANGUAGES["sw"], code="xx")
    assert not changed(monkeypatch, LANGUAGES, "xx", new) & CELLS
    generated = dataclasses.replace(INVITRO_LANGUAGES["qal"], code="qzz")
    assert not changed(monkeypatch, INVITRO_LANGUAGES, "qzz", generated) & CELLS
    task = dataclasses.replace(TASKS["xnli"], key="new")
    found = changed(monkeypatch, TASKS, "new", task)
    assert "write_report" in found
    assert not found & CELLS


@pytest.mark.parametrize(
    ("field", "value", "trains"),
    [
        ("labels", ("yes", "no"), True),
        ("metric", "mlqa", True),
        ("unanswerable", True, True),
        ("title", "Another", False),
        ("licence", "none", False),
        ("parallel", False, False),
        ("group", "other", False),
        ("languages", ("en", "de", "sw"), False),
        ("hub", {}, False),
    ],
)
def test_of_a_task_what_training_reads_trains_again(monkeypatch, field, value, trains):
    row = dataclasses.replace(TASKS["xnli"], **{field: value})
    found = changed(monkeypatch, TASKS, "xnli", row)
    assert ("train" in found) == trains
    other = dataclasses.replace(TASKS["pawsx"], **{field: value})
    assert not changed(monkeypatch, TASKS, "pawsx", other) & CELLS


def test_a_field_that_is_not_plain_data_is_refused():
    row = dataclasses.replace(TASKS["xnli"], title=digests)
    with pytest.raises(TypeError, match="function in a row is no plain data"):
        in_text({"one": row}, None, {"title"})


def test_rows_cannot_be_read_but_by_the_names_of_their_fields():
    for table in (TASKS, LANGUAGES, INVITRO_LANGUAGES, FACTS):
        for row in table.values():
            assert isinstance(row, Row)
            with pytest.raises(TypeError):
                vars(row)


@pytest.mark.parametrize("reads", ["asdict(row)", "getattr(row, name)"])
def test_who_reads_all_fields_without_their_names_reads_all(package, reads):
    package.write("table", "class One(Row):\n    a: str\n    b: str\n\n\nTABLE: Rows[One] = {}\n")
    text = "from dataclasses import asdict\nfrom xstilts.table import TABLE\n\n\n"
    package.write("loop", f"{text}def run(row=TABLE):\n    return row.a\n")
    assert code_digest._reach("xstilts.loop", {}).fields() == {"a"}
    clear()
    package.write("loop", f"{text}def run(row=TABLE, name='b'):\n    return {reads}\n")
    assert code_digest._reach("xstilts.loop", {}).fields() >= {"b"}


def test_a_script_counts_as_a_whole_and_what_it_imports(package, tmp_path):
    script = tmp_path / "job.py"
    script.write_text("with job():\n    from xstilts.page import page\n\n    page()\n")
    before = package.digest(script)
    package.edit("page", "a page", "another page")
    changed = package.digest(script)
    script.write_text(script.read_text() + "    page()\n")
    assert len({before, changed, package.digest(script)}) == 3


def test_what_training_runs_is_reached_and_no_more():
    reached = code_digest.reached(SCRIPTS / "train.py", {"Kind": ["span"]})
    assert {
        "xstilts.training.checkpoint",
        "xstilts.scoring.metrics.qa",
        "xstilts.features.kinds.span",
    } <= reached.keys()
    assert not {"xstilts.features.kinds.pair", "xstilts.features.kinds.choice"} & reached.keys()
    assert not any("report" in name or "analysis" in name for name in reached)


def test_every_script_has_a_digest_of_its_own():
    scripts = sorted(SCRIPTS.glob("*.py"))
    assert len({code_digest.code_digest(script) for script in scripts}) == len(scripts) > 20


LINEAGES = st.fixed_dictionaries(
    {},
    optional={
        "code": st.dictionaries(
            st.sampled_from("ab"), st.lists(st.sampled_from("xyz"), unique=True).map(sorted)
        ),
        "hardware": st.lists(st.sampled_from("pqr"), unique=True).map(sorted),
        "data": st.dictionaries(st.sampled_from("st"), st.just({"source": "hub"})),
    },
)


@given(LINEAGES, LINEAGES, LINEAGES)
def test_lineages_are_joined_in_any_order(one, two, three):
    assert joined([one, two, three]) == joined([three, joined([two, one])])
    assert joined([one, one]) == one
    for key in one:
        assert set(one[key]) <= set(joined([two, one])[key])


@pytest.fixture
def results(tmp_path, monkeypatch) -> Path:
    """A working directory, as in a job."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw.tsv").write_text("a\tb\n")
    return tmp_path


def job(
    rule: str, inputs: list[str], params: dict, wildcards: dict, **resources
) -> SimpleNamespace:
    return SimpleNamespace(
        rule=rule,
        log=[f"results/my-run/logs/{rule}/job.log"],
        input=inputs,
        params=params,
        wildcards=wildcards,
        threads=1,
        resources=SimpleNamespace(**resources),
    )


DATA, FEATURES = "results/my-run/data/xnli/eval.parquet", "results/my-run/features/e/xnli.parquet"
MODEL, SCORES = "results/my-run/target/e/none", "results/my-run/scores.parquet"
TABLE = pa.table({"a": [1]})


def run_chain() -> None:
    """Read, tokenise, train, score: what each job writes down."""
    at = {"task": "xnli", "part": "eval"}
    revisions = {"facebook/xnli": "b8dd5d7a"}
    settings = {"source": "hub", "revisions": revisions}
    read = record(job("ingest", ["raw.tsv"], {"data": settings, "code": "c1"}, at))
    write_table(DATA, TABLE, read)
    write_table(FEATURES, TABLE, record(job("tokenise", [DATA], {"code": "c2"}, {"encoder": "e"})))
    seed = {"encoder": "e", "seed": "3"}
    trained = record(job("train_target", [FEATURES], {"code": "c3"}, seed, device="cpu"))
    Path(MODEL).mkdir(parents=True)
    (Path(MODEL) / "provenance.json").write_text("{}")
    write_provenance([MODEL], trained)
    write_table(SCORES, TABLE, record(job("collect_scores", [MODEL], {"code": "c4"}, {})))


def test_scores_say_what_they_come_from_through_every_step(results):
    run_chain()
    made = read_provenance(SCORES)
    assert made["experiment"] == "my-run"
    assert made["inputs"] == {MODEL: sha256_file(Path(MODEL) / "provenance.json")}
    lineage = made["lineage"]
    assert lineage["code"] == {
        "collect_scores": ["c4"], "ingest": ["c1"], "tokenise": ["c2"], "train_target": ["c3"],
    }  # fmt: skip
    assert lineage["seeds"] == [3]
    assert lineage["versions"]["torch"] == [provenance.versions()["torch"]]
    (machine,) = lineage["hardware"]
    assert "cores" in machine
    entry = lineage["data"]["xnli eval"]
    assert entry["source"] == "hub"
    assert entry["revisions"] == {"facebook/xnli": "b8dd5d7a"}
    shown = dict(origins(made))
    assert shown["Data"].startswith("xnli eval: hub, facebook/xnli@b8dd5d7a")
    assert "train_target c3" in shown["Code"]
    assert shown["Experiment"] == "my-run"


def test_the_same_job_writes_the_same_bytes(results):
    run_chain()
    before = [Path(path).read_bytes() for path in (DATA, FEATURES, SCORES)]
    for path in (DATA, FEATURES, SCORES):
        Path(path).unlink()
    (Path(MODEL) / "provenance.json").unlink()
    Path(MODEL).rmdir()
    run_chain()
    assert before == [Path(path).read_bytes() for path in (DATA, FEATURES, SCORES)]


def test_the_machine_is_no_part_of_data(results):
    run_chain()
    assert "hardware" not in read_provenance(DATA)
    assert read_provenance(MODEL)["hardware"]["threads"] == 1


def test_a_changed_input_file_shows(results):
    arguments = {"rule": "ingest", "params": {}, "wildcards": {}, "threads": 1, "computes": False}
    before = made_by(inputs=["raw.tsv"], **arguments)["inputs"]
    Path("raw.tsv").write_text("a\tc\n")
    after = made_by(inputs=["raw.tsv"], **arguments)["inputs"]
    assert before["raw.tsv"] != after["raw.tsv"] == sha256_file("raw.tsv")


def test_a_folder_is_told_by_its_files_or_by_what_made_it(results):
    folder = results / "findings"
    folder.mkdir()
    (folder / "a").write_text("1")
    by_content = digest(folder)
    (folder / "a").write_text("2")
    assert digest(folder) != by_content
    (folder / "provenance.json").write_text("{}")
    shown = digest(folder)
    (folder / "a").write_text("3")
    assert digest(folder) == shown == sha256_file(folder / "provenance.json")


def test_outputs_that_hold_no_metadata_have_theirs_beside_them_wherever_the_run_lies(results):
    output = "results/my-run/embeddings/e/none/seed1.npy"
    write_provenance([output, DATA], {"rule": "embed"})
    written = [str(path) for path in Path("results").rglob("*.json")]
    assert written == ["results/my-run/provenance/embeddings/e/none/seed1.npy.json"]
    # A checkpoint is gone by now, and so is this file.
    assert read_provenance(output) == {"rule": "embed"}
    assert read_provenance(results / output) == {"rule": "embed"}


def test_results_of_before_say_what_they_can(results):
    write_table(DATA, TABLE, {"rule": "ingest"})
    assert read_provenance(DATA) == {"rule": "ingest"}
    Path(MODEL).mkdir(parents=True)
    assert read_provenance(MODEL) == {}
    (Path(MODEL) / "provenance.json").write_text(json.dumps({"seed": 1}))
    assert read_provenance(MODEL) == {"seed": 1}
    assert origins({}) == []
    with pytest.raises(XstiltsError, match=r"nowhere.*no such result"):
        read_provenance("results/my-run/nowhere.parquet")
