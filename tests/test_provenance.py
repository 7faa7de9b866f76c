"""Code digests: blind to comments, docstrings and layout, sharp for everything else."""

from __future__ import annotations

import pytest

from xstilts import provenance


@pytest.fixture
def package(tmp_path, monkeypatch):
    for name, text in {
        "loop": '"""Doc."""\nfrom xstilts.loss import loss\n\n\ndef run(x):\n    return loss(x)\n',
        "loss": "def loss(x):\n    return x * 2\n",
        "page": "def page():\n    return 'a page'\n",
        "tasks": "TASKS = ['one']\n",
    }.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setattr(provenance, "_PACKAGE", tmp_path)

    def digest(module="xstilts.loop"):
        provenance._module.cache_clear()
        return provenance.code_digest(module)

    yield tmp_path, digest
    provenance._module.cache_clear()


def test_comments_docstrings_and_layout_do_not_count(package):
    folder, digest = package
    before = digest()
    (folder / "loop.py").write_text(
        '"""Another text."""\n# why\nfrom xstilts.loss import loss\n\ndef run(x):\n'
        '    """Says what."""\n    return loss(\n        x\n    )  # result\n'
    )
    assert digest() == before


def test_a_change_in_an_imported_module_counts(package):
    folder, digest = package
    before = digest()
    (folder / "loss.py").write_text("def loss(x):\n    return x * 3\n")
    assert digest() != before


def test_a_change_elsewhere_does_not_count(package):
    folder, digest = package
    before = digest()
    (folder / "page.py").write_text("def page():\n    return 'another page'\n")
    assert digest() == before


def test_an_import_inside_a_function_counts(package):
    folder, digest = package
    (folder / "loop.py").write_text("def run():\n    from xstilts.page import page\n    page()\n")
    before = digest()
    (folder / "page.py").write_text("def page():\n    return 'another page'\n")
    assert digest() != before


def test_the_table_of_tasks_reaches_jobs_through_parameters_only(package):
    folder, digest = package
    (folder / "loop.py").write_text("from xstilts.tasks import TASKS\n")
    before = digest()
    (folder / "tasks.py").write_text("TASKS = ['one', 'two']\n")
    assert digest() == before


def test_the_report_does_not_reach_training():
    training = provenance.code_digest("xstilts.train")
    assert training != provenance.code_digest("xstilts.report.page")
    reached = set()
    waiting = ["xstilts.train"]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(provenance._module(name)[1])
    assert "xstilts.resume" in reached
    assert "xstilts.metrics.qa" in reached
    assert not any("report" in name or "summary" in name for name in reached)
