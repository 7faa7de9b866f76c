"""The benchmark for a GPU runs where xstilts' lighter dependencies are missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks/gpu.py"
MISSING = ["pydantic", "faiss", "polars", "snakemake", "seqeval", "datasets", "statsmodels"]


def test_it_measures_everything_without_what_a_gpus_machine_may_lack(tmp_path):
    program = (
        "import runpy, sys\n"
        # As if they were not installed.
        f"sys.modules.update(dict.fromkeys({MISSING}))\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    output = tmp_path / "gpu.json"
    options = ["--device", "cpu", "--quick", "--minutes", "60", "--output", str(output)]
    command = [sys.executable, "-c", program, str(SCRIPT), *options]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    found = json.loads(output.read_text())["results"]
    (resumed,) = found["resume"]
    assert resumed["equal"]
    assert 0 < resumed["interrupted_after"] < resumed["steps"]
    assert [row["kind"] for row in found["heads"]] == ["tagging", "pair", "span", "choice", "mlm"]
    # That of masked language modelling chooses nothing, and is as precise as the encoder.
    for row in found["heads"][:-1]:
        assert row["computed_in"] == "float32"
        assert row["greatest_difference"] < 1e-5
    assert all(row["tflops"] > 0 for row in found["peak"])
    assert all(row["queries_per_second"] > 0 for row in found["search"])
    # Whatever is open is searched in another way.
    assert found["search"][-1]["as_float64"] == 1
    ours = [row for row in found["training"] if row.get("who") == "xstilts"]
    assert [row["shape"] for row in ours] == ["tagging", "pairs", "questions"]
    assert all(row["tokens_per_second"] > 0 for row in ours)
    # Theirs needs accelerate, which xstilts does not.
    theirs = [row for row in found["training"] if row.get("who") != "xstilts"]
    assert len(theirs) == 3
    assert all("accelerate" in row.get("left_out", "accelerate") for row in theirs)
