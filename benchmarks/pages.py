"""How large the pages of a wide experiment are, and how long they take to write and to open.

    python benchmarks/pages.py [--languages 250] [--recipes 12] [--seeds 3] [--keep FOLDER]

Numbers are made up (`tests/wide_experiment.py`): all targets have scores in as many of their
languages as there are. Each page is written in a process of its own and opened in a Chromium of its
own. It is open when its text can be seen and scrolled, and whole when all figures and tables that
are not folded away are drawn. Beside seconds stand the CPU seconds of the page's main thread. The
largest page comes first.

The aims: open within 5 s, and no page above 20 MB.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from measure import machine

# What tests make such experiments with.
sys.path.append(str(Path(__file__).parents[1] / "tests"))
from wide_experiment import WideExperiment

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MOST_MEGABYTES, MOST_SECONDS = 20.0, 5.0


class Written(NamedTuple):
    """CPU seconds of writing a page, and megabytes of main memory beyond its inputs."""

    cpu: float
    megabytes: float


class Shown(NamedTuple):
    """Seconds until a page is open and until it is whole, of its main thread too, and elements."""

    opened: float
    opened_cpu: float
    whole: float
    whole_cpu: float
    elements: int


def _write(experiment: WideExperiment, page: str, path: Path) -> Written:
    """Write a page, in a process of its own."""
    write = experiment.pages()[page]
    # Forgets how much memory the inputs took at most.
    Path("/proc/self/clear_refs").write_text("5")
    held = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    start = time.process_time()
    write(path)
    cpu = time.process_time() - start
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return Written(cpu, max(most - held, 0.0))


def written(experiment: WideExperiment, page: str, path: Path) -> Written:
    """What writing a page takes."""
    # Not forked: polars has threads of its own.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_write, experiment, page, path).result()


def shown(page: Path) -> Shown:
    """What opening a page takes."""
    from playwright.sync_api import sync_playwright

    executable = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as run:
        browser = run.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        tab.set_default_timeout(300_000)
        tool = tab.context.new_cdp_session(tab)
        tool.send("Performance.enable", {"timeDomain": "threadTicks"})

        def cpu() -> float:
            held = tool.send("Performance.getMetrics")["metrics"]
            return next(each["value"] for each in held if each["name"] == "TaskDuration")

        start = time.perf_counter()
        tab.goto(page.as_uri())
        # Answers once no script keeps the page from being drawn.
        tab.evaluate("() => new Promise(requestAnimationFrame)")
        opened, opened_cpu = time.perf_counter() - start, cpu()
        tab.wait_for_function(
            """() => [...document.querySelectorAll("figure .plot")].every(
                 (plot) => plot.hidden || plot.querySelector("svg.main-svg"))
               && [...document.querySelectorAll(".table > table")].every(
                 (table) => table.closest("details:not([open])"))"""
        )
        whole, whole_cpu = time.perf_counter() - start, cpu()
        elements = tab.evaluate("document.querySelectorAll('*').length")
        browser.close()
    return Shown(opened, opened_cpu, whole, whole_cpu, elements)


def main() -> None:
    """Print the table of pages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--languages", type=int, default=250)
    parser.add_argument("--recipes", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="folder where the pages stay")
    options = parser.parse_args()
    experiment = WideExperiment(options.languages, options.recipes, options.seeds)
    print(machine())
    print(json.dumps(vars(options), default=str))
    lines = []
    with tempfile.TemporaryDirectory() as name:
        folder = options.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        for page in experiment.names:
            path = folder / page
            took, seen = written(experiment, page, path), shown(path)
            lines.append((path.stat().st_size / 1e6, page, took, seen))
    print(
        "| page | MB | open, s (CPU) | whole, s (CPU) | elements | written, CPU s | MB of memory |"
    )
    print("|---|---|---|---|---|---|---|")
    for size, page, took, seen in sorted(lines, reverse=True):
        late = " over" if size > MOST_MEGABYTES or seen.opened > MOST_SECONDS else ""
        times = (
            f"{wall:.1f} ({cpu:.1f})"
            for wall, cpu in ((seen.opened, seen.opened_cpu), (seen.whole, seen.whole_cpu))
        )
        cells = (
            *(f"{page}{late}", f"{size:.1f}", *times),
            *(f"{seen.elements:,}", f"{took.cpu:.1f}", f"{took.megabytes:.0f}"),
        )
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
