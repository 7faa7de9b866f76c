"""No credential is written down: neither those of the environment nor those within URLs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.execution.log import HIDDEN, redact

SECRET = "s3cr3t/Va+lue0123456789"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "GET https://user:pass@host/a/b?x=1 failed",
            f"GET https://{HIDDEN}@host/a/b?{HIDDEN} failed",
        ),
        ("at https://token@host.org/a.", f"at https://{HIDDEN}@host.org/a."),
        (
            "'https://host/f?X-Amz-Signature=abc&X-Amz-Credential=AK%2Fus' (403)",
            f"'https://host/f?{HIDDEN}' (403)",
        ),
        ("/f?X-Amz-Signature=abc&part=2 (403)", f"/f?X-Amz-Signature={HIDDEN}&part=2 (403)"),
        ("/f?a=1&access_token=abc", f"/f?a=1&access_token={HIDDEN}"),
        ("{'authorization': 'Bearer abc.def-12'}", f"{{'authorization': 'Bearer {HIDDEN}'}}"),
        ("Authorization: Basic dXNlcjpwYXNz", f"Authorization: Basic {HIDDEN}"),
        ("curl with Bearer abc.def-1234567890", f"curl with Bearer {HIDDEN}"),
        ("with hf_abcdefghijklmnopqrst and AKIAIOSFODNN7EXAMPLE", f"with {HIDDEN} and {HIDDEN}"),
        ("s3://key:word@bucket/x", f"s3://{HIDDEN}@bucket/x"),
    ],
)
def test_credentials_are_hidden_and_the_rest_is_shown(text, shown):
    assert redact(text, {}) == shown


@pytest.mark.parametrize(
    "text",
    [
        "results/x/a.tsv, row 3: 'perhaps' is no label (did you mean 'maybe'?)",
        "https://huggingface.co/docs/transformers/installation#offline-mode",
        "mail to someone@example.org; basic settings; bearer of news",
        "2026-01-01 10:00:00,000 step 7: development score 81.25 (best)",
        "tokenizer.json?  key=value, token = 'the', signature=(a, b)",
    ],
)
def test_what_is_no_credential_is_left_alone(text):
    assert redact(text, {"TOKENIZERS_PARALLELISM": "true", "HOME": "/root"}) == text


@pytest.mark.parametrize(
    "name",
    ["HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "MY_PASSWORD", "SNAKEMAKE_STORAGE_S3_SECRET_KEY"],
)
def test_credentials_of_the_environment_are_hidden_wherever_they_stand(name):
    text = f"a{SECRET}b and s3cr3t%2FVa%2Blue0123456789"
    assert redact(text, {name: SECRET}) == f"a{HIDDEN}b and {HIDDEN}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/token"),
        ("SSH_AUTH_SOCK", "/tmp/agent.sock"),
        ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "yes please"),
        ("TOKENIZERS_PARALLELISM", "parallel"),
        ("API_KEY", "short"),
    ],
)
def test_variables_that_only_speak_of_credentials_hide_nothing(name, value):
    assert redact(f"it is {value}", {name: value}) == f"it is {value}"


@given(st.text(st.characters(codec="ascii", exclude_characters="*"), min_size=8), st.text())
def test_a_credential_never_stands_in_what_is_written(value, around):
    written = redact(f"{around}{value}{around}", {"HF_TOKEN": value})
    assert value not in written


JOB = """
from types import SimpleNamespace
from xstilts.execution.jobs import job

path = "results/x/logs/fetch/all.log"
script = SimpleNamespace(threads=1, log=[path], rule="fetch", wildcards={}, output=[])
with job(script, online=True):
    {body}
"""


def run_job(folder, body, **environ):
    """Everything that a job wrote, on the console or below the folder."""
    result = subprocess.run(
        [sys.executable, "-c", JOB.replace("{body}", body)],
        cwd=folder, capture_output=True, text=True, env={**os.environ, **environ},
    )  # fmt: skip
    written = [path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()]
    return result, result.stdout + result.stderr + "".join(written)


@pytest.mark.parametrize(
    "body",
    [
        "import os; print('it is', os.environ['HF_TOKEN'])",
        "import os, warnings; warnings.warn('no ' + os.environ['HF_TOKEN'])",
        "import os; raise KeyError(os.environ['HF_TOKEN'])",
        "import os, logging; logging.getLogger('httpx').info('with %s', os.environ['HF_TOKEN'])",
        "import os; from xstilts.errors import *; raise XstiltsError(os.environ['HF_TOKEN'])",
        "raise OSError(28, 'No space left on device', 'https://user:s3cr3t@host/x')",
    ],
    ids=["print", "warning", "error", "log", "message", "disk"],
)
def test_whatever_a_job_says_of_its_credentials_is_hidden(tmp_path, body):
    _, written = run_job(tmp_path, body, HF_TOKEN=SECRET)
    assert HIDDEN in written
    assert "s3cr3t" not in written


def test_why_a_job_failed_is_recorded_without_credentials(tmp_path):
    body = f"raise ValueError('no access with {SECRET}')"
    run_job(tmp_path, body, HF_TOKEN=SECRET)
    record = (tmp_path / "results/x/benchmarks/fetch/all.jsonl").read_text().splitlines()
    assert json.loads(record[-1])["error"] == f"ValueError: no access with {HIDDEN}"


class Hub(BaseHTTPRequestHandler):
    """Sends every request on to a signed address, where nothing may be read."""

    def do_GET(self):
        if "Signature" in self.path:
            self.send_response(403)
        else:
            self.send_response(302)
            self.send_header("Location", f"{self.path}?X-Amz-Signature=s3cr3tsigned")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_arguments):
        """Say nothing."""


@contextmanager
def hub():
    server = HTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://user:s3cr3tpass@127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (
            "from xstilts.training.encoder import load_encoder; load_encoder('a/b', '0' * 40)",
            f"a/b at {'0' * 40}",
        ),
        (
            "from xstilts.data.readers.hub import _load; "
            "_load('a/b', 'c', 'test', '0' * 40, 'a/b')",
            "a/b",
        ),
    ],
    ids=["encoder", "data"],
)
def test_a_refused_download_tells_no_credential_of_its_address(tmp_path, body, where):
    with hub() as address:
        result, written = run_job(
            tmp_path, body, HF_ENDPOINT=address, HF_TOKEN=SECRET, HF_HOME=str(tmp_path / "home")
        )
    assert result.returncode == 1
    assert f"error in fetch: {where}: cannot" in result.stderr
    # The libraries do tell the address, and each step of the way there.
    assert f"http://{HIDDEN}@127.0.0.1" in written
    assert "s3cr3t" not in written
