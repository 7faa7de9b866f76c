"""Fixtures that several test modules share."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from xstilts.execution import devices

# Machines are shared and noisy, so no example has a deadline; CI tries the same ones each time.
hypothesis.settings.register_profile(
    "xstilts", deadline=None, derandomize=bool(os.environ.get("CI"))
)
hypothesis.settings.load_profile("xstilts")

# What encoders compute is compared with references in float32, whatever this processor has. Jobs
# that tests start, and tests of the precision itself, compute as anybody's do.
devices.cpu_has_bfloat16.__defaults__ = (Path("/no processor's flags"),)

# Where the tests are started in the background SIGINT is ignored, and by all that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

MINI = Path(__file__).parents[2] / "shared/data/xtreme-mini"
WIDE = MINI.with_name("wide")

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# For a container without a sandbox; nothing of the browser's own goes to the network.
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def xtreme_mini() -> Path:
    """The slice of real XTREME data beside the checkout; skips where it is absent."""
    if not MINI.is_dir():
        pytest.skip(f"no real data: {MINI} is absent, so the readers ran on made-up files only")
    return MINI


@pytest.fixture(scope="session")
def wide() -> Path:
    """Real data in many languages, and what tables of them are made from, beside the checkout."""
    if not WIDE.is_dir():
        pytest.skip(f"no real data: {WIDE} is absent, so tables and readers met no published file")
    return WIDE


@pytest.fixture(scope="session", autouse=True)
def _elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests start in an empty folder: what lies in the checkout, such as results, is not theirs."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("elsewhere"))
    yield
    os.chdir(before)


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    """What a test that fails has started does not go on beside the tests after it."""
    started: list[subprocess.Popen] = []
    start = subprocess.Popen.__init__

    def noted(self: subprocess.Popen, *arguments: Any, **options: Any) -> None:
        start(self, *arguments, **options)
        started.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess.Popen, "__init__", noted)
        yield
    for process in started:
        if process.poll() is None:
            leads = os.getpgid(process.pid) == process.pid
            (os.killpg if leads else os.kill)(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for the module."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.skip(f"NOT TESTED IN A BROWSER: none of {', '.join(BROWSERS)} is installed")
    with playwright.sync_playwright() as run:
        started = run.chromium.launch(executable_path=executable, args=list(SWITCHES))
        yield started
        started.close()
